//! The members of a set by element: a table of hashes over an array, so that a packet finds one of 100,000 in a few steps.
//!
//! # Invariants
//! Each entry of the array has one number in the table. Nothing but the seed and the changes decides where an entry stands.
//!
//! The seed is the set's `initval`: who chooses what packets add must not know it.
use hashbrown::HashTable;

use super::element::Element;
use super::member::Member;

/// The members.
#[derive(Clone, Debug)]
pub(super) struct Table {
    entries: Vec<(Element, Member)>,
    /// Numbers of entries.
    index: HashTable<usize>,
    seed: u64,
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(element, own)| other.get(element) == Some(own))
    }
}

impl Table {
    pub(super) fn new(seed: u32) -> Self {
        let seed = fold(u64::from(seed) ^ 0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93);
        Self { entries: Vec::new(), index: HashTable::new(), seed }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// In no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Element, &Member)> {
        self.entries.iter().map(|(element, member)| (element, member))
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
    }

    /// The entry of a number; numbers hold until the next change.
    pub(super) fn at(&self, at: usize) -> Option<(&Element, &Member)> {
        self.entries.get(at).map(|(element, member)| (element, member))
    }

    pub(super) fn at_mut(&mut self, at: usize) -> Option<(&Element, &mut Member)> {
        self.entries.get_mut(at).map(|(element, member)| (&*element, member))
    }

    /// The number of an element's entry.
    #[inline]
    pub(super) fn find(&self, element: &Element) -> Option<usize> {
        let same = |at: &usize| self.entries.get(*at).is_some_and(|(own, _)| own == element);
        self.index.find(hash(self.seed, element), same).copied()
    }

    pub(super) fn get(&self, element: &Element) -> Option<&Member> {
        self.at(self.find(element)?).map(|(_, member)| member)
    }

    /// Puts a member in; what stood in its place.
    pub(super) fn insert(&mut self, element: Element, member: Member) -> Option<Member> {
        if let Some((_, own)) = self.find(&element).and_then(|at| self.at_mut(at)) {
            return Some(std::mem::replace(own, member));
        }
        let (entries, seed) = (&self.entries, self.seed);
        let rehash = |at: &usize| entries.get(*at).map_or(0, |(own, _)| hash(seed, own));
        self.index.insert_unique(hash(seed, &element), entries.len(), rehash);
        self.entries.push((element, member));
        None
    }

    /// Takes the entry of a number out; the last one has its number then.
    pub(super) fn take(&mut self, at: usize) -> Option<(Element, Member)> {
        let last = self.entries.len().checked_sub(1)?;
        let (element, _) = self.entries.get(at)?;
        self.index.find_entry(hash(self.seed, element), |own| *own == at).ok()?.remove();
        if at != last
            && let Some((moved, _)) = self.entries.get(last)
            && let Some(number) = self.index.find_mut(hash(self.seed, moved), |own| *own == last)
        {
            *number = at;
        }
        Some(self.entries.swap_remove(at))
    }
}

fn hash(seed: u64, element: &Element) -> u64 {
    let [a, b, c, d, e, f] = element.words();
    let first = fold(seed ^ a, seed.rotate_left(17) ^ b);
    let second = fold(first ^ c, seed.rotate_left(31) ^ d);
    fold(second ^ e, seed.rotate_left(47) ^ f)
}

/// Both halves of a product together.
const fn fold(one: u64, other: u64) -> u64 {
    let product = one as u128 * other as u128;
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn element(number: u32) -> Element {
        Element::Address(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    /// Against a map, through all that changes it.
    #[test]
    fn it_is_a_map() {
        for seed in 0..20 {
            let (mut table, mut map) = (Table::new(seed), BTreeMap::new());
            let mut state = u64::from(seed) + 1;
            for _ in 0..4_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let number = u32::try_from(state >> 33).unwrap() % 300;
                let own = element(number);
                let member = Member { packets: state >> 20, ..Member::default() };
                if state >> 60 < 9 {
                    assert_eq!(table.insert(own, member.clone()), map.insert(own, member));
                } else {
                    let taken = table.find(&own).and_then(|at| table.take(at));
                    assert_eq!(taken.map(|(_, member)| member), map.remove(&own));
                }
                assert_eq!(table.len(), map.len());
                assert_eq!(table.get(&own), map.get(&own));
            }
            let mut left: Vec<_> = table.iter().map(|(element, member)| (*element, member.clone())).collect();
            left.sort_by_key(|(element, _)| *element);
            assert_eq!(left, map.into_iter().collect::<Vec<_>>());
            assert_eq!(table, table.clone());
        }
    }

    #[test]
    fn an_empty_one_has_nothing() {
        let mut table = Table::new(0);
        assert_eq!(table.find(&element(1)), None);
        assert_eq!(table.take(0), None);
    }
}

//! Sets of ipset: addresses, networks, ports and their combinations under a name, for `-m set` and `-j SET`.
//!
//! # Overview
//! [`Sets`] holds the sets; [`Set`] is one: its [`Kind`], its [`Shape`] (range, hash or list), its [`Extensions`] and
//! its members ([`Element`] and [`Member`]). [`run`](mod@run) is the language of `ipset`: words in, text out; [`restore`]
//! reads whole files. Kinds and options are tables ([`kind`], `option`, `types`).
//!
//! # Life cycle
//! A set is made by `create` and lives until `destroy`, which a reference forbids: from a list of sets, or from a rule
//! (the caller counts those). A member lives until `del`, `flush` or its timeout; expired members are invisible at once
//! and removed when the set is changed.
//!
//! What packets look up, add and count is in crate `netfilter` (`tables/set.rs`).
//!
//! # Invariants
//! All members of a set are of the one variant of [`Element`] that its kind has, and of its family. A list names only
//! sets that exist and are no lists. Names are unique.
//!
//! # Limits
//! 65,534 sets; `maxelem` members of a hash, and never more than [`MOST_MEMBERS`]; 65,536 elements of a bitmap.
//! A set that is full refuses ([`Refusal::Full`]), or with `forceadd` gives another member's place away.
//!
//! # Differences from Linux
//! The table behind a hash is not the kernel's: listings are sorted, `hashsize` stays what `create` said, and a hash is
//! full at `maxelem` exactly. docs/deviations.md has the list.
//!
//! Linux: net/netfilter/ipset; the language is that of ipset 7.17.
mod buckets;
mod change;
mod create;
mod element;
mod entry;
mod fault;
mod help;
mod icmp;
pub mod kind;
mod manual;
mod member;
mod members;
mod option;
mod parse;
pub mod print;
mod reference;
mod refusal;
pub mod restore;
pub mod run;
mod table;
mod types;
mod usage;
mod value;

use std::collections::HashMap;
use std::fmt;

pub use element::{Device, Element, Mac, Prefix, ProtocolPort, has_ports};
pub use fault::{Fault, PROGRAM};
pub use kind::Kind;
pub use member::{Expiry, Extensions, Member, SkbInfo};
pub use members::{Adder, Found, Hash, MOST_MEMBERS, Search, Set, Shape};
pub use reference::{Directions, SetReference};
pub use refusal::Refusal;
pub use usage::Usage;

/// The name of a set: 1 to 31 bytes that stand in a restore file as one word.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetName(Box<str>);

impl SetName {
    /// The longest name in bytes (`IPSET_MAXNAMELEN` - 1).
    pub const MAX: usize = 31;

    /// A name; `None` if it is empty, too long, or has blanks, quotes or control characters in it.
    pub fn new(text: &str) -> Option<Self> {
        let odd = |letter: char| letter == '"' || letter.is_whitespace() || letter.is_control();
        (!text.is_empty() && text.len() <= Self::MAX && !text.contains(odd)).then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for SetName {
    // Why: the derived hash and order of a wrapper are those of its `str`, so a map can be asked by `&str`.
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The most sets that there can be (`IPSET_INVALID_ID` - 1).
const MOST_SETS: usize = 65_534;

/// All sets, each in its place: a set that goes leaves a place that the next one takes.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    places: Vec<Option<Set>>,
    names: HashMap<SetName, usize>,
    /// Changes with every change of names and places.
    arrangement: u64,
    /// Whether what is added was there when it was saved.
    restoring: bool,
}

impl PartialEq for Sets {
    fn eq(&self, other: &Self) -> bool {
        self.places == other.places
    }
}

impl Sets {
    /// No sets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no set.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A set by its name.
    pub fn find(&self, name: &str) -> Option<&Set> {
        self.places.get(*self.names.get(name)?)?.as_ref()
    }

    /// A set by its name, to change its members.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Set> {
        self.places.get_mut(*self.names.get(name)?)?.as_mut()
    }

    /// The place of a set. It is the same as long as [`Self::arrangement`] is.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The set at a place.
    #[inline]
    pub fn at(&self, place: usize) -> Option<&Set> {
        self.places.get(place)?.as_ref()
    }

    /// The set at a place, to change its members.
    #[inline]
    pub fn at_mut(&mut self, place: usize) -> Option<&mut Set> {
        self.places.get_mut(place)?.as_mut()
    }

    /// A number that changes when sets come, go or change names or places; changes of members leave it.
    pub fn arrangement(&self) -> u64 {
        self.arrangement
    }

    /// The sets in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Set> {
        self.places.iter().flatten()
    }

    /// The sets in the order of listings: lists come last, so that a restore finds what they name.
    pub fn in_order(&self) -> impl Iterator<Item = &Set> {
        let lists = self.iter().filter(|set| set.kind().is_list());
        self.iter().filter(|set| !set.kind().is_list()).chain(lists)
    }

    /// The names by place, `None` where a place is free.
    pub fn places(&self) -> impl Iterator<Item = Option<&SetName>> {
        self.places.iter().map(|place| place.as_ref().map(Set::name))
    }

    /// Puts the sets into these places; those that are not named come behind.
    pub fn arrange(&mut self, places: &[Option<&str>]) {
        let mut old = std::mem::take(&mut self.places);
        let mut take = |name: &str| old.get_mut(*self.names.get(name)?)?.take();
        let mut new: Vec<Option<Set>> = places.iter().map(|name| name.and_then(&mut take)).collect();
        new.extend(old.into_iter().flatten().map(Some));
        while matches!(new.last(), Some(None)) {
            new.pop();
        }
        self.places = new;
        self.names = self
            .places
            .iter()
            .enumerate()
            .filter_map(|(at, place)| Some((place.as_ref()?.name().clone(), at)))
            .collect();
        self.arrangement += 1;
        let names = &self.names;
        for listed in self.places.iter_mut().flatten().flat_map(|set| set.list_mut()) {
            // Why: what a list names is there as long as the list is, so that there is a place.
            listed.place = names.get(&listed.name).copied().unwrap_or(usize::MAX);
        }
    }

    /// How many lists have a set.
    pub fn list_references(&self, name: &str) -> usize {
        self.iter().filter(|set| set.has_set(name)).count()
    }

    /// Adds a set. With `exist` one that is the same is no error.
    pub fn create(&mut self, set: Set, exist: bool) -> Result<(), Refusal> {
        if let Some(own) = self.find(set.name().as_str()) {
            return if exist && own.is_like(&set) { Ok(()) } else { Err(Refusal::SetExists) };
        }
        let at = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
        if at >= MOST_SETS {
            return Err(Refusal::TooManySets);
        }
        self.arrangement += 1;
        self.names.insert(set.name().clone(), at);
        match self.places.get_mut(at) {
            Some(place) => *place = Some(set),
            None => self.places.push(Some(set)),
        }
        Ok(())
    }

    /// Removes a set, or all of them. `references`: how many rules name a set.
    pub fn destroy(&mut self, name: Option<&str>, references: &dyn Fn(&str) -> usize) -> Result<(), Refusal> {
        let busy = |name: &str| self.list_references(name) + references(name) > 0;
        let arrangement = self.arrangement + 1;
        match name {
            None => {
                if self.iter().any(|set| busy(set.name().as_str())) {
                    return Err(Refusal::Busy);
                }
                *self = Self { arrangement, restoring: self.restoring, ..Self::new() };
            }
            Some(name) => {
                let at = *self.names.get(name).ok_or(Refusal::NoSet)?;
                if busy(name) {
                    return Err(Refusal::Busy);
                }
                self.names.remove(name);
                self.arrangement = arrangement;
                if let Some(place) = self.places.get_mut(at) {
                    *place = None;
                }
                while matches!(self.places.last(), Some(None)) {
                    self.places.pop();
                }
            }
        }
        Ok(())
    }

    /// Empties a set, or all of them.
    pub fn flush(&mut self, name: Option<&str>) -> Result<(), Refusal> {
        match name {
            None => self.places.iter_mut().flatten().for_each(Set::flush),
            Some(name) => self.find_mut(name).ok_or(Refusal::NoSet)?.flush(),
        }
        Ok(())
    }

    /// Removes of each set what is expired, if it is time ([`Set::collect`]).
    pub fn collect(&mut self, now: u64) {
        self.places.iter_mut().flatten().for_each(|set| set.collect(now));
    }

    /// Removes all members that are expired.
    pub fn clean(&mut self, now: u64) {
        self.places.iter_mut().flatten().for_each(|set| set.clean(now));
    }

    /// Gives a set another name. What refers to a set refers to its name, so that only one without references can be
    /// renamed.
    pub fn rename(
        &mut self,
        from: &str,
        to: SetName,
        references: &dyn Fn(&str) -> usize,
    ) -> Result<(), Refusal> {
        let at = *self.names.get(from).ok_or(Refusal::NoSet)?;
        if self.list_references(from) + references(from) > 0 {
            return Err(Refusal::RenameReferenced);
        }
        if self.names.contains_key(&to) {
            return Err(Refusal::RenameExists);
        }
        self.arrangement += 1;
        self.names.remove(from);
        if let Some(Some(set)) = self.places.get_mut(at) {
            set.set_name(to.clone());
        }
        self.names.insert(to, at);
        Ok(())
    }

    /// Exchanges what two sets hold. Their names and places stay, and with them what refers to them.
    pub fn swap(&mut self, from: &str, to: &str) -> Result<(), Refusal> {
        let one = *self.names.get(from).ok_or(Refusal::NoSet)?;
        let other = *self.names.get(to).ok_or(Refusal::SwapMissing)?;
        let same = match (self.find(from), self.find(to)) {
            (Some(from), Some(to)) => {
                from.kind().features() == to.kind().features() && from.family() == to.family()
            }
            _ => false,
        };
        if !same {
            return Err(Refusal::SwapTypes);
        }
        if one != other
            && let Ok([Some(from), Some(to)]) = self.places.get_disjoint_mut([one, other])
        {
            std::mem::swap(from, to);
            let name = from.name().clone();
            from.set_name(to.name().clone());
            to.set_name(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

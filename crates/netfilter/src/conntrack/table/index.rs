//! An index of slots under a hash: many small hash tables, by some bits of the hash.
//!
//! Why not one: a hash table that is full moves all its entries at once, and of a million connections that takes a tenth
//! of a second, in which one packet waits, and all that come behind it. Each of the small ones moves its own.
//! Invariant: an entry lies where its hash says, also after the tables have grown.
use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;

/// How many tables there are: of a million connections each has eight thousand entries.
const PARTS: usize = 256;

/// The index.
#[derive(Debug)]
pub(super) struct Index {
    parts: Box<[HashTable<u32>; PARTS]>,
}

impl Default for Index {
    fn default() -> Self {
        Self { parts: Box::new(std::array::from_fn(|_| HashTable::new())) }
    }
}

/// The table of a hash.
// Why these bits: the lowest say the place in the table, the highest seven tell entries there apart.
#[inline]
const fn part(hash: u64) -> usize {
    (hash >> 40) as u8 as usize
}

impl Index {
    /// Room for so many entries in all, if their hashes are spread as hashes are.
    pub(super) fn reserve(&mut self, entries: usize, hasher: impl Fn(&u32) -> u64) {
        let each = entries.div_ceil(PARTS);
        for part in self.parts.iter_mut() {
            // Why: the tables are not equally full.
            part.reserve((each + each / 8).saturating_sub(part.len()), &hasher);
        }
    }

    /// The entry under a hash for which something holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, holds: impl FnMut(&u32) -> bool) -> Option<&u32> {
        self.parts.get(part(hash))?.find(hash, holds)
    }

    /// The same, to put another of the same hash in its place.
    pub(super) fn find_mut(&mut self, hash: u64, holds: impl FnMut(&u32) -> bool) -> Option<&mut u32> {
        self.parts.get_mut(part(hash))?.find_mut(hash, holds)
    }

    /// The same, to remove it.
    pub(super) fn find_entry(
        &mut self,
        hash: u64,
        holds: impl FnMut(&u32) -> bool,
    ) -> Option<OccupiedEntry<'_, u32>> {
        self.parts.get_mut(part(hash))?.find_entry(hash, holds).ok()
    }

    /// Puts an entry under its hash, whatever is there already.
    pub(super) fn insert_unique(&mut self, hash: u64, entry: u32, hasher: impl Fn(&u32) -> u64) {
        if let Some(part) = self.parts.get_mut(part(hash)) {
            part.insert_unique(hash, entry, hasher);
        }
    }

    /// All entries.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &u32> {
        self.parts.iter().flatten()
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(HashTable::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Index, PARTS};

    fn hash(entry: &u32) -> u64 {
        u64::from(*entry).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn what_is_put_in_is_found_until_it_is_removed() {
        let mut index = Index::default();
        for entry in 0..100_000 {
            index.insert_unique(hash(&entry), entry, hash);
        }
        assert_eq!((index.len(), index.iter().count()), (100_000, 100_000));
        for entry in 0..100_000 {
            assert_eq!(index.find(hash(&entry), |&other| other == entry), Some(&entry));
            if entry % 2 == 0 {
                let found = index.find_entry(hash(&entry), |&other| other == entry);
                assert_eq!(found.map(|found| found.remove().0), Some(entry));
            }
        }
        assert_eq!(index.len(), 50_000);
        assert!(index.find(hash(&2), |&other| other == 2).is_none());
        *index.find_mut(hash(&3), |&other| other == 3).unwrap() = 5;
        assert_eq!(index.find(hash(&3), |_| true), Some(&5));
    }

    #[test]
    fn one_part_of_many_grows_at_once() {
        let mut index = Index::default();
        for entry in 0..100_000 {
            index.insert_unique(hash(&entry), entry, hash);
        }
        let fullest = index.parts.iter().map(|part| part.len()).max().unwrap();
        assert!(fullest < 100_000 / PARTS * 2, "{fullest}");
        let before: Vec<_> = index.parts.iter().map(|part| part.capacity()).collect();
        index.reserve(400_000, hash);
        assert!(index.parts.iter().zip(before).all(|(part, before)| part.capacity() > before.max(1562)));
        assert_eq!(index.len(), 100_000);
    }
}

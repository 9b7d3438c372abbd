//! An index of slots under a hash: many small hash tables, by some bits of the hash. A look-up of something that is there
//! reads one cache line in nine of ten cases, and else the next one, however large the table is.
//!
//! # Layout
//! A bucket is a cache line with eight entries and of each 32 bits of its hash. They say which entries are worth looking at
//! (hardly ever a wrong one), and in which bucket an entry belongs, also when there are more buckets: growing reads no
//! connection. The bucket is the hash times the number of buckets, without its low bits, so that their number can be any.
//!
//! # Invariants
//! An entry lies in its own bucket, or in one behind it if all between are full. The entries of a bucket have no gap.
//!
//! # Limits
//! At most [`FULLEST`] sixteenths of a table are in use; then it grows by an eighth, so that it has at least five sevenths
//! in use from then on.
//! Why not one table: it moves all its entries when it grows, and the packet that makes it grow waits.

/// How many tables there are: of a million connections each has eight thousand entries.
const PARTS: usize = 256;
/// Entries of a bucket.
const WAYS: usize = 8;
/// Sixteenths of the places of a table that may be in use.
const FULLEST: usize = 13;
/// No entry.
const EMPTY: u32 = u32::MAX;

/// The index.
#[derive(Debug)]
pub(super) struct Index {
    parts: Box<[Part; PARTS]>,
}

#[derive(Clone, Debug, Default)]
struct Part {
    buckets: Box<[Bucket]>,
    len: usize,
}

/// A cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u32; WAYS],
    entries: [u32; WAYS],
}

/// A place in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    bucket: usize,
    way: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self { parts: Box::new(std::array::from_fn(|_| Part::default())) }
    }
}

/// The table of a hash.
// Why these bits: the lowest 32 say the place in the table.
#[inline]
const fn part(hash: u64) -> usize {
    (hash >> 40) as u8 as usize
}

/// What is kept of a hash.
#[inline]
const fn tag(hash: u64) -> u32 {
    hash as u32
}

impl Index {
    /// Room for so many entries in all, if their hashes are spread as hashes are.
    pub(super) fn reserve(&mut self, entries: usize) {
        let each = entries.div_ceil(PARTS);
        // Why more: the tables are not equally full.
        let each = each.saturating_add(each / 8);
        for part in self.parts.iter_mut() {
            part.resize(each.saturating_mul(16).div_ceil(FULLEST * WAYS));
        }
    }

    /// The entry under a hash for which something holds; of several one that came early.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut found = None;
        self.parts.get(part(hash))?.seek(tag(hash), |entry| {
            let fits = holds(entry);
            found = fits.then_some(entry);
            fits
        })?;
        found
    }

    /// The same, to put another of the same hash in its place.
    pub(super) fn find_mut(&mut self, hash: u64, holds: impl FnMut(u32) -> bool) -> Option<&mut u32> {
        let part = self.parts.get_mut(part(hash))?;
        let Place { bucket, way } = part.seek(tag(hash), holds)?;
        part.buckets.get_mut(bucket)?.entries.get_mut(way)
    }

    /// Removes an entry from under its hash, if it is there.
    pub(super) fn remove(&mut self, hash: u64, entry: u32) {
        if let Some(part) = self.parts.get_mut(part(hash))
            && let Some(place) = part.seek(tag(hash), |other| other == entry)
        {
            part.remove(place);
        }
    }

    /// Puts an entry under its hash, whatever is there already.
    pub(super) fn insert(&mut self, hash: u64, entry: u32) {
        if let Some(part) = self.parts.get_mut(part(hash)) {
            part.insert(tag(hash), entry);
        }
    }

    /// All entries.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let buckets = self.parts.iter().flat_map(|part| &part.buckets);
        buckets.flat_map(|bucket| bucket.entries).filter(|&entry| entry != EMPTY)
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len).sum()
    }
}

impl Part {
    /// The bucket in which a tag belongs.
    #[inline]
    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 >= self.buckets.len() { 0 } else { bucket + 1 }
    }

    /// How many buckets one is behind another, the first behind the last.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.buckets.len() - from }
    }

    /// Where the entry with a tag lies for which something holds.
    #[inline]
    fn seek(&self, tag: u32, mut holds: impl FnMut(u32) -> bool) -> Option<Place> {
        let mut at = self.home(tag);
        for _ in 0..self.buckets.len() {
            let bucket = self.buckets.get(at)?;
            let mut ways = bucket.ways(tag);
            while ways != 0 {
                let way = ways.trailing_zeros() as usize;
                let entry = *bucket.entries.get(way)?;
                if entry != EMPTY && holds(entry) {
                    return Some(Place { bucket: at, way });
                }
                ways &= ways - 1;
            }
            if !bucket.is_full() {
                return None;
            }
            at = self.next(at);
        }
        None
    }

    fn insert(&mut self, tag: u32, entry: u32) {
        if (self.len + 1) * 16 > self.buckets.len() * WAYS * FULLEST {
            self.resize(self.buckets.len() + self.buckets.len() / 8 + 1);
        }
        self.put(tag, entry);
        self.len += 1;
    }

    /// Puts an entry where the next one with its tag belongs; there is room.
    fn put(&mut self, tag: u32, entry: u32) {
        let mut at = self.home(tag);
        for _ in 0..self.buckets.len() {
            if self.buckets.get_mut(at).is_some_and(|bucket| bucket.push(tag, entry)) {
                return;
            }
            at = self.next(at);
        }
    }

    /// Makes the table as large as so many buckets, if it is smaller.
    fn resize(&mut self, buckets: usize) {
        if buckets <= self.buckets.len() {
            return;
        }
        let old = std::mem::replace(&mut self.buckets, vec![Bucket::EMPTY; buckets].into_boxed_slice());
        for bucket in old {
            for (tag, entry) in bucket.tags.into_iter().zip(bucket.entries) {
                if entry != EMPTY {
                    self.put(tag, entry);
                }
            }
        }
    }

    /// Removes what lies in a place. Into the gap comes an entry that was put further behind only because there was none.
    fn remove(&mut self, place: Place) {
        self.len -= 1;
        let Place { bucket: mut gap, way } = place;
        let mut was_full = self.buckets.get_mut(gap).is_some_and(|bucket| bucket.take(way).1);
        while was_full {
            let Some(Place { bucket: from, way }) = self.displaced(gap) else { return };
            let Some(((tag, entry), full)) = self.buckets.get_mut(from).map(|bucket| bucket.take(way)) else {
                return;
            };
            if let Some(bucket) = self.buckets.get_mut(gap) {
                bucket.push(tag, entry);
            }
            (gap, was_full) = (from, full);
        }
    }

    /// The next entry behind a bucket that would lie in it or before it, were there room.
    fn displaced(&self, gap: usize) -> Option<Place> {
        let mut at = self.next(gap);
        while at != gap {
            let bucket = self.buckets.get(at)?;
            let behind = self.distance(gap, at);
            let way = bucket
                .tags
                .iter()
                .zip(&bucket.entries)
                .position(|(&tag, &entry)| entry != EMPTY && self.distance(self.home(tag), at) >= behind);
            if let Some(way) = way {
                return Some(Place { bucket: at, way });
            }
            if !bucket.is_full() {
                return None;
            }
            at = self.next(at);
        }
        None
    }
}

/// A bit for each word that is equal to one.
// Why with a table of bits: so all eight become two vector instructions.
#[inline]
fn equal(words: &[u32; WAYS], word: u32) -> u32 {
    const BITS: [u32; WAYS] = [1, 2, 4, 8, 16, 32, 64, 128];
    words.iter().zip(BITS).fold(0, |equal, (&other, bit)| equal | if other == word { bit } else { 0 })
}

impl Bucket {
    const EMPTY: Self = Self { tags: [0; WAYS], entries: [EMPTY; WAYS] };

    /// A bit for each place with this tag; places without an entry may be among them.
    #[inline]
    fn ways(&self, tag: u32) -> u32 {
        equal(&self.tags, tag)
    }

    #[inline]
    fn is_full(&self) -> bool {
        let [.., last] = self.entries;
        last != EMPTY
    }

    /// Puts an entry behind the others; `false` if there is no room.
    #[inline]
    fn push(&mut self, tag: u32, entry: u32) -> bool {
        let way = equal(&self.entries, EMPTY).trailing_zeros() as usize;
        let (Some(tags), Some(entries)) = (self.tags.get_mut(way), self.entries.get_mut(way)) else {
            return false;
        };
        (*tags, *entries) = (tag, entry);
        true
    }

    /// Takes out what lies in a place, and moves up what is behind it; also whether the bucket was full.
    fn take(&mut self, way: usize) -> ((u32, u32), bool) {
        let was_full = self.is_full();
        let (Some(tags), Some(entries)) = (self.tags.get_mut(way..), self.entries.get_mut(way..)) else {
            return ((0, EMPTY), was_full);
        };
        tags.rotate_left(1);
        entries.rotate_left(1);
        let [.., last_tag] = &mut self.tags;
        let [.., last] = &mut self.entries;
        ((*last_tag, std::mem::replace(last, EMPTY)), was_full)
    }
}

#[cfg(test)]
mod tests;

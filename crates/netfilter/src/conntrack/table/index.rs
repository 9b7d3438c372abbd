//! An index of slots under a hash: many small hash tables, by some bits of the hash. A look-up of something that is not there
//! reads a few bytes that stay in the processor's caches however large the table is; one that finds something reads one
//! cache line more, in nine of ten cases.
//!
//! # Layout
//! A bucket has eight entries. Of each it keeps 24 bits of its hash: eight of them, the *mark*, lie beside those of the same
//! bucket and of other buckets, a byte for an entry, and say which entries are worth looking at (of those that are not there
//! one in thirty or so); the others say with it in which bucket an entry belongs, also when there are more buckets: growing
//! reads no connection. The bucket is those 24 bits times the number of buckets, without its low bits, so that their number
//! can be any.
//! Why apart: what looks for something new (the first packet of a flow, an attacker's) hardly ever reads anything but marks, of
//! a million connections two to three megabytes instead of twenty.
//!
//! # Invariants
//! An entry lies in its own bucket, or in one behind it if all between are full. The entries of a bucket have no gap.
//!
//! # Limits
//! At most [`FULLEST`] sixteenths of a table are in use; then it grows by an eighth, so that it has at least three fifths
//! in use from then on. What an insertion moves is a part of 256.
//! Why not more: with thirteen every second bucket is full, and what finds nothing reads two or three.
//! Why not one table: it moves all its entries when it grows, and the packet that makes it grow waits.

/// How many tables there are: of a million connections each has eight thousand entries.
const PARTS: usize = 256;
/// Entries of a bucket.
const WAYS: usize = 8;
/// Sixteenths of the places of a table that may be in use.
const FULLEST: usize = 11;

/// The index.
#[derive(Debug)]
pub(super) struct Index {
    parts: Box<[Part; PARTS]>,
}

/// A table: its buckets, each of which has its place in all three.
#[derive(Clone, Debug, Default)]
struct Part {
    marks: Box<[Marks]>,
    entries: Box<[Entries]>,
    rests: Box<[[u16; WAYS]]>,
    len: usize,
}

/// The marks of a bucket, that of the first entry lowest. 0: no entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks(u64);

/// Half a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Entries([u32; WAYS]);

/// What an entry takes.
#[cfg(test)]
pub(super) const ENTRY_BYTES: usize = (size_of::<Marks>() + size_of::<Entries>()) / WAYS + size_of::<u16>();

/// What is kept of a hash: above the mark what says with it the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag {
    rest: u16,
    mark: u8,
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
// Why these bits: those below say the place in the table.
#[inline]
const fn part(hash: u64) -> usize {
    (hash >> 40) as u8 as usize
}

/// What is kept of a hash.
#[inline]
const fn tag(hash: u64) -> Tag {
    let mark = (hash >> 8) as u8;
    // Why: 0 is where no entry is.
    Tag { rest: (hash >> 16) as u16, mark: if mark == 0 { 1 } else { mark } }
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
        part.entries.get_mut(bucket)?.0.get_mut(way)
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
        let buckets = self.parts.iter().flat_map(|part| part.marks.iter().zip(&part.entries));
        buckets.flat_map(|(marks, entries)| entries.0.into_iter().take(marks.len()))
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len).sum()
    }
}

impl Part {
    /// How many buckets there are.
    #[inline]
    fn buckets(&self) -> usize {
        self.marks.len()
    }

    /// The bucket in which a tag belongs.
    #[inline]
    fn home(&self, Tag { rest, mark }: Tag) -> usize {
        let tag = u64::from(rest) << 8 | u64::from(mark);
        ((tag * self.buckets() as u64) >> 24) as usize
    }

    #[inline]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 >= self.buckets() { 0 } else { bucket + 1 }
    }

    /// How many buckets one is behind another, the first behind the last.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.buckets() - from }
    }

    /// Where the entry with a tag lies for which something holds.
    #[inline]
    fn seek(&self, tag: Tag, mut holds: impl FnMut(u32) -> bool) -> Option<Place> {
        let mut at = self.home(tag);
        for _ in 0..self.buckets() {
            let marks = *self.marks.get(at)?;
            let mut ways = marks.equal(tag.mark);
            while ways != 0 {
                let way = (ways.trailing_zeros() / 8) as usize;
                if holds(self.entries.get(at)?.at(way)) {
                    return Some(Place { bucket: at, way });
                }
                ways &= ways - 1;
            }
            if !marks.is_full() {
                return None;
            }
            at = self.next(at);
        }
        None
    }

    fn insert(&mut self, tag: Tag, entry: u32) {
        if (self.len + 1) * 16 > self.buckets() * WAYS * FULLEST {
            self.resize(self.buckets() + self.buckets() / 8 + 1);
        }
        self.put(tag, entry);
        self.len += 1;
    }

    /// Puts an entry where the next one with its tag belongs; there is room.
    fn put(&mut self, tag: Tag, entry: u32) {
        let mut at = self.home(tag);
        for _ in 0..self.buckets() {
            if self.push(at, tag, entry) {
                return;
            }
            at = self.next(at);
        }
    }

    /// Puts an entry into a bucket, behind the others; `false` if there is no room.
    #[inline]
    fn push(&mut self, bucket: usize, tag: Tag, entry: u32) -> bool {
        let Some(marks) = self.marks.get_mut(bucket).filter(|marks| !marks.is_full()) else { return false };
        let way = marks.len();
        marks.set(way, tag.mark);
        let entries = self.entries.get_mut(bucket).and_then(|entries| entries.0.get_mut(way));
        let rests = self.rests.get_mut(bucket).and_then(|rests| rests.get_mut(way));
        let (Some(own), Some(rest)) = (entries, rests) else { return false };
        (*own, *rest) = (entry, tag.rest);
        true
    }

    /// Takes out what lies in a place, and moves up what is behind it in its bucket; also whether the bucket was full.
    fn take(&mut self, Place { bucket, way }: Place) -> Option<(Tag, u32, bool)> {
        let marks = self.marks.get_mut(bucket)?;
        let was_full = marks.is_full();
        let mark = marks.take(way);
        let entries = self.entries.get_mut(bucket)?.0.get_mut(way..)?;
        let rests = self.rests.get_mut(bucket)?.get_mut(way..)?;
        entries.rotate_left(1);
        rests.rotate_left(1);
        Some((Tag { rest: *rests.last()?, mark }, *entries.last()?, was_full))
    }

    /// What lies in a bucket.
    fn bucket(&self, at: usize) -> impl Iterator<Item = (Tag, u32)> {
        let marks = self.marks.get(at).copied().unwrap_or_default();
        let both = self.entries.get(at).zip(self.rests.get(at));
        both.into_iter()
            .flat_map(|(entries, rests)| entries.0.iter().zip(rests))
            .zip(marks.iter())
            .map(|((&entry, &rest), mark)| (Tag { rest, mark }, entry))
    }

    /// Makes the table as large as so many buckets, if it is smaller.
    fn resize(&mut self, buckets: usize) {
        if buckets <= self.buckets() {
            return;
        }
        let new = Self {
            marks: vec![Marks::default(); buckets].into_boxed_slice(),
            entries: vec![Entries([0; WAYS]); buckets].into_boxed_slice(),
            rests: vec![[0; WAYS]; buckets].into_boxed_slice(),
            len: self.len,
        };
        let old = std::mem::replace(self, new);
        for at in 0..old.buckets() {
            for (tag, entry) in old.bucket(at) {
                self.put(tag, entry);
            }
        }
    }

    /// Removes what lies in a place. Into the gap comes an entry that was put further behind only because there was none.
    fn remove(&mut self, mut gap: Place) {
        self.len -= 1;
        let mut was_full = self.take(gap).is_some_and(|(.., full)| full);
        while was_full {
            let Some(from) = self.displaced(gap.bucket) else { return };
            let Some((tag, entry, full)) = self.take(from) else { return };
            self.push(gap.bucket, tag, entry);
            (gap, was_full) = (from, full);
        }
    }

    /// The next entry behind a bucket that would lie in it or before it, were there room.
    fn displaced(&self, gap: usize) -> Option<Place> {
        let mut at = self.next(gap);
        while at != gap {
            let behind = self.distance(gap, at);
            let way = self.bucket(at).position(|(tag, _)| self.distance(self.home(tag), at) >= behind);
            if let Some(way) = way {
                return Some(Place { bucket: at, way });
            }
            if !self.marks.get(at)?.is_full() {
                return None;
            }
            at = self.next(at);
        }
        None
    }
}

impl Entries {
    /// The entry of a place.
    // Why all of them are read: so the processor fetches them while it still waits for the marks, which say the place;
    // without it what is there took a third longer in a large table.
    #[inline]
    fn at(&self, way: usize) -> u32 {
        self.0.iter().zip(0..).fold(0, |found, (&entry, at)| found | if at == way as u32 { entry } else { 0 })
    }
}

// Why with the arithmetic of one word and not byte by byte: what finds nothing does hardly anything else.
impl Marks {
    /// The highest bit of each byte that is equal to a mark.
    #[inline]
    fn equal(self, mark: u8) -> u64 {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let other = self.0 ^ (u64::from(mark) * 0x0101_0101_0101_0101);
        !(((other & LOW) + LOW) | other | LOW)
    }

    #[inline]
    const fn is_full(self) -> bool {
        self.0 >> 56 != 0
    }

    /// How many there are.
    #[inline]
    const fn len(self) -> usize {
        WAYS - (self.0.leading_zeros() / 8) as usize
    }

    /// Sets the mark of a place where none is.
    #[inline]
    const fn set(&mut self, way: usize, mark: u8) {
        self.0 |= (mark as u64) << (8 * way);
    }

    /// Takes out the mark of a place and moves up those behind it.
    const fn take(&mut self, way: usize) -> u8 {
        let before = (1 << (8 * way)) - 1;
        let mark = (self.0 >> (8 * way)) as u8;
        self.0 = self.0 & before | self.0 >> 8 & !before;
        mark
    }

    /// All that there are.
    fn iter(self) -> impl Iterator<Item = u8> {
        self.0.to_le_bytes().into_iter().take(self.len())
    }
}

#[cfg(test)]
mod tests;

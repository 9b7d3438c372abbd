//! Where connections lie: chunks of slots that never move, so that a table that grows copies nothing and has no more unused
//! room than a chunk.
//!
//! A slot is a [`Connection`] of three cache lines. The lists in which it stands are beside it ([`Links`]): only what is new
//! or ends reads them.
use crate::conntrack::Connection;

/// The end of a list of slots.
pub(super) const NONE: u32 = u32::MAX;
/// Slots of a chunk.
const CHUNK: usize = 256;

/// The lists in which a slot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Links {
    /// Of a free slot the next free one; otherwise the next older connection of the same group of the same source.
    pub(super) next: u32,
    /// The next newer one of the group; of the newest the newest of the group before.
    pub(super) previous: u32,
    /// Of the newest of a group the newest of the group behind.
    pub(super) other: u32,
}

impl Links {
    pub(super) const NONE: Self = Self { next: NONE, previous: NONE, other: NONE };
}

/// All slots, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Slab {
    chunks: Vec<Box<[Connection; CHUNK]>>,
    /// Of every slot that was ever in use.
    links: Vec<Links>,
}

#[inline]
fn split(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / CHUNK, slot % CHUNK)
}

impl Slab {
    /// How many slots were ever in use at once.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// The numbers of the slots.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.len()).unwrap_or(NONE)
    }

    /// Room for so many in all.
    pub(super) fn reserve(&mut self, slots: usize) {
        self.links.reserve_exact(slots.saturating_sub(self.links.len()));
        while self.chunks.len() < slots.div_ceil(CHUNK) && self.add_chunk() {}
    }

    // Why a vector first: an array would be made on the stack.
    fn add_chunk(&mut self) -> bool {
        let mut chunk = Vec::with_capacity(CHUNK);
        chunk.resize_with(CHUNK, Connection::vacant);
        let chunk = <Box<[Connection; CHUNK]>>::try_from(chunk.into_boxed_slice());
        let fits = chunk.is_ok();
        self.chunks.extend(chunk);
        fits
    }

    /// One slot more, which is free; `None` if there are as many as there may be numbers.
    pub(super) fn push(&mut self) -> Option<u32> {
        // Why: twice a number and one more must be a number, too.
        let slot = u32::try_from(self.len()).ok().filter(|&slot| slot < NONE >> 1)?;
        let length = self.len() + 1;
        if length > self.chunks.len() * CHUNK && !self.add_chunk() {
            return None;
        }
        crate::conntrack::grow(&mut self.links, length);
        self.links.push(Links::NONE);
        Some(slot)
    }

    /// What lies in a slot, if something does.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Connection> {
        let (chunk, at) = split(slot);
        self.chunks.get(chunk)?.get(at).filter(|connection| !connection.is_vacant())
    }

    /// The same, to change it.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.place(slot).filter(|connection| !connection.is_vacant())
    }

    /// A slot, free or not.
    #[inline]
    pub(super) fn place(&mut self, slot: u32) -> Option<&mut Connection> {
        let (chunk, at) = split(slot);
        self.chunks.get_mut(chunk)?.get_mut(at)
    }

    /// What lies in a slot, and its lists.
    #[inline]
    pub(super) fn linked(&self, slot: u32) -> Option<(Links, &Connection)> {
        Some((self.links(slot)?, self.get(slot)?))
    }

    /// The lists of a slot.
    pub(super) fn links(&self, slot: u32) -> Option<Links> {
        self.links.get(usize::try_from(slot).ok()?).copied()
    }

    /// The same, to change them.
    pub(super) fn links_mut(&mut self, slot: u32) -> Option<&mut Links> {
        self.links.get_mut(usize::try_from(slot).ok()?)
    }

    /// What lies in the slots from one on, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Connection)> {
        let all = self.chunks.iter().flat_map(|chunk| chunk.iter());
        (0_u32..).zip(all).filter(|(_, connection)| !connection.is_vacant())
    }

    /// The same, to change it.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        let all = self.chunks.iter_mut().flat_map(|chunk| chunk.iter_mut());
        all.filter(|connection| !connection.is_vacant())
    }
}

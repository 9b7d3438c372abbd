//! Where connections lie: slots that never move.
//!
//! A slot is a [`Connection`] of three cache lines. The lists in which it stands are beside it ([`Links`]): only what is new
//! or ends reads them.
use crate::conntrack::Connection;
use crate::conntrack::chunks::Chunks;

/// The end of a list of slots.
pub(super) const NONE: u32 = u32::MAX;

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
    places: Chunks<Connection>,
    links: Chunks<Links>,
    len: usize,
}

impl Slab {
    /// How many slots were ever in use at once.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The numbers of the slots.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.len).unwrap_or(NONE)
    }

    /// Room for so many in all; `false`: there is none.
    pub(super) fn reserve(&mut self, slots: usize) -> bool {
        self.places.grow(slots, Connection::vacant) && self.links.grow(slots, || Links::NONE)
    }

    /// One slot more, which is free; `None` if there are as many as there may be numbers.
    pub(super) fn push(&mut self) -> Option<u32> {
        // Why: twice a number and one more must be a number, too.
        let slot = u32::try_from(self.len).ok().filter(|&slot| slot < NONE >> 1)?;
        self.reserve(self.len + 1).then(|| self.len += 1)?;
        Some(slot)
    }

    /// What lies in a slot, if something does.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Connection> {
        self.places.get(slot).filter(|connection| !connection.is_vacant())
    }

    /// The same, to change it.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.place(slot).filter(|connection| !connection.is_vacant())
    }

    /// A slot, free or not.
    #[inline]
    pub(super) fn place(&mut self, slot: u32) -> Option<&mut Connection> {
        self.places.get_mut(slot)
    }

    /// What lies in a slot, and its lists.
    #[inline]
    pub(super) fn linked(&self, slot: u32) -> Option<(Links, &Connection)> {
        Some((self.links(slot)?, self.get(slot)?))
    }

    /// The lists of a slot.
    pub(super) fn links(&self, slot: u32) -> Option<Links> {
        self.links.get(slot).copied()
    }

    /// The same, to change them.
    pub(super) fn links_mut(&mut self, slot: u32) -> Option<&mut Links> {
        self.links.get_mut(slot)
    }

    /// What lies in the slots from one on, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Connection)> {
        (0_u32..).zip(self.places.iter()).filter(|(_, connection)| !connection.is_vacant())
    }

    /// The same, to change it.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.places.iter_mut().filter(|connection| !connection.is_vacant())
    }
}

//! The connections of one source: what NAT asks to give all connections of a source the same translation (F48).
//!
//! Read first: Linux `nf_nat_bysource`, `find_appropriate_src`. A source (address, port, protocol, zone) has a list of
//! groups, newest first; the connections of a group have the same translated source, newest first, and the first of
//! them, the head, stands for all. So one source with a hundred thousand connections is one step, not a hundred thousand.
//!
//! # Limits
//! A group for a new connection is sought among the newest [`NEAREST`], otherwise it begins another one; no search goes
//! beyond [`MOST_GROUPS`]. Only a source with more than that many translations at once notices.
use std::net::IpAddr;

use super::slab::{Links, NONE, Slab};
use super::{Conntrack, hash_source};
use crate::conntrack::connection::Sourced;
use crate::conntrack::{Connection, ConnectionId, Tuple};

/// Among so many groups the one of a new connection is sought.
const NEAREST: usize = 8;
/// So many groups are looked at.
const MOST_GROUPS: usize = 256;

impl Conntrack {
    /// Puts a connection into the list of its source (original source address, port and protocol, original zone):
    /// NAT does so once the source translation is decided.
    pub fn index_source(&mut self, id: ConnectionId) {
        let Some(connection) = self.get(id).filter(|connection| connection.sourced() == Sourced::No) else {
            return;
        };
        let (own, mapped) = (key_of(connection), mapped(connection));
        let hash = hash_of(self.key, own);
        let slots = &self.slots;
        let first = self.sources.find(hash, |head| key_at(slots, head) == Some(own));
        let same = first.and_then(|first| {
            let mut heads = heads(slots, first).take(NEAREST);
            heads.find(|&head| slots.get(head).is_some_and(|other| self::mapped(other) == mapped))
        });
        if let Some(same) = same {
            // Why: the new head goes in front of the list, the old one out of it.
            self.unlink_head(same, hash);
            self.set(same, |slot| slot.previous = id.slot);
            self.set_sourced(same, Sourced::Member);
        }
        self.set(id.slot, |slot| slot.next = same.unwrap_or(NONE));
        self.set_sourced(id.slot, Sourced::Head);
        let slots = &self.slots;
        let first = self.sources.find(hash, |head| key_at(slots, head) == Some(own));
        if first.is_none() {
            self.sources.insert(hash, id.slot);
        }
        self.link_head(id.slot, NONE, first.unwrap_or(NONE), hash);
    }

    /// Of the connections that come from the source of a tuple, the newest of each translation, the newest first (F48).
    /// Those that have expired may be among them, as in Linux.
    pub fn by_source<'a>(&'a self, tuple: &Tuple, zone: u16) -> impl Iterator<Item = ConnectionId> + use<'a> {
        let own = (tuple.source, tuple.source_id, tuple.protocol, zone);
        let slots = &self.slots;
        let first = self.sources.find(hash_of(self.key, own), |head| key_at(slots, head) == Some(own));
        heads(slots, first.unwrap_or(NONE)).take(MOST_GROUPS).filter_map(|head| self.id_of(head))
    }

    /// Takes a connection out of the list of its source.
    pub(super) fn unindex_source(&mut self, slot: u32) {
        let Some((links, connection)) = self.slots.linked(slot) else { return };
        let (previous, next) = (links.previous, links.next);
        match connection.sourced() {
            Sourced::No => return,
            Sourced::Member => {
                self.set(previous, |slot| slot.next = next);
                self.set(next, |slot| slot.previous = previous);
            }
            Sourced::Head => {
                let hash = hash_of(self.key, key_of(connection));
                let after = links.other;
                if next != NONE {
                    // The next newest stands for the group now, where its age puts it.
                    self.set_sourced(next, Sourced::Head);
                    let born = self.slots.get(next).map_or(0, |connection| connection.generation);
                    let mut at = slot;
                    for other in heads(&self.slots, after).take(MOST_GROUPS) {
                        let newer = self.slots.get(other).is_some_and(|connection| {
                            connection.generation.wrapping_sub(born).cast_signed() > 0
                        });
                        if !newer {
                            break;
                        }
                        at = other;
                    }
                    // Why: linked before the old head goes, so that the list is never empty between.
                    let behind = self.slots.links(at).map_or(NONE, |links| links.other);
                    self.link_head(next, at, behind, hash);
                }
                self.unlink_head(slot, hash);
            }
        }
        self.set_sourced(slot, Sourced::No);
        self.set(slot, |slot| *slot = Links::NONE);
    }

    /// Puts a head between two others; without one before it, it is the first.
    fn link_head(&mut self, head: u32, before: u32, after: u32, hash: u64) {
        self.set(head, |slot| (slot.previous, slot.other) = (before, after));
        self.set(after, |slot| slot.previous = head);
        if before == NONE {
            if let Some(first) = self.sources.find_mut(hash, |first| first == after) {
                *first = head;
            }
        } else {
            self.set(before, |slot| slot.other = head);
        }
    }

    /// Takes a head out of the list of heads; its group is left as it is.
    fn unlink_head(&mut self, head: u32, hash: u64) {
        let Some(links) = self.slots.links(head) else { return };
        let (before, after) = (links.previous, links.other);
        self.set(after, |slot| slot.previous = before);
        self.set(before, |slot| slot.other = after);
        if before != NONE {
            return;
        }
        if after == NONE {
            self.sources.remove(hash, head);
        } else if let Some(first) = self.sources.find_mut(hash, |first| first == head) {
            *first = after;
        }
    }

    fn set(&mut self, slot: u32, change: impl FnOnce(&mut Links)) {
        if let Some(links) = self.slots.links_mut(slot) {
            change(links);
        }
    }

    fn set_sourced(&mut self, slot: u32, sourced: Sourced) {
        if let Some(connection) = self.slots.get_mut(slot) {
            connection.set_sourced(sourced);
        }
    }
}

/// The heads of a list from one on.
fn heads(slots: &Slab, first: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(first), |&at| slots.links(at).map(|links| links.other))
        .take_while(|&at| at != NONE)
}

/// What makes two connections have the same source.
type Source = (IpAddr, u16, u8, u16);

fn key_of(connection: &Connection) -> Source {
    let original = connection.original();
    (original.source, original.source_id, original.protocol, connection.zone.original)
}

fn key_at(slots: &Slab, slot: u32) -> Option<Source> {
    slots.get(slot).map(key_of)
}

/// What the source is translated to.
fn mapped(connection: &Connection) -> Option<(IpAddr, u16)> {
    connection.reply().inverted().map(|mapped| (mapped.source, mapped.source_id))
}

fn hash_of(key: [u64; 2], (source, id, protocol, zone): Source) -> u64 {
    hash_source(key, source, id, protocol, zone)
}

#[cfg(test)]
mod tests;

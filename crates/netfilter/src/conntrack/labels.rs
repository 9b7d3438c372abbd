//! Labels of connections: 128 bits for each, which `-m connlabel` reads and sets.
//!
//! They stand beside the table, 20 bytes for each slot, and only while some rule uses them: a connection that begins
//! without such a rule never gets any (Linux: `nf_ct_labels_ext_add`, `net->ct.labels_used`).
use packet::Family;

use super::chunks::Chunks;
use super::{Changes, ConnectionId, Conntrack};

/// How many labels there are.
pub const LABELS: u16 = 128;

/// The labels of a connection.
type Bits = [u32; 4];

/// The labels of all connections, by their slots.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Whether a rule of IPv4 or IPv6 uses them.
    used: [bool; 2],
    /// `None`: the connection has no place for labels.
    bits: Chunks<Option<Bits>>,
}

impl Labels {
    /// A connection begins.
    pub(super) fn begin(&mut self, slot: u32) {
        if self.used == [false; 2] {
            return;
        }
        if self.bits.get(slot).is_none() {
            self.bits.grow(slot as usize + 1, || None);
        }
        if let Some(own) = self.bits.get_mut(slot) {
            *own = Some([0; 4]);
        }
    }

    /// A connection has ended.
    pub(super) fn end(&mut self, slot: u32) {
        if let Some(own) = self.bits.get_mut(slot) {
            *own = None;
        }
    }
}

impl Conntrack {
    /// Whether rules of a family use labels: connections that begin from now on have them.
    pub(crate) fn use_labels(&mut self, family: Family, used: bool) {
        if let Some(own) = self.labels.used.get_mut(family as usize) {
            *own = used;
        }
    }

    /// The labels of a connection, label 0 in the lowest bit; `None`: it began when nobody used labels.
    pub fn labels(&self, id: ConnectionId) -> Option<u128> {
        self.get(id)?;
        let bits = self.labels.bits.get(id.slot)?.as_ref()?;
        Some(bits.iter().rev().fold(0, |all, &word| all << 32 | u128::from(word)))
    }

    /// Gives a connection a label, 0 to 127; `false`: it has no place for labels, or there is no such label.
    pub fn set_label(&mut self, id: ConnectionId, label: u16) -> bool {
        if self.get(id).is_none() {
            return false;
        }
        let slot = self.labels.bits.get_mut(id.slot);
        let Some(word) = slot.and_then(Option::as_mut).and_then(|own| own.get_mut(usize::from(label / 32)))
        else {
            return false;
        };
        let bit = 1 << (label % 32);
        if *word & bit == 0 {
            *word |= bit;
            self.note(Changes::LABEL, id);
        }
        true
    }
}

#[cfg(test)]
mod tests;

use super::{NONE, Status, entry_of, hash_entry, slot_of};
use crate::conntrack::Conntrack;
use crate::conntrack::connection::Sourced;

impl Conntrack {
    /// What holds whenever no packet is on its way: everything that is left is confirmed and found by both tuples, has a
    /// deadline, and every list and count agrees with the slab.
    pub(crate) fn assert_consistent(&self) {
        let mut living = 0;
        let mut sourced = 0;
        for (slot, number) in self.slots.iter().zip(0_u32..) {
            let Some(connection) = &slot.connection else {
                continue;
            };
            living += 1;
            let status = connection.status;
            assert!(status.has(Status::CONFIRMED) && !status.has(Status::DYING), "left over: {connection:?}");
            for entry in [number << 1, (number << 1) | 1] {
                let hash = hash_entry(self.key, &self.slots, entry);
                assert!(self.index.find(hash, |&other| other == entry).is_some(), "{connection:?}");
            }
            sourced += usize::from(connection.sourced != Sourced::No);
            let children = self.slots.iter().filter_map(|other| other.connection.as_ref()).filter(|other| {
                let master = other.rare().master.and_then(|master| self.get(master));
                master.is_some_and(|master| std::ptr::eq(master, connection))
            });
            assert_eq!(connection.rare().children as usize, children.count(), "children of {connection:?}");
        }
        assert_eq!(self.len(), living, "the count");
        assert!(self.len() <= self.config.max && self.events.len() <= self.config.most_events);
        assert_eq!(self.index.len(), 2 * living, "the index");
        assert_eq!(self.wheel.armed(), living, "deadlines");
        let mut free = 0;
        let mut at = self.free;
        while at != NONE {
            let slot = &self.slots[at as usize];
            assert!(slot.connection.is_none() && free < self.slots.len());
            free += 1;
            at = slot.next;
        }
        assert_eq!(free + living, self.slots.len(), "free slots");
        let mut listed = 0;
        for &head in &self.sources {
            let (mut before, mut group) = (NONE, head);
            while let Some((first, connection)) = slot_of(&self.slots, group) {
                assert!(connection.sourced == Sourced::Head && first.previous == before && listed < sourced);
                let mapped = connection.reply().inverted().map(|mapped| (mapped.source, mapped.source_id));
                listed += 1;
                let (mut previous, mut at) = (group, first.next);
                while let Some((slot, connection)) = slot_of(&self.slots, at) {
                    assert!(connection.sourced == Sourced::Member && slot.previous == previous);
                    let own = connection.reply().inverted().map(|mapped| (mapped.source, mapped.source_id));
                    assert_eq!(own, mapped, "one group, one translation");
                    listed += 1;
                    (previous, at) = (at, slot.next);
                }
                (before, group) = (group, first.other);
            }
        }
        assert_eq!(listed, sourced, "the lists of sources");
        for expectation in self.expectations() {
            let master = self.get(expectation.master);
            assert!(master.is_some_and(|master| master.helper().is_some()), "{expectation:?}");
        }
        assert!(self.index.iter().all(|&entry| entry_of(&self.slots, entry).is_some()));
    }
}

#[test]
fn a_new_table_is_empty() {
    let table = Conntrack::default();
    assert!(table.is_empty());
    assert_eq!((table.indexed(), table.slots(), table.poll_timeout()), (0, 0, None));
}

/// Linux: 384 bytes for a connection (design, section 9). Ours at most 256, whatever the fill of the indexes.
#[test]
fn a_connection_takes_less_than_256_bytes() {
    let slot = std::mem::size_of::<super::Slot>();
    let node = crate::conntrack::timer::NODE_BYTES;
    // Growth by a sixteenth leaves at most that much unused.
    let slab = (slot + node) * 17 / 16;
    // Two entries of the index and one of the sources, each with a control byte, at a fill of at least 7/16.
    let index = 3 * 5 * 16 / 7;
    assert!(slab + index <= 256, "{slot} bytes in the slab, {node} in the wheel, {index} in the indexes");
    assert!(std::mem::size_of::<crate::conntrack::ProtocolState>() <= 56);
}

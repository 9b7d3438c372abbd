use super::{NONE, Status, entry_of, hash_entry, slot_of};
use crate::conntrack::Conntrack;

impl Conntrack {
    /// What holds whenever no packet is on its way: everything that is left is confirmed and found by both tuples, has a
    /// deadline, and every list and count agrees with the slab.
    pub(crate) fn assert_consistent(&self) {
        let mut living = 0;
        let mut sourced = 0;
        for (slot, number) in self.slots.iter().zip(0_u32..) {
            let Some(connection) = &slot.connection else {
                assert!(!slot.sourced);
                continue;
            };
            living += 1;
            let status = connection.status;
            assert!(status.has(Status::CONFIRMED) && !status.has(Status::DYING), "left over: {connection:?}");
            for entry in [number << 1, (number << 1) | 1] {
                let hash = hash_entry(self.key, &self.slots, entry);
                assert!(self.index.find(hash, |&other| other == entry).is_some(), "{connection:?}");
            }
            sourced += usize::from(slot.sourced);
            let children = self.slots.iter().filter_map(|other| other.connection.as_ref()).filter(|other| {
                let master = other.master.and_then(|master| self.get(master));
                master.is_some_and(|master| std::ptr::eq(master, connection))
            });
            assert_eq!(connection.children as usize, children.count(), "children of {connection:?}");
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
            at = slot.free;
        }
        assert_eq!(free + living, self.slots.len(), "free slots");
        let mut listed = 0;
        for &head in &self.sources {
            let (mut previous, mut at) = (NONE, head);
            while let Some((slot, _)) = slot_of(&self.slots, at) {
                assert!(slot.sourced && slot.source_previous == previous && listed < sourced);
                listed += 1;
                (previous, at) = (at, slot.source_next);
            }
        }
        assert_eq!(listed, sourced, "the lists of sources");
        for expectation in self.expectations() {
            let master = self.get(expectation.master);
            assert!(master.is_some_and(|master| master.helper.is_some()), "{expectation:?}");
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

/// Linux: 384 bytes for a connection (design, section 9).
#[test]
fn a_connection_is_smaller_than_the_kernels() {
    let slot = std::mem::size_of::<super::Slot>();
    // The two index entries, each with a control byte, at a load of at least 7/16; and the wheel's node.
    let index = 2 * 5 * 16 / 7;
    let node = 32;
    assert!(slot + index + node < 384, "{slot} bytes in the slab");
    assert!(slot > 200, "the figure is about the whole connection: {slot}");
}

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::slab::{Links, NONE};
use super::{Status, entries_of, entry_of, hash_entry};
use crate::conntrack::connection::Sourced;
use crate::conntrack::{Config, Connection, Conntrack, Tuple, Zone};
use crate::time::Instant;

impl Conntrack {
    /// What holds whenever no packet is on its way: everything that is left is confirmed and found by both tuples, has a
    /// deadline, and every list and count agrees with the slab.
    pub(crate) fn assert_consistent(&self) {
        let mut living = 0;
        let mut sourced = 0;
        for (number, connection) in self.slots.iter() {
            living += 1;
            let status = connection.status;
            assert!(status.has(Status::CONFIRMED) && !status.has(Status::DYING), "left over: {connection:?}");
            for entry in entries_of(&self.slots, number) {
                let hash = hash_entry(self.key, &self.slots, entry);
                assert!(self.index.find(hash, |other| other == entry).is_some(), "{connection:?}");
            }
            sourced += usize::from(connection.sourced() != Sourced::No);
            let children = self.slots.iter().filter(|(_, other)| {
                let master = other.rare().master.and_then(|master| self.get(master));
                master.is_some_and(|master| std::ptr::eq(master, connection))
            });
            assert_eq!(connection.rare().children as usize, children.count(), "children of {connection:?}");
        }
        assert_eq!(self.len(), living, "the count");
        assert!(self.len() <= self.config.max && self.events.len() <= self.config.most_events);
        assert_eq!(self.indexed(), 2 * living, "the index");
        assert_eq!(self.wheel.armed(), living, "deadlines");
        let mut free = 0;
        let mut at = self.free;
        while at != NONE {
            assert!(self.slots.get(at).is_none() && free < self.slots.len());
            free += 1;
            at = self.slots.links(at).unwrap().next;
        }
        assert_eq!(free + living, self.slots.len(), "free slots");
        let mut listed = 0;
        for head in self.sources.iter() {
            let (mut before, mut group) = (NONE, head);
            while let Some((first, connection)) = self.slots.linked(group) {
                assert!(
                    connection.sourced() == Sourced::Head && first.previous == before && listed < sourced
                );
                let mapped = connection.reply().inverted().map(|mapped| (mapped.source, mapped.source_id));
                listed += 1;
                let (mut previous, mut at) = (group, first.next);
                while let Some((slot, connection)) = self.slots.linked(at) {
                    assert!(connection.sourced() == Sourced::Member && slot.previous == previous);
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
        assert!(self.index.iter().all(|entry| entry_of(&self.slots, entry).is_some()));
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
    let slot = size_of::<Connection>();
    let lists = crate::conntrack::timer::NODE_BYTES + size_of::<Links>();
    // Two entries of the index and one of the sources, of which at least three fifths are in use.
    let index = (3 * super::index::ENTRY_BYTES * 5).div_ceil(3);
    assert!(
        slot + lists + index <= 256,
        "{slot} bytes in the slab, {lists} in lists, {index} in the indexes"
    );
}

/// Fills a table and counts what the allocator gave for it: slots, both entries of the index, the wheel, the lists of
/// sources. Nothing is reserved before. The most for each that it ever was from 100,000 connections on, and the most that
/// one of them asked the allocator for.
fn bytes_for_each(count: u32, make: impl Fn(u32) -> (Tuple, Tuple)) -> (f64, u64) {
    let mut table = Conntrack::new(Config { max: 2_000_000, ..Config::default() }, [1, 2]);
    let (mut bytes, mut most, mut dearest) = (0, 0.0_f64, 0);
    for number in 0..count {
        let counted = allocation_counter::measure(|| {
            let (original, reply) = make(number);
            let id = table.insert(Connection::new(original, reply, Zone::default()), Instant(0)).unwrap();
            table.get_mut(id).unwrap().expires = Instant(u64::from(number) << 20);
            table.index_source(id);
            assert!(table.index(id, Instant(0)));
        });
        bytes += counted.bytes_current;
        dearest = dearest.max(counted.bytes_total);
        if number >= 100_000 {
            most = most.max(bytes as f64 / f64::from(number + 1));
        }
    }
    assert_eq!(table.len(), count as usize);
    (most, dearest)
}

fn v4_masqueraded(number: u32) -> (Tuple, Tuple) {
    let port = |bits: u32| 1024 + (bits & 0x3fff) as u16;
    let original = Tuple {
        source: IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | number >> 4)),
        destination: IpAddr::V4(Ipv4Addr::from(0x0808_0000 | number & 0xff)),
        protocol: 6,
        source_id: port(number),
        destination_id: 443,
    };
    let mut reply = original.inverted().unwrap();
    reply.destination = IpAddr::V4(Ipv4Addr::from(0xcb00_7100 | number >> 14));
    (original, reply)
}

fn v6(number: u32) -> (Tuple, Tuple) {
    let original = Tuple {
        source: IpAddr::V6(Ipv6Addr::from(0xfd00 << 112 | u128::from(number >> 4))),
        destination: IpAddr::V6(Ipv6Addr::from(0x2001 << 112 | u128::from(number & 0xff))),
        protocol: 6,
        source_id: 1024 + (number & 0x3fff) as u16,
        destination_id: 443,
    };
    (original, original.inverted().unwrap())
}

/// The same from behind an address for each 16,384 of them.
fn v6_masqueraded(number: u32) -> (Tuple, Tuple) {
    let (original, mut reply) = v6(number);
    reply.destination = IpAddr::V6(Ipv6Addr::from(0x2002 << 112 | u128::from(number >> 14)));
    (original, reply)
}

/// The same to a server that hides behind another address, too.
fn v6_at_both_ends(number: u32) -> (Tuple, Tuple) {
    let (original, mut reply) = v6_masqueraded(number);
    reply.source = IpAddr::V6(Ipv6Addr::from(0xfd01 << 112 | u128::from(number & 0xff)));
    (original, reply)
}

/// At most 256 bytes all told, translated at one end, at both or not at all, also where the indexes have just grown.
///
/// And no connection waits for a large store that grows: whatever is moved is moved into memory that was asked for, and that is
/// hardly more than a chunk and, of each of three indexes, one part of 256.
#[test]
fn a_million_connections_take_at_most_256_bytes_each() {
    let untranslated = |number| {
        let (original, _) = v4_masqueraded(number);
        (original, original.inverted().unwrap())
    };
    for (what, count, (bytes, dearest), most) in [
        ("IPv4", 114_700, bytes_for_each(114_700, untranslated), 80),
        ("IPv4, translated", 1_000_000, bytes_for_each(1_000_000, v4_masqueraded), 240),
        ("IPv4, translated, indexes grown", 114_700, bytes_for_each(114_700, v4_masqueraded), 80),
        ("IPv6", 114_700, bytes_for_each(114_700, v6), 80),
        ("IPv6, translated", 229_400, bytes_for_each(229_400, v6_masqueraded), 100),
        ("IPv6, translated at both ends", 114_700, bytes_for_each(114_700, v6_at_both_ends), 80),
    ] {
        println!("{what}: {bytes:.1} bytes for each of {count}; the dearest asked for {dearest}");
        assert!(bytes <= 256.0, "{what}: {bytes:.1} bytes for each of {count}");
        assert!(bytes > 200.0, "{what}: the allocator was counted: {bytes:.1}");
        assert!(dearest <= most * 1024, "{what}: one connection asked for {dearest} bytes");
        assert!(dearest > 48 * 1024, "{what}: a chunk of connections was counted: {dearest}");
    }
}

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::MOST_GROUPS;
use crate::conntrack::{Connection, ConnectionId, Conntrack, Tuple, Zone};
use crate::time::Instant;

const NOW: Instant = Instant(0);

/// A connection from a source that is translated to a mapping, to a destination of its own.
fn connection(source: u8, mapping: u16, number: u16) -> Connection {
    let original = Tuple {
        source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, source)),
        destination: IpAddr::V4(Ipv4Addr::from(0x0808_0000 | u32::from(number))),
        protocol: 17,
        source_id: 5,
        destination_id: 53,
    };
    let mut reply = original.inverted().unwrap();
    reply.destination = IpAddr::V4(Ipv4Addr::from(0xcb00_7100 | u32::from(mapping >> 8)));
    reply.destination_id = mapping & 255;
    Connection::new(original, reply, Zone::default())
}

fn begin(table: &mut Conntrack, connection: Connection) -> ConnectionId {
    let id = table.insert(connection, NOW).unwrap();
    table.get_mut(id).unwrap().expires = Instant(1 << 40);
    table.index_source(id);
    table.index_source(id);
    assert!(table.index(id, NOW));
    id
}

proptest! {
    /// Against a plain list: the newest of each translation, newest first.
    #[test]
    fn equals_a_list(steps in proptest::collection::vec((0u8..3, 0u8..3, 0u16..7, any::<prop::sample::Index>()), 1..80)) {
        let mut table = Conntrack::default();
        let mut list: Vec<(ConnectionId, u8, u16)> = Vec::new();
        for (number, (kind, source, mapping, which)) in steps.into_iter().enumerate() {
            if kind == 0 && !list.is_empty() {
                let (id, ..) = list.remove(which.index(list.len()));
                table.kill(id);
            } else {
                let id = begin(&mut table, connection(source, mapping, number as u16));
                list.push((id, source, mapping));
            }
            table.assert_consistent();
            for source in 0..3 {
                let mut wanted = Vec::new();
                let mut seen = Vec::new();
                for (id, own, mapping) in list.iter().rev() {
                    if *own == source && !seen.contains(mapping) {
                        seen.push(*mapping);
                        wanted.push(*id);
                    }
                }
                let tuple = connection(source, 0, 0).original();
                prop_assert_eq!(table.by_source(&tuple, 0).collect::<Vec<_>>(), wanted);
                prop_assert_eq!(table.by_source(&tuple, 9).count(), 0);
            }
        }
    }
}

#[test]
fn one_source_with_many_connections_is_one_step() {
    let mut table = Conntrack::default();
    for number in 0..3000 {
        begin(&mut table, connection(1, 1, number));
    }
    assert_eq!(table.by_source(&connection(1, 0, 0).original(), 0).count(), 1);
}

#[test]
fn at_the_limit_the_oldest_translations_are_not_looked_at() {
    let mut table = Conntrack::default();
    let ids: Vec<_> = (0..400).map(|mapping| begin(&mut table, connection(1, mapping, mapping))).collect();
    let found: Vec<_> = table.by_source(&connection(1, 0, 0).original(), 0).collect();
    assert_eq!(found.len(), MOST_GROUPS);
    assert_eq!(found, ids.iter().rev().take(MOST_GROUPS).copied().collect::<Vec<_>>());
    table.assert_consistent();
    table.flush();
    table.assert_consistent();
}

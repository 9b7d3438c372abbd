use packet::build;

use super::*;
use crate::conntrack::testing::World;

const CLIENT: &str = "10.0.1.5";
const SERVER: &str = "203.0.113.9";

/// A control connection's entry: the server's key `to` is answered by the client's key `from`.
fn entry(from: u16, to: u16) -> Tuple {
    Tuple {
        source: CLIENT.parse().unwrap(),
        destination: SERVER.parse().unwrap(),
        source_id: from,
        destination_id: to,
        protocol: protocol::GRE,
    }
}

fn controls(world: &mut World) -> [ConnectionId; 2] {
    for port in 1..=2 {
        let from = (CLIENT.parse::<IpAddr>().unwrap(), port);
        let to = (SERVER.parse::<IpAddr>().unwrap(), 1723);
        world.forward("lan0", &build::tcp(from, to).flags("S").build());
    }
    let ids: Vec<_> = world.table.iter().map(|(id, _)| id).collect();
    ids.try_into().unwrap()
}

#[test]
fn of_two_entries_alike_the_older_one_counts_and_each_goes_with_its_connection() {
    let mut world = World::new();
    let [one, other] = controls(&mut world);
    let mut keys = Keys::default();
    keys.add(one, entry(7, 100));
    keys.add(other, entry(8, 100));
    assert_eq!((keys.len(), keys.source_key(&entry(0, 100))), (2, 7));
    keys.remove(one, &entry(7, 100));
    assert_eq!((keys.len(), keys.source_key(&entry(0, 100))), (1, 8));
    keys.remove(other, &entry(8, 100));
    assert!(keys.entries.is_empty(), "no empty list stays");
    assert_eq!(keys.source_key(&entry(0, 100)), 0);
}

/// Only a whole header of version 1 has a key, even if somebody's key is 0.
#[test]
fn what_has_no_key_is_not_looked_up() {
    let mut world = World::new();
    let [control, _] = controls(&mut world);
    world.table.keys.add(control, entry(7, 0));
    world.table.keys.add(control, entry(9, 3));
    for (header, source, destination) in [
        (&[0x30, 1, 0x88, 0x0b, 0, 0, 0, 0][..], 7, 0),
        (&[0x30, 1, 0x88, 0x0b, 0, 0, 0, 3], 9, 3),
        (&[0x30, 1, 0x88, 0x0b, 0, 0, 0, 4], 0, 4),
        (&[0x30, 1, 0x88, 0x0b, 0, 0, 0], 0, 0),
        (&[0x30, 0, 0x88, 0x0b, 0, 0, 0, 3], 0, 0),
        (&[0x30, 0, 0x88, 0x0b, 0, 0, 0, 0], 0, 0),
    ] {
        let bytes = build::raw(protocol::GRE, CLIENT, SERVER).payload(header).build();
        let packet = world.packet("lan0", &bytes);
        let tuple = world.table.tuple_of(packet.view()).unwrap();
        assert_eq!((tuple.source_id, tuple.destination_id), (source, destination), "{header:?}");
    }
}

/// A tunnel keeps the timeouts that it began with.
#[test]
fn timeouts_are_those_of_the_beginning() {
    let mut world = World::new();
    let there = build::raw(protocol::GRE, CLIENT, SERVER).payload([0, 0, 8, 0]).build();
    let back = build::raw(protocol::GRE, SERVER, CLIENT).payload([0, 0, 8, 0]).build();
    world.forward("lan0", &there);
    let left = |world: &World| world.table.get(world.only()).unwrap().remaining(world.now.mono).as_secs();
    assert_eq!(left(&world), 30);
    let timeouts = &mut world.table.config.timeouts;
    (timeouts.gre, timeouts.gre_stream) = (Duration::from_secs(5), Duration::from_secs(9));
    world.forward("lan0", &there);
    assert_eq!(left(&world), 30);
    world.forward("wan0", &back);
    world.forward("lan0", &there);
    assert_eq!(left(&world), 180);
}

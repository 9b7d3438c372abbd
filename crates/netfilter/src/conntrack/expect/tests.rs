use packet::{build, protocol};

use super::{Expectation, Refused};
use crate::conntrack::helper::Kind;
use crate::conntrack::testing::World;
use crate::conntrack::{Config, ConnectionId};
use crate::skb::Tracking;
use crate::time::Instant;

fn masters(world: &mut World, count: u16) -> Vec<ConnectionId> {
    let mut ids = Vec::new();
    for port in 0..count {
        let from = ("10.0.1.5".parse::<std::net::IpAddr>().unwrap(), port);
        let passed = world.forward("lan0", &build::tcp(from, "203.0.113.9:21").flags("S").build());
        let Tracking::Entry { connection, .. } = passed.packet.tracking else { panic!() };
        ids.push(connection);
    }
    ids
}

fn expectation(master: ConnectionId, port: u16) -> Expectation {
    Expectation {
        master,
        source: Some("203.0.113.9".parse().unwrap()),
        source_port: None,
        destination: "10.0.1.5".parse().unwrap(),
        destination_port: port,
        protocol: protocol::TCP,
        zone: 0,
        translated: None,
        helper: Kind::Ftp,
        expires: Instant(1 << 40),
    }
}

#[test]
fn two_masters_cannot_expect_the_same() {
    let mut world = World::new();
    let ids = masters(&mut world, 2);
    let now = world.now.mono;
    assert_eq!(world.table.expect(expectation(ids[0], 1), now), Ok(()));
    assert_eq!(world.table.expect(expectation(ids[0], 1), now), Ok(()), "the same again");
    assert_eq!(world.table.expect(expectation(ids[1], 1), now), Err(Refused::Busy));
    let part = Expectation { source: None, ..expectation(ids[1], 1) };
    assert_eq!(world.table.expect(part, now), Err(Refused::Busy), "one that overlaps");
    assert_eq!(world.table.expect(expectation(ids[1], 2), now), Ok(()));
    assert_eq!(world.table.expectations().count(), 2);
}

#[test]
fn there_is_a_limit() {
    let mut world = World::with(Config { expect_max: 2, ..Config::default() });
    let ids = masters(&mut world, 3);
    let now = world.now.mono;
    let taken: Vec<_> =
        ids.iter().map(|&id| world.table.expect(expectation(id, id.slot as u16), now)).collect();
    assert_eq!(taken, [Ok(()), Ok(()), Err(Refused::Full)]);
    world.table.expire(crate::Now { mono: Instant(1 << 41), wall: 0 });
    assert_eq!(world.table.expectations().count(), 0);
}

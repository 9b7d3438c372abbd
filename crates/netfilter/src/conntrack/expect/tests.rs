use packet::{build, protocol};

use super::{Expectation, Flags, Refused};
use crate::conntrack::helper::Kind;
use crate::conntrack::testing::World;
use crate::conntrack::{Config, ConnectionId, Direction, Zone};
use crate::hook::Verdict;
use crate::skb::{Drop, Template, Tracking};
use crate::time::Instant;

fn masters(world: &mut World, count: u16) -> Vec<ConnectionId> {
    let mut ids = Vec::new();
    world.template = Some(Template { helper: Some("ftp".into()), ..Template::default() });
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
        ..Expectation::new(master, Kind::Ftp, protocol::TCP, "10.0.1.5".parse().unwrap(), port)
    }
}

#[test]
fn two_masters_cannot_expect_the_same() {
    let mut world = World::new();
    let ids = masters(&mut world, 2);
    let now = world.now.mono;
    assert_eq!(world.table.expect(expectation(ids[0], 1), now).map(drop), Ok(()));
    assert_eq!(world.table.expect(expectation(ids[0], 1), now).map(drop), Ok(()), "the same again");
    assert_eq!(world.table.expect(expectation(ids[1], 1), now), Err(Refused::Busy));
    let part = Expectation { source: None, ..expectation(ids[1], 1) };
    assert_eq!(world.table.expect(part, now), Err(Refused::Busy), "one that overlaps");
    assert_eq!(world.table.expect(expectation(ids[1], 2), now).map(drop), Ok(()));
    assert_eq!(world.table.expectations().count(), 2);
}

#[test]
fn there_is_a_limit() {
    let mut world = World::with(Config { expect_max: 2, ..Config::default() });
    let ids = masters(&mut world, 3);
    let now = world.now.mono;
    let taken: Vec<_> =
        ids.iter().map(|&id| world.table.expect(expectation(id, id.slot as u16), now).map(drop)).collect();
    assert_eq!(taken, [Ok(()), Ok(()), Err(Refused::Full)]);
    world.table.expire(crate::Now { mono: Instant(1 << 41), wall: 0 });
    assert_eq!(world.table.expectations().count(), 0);
}

/// Measured with 4096 expectations of TFTP on Linux 6.18: a packet that would make one more is dropped, its connection does
/// not begin, and it is said at most 10 times in 5 seconds.
#[test]
fn at_the_limit_packets_of_helpers_are_dropped() {
    let mut world = World::with(Config { expect_max: 2, ..Config::default() });
    world.template = Some(Template { helper: Some("tftp".into()), ..Template::default() });
    let ask = |world: &mut World, port: u16| {
        let from = ("10.0.1.5".parse::<std::net::IpAddr>().unwrap(), port);
        let asked = build::udp(from, "203.0.113.9:69").payload("\0\u{1}file\0octet\0");
        world.forward("lan0", &asked.build()).verdict
    };
    assert_eq!([1, 2].map(|port| ask(&mut world, port)), [Verdict::Accept; 2]);
    for port in 3..15 {
        let refused = Verdict::Drop(Drop::Helper("cannot add expectation"));
        assert_eq!(ask(&mut world, port), refused);
    }
    let said = world.log().iter().filter(|line| line.text == "nf_conntrack: expectation table full");
    assert_eq!((said.count(), world.table.len()), (10, 2));
    assert!(world.log()[1].text.starts_with("nf_ct_tftp: dropping packet: cannot add expectation "));
    // Room again when one has run out.
    world.wait(std::time::Duration::from_secs(301));
    assert_eq!(ask(&mut world, 20), Verdict::Accept);
}

/// Only the bits of a mask count in the source (Linux: `nf_ct_tuple_src_mask_cmp`), and what overlaps in them clashes.
#[test]
fn a_source_may_be_a_subnet() {
    let mut world = World::new();
    let ids = masters(&mut world, 2);
    let now = world.now.mono;
    let subnet = Expectation {
        source_mask: Some("255.255.255.0".parse().unwrap()),
        flags: Flags::PERMANENT,
        ..expectation(ids[0], 1)
    };
    world.table.expect(subnet, now).unwrap();
    assert_eq!(world.table.expect(expectation(ids[1], 1), now), Err(Refused::Busy));
    let elsewhere = Expectation { source: "203.0.112.9".parse().ok(), ..expectation(ids[1], 1) };
    assert!(world.table.expect(elsewhere, now).is_ok());
    world.template = None;
    for (source, state) in
        [("203.0.113.77:5", "RELATED"), ("203.0.113.78:5", "RELATED"), ("203.0.114.1:5", "NEW")]
    {
        let bytes = build::tcp(source, "10.0.1.5:1").flags("S").build();
        assert_eq!(world.forward("wan0", &bytes).state_name(), state, "{source}");
    }
    assert_eq!(world.table.expectations().count(), 2, "a permanent one stays");
}

#[test]
fn what_is_inactive_is_not_met_and_what_is_taken_back_is_gone() {
    let mut world = World::new();
    let ids = masters(&mut world, 1);
    let now = world.now.mono;
    let id =
        world.table.expect(Expectation { flags: Flags::INACTIVE, ..expectation(ids[0], 1) }, now).unwrap();
    let line = world.table.expectation_lines(world.now).next().unwrap();
    assert!(line.ends_with("sport=0 dport=1 INACTIVE ftp"), "{line}");
    world.template = None;
    let syn = build::tcp("203.0.113.9:20", "10.0.1.5:1").flags("S");
    assert_eq!(world.forward("wan0", &syn.build()).state_name(), "NEW");
    let tuple = world.table.expectation(id).unwrap().tuple();
    assert_eq!(world.table.find_expectation(&tuple, Zone::default(), now), Some(id));
    world.table.renew_expectation(id, Flags::default(), now + std::time::Duration::from_secs(5));
    let line = world.table.expectation_lines(world.now).next().unwrap();
    assert!(line.starts_with("5 ") && line.ends_with("dport=1 ftp"), "{line}");
    assert_eq!(world.table.expectations_of(ids[0]), [id]);
    assert_eq!(world.table.unexpect(id).map(|item| item.direction), Some(Direction::Original));
    assert_eq!(world.table.unexpect(id), None);
    assert_eq!(world.table.expectations().count(), 0);
}

#[test]
fn a_connection_without_helper_expects_nothing() {
    let mut world = World::new();
    let syn = build::tcp("10.0.1.5:9", "203.0.113.9:21").flags("S").build();
    world.forward("lan0", &syn);
    let id = world.only();
    assert_eq!(world.table.expect(expectation(id, 1), world.now.mono), Err(Refused::NoHelper));
}

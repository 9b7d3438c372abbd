use std::time::Duration;

use packet::{build, protocol};

use super::{Expectation, Flags, Refused};
use crate::conntrack::format::{Expected, Style};
use crate::conntrack::helper::Kind;
use crate::conntrack::testing::World;
use crate::conntrack::{Config, ConnectionId, Direction, Zone};
use crate::hook::Verdict;
use crate::skb::{Drop, Template, Tracking};
use crate::time::{Instant, JIFFY};

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
    // Room again when one has run out, which is when its timer fires: 4096 jiffies of 4 ms are the grain of 300 seconds.
    world.wait(Duration::from_secs(311));
    assert_eq!(ask(&mut world, 18), Verdict::Drop(Drop::Helper("cannot add expectation")));
    world.wait(Duration::from_millis(310));
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
    world.table.renew_expectation(id, Flags::default(), Duration::from_secs(5), now);
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

/// Connections that outlive what they expect.
fn live_long(world: &mut World) {
    let (timeouts, long) = (&mut world.table.config.timeouts, Duration::from_secs(1_000));
    (timeouts.tcp_syn_sent, timeouts.tcp_max_retrans) = (long, long);
}

/// The jiffies at which connections of a port are tried, and what each was.
fn tried<const N: usize>(world: &mut World, jiffies: [u64; N], port: u16) -> [&'static str; N] {
    jiffies.map(|at| {
        world.now.mono = Instant(at * JIFFY);
        // Each is a connection of its own.
        let source = ("203.0.113.9".parse::<std::net::IpAddr>().unwrap(), (at % 60_000) as u16);
        let to = ("10.0.1.5".parse::<std::net::IpAddr>().unwrap(), port);
        world.forward("wan0", &build::tcp(source, to).flags("S").build()).state_name()
    })
}

/// What is due runs out when its timer fires: at a round number of 4096 jiffies behind 300 seconds (75,000), of 512 behind 17
/// (4,250), of 8 behind 2 (500). Until then it is met, shown with a time below 0, and in the way of others.
#[test]
fn f62_an_expectation_runs_out_when_its_timer_fires() {
    for (life, due, fires) in [(None, 85_000, 86_016), (Some(17), 14_250, 14_336), (Some(2), 10_500, 10_504)]
    {
        let mut world = World::new();
        world.now.mono = Instant(10_000 * JIFFY);
        live_long(&mut world);
        let ids = masters(&mut world, 2);
        world.template = None;
        let now = world.now.mono;
        let item = Expectation { flags: Flags::PERMANENT, ..expectation(ids[0], 1) };
        let id = world.table.expect(item, now).unwrap();
        if let Some(seconds) = life {
            world.table.renew_expectation(id, Flags::PERMANENT, Duration::from_secs(seconds), now);
        }
        assert_eq!(world.table.expectation(id).unwrap().timer.due, Instant(due * JIFFY));
        let states = tried(&mut world, [due - 1, due, due + 2, fires - 1], 1);
        assert_eq!(states, ["RELATED"; 4], "{life:?}");
        let late = (fires - 1 - due) / 250;
        let wanted = if late == 0 { "0 ".to_owned() } else { format!("-{late} ") };
        let line = world.table.expectation_lines(world.now).next().unwrap();
        assert!(line.starts_with(&wanted), "{line}");
        let mut dump = String::new();
        world.table.dump(Style::Extended, world.now, &mut dump);
        assert!(dump.lines().any(|line| line.starts_with("0 proto=6 ")), "{dump}");
        let now = world.now.mono;
        assert_eq!(world.table.expect(expectation(ids[1], 1), now), Err(Refused::Busy));
        assert_eq!(world.table.expectations.next_timeout(), Some(Instant(fires * JIFFY)));
        assert_eq!(tried(&mut world, [fires], 1), ["NEW"], "{life:?}");
        let now = world.now.mono;
        assert!(world.table.expect(expectation(ids[1], 1), now).is_ok());
    }
}

/// Of those that run out together the one that was renewed last is told first; one that stays in its place of the wheel keeps
/// its turn.
#[test]
fn what_runs_out_together_goes_in_the_order_of_the_kernels_lists() {
    let mut world = World::with(Config { most_events: 100, ..Config::default() });
    let ids = masters(&mut world, 4);
    let now = world.now.mono;
    let all: Vec<_> =
        ids.iter().zip(1..).map(|(&id, port)| world.table.expect(expectation(id, port), now)).collect();
    let life = Duration::from_secs(10);
    for at in [0, 2, 1, 3] {
        world.table.renew_expectation(all[at].unwrap(), Flags::default(), life, now);
    }
    // Another jiffy of the same place, and one of another place and back.
    let [first, third] = [all[0], all[2]].map(Result::unwrap);
    world.table.renew_expectation(first, Flags::default(), life + Duration::from_millis(4), now);
    world.table.renew_expectation(third, Flags::default(), life * 2, now);
    world.table.renew_expectation(third, Flags::default(), life, now);
    while world.table.poll_event().is_some() {}
    // 2500 jiffies, up to a multiple of 64.
    world.now.mono = Instant(2_559 * JIFFY);
    world.table.expire(world.now);
    assert!(world.table.poll_event().is_none());
    world.now.mono = Instant(2_560 * JIFFY);
    world.table.expire(world.now);
    let mut ports = Vec::new();
    while let Some(event) = world.table.poll_event() {
        ports.extend(event.expectation.map(|own| own.destination_port));
    }
    assert_eq!(ports, [3, 4, 2, 1]);
}

/// What a table on a machine had is met until the timer fires that its helper has started, as far as seconds tell.
#[test]
fn a_line_that_is_late_is_loaded_and_lives_on() {
    let mut world = World::new();
    world.now.mono = Instant(100_000 * JIFFY);
    live_long(&mut world);
    let ids = masters(&mut world, 1);
    let now = world.now.mono;
    let id = world.table.expect(expectation(ids[0], 1), now).unwrap();
    world.now.mono = Instant(176_000 * JIFFY);
    let mut dump = String::new();
    world.table.dump(Style::Extended, world.now, &mut dump);
    let late = world.table.expectation_lines(world.now).next().unwrap();
    assert!(late.starts_with("-4 l3proto = 2 "), "{late}");
    assert_eq!(Expected::parse(&late).unwrap().seconds, -4);
    let mut again = World::new();
    again.now = world.now;
    again.table.load(&dump, &|_| None, again.now).unwrap();
    let timer = again.table.expectations().next().unwrap().timer;
    assert_eq!(timer.fires, world.table.expectation(id).unwrap().timer.fires);
    assert_eq!(timer.seconds(again.now.mono), 0, "the tool does not say how late it is");
}

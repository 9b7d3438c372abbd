use std::time::Duration;

use packet::build;
use proptest::prelude::*;
use rules::Hook;

use crate::conntrack::testing::World;
use crate::conntrack::{Config, Conntrack, Direction, EventKind, Status, Zone};
use crate::hook::Verdict;
use crate::skb::{Drop, Info, Template, Tracking};

const A: &str = "10.0.1.5:1000";
const B: &str = "203.0.113.9:53";

fn query() -> Vec<u8> {
    build::udp(A, B).payload("q").build()
}

fn answer() -> Vec<u8> {
    build::udp(B, A).payload("a").build()
}

fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}

fn left(world: &World) -> u64 {
    world.table.get(world.only()).unwrap().remaining(world.now.mono).as_secs()
}

#[test]
fn f45_udp_becomes_a_stream_after_two_seconds_and_a_reply() {
    let mut world = World::new();
    assert_eq!(world.forward("lan0", &query()).state_name(), "NEW");
    assert_eq!(left(&world), 30);
    world.wait(seconds(1.0));
    assert_eq!(world.forward("wan0", &answer()).state_name(), "ESTABLISHED");
    world.wait(seconds(1.0));
    world.forward("lan0", &query());
    assert_eq!(left(&world), 30, "not more than 2 s");
    world.wait(seconds(0.1));
    world.forward("wan0", &answer());
    assert_eq!(left(&world), 120);
    assert!(world.table.get(world.only()).unwrap().status.has(Status::ASSURED));
}

#[test]
fn f45_without_a_reply_it_never_is_one() {
    let mut world = World::new();
    for _ in 0..5 {
        assert_eq!(world.forward("lan0", &query()).state_name(), "NEW");
        world.wait(seconds(10.0));
    }
    assert_eq!(left(&world), 20);
    world.wait(seconds(20.0));
    assert!(world.lines().is_empty(), "an expired entry is not shown");
    assert_eq!(world.forward("wan0", &answer()).state_name(), "NEW", "and never found");
}

#[test]
fn f46_echo_requests_and_stray_answers() {
    let mut world = World::new();
    let request = build::icmp("10.0.1.5", "203.0.113.9").echo_request(7, 1).build();
    let reply = build::icmp("203.0.113.9", "10.0.1.5").echo_reply(7, 1).build();
    assert_eq!(world.forward("wan0", &reply).state_name(), "INVALID");
    assert_eq!(world.forward("lan0", &request).state_name(), "NEW");
    for _ in 0..3 {
        assert_eq!(world.forward("wan0", &reply).state_name(), "ESTABLISHED");
    }
    // The other side may use the same identifier: another entry.
    let theirs = build::icmp("203.0.113.9", "10.0.1.5").echo_request(7, 1).build();
    assert_eq!(world.forward("wan0", &theirs).state_name(), "NEW");
    assert_eq!(world.lines().len(), 2);
}

#[test]
fn f47_errors_are_related_and_leave_no_trace() {
    let mut world = World::new();
    world.forward("lan0", &query());
    let before = world.line();
    let error = build::icmp_error("198.51.100.1", "10.0.1.5", 3, 1, &query()).build();
    let passed = world.forward("wan0", &error);
    assert_eq!(passed.state_name(), "RELATED");
    let Tracking::Entry { info, connection } = passed.packet.tracking else {
        panic!("{:?}", passed.packet.tracking)
    };
    assert_eq!((info, connection), (Info::RelatedReply, world.only()), "any router may send it");
    assert_eq!(world.line(), before);
    let elsewhere = build::icmp_error("198.51.100.1", "10.0.1.6", 3, 1, &query()).build();
    assert_eq!(world.forward("wan0", &elsewhere).state_name(), "INVALID");
    let unknown = build::udp("10.0.1.5:1", B).build();
    let unknown = build::icmp_error("198.51.100.1", "10.0.1.5", 3, 1, &unknown).build();
    assert_eq!(world.forward("wan0", &unknown).state_name(), "INVALID");
    for (length, expected) in [(24, "RELATED"), (23, "INVALID")] {
        let cut = build::icmp_error("198.51.100.1", "10.0.1.5", 11, 0, &query()[..length]).build();
        assert_eq!(world.forward("wan0", &cut).state_name(), expected, "{length} bytes quoted");
    }
}

#[test]
fn f21_f35_states_without_a_connection() {
    let mut world = World::new();
    let mut packet = world.packet("lan0", &query());
    assert_eq!(world.table.states(&packet), rules::matches::conntrack::StateSet::INVALID);
    packet.tracking = Tracking::Untracked;
    let verdict = world.env(|env| Conntrack::handle(&mut packet, Hook::Prerouting, env));
    assert_eq!((verdict, packet.tracking), (Verdict::Accept, Tracking::Untracked));
    assert!(world.table.is_empty());
}

#[test]
fn f36_zones_separate() {
    let mut world = World::new();
    world.template = Some(Template { zone: Zone { original: 7, reply: 7 }, ..Template::default() });
    assert_eq!(world.forward("lan0", &query()).state_name(), "NEW");
    assert!(world.line().ends_with("mark=0 zone=7 use=2"), "{}", world.line());
    world.template = None;
    assert_eq!(world.forward("wan0", &answer()).state_name(), "NEW", "a reply without the zone");
    assert_eq!(world.forward("lan0", &query()).state_name(), "ESTABLISHED", "of that one");
    world.template = Some(Template { zone: Zone { original: 7, reply: 7 }, ..Template::default() });
    assert_eq!(world.forward("wan0", &answer()).state_name(), "ESTABLISHED");
    assert_eq!(world.lines().len(), 2);
}

#[test]
fn f36_a_zone_for_one_direction() {
    let mut world = World::new();
    world.template = Some(Template { zone: Zone { original: 7, reply: 0 }, ..Template::default() });
    world.forward("lan0", &query());
    let line = world.line();
    assert!(line.contains("dport=53 zone-orig=7 packets=1") && line.ends_with("mark=0 use=2"), "{line}");
    world.template = None;
    assert_eq!(world.forward("wan0", &answer()).state_name(), "ESTABLISHED", "replies have none");
}

#[test]
fn f37_virtual_states() {
    let mut world = World::new();
    world.forward("lan0", &query());
    let id = world.only();
    world.table.get_mut(id).unwrap().status.set(Status::SRC_NAT);
    let passed = world.forward("wan0", &answer());
    assert_eq!(passed.state.0, 8 | 32, "ESTABLISHED and SNAT");
}

#[test]
fn f28_answers_of_reject_are_related() {
    let mut world = World::new();
    let mut packet = world.packet("lan0", &query());
    world.env(|env| Conntrack::handle(&mut packet, Hook::Prerouting, env));
    let mut answer = world.packet("", &build::icmp_error("10.0.1.1", "10.0.1.5", 3, 3, &query()).build());
    Conntrack::attach(&mut answer, packet.tracking);
    assert_eq!(world.table.states(&answer), rules::matches::conntrack::StateSet::RELATED);
    let verdicts = world
        .env(|env| (Conntrack::handle(&mut answer, Hook::Output, env), Conntrack::confirm(&mut answer, env)));
    assert_eq!(verdicts, (Verdict::Accept, Verdict::Accept));
    world.table.release(&answer);
    world.table.release(&packet);
    assert!(world.table.is_empty(), "none remains");
    // To a packet that is UNTRACKED nothing is attached but that it was seen; to one that is INVALID not even that.
    let mut answer = world.packet("", &query());
    packet.tracking = Tracking::Untracked;
    Conntrack::attach(&mut answer, packet.tracking);
    assert_eq!(answer.tracking, Tracking::Vacant);
    assert_eq!(world.table.states(&answer), rules::matches::conntrack::StateSet::INVALID);
}

#[test]
fn f7_a_packet_that_was_seen_is_not_counted_again() {
    let mut world = World::new();
    let mut packet = world.packet("", &query());
    for hook in [Hook::Output, Hook::Prerouting] {
        world.env(|env| Conntrack::handle(&mut packet, hook, env));
        assert_eq!(world.table.states(&packet), rules::matches::conntrack::StateSet::NEW);
        world.env(|env| Conntrack::confirm(&mut packet, env));
    }
    world.table.release(&packet);
    assert_eq!(world.table.get(world.only()).unwrap().counters[0].packets, 1);
}

#[test]
fn f51_a_taken_reply_tuple_is_dropped_at_confirm() {
    let mut world = World::new();
    world.forward("lan0", &query());
    let taken = world.table.get(world.only()).unwrap().reply();
    let other = build::udp("10.0.1.6:1000", B).build();
    let passed = world.forward_through("lan0", &other, |packet, env| {
        let Tracking::Entry { connection, .. } = packet.tracking else { panic!() };
        assert!(env.conntrack.tuple_taken(&taken, connection, env.now.mono));
        env.conntrack.set_reply(connection, taken);
        Verdict::Accept
    });
    assert_eq!(passed.verdict, Verdict::Drop(Drop::InsertFailed));
    world.check();
    assert_eq!(world.lines().len(), 1);
}

#[test]
fn an_expired_entry_takes_no_tuple() {
    let mut world = World::new();
    world.forward("lan0", &query());
    let taken = world.table.get(world.only()).unwrap().reply();
    world.wait(seconds(30.0));
    let other = build::udp("10.0.1.6:1000", B).build();
    let passed = world.forward_through("lan0", &other, |packet, env| {
        let Tracking::Entry { connection, .. } = packet.tracking else { panic!() };
        assert!(!env.conntrack.tuple_taken(&taken, connection, env.now.mono));
        env.conntrack.set_reply(connection, taken);
        Verdict::Accept
    });
    assert_eq!(passed.verdict, Verdict::Accept);
    world.check();
}

#[test]
fn two_first_packets_of_one_flow_join() {
    let mut world = World::new();
    let mut first = world.packet("lan0", &query());
    let mut second = world.packet("lan0", &query());
    for packet in [&mut first, &mut second] {
        world.env(|env| Conntrack::handle(packet, Hook::Prerouting, env));
    }
    for packet in [&mut first, &mut second] {
        assert_eq!(world.env(|env| Conntrack::confirm(packet, env)), Verdict::Accept);
    }
    assert_eq!(first.tracking, second.tracking);
    assert_eq!(world.table.get(world.only()).unwrap().counters[0].packets, 2);
    world.check();
}

#[test]
fn when_full_it_drops_what_is_not_assured_else_the_packet() {
    let mut world = World::with(Config { max: 2, most_events: 10, ..Config::default() });
    let syn = |port: u16| build::udp(A, ("203.0.113.9".parse::<std::net::IpAddr>().unwrap(), port)).build();
    for port in 1..=5 {
        assert_eq!(world.forward("lan0", &syn(port)).verdict, Verdict::Accept);
        world.check();
        assert!(world.table.len() <= 2 && world.table.slots() <= 2);
    }
    let ids: Vec<_> = world.table.iter().map(|(id, _)| id).collect();
    for id in ids {
        world.table.get_mut(id).unwrap().status.set(Status::ASSURED);
    }
    let passed = world.forward("lan0", &syn(9));
    assert_eq!(passed.verdict, Verdict::Drop(Drop::TableFull));
    assert_eq!(world.lines().len(), 2);
    let kinds: Vec<_> = std::iter::from_fn(|| world.table.poll_event()).map(|event| event.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::New).count(), 5);
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::Destroy).count(), 3);
}

/// Linux: `early_drop_list` ends what is confirmed, not ASSURED and not dying; the collector takes those of TCP that are
/// closing. Which of several is chance, but never one that the rule spares.
#[test]
fn who_makes_room_obeys_the_rule() {
    let mut world = World::with(Config { max: 50, ..Config::default() });
    let udp = |port: u16| build::udp(A, ("203.0.113.9".parse::<std::net::IpAddr>().unwrap(), port)).build();
    let server = |port: u16| ("203.0.113.9".parse::<std::net::IpAddr>().unwrap(), port);
    let client = ("10.0.1.5".parse::<std::net::IpAddr>().unwrap(), 40_000);
    // One of TCP that is closing and ASSURED, 45 that are ASSURED, 4 that are not.
    for (device, flags, seq, ack) in
        [("lan0", "S", 1, 0), ("wan0", "SA", 9, 2), ("lan0", "A", 2, 10), ("lan0", "FA", 2, 10)]
    {
        let (from, to) = if device == "lan0" { (client, server(80)) } else { (server(80), client) };
        world.forward(device, &build::tcp(from, to).flags(flags).seq(seq).ack(ack).build());
    }
    (1..=49).for_each(|port| drop(world.forward("lan0", &udp(port))));
    let port = |world: &World, id| world.table.get(id).map(|own| own.original().destination_id);
    let ids: Vec<_> = world.table.iter().map(|(id, _)| id).collect();
    for &id in &ids {
        if port(&world, id) > Some(45) {
            continue;
        }
        world.table.get_mut(id).unwrap().status.set(Status::ASSURED);
    }
    let left = |world: &World| -> Vec<u16> { ids.iter().filter_map(|&id| port(world, id)).collect() };
    for newcomer in 1..=4 {
        assert_eq!(world.forward("lan0", &udp(1000 + newcomer)).verdict, Verdict::Accept);
        // The newcomer cannot be turned out by the next one: it is ASSURED at once.
        let (id, _) = world.table.iter().max_by_key(|(_, own)| own.original().destination_id).unwrap();
        world.table.get_mut(id).unwrap().status.set(Status::ASSURED);
        let left = left(&world);
        assert_eq!(left.len(), 50 - usize::from(newcomer));
        assert!((1..=45).all(|port| left.contains(&port)) && left.contains(&80), "{left:?}");
    }
    // Only then the closing one, and then nobody.
    assert_eq!(world.forward("lan0", &udp(2000)).verdict, Verdict::Accept);
    assert!(!left(&world).contains(&80) && left(&world).len() == 45);
    let (id, _) = world.table.iter().max_by_key(|(_, own)| own.original().destination_id).unwrap();
    world.table.get_mut(id).unwrap().status.set(Status::ASSURED);
    assert_eq!(world.forward("lan0", &udp(2001)).verdict, Verdict::Drop(Drop::TableFull));
    assert_eq!(world.table.statistics().early_drop, 5);
    world.check();
}

#[test]
fn a_socket_that_talks_to_itself_is_found_as_reply() {
    let mut world = World::new();
    let same = build::udp("10.0.1.5:7", "10.0.1.5:7").build();
    assert_eq!(world.forward("lan0", &same).state_name(), "NEW");
    assert_eq!(world.forward("lan0", &same).state_name(), "ESTABLISHED");
    let tuple = world.table.get(world.only()).unwrap().original();
    let found = world.table.find(&tuple, Zone::default(), world.now.mono);
    assert_eq!(found.map(|(_, direction)| direction), Some(Direction::Reply));
}

#[test]
fn events_are_bounded() {
    let mut world = World::with(Config { most_events: 3, ..Config::default() });
    for port in 1..=9_u16 {
        let bytes = build::udp(A, ("203.0.113.9".parse::<std::net::IpAddr>().unwrap(), port)).build();
        world.forward("lan0", &bytes);
    }
    assert_eq!(std::iter::from_fn(|| world.table.poll_event()).count(), 3);
    assert_eq!(world.table.lost_events(), 6);
}

#[test]
fn timeouts_free_what_they_end() {
    let mut world = World::new();
    world.forward("lan0", &query());
    world.wait(seconds(20.0));
    world.forward("lan0", &query());
    // Armed for the first deadline, re-armed for the second.
    let mut calls = 0;
    while let Some(next) = world.table.poll_timeout() {
        world.now.mono = next;
        world.table.expire(world.now);
        calls += 1;
        assert!(calls < 20);
    }
    assert!(world.table.is_empty());
    let end = world.now.mono.since(crate::Instant(0)).as_secs_f64();
    assert!((50.0..50.2).contains(&end), "{end}");
}

/// A packet out of few addresses, ports and flags, so that flows come about; or any bytes behind an IP header.
fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    let tcp = (any::<bool>(), any::<u8>(), 0_u32..6, 0_u32..6, 0_usize..3).prop_map(
        |(reply, flags, seq, ack, size)| {
            let (from, to) = if reply { (B, A) } else { (A, B) };
            let sizes = [0, 1, 5000];
            let at = [0, 1, 2, 5000, 70_000, 0x8000_0000];
            build::tcp(from, to)
                .seq(at[seq as usize])
                .ack(at[ack as usize])
                .flag_bits(flags)
                .window(4096)
                .payload(vec![0; sizes[size]])
                .build()
        },
    );
    let raw = (
        any::<bool>(),
        prop_oneof![Just(1_u8), Just(6), Just(17), Just(47), Just(132), Just(136), any::<u8>()],
        proptest::collection::vec(any::<u8>(), 0..64),
    )
        .prop_map(|(reply, protocol, bytes)| {
            let (from, to) = if reply { ("203.0.113.9", "10.0.1.5") } else { ("10.0.1.5", "203.0.113.9") };
            build::raw(protocol, from, to).payload(bytes).build()
        });
    let raw6 = (
        prop_oneof![Just(58_u8), Just(6), Just(0), Just(44), Just(51), any::<u8>()],
        proptest::collection::vec(any::<u8>(), 0..64),
    )
        .prop_map(|(protocol, bytes)| build::raw(protocol, "fd00:1::5", "fd00:2::9").payload(bytes).build());
    let error = (0_u8..20, proptest::collection::vec(any::<u8>(), 0..60))
        .prop_map(|(kind, quoted)| build::icmp_error("203.0.113.9", "10.0.1.5", kind, 0, &quoted).build());
    prop_oneof![3 => tcp, 1 => raw, 1 => raw6, 1 => error]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No sequence of packets panics; both tuples are indexed or neither; the table stays within its limit.
    #[test]
    fn any_packets(packets in proptest::collection::vec((any_packet(), any::<bool>(), 0_u64..40), 1..60),
                   checksum in any::<bool>()) {
        let mut world = World::with(Config { max: 8, checksum, most_events: 16, ..Config::default() });
        for (bytes, drop, wait) in packets {
            if packet::layout::parse(&bytes).is_err() {
                continue;
            }
            world.wait(Duration::from_secs(wait));
            if drop { world.dropped("lan0", &bytes); } else { world.forward("lan0", &bytes); }
            world.check();
            prop_assert!(world.table.slots() <= 8);
        }
        world.wait(Duration::from_secs(500_000));
        world.table.expire(world.now);
        prop_assert!(world.table.is_empty());
        world.check();
    }
}

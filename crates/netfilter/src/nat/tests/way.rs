//! Which packets ask the rules, and what becomes of the rest: F7 to F9, F37, F38, F58; and what holds for all packets.
use packet::{View, checksum, verify};
use proptest::prelude::*;
use rules::matches::conntrack::StateSet;

use super::*;
use crate::conntrack::expect::{Expectation, Function};
use crate::conntrack::helper::Kind;
use crate::conntrack::{Direction, Status};
use crate::skb::Template;

fn skips(world: &World) -> Vec<NatSkip> {
    let steps = world.trace.steps.iter();
    steps
        .filter_map(|(_, step)| match step {
            Step::NatSkipped { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect()
}

fn rewritten(world: &World) -> Vec<&'static str> {
    let steps = world.trace.steps.iter();
    steps
        .filter_map(|(_, step)| match step {
            Step::Rewritten { by, .. } => Some(*by),
            _ => None,
        })
        .collect()
}

#[test]
fn f8_only_the_first_packet_asks() {
    let mut world = World::with(Hook::Postrouting, snat(to("203.0.113.1", None)));
    let there = build::udp("10.0.1.5:5000", "8.8.8.8:53").build();
    let back = build::udp("8.8.8.8:53", "203.0.113.1:5000").build();
    world.forward(LAN, &there).unwrap();
    assert_eq!((world.asked, skips(&world)), (2, vec![]));
    assert_eq!(world.forward(WAN, &back).map(|out| ends(&out)).unwrap(), "8.8.8.8:53 > 10.0.1.5:5000");
    world.forward(LAN, &there).unwrap();
    // F9: the rule's going changes nothing for the connection.
    world.rules.clear();
    assert_eq!(world.forward(LAN, &there).map(|out| ends(&out)).unwrap(), "203.0.113.1:5000 > 8.8.8.8:53");
    assert_eq!(world.asked, 2);
    assert_eq!(skips(&world), [NatSkip::NotFirst; 6]);
    assert_eq!(rewritten(&world), ["SNAT", "reply of SNAT", "SNAT", "SNAT"]);
}

#[test]
fn f9_an_untranslated_connection_stays_so() {
    let mut world = World::new();
    let there = build::udp("10.0.1.5:5000", "8.8.8.8:53").build();
    world.forward(LAN, &there).unwrap();
    let mut world = world.and(Hook::Postrouting, snat(to("203.0.113.1", None)));
    assert_eq!(world.forward(LAN, &there).map(|out| ends(&out)).unwrap(), "10.0.1.5:5000 > 8.8.8.8:53");
    assert_eq!(world.asked, 2);
}

#[test]
fn f8_invalid_and_untracked_packets_are_never_translated() {
    let mut world = World::with(Hook::Postrouting, snat(to("203.0.113.1", None)));
    let invalid = build::tcp("10.0.1.5:5000", "8.8.8.8:80").flags("SF").build();
    assert_eq!(world.forward(LAN, &invalid).map(|out| ends(&out)).unwrap(), "10.0.1.5:5000 > 8.8.8.8:80");
    let mut packet = world.packet(Some(LAN), &build::udp("10.0.1.5:5000", "8.8.8.8:53").build());
    packet.tracking = Tracking::Untracked;
    assert_eq!(world.leave(&mut packet, WAN), Verdict::Accept);
    assert_eq!(ends(&packet.bytes), "10.0.1.5:5000 > 8.8.8.8:53");
    assert_eq!(world.asked, 0);
    assert_eq!(skips(&world), [NatSkip::Invalid, NatSkip::Invalid, NatSkip::Untracked]);
}

#[test]
fn f7_a_packet_on_loopback_asks_each_end_once() {
    let mut world = World::with(Hook::Prerouting, dnat(to("10.0.1.99", None)))
        .and(Hook::Input, snat(to("10.0.1.98", None)));
    let mut packet = world.packet(None, &build::udp("203.0.113.1:1000", "10.0.1.1:53").build());
    assert_eq!(world.track(Hook::Output, &mut packet), Verdict::Accept);
    for hook in [Hook::Output, Hook::Postrouting, Hook::Prerouting, Hook::Input] {
        if hook == Hook::Prerouting {
            packet.input = Some(DeviceId::LOOPBACK);
        }
        assert_eq!(world.nat(hook, &mut packet), Verdict::Accept);
    }
    assert_eq!(ends(&packet.bytes), "203.0.113.1:1000 > 10.0.1.1:53");
    assert_eq!(world.asked, 2);
    assert_eq!(skips(&world), [NatSkip::Loopback; 2]);
}

#[test]
fn f37_the_first_packet_shows_dnat_and_not_snat() {
    let mut world = World::with(Hook::Prerouting, dnat(to("10.0.1.9", None)))
        .and(Hook::Postrouting, snat(to("203.0.113.1", None)));
    let there = build::udp("10.0.1.5:5000", "203.0.113.7:53").build();
    let mut packet = world.packet(Some(LAN), &there);
    world.track(Hook::Prerouting, &mut packet);
    assert_eq!(world.conntrack.states(&packet), StateSet::NEW);
    assert_eq!(world.nat(Hook::Prerouting, &mut packet), Verdict::Accept);
    let shows = |bits: StateSet| StateSet(StateSet::NEW.0 | bits.0);
    assert_eq!(world.conntrack.states(&packet), shows(StateSet::DNAT));
    // F38: dropped in FORWARD, nothing stays.
    world.conntrack.release(&packet);
    assert!(world.conntrack.is_empty());
    world.forward(LAN, &there).unwrap();
    let status = world.connection("10.0.1.5", 5000).status;
    assert!(status.has(Status::NAT_MASK) && status.has(Status::NAT_DONE_MASK));
}

#[test]
fn f58_snat_in_input_and_its_replies() {
    let mut world = World::with(Hook::Input, snat(to("192.0.2.1", None)));
    let there = build::udp("10.0.1.5:5000", "10.0.1.1:53").build();
    assert_eq!(world.take(LAN, &there).map(|out| ends(&out)).unwrap(), "192.0.2.1:5000 > 10.0.1.1:53");
    let back = build::udp("10.0.1.1:53", "192.0.2.1:5000").build();
    assert_eq!(world.send(&back).map(|out| ends(&out)).unwrap(), "10.0.1.1:53 > 10.0.1.5:5000");
}

#[test]
fn f58_dnat_in_output_and_hairpin() {
    let mut world = World::with(Hook::Output, dnat(to("10.0.1.5", Some((8080, 8080)))));
    let own = build::udp("203.0.113.1:1000", "8.8.8.8:53").build();
    assert_eq!(world.send(&own).map(|out| ends(&out)).unwrap(), "203.0.113.1:1000 > 10.0.1.5:8080");
    let back = build::udp("10.0.1.5:8080", "203.0.113.1:1000").build();
    assert_eq!(world.take(LAN, &back).map(|out| ends(&out)).unwrap(), "8.8.8.8:53 > 203.0.113.1:1000");

    // Hairpin: DNAT and SNAT both, in the same network; the reply is fully undone.
    let mut world = World::with(Hook::Prerouting, dnat(to("10.0.1.5", None)))
        .and(Hook::Postrouting, snat(to("10.0.1.1", None)));
    let there = build::udp("10.0.1.7:1000", "203.0.113.1:80").build();
    assert_eq!(world.forward(LAN, &there).map(|out| ends(&out)).unwrap(), "10.0.1.1:1000 > 10.0.1.5:80");
    let back = build::udp("10.0.1.5:80", "10.0.1.1:1000").build();
    assert_eq!(world.forward(LAN, &back).map(|out| ends(&out)).unwrap(), "203.0.113.1:80 > 10.0.1.7:1000");
    assert_eq!(rewritten(&world), ["DNAT", "SNAT", "reply of SNAT", "reply of DNAT"]);
}

#[test]
fn f62_an_expected_connection_follows_its_master() {
    let mut world = World::with(Hook::Postrouting, snat(to("203.0.113.1", None)));
    let control = build::tcp("10.0.1.5:5000", "8.8.8.8:21").flags("S").build();
    let mut packet = world.packet(Some(LAN), &control);
    packet.template = Some(Box::new(Template { helper: Some("ftp".into()), ..Template::default() }));
    let verdict = world.forward_packet(LAN, &mut packet);
    let Tracking::Entry { connection: master, .. } = packet.tracking else { panic!("tracked") };
    world.finish(&mut packet, verdict).unwrap();
    let expectation = Expectation {
        function: Function::FollowMaster,
        direction: Direction::Reply,
        saved_port: 5005,
        ..Expectation::new(master, Kind::Ftp, protocol::TCP, address("203.0.113.1"), 5001)
    };
    world.conntrack.expect(expectation, world.now.mono).unwrap();
    // The server's data connection to what the client announced, translated.
    let data = build::tcp("8.8.8.8:20", "203.0.113.1:5001").flags("S").build();
    let mut packet = world.packet(Some(WAN), &data);
    world.track(Hook::Prerouting, &mut packet);
    let asked = world.asked;
    for hook in [Hook::Prerouting, Hook::Postrouting] {
        assert_eq!(world.nat(hook, &mut packet), Verdict::Accept);
    }
    assert_eq!(ends(&packet.bytes), "8.8.8.8:20 > 10.0.1.5:5005");
    assert_eq!(world.asked, asked, "nat tables are not visited by it");
    assert_eq!(skips(&world), [NatSkip::Expected; 2]);
}

#[test]
fn payload_of_another_length_moves_the_numbers() {
    let mut world = World::with(Hook::Postrouting, snat(to("203.0.113.1", None)));
    world.forward(LAN, &build::tcp("10.0.1.5:5000", "8.8.8.8:21").flags("S").seq(99).build()).unwrap();
    let answer = build::tcp("8.8.8.8:21", "203.0.113.1:5000").flags("SA").seq(0).ack(100).build();
    world.forward(WAN, &answer).unwrap();
    for (old, new) in [("PORT 10,0,1,5,19,137\r\n", "203,0,113,1,19,137"), ("PORT 10,0,1,5,1,1\r\n", "1,2,3")]
    {
        let bytes =
            build::tcp("10.0.1.5:5000", "8.8.8.8:21").flags("PA").seq(100).ack(1).payload(old).build();
        let mut packet = world.packet(Some(LAN), &bytes);
        world.track(Hook::Prerouting, &mut packet);
        let length = old.len() - 7;
        assert!(world.env(|env| payload::replace(&mut packet, env, 5, length, new.as_bytes())));
        let view = View::parse(&packet.bytes).unwrap();
        assert_eq!(view.tcp().unwrap().payload(), format!("PORT {new}\r\n").as_bytes());
        assert_eq!(verify::transport(&view), verify::Checksum::Valid);
        assert_eq!(view.layout(), packet.layout);
        let tracked = world.connection("10.0.1.5", 5000);
        assert!(tracked.status.has(Status::SEQ_ADJUST));
        let moved = tracked.rare().sequence.unwrap();
        assert_eq!(moved.offset(false, 101), 3, "the second packet has the same number and moves nothing");
        // No such bytes; not TCP.
        assert!(!world.env(|env| payload::replace(&mut packet, env, 5, 1000, b"")));
        assert!(!world.env(|env| payload::replace(&mut packet, env, 0, 0, &[0; 65_535])));
    }
    let mut packet = world.packet(Some(LAN), &build::icmp("10.0.1.5", "8.8.8.8").payload("abc").build());
    // What is no TCP is taken for a datagram: an ICMP error that a helper hears gets a length behind its sum.
    assert!(world.env(|env| payload::replace(&mut packet, env, 0, 1, b"xy")));
    assert_eq!(packet.view().after_header().get(4..6), Some(&[0, 12][..]));
    assert_eq!(packet.view().after_header().get(8..), Some(&b"xybc"[..]));
}

#[test]
fn payload_is_replaced_up_to_the_longest_packet() {
    let world = World::new();
    let payload = vec![b'x'; 40_000];
    let packet = || world.packet(Some(LAN), &build::udp("10.0.1.5:1", "8.8.8.8:2").payload(&payload).build());
    for (length, new, done) in [
        (0, 65_535 - 40_028, true),
        (0, 65_535 - 40_028 + 1, false),
        (39_000, 2_000, true),
        (39_000, 65_535 - 1_028, true),
        (39_000, 65_535 - 1_028 + 1, false),
        (40_001, 1, false),
    ] {
        let mut packet = packet();
        assert_eq!(payload::replace_bytes(&mut packet, 0, length, &vec![b'y'; new]), done, "{length} {new}");
        assert_eq!(packet.bytes.len(), if done { 40_028 - length + new } else { 40_028 });
    }
}

#[test]
fn payload_of_a_later_fragment_has_no_header_before_it() {
    let world = World::new();
    for builder in [build::udp("10.0.1.5:1", "8.8.8.8:2"), build::tcp("10.0.1.5:1", "8.8.8.8:2")] {
        let bytes = builder.payload([b'x'; 64]).fragment(0, true).build();
        let later = |at: u16| {
            let mut bytes = bytes.clone();
            bytes[6..8].copy_from_slice(&(0x2000 | at).to_be_bytes());
            let sum =
                packet::checksum::finish(packet::checksum::add(0, &[&bytes[..10], &bytes[12..20]].concat()));
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
            world.packet(Some(LAN), &bytes)
        };
        assert!(payload::replace_bytes(&mut later(0), 0, 1, b"yy"));
        assert!(!payload::replace_bytes(&mut later(8), 0, 1, b"yy"));
    }
}

#[test]
fn payload_of_a_datagram_keeps_its_sum() {
    let mut world = World::new();
    for sum in [true, false] {
        let mut bytes = build::udp("10.0.1.5:1", "8.8.8.8:2").payload("abc").build();
        if !sum {
            bytes[26..28].fill(0);
        }
        let mut packet = world.packet(Some(LAN), &bytes);
        assert!(world.env(|env| payload::replace(&mut packet, env, 1, 1, b"0123")));
        let view = packet.view();
        assert_eq!(view.after_header().get(8..), Some(&b"a0123c"[..]));
        assert_eq!(view.after_header().get(4..6), Some(&[0, 14][..]));
        let wanted = if sum { verify::Checksum::Valid } else { verify::Checksum::Absent };
        assert_eq!(verify::transport(&view), wanted);
    }
}

/// What a packet's transport checksum is off by: the folded sum of what it covers.
fn residue(bytes: &[u8]) -> u16 {
    let view = View::parse(bytes).unwrap();
    let number = view.protocol().unwrap();
    let start = match number {
        protocol::ICMP => 0,
        _ => {
            let length = view.after_header().len() as u32;
            checksum::pseudo(view.source(), view.destination(), number, length)
        }
    };
    checksum::finish(checksum::add(start, view.after_header()))
}

fn same_residue(one: u16, other: u16) -> bool {
    // 0 and ffff are the same number.
    one == other || (one.is_multiple_of(0xffff) && other.is_multiple_of(0xffff))
}

/// A first packet from inside and what answers it.
fn dialogue(kind: u8, six: bool, host: u8, ports: (u16, u16), wrong: bool) -> (build::Builder, u8) {
    let (source, destination) = if six {
        (address(&format!("fd00:1::{host:x}")), address("fd00:9::9"))
    } else {
        (address(&format!("10.0.1.{host}")), address("8.8.8.8"))
    };
    let (from, to) = ((source, ports.0), (destination, ports.1));
    let packet = match kind {
        0 => build::tcp(from, to).flags("S"),
        1 => build::udp(from, to),
        _ => build::icmp(from, to).echo_request(ports.0, 1),
    };
    let packet = packet.payload("some bytes");
    (if wrong { packet.bad_checksum() } else { packet }, kind)
}

/// The answer to a packet that came out.
fn answer(out: &[u8], kind: u8) -> Vec<u8> {
    let view = View::parse(out).unwrap();
    let (source, destination) = (view.source(), view.destination());
    let (from, to) = view.ports().unwrap_or_default();
    match kind {
        0 => {
            let sequence = view.tcp().unwrap().sequence();
            let end = sequence.wrapping_add(11);
            build::tcp((destination, to), (source, from)).flags("SA").seq(7).ack(end).build()
        }
        1 => build::udp((destination, to), (source, from)).payload("answer").build(),
        _ => build::icmp(destination, source).echo_reply(view.icmp().unwrap().id(), 1).build(),
    }
}

/// The sizes in which a gathered datagram leaves after its translation.
fn sizes_after_nat(bytes: &[u8], lengths: &[usize]) -> Vec<usize> {
    let mut world = World::with(Hook::Postrouting, snat(to("203.0.113.1", None)));
    let header = layout::parse(bytes).unwrap().transport;
    let mut state = crate::Defrag::default();
    let mut at = header;
    let mut whole = None;
    for &length in lengths {
        let mut piece = bytes[..header].to_vec();
        piece.extend(&bytes[at..at + length]);
        at += length;
        let offset = ((at - length - header) / 8) as u16;
        let bits = (offset | if at < bytes.len() { 0x2000 } else { 0 }).to_be_bytes();
        let total = (piece.len() as u16).to_be_bytes();
        piece[2..4].copy_from_slice(&total);
        piece[6..8].copy_from_slice(&bits);
        piece[10..12].fill(0);
        let sum = checksum::of(&piece[..header]).to_be_bytes();
        piece[10..12].copy_from_slice(&sum);
        let mut packet = world.packet(Some(LAN), &piece);
        let user = crate::defrag::User::Prerouting;
        if world.env(|env| crate::defrag::handle(&mut state, &mut packet, user, env)) == Verdict::Accept {
            whole = Some(packet);
        }
    }
    let mut packet = whole.expect("every piece came");
    assert_eq!(world.forward_packet(LAN, &mut packet), Verdict::Accept);
    assert_eq!(packet.view().source(), address("203.0.113.1"));
    let pieces = crate::defrag::split(&packet, 1500, &mut 1).unwrap();
    pieces.iter().map(|piece| piece.len() - header).collect()
}

#[test]
fn f63_nat_moves_bytes_of_short_fragments_into_the_first() {
    // Measured with first fragments that end within the header: what NAT looks at goes into the first piece; if that is
    // no multiple of 8 then, all is cut anew by the largest fragment's size; if nothing is left, it leaves whole.
    let udp = build::udp("10.0.1.5:5000", "8.8.8.8:53").payload([0; 40]).build();
    assert_eq!(sizes_after_nat(&udp, &[8, 16, 24]), [8, 16, 24]);
    let tcp = build::tcp("10.0.1.5:5000", "8.8.8.8:80").flags("S").payload([0; 44]).build();
    assert_eq!(sizes_after_nat(&tcp, &[24, 24, 16]), [24, 24, 16]);
    assert_eq!(sizes_after_nat(&tcp, &[8, 32, 24]), [32, 32], "20 bytes are looked at");
    let sctp = build::sctp("10.0.1.5:5000", "8.8.8.8:53");
    let sctp = sctp.payload([1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).build();
    assert_eq!(sizes_after_nat(&sctp, &[8, 24]), [24, 8], "12 bytes are looked at");
}

proptest! {
    /// Translating a reply undoes translating the original; checksums stay right, or wrong by the same difference.
    #[test]
    fn replies_undo(
        kind in 0_u8..3,
        six: bool,
        wrong: bool,
        hosts in proptest::collection::vec((2_u8..6, 1000_u16..1004), 1..12),
        rule in 0_u8..5,
        seed: u64,
    ) {
        let outer = if six { "fd00:7::1-fd00:7::3" } else { "198.51.100.1-198.51.100.3" };
        let inner = if six { "fd00:8::5" } else { "192.0.2.5" };
        let ports = (kind != 2).then_some((4000, 4005));
        let mut world = match rule {
            0 => World::with(Hook::Postrouting, snat(to(outer, ports))),
            1 => World::with(Hook::Prerouting, dnat(to(inner, ports))),
            2 => World::with(Hook::Postrouting, Target::Masquerade(Box::new(to("", ports)))),
            3 => World::with(Hook::Prerouting, dnat(to(inner, ports))).and(Hook::Postrouting, snat(to(outer, ports))),
            _ => World::new(),
        };
        world.conntrack.config.checksum = false;
        world.random = Box::new(Seeded::new(seed));
        for (host, port) in hosts {
            let (packet, kind) = dialogue(kind, six, host, (port, 53), wrong);
            let bytes = packet.build();
            let Ok(out) = world.forward(LAN, &bytes) else { continue };
            prop_assert!(same_residue(residue(&bytes), residue(&out)), "{} {}", residue(&bytes), residue(&out));
            let reply = answer(&out, kind);
            let back = world.forward(WAN, &reply);
            prop_assert!(back.is_ok(), "{} {back:?}", ends(&reply));
            let back = back.unwrap();
            prop_assert!(same_residue(residue(&reply), residue(&back)));
            let (original, undone) = (View::parse(&bytes).unwrap(), View::parse(&back).unwrap());
            prop_assert_eq!(undone.source(), original.destination());
            prop_assert_eq!(undone.destination(), original.source());
            prop_assert_eq!(undone.ports(), original.ports().map(|(from, to)| (to, from)));
            prop_assert_eq!(undone.icmp().map(|icmp| icmp.id()), original.icmp().map(|icmp| icmp.id()));
            if !six {
                prop_assert_eq!(checksum::of(&back[..20]), 0);
            }
            // An error about what came out reaches its sender with the packet that the sender knows.
            if !wrong {
                let router = if six { "fd00:66::6" } else { "192.0.2.66" };
                let kind = if six { 3 } else { 11 };
                let error = build::icmp_error(router, original_source(&out), kind, 0, &out).build();
                let told = world.forward(WAN, &error).unwrap();
                let view = View::parse(&told).unwrap();
                prop_assert_eq!(verify::transport(&view), verify::Checksum::Valid);
                prop_assert_eq!(view.destination(), original.source());
                let quoted = view.quoted().unwrap();
                prop_assert_eq!(quoted.source(), original.source());
                prop_assert_eq!(quoted.destination(), original.destination());
                prop_assert_eq!(quoted.ports(), original.ports());
                prop_assert!(same_residue(residue(quoted.bytes()), 0));
            }
        }
    }

    /// No bytes make NAT panic, whatever the rules say.
    #[test]
    fn any_bytes(
        packets in proptest::collection::vec(
            (any::<bool>(), any::<bool>(), 0_usize..9, proptest::collection::vec(any::<u8>(), 0..60)), 1..8),
        first in any::<u16>(),
        last in any::<u16>(),
        random: bool,
        base in proptest::option::of(any::<u16>()),
    ) {
        let range = |addresses: &str| {
            let mut range = to(addresses, Some((first, last)));
            (range.random, range.base_port) = (random, base);
            range
        };
        let mut world = World::with(Hook::Postrouting, snat(range("198.51.100.3-198.51.100.1")))
            .and(Hook::Prerouting, dnat(range("fd00:7::1-10.0.0.1")));
        world.conntrack.config.checksum = false;
        let protocols = [1, 6, 17, 33, 47, 58, 132, 136, 99];
        for (six, from_lan, number, data) in packets {
            let protocol = protocols[number];
            let bytes = if six {
                build::raw(protocol, "fd00:1::5", "fd00:9::9").payload(&data).build()
            } else {
                build::raw(protocol, "10.0.1.5", "8.8.8.8").payload(&data).build()
            };
            let out = world.forward(if from_lan { LAN } else { WAN }, &bytes);
            if let Ok(out) = out {
                prop_assert_eq!(out.len(), bytes.len());
                prop_assert!(layout::parse(&out).is_ok());
                // An error about it, and an error about bytes of which it makes no sense.
                let to = if six { "fd00:1::5" } else { "10.0.1.5" };
                let router = if six { "fd00:66::6" } else { "192.0.2.66" };
                for quoted in [&out, &data] {
                    let error = build::icmp_error(router, to, if six { 1 } else { 3 }, 0, quoted).build();
                    let _ = world.forward(WAN, &error);
                }
            }
        }
    }
}

/// The source of a packet, to which errors about it go.
fn original_source(bytes: &[u8]) -> IpAddr {
    View::parse(bytes).unwrap().source()
}

//! Rules of iptables-nft: what nf_tables evaluates itself (F20). The kernel's answers are in `fixtures/kernel/F20-*.case`.
use packet::build;

use super::*;
use crate::hook::World;
use crate::trace::Found;

/// Rules of filter FORWARD, as iptables-nft has loaded them.
fn bench(family: Family, lines: &str) -> Bench {
    let mut bench = Bench::of(family, &format!("*filter\n{lines}\nCOMMIT\n"));
    let table = bench.ruleset.table(Table::Filter).expect("the table");
    bench.programs = vec![Program::of(World::Nft, table, family)];
    bench
}

fn udp(bytes: &[u8]) -> Packet {
    packet_of(build::raw(packet::protocol::UDP, "10.0.1.5", "8.8.8.8").payload(bytes).build())
}

/// A field before the cut is compared, one behind it ends the rule; nothing is dropped, as it is by legacy rules.
#[test]
fn f20_a_header_that_is_cut_short() {
    let rules = "-A FORWARD -p udp -m udp --sport 1000 --dport 53";
    let cut = Found::Nothing("such port, the header is cut short");
    for (bytes, found) in [
        (&[3, 233][..], ("--sport", Found::Port(1001))),
        (&[3], ("--sport", cut)),
        (&[3, 232, 0], ("--dport", cut)),
        (&[3, 232, 0, 54], ("--dport", Found::Port(54))),
    ] {
        assert_eq!(failed(bench(Family::V4, rules).first(&mut udp(bytes))), found, "{bytes:?}");
    }
    assert_eq!(bench(Family::V4, rules).first(&mut udp(&[3, 232, 0, 53])), Outcome::Matched);
    assert!(matches!(Bench::new(rules).first(&mut udp(&[3, 232, 0, 53])), Outcome::Hotdrop(_)));
    let flags = "-A FORWARD -p udp -m udp --dport 1:9 -j DROP\n-A FORWARD -j ACCEPT";
    let mut bench = bench(Family::V4, flags);
    assert_eq!(bench.forward(&mut udp(&[])), Verdict::Accept);
    assert_eq!(bench.counted("FORWARD"), [0, 1, 0]);
}

/// Of later fragments the bytes in the place of the header are compared, in IPv6 those of the IPv6 header.
#[test]
fn f20_later_fragments() {
    let rules = "-A FORWARD -p udp -m udp --dport 53";
    let fragment = |bytes: &[u8]| {
        let mut bytes = build::raw(packet::protocol::UDP, "10.0.1.5", "8.8.8.8").payload(bytes).build();
        bytes[7] = 2;
        bytes[10..12].copy_from_slice(&[0, 0]);
        let sum = packet::checksum::of(&bytes[..20]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        packet_of(bytes)
    };
    let mut bench = bench(Family::V4, rules);
    assert_eq!(bench.first(&mut fragment(&[0, 0, 0, 53])), Outcome::Matched);
    let other = Found::Word("other bytes in its place");
    assert_eq!(failed(bench.first(&mut fragment(&[0, 0, 0, 54]))), ("--dport", other));
    // Version, class and the first bits of the flow label are the source port there.
    let mut bench = self::bench(Family::V6, "-A FORWARD -p udp -m udp --sport 24576 --dport 0");
    let payload = [packet::protocol::UDP, 0, 0, 8, 0, 0, 0, 1, 1, 2, 3, 4];
    let bytes = build::raw(packet::protocol::FRAGMENT, "fd00::1", "fd00::2").payload(payload).build();
    assert_eq!(bench.first(&mut packet_of(bytes)), Outcome::Matched);
}

/// Headers of IPv6 end with an authentication header, and where they are cut short there is no protocol.
#[test]
fn f20_protocols_of_ipv6() {
    let packet =
        |next, payload: &[u8]| packet_of(build::raw(next, "fd00::1", "fd00::2").payload(payload).build());
    let mut authenticated = [0; 24];
    authenticated[..2].copy_from_slice(&[packet::protocol::TCP, 4]);
    let rules = "-A FORWARD -p tcp -j DROP\n-A FORWARD -p 51 -j DROP\n-A FORWARD ! -p tcp";
    let mut nft = bench(Family::V6, rules);
    let found = ("-p", Found::Protocol(packet::protocol::AH));
    assert_eq!(failed(nft.first(&mut packet(packet::protocol::AH, &authenticated))), found);
    assert_eq!(nft.counted("FORWARD"), [0, 1, 0, 0]);
    assert_eq!(Bench::v6(rules).first(&mut packet(packet::protocol::AH, &authenticated)), Outcome::Matched);
    let short = || packet(packet::protocol::DESTINATION_OPTIONS, &[packet::protocol::AH]);
    assert_eq!(nft.forward(&mut short()), Verdict::Accept);
    assert_eq!(nft.counted("FORWARD"), [0, 1, 0, 1]);
    assert!(matches!(Bench::v6(rules).first(&mut short()), Outcome::Hotdrop(_)));
}

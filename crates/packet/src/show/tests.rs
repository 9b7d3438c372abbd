//! The text form reads both ways.
use proptest::prelude::*;

use super::*;
use crate::build;

/// Lines that are printed as they were typed.
const CANONICAL: &[&str] = &[
    "eth0 tcp 10.10.10.10:40000 > 192.168.1.1:22 S",
    "tcp [fd00::1]:40000 > [fd00::2]:443 SA seq 5 ack 6 win 512 mss 1460 sackok ts 1 2 nop wscale 7",
    "tcp 10.0.0.1:1 > 10.0.0.2:2 . urg 7 res 1",
    "tcp 10.0.0.1:1 > 10.0.0.2:2 SAFRPUEW sack 1-2,3-4 opt fd040300",
    "udp 10.0.0.1:1 > 10.0.0.2:53 ttl 1 tos 0x10 id 1 df payload \"a \\\"b\\\"\\n\"",
    "udp 10.0.0.1:1 > 10.0.0.2:53 data 00ff nosum",
    "udp 10.0.0.1:1 > 10.0.0.2:53 len 20",
    "udp 10.0.0.1:1 > 10.0.0.2:53 payload \"abc\" sum 0x0001 udplen 9",
    "udp 10.0.0.1 > 10.0.0.2 id 9 frag 1480+ len 16",
    "udp fd00::1 > fd00::2 id 9 frag 1480 len 16",
    "icmp 10.0.0.1 > 10.0.0.2 echo-request id 7 seq 1",
    "icmp 10.0.0.1 > 10.0.0.2 echo-reply id 7 seq 1 ipid 5 payload \"ping\"",
    "icmp 10.0.0.1 > 10.0.0.2 200/7 rest 0x1",
    "icmp 10.0.0.1 > 10.0.0.2 fragmentation-needed mtu 1400",
    "icmp 10.0.0.1 > 10.0.0.2 host-redirect gateway 10.0.0.9",
    "icmp 192.0.2.1 > 10.0.0.1 port-unreachable quote ( udp 10.0.0.1:1000 > 8.8.8.8:53 payload \"x\" )",
    "icmpv6 fd00::1 > fd00::2 packet-too-big mtu 1280 quote ( tcp [fd00::2]:1 > [fd00::9]:2 A )",
    "icmpv6 fe80::1 > ff02::1 neighbour-solicitation hopopts 010400000000",
    "sctp 10.0.0.1:1 > 10.0.0.2:2 vtag 9 payload \"chunk\"",
    "udplite 10.0.0.1:1 > 10.0.0.2:2 coverage 8 payload \"chunk\"",
    "tcp [fd00::1]:1 > [fd00::2]:2 S flow 0x12345 hopopts 010400000000 rthdr 030000000000 dstopts 010400000000",
    "gre 10.0.0.1 > 10.0.0.2 data 00000800",
    "99 10.0.0.1 > 10.0.0.2 payload \"abc\"",
    "6 10.0.0.1 > 10.0.0.2 payload \"abc\"",
    "58 10.0.0.1 > 10.0.0.2 payload \"abc\"",
    "tcp 10.0.0.1:1 > 10.0.0.2:2 S ipopts 07040400 ipsum 0x0001",
    "tcp 10.0.0.1:1 > 10.0.0.2:2 S iplen 400",
    "tcp 10.0.0.1:1 > 10.0.0.2:2 S doff 4",
    "wan0 hex 4500",
    "hex ff",
];

#[test]
fn lines_are_printed_as_they_were_typed() {
    for line in CANONICAL {
        let shown = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(print(shown.device, &shown.bytes), *line);
    }
}

#[test]
fn short_forms_are_taken() {
    for (short, long) in [
        ("tcp 10.0.0.1:1 > 10.0.0.2:2", "tcp 10.0.0.1:1 > 10.0.0.2:2 S"),
        ("icmp fd00::1 > fd00::2", "icmpv6 fd00::1 > fd00::2 echo-request id 0 seq 0"),
        ("17 10.0.0.1 > 10.0.0.2 data 0001000200080000", "udp 10.0.0.1:1 > 10.0.0.2:2 nosum"),
        ("udp 10.0.0.1:0x1 > 10.0.0.2:2", ""),
        ("icmp 10.0.0.1 > 10.0.0.2 8/0 id 0x7", "icmp 10.0.0.1 > 10.0.0.2 echo-request id 7 seq 0"),
        ("hex 60 00 0000", "hex 60000000"),
        ("tcp  10.0.0.1:1 >\t10.0.0.2:2 AS", "tcp 10.0.0.1:1 > 10.0.0.2:2 SA"),
        ("hex hex 45", "\"hex\" hex 45"),
        ("tcp tcp 10.0.0.1:1 > 10.0.0.2:2 S", "tcp tcp 10.0.0.1:1 > 10.0.0.2:2 S"),
        ("\"my dev\" hex 45", "\"my dev\" hex 45"),
    ] {
        let printed = parse(short).map(|shown| print(shown.device, &shown.bytes)).unwrap_or_default();
        assert_eq!(printed, long, "{short}");
    }
}

#[test]
fn errors_say_what_and_where() {
    use ErrorKind::*;
    for (line, kind, at) in [
        ("", Empty, ""),
        ("  ", Empty, ""),
        ("tpc 10.0.0.1:1 > 10.0.0.2:2", Protocol, "tpc"),
        ("256 10.0.0.1 > 10.0.0.2", Protocol, "256"),
        ("tcp 10.0.0.1 > 10.0.0.2:2", Port, "10.0.0.1"),
        ("tcp 10.0.0.1 > 10.0.0.2", Port, "10.0.0.1"),
        ("tcp 10.0.0.1:1 > 10.0.0.2:70000", Address, "10.0.0.2:70000"),
        ("tcp 10.0.0.1:1 > [fd00::1]:1", Families, "[fd00::1]:1"),
        ("icmp 10.0.0.1:1 > 10.0.0.2", NoPorts, "10.0.0.1:1"),
        ("tcp 10.0.0.1:1 10.0.0.2:2", Arrow, "10.0.0.2:2"),
        ("tcp 10.0.0.1:1", Arrow, ""),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 seq 1", NotHere, "seq"),
        ("udp [::1]:1 > [::2]:2 df", NotHere, "df"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 tttl 1", Word, "tttl"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 ttl", Missing, ""),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 ttl 256", Number, "256"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 ttl +6", Number, "+6"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 data 123", Hex, "123"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 frag 7", Number, "7"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 payload \"x", Quote, "\"x"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 payload \"\\q\"", Quote, "\\"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 )", Parenthesis, ")"),
        ("udp 10.0.0.1:1 > 10.0.0.2:2 len 65535 len 1", Long, "len"),
        ("icmp 10.0.0.1 > 10.0.0.2 port-unreachable quote udp", Parenthesis, "udp"),
        ("a-name-that-is-too-long tcp 10.0.0.1:1 > 10.0.0.2:2", Device, "a-name-that-is-too-long"),
        ("hex 4", Hex, "4"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!((error.kind, &line[error.span.clone()]), (kind, at), "{line}");
    }
    let deep = "icmp 10.0.0.1 > 10.0.0.2 port-unreachable quote ( ".repeat(6);
    assert_eq!(parse(&deep).unwrap_err().kind, Deep);
}

#[test]
fn a_quoted_packet_that_is_cut_reads_back() {
    let original = build::tcp("10.0.0.1:1000", "8.8.8.8:80").flags("S").seq(9).id(1).ttl(3).mss(1460).build();
    for keep in 20..=original.len() {
        let error = build::icmp_error("192.0.2.1", "10.0.0.1", 11, 0, &original[..keep]).build();
        let text = print(None, &error);
        assert_eq!(parse(&text).unwrap().bytes, error, "{text}");
        // A checksum field that is cut in the middle (37) has no word; nor has a packet without ports.
        assert!(
            keep < 24 || keep == 37 || text.contains("quote ( tcp 10.0.0.1:1000 > 8.8.8.8:80 "),
            "{keep}: {text}"
        );
    }
}

fn reads_back(device: Option<InterfaceName>, bytes: &[u8]) {
    let text = print(device, bytes);
    let shown = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!((shown.device, shown.bytes.as_slice()), (device, bytes), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        reads_back(None, &bytes);
    }

    #[test]
    fn any_packet_reads_back_and_needs_no_hex(packet in build::tests::any_builder()) {
        let bytes = packet.build();
        reads_back(None, &bytes);
        // All that a builder makes without errors has words, but for options that are not written as the builder
        // would pad them.
        prop_assert!(!print(None, &bytes).starts_with("hex"), "{}", print(None, &bytes));
    }

    #[test]
    fn any_damaged_packet_reads_back(
        packet in build::tests::any_builder(),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..3),
        cut: usize,
        quote: bool,
    ) {
        let mut bytes = packet.build();
        let length = bytes.len();
        for (at, value) in damage {
            bytes[at % length] = value;
        }
        bytes.truncate(cut % (length * 2));
        if quote {
            bytes = build::icmp_error("10.0.0.1", "10.0.0.2", 3, 1, &bytes).build();
        }
        reads_back(InterfaceName::new("eth0"), &bytes);
    }

    #[test]
    fn any_device_name_reads_back(name in "\\PC{1,15}|hex|tcp|>|[ -~]{1,15}") {
        if let Some(device) = InterfaceName::new(&name) {
            reads_back(Some(device), &build::udp("10.0.0.1:1", "10.0.0.2:2").build());
            reads_back(Some(device), &[1, 2, 3]);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "([a-z0-9.:>() \\[\\]\"\\\\]{0,60})|(tcp 10.0.0.1:1 > 10.0.0.2:2( [a-z]{2,7}| [0-9x]{1,5}){0,6})") {
        if let Ok(shown) = parse(&text) {
            // What was read is written in such a way that it is read again.
            reads_back(shown.device, &shown.bytes);
        }
    }
}

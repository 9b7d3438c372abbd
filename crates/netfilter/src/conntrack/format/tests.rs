use std::net::IpAddr;

use packet::build;
use proptest::prelude::*;
use rules::Counters;

use super::{Entry, ErrorKind, Expected, Flow, Line, Offload, State, Style, lines};
use crate::conntrack::expect::Flags;
use crate::conntrack::testing::World;
use crate::conntrack::{Direction, Tuple, Zone};

/// The line after each of some packets from either side.
fn lines_after(packets: &[(&str, Vec<u8>)]) -> Vec<String> {
    let mut world = World::new();
    packets
        .iter()
        .map(|(device, bytes)| {
            world.forward(device, bytes);
            world.line()
        })
        .collect()
}

/// Read off Linux 6.18.
#[test]
fn lines_of_each_protocol() {
    let found = lines_after(&[("lan0", build::tcp("10.0.1.5:1000", "203.0.113.9:80").flags("S").build())]);
    assert_eq!(
        found,
        [
            "ipv4     2 tcp      6 120 SYN_SENT src=10.0.1.5 dst=203.0.113.9 sport=1000 dport=80 packets=1 bytes=40 \
          [UNREPLIED] src=203.0.113.9 dst=10.0.1.5 sport=80 dport=1000 packets=0 bytes=0 mark=0 zone=0 use=2"
        ]
    );
    let found = lines_after(&[("lan0", build::raw(99, "10.0.1.5", "203.0.113.9").payload("abcd").build())]);
    assert_eq!(
        found,
        ["ipv4     2 unknown  99 600 src=10.0.1.5 dst=203.0.113.9 packets=1 bytes=24 [UNREPLIED] \
          src=203.0.113.9 dst=10.0.1.5 packets=0 bytes=0 mark=0 zone=0 use=2"]
    );
    let pptp = [0x30, 1, 0x88, 0x0b, 0, 0, 0, 77, b'a', b'b', b'c', b'd'];
    let found = lines_after(&[("lan0", build::raw(47, "10.0.1.5", "203.0.113.9").payload(pptp).build())]);
    assert_eq!(
        found,
        [
            "ipv4     2 gre      47 30 timeout=30, stream_timeout=180 src=10.0.1.5 dst=203.0.113.9 srckey=0x0 dstkey=0x4d \
          packets=1 bytes=32 [UNREPLIED] src=203.0.113.9 dst=10.0.1.5 srckey=0x4d dstkey=0x0 packets=0 bytes=0 mark=0 \
          zone=0 use=2"
        ]
    );
    let echo = build::icmp("fd00:1::5", "fd00:2::9").echo_request(7, 1).build();
    assert_eq!(
        lines_after(&[("lan0", echo)]),
        ["ipv6     10 icmpv6   58 30 src=fd00:0001:0000:0000:0000:0000:0000:0005 \
          dst=fd00:0002:0000:0000:0000:0000:0000:0009 type=128 code=0 id=7 packets=1 bytes=48 [UNREPLIED] \
          src=fd00:0002:0000:0000:0000:0000:0000:0009 dst=fd00:0001:0000:0000:0000:0000:0000:0005 type=129 code=0 id=7 \
          packets=0 bytes=0 mark=0 zone=0 use=2"]
    );
}

#[test]
fn without_accounting_there_are_no_counters() {
    let mut world = World::new();
    world.table.config.acct = false;
    world.forward("lan0", &build::udp("10.0.1.5:1", "203.0.113.9:2").build());
    assert_eq!(
        world.line(),
        "ipv4     2 udp      17 30 src=10.0.1.5 dst=203.0.113.9 sport=1 dport=2 [UNREPLIED] src=203.0.113.9 dst=10.0.1.5 \
         sport=2 dport=1 mark=0 zone=0 use=2"
    );
}

/// Lines of `/proc/net/nf_conntrack` and `nf_conntrack_expect`, read off Linux 6.18.
const PROC: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/conntrack/proc.txt"));
/// Lines of `conntrack -L -o extended,id,labels,ktimestamp` and `conntrack -L expect`, read off conntrack-tools 1.4.7.
const TOOL: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/conntrack/extended.txt"));

#[test]
fn lines_of_the_machine_are_read_and_printed_the_same() {
    let mut kinds = [0; 2];
    for (style, text) in [(Style::Proc, PROC), (Style::Extended, TOOL)] {
        for (_, line, read) in lines(text) {
            let mut out = String::new();
            match read.unwrap_or_else(|error| panic!("{error}: {line}")) {
                Line::Connection(entry) => entry.print(style, &mut out),
                Line::Expectation(expected) => expected.print(style, &mut out),
            }
            assert_eq!(out, line);
            kinds[usize::from(line.starts_with('i'))] += 1;
        }
    }
    assert!(kinds[0] >= 5 && kinds[1] >= 20, "expectations and connections: {kinds:?}");
}

#[test]
fn the_family_may_be_missing_and_what_stands_behind_may_be_in_any_order() {
    let whole = TOOL.lines().find(|line| line.contains("helper=ftp use")).unwrap();
    let plain = whole.strip_prefix("ipv4     2 ").unwrap();
    assert_eq!(Entry::parse(plain), Entry::parse(whole));
    let turned = whole.replace("[ASSURED] mark=0 helper=ftp use=2", "use=2 helper=ftp [ASSURED] mark=0");
    assert_ne!(turned, whole);
    assert_eq!(Entry::parse(&turned), Entry::parse(whole));
    assert_eq!(Entry::parse(&format!("{whole}   \r")), Entry::parse(whole));
}

#[test]
fn errors_name_column_and_word() {
    let whole = "ipv4     2 udp      17 30 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLIED] src=10.0.0.2 \
                 dst=10.0.0.1 sport=2 dport=1 mark=0 use=1";
    assert!(Entry::parse(whole).is_ok());
    for (from, to, kind, column) in [
        ("ipv4     2", "ipv4     10", ErrorKind::Family, 10),
        ("ipv4     2 udp", "ipv4     2 tcp", ErrorKind::Protocol, 21),
        ("udp      17", "udp", ErrorKind::Protocol, 16),
        ("udp ", "ucp ", ErrorKind::Protocol, 12),
        ("30 src", "4294967296 src", ErrorKind::Number, 24),
        ("30 src", "30 ESTABLISHED src", ErrorKind::Wanted("src="), 27),
        ("src=10.0.0.1 dst", "src=10.0.0 dst", ErrorKind::Address, 27),
        ("dst=10.0.0.2 sport", "dst=::1 sport", ErrorKind::Family, 40),
        ("sport=1", "sport=65536", ErrorKind::Number, 53),
        ("sport=1", "sport=+1", ErrorKind::Number, 53),
        ("sport=1 dport=2", "dport=2", ErrorKind::Wanted("sport="), 53),
        ("mark=0 use=1", "mark=0 mark=0", ErrorKind::Again, 130),
        ("use=1", "used=1", ErrorKind::Word, 130),
        ("use=1", "[NEW]", ErrorKind::Word, 130),
    ] {
        let line = whole.replacen(from, to, 1);
        let error = Entry::parse(&line).unwrap_err();
        assert_eq!((error.kind, error.line, error.column), (kind, 1, column), "{line}");
        let at = line.get(column - 1..).unwrap();
        assert_eq!(at.split(' ').next(), Some(error.word.as_str()), "{line}");
    }
    let cut = Entry::parse("udp 17 30 src=10.0.0.1").unwrap_err();
    assert_eq!((cut.kind, cut.column, cut.word.as_str()), (ErrorKind::Wanted("dst="), 23, ""));
    assert_eq!(Entry::parse("").unwrap_err().kind, ErrorKind::Wanted("a protocol"));
    let state = Entry::parse("tcp 6 30 OPEN src=10.0.0.1 dst=10.0.0.2").unwrap_err();
    assert_eq!((state.kind, state.column), (ErrorKind::State, 10));
}

fn address(v6: bool) -> BoxedStrategy<IpAddr> {
    if v6 {
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())).boxed()
    } else {
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())).boxed()
    }
}

fn tuple(v6: bool, protocol: u8) -> impl Strategy<Value = Tuple> {
    (address(v6), address(v6), any::<u16>(), any::<u16>()).prop_map(
        move |(source, destination, one, other)| {
            let ported = matches!(protocol, 1 | 6 | 17 | 33 | 47 | 58 | 132 | 136);
            let (source_id, destination_id) = if ported { (one, other) } else { (0, 0) };
            Tuple { source, destination, protocol, source_id, destination_id }
        },
    )
}

fn flow(v6: bool, protocol: u8) -> impl Strategy<Value = Flow> {
    let counters = proptest::option::of(any::<(u64, u64)>());
    (tuple(v6, protocol), counters).prop_map(|(tuple, counters)| Flow {
        tuple,
        counters: counters.map(|(packets, bytes)| Counters { packets, bytes }),
    })
}

fn state(protocol: u8) -> BoxedStrategy<Option<State>> {
    match protocol {
        6 => (0..10_usize)
            .prop_map(|at| {
                let names = [
                    "NONE",
                    "SYN_SENT",
                    "SYN_RECV",
                    "ESTABLISHED",
                    "FIN_WAIT",
                    "CLOSE_WAIT",
                    "LAST_ACK",
                    "TIME_WAIT",
                    "CLOSE",
                    "SYN_SENT2",
                ];
                crate::conntrack::tcp::State::from_name(names[at]).map(State::Tcp)
            })
            .boxed(),
        132 => (0..9_usize)
            .prop_map(|at| {
                let names = [
                    "NONE",
                    "CLOSED",
                    "COOKIE_WAIT",
                    "COOKIE_ECHOED",
                    "ESTABLISHED",
                    "SHUTDOWN_SENT",
                    "SHUTDOWN_RECD",
                    "SHUTDOWN_ACK_SENT",
                    "HEARTBEAT_SENT",
                ];
                crate::conntrack::sctp::State::from_name(names[at]).map(State::Sctp)
            })
            .boxed(),
        33 => proptest::option::of((0..10_u8).prop_map(State::Dccp)).boxed(),
        _ => Just(None).boxed(),
    }
}

fn word() -> impl Strategy<Value = Option<Box<str>>> {
    proptest::option::of("[a-z][a-zA-Z0-9:_,.-]{0,12}".prop_map(|text| text.into_boxed_str()))
}

fn entry() -> impl Strategy<Value = Entry> {
    let protocol = prop_oneof![
        Just(6_u8),
        Just(17),
        Just(1),
        Just(58),
        Just(132),
        Just(47),
        Just(136),
        Just(33),
        Just(99)
    ];
    (any::<bool>(), protocol).prop_flat_map(|(v6, protocol)| {
        let flows = (flow(v6, protocol), flow(v6, protocol), state(protocol));
        let zone = (any::<u16>(), any::<u16>(), 0u8..7);
        let numbers = (proptest::option::of(any::<u32>()), proptest::option::of(any::<u64>()));
        let flags = (any::<bool>(), 0u8..4, proptest::option::of(any::<(u32, u32)>()));
        (flows, zone, numbers, flags, (word(), word(), word()), any::<[Option<u32>; 3]>()).prop_map(
            move |(
                (original, reply, state),
                (one, other, zones),
                (seconds, delta_time),
                flags,
                words,
                last,
            )| {
                let zero_zone = match zones {
                    4 => Some(Direction::Original),
                    5 => Some(Direction::Reply),
                    _ => None,
                };
                let zone = match zones {
                    4..=6 => Zone::default(),
                    0 => Zone { original: one, reply: one },
                    1 => Zone { original: one, reply: 0 },
                    2 => Zone { original: 0, reply: other },
                    _ => Zone { original: one, reply: other },
                };
                let (unreplied, carried, gre) = flags;
                Entry {
                    seconds: seconds.map(u64::from),
                    state,
                    gre_timeouts: gre
                        .filter(|_| protocol == 47)
                        .map(|(one, other)| (u64::from(one), u64::from(other))),
                    zone,
                    zero_zone,
                    unreplied,
                    assured: carried == 1,
                    offload: match carried {
                        2 => Some(Offload::Software),
                        3 => Some(Offload::Hardware),
                        _ => None,
                    },
                    mark: last[0],
                    secctx: words.0,
                    delta_time,
                    start: last[2].map(|year| format!("Sat Nov 21 13:53:01 {year}").into()),
                    helper: words.1,
                    uses: last[1],
                    id: last[2],
                    labels: words.2,
                    original,
                    reply,
                }
            },
        )
    })
}

proptest! {
    /// print ∘ parse, for both forms: what a form does not show is left out of the comparison.
    #[test]
    fn what_is_printed_is_read_the_same(entry in entry(), proc in any::<bool>()) {
        let style = if proc { Style::Proc } else { Style::Extended };
        let mut wanted = entry.clone();
        if proc {
            (wanted.start, wanted.helper, wanted.id, wanted.labels) = (None, None, None, None);
            if wanted.original.tuple.protocol == 33 {
                for flow in [&mut wanted.original, &mut wanted.reply] {
                    (flow.tuple.source_id, flow.tuple.destination_id) = (0, 0);
                }
            }
        } else {
            (wanted.gre_timeouts, wanted.zero_zone) = (None, None);
        }
        let mut line = String::new();
        entry.print(style, &mut line);
        let read = Entry::parse(&line);
        prop_assert_eq!(read.as_ref(), Ok(&wanted), "{}", line);
        let mut again = String::new();
        wanted.print(style, &mut again);
        prop_assert_eq!(again, line);
    }

    #[test]
    fn expectations_are_read_as_they_are_printed(
        (tuple, master) in any::<bool>().prop_flat_map(|v6| (tuple(v6, 6), tuple(v6, 6))),
        (seconds, zone, flags, class, masked) in any::<(u32, u16, u8, u32, bool)>(),
    ) {
        let all = match tuple.source { IpAddr::V4(_) => [255; 4].into(), IpAddr::V6(_) => [255; 16].into() };
        let expected = Expected {
            seconds: i64::from(seconds),
            tuple,
            source_mask: if masked { tuple.source } else { all },
            any_port: tuple.source_id == 0,
            master: Some(master),
            zone,
            flags: Flags(flags & 7),
            class: Some(class),
            class_name: None,
            helper: "ftp".into(),
        };
        let mut line = String::new();
        expected.print(Style::Extended, &mut line);
        prop_assert_eq!(Expected::parse(&line), Ok(expected), "{}", line);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,200}", at in 0..11_usize, cut in any::<prop::sample::Index>()) {
        let _ = Entry::parse(&text);
        let _ = Expected::parse(&text);
        let line = TOOL.lines().nth(at).unwrap();
        let cut = cut.index(line.len());
        let mut mixed = line.get(..cut).unwrap_or("").to_owned();
        mixed.push_str(&text);
        mixed.push_str(line.get(cut..).unwrap_or(""));
        let _ = Entry::parse(&mixed);
    }
}

/// Read off `conntrack -L -o save` 1.4.7 for the connections of the same lines.
#[test]
fn save_lines_are_those_of_the_tool() {
    for (line, save) in [
        (
            "tcp 6 99 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=3 dport=2 [UNREPLIED] src=10.0.0.2 dst=1.2.3.4 sport=2 \
             dport=3 mark=0",
            "-A -t 99 -u UNSET -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -n 1.2.3.4 -p tcp --sport 3 --dport 2 --reply-port-src 2 \
             --reply-port-dst 3 --state ESTABLISHED",
        ),
        (
            "tcp 6 99 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=11 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 \
             dport=11 mark=0 zone=5",
            "-A -t 99 -u UNSET -w 5 -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p tcp --sport 11 --dport 2 \
             --reply-port-src 2 --reply-port-dst 11 --state SYN_SENT",
        ),
        (
            "tcp 6 99 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=4 dport=2 src=1.2.3.4 dst=10.0.0.1 sport=88 dport=4 \
             [ASSURED] mark=0",
            "-A -t 99 -u SEEN_REPLY,ASSURED -s 10.0.0.1 -d 10.0.0.2 -g 1.2.3.4 -q 10.0.0.1 -p tcp --sport 4 --dport 2 \
             --reply-port-src 88 --reply-port-dst 4 --state ESTABLISHED",
        ),
        (
            "udp 17 99 src=10.0.0.1 dst=10.0.0.2 sport=2 dport=2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=2 \
             zone-reply=6 mark=0",
            "-A -t 99 -u UNSET --reply-zone 6 -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p udp --sport 2 --dport 2 \
             --reply-port-src 2 --reply-port-dst 2",
        ),
        (
            "icmp 1 99 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 type=0 code=0 \
             id=77 mark=0",
            "-A -t 99 -u UNSET -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p icmp --icmp-type 8 --icmp-code 0 \
             --icmp-id 77",
        ),
        (
            "gre 47 99 src=10.0.0.1 dst=10.0.0.2 srckey=0x1 dstkey=0x2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 srckey=0x2 \
             dstkey=0x1 mark=0",
            "-A -t 99 -u UNSET -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p gre --srckey 1 --dstkey 2 \
             --reply-key-src 2 --reply-key-dst 1",
        ),
        (
            "unknown 99 99 src=10.0.0.1 dst=10.0.0.2 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 mark=0",
            "-A -t 99 -u UNSET -s 10.0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p 99",
        ),
    ] {
        let mut out = String::new();
        Entry::parse(line).unwrap().print(Style::Save, &mut out);
        assert_eq!(out, save);
    }
}

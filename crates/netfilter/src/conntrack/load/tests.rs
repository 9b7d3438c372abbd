use packet::build;
use proptest::prelude::*;

use crate::conntrack::format::{ErrorKind, Style};
use crate::conntrack::testing::World;
use crate::conntrack::{Config, Conntrack, Direction, Loaded, ProtocolState, Status, Timeouts};
use crate::hook::Verdict;

const CLIENT: &str = "10.0.1.5:40000";
const SERVER: &str = "203.0.113.9:443";

fn no_label(_: &str) -> Option<u16> {
    None
}

fn loaded(text: &str) -> World {
    let mut world = World::new();
    world.table.load(text, &no_label, world.now).unwrap();
    world.table.assert_consistent();
    world
}

fn tcp(state: &str, tail: &str) -> String {
    let unreplied = if state == "SYN_SENT" { "[UNREPLIED] " } else { "" };
    format!(
        "ipv4     2 tcp      6 100 {state} src=10.0.1.5 dst=203.0.113.9 sport=40000 dport=443 {unreplied}\
         src=203.0.113.9 dst=10.0.1.5 sport=443 dport=40000 {tail}"
    )
}

#[test]
fn a_flow_goes_on_in_its_middle_whatever_its_windows_were() {
    let mut world = loaded(&tcp("ESTABLISHED", "[ASSURED] mark=7 use=1"));
    let id = world.only();
    let connection = world.table.get(id).unwrap();
    assert_eq!((connection.mark, connection.remaining(world.now.mono).as_secs()), (7, 100));
    assert!(
        connection.status.has(Status(Status::ASSURED.0 | Status::SEEN_REPLY.0 | Status::NAT_DONE_MASK.0))
    );
    assert!(!connection.status.any(Status::NAT_MASK));
    for (from, to, device, seq, ack) in [
        (SERVER, CLIENT, "wan0", 3_000_000_000_u32, 77),
        (CLIENT, SERVER, "lan0", 77, 3_000_001_000),
        // With a window scale that is not known this is far beyond the window.
        (SERVER, CLIENT, "wan0", 3_000_900_000, 77),
        (CLIENT, SERVER, "lan0", 500_000, 3_000_901_000),
    ] {
        let bytes = build::tcp(from, to).flags("A").seq(seq).ack(ack).window(100).payload([0; 1000]).build();
        assert_eq!(world.forward(device, &bytes).state_name(), "ESTABLISHED");
    }
    assert_eq!(world.table.tcp_state(id), Some(crate::conntrack::tcp::State::Established));
    let fin = build::tcp(SERVER, CLIENT).flags("FA").seq(3_000_902_000).ack(501_000).build();
    assert_eq!(world.forward("wan0", &fin).state_name(), "ESTABLISHED");
    assert_eq!(world.table.tcp_state(id), Some(crate::conntrack::tcp::State::FinWait));
}

#[test]
fn a_handshake_goes_on() {
    let mut world = loaded(&tcp("SYN_SENT", "mark=0 use=1"));
    let answer = build::tcp(SERVER, CLIENT).flags("SA").seq(500).ack(101).build();
    assert_eq!(world.forward("wan0", &answer).state_name(), "ESTABLISHED");
    assert!(world.line().contains("SYN_RECV"), "{}", world.line());
    let ack = build::tcp(CLIENT, SERVER).flags("A").seq(101).ack(501).build();
    assert_eq!(world.forward("lan0", &ack).state_name(), "ESTABLISHED");
    assert!(world.line().contains("ESTABLISHED") && world.line().contains("[ASSURED]"), "{}", world.line());
}

/// Of SYN_SENT2 it is known that both sides opened, so that an ACK of the server completes it; of SYN_RECV it is not.
#[test]
fn a_handshake_of_both_sides_goes_on() {
    let client = build::tcp(CLIENT, SERVER).flags("SA").seq(100).ack(501).build();
    let server = build::tcp(SERVER, CLIENT).flags("A").seq(501).ack(101).build();
    let mut world = loaded(&tcp("SYN_SENT2", "mark=0 use=1"));
    world.forward("lan0", &client);
    assert!(world.line().contains("SYN_RECV"), "{}", world.line());
    world.forward("wan0", &server);
    assert!(world.line().contains("ESTABLISHED"), "{}", world.line());
    let mut world = loaded(&tcp("SYN_RECV", "mark=0 use=1"));
    world.forward("wan0", &server);
    assert!(world.line().contains("SYN_RECV"), "{}", world.line());
}

#[test]
fn an_association_that_closes_makes_room() {
    for (state, room) in [("ESTABLISHED", false), ("SHUTDOWN_SENT", true), ("SHUTDOWN_ACK_SENT", true)] {
        let mut world = World::with(Config { max: 1, ..Config::default() });
        let line = format!(
            "sctp 132 3 {state} src=10.0.1.5 dst=203.0.113.9 sport=40000 dport=443 src=203.0.113.9 dst=10.0.1.5 \
             sport=443 dport=40000 [ASSURED] mark=0"
        );
        world.table.load(&line, &no_label, world.now).unwrap();
        let passed = world.forward("lan0", &build::udp(CLIENT, SERVER).build());
        assert_eq!(passed.verdict == Verdict::Accept, room, "{state}");
    }
}

#[test]
fn a_closed_connection_is_opened_anew() {
    for (state, reopened) in [("TIME_WAIT", true), ("LAST_ACK", false), ("ESTABLISHED", false)] {
        let mut world = loaded(&tcp(state, "[ASSURED] mark=0 use=1"));
        let syn = build::tcp(CLIENT, SERVER).flags("S").seq(100).build();
        world.forward("lan0", &syn);
        assert_eq!(world.line().contains("SYN_SENT"), reopened, "{state}: {}", world.line());
    }
}

#[test]
fn translations_come_from_the_reply_tuple() {
    let source = "udp 17 30 src=10.0.1.5 dst=8.8.8.8 sport=1000 dport=53 src=8.8.8.8 dst=203.0.113.1 sport=53 dport=1000 mark=0";
    let port = source.replace("dst=203.0.113.1 sport=53 dport=1000", "dst=10.0.1.5 sport=53 dport=1024");
    let destination = source.replace("src=8.8.8.8 dst=203.0.113.1", "src=10.0.2.2 dst=10.0.1.5");
    let both = source.replace("sport=53 dport=1000", "sport=5353 dport=1000");
    let neither = source.replace("dst=203.0.113.1", "dst=10.0.1.5");
    let echo =
        "icmp 1 30 src=10.0.1.5 dst=8.8.8.8 type=8 code=0 id=5 src=8.8.8.8 dst=10.0.1.5 type=0 code=0 id=6";
    let none = Status::default();
    let all = Status::NAT_MASK;
    for (line, wanted) in [
        (source, Status::SRC_NAT),
        (&port, Status::SRC_NAT),
        (&destination, Status::DST_NAT),
        (&both, all),
        (&neither, none),
        (echo, Status::SRC_NAT),
        (&echo.replace("id=6", "id=5"), none),
    ] {
        let world = loaded(line);
        let status = world.table.get(world.only()).unwrap().status;
        assert_eq!(status.0 & all.0, wanted.0, "{line}");
    }
    let world = loaded(source);
    let tuple = world.table.get(world.only()).unwrap().original();
    assert_eq!(world.table.by_source(&tuple, 0).count(), 1, "NAT finds it by its source");
}

#[test]
fn an_association_is_judged_by_the_tags_of_its_next_packets() {
    let line = "sctp 132 100 ESTABLISHED src=10.0.1.5 dst=203.0.113.9 sport=40000 dport=443 src=203.0.113.9 \
                dst=10.0.1.5 sport=443 dport=40000 [ASSURED] mark=0";
    let mut world = loaded(line);
    let data = |from, to, tag: u32| {
        let chunk = [0_u8, 3, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, b'd', b'a', b't', b'a'];
        build::sctp(from, to).tag(tag).payload(chunk).build()
    };
    for (from, to, device, tag, state) in [
        (CLIENT, SERVER, "lan0", 11, "ESTABLISHED"),
        (CLIENT, SERVER, "lan0", 12, "INVALID"),
        (SERVER, CLIENT, "wan0", 22, "ESTABLISHED"),
        (SERVER, CLIENT, "wan0", 11, "INVALID"),
        (CLIENT, SERVER, "lan0", 11, "ESTABLISHED"),
    ] {
        assert_eq!(world.forward(device, &data(from, to, tag)).state_name(), state, "tag {tag}");
    }
}

#[test]
fn the_age_of_a_flow_of_udp_is_its_delta_time() {
    let line = "udp 17 30 src=10.0.1.5 dst=203.0.113.9 sport=40000 dport=443 src=203.0.113.9 dst=10.0.1.5 sport=443 \
                dport=40000 mark=0";
    for (tail, stream) in [("", true), (" delta-time=1", false), (" delta-time=3", true)] {
        let mut world = World::new();
        world.wait(std::time::Duration::from_secs(100));
        world.table.load(&format!("{line}{tail}"), &no_label, world.now).unwrap();
        world.forward("lan0", &build::udp(CLIENT, SERVER).build());
        let status = world.table.get(world.only()).unwrap().status;
        assert_eq!(status.has(Status::ASSURED), stream, "{tail}");
    }
}

#[test]
fn gre_has_the_timeouts_of_its_line() {
    let line = |timeouts: &str| {
        format!(
            "gre 47 10 {timeouts}src=10.0.1.5 dst=203.0.113.9 srckey=0x0 dstkey=0x4d src=203.0.113.9 dst=10.0.1.5 \
             srckey=0x4d dstkey=0x0 mark=0"
        )
    };
    for (timeouts, wanted) in
        [("", 180), ("timeout=0, stream_timeout=0 ", 180), ("timeout=5, stream_timeout=99 ", 99)]
    {
        let mut world = loaded(&line(timeouts));
        let ProtocolState::Gre(gre) = world.table.get(world.only()).unwrap().protocol else { panic!() };
        assert_eq!({ gre.stream_timeout }.as_secs(), wanted);
        let tunnel = build::raw(packet::protocol::GRE, "10.0.1.5", "203.0.113.9");
        world.forward("lan0", &tunnel.payload([0x30, 1, 0x88, 0x0b, 0, 0, 0, 0x4d]).build());
        let left = world.table.get(world.only()).unwrap().remaining(world.now.mono);
        assert_eq!(left.as_secs(), wanted);
    }
}

#[test]
fn a_helper_reads_on_and_expects_what_was_expected() {
    let control = "tcp 6 100 ESTABLISHED src=10.0.1.5 dst=203.0.113.9 sport=40000 dport=21 src=203.0.113.9 \
                   dst=10.0.1.5 sport=21 dport=40000 [ASSURED] mark=9 helper=ftp use=1";
    let expected = "200 proto=6 src=203.0.113.9 dst=10.0.1.5 sport=0 dport=5001 mask-src=255.255.255.255 \
                    mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.0.1.5 master-dst=203.0.113.9 \
                    sport=40000 dport=21 class=0 helper=ftp";
    // The expectation may stand first.
    let mut world = loaded(&format!("{expected}\n{control}\n"));
    let mut out = String::new();
    world.table.dump(Style::Extended, world.now, &mut out);
    assert!(out.contains(expected), "{out}");
    let data = build::tcp("203.0.113.9:20", "10.0.1.5:5001").flags("S").build();
    assert_eq!(world.forward("wan0", &data).state_name(), "RELATED");
    let say = |text: &str| {
        build::tcp("10.0.1.5:40000", "203.0.113.9:21").flags("AP").seq(7).ack(9).payload(text).build()
    };
    let passed = world.forward("lan0", &say("PORT 10,0,1,5,19,138\r\n"));
    assert_eq!(passed.verdict, Verdict::Accept);
    assert!(world.table.expectation_lines(world.now).any(|line| line.contains("dport=5002")));
    world.table.assert_consistent();

    for (text, kind) in [
        (expected.to_owned(), ErrorKind::Master),
        (
            format!("{control}\n200 l3proto = 2 proto=6 src=203.0.113.9 dst=10.0.1.5 sport=0 dport=5001 ftp"),
            ErrorKind::Master,
        ),
        (
            format!("{}\n{expected}", control.replace("dst=10.0.1.5", "dst=203.0.113.1")),
            ErrorKind::Translated,
        ),
        (control.replace("helper=ftp", "helper=nobody"), ErrorKind::Helper),
        (control.replace("helper=ftp", "labels=blue"), ErrorKind::Label),
    ] {
        let mut table = Conntrack::default();
        assert_eq!(table.load(&text, &no_label, Default::default()).unwrap_err().kind, kind, "{text}");
        table.assert_consistent();
    }
}

/// How what TFTP expects is translated follows from its master alone.
#[test]
fn what_a_translated_question_of_tftp_expects_is_loaded() {
    let master = "udp 17 20 src=10.0.1.5 dst=203.0.113.9 sport=1000 dport=69 [UNREPLIED] src=203.0.113.9 \
                  dst=203.0.113.1 sport=69 dport=1024 mark=0 helper=tftp use=1";
    let expected = "200 proto=17 src=203.0.113.9 dst=203.0.113.1 sport=0 dport=1024 mask-src=255.255.255.255 \
                    mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.0.1.5 master-dst=203.0.113.9 \
                    sport=1000 dport=69 class=0 helper=tftp";
    let mut world = loaded(&format!("{master}\n{expected}\n"));
    let data = build::udp("203.0.113.9:2000", "203.0.113.1:1024").build();
    assert_eq!(world.forward("wan0", &data).state_name(), "RELATED");
    let line = world.lines().into_iter().find(|line| line.contains("sport=2000")).unwrap();
    assert!(line.contains("src=10.0.1.5 dst=203.0.113.9 sport=1000 dport=2000"), "{line}");
}

#[test]
fn labels_are_kept_while_a_rule_uses_them() {
    let line = tcp("ESTABLISHED", "mark=0 use=1 labels=red,blue");
    let names = |name: &str| ["red", "green", "blue"].iter().position(|own| *own == name).map(|at| at as u16);
    let mut world = World::new();
    world.table.load(&line, &names, world.now).unwrap();
    assert_eq!(world.table.labels(world.only()), None);
    let mut world = World::new();
    world.table.use_labels(packet::Family::V4, true);
    world.table.load(&line, &names, world.now).unwrap();
    assert_eq!(world.table.labels(world.only()), Some(5));
}

#[test]
fn errors_name_the_line_and_leave_what_was_loaded() {
    let udp = |port: u16| {
        format!(
            "udp 17 30 src=10.0.1.5 dst=8.8.8.8 sport={port} dport=53 [UNREPLIED] src=8.8.8.8 dst=10.0.1.5 sport=53 dport={port} mark=0"
        )
    };
    let icmp =
        "icmp 1 30 src=1.1.1.1 dst=2.2.2.2 type=3 code=0 id=5 src=2.2.2.2 dst=1.1.1.1 type=3 code=0 id=5";
    for (text, kind, line, column, left) in [
        (format!("{}\n\n{}\n", udp(1), udp(1)), ErrorKind::Taken, 3, 11, 1),
        (format!("{}\n{}\n{}", udp(1), udp(2), udp(3)), ErrorKind::Full, 3, 1, 2),
        (
            format!("conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.\n{icmp}"),
            ErrorKind::NoAnswer,
            2,
            35,
            0,
        ),
    ] {
        let mut table = Conntrack::new(Config { max: 2, ..Config::default() }, [1, 2]);
        let error = table.load(&text, &no_label, Default::default()).unwrap_err();
        assert_eq!((error.kind, error.line, error.column), (kind, line, column), "{text}");
        table.assert_consistent();
        assert_eq!(table.len(), left, "{text}");
    }
}

#[test]
fn an_offloaded_flow_takes_the_classic_way() {
    let line = "ipv4     2 tcp      6 src=10.0.1.5 dst=203.0.113.9 sport=40000 dport=443 src=203.0.113.9 dst=10.0.1.5 \
                sport=443 dport=40000 [OFFLOAD] mark=0 use=2";
    let mut world = World::new();
    let found = world.table.load(line, &no_label, world.now).unwrap();
    assert_eq!(found, Loaded { connections: 1, expectations: 0, offloaded: 1 });
    assert!(world.line().contains("tcp      6 432000 ESTABLISHED"), "{}", world.line());
}

/// Random traffic of all protocols.
fn traffic() -> impl Strategy<Value = Vec<(u8, bool, u16, u32)>> {
    proptest::collection::vec((0u8..9, any::<bool>(), 1u16..5, 0u32..40), 1..40)
}

fn send(world: &mut World, (kind, reply, port, wait): (u8, bool, u16, u32)) {
    world.wait(std::time::Duration::from_secs(u64::from(wait)));
    let v6 = kind >= 6;
    let hosts: [std::net::IpAddr; 2] = if v6 {
        ["fd00:1::5".parse().unwrap(), "fd00:2::9".parse().unwrap()]
    } else {
        ["10.0.1.5".parse().unwrap(), "203.0.113.9".parse().unwrap()]
    };
    let (from, to) = if reply { (hosts[1], hosts[0]) } else { (hosts[0], hosts[1]) };
    let (source, destination) = if reply { (443, port) } else { (port, 443) };
    let ends = ((from, source), (to, destination));
    let bytes = match kind {
        0 | 6 => build::udp(ends.0, ends.1).build(),
        1 => build::tcp(ends.0, ends.1).flags(if reply { "SA" } else { "S" }).seq(100).ack(101).build(),
        2 | 7 => build::tcp(ends.0, ends.1).flags("A").seq(101).ack(101).payload("x").build(),
        3 => build::tcp(ends.0, ends.1).flags("FA").seq(101).ack(101).build(),
        4 if reply => build::icmp(from, to).echo_reply(port, 1).build(),
        4 => build::icmp(from, to).echo_request(port, 1).build(),
        5 => build::raw(47, from, to).payload([0x30, 1, 0x88, 0x0b, 0, 0, 0, port as u8, 1, 2]).build(),
        _ => build::raw(99, from, to).payload("abcd").build(),
    };
    let device = if reply { "wan0" } else { "lan0" };
    world.forward(device, &bytes);
}

proptest! {
    /// Dump, load, dump: the same text; and of the copy every tuple is found as in the original.
    #[test]
    fn a_dump_is_loaded_as_it_was(traffic in traffic(), proc in any::<bool>()) {
        let style = if proc { Style::Proc } else { Style::Extended };
        let mut world = World::new();
        for packet in traffic {
            send(&mut world, packet);
        }
        let mut text = String::new();
        world.table.dump(style, world.now, &mut text);
        // Why: GRE's timeouts only stand in one of the forms.
        let config = Config { timeouts: Timeouts::default(), ..Config::default() };
        let mut copy = Conntrack::new(config, [3, 4]);
        let loaded = copy.load(&text, &no_label, world.now);
        prop_assert!(loaded.is_ok(), "{:?}: {}", loaded, text);
        copy.assert_consistent();
        let mut again = String::new();
        copy.dump(style, world.now, &mut again);
        prop_assert_eq!(&again, &text);
        for (_, connection) in world.table.iter().filter(|(_, own)| !own.is_expired(world.now.mono)) {
            for direction in [Direction::Original, Direction::Reply] {
                let found = copy.find(&connection.tuple(direction), connection.zone, world.now.mono);
                prop_assert_eq!(found.map(|(_, direction)| direction), Some(direction));
            }
        }
    }
}

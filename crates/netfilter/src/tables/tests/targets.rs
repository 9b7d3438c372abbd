//! Targets that change what the engine knows of a packet.
use super::*;
use crate::conntrack::Zone;

const UDP: &str = "udp 10.0.1.5:1000 > 8.8.8.8:53";

/// F33: mark = (mark & ~mask) ^ value; the walk goes on and later rules see it.
#[test]
fn f33_mark() {
    let text = "*mangle
        -A FORWARD -j MARK --set-xmark 0xff/0xf0
        -A FORWARD -m mark --mark 0xfc
        -A FORWARD -j MARK --set-mark 1
        COMMIT";
    let mut bench = Bench::of(Family::V4, text);
    let mut packet = bench.packet(UDP);
    packet.mark = 0x33;
    assert_eq!(bench.walk_in(Table::Mangle, Hook::Forward, &mut packet), Verdict::Accept);
    assert_eq!(bench.path(), "FORWARD:1 FORWARD:2 FORWARD:3 FORWARD=ACCEPT");
    assert_eq!(packet.mark, 1);
    let marked: Vec<_> =
        bench.trace.steps.iter().filter(|(_, step)| matches!(step, Step::Marked { .. })).collect();
    assert_eq!(marked.len(), 2);
    assert_eq!(marked[0].1, Step::Marked { before: 0x33, after: 0xfc });
}

fn raw(rules: &str) -> (Bench, Packet) {
    let bench = Bench::of(Family::V4, &format!("*raw\n{rules}\nCOMMIT"));
    let packet = bench.packet(UDP);
    (bench, packet)
}

/// F35: NOTRACK and CT --notrack; a packet that was looked at before goes on unchanged.
#[test]
fn f35_notrack() {
    for target in ["NOTRACK", "CT --notrack"] {
        let (mut bench, mut packet) = raw(&format!("-A PREROUTING -j {target}"));
        assert_eq!(bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet), Verdict::Accept);
        assert_eq!(packet.tracking, Tracking::Untracked);
    }
    let (mut bench, mut packet) = raw("-A PREROUTING -j CT --zone 5\n-A PREROUTING -j NOTRACK");
    bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet);
    assert_eq!(packet.tracking, Tracking::None);
    assert_eq!(packet.template.unwrap().zone, Zone { original: 5, reply: 5 });
}

/// F35, F36: zones; the first CT rule counts; a zone of the mark is that of the mark at the table's end.
#[test]
fn f36_zones() {
    let zone = |rules: &str| {
        let (mut bench, mut packet) = raw(rules);
        packet.mark = 0x1_0007;
        bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet);
        packet.template.unwrap().zone
    };
    assert_eq!(zone("-A PREROUTING -j CT --zone-orig 3"), Zone { original: 3, reply: 0 });
    assert_eq!(zone("-A PREROUTING -j CT --zone-reply 3"), Zone { original: 0, reply: 3 });
    assert_eq!(
        zone("-A PREROUTING -j CT --zone 1\n-A PREROUTING -j CT --zone 2"),
        Zone { original: 1, reply: 1 }
    );
    assert_eq!(zone("-A PREROUTING -j CT --zone mark"), Zone { original: 7, reply: 7 });
    let moved = "-A PREROUTING -j CT --zone mark\n-A PREROUTING -j MARK --set-mark 9";
    assert_eq!(zone(moved), Zone { original: 9, reply: 9 });
}

/// What changes no packet is taken.
#[test]
fn ct_helpers_and_events() {
    let (mut bench, mut packet) = raw("-A PREROUTING -p udp -j CT --ctevents new,destroy");
    assert_eq!(bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet), Verdict::Accept);
    assert!(packet.template.is_some());
    let (mut bench, mut packet) = raw("-A PREROUTING -p udp -j CT --helper RAS");
    assert_eq!(bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet), Verdict::Accept);
    assert_eq!(packet.template.unwrap().helper.as_deref(), Some("RAS"));
    let (mut bench, mut packet) = raw("-A PREROUTING -p tcp -j CT --helper ftp");
    packet.bytes = show::parse("tcp 10.0.1.5:1000 > 8.8.8.8:21").unwrap().bytes;
    packet.layout = layout::parse(&packet.bytes).unwrap();
    bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet);
    assert_eq!(packet.template.unwrap().helper.as_deref(), Some("ftp"));
}

/// F73: QUEUE ends the walk; who listens is not the table's business.
#[test]
fn f73_queue() {
    let mut bench = Bench::new("-A FORWARD -p udp -j QUEUE\n-A FORWARD -j DROP");
    assert_eq!(bench.pass(UDP), Verdict::Queue);
    assert_eq!(bench.counted("FORWARD"), [1, 0, 0]);
}

/// The labels of legacy TRACE, as the kernel printed them for the same rules: a rule without conditions and with a
/// standard verdict is called like the end of its chain; the rule that says TRACE is not told.
#[test]
fn trace_labels() {
    let text = "*raw
        -A PREROUTING -j TRACE
        COMMIT
        *filter
        :U -
        -A FORWARD -j U
        -A FORWARD -p udp -j ACCEPT
        -A FORWARD -j LOG --log-prefix \"tabL \"
        -A FORWARD -j DROP
        -A U -s 10.0.0.0/8
        -A U -j RETURN
        COMMIT";
    let told = |line: &str| {
        let mut bench = Bench::of(Family::V4, text);
        let mut packet = bench.packet(line);
        packet.output = None;
        bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet);
        packet.output = Some(WAN);
        bench.forward(&mut packet);
        let lines = bench.log.iter().map(|line| line.text.split("IN=").next().unwrap().to_owned());
        (lines.collect::<Vec<_>>(), bench.log.front().unwrap().text.clone())
    };
    let (labels, first) = told("udp 10.0.1.5:1 > 8.8.8.8:2 id 1");
    assert_eq!(
        labels,
        [
            "TRACE: raw:PREROUTING:policy:2 ",
            "TRACE: filter:FORWARD:rule:1 ",
            "TRACE: filter:U:rule:1 ",
            "TRACE: filter:U:return:2 ",
            "TRACE: filter:FORWARD:rule:2 ",
        ]
    );
    assert_eq!(
        first,
        "TRACE: raw:PREROUTING:policy:2 IN=lan0 OUT= MAC= SRC=10.0.1.5 DST=8.8.8.8 LEN=28 TOS=0x00 PREC=0x00 TTL=64 \
         ID=1 PROTO=UDP SPT=1 DPT=2 LEN=8 "
    );
    let (labels, first) = told("tcp 10.0.1.5:1 > 8.8.8.8:2 S id 1 win 7 mss 1460 ipopts 94040000");
    assert_eq!(
        labels,
        [
            "TRACE: raw:PREROUTING:policy:2 ",
            "TRACE: filter:FORWARD:rule:1 ",
            "TRACE: filter:U:rule:1 ",
            "TRACE: filter:U:return:2 ",
            "TRACE: filter:FORWARD:rule:3 ",
            "tabL ",
            "TRACE: filter:FORWARD:policy:4 ",
        ]
    );
    assert_eq!(
        first,
        "TRACE: raw:PREROUTING:policy:2 IN=lan0 OUT= MAC= SRC=10.0.1.5 DST=8.8.8.8 LEN=48 TOS=0x00 PREC=0x00 TTL=64 \
         ID=1 OPT (94040000) PROTO=TCP SPT=1 DPT=2 SEQ=0 ACK=0 WINDOW=7 RES=0x00 SYN URGP=0 OPT (020405B4) "
    );
}

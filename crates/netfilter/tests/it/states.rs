//! S6: the life of connections, with the packets of `fixtures/kernel/situations.case`: the state of each packet, what goes
//! out, and the line of the connection table.
use netfilter::engine::Engine;
use netfilter::trace::Step;

use crate::bed;

/// What connection tracking said of a packet, what came out, and the table afterwards without accounting and timeouts.
fn seen(engine: &mut Engine, packet: &str) -> (Vec<&'static str>, Vec<String>, Vec<String>) {
    engine.start_trace();
    bed::receive(engine, 0, packet);
    let states =
        engine.take_trace().unwrap_or_default().steps.into_iter().filter_map(|(_, step)| match step {
            Step::Conntrack { state, .. } => Some(state),
            _ => None,
        });
    let states = states.collect();
    let lines = engine.conntrack().lines(bed::at(0)).map(|line| short(&line)).collect();
    (states, bed::sent(engine), lines)
}

/// Protocol, state and tuples of a line.
fn short(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().skip(2).collect();
    let kept = words.iter().enumerate().filter(|(at, word)| match at {
        0 => true,
        1 | 2 => false,
        _ => !["mark=", "zone=", "use=", "packets=", "bytes="].iter().any(|own| word.starts_with(own)),
    });
    kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

const NAT: &str = "\
*filter
-A FORWARD -m conntrack --ctstate INVALID
-A FORWARD -m conntrack --ctstate NEW
-A FORWARD -m conntrack --ctstate RELATED
-A FORWARD -m conntrack --ctstate ESTABLISHED
-A FORWARD -m conntrack --ctstate SNAT
-A FORWARD -m conntrack --ctstate DNAT
COMMIT
*nat
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.2.5:8080
-A POSTROUTING -o wan0 -j SNAT --to-source 203.0.113.1
COMMIT
";

/// TCP from SYN to the last ACK behind SNAT, with a packet outside of the window in between.
#[test]
fn s6_tcp_through_its_life() {
    let mut engine = bed::engine(NAT, "");
    let tuples =
        "src=10.0.1.5 dst=8.8.8.8 sport=1000 dport=80 {}src=8.8.8.8 dst=203.0.113.1 sport=80 dport=1000{}";
    let line = |state: &str, unreplied: &str, assured: &str| {
        let tuples = tuples.replacen("{}", unreplied, 1).replacen("{}", assured, 1);
        vec![format!("tcp {state} {tuples}")]
    };
    let fresh = |state: &str| line(state, "[UNREPLIED] ", "");
    let answered = |state: &str| line(state, "", "");
    let assured = |state: &str| line(state, "", " [ASSURED]");
    let outside = "10.0.1.5:1000 > 8.8.8.8:80";
    let inside = "8.8.8.8:80 > 203.0.113.1:1000";
    let life = [
        (format!("lan0 tcp {outside} S seq 100 win 4096"), "NEW", true, fresh("SYN_SENT")),
        (format!("wan0 tcp {inside} SA seq 500 ack 101 win 4096"), "ESTABLISHED", true, answered("SYN_RECV")),
        (
            format!("lan0 tcp {outside} A seq 101 ack 501 win 4096"),
            "ESTABLISHED",
            true,
            assured("ESTABLISHED"),
        ),
        (
            format!("lan0 tcp {outside} AP seq 101 ack 501 win 4096 len 10"),
            "ESTABLISHED",
            true,
            assured("ESTABLISHED"),
        ),
        (
            format!("wan0 tcp {inside} A seq 501 ack 111 win 4096"),
            "ESTABLISHED",
            true,
            assured("ESTABLISHED"),
        ),
        // Far outside of the window: INVALID, and so not translated.
        (
            format!("lan0 tcp {outside} A seq 900000 ack 501 win 4096"),
            "INVALID",
            false,
            assured("ESTABLISHED"),
        ),
        (format!("lan0 tcp {outside} FA seq 111 ack 501 win 4096"), "ESTABLISHED", true, assured("FIN_WAIT")),
        (format!("wan0 tcp {inside} FA seq 501 ack 112 win 4096"), "ESTABLISHED", true, assured("LAST_ACK")),
        (format!("lan0 tcp {outside} A seq 112 ack 502 win 4096"), "ESTABLISHED", true, assured("TIME_WAIT")),
    ];
    for (packet, state, translated, lines) in life {
        let (states, sent, table) = seen(&mut engine, &packet);
        assert_eq!(states, [state], "{packet}");
        assert_eq!(table, lines, "{packet}");
        let (from_lan, sent) = (packet.starts_with("lan0"), sent.concat());
        let expected = match (from_lan, translated) {
            (true, true) => "wan0 tcp 203.0.113.1:1000 > 8.8.8.8:80 ",
            (true, false) => "wan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 ",
            (false, _) => "lan0 tcp 8.8.8.8:80 > 10.0.1.5:1000 ",
        };
        assert!(sent.starts_with(expected), "{packet}: {sent}");
    }
    let expected =
        [("FORWARD 1", 1), ("FORWARD 2", 1), ("FORWARD 4", 7), ("FORWARD 5", 7), ("FORWARD policy", 9)];
    let counted = bed::counted(&engine, NAT, rules::Table::Filter);
    assert!(counted.iter().map(|(rule, packets)| (rule.as_str(), *packets)).eq(expected), "{counted:?}");
}

/// A connection from outside to a published port: virtual DNAT, both directions.
#[test]
fn s6_virtual_dnat() {
    let mut engine = bed::engine(NAT, "");
    let (states, sent, table) = seen(&mut engine, "wan0 tcp 9.9.9.9:4000 > 203.0.113.1:80 S seq 1 win 4096");
    assert_eq!(states, ["NEW"]);
    assert_eq!(sent, ["dmz0 tcp 9.9.9.9:4000 > 10.0.2.5:8080 S seq 1 win 4096 ttl 63"]);
    assert_eq!(
        table,
        [
            "tcp SYN_SENT src=9.9.9.9 dst=203.0.113.1 sport=4000 dport=80 [UNREPLIED] src=10.0.2.5 dst=9.9.9.9 sport=8080 \
          dport=4000"
        ]
    );
    let (states, sent, _) =
        seen(&mut engine, "dmz0 tcp 10.0.2.5:8080 > 9.9.9.9:4000 SA seq 7 ack 2 win 4096");
    assert_eq!(states, ["ESTABLISHED"]);
    assert_eq!(sent, ["wan0 tcp 203.0.113.1:80 > 9.9.9.9:4000 SA seq 7 ack 2 win 4096 ttl 63"]);
    let expected = [("FORWARD 2", 1), ("FORWARD 4", 1), ("FORWARD 6", 2), ("FORWARD policy", 2)];
    let counted = bed::counted(&engine, NAT, rules::Table::Filter);
    assert!(counted.iter().map(|(rule, packets)| (rule.as_str(), *packets)).eq(expected), "{counted:?}");
}

const STATES: &str = "\
*filter
-A FORWARD -m conntrack --ctstate INVALID
-A FORWARD -m conntrack --ctstate NEW
-A FORWARD -m conntrack --ctstate RELATED
-A FORWARD -m conntrack --ctstate ESTABLISHED
COMMIT
";

/// UDP and ICMP, errors about known and unknown packets, an answer to no query.
#[test]
fn s6_udp_and_icmp() {
    let mut engine = bed::engine(STATES, "");
    for (packet, state) in [
        ("lan0 udp 10.0.1.5:1000 > 8.8.8.8:53", "NEW"),
        ("wan0 udp 8.8.8.8:53 > 10.0.1.5:1000", "ESTABLISHED"),
        ("lan0 udp 10.0.1.5:1000 > 8.8.8.8:53", "ESTABLISHED"),
        ("wan0 icmp 9.9.9.9 > 10.0.1.5 port-unreachable quote ( udp 10.0.1.5:1000 > 8.8.8.8:53 )", "RELATED"),
        ("wan0 icmp 9.9.9.9 > 10.0.1.5 port-unreachable quote ( udp 10.0.1.5:1001 > 8.8.8.8:53 )", "INVALID"),
        ("lan0 icmp 10.0.1.5 > 8.8.8.8 echo-request id 7 seq 1", "NEW"),
        ("wan0 icmp 8.8.8.8 > 10.0.1.5 echo-reply id 7 seq 1", "ESTABLISHED"),
        ("wan0 icmp 8.8.8.8 > 10.0.1.5 echo-reply id 8 seq 1", "INVALID"),
    ] {
        let (states, sent, _) = seen(&mut engine, packet);
        assert_eq!(states, [state], "{packet}");
        assert_eq!(sent.len(), 1, "{packet}");
    }
    let mut lines: Vec<String> = engine.conntrack().lines(bed::at(0)).map(|line| short(&line)).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "icmp src=10.0.1.5 dst=8.8.8.8 type=8 code=0 id=7 src=8.8.8.8 dst=10.0.1.5 type=0 code=0 id=7",
            "udp src=10.0.1.5 dst=8.8.8.8 sport=1000 dport=53 src=8.8.8.8 dst=10.0.1.5 sport=53 dport=1000",
        ]
    );
    let expected =
        [("FORWARD 1", 2), ("FORWARD 2", 2), ("FORWARD 3", 1), ("FORWARD 4", 3), ("FORWARD policy", 8)];
    let counted = bed::counted(&engine, STATES, rules::Table::Filter);
    assert!(counted.iter().map(|(rule, packets)| (rule.as_str(), *packets)).eq(expected), "{counted:?}");
}

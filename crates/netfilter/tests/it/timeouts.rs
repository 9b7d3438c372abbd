//! Every timeout of connection tracking under virtual time (`fixtures/timeouts.txt`): what is there just before it and not
//! any more just after, with the kernel's default and with another value. Five idle days take no time.
use std::collections::BTreeSet;
use std::time::Duration;

use netfilter::conntrack::{Config, Timeouts};
use netfilter::engine::Engine;
use netfilter::skb::Link;
use netfilter::{Instant, Now};

use crate::bed;

const FIXTURE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/timeouts.txt"));
/// Connections are removed at most this much after their end (a tick of the wheel).
const TICK: Duration = Duration::from_millis(68);

/// The settings by the names of their sysctls. A new field does not compile until it stands here.
fn setting<'a>(timeouts: &'a mut Timeouts, name: &str) -> Option<&'a mut Duration> {
    let Timeouts {
        tcp_syn_sent,
        tcp_syn_sent2,
        tcp_syn_recv,
        tcp_established,
        tcp_fin_wait,
        tcp_close_wait,
        tcp_last_ack,
        tcp_time_wait,
        tcp_close,
        tcp_max_retrans,
        tcp_unacknowledged,
        udp,
        udp_stream,
        icmp,
        icmpv6,
        generic,
        gre,
        gre_stream,
        sctp_closed,
        sctp_cookie_wait,
        sctp_cookie_echoed,
        sctp_established,
        sctp_shutdown_sent,
        sctp_shutdown_recd,
        sctp_shutdown_ack_sent,
        sctp_heartbeat_sent,
    } = timeouts;
    let all = [
        ("tcp_timeout_syn_sent", tcp_syn_sent),
        // No sysctl: policies of `nfct timeout` alone change it.
        ("tcp_timeout_syn_sent2", tcp_syn_sent2),
        ("tcp_timeout_syn_recv", tcp_syn_recv),
        ("tcp_timeout_established", tcp_established),
        ("tcp_timeout_fin_wait", tcp_fin_wait),
        ("tcp_timeout_close_wait", tcp_close_wait),
        ("tcp_timeout_last_ack", tcp_last_ack),
        ("tcp_timeout_time_wait", tcp_time_wait),
        ("tcp_timeout_close", tcp_close),
        ("tcp_timeout_max_retrans", tcp_max_retrans),
        ("tcp_timeout_unacknowledged", tcp_unacknowledged),
        ("udp_timeout", udp),
        ("udp_timeout_stream", udp_stream),
        ("icmp_timeout", icmp),
        ("icmpv6_timeout", icmpv6),
        ("generic_timeout", generic),
        ("gre_timeout", gre),
        ("gre_timeout_stream", gre_stream),
        ("sctp_timeout_closed", sctp_closed),
        ("sctp_timeout_cookie_wait", sctp_cookie_wait),
        ("sctp_timeout_cookie_echoed", sctp_cookie_echoed),
        ("sctp_timeout_established", sctp_established),
        ("sctp_timeout_shutdown_sent", sctp_shutdown_sent),
        ("sctp_timeout_shutdown_recd", sctp_shutdown_recd),
        ("sctp_timeout_shutdown_ack_sent", sctp_shutdown_ack_sent),
        ("sctp_timeout_heartbeat_sent", sctp_heartbeat_sent),
    ];
    assert_eq!(all.len(), COUNT);
    all.into_iter().find(|(own, _)| *own == name).map(|(_, value)| value)
}

const COUNT: usize = 26;

fn moment(since: Duration) -> Now {
    let mono = bed::at(0).mono + since;
    Now { mono, wall: mono.0 }
}

/// Runs the packets of a block; gives the time of the last.
fn run(engine: &mut Engine, block: &str) -> Duration {
    let mut now = Duration::ZERO;
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("packet", text)) => {
                let (device, bytes) = bed::packet(engine, text);
                engine.receive(moment(now), device, Link::default(), bytes);
                let sent = bed::sent(engine);
                assert_eq!(sent.len(), 1, "{text}: {sent:?}");
            }
            Some(("wait", seconds)) => now += Duration::from_secs(seconds.parse().unwrap()),
            _ => {}
        }
    }
    now
}

fn check(block: &str, name: &str, word: &str, value: Duration, config: Config) {
    let rules = "*filter\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n";
    let mut engine = bed::engine(rules, rules);
    engine.conntrack_mut().config = config;
    let last = run(&mut engine, block);
    let lines = |engine: &Engine, at: Duration| engine.conntrack().lines(moment(at)).collect::<Vec<_>>();
    let begin = lines(&engine, last);
    assert!(begin.len() == 1 && begin[0].contains(word), "{name}: {begin:?}");
    let left = format!(" {} ", value.as_secs());
    assert!(begin[0].contains(&left), "{name}: {} has not {value:?}", begin[0]);

    let end = last + value;
    let before = end - Duration::from_millis(1);
    engine.expire(moment(before));
    assert_eq!(lines(&engine, before).len(), 1, "{name}: gone before {value:?}");
    assert_eq!(engine.conntrack().len(), 1, "{name}");
    assert!(engine.poll_timeout().is_some_and(|next| next <= moment(end + TICK).mono), "{name}");
    assert!(lines(&engine, end).is_empty(), "{name}: still there after {value:?}");
    engine.expire(moment(end + TICK));
    assert!(engine.conntrack().is_empty(), "{name}: it still takes room");
    assert_eq!(engine.poll_timeout(), None::<Instant>);
}

#[test]
fn every_timeout_ends_its_connection_in_time() {
    let mut seen = BTreeSet::new();
    for block in FIXTURE.split("\n\n").filter(|block| block.starts_with("timeout: ")) {
        let field = |key: &str| block.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        let (name, seconds) = field("timeout: ").split_once(' ').unwrap();
        let word = field("line: ");
        let usual = Duration::from_secs(seconds.parse().unwrap());
        let mut config = Config::default();
        assert_eq!(setting(&mut config.timeouts, name).copied(), Some(usual), "{name}: the default");
        check(block, name, word, usual, config.clone());
        let other = usual + Duration::from_secs(17);
        *setting(&mut config.timeouts, name).unwrap() = other;
        check(block, name, word, other, config);
        seen.insert(name);
    }
    assert_eq!(seen.len(), COUNT, "{seen:?}");
}

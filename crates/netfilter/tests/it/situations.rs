//! Situations that need nothing but the engine (../shared/scenarios.md); those with traffic are in the lab. S3, S4, S8,
//! S14, S18 and S22 have the packets of `fixtures/kernel/situations.case`, which the judge gives to the kernel: here
//! stands what must come of them. S6 is in `states`.
use netfilter::engine::Decision;
use netfilter::hook::{Module, Verdict};
use netfilter::trace::{Outcome, Step};
use netfilter::{Drop, Packet};
use packet::Family;
use rules::{Hook, Table};

use crate::bed;

const EVERY_TABLE: &str = "\
*raw\n-A PREROUTING -j RETURN\n-A OUTPUT -j RETURN\nCOMMIT
*mangle\n-A PREROUTING -j RETURN\nCOMMIT
*nat\n-A PREROUTING -p tcp -m tcp --dport 1 -j DNAT --to-destination 10.0.2.2\nCOMMIT
*filter\n-A FORWARD -j RETURN\nCOMMIT
*security\n-A FORWARD -j RETURN\nCOMMIT
";

fn tables_met(engine: &mut netfilter::engine::Engine) -> Vec<(Hook, Table)> {
    let steps = engine.take_trace().unwrap_or_default().steps;
    steps
        .into_iter()
        .filter_map(|(_, step)| match step {
            Step::Table { table, hook, .. } => Some((hook, table)),
            _ => None,
        })
        .collect()
}

/// S1, F4: a forwarded packet.
#[test]
fn s1_a_forwarded_packet_meets_the_tables_in_the_kernels_order() {
    use Hook::{Forward, Postrouting, Prerouting};
    let mut engine = bed::engine(EVERY_TABLE, "");
    engine.start_trace();
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 S");
    let expected = [
        (Prerouting, Table::Raw),
        (Prerouting, Table::Mangle),
        (Prerouting, Table::Nat),
        (Forward, Table::Mangle),
        (Forward, Table::Filter),
        (Forward, Table::Security),
        (Postrouting, Table::Mangle),
        (Postrouting, Table::Nat),
    ];
    assert_eq!(tables_met(&mut engine), expected);
}

/// S1, F5: a packet for this machine; nat INPUT is the last.
#[test]
fn s1_an_incoming_packet() {
    use Hook::{Input, Prerouting};
    let mut engine = bed::engine(EVERY_TABLE, "");
    engine.start_trace();
    assert_eq!(bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:1000 > 10.0.1.1:53"), Decision::Delivered);
    let expected = [
        (Prerouting, Table::Raw),
        (Prerouting, Table::Mangle),
        (Prerouting, Table::Nat),
        (Input, Table::Mangle),
        (Input, Table::Filter),
        (Input, Table::Security),
        (Input, Table::Nat),
    ];
    assert_eq!(tables_met(&mut engine), expected);
}

/// S1, F7: loopback passes both halves; nat is asked on the way out only.
#[test]
fn s1_a_loopback_packet() {
    use Hook::{Input, Output, Postrouting, Prerouting};
    let mut engine = bed::engine(EVERY_TABLE, "");
    engine.start_trace();
    let (_, bytes) = bed::packet(&engine, "udp 127.0.0.1:1000 > 127.0.0.1:53");
    assert!(engine.send_local(bed::at(0), netfilter::Origin::default(), bytes).is_ok());
    let expected = [
        (Output, Table::Raw),
        (Output, Table::Mangle),
        (Output, Table::Nat),
        (Output, Table::Filter),
        (Output, Table::Security),
        (Postrouting, Table::Mangle),
        (Postrouting, Table::Nat),
        (Prerouting, Table::Raw),
        (Prerouting, Table::Mangle),
        (Input, Table::Mangle),
        (Input, Table::Filter),
        (Input, Table::Security),
    ];
    assert_eq!(tables_met(&mut engine), expected);
    assert!(engine.poll_deliver().is_some(), "it is delivered");
}

struct Closed;

impl Module for Closed {
    fn name(&self) -> &'static str {
        "closed"
    }

    fn handle(&mut self, _hook: Hook, _packet: &mut Packet) -> Verdict {
        Verdict::Drop(Drop::Module("closed"))
    }
}

/// S2: a caller's module at FORWARD, priority -10: after nat DST and mangle, before filter.
#[test]
fn s2_a_module_of_the_caller_ends_the_way() {
    let mut engine = bed::engine(EVERY_TABLE, "");
    engine.register_module(Family::V4, Hook::Forward, -10, Box::new(Closed));
    engine.start_trace();
    let decision = bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 S");
    assert_eq!(decision, Decision::Dropped(Drop::Module("closed")));
    let met = tables_met(&mut engine);
    assert_eq!(met.last(), Some(&(Hook::Forward, Table::Mangle)), "filter is not asked any more");
    assert!(bed::sent(&mut engine).is_empty());
    assert!(engine.conntrack().is_empty(), "nothing was confirmed (F38)");
}

fn dropped_by(decision: Decision) -> Option<usize> {
    match decision {
        Decision::Dropped(Drop::Rule { number, .. } | Drop::Rejected { number, .. }) => Some(number),
        _ => None,
    }
}

fn forwarded(decision: Decision) -> bool {
    matches!(decision, Decision::Forwarded { .. })
}

/// The rules that matched and the ends of chains since the trace began, as `CHAIN NUMBER`, `CHAIN return`, `policy`.
fn path(engine: &mut netfilter::engine::Engine, rules4: &str, table: Table) -> Vec<String> {
    let ruleset = rules::syntax::restore::load(rules4, Family::V4, None).unwrap();
    let name = |own: Table, chain| {
        (own == table).then(|| ruleset.table(own).unwrap().chain(chain).unwrap().name.to_string())
    };
    let steps = engine.take_trace().unwrap_or_default().steps;
    steps
        .into_iter()
        .filter_map(|(_, step)| match step {
            Step::Rule { table, chain, number, outcome: Outcome::Matched } => {
                Some(format!("{} {number}", name(table, chain)?))
            }
            Step::Return { table, chain, .. } => Some(format!("{} return", name(table, chain)?)),
            Step::Policy { table, chain, .. } => name(table, chain).map(|_| "policy".to_owned()),
            _ => None,
        })
        .collect()
}

const CHAINS: &str = "\
*filter
:FORWARD DROP [0:0]
:outer - [0:0]
:inner - [0:0]
:gone - [0:0]
-A FORWARD -p udp -j outer
-A FORWARD -p udp -m udp --dport 4 -j ACCEPT
-A FORWARD -p tcp -g gone
-A FORWARD -p tcp -j ACCEPT
-A outer -p udp -m udp --dport 1 -j inner
-A outer -p udp -m udp --dport 2 -j RETURN
-A outer -p udp -m udp --dport 3 -g inner
-A outer -p udp -m udp --dport 1 -j ACCEPT
-A outer -p udp -m udp --dport 2 -j ACCEPT
-A outer -p udp -m udp --dport 3 -j ACCEPT
-A inner -p udp -m udp --sport 99 -j RETURN
-A inner -p udp -m udp --sport 98 -j DROP
-A gone -p tcp -m tcp --dport 22 -j RETURN
-A gone -p tcp -m tcp --dport 23 -j ACCEPT
COMMIT
";

/// S3, F15: where each way through the chains returns to, and what is counted.
#[test]
fn s3_jump_goto_return_and_the_end_of_a_chain() {
    let mut engine = bed::engine(CHAINS, "");
    let ways: [(&str, &[&str], bool); 10] = [
        (
            "udp 10.0.1.5:99 > 8.8.8.8:1",
            &["FORWARD 1", "outer 1", "inner 1", "inner return", "outer 4"],
            true,
        ),
        ("udp 10.0.1.5:98 > 8.8.8.8:1", &["FORWARD 1", "outer 1", "inner 2"], false),
        ("udp 10.0.1.5:97 > 8.8.8.8:1", &["FORWARD 1", "outer 1", "inner return", "outer 4"], true),
        ("udp 10.0.1.5:97 > 8.8.8.8:2", &["FORWARD 1", "outer 2", "outer return", "policy"], false),
        // A goto keeps the return point of the jump before it: back to FORWARD, past the rest of outer.
        ("udp 10.0.1.5:97 > 8.8.8.8:3", &["FORWARD 1", "outer 3", "inner return", "policy"], false),
        ("udp 10.0.1.5:97 > 8.8.8.8:4", &["FORWARD 1", "outer return", "FORWARD 2"], true),
        ("udp 10.0.1.5:97 > 8.8.8.8:5", &["FORWARD 1", "outer return", "policy"], false),
        // A goto out of a built-in chain: its end and RETURN mean the policy, not the rule behind it.
        ("tcp 10.0.1.5:97 > 8.8.8.8:22 S", &["FORWARD 3", "gone 1", "gone return", "policy"], false),
        ("tcp 10.0.1.5:97 > 8.8.8.8:23 S", &["FORWARD 3", "gone 2"], true),
        ("tcp 10.0.1.5:97 > 8.8.8.8:24 S", &["FORWARD 3", "gone return", "policy"], false),
    ];
    for (packet, expected, passes) in ways {
        engine.start_trace();
        let decision = bed::receive(&mut engine, 0, &format!("lan0 {packet}"));
        assert_eq!(path(&mut engine, CHAINS, Table::Filter), expected, "{packet}");
        assert_eq!(forwarded(decision), passes, "{packet}");
    }
    let expected = [
        ("FORWARD 1", 7),
        ("FORWARD 2", 1),
        ("FORWARD 3", 3),
        ("FORWARD policy", 5),
        ("gone 1", 1),
        ("gone 2", 1),
        ("inner 1", 1),
        ("inner 2", 1),
        ("outer 1", 3),
        ("outer 2", 1),
        ("outer 3", 1),
        ("outer 4", 2),
    ];
    let counted = bed::counted(&engine, CHAINS, Table::Filter);
    assert!(counted.iter().map(|(rule, packets)| (rule.as_str(), *packets)).eq(expected), "{counted:?}");
}

const TERMINATING: &str = "\
*mangle
-A FORWARD -p udp -j MARK --set-xmark 0x1/0xffffffff
-A FORWARD -p udp -j ACCEPT
-A FORWARD -p udp -j MARK --set-xmark 0x2/0xffffffff
COMMIT
*filter
-A FORWARD -p udp -j LOG --log-prefix \"seen \"
-A FORWARD -m mark --mark 0x1 -m udp -p udp --dport 1 -j ACCEPT
-A FORWARD -m mark --mark 0x1 -m udp -p udp --dport 2 -j DROP
-A FORWARD -m mark --mark 0x2 -j DROP
COMMIT
";

/// S4, F67: LOG and MARK go on, ACCEPT ends its table only, DROP stops; the line is the kernel's, its last blank too.
#[test]
fn s4_terminating_and_non_terminating_targets() {
    let mut engine = bed::engine(TERMINATING, "");
    assert!(forwarded(bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:97 > 8.8.8.8:1 id 7")));
    assert_eq!(
        engine.poll_log().unwrap().text,
        "seen IN=lan0 OUT=wan0 MAC= SRC=10.0.1.5 DST=8.8.8.8 LEN=28 TOS=0x00 PREC=0x00 TTL=63 ID=7 PROTO=UDP SPT=97 DPT=1 \
         LEN=8 MARK=0x1 "
    );
    assert_eq!(dropped_by(bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:97 > 8.8.8.8:2")), Some(3));
    assert!(forwarded(bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:97 > 8.8.8.8:3")));
    let expected = [("FORWARD 1", 3), ("FORWARD 2", 1), ("FORWARD 3", 1), ("FORWARD policy", 1)];
    let counted = bed::counted(&engine, TERMINATING, Table::Filter);
    assert!(counted.iter().map(|(rule, packets)| (rule.as_str(), *packets)).eq(expected), "{counted:?}");
    let mangled = bed::counted(&engine, TERMINATING, Table::Mangle);
    let forward: Vec<_> = mangled.into_iter().filter(|(rule, _)| rule.starts_with("FORWARD")).collect();
    assert_eq!(forward, [("FORWARD 1".to_owned(), 3), ("FORWARD 2".to_owned(), 3)]);
}

/// The later rule that the trace names, if it names one.
fn overtaken(engine: &mut netfilter::engine::Engine) -> Option<usize> {
    let steps = engine.take_trace().unwrap_or_default().steps;
    steps.into_iter().find_map(|(_, step)| match step {
        Step::Overtaken { number, .. } => Some(number),
        _ => None,
    })
}

const ALLOW: &str = "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT\n";
const DENY: &str = "-A FORWARD -p tcp -j DROP\n";

/// S8: the same two rules in both orders. The wrong one drops what it should let through, and the trace names the rule
/// that came too late.
#[test]
fn s8_default_deny_in_the_right_and_in_the_wrong_order() {
    let [right, wrong] = [[ALLOW, DENY], [DENY, ALLOW]]
        .map(|rules| format!("*filter\n:FORWARD DROP [0:0]\n{}COMMIT\n", rules.concat()));
    let mut engine = bed::engine(&right, "");
    engine.start_trace();
    assert!(forwarded(bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 S")));
    assert_eq!(overtaken(&mut engine), Some(2), "without the first rule the second would have dropped it");
    engine.start_trace();
    assert_eq!(dropped_by(bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:81 S")), Some(2));
    assert_eq!(overtaken(&mut engine), None);

    let mut engine = bed::engine(&wrong, "");
    engine.start_trace();
    assert_eq!(dropped_by(bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 S")), Some(1));
    assert_eq!(overtaken(&mut engine), Some(2));
    assert_eq!(bed::counted(&engine, &wrong, Table::Filter), [("FORWARD 1".to_owned(), 1)]);
}

/// S8: looking ahead follows jumps, takes nothing from chance or buckets, and says nothing where it would have to.
#[test]
fn s8_looking_ahead_moves_nothing() {
    let rules = "*filter
:allow - [0:0]
:FORWARD ACCEPT [0:0]
-A FORWARD -p udp -j DROP
-A FORWARD -p tcp -m tcp --dport 1 -j DROP
-A FORWARD -p tcp -m tcp --dport 2 -j DROP
-A FORWARD -p tcp -m tcp --dport 3 -j DROP
-A FORWARD -p udp -j allow
-A FORWARD -p tcp -m tcp --dport 1 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 2 -m statistic --mode random --probability 0.5 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 3 -j MARK --set-mark 1
-A FORWARD -p tcp -j ACCEPT
-A allow -p udp -m udp --dport 9 -j RETURN
-A allow -p udp -j ACCEPT
COMMIT
";
    let mut engine = bed::engine(rules, "");
    let mut said = |packet: &str| {
        engine.start_trace();
        bed::receive(&mut engine, 0, packet);
        overtaken(&mut engine)
    };
    assert_eq!(said("lan0 udp 10.0.1.5:1 > 8.8.8.8:8"), Some(2), "rule 2 of chain allow");
    assert_eq!(said("lan0 udp 10.0.1.5:1 > 8.8.8.8:9"), None, "RETURN, and then the policy");
    assert_eq!(said("lan0 tcp 10.0.1.5:1 > 8.8.8.8:1 S"), None, "limit");
    assert_eq!(said("lan0 tcp 10.0.1.5:1 > 8.8.8.8:2 S"), None, "statistic");
    assert_eq!(said("lan0 tcp 10.0.1.5:1 > 8.8.8.8:3 S"), None, "the mark would have changed");
    let counted = bed::counted(&engine, rules, Table::Filter);
    let expected = [("FORWARD 1", 2), ("FORWARD 2", 1), ("FORWARD 3", 1), ("FORWARD 4", 1)];
    assert!(counted.iter().map(|(rule, packets)| (rule.as_str(), *packets)).eq(expected), "{counted:?}");
}

const NOTRACK: &str = "\
*raw
-A PREROUTING -p tcp -j NOTRACK
COMMIT
*nat
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
*filter
-A FORWARD -m conntrack --ctstate UNTRACKED
-A FORWARD -m state --state UNTRACKED
-A FORWARD -m conntrack --ctstate NEW
COMMIT
";

/// S14: no entry, UNTRACKED, nat not visited; UDP beside it is tracked and masqueraded.
#[test]
fn s14_notrack() {
    let mut engine = bed::engine(NOTRACK, "");
    engine.start_trace();
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 S");
    let met = tables_met(&mut engine);
    assert!(met.iter().all(|(_, table)| *table != Table::Nat), "{met:?}");
    assert_eq!(bed::sent(&mut engine), ["wan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 S ttl 63"]);
    assert!(engine.conntrack().is_empty());

    bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:1000 > 8.8.8.8:80");
    assert_eq!(bed::sent(&mut engine), ["wan0 udp 203.0.113.1:1000 > 8.8.8.8:80 ttl 63"]);
    assert_eq!(engine.conntrack().lines(bed::at(0)).count(), 1);
    let expected = [("FORWARD 1", 1), ("FORWARD 2", 1), ("FORWARD 3", 1), ("FORWARD policy", 2)];
    let counted = bed::counted(&engine, NOTRACK, Table::Filter);
    assert!(counted.iter().map(|(rule, packets)| (rule.as_str(), *packets)).eq(expected), "{counted:?}");
}

/// Which of 100 pings a rule that draws for each packet drops.
fn pings_dropped(seed: u64) -> Vec<bool> {
    let rules = "*filter\n-A INPUT -p icmp -m statistic --mode random --probability 0.5 -j DROP\nCOMMIT\n";
    let mut engine = bed::engine(rules, "");
    engine.set_random(Box::new(netfilter::time::Seeded::new(seed)));
    (1..=100)
        .map(|seq| {
            let line = format!("lan0 icmp 10.0.1.5 > 10.0.1.1 echo-request id 1 seq {seq}");
            dropped_by(bed::receive(&mut engine, 0, &line)).is_some()
        })
        .collect()
}

/// S17: half of the pings; the same with the same seed, another row with another one. (The kernel's half of it is in
/// crate `oxitables`, `tests/it/chance.rs`: it has no seed.)
#[test]
fn s17_half_of_the_pings() {
    let first = pings_dropped(1);
    let dropped = first.iter().filter(|dropped| **dropped).count();
    assert!((45..=55).contains(&dropped), "{dropped} of 100");
    assert_eq!(first, pings_dropped(1));
    assert_ne!(first, pings_dropped(2));
}

const STRING: &str = "\
*nat
-A PREROUTING -p tcp -m tcp --dport 993 -m string --string \"imap.example\" --algo bm -j DNAT --to-destination 10.0.2.5
COMMIT
*filter
-A FORWARD -p tcp -m tcp --dport 993 -m string --string \"imap.example\" --algo bm -j DROP
COMMIT
";

/// S18: nat is asked about the SYN only, which has no payload; filter sees every packet.
#[test]
fn s18_a_string_in_nat_and_in_filter() {
    let mut engine = bed::engine(STRING, "");
    let mut seen = Vec::new();
    for packet in [
        "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:993 S seq 1 win 4096",
        "wan0 tcp 8.8.8.8:993 > 10.0.1.5:1000 SA seq 1 ack 2 win 4096",
        "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:993 A seq 2 ack 2 win 4096",
        "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:993 AP seq 2 ack 2 win 4096 payload \"imap.example\"",
        "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:993 AP seq 2 ack 2 win 4096 payload \"smtp.example\"",
    ] {
        engine.start_trace();
        let decision = bed::receive(&mut engine, 0, packet);
        let nat = tables_met(&mut engine).iter().any(|(_, table)| *table == Table::Nat);
        seen.push((nat, dropped_by(decision)));
    }
    assert_eq!(seen, [(true, None), (false, None), (false, None), (false, Some(1)), (false, None)]);
    let to_translated = bed::sent(&mut engine).iter().any(|line| line.contains("10.0.2.5"));
    assert!(!to_translated, "the rule in nat never matches");
    assert!(bed::counted(&engine, STRING, Table::Nat).iter().all(|(rule, _)| rule != "PREROUTING 1"));
}

const SCANS: &str = "\
*mangle
-A PREROUTING -p tcp -m conntrack --ctstate INVALID
COMMIT
*filter
-A FORWARD -p tcp -m tcp --tcp-flags ALL NONE -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags ALL FIN,PSH,URG -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags SYN,FIN SYN,FIN -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags ALL ALL -j DROP
-A FORWARD -p tcp -m tcp --syn -j ACCEPT
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
";

/// S22: each scan is dropped by its rule; conntrack calls all of them INVALID; SYN passes, SYN+ACK out of nothing does not.
#[test]
fn s22_scans() {
    let mut engine = bed::engine(SCANS, "");
    let scans = [
        (".", Some(1)),
        ("FPU", Some(2)),
        ("SF", Some(3)),
        ("SR", Some(4)),
        // All flags: SYN and FIN are among them, and that rule comes first.
        ("SFRPAU", Some(3)),
        ("F", Some(7)),
        ("S", None),
        ("SA", Some(7)),
    ];
    for (at, (flags, rule)) in scans.into_iter().enumerate() {
        let line = format!("wan0 tcp 8.8.8.8:1000 > 10.0.1.5:{} {flags}", at + 1);
        let decision = bed::receive(&mut engine, 0, &line);
        assert_eq!(dropped_by(decision), rule, "{flags}");
        assert_eq!(forwarded(decision), rule.is_none(), "{flags}");
    }
    let invalid = bed::counted(&engine, SCANS, Table::Mangle);
    assert_eq!(invalid.first(), Some(&("PREROUTING 1".to_owned(), 7)));
}

/// F12: link-local addresses are of one link; their packets are not forwarded (Linux: `ip6_forward`).
#[test]
fn f12_link_local_sources_are_not_forwarded() {
    let mut engine = bed::engine("", "*filter\nCOMMIT\n");
    let line = "lan0 udp [fe80::5]:1000 > [2001:db8:8::8]:53";
    // No route leads to fe80::5 on lan0: nobody can be told.
    assert_eq!(bed::receive(&mut engine, 0, line), Decision::Dropped(Drop::NotForwarded));
    assert_eq!(bed::sent(&mut engine), Vec::<String>::new());
    let lan = bed::device(&engine, "lan0");
    let own = netfilter::network::Address::new("fe80::1".parse().unwrap(), 64);
    assert!(engine.network_mut().add_address(lan, own));
    assert_eq!(bed::receive(&mut engine, 0, line), Decision::Dropped(Drop::NotForwarded));
    let sent = bed::sent(&mut engine);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].starts_with("lan0 icmpv6 fe80::1 > fe80::5 beyond-scope "), "{sent:?}");
}

/// F72: a change starts `limit` and `statistic` of that table anew, those of other tables go on.
#[test]
fn f72_other_tables_keep_what_they_know() {
    const RULES: &str = "\
*mangle\n-A FORWARD\nCOMMIT
*filter
-A FORWARD -m limit --limit 1/hour --limit-burst 2
-A FORWARD -m statistic --mode nth --every 3 --packet 0
COMMIT
";
    let ruleset = rules::syntax::restore::load(RULES, Family::V4, None).unwrap();
    let mut engine = bed::engine(RULES, "");
    let mut counts = |changed: &[Table]| {
        for _ in 0..4 {
            bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:1 > 8.8.8.8:2");
        }
        engine.set_tables(&ruleset, changed);
        let of = |table| bed::counted(&engine, RULES, table).first().map(|(_, packets)| *packets);
        (of(Table::Mangle), of(Table::Filter))
    };
    // Of 4 packets the burst lets 2 pass; then none, until the table is new.
    assert_eq!(counts(&[Table::Mangle]), (None, Some(2)));
    assert_eq!(counts(&[Table::Mangle]), (None, Some(2)));
    assert_eq!(counts(&[]), (Some(4), Some(2)));
    assert_eq!(counts(&[Table::Filter]).1, None);
    assert_eq!(counts(&[]).1, Some(2));
}

/// Forty chains that each jump to the next three times are 3^40 steps: the walk has an end.
#[test]
fn a_walk_that_explodes_has_an_end() {
    let mut rules = String::from("*filter\n");
    for chain in 0..40 {
        rules.push_str(&format!(":c{chain} - [0:0]\n"));
    }
    rules.push_str("-A FORWARD -j c0\n");
    for chain in 0..39 {
        for _ in 0..3 {
            rules.push_str(&format!("-A c{chain} -j c{}\n", chain + 1));
        }
    }
    rules.push_str("COMMIT\n");
    let mut engine = bed::engine(&rules, "");
    let decision = bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:1 > 8.8.8.8:2");
    assert_eq!(decision, Decision::Dropped(Drop::Limit));
}

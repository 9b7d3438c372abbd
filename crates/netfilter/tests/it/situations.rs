//! Situations that need nothing but the engine (../shared/scenarios.md); those with traffic are in the lab and the judge.
use netfilter::engine::Decision;
use netfilter::hook::{Module, Verdict};
use netfilter::trace::Step;
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
            Step::Table { table, hook } => Some((hook, table)),
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

//! A packet of a known flow allocates nothing.
use netfilter::skb::Link;

use crate::bed;

/// Ten rules in each of the five tables, of which the last in each chain fits or none does.
fn ten_rules_each() -> String {
    let mut text = String::new();
    for (table, chains) in [
        ("raw", "PREROUTING"),
        ("mangle", "PREROUTING FORWARD POSTROUTING"),
        ("filter", "FORWARD"),
        ("security", "FORWARD"),
    ] {
        text.push_str(&format!("*{table}\n"));
        for chain in chains.split(' ') {
            for rule in 0..10 {
                text.push_str(&format!(
                    "-A {chain} -p tcp -s 10.9.{rule}.0/24 -m tcp --dport {rule} -j ACCEPT\n"
                ));
            }
        }
        if table == "filter" {
            text.push_str("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n");
            text.push_str(
                "-A FORWARD -i lan0 -p tcp -m multiport --dports 80,443 -j ACCEPT\n-P FORWARD DROP\n",
            );
        }
        text.push_str("COMMIT\n");
    }
    text.push_str("*nat\n-A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT\n");
    text
}

#[test]
fn a_packet_of_a_known_flow_allocates_nothing() {
    let mut engine = bed::engine(&ten_rules_each(), "");
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:40000 > 8.8.8.8:443 S seq 1");
    bed::receive(&mut engine, 0, "wan0 tcp 8.8.8.8:443 > 203.0.113.1:40000 SA seq 100 ack 2");
    bed::receive(&mut engine, 0, "lan0 tcp 10.0.1.5:40000 > 8.8.8.8:443 A seq 2 ack 101");
    assert_eq!(bed::sent(&mut engine).len(), 3, "the connection is up");
    let (lan, out) = bed::packet(&engine, "lan0 tcp 10.0.1.5:40000 > 8.8.8.8:443 AP seq 2 ack 101 len 100");
    let (wan, back) =
        bed::packet(&engine, "wan0 tcp 8.8.8.8:443 > 203.0.113.1:40000 AP seq 101 ack 102 len 100");
    let mut transmitted = 0;
    for (device, bytes) in [(lan, out), (wan, back)] {
        let copies: Vec<Vec<u8>> = (0..4).map(|_| bytes.clone()).collect();
        let now = bed::at(1);
        let counted = allocation_counter::measure(|| {
            for bytes in copies {
                engine.receive(now, device, Link::default(), bytes);
                if let Some(sent) = engine.poll_transmit() {
                    transmitted += sent.bytes.len();
                }
            }
        });
        assert_eq!(counted.count_total, 0, "allocations on the way of a known flow: {counted:?}");
    }
    assert_eq!(transmitted, 8 * 140);
}

/// A packet in a set of 100,000 members, in one of networks of several lengths, and in a list of both; one that is added
/// to a set that is full.
#[test]
fn a_packet_in_a_set_allocates_nothing() {
    let mut sets =
        String::from("create big hash:ip,port maxelem 200000 counters\ncreate nets hash:net counters\n");
    for number in 0..100_000_u32 {
        sets.push_str(&format!(
            "add big 10.{}.{}.{},tcp:443\n",
            1 + (number >> 16),
            number >> 8 & 255,
            number & 255
        ));
    }
    sets.push_str("add nets 10.0.0.0/8\nadd nets 8.8.8.0/24\nadd nets 192.0.2.1\n");
    sets.push_str("create all list:set counters\nadd all nets\nadd all big\n");
    sets.push_str("create full hash:ip maxelem 1\nadd full 192.0.2.1\n");
    let rules = "*filter\n-A FORWARD -m set --match-set big src,src\n-A FORWARD -m set --match-set nets src\n\
                 -A FORWARD -m set ! --match-set nets dst\n-A FORWARD -m set --match-set all src,dst --packets-gt 1\n\
                 -A FORWARD -j SET --add-set full src --del-set full dst --exist\nCOMMIT\n";
    let mut engine = bed::engine(rules, "");
    engine.set_sets(rules::set::restore::load(&sets, 0).unwrap());
    let (lan, bytes) = bed::packet(&engine, "lan0 tcp 10.0.1.5:40000 > 8.8.8.8:443 A seq 2 ack 101");
    engine.receive(bed::at(1), lan, Link::default(), bytes.clone());
    let copies: Vec<Vec<u8>> = (0..4).map(|_| bytes.clone()).collect();
    let mut sent = 0;
    while engine.poll_transmit().is_some() {
        sent += 1;
    }
    let counted = allocation_counter::measure(|| {
        for bytes in copies {
            engine.receive(bed::at(1), lan, Link::default(), bytes);
            sent += usize::from(engine.poll_transmit().is_some());
        }
    });
    assert_eq!((counted.count_total, sent), (0, 5), "{counted:?}");
}

/// Of many packets that make a connection none waits for a store that grows: what is moved goes into memory that was asked
/// for, and the most that one asks for is a chunk of 256 connections (57 KiB with their lists and timers) and parts of
/// indexes.
#[test]
fn no_new_flow_asks_for_much() {
    let mut engine = bed::engine("*nat\n-A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT\n", "");
    let mut most = 0;
    for number in 0..30_000_u32 {
        let line = format!(
            "lan0 udp 10.0.1.{}:{} > 8.8.{}.8:53",
            number % 200 + 2,
            1024 + number / 200,
            number >> 8 & 255
        );
        let (lan, bytes) = bed::packet(&engine, &line);
        let now = bed::at(1);
        let counted = allocation_counter::measure(|| {
            engine.receive(now, lan, Link::default(), bytes);
            assert!(engine.poll_transmit().is_some());
        });
        most = most.max(counted.bytes_total);
    }
    assert_eq!(engine.conntrack().len(), 30_000);
    println!("{most} bytes");
    assert!((48 << 10..=72 << 10).contains(&most), "one packet asked for {most} bytes");
}

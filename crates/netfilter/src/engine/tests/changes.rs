//! Changes of rules and devices while connections live, as measured on Linux 6.18.
use std::sync::{Arc, Mutex};

use super::*;
use crate::hook::Verdict;
use crate::skb::Packet;

const OUT: &str = "lan0 udp 10.0.1.5:1000 > 8.8.8.8:53";
const BACK: &str = "wan0 udp 8.8.8.8:53 > 203.0.113.1:1000";
const SNAT: &str = "*nat\n-A POSTROUTING -o wan0 -j SNAT --to-source 203.0.113.1\nCOMMIT\n";
const STATES: &str = "\
*filter
-A FORWARD -m conntrack --ctstate INVALID
-A FORWARD -m conntrack --ctstate ESTABLISHED
COMMIT
";

/// Without the rule connection tracking rests and nothing is translated; when another rule needs it, the old connection
/// goes on as it was, also if the new rules have no table nat.
#[test]
fn f1_f9_translation_rests_with_connection_tracking_and_comes_back() {
    let mut engine = engine(SNAT);
    let translated = ["wan0 udp 203.0.113.1:1000 > 8.8.8.8:53 ttl 63"];
    assert_eq!(receive(&mut engine, OUT), translated);
    set(&mut engine, "*nat\nCOMMIT\n");
    assert_eq!(receive(&mut engine, OUT), ["wan0 udp 10.0.1.5:1000 > 8.8.8.8:53 ttl 63"]);
    assert_eq!(receive(&mut engine, BACK), [""; 0], "it is for the machine itself");
    assert_eq!(engine.conntrack.len(), 1, "the entry stays");
    for rules in [STATES.to_owned(), format!("{STATES}*nat\nCOMMIT\n")] {
        set(&mut engine, &rules);
        assert_eq!(receive(&mut engine, OUT), translated);
        assert_eq!(receive(&mut engine, BACK), ["lan0 udp 8.8.8.8:53 > 10.0.1.5:1000 ttl 63"]);
    }
}

#[test]
fn tcp_is_picked_up_anew_after_a_pause_of_connection_tracking() {
    let mut engine = engine(STATES);
    let far = "lan0 tcp 10.0.1.5:4000 > 8.8.8.8:80 AP seq 900000 ack 501 win 8192 len 10";
    let life = [
        "lan0 tcp 10.0.1.5:4000 > 8.8.8.8:80 S seq 100 win 8192",
        "wan0 tcp 8.8.8.8:80 > 10.0.1.5:4000 SA seq 500 ack 101 win 8192",
        "lan0 tcp 10.0.1.5:4000 > 8.8.8.8:80 A seq 101 ack 501 win 8192",
    ];
    for packet in life {
        receive(&mut engine, packet);
    }
    receive(&mut engine, far);
    assert_eq!(counted(&engine, STATES, Table::Filter, "FORWARD"), [1, 2, 4]);
    set(&mut engine, STATES);
    receive(&mut engine, far);
    assert_eq!(counted(&engine, STATES, Table::Filter, "FORWARD"), [1, 0, 1], "there was no pause");
    set(&mut engine, "*filter\nCOMMIT\n");
    set(&mut engine, STATES);
    receive(&mut engine, far);
    receive(&mut engine, "wan0 tcp 8.8.8.8:80 > 10.0.1.5:4000 A seq 77777777 ack 900010 win 8192");
    assert_eq!(counted(&engine, STATES, Table::Filter, "FORWARD"), [0, 2, 2]);
}

const HIDE: &str = "*nat\n-A POSTROUTING -o wan0 -p udp -j MASQUERADE\nCOMMIT\n";

#[test]
fn f55_masqueraded_connections_end_with_the_device() {
    let mut engine = engine(HIDE);
    receive(&mut engine, OUT);
    receive(&mut engine, "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:53 S");
    let (lan, wan) = (device(&engine, "lan0"), device(&engine, "wan0"));
    engine.device_down(lan);
    assert_eq!(engine.conntrack.len(), 2);
    engine.device_down(wan);
    let left: Vec<u8> = engine.conntrack.iter().map(|(_, own)| own.ip_protocol()).collect();
    assert_eq!(left, [packet::protocol::TCP], "what was not masqueraded stays");
    assert!(!engine.network.device(wan).unwrap().up);
    engine.conntrack.assert_consistent();
}

#[test]
fn f55_masqueraded_connections_end_with_the_address() {
    let mut engine = engine(HIDE);
    receive(&mut engine, OUT);
    let wan = device(&engine, "wan0");
    engine.address_lost(wan, "203.0.113.9".parse().unwrap());
    assert_eq!(engine.conntrack.len(), 1, "another address");
    engine.address_lost(wan, "203.0.113.1".parse().unwrap());
    assert!(engine.conntrack.is_empty());
}

/// Notes in which order it was called.
struct Noting(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Module for Noting {
    fn name(&self) -> &'static str {
        self.0
    }

    fn handle(&mut self, _hook: Hook, _packet: &mut Packet) -> Verdict {
        self.1.lock().unwrap().push(self.0);
        Verdict::Accept
    }
}

/// Measured with two nft chains of one priority: the one that was registered last is called first. The tables of the
/// engine keep their place when rules change.
#[test]
fn of_equal_priorities_the_last_registered_is_called_first() {
    let rules = "*filter\nCOMMIT\n";
    let mut engine = engine(rules);
    let called = Arc::default();
    for name in ["one", "two"] {
        let module = Box::new(Noting(name, Arc::clone(&called)));
        engine.register_module(Family::V4, Hook::Forward, priority::FILTER, module);
    }
    let order: Vec<Callee> =
        engine.entries(Family::V4, Hook::Forward).iter().map(|entry| entry.callee).collect();
    assert_eq!(
        order,
        [Callee::Module(1), Callee::Module(0), Callee::Table(crate::hook::World::Legacy, Table::Filter)]
    );
    set(&mut engine, rules);
    let after: Vec<Callee> =
        engine.entries(Family::V4, Hook::Forward).iter().map(|entry| entry.callee).collect();
    assert_eq!(after, order);
    receive(&mut engine, OUT);
    assert_eq!(*called.lock().unwrap(), ["two", "one"]);
}

const FTP: &str = "\
*raw
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*mangle
-A PREROUTING -m conntrack --ctstate DNAT
-A PREROUTING -m conntrack --ctstate SNAT
-A PREROUTING -d 203.0.113.1/32 -m conntrack --ctstate RELATED
COMMIT
*nat
-A POSTROUTING -o wan0 -j SNAT --to-source 203.0.113.1
COMMIT
";

/// A control connection from a client up to its announcement; what comes of that.
fn announce(engine: &mut Engine, client: &str, port: u16, announcement: &str) -> Vec<String> {
    let line = |builder: packet::build::Builder, device: &str| {
        packet::show::print(InterfaceName::new(device), &builder.build())
    };
    let client: std::net::SocketAddr = format!("{client}:{port}").parse().unwrap();
    let there = || packet::build::tcp(client, "8.8.8.8:21");
    let back = packet::build::tcp(("8.8.8.8".parse().unwrap(), 21), ("203.0.113.1".parse().unwrap(), port));
    let before = [
        line(there().flags("S").seq(100), "lan0"),
        line(back.flags("SA").seq(500).ack(101), "wan0"),
        line(there().flags("A").seq(101).ack(501), "lan0"),
        line(there().flags("AP").seq(101).ack(501).payload("USER x\r\n"), "lan0"),
    ];
    for packet in before {
        assert_eq!(receive(engine, &packet).len(), 1, "{packet}");
    }
    receive(engine, &line(there().flags("AP").seq(109).ack(501).payload(announcement), "lan0"))
}

/// Measured: another port is sought above the announced one; where there is none, the packet is dropped.
#[test]
fn f62_two_clients_announce_the_same_port() {
    let mut engine = engine(FTP);
    assert_eq!(announce(&mut engine, "10.0.1.5", 4000, "PORT 10,0,1,5,255,254\r\n").len(), 1);
    assert_eq!(announce(&mut engine, "10.0.1.6", 4001, "PORT 10,0,1,6,255,254\r\n"), [""; 0]);
    for last in 10..30 {
        let announcement = format!("PORT 10,0,1,{last},200,0\r\n");
        let out = announce(&mut engine, &format!("10.0.1.{last}"), 4000 + last, &announcement);
        assert_eq!(out.len(), 1);
    }
    let mut ports: Vec<u16> = engine.conntrack.expectations().map(|own| own.destination_port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 21);
    assert!(ports.iter().all(|&port| port >= 200 << 8), "{ports:?}");
}

/// An expected connection is bound when connection tracking finds it: table mangle sees DNAT, before the packet is
/// translated.
#[test]
fn f62_an_expected_connection_is_dnat_in_table_mangle() {
    let mut engine = engine(FTP);
    announce(&mut engine, "10.0.1.5", 4000, "PORT 10,0,1,5,19,137\r\n");
    assert_eq!(engine.conntrack.expectations().count(), 1);
    let before = counted(&engine, FTP, Table::Mangle, "PREROUTING");
    let out = receive(&mut engine, "wan0 tcp 8.8.8.8:20 > 203.0.113.1:5001 S seq 9000");
    assert_eq!(out, ["lan0 tcp 8.8.8.8:20 > 10.0.1.5:5001 S seq 9000 ttl 63"]);
    let moved: Vec<u64> = counted(&engine, FTP, Table::Mangle, "PREROUTING")
        .iter()
        .zip(before)
        .map(|(now, before)| now - before)
        .collect();
    assert_eq!(moved, [1, 0, 1, 1]);
}

/// A broadcast of this machine passes POSTROUTING twice. If only the copy for the machine itself is dropped, the packet
/// still belongs to its connection.
#[test]
fn a_dropped_copy_of_a_broadcast_takes_no_connection_with_it() {
    let mut engine = engine(
        "*mangle\n-A POSTROUTING -m statistic --mode nth --every 2 --packet 0 -j DROP\nCOMMIT\n\
         *filter\n-A OUTPUT -m state --state NEW\nCOMMIT\n",
    );
    let bytes = packet::build::udp("10.0.1.1:67", "10.0.1.255:68").payload("hi").build();
    let origin = crate::skb::Origin::default();
    let decision = engine.send_local(at(0), origin, bytes);
    assert!(matches!(decision, Ok(Decision::Forwarded { .. })), "{decision:?}");
    assert_eq!(engine.conntrack.len(), 1);
    engine.conntrack.assert_consistent();
}

/// A decision that was made before does not outlive a change of the network.
#[test]
fn a_change_of_the_network_counts_at_once() {
    let mut engine = engine("*filter\nCOMMIT\n");
    let out = ["wan0 udp 10.0.1.5:1000 > 8.8.8.8:53 ttl 63"];
    assert_eq!(receive(&mut engine, OUT), out);
    let dmz = device(&engine, "dmz0");
    let route = crate::network::RouteEntry {
        device: Some(dmz),
        ..crate::network::RouteEntry::new(
            packet::AddrMask::host("8.8.8.8".parse().unwrap()),
            crate::network::RouteKind::Unicast,
        )
    };
    engine.network_mut().add_route(crate::network::TABLE_MAIN, route);
    assert_eq!(receive(&mut engine, OUT), ["dmz0 udp 10.0.1.5:1000 > 8.8.8.8:53 ttl 63"]);
    engine.device_down(dmz);
    assert_eq!(receive(&mut engine, OUT), out);
}

/// Takes everything.
struct Taking;

impl Module for Taking {
    fn name(&self) -> &'static str {
        "taking"
    }

    fn handle(&mut self, _hook: Hook, _packet: &mut Packet) -> Verdict {
        Verdict::Stolen
    }
}

/// A fragment that a module takes is not one that waits for others.
#[test]
fn what_a_module_takes_is_stolen() {
    let mut engine = engine("*filter\nCOMMIT\n");
    engine.register_module(Family::V4, Hook::Forward, 5, Box::new(Taking));
    let whole = packet::build::udp("10.0.1.5:1", "8.8.8.8:2").payload([0; 100]).build();
    let lan = device(&engine, "lan0");
    for bytes in packet::build::fragments(&whole, 68, 7).into_iter().chain([whole]) {
        assert_eq!(engine.receive(at(0), lan, Link::default(), bytes), Decision::Stolen);
    }
    assert!(engine.defrag.is_empty());
}

#[test]
fn what_was_learned_of_a_way_is_forgotten_in_time() {
    let network = format!("{NETWORK}cache 8.8.8.8 dev wan0 via 203.0.113.9 redirected expires 10\n");
    let mut engine = engine("*filter\nCOMMIT\n");
    *engine.network_mut() = crate::route::text::parse(&network).unwrap();
    let lan = device(&engine, "lan0");
    let mut hop = |seconds| {
        let bytes = packet::build::udp("10.0.1.5:1000", "8.8.8.8:53").build();
        match engine.receive(at(seconds), lan, Link::default(), bytes) {
            Decision::Forwarded { next_hop, .. } => next_hop.to_string(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(hop(100), "203.0.113.9");
    assert_eq!(hop(109), "203.0.113.9");
    assert_eq!(hop(110), "203.0.113.254");
}

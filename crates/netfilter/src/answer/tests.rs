//! Answers, compared with those that the kernel sent (`fixtures/answer/reject.txt`), and those of the path.
use std::collections::VecDeque;

use packet::{InterfaceName, show};
use rules::{Hook, Table};

use super::*;
use crate::DeviceId;
use crate::hook::Verdict;
use crate::network::{Address, Network, RouteEntry, RouteKind, TABLE_MAIN};
use crate::skb::Drop;
use crate::tables::{Named, Program, walk};
use crate::time::{Now, Seeded};

const CASES: &str = include_str!("../../../../fixtures/answer/reject.txt");

/// What an [`Env`] borrows.
struct Bench {
    network: Network,
    conntrack: Conntrack,
    named: Named,
    random: Seeded,
    emitted: Vec<Emitted>,
    log: VecDeque<crate::LogLine>,
    next_packet: u64,
    next_ip_id: u16,
}

impl Bench {
    /// The network of the experiment: lan0, wan0, a default route to the outside.
    fn new() -> Self {
        let mut network = Network::new();
        network.settings.forward_v4 = true;
        network.settings.forward_v6 = true;
        for (name, v4, v6) in [("lan0", "10.0.1.1", "fd00:1::1"), ("wan0", "203.0.113.1", "fd00:2::1")] {
            let device = network.add_device(InterfaceName::new(name).unwrap(), 1500);
            assert!(network.add_address(device, Address::new(v4.parse().unwrap(), 24)));
            assert!(network.add_address(device, Address::new(v6.parse().unwrap(), 64)));
        }
        for (any, via) in [("0.0.0.0", "203.0.113.254"), ("::", "fd00:2::fe")] {
            let destination = packet::AddrMask::prefix(any.parse().unwrap(), 0).unwrap();
            let route = RouteEntry {
                via: Some(via.parse().unwrap()),
                device: Some(DeviceId(2)),
                ..RouteEntry::new(destination, RouteKind::Unicast)
            };
            network.add_route(TABLE_MAIN, route);
        }
        Self {
            network,
            conntrack: Conntrack::default(),
            named: Named::default(),
            random: Seeded::new(1),
            emitted: Vec::new(),
            log: VecDeque::new(),
            next_packet: 1,
            next_ip_id: 1,
        }
    }

    fn env(&mut self) -> Env<'_> {
        Env {
            now: Now::default(),
            settings: &crate::env::Settings::USUAL,
            network: &self.network,
            machine: Box::leak(Box::default()),
            conntrack: &mut self.conntrack,
            named: &mut self.named,
            peers: Box::leak(Box::default()),
            random: &mut self.random,
            emitted: &mut self.emitted,
            log: &mut self.log,
            reports: Box::leak(Box::default()),
            trace: None,
            next_packet: &mut self.next_packet,
            next_ip_id: &mut self.next_ip_id,
        }
    }

    /// A packet that came in by lan0, with its route.
    fn arrived(&mut self, bytes: Vec<u8>) -> Packet {
        let mut packet = machine_packet(&mut self.env(), bytes, false).unwrap();
        packet.origin = None;
        packet.link.kind = LinkKind::Host;
        packet.input = Some(DeviceId(1));
        packet.route = self.network.route_input(&packet).ok();
        packet
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Identification and header checksum of IPv4, and the flow label of IPv6, are left out of the comparison.
fn masked(mut bytes: Vec<u8>) -> Vec<u8> {
    match bytes[0] >> 4 {
        4 => {
            assert_eq!(checksum::of(&bytes[..usize::from(bytes[0] & 15) * 4]), 0);
            bytes[4..6].fill(0);
            bytes[10..12].fill(0);
        }
        _ => {
            bytes[1] &= 0xf0;
            bytes[2..4].fill(0);
        }
    }
    bytes
}

/// F25, F26, F27, F31: what is answered, and with which bytes.
#[test]
fn f25_answers_of_the_kernel() {
    let mut compared = 0;
    for block in CASES.split("\n\n").filter(|block| block.contains("packet: ")) {
        let value = |key: &str| block.lines().find_map(|line| line.strip_prefix(key));
        let (rule, name) = (value("rule: ").unwrap(), value("# ").unwrap());
        let mut bench = Bench::new();
        let mut packet = bench.arrived(bytes_of(value("packet: ").unwrap()));
        let family = packet.family();
        packet.output = Some(DeviceId(2));
        let ttl = packet.view().ttl() - 1;
        packet::rewrite::set_ttl(&mut packet.bytes, packet.layout, ttl);
        let text = format!("*filter\n-A FORWARD {rule}\nCOMMIT\n");
        let ruleset = rules::syntax::restore::load(&text, family, None).unwrap();
        let mut program = Program::new(ruleset.table(Table::Filter).unwrap(), family);
        let verdict = walk(&mut program, Hook::Forward, &mut packet, &mut bench.env());
        assert!(matches!(verdict, Verdict::Drop(Drop::Rejected { number: 1, .. })), "{name}: {verdict:?}");
        let got = bench.emitted.pop().map(|emitted| masked(emitted.packet.bytes));
        let wanted = value("answer: ").map(|hex| masked(bytes_of(hex)));
        assert_eq!(got, wanted, "{name}");
        assert!(bench.emitted.is_empty());
        compared += 1;
    }
    assert!(compared > 75, "{compared}");
}

fn told(bench: &mut Bench, line: &str, kind: Kind) -> Option<String> {
    let packet = bench.arrived(show::parse(line).unwrap().bytes);
    let emitted = icmp_error(&packet, kind, &mut bench.env())?;
    assert_eq!(emitted.destination, packet.view().source());
    Some(show::print(None, &emitted.packet.bytes))
}

/// What the path says, of both families.
#[test]
fn errors_of_the_path() {
    let mut bench = Bench::new();
    let mut start = |line: &str, kind| {
        let text = told(&mut bench, line, kind).unwrap();
        text.split(" quote").next().unwrap().split(" tos 0xc0").next().unwrap().to_owned()
    };
    let v4 = "udp 10.0.1.5:1 > 8.8.8.8:2";
    assert_eq!(start(v4, Kind::TimeExceeded), "icmp 10.0.1.1 > 10.0.1.5 ttl-zero-during-transit");
    assert_eq!(
        start(v4, Kind::TooBig { mtu: 1400 }),
        "icmp 10.0.1.1 > 10.0.1.5 fragmentation-needed mtu 1400"
    );
    assert_eq!(start(v4, Kind::NoRoute), "icmp 10.0.1.1 > 10.0.1.5 network-unreachable");
    assert_eq!(start(v4, Kind::HostUnreachable), "icmp 10.0.1.1 > 10.0.1.5 host-unreachable");
    assert_eq!(start(v4, Kind::Prohibited), "icmp 10.0.1.1 > 10.0.1.5 communication-prohibited");
    let v6 = "udp [fd00:1::5]:1 > [fd00:9::9]:2";
    assert_eq!(start(v6, Kind::TimeExceeded), "icmpv6 fd00:1::1 > fd00:1::5 ttl-zero-during-transit");
    assert_eq!(start(v6, Kind::TooBig { mtu: 1400 }), "icmpv6 fd00:1::1 > fd00:1::5 packet-too-big mtu 1400");
    assert_eq!(start(v6, Kind::NoRoute), "icmpv6 fd00:1::1 > fd00:1::5 no-route");
    assert_eq!(start(v6, Kind::Prohibited), "icmpv6 fd00:1::1 > fd00:1::5 communication-prohibited");
}

/// A wrong transport checksum keeps REJECT from answering, not the path.
#[test]
fn the_path_asks_no_checksum() {
    let mut bench = Bench::new();
    assert!(told(&mut bench, "udp 10.0.1.5:1 > 8.8.8.8:2 badsum", Kind::TimeExceeded).is_some());
    let packet = bench.arrived(show::parse("udp 10.0.1.5:1 > 8.8.8.8:2 badsum").unwrap().bytes);
    assert!(!rejectable(&packet));
}

/// What was sent to one of the machine's own addresses is answered from there.
#[test]
fn f25_own_addresses_answer_for_themselves() {
    let mut bench = Bench::new();
    let text = told(&mut bench, "udp 10.0.1.5:1 > 203.0.113.1:2", Kind::Unreachable { code: 3 }).unwrap();
    assert!(text.starts_with("icmp 203.0.113.1 > 10.0.1.5 port-unreachable"), "{text}");
    let text = told(&mut bench, "udp [fd00:1::5]:1 > [fd00:2::1]:2", Kind::Unreachable { code: 4 }).unwrap();
    assert!(text.starts_with("icmpv6 fd00:2::1 > fd00:1::5 port-unreachable"), "{text}");
}

/// F27: what was sent to many is not answered, except that IPv6 says "too big" to groups.
#[test]
fn f27_not_to_many() {
    let mut bench = Bench::new();
    assert_eq!(told(&mut bench, "udp 10.0.1.5:1 > 10.0.1.255:2", Kind::TimeExceeded), None);
    assert_eq!(told(&mut bench, "udp 10.0.1.5:1 > 224.0.0.1:2", Kind::TimeExceeded), None);
    assert_eq!(told(&mut bench, "udp [fd00:1::5]:1 > [ff02::1]:2", Kind::TimeExceeded), None);
    assert!(told(&mut bench, "udp [fd00:1::5]:1 > [ff0e::1]:2", Kind::TooBig { mtu: 1280 }).is_some());
    let mut packet = bench.arrived(show::parse("udp 10.0.1.5:1 > 8.8.8.8:2").unwrap().bytes);
    packet.link.kind = LinkKind::Broadcast;
    assert!(icmp_error(&packet, Kind::TimeExceeded, &mut bench.env()).is_none());
}

/// F75: an ICMP error comes from a socket of the kernel, a reset from none.
#[test]
fn f75_sockets_of_answers() {
    let mut bench = Bench::new();
    let packet = bench.arrived(show::parse("tcp 10.0.1.5:1 > 8.8.8.8:2 S").unwrap().bytes);
    let error = icmp_error(&packet, Kind::TimeExceeded, &mut bench.env()).unwrap().packet;
    let reset = tcp_reset(&packet, &mut bench.env()).unwrap().packet;
    assert!(
        error
            .origin
            .is_some_and(|origin| origin.known && origin.socket.is_some_and(|socket| !socket.has_file))
    );
    assert!(reset.origin.is_some_and(|origin| origin.known && origin.socket.is_none()));
    assert_ne!(error.id, reset.id);
}

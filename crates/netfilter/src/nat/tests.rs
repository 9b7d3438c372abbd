//! A router whose only modules are connection tracking and NAT, and what was measured on Linux 6.18 with it.
use std::collections::VecDeque;
use std::net::IpAddr;

use packet::{InterfaceName, build, layout, rewrite};
use rules::Target;
use rules::matches::PortRange;
use rules::targets::nat::{NatRange, Netmap};

use super::*;
use crate::conntrack::{Connection, Tuple};
use crate::network::{Address, Network, Route, Way};
use crate::skb::{Emitted, Origin};
use crate::time::{Now, Random, Seeded};
use crate::trace::Trace;
use crate::{Conntrack, LogLine};

mod pick;
mod range;
mod way;

const LAN: DeviceId = DeviceId(1);
const WAN: DeviceId = DeviceId(2);

/// A rule of the nat table: the packets of a hook, a device and a protocol, and a target.
struct NatRule {
    hook: Hook,
    protocol: Option<u8>,
    device: Option<DeviceId>,
    target: Target,
}

/// The router.
pub(super) struct World {
    now: Now,
    network: Network,
    conntrack: Conntrack,
    random: Box<dyn Random>,
    emitted: Vec<Emitted>,
    log: VecDeque<LogLine>,
    trace: Trace,
    next_packet: u64,
    next_ip_id: u16,
    rules: Vec<NatRule>,
    /// How often the rules were asked.
    asked: usize,
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        let mut network = Network::new();
        for (name, own) in [
            ("lan0", [("10.0.1.1", 24), ("fd00:1::1", 64)]),
            ("wan0", [("203.0.113.1", 24), ("fd00:2::1", 64)]),
        ] {
            let device = network.add_device(InterfaceName::new(name).unwrap(), 1500);
            for (text, length) in own {
                network.add_address(device, Address::new(address(text), length));
            }
        }
        Self {
            now: Now::default(),
            network,
            conntrack: Conntrack::default(),
            random: Box::new(Seeded::new(1)),
            emitted: Vec::new(),
            log: VecDeque::new(),
            trace: Trace::default(),
            next_packet: 1,
            next_ip_id: 1,
            rules: Vec::new(),
            asked: 0,
        }
    }

    /// With one rule for all packets of a hook.
    pub(super) fn with(hook: Hook, target: Target) -> Self {
        Self::new().and(hook, target)
    }

    /// Adds a rule.
    pub(super) fn and(mut self, hook: Hook, target: Target) -> Self {
        self.rules.push(NatRule { hook, protocol: None, device: None, target });
        self
    }

    fn packet(&self, device: Option<DeviceId>, bytes: &[u8]) -> Packet {
        Packet {
            input: device,
            origin: device.is_none().then(Origin::default),
            ..Packet::new(0, bytes.to_vec(), layout::parse(bytes).unwrap())
        }
    }

    fn env<R>(&mut self, with: impl FnOnce(&mut Env<'_>) -> R) -> R {
        with(&mut Env {
            now: self.now,
            settings: &crate::env::Settings::USUAL,
            network: &self.network,
            machine: Box::leak(Box::default()),
            conntrack: &mut self.conntrack,
            named: &mut Default::default(),
            peers: Box::leak(Box::default()),
            random: &mut *self.random,
            emitted: &mut self.emitted,
            log: &mut self.log,
            reports: Box::leak(Box::default()),
            trace: Some(&mut self.trace),
            next_packet: &mut self.next_packet,
            next_ip_id: &mut self.next_ip_id,
        })
    }

    /// NAT at a hook.
    fn nat(&mut self, hook: Hook, packet: &mut Packet) -> Verdict {
        let rules = std::mem::take(&mut self.rules);
        let mut asked = 0;
        let mut walk = |packet: &mut Packet, env: &mut Env<'_>| {
            asked += 1;
            let device = if hook == Hook::Postrouting { packet.output } else { packet.input };
            let mut fitting = rules.iter().filter(|rule| {
                rule.hook == hook
                    && rule.protocol.is_none_or(|protocol| packet.layout.protocol == Some(protocol))
                    && rule.device.is_none_or(|own| device == Some(own))
            });
            Some(fitting.next().map_or(Verdict::Accept, |rule| target(&rule.target, hook, packet, env)))
        };
        let verdict = self.env(|env| handle_by(Some(&mut walk), hook, packet, env));
        self.asked += asked;
        self.rules = rules;
        verdict
    }

    fn track(&mut self, hook: Hook, packet: &mut Packet) -> Verdict {
        self.env(|env| Conntrack::handle(packet, hook, env))
    }

    /// Confirmation and the end of the way.
    fn finish(&mut self, packet: &mut Packet, verdict: Verdict) -> Result<Vec<u8>, Drop> {
        let verdict = match verdict {
            Verdict::Accept => self.env(|env| Conntrack::confirm(packet, env)),
            other => other,
        };
        self.conntrack.release(packet);
        match verdict {
            Verdict::Accept => Ok(packet.bytes.clone()),
            Verdict::Drop(reason) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    /// Sends a packet through the router; what leaves.
    pub(super) fn forward(&mut self, from: DeviceId, bytes: &[u8]) -> Result<Vec<u8>, Drop> {
        let mut packet = self.packet(Some(from), bytes);
        let verdict = self.forward_packet(from, &mut packet);
        self.finish(&mut packet, verdict)
    }

    fn forward_packet(&mut self, from: DeviceId, packet: &mut Packet) -> Verdict {
        let mut verdict = self.track(Hook::Prerouting, packet);
        if verdict == Verdict::Accept {
            verdict = self.nat(Hook::Prerouting, packet);
        }
        if verdict != Verdict::Accept {
            return verdict;
        }
        let ttl = packet.view().ttl();
        rewrite::set_ttl(&mut packet.bytes, packet.layout, ttl - 1);
        self.leave(packet, if from == LAN { WAN } else { LAN })
    }

    fn leave(&mut self, packet: &mut Packet, device: DeviceId) -> Verdict {
        packet.output = Some(device);
        let next_hop = packet.view().destination();
        let way = Way::Out { device, next_hop, gateway: false };
        packet.route = Some(Route::by(way, 1500));
        self.nat(Hook::Postrouting, packet)
    }

    /// Sends a packet of the machine itself by the outer device.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Drop> {
        let mut packet = self.packet(None, bytes);
        let mut verdict = self.track(Hook::Output, &mut packet);
        for step in [Self::nat_output, |own: &mut Self, packet: &mut Packet| own.leave(packet, WAN)] {
            if verdict == Verdict::Accept {
                verdict = step(self, &mut packet);
            }
        }
        self.finish(&mut packet, verdict)
    }

    fn nat_output(&mut self, packet: &mut Packet) -> Verdict {
        self.nat(Hook::Output, packet)
    }

    /// Takes a packet in for the machine itself.
    pub(super) fn take(&mut self, from: DeviceId, bytes: &[u8]) -> Result<Vec<u8>, Drop> {
        let mut packet = self.packet(Some(from), bytes);
        let mut verdict = self.track(Hook::Prerouting, &mut packet);
        for hook in [Hook::Prerouting, Hook::Input] {
            if verdict == Verdict::Accept {
                verdict = self.nat(hook, &mut packet);
            }
        }
        self.finish(&mut packet, verdict)
    }

    /// The connection whose original source has a port (or ICMP identifier) and an address.
    #[track_caller]
    pub(super) fn connection(&self, source: &str, id: u16) -> &Connection {
        let mut all = self.conntrack.iter().map(|(_, connection)| connection).filter(|connection| {
            connection.original().source == address(source) && connection.original().source_id == id
        });
        let found = all.next().expect("the connection is in the table");
        assert!(all.next().is_none(), "more than one");
        found
    }
}

/// The ends of a packet as `source > destination`, with ports or the identifier of a query.
pub(super) fn ends(bytes: &[u8]) -> String {
    let tuple = Tuple::of(packet::View::parse(bytes).unwrap()).unwrap();
    let name = |address: IpAddr, port: u16| match address {
        IpAddr::V4(v4) => format!("{v4}:{port}"),
        IpAddr::V6(v6) => format!("[{v6}]:{port}"),
    };
    if matches!(tuple.protocol, protocol::ICMP | protocol::ICMPV6) {
        return format!("{} > {} id {}", tuple.source, tuple.destination, tuple.source_id);
    }
    format!("{} > {}", name(tuple.source, tuple.source_id), name(tuple.destination, tuple.destination_id))
}

/// A range: `ADDRESS`, `ADDRESS-ADDRESS` or nothing, and ports.
pub(super) fn to(addresses: &str, ports: Option<(u16, u16)>) -> NatRange {
    let addresses = match addresses.split_once('-') {
        _ if addresses.is_empty() => None,
        Some((first, last)) => Some((address(first), address(last))),
        None => Some((address(addresses), address(addresses))),
    };
    NatRange {
        addresses,
        ports: ports.map(|(first, last)| PortRange { first, last }),
        base_port: None,
        random: false,
        random_fully: false,
        persistent: false,
    }
}

pub(super) fn snat(range: NatRange) -> Target {
    Target::Snat(Box::new(range))
}

pub(super) fn dnat(range: NatRange) -> Target {
    Target::Dnat(Box::new(range))
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rules of a section of `fixtures/nat/translate.txt`.
fn section(name: &str) -> World {
    let mut world = World::new();
    let mut rule = |hook, device, protocol, target| {
        world.rules.push(NatRule { hook, protocol, device: Some(device), target });
    };
    match name {
        "source" => {
            let own = "203.0.113.1-203.0.113.1";
            let port = Some((7000, 7000));
            let post = Hook::Postrouting;
            rule(post, WAN, Some(protocol::SCTP), snat(to(own, port)));
            rule(post, WAN, Some(protocol::TCP), Target::Snat(Box::new(to("", port))));
            rule(post, WAN, None, snat(to(own, None)));
        }
        "destination" => {
            let pre = Hook::Prerouting;
            rule(pre, WAN, Some(protocol::TCP), dnat(to("10.0.1.5", Some((8080, 8080)))));
            rule(pre, WAN, Some(protocol::UDP), dnat(to("10.0.1.5", Some((5353, 5353)))));
        }
        other => panic!("unknown section {other}"),
    }
    world
}

/// The rules hold addresses of one family; those of the packet at hand are put in.
fn of_family(world: &mut World, six: bool) {
    let (own, server) = if six { ("fd00:2::1", "fd00:1::5") } else { ("203.0.113.1", "10.0.1.5") };
    for rule in &mut world.rules {
        match &mut rule.target {
            Target::Snat(range) => range.addresses = Some((address(own), address(own))),
            Target::Dnat(range) => range.addresses = Some((address(server), address(server))),
            _ => {}
        }
        if rule.protocol == Some(protocol::SCTP) && six {
            rule.protocol = Some(255);
        }
    }
}

#[test]
fn f59_f60_packets_are_translated_to_the_byte_as_measured() {
    let text = include_str!("../../../../fixtures/nat/translate.txt");
    let mut world = World::new();
    let mut what = "";
    let mut waiting: Option<(DeviceId, Vec<u8>)> = None;
    let mut compared = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.as_slice() {
            ["rules", name] => world = section(name),
            ["in", device, packet] => {
                waiting = Some((if device == "lan0" { LAN } else { WAN }, bytes_of(packet)));
            }
            ["out", ref rest @ ..] => {
                let (from, bytes) = waiting.take().unwrap();
                of_family(&mut world, bytes[0] >> 4 == 6);
                let out = world.forward(from, &bytes).map(|out| hex(&out));
                match *rest {
                    ["-"] => assert!(out.is_err(), "{what}: {out:?} came out"),
                    [_, expected] => assert_eq!(out.as_deref(), Ok(expected), "{what}"),
                    _ => panic!("{line}"),
                }
                compared += 1;
            }
            [] => {}
            ["#", ..] => what = line,
            _ => panic!("{line}"),
        }
    }
    assert_eq!(compared, 57);
}

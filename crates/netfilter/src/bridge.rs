//! What a bridge does with frames that carry IP packets: from port to port, up to this machine, down from it.
//!
//! Read first: Linux `br_netfilter_hooks.c` (`br_nf_pre_routing`, `br_nf_forward_ip`, `br_nf_post_routing`), `br_input.c`
//! (`br_handle_frame_finish`), `br_forward.c` (`br_flood`). With `net.bridge.bridge-nf-call-iptables=1` (or `…-ip6tables`)
//! every packet that comes to a port passes PREROUTING as if it had come in by the bridge; what stays on the bridge passes
//! FORWARD (in and out the bridge, `--physdev-in` and `--physdev-out` the ports) and POSTROUTING (no incoming device); what is
//! for this machine, or is to be routed, goes on behind PREROUTING (F14). No TTL is counted down and no route looked up on the
//! bridge, except where PREROUTING gave the packet another destination: then it is routed, and one whose way leads out of the
//! same bridge stays a bridged one, in a frame to the neighbour.
//!
//! # Where frames go
//!
//! To the port that [`Network::forwarding`] or a frame from that address has shown; to all other ports if nobody knows.
//! What is learned lives 300 seconds; a full table ([`MOST_LEARNED`]) learns no new address until some have aged.
//!
//! # Differences from Linux
//!
//! Groups are flooded as without a querier; where this machine is one, they cannot be decided. No VLANs.
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::engine::{Decision, Engine, Transmit};
use crate::hook::Callee;
use crate::network::{Device, DeviceKind, Network, Port, Route, Unroutable, Way};
use crate::path::{Passed, hop_options};
use crate::skb::{Drop, Link, LinkKind, Packet};
use crate::trace::Step;
use crate::{DeviceId, Instant, Now, answer, defrag};
use packet::{Family, protocol};
use rules::Hook;

/// An Ethernet address.
type Mac = [u8; 6];

/// The most addresses that are learned; Linux has no limit (`fdb_max_learned` is 0).
pub const MOST_LEARNED: usize = 65_536;

/// How long an address is known behind a port (Linux: `ageing_time`).
const AGEING: Duration = Duration::from_secs(300);

/// What frames have shown: by bridge and address the port, and when it was seen last.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    places: BTreeMap<(DeviceId, Mac), (DeviceId, Instant)>,
}

impl Learned {
    /// Linux: `br_fdb_update`; an entry that somebody has set moves, too.
    fn learn(&mut self, now: Instant, bridge: DeviceId, address: Mac, port: DeviceId) {
        let key = (bridge, address);
        if self.places.len() >= MOST_LEARNED && !self.places.contains_key(&key) {
            self.places.retain(|_, (_, seen)| now.since(*seen) < AGEING);
            if self.places.len() >= MOST_LEARNED {
                return;
            }
        }
        self.places.insert(key, (port, now));
    }

    fn port(&self, now: Instant, bridge: DeviceId, address: Mac) -> Option<DeviceId> {
        let (port, seen) = self.places.get(&(bridge, address))?;
        (now.since(*seen) < AGEING).then_some(*port)
    }
}

/// Where a bridge sends a frame.
enum Place {
    /// To this machine.
    Here,
    /// By a port.
    Port(DeviceId),
    /// Nobody knows.
    Unknown,
}

impl Network {
    /// The bridge that a device is a port of.
    pub fn bridge_of(&self, device: DeviceId) -> Option<DeviceId> {
        let master = self.device(device)?.master?;
        (self.device(master)?.kind == DeviceKind::Bridge).then_some(master)
    }

    /// The ports of a bridge by which a frame may leave, the newest first (Linux: `list_add_rcu`, `should_deliver`). `from`: the
    /// port by which it came; `None`: it is this machine's.
    fn ports(&self, bridge: DeviceId, from: Option<DeviceId>) -> impl Iterator<Item = (DeviceId, &Device)> {
        let isolated = from.and_then(|from| self.device(from)).is_some_and(|from| from.port.isolated);
        self.devices_with_id().rev().filter(move |(id, device)| {
            device.master == Some(bridge)
                && device.up
                && device.port.forwards
                && (device.port.hairpin || from != Some(*id))
                && !(device.port.isolated && isolated)
        })
    }

    /// To whom a frame that came by a port is sent.
    fn kind_of_frame(&self, bridge: DeviceId, port: DeviceId, header: &[u8; 14]) -> LinkKind {
        let own = |device| self.device(device).is_some_and(|own| own.mac == Some(destination_of(header)));
        match destination_of(header) {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => LinkKind::Broadcast,
            address if is_to_many(address) => LinkKind::Multicast,
            _ if own(bridge) || own(port) => LinkKind::Host,
            _ => LinkKind::OtherHost,
        }
    }

    /// The port out of them that is known to lead to an address.
    fn known(&self, bridge: DeviceId, from: Option<DeviceId>, out: DeviceId) -> Vec<DeviceId> {
        self.ports(bridge, from).map(|(id, _)| id).filter(|id| *id == out).collect()
    }

    /// Those of them by which a frame leaves that is for many, or for nobody knows whom (Linux: `br_flood`).
    fn flooded(&self, bridge: DeviceId, from: Option<DeviceId>, to: Mac) -> Vec<DeviceId> {
        let floods = |port: &Port| match to {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => port.broadcast_flood || from.is_none(),
            _ if is_to_many(to) => port.multicast_flood || from.is_none(),
            _ => port.flood,
        };
        self.ports(bridge, from).filter(|(_, device)| floods(&device.port)).map(|(id, _)| id).collect()
    }
}

fn destination_of(header: &[u8; 14]) -> Mac {
    let [a, b, c, d, e, f, ..] = *header;
    [a, b, c, d, e, f]
}

fn source_of(header: &[u8; 14]) -> Mac {
    let [_, _, _, _, _, _, a, b, c, d, e, f, ..] = *header;
    [a, b, c, d, e, f]
}

/// The header with another destination.
fn readdressed(header: &[u8; 14], to: Mac) -> [u8; 14] {
    let mut out = *header;
    for (byte, new) in out.iter_mut().zip(to) {
        *byte = new;
    }
    out
}

fn header(to: Mac, from: Mac, family: Family) -> [u8; 14] {
    let [high, low] = match family {
        Family::V4 => [0x08, 0x00],
        Family::V6 => [0x86, 0xdd],
    };
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (to, from);
    [a, b, c, d, e, f, g, h, i, j, k, l, high, low]
}

/// Of which family the packet in a frame is: what the frame says.
fn family_of(header: &[u8; 14], bytes: &[u8]) -> Family {
    match (header, bytes.first()) {
        ([.., 0x86, 0xdd], _) => Family::V6,
        ([.., 0x08, 0x00], _) => Family::V4,
        (_, Some(first)) if first >> 4 == 6 => Family::V6,
        _ => Family::V4,
    }
}

fn is_to_many(address: Mac) -> bool {
    address.first().is_some_and(|first| first & 1 != 0)
}

/// Whether a bridge that counts the members of groups sends a frame for many to those alone that have asked for it, or to
/// routers alone (Linux: `br_multicast_ipv4_rcv`, `br_multicast_ipv6_rcv`).
fn is_counted(group: IpAddr, protocol: Option<u8>) -> bool {
    match group {
        IpAddr::V4(group) => !matches!(group.octets(), [224, 0, 0, _]) || protocol == Some(protocol::IGMP),
        IpAddr::V6(group) => group != Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
    }
}

/// The frame to which Ethernet gives a packet to a group or to everybody.
fn address_of_group(destination: IpAddr) -> Mac {
    match destination {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        }
        IpAddr::V4(_) => [0xff; 6],
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            [0x33, 0x33, a, b, c, d]
        }
    }
}

/// What Linux notes of a frame to one machine while the rules look (`pkt_otherhost`): it seems to be for this one.
fn shown(kind: LinkKind) -> LinkKind {
    if kind == LinkKind::OtherHost { LinkKind::Host } else { kind }
}

impl Engine {
    /// Handles a packet that came to a port of a bridge.
    pub(crate) fn receive_by_port(
        &mut self,
        now: Now,
        id: u64,
        (bridge, port): (DeviceId, DeviceId),
        link: Link,
        bytes: Vec<u8>,
    ) -> Decision {
        self.tell_arrival(id, Some(port), &bytes);
        let Some(header) = link.ethernet else {
            return self.ended(id, Drop::Unknown("the Ethernet header of what comes to a port of a bridge"));
        };
        let source = source_of(&header);
        // Linux: `br_handle_frame`.
        let takes = self.network.device(port).is_some_and(|port| port.up && port.port.forwards);
        if is_to_many(source) || source == [0; 6] || !takes {
            return self.ended(id, Drop::NotBridged);
        }
        if self.network.device(bridge).is_some_and(|bridge| bridge.bridge.filters_vlans) {
            return self.ended(id, Drop::Unknown("the VLANs of the bridge's ports"));
        }
        let kind = self.network.kind_of_frame(bridge, port, &header);
        if !self.network.is_called(bridge, family_of(&header, &bytes)) {
            return self.carry_unseen(now, id, (bridge, port), Link { kind, ..link }, &header, bytes);
        }
        let mut packet = match self.read_arrived(id, Some(bridge), link, bytes) {
            Ok(packet) => packet,
            Err(reason) => return self.ended(id, reason),
        };
        if !hop_options::cut_on_bridge(&mut packet) {
            return self.end(&packet, Drop::Options);
        }
        packet.link.physical_input = Some(port);
        packet.link.kind = shown(kind);
        let before = packet.view().destination();
        if let Passed::Ended(decision) = self.pass(now, Hook::Prerouting, &mut packet, 0) {
            return decision;
        }
        // What was gathered has the frame of its first fragment.
        let header = packet.link.ethernet.unwrap_or(header);
        let port = packet.link.physical_input.unwrap_or(port);
        // Linux: `br_nf_pre_routing_finish`: what `-m cluster` has made of a frame to many stays.
        if self.network.kind_of_frame(bridge, port, &header) == LinkKind::OtherHost {
            packet.link.kind = LinkKind::OtherHost;
        }
        packet.link.prerouted = true;
        // Copies of TEE have what the packet itself has.
        self.backlog.iter_mut().for_each(|copy| copy.link.prerouted = copy.link.physical_input.is_some());
        if packet.view().destination() == before {
            return self.carry(now, &mut packet, (bridge, port), &header);
        }
        self.turn_aside(now, &mut packet, (bridge, port), &header)
    }

    /// A packet with another destination than it came with (Linux: `br_nf_pre_routing_finish`).
    fn turn_aside(
        &mut self,
        now: Now,
        packet: &mut Packet,
        (bridge, port): (DeviceId, DeviceId),
        header: &[u8; 14],
    ) -> Decision {
        let route = self.route_input(packet);
        let next_hop = match route {
            Ok(Route { way: Way::Out { device, next_hop, .. }, .. }) if device == bridge => Some(next_hop),
            // Linux: a group of IPv6 is reached by the device itself, one of IPv4 that somebody here has joined by loopback.
            Ok(Route { way: Way::Multicast { .. }, .. }) | Err(Unroutable::NoListener)
                if packet.family() == Family::V6 =>
            {
                Some(packet.view().destination())
            }
            Err(
                reason @ (Unroutable::MartianSource
                | Unroutable::MartianDestination
                | Unroutable::Undecided(_)),
            ) => {
                return self.end(packet, Drop::Route(reason));
            }
            _ => None,
        };
        // Why: what goes up is looked at as what comes from outside; only this machine's own copies to a group have a way before.
        let to_group_v6 = next_hop.is_some_and(|next_hop| next_hop.is_multicast());
        packet.route = route.ok().filter(|_| !to_group_v6);
        let (to, unknown) = match next_hop {
            Some(next_hop) => {
                let neighbour = if to_group_v6 {
                    Some(address_of_group(next_hop))
                } else {
                    self.network.neighbour(bridge, next_hop)
                };
                (neighbour, "the Ethernet address of the next hop behind the bridge")
            }
            None => {
                packet.link.kind = LinkKind::Host;
                // Linux: `ip6_rcv_core` takes the device of the way that the packet has already for the one that it came by.
                packet.link.noted = packet.route.and_then(|route| route.way.device());
                let own = self.network.device(bridge).and_then(|bridge| bridge.mac);
                (own, "the Ethernet address of the bridge")
            }
        };
        let Some(to) = to else { return self.end(packet, Drop::Unknown(unknown)) };
        let header = readdressed(header, to);
        packet.link.ethernet = Some(header);
        self.carry(now, packet, (bridge, port), &header)
    }

    /// Whether a bridge counts the members of a group ([`is_counted`]).
    fn counts(&self, bridge: DeviceId, group: IpAddr, protocol: Option<u8>) -> bool {
        self.network.device(bridge).is_some_and(|own| own.bridge.counts_groups) && is_counted(group, protocol)
    }

    /// Where an address is.
    fn place(&self, now: Instant, bridge: DeviceId, address: Mac) -> Place {
        let mine = |device: &Device| device.mac == Some(address);
        let is_port = |device: &Device| device.master == Some(bridge);
        let here = self.network.device(bridge).is_some_and(mine)
            || self.network.devices.iter().any(|device| is_port(device) && mine(device));
        if here {
            return Place::Here;
        }
        let learned = self.learned.port(now, bridge, address);
        match learned.or_else(|| self.network.forwarding.get(&(bridge, address)).copied()) {
            Some(port) if port == bridge => Place::Here,
            Some(port) => Place::Port(port),
            None => Place::Unknown,
        }
    }

    /// Learns where the sender of a frame is, and says by which ports the frame goes on and whether it is for this machine, too.
    fn places(
        &mut self,
        now: Now,
        id: u64,
        (bridge, port): (DeviceId, DeviceId),
        header: &[u8; 14],
        (to, protocol): (IpAddr, Option<u8>),
    ) -> Result<(Vec<DeviceId>, bool), Drop> {
        let (source, destination) = (source_of(header), destination_of(header));
        let learns = self.network.device(port).is_some_and(|port| port.port.learning);
        if learns && !matches!(self.place(now.mono, bridge, source), Place::Here) {
            self.learned.learn(now.mono, bridge, source, port);
        }
        let many = is_to_many(destination);
        let for_group = many && destination != [0xff; 6];
        if for_group && self.counts(bridge, to, protocol) {
            return Err(Drop::Unknown("the ports of a bridge that have asked for the group"));
        }
        let place = if many { Place::Unknown } else { self.place(now.mono, bridge, destination) };
        let others: Vec<DeviceId> = match place {
            Place::Here => return Ok((Vec::new(), true)),
            Place::Port(out) => self.network.known(bridge, Some(port), out),
            Place::Unknown => self.network.flooded(bridge, Some(port), destination),
        };
        if let Some(trace) = &mut self.trace {
            let names =
                others.iter().filter_map(|out| self.network.device(*out)).map(|out| out.name).collect();
            trace.push(id, Step::Carried { ports: names, flooded: matches!(place, Place::Unknown) });
        }
        Ok((others, many))
    }

    /// A frame whose packet no rules are shown goes on as it is, whatever is in it.
    fn carry_unseen(
        &mut self,
        now: Now,
        id: u64,
        (bridge, port): (DeviceId, DeviceId),
        link: Link,
        header: &[u8; 14],
        bytes: Vec<u8>,
    ) -> Decision {
        let nobody = family_of(header, &bytes).unspecified();
        let view = packet::View::parse(&bytes).ok();
        let (next_hop, protocol) = view.map_or((nobody, None), |view| (view.destination(), view.protocol()));
        let (others, goes_up) = match self.places(now, id, (bridge, port), header, (next_hop, protocol)) {
            Ok(places) => places,
            Err(reason) => return self.ended(id, reason),
        };
        let mut decision = None;
        for device in others {
            // Linux: `is_skb_forwardable`: there is room for the tag of a VLAN. Nobody is told of what is longer.
            let most = self.network.mtu_of(device) as usize + 4;
            decision = Some(if bytes.len() <= most {
                let (ethernet, bytes) = (Some(*header), bytes.clone());
                self.send_out(Transmit { packet: id, device, next_hop, ethernet, bytes });
                Decision::Forwarded { device, next_hop }
            } else {
                self.ended(id, Drop::TooBig)
            });
        }
        if goes_up {
            return match self.read_arrived(id, Some(bridge), link, bytes) {
                Ok(mut packet) => self.input(now, &mut packet, 0),
                Err(reason) => self.ended(id, reason),
            };
        }
        decision.unwrap_or_else(|| self.ended(id, Drop::NotBridged))
    }

    /// Linux: `br_handle_frame_finish`.
    fn carry(
        &mut self,
        now: Now,
        packet: &mut Packet,
        (bridge, port): (DeviceId, DeviceId),
        header: &[u8; 14],
    ) -> Decision {
        let asked = (packet.view().destination(), packet.layout.protocol);
        let (others, goes_up) = match self.places(now, packet.id, (bridge, port), header, asked) {
            Ok(places) => places,
            Err(reason) => return self.end(packet, reason),
        };
        if goes_up {
            // Linux: `br_nf_forward_ip` alone gives what leaves by a port a `nf_bridge_info` of its own.
            self.backlog.iter_mut().for_each(|copy| copy.link.prerouted = false);
        }
        if others.is_empty() && goes_up {
            return self.go_up(now, packet);
        }
        if let ([out], false) = (others.as_slice(), goes_up) {
            return self.leave_by_port(now, packet, (bridge, *out), header);
        }
        // Linux: each port gets a copy, and all copies belong to one connection.
        let mut decision = None;
        for out in others {
            let mut copy = packet.clone();
            self.shared = true;
            decision = Some(self.leave_by_port(now, &mut copy, (bridge, out), header));
            self.shared = false;
        }
        if goes_up {
            return self.go_up(now, packet);
        }
        match decision {
            Some(decision) => {
                self.let_go(packet.tracking);
                decision
            }
            None => self.end(packet, Drop::NotBridged),
        }
    }

    /// A packet leaves its bridge by a port (Linux: `br_nf_forward_ip`, `br_nf_post_routing`, `br_nf_dev_queue_xmit`).
    fn leave_by_port(
        &mut self,
        now: Now,
        packet: &mut Packet,
        (bridge, out): (DeviceId, DeviceId),
        header: &[u8; 14],
    ) -> Decision {
        // Linux: `br_nf_forward_ip` asks once more.
        if !hop_options::cut_on_bridge(packet) {
            return self.end(packet, Drop::Options);
        }
        packet.link.physical_output = Some(out);
        packet.link.kind = shown(packet.link.kind);
        packet.output = Some(bridge);
        let next_hop = packet.view().destination();
        // Linux: `br_netfilter_rtable_init`: a route of which only the device is there.
        let stands_for_one = || {
            let mtu = self.network.mtu_of(bridge);
            Route::by(Way::Out { device: bridge, next_hop, gateway: false }, mtu)
        };
        packet.route = Some(packet.route.unwrap_or_else(stands_for_one));
        if let Passed::Ended(decision) = self.pass(now, Hook::Forward, packet, 0) {
            return decision;
        }
        packet.input = None;
        if let Passed::Ended(decision) = self.pass(now, Hook::Postrouting, packet, 0) {
            return decision;
        }
        let mtu = self.network.mtu_of(out);
        let next_hop = packet.view().destination();
        // Linux: `ip_do_fragment` looks at the largest fragment that was gathered.
        let largest = packet.gathered.as_deref().map_or(0, |gathered| u32::from(gathered.largest));
        if largest > mtu {
            return self.too_big_for_port(now, packet);
        }
        let pieces = if packet.len() <= mtu as usize && packet.gathered.is_none() {
            vec![std::mem::take(&mut packet.bytes)]
        } else {
            match defrag::split(packet, mtu, &mut self.next_ip_id) {
                Ok(pieces) => pieces,
                Err(_) => return self.too_big_for_port(now, packet),
            }
        };
        self.let_go(packet.tracking);
        for piece in pieces {
            let ethernet = Some(*header);
            self.send_out(Transmit { packet: packet.id, device: out, next_hop, ethernet, bytes: piece });
        }
        Decision::Forwarded { device: out, next_hop }
    }

    /// What a port cannot send (Linux: `br_nf_ip_fragment` tells nobody, `ip6_fragment` tells the sender, with what the way takes).
    fn too_big_for_port(&mut self, now: Now, packet: &Packet) -> Decision {
        // Linux: `icmp6_iif`: to an address of the link there would be a way by the port alone, which has none.
        let IpAddr::V6(source) = packet.view().source() else { return self.end(packet, Drop::TooBig) };
        if !source.is_unicast_link_local() {
            let mtu = packet.route.map_or(1500, |route| route.mtu);
            self.answer(now, packet, answer::Kind::TooBig { mtu });
        }
        self.end_nested(now, packet, Drop::TooBig, 0)
    }

    /// A packet is for this machine, or for its routes (Linux: `br_pass_frame_up`; `ip_sabotage_in`: PREROUTING was there).
    fn go_up(&mut self, now: Now, packet: &mut Packet) -> Decision {
        packet.output = None;
        packet.link.prerouted = false;
        // Linux: `br_nf_local_in`: what is not for this machine alone is confirmed here, whatever the rules say of it above.
        if packet.link.kind != LinkKind::Host {
            let verdict = {
                let (mut env, _) = self.env_and_defrag(now);
                crate::Conntrack::confirm(packet, &mut env)
            };
            if let Passed::Ended(decision) = self.passed(now, Callee::Confirm, verdict, packet, 0) {
                return decision;
            }
        }
        if let Some(gathered) = packet.gathered.as_deref_mut() {
            gathered.forget_sizes();
        }
        // Linux: `ip_rcv_core`, `ip6_rcv_core` let go of what TPROXY has found (`skb_orphan`).
        packet.socket = None;
        match self.refused(packet) {
            Some(reason) => self.end(packet, reason),
            // Linux: `ip6_rcv_core` stands in front of the hook that was asked already.
            None => match self.receive_hop_options(now, packet, 0) {
                Ok(()) => self.go_on(now, packet, 0),
                Err(decision) => decision,
            },
        }
    }

    /// The frame in which a packet of this machine, or one that it has routed, leaves a bridge, and by which ports; `None`: it
    /// is not known which neighbour it goes to, or who has said nothing of the ports.
    pub(crate) fn frames_out(
        &self,
        now: Instant,
        bridge: DeviceId,
        next_hop: IpAddr,
        way: Option<Way>,
    ) -> Option<([u8; 14], Vec<DeviceId>)> {
        let own = self.network.device(bridge).filter(|device| device.kind == DeviceKind::Bridge)?.mac?;
        let many = matches!(way, Some(Way::Broadcast { .. } | Way::Multicast { .. }));
        let for_group = matches!(way, Some(Way::Multicast { .. }));
        if for_group && self.counts(bridge, next_hop, None) {
            return None;
        }
        let to = if many { address_of_group(next_hop) } else { self.network.neighbour(bridge, next_hop)? };
        let ports = match self.place(now, bridge, to) {
            Place::Port(out) if !many => self.network.known(bridge, None, out),
            _ => self.network.flooded(bridge, None, to),
        };
        let family = Family::of(next_hop);
        (!ports.is_empty()).then(|| (header(to, own, family), ports))
    }
}

#[cfg(test)]
mod tests;

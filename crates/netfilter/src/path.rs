//! A packet's way, on one page.
//!
//! ```text
//! receive ─► PREROUTING ─► route ─┬─► (gather) ─► INPUT ─► deliver
//!                                 └─► TTL, MTU ─► FORWARD ─┐
//! send_local ─► route ─► OUTPUT (─► re-route) ─────────────┴─► POSTROUTING ─► cut ─► transmit
//!                                                                               └─► loopback: PREROUTING ─► INPUT
//! ```
//!
//! Read first: Linux `ip_rcv_finish`, `ip_local_deliver`, `ip_forward`, `ip_output`, `ip_route_me_harder`, and their
//! IPv6 twins. The path is total: a packet that goes no further has a [`Drop`] with a reason.
use std::net::IpAddr;

use packet::{Family, layout, rewrite};
use rules::Hook;

use crate::engine::{Decision, Deliver, Engine, SendError, Transmit};
use crate::hook::{Callee, Verdict};
use crate::network::{Route, Unroutable, Way};
use crate::skb::{Drop, Emitted, Link, LinkKind, Packet, Protection, Summed, Tracking};
use crate::tables::device_name;
use crate::trace::Step;
use crate::{DeviceId, Now, answer, defrag, machine, route};

mod beginning;
mod extensions;
pub(crate) mod hop_options;
mod options;
mod own_copies;
mod redirect;
mod reroute;
mod table;
mod xfrm;

/// How deep packets may cause packets: an answer to an answer is the deepest that Linux makes.
const MOST_NESTED: u8 = 4;

/// How often a module may ask to be called again for one packet at one hook.
const MOST_REPEATS: usize = 8;

/// What a hook said, seen from the path.
pub(crate) enum Passed {
    /// Every module let the packet go on.
    On,
    /// It ended here.
    Ended(Decision),
}

impl Engine {
    /// From PREROUTING to the packet's end.
    pub(crate) fn input(&mut self, now: Now, packet: &mut Packet, depth: u8) -> Decision {
        if let Some(reason) = self.refused(packet) {
            return self.end(packet, reason);
        }
        if let Err(decision) = self.receive_hop_options(now, packet, depth) {
            return decision;
        }
        let prerouted = std::mem::take(&mut packet.link.prerouted);
        if !prerouted && let Passed::Ended(decision) = self.pass(now, Hook::Prerouting, packet, depth) {
            return decision;
        }
        self.go_on(now, packet, depth)
    }

    /// Why the stack does not take a packet, before any hook is asked.
    pub(crate) fn refused(&self, packet: &Packet) -> Option<Drop> {
        if packet.link.kind == LinkKind::OtherHost {
            return Some(Drop::NotForwarded);
        }
        // Linux: `l3mdev_ip_rcv` shows it to the hooks once more, as come by the VRF.
        if packet.input.is_some_and(|input| self.network.is_in_vrf(input)) {
            return Some(Drop::Route(route::VRF));
        }
        // Linux: `ip6_rcv_core`.
        if packet.family() == Family::V6
            && packet.input.is_some_and(|input| self.network.settings.disabled_v6.contains(&input))
        {
            return Some(Drop::Route(Unroutable::Ipv6Off));
        }
        // Linux: `ip6_rcv_core` looks at IPv6 addresses before any hook does.
        let view = packet.view();
        // A copy of what the machine itself sends to a group may be to one of its own.
        let own = packet.route.is_some() && view.destination().is_multicast() && !view.source().is_loopback();
        let refused = view.refused_addresses(own || packet.input == Some(DeviceId::LOOPBACK));
        refused.then_some(Drop::Route(Unroutable::MartianSource))
    }

    /// From behind PREROUTING to the packet's end.
    pub(crate) fn go_on(&mut self, now: Now, packet: &mut Packet, depth: u8) -> Decision {
        // Linux: a packet from loopback still has the route that its sender found, unless NAT has dropped it; another
        // destination out of table mangle (DNPT) leaves it.
        let route = match packet.route {
            Some(route) => Ok(route),
            None => self.route_input(packet),
        };
        let route = match self.receive_options(now, packet, route, depth) {
            Ok(route) => route,
            Err(decision) => return decision,
        };
        match route {
            Ok(route) => {
                packet.route = Some(route);
                match route.way {
                    Way::Out { device, next_hop, .. } => self.forward(now, packet, device, next_hop, depth),
                    Way::Local | Way::Broadcast { .. } | Way::Multicast { .. } => {
                        self.deliver(now, packet, depth)
                    }
                }
            }
            Err(unroutable) => self.unroutable(now, packet, unroutable, depth),
        }
    }

    pub(crate) fn route_input(&mut self, packet: &Packet) -> Result<Route, Unroutable> {
        let device = packet.input.unwrap_or(DeviceId::LOOPBACK);
        let flow = self.network.flow_of(packet);
        let route = self.routes.find(device, flow, || self.network.input_route(device, flow));
        self.trace_route(packet, "input", route);
        route
    }

    fn trace_route(&mut self, packet: &Packet, cause: &'static str, route: Result<Route, Unroutable>) {
        let Some(trace) = &mut self.trace else { return };
        let device = route.ok().and_then(|route| route.way.device());
        let device = device_name(&self.network, device);
        let destination = packet.view().destination();
        trace.push(packet.id, Step::Routed { cause, destination, mark: packet.mark, route, device });
    }

    /// `before`: the bytes as they were, if somebody traces.
    fn trace_rewritten(&mut self, packet: &Packet, by: &'static str, before: Option<Vec<u8>>) {
        if let (Some(trace), Some(before)) = (&mut self.trace, before) {
            trace.push(packet.id, Step::Rewritten { by, before, after: packet.bytes.clone() });
        }
    }

    /// Linux: `ip_local_deliver`, `ip6_input`.
    fn deliver(&mut self, now: Now, packet: &mut Packet, depth: u8) -> Decision {
        packet.output = None;
        if packet.family() == Family::V4 && packet.layout.fragment.is_some() {
            let verdict = {
                let (mut env, defrag) = self.env_and_defrag(now);
                defrag::handle(defrag, packet, defrag::User::LocalDeliver, &mut env)
            };
            if let Passed::Ended(decision) = self.passed(now, Callee::Defrag, verdict, packet, depth) {
                return decision;
            }
        }
        if let Passed::Ended(decision) = self.pass(now, Hook::Input, packet, depth) {
            return decision;
        }
        if let Err(decision) = self.open_extensions(now, packet, depth) {
            return decision;
        }
        if let Some(reason) = self.refused_delivery(packet) {
            return self.end(packet, reason);
        }
        if let Some(trace) = &mut self.trace {
            let device = device_name(&self.network, packet.input);
            trace.push(packet.id, Step::Delivered { device, bytes: packet.bytes.clone() });
        }
        self.conntrack.release(packet);
        let sum = packet.kept_sum();
        self.delivers.push_back(Deliver {
            packet: packet.id,
            device: packet.input,
            bytes: std::mem::take(&mut packet.bytes),
            mark: packet.mark,
            tracking: packet.tracking,
            socket: packet.socket,
            options: packet.options,
            sum,
            kind: packet.link.kind,
            unsummed: packet.unsummed,
        });
        Decision::Delivered
    }

    /// Linux: `ip_forward`, `ip6_forward`: the checks stand between PREROUTING and FORWARD (F11, F65).
    fn forward(
        &mut self,
        now: Now,
        packet: &mut Packet,
        device: DeviceId,
        next_hop: IpAddr,
        depth: u8,
    ) -> Decision {
        if packet.link.kind != LinkKind::Host {
            return self.end(packet, Drop::NotForwarded);
        }
        // Linux: `ip_forward`, `ip6_forward`: in front of everything that answers.
        if packet.socket.is_some() {
            return self.end(packet, Drop::SocketAssigned);
        }
        if let Some(reason) = self.refused_forward(packet, device) {
            return self.end(packet, reason);
        }
        if let Some(decision) = self.alert(now, packet, depth) {
            return decision;
        }
        let ttl = packet.view().ttl();
        if ttl <= 1 {
            self.answer(now, packet, answer::Kind::TimeExceeded);
            return self.end_nested(now, packet, Drop::TimeToLive, depth);
        }
        if let Some(reason) = self.refused_way_on(packet, device) {
            return self.end(packet, reason);
        }
        // Linux: `ip6_forward` tells of a shorter way before it asks how long the packet is, `ip_forward` behind that.
        if packet.family() == Family::V6
            && let Err(reason) = self.redirect_v6(now, packet, (device, next_hop), depth)
        {
            return self.end(packet, Drop::Route(reason));
        }
        // Linux: `ip6_forward` looks at the source only if the packet does not leave where it came in.
        if packet.noted_input() != Some(device) && self.is_unforwardable(now, packet) {
            return self.end_nested(now, packet, Drop::NotForwarded, depth);
        }
        // Linux: `ip_forward`: the next place of a strict route must be a neighbour.
        let by_gateway = matches!(packet.route.map(|route| route.way), Some(Way::Out { gateway: true, .. }));
        if packet.options.is_strict() && by_gateway {
            self.answer(now, packet, answer::Kind::Unreachable { code: 5 });
            return self.end_nested(now, packet, Drop::SourceRouted, depth);
        }
        let mtu = packet.route.map_or(1500, |route| route.forward_mtu);
        if defrag::too_big_to_forward(packet, mtu) {
            self.answer(now, packet, answer::Kind::TooBig { mtu });
            return self.end_nested(now, packet, Drop::TooBig, depth);
        }
        let before = self.trace.is_some().then(|| packet.bytes.clone());
        rewrite::set_ttl(&mut packet.bytes, packet.layout, ttl - 1);
        self.trace_rewritten(packet, "TTL", before);
        if packet.family() == Family::V4 {
            // Linux: `ip_finish_output` asks once more, in the same way.
            packet.route = packet.route.map(|route| Route { mtu: route.forward_mtu, ..route });
            self.redirect_v4(now, packet, next_hop, depth);
        }
        // Linux: `skb_forward_csum`: the sum is forgotten, but not that it was right.
        if packet.summed == Summed::Wrong {
            packet.summed = Summed::Unknown;
        }
        packet.output = Some(device);
        if let Passed::Ended(decision) = self.pass(now, Hook::Forward, packet, depth) {
            return decision;
        }
        if packet.awaits_state {
            return self.end(packet, Drop::Ipsec(Protection::NoState));
        }
        if let Err(reason) = self.leave_options(packet, device, next_hop) {
            return self.end(packet, Drop::Route(reason));
        }
        self.postrouting(now, packet, device, next_hop, depth)
    }

    /// Processes take packets that routers are to look at, if they asked for them (Linux: `ip_call_ra_chain`,
    /// `ip6_call_ra_chain`).
    fn alert(&mut self, now: Now, packet: &mut Packet, depth: u8) -> Option<Decision> {
        let family = packet.family();
        let number = match family {
            Family::V4 if packet.options.alerts_routers() => packet.view().protocol().map(u16::from),
            Family::V6 if packet.bytes.get(6) == Some(&0) => hop_options::alert(&packet.bytes),
            _ => None,
        }?;
        let device = device_name(&self.network, packet.input);
        if !self.machine.hears_alerts(family, number, device) {
            return None;
        }
        if family == Family::V4 && packet.layout.fragment.is_some() {
            let verdict = {
                let (mut env, defrag) = self.env_and_defrag(now);
                defrag::handle(defrag, packet, defrag::User::RouterAlert, &mut env)
            };
            if let Passed::Ended(decision) = self.passed(now, Callee::Defrag, verdict, packet, depth) {
                return Some(decision);
            }
        }
        if let Some(reason) = self.refused_delivery(packet) {
            return Some(self.end(packet, reason));
        }
        if let Some(trace) = &mut self.trace {
            trace.push(packet.id, Step::Alerted { number });
            trace.push(packet.id, Step::Delivered { device, bytes: packet.bytes.clone() });
        }
        self.let_go(packet.tracking);
        Some(Decision::Delivered)
    }

    /// IPv6: sources that are never forwarded; link-local ones are told so (Linux: `ip6_forward`, code 2 beyond scope).
    fn is_unforwardable(&mut self, now: Now, packet: &Packet) -> bool {
        let IpAddr::V6(source) = packet.view().source() else { return false };
        if source.is_unicast_link_local() {
            self.answer(now, packet, answer::Kind::Unreachable { code: 2 });
            return true;
        }
        source.is_unspecified() || source.is_multicast() || source.is_loopback()
    }

    /// What the machine says when there is no way (F12).
    fn unroutable(&mut self, now: Now, packet: &mut Packet, unroutable: Unroutable, depth: u8) -> Decision {
        let forwards = match packet.family() {
            Family::V4 => self.network.settings.forwards_v4(packet.input.unwrap_or(DeviceId::LOOPBACK)),
            Family::V6 => true,
        };
        let kind = match unroutable {
            Unroutable::NoRoute => Some(answer::Kind::NoRoute),
            Unroutable::Unreachable => Some(answer::Kind::HostUnreachable),
            Unroutable::Prohibited => Some(answer::Kind::Prohibited),
            _ => None,
        };
        if let Some(kind) = kind.filter(|_| forwards && self.may_say_no_way(now, packet)) {
            self.answer(now, packet, kind);
        }
        self.end_nested(now, packet, Drop::Route(unroutable), depth)
    }

    /// Linux: `ip_error` asks the bucket of the sender before `icmp_send` does; IPv6 has no such thing.
    fn may_say_no_way(&mut self, now: Now, packet: &Packet) -> bool {
        let limits = &self.network.settings.icmp;
        packet.family() == Family::V6 || self.peers.may_say_no_way(packet.view().source(), limits, now.mono)
    }

    /// From the routing decision of a local packet to its end.
    pub(crate) fn output(
        &mut self,
        now: Now,
        packet: &mut Packet,
        destination: IpAddr,
        depth: u8,
    ) -> Result<Decision, SendError> {
        // A copy comes with the route that TEE has found.
        let route = packet.route.map_or_else(|| self.network.route_output(packet, destination), Ok);
        self.trace_route(packet, "output", route);
        match route {
            Ok(route) => packet.route = Some(route),
            Err(unroutable) => {
                self.end(packet, Drop::Route(unroutable));
                return Err(send_error(unroutable));
            }
        }
        packet.output = packet.route.map(|route| route.way.device().unwrap_or(DeviceId::LOOPBACK));
        if let Some(reason) = self.refused_sending(packet, depth > 0) {
            self.end(packet, reason);
            return Err(SendError::NotPermitted);
        }
        self.lead_nowhere(packet);
        if let Passed::Ended(decision) = self.pass(now, Hook::Output, packet, depth) {
            return match decision {
                Decision::Dropped(Drop::Route(unroutable)) => Err(send_error(unroutable)),
                // Linux: `nf_queue` frees the packet and gives no error.
                Decision::Dropped(Drop::QueueUnheard) => Ok(decision),
                Decision::Dropped(Drop::Ipsec(Protection::NoState)) => Err(SendError::Remote),
                Decision::Dropped(_) => Err(SendError::NotPermitted),
                other => Ok(other),
            };
        }
        if packet.awaits_state {
            return Ok(self.end(packet, Drop::Ipsec(Protection::NoState)));
        }
        let (device, next_hop) = match packet.route.map(|route| route.way) {
            Some(Way::Out { device, next_hop, .. }) => (device, next_hop),
            Some(Way::Broadcast { device } | Way::Multicast { device }) => {
                (device, packet.view().destination())
            }
            Some(Way::Local) | None => (DeviceId::LOOPBACK, packet.view().destination()),
        };
        match self.hear_own_v4(now, packet, device, depth) {
            Ok(()) => {}
            Err(reason @ Drop::TimeToLive) => return Ok(self.end(packet, reason)),
            Err(reason) => {
                self.end(packet, reason);
                return Err(SendError::Invalid);
            }
        }
        match self.postrouting(now, packet, device, next_hop, depth) {
            Decision::Dropped(Drop::TooBig) => Err(SendError::TooBig),
            Decision::Dropped(Drop::Ipsec(Protection::NoState)) => Err(SendError::Remote),
            // Linux: `nf_queue`, `ip6_finish_output2`: it ends without an error.
            decision @ Decision::Dropped(Drop::QueueUnheard | Drop::TimeToLive | Drop::Route(_)) => {
                Ok(decision)
            }
            Decision::Dropped(_) => Err(SendError::NotPermitted),
            other => Ok(other),
        }
    }

    /// POSTROUTING, cutting into fragments, and out.
    fn postrouting(
        &mut self,
        now: Now,
        packet: &mut Packet,
        device: DeviceId,
        next_hop: IpAddr,
        depth: u8,
    ) -> Decision {
        packet.output = Some(device);
        // Linux: `ip_output` and `ip6_output` tell POSTROUTING where a packet is as where it came in; a copy is where
        // `nf_dup_ipv4` and `nf_dup_ipv6` have put it.
        let input = packet.input;
        packet.input = input.or(packet.duplicate);
        if let Passed::Ended(decision) = self.pass(now, Hook::Postrouting, packet, depth) {
            return decision;
        }
        packet.input = input;
        let mtu = packet.route.map_or(1500, |route| route.mtu);
        if device == DeviceId::LOOPBACK {
            return self.loop_back_cut(now, packet, mtu, depth);
        }
        if self.protects(packet, device) {
            self.let_go(packet.tracking);
            return Decision::Stolen;
        }
        if fits(packet, mtu) {
            let bytes = std::mem::take(&mut packet.bytes);
            if let Err(reason) = self.leave(now, packet, (device, next_hop), bytes, depth) {
                return self.end(packet, reason);
            }
            self.let_go(packet.tracking);
            return Decision::Forwarded { device, next_hop };
        }
        let pieces = match self.cut(now, packet, mtu, depth) {
            Ok(pieces) => pieces,
            Err(decision) => return decision,
        };
        for piece in pieces {
            if let Err(reason) = self.leave(now, packet, (device, next_hop), piece, depth) {
                return self.end(packet, reason);
            }
        }
        self.let_go(packet.tracking);
        Decision::Forwarded { device, next_hop }
    }

    /// The pieces in which a packet leaves that does not fit; an error: it must not be cut, and has ended.
    fn cut(&mut self, now: Now, packet: &Packet, mtu: u32, depth: u8) -> Result<Vec<Vec<u8>>, Decision> {
        defrag::split(packet, mtu, &mut self.next_ip_id).map_err(|defrag::Uncuttable| {
            self.answer(now, packet, answer::Kind::TooBig { mtu });
            self.end_nested(now, packet, Drop::TooBig, depth)
        })
    }

    /// Whether IPsec takes a packet that leaves (Linux: `xfrm_output`). Its states have keys, which nobody has given: what
    /// leaves instead is not made.
    fn protects(&mut self, packet: &Packet, device: DeviceId) -> bool {
        let name = device_name(&self.network, Some(device));
        let row = self.machine.protection(machine::Direction::Out, packet, name).flatten();
        let Some(row) = row else { return false };
        if let (Some(trace), Some(device)) = (&mut self.trace, name) {
            let mut states = String::new();
            machine::text::push_transforms(self.machine.transforms_of(row), &mut states);
            trace.push(packet.id, Step::Protected { device, states });
        }
        true
    }

    pub(crate) fn transmit(
        &mut self,
        now: Now,
        packet: &Packet,
        device: DeviceId,
        next_hop: IpAddr,
        bytes: Vec<u8>,
    ) {
        let way = packet.route.map(|route| route.way);
        let packet = packet.id;
        if let Some((header, ports)) = self.frames_out(now.mono, device, next_hop, way) {
            for port in ports {
                self.send_out(Transmit {
                    packet,
                    device: port,
                    next_hop,
                    ethernet: Some(header),
                    bytes: bytes.clone(),
                });
            }
            return;
        }
        self.send_out(Transmit { packet, device, next_hop, ethernet: None, bytes });
    }

    /// A packet, or a frame by a port of a bridge, leaves.
    pub(crate) fn send_out(&mut self, transmit: Transmit) {
        if let (Some(trace), Some(device)) = (&mut self.trace, self.network.device(transmit.device)) {
            let Transmit { packet, next_hop, ref bytes, .. } = transmit;
            trace.push(packet, Step::Sent { device: device.name, next_hop, bytes: bytes.clone() });
        }
        self.transmits.push_back(transmit);
    }

    /// A packet on loopback, which is cut there as on any device. Its pieces keep what it had, and are gathered again in PREROUTING
    /// or where they are delivered ([`defrag::handle`]).
    fn loop_back_cut(&mut self, now: Now, packet: &mut Packet, mtu: u32, depth: u8) -> Decision {
        if fits(packet, mtu) {
            return self.loop_back(packet, DeviceId::LOOPBACK, Link::default());
        }
        let pieces = match self.cut(now, packet, mtu, depth) {
            Ok(pieces) => pieces,
            Err(decision) => return decision,
        };
        packet.gathered = None;
        let mut decision = Decision::Stolen;
        for bytes in pieces {
            let Ok(layout) = layout::parse(&bytes) else { continue };
            let mut piece = Packet { bytes, layout, ..packet.clone() };
            decision = self.loop_back(&mut piece, DeviceId::LOOPBACK, Link::default());
        }
        decision
    }

    /// A packet on loopback keeps its connection, its mark and its route, and comes in again when the present way has
    /// ended (F7).
    pub(crate) fn loop_back(&mut self, packet: &mut Packet, input: DeviceId, link: Link) -> Decision {
        packet.input = Some(input);
        packet.output = None;
        // Linux: `nf_bridge_info` stays with the packet.
        let Link { physical_input, physical_output, prerouted, .. } = packet.link;
        packet.link = Link { physical_input, physical_output, prerouted, ..link };
        packet.origin = None;
        packet.socket = None;
        packet.options = Default::default();
        packet.duplicate = None;
        if self.backlog.len() < self.settings.most_emitted {
            self.backlog.push_back(packet.take());
            return Decision::Forwarded {
                device: DeviceId::LOOPBACK,
                next_hop: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            };
        }
        self.end(packet, Drop::Limit)
    }

    /// Asks the modules of a hook in order.
    pub(crate) fn pass(&mut self, now: Now, hook: Hook, packet: &mut Packet, depth: u8) -> Passed {
        let family = packet.family();
        if let Some(trace) = &mut self.trace {
            trace.push(packet.id, Step::Hook(hook));
        }
        let mut at = 0;
        let mut repeats = 0;
        while let Some(callee) = self.registry.entries(family, hook).get(at).map(|entry| entry.callee) {
            match self.call(now, callee, hook, packet, depth) {
                // Why: by far the most common, so nothing else is looked at.
                Verdict::Accept if self.emitted.is_empty() => at += 1,
                Verdict::Repeat if repeats < MOST_REPEATS => repeats += 1,
                verdict => {
                    if let Passed::Ended(decision) = self.passed(now, callee, verdict, packet, depth) {
                        return Passed::Ended(decision);
                    }
                    at += 1;
                }
            }
        }
        Passed::On
    }

    /// What a verdict means for the path; answers that the module made go their way first.
    pub(crate) fn passed(
        &mut self,
        now: Now,
        from: Callee,
        verdict: Verdict,
        packet: &mut Packet,
        depth: u8,
    ) -> Passed {
        self.send_emitted(now, depth);
        let decision = match verdict {
            Verdict::Accept | Verdict::Repeat | Verdict::Bypass => return Passed::On,
            Verdict::Drop(reason) => self.ended(packet.id, reason),
            Verdict::Queue => self.ended(packet.id, Drop::QueueUnheard),
            Verdict::Stolen => {
                if from == Callee::Defrag {
                    Decision::Kept
                } else {
                    Decision::Stolen
                }
            }
        };
        self.let_go(packet.tracking);
        Passed::Ended(decision)
    }

    fn call(&mut self, now: Now, callee: Callee, hook: Hook, packet: &mut Packet, depth: u8) -> Verdict {
        match callee {
            Callee::Defrag => {
                let user =
                    if hook == Hook::Prerouting { defrag::User::Prerouting } else { defrag::User::Output };
                let (mut env, defrag) = self.env_and_defrag(now);
                defrag::handle(defrag, packet, user, &mut env)
            }
            Callee::Conntrack => {
                let (mut env, _) = self.env_and_defrag(now);
                crate::Conntrack::handle(packet, hook, &mut env)
            }
            Callee::Helper => {
                let (mut env, _) = self.env_and_defrag(now);
                crate::Conntrack::help(packet, &mut env)
            }
            Callee::Confirm => {
                let (mut env, _) = self.env_and_defrag(now);
                crate::Conntrack::confirm(packet, &mut env)
            }
            Callee::Synproxy => self.call_synproxy(now, packet, depth),
            Callee::Table(world, table) => self.call_table(now, (world, table), hook, packet, depth),
            Callee::Nat => self.call_nat(now, hook, packet, depth),
            Callee::Module(number) => {
                let Some(module) = self.modules.get_mut(number) else { return Verdict::Accept };
                let verdict = module.handle(hook, packet);
                if let Some(trace) = &mut self.trace {
                    let accepted = matches!(verdict, Verdict::Accept | Verdict::Repeat);
                    trace.push(packet.id, Step::Module { name: module.name(), accepted });
                }
                verdict
            }
        }
    }

    /// Makes an answer of this machine to a packet.
    pub(crate) fn answer(&mut self, now: Now, packet: &Packet, kind: answer::Kind) {
        let (mut env, _) = self.env_and_defrag(now);
        if let Some(emitted) = answer::icmp_error(packet, kind, &mut env) {
            let (number, what) = (emitted.packet.id, kind.name(packet.family()));
            env.step(packet, || Step::Answered { packet: number, what });
            env.emitted.push(emitted);
        }
    }

    /// Sends what the present packet has caused, each on its own way through OUTPUT.
    pub(crate) fn send_emitted(&mut self, now: Now, depth: u8) {
        while !self.emitted.is_empty() {
            let Emitted { mut packet, destination, port } = self.emitted.remove(0);
            if let Some((port, header)) = port {
                self.let_go(packet.tracking);
                let (packet, bytes) = (packet.id, packet.bytes);
                self.send_out(Transmit {
                    packet,
                    device: port,
                    next_hop: destination,
                    ethernet: Some(header),
                    bytes,
                });
                continue;
            }
            if depth >= MOST_NESTED {
                self.end(&packet, Drop::Limit);
                continue;
            }
            // Linux: the machine's own answers have no sender that could be told of an error.
            let _unheard = self.output(now, &mut packet, destination, depth + 1);
        }
    }

    /// Ends a packet after its answers have gone.
    pub(crate) fn end_nested(&mut self, now: Now, packet: &Packet, reason: Drop, depth: u8) -> Decision {
        self.send_emitted(now, depth);
        self.end(packet, reason)
    }

    pub(crate) fn end(&mut self, packet: &Packet, reason: Drop) -> Decision {
        let decision = self.ended(packet.id, reason);
        self.let_go(packet.tracking);
        decision
    }

    /// Lets go of the connection of a packet that has ended. An answer on its way over loopback may still belong to a
    /// connection that never comes to be (Linux: it counts as a reference).
    pub(crate) fn let_go(&mut self, tracking: Tracking) {
        // Why: copies for many ports of a bridge are one connection, which is held once.
        if self.shared && self.held.last() == Some(&tracking) {
            return;
        }
        let under_way = self.shared || !self.emitted.is_empty() || !self.backlog.is_empty();
        if under_way && self.held.len() < self.settings.most_emitted {
            self.held.push(tracking);
        } else {
            self.conntrack.release_tracking(tracking);
        }
    }

    pub(crate) fn ended(&mut self, packet: u64, reason: Drop) -> Decision {
        if let Some(trace) = &mut self.trace {
            trace.push(packet, Step::Dropped(reason));
        }
        Decision::Dropped(reason)
    }

    /// Lets everything that waits inside go its way: answers, then packets on loopback, until there are none.
    pub(crate) fn settle(&mut self, now: Now, depth: u8) {
        let mut budget = self.settings.most_emitted;
        loop {
            self.send_emitted(now, depth);
            let Some(mut packet) = self.backlog.pop_front() else { break };
            if budget == 0 {
                self.end(&packet, Drop::Limit);
                continue;
            }
            budget -= 1;
            self.input(now, &mut packet, depth);
        }
        while let Some(tracking) = self.held.pop() {
            self.conntrack.release_tracking(tracking);
        }
    }
}

/// Whether a packet leaves as it is: in one piece, and not gathered from such as were shorter.
fn fits(packet: &Packet, mtu: u32) -> bool {
    packet.len() <= mtu as usize && packet.largest_fragment().is_none()
}

fn send_error(unroutable: Unroutable) -> SendError {
    match unroutable {
        Unroutable::NoRoute | Unroutable::DeviceDown => SendError::NetworkUnreachable,
        Unroutable::Unreachable | Unroutable::ForwardingOff => SendError::HostUnreachable,
        Unroutable::Prohibited => SendError::Prohibited,
        Unroutable::Blackhole
        | Unroutable::MartianSource
        | Unroutable::MartianDestination
        | Unroutable::NoListener
        | Unroutable::Ipv6Off
        | Unroutable::WithinMachine
        | Unroutable::Undecided(_) => SendError::Invalid,
    }
}

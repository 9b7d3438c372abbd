//! Where policies of IPsec are asked on a packet's way, and what they stop.
//!
//! ```text
//! INPUT ─► in ─► deliver          fwd ─► (TTL) ─► out ─► FORWARD ─► POSTROUTING, source changed ─► out
//! route ─► out ─► OUTPUT, destination changed ─► out ─► POSTROUTING
//! ```
//!
//! Linux: `xfrm4_policy_check` in the handlers of the protocols, `ip_forward`, `ip_route_output_flow`, `icmp_route_lookup`,
//! `ip_route_me_harder`, `nf_xfrm_me_harder`, and their IPv6 twins. What a process sends, and what has no state yet, has a
//! way that leads nowhere (a blackhole on loopback): it passes OUTPUT and ends behind it, and nobody is told. What the
//! kernel asks for itself without that is not made at all.
//!
//! Differences from Linux: which packets a state protects is said by the machine file; what it makes of them is not made.

use packet::{Family, InterfaceName, protocol};
use rules::Hook;

use crate::DeviceId;
use crate::conntrack::{Direction as OfConnection, Status};
use crate::engine::Engine;
use crate::machine::{self, Secured};
use crate::network::{Route, Way};
use crate::skb::{Drop, Packet, Protection, Tracking};
use crate::trace::Step;
use crate::xfrm::{Direction, Flow, OfRoute, Says};

impl Engine {
    /// Whether a packet may be delivered here; behind INPUT.
    pub(super) fn refused_delivery(&mut self, packet: &Packet) -> Option<Drop> {
        if !self.network.policies.are_asked(Direction::In) {
            return None;
        }
        let view = packet.view();
        let number = view.protocol().unwrap_or(0);
        // Linux: the handlers of IPsec itself are for all.
        if matches!(number, protocol::ESP | protocol::AH | protocol::IPCOMP) {
            return None;
        }
        let own = match packet.family() {
            Family::V4 => self.is_unguarded_v4(packet),
            Family::V6 => {
                let to = view.destination();
                let device = self
                    .network
                    .devices_with_id()
                    .find(|(_, device)| device.addresses.iter().any(|own| own.address == to));
                device.is_some_and(|(id, _)| self.network.settings.unguarded_v6.contains(&id))
            }
        };
        if own {
            return None;
        }
        let device = match packet.route.map(|route| route.way) {
            Some(Way::Multicast { device }) if packet.family() == Family::V6 => device,
            _ => DeviceId::LOOPBACK,
        };
        let is_of_kernel = matches!(number, protocol::ICMP | protocol::ICMPV6);
        self.refused_arrival(Direction::In, packet, device, !is_of_kernel)
    }

    /// Whether a packet that came in may be sent on; the first thing that is asked.
    pub(super) fn refused_forward(&mut self, packet: &Packet, device: DeviceId) -> Option<Drop> {
        if !self.network.policies.are_asked(Direction::Forward) {
            return None;
        }
        let is_unguarded = match packet.family() {
            Family::V4 => self.is_unguarded_v4(packet),
            Family::V6 => packet.input.is_some_and(|own| self.network.settings.unguarded_v6.contains(&own)),
        };
        if is_unguarded { None } else { self.refused_arrival(Direction::Forward, packet, device, false) }
    }

    /// Linux: `IPSKB_NOPOLICY`.
    fn is_unguarded_v4(&self, packet: &Packet) -> bool {
        packet.input.is_some_and(|own| self.network.settings.unguarded_v4.contains(&own))
    }

    fn refused_arrival(
        &mut self,
        direction: Direction,
        packet: &Packet,
        device: DeviceId,
        of_socket: bool,
    ) -> Option<Drop> {
        let mut flow = self.guarded_flow(packet, device);
        self.as_it_came(packet, &mut flow);
        let found = self.network.policies.find(direction, &flow, of_socket);
        let reason = match found.says {
            Says::Pass => return None,
            Says::Forbidden => Drop::Ipsec(Protection::Forbidden),
            Says::Unknown(what) => Drop::Unknown(what),
            Says::Demands => match self.came_protected(packet) {
                Some(true) => return None,
                Some(false) => Drop::Ipsec(Protection::Missing),
                None => Drop::Unknown(
                    "whether a packet came protected that a policy of IPsec is about (`ipsec none` or `ipsec (STATES)` in \
                     front of it, or a machine file, says it)",
                ),
            },
        };
        let line = found.policy.map(|own| &*own.line);
        if let Some(trace) = &mut self.trace {
            trace.push(packet.id, guarded(direction, line));
        }
        Some(reason)
    }

    /// Whether it came in by a state; `None`: nobody has said.
    fn came_protected(&self, packet: &Packet) -> Option<bool> {
        match packet.secured {
            Secured::Clear => Some(false),
            Secured::By(_) => Some(true),
            Secured::Unsaid if packet.input == Some(DeviceId::LOOPBACK) => Some(false),
            Secured::Unsaid => {
                let device = packet.input.and_then(|input| self.name_of(input));
                self.machine.protection(machine::Direction::In, packet, device).map(|row| row.is_some())
            }
        }
    }

    fn name_of(&self, device: DeviceId) -> Option<InterfaceName> {
        self.network.device(device).map(|own| own.name)
    }

    /// Linux: `__xfrm_decode_session`: fragments have no ports.
    fn guarded_flow(&self, packet: &Packet, device: DeviceId) -> Flow {
        let view = packet.view();
        let number = view.protocol().unwrap_or(0);
        let ports = match number {
            _ if packet.layout.fragment.is_some() => None,
            protocol::ICMP | protocol::ICMPV6 => {
                let own = view.after_header();
                own.first().zip(own.get(1)).map(|(kind, code)| (u16::from(*kind), u16::from(*code)))
            }
            protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => view.ports(),
            _ => None,
        };
        Flow {
            source: view.source(),
            destination: view.destination(),
            protocol: number,
            ports: ports.unwrap_or_default(),
            mark: packet.mark,
            device: self.name_of(device).map_or(OfRoute::None, OfRoute::Is),
        }
    }

    /// Linux: `nf_nat_ipv4_decode_session`: policies are about the packet before it was translated.
    fn as_it_came(&self, packet: &Packet, flow: &mut Flow) {
        let Tracking::Entry { connection, info, .. } = packet.tracking else { return };
        let Some(own) = self.conntrack.get(connection) else { return };
        let (tuple, of_destination, of_source) = match info.direction() {
            OfConnection::Original => (own.original(), Status::DST_NAT, Status::SRC_NAT),
            OfConnection::Reply => (own.reply(), Status::SRC_NAT, Status::DST_NAT),
        };
        let has_ports = matches!(
            tuple.protocol,
            protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::DCCP | protocol::SCTP
        );
        if own.status.has(of_destination) {
            flow.destination = tuple.destination;
            if has_ports {
                flow.ports.1 = tuple.destination_id;
            }
        }
        if own.status.has(of_source) {
            flow.source = tuple.source;
            if has_ports {
                flow.ports.0 = tuple.source_id;
            }
        }
    }

    /// Whether a packet that is sent on may leave; behind the look at its TTL (Linux: `__xfrm_route_forward`).
    pub(super) fn refused_way_on(&mut self, packet: &mut Packet, device: DeviceId) -> Option<Drop> {
        if !self.network.policies.are_asked(Direction::Out) {
            return None;
        }
        let flow = self.guarded_flow(packet, device);
        let waits = self.network.settings.waits_for_states;
        self.refused_departure(packet, device, flow, waits)
    }

    /// Whether a packet of this machine may leave; before OUTPUT. `is_own`: the engine has made it.
    pub(super) fn refused_sending(&mut self, packet: &mut Packet, is_own: bool) -> Option<Drop> {
        // Linux: `nf_dup_ipv4` and `nf_dup_ipv6` ask for a way without saying what for.
        if !self.network.policies.are_asked(Direction::Out) || packet.duplicate.is_some() {
            return None;
        }
        let device = packet.route.and_then(|route| route.way.device()).unwrap_or(DeviceId::LOOPBACK);
        let mut flow = self.guarded_flow(packet, device);
        let is_of_process = !is_own
            && packet.origin.is_none_or(|own| !own.known || own.socket.is_some_and(|socket| socket.has_file));
        let is_error = match (flow.protocol, packet.family()) {
            (protocol::ICMP, _) => matches!(flow.ports.0, 3 | 4 | 5 | 11 | 12),
            (protocol::ICMPV6, _) => flow.ports.0 < 128,
            _ => false,
        };
        // Linux: `xfrm_lookup_route` gives sockets a way that leads nowhere, `xfrm_lookup` an error.
        let by_stack = is_own || (!is_of_process && (is_error || flow.protocol == protocol::ICMPV6));
        if packet.family() == Family::V6 && !is_own {
            // Linux: the device of the flow is one that somebody has asked for, not that of the route.
            flow.device = if is_of_process { OfRoute::None } else { OfRoute::Unknown };
        }
        if is_error && !is_of_process {
            if self.network.policies.is_any_for_errors(packet.family()) {
                let what = "which policy of IPsec counts for an ICMP error (one has `flag icmp`)";
                return Some(Drop::Unknown(what));
            }
        } else if flow.protocol == protocol::ICMP && !is_of_process {
            // Linux: `icmp_reply` does not say which message it is.
            flow.ports = (0, 0);
        }
        self.refused_departure(packet, device, flow, !by_stack)
    }

    /// Whether a packet whose way was looked up anew, or whose ends were translated, may leave.
    pub(super) fn refused_anew(&mut self, packet: &mut Packet) -> Option<Drop> {
        if !self.network.policies.are_asked(Direction::Out) {
            return None;
        }
        let device = packet.route.and_then(|route| route.way.device()).unwrap_or(DeviceId::LOOPBACK);
        let flow = self.guarded_flow(packet, device);
        self.refused_departure(packet, device, flow, false)
    }

    /// The same where NAT has, or had before, changed what the way of a packet depends on (Linux: `nf_nat_ipv4_out`,
    /// `nf_nat_ipv4_local_fn`).
    pub(super) fn refused_translated(&mut self, hook: Hook, packet: &mut Packet) -> Option<Drop> {
        if !self.network.policies.are_asked(Direction::Out) || packet.link.physical_output.is_some() {
            return None;
        }
        let Tracking::Entry { connection, info, .. } = packet.tracking else { return None };
        let own = self.conntrack.get(connection)?;
        let (here, there) = match info.direction() {
            OfConnection::Original => (own.original(), own.reply()),
            OfConnection::Reply => (own.reply(), own.original()),
        };
        let is_icmp = here.protocol
            == match packet.family() {
                Family::V4 => protocol::ICMP,
                Family::V6 => protocol::ICMPV6,
            };
        let is_changed = match hook {
            Hook::Postrouting => {
                here.source != there.destination || (!is_icmp && here.source_id != there.destination_id)
            }
            Hook::Output => !is_icmp && here.destination_id != there.source_id,
            _ => false,
        };
        if is_changed { self.refused_anew(packet) } else { None }
    }

    /// Linux: `xfrm_lookup_with_ifid`. `waits`: who has no state yet goes on to a way that leads nowhere.
    fn refused_departure(
        &mut self,
        packet: &mut Packet,
        device: DeviceId,
        flow: Flow,
        waits: bool,
    ) -> Option<Drop> {
        // Linux: `DST_NOXFRM`, which routes of IPv6 never have.
        if packet.family() == Family::V4 && self.network.settings.unprotected.contains(&device) {
            let blocks = device != DeviceId::LOOPBACK && self.network.policies.blocks(Direction::Out);
            return blocks.then_some(Drop::Ipsec(Protection::Forbidden));
        }
        let of_socket =
            packet.origin.is_some_and(|own| !own.known || own.socket.is_some_and(|socket| socket.has_file));
        let found = self.network.policies.find(Direction::Out, &flow, of_socket);
        let reason = match found.says {
            Says::Pass => return None,
            // Linux: what no policy is about may always go to loopback.
            Says::Forbidden if found.policy.is_none() && device == DeviceId::LOOPBACK => return None,
            Says::Forbidden => Some(Drop::Ipsec(Protection::Forbidden)),
            Says::Unknown(what) => Some(Drop::Unknown(what)),
            Says::Demands => {
                let row = self.machine.protection(machine::Direction::Out, packet, self.name_of(device));
                match row {
                    Some(Some(_)) => return None,
                    Some(None) if waits => None,
                    Some(None) => Some(Drop::Ipsec(Protection::NoState)),
                    None => Some(Drop::Unknown(
                        "what a state makes of a packet that a policy of IPsec demands to be protected",
                    )),
                }
            }
        };
        packet.awaits_state |= reason.is_none();
        let line = found.policy.map(|own| &*own.line);
        if let Some(trace) = &mut self.trace {
            trace.push(packet.id, guarded(Direction::Out, line));
        }
        reason
    }

    /// A packet with a way that leads nowhere seems to leave by loopback (Linux: `ipv4_blackhole_route`), unless it waits for
    /// its state.
    pub(super) fn lead_nowhere(&self, packet: &mut Packet) {
        if packet.awaits_state && !self.network.settings.waits_for_states {
            packet.output = Some(DeviceId::LOOPBACK);
            packet.route = packet.route.map(|route| Route { realms: 0, ..route });
        }
    }
}

/// Tells which policy it was.
fn guarded(direction: Direction, line: Option<&str>) -> Step {
    Step::Guarded { direction: direction.name(), policy: line.map(str::to_owned) }
}

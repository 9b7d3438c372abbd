//! The extension headers of an IPv6 packet for this machine, which the stack opens behind INPUT.
//!
//! Linux: `ip6_protocol_deliver_rcu`, `ipv6_destopt_rcv`, `ipv6_rthdr_rcv`, `ipv6_srh_rcv`. Home addresses (Mobile IPv6) are
//! not known, as in the kernel by which this is judged; sums of segment routing (HMAC) have keys that nobody has given.
use std::net::{IpAddr, Ipv6Addr};

use packet::{Family, protocol};

use super::hop_options::{self, FIXED, Fault, end_of, pointer};
use crate::engine::{Decision, Engine};
use crate::network::{Unroutable, Way};
use crate::skb::{Drop, Link, LinkKind, Packet};
use crate::{DeviceId, Now, answer};

/// Where the next header begins; an error: the packet has ended, or goes another way.
type Opened = Result<usize, Decision>;

impl Engine {
    /// Opens the headers in front of what is delivered; an error: it goes no further here.
    pub(super) fn open_extensions(
        &mut self,
        now: Now,
        packet: &mut Packet,
        depth: u8,
    ) -> Result<(), Decision> {
        if packet.family() != Family::V6 {
            return Ok(());
        }
        // Where the number of the next header stands, and where that begins.
        let (mut field, mut at) = (6, FIXED);
        if packet.bytes.get(6) == Some(&protocol::HOP_BY_HOP) {
            (field, at) = (FIXED, end_of(&packet.bytes, FIXED));
        }
        // Linux: `nf_ct_frag6_reasm` leaves the transport header behind all headers that each fragment had, and the number of
        // the next header is that of the first of them: what begins there is read as that header. `ip6_rcv_core` sets it
        // right where the datagram comes up from a bridge.
        let gathered = packet.gathered.as_deref().filter(|_| packet.link.physical_input.is_none());
        let data = gathered.and_then(|own| own.pieces.last()).and_then(|&(offset, length)| {
            packet.bytes.len().checked_sub(usize::from(offset) + usize::from(length))
        });
        let astray = data.filter(|data| *data != at);
        at = astray.unwrap_or(at);
        while let Some(&next) = packet.bytes.get(field) {
            let begin = at;
            match next {
                protocol::HOP_BY_HOP => {
                    let kind = answer::Kind::UnknownHeader { pointer: pointer(field) };
                    return Err(self.wrong_header(now, packet, Some(kind), depth));
                }
                protocol::DESTINATION_OPTIONS => {
                    if let Err(Fault(kind)) = hop_options::check(&packet.bytes, at, false) {
                        return Err(self.wrong_header(now, packet, kind, depth));
                    }
                    at = end_of(&packet.bytes, at);
                }
                protocol::ROUTING => at = self.open_routing(now, packet, at, depth)?,
                protocol::FRAGMENT if astray.is_none_or(|data| field < data) => {
                    match packet.bytes.get(at..at + 8) {
                        Some(&[_, _, high, low, ..]) if high == 0 && low & 0xf9 == 0 => at += 8,
                        // It is gathered first, or was cut too short for that.
                        _ => break,
                    }
                }
                _ if astray.is_some_and(|data| field >= data) => {
                    return Err(self.end_astray(now, packet, (next, field), depth));
                }
                _ => break,
            }
            field = begin;
        }
        self.check_group(packet)
    }

    /// What begins at the data of a datagram was read as a header, and names another one.
    fn end_astray(&mut self, now: Now, packet: &Packet, (next, field): (u8, usize), depth: u8) -> Decision {
        let handled = [protocol::TCP, protocol::UDP, protocol::UDPLITE, protocol::ICMPV6, protocol::NO_NEXT];
        if handled.contains(&next) {
            return self.end(packet, Drop::Unknown("what the stack takes the data of this datagram for"));
        }
        let kind = answer::Kind::UnknownHeader { pointer: pointer(field) };
        self.wrong_header(now, packet, Some(kind), depth)
    }

    /// Linux: a member of a group who does not want the sender hears nothing, which is found out behind all headers.
    fn check_group(&mut self, packet: &Packet) -> Result<(), Decision> {
        let view = packet.view();
        let (IpAddr::V6(source), IpAddr::V6(group)) = (view.source(), view.destination()) else {
            return Ok(());
        };
        let is_icmp = view.protocol() == Some(protocol::ICMPV6);
        if !group.is_multicast()
            || is_icmp
            || packet.layout.fragment.is_some_and(|own| own.more || own.offset != 0)
        {
            return Ok(());
        }
        let device = packet.input.unwrap_or(DeviceId::LOOPBACK);
        match self.network.hears_group_v6(device, group, source) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.end(packet, Drop::Route(Unroutable::NoListener))),
            Err(reason) => Err(self.end(packet, Drop::Route(reason))),
        }
    }

    /// A routing header that begins at a place.
    fn open_routing(&mut self, now: Now, packet: &mut Packet, at: usize, depth: u8) -> Opened {
        let end = end_of(&packet.bytes, at);
        let Some(&[_, _, kind, left, ..]) = packet.bytes.get(at..end) else {
            return Err(self.wrong_header(now, packet, None, depth));
        };
        let device = packet.input.unwrap_or(DeviceId::LOOPBACK);
        let for_group = packet.view().destination().is_multicast() || packet.link.kind != LinkKind::Host;
        match kind {
            _ if for_group => Err(self.wrong_header(now, packet, None, depth)),
            3 if self.network.settings.rpl.contains(&device) => {
                let why = Unroutable::Undecided("routing of RPL (rpl_seg_enabled)");
                Err(self.end(packet, Drop::Route(why)))
            }
            3 => Err(self.wrong_header(now, packet, None, depth)),
            4 => self.open_segments(now, packet, (at, end), device, depth),
            _ if left == 0 => Ok(end),
            _ => {
                let kind = answer::Kind::ParameterProblem { pointer: pointer(at + 2) };
                Err(self.wrong_header(now, packet, Some(kind), depth))
            }
        }
    }

    /// Segment routing (RFC 8754).
    fn open_segments(
        &mut self,
        now: Now,
        packet: &mut Packet,
        (at, end): (usize, usize),
        device: DeviceId,
        depth: u8,
    ) -> Opened {
        /// The flag that says that a sum follows (Linux: `SR6_FLAG1_HMAC`).
        const SUMMED: u8 = 8;
        let settings = &self.network.settings;
        if !settings.segments.contains(&device) {
            return Err(self.wrong_header(now, packet, None, depth));
        }
        let is_summed = packet.bytes.get(at + 5).is_some_and(|flags| flags & SUMMED != 0);
        let asked = settings.segment_sums.iter().find(|own| own.0 == device).map(|own| own.1);
        match asked {
            Some(false) => {}
            _ if is_summed => {
                let why = Unroutable::Undecided(
                    "the sum (HMAC) of a segment routing header, whose keys are not given",
                );
                return Err(self.end(packet, Drop::Route(why)));
            }
            Some(true) => return Err(self.wrong_header(now, packet, None, depth)),
            None => {}
        }
        loop {
            let Some(&[next, units, _, left, ..]) = packet.bytes.get(at..end) else {
                return Err(self.wrong_header(now, packet, None, depth));
            };
            if left == 0 {
                return match next {
                    protocol::IPV6 | protocol::IPIP => Err(self.unpack(packet, end)),
                    _ => Ok(end),
                };
            }
            if left >= units >> 1 {
                let kind = answer::Kind::ParameterProblem { pointer: pointer(at + 3) };
                return Err(self.wrong_header(now, packet, Some(kind), depth));
            }
            let left = left - 1;
            let segment = at + 8 + 16 * usize::from(left);
            let segment =
                packet.bytes.get(segment..segment + 16).and_then(|own| <[u8; 16]>::try_from(own).ok());
            let Some(segment) = segment.map(Ipv6Addr::from) else {
                return Err(self.wrong_header(now, packet, None, depth));
            };
            let before = self.trace.is_some().then(|| packet.bytes.clone());
            if let Some(place) = packet.bytes.get_mut(at + 3) {
                *place = left;
            }
            if let Some(place) = packet.bytes.get_mut(24..40) {
                place.copy_from_slice(&segment.octets());
            }
            self.trace_rewritten(packet, "SEG6", before);
            packet.route = None;
            let route = match self.route_input(packet) {
                Ok(route) => route,
                Err(reason) => return Err(self.unroutable(now, packet, reason, depth)),
            };
            packet.route = Some(route);
            if let Way::Out { device, next_hop, .. } = route.way {
                return Err(self.forward(now, packet, device, next_hop, depth));
            }
            if !matches!(route.way, Way::Local) {
                return Err(self.deliver(now, packet, depth));
            }
            let ttl = packet.view().ttl();
            if ttl <= 1 {
                self.answer(now, packet, answer::Kind::TimeExceeded);
                return Err(self.end_nested(now, packet, Drop::TimeToLive, depth));
            }
            packet::rewrite::set_ttl(&mut packet.bytes, packet.layout, ttl - 1);
        }
    }

    /// What is inside the last segment comes in anew, by the same device (Linux: `__skb_tunnel_rx`).
    fn unpack(&mut self, packet: &mut Packet, end: usize) -> Decision {
        let id = self.take_packet_id();
        let inner = packet.bytes.get(end..).unwrap_or_default().to_vec();
        let link = Link { kind: packet.link.kind, ..Link::default() };
        let inner = self.arrive(id, packet.input, link, inner);
        self.let_go(packet.tracking);
        match inner {
            Ok(inner) if self.backlog.len() < self.settings.most_emitted => {
                self.backlog.push_back(Packet { mark: packet.mark, cpu: packet.cpu, ..inner });
                Decision::Delivered
            }
            Ok(_) => self.ended(id, Drop::Limit),
            Err(reason) => self.ended(id, reason),
        }
    }
}

#[cfg(test)]
mod tests;

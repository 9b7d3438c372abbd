//! Packets that the machine itself makes because of another one: ICMP errors and TCP resets.
//!
//! Linux: `icmp_send`, `icmp6_send` (shared by REJECT and the path), `nf_send_reset`, `nf_send_reset6`. What these
//! functions do not answer is not answered here: errors about errors, later fragments, what was sent to many. How many they
//! send is limited ([`crate::icmp_limits`]; resets are not). Which checksums must be right is REJECT's own question
//! ([`rejectable`]).
//!
//! An answer starts its own way at OUTPUT, with the state RELATED where what caused it has a connection (F28).
//!
//! Differences from Linux: the flow label of ICMPv6 errors is 0 (the kernel's is a hash of the addresses with a secret
//! key).
use std::net::{IpAddr, Ipv4Addr};

use packet::view::tcp_flags;
use packet::{Family, Layout, View, checksum, icmp, layout, protocol, rewrite, verify};

use crate::icmp_limits::{Asking, Limit};
use crate::network::{Route, Unroutable, Way};
use crate::options;
use crate::route::{Flow, kind};
use crate::skb::{Drop, Emitted, KeptSum, Link, LinkKind, Origin, Owner, Packet, Summed, Tracking};
use crate::trace::Step;
use crate::{Conntrack, DeviceId, Env};

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Destination unreachable, with its code (IPv4: type 3, IPv6: type 1): REJECT.
    Unreachable {
        /// The code.
        code: u8,
    },
    /// TTL or hop limit used up.
    TimeExceeded,
    /// Fragments were missing.
    ReassemblyTimeExceeded,
    /// Too big for the next device.
    TooBig {
        /// The MTU of the way.
        mtu: u32,
    },
    /// A field of the header is wrong (IPv6: type 4, code 0).
    ParameterProblem {
        /// Where it stands, in bytes from the start of the packet.
        pointer: u32,
    },
    /// IPv6: an option is not known (type 4, code 2).
    UnknownOption {
        /// Where it stands, in bytes from the start of the packet.
        pointer: u32,
        /// Whether packets to groups are answered as well: the upper bits of the option are 10.
        always: bool,
    },
    /// IPv6: a header is not known in its place (type 4, code 1).
    UnknownHeader {
        /// Where its number stands, in bytes from the start of the packet.
        pointer: u32,
    },
    /// IPv4: the sender can reach the next hop itself.
    Redirect {
        /// The next hop.
        gateway: Ipv4Addr,
    },
    /// There is no route.
    NoRoute,
    /// A route of the kind `unreachable`.
    HostUnreachable,
    /// A route of the kind `prohibit`.
    Prohibited,
}

impl Kind {
    /// Type, code and the four bytes behind the checksum.
    fn header(self, family: Family) -> (u8, u8, u32) {
        use icmp::{v4, v6};
        match (self, family) {
            (Self::Unreachable { code }, Family::V4) => (v4::DESTINATION_UNREACHABLE, code, 0),
            (Self::Unreachable { code }, Family::V6) => (v6::DESTINATION_UNREACHABLE, code, 0),
            (Self::TimeExceeded, Family::V4) => (v4::TIME_EXCEEDED, 0, 0),
            (Self::TimeExceeded, Family::V6) => (v6::TIME_EXCEEDED, 0, 0),
            (Self::ReassemblyTimeExceeded, Family::V4) => (v4::TIME_EXCEEDED, 1, 0),
            (Self::ReassemblyTimeExceeded, Family::V6) => (v6::TIME_EXCEEDED, 1, 0),
            (Self::TooBig { mtu }, Family::V4) => (v4::DESTINATION_UNREACHABLE, 4, mtu & 0xffff),
            (Self::TooBig { mtu }, Family::V6) => (v6::PACKET_TOO_BIG, 0, mtu),
            (
                Self::ParameterProblem { pointer }
                | Self::UnknownHeader { pointer }
                | Self::UnknownOption { pointer, .. },
                Family::V4,
            ) => (v4::PARAMETER_PROBLEM, 0, pointer << 24),
            (Self::ParameterProblem { pointer }, Family::V6) => (v6::PARAMETER_PROBLEM, 0, pointer),
            (Self::UnknownHeader { pointer }, Family::V6) => (v6::PARAMETER_PROBLEM, 1, pointer),
            (Self::UnknownOption { pointer, .. }, Family::V6) => (v6::PARAMETER_PROBLEM, 2, pointer),
            // In IPv6 it is no error, and none of these (`path::redirect`).
            (Self::Redirect { gateway }, _) => (v4::REDIRECT, 1, u32::from(gateway)),
            (Self::NoRoute, Family::V4) => (v4::DESTINATION_UNREACHABLE, 0, 0),
            (Self::HostUnreachable, Family::V4) => (v4::DESTINATION_UNREACHABLE, 1, 0),
            (Self::Prohibited, Family::V4) => (v4::DESTINATION_UNREACHABLE, 13, 0),
            // Linux: `ip6_pkt_discard` says "no route" for routes of the kind `unreachable`, too.
            (Self::NoRoute | Self::HostUnreachable, Family::V6) => (v6::DESTINATION_UNREACHABLE, 0, 0),
            (Self::Prohibited, Family::V6) => (v6::DESTINATION_UNREACHABLE, 1, 0),
        }
    }

    /// Its name for traces.
    pub fn name(self, family: Family) -> &'static str {
        let (kind, code, _) = self.header(family);
        icmp::name(family, kind, code).unwrap_or("icmp error")
    }
}

/// Whether REJECT answers a packet with an ICMP error, by its checksum (F27, F31).
///
/// Linux: `nf_send_unreach` and `nf_reject_verify_csum`: a datagram of UDP without a checksum, and protocols with a
/// checksum of their own kind, need none; everything else must be a right sum (in IPv4 a plain one, in IPv6 with the
/// pseudo header).
pub fn rejectable(packet: &Packet) -> bool {
    let view = packet.view();
    if packet.layout.later_fragment() {
        return false;
    }
    let Some(protocol) = view.protocol() else { return false };
    if view.family() == Family::V6 && view.after_header().is_empty() {
        return false;
    }
    let checked = match protocol {
        protocol::UDP => view.udp().is_none_or(|udp| udp.checksum() != 0),
        protocol::GRE | protocol::AH | protocol::ESP | protocol::SCTP | protocol::UDPLITE => false,
        _ => true,
    };
    !checked
        || matches!(packet.summed, Summed::Right { .. })
        || is_taken_as_summed(packet)
        || sum_is_right(&view, protocol)
}

/// Whether a packet of OUTPUT has a sum that somebody has kept: a copy of TEE. Linux: `nf_checksum` asks such a one again in
/// PREROUTING and INPUT only. A copy of a packet that is being forwarded has none any more: `ip_forward` forgets it.
fn is_taken_as_summed(packet: &Packet) -> bool {
    packet.input.is_none() && packet.summed != Summed::Unknown
}

/// Linux: `nf_ip_checksum` sums the IP header as well, whose own sum is 0xffff (a payload of zeros is right), or another
/// one while options are filled in.
fn sum_is_right(view: &View<'_>, protocol: u8) -> bool {
    if view.family() == Family::V6 {
        return verify::sum_is_valid(view, Some(protocol));
    }
    let start = match protocol {
        protocol::TCP | protocol::UDP => {
            pseudo(view.source(), view.destination(), protocol, view.after_header().len())
        }
        _ => 0,
    };
    checksum::finish(checksum::add(start, view.bytes())) == 0
}

/// Whether the sum of a segment that REJECT resets is right. In FORWARD it is summed anew; in INPUT what connection
/// tracking knows of it is enough.
fn segment_is_right(packet: &Packet) -> bool {
    let known = packet.output.is_none() && packet.input.is_some() && packet.kept_sum() == KeptSum::Right;
    known || is_taken_as_summed(packet) || sum_is_right(&packet.view(), protocol::TCP)
}

/// Makes an ICMP error about a packet. `None`: this packet is not answered, there is no way back, or a limit forbids it.
pub fn icmp_error(cause: &Packet, kind: Kind, env: &mut Env<'_>) -> Option<Emitted> {
    let family = cause.family();
    let answerable = match family {
        Family::V4 => answerable_v4(cause),
        Family::V6 => answerable_v6(cause, kind),
    };
    if !answerable {
        return None;
    }
    let limits = &env.network.settings.icmp;
    let (number, code, _) = kind.header(family);
    let asking = Asking { limits, family, message: (number, code), now: env.now.mono };
    let limited = match asking.begin(device_of(cause, kind), env.peers) {
        Ok(limited) => limited,
        Err(limit) => return untold(cause, kind, limit, env),
    };
    if is_being_sent_by_icmp(cause) {
        return None;
    }
    let echo = echo_of(cause, env)?;
    let destination = cause.view().source();
    // A source route is gone back: the answer goes to its last place first.
    let first = echo.first.map_or(destination, IpAddr::V4);
    let tos = match family {
        // Internetwork control, with the TOS bits of what caused it (F25).
        Family::V4 => (cause.view().tos() & 0x1e) | 0xc0,
        Family::V6 => 0,
    };
    let own = own_address(cause, env);
    // Linux: `ip_route_output_key_hash`: nothing is sent from an address that is only by a route of policy one of this
    // machine (TPROXY).
    if family == Family::V4 && own.is_some_and(|own| env.network.address_type(own, None) != kind::LOCAL) {
        return None;
    }
    let mark = env.network.settings.mark_of_answer(family, cause.mark);
    let flow = Flow { tos, mark, ..Flow::between(own.unwrap_or(family.unspecified()), first) };
    // Linux: `icmp6_send` answers link-local sources by the device that they came in by.
    let bound = cause.input.filter(|_| is_link_local(destination));
    let route = match env.network.output_route(bound, flow) {
        Ok(route) => route,
        Err(reason @ Unroutable::Undecided(_)) => {
            // Whether and by whom it is answered cannot be said, so the packet's own way ends without a verdict.
            env.step(cause, || Step::Dropped(Drop::Route(reason)));
            return None;
        }
        Err(_) => return None,
    };
    if limited && let Err(limit) = asking.may_tell((first, route), env.peers, env.random) {
        return untold(cause, kind, limit, env);
    }
    let source = own.or_else(|| incoming_address(cause, destination, env)).or(route.source)?;
    let message = error_message(cause, kind, (source, destination), (route.mtu, echo.len()))?;
    let id = match family {
        Family::V4 => env.new_ip_id(),
        Family::V6 => 0,
    };
    let header = Header { protocol: icmp_protocol(family), tos, id, dont_fragment: false };
    let mut bytes = ip_packet(env, header, source, first, &message)?;
    if let IpAddr::V4(last) = destination {
        options::build(&mut bytes, &echo, last, options::time_of_day(env.now))?;
    }
    let mut answer = machine_packet(env, bytes, true)?;
    // Linux: `__ip_make_skb` sends to a group as far as a socket does that says nothing else: to the next machine.
    if let (IpAddr::V4(_), Way::Multicast { .. }) = (first, route.way) {
        rewrite::set_ttl(&mut answer.bytes, answer.layout, 1);
    }
    answer.mark = mark;
    Conntrack::attach(&mut answer, cause.tracking);
    Some(Emitted { packet: answer, destination: first, port: None })
}

/// Adds the step of an error that a limit forbids.
fn untold(cause: &Packet, kind: Kind, limit: Limit, env: &mut Env<'_>) -> Option<Emitted> {
    let family = cause.family();
    env.step(cause, || Step::Untold { what: kind.name(family), limit: limit.name(family) });
    None
}

/// The device that a packet is on, as far as limits ask for it (Linux: `skb->dev`).
fn device_of(cause: &Packet, kind: Kind) -> Option<DeviceId> {
    // Linux: `nf_dup_ipv4` has put a copy on its device, and what is too long is on the one that it cannot leave by.
    let leaving = cause.duplicate.is_some() || matches!(kind, Kind::TooBig { .. });
    let device = cause.input.or(cause.output.filter(|_| leaving));
    match cause.family() {
        // Linux: what starts here is on no device yet in OUTPUT.
        Family::V4 => device,
        // Linux: `nf_send_unreach6` says that it is on loopback.
        Family::V6 => device.or(Some(DeviceId::LOOPBACK)),
    }
}

/// The IPv4 options of an answer.
fn echo_of(cause: &Packet, env: &Env<'_>) -> Option<options::Echo> {
    if cause.options == options::IpOptions::default() {
        return Some(options::Echo::default());
    }
    options::echo(cause.header(), &cause.options, &|address| env.network.is_foreign(address))
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Makes the reset with which REJECT answers a segment (F26, F29, F31). `None`: it is not answered.
pub fn tcp_reset(cause: &Packet, env: &mut Env<'_>) -> Option<Emitted> {
    let view = cause.view();
    let tcp = view.tcp()?;
    if tcp.flags() & tcp_flags::RST != 0 || !segment_is_right(cause) {
        return None;
    }
    let (source, destination) = (view.destination(), view.source());
    if is_to_many(cause.route) || !is_unicast(source) || !is_unicast(destination) {
        return None;
    }
    let segment = reset_segment(&view, source, destination);
    let header = Header { protocol: protocol::TCP, tos: 0, id: 0, dont_fragment: true };
    let bytes = ip_packet(env, header, source, destination, &segment)?;
    let mut answer = machine_packet(env, bytes, false)?;
    // Linux: `nf_reject_ip_tcphdr_put` says CHECKSUM_PARTIAL, its IPv6 twin does not.
    answer.unsummed = answer.family() == Family::V4;
    answer.mark = env.network.settings.mark_of_answer(cause.family(), cause.mark);
    env.network.route_output(&answer, destination).ok()?;
    Conntrack::attach(&mut answer, cause.tracking);
    if let Tracking::Entry { connection, .. } = cause.tracking {
        env.conntrack.set_timeout_close(connection, env.now.mono);
    }
    Some(Emitted { packet: answer, destination, port: port_back(cause) })
}

/// The port of a bridge by which a packet came, with the frame turned round: there the reset goes, past all rules.
///
/// Linux: `nf_send_reset`, `nf_send_reset6`, with `nf_bridge_info_exists`, wherever the packet has got to.
fn port_back(cause: &Packet) -> Option<(DeviceId, [u8; 14])> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, high, low] = cause.link.ethernet?;
    Some((cause.link.physical_input?, [g, h, i, j, k, l, a, b, c, d, e, f, high, low]))
}

/// Whether the machine's own ICMP is on its way out with this packet (an echo reply that OUTPUT rejects).
///
/// Linux: `icmp_xmit_lock`: the one socket of ICMP is taken while it sends, so that no error comes of it.
fn is_being_sent_by_icmp(cause: &Packet) -> bool {
    let own = cause.origin.and_then(|origin| origin.socket).is_some_and(|owner| !owner.has_file);
    own && cause.input.is_none() && cause.layout.protocol == Some(icmp_protocol(cause.family()))
}

/// Linux: `__icmp_send`.
fn answerable_v4(cause: &Packet) -> bool {
    if cause.layout.later_fragment() || is_to_many(cause.route) || !was_for_one(cause) {
        return false;
    }
    if cause.layout.protocol != Some(protocol::ICMP) {
        return true;
    }
    // No errors about errors; what is not known counts as one.
    let kind = cause.view().after_header().first();
    kind.is_some_and(|kind| matches!(kind, 0 | 8 | 13..=18))
}

/// Linux: `icmp6_send`.
fn answerable_v6(cause: &Packet, kind: Kind) -> bool {
    let view = cause.view();
    let (source, destination) = (view.source(), view.destination());
    let to_many = destination.is_multicast() || !was_for_one(cause);
    if to_many && !matches!(kind, Kind::TooBig { .. } | Kind::UnknownOption { always: true, .. }) {
        return false;
    }
    if source.is_unspecified() || source.is_multicast() {
        return false;
    }
    // Linux: `ipv6_skip_exthdr` ends at the header of a later fragment, which is no ICMP then.
    if cause.layout.protocol != Some(protocol::ICMPV6) || cause.layout.later_fragment() {
        return true;
    }
    match view.after_header().first() {
        Some(kind) => kind & 0x80 != 0,
        // A fragment without the beginning of the message.
        None => cause.layout.fragment.is_some(),
    }
}

/// Linux: `pkt_type` is PACKET_HOST, as it is for what starts here.
fn was_for_one(packet: &Packet) -> bool {
    match packet.link.kind {
        LinkKind::Host | LinkKind::Outgoing => true,
        LinkKind::Broadcast | LinkKind::Multicast | LinkKind::OtherHost => false,
    }
}

/// Linux: the route has RTCF_BROADCAST or RTCF_MULTICAST.
fn is_to_many(route: Option<Route>) -> bool {
    route.is_some_and(|route| matches!(route.way, Way::Broadcast { .. } | Way::Multicast { .. }))
}

fn is_unicast(address: IpAddr) -> bool {
    match address {
        // Linux: the IPv4 code asks the route only.
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    }
}

/// The address that the packet was sent to, if it is one of this machine.
fn own_address(cause: &Packet, env: &Env<'_>) -> Option<IpAddr> {
    let destination = cause.view().destination();
    let own = match cause.family() {
        // Linux: the route of the packet has RTCF_LOCAL.
        Family::V4 => cause.route.is_some_and(|route| route.way == Way::Local),
        // Linux: `ipv6_chk_addr` with the incoming device: an address of the loopback device counts on that one only.
        Family::V6 => {
            let elsewhere =
                destination.is_loopback() && cause.input.is_some_and(|device| device != DeviceId::LOOPBACK);
            !elsewhere && env.network.is_source_of_errors(destination)
        }
    };
    own.then_some(destination)
}

/// IPv6: the address that the machine would use on the device by which the packet came in. What passes through a bridge has no
/// note of one (Linux: `br_validate_ipv6` clears it).
fn incoming_address(cause: &Packet, destination: IpAddr, env: &Env<'_>) -> Option<IpAddr> {
    if cause.family() == Family::V4 || cause.link.physical_output.is_some() {
        return None;
    }
    let device = cause.noted_input()?;
    env.network.masquerade_address(device, destination, destination)
}

fn icmp_protocol(family: Family) -> u8 {
    match family {
        Family::V4 => protocol::ICMP,
        Family::V6 => protocol::ICMPV6,
    }
}

/// The ICMP header and as much of the cause as fits: 576 bytes in all for IPv4, 1280 for IPv6 (F25, F31).
fn error_message(
    cause: &Packet,
    kind: Kind,
    (source, destination): (IpAddr, IpAddr),
    (mtu, options): (u32, usize),
) -> Option<Vec<u8>> {
    let family = cause.family();
    let room = match family {
        Family::V4 => (mtu.min(576) as usize).checked_sub(28 + options).filter(|&room| room > 20)?,
        Family::V6 => 1280 - 48,
    };
    let quoted = cause.view().bytes();
    let quoted = quoted.get(..room).unwrap_or(quoted);
    let (number, code, rest) = kind.header(family);
    let mut message = Vec::with_capacity(8 + quoted.len());
    message.extend_from_slice(&[number, code, 0, 0]);
    message.extend_from_slice(&rest.to_be_bytes());
    message.extend_from_slice(quoted);
    if cause.unsummed {
        // Linux: an error about it quotes the sum of the pseudo header alone.
        let udp = cause.layout.protocol == Some(protocol::UDP);
        let (number, place) = if udp { (protocol::UDP, 6) } else { (protocol::TCP, 16) };
        let at = 8 + cause.layout.transport + place;
        let (from, to) = (cause.view().source(), cause.view().destination());
        let length = cause.layout.total_len.saturating_sub(cause.layout.transport);
        let sum = !checksum::finish(pseudo(from, to, number, length));
        if let Some(field) = message.get_mut(at..at + 2) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
    }
    let start = match family {
        Family::V4 => 0,
        Family::V6 => pseudo(source, destination, protocol::ICMPV6, message.len()),
    };
    let sum = checksum::finish(checksum::add(start, &message));
    message.get_mut(2..4)?.copy_from_slice(&sum.to_be_bytes());
    Some(message)
}

/// 20 bytes of TCP: an acknowledged segment is answered with a bare reset at the number that it expects, another one
/// with a reset that acknowledges it.
fn reset_segment(view: &View<'_>, source: IpAddr, destination: IpAddr) -> Vec<u8> {
    let mut segment = vec![0; 20];
    let Some(tcp) = view.tcp() else { return segment };
    let flags = tcp.flags();
    let (sequence, acknowledgement, reset) = if flags & tcp_flags::ACK != 0 {
        (tcp.acknowledgement(), 0, tcp_flags::RST)
    } else {
        let counted = u32::from(flags & tcp_flags::SYN != 0) + u32::from(flags & tcp_flags::FIN != 0);
        // Linux: the data offset is subtracted as it stands, even if it is wrong.
        let payload = (tcp.bytes().len() as u32).wrapping_sub(tcp.header_len() as u32);
        let next = tcp.sequence().wrapping_add(counted).wrapping_add(payload);
        (0, next, tcp_flags::RST | tcp_flags::ACK)
    };
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = segment.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, &tcp.destination().to_be_bytes());
    put(2, &tcp.source().to_be_bytes());
    put(4, &sequence.to_be_bytes());
    put(8, &acknowledgement.to_be_bytes());
    put(12, &[0x50, reset]);
    let sum = checksum::add(pseudo(source, destination, protocol::TCP, 20), &segment);
    if let Some(field) = segment.get_mut(16..18) {
        field.copy_from_slice(&checksum::finish(sum).to_be_bytes());
    }
    segment
}

fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> u32 {
    checksum::pseudo(source, destination, protocol, u32::try_from(length).unwrap_or(u32::MAX))
}

/// The fields of an IP header that differ between answers.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) protocol: u8,
    pub(crate) tos: u8,
    /// IPv4 only.
    pub(crate) id: u16,
    /// IPv4 only.
    pub(crate) dont_fragment: bool,
}

/// An IP packet; `None` if it would be too long.
pub(crate) fn ip_packet(
    env: &Env<'_>,
    header: Header,
    source: IpAddr,
    destination: IpAddr,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let Header { protocol, tos, id, dont_fragment } = header;
    let mut bytes = Vec::with_capacity(40 + payload.len());
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let length = u16::try_from(20 + payload.len()).ok()?.to_be_bytes();
            bytes.extend_from_slice(&[0x45, tos]);
            bytes.extend_from_slice(&length);
            bytes.extend_from_slice(&id.to_be_bytes());
            let flags = if dont_fragment { 0x40 } else { 0 };
            bytes.extend_from_slice(&[flags, 0, env.default_ttl(Family::V4), protocol, 0, 0]);
            bytes.extend_from_slice(&source.octets());
            bytes.extend_from_slice(&destination.octets());
            let sum = checksum::of(&bytes);
            bytes.get_mut(10..12)?.copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let length = u16::try_from(payload.len()).ok()?.to_be_bytes();
            bytes.extend_from_slice(&[0x60 | (tos >> 4), tos << 4, 0, 0]);
            bytes.extend_from_slice(&length);
            bytes.extend_from_slice(&[protocol, env.default_ttl(Family::V6)]);
            bytes.extend_from_slice(&source.octets());
            bytes.extend_from_slice(&destination.octets());
        }
        _ => return None,
    }
    bytes.extend_from_slice(payload);
    Some(bytes)
}

/// A packet that starts here. ICMP errors come from the kernel's own socket, resets from none (F75).
pub(crate) fn machine_packet(env: &mut Env<'_>, bytes: Vec<u8>, socket: bool) -> Option<Packet> {
    let layout: Layout = layout::parse(&bytes).ok()?;
    let owner = Owner { has_file: false, ..Owner::default() };
    Some(Packet {
        link: Link { kind: LinkKind::Outgoing, ..Link::default() },
        origin: Some(Origin { socket: socket.then_some(owner), known: true, mark: 0, ..Origin::default() }),
        ..Packet::new(env.new_packet_id(), bytes, layout)
    })
}

#[cfg(test)]
mod tests;

//! Changing fields in place, with the checksums kept by difference (F60).
//!
//! A wrong checksum stays wrong by the same amount; a UDP checksum of 0 (none) stays 0, and one that becomes 0 is
//! sent as 0xffff. Functions return whether the bytes were there; if not, nothing is changed.
use std::net::IpAddr;

use crate::{Family, Layout, View, checksum, icmp, protocol};

/// Replaces `bytes[at..at + new.len()]` and adjusts the 16-bit checksums at `sums` for it.
/// `new` has at most 16 bytes and an even number of them; `at` is even.
fn replace(bytes: &mut [u8], at: usize, new: &[u8], sums: &[usize]) -> bool {
    let mut old = [0_u8; 16];
    let (Some(old), Some(place)) = (old.get_mut(..new.len()), bytes.get_mut(at..at + new.len())) else {
        return false;
    };
    old.copy_from_slice(place);
    place.copy_from_slice(new);
    for &sum_at in sums {
        adjust_at(bytes, sum_at, old, new);
    }
    true
}

fn adjust_at(bytes: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    if let Some(field) = bytes.get_mut(at..at + 2).and_then(|field| <&mut [u8; 2]>::try_from(field).ok()) {
        *field = checksum::adjust(u16::from_be_bytes(*field), old, new).to_be_bytes();
    }
}

/// Sets TTL or hop limit.
pub fn set_ttl(bytes: &mut [u8], layout: Layout, ttl: u8) -> bool {
    match layout.family {
        Family::V4 => {
            let Some(&proto) = bytes.get(9) else { return false };
            replace(bytes, 8, &[ttl, proto], &[10])
        }
        Family::V6 => bytes.get_mut(7).map(|field| *field = ttl).is_some(),
    }
}

/// Sets the whole TOS byte or traffic class.
pub fn set_tos(bytes: &mut [u8], layout: Layout, tos: u8) -> bool {
    let Some(&first) = bytes.first() else { return false };
    match layout.family {
        Family::V4 => replace(bytes, 0, &[first, tos], &[10]),
        Family::V6 => {
            let Some(&second) = bytes.get(1) else { return false };
            replace(bytes, 0, &[(first & 0xf0) | (tos >> 4), (tos << 4) | (second & 0x0f)], &[])
        }
    }
}

/// Sets the IPv4 bit "don't fragment", adjusting the header checksum.
pub fn forbid_fragments(bytes: &mut [u8]) -> bool {
    match bytes.get(6..8) {
        Some(&[flags, offset]) => replace(bytes, 6, &[flags | 0x40, offset], &[10]),
        _ => false,
    }
}

/// Sets the length field of the IP header to a whole packet's length in bytes (IPv6: without the fixed header), adjusting
/// the IPv4 header checksum. More than fits counts as the largest.
pub fn set_length(bytes: &mut [u8], family: Family, total: usize) -> bool {
    let (at, length, sums) = match family {
        Family::V4 => (2, total, &[10][..]),
        Family::V6 => (4, total.saturating_sub(40), &[][..]),
    };
    replace(bytes, at, &u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes(), sums)
}

/// Replaces bytes at an even offset of the TCP header that starts at `tcp`, adjusting its checksum. `new` has an even
/// number of bytes, at most 16.
pub fn set_in_tcp(bytes: &mut [u8], tcp: usize, at: usize, new: &[u8]) -> bool {
    replace(bytes, tcp + at, new, &[tcp + 16])
}

/// Adjusts the checksum of the TCP header that starts at `tcp` for words of the pseudo header that change.
pub fn adjust_tcp(bytes: &mut [u8], tcp: usize, old: &[u8], new: &[u8]) {
    adjust_at(bytes, tcp + 16, old, new);
}

/// Which end of a packet is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Source address and port.
    Source,
    /// Destination address and port.
    Destination,
}

/// Where the transport checksum stands that covers the pseudo header, relative to the transport header, and how many
/// bytes of that header must be there for it to be kept.
///
/// Linux: `nf_nat_proto.c`: a TCP header with fewer than 20 bytes (quoted in an ICMP error) keeps its checksum. DCCP
/// has no NAT any more (measured on 6.18): its checksum is left alone when an address changes.
fn transport_checksum(layout: Layout) -> Option<usize> {
    if layout.later_fragment() {
        return None;
    }
    let (at, header) = match layout.protocol? {
        protocol::TCP => (16, 20),
        protocol::UDP | protocol::UDPLITE => (6, 8),
        protocol::ICMPV6 if layout.family == Family::V6 => (2, 8),
        _ => return None,
    };
    (layout.transport + header <= layout.total_len).then_some(layout.transport + at)
}

/// The checksum fields that a change of an address must keep: that of the IPv4 header, that of the transport.
struct Sums {
    places: [usize; 2],
    used: usize,
    /// A UDP or UDP-Lite checksum that must not become 0.
    never_zero: Option<usize>,
}

impl Sums {
    fn of(bytes: &[u8], layout: Layout, ip: bool) -> Self {
        let mut sums = Self { places: [0; 2], used: 0, never_zero: None };
        if ip && layout.family == Family::V4 {
            sums.push(10);
        }
        let Some(at) = transport_checksum(layout) else { return sums };
        match layout.protocol {
            Some(protocol::UDP) if bytes.get(at..at + 2) == Some(&[0, 0]) => return sums,
            Some(protocol::UDP | protocol::UDPLITE) => sums.never_zero = Some(at),
            _ => {}
        }
        sums.push(at);
        sums
    }

    fn push(&mut self, at: usize) {
        if let Some(place) = self.places.get_mut(self.used) {
            *place = at;
            self.used += 1;
        }
    }

    fn replace(&self, bytes: &mut [u8], at: usize, new: &[u8]) -> bool {
        let done = replace(bytes, at, new, self.places.get(..self.used).unwrap_or(&[]));
        if let Some(field) = self.never_zero.and_then(|at| bytes.get_mut(at..at + 2)).filter(|_| done)
            && *field == [0, 0]
        {
            field.fill(0xff);
        }
        done
    }
}

/// Sets an address, adjusting the IPv4 header checksum and, unless the packet is a later fragment, the transport
/// checksum. Does nothing (`false`) if the family differs.
pub fn set_address(bytes: &mut [u8], layout: Layout, end: End, address: IpAddr) -> bool {
    let sums = Sums::of(bytes, layout, true);
    match (layout.family, address) {
        (Family::V4, IpAddr::V4(new)) => {
            sums.replace(bytes, if end == End::Source { 12 } else { 16 }, &new.octets())
        }
        (Family::V6, IpAddr::V6(new)) => {
            sums.replace(bytes, if end == End::Source { 8 } else { 24 }, &new.octets())
        }
        _ => false,
    }
}

/// Sets a port (TCP, UDP, UDP-Lite, SCTP) or, with either end, the identifier of an ICMP or ICMPv6 query, adjusting
/// the transport checksum; the CRC of SCTP is computed anew. `false` and nothing changed for other protocols, for
/// ICMP messages without an identifier, for later fragments, and if the header is not there (4 bytes suffice for TCP
/// and SCTP, all 8 are needed for UDP and ICMP, as in Linux).
pub fn set_port(bytes: &mut [u8], layout: Layout, end: End, port: u16) -> bool {
    if layout.later_fragment() {
        return false;
    }
    let base = layout.transport;
    let room = layout.total_len.saturating_sub(base);
    let at = if end == End::Source { base } else { base + 2 };
    let port = port.to_be_bytes();
    match (layout.protocol, layout.family) {
        (Some(protocol::TCP), _) if room >= 4 => Sums::of(bytes, layout, false).replace(bytes, at, &port),
        (Some(protocol::UDP | protocol::UDPLITE), _) if room >= 8 => {
            Sums::of(bytes, layout, false).replace(bytes, at, &port)
        }
        (Some(protocol::SCTP), _) if room >= 4 => {
            let done = replace(bytes, at, &port, &[]);
            renew_sctp_checksum(bytes, layout);
            done
        }
        (Some(protocol::ICMP), Family::V4) | (Some(protocol::ICMPV6), Family::V6) if room >= 8 => {
            let kind = bytes.get(base).copied();
            if !kind.is_some_and(|kind| icmp::has_identifier(layout.family, kind)) {
                return false;
            }
            replace(bytes, base + 4, &port, &[base + 2])
        }
        _ => false,
    }
}

/// Computes the CRC-32C of an SCTP packet anew; nothing happens if its 12 header bytes are not there.
pub fn renew_sctp_checksum(bytes: &mut [u8], layout: Layout) -> bool {
    if layout.protocol != Some(protocol::SCTP) || layout.later_fragment() {
        return false;
    }
    let Some(packet) = bytes.get_mut(layout.transport..layout.total_len) else { return false };
    let sum = checksum::sctp(packet).to_be_bytes();
    packet.get_mut(8..12).map(|field| field.copy_from_slice(&sum)).is_some()
}

/// Computes the checksum of an ICMP or ICMPv6 message anew, after the packet that it quotes was rewritten.
///
/// Linux: `nf_nat_icmp_reply_translation` does the same; it has verified the old sum before.
pub fn renew_icmp_checksum(bytes: &mut [u8], layout: Layout) -> bool {
    let start = match (layout.family, layout.protocol) {
        (Family::V4, Some(protocol::ICMP)) => 0,
        (Family::V6, Some(protocol::ICMPV6)) => {
            let view = View::new(bytes, layout);
            let length = u32::try_from(view.after_header().len()).unwrap_or(u32::MAX);
            checksum::pseudo(view.source(), view.destination(), protocol::ICMPV6, length)
        }
        _ => return false,
    };
    if layout.later_fragment() {
        return false;
    }
    let Some(message) = bytes.get_mut(layout.transport..layout.total_len) else { return false };
    let Some(field) = message.get_mut(2..4) else { return false };
    field.fill(0);
    let sum = checksum::finish(checksum::add(start, message)).to_be_bytes();
    message.get_mut(2..4).map(|field| field.copy_from_slice(&sum)).is_some()
}

#[cfg(test)]
mod tests;

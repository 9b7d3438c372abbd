//! Changing fields in place, with the checksums kept by difference (F60).
//!
//! A wrong checksum stays wrong by the same amount; a UDP checksum of 0 (none) stays 0, and one that becomes 0 is
//! sent as 0xffff. Functions return whether the bytes were there; if not, nothing is changed.
use std::net::IpAddr;

use crate::{Family, Layout, checksum, protocol};

/// Replaces `bytes[at..at + new.len()]` and adjusts the 16-bit checksum at `sum_at` for it.
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

/// Which end of a packet is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Source address and port.
    Source,
    /// Destination address and port.
    Destination,
}

/// Where the transport checksum stands that covers the pseudo header, relative to the transport header.
fn transport_checksum(protocol: Option<u8>) -> Option<usize> {
    match protocol? {
        protocol::TCP => Some(16),
        protocol::UDP | protocol::UDPLITE => Some(6),
        protocol::DCCP => Some(6),
        protocol::ICMPV6 => Some(2),
        _ => None,
    }
}

/// Sets an address, adjusting the IPv4 header checksum and, unless the packet is a later fragment, the transport
/// checksum. Does nothing (`false`) if the family differs.
pub fn set_address(bytes: &mut [u8], layout: Layout, end: End, address: IpAddr) -> bool {
    let skip_transport = layout.later_fragment();
    let sum = transport_checksum(layout.protocol)
        .filter(|_| !skip_transport)
        .map(|at| layout.transport + at)
        .filter(|at| at + 2 <= layout.total_len);
    let udp = layout.protocol == Some(protocol::UDP);
    let none = udp && sum.is_some_and(|at| bytes.get(at..at + 2) == Some(&[0, 0]));
    let sum = sum.filter(|_| !none);
    let done = match (layout.family, address) {
        (Family::V4, IpAddr::V4(new)) => {
            let at = if end == End::Source { 12 } else { 16 };
            match sum {
                Some(sum) => replace(bytes, at, &new.octets(), &[10, sum]),
                None => replace(bytes, at, &new.octets(), &[10]),
            }
        }
        (Family::V6, IpAddr::V6(new)) => {
            let at = if end == End::Source { 8 } else { 24 };
            match sum {
                Some(sum) => replace(bytes, at, &new.octets(), &[sum]),
                None => replace(bytes, at, &new.octets(), &[]),
            }
        }
        _ => false,
    };
    if let Some(sum) = sum.filter(|_| udp) {
        mend_udp(bytes, sum);
    }
    done
}

fn mend_udp(bytes: &mut [u8], at: usize) {
    if let Some(field) = bytes.get_mut(at..at + 2).filter(|field| *field == [0, 0]) {
        field.fill(0xff);
    }
}

/// Sets a port (TCP, UDP, UDP-Lite, SCTP, DCCP) or, with either end, the identifier of an ICMP query, adjusting the
/// transport checksum (SCTP: its CRC is left to the caller, see [`crate::rewrite`]).
pub fn set_port(bytes: &mut [u8], layout: Layout, end: End, port: u16) -> bool {
    if layout.later_fragment() {
        return false;
    }
    let base = layout.transport;
    let at = if end == End::Source { base } else { base + 2 };
    match layout.protocol {
        Some(protocol::TCP) => {
            let sum = base + 16;
            if sum + 2 > layout.total_len {
                return replace(bytes, at, &port.to_be_bytes(), &[]);
            }
            replace(bytes, at, &port.to_be_bytes(), &[sum])
        }
        Some(protocol::UDP | protocol::UDPLITE) => {
            let sum = base + 6;
            if bytes.get(sum..sum + 2).is_none_or(|field| field == [0, 0]) {
                return replace(bytes, at, &port.to_be_bytes(), &[]);
            }
            let done = replace(bytes, at, &port.to_be_bytes(), &[sum]);
            mend_udp(bytes, sum);
            done
        }
        Some(protocol::SCTP) => replace(bytes, at, &port.to_be_bytes(), &[]),
        Some(protocol::DCCP) => replace(bytes, at, &port.to_be_bytes(), &[base + 6]),
        Some(protocol::ICMP | protocol::ICMPV6) => replace(bytes, base + 4, &port.to_be_bytes(), &[base + 2]),
        _ => false,
    }
}

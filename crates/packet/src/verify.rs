//! Whether the checksum of a transport header is right, as the kernel's connection tracking and REJECT ask it.
//!
//! Linux: `nf_ip_checksum` and `nf_ip6_checksum` sum everything behind the IP header, whatever a UDP length field says
//! (measured: a datagram with a short length field is valid if the sum covers all bytes up to the end of the IP packet,
//! and invalid if it covers only the bytes that the field counts).
use crate::{Family, View, checksum, protocol};

/// What a checksum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is right.
    Valid,
    /// It is wrong.
    Invalid,
    /// The packet carries none: UDP with 0 (taken in both families), protocols without one, fragments.
    Absent,
    /// The header is cut short or its length fields contradict the packet (F44): nothing can be summed.
    Broken,
}

/// Sums everything behind the IP header(s). With a protocol the pseudo header is included; without, the bytes alone
/// must be a valid sum (ICMP; REJECT asks this of unknown protocols: F27).
pub fn sum_is_valid(view: &View<'_>, pseudo: Option<u8>) -> bool {
    covered_is_valid(view, pseudo, view.after_header())
}

fn covered_is_valid(view: &View<'_>, pseudo: Option<u8>, covered: &[u8]) -> bool {
    let start = match pseudo {
        Some(protocol) => {
            let length = u32::try_from(view.after_header().len()).unwrap_or(u32::MAX);
            checksum::pseudo(view.source(), view.destination(), protocol, length)
        }
        None => 0,
    };
    checksum::finish(checksum::add(start, covered)) == 0
}

fn valid(right: bool) -> Checksum {
    if right { Checksum::Valid } else { Checksum::Invalid }
}

/// Checks the transport checksum of a whole packet, with the length checks that connection tracking makes before it
/// (F44). Protocols without a checksum, and fragments, are [`Checksum::Absent`].
pub fn transport(view: &View<'_>) -> Checksum {
    let Some(protocol) = view.protocol() else { return Checksum::Broken };
    if view.layout().fragment.is_some_and(|fragment| fragment.offset != 0 || fragment.more) {
        return Checksum::Absent;
    }
    match (protocol, view.family()) {
        (protocol::TCP, _) => tcp(view),
        (protocol::UDP, _) => udp(view),
        (protocol::UDPLITE, _) => udplite(view),
        (protocol::SCTP, _) => sctp(view),
        (protocol::ICMP, Family::V4) => icmp(view, None),
        (protocol::ICMPV6, Family::V6) => icmp(view, Some(protocol::ICMPV6)),
        _ => Checksum::Absent,
    }
}

fn tcp(view: &View<'_>) -> Checksum {
    match view.tcp() {
        Some(tcp) if tcp.options().is_some() => valid(sum_is_valid(view, Some(protocol::TCP))),
        _ => Checksum::Broken,
    }
}

fn udp(view: &View<'_>) -> Checksum {
    let Some(udp) = view.udp() else { return Checksum::Broken };
    let length = usize::from(udp.length());
    if length < 8 || length > view.after_header().len() {
        return Checksum::Broken;
    }
    // Linux: `udp_error` lets 0 pass in IPv6 too, although RFC 8200 forbids it there (measured).
    if udp.checksum() == 0 {
        return Checksum::Absent;
    }
    valid(sum_is_valid(view, Some(protocol::UDP)))
}

/// Linux: `udplite_error` sums with the pseudo header of UDP, not of UDP-Lite (measured on 6.18: datagrams that follow
/// RFC 3828 are INVALID). A field of 0 is not a missing checksum but an error.
fn udplite(view: &View<'_>) -> Checksum {
    let Some(header) = view.udplite() else { return Checksum::Broken };
    let all = view.after_header();
    let covered = match usize::from(header.length()) {
        0 => Some(all),
        length if length < 8 => None,
        length => all.get(..length),
    };
    match covered {
        Some(_) if header.checksum() == 0 => Checksum::Broken,
        Some(covered) => valid(covered_is_valid(view, Some(protocol::UDP), covered)),
        None => Checksum::Broken,
    }
}

fn sctp(view: &View<'_>) -> Checksum {
    match view.sctp() {
        Some(header) => valid(checksum::sctp(view.after_header()) == header.checksum),
        None => Checksum::Broken,
    }
}

fn icmp(view: &View<'_>, pseudo: Option<u8>) -> Checksum {
    match view.icmp() {
        Some(_) => valid(sum_is_valid(view, pseudo)),
        None => Checksum::Broken,
    }
}

#[cfg(test)]
mod tests;

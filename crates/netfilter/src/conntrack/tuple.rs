//! Tuples: what identifies one direction of a connection, out of a packet or out of the header that an ICMP error
//! quotes, and its inversion.
//!
//! Read first: Linux `nf_ct_get_tuple`, `nf_ct_invert_tuple`, `icmp_pkt_to_tuple`, `gre_pkt_to_tuple`.
//! Invariant: inverting twice gives the tuple again, for every tuple that can be inverted.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::{Family, View, protocol};

use super::Tuple;

/// Types of ICMP that connection tracking names.
pub(super) mod icmp_type {
    /// Echo reply.
    pub(crate) const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub(crate) const UNREACHABLE: u8 = 3;
    /// Source quench.
    pub(crate) const SOURCE_QUENCH: u8 = 4;
    /// Redirect.
    pub(crate) const REDIRECT: u8 = 5;
    /// Echo request.
    pub(crate) const ECHO: u8 = 8;
    /// Time exceeded.
    pub(crate) const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub(crate) const PARAMETER_PROBLEM: u8 = 12;
    /// Timestamp request.
    pub(crate) const TIMESTAMP: u8 = 13;
    /// Timestamp reply.
    pub(crate) const TIMESTAMP_REPLY: u8 = 14;
    /// Information request.
    pub(crate) const INFORMATION: u8 = 15;
    /// Information reply.
    pub(crate) const INFORMATION_REPLY: u8 = 16;
    /// Address mask request.
    pub(crate) const ADDRESS_MASK: u8 = 17;
    /// Address mask reply.
    pub(crate) const ADDRESS_MASK_REPLY: u8 = 18;
    /// The highest type that is known (Linux: `NR_ICMP_TYPES`).
    pub(crate) const HIGHEST: u8 = 18;
}

/// Types of ICMPv6 that connection tracking names.
pub(super) mod icmpv6_type {
    /// The first type that is not an error.
    pub(crate) const FIRST_INFORMATIONAL: u8 = 128;
    /// Echo request.
    pub(crate) const ECHO: u8 = 128;
    /// Echo reply.
    pub(crate) const ECHO_REPLY: u8 = 129;
    /// Redirect.
    pub(crate) const REDIRECT: u8 = 137;
    /// Node information query.
    pub(crate) const NODE_QUERY: u8 = 139;
    /// Node information reply.
    pub(crate) const NODE_REPLY: u8 = 140;
}

/// The ICMP type of the answer to a query, or of the query to an answer; `None` for all others.
const fn icmp_counterpart(kind: u8) -> Option<u8> {
    use icmp_type::*;
    Some(match kind {
        ECHO => ECHO_REPLY,
        ECHO_REPLY => ECHO,
        TIMESTAMP => TIMESTAMP_REPLY,
        TIMESTAMP_REPLY => TIMESTAMP,
        INFORMATION => INFORMATION_REPLY,
        INFORMATION_REPLY => INFORMATION,
        ADDRESS_MASK => ADDRESS_MASK_REPLY,
        ADDRESS_MASK_REPLY => ADDRESS_MASK,
        _ => return None,
    })
}

/// The same for ICMPv6.
const fn icmpv6_counterpart(kind: u8) -> Option<u8> {
    use icmpv6_type::*;
    Some(match kind {
        ECHO => ECHO_REPLY,
        ECHO_REPLY => ECHO,
        NODE_QUERY => NODE_REPLY,
        NODE_REPLY => NODE_QUERY,
        _ => return None,
    })
}

impl Tuple {
    /// The tuple of a packet; `None` if its transport header is cut short or it is a later fragment (Linux:
    /// `nf_ct_get_tuplepr`).
    pub fn of(view: View<'_>) -> Option<Tuple> {
        let layout = view.layout();
        if layout.later_fragment() {
            return None;
        }
        let protocol = layout
            .protocol
            .filter(|&protocol| protocol != protocol::NO_NEXT || layout.family == Family::V4)?;
        Self::from_parts(view.source(), view.destination(), protocol, view.bytes(), layout.transport)
    }

    /// The tuple of a header that an ICMP error quotes, at an offset of the whole packet.
    // Linux: `get_l4proto` looks neither at the quoted version nor at its checksum or total length (F47).
    pub fn of_quoted(packet: &[u8], at: usize, family: Family) -> Option<Tuple> {
        let (transport, protocol) = quoted_transport(packet, at, family)?;
        let (source, destination) = match family {
            Family::V4 => (IpAddr::V4(v4(packet, at + 12)?), IpAddr::V4(v4(packet, at + 16)?)),
            Family::V6 => (IpAddr::V6(v6(packet, at + 8)?), IpAddr::V6(v6(packet, at + 24)?)),
        };
        Self::from_parts(source, destination, protocol, packet, transport)
    }

    fn from_parts(
        source: IpAddr,
        destination: IpAddr,
        protocol: u8,
        bytes: &[u8],
        at: usize,
    ) -> Option<Tuple> {
        let (source_id, destination_id) = match protocol {
            protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => {
                (be16(bytes, at)?, be16(bytes, at + 2)?)
            }
            protocol::ICMP | protocol::ICMPV6 => {
                // Linux: the whole 8-byte header must be there.
                be16(bytes, at + 6)?;
                (be16(bytes, at + 4)?, be16(bytes, at)?)
            }
            protocol::GRE => gre_keys(bytes, at)?,
            _ => (0, 0),
        };
        Some(Tuple { source, destination, protocol, source_id, destination_id })
    }

    /// The tuple of the answer; `None` for an ICMP type that has no answer.
    pub fn inverted(&self) -> Option<Tuple> {
        let (source_id, destination_id) = match self.protocol {
            protocol::ICMP | protocol::ICMPV6 => {
                let [kind, code] = self.destination_id.to_be_bytes();
                let kind = if self.protocol == protocol::ICMP {
                    icmp_counterpart(kind)?
                } else {
                    icmpv6_counterpart(kind)?
                };
                (self.source_id, u16::from_be_bytes([kind, code]))
            }
            _ => (self.destination_id, self.source_id),
        };
        Some(Tuple {
            source: self.destination,
            destination: self.source,
            protocol: self.protocol,
            source_id,
            destination_id,
        })
    }

    /// The family.
    pub fn family(&self) -> Family {
        Family::of(self.source)
    }

    /// The ICMP type of an ICMP or ICMPv6 tuple.
    pub fn icmp_kind(&self) -> u8 {
        self.destination_id.to_be_bytes()[0]
    }
}

/// Transport offset and protocol of a quoted header.
pub(super) fn quoted_transport(packet: &[u8], at: usize, family: Family) -> Option<(usize, u8)> {
    match family {
        Family::V4 => {
            let header = packet.get(at..at.checked_add(20)?)?;
            if be16(header, 6)? & 0x1fff != 0 {
                return None;
            }
            let transport = at + usize::from(header.first()? & 15) * 4;
            (transport <= packet.len()).then_some((transport, *header.get(9)?))
        }
        Family::V6 => {
            let mut next = *packet.get(at.checked_add(6)?)?;
            let mut transport = at.checked_add(40)?;
            loop {
                let size = match next {
                    protocol::HOP_BY_HOP | protocol::ROUTING | protocol::DESTINATION_OPTIONS => {
                        (usize::from(*packet.get(transport + 1)?) + 1) * 8
                    }
                    protocol::AH => (usize::from(*packet.get(transport + 1)?) + 2) * 4,
                    protocol::FRAGMENT => {
                        if be16(packet, transport + 2)? & 0xfff8 != 0 {
                            return None;
                        }
                        8
                    }
                    protocol::NO_NEXT => return None,
                    _ => return Some((transport, next)),
                };
                next = *packet.get(transport)?;
                transport += size;
            }
        }
    }
}

/// The keys of GRE: only version 1 (PPTP) has one, and only for the payload PPP.
fn gre_keys(bytes: &[u8], at: usize) -> Option<(u16, u16)> {
    let (Some(flags), Some(payload)) = (be16(bytes, at), be16(bytes, at + 2)) else { return Some((0, 0)) };
    if flags & 7 != 1 {
        return Some((0, 0));
    }
    let Some(call) = bytes.get(at + 6..at + 8) else { return Some((0, 0)) };
    // Linux: `GRE_PROTO_PPP`; the source key is in the table of keys.
    if payload != 0x880b {
        return None;
    }
    be16(call, 0).map(|call| (0, call))
}

fn v4(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    bytes.get(at..at + 4).and_then(|octets| <[u8; 4]>::try_from(octets).ok()).map(Ipv4Addr::from)
}

fn v6(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    bytes.get(at..at + 16).and_then(|octets| <[u8; 16]>::try_from(octets).ok()).map(Ipv6Addr::from)
}

pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?).and_then(|pair| <[u8; 2]>::try_from(pair).ok()).map(u16::from_be_bytes)
}

pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?).and_then(|word| <[u8; 4]>::try_from(word).ok()).map(u32::from_be_bytes)
}

//! The one parse: where the headers of an IP packet are.
//!
//! Read first: RFC 791, RFC 8200 section 4; Linux `ip_rcv_core`, `ip6_rcv_core` (what never reaches PREROUTING) and
//! `ipv6_find_hdr` (how extension headers are walked). Invariant: every offset in a [`Layout`] is at most
//! `total_len`, and `total_len` is at most the length of the bytes that were parsed.
use crate::{Family, protocol};

/// Where the headers of a packet are. Offsets are in bytes from the start of the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// IPv4 or IPv6.
    pub family: Family,
    /// Bytes of the packet as its header says (IPv6: payload length + 40); link padding behind it does not count.
    pub total_len: usize,
    /// Start of the transport header: the IPv4 header's length, or 40 + the IPv6 extension headers.
    pub transport: usize,
    /// The protocol at `transport`. For a later IPv6 fragment the next header of its fragment header.
    /// `None` if the IPv6 extension headers are cut short (Linux: `ipv6_find_hdr` fails, the rule is a hotdrop).
    pub protocol: Option<u8>,
    /// Set if the packet is a fragment (IPv6: has a fragment header, even an atomic one).
    pub fragment: Option<Fragment>,
}

/// The fragment fields of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification (IPv4: 16 bits).
    pub id: u32,
    /// Offset of this fragment's payload in bytes (a multiple of 8).
    pub offset: u16,
    /// Whether more fragments follow.
    pub more: bool,
    /// Where the IPv6 fragment header starts; for IPv4 the start of the IP header (0).
    pub header: usize,
}

impl Layout {
    /// Whether this is a fragment other than the first: it has no transport header.
    #[inline]
    pub fn later_fragment(&self) -> bool {
        self.fragment.is_some_and(|fragment| fragment.offset != 0)
    }
}

/// Why bytes are not an IP packet that reaches PREROUTING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No bytes, or a version other than 4 and 6.
    Version,
    /// Fewer bytes than the smallest header.
    Short,
    /// IPv4 header length below 20 or beyond the bytes.
    HeaderLength,
    /// Total length below the header's length or beyond the bytes (F12).
    TotalLength,
    /// The IPv4 header checksum is wrong (F12).
    HeaderChecksum,
}

/// Reads a 16-bit field in wire order.
#[inline]
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let end = at.checked_add(2)?;
    bytes.get(at..end)?.try_into().ok().map(u16::from_be_bytes)
}

/// Reads a 32-bit field in wire order.
#[inline]
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    bytes.get(at..end)?.try_into().ok().map(u32::from_be_bytes)
}

/// Parses an IP packet of either family. The IPv4 header checksum is checked, because a packet with a wrong one never
/// reaches a hook.
pub fn parse(bytes: &[u8]) -> Result<Layout, Malformed> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => parse_v4(bytes),
        Some(6) => parse_v6(bytes),
        _ => Err(Malformed::Version),
    }
}

fn parse_v4(bytes: &[u8]) -> Result<Layout, Malformed> {
    if bytes.len() < 20 {
        return Err(Malformed::Short);
    }
    let header = usize::from(bytes.first().copied().unwrap_or(0) & 15) * 4;
    let Some(header_bytes) = bytes.get(..header).filter(|_| header >= 20) else {
        return Err(Malformed::HeaderLength);
    };
    if crate::checksum::of(header_bytes) != 0 {
        return Err(Malformed::HeaderChecksum);
    }
    let total_len = usize::from(be16(bytes, 2).unwrap_or(0));
    if total_len < header || total_len > bytes.len() {
        return Err(Malformed::TotalLength);
    }
    Ok(layout_v4(bytes, header, total_len))
}

/// Parses a packet that an ICMP error quotes: it may be cut short anywhere behind its IP header, and its header
/// checksum is not looked at (F47). [`Layout::total_len`] is that of the bytes that are there.
///
/// Linux: `nf_ct_get_tuplepr` and `nf_conntrack_inet_error` read the inner header as leniently.
pub fn parse_quoted(bytes: &[u8]) -> Result<Layout, Malformed> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => {
            if bytes.len() < 20 {
                return Err(Malformed::Short);
            }
            let header = usize::from(bytes.first().copied().unwrap_or(0) & 15) * 4;
            if header < 20 || header > bytes.len() {
                return Err(Malformed::HeaderLength);
            }
            let said = usize::from(be16(bytes, 2).unwrap_or(0));
            Ok(layout_v4(bytes, header, said.clamp(header, bytes.len())))
        }
        Some(6) => {
            if bytes.len() < 40 {
                return Err(Malformed::Short);
            }
            Ok(layout_v6(bytes, length_v6(bytes).min(bytes.len())))
        }
        _ => Err(Malformed::Version),
    }
}

fn layout_v4(bytes: &[u8], header: usize, total_len: usize) -> Layout {
    let bits = be16(bytes, 6).unwrap_or(0);
    let (offset, more) = ((bits & 0x1fff) << 3, bits & 0x2000 != 0);
    let fragment = (offset != 0 || more).then(|| Fragment {
        id: be16(bytes, 4).unwrap_or(0).into(),
        offset,
        more,
        header: 0,
    });
    Layout { family: Family::V4, total_len, transport: header, protocol: bytes.get(9).copied(), fragment }
}

fn parse_v6(bytes: &[u8]) -> Result<Layout, Malformed> {
    if bytes.len() < 40 {
        return Err(Malformed::Short);
    }
    let total_len = length_v6(bytes);
    if total_len > bytes.len() {
        return Err(Malformed::TotalLength);
    }
    Ok(layout_v6(bytes, total_len))
}

/// Length of an IPv6 packet by its header. One that says no length and has hop-by-hop options may be a jumbogram: it is as
/// long as it came (Linux: `ip6_rcv_core`).
fn length_v6(bytes: &[u8]) -> usize {
    match be16(bytes, 4).unwrap_or(0) {
        0 if bytes.get(6) == Some(&protocol::HOP_BY_HOP) => bytes.len(),
        payload => 40 + usize::from(payload),
    }
}

/// Whether the walk over extension headers goes on behind a header (Linux: `ipv6_ext_hdr`; 59 ends the walk).
pub(crate) fn is_extension(header: u8) -> bool {
    matches!(
        header,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::AH
            | protocol::DESTINATION_OPTIONS
    )
}

fn layout_v6(bytes: &[u8], total_len: usize) -> Layout {
    let packet = bytes.get(..total_len).unwrap_or(bytes);
    let mut next = packet.get(6).copied().unwrap_or(protocol::NO_NEXT);
    let mut at = 40;
    let mut fragment = None;
    let layout = |transport, protocol, fragment| Layout {
        family: Family::V6,
        total_len,
        transport,
        protocol,
        fragment,
    };
    while is_extension(next) {
        let (Some(&following), Some(&length)) = (packet.get(at), packet.get(at + 1)) else {
            return layout(at.min(total_len), None, fragment);
        };
        // Linux: `ipv6_find_hdr` reads four bytes of a routing header, also where it looks for none.
        if next == protocol::ROUTING && packet.len() < at + 4 {
            return layout(at, None, fragment);
        }
        if next == protocol::FRAGMENT {
            let Some(bits) = be16(packet, at + 2) else {
                return layout(at, None, fragment);
            };
            // Linux: `ipv6_find_hdr` needs the offset alone; a header that is cut behind it still names a protocol.
            let id = be32(packet, at + 4).unwrap_or(0);
            let offset = bits & 0xfff8;
            fragment = Some(Fragment { id, offset, more: bits & 1 != 0, header: at });
            if offset != 0 {
                let known = !is_extension(following);
                return layout((at + 8).min(total_len), known.then_some(following), fragment);
            }
        }
        let size = crate::extension::header_size(next, length);
        at += size;
        next = following;
        if at > total_len {
            // Linux: `ipv6_find_hdr` fails only where it must read on; a last header's protocol is known.
            let known = !is_extension(next);
            return layout(total_len, known.then_some(next), fragment);
        }
    }
    layout(at, Some(next), fragment)
}

#[cfg(test)]
mod tests;

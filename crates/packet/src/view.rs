//! Reading the fields of a packet through its layout.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::layout::{be16, be32};
use crate::{Family, Layout, Malformed, layout, protocol};

/// A packet's bytes together with their [`Layout`]. Cheap to make and to copy.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    bytes: &'a [u8],
    layout: Layout,
}

impl<'a> View<'a> {
    /// Parses bytes and views them; link padding behind the packet is cut off.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self::new(bytes, layout::parse(bytes)?))
    }

    /// Views bytes through a layout that was parsed from them.
    #[inline]
    pub fn new(bytes: &'a [u8], layout: Layout) -> Self {
        Self { bytes: bytes.get(..layout.total_len).unwrap_or(bytes), layout }
    }

    /// The layout.
    #[inline]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The whole IP packet without link padding.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// IPv4 or IPv6.
    #[inline]
    pub fn family(&self) -> Family {
        self.layout.family
    }

    /// Source address.
    #[inline]
    pub fn source(&self) -> IpAddr {
        self.address(12, 8)
    }

    /// Destination address (IPv6: of the fixed header).
    #[inline]
    pub fn destination(&self) -> IpAddr {
        self.address(16, 24)
    }

    #[inline]
    fn address(&self, v4: usize, v6: usize) -> IpAddr {
        match self.layout.family {
            Family::V4 => {
                let octets = self.bytes.get(v4..v4 + 4).and_then(|octets| <[u8; 4]>::try_from(octets).ok());
                IpAddr::V4(octets.map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from))
            }
            Family::V6 => {
                let octets = self.bytes.get(v6..v6 + 16).and_then(|octets| <[u8; 16]>::try_from(octets).ok());
                IpAddr::V6(octets.map_or(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from))
            }
        }
    }

    /// Whether Linux throws the packet away because of its IPv6 addresses before any hook sees it: a group as source,
    /// a group of scope 0 as destination, and, unless it comes by loopback, `::1` at either end or a group of
    /// scope 1 (`ip6_rcv_core`). Never for IPv4.
    pub fn refused_addresses(&self, by_loopback: bool) -> bool {
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (self.source(), self.destination()) else {
            return false;
        };
        let scope = destination.is_multicast().then(|| destination.octets()[1] & 15);
        let outside = source.is_loopback() || destination.is_loopback() || scope == Some(1);
        source.is_multicast() || scope == Some(0) || (outside && !by_loopback)
    }

    /// The protocol behind all extension headers; see [`Layout::protocol`].
    #[inline]
    pub fn protocol(&self) -> Option<u8> {
        self.layout.protocol
    }

    /// TTL or hop limit.
    #[inline]
    pub fn ttl(&self) -> u8 {
        let at = match self.layout.family {
            Family::V4 => 8,
            Family::V6 => 7,
        };
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// TOS or traffic class.
    #[inline]
    pub fn tos(&self) -> u8 {
        match self.layout.family {
            Family::V4 => self.bytes.get(1).copied().unwrap_or(0),
            Family::V6 => (be16(self.bytes, 0).unwrap_or(0) >> 4) as u8,
        }
    }

    /// IPv4 identification.
    #[inline]
    pub fn id(&self) -> Option<u16> {
        match self.layout.family {
            Family::V4 => be16(self.bytes, 4),
            Family::V6 => None,
        }
    }

    /// Whether the IPv4 "don't fragment" bit is set.
    #[inline]
    pub fn dont_fragment(&self) -> bool {
        self.layout.family == Family::V4 && self.bytes.get(6).is_some_and(|bits| bits & 0x40 != 0)
    }

    /// IPv6 flow label (20 bits).
    #[inline]
    pub fn flow_label(&self) -> Option<u32> {
        match self.layout.family {
            Family::V4 => None,
            Family::V6 => be32(self.bytes, 0).map(|word| word & 0xf_ffff),
        }
    }

    /// IPv4 options, empty if there are none.
    #[inline]
    pub fn options(&self) -> &'a [u8] {
        match self.layout.family {
            Family::V4 => self.bytes.get(20..self.layout.transport).unwrap_or(&[]),
            Family::V6 => &[],
        }
    }

    /// All bytes from the transport header on; `None` for a later fragment and for cut extension headers.
    #[inline]
    pub fn transport(&self) -> Option<&'a [u8]> {
        if self.layout.later_fragment() || self.layout.protocol.is_none() {
            return None;
        }
        self.bytes.get(self.layout.transport..)
    }

    /// Everything behind the IP header(s), also of a later fragment.
    #[inline]
    pub fn after_header(&self) -> &'a [u8] {
        self.bytes.get(self.layout.transport..).unwrap_or(&[])
    }

    /// Source and destination port of TCP, UDP, UDP-Lite, SCTP and DCCP; `None` for others, later fragments, and
    /// packets with fewer than 4 transport bytes.
    #[inline]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self.protocol()? {
            protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP | protocol::DCCP => {
                let transport = self.transport()?;
                Some((be16(transport, 0)?, be16(transport, 2)?))
            }
            _ => None,
        }
    }

    /// The TCP header, if the packet is TCP and its 20 fixed bytes are there.
    #[inline]
    pub fn tcp(&self) -> Option<Tcp<'a>> {
        if self.protocol() != Some(protocol::TCP) {
            return None;
        }
        self.transport().filter(|bytes| bytes.len() >= 20).map(|bytes| Tcp { bytes })
    }

    /// Type, code and the next 4 bytes of ICMP (IPv4) or ICMPv6 (IPv6), if its 8 bytes are there.
    #[inline]
    pub fn icmp(&self) -> Option<Icmp> {
        let wanted = match self.layout.family {
            Family::V4 => protocol::ICMP,
            Family::V6 => protocol::ICMPV6,
        };
        if self.protocol() != Some(wanted) {
            return None;
        }
        let bytes = self.transport()?;
        Some(Icmp { kind: *bytes.first()?, code: *bytes.get(1)?, rest: be32(bytes, 4)? })
    }
}

/// The part of a packet that an ICMP error quotes, and other headers, are in [`crate::quote`] and
/// [`crate::transport`].
impl<'a> View<'a> {
    /// The length that the header says: IPv4 total length, IPv6 payload length + 40. Differs from
    /// [`Layout::total_len`] only for quoted packets that are cut short.
    #[inline]
    pub fn said_len(&self) -> usize {
        match self.layout.family {
            Family::V4 => usize::from(be16(self.bytes, 2).unwrap_or(0)),
            Family::V6 => 40 + usize::from(be16(self.bytes, 4).unwrap_or(0)),
        }
    }
}

/// The fixed part of an ICMP or ICMPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Bytes 4 to 7: identifier and sequence number of queries, MTU, gateway …
    pub rest: u32,
}

impl Icmp {
    /// The identifier of a query.
    #[inline]
    pub fn id(&self) -> u16 {
        (self.rest >> 16) as u16
    }

    /// The sequence number of a query, or the MTU of "fragmentation needed" (IPv4).
    #[inline]
    pub fn sequence(&self) -> u16 {
        (self.rest & 0xffff) as u16
    }
}

/// A TCP header of at least 20 bytes, with what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    bytes: &'a [u8],
}

/// TCP flag bits as in byte 13 of the header.
pub mod tcp_flags {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;
    /// URG.
    pub const URG: u8 = 0x20;
    /// ECE.
    pub const ECE: u8 = 0x40;
    /// CWR.
    pub const CWR: u8 = 0x80;
}

impl<'a> Tcp<'a> {
    /// Source port.
    #[inline]
    pub fn source(&self) -> u16 {
        be16(self.bytes, 0).unwrap_or(0)
    }

    /// Destination port.
    #[inline]
    pub fn destination(&self) -> u16 {
        be16(self.bytes, 2).unwrap_or(0)
    }

    /// Sequence number.
    #[inline]
    pub fn sequence(&self) -> u32 {
        be32(self.bytes, 4).unwrap_or(0)
    }

    /// Acknowledgement number.
    #[inline]
    pub fn acknowledgement(&self) -> u32 {
        be32(self.bytes, 8).unwrap_or(0)
    }

    /// Header length in bytes as the data offset says (may be below 20 or beyond the packet).
    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.bytes.get(12).copied().unwrap_or(0) >> 4) * 4
    }

    /// The flag byte, see [`tcp_flags`].
    #[inline]
    pub fn flags(&self) -> u8 {
        self.bytes.get(13).copied().unwrap_or(0)
    }

    /// Window as sent, unscaled.
    #[inline]
    pub fn window(&self) -> u16 {
        be16(self.bytes, 14).unwrap_or(0)
    }

    /// Urgent pointer.
    #[inline]
    pub fn urgent(&self) -> u16 {
        be16(self.bytes, 18).unwrap_or(0)
    }

    /// The option bytes; `None` if the data offset is below 20 or beyond the packet.
    #[inline]
    pub fn options(&self) -> Option<&'a [u8]> {
        self.bytes.get(20..self.header_len())
    }

    /// The checksum field.
    #[inline]
    pub fn checksum(&self) -> u16 {
        be16(self.bytes, 16).unwrap_or(0)
    }

    /// The four reserved bits behind the data offset, the lowest being AE (NS of old).
    #[inline]
    pub fn reserved(&self) -> u8 {
        self.bytes.get(12).copied().unwrap_or(0) & 15
    }

    /// The payload; empty if the data offset is beyond the packet.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(self.header_len()..).unwrap_or(&[])
    }

    /// Header and payload.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

//! Minimal views of the transport headers other than TCP and ICMP: what rules, LOG and connection tracking read.
use crate::layout::{be16, be32};
use crate::{View, protocol};

/// A UDP or UDP-Lite header with what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Udp<'a> {
    bytes: &'a [u8],
}

impl<'a> Udp<'a> {
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

    /// UDP: length of header and payload in bytes as the header says. UDP-Lite: bytes that the checksum covers, 0 for
    /// all.
    #[inline]
    pub fn length(&self) -> u16 {
        be16(self.bytes, 4).unwrap_or(0)
    }

    /// The checksum; 0: none.
    #[inline]
    pub fn checksum(&self) -> u16 {
        be16(self.bytes, 6).unwrap_or(0)
    }

    /// What follows the header, to the end of the IP packet.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(8..).unwrap_or(&[])
    }
}

/// An SCTP common header (RFC 9260 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sctp {
    /// Source port.
    pub source: u16,
    /// Destination port.
    pub destination: u16,
    /// Verification tag.
    pub tag: u32,
    /// The CRC-32C as it stands in the header.
    pub checksum: u32,
}

/// A GRE header (RFC 2784, RFC 2890; version 1: RFC 2637).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gre {
    /// Version: 0, or 1 for PPTP.
    pub version: u8,
    /// Protocol type (an EtherType).
    pub protocol: u16,
    /// The key of version 0, if it is there.
    pub key: Option<u32>,
    /// The call identifier of version 1, which is the key that connection tracking uses.
    pub call: Option<u16>,
}

impl<'a> View<'a> {
    fn header_of(&self, protocol: u8, length: usize) -> Option<&'a [u8]> {
        if self.protocol() != Some(protocol) {
            return None;
        }
        self.transport().filter(|bytes| bytes.len() >= length)
    }

    /// The UDP header, if the packet is UDP and its 8 bytes are there.
    #[inline]
    pub fn udp(&self) -> Option<Udp<'a>> {
        self.header_of(protocol::UDP, 8).map(|bytes| Udp { bytes })
    }

    /// The UDP-Lite header, if the packet is UDP-Lite and its 8 bytes are there.
    #[inline]
    pub fn udplite(&self) -> Option<Udp<'a>> {
        self.header_of(protocol::UDPLITE, 8).map(|bytes| Udp { bytes })
    }

    /// The SCTP common header, if its 12 bytes are there.
    pub fn sctp(&self) -> Option<Sctp> {
        let bytes = self.header_of(protocol::SCTP, 12)?;
        Some(Sctp {
            source: be16(bytes, 0)?,
            destination: be16(bytes, 2)?,
            tag: be32(bytes, 4)?,
            checksum: be32(bytes, 8)?,
        })
    }

    /// The GRE header, if its first 4 bytes and the fields that they promise are there.
    pub fn gre(&self) -> Option<Gre> {
        let bytes = self.header_of(protocol::GRE, 4)?;
        let flags = be16(bytes, 0)?;
        let version = (flags & 7) as u8;
        let keyed = flags & 0x2000 != 0;
        let key_at = if flags & 0x8000 != 0 { 8 } else { 4 };
        let key = if version == 0 && keyed { Some(be32(bytes, key_at)?) } else { None };
        let call = if version == 1 { Some(be16(bytes, 6)?) } else { None };
        Some(Gre { version, protocol: be16(bytes, 2)?, key, call })
    }

    /// The security parameters index of ESP.
    pub fn esp_spi(&self) -> Option<u32> {
        be32(self.header_of(protocol::ESP, 8)?, 0)
    }

    /// The security parameters index of AH: IPv4, where it is a transport; for IPv6 that of the first AH among the
    /// extension headers.
    pub fn ah_spi(&self) -> Option<u32> {
        if let Some(bytes) = self.header_of(protocol::AH, 12) {
            return be32(bytes, 4);
        }
        let header = self.extension_headers().find(|header| header.protocol == protocol::AH)?;
        be32(header.bytes, 4)
    }
}

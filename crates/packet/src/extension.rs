//! IPv6 extension headers, one after the other (RFC 8200 section 4).
//!
//! The walk is that of the parse ([`crate::layout::parse`]): it ends at the first header that is none of the five
//! extension headers, at a later fragment, and where a header is cut short.
use crate::layout::is_extension;
use crate::{Family, View, protocol};

/// One extension header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionHeader<'a> {
    /// Which one: [`protocol::HOP_BY_HOP`], [`protocol::ROUTING`], [`protocol::FRAGMENT`], [`protocol::AH`] or
    /// [`protocol::DESTINATION_OPTIONS`].
    pub protocol: u8,
    /// Where it starts, in bytes from the start of the IP header.
    pub at: usize,
    /// The next header field.
    pub next: u8,
    /// The whole header, as long as its length field says.
    pub bytes: &'a [u8],
}

/// The extension headers of a packet; made by [`View::extension_headers`].
#[derive(Clone, Copy, Debug)]
pub struct ExtensionHeaders<'a> {
    bytes: &'a [u8],
    at: usize,
    next: u8,
}

impl<'a> View<'a> {
    /// The extension headers of an IPv6 packet in their order; none for IPv4.
    pub fn extension_headers(&self) -> ExtensionHeaders<'a> {
        let next = match self.family() {
            Family::V4 => protocol::NO_NEXT,
            Family::V6 => self.bytes().get(6).copied().unwrap_or(protocol::NO_NEXT),
        };
        ExtensionHeaders { bytes: self.bytes(), at: 40, next }
    }
}

/// The extension headers end before the one that was sought could be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutShort;

impl View<'_> {
    /// Where the first extension header of a protocol starts, in bytes from the start of the IP header; `None` if there
    /// is none, also in IPv4. Of the header itself only two bytes need be there, of a routing or fragment header four.
    ///
    /// Linux: `ipv6_find_hdr` with a target; `CutShort` is its EBADMSG.
    pub fn find_extension(&self, sought: u8) -> Result<Option<usize>, CutShort> {
        if self.family() == Family::V4 {
            return Ok(None);
        }
        let mut next = self.bytes().get(6).copied().ok_or(CutShort)?;
        let mut at = 40;
        while is_extension(next) {
            let &[following, length] =
                self.bytes().get(at..).and_then(<[u8]>::first_chunk).ok_or(CutShort)?;
            if matches!(next, protocol::FRAGMENT | protocol::ROUTING) {
                let bits = crate::layout::be16(self.bytes(), at + 2).ok_or(CutShort)?;
                if next == protocol::FRAGMENT && bits & 0xfff8 != 0 {
                    return Ok((sought == next).then_some(at));
                }
            }
            if next == sought {
                return Ok(Some(at));
            }
            at += header_size(next, length);
            next = following;
        }
        Ok(None)
    }
}

/// The length of an extension header in bytes, by its protocol and its length field (RFC 8200, RFC 4302).
pub(crate) fn header_size(protocol: u8, length: u8) -> usize {
    match protocol {
        protocol::FRAGMENT => 8,
        protocol::AH => (usize::from(length) + 2) * 4,
        _ => (usize::from(length) + 1) * 8,
    }
}

impl<'a> Iterator for ExtensionHeaders<'a> {
    type Item = ExtensionHeader<'a>;

    fn next(&mut self) -> Option<ExtensionHeader<'a>> {
        if !is_extension(self.next) {
            return None;
        }
        let (at, protocol) = (self.at, self.next);
        let rest = self.bytes.get(at..)?;
        let (&next, &length) = (rest.first()?, rest.get(1)?);
        let size = header_size(protocol, length);
        let bytes = rest.get(..size)?;
        self.at = at + size;
        let later = protocol == protocol::FRAGMENT
            && matches!(bytes.get(2..4), Some(&[high, low]) if u16::from_be_bytes([high, low]) & 0xfff8 != 0);
        self.next = if later { protocol::NO_NEXT } else { next };
        Some(ExtensionHeader { protocol, at, next, bytes })
    }
}

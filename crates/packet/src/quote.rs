//! What an ICMP error quotes: the beginning of the packet that it complains about.
//!
//! Connection tracking finds the connection of an error by it (F47), NAT rewrites it (F59), LOG prints it (F67). Quoted
//! packets are cut short and carry whatever header checksum they had: see [`layout::parse_quoted`].
use crate::{Family, Layout, View, icmp, layout, protocol};

/// A quoted packet inside an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where its IP header starts, in bytes from the start of the outer IP header.
    pub at: usize,
    /// Its layout; offsets count from `at`.
    pub layout: Layout,
}

impl Quote {
    /// The quoted bytes within the packet that quotes them, to its end.
    pub fn bytes<'b>(&self, packet: &'b [u8]) -> &'b [u8] {
        packet.get(self.at..).unwrap_or(&[])
    }

    /// The same, to be rewritten by the functions of [`crate::rewrite`] with [`Quote::layout`]. The outer checksum must
    /// be renewed afterwards ([`crate::rewrite::renew_icmp_checksum`]).
    pub fn bytes_mut<'b>(&self, packet: &'b mut [u8]) -> &'b mut [u8] {
        packet.get_mut(self.at..).unwrap_or(&mut [])
    }
}

impl<'a> View<'a> {
    /// Where the quoted packet of an ICMP error starts, whether or not it can be parsed; `None` if the packet is no
    /// ICMP message that quotes one. ICMP: types 3, 4, 5, 11, 12; ICMPv6: all types below 128 (errors, RFC 4443) and
    /// redirects (137) by their "redirected header" option.
    pub fn quote_at(&self) -> Option<usize> {
        let message = self.icmp()?;
        let start = self.layout().transport + 8;
        match self.family() {
            Family::V4 => icmp::quotes_v4(message.kind).then_some(start),
            Family::V6 if message.kind < 128 => Some(start),
            Family::V6 if message.kind == icmp::v6::REDIRECT => self.redirected_header(),
            Family::V6 => None,
        }
    }

    /// The packet that an ICMP error quotes, if its IP header is there.
    pub fn quote(&self) -> Option<Quote> {
        let at = self.quote_at()?;
        let layout = layout::parse_quoted(self.bytes().get(at..)?).ok()?;
        (layout.family == self.family()).then_some(Quote { at, layout })
    }

    /// A view of the quoted packet.
    pub fn quoted(&self) -> Option<View<'a>> {
        let quote = self.quote()?;
        Some(View::new(self.bytes().get(quote.at..)?, quote.layout))
    }

    /// Linux: `nf_conntrack_icmpv6_redirect`; RFC 4861 section 4.6.3.
    fn redirected_header(&self) -> Option<usize> {
        if self.protocol() != Some(protocol::ICMPV6) {
            return None;
        }
        let mut at = self.layout().transport + 40;
        loop {
            let &[kind, length] = self.bytes().get(at..at + 2)? else { return None };
            if kind == 4 {
                return Some(at + 8);
            }
            if length == 0 {
                return None;
            }
            at += usize::from(length) * 8;
        }
    }
}

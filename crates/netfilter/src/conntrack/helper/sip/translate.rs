//! What is written into a message whose connection is translated: the addresses of the connection's own ends in the
//! request line, in Via with its parameters, in Contact, From and To; those of media in the session description, whose
//! length is set then.
//!
//! Linux: `nf_nat_sip`, `map_addr`, `nf_nat_sdp_addr`, `nf_nat_sdp_port`, `nf_nat_sdp_session`, `mangle_content_len`.
use std::net::{IpAddr, Ipv6Addr};

use packet::protocol;

use super::Message;
use super::address::LOWEST_PORT;
use super::sdp::{Line, line};
use super::text::{
    Header, Span, Uri, Walk, address_parameter, has, header, number_parameter, request_uri, uri,
};
use crate::conntrack::Direction;
use crate::skb::Drop;

/// An IPv6 address, shortened as the kernel does it.
fn v6_text(address: Ipv6Addr) -> String {
    let [_, _, _, _, kind, interface, high, low] = address.segments();
    // Linux: `ip6_compressed_string` writes the end of an ISATAP address (RFC 5214) as one of IPv4.
    if kind & !0x0200 == 0 && interface == 0x5efe {
        let [a, b, c, d] = ((u32::from(high) << 16) | u32::from(low)).to_be_bytes();
        let text = Ipv6Addr::from((u128::from(address) & !0xffff_ffff) | 0x1_0001).to_string();
        let front = text.strip_suffix("1:1").unwrap_or(&text);
        return format!("{front}{a}.{b}.{c}.{d}");
    }
    address.to_string()
}

fn address_text(address: IpAddr, brackets: bool) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) if brackets => format!("[{}]", v6_text(address)),
        IpAddr::V6(address) => v6_text(address),
    }
}

/// Address and port as they stand in SIP.
pub(super) fn socket_text(address: IpAddr, port: u16) -> String {
    format!("{}:{port}", address_text(address, true))
}

impl Message<'_, '_> {
    /// Translates the message.
    pub(super) fn translate(&mut self) -> Result<(), Drop> {
        let request = !has(self.text(), 0, b"SIP/2.0");
        if request
            && let Some(found) = request_uri(self.text(), self.family)
            && !self.map(&found)
        {
            return Err(self.refuse("cannot mangle SIP message"));
        }
        self.translate_via(request)?;
        let mut walk = Walk::new(Header::Contact);
        while let Some(found) = walk.next(self.text(), self.family) {
            if !self.map(&found) {
                return Err(self.refuse("cannot mangle contact"));
            }
        }
        for which in [Header::From, Header::To] {
            if let Some(found) = uri(self.text(), which, self.family)
                && !self.map(&found)
            {
                return Err(self.refuse("cannot mangle SIP from/to"));
            }
        }
        if self.direction == Direction::Reply
            && let Some(port) = self.memory().forced_port
        {
            return self.force_port(port);
        }
        Ok(())
    }

    /// Writes what stands for an end of the connection on the other side, if the address is one of them. `false`: it
    /// cannot be written.
    fn map(&mut self, found: &Uri) -> bool {
        let Some((own, other)) = self.tuples() else { return true };
        let there = (found.address, found.port);
        let new = if there == (own.source, own.source_id) {
            (other.destination, other.destination_id)
        } else if there == (own.destination, own.destination_id) {
            (other.source, self.memory().forced_port.unwrap_or(other.source_id))
        } else {
            return true;
        };
        new == there || self.replace(found.span, &socket_text(new.0, new.1))
    }

    /// The topmost Via that is understood, if it names an end of the connection.
    fn translate_via(&mut self, request: bool) -> Result<(), Drop> {
        let Some((own, other)) = self.tuples() else { return Ok(()) };
        let which = if self.protocol == protocol::TCP { Header::ViaTcp } else { Header::ViaUdp };
        let Some(via) = uri(self.text(), which, self.family) else { return Ok(()) };
        let end = if request { (own.source, own.source_id) } else { (own.destination, own.destination_id) };
        if (via.address, via.port) != end {
            return Ok(());
        }
        let before = self.length;
        if !self.map(&via) {
            return Err(self.refuse("cannot mangle Via header"));
        }
        let behind = (via.span.end() + self.length).saturating_sub(before);
        // Where the answer shall go (RFC 3261).
        if let Some((span, address)) = address_parameter(self.text(), behind, b"maddr=", self.family, true)
            && address == own.source
            && address != other.destination
            && !self.replace(span, &address_text(other.destination, true))
        {
            return Err(self.refuse("cannot mangle maddr"));
        }
        // Where the server got the request from.
        if let Some((span, address)) =
            address_parameter(self.text(), behind, b"received=", self.family, false)
            && address == own.destination
            && address != other.source
            && !self.replace(span, &address_text(other.source, false))
        {
            return Err(self.refuse("cannot mangle received"));
        }
        // And from which port (RFC 3581).
        if let Some(Some((span, port))) = number_parameter(self.text(), behind, b"rport=")
            && port >= u32::from(LOWEST_PORT)
            && port == u32::from(own.destination_id)
            && own.destination_id != other.source_id
            && !self.replace(span, &other.source_id.to_string())
        {
            return Err(self.refuse("cannot mangle rport"));
        }
        Ok(())
    }

    /// Sends an answer to the port that Via named in the request.
    fn force_port(&mut self, port: u16) -> Result<(), Drop> {
        // Linux: a port of UDP that was named by TCP, and nothing of its own in the log (measured on 6.18.44).
        if self.protocol != protocol::UDP {
            return Err(Drop::Helper("a port of UDP for TCP"));
        }
        let at = self.packet.layout.transport + 2;
        if let Some(field) = self.packet.bytes.get_mut(at..at + 2) {
            field.copy_from_slice(&port.to_be_bytes());
        }
        if self.replace(Span { at: 0, length: 0 }, "") {
            Ok(())
        } else {
            Err(self.refuse("cannot mangle packet"))
        }
    }

    /// Writes an address into the next line of a kind before a media line: `None` if there is no such line.
    fn write_address(&mut self, from: usize, which: Line, address: IpAddr) -> Option<bool> {
        let span = line(self.text(), from, which, true, self.family).found()?;
        Some(self.replace(span, &address_text(address, false)))
    }

    /// Writes the address of one medium. `false`: it cannot be written.
    pub(super) fn write_media_address(&mut self, from: usize, address: IpAddr) -> bool {
        self.write_address(from, Line::Connection, address) == Some(true) && self.write_length()
    }

    /// Writes the address of the session, which must have an owner.
    pub(super) fn write_session_address(&mut self, from: usize, address: IpAddr) -> bool {
        self.write_address(from, Line::Owner, address) == Some(true)
            && self.write_address(from, Line::Connection, address) != Some(false)
            && self.write_length()
    }

    /// Writes the port of a medium.
    pub(super) fn write_port(&mut self, span: Span, port: u16) -> bool {
        self.replace(span, &port.to_string()) && self.write_length()
    }

    /// Writes the length of the session description into Content-Length, which must be there.
    fn write_length(&mut self) -> bool {
        let Some(version) = line(self.text(), 0, Line::Version, false, self.family).found() else {
            return false;
        };
        let Some(span) = header(self.text(), 0, Header::ContentLength, self.family).found() else {
            return false;
        };
        // Behind `v=`.
        let length = self.length - version.at + 2;
        self.replace(span, &length.to_string())
    }
}

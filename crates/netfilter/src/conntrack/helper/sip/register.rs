//! Registrations: signalling to a phone is expected for as long as the registrar says.
//!
//! Linux: `process_register_request`, `process_register_response`, `nf_nat_sip_expect`.
use std::net::IpAddr;

use super::address::number;
use super::text::{Header, Uri, Walk, header, number_parameter, transport, uri};
use super::{Message, class};
use crate::conntrack::Status;
use crate::conntrack::expect::{Expectation, Flags, Function, expect_near};
use crate::conntrack::helper::{Kind, in_ticks};
use crate::skb::Drop;

impl Message<'_, '_> {
    /// What the header Expires says; 0 without it, or if it is too large a number.
    fn expires(&self) -> u32 {
        let text = self.text();
        header(text, 0, Header::Expires, self.family)
            .found()
            .and_then(|span| number(text, span.at))
            .map_or(0, |(seconds, _)| seconds)
    }

    /// Whether an address is for this connection's transport protocol.
    fn is_for_transport(&self, contact: &Uri) -> bool {
        transport(self.text(), contact.span.end())
            .is_some_and(|named| named.is_none_or(|named| named == self.protocol))
    }

    /// For how long an address is valid.
    fn validity_of(&mut self, contact: &Uri, seconds: u32) -> Result<u32, Drop> {
        match number_parameter(self.text(), contact.span.end(), b"expires=") {
            None => Ok(seconds),
            Some(Some((_, seconds))) => Ok(seconds),
            Some(None) => Err(self.refuse("cannot parse expires")),
        }
    }

    /// REGISTER.
    pub(super) fn register(&mut self, sequence: u32) -> Result<(), Drop> {
        let expected = self.env.conntrack.get(self.id).is_none_or(|own| own.status.has(Status::EXPECTED));
        let Some((own, other)) = self.tuples().filter(|_| !expected) else { return Ok(()) };
        let seconds = self.expires();
        let Some(contact) = uri(self.text(), Header::Contact, self.family) else { return Ok(()) };
        // Somebody else's registration.
        if contact.address != own.source || !self.is_for_transport(&contact) {
            return Ok(());
        }
        if self.validity_of(&contact, seconds)? != 0 {
            let mut expectation =
                Expectation::new(self.id, Kind::Sip, self.protocol, contact.address, contact.port);
            expectation.class = class::SIGNALLING;
            let direct = self.env.conntrack.config.helpers.sip_direct_signalling;
            expectation.source = direct.then_some(other.source);
            expectation.gives = Some(Kind::Sip);
            expectation.flags = Flags(Flags::PERMANENT.0 | Flags::INACTIVE.0);
            if self.is_translated() {
                self.expect_translated(expectation, &contact)?;
            } else if self.env.conntrack.expect(expectation, self.env.now.mono).is_err() {
                return Err(self.refuse("cannot add expectation"));
            }
        }
        self.remember(|memory| memory.register = sequence);
        Ok(())
    }

    /// Expects signalling to what the other side must use, and writes that into the message.
    fn expect_translated(&mut self, mut expectation: Expectation, contact: &Uri) -> Result<(), Drop> {
        let Some((own, other)) = self.tuples() else { return Ok(()) };
        expectation.function = Function::Sip;
        expectation.direction = self.direction.reversed();
        expectation.saved_address = Some(contact.address);
        expectation.saved_port = contact.port;
        expectation.destination = self.seen_address(contact.address);
        // The port from which requests come was translated already.
        let source = self.memory().forced_port.unwrap_or(own.source_id);
        let port = if contact.port == source { other.destination_id } else { contact.port };
        let Some((port, id)) = expect_near(expectation, port, self.env) else {
            return Err(self.refuse("all ports in use for SIP"));
        };
        if (expectation.destination, port) != (contact.address, contact.port) {
            let text = super::translate::socket_text(expectation.destination, port);
            if !self.replace(contact.span, &text) {
                self.env.conntrack.unexpect(id);
                return Err(self.refuse("cannot mangle packet"));
            }
        }
        Ok(())
    }

    /// The address that stands for this side's own one on the other side.
    pub(super) fn seen_address(&self, own: IpAddr) -> IpAddr {
        self.tuples().map_or(own, |(_, other)| other.destination)
    }

    /// The answer to REGISTER.
    pub(super) fn registered(&mut self, sequence: u32, code: u32) -> Result<(), Drop> {
        if self.memory().register != sequence || (100..200).contains(&code) {
            return Ok(());
        }
        if (200..300).contains(&code) && self.confirmed_registration()? {
            return Ok(());
        }
        // Linux: one, for there is never more than one.
        if let Some(id) = self.expected(false).into_iter().next() {
            self.env.conntrack.unexpect(id);
        }
        Ok(())
    }

    /// Looks for the address of the expectation among those that the registrar knows, and gives it its validity.
    fn confirmed_registration(&mut self) -> Result<bool, Drop> {
        let Some((own, _)) = self.tuples() else { return Ok(false) };
        let seconds = self.expires();
        let mut walk = Walk::new(Header::Contact);
        while let Some(contact) = walk.next(self.text(), self.family) {
            if contact.address != own.destination || !self.is_for_transport(&contact) {
                continue;
            }
            let seconds = self.validity_of(&contact, seconds)?;
            if seconds == 0 {
                return Ok(false);
            }
            let found = self.expected(false).into_iter().find_map(|id| {
                let item = self.env.conntrack.expectation(id)?;
                let same = (item.destination, item.destination_port, item.protocol)
                    == (contact.address, contact.port, self.protocol);
                same.then_some((id, Flags(item.flags.0 & !Flags::INACTIVE.0)))
            });
            if let Some((id, flags)) = found {
                let now = self.env.now.mono;
                self.env.conntrack.renew_expectation(id, flags, in_ticks(seconds), now);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

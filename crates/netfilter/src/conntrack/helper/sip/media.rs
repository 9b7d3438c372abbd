//! Media: a session description says where a side takes RTP; RTCP goes to the port above.
//!
//! Linux: `process_sdp`, `set_expected_rtp_rtcp`, `nf_nat_sdp_media`.
use std::net::IpAddr;

use packet::{Family, protocol};

use super::address::{LOWEST_PORT, number};
use super::sdp::{Line, Media, connection, line};
use super::text::{Sought, Span};
use super::{Message, class};
use crate::conntrack::Tuple;
use crate::conntrack::expect::{Expectation, ExpectationId, Function, Refused};
use crate::conntrack::helper::{Kind, complain_in};
use crate::network::{DeviceId, Route, Unroutable};
use crate::route::Flow;
use crate::skb::Drop;

/// As many media are looked at as there are kinds.
const MOST_MEDIA: usize = 3;

impl Media {
    const fn class(self) -> u8 {
        match self {
            Media::Audio => class::AUDIO,
            Media::Video => class::VIDEO,
            Media::Image => class::IMAGE,
        }
    }
}

/// Where media go, as a message says.
#[derive(Clone, Copy, Debug)]
struct Place {
    class: u8,
    address: IpAddr,
    port: u16,
    /// The port's digits.
    span: Span,
}

impl Message<'_, '_> {
    /// Expects the media of the session description of a message, if it has one.
    pub(super) fn media(&mut self) -> Result<(), Drop> {
        let family = self.family;
        let Some(start) = line(self.text(), 0, Line::Version, false, family).found() else { return Ok(()) };
        let session = start.at;
        let common = connection(self.text(), session, family);
        let mut at = session;
        let mut seen = 0;
        // Linux: without media the session's own address is written again, which may set Content-Length right.
        let mut named = common;
        while seen < MOST_MEDIA {
            let Sought::Found(found) = line(self.text(), at, Line::Media, false, family) else { break };
            at = found.at;
            let words = self.text().get(found.at..found.end()).unwrap_or(&[]);
            let Some((kind, skip)) = Media::of(words) else {
                at = found.end();
                continue;
            };
            at += skip;
            let span = Span { at, length: found.length - skip };
            let port = number(self.text(), at).map_or(0, |(port, _)| port);
            if port == 0 {
                continue;
            }
            let Some(port) = u16::try_from(port).ok().filter(|&port| port >= LOWEST_PORT) else {
                return Err(self.refuse_port(port));
            };
            let own = connection(self.text(), at, family);
            let Some(address) = own.or(common) else { return Err(self.refuse("cannot parse SDP message")) };
            let place = Place { class: kind.class(), address, port, span };
            let Some(address) = self.expect_media(place)? else {
                return Err(self.refuse("cannot add expectation for voice"));
            };
            named = Some(address);
            if own.is_some() && self.is_translated() && !self.write_media_address(at, address) {
                return Err(self.refuse("cannot mangle SDP"));
            }
            seen += 1;
        }
        if let Some(address) = named.filter(|_| self.is_translated())
            && !self.write_session_address(session, address)
        {
            return Err(Drop::Conntrack);
        }
        Ok(())
    }

    fn refuse_port(&mut self, port: u32) -> Drop {
        let text = format!("wrong port {port}");
        complain_in(Kind::Sip, "wrong port", &text, self.packet, self.env)
    }

    /// Expects RTP and RTCP. The address that the other side must use; `Ok(None)`: they cannot be expected.
    fn expect_media(&mut self, place: Place) -> Result<Option<IpAddr>, Drop> {
        let Some((own, other)) = self.tuples() else { return Ok(Some(place.address)) };
        let helpers = self.env.conntrack.config.helpers;
        // Linux: media of others than the two that speak are not expected.
        let passed_over = if helpers.sip_direct_media {
            place.address != own.source
        } else {
            helpers.sip_external_media && self.leads_the_same_way(place.address)?
        };
        if passed_over {
            return Ok(Some(place.address));
        }
        let source = helpers.sip_direct_media.then_some(other.source);
        let mut tuple = Tuple {
            source: source.unwrap_or(Family::of(other.source).unspecified()),
            destination: place.address,
            protocol: protocol::UDP,
            source_id: 0,
            destination_id: place.port,
        };
        let (direct, known) = self.known_elsewhere(&mut tuple, place.class);
        let base = tuple.destination_id & !1;
        if direct && !self.write_port(place.span, base) {
            return Ok(None);
        }
        if known {
            return Ok(Some(tuple.destination));
        }
        let expectation = |port| Expectation {
            class: place.class,
            source,
            ..Expectation::new(self.id, Kind::Sip, protocol::UDP, tuple.destination, port)
        };
        let pair = [expectation(base), expectation(base + 1)];
        if self.is_translated() && !direct {
            return self.expect_translated_pair(pair, place.span);
        }
        Ok(self.expect_pair(pair).then_some(tuple.destination))
    }

    /// Whether an address is reached by the device that the message leaves by (Linux: `set_expected_rtp_rtcp`).
    fn leads_the_same_way(&self, address: IpAddr) -> Result<bool, Drop> {
        let device = |route: Route| route.way.device().unwrap_or(DeviceId::LOOPBACK);
        let flow = Flow::between(Family::of(address).unspecified(), address);
        match self.env.network.output_route(None, flow) {
            Ok(route) => Ok(self.packet.route.map(device) == Some(device(route))),
            Err(reason @ Unroutable::Undecided(_)) => Err(Drop::Route(reason)),
            Err(_) => Ok(false),
        }
    }

    /// Whether another connection expects the same already, so that nothing is to be done. If that one is translated,
    /// and this one, too, both sides are taken to reach each other directly: the tuple becomes what that one is
    /// translated to.
    fn known_elsewhere(&self, tuple: &mut Tuple, class: u8) -> (bool, bool) {
        let table = &self.env.conntrack;
        let Some(zone) = table.get(self.id).map(|own| own.zone) else { return (false, false) };
        let mut direct = false;
        loop {
            let found = table.find_expectation(tuple, zone, self.env.now.mono);
            let Some(found) = found.and_then(|id| table.expectation(id)) else { return (direct, false) };
            let of_sip = table
                .get(found.master)
                .and_then(|master| master.helper())
                .is_some_and(|helper| helper.kind == Kind::Sip);
            if found.master == self.id || !of_sip || found.class != class {
                return (direct, false);
            }
            let (address, port) = (
                found.saved_address.unwrap_or(Family::of(tuple.destination).unspecified()),
                found.saved_port,
            );
            let moved = (address, port) != (found.destination, found.destination_port);
            if direct || !moved || !self.is_translated() {
                return (direct, true);
            }
            tuple.destination = address;
            tuple.destination_id = port;
            direct = true;
        }
    }

    /// Takes an expectation, or finds that it is there: `Ok(None)`. Endpoints name the same port for several media.
    fn expect_or_known(&mut self, expectation: Expectation) -> Result<Option<ExpectationId>, Refused> {
        match self.env.conntrack.expect_instead(expectation, true, self.env.now.mono) {
            Ok(id) => Ok(Some(id)),
            Err(Refused::Already) => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    fn expect_pair(&mut self, [rtp, rtcp]: [Expectation; 2]) -> bool {
        let Ok(first) = self.expect_or_known(rtp) else { return false };
        if self.expect_or_known(rtcp).is_ok() {
            return true;
        }
        if let Some(first) = first {
            self.env.conntrack.unexpect(first);
        }
        false
    }

    /// Expects a pair at ports that are free on the other side, and writes the port into the message.
    fn expect_translated_pair(
        &mut self,
        mut pair: [Expectation; 2],
        span: Span,
    ) -> Result<Option<IpAddr>, Drop> {
        for item in &mut pair {
            item.saved_address = Some(item.destination);
            item.saved_port = item.destination_port;
            item.direction = self.direction.reversed();
            item.function = Function::Sip;
            item.destination = self.seen_address(item.destination);
        }
        let [rtp, _] = pair;
        let now = self.env.now.mono;
        let Some((port, expected)) = self.env.conntrack.expect_neighbours(pair, true, now) else {
            self.refuse("all ports in use for SDP media");
            return Ok(None);
        };
        if port != rtp.saved_port && !self.write_port(span, port) {
            self.refuse("cannot mangle SDP message");
            for id in expected {
                self.env.conntrack.unexpect(id);
            }
            return Ok(None);
        }
        Ok(Some(rtp.destination))
    }
}

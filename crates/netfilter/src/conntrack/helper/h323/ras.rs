//! RAS: endpoints find their gatekeeper, register with it and ask it about calls.
//!
//! Linux: `process_ras` and what it calls, `expect_q931`, `nat_q931`, `set_sig_addr`, `set_ras_addr`.
use std::net::IpAddr;
use std::time::Duration;

use packet::{Family, protocol};

use super::per::{Reader, Value};
use super::registration::RAS_MESSAGE;
use super::{Done, Kind, Place, Signal};
use crate::conntrack::expect::{Expectation, Flags, Function};
use crate::conntrack::helper::in_ticks;
use crate::conntrack::{Status, Tuple};

/// How long a connection lives on when an endpoint unregisters.
const FAREWELL: Duration = Duration::from_secs(30);

/// Half of the round of a clock of 32 bits with 250 ticks in a second.
const HALF_A_ROUND: Duration = Duration::from_millis((1 << 31) * 4);

impl Signal<'_, '_> {
    /// The message of a datagram.
    pub(super) fn ras(&mut self) -> Done {
        let bytes = self.bytes(self.packet.layout.total_len.saturating_sub(self.payload));
        let Ok(Value::Choice(name, body)) = Reader::new(&bytes, 0).field(&RAS_MESSAGE, true) else {
            return Ok(());
        };
        let one = |name: &str| body.get(name).map_or(&[][..], std::slice::from_ref);
        let many = |name: &str| body.get(name).map_or(&[][..], Value::elements);
        match name {
            "gatekeeperRequest" => self.write_own(one("rasAddress")),
            "locationRequest" => self.write_own(one("replyAddress")),
            "gatekeeperConfirm" => self.gatekeeper(one("rasAddress")),
            "registrationRequest" => {
                let (calls, own) = (many("callSignalAddress"), many("rasAddress"));
                self.registration(calls, own, body.get("timeToLive"))
            }
            "registrationConfirm" => {
                let calls = many("callSignalAddress");
                self.registered(calls, body.get("timeToLive"))
            }
            "unregistrationRequest" => {
                let calls = many("callSignalAddress");
                self.unregistered(calls)
            }
            "admissionRequest" => self.admission(one("destCallSignalAddress"), one("srcCallSignalAddress")),
            "admissionConfirm" => self.admitted(one("destCallSignalAddress")),
            "locationConfirm" => self.located(one("callSignalAddress")),
            "infoRequestResponse" => {
                let calls = many("callSignalAddress");
                self.write_own(one("rasAddress"))?;
                self.write_signal(calls)
            }
            _ => Ok(()),
        }
    }

    /// Writes what stands for this end of the connection over the first address that is it.
    fn write_own(&mut self, places: &[Value]) -> Done {
        let Some((own, other)) = self.tuples().filter(|_| self.writes()) else { return Ok(()) };
        let mut found = places.iter().filter_map(|value| self.place(value));
        let found = found.find(|found| (found.address, found.port) == (own.source, own.source_id));
        match found {
            Some(found) => self.write(found.at, other.destination, other.destination_id),
            None => Ok(()),
        }
    }

    /// Writes what stands for an endpoint's signalling on the other side over the first address that is it.
    fn write_signal(&mut self, places: &[Value]) -> Done {
        let Some((own, other)) = self.tuples().filter(|_| self.writes()) else { return Ok(()) };
        let (known, stands_for) = self.signal_ports();
        for value in places {
            let Some(found) = self.place(value).filter(|found| found.port == known) else { continue };
            if found.address == own.source {
                // Linux: for one behind the loopback's address that one is written.
                let first = self.loopback(places);
                return self.write(first.unwrap_or(found).at, other.destination, stands_for);
            }
            if found.address == own.destination {
                return self.write(found.at, other.source, stands_for);
            }
        }
        Ok(())
    }

    /// The first address.
    fn first(&self, values: &[Value]) -> Option<Place> {
        values.first().and_then(|value| self.place(value))
    }

    /// The first address if it is the loopback's, which some endpoints put before their own.
    fn loopback(&self, values: &[Value]) -> Option<Place> {
        self.first(values).filter(|first| match first.address {
            IpAddr::V4(address) => address.is_loopback(),
            IpAddr::V6(_) => false,
        })
    }

    /// A gatekeeper that wants registrations elsewhere than at the address where it was found.
    fn gatekeeper(&mut self, found: &[Value]) -> Done {
        let (Some((own, other)), Some(found)) = (self.tuples(), self.first(found)) else { return Ok(()) };
        let expected = self.env.conntrack.get(self.id).is_none_or(|own| own.status.has(Status::EXPECTED));
        if expected || (found.address, found.port) == (own.source, own.source_id) {
            return Ok(());
        }
        let mut expectation = Expectation::new(self.id, self.kind, protocol::UDP, found.address, found.port);
        expectation.source = Some(other.source);
        expectation.gives = Some(Kind::Ras);
        self.expect(expectation)
    }

    /// Expects calls to an endpoint, as often as they come.
    fn registration(&mut self, calls: &[Value], own: &[Value], validity: Option<&Value>) -> Done {
        self.expect_calls(calls)?;
        self.write_own(own)?;
        let validity = match validity {
            Some(&Value::Number(seconds)) => seconds,
            _ => self.env.conntrack.config.helpers.default_rrq_ttl,
        };
        self.remember(|memory| memory.valid = validity);
        Ok(())
    }

    fn expect_calls(&mut self, calls: &[Value]) -> Done {
        let Some((own, other)) = self.tuples() else { return Ok(()) };
        let mut found = calls.iter().filter_map(|value| self.place(value));
        let found = found.find(|found| found.address == own.source && found.port != 0);
        let Some(found) = found else { return Ok(()) };
        let Some(mut expectation) = self.expectation(protocol::TCP, found.port) else { return Ok(()) };
        expectation.gives = Some(Kind::Q931);
        expectation.flags = Flags::PERMANENT;
        if !self.env.conntrack.config.helpers.gkrouted_only {
            expectation.source = None;
        }
        let (known, stands_for) = self.signal_ports();
        if !self.writes() {
            self.expect(expectation)?;
            self.set_signal_ports(found.port, stands_for);
            return Ok(());
        }
        let expectation =
            Expectation { function: Function::Called, ..self.following(expectation, found.port) };
        let wanted = if known == found.port { stands_for } else { found.port };
        let Some(port) = self.expect_written(expectation, wanted, found.at, other.destination)? else {
            return Ok(());
        };
        self.set_signal_ports(found.port, port);
        if let Some(first) = self.loopback(calls) {
            // Linux: whether that can be written does not count.
            let _ = self.write(first.at, other.destination, port);
        }
        Ok(())
    }

    /// A registration is accepted: the connection lives as long.
    // Linux: the expectation does so only if it may come from anywhere (`gkrouted_only=0`): it is sought as if it came from
    // nowhere (`find_expect`).
    fn registered(&mut self, calls: &[Value], validity: Option<&Value>) -> Done {
        self.write_signal(calls)?;
        if let Some(&Value::Number(seconds)) = validity {
            self.remember(|memory| memory.valid = seconds);
        }
        let valid = self.memory().valid;
        if valid == 0 {
            return Ok(());
        }
        let valid = in_ticks(valid);
        // Linux: a connection ends by a clock of 32 bits, where half a round ahead is in the past.
        let life = if valid < HALF_A_ROUND { valid } else { Duration::ZERO };
        let now = self.env.now.mono;
        self.env.conntrack.live_for(self.id, life, now);
        let (Some((own, _)), (_, port)) = (self.tuples(), self.signal_ports()) else { return Ok(()) };
        let sought = Tuple {
            source: Family::of(own.destination).unspecified(),
            destination: own.destination,
            protocol: protocol::TCP,
            source_id: 0,
            destination_id: port,
        };
        let table = &mut self.env.conntrack;
        let Some(zone) = table.get(self.id).map(|own| own.zone) else { return Ok(()) };
        let found = table.find_expectation(&sought, zone, now);
        let found = found.and_then(|id| Some((id, table.expectation(id)?)));
        if let Some((id, flags)) =
            found.filter(|(_, own)| own.master == self.id).map(|(id, own)| (id, own.flags))
        {
            table.renew_expectation(id, flags, life, now);
        }
        Ok(())
    }

    fn unregistered(&mut self, calls: &[Value]) -> Done {
        self.write_signal(calls)?;
        for id in self.env.conntrack.expectations_of(self.id) {
            self.env.conntrack.unexpect(id);
        }
        self.set_signal_ports(0, 0);
        self.env.conntrack.live_for(self.id, FAREWELL, self.env.now.mono);
        Ok(())
    }

    /// An endpoint asks whether it may answer, or make, a call.
    fn admission(&mut self, to: &[Value], from: &[Value]) -> Done {
        let Some((own, other)) = self.tuples().filter(|_| self.writes()) else { return Ok(()) };
        let (known, stands_for) = self.signal_ports();
        let (to, from) = (self.first(to), self.first(from));
        if let Some(found) = to.filter(|found| (found.address, found.port) == (own.source, known)) {
            return self.write(found.at, other.destination, stands_for);
        }
        match from.filter(|found| found.address == own.source) {
            Some(found) => self.write(found.at, other.destination, found.port),
            None => Ok(()),
        }
    }

    fn admitted(&mut self, to: &[Value]) -> Done {
        let (Some((own, _)), Some(found)) = (self.tuples(), self.first(to)) else { return Ok(()) };
        if found.address == own.destination {
            return self.write_signal(to);
        }
        self.located(to)
    }

    /// A call will be made to this address.
    fn located(&mut self, to: &[Value]) -> Done {
        let (Some((_, other)), Some(found)) = (self.tuples(), self.first(to)) else { return Ok(()) };
        let mut expectation = Expectation::new(self.id, self.kind, protocol::TCP, found.address, found.port);
        expectation.source = Some(other.source);
        expectation.gives = Some(Kind::Q931);
        expectation.flags = Flags::PERMANENT;
        self.expect(expectation)
    }
}

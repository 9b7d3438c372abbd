//! Q.931: calls, with the connection for H.245, fast start and tunnelled H.245; forwarding.
//!
//! Linux: `DecodeQ931`, `process_q931`, `expect_h245`, `expect_callforwarding`, `nat_h245`, `nat_callforwarding`.
use std::net::IpAddr;

use packet::{Family, protocol};

use super::per::{Reader, Value};
use super::signalling::USER_MESSAGE;
use super::{Done, Failed, Kind, Signal};
use crate::conntrack::expect::{Expectation, Function};
use crate::network::{Route, Unroutable, Way};
use crate::route::Flow;

/// The element for what users say to each other.
const USER_TO_USER: u8 = 0x7e;

/// Reads the user's part of a message.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    let (&[8, reference], rest) = bytes.split_first_chunk::<2>()? else { return None };
    // Behind the call's reference: the type of the message, and perhaps an element of one byte.
    let mut rest = match rest.get(usize::from(reference)..)? {
        [_, 0x80..=0xff, rest @ ..] => rest,
        [_, rest @ ..] => rest,
        [] => return None,
    };
    loop {
        let (&kind, behind) = rest.split_first()?;
        if kind == USER_TO_USER {
            let (length, _) = behind.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            // Behind the protocol discriminator, which counts.
            let start = bytes.len() - rest.len() + 4;
            let message = bytes.get(..start + length - 1)?;
            return Reader::new(message, start).field(&USER_MESSAGE, true).ok();
        }
        let (&length, behind) = behind.split_first()?;
        rest = behind.get(usize::from(length)..)?;
    }
}

impl Signal<'_, '_> {
    /// A message.
    pub(super) fn call(&mut self, message: &Value) -> Done {
        let Some(pdu) = message.get("h323-uu-pdu") else { return Ok(()) };
        if let Some(Value::Choice(name, body)) = pdu.get("h323-message-body") {
            match *name {
                "setup" => self.setup(body)?,
                "facility" if body.get("reason").is_some_and(|reason| reason.chosen() == "callForwarded") => {
                    if let Some(address) = body.get("alternativeAddress") {
                        self.forwarded(address)?;
                    }
                }
                "callProceeding" | "connect" | "alerting" | "facility" | "progress" => {
                    self.channel_address(body)?;
                    self.fast_start(body)?;
                }
                _ => {}
            }
        }
        for control in pdu.get("h245Control").map_or(&[][..], Value::elements) {
            self.control(control)?;
        }
        Ok(())
    }

    fn setup(&mut self, body: &Value) -> Done {
        self.channel_address(body)?;
        if self.writes()
            && let Some((_, other)) = self.tuples()
        {
            let ends = [
                ("destCallSignalAddress", other.source, other.source_id),
                ("sourceCallSignalAddress", other.destination, other.destination_id),
            ];
            for (name, address, port) in ends {
                let found = body.get(name).and_then(|value| self.place(value));
                if let Some(found) = found.filter(|found| found.address != address) {
                    self.write(found.at, address, port)?;
                }
            }
        }
        self.fast_start(body)
    }

    /// The logical channels that are opened with the call.
    fn fast_start(&mut self, body: &Value) -> Done {
        for open in body.get("fastStart").map_or(&[][..], Value::elements) {
            self.opened(open)?;
        }
        Ok(())
    }

    /// Expects the connection for H.245.
    fn channel_address(&mut self, body: &Value) -> Done {
        let found = body.get("h245Address").and_then(|value| self.place(value));
        let (Some((own, other)), Some(found)) = (self.tuples(), found) else { return Ok(()) };
        if found.address != own.source || found.port == 0 {
            return Ok(());
        }
        let Some(mut expectation) = self.expectation(protocol::TCP, found.port) else { return Ok(()) };
        expectation.gives = Some(Kind::H245);
        if own.source == other.destination || !self.writes() {
            return self.expect(expectation);
        }
        let expectation = self.following(expectation, found.port);
        let (known, stands_for) = self.signal_ports();
        let wanted = if known == found.port { stands_for } else { found.port };
        if let Some(port) = self.expect_written(expectation, wanted, found.at, other.destination)? {
            self.set_signal_ports(found.port, port);
        }
        Ok(())
    }

    /// Expects the call to whom it was forwarded, if it will come this way.
    fn forwarded(&mut self, address: &Value) -> Done {
        let (Some((own, other)), Some(found)) = (self.tuples(), self.place(address)) else {
            return Ok(());
        };
        let filters = self.env.conntrack.config.helpers.callforward_filter;
        if found.port == 0 || (filters && self.same_way(found.address, other.source)?) {
            return Ok(());
        }
        let mut expectation = Expectation::new(self.id, self.kind, protocol::TCP, found.address, found.port);
        expectation.source = Some(other.source);
        expectation.gives = Some(Kind::Q931);
        if own.source == other.destination || !self.writes() {
            return self.expect(expectation);
        }
        expectation.saved_address = Some(found.address);
        expectation.saved_port = found.port;
        expectation.destination = other.destination;
        expectation.function = Function::Forwarded;
        expectation.direction = self.direction.reversed();
        self.expect_written(expectation, found.port, found.at, other.destination).map(drop)
    }

    /// Whether two addresses are reached by the same device and next hop (the module's parameter `callforward_filter`).
    // Linux: `callforward_do_filter`; an address without a way differs from all.
    fn same_way(&self, one: IpAddr, another: IpAddr) -> Result<bool, Failed> {
        let hop = |to: IpAddr| {
            let flow = Flow::between(Family::of(to).unspecified(), to);
            match self.env.network.output_route(None, flow) {
                Ok(Route { way: Way::Out { device, next_hop, .. }, .. }) => {
                    Ok(Some((Some(device), next_hop)))
                }
                Ok(_) => Ok(Some((None, to))),
                Err(reason @ Unroutable::Undecided(_)) => Err(Failed::Way(reason)),
                Err(_) => Ok(None),
            }
        };
        Ok(hop(one)?.is_some_and(|one| hop(another) == Ok(Some(one))))
    }
}

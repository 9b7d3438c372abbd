//! H.323: gatekeepers are found and endpoints registered (RAS), calls are set up (Q.931), logical channels opened (H.245).
//!
//! Read first: ITU-T H.225.0, H.245, Q.931; Linux `nf_conntrack_h323_main.c`, `nf_nat_h323.c`. `per` reads the packed
//! encoding after the types of `schema`, `registration` and `signalling`; `ras`, `call` and `channel` expect, and write
//! other addresses where the connection is translated (only in IPv4). An address has always six bytes there, so that no
//! message changes its length.
//!
//! # Life cycle
//! A registration expects calls to the endpoint for 240 s, as often as they come; a call expects the connection for H.245,
//! and that, or the call itself, expects RTP with RTCP for each medium, and T.120. A message that cannot be read passes;
//! one of which something cannot be expected does not.
//!
//! # Differences from Linux
//! The parameters of Linux' module are in [`crate::conntrack::Helpers`].
use std::net::IpAddr;

use packet::Family;

use self::per::{Reader, Value};
use super::{Helper, Kind, State, complain};
use crate::conntrack::expect::{Expectation, Function, expect_near};
use crate::conntrack::{ConnectionId, Direction, Status, Tuple};
use crate::env::Env;
use crate::hook::Verdict;
use crate::nat::payload;
use crate::network::Unroutable;
use crate::skb::{Drop, Info, Packet};

mod call;
mod channel;
mod per;
mod ras;
mod registration;
mod schema;
mod signalling;

/// For so many media a connection remembers which port stands for which.
const MOST_MEDIA: usize = 4;

/// What is remembered of a connection; the first of a pair is of the original direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Ports of signalling: an endpoint's own one, and on the other side the one that stands for it. 0: none.
    signal: [u16; 2],
    /// The same of media.
    media: [[u16; 2]; MOST_MEDIA],
    /// Bytes that a header announced whose message comes in the next segment. 0: none.
    announced: [u16; 2],
    /// For how many seconds an endpoint is registered.
    valid: u32,
}

/// Why the packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    /// Something could not be expected or written.
    Refused,
    /// The way of a forwarded call is no decision.
    Way(Unroutable),
}

type Done = Result<(), Failed>;

/// A message in a packet, and what it belongs to.
struct Signal<'a, 'e> {
    packet: &'a mut Packet,
    env: &'a mut Env<'e>,
    id: ConnectionId,
    kind: Kind,
    direction: Direction,
    family: Family,
    /// Where the message begins, counted from the transport's payload, and where that begins.
    at: usize,
    payload: usize,
}

/// An address in a message.
#[derive(Clone, Copy, Debug)]
struct Place {
    address: IpAddr,
    port: u16,
    /// Where it stands in the message.
    at: usize,
}

/// Looks at a packet.
pub(super) fn help(
    packet: &mut Packet,
    id: ConnectionId,
    kind: Kind,
    info: Info,
    env: &mut Env<'_>,
) -> Verdict {
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    let family = connection.family();
    let direction = info.direction();
    let transport = packet.layout.transport;
    if kind == Kind::Ras {
        let payload = transport + 8;
        let mut signal = Signal { packet, env, id, kind, direction, family, at: 0, payload };
        return match signal.ras() {
            Ok(()) => Verdict::Accept,
            Err(failed) => signal.refuse(failed),
        };
    }
    if !matches!(info, Info::Established | Info::EstablishedReply) {
        return Verdict::Accept;
    }
    let Some(header) = packet.view().tcp().map(|tcp| tcp.header_len()) else { return Verdict::Accept };
    let payload = transport + header;
    let mut signal = Signal { packet, env, id, kind, direction, family, at: 0, payload };
    match signal.segment() {
        Ok(()) => Verdict::Accept,
        Err(failed) => signal.refuse(failed),
    }
}

impl Signal<'_, '_> {
    fn refuse(&mut self, failed: Failed) -> Verdict {
        if let Failed::Way(reason) = failed {
            return Verdict::Drop(Drop::Route(reason));
        }
        let why = match self.kind {
            Kind::Ras => "cannot process RAS message",
            Kind::Q931 => "cannot process Q.931 message",
            _ => "cannot process H.245 message",
        };
        Verdict::Drop(complain(self.kind, why, self.packet, self.env))
    }

    /// The messages of a TCP segment, each behind its TPKT header (RFC 1006).
    fn segment(&mut self) -> Done {
        let side = self.side();
        let length = self.packet.layout.total_len.saturating_sub(self.payload);
        let mut next = 0;
        loop {
            let announced = self.memory().announced.get(side).copied().map_or(0, usize::from);
            let found = self.message(next, length, announced);
            let left = if let Message::Announced(bytes) = found { bytes } else { 0 };
            self.remember(|memory| {
                if let Some(announced) = memory.announced.get_mut(side) {
                    *announced = left;
                }
            });
            let Message::Here { at, length } = found else { return Ok(()) };
            self.at = at;
            next = at + length;
            let bytes = self.bytes(length);
            if self.kind == Kind::Q931 {
                let Some(value) = call::decode(&bytes) else { return Ok(()) };
                self.call(&value)?;
            } else {
                let Ok(value) = Reader::new(&bytes, 0).field(&schema::CONTROL_MESSAGE, true) else {
                    return Ok(());
                };
                self.control(&value)?;
            }
        }
    }

    /// The next message of a segment.
    // Linux: `get_tpkt_data`.
    fn message(&self, next: usize, length: usize, announced: usize) -> Message {
        let byte = |at: usize| self.packet.bytes.get(self.payload + at).copied().unwrap_or(0);
        if length == 0 {
            return Message::None;
        }
        let left = length.saturating_sub(next);
        if next == 0 {
            if left < 4 || byte(0) != 3 || byte(1) != 0 {
                // Netmeeting sends the header in a segment of its own. Nothing was announced: a message of no bytes is none.
                return Message::Here { at: 0, length: announced };
            }
        } else if left <= 4 || byte(next) != 3 || byte(next + 1) != 0 {
            return Message::None;
        }
        let size = u16::from_be_bytes([byte(next + 2), byte(next + 3)]);
        match usize::from(size) {
            ..4 => Message::None,
            size if size <= left => Message::Here { at: next + 4, length: size - 4 },
            _ if left == 4 => Message::Announced(size - 4),
            _ => Message::None,
        }
    }

    /// The bytes of the message, as they are now; none if it is longer than the packet.
    fn bytes(&self, length: usize) -> Vec<u8> {
        let start = self.payload + self.at;
        let whole = self.packet.bytes.get(..self.packet.layout.total_len).unwrap_or(&[]);
        whole.get(start..start + length).unwrap_or(&[]).to_vec()
    }

    /// The address and port of a transport address of H.225.0 or H.245, if it is one of the family, as they are in the
    /// packet now.
    fn place(&self, value: &Value) -> Option<Place> {
        let start = self.payload + self.at;
        let bytes = self.packet.bytes.get(start..self.packet.layout.total_len)?;
        place(value, bytes, self.family)
    }

    fn side(&self) -> usize {
        match self.direction {
            Direction::Original => 0,
            Direction::Reply => 1,
        }
    }

    fn memory(&self) -> Memory {
        match self.env.conntrack.get(self.id).and_then(|own| own.helper()) {
            Some(Helper { state: State::H323(memory), .. }) => **memory,
            _ => Memory::default(),
        }
    }

    fn remember(&mut self, change: impl FnOnce(&mut Memory)) {
        if let Some(Helper { state: State::H323(memory), .. }) =
            self.env.conntrack.get_mut(self.id).and_then(|own| own.helper_mut())
        {
            change(memory);
        }
    }

    /// The port of signalling of this side, and of the other one.
    fn signal_ports(&self) -> (u16, u16) {
        let [original, reply] = self.memory().signal;
        match self.direction {
            Direction::Original => (original, reply),
            Direction::Reply => (reply, original),
        }
    }

    fn set_signal_ports(&mut self, own: u16, other: u16) {
        let ports = match self.direction {
            Direction::Original => [own, other],
            Direction::Reply => [other, own],
        };
        self.remember(|memory| memory.signal = ports);
    }

    fn tuples(&self) -> Option<(Tuple, Tuple)> {
        let connection = self.env.conntrack.get(self.id)?;
        Some((connection.tuple(self.direction), connection.tuple(self.direction.reversed())))
    }

    /// Whether addresses are written: the connection is translated, and of IPv4.
    fn writes(&self) -> bool {
        self.family == Family::V4
            && self.env.conntrack.get(self.id).is_some_and(|own| own.status.any(Status::NAT_MASK))
    }

    /// Writes an address and a port.
    fn write(&mut self, at: usize, address: IpAddr, port: u16) -> Done {
        let IpAddr::V4(address) = address else { return Err(Failed::Refused) };
        let mut new = [0_u8; 6];
        let (front, back) = new.split_at_mut(4);
        front.copy_from_slice(&address.octets());
        back.copy_from_slice(&port.to_be_bytes());
        if payload::replace_bytes(self.packet, self.at + at, 6, &new) { Ok(()) } else { Err(Failed::Refused) }
    }

    /// Expects a translated connection at a port as near as possible to one, and writes where into the message. The port;
    /// `None`: none is free, and nothing has changed.
    fn expect_written(
        &mut self,
        expectation: Expectation,
        wanted: u16,
        at: usize,
        address: IpAddr,
    ) -> Result<Option<u16>, Failed> {
        let Some((port, id)) = expect_near(expectation, wanted, self.env) else { return Ok(None) };
        self.write(at, address, port).inspect_err(|_| {
            self.env.conntrack.unexpect(id);
        })?;
        Ok(Some(port))
    }

    /// A connection from the other side to what stands for this one there.
    fn expectation(&self, protocol: u8, port: u16) -> Option<Expectation> {
        let (_, other) = self.tuples()?;
        let mut expectation = Expectation::new(self.id, self.kind, protocol, other.destination, port);
        expectation.source = Some(other.source);
        Some(expectation)
    }

    /// The same, translated as this connection is.
    fn following(&self, expectation: Expectation, port: u16) -> Expectation {
        Expectation {
            function: Function::FollowMaster,
            direction: self.direction.reversed(),
            saved_port: port,
            ..expectation
        }
    }

    fn expect(&mut self, expectation: Expectation) -> Done {
        self.env.conntrack.expect(expectation, self.env.now.mono).map(|_| ()).map_err(|_| Failed::Refused)
    }
}

/// The address and port of a transport address in a message.
fn place(value: &Value, bytes: &[u8], family: Family) -> Option<Place> {
    let at = match family {
        Family::V4 => value
            .path(&["ipAddress", "ip"])
            .or_else(|| value.path(&["unicastAddress", "iPAddress", "network"])),
        Family::V6 => value
            .path(&["ip6Address", "ip"])
            .or_else(|| value.path(&["unicastAddress", "iP6Address", "network"])),
    };
    let &Value::At(at) = at? else { return None };
    let bytes = bytes.get(at..)?;
    let (address, rest) = match family {
        Family::V4 => {
            let (octets, rest) = bytes.split_first_chunk::<4>()?;
            (IpAddr::from(*octets), rest)
        }
        Family::V6 => {
            let (octets, rest) = bytes.split_first_chunk::<16>()?;
            (IpAddr::from(*octets), rest)
        }
    };
    let port = u16::from_be_bytes(*rest.first_chunk::<2>()?);
    Some(Place { address, port, at })
}

/// What stands in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// A message: where, counted from the payload, and how long.
    Here { at: usize, length: usize },
    /// Only its header: how many bytes come.
    Announced(u16),
    /// Nothing more, or something cut short.
    None,
}

#[cfg(test)]
mod tests;

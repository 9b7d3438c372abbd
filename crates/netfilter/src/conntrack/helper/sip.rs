//! SIP: a phone registers at a place to which calls come, and calls say where their media go.
//!
//! Read first: RFC 3261, RFC 4566; Linux `nf_conntrack_sip.c`, `nf_nat_sip.c`. `text`, `address` and `sdp` read messages,
//! `register` and `media` expect, `translate` writes other addresses into a message whose connection is translated.
//!
//! # Life cycle
//! A REGISTER expects signalling to its Contact, inactive; the answer 2xx makes it active for as long as the registrar says,
//! any other answer, or a validity of 0, takes it back. It stays when it is met, and what meets it has the helper, too.
//! INVITE, UPDATE, ACK, PRACK and the answers 1xx and 2xx to them expect RTP and RTCP for up to three media; a new INVITE,
//! another answer and BYE take those back.
//!
//! # Differences from Linux
//! The parameters of Linux' module are in [`crate::conntrack::Helpers`].

use packet::{Family, protocol};

use self::text::{Header, Span, has, header, is_letter, uri};
use super::{Helper, Kind, State};
use crate::conntrack::expect::ExpectationId;
use crate::conntrack::{ConnectionId, Direction, Status, Tuple};
use crate::env::Env;
use crate::hook::Verdict;
use crate::nat::payload;
use crate::skb::{Drop, Info, Packet};

mod address;
mod media;
mod register;
mod sdp;
mod text;
mod translate;

/// Shorter messages are not looked at: `SIP/2.0 200`.
const SHORTEST: usize = 11;
/// What an answer begins with.
const ANSWER: &[u8] = b"SIP/2.0 ";

/// Classes of expectations.
pub(super) mod class {
    /// Signalling to a registered phone.
    pub(crate) const SIGNALLING: u8 = 0;
    /// RTP and RTCP of sound.
    pub(crate) const AUDIO: u8 = 1;
    /// RTP and RTCP of pictures.
    pub(crate) const VIDEO: u8 = 2;
    /// Facsimile.
    pub(crate) const IMAGE: u8 = 3;
}

/// What is remembered of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// CSeq of the newest REGISTER.
    register: u32,
    /// CSeq of the newest INVITE.
    invite: u32,
    /// The port of the Via header, if answers are wanted there and not where requests come from.
    forced_port: Option<u16>,
}

/// The requests that mean something, and their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Invite,
    Update,
    Ack,
    Prack,
    Bye,
    Register,
}

const METHODS: [(&[u8], Method); 6] = [
    (b"INVITE", Method::Invite),
    (b"UPDATE", Method::Update),
    (b"ACK", Method::Ack),
    (b"PRACK", Method::Prack),
    (b"BYE", Method::Bye),
    (b"REGISTER", Method::Register),
];

/// A message in a packet, and what it belongs to.
struct Message<'a, 'e> {
    packet: &'a mut Packet,
    env: &'a mut Env<'e>,
    id: ConnectionId,
    direction: Direction,
    family: Family,
    protocol: u8,
    /// Where the transport's payload begins in the packet.
    payload: usize,
    /// Where the message begins in the packet, and how long it is.
    at: usize,
    length: usize,
}

/// Looks at a packet.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    let (protocol, family) = (connection.ip_protocol(), connection.family());
    let transport = packet.layout.transport;
    let payload = if protocol == protocol::TCP {
        if !matches!(info, Info::Established | Info::EstablishedReply) {
            return Verdict::Accept;
        }
        let Some(tcp) = packet.view().tcp() else { return Verdict::Accept };
        transport + tcp.header_len()
    } else {
        transport + 8
    };
    let total = packet.layout.total_len;
    if payload >= total {
        return Verdict::Accept;
    }
    env.conntrack.live_for(id, env.conntrack.config.helpers.sip_timeout, env.now.mono);
    packet.pull(total);
    let length = total - payload;
    if length < SHORTEST {
        return Verdict::Accept;
    }
    let direction = info.direction();
    let mut message = Message { packet, env, id, direction, family, protocol, payload, at: payload, length };
    let done = if protocol == protocol::TCP { message.stream() } else { message.process() };
    match done {
        Ok(()) => Verdict::Accept,
        Err(reason) => Verdict::Drop(reason),
    }
}

impl Message<'_, '_> {
    fn text(&self) -> &[u8] {
        self.packet.bytes.get(self.at..self.at + self.length).unwrap_or(&[])
    }

    fn memory(&self) -> Memory {
        match self.env.conntrack.get(self.id).and_then(|own| own.helper()) {
            Some(Helper { state: State::Sip(memory), .. }) => *memory,
            _ => Memory::default(),
        }
    }

    fn remember(&mut self, change: impl FnOnce(&mut Memory)) {
        if let Some(Helper { state: State::Sip(memory), .. }) =
            self.env.conntrack.get_mut(self.id).and_then(|own| own.helper_mut())
        {
            change(memory);
        }
    }

    /// The tuples of the message's direction and of the other one.
    fn tuples(&self) -> Option<(Tuple, Tuple)> {
        let connection = self.env.conntrack.get(self.id)?;
        Some((connection.tuple(self.direction), connection.tuple(self.direction.reversed())))
    }

    fn is_translated(&self) -> bool {
        self.env.conntrack.get(self.id).is_some_and(|own| own.status.any(Status::NAT_MASK))
    }

    /// Says in the log why the packet is dropped.
    fn refuse(&mut self, why: &'static str) -> Drop {
        super::complain(Kind::Sip, why, self.packet, self.env)
    }

    /// Replaces part of the message.
    #[must_use]
    fn replace(&mut self, span: Span, new: &str) -> bool {
        let at = self.at - self.payload + span.at;
        let done = payload::replace_bytes(self.packet, at, span.length, new.as_bytes());
        if done {
            self.length = self.length - span.length + new.len();
        }
        done
    }

    /// The messages of a TCP segment, each as long as it says. What is behind the last whole one is not looked at.
    fn stream(&mut self) -> Result<(), Drop> {
        let Some(sequence) = self.packet.view().tcp().map(|tcp| tcp.sequence()) else { return Ok(()) };
        let mut left = self.length;
        let mut moved = 0_usize;
        loop {
            self.length = left;
            let Some(length) = whole(self.text(), self.family) else { break };
            if length > left {
                // Linux: what was changed before is not noted then.
                return Ok(());
            }
            self.length = length;
            self.process()?;
            moved = moved.wrapping_add(self.length).wrapping_sub(length);
            self.at += self.length;
            left -= length;
        }
        if self.is_translated() {
            // Linux: the sum of the changes is 16 bits wide.
            let by = i32::from((moved & 0xffff) as u16 as i16) as u32;
            payload::move_later(self.packet, sequence, by, self.env);
        }
        Ok(())
    }

    /// One message.
    fn process(&mut self) -> Result<(), Drop> {
        if has(self.text(), 0, ANSWER) {
            self.answer()?;
        } else {
            self.request()?;
        }
        if self.is_translated() && self.translate().is_err() {
            return Err(self.refuse("cannot NAT SIP message"));
        }
        Ok(())
    }

    /// The number in the header CSeq, and where the header's digits are.
    fn sequence(&mut self) -> Result<(u32, Span), Drop> {
        let Some(span) = header(self.text(), 0, Header::CSeq, self.family).found() else {
            return Err(self.refuse("cannot parse cseq"));
        };
        match address::number(self.text(), span.at) {
            Some((number, _)) => Ok((number, span)),
            None => Err(self.refuse("cannot get cseq")),
        }
    }

    fn answer(&mut self) -> Result<(), Drop> {
        let text = self.text();
        if text.len() < SHORTEST {
            return Ok(());
        }
        let code = address::number(text, ANSWER.len()).map_or(0, |(code, _)| code);
        if code == 0 {
            return Err(self.refuse("cannot get code"));
        }
        let (sequence, span) = self.sequence()?;
        let text = self.text();
        let found = METHODS.into_iter().find(|&(name, method)| {
            !matches!(method, Method::Ack | Method::Bye) && has(text, span.end() + 1, name)
        });
        match found {
            Some((_, Method::Register)) => self.registered(sequence, code),
            Some(_) if (100..300).contains(&code) => self.media(),
            Some(_) => {
                if self.memory().invite == sequence {
                    self.forget_media();
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn request(&mut self) -> Result<(), Drop> {
        // Linux: some phones send from any port and listen at the one in Via.
        if let (Some(via), Some((own, _))) = (uri(self.text(), Header::ViaUdp, self.family), self.tuples())
            && via.port != own.source_id
            && via.address == own.source
        {
            self.remember(|memory| memory.forced_port = Some(via.port));
        }
        let text = self.text();
        let found = METHODS.into_iter().find(|(name, _)| {
            has(text, 0, name)
                && text.get(name.len()) == Some(&b' ')
                && text.get(name.len() + 1).is_some_and(|&byte| is_letter(byte))
        });
        let Some((_, method)) = found else { return Ok(()) };
        let (sequence, _) = self.sequence()?;
        match method {
            Method::Invite => {
                self.forget_media();
                self.media()?;
                self.remember(|memory| memory.invite = sequence);
                Ok(())
            }
            Method::Update | Method::Ack | Method::Prack => self.media(),
            Method::Bye => {
                self.forget_media();
                Ok(())
            }
            Method::Register => self.register(sequence),
        }
    }

    /// What the connection expects, the newest first: media or signalling.
    fn expected(&self, media: bool) -> Vec<ExpectationId> {
        let table = &self.env.conntrack;
        let is_media = |id: &ExpectationId| {
            table.expectation(*id).is_some_and(|item| item.class != class::SIGNALLING) == media
        };
        table.expectations_of(self.id).into_iter().filter(is_media).collect()
    }

    fn forget_media(&mut self) {
        for id in self.expected(true) {
            self.env.conntrack.unexpect(id);
        }
    }
}

/// How long the message is that a text begins with, by its Content-Length. `None`: it does not say so.
fn whole(text: &[u8], family: Family) -> Option<usize> {
    let span = header(text, 0, Header::ContentLength, family).found()?;
    let (length, end) = address::number(text, span.at)?;
    let body = text.get(end..)?.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((end + body + 4).saturating_add(usize::try_from(length).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests;

//! SCTP: the state of an association out of the chunks that pass.
//!
//! Read first: RFC 9260 sections 8.4 and 8.5 (verification tags); Linux `nf_conntrack_sctp_packet`. Each chunk of a
//! packet moves the state; a chunk that may not stand where it stands makes the packet INVALID, but what the chunks
//! before it changed stays changed.
use std::time::Duration;

use packet::{View, checksum};
use rules::Hook;

use super::track::{Context, Invalid, Outcome};
use super::tuple::{be16, be32};
use super::{Changes, Connection, ConnectionId, Conntrack, Direction, ProtocolState, Status, Timeouts};

/// States of an association as its packets show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nothing seen.
    #[default]
    None,
    /// An INIT was seen, or the association ended.
    Closed,
    /// An INIT ACK answered it.
    CookieWait,
    /// A COOKIE ECHO was seen.
    CookieEchoed,
    /// A COOKIE ACK answered it.
    Established,
    /// The side that opened shuts down.
    ShutdownSent,
    /// The other side shuts down.
    ShutdownRecd,
    /// A SHUTDOWN ACK was seen.
    ShutdownAckSent,
    /// The first that was seen was a HEARTBEAT.
    HeartbeatSent,
}

impl State {
    /// The word in the conntrack line.
    pub const fn name(self) -> &'static str {
        match self {
            State::None => "NONE",
            State::Closed => "CLOSED",
            State::CookieWait => "COOKIE_WAIT",
            State::CookieEchoed => "COOKIE_ECHOED",
            State::Established => "ESTABLISHED",
            State::ShutdownSent => "SHUTDOWN_SENT",
            State::ShutdownRecd => "SHUTDOWN_RECD",
            State::ShutdownAckSent => "SHUTDOWN_ACK_SENT",
            State::HeartbeatSent => "HEARTBEAT_SENT",
        }
    }

    /// The state of a word.
    pub fn from_name(name: &str) -> Option<Self> {
        use State::*;
        let all = [
            None,
            Closed,
            CookieWait,
            CookieEchoed,
            Established,
            ShutdownSent,
            ShutdownRecd,
            ShutdownAckSent,
            HeartbeatSent,
        ];
        all.into_iter().find(|state| state.name() == name)
    }

    const fn timeout(self, timeouts: &Timeouts) -> Duration {
        match self {
            State::None | State::Closed => timeouts.sctp_closed,
            State::CookieWait => timeouts.sctp_cookie_wait,
            State::CookieEchoed => timeouts.sctp_cookie_echoed,
            State::Established => timeouts.sctp_established,
            State::ShutdownSent => timeouts.sctp_shutdown_sent,
            State::ShutdownRecd => timeouts.sctp_shutdown_recd,
            State::ShutdownAckSent => timeouts.sctp_shutdown_ack_sent,
            State::HeartbeatSent => timeouts.sctp_heartbeat_sent,
        }
    }
}

/// What is remembered of an association. Pairs: the original direction first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sctp {
    /// The state.
    pub state: State,
    /// The tag that packets of each direction must carry; 0: not known.
    tags: [Tag; 2],
    /// Which sides sent an INIT that no COOKIE ACK has settled.
    init: [bool; 2],
    /// Whether a HEARTBEAT came with a wrong tag, and the direction of the last one: true for replies.
    heartbeat_failed: bool,
    heartbeat_reply: bool,
    /// Its tags are not known, because it comes from a table that does not show them: the next packet of each
    /// direction tells.
    untold: [bool; 2],
}

/// A verification tag.
// Why: packed, see `Udp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(2))]
struct Tag(u32);

/// Chunk types (IANA).
mod chunk {
    pub(super) const DATA: u8 = 0;
    pub(super) const INIT: u8 = 1;
    pub(super) const INIT_ACK: u8 = 2;
    pub(super) const HEARTBEAT: u8 = 4;
    pub(super) const HEARTBEAT_ACK: u8 = 5;
    pub(super) const ABORT: u8 = 6;
    pub(super) const SHUTDOWN: u8 = 7;
    pub(super) const SHUTDOWN_ACK: u8 = 8;
    pub(super) const ERROR: u8 = 9;
    pub(super) const COOKIE_ECHO: u8 = 10;
    pub(super) const COOKIE_ACK: u8 = 11;
    pub(super) const SHUTDOWN_COMPLETE: u8 = 14;
}

/// A chunk's header and, of INIT and INIT ACK, the tag that it announces.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    kind: u8,
    /// The bit T: the tag is that of the other direction.
    reflected: bool,
    length: u16,
    tag: Option<u32>,
}

/// The chunks of a packet, as far as their headers are there. A length of 0 would never end: it ends the list.
fn chunks(transport: &[u8]) -> impl Iterator<Item = Chunk> {
    const HEADER: usize = 12;
    let mut at = HEADER;
    std::iter::from_fn(move || {
        let &[kind, flags, _, _] = transport.get(at..at.checked_add(4)?)? else { return None };
        let length = be16(transport, at + 2)?;
        // The whole fixed part of an INIT must be there.
        let tag = transport.get(at + 4..at + 20).and_then(|init| be32(init, 0));
        at = if length == 0 { usize::MAX } else { at + usize::from(length).div_ceil(4) * 4 };
        Some(Chunk { kind, reflected: flags & 1 != 0, length, tag })
    })
}

/// Which kinds of chunks a packet has; `None`: none at all, or some that may not stand together.
fn kinds(transport: &[u8]) -> Option<[u64; 4]> {
    use chunk::{COOKIE_ACK, COOKIE_ECHO, INIT, INIT_ACK, SHUTDOWN_COMPLETE};
    let mut map = [0_u64; 4];
    let (mut alone, mut some) = (false, false);
    for chunk in chunks(transport) {
        alone |= matches!(chunk.kind, INIT | INIT_ACK | SHUTDOWN_COMPLETE);
        let first = alone || matches!(chunk.kind, COOKIE_ACK | COOKIE_ECHO);
        if (first && some) || chunk.length == 0 {
            return None;
        }
        some = true;
        if let Some(word) = map.get_mut(usize::from(chunk.kind >> 6)) {
            *word |= 1 << (chunk.kind & 63);
        }
    }
    some.then_some(map)
}

fn has(map: &[u64; 4], kinds: &[u8]) -> bool {
    kinds.iter().any(|kind| map.get(usize::from(kind >> 6)).is_some_and(|word| word >> (kind & 63) & 1 != 0))
}

/// Whether an association is on its way to its end (Linux: `sctp_can_early_drop`).
pub(super) fn is_closing(connection: &Connection) -> bool {
    matches!(
        connection.protocol,
        ProtocolState::Sctp(Sctp {
            state: State::ShutdownSent | State::ShutdownRecd | State::ShutdownAckSent,
            ..
        })
    )
}

impl Sctp {
    /// An association of which only the state is known.
    pub(super) fn loaded(state: State) -> Sctp {
        Sctp { state, untold: [true; 2], ..Sctp::default() }
    }

    /// Believes the tag of the first packet of a direction of a loaded association.
    fn learn(&mut self, first: Option<Chunk>, tag: u32, reply: bool) {
        let Some(first) = first.filter(|_| tag != 0) else { return };
        let reflected = first.reflected && matches!(first.kind, chunk::ABORT | chunk::SHUTDOWN_COMPLETE);
        let reply = reply != reflected;
        if let Some(untold) = self.untold.get_mut(usize::from(reply)).filter(|untold| **untold) {
            *untold = false;
            *self.own_tag(reply) = Tag(tag);
        }
    }

    /// What is known after the chunks of a first packet; `None` if they cannot begin an association.
    fn begin(transport: &[u8], tag: u32) -> Option<Sctp> {
        let mut sctp = Sctp::default();
        let [original, reply] = &mut sctp.tags;
        let [opened, _] = &mut sctp.init;
        for chunk in chunks(transport) {
            if next(false, chunk.kind, State::None).is_none_or(|state| state == State::None) {
                return None;
            }
            match chunk.kind {
                chunk::INIT if tag != 0 => return None,
                chunk::INIT => (*reply, *opened) = (Tag(chunk.tag?), true),
                chunk::HEARTBEAT => *original = Tag(tag),
                // RFC 9260, 8.4: the answer to a SHUTDOWN ACK out of the blue carries its tag.
                chunk::SHUTDOWN_ACK => *reply = Tag(tag),
                _ => {}
            }
        }
        Some(sctp)
    }

    fn tag(&self, reply: bool) -> u32 {
        let [Tag(original), Tag(replying)] = self.tags;
        if reply { replying } else { original }
    }

    fn own_tag(&mut self, reply: bool) -> &mut Tag {
        let [original, replying] = &mut self.tags;
        if reply { replying } else { original }
    }

    /// Takes one chunk. `Err`: the packet is INVALID. `Ok(None)`: the chunk is passed over. `Ok(Some)`: the state
    /// before and after.
    fn take(
        &mut self,
        chunk: Chunk,
        tag: u32,
        reply: bool,
        strict: bool,
    ) -> Result<Option<(State, State)>, Invalid> {
        let expected = self.tag(reply);
        let wrong = Err(Invalid::SctpTag);
        match chunk.kind {
            chunk::INIT if tag != 0 => return wrong,
            chunk::ABORT | chunk::SHUTDOWN_COMPLETE if tag != self.tag(reply != chunk.reflected) => {
                return wrong;
            }
            chunk::COOKIE_ECHO if tag != expected => return wrong,
            chunk::COOKIE_ACK => self.init = [false; 2],
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK if expected == 0 => *self.own_tag(reply) = Tag(tag),
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK if tag == expected => self.heartbeat_failed = false,
            chunk::HEARTBEAT => {
                // Why: the peer may have begun anew behind our back; its answer tells.
                if strict {
                    return wrong;
                }
                (self.heartbeat_failed, self.heartbeat_reply) = (true, reply);
                return Ok(None);
            }
            chunk::HEARTBEAT_ACK => {
                if strict || !self.heartbeat_failed || self.heartbeat_reply == reply {
                    return wrong;
                }
                self.heartbeat_failed = false;
                *self.own_tag(reply) = Tag(tag);
                *self.own_tag(!reply) = Tag(0);
            }
            _ => {}
        }
        let old = self.state;
        let Some(new) = next(reply, chunk.kind, old) else { return Err(Invalid::SctpState) };
        let (own, other) = (usize::from(reply), usize::from(!reply));
        match chunk.kind {
            chunk::INIT => {
                let announced = chunk.tag.ok_or(Invalid::Short)?;
                // Linux: an INIT that repeats what is known settles nothing anew (measured).
                if self.tags[other] != Tag(announced) {
                    if self.init == [true; 2] {
                        self.init[other] = false;
                    }
                    self.init[own] = true;
                    self.tags[other] = Tag(announced);
                }
            }
            chunk::INIT_ACK => {
                let announced = chunk.tag.ok_or(Invalid::Short)?;
                let Tag(known) = self.tags[other];
                let contradicts = known != announced;
                if (!self.init[other] && known != 0 && contradicts) || (self.init == [true; 2] && contradicts)
                {
                    return wrong;
                }
                self.tags[other] = Tag(announced);
            }
            _ => {}
        }
        self.state = new;
        Ok(Some((old, new)))
    }
}

/// What a packet does to its association.
pub(super) fn packet(table: &mut Conntrack, id: ConnectionId, view: View<'_>, context: &Context) -> Outcome {
    let (Some(header), Some(transport)) = (view.sctp(), view.transport()) else {
        return Outcome::Invalid(Invalid::Short);
    };
    if context.checks(Hook::Prerouting) && checksum::sctp(transport) != header.checksum {
        return Outcome::Invalid(Invalid::Checksum);
    }
    let Some(map) = kinds(transport) else { return Outcome::Invalid(Invalid::SctpChunks) };
    let tag = header.tag;
    let Some(connection) = table.get_mut(id) else { return Outcome::Accept };
    let confirmed = connection.status.has(Status::CONFIRMED);
    let mut sctp = match connection.protocol {
        ProtocolState::Sctp(sctp) if confirmed => sctp,
        _ if has(&map, &[chunk::ABORT, chunk::SHUTDOWN_COMPLETE, chunk::COOKIE_ACK]) => {
            return Outcome::Invalid(Invalid::SctpState);
        }
        _ => match Sctp::begin(transport, tag) {
            Some(sctp) => sctp,
            None => return Outcome::Invalid(Invalid::SctpState),
        },
    };
    let reply = context.info.direction() == Direction::Reply;
    sctp.learn(chunks(transport).next(), tag, reply);
    // These have rules of their own, chunk by chunk.
    let special = [
        chunk::INIT,
        chunk::SHUTDOWN_COMPLETE,
        chunk::COOKIE_ECHO,
        chunk::ABORT,
        chunk::SHUTDOWN_ACK,
        chunk::HEARTBEAT,
        chunk::HEARTBEAT_ACK,
    ];
    if !has(&map, &special) && tag != sctp.tag(reply) {
        return Outcome::Invalid(Invalid::SctpTag);
    }
    let before = sctp.state;
    let (mut ignored, mut assured, mut error) = (false, false, None);
    for chunk in chunks(transport) {
        let strict = ignored || has(&map, &[chunk::DATA]);
        match sctp.take(chunk, tag, reply, strict) {
            Err(reason) => {
                error = Some(reason);
                break;
            }
            Ok(None) => ignored = true,
            Ok(Some((old, new))) => {
                // Why: a client that repeats its INIT for ever must not keep the entry alive.
                ignored |=
                    chunk.kind == chunk::INIT && confirmed && (old, new) == (State::Closed, State::Closed);
                assured |= old != new && new == State::Established;
            }
        }
    }
    let state = sctp.state;
    connection.protocol = ProtocolState::Sctp(sctp);
    if assured {
        connection.status.set(Status::ASSURED);
        table.note(Changes::ASSURED, id);
    }
    if !confirmed || state != before {
        table.note(Changes::PROTOINFO, id);
    }
    if let Some(error) = error {
        return Outcome::Invalid(error);
    }
    if !ignored {
        let timeout = state.timeout(table.timeouts_of(id));
        table.refresh(id, context, view.bytes().len(), timeout);
    }
    Outcome::Accept
}

/// The state after a chunk of a direction; `None`: it may not come there. DATA, SACK and others change nothing.
fn next(reply: bool, kind: u8, state: State) -> Option<State> {
    use State::{
        Closed as Cl, CookieEchoed as Ce, CookieWait as Cw, Established as Es, HeartbeatSent as Hs,
        ShutdownAckSent as Sa, ShutdownRecd as Sr, ShutdownSent as Ss,
    };
    // Columns: none, closed, cookie wait, cookie echoed, established, shutdown sent, recd, ack sent, heartbeat sent.
    let row: [State; 9] = match (reply, kind) {
        // An INIT opens; while an association closes it opens a new one, unless the SHUTDOWN ACK was seen.
        (false, chunk::INIT) => [Cl, Cl, Cw, Ce, Es, Cl, Cl, Sa, Cw],
        // Cannot come from the side that opens: it is let through and changes nothing.
        (false, chunk::INIT_ACK) => [Cl, Cl, Cw, Ce, Es, Ss, Sr, Sa, Cl],
        (false, chunk::ABORT) => [Cl; 9],
        (false, chunk::SHUTDOWN) => [Cl, Cl, Cw, Ce, Ss, Ss, Sr, Sa, Cl],
        (false, chunk::SHUTDOWN_ACK) => [Sa, Cl, Cw, Ce, Es, Sa, Sa, Sa, Sa],
        (false, chunk::ERROR) => [Cl, Cl, Cw, Ce, Es, Ss, Sr, Sa, Cl],
        (false, chunk::COOKIE_ECHO) => [Cl, Cl, Ce, Ce, Es, Ss, Sr, Sa, Cl],
        // Only the other side acknowledges cookies, but in a collision both do.
        (false, chunk::COOKIE_ACK) => [Cl, Cl, Cw, Es, Es, Ss, Sr, Sa, Cl],
        (false, chunk::SHUTDOWN_COMPLETE) => [Cl, Cl, Cw, Ce, Es, Ss, Sr, Cl, Cl],
        (false, chunk::HEARTBEAT) => [Hs, Cl, Cw, Ce, Es, Ss, Sr, Sa, Hs],
        (false, chunk::HEARTBEAT_ACK) => [Cl, Cl, Cw, Ce, Es, Ss, Sr, Sa, Hs],
        // Replies to nothing cannot be, and to a HEARTBEAT only its answer.
        (true, kind) if state == State::None || (state == Hs && is_known(kind)) => match kind {
            chunk::HEARTBEAT if state == Hs => [Hs; 9],
            chunk::HEARTBEAT_ACK if state == Hs => [Es; 9],
            _ if is_known(kind) => return None,
            _ => [state; 9],
        },
        (true, chunk::INIT) => [Cl, Cl, Cw, Ce, Es, Ss, Sr, Sa, Hs],
        (true, chunk::INIT_ACK) => [Cl, Cw, Cw, Ce, Es, Ss, Sr, Sa, Hs],
        (true, chunk::ABORT) => [Cl; 9],
        (true, chunk::SHUTDOWN) => [Cl, Cl, Cw, Ce, Sr, Ss, Sr, Sa, Hs],
        (true, chunk::SHUTDOWN_ACK) => [Cl, Cl, Cw, Ce, Es, Sa, Sa, Sa, Hs],
        // A stale cookie.
        (true, chunk::ERROR) => [Cl, Cl, Cw, Cl, Es, Ss, Sr, Sa, Hs],
        (true, chunk::COOKIE_ECHO) => [Cl, Cl, Ce, Ce, Es, Ss, Sr, Sa, Hs],
        (true, chunk::COOKIE_ACK) => [Cl, Cl, Cw, Es, Es, Ss, Sr, Sa, Hs],
        (true, chunk::SHUTDOWN_COMPLETE) => [Cl, Cl, Cw, Ce, Es, Ss, Sr, Cl, Hs],
        _ => return Some(state),
    };
    row.get(state as usize).copied()
}

/// Whether a kind of chunk is in the table.
const fn is_known(kind: u8) -> bool {
    use chunk::*;
    matches!(kind, INIT | INIT_ACK | HEARTBEAT..=COOKIE_ACK | SHUTDOWN_COMPLETE)
}

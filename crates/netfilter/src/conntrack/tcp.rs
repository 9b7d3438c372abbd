//! TCP: the state of a connection out of the packets that pass.
//!
//! Read first: Linux `nf_conntrack_tcp_packet`; F39 to F43. The state table is data with a reason in each cell
//! (`states`); what the table cannot say (a reopened connection, an answer to a SYN that was let through, challenge
//! ACKs, resets) is in `packet` below; the window check is in `window`.
//!
//! What a packet does, in this order: header and flags are judged (F40, F44); the table gives the next state; special
//! cases; the window (F43); the timeout of the new state or a shorter one; ASSURED (F42).
use std::time::Duration;

use packet::view::{Tcp as Header, tcp_flags};
use packet::{Family, View};
use rules::Hook;

use super::sequence::SequenceAdjust;
use super::track::{Context, Invalid, Outcome};
use super::{Changes, Connection, ConnectionId, Conntrack, Direction, ProtocolState, Status, Timeouts};

mod states;
mod window;

pub use states::State;
use states::{Kind, Next, next};
pub use window::Side;
use window::Verdict;

/// What is remembered of a TCP connection.
// Why: packed, because it is the largest part of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(2))]
pub struct Tcp {
    /// The state.
    pub state: State,
    /// What each direction has sent, the original first.
    pub sides: [Side; 2],
    /// The packet before.
    last: Last,
    /// How often the last segment was repeated.
    retransmissions: u8,
}

/// The packet before, and a SYN that was let through without being believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(2))]
struct Last {
    sequence: u32,
    acknowledgement: u32,
    end: u32,
    window: u16,
    /// Window scale of the SYN that was let through.
    scale: u8,
    /// The bits below, and in the upper three its kind: 0: none, otherwise one more than its number.
    flags: u8,
}

impl Last {
    /// It was a reply.
    const REPLY: u8 = 1;
    /// The SYN that was let through had the window scale option …
    const SCALED: u8 = 1 << 1;
    /// … and permitted selective acknowledgements.
    const SACK: u8 = 1 << 2;
    /// The other side may answer that SYN with an ACK that acknowledges nothing new (RFC 5961).
    const EXPECT_CHALLENGE: u8 = 1 << 3;
    /// Both sides sent a SYN.
    const SIMULTANEOUS: u8 = 1 << 4;

    #[inline]
    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    #[inline]
    const fn put(&mut self, flag: u8, set: bool) {
        self.flags = if set { self.flags | flag } else { self.flags & !flag };
    }

    /// Whether it was of a kind.
    #[inline]
    const fn is(&self, kind: Kind) -> bool {
        self.flags >> 5 == kind as u8 + 1
    }

    /// What it is: its kind and its direction.
    #[inline]
    const fn set(&mut self, kind: Kind, reply: bool) {
        self.flags = self.flags & 0x1e | (kind as u8 + 1) << 5 | reply as u8;
    }

    /// Whether it was a reply.
    #[inline]
    const fn reply(&self) -> bool {
        self.has(Self::REPLY)
    }
}

/// Where a segment ends in the sequence space: SYN and FIN count as one byte each.
fn end_of(tcp: Header<'_>) -> u32 {
    let flags = tcp.flags();
    let length = u32::try_from(tcp.payload().len()).unwrap_or(u32::MAX);
    tcp.sequence()
        .wrapping_add(length)
        .wrapping_add(u32::from(flags & tcp_flags::SYN != 0))
        .wrapping_add(u32::from(flags & tcp_flags::FIN != 0))
}

/// Whether `one` is before `other` in the sequence space.
pub(super) fn before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

/// Whether `one` is after `other`.
pub(super) fn after(one: u32, other: u32) -> bool {
    before(other, one)
}

/// Whether the flags are a combination that TCP knows; PSH and the ECN bits do not count (F40).
fn flags_are_valid(flags: u8) -> bool {
    use tcp_flags::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};
    const SYN_URG: u8 = SYN | URG;
    const SYN_ACK: u8 = SYN | ACK;
    const RST_ACK: u8 = RST | ACK;
    const FIN_ACK: u8 = FIN | ACK;
    const FIN_ACK_URG: u8 = FIN | ACK | URG;
    const ACK_URG: u8 = ACK | URG;
    matches!(
        flags & !(ECE | CWR | PSH),
        SYN | SYN_URG | SYN_ACK | RST | RST_ACK | FIN_ACK | FIN_ACK_URG | ACK | ACK_URG
    )
}

/// Whether a connection is on its way to its end, so that it may be dropped early (Linux: `tcp_can_early_drop`).
pub(super) fn is_closing(connection: &Connection) -> bool {
    matches!(&connection.protocol, ProtocolState::Tcp(tcp) if tcp.state.is_closing())
}

impl Tcp {
    /// A connection of which only the state is known: neither side is judged by its window (Linux: so does `conntrack -I`
    /// by its flags). A FIN was seen in the states that only a FIN reaches.
    pub(super) fn loaded(state: State) -> Tcp {
        let mut tcp = Tcp { state, ..Tcp::default() };
        let closed = matches!(state, State::FinWait | State::CloseWait | State::LastAck | State::TimeWait);
        for side in &mut tcp.sides {
            side.put(Side::SACK | Side::LIBERAL, true);
            side.put(Side::CLOSE_INIT, closed);
        }
        tcp.last.put(Last::SIMULTANEOUS, state == State::SynSent2);
        tcp
    }

    /// The state after the first packet; `None` if it cannot begin a connection.
    fn begin(header: Header<'_>, kind: Kind, loose: bool) -> Option<Tcp> {
        let mut tcp = Tcp::default();
        match next(false, kind, State::None).0 {
            Next::To(State::SynSent) => {
                let [original, _] = &mut tcp.sides;
                original.end = end_of(header);
                original.largest_window = u32::from(header.window()).max(1);
                original.largest_end = original.end;
                original.read_options(header);
                Some(tcp)
            }
            Next::To(_) if loose => {
                // Why: the window's scale is not known, so neither side is judged by its window.
                let [original, reply] = &mut tcp.sides;
                original.end = end_of(header);
                original.largest_window = u32::from(header.window()).max(1);
                original.largest_end = original.end.wrapping_add(original.largest_window);
                for side in [original, reply] {
                    side.put(Side::SACK | Side::LIBERAL, true);
                }
                Some(tcp)
            }
            _ => None,
        }
    }
}

/// Why a TCP packet is INVALID before its connection is looked at.
fn header_error(view: View<'_>, context: &Context) -> Option<Invalid> {
    let Some(tcp) = view.tcp() else { return Some(Invalid::Short) };
    if tcp.options().is_none() {
        return Some(Invalid::TcpDataOffset);
    }
    if context.checks(Hook::Prerouting) && !super::track::checksum_is_right(view) {
        return Some(Invalid::Checksum);
    }
    (!flags_are_valid(tcp.flags())).then_some(Invalid::TcpFlags)
}

/// What the state table and its exceptions say before the window is looked at.
enum Step {
    /// On to the window with this next state.
    Window(State),
    /// The window is not looked at.
    InWindow(State),
    /// The packet passes; nothing moves.
    Pass,
    Invalid(Invalid),
    /// The connection is over: the packet begins a new one.
    Reopen,
}

/// What a packet does to its connection.
pub(super) fn packet(table: &mut Conntrack, id: ConnectionId, view: View<'_>, context: &Context) -> Outcome {
    if let Some(error) = header_error(view, context) {
        return Outcome::Invalid(error);
    }
    let Some(header) = view.tcp() else { return Outcome::Invalid(Invalid::Short) };
    let kind = Kind::of(header.flags());
    let (loose, liberal) = (table.config.tcp_loose, table.config.tcp_be_liberal);
    let ignore_invalid_reset = table.config.tcp_ignore_invalid_rst;
    let Some(connection) = table.get_mut(id) else { return Outcome::Invalid(Invalid::TcpState("")) };
    let status = connection.status;
    let mut tcp = match connection.protocol {
        ProtocolState::Tcp(tcp) if status.has(Status::CONFIRMED) => tcp,
        _ => match Tcp::begin(header, kind, loose) {
            Some(tcp) => tcp,
            None => return Outcome::Invalid(Invalid::TcpState(next(false, kind, State::None).1)),
        },
    };
    let reply = context.info.direction() == Direction::Reply;
    let old = tcp.state;
    let mut from = old;
    let new = match step(&mut tcp, &mut from, header, kind, reply, status, ignore_invalid_reset) {
        Step::Window(new) => {
            let verdict = tcp.check_window(header, kind, reply, connection.rare().sequence.as_ref(), liberal);
            match verdict {
                Verdict::Ok => Some(new),
                Verdict::Ignored => None,
                Verdict::Invalid(error) => {
                    connection.protocol = ProtocolState::Tcp(tcp);
                    after_invalid(table, id, kind, reply, context);
                    return Outcome::Invalid(error);
                }
            }
        }
        Step::InWindow(new) => Some(new),
        Step::Pass => None,
        // Linux: where the SYN of SYNPROXY or its answer was lost, a keep-alive of the client asks for a new one.
        Step::Invalid(Invalid::TcpState(_))
            if connection.rare().synproxy.is_some()
                && (from, kind, reply) == (State::SynSent, Kind::Ack, false)
                && !tcp.last.reply()
                && tcp.sides[0].end.wrapping_sub(1) == header.sequence() =>
        {
            return Outcome::Accept;
        }
        Step::Invalid(error) => return Outcome::Invalid(error),
        Step::Reopen => return Outcome::Repeat,
    };
    let Some(new) = new else {
        connection.protocol = ProtocolState::Tcp(tcp);
        return Outcome::Accept;
    };
    tcp.last.set(kind, reply);
    tcp.state = new;
    if from != new && new == State::FinWait {
        tcp.sides[usize::from(reply)].put(Side::CLOSE_INIT, true);
    }
    connection.protocol = ProtocolState::Tcp(tcp);
    finish(table, id, context, &tcp, (from, new), kind, status, view.bytes().len())
}

/// The state table and its exceptions.
fn step(
    tcp: &mut Tcp,
    old: &mut State,
    header: Header<'_>,
    kind: Kind,
    reply: bool,
    status: Status,
    ignore_invalid_reset: bool,
) -> Step {
    let own = usize::from(reply);
    let (cell, why) = next(reply, kind, *old);
    match cell {
        Next::Invalid => Step::Invalid(Invalid::TcpState(why)),
        Next::Ignore => ignored(tcp, old, header, kind, reply),
        Next::To(State::SynSent) if *old >= State::TimeWait => {
            let closed = tcp.sides.iter().any(|side| side.has(Side::CLOSE_INIT));
            let aborted = tcp.last.reply() == reply && tcp.last.is(Kind::Rst);
            if closed || aborted {
                return Step::Reopen;
            }
            ignored(tcp, old, header, kind, reply)
        }
        Next::To(State::TimeWait)
            if *old == State::LastAck
                && kind == Kind::Ack
                && tcp.last.reply() != reply
                && tcp.last.is(Kind::Syn)
                && tcp.last.has(Last::EXPECT_CHALLENGE) =>
        {
            // RFC 5961: it answers the SYN, it does not acknowledge the last FIN.
            tcp.last.put(Last::EXPECT_CHALLENGE, false);
            Step::Pass
        }
        Next::To(State::SynSent2) => {
            tcp.last.put(Last::SIMULTANEOUS, true);
            Step::Window(State::SynSent2)
        }
        Next::To(State::SynRecv) if reply && kind == Kind::Ack && tcp.last.has(Last::SIMULTANEOUS) => {
            Step::Window(State::Established)
        }
        Next::To(State::Close) if kind == Kind::Rst => {
            reset(tcp, *old, header, own, status, ignore_invalid_reset)
        }
        Next::To(new) => Step::Window(new),
    }
}

/// A packet that may be right if our entry is not in step with the two ends: it passes and is remembered. A SYN/ACK
/// that answers such a SYN is believed (footnote 3 of F41).
fn ignored(tcp: &mut Tcp, old: &mut State, header: Header<'_>, kind: Kind, reply: bool) -> Step {
    let last = tcp.last;
    if kind == Kind::SynAck
        && last.is(Kind::Syn)
        && last.reply() != reply
        && header.acknowledgement() == last.end
    {
        *old = State::SynSent;
        let mut syn = Side {
            end: last.end,
            largest_end: last.end,
            largest_window: u32::from(last.window).max(1),
            scale: last.scale,
            ..Side::default()
        };
        syn.put(Side::SCALED, last.has(Last::SCALED));
        syn.put(Side::SACK, last.has(Last::SACK));
        tcp.last.put(Last::EXPECT_CHALLENGE, false);
        tcp.sides[usize::from(last.reply())] = syn;
        // Linux: the answering side begins anew but stays liberal, the other does not (measured).
        let own = &mut tcp.sides[usize::from(reply)];
        let liberal = own.has(Side::LIBERAL);
        *own = Side::default();
        own.put(Side::LIBERAL, liberal);
        return Step::Window(State::SynRecv);
    }
    tcp.last.set(kind, reply);
    tcp.last.sequence = header.sequence();
    tcp.last.end = end_of(header);
    tcp.last.window = header.window();
    if kind == Kind::Syn && !reply {
        let mut seen = Side::default();
        seen.read_options(header);
        tcp.last.scale = seen.scale;
        tcp.last.put(Last::SCALED, seen.has(Side::SCALED));
        tcp.last.put(Last::SACK, seen.has(Side::SACK));
        tcp.last.put(Last::EXPECT_CHALLENGE, *old == State::LastAck);
        tcp.last.put(Last::SIMULTANEOUS, false);
    }
    if *old == State::SynSent && kind == Kind::Ack && reply {
        tcp.last.acknowledgement = header.acknowledgement();
    }
    Step::Pass
}

/// A RST that would close the connection (F43).
fn reset(
    tcp: &mut Tcp,
    old: State,
    header: Header<'_>,
    own: usize,
    status: Status,
    ignore_invalid: bool,
) -> Step {
    // Why: the tuple may be in use again already, and what is remembered of sequence numbers be out of date.
    if old.is_closing() {
        return Step::InWindow(State::Close);
    }
    let established = old == State::Established && status.has(Status::ASSURED);
    let mut new = State::Close;
    let peer = &tcp.sides[1 - own];
    if let Some(highest) = peer.highest_ack().filter(|_| !tcp.last.is(Kind::Syn)) {
        let sequence = header.sequence();
        if sequence == 0 && !established {
            return Step::Window(State::Close);
        }
        if before(sequence, highest) && !ignore_invalid {
            return Step::Invalid(Invalid::TcpReset);
        }
        let train =
            tcp.last.is(Kind::Ack) && usize::from(tcp.last.reply()) == own && sequence == tcp.last.end;
        if !established || sequence == highest || train {
            return Step::Window(State::Close);
        }
        // Not the exact number: the peer may answer with a challenge ACK and go on.
        new = old;
    }
    // Linux: for a SYN the directions must differ, for an ACK they need not (both measured).
    let answers_syn =
        status.has(Status::SEEN_REPLY) && tcp.last.is(Kind::Syn) && usize::from(tcp.last.reply()) != own;
    let answers_ignored = answers_syn || (!status.has(Status::ASSURED) && tcp.last.is(Kind::Ack));
    if answers_ignored && header.acknowledgement() == tcp.last.end {
        return Step::InWindow(new);
    }
    let answers_challenge = old == State::SynSent
        && tcp.last.is(Kind::Ack)
        && tcp.last.reply()
        && header.sequence() == tcp.last.acknowledgement;
    if answers_challenge { Step::InWindow(new) } else { Step::Window(new) }
}

/// The timeout of a packet that was believed, and what else it changes.
#[expect(clippy::too_many_arguments, reason = "one step of `packet`, split for length")]
fn finish(
    table: &mut Conntrack,
    id: ConnectionId,
    context: &Context,
    tcp: &Tcp,
    (old, new): (State, State),
    kind: Kind,
    status: Status,
    bytes: usize,
) -> Outcome {
    let mut timeout = timeout(table.config.tcp_max_retrans, table.timeouts_of(id), tcp, new, kind);
    if new != old || !status.has(Status::CONFIRMED) {
        table.note(Changes::PROTOINFO, id);
    }
    if !status.has(Status::SEEN_REPLY) {
        if kind == Kind::Rst {
            // Nobody answered but with a reset: the connection is gone at once (footnote 2 of F41).
            table.account(id, context.info, bytes);
            table.unlink(id);
            return Outcome::Accept;
        }
        if kind == Kind::Syn && old == State::SynSent && status.has(Status::CONFIRMED) {
            // Why: a client that repeats its SYN for ever must not keep the entry alive (footnote 1).
            return Outcome::Accept;
        }
        if new == State::Established {
            timeout = timeout.min(table.timeouts_of(id).tcp_unacknowledged);
        }
    } else if !status.has(Status::ASSURED)
        && matches!(old, State::SynRecv | State::Established)
        && new == State::Established
        && let Some(connection) = table.get_mut(id)
    {
        connection.status.set(Status::ASSURED);
        table.note(Changes::ASSURED, id);
    }
    table.refresh(id, context, bytes, timeout);
    Outcome::Accept
}

/// The length of life that a packet gives.
fn timeout(max_retrans: u8, timeouts: &Timeouts, tcp: &Tcp, state: State, kind: Kind) -> Duration {
    let usual = state.timeout(timeouts);
    let unacknowledged = tcp.sides.iter().any(|side| side.has(Side::UNACKNOWLEDGED));
    if tcp.retransmissions >= max_retrans && usual > timeouts.tcp_max_retrans {
        timeouts.tcp_max_retrans
    } else if kind == Kind::Rst {
        timeouts.tcp_close
    } else if unacknowledged && usual > timeouts.tcp_unacknowledged {
        timeouts.tcp_unacknowledged
    } else if tcp.last.window == 0 && usual > timeouts.tcp_max_retrans {
        timeouts.tcp_max_retrans
    } else {
        usual
    }
}

/// What an INVALID FIN or RST does: if the other side sent one too, the two ends are likely done although we could not
/// follow, so the life of an ASSURED connection is shortened (Linux: `nf_tcp_handle_invalid`).
fn after_invalid(table: &mut Conntrack, id: ConnectionId, kind: Kind, reply: bool, context: &Context) {
    let short = table.timeouts_of(id).tcp_unacknowledged;
    let Some(connection) = table.get_mut(id) else { return };
    if !connection.status.has(Status::ASSURED)
        || connection.status.has(Status::FIXED_TIMEOUT)
        || !matches!(kind, Kind::Rst | Kind::Fin)
    {
        return;
    }
    let remaining = connection.remaining(context.now);
    let ProtocolState::Tcp(tcp) = &mut connection.protocol else { return };
    if tcp.last.reply() != reply && (tcp.last.is(Kind::Fin) || tcp.last.is(Kind::Rst)) {
        if remaining >= Duration::from_secs(120) && remaining > short {
            table.set_expires(id, context.now + short);
        }
    } else {
        tcp.last.set(kind, reply);
    }
}

impl Conntrack {
    /// Connection tracking begins again after a pause in which nothing was seen: established connections are picked up
    /// as if in their middle (measured; Linux: `nf_ct_tcp_fixup`).
    pub(crate) fn resume(&mut self, family: Family) {
        for connection in self.connections_mut() {
            if connection.family() == family
                && let ProtocolState::Tcp(tcp) = &mut connection.protocol
                && tcp.state == State::Established
            {
                tcp.sides.iter_mut().for_each(|side| side.largest_window = 0);
            }
        }
    }

    /// REJECT answered with a reset: the connection is CLOSE for 10 s, unless it is not confirmed (F29).
    pub fn set_timeout_close(&mut self, id: ConnectionId, now: crate::Instant) {
        let close = self.timeouts_of(id).tcp_close;
        let Some(connection) = self.get_mut(id) else { return };
        let status = connection.status;
        if !status.has(Status::CONFIRMED) {
            return;
        }
        let ProtocolState::Tcp(tcp) = &mut connection.protocol else { return };
        let old = std::mem::replace(&mut tcp.state, State::Close);
        if old != State::Close && !status.has(Status::FIXED_TIMEOUT) {
            self.set_expires(id, now + close);
            self.note(Changes::PROTOINFO, id);
        }
    }

    /// The largest window that a side has offered, as a header says it.
    pub(crate) fn largest_window(&self, id: ConnectionId, direction: Direction) -> u16 {
        match self.get(id).map(|connection| connection.protocol) {
            Some(ProtocolState::Tcp(tcp)) => {
                let [original, reply] = tcp.sides;
                let side = if direction == Direction::Original { original } else { reply };
                (side.largest_window & 0xffff) as u16
            }
            _ => 0,
        }
    }

    /// The TCP state of a connection.
    pub fn tcp_state(&self, id: ConnectionId) -> Option<State> {
        match self.get(id)?.protocol {
            ProtocolState::Tcp(tcp) => Some(tcp.state),
            _ => None,
        }
    }
}

/// How a sequence number that acknowledges is moved by what a helper changed in the other direction.
fn sequence_offset(adjust: Option<&SequenceAdjust>, reply: bool, sequence: u32) -> u32 {
    adjust.map_or(0, |adjust| adjust.offset(reply, sequence))
}

#[cfg(test)]
mod tests;

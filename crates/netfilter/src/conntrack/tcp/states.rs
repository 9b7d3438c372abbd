//! The state table of TCP as data: for each direction, kind of packet and state the next state and the reason.
use std::time::Duration;

use packet::view::tcp_flags;

use super::Timeouts;

/// States of a TCP connection as its packets show it. The order matters: from [`State::TimeWait`] on a SYN may begin
/// a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Nothing seen.
    #[default]
    None,
    /// A SYN was seen.
    SynSent,
    /// A SYN/ACK answered it.
    SynRecv,
    /// The handshake is complete, or the connection was picked up in its middle.
    Established,
    /// One side sent a FIN.
    FinWait,
    /// That FIN was acknowledged.
    CloseWait,
    /// A second FIN was seen.
    LastAck,
    /// It was acknowledged.
    TimeWait,
    /// A reset was seen.
    Close,
    /// Both sides sent a SYN.
    SynSent2,
}

impl State {
    /// The word in the conntrack line.
    pub const fn name(self) -> &'static str {
        match self {
            State::None => "NONE",
            State::SynSent => "SYN_SENT",
            State::SynRecv => "SYN_RECV",
            State::Established => "ESTABLISHED",
            State::FinWait => "FIN_WAIT",
            State::CloseWait => "CLOSE_WAIT",
            State::LastAck => "LAST_ACK",
            State::TimeWait => "TIME_WAIT",
            State::Close => "CLOSE",
            State::SynSent2 => "SYN_SENT2",
        }
    }

    /// The state of a word.
    pub fn from_name(name: &str) -> Option<Self> {
        use State::*;
        let all =
            [None, SynSent, SynRecv, Established, FinWait, CloseWait, LastAck, TimeWait, Close, SynSent2];
        all.into_iter().find(|state| state.name() == name)
    }

    /// Whether the connection is on its way to its end.
    pub(super) const fn is_closing(self) -> bool {
        matches!(self, State::FinWait | State::CloseWait | State::LastAck | State::TimeWait | State::Close)
    }

    /// How long the state lasts without a packet.
    pub(super) const fn timeout(self, timeouts: &Timeouts) -> Duration {
        match self {
            State::None | State::SynSent => timeouts.tcp_syn_sent,
            State::SynSent2 => timeouts.tcp_syn_sent2,
            State::SynRecv => timeouts.tcp_syn_recv,
            State::Established => timeouts.tcp_established,
            State::FinWait => timeouts.tcp_fin_wait,
            State::CloseWait => timeouts.tcp_close_wait,
            State::LastAck => timeouts.tcp_last_ack,
            State::TimeWait => timeouts.tcp_time_wait,
            State::Close => timeouts.tcp_close,
        }
    }
}

/// Kinds of packets: the first of RST, SYN, FIN, ACK that is set decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Fin,
    Ack,
    Rst,
}

impl Kind {
    /// The kind of a packet whose flags are valid (F40): each of those has one.
    pub(super) const fn of(flags: u8) -> Self {
        use tcp_flags::{ACK, FIN, RST, SYN};
        if flags & RST != 0 {
            Kind::Rst
        } else if flags & SYN != 0 {
            if flags & ACK != 0 { Kind::SynAck } else { Kind::Syn }
        } else if flags & FIN != 0 {
            Kind::Fin
        } else {
            Kind::Ack
        }
    }
}

/// A cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The packet is INVALID.
    Invalid,
    /// The packet passes, the entry stays as it is.
    Ignore,
    /// The next state.
    To(State),
}

use Next::{Ignore, Invalid, To};
use State::{Close, CloseWait, Established, FinWait, LastAck, SynRecv, SynSent, SynSent2, TimeWait};

/// The next state and the reason.
#[inline]
pub(super) const fn next(reply: bool, kind: Kind, state: State) -> (Next, &'static str) {
    let rows = if reply { &REPLY } else { &ORIGINAL };
    // The three indices are discriminants of enums as long as the arrays.
    rows[kind as usize][state as usize]
}

type Row = [(Next, &'static str); 10];

/// Rows by [`Kind`], columns by [`State`].
static ORIGINAL: [Row; 5] = [
    // SYN
    [
        (To(SynSent), "a new connection"),
        (To(SynSent), "the SYN again"),
        (Ignore, "a late repeat, or a new connection of which the peer knows more than we"),
        (Ignore, "an error, or the client began anew: the peer's answer decides"),
        (Ignore, "an error, or the client began anew: the peer's answer decides"),
        (Ignore, "an error, or the client began anew: the peer's answer decides"),
        (Ignore, "an error, or the client began anew: the peer's answer decides"),
        (To(SynSent), "the connection is reopened"),
        (To(SynSent), "the connection is reopened"),
        (To(SynSent2), "the SYN again, while both open"),
    ],
    // SYN/ACK
    [
        (Invalid, "a SYN/ACK without a SYN"),
        (Invalid, "a SYN/ACK from the side that sent the SYN"),
        (To(SynRecv), "both opened, this is the other SYN/ACK"),
        (Invalid, "a SYN/ACK from the side that opened"),
        (Invalid, "a SYN/ACK from the side that opened"),
        (Invalid, "a SYN/ACK from the side that opened"),
        (Invalid, "a SYN/ACK from the side that opened"),
        (Invalid, "a SYN/ACK from the side that opened"),
        (Invalid, "a SYN/ACK from the side that opened"),
        (To(SynRecv), "both open, the client answers the server's SYN"),
    ],
    // FIN
    [
        (Invalid, "a FIN without a connection"),
        (Invalid, "a FIN before any answer"),
        (To(FinWait), "the client closes at once"),
        (To(FinWait), "the client closes"),
        (To(LastAck), "the second FIN, or the first one again"),
        (To(LastAck), "the second FIN"),
        (To(LastAck), "the FIN again"),
        (To(TimeWait), "the FIN again"),
        (To(Close), "a FIN after a reset"),
        (Invalid, "a FIN before any answer"),
    ],
    // ACK
    [
        (To(Established), "the middle of a connection"),
        (Invalid, "an ACK before any answer"),
        (To(Established), "the handshake is complete"),
        (To(Established), "data or acknowledgement"),
        (To(CloseWait), "the FIN is acknowledged"),
        (To(CloseWait), "data or acknowledgement after a FIN"),
        (To(TimeWait), "the second FIN is acknowledged"),
        (To(TimeWait), "the acknowledgement again"),
        (To(Close), "an ACK after a reset"),
        (Invalid, "an ACK while both open"),
    ],
    // RST
    [
        (Invalid, "a RST without a connection"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset again"),
        (To(Close), "reset"),
    ],
];

static REPLY: [Row; 5] = [
    // SYN
    [
        (Invalid, "a reply without a connection"),
        (To(SynSent2), "both sides open"),
        (Invalid, "a SYN from the side that sent the SYN/ACK"),
        (Invalid, "a SYN from the side that did not open"),
        (Invalid, "a SYN from the side that did not open"),
        (Invalid, "a SYN from the side that did not open"),
        (Invalid, "a SYN from the side that did not open"),
        (To(SynSent), "the connection is reopened from the other side"),
        (Invalid, "a SYN from the side that did not open"),
        (To(SynSent2), "the SYN again, while both open"),
    ],
    // SYN/ACK
    [
        (Invalid, "a reply without a connection"),
        (To(SynRecv), "the server answers"),
        (Ignore, "the SYN/ACK again"),
        (Ignore, "a late SYN/ACK, or the answer to a SYN that was let through"),
        (Ignore, "a late SYN/ACK, or the answer to a SYN that was let through"),
        (Ignore, "a late SYN/ACK, or the answer to a SYN that was let through"),
        (Ignore, "a late SYN/ACK, or the answer to a SYN that was let through"),
        (Ignore, "a late SYN/ACK, or the answer to a SYN that was let through"),
        (Ignore, "a late SYN/ACK, or the answer to a SYN that was let through"),
        (To(SynRecv), "both open, the server answers the client's SYN"),
    ],
    // FIN
    [
        (Invalid, "a reply without a connection"),
        (Invalid, "a FIN before the handshake"),
        (To(FinWait), "the server closes at once"),
        (To(FinWait), "the server closes"),
        (To(LastAck), "the second FIN, or the first one again"),
        (To(LastAck), "the second FIN"),
        (To(LastAck), "the FIN again"),
        (To(TimeWait), "the FIN again"),
        (To(Close), "a FIN after a reset"),
        (Invalid, "a FIN before the handshake"),
    ],
    // ACK
    [
        (Invalid, "a reply without a connection"),
        (Ignore, "an answer to a SYN that the server takes for part of an older connection"),
        (To(SynRecv), "the SYN/ACK's data or window"),
        (To(Established), "data or acknowledgement"),
        (To(CloseWait), "the FIN is acknowledged"),
        (To(CloseWait), "data or acknowledgement after a FIN"),
        (To(TimeWait), "the second FIN is acknowledged"),
        (To(TimeWait), "the acknowledgement again"),
        (To(Close), "an ACK after a reset"),
        (Ignore, "an ACK while both open"),
    ],
    // RST
    [
        (Invalid, "a reply without a connection"),
        (To(Close), "refused"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset"),
        (To(Close), "reset again"),
        (To(Close), "reset"),
    ],
];

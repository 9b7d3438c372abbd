//! The window check: may this segment have been sent, as far as both sides' packets tell?
//!
//! Read first: G. van Rooij, "Real stateful TCP packet filtering in IP Filter"; Linux `tcp_in_window`; F43. Four
//! bounds hold for a segment: it does not reach beyond what the peer offered; it is not older than the peer's window;
//! it does not acknowledge what was not sent; it does not acknowledge what is much too old. Breaking them is INVALID
//! or merely *ignored*.
use packet::view::{Tcp as Header, tcp_flags};

use super::{Kind, Last, SequenceAdjust, State, Tcp, after, before, end_of, sequence_offset};
use crate::conntrack::track::Invalid;
use crate::conntrack::tuple::be32;

/// An acknowledgement may be this much older than what the peer sent last, or older by the window if that is larger.
const OLDEST_ACK: u32 = 66_000;
/// The largest window scale (RFC 7323).
const LARGEST_SCALE: u8 = 14;

mod option {
    pub(super) const END: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
}

/// What one side of a connection has sent.
// Why: packed, because every connection of the table has two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(Rust, packed(2))]
pub struct Side {
    /// The highest sequence number sent, plus one.
    pub end: u32,
    /// The right edge of what the peer allows: its acknowledgement plus window.
    pub largest_end: u32,
    /// The largest window that this side offered, scaled; 0: it has not sent anything yet.
    pub largest_window: u32,
    /// The highest number that this side acknowledged, if [`Side::ACKNOWLEDGED`].
    pub(super) acknowledged: u32,
    /// Its window scale.
    pub scale: u8,
    /// The bits below.
    pub(super) flags: u8,
}

/// What came of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    /// It passes, but nothing is learnt from it.
    Ignored,
    Invalid(Invalid),
}

/// The options of a TCP header one by one: kind and data. Ends at the first one that is cut or senseless.
fn options(header: Header<'_>) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = header.options().unwrap_or(&[]);
    std::iter::from_fn(move || {
        loop {
            match *rest {
                [option::NOP, ref tail @ ..] => rest = tail,
                [option::END, ..] | [] | [_] => return None,
                [kind, length, ..] => {
                    let length = usize::from(length);
                    let (this, tail) = rest.split_at_checked(length)?;
                    rest = tail;
                    return Some((kind, this.get(2..)?));
                }
            }
        }
    })
}

impl Side {
    /// It sent the window scale option.
    pub const SCALED: u8 = 1;
    /// It permits selective acknowledgements.
    pub const SACK: u8 = 1 << 1;
    /// It is not judged by its window: the connection was picked up in its middle.
    pub const LIBERAL: u8 = 1 << 2;
    /// It sent data that is not acknowledged yet.
    pub const UNACKNOWLEDGED: u8 = 1 << 3;
    /// It sent the first FIN.
    pub const CLOSE_INIT: u8 = 1 << 4;
    /// It has acknowledged something.
    const ACKNOWLEDGED: u8 = 1 << 5;

    /// Whether a bit is set.
    #[inline]
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Sets a bit, or clears it.
    #[inline]
    pub const fn put(&mut self, flag: u8, set: bool) {
        self.flags = if set { self.flags | flag } else { self.flags & !flag };
    }

    /// The highest number that this side acknowledged.
    #[inline]
    pub fn highest_ack(&self) -> Option<u32> {
        self.has(Self::ACKNOWLEDGED).then_some(self.acknowledged)
    }

    #[inline]
    fn set_highest_ack(&mut self, number: u32) {
        self.acknowledged = number;
        self.put(Self::ACKNOWLEDGED, true);
    }

    /// Learns window scale and SACK from a SYN.
    pub(super) fn read_options(&mut self, header: Header<'_>) {
        if header.options().unwrap_or(&[]).is_empty() {
            return;
        }
        // Linux: all flags but the liberal one are cleared, by which the highest acknowledgement counts no longer.
        self.scale = 0;
        self.flags &= Self::LIBERAL;
        for (kind, data) in options(header) {
            match (kind, data) {
                (option::SACK_PERMITTED, []) => self.put(Self::SACK, true),
                (option::WINDOW_SCALE, &[scale]) => {
                    self.scale = scale.min(LARGEST_SCALE);
                    self.put(Self::SCALED, true);
                }
                _ => {}
            }
        }
    }
}

/// The highest number that a segment acknowledges, selectively or not.
fn selective(header: Header<'_>, mut highest: u32) -> u32 {
    for (kind, data) in options(header) {
        if kind == option::SACK && data.len() >= 8 && data.len() % 8 == 0 {
            for block in data.chunks_exact(8) {
                if let Some(right) = be32(block, 4).filter(|&right| after(right, highest)) {
                    highest = right;
                }
            }
            break;
        }
    }
    highest
}

impl Tcp {
    fn pair(&mut self, reply: bool) -> (&mut Side, &mut Side) {
        let [original, replying] = &mut self.sides;
        if reply { (replying, original) } else { (original, replying) }
    }

    /// A SYN or SYN/ACK says where a side begins.
    fn begin_side(&mut self, header: Header<'_>, reply: bool) {
        let (sender, receiver) = self.pair(reply);
        sender.end = end_of(header);
        sender.largest_end = sender.end;
        sender.largest_window = u32::from(header.window()).max(1);
        sender.read_options(header);
        // RFC 7323: windows are only scaled if both sides said so.
        if reply && !(sender.has(Side::SCALED) && receiver.has(Side::SCALED)) {
            (sender.scale, receiver.scale) = (0, 0);
        }
    }

    /// Checks a segment and, if it is right, learns from it.
    pub(super) fn check_window(
        &mut self,
        header: Header<'_>,
        kind: Kind,
        reply: bool,
        adjust: Option<&SequenceAdjust>,
        liberal: bool,
    ) -> Verdict {
        let state = self.state;
        let flags = header.flags();
        let (syn, rst) = (flags & tcp_flags::SYN != 0, flags & tcp_flags::RST != 0);
        let has_ack = flags & tcp_flags::ACK != 0;
        let mut sequence = header.sequence();
        let mut end = end_of(header);
        let raw_window = header.window();
        let mut window = u32::from(raw_window);
        let mut ack = header.acknowledgement();
        let mut sack =
            if self.sides[usize::from(!reply)].has(Side::SACK) { selective(header, ack) } else { ack };
        // What a helper changed in the other direction is taken back: the peer acknowledges what it saw.
        let moved = sequence_offset(adjust, !reply, ack.wrapping_sub(1));
        ack = ack.wrapping_sub(moved);
        sack = sack.wrapping_sub(moved);

        let (sender, receiver) = self.pair(reply);
        if sender.largest_window == 0 {
            if syn {
                self.begin_side(header, reply);
                if !has_ack {
                    return Verdict::Ok;
                }
            } else {
                // The middle of a connection: the packet is believed.
                sender.end = end;
                sender.largest_window = (window << sender.scale).max(1);
                sender.largest_end = end.wrapping_add(sender.largest_window);
                if receiver.largest_window == 0 {
                    (receiver.end, receiver.largest_end) = (sack, sack);
                } else if sack == receiver.end.wrapping_add(1) {
                    // The answer to a keep-alive, most likely.
                    receiver.end = sack;
                }
            }
        } else if syn && after(end, sender.end) && matches!(state, State::SynSent | State::SynRecv) {
            // RFC 793: a side may begin anew with a higher number.
            self.begin_side(header, reply);
            if reply && !has_ack {
                return Verdict::Ok;
            }
        }

        let (sender, receiver) = self.pair(reply);
        if !has_ack || (rst && ack == 0) {
            // No acknowledgement, or a broken stack's RST with ACK and 0: taken for right.
            (ack, sack) = (receiver.end, receiver.end);
        }
        if rst && sequence == 0 && state == State::SynSent {
            // The answer to a SYN.
            (sequence, end) = (sender.end, sender.end);
        }
        if let Some(verdict) = judge(sender, receiver, sequence, end, sack) {
            return if liberal || sender.has(Side::LIBERAL) { Verdict::Ok } else { verdict };
        }

        if !syn {
            window <<= sender.scale;
        }
        let offered = window.wrapping_add(sack.wrapping_sub(ack));
        sender.largest_window = sender.largest_window.max(offered);
        if after(end, sender.end) {
            sender.end = end;
            sender.put(Side::UNACKNOWLEDGED, true);
        }
        if has_ack {
            let highest = sender.highest_ack().filter(|&highest| !after(ack, highest));
            sender.set_highest_ack(highest.unwrap_or(ack));
        }
        if receiver.largest_window != 0 && after(end, sender.largest_end) {
            receiver.largest_window =
                receiver.largest_window.wrapping_add(end.wrapping_sub(sender.largest_end));
        }
        let edge = sack.wrapping_add(window);
        if after(edge, receiver.largest_end.wrapping_sub(1)) {
            receiver.largest_end = edge.wrapping_add(u32::from(window == 0));
        }
        if ack == receiver.end {
            receiver.put(Side::UNACKNOWLEDGED, false);
        }
        if kind == Kind::Ack {
            self.note_segment(sequence, ack, end, raw_window, reply);
        }
        Verdict::Ok
    }

    /// Counts repeats of a segment.
    fn note_segment(&mut self, sequence: u32, acknowledgement: u32, end: u32, window: u16, reply: bool) {
        let last = &mut self.last;
        let same = last.has(Last::REPLY) == reply
            && last.sequence == sequence
            && last.acknowledgement == acknowledgement
            && last.end == end
            && last.window == window;
        if same {
            self.retransmissions = self.retransmissions.wrapping_add(1);
        } else {
            last.put(Last::REPLY, reply);
            (last.sequence, last.acknowledgement, last.end) = (sequence, acknowledgement, end);
            last.window = window;
            self.retransmissions = 0;
        }
    }
}

/// The four bounds; `None`: all hold.
fn judge(sender: &mut Side, receiver: &Side, sequence: u32, end: u32, sack: u32) -> Option<Verdict> {
    let oldest_ack = receiver.end.wrapping_sub(sender.largest_window.max(OLDEST_ACK)).wrapping_sub(1);
    let oldest_end = sender.end.wrapping_sub(receiver.largest_window).wrapping_sub(1);
    let upper_ack = receiver.end.wrapping_add(1);
    if !before(sequence, sender.largest_end.wrapping_add(1)) {
        // Why: some stacks send more than the window. If the rest is right the packet may pass, and what it carried
        // is remembered: its acknowledgement must not be INVALID.
        let excess = end.wrapping_sub(sender.largest_end).wrapping_add(1);
        if receiver.largest_window != 0
            && after(end, oldest_end)
            && after(sack, oldest_ack)
            && excess <= receiver.largest_window
            && before(sack, upper_ack)
        {
            sender.end = end;
            sender.put(Side::UNACKNOWLEDGED, true);
            return Some(Verdict::Ignored);
        }
        return Some(Verdict::Invalid(Invalid::TcpBeyondWindow));
    }
    if !before(sack, upper_ack) {
        return Some(Verdict::Invalid(Invalid::TcpAckUnsent));
    }
    if receiver.largest_window != 0 && !after(end, oldest_end) {
        return Some(Verdict::Ignored);
    }
    (!after(sack, oldest_ack)).then_some(Verdict::Ignored)
}

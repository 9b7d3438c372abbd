//! One datagram that waits for more fragments.
//!
//! Linux: `struct inet_frag_queue`, `inet_frag_queue_insert`. Pieces that arrived one behind the other form a *run*;
//! a fragment that lies within a run is a duplicate, also if it was cut otherwise; any other overlap ends the datagram.
use std::collections::BTreeMap;

use packet::Family;

use super::Deadline;
use crate::skb::{Gathered, Packet};

/// What a queue takes besides its fragments, in bytes (measured on Linux 6.18, 64 bits).
pub(super) const fn queue_bytes(family: Family) -> usize {
    match family {
        Family::V4 => 200,
        Family::V6 => 184,
    }
}

/// What a fragment of a length takes. Linux: `truesize` of an `sk_buff` with its bytes in one piece, 64 of head room and the
/// shared info behind them, in the sizes of the allocator (measured with a TUN device; other drivers allocate otherwise).
const fn fragment_bytes(length: usize) -> usize {
    const SK_BUFF: usize = 256;
    const SMALL: usize = 576;
    let data = (64 + length).next_multiple_of(64) + 320;
    SK_BUFF + if data <= SMALL { SMALL } else { data.next_power_of_two() }
}

/// The outcome of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    New,
    Duplicate,
    Overlap,
}

/// A fragment's place in its datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Offset of its first byte.
    pub(super) offset: usize,
    /// Offset behind its last byte.
    pub(super) end: usize,
    /// Whether more follow.
    pub(super) more: bool,
}

/// A datagram that waits.
#[derive(Debug)]
pub(super) struct Queue {
    /// When it is given up.
    pub(super) deadline: Deadline,
    /// What it takes of the store's memory.
    pub(super) memory: usize,
    /// The source's count of fragments when the last one of this queue came.
    pub(super) seen: u32,
    /// The first fragment (offset 0) as it came.
    pub(super) first: Option<Box<Packet>>,
    /// ECN codepoints that were seen, as bits.
    pub(super) ecn: u8,
    /// Largest fragment: IPv4 with its header, IPv6 the payload length of its fixed header.
    pub(super) largest: usize,
    /// Largest fragment that said "don't fragment" (IPv4).
    pub(super) largest_unfragmentable: usize,
    /// Length as far as known.
    length: usize,
    /// Whether the last fragment is there, so that `length` is the datagram's.
    last: bool,
    /// Bytes that are there.
    received: usize,
    pieces: BTreeMap<usize, Vec<u8>>,
    /// Start and end of each run.
    runs: BTreeMap<usize, usize>,
    /// End of the piece that was last put at the end.
    tail: Option<usize>,
}

impl Queue {
    pub(super) fn new(deadline: Deadline, family: Family) -> Self {
        Self {
            deadline,
            memory: queue_bytes(family),
            seen: 0,
            first: None,
            ecn: 0,
            largest: 0,
            largest_unfragmentable: 0,
            length: 0,
            last: false,
            received: 0,
            pieces: BTreeMap::new(),
            runs: BTreeMap::new(),
            tail: None,
        }
    }

    /// Starts anew, of IPv4; the sizes of the fragments that went stay known (Linux: `ip_frag_reinit`).
    pub(super) fn restart(&mut self, deadline: Deadline) {
        *self = Self {
            largest: self.largest,
            largest_unfragmentable: self.largest_unfragmentable,
            seen: self.seen,
            ..Self::new(deadline, Family::V4)
        };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Learns the datagram's length from a fragment's place. `false`: it contradicts what is known.
    pub(super) fn measure(&mut self, place: Place) -> bool {
        if !place.more {
            if place.end < self.length || (self.last && place.end != self.length) {
                return false;
            }
            self.last = true;
            self.length = place.end;
        } else if place.end > self.length {
            if self.last {
                return false;
            }
            self.length = place.end;
        }
        true
    }

    /// Puts a piece in its place; `length`: that of the packet it came in.
    pub(super) fn insert(&mut self, place: Place, data: &[u8], length: usize) -> Inserted {
        let Place { offset, end, .. } = place;
        match self.tail {
            None => self.begin_run(offset, end, true),
            Some(tail) if tail < end => {
                if offset < tail {
                    return Inserted::Overlap;
                }
                match self.runs.last_entry().filter(|_| offset == tail) {
                    Some(mut last) => {
                        last.insert(end);
                        self.tail = Some(end);
                    }
                    None => self.begin_run(offset, end, true),
                }
            }
            Some(_) => {
                // Runs are disjoint, so only the one that begins last before `end` can touch or hold the fragment.
                if let Some((&start, &stop)) = self.runs.range(..end).next_back()
                    && stop > offset
                {
                    let within = start <= offset && end <= stop;
                    return if within { Inserted::Duplicate } else { Inserted::Overlap };
                }
                self.begin_run(offset, end, false);
            }
        }
        self.pieces.insert(offset, data.to_vec());
        self.received += data.len();
        self.memory += fragment_bytes(length);
        Inserted::New
    }

    fn begin_run(&mut self, offset: usize, end: usize, tail: bool) {
        self.runs.insert(offset, end);
        if tail {
            self.tail = Some(end);
        }
    }

    /// Remembers the first fragment, whose header becomes the datagram's.
    pub(super) fn set_first(&mut self, packet: &Packet) {
        self.first = Some(Box::new(packet.clone()));
    }

    /// Whether every byte is there.
    pub(super) fn is_complete(&self) -> bool {
        self.first.is_some() && self.last && self.received == self.length
    }

    /// Payload length of the datagram as far as known.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Appends the payload in order and tells how it was cut.
    pub(super) fn join(&self, bytes: &mut Vec<u8>) -> Gathered {
        let mut gathered = Gathered::default();
        for (&offset, data) in &self.pieces {
            bytes.extend_from_slice(data);
            if let (Ok(offset), Ok(length)) = (u16::try_from(offset), u16::try_from(data.len())) {
                gathered.pieces.push((offset, length));
            }
        }
        gathered
    }

    /// Notes the ECN bits of a fragment's TOS or traffic class.
    pub(super) fn note_ecn(&mut self, tos: u8) {
        self.ecn |= 1 << (tos & 3);
    }

    /// The ECN bits to be set in the datagram's header; `None`: the fragments contradict each other (RFC 3168 section
    /// 5.3; Linux: `ip_frag_ecn_table`).
    pub(super) fn ecn(&self) -> Option<u8> {
        const NOT_CAPABLE: u8 = 1;
        const EXPERIENCED: u8 = 1 << 3;
        let others = self.ecn & !NOT_CAPABLE;
        match (self.ecn & NOT_CAPABLE != 0, others) {
            (true, 0) => Some(0),
            (true, _) => None,
            (false, EXPERIENCED) => Some(0),
            (false, _) if others & EXPERIENCED != 0 => Some(3),
            (false, _) => Some(0),
        }
    }
}

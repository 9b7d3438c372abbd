//! Connection tracking: the table of connections and what each packet means to it.
//!
//! Types that the other modules share are here; the rest is by file: the table and the way of a packet, protocols,
//! expectations, helpers.
use std::net::IpAddr;

use rules::Counters;

use crate::time::Instant;

/// One direction of a connection (Linux: `struct nf_conntrack_tuple`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tuple {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// IP protocol.
    pub protocol: u8,
    /// Source port; ICMP: the identifier; GRE: the source key; otherwise 0.
    pub source_id: u16,
    /// Destination port; ICMP: type in the high and code in the low byte; GRE: the destination key; otherwise 0.
    pub destination_id: u16,
}

/// Direction of a packet within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// As the first packet.
    Original,
    /// The other way.
    Reply,
}

impl Direction {
    /// The other direction.
    pub const fn reversed(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }
}

/// A connection in the table, or one that is being set up. Never used again for another connection while somebody
/// can hold it (generation counted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    /// Slot.
    pub slot: u32,
    /// How often the slot was used before.
    pub generation: u32,
}

/// The zone of a connection: equal tuples in different zones are different connections (F36).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zone {
    /// Zone of the original direction.
    pub original: u16,
    /// Zone of the reply direction.
    pub reply: u16,
}

/// Status bits of a connection, with the kernel's values (`enum ip_conntrack_status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// It was expected by a helper.
    pub const EXPECTED: Status = Status(1);
    /// Packets went both ways.
    pub const SEEN_REPLY: Status = Status(1 << 1);
    /// Not to be evicted early.
    pub const ASSURED: Status = Status(1 << 2);
    /// In the table.
    pub const CONFIRMED: Status = Status(1 << 3);
    /// The source is translated.
    pub const SRC_NAT: Status = Status(1 << 4);
    /// The destination is translated.
    pub const DST_NAT: Status = Status(1 << 5);
    /// TCP sequence numbers are moved.
    pub const SEQ_ADJUST: Status = Status(1 << 6);
    /// Source NAT is decided.
    pub const SRC_NAT_DONE: Status = Status(1 << 7);
    /// Destination NAT is decided.
    pub const DST_NAT_DONE: Status = Status(1 << 8);
    /// It is being removed.
    pub const DYING: Status = Status(1 << 9);
    /// Its timeout does not move.
    pub const FIXED_TIMEOUT: Status = Status(1 << 10);
    /// A helper was given by a rule.
    pub const HELPER: Status = Status(1 << 13);

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn has(self, other: Status) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets bits.
    #[inline]
    pub fn set(&mut self, other: Status) {
        self.0 |= other.0;
    }
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Tuple of the original direction; never changes.
    pub original: Tuple,
    /// Tuple of the replies; NAT changes it before the connection is confirmed.
    pub reply: Tuple,
    /// Zone.
    pub zone: Zone,
    /// Status bits.
    pub status: Status,
    /// Connection mark.
    pub mark: u32,
    /// When it ends unless a packet comes; before confirmation the length of its timeout counted from zero.
    pub expires: Instant,
    /// Packets and bytes of the original and the reply direction (`nf_conntrack_acct`).
    pub counters: [Counters; 2],
}

/// The table of connections.
#[derive(Debug, Default)]
pub struct Conntrack {}

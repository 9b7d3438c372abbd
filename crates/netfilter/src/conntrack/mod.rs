//! Connection tracking: the table of connections and what each packet means to it.
//!
//! # Overview
//! Types that the other modules share are here. [`Conntrack`] (file `table`) holds the connections under both tuples;
//! `track` is the way of a packet: [`Conntrack::handle`] at priority -200, [`Conntrack::help`] at 300,
//! [`Conntrack::confirm`] last. The protocols (`tcp`, `udp`, `icmp`, `gre`, `sctp`) say what a packet means to its
//! connection; `expect` and `helper` know connections before they begin.
//!
//! # Life cycle
//! The first packet makes a connection that nobody else can find. `confirm` puts it under both tuples, after NAT has
//! chosen the reply tuple; [`Conntrack::release`] takes it away if the packet did not get so far (F38). It ends by its
//! timeout, by a reset, by reopening, by early drop at the limit, or with [`Conntrack::kill`].
//!
//! # Invariants
//! A connection is indexed under both tuples or neither. An expired connection is never found. A [`ConnectionId`]
//! never names another connection than the one it was made for.
//!
//! # Limits
//! [`Config::max`] connections (then early drop of one that is not ASSURED, else [`crate::Drop::TableFull`]),
//! [`Config::expect_max`] expectations, [`Config::most_events`] events.
//!
//! # Differences from Linux
//! At the limit a handful of slots is looked at for a victim, not a handful of hash buckets. Helpers have
//! the parameters that their modules have by default.
use std::net::IpAddr;

mod chunks;
mod config;
mod connection;
mod event;
pub mod expect;
pub mod format;
mod generic;
mod gre;
pub mod helper;
mod icmp;
mod labels;
mod load;
pub mod sctp;
pub mod sequence;
mod siphash;
mod statistics;
mod status;
mod sysctl;
mod table;
pub mod tcp;
mod timer;
mod track;
mod tuple;
mod udp;

pub use config::{Config, Helpers, Timeouts};
pub use connection::{Connection, Parent, ProtocolState, Rare};
pub use event::{Changes, Event, EventKind, Wanted};
pub use labels::LABELS;
pub use load::Loaded;
pub use statistics::Statistics;
pub use status::Status;
pub use table::Conntrack;
pub use track::Invalid;

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
    /// Which of all connections it is: later ones have larger numbers (until 2^32 have been).
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

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

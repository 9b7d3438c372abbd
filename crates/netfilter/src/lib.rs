//! What does a ruleset do to packets, in time? Hooks, tables, connection tracking, NAT, routing.
//!
//! Sans-I/O: time ([`Now`]), randomness ([`Random`]), names and routes are arguments. The same inputs give the same
//! outputs, to the byte. The contract is in `engine`; the way of a packet is one readable function in `path`.
//!
//! Panic contract: no packet, ruleset or network description can make this crate panic. The path is total: it has no
//! `Result`; what goes wrong with a packet is a [`Drop`] with a reason.
#![forbid(unsafe_code)]

pub mod answer;
pub mod bridge;
pub mod conntrack;
pub mod defrag;
pub mod engine;
pub mod env;
pub mod hook;
pub mod icmp_limits;
pub mod machine;
pub mod nat;
pub mod network;
pub mod objects;
pub mod options;
mod path;
mod peers;
pub mod route;
pub mod skb;
pub mod synproxy;
pub mod tables;
pub mod time;
pub mod trace;
pub mod xfrm;

pub use conntrack::{ConnectionId, Conntrack, Direction, Tuple};
pub use defrag::Defrag;
pub use env::{Env, LogLine};
pub use machine::Machine;
pub use network::{DeviceId, Network};
pub use skb::{Drop, Origin, Packet, Tracking};
pub use time::{Instant, Now, Random};

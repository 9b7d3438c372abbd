//! Helpers: they read the payload of a connection to know what other connections belong to it.
//!
//! Only `ftp` is modelled. The kernel has more (F35); a ruleset that names one of those cannot be decided
//! ([`is_modelled`]).
use packet::protocol;

use super::ConnectionId;
use crate::env::Env;
use crate::hook::Verdict;
use crate::skb::{Info, Packet};

mod ftp;

/// Helpers that are modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// FTP.
    Ftp,
}

impl Kind {
    /// The helper of this name for a protocol.
    pub fn from_name(name: &str, protocol: u8) -> Option<Self> {
        (name == Kind::Ftp.name() && protocol == protocol::TCP).then_some(Kind::Ftp)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Ftp => "ftp",
        }
    }

    /// How many connections it may expect at once for each master.
    pub(super) const fn most_expected(self) -> usize {
        match self {
            Kind::Ftp => 1,
        }
    }
}

/// The names of the kernel's helpers (F35).
pub const KERNEL_HELPERS: [&str; 10] =
    ["ftp", "tftp", "sip", "irc", "pptp", "Q.931", "amanda", "netbios-ns", "snmp", "sane"];

/// Whether a helper that `-j CT --helper` names does here what it does in the kernel.
pub fn is_modelled(name: &str) -> bool {
    name == Kind::Ftp.name()
}

/// A helper with what it remembers of its connection.
#[derive(Clone, Debug)]
pub struct Helper {
    /// Which one.
    pub kind: Kind,
    ftp: ftp::Lines,
}

impl Helper {
    /// A helper that has seen nothing.
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, ftp: ftp::Lines::default() }
    }
}

/// Lets the helper of a connection look at a packet of it.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    let kind = env.conntrack.get(id).and_then(|connection| connection.helper()).map(|helper| helper.kind);
    match kind {
        Some(Kind::Ftp) => ftp::help(packet, id, info, env),
        None => Verdict::Accept,
    }
}

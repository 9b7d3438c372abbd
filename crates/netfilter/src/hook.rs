//! The registry of hooks: who is called where, in which order, and what they may say.
//!
//! Defragmentation, connection tracking, the tables, NAT, helpers and confirmation are entries of this list like the
//! ones that an embedding program registers. The order is written once: [`Registry::entries`] is sorted by priority;
//! of equal priorities the one that was registered last is called first (measured; Linux: `nf_hook_entries_grow`).
use packet::Family;
use rules::{Hook, Table};

use crate::skb::{Drop, Packet};

/// What a module says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on to the next module.
    Accept,
    /// It ends here.
    Drop(Drop),
    /// The module has taken it (fragments that wait for the rest, packets it sends itself).
    Stolen,
    /// It waits for a user-space listener.
    Queue,
    /// It would wait for a user-space listener, but nobody listens, and it may go on without (`--queue-bypass`).
    Bypass,
    /// The same module is called again.
    Repeat,
}

/// A module of an embedding program.
pub trait Module: Send {
    /// Its name, for traces.
    fn name(&self) -> &'static str;

    /// Looks at a packet, may change it.
    fn handle(&mut self, hook: Hook, packet: &mut Packet) -> Verdict;
}

/// Which of the two implementations of iptables a table belongs to; both may be on one machine, each with its tables
/// at the same priorities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum World {
    /// iptables-legacy (`ip_tables`).
    #[default]
    Legacy,
    /// iptables-nft (`nf_tables`).
    Nft,
}

impl World {
    /// Both.
    pub const ALL: [World; 2] = [World::Legacy, World::Nft];

    /// `legacy`, `nft`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Nft => "nft",
        }
    }
}

/// Who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callee {
    /// Gathering of fragments.
    Defrag,
    /// Connection tracking.
    Conntrack,
    /// A table other than nat.
    Table(World, Table),
    /// NAT: the nat tables for first packets, the translation for all.
    Nat,
    /// Connection tracking helpers.
    Helper,
    /// The connections that SYNPROXY has begun.
    Synproxy,
    /// Confirmation of new connections.
    Confirm,
    /// A module of the embedding program, by its number.
    Module(usize),
}

/// An entry of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Lower is earlier.
    pub priority: i32,
    /// Who is called.
    pub callee: Callee,
}

/// The entries of all hooks of both families.
#[derive(Debug, Default, Clone)]
pub struct Registry {
    entries: [[Vec<Entry>; 5]; 2],
}

impl Registry {
    /// Puts an entry in its place: behind those of lower priority, before those of equal priority.
    pub fn register(&mut self, family: Family, hook: Hook, entry: Entry) {
        let list = self.list_mut(family, hook);
        let at = list.partition_point(|other| other.priority < entry.priority);
        list.insert(at, entry);
    }

    /// Takes every entry of a callee away.
    pub fn unregister(&mut self, callee: Callee) {
        for list in self.entries.iter_mut().flatten() {
            list.retain(|entry| entry.callee != callee);
        }
    }

    /// Keeps only the entries of a family that the test is true for.
    pub fn retain(&mut self, family: Family, keep: impl Fn(&Entry) -> bool) {
        for hook in Hook::ALL {
            self.list_mut(family, hook).retain(&keep);
        }
    }

    /// The entries of a hook in the order in which they are called.
    #[inline]
    pub fn entries(&self, family: Family, hook: Hook) -> &[Entry] {
        &self.entries[family as usize][hook.index()]
    }

    fn list_mut(&mut self, family: Family, hook: Hook) -> &mut Vec<Entry> {
        &mut self.entries[family as usize][hook.index()]
    }
}

//! The five hooks, the five tables, and the one table of table × hook × priority.
//!
//! ```text
//!  device ──► PREROUTING ──► routing ──► FORWARD ──► POSTROUTING ──► device
//!                               │                        ▲
//!                               ▼                        │
//!                             INPUT ──► process ──► OUTPUT (──► re-route)
//! ```
use std::fmt;

/// A place on a packet's way where modules are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// Every packet that comes from a device, before the routing decision.
    Prerouting,
    /// Packets for a local process, after the routing decision.
    Input,
    /// Packets for others.
    Forward,
    /// Packets that a local process or the machine itself sends.
    Output,
    /// Every packet that leaves by a device (or by loopback).
    Postrouting,
}

impl Hook {
    /// All hooks, in the kernel's numbering (`NF_INET_PRE_ROUTING` = 0 …).
    pub const ALL: [Hook; 5] =
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

    /// The name of the built-in chain of this hook.
    pub const fn name(self) -> &'static str {
        match self {
            Hook::Prerouting => "PREROUTING",
            Hook::Input => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::Output => "OUTPUT",
            Hook::Postrouting => "POSTROUTING",
        }
    }

    /// The hook whose built-in chain has this name.
    pub fn from_name(name: &str) -> Option<Hook> {
        Hook::ALL.into_iter().find(|hook| hook.name() == name)
    }

    /// The hook's number, 0 to 4.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A table of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Exceptions from connection tracking.
    Raw,
    /// Changes of headers and marks.
    Mangle,
    /// Address translation: sees the first packet of a connection only.
    Nat,
    /// Accept or drop: the default table.
    Filter,
    /// Mandatory access control.
    Security,
}

/// Priorities of hook entries (Linux: `enum nf_ip_hook_priorities`; F3). Lower is called earlier.
pub mod priority {
    /// Defragmentation, before connection tracking.
    pub const DEFRAG: i32 = -400;
    /// Table raw.
    pub const RAW: i32 = -300;
    /// Connection tracking.
    pub const CONNTRACK: i32 = -200;
    /// Table mangle.
    pub const MANGLE: i32 = -150;
    /// Destination NAT.
    pub const NAT_DST: i32 = -100;
    /// Table filter.
    pub const FILTER: i32 = 0;
    /// Table security.
    pub const SECURITY: i32 = 50;
    /// Source NAT.
    pub const NAT_SRC: i32 = 100;
    /// Connection tracking helpers.
    pub const HELPER: i32 = 300;
    /// Confirmation of new connections: last.
    pub const CONFIRM: i32 = i32::MAX;
}

impl Table {
    /// All tables in the order in which a packet meets them at a hook that has all of them.
    pub const ALL: [Table; 5] = [Table::Raw, Table::Mangle, Table::Nat, Table::Filter, Table::Security];

    /// The name as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Raw => "raw",
            Table::Mangle => "mangle",
            Table::Nat => "nat",
            Table::Filter => "filter",
            Table::Security => "security",
        }
    }

    /// The table of this name.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The table's number, 0 to 4.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The hooks of the table's built-in chains with the priority of each: THE table of table × hook × priority.
    /// The order is that of listings.
    pub const fn hooks(self) -> &'static [(Hook, i32)] {
        use Hook::{Forward, Input, Output, Postrouting, Prerouting};
        match self {
            Table::Raw => &[(Prerouting, priority::RAW), (Output, priority::RAW)],
            Table::Mangle => &[
                (Prerouting, priority::MANGLE),
                (Input, priority::MANGLE),
                (Forward, priority::MANGLE),
                (Output, priority::MANGLE),
                (Postrouting, priority::MANGLE),
            ],
            Table::Nat => &[
                (Prerouting, priority::NAT_DST),
                (Input, priority::NAT_SRC),
                (Output, priority::NAT_DST),
                (Postrouting, priority::NAT_SRC),
            ],
            Table::Filter => {
                &[(Input, priority::FILTER), (Forward, priority::FILTER), (Output, priority::FILTER)]
            }
            Table::Security => {
                &[(Input, priority::SECURITY), (Forward, priority::SECURITY), (Output, priority::SECURITY)]
            }
        }
    }

    /// Whether the table has a built-in chain at the hook.
    pub fn has(self, hook: Hook) -> bool {
        self.hooks().iter().any(|&(own, _)| own == hook)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

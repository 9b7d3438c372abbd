//! What happened to a packet, step by step: the material of `oxitables trace`.
//!
//! Steps are only collected when a [`Trace`] is given; they own their data and may allocate. The evaluator is the same
//! with and without.
use std::net::{IpAddr, SocketAddr};

use packet::InterfaceName;
use rules::set::{Element, SetName};
use rules::{ChainId, Hook, Table};

use crate::network::{Route, Unroutable};
use crate::skb::Drop;

/// A collection of steps.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The steps in order; each names its packet.
    pub steps: Vec<(u64, Step)>,
}

impl Trace {
    /// Adds a step of a packet.
    pub fn push(&mut self, packet: u64, step: Step) {
        self.steps.push((packet, step));
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The packet's way begins.
    Arrive {
        /// Device; `None`: sent by this machine.
        device: Option<InterfaceName>,
        /// Bytes.
        bytes: Vec<u8>,
    },
    /// A hook is entered.
    Hook(Hook),
    /// A table's chain at a hook is entered.
    Table {
        /// Which of two rulesets it is of; the rules that follow are of it, too.
        world: crate::hook::World,
        /// Table.
        table: Table,
        /// Hook.
        hook: Hook,
    },
    /// The nat table is passed by, and why.
    NatSkipped {
        /// Hook.
        hook: Hook,
        /// Why its rules are not asked.
        reason: NatSkip,
    },
    /// A rule was asked.
    Rule {
        /// Table.
        table: Table,
        /// Chain.
        chain: ChainId,
        /// Rule number, from 1.
        number: usize,
        /// What came of it.
        outcome: Outcome,
    },
    /// A rule has decided, and this later one would have decided otherwise, had the packet come so far. Looked up
    /// without moving a counter or any state; not said where that is impossible (`limit`, `statistic`, a rule between
    /// that would have changed the packet).
    Overtaken {
        /// Table.
        table: Table,
        /// Chain of the later rule.
        chain: ChainId,
        /// Its number, from 1.
        number: usize,
    },
    /// A chain's end (or RETURN at the top) was reached and its policy applied.
    Policy {
        /// Table.
        table: Table,
        /// Chain.
        chain: ChainId,
        /// The policy.
        policy: rules::Policy,
    },
    /// The end of a user chain (or RETURN): back to its caller.
    Return {
        /// Table.
        table: Table,
        /// The chain that ended.
        chain: ChainId,
        /// Where it goes on: the chain and the number of the next rule; `None`: the policy.
        to: Option<(ChainId, usize)>,
    },
    /// Connection tracking has looked at the packet.
    Conntrack {
        /// The state as `--ctstate` names it.
        state: &'static str,
        /// The connection in the format of /proc/net/nf_conntrack, if there is one.
        entry: Option<String>,
        /// Why the packet is INVALID or untracked.
        reason: Option<String>,
    },
    /// A connection was confirmed: from now on it is in the table.
    Confirmed {
        /// The entry.
        entry: String,
    },
    /// A bridge sends the frame on.
    Carried {
        /// By these ports; none if whom it is for is behind the one by which it came.
        ports: Vec<InterfaceName>,
        /// Whether it goes to all of them, because it is for many or nobody knows where its destination is.
        flooded: bool,
    },
    /// A routing decision.
    Routed {
        /// Why it was made: input, output, re-routed because of a mark, TOS or NAT.
        cause: &'static str,
        /// What it looked for.
        destination: IpAddr,
        /// The mark it looked with.
        mark: u32,
        /// The decision.
        route: Result<Route, Unroutable>,
        /// Name of the outgoing device.
        device: Option<InterfaceName>,
    },
    /// The bytes were changed.
    Rewritten {
        /// By what: `SNAT`, `DNAT`, `reply of SNAT`, `TTL` …
        by: &'static str,
        /// Before.
        before: Vec<u8>,
        /// After.
        after: Vec<u8>,
    },
    /// The packet mark changed.
    Marked {
        /// Before.
        before: u32,
        /// After.
        after: u32,
    },
    /// The class of traffic control changed (`-j CLASSIFY`).
    Classified {
        /// Before.
        before: u32,
        /// After.
        after: u32,
    },
    /// A queue of the device is chosen (`-j SET --map-queue`).
    Mapped {
        /// The queue.
        queue: u16,
    },
    /// A member of a set has changed, or was to change (`-m set`, `-j SET`).
    Member {
        /// The set.
        set: SetName,
        /// The member with its extensions, as `ipset save` writes it: as it is now, or was before it was removed.
        member: String,
        /// What became of it.
        change: MemberChange,
    },
    /// A listener is told of the packet (`-j NFLOG`).
    Reported {
        /// The group.
        group: u16,
        /// What stands in front.
        prefix: Box<str>,
        /// How many bytes of the packet it gets.
        size: usize,
    },
    /// A program is asked for a verdict (`-j NFQUEUE`).
    Queued {
        /// The queue, or the first of those among which the packets are spread.
        first: u16,
        /// The last of them.
        last: u16,
        /// Whether the packet goes on where nobody listens.
        bypass: bool,
    },
    /// A fragment waits for the rest of its datagram.
    FragmentKept,
    /// A datagram is complete.
    Gathered {
        /// How many fragments.
        pieces: usize,
    },
    /// A LOG line.
    Logged {
        /// The line.
        line: String,
        /// Whether the machine would have written the sender's user and group into it, who are not known here.
        unknown_sender: bool,
    },
    /// This machine made a packet because of this one.
    Answered {
        /// Its number.
        packet: u64,
        /// What it is: `icmp port-unreachable`, `tcp reset` …
        what: &'static str,
    },
    /// This machine does not say what it would have said about this packet, because it has said much lately.
    Untold {
        /// What it is, as in [`Step::Answered`].
        what: &'static str,
        /// The setting whose limit it is.
        limit: &'static str,
    },
    /// A copy of the packet begins its own way (`-j TEE`).
    Copied {
        /// The number of the copy.
        packet: u64,
        /// Where it goes.
        gateway: IpAddr,
    },
    /// A policy of IPsec stops the packet, at once or behind the next hook.
    Guarded {
        /// `in`, `fwd` or `out`.
        direction: &'static str,
        /// The policy, as `ip xfrm policy` prints it, in one line; `None`: what is done where there is none.
        policy: Option<String>,
    },
    /// The end of what is traced: IPsec protects the packet, and what leaves is another one, which goes through OUTPUT and
    /// POSTROUTING on its own.
    Protected {
        /// The device by which it leaves.
        device: InterfaceName,
        /// The states, as [`crate::machine::text`] writes them.
        states: String,
    },
    /// A socket of this machine takes the packet, wherever it is addressed to (`-j TPROXY`).
    Assigned {
        /// The socket's own address and port.
        socket: SocketAddr,
    },
    /// A process has asked for packets that routers are to look at (router alert), and takes this one.
    Alerted {
        /// IPv4: the protocol; IPv6: the number of the option.
        number: u16,
    },
    /// A module of the embedding program was called.
    Module {
        /// Its name.
        name: &'static str,
        /// Whether it let the packet go on.
        accepted: bool,
    },
    /// The end: delivered to a process.
    Delivered {
        /// Device by which it came.
        device: Option<InterfaceName>,
        /// Bytes as the process's stack sees them.
        bytes: Vec<u8>,
    },
    /// The end: sent out.
    Sent {
        /// Device.
        device: InterfaceName,
        /// Next hop.
        next_hop: IpAddr,
        /// Bytes (one step for each fragment).
        bytes: Vec<u8>,
    },
    /// The end: dropped.
    Dropped(Drop),
    /// The ruleset asks something that cannot be decided.
    Undecided {
        /// Table.
        table: Table,
        /// Chain.
        chain: ChainId,
        /// Rule number.
        number: usize,
        /// What is missing.
        what: &'static str,
    },
}

/// Why the nat table's rules are not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatSkip {
    /// The connection was set up before: only its first packet is shown to the rules.
    NotFirst,
    /// The packet is INVALID.
    Invalid,
    /// The packet is UNTRACKED.
    Untracked,
    /// Nothing in the rulesets needs connection tracking, so NAT is off (F2).
    NoConntrack,
    /// The connection was expected by a helper and is set up by it.
    Expected,
    /// Loopback: the translation of this end was decided in OUTPUT or POSTROUTING (F7).
    Loopback,
}

/// What came of asking a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Every condition held.
    Matched,
    /// A condition did not hold.
    Failed(Mismatch),
    /// A match refused the packet: it is dropped (F19).
    Hotdrop(Mismatch),
}

/// What became of a member of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// It was added.
    Added,
    /// It was there, and its timeout and counters begin anew.
    Renewed,
    /// It was to be added, and is there already.
    Known,
    /// It was to be added, and the set takes no more.
    Refused,
    /// It was removed.
    Removed,
    /// It has counted the packet.
    Counted,
}

/// How what a packet has stands to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is no member.
    Absent,
    /// It is a member.
    Present,
    /// The smallest network around it is marked `nomatch`.
    NoMatch,
    /// Its time is over.
    Expired,
    /// bitmap:ip,mac: it is a member with another Ethernet address.
    OtherMac,
    /// A bitmap: outside the set's range.
    OutOfRange,
}

/// The first condition of a rule that did not hold, and what the packet had instead. What was wanted stands in the
/// rule. Small and `Copy`: it is made for every rule that does not match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mismatch {
    /// The option: `-s`, `--dport`, `--ctstate` …
    pub option: &'static str,
    /// Which match of the rule, by its place; `None`: the header conditions.
    pub place: Option<u8>,
    /// What the packet had.
    pub found: Found,
}

/// What a packet had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// An address.
    Address(IpAddr),
    /// A port.
    Port(u16),
    /// A source and a destination port.
    Ports(u16, u16),
    /// A number in decimal.
    Number(u64),
    /// A number in hexadecimal: marks.
    Hex(u32),
    /// TCP flags.
    Flags(u8),
    /// ICMP type and code.
    Icmp(u8, u8),
    /// A name of an interface.
    Interface(InterfaceName),
    /// An Ethernet address.
    Mac([u8; 6]),
    /// A protocol.
    Protocol(u8),
    /// A time by the wall clock: seconds since 1970 in UTC.
    Time(u64),
    /// What was looked up in a set, or the member that was found.
    Member(Element, Membership),
    /// A word: a state, an address type …
    Word(&'static str),
    /// There is no such thing in the packet: no ports in a later fragment, no interface, no payload, no owner.
    Nothing(&'static str),
}

//! Fragments: gathering them before connection tracking, and cutting datagrams on the way out.
//!
//! # Overview
//! [`handle`] is the registry's entry at priority -400 (PREROUTING and OUTPUT) and, for IPv4 without connection
//! tracking, the step before INPUT. A fragment is kept ([`Verdict::Stolen`]) until its datagram is complete; the packet
//! that completes it goes on as the whole datagram with [`Gathered`] telling how it was cut. [`split`] cuts it again in
//! the same way (F63, F64). Read first: RFC 815, RFC 5722; Linux `nf_defrag_ipv4`, `ip_frag_queue`,
//! `nf_ct_frag6_queue`, `inet_frag_queue_insert`.
//!
//! # Life cycle
//! A queue begins with the first fragment of a datagram that arrives, in any order, and ends when the datagram is
//! complete, when fragments overlap or contradict each other, or [`Settings::timeout_v4`] after its beginning.
//! [`Defrag::expire`] returns the first fragments whose senders are to be told.
//!
//! # Invariants
//! Pieces of a queue never overlap; `memory` is the sum over all queues; every queue has exactly one deadline.
//!
//! # Limits
//! [`Settings::most_memory_v4`] and its like of IPv6: while it is exceeded no fragment is taken, and with 0 never any
//! (Linux: `ipfrag_high_thresh`; `ipfrag_low_thresh` does nothing since Linux 4.17).
//! [`Settings::most_distance`]: a queue starts anew if that many fragments of the same source went by (Linux:
//! `ipfrag_max_dist`, IPv4 only).
//!
//! # Differences from Linux
//! The memory of a fragment is that of a packet in one piece, as from a TUN device; the kernel counts what the driver's
//! allocation was.
mod fragment;
mod queue;
mod v4;
mod v6;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use packet::Family;

use crate::hook::Verdict;
use crate::machine::Secured;
use crate::network::DeviceId;
use crate::skb::{Drop, Gathered, Link, Packet};
use crate::time::{Instant, Timer};
use crate::trace::Step;
use crate::{Env, Tracking, defrag::queue::Queue};

pub use fragment::{Uncuttable, split, too_big_to_forward};

/// Where fragments are gathered: those of different places never meet (Linux: `enum ip_defrag_users`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum User {
    /// Before connection tracking, from a device.
    Prerouting,
    /// Before connection tracking, sent by this machine.
    Output,
    /// Before INPUT, when there is no connection tracking.
    LocalDeliver,
    /// Before FORWARD, for a process that asked for packets with router alert.
    RouterAlert,
}

/// Limits of the store. Names of the sysctls are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `net.ipv4.ipfrag_time`.
    pub timeout_v4: Duration,
    /// `net.netfilter.nf_conntrack_frag6_timeout`.
    pub timeout_v6: Duration,
    /// `net.ipv4.ipfrag_high_thresh`: bytes.
    pub most_memory_v4: usize,
    /// `net.netfilter.nf_conntrack_frag6_high_thresh`: bytes.
    pub most_memory_v6: usize,
    /// `net.ipv4.ipfrag_max_dist`; 0: unlimited.
    pub most_distance: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout_v4: Duration::from_secs(30),
            timeout_v6: Duration::from_secs(60),
            most_memory_v4: 4 << 20,
            most_memory_v6: 4 << 20,
            most_distance: 64,
        }
    }
}

/// What fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    user: User,
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    /// IPv4 only.
    protocol: u8,
    /// IPv6, only for groups and link-local addresses.
    device: Option<DeviceId>,
}

impl Key {
    fn family(&self) -> Family {
        Family::of(self.source)
    }
}

/// How many fragments a source has sent, and how many queues remember it.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    fragments: u32,
    queues: usize,
}

/// When a datagram is given up: when its timer fires; of those that fire together the newest first.
///
/// Linux: `inet_frag_create`, `ip_frag_reinit`; the timers of a place in the wheel are a list that is filled from its front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    at: Instant,
    made: Reverse<u64>,
}

impl Deadline {
    fn new(now: Instant, timeout: Duration, made: u64) -> Self {
        Self { at: Timer::start(now, timeout).fires, made: Reverse(made) }
    }
}

/// The datagrams that wait for more fragments.
#[derive(Debug, Default)]
pub struct Defrag {
    settings: Settings,
    queues: BTreeMap<Key, Queue>,
    deadlines: BTreeSet<(Deadline, Key)>,
    /// How many deadlines were made.
    made: u64,
    sources: BTreeMap<IpAddr, Source>,
    memory: [usize; 2],
}

/// What became of a fragment.
enum Outcome {
    /// It waits.
    Kept,
    /// It was there already.
    Duplicate,
    /// It is refused; its queue stays.
    Refused,
    /// Its queue is thrown away, and the fragment with it.
    Discarded,
    /// Its queue is thrown away, but the fragment goes on alone (IPv6: a length that is no multiple of 8).
    Alone,
    /// The datagram is complete.
    Complete(Vec<u8>, Gathered, Inherited),
}

/// What a gathered datagram has of its first fragment, whichever came last (Linux: `skb_morph`). Its socket is that of the last.
struct Inherited {
    link: Link,
    mark: u32,
    priority: u32,
    traced: bool,
    tracking: Tracking,
    secured: Secured,
}

impl Inherited {
    fn of(first: &Packet) -> Self {
        let Packet { link, mark, priority, traced, tracking, secured, .. } = *first;
        Self { link, mark, priority, traced, tracking, secured }
    }

    fn give_to(self, packet: &mut Packet) {
        let Self { link, mark, priority, traced, tracking, secured } = self;
        (packet.link, packet.mark, packet.priority) = (link, mark, priority);
        (packet.traced, packet.tracking, packet.secured) = (traced, tracking, secured);
    }
}

impl Defrag {
    /// An empty store.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// When [`Defrag::expire`] wants to be called; `None`: nothing waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline.at)
    }

    /// How many datagrams wait.
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Forgets every fragment.
    pub fn clear(&mut self) {
        *self = Self::new(self.settings);
    }

    /// Ends what has waited too long. Returns first fragments whose senders are told that the time for gathering is
    /// over (ICMP type 11 code 1, ICMPv6 type 3 code 1): IPv6 always; IPv4 only if this machine is their destination
    /// (measured; Linux: `ip_expire`, `nf_ct_frag6_expire`).
    #[must_use = "the senders of these fragments are to be told"]
    pub fn expire(&mut self, env: &mut Env<'_>) -> Vec<Packet> {
        let mut told = Vec::new();
        while let Some(&(deadline, key)) = self.deadlines.first() {
            if deadline.at > env.now.mono {
                break;
            }
            let Some(first) = self.remove(&key).and_then(|queue| queue.first) else { continue };
            let tell = match key.family() {
                Family::V6 => true,
                Family::V4 => first.input.is_some() && env.network.is_own(key.destination),
            };
            if tell {
                told.push(*first);
            }
        }
        told
    }

    fn timeout(&self, family: Family) -> Duration {
        match family {
            Family::V4 => self.settings.timeout_v4,
            Family::V6 => self.settings.timeout_v6,
        }
    }

    /// Takes a queue out of the store.
    fn remove(&mut self, key: &Key) -> Option<Queue> {
        let queue = self.queues.remove(key)?;
        self.deadlines.remove(&(queue.deadline, *key));
        self.release_memory(key.family(), queue.memory);
        if let Some(source) = self.sources.get_mut(&key.source) {
            source.queues = source.queues.saturating_sub(1);
            if source.queues == 0 {
                self.sources.remove(&key.source);
            }
        }
        Some(queue)
    }

    fn release_memory(&mut self, family: Family, bytes: usize) {
        let memory = &mut self.memory[family as usize];
        *memory = memory.saturating_sub(bytes);
    }

    /// Gives a fragment to its queue, beginning one if there is none. `None`: the store is full.
    fn insert(&mut self, key: Key, packet: &Packet, now: Instant) -> Option<Outcome> {
        let family = key.family();
        let most = match family {
            Family::V4 => self.settings.most_memory_v4,
            Family::V6 => self.settings.most_memory_v6,
        };
        if most == 0 || self.memory[family as usize] > most {
            return None;
        }
        let timeout = self.timeout(family);
        self.made += 1;
        let deadline = Deadline::new(now, timeout, self.made);
        let source = self.sources.entry(key.source).or_default();
        source.fragments = source.fragments.wrapping_add(1);
        let count = source.fragments;
        let queue = self.queues.entry(key).or_insert_with(|| {
            source.queues += 1;
            self.deadlines.insert((deadline, key));
            self.memory[family as usize] += queue::queue_bytes(family);
            Queue::new(deadline, family)
        });
        // Linux: `ip_frag_too_far`: the identification may have come round. Fragments that this machine has cut itself
        // and that come back over loopback are exempt.
        let looped = packet.input == Some(DeviceId::LOOPBACK);
        if family == Family::V4 && self.settings.most_distance != 0 && !looped {
            let distance = count.wrapping_sub(queue.seen);
            if !queue.is_empty() && distance > self.settings.most_distance {
                self.deadlines.remove(&(queue.deadline, key));
                self.deadlines.insert((deadline, key));
                let before = queue.memory;
                queue.restart(deadline);
                let freed = before.saturating_sub(queue.memory);
                self.memory[family as usize] = self.memory[family as usize].saturating_sub(freed);
            }
            queue.seen = count;
        }
        let before = queue.memory;
        let outcome = match family {
            Family::V4 => v4::insert(queue, packet),
            Family::V6 => v6::insert(queue, packet),
        };
        self.memory[family as usize] += queue.memory - before;
        if matches!(outcome, Outcome::Discarded | Outcome::Alone | Outcome::Complete(..)) {
            self.remove(&key);
        }
        Some(outcome)
    }
}

/// Gathers fragments; packets that are none pass.
///
/// Linux: of IPv4, whatever is refused counts as taken, so that a local sender hears of no error; of IPv6 it is
/// dropped.
pub fn handle(defrag: &mut Defrag, packet: &mut Packet, user: User, env: &mut Env<'_>) -> Verdict {
    if user != User::LocalDeliver && was_seen(packet) {
        return Verdict::Accept;
    }
    let key = match packet.family() {
        Family::V4 => v4::key(packet, user),
        Family::V6 => match v6::key(packet, user) {
            v6::Header::Fragment(key) => Some(key),
            v6::Header::None => None,
            v6::Header::Cut => return Verdict::Drop(Drop::Fragment),
        },
    };
    let Some(key) = key else { return Verdict::Accept };
    match defrag.insert(key, packet, env.now.mono) {
        Some(Outcome::Kept) => {
            env.step(packet, || Step::FragmentKept);
            Verdict::Stolen
        }
        Some(Outcome::Duplicate) => {
            env.step(packet, || Step::Dropped(Drop::Fragment));
            Verdict::Stolen
        }
        Some(Outcome::Alone) => Verdict::Accept,
        Some(Outcome::Complete(bytes, gathered, inherited)) => {
            inherited.give_to(packet);
            complete(packet, bytes, gathered, env)
        }
        Some(Outcome::Refused | Outcome::Discarded) | None => refuse(packet, env),
    }
}

/// Whether connection tracking has seen a packet on its way out, so that its pieces are left alone when they come back over
/// loopback. Linux: `ipv6_defrag`; `ipv4_conntrack_defrag` gathers what has a connection, since NAT wants it whole.
fn was_seen(packet: &Packet) -> bool {
    match packet.tracking {
        Tracking::None | Tracking::Vacant => false,
        Tracking::Untracked => true,
        Tracking::Entry { .. } => packet.family() == Family::V6,
    }
}

fn refuse(packet: &Packet, env: &mut Env<'_>) -> Verdict {
    match packet.family() {
        Family::V4 => {
            env.step(packet, || Step::Dropped(Drop::Fragment));
            Verdict::Stolen
        }
        Family::V6 => Verdict::Drop(Drop::Fragment),
    }
}

fn complete(packet: &mut Packet, bytes: Vec<u8>, gathered: Gathered, env: &mut Env<'_>) -> Verdict {
    let Ok(layout) = packet::layout::parse(&bytes) else { return refuse(packet, env) };
    let pieces = gathered.pieces.len();
    env.step(packet, || Step::Gathered { pieces });
    packet.bytes = bytes;
    packet.layout = layout;
    packet.gathered = Some(Box::new(gathered));
    Verdict::Accept
}

#[cfg(test)]
mod tests;

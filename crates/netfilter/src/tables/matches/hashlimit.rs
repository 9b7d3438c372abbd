//! `-m hashlimit` (Linux: `hashlimit_mt_common`): a bucket, or a measured rate, for each key.
//!
//! The table is as the rule says that made it: its key, its masks, the rate at which buckets are filled and their size. A
//! later rule of the same name only says whether it asks for bytes, and whether more than the rate is meant.
//!
//! # Limits
//! A table has at most `--hashlimit-htable-max` entries, which is at least the number of buckets and eight times as many by
//! default; a packet that needs one more is dropped. Idle entries go every `--hashlimit-htable-gcinterval`, not before.
//!
//! Time counts in jiffies of 4 ms, as the kernel that is the norm was built (HZ=250). The collector is a timer of the kernel's
//! wheel that begins with the table and is started anew each time it has fired ([`crate::time::fires`]).
use std::collections::BTreeMap;
use std::net::IpAddr;

use packet::{Family, protocol};
use rules::matches::hashlimit::{
    BYTE_CREDITS_PER_SECOND, BYTE_SHIFT, CREDITS_PER_SECOND, Hashlimit, Rate, byte_credits, bytes_of_cost,
    packet_credits,
};

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::time::{HZ, fires, jiffies};
use crate::trace::Found;

/// Buckets by default, on a machine with more than 1 GiB.
const BUCKETS: u32 = 8_192;
/// Entries for each bucket by default.
const ENTRIES_EACH: u32 = 8;
/// The credit of a full bucket of bytes.
const FULL: u64 = BYTE_CREDITS_PER_SECOND;

/// A table.
#[derive(Debug)]
pub(in crate::tables) struct Table {
    family: Family,
    /// The rule that made it.
    made: Hashlimit,
    most: usize,
    /// The jiffies after which the collector's timer is due, and when it fires next; `None`: nobody told the time yet.
    collect: u64,
    fires: Option<u64>,
    entries: BTreeMap<Key, Entry>,
}

/// What packets of one entry have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: u128,
    destination: u128,
    source_port: u16,
    destination_port: u16,
}

/// An entry.
#[derive(Debug)]
struct Entry {
    /// When it is idle.
    expires: u64,
    /// When its credit was reckoned.
    last: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A bucket: credit; its size (for bytes: how often it may still be filled at once); the cost of a packet or of 16
    /// bytes.
    Bucket { credit: u64, cap: u64, cost: u64 },
    /// A rate: whether the last interval exceeded it; what came in this one.
    Measured { exceeded: bool, current: u64, rate: u64, burst: u64 },
}

fn milliseconds(number: u32) -> u64 {
    (u64::from(number) * u64::from(HZ)).div_ceil(1_000)
}

impl Table {
    /// An empty one, made by a rule now (in jiffies), or when it is used first.
    pub(in crate::tables) fn new(rule: &Hashlimit, family: Family, now: Option<u64>) -> Self {
        let size = if rule.size == 0 { BUCKETS } else { rule.size };
        let most = if rule.most == 0 { size.saturating_mul(ENTRIES_EACH) } else { rule.most.max(size) };
        let collect = milliseconds(rule.collect).max(1);
        Self {
            family,
            made: rule.clone(),
            most: usize::try_from(most).unwrap_or(usize::MAX),
            collect,
            fires: now.map(|now| fires(now + collect, collect)),
            entries: BTreeMap::new(),
        }
    }

    pub(in crate::tables) fn family(&self) -> Family {
        self.family
    }

    /// Takes idle entries away when it is time for that. Linux: `htable_gc`.
    fn collect(&mut self, now: u64) {
        let next = *self.fires.get_or_insert(fires(now + self.collect, self.collect));
        if let Some(late) = now.checked_sub(next) {
            // Once it fires where the wheel is round it does so at equal distances.
            let rhythm = fires(next + self.collect, self.collect) - next;
            let looked = now - late % rhythm;
            self.entries.retain(|_, entry| entry.expires > looked);
            self.fires = Some(looked + rhythm);
        }
    }

    /// Linux: `hashlimit_init_dst`; `None`: the packet is cut short.
    fn key(&self, asked: &Asked<'_>) -> Option<Key> {
        let (packet, view) = (asked.packet, asked.packet.view());
        let masked = |address: IpAddr, length: Option<u8>| {
            let (bits, width) = match address {
                IpAddr::V4(own) => (u128::from(u32::from(own)), 32),
                IpAddr::V6(own) => (u128::from(own), 128),
            };
            let dropped = u32::from(width - length.unwrap_or(width).min(width));
            bits & u128::MAX.checked_shl(dropped).unwrap_or(0)
        };
        let made = &self.made;
        let mut key = Key::default();
        if made.key.source() {
            key.source = masked(view.source(), made.source_length);
        }
        if made.key.destination() {
            key.destination = masked(view.destination(), made.destination_length);
        }
        if !made.key.source_port() && !made.key.destination_port() {
            return Some(key);
        }
        // Linux: `proto_ports_offset`; a later fragment of IPv4 is read as if it had a header.
        let offset = match view.protocol() {
            _ if self.family == Family::V6 && packet.layout.later_fragment() => return Some(key),
            Some(
                protocol::TCP
                | protocol::UDP
                | protocol::DCCP
                | protocol::ESP
                | protocol::SCTP
                | protocol::UDPLITE,
            ) => 0,
            Some(protocol::AH) => 4,
            Some(_) => return Some(key),
            None => return None,
        };
        let start = packet.layout.transport + offset;
        let (source, destination) = super::ports(packet.bytes.get(..packet.layout.total_len)?.get(start..)?)?;
        key.source_port = if made.key.source_port() { source } else { 0 };
        key.destination_port = if made.key.destination_port() { destination } else { 0 };
        Some(key)
    }

    /// Linux: `rateinfo_init`.
    fn start(&self) -> State {
        let made = &self.made;
        match (made.rate, made.interval) {
            (Rate::Bytes(cost), Some(_)) => {
                let rate = bytes_of_cost(cost);
                let burst = if made.burst == 0 { rate } else { made.burst.saturating_mul(rate) };
                State::Measured { exceeded: false, current: 0, rate, burst }
            }
            (Rate::Packets(period), Some(_)) => {
                let rate = 1_000_000_u64.checked_div(period).unwrap_or(0);
                State::Measured { exceeded: false, current: 0, rate, burst: made.burst.saturating_add(rate) }
            }
            (Rate::Bytes(cost), None) => {
                State::Bucket { credit: FULL, cap: made.burst, cost: byte_credits(cost) }
            }
            (Rate::Packets(period), None) => {
                let credit = packet_credits(period.wrapping_mul(made.burst));
                State::Bucket { credit, cap: credit, cost: packet_credits(period) }
            }
        }
    }

    /// Linux: `rateinfo_recalc`.
    fn advance(made: &Hashlimit, entry: &mut Entry, now: u64) {
        let passed = now.saturating_sub(entry.last);
        if passed == 0 {
            return;
        }
        match &mut entry.state {
            State::Measured { exceeded, current, rate, .. } => {
                let interval = u64::from(made.interval.unwrap_or(1)) * u64::from(HZ);
                if passed < interval {
                    return;
                }
                *exceeded = current.wrapping_mul(interval) > passed.wrapping_mul(*rate);
                *current = 0;
            }
            State::Bucket { credit, cap, .. } => {
                let (each, most) = match made.rate {
                    Rate::Bytes(_) => (BYTE_CREDITS_PER_SECOND / u64::from(HZ), FULL),
                    Rate::Packets(_) => (CREDITS_PER_SECOND / u64::from(HZ), *cap),
                };
                *credit = credit.saturating_add(each.saturating_mul(passed)).min(most);
            }
        }
        entry.last = now;
    }
}

/// A rule with its table.
#[derive(Debug)]
pub(in crate::tables) struct Asker {
    pub(in crate::tables) rule: Hashlimit,
    /// The table's place; `None`: the program is not bound.
    pub(in crate::tables) table: Option<usize>,
}

impl Asker {
    pub(super) fn holds(&self, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
        let now = jiffies(env.now.mono);
        let Some(table) = self.table.and_then(|place| env.named.hashlimits.get_mut(place)) else {
            return Err(Miss::Undecided("the table of -m hashlimit"));
        };
        table.collect(now);
        let option = if self.rule.above { "--hashlimit-above" } else { "--hashlimit-upto" };
        let key =
            table.key(asked).ok_or(Miss::Hotdrop("--hashlimit-mode", Found::Nothing("whole header")))?;
        let expires = now + milliseconds(table.made.expire);
        if !table.entries.contains_key(&key) {
            if table.entries.len() >= table.most {
                return Err(Miss::Hotdrop("--hashlimit-htable-max", Found::Number(table.most as u64)));
            }
            let state = table.start();
            table.entries.insert(key, Entry { expires, last: now, state });
        }
        let Some(entry) = table.entries.get_mut(&key) else {
            return Err(Miss::Undecided("the table of -m hashlimit"));
        };
        entry.expires = expires;
        Table::advance(&table.made, entry, now);
        let within = self.take(&mut entry.state, asked.packet.len() as u64);
        let found = match entry.state {
            State::Bucket { .. } if within => Found::Word("a token left"),
            State::Bucket { .. } => Found::Nothing("token left"),
            State::Measured { current, .. } => Found::Number(current),
        };
        hold(within != self.rule.above, option, found)
    }

    /// Whether the packet is within the rate; it counts.
    fn take(&self, state: &mut State, length: u64) -> bool {
        let bytes = matches!(self.rule.rate, Rate::Bytes(_));
        match state {
            State::Measured { exceeded, current, burst, .. } => {
                *current = current.wrapping_add(if bytes { length } else { 1 });
                !*exceeded && *current <= *burst
            }
            State::Bucket { credit, cap, cost } => {
                let mut own = *cost;
                if bytes {
                    // Linux: `hashlimit_byte_cost`: what is begun of 16 bytes counts whole; a burst fills the bucket.
                    own = ((length >> BYTE_SHIFT) + 1).saturating_mul(*cost).min(FULL);
                    if *credit < own && *cap != 0 {
                        *cap -= 1;
                        *credit = FULL;
                    }
                }
                let within = *credit >= own;
                if within {
                    *credit -= own;
                }
                within
            }
        }
    }
}

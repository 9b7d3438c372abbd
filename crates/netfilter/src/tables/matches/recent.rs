//! `-m recent` (Linux: `recent_mt`): a list of addresses with the times at which they were seen.
//!
//! # Limits
//! A list has at most [`ENTRIES`] addresses; the one that was not seen for longest goes first. Each remembers at most as
//! many times as the largest `--hitcount` of the list's rules, rounded up to a power of two, and 32 at least.
//!
//! Time counts in jiffies of 4 ms, as the kernel that is the norm was built (HZ=250).
use std::net::IpAddr;

use rules::Hook;
use rules::matches::recent::{ListOperation, Recent};

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::time::{HZ, jiffies};
use crate::trace::Found;

/// Most addresses of a list (`ip_list_tot`).
const ENTRIES: usize = 100;

/// A list.
#[derive(Debug)]
pub(in crate::tables) struct List {
    mask: IpAddr,
    /// Whether a mask of IPv4 leaves all of an address of IPv6 that is behind its 32 bits.
    rest: bool,
    /// How many times an address remembers; a power of two.
    most: usize,
    /// The one that was not seen for longest first.
    entries: Vec<Seen>,
}

/// An address with when it was seen.
#[derive(Debug)]
struct Seen {
    address: IpAddr,
    ttl: u8,
    /// A ring; where the next time goes.
    next: usize,
    times: Vec<i64>,
}

impl List {
    /// An empty one, made by a rule.
    pub(in crate::tables) fn new(rule: &Recent) -> Self {
        Self { mask: rule.mask, rest: rule.rest, most: times_of(rule), entries: Vec::new() }
    }

    /// Makes room for what a rule wants to remember. Linux: the list is emptied for that.
    pub(in crate::tables) fn remember(&mut self, rule: &Recent) {
        let most = times_of(rule);
        if most > self.most {
            self.most = most;
            self.entries.clear();
        }
    }

    fn see(&mut self, place: usize, now: i64, ttl: u8) {
        if place >= self.entries.len() {
            return;
        }
        let mut seen = self.entries.remove(place);
        let at = seen.next % self.most.max(1);
        match seen.times.get_mut(at) {
            Some(time) => *time = now,
            None => seen.times.push(now),
        }
        seen.next = at + 1;
        seen.ttl = ttl;
        self.entries.push(seen);
    }
}

/// How many times a rule wants to remember.
fn times_of(rule: &Recent) -> usize {
    match rule.hits {
        0 => 32,
        hits => usize::try_from(hits).unwrap_or(usize::MAX / 2).next_power_of_two(),
    }
}

/// A mask over an address. Linux: a list is for both families (`nf_inet_addr_mask`): the mask of one of IPv4 is the first 32 bits
/// of one of IPv6, behind which are ones (`rest`) or zeros.
fn masked(address: IpAddr, mask: IpAddr, rest: bool) -> IpAddr {
    match (address, mask) {
        (IpAddr::V4(own), IpAddr::V4(mask)) => (own & mask).into(),
        (IpAddr::V6(own), IpAddr::V6(mask)) => (own & mask).into(),
        (IpAddr::V6(own), IpAddr::V4(mask)) => {
            let behind = if rest { u128::MAX >> 32 } else { 0 };
            (own & std::net::Ipv6Addr::from(u128::from(u32::from(mask)) << 96 | behind)).into()
        }
        (IpAddr::V4(own), IpAddr::V6(mask)) => {
            let [a, b, c, d, ..] = mask.octets();
            (own & std::net::Ipv4Addr::new(a, b, c, d)).into()
        }
    }
}

/// A rule with its list.
#[derive(Debug)]
pub(in crate::tables) struct Asker {
    pub(in crate::tables) rule: Recent,
    /// The list's place; `None`: the program is not bound.
    pub(in crate::tables) list: Option<usize>,
}

impl Asker {
    pub(super) fn holds(&self, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
        let now = i64::try_from(jiffies(env.now.mono)).unwrap_or(i64::MAX);
        let Some(list) = self.list.and_then(|place| env.named.recents.get_mut(place)) else {
            return Err(Miss::Undecided("the list of -m recent"));
        };
        let rule = &self.rule;
        let view = asked.packet.view();
        let address = if rule.destination { view.destination() } else { view.source() };
        let address = masked(address, list.mask, list.rest);
        let ttl = ttl(asked, view.ttl());
        let wanted = |seen: &Seen| {
            seen.address == address && (!rule.ttl || ttl == 0 || seen.ttl == 0 || seen.ttl == ttl)
        };
        let place = list.entries.iter().position(wanted);
        let option = option(rule);
        let Some(place) = place else {
            if rule.operation != ListOperation::Set {
                return hold(rule.invert, option, Found::Nothing("entry in the list"));
            }
            if list.entries.len() >= ENTRIES {
                list.entries.remove(0);
            }
            list.entries.push(Seen { address, ttl, next: 1, times: vec![now] });
            return hold(!rule.invert, option, Found::Word("a new entry"));
        };
        let (fits, found) = match rule.operation {
            ListOperation::Set => {
                list.see(place, now, ttl);
                (true, Found::Word("an entry in the list"))
            }
            ListOperation::Remove => {
                list.entries.remove(place);
                (true, Found::Word("an entry in the list"))
            }
            ListOperation::Check | ListOperation::Update => Self::look(rule, list, place, now, ttl),
        };
        hold(fits != rule.invert, option, found)
    }

    /// `--rcheck` and `--update`: enough of its times are late enough.
    fn look(rule: &Recent, list: &mut List, place: usize, now: i64, ttl: u8) -> (bool, Found) {
        let from = now.saturating_sub(i64::from(rule.seconds) * i64::from(HZ));
        let late = |time: &&i64| rule.seconds == 0 || **time >= from;
        let hits = list.entries.get(place).map_or(0, |seen| seen.times.iter().filter(late).count());
        let fits = hits >= usize::try_from(rule.hits.max(1)).unwrap_or(usize::MAX);
        // Linux: what the rule says decides whether the time is taken anew, its inversion included.
        let updates = rule.operation == ListOperation::Update && fits != rule.invert;
        let mut place = Some(place);
        // Linux: `recent_entry_reap` looks at the oldest entry only.
        if rule.reap
            && !(updates && place == Some(0))
            && list.entries.first().is_some_and(|oldest| {
                let last = oldest.next.checked_sub(1).and_then(|at| oldest.times.get(at));
                last.is_some_and(|&last| last < from)
            })
        {
            list.entries.remove(0);
            place = place.and_then(|place| place.checked_sub(1));
        }
        if let (true, Some(place)) = (updates, place) {
            list.see(place, now, ttl);
        }
        (fits, Found::Number(hits as u64))
    }
}

/// The time to live as it was before this machine forwarded the packet. Linux: one is added where the packet has a
/// device to leave by and no socket sent it.
fn ttl(asked: &Asked<'_>, ttl: u8) -> u8 {
    let leaves = matches!(asked.place.hook, Hook::Forward | Hook::Output | Hook::Postrouting);
    let sent = asked.packet.origin.is_some_and(|origin| origin.socket.is_some() || !origin.known);
    if leaves && !sent { ttl.wrapping_add(1) } else { ttl }
}

fn option(rule: &Recent) -> &'static str {
    match (rule.operation, rule.hits, rule.seconds) {
        (ListOperation::Set, ..) => "--set",
        (ListOperation::Remove, ..) => "--remove",
        (_, 1.., _) => "--hitcount",
        (_, 0, 1..) => "--seconds",
        (ListOperation::Check, ..) => "--rcheck",
        (ListOperation::Update, ..) => "--update",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_the_other_family_cover_32_bits() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (own, mask, rest, kept) in [
            ("10.1.2.3", "255.255.0.0", false, "10.1.0.0"),
            ("10.1.2.3", "255.255.0.0", true, "10.1.0.0"),
            ("fd00:1:2::3", "255.255.0.0", false, "fd00::"),
            ("fd00:1:2::3", "255.255.255.255", false, "fd00:1::"),
            ("fd00:1:2::3", "255.255.255.255", true, "fd00:1:2::3"),
            ("10.1.2.3", "ff00::", true, "10.0.0.0"),
            ("fd00:1:2::3", "ff00::", true, "fd00::"),
        ] {
            assert_eq!(masked(address(own), address(mask), rest), address(kept), "{own} {mask} {rest}");
        }
    }
}

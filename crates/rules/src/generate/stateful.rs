//! Random matches of what has state in the kernel, of its own or in connection tracking.
use super::values::Random;
use super::{Place, negatable};
use crate::matches::cgroup::Cgroup;
use crate::matches::cluster::Cluster;
use crate::matches::connbytes::{Amount, Connbytes, Counted};
use crate::matches::connlabel::Connlabel;
use crate::matches::connlimit::Connlimit;
use crate::matches::hashlimit::{Hashlimit, Key, Rate};
use crate::matches::helper::Helper;
use crate::matches::quota::Quota;
use crate::matches::rateest::{Comparison, RatePair, Rateest};
use crate::matches::recent::{ListOperation, Recent};
use crate::matches::time::{NO_STOP, Time};
use crate::syntax::objects::estimators_of;
use crate::{Counters, Header, Hook, Match, Rule, TableRules};

/// A match; `None` where the one that was drawn may not stand.
pub(super) fn one(random: &mut Random<'_>, place: &Place<'_>) -> Option<Match> {
    Some(match random.below(12) {
        0 if place.only(&[Hook::Input, Hook::Output, Hook::Postrouting]) => {
            Match::Cgroup(Box::new(cgroup(random)))
        }
        1 => Match::Cluster(cluster(random)),
        2 => Match::Connbytes(Box::new(connbytes(random))),
        3 => Match::Connlimit(connlimit(random)),
        4 => Match::Helper(helper(random)),
        5 => Match::Quota(quota(random)),
        6 => Match::Connlabel(Box::new(connlabel(random))),
        7 | 8 => Match::Hashlimit(Box::new(hashlimit(random))),
        9 | 10 => Match::Recent(Box::new(recent(random))),
        11 => Match::Time(Box::new(time(random))),
        _ => return None,
    })
}

/// A rule with `-m rateest`, for the end of a built-in chain: behind one that makes an estimator, or none.
pub(super) fn compared(random: &mut Random<'_>, rules: &TableRules) -> Option<Rule> {
    let rules = rules.slots_in_order().flat_map(|(_, chain)| &chain.rules);
    let names: Vec<Box<str>> = rules.flat_map(estimators_of).map(Into::into).collect();
    let first = names.get(random.below(names.len()))?.clone();
    let second = names.get(random.below(2 * names.len())).cloned();
    let delta = random.chance(1, 2);
    let (bytes, packets) = random.choose([(true, false), (false, true)]);
    // Each is what its own print is read as: 0bit, 8bit, 1000bit, 1000Kbit, 1000Mbit.
    let rates = |random: &mut Random<'_>, used: bool| RatePair {
        bytes: if used && bytes { random.choose([0, 1, 125, 125_000, 125_000_000]) } else { 0 },
        packets: if used && packets { random.choose([0, 1, 1_000, u32::MAX]) } else { 0 },
    };
    let second_used = delta || second.is_none();
    let own = Rateest {
        first,
        second,
        invert: random.chance(1, 4),
        comparison: Some(random.choose([Comparison::Less, Comparison::Greater, Comparison::Equal])),
        delta,
        bytes,
        packets,
        first_rate: rates(random, delta),
        second_rate: rates(random, second_used),
    };
    let matches = vec![Match::Rateest(Box::new(own))];
    Some(Rule { header: Header::default(), matches, target: None, counters: Counters::default() })
}

fn cgroup(random: &mut Random<'_>) -> Cgroup {
    if random.chance(1, 3) {
        let root: Box<str> = random.choose(["/", ""]).into();
        return Cgroup { path: Some(negatable(random, root)), class: None };
    }
    let class = random.mark();
    Cgroup { path: None, class: Some(negatable(random, class)) }
}

fn cluster(random: &mut Random<'_>) -> Cluster {
    let total = random.choose([1, 2, 3, 5]);
    let all = (1_u16 << total) - 1;
    let nodes = u32::from(random.some_bits(all));
    Cluster { invert: random.chance(1, 4), total, nodes, seed: random.mark() }
}

fn connbytes(random: &mut Random<'_>) -> Connbytes {
    let any = random.number();
    let from = random.choose([0, 1, 2, 100, 1_000_000, any]);
    let to = random.choose([u64::MAX, u64::MAX, 1, 3, 1_500, u64::MAX - 1]).max(from.max(1));
    Connbytes {
        invert: from != to && random.chance(1, 4),
        from,
        to,
        what: random.choose([Amount::Packets, Amount::Bytes, Amount::AveragePacket]),
        direction: random.choose([Counted::Original, Counted::Reply, Counted::Both]),
    }
}

fn connlimit(random: &mut Random<'_>) -> Connlimit {
    Connlimit {
        limit: random.choose([0, 1, 2, 3, 20, u32::MAX]),
        above: random.chance(2, 3),
        length: random.length(),
        destination: random.chance(1, 3),
    }
}

fn helper(random: &mut Random<'_>) -> Helper {
    let name = random.choose(["ftp", "", "sip", "ftp-2121", "a b", "it's", "abcdefghijklmnopqrstuvwxyz012"]);
    Helper { invert: random.chance(1, 4), name: name.into() }
}

fn quota(random: &mut Random<'_>) -> Quota {
    let any = random.number();
    Quota { invert: random.chance(1, 4), bytes: random.choose([0, 1, 60, 1_000, 1 << 32, u64::MAX, any]) }
}

fn connlabel(random: &mut Random<'_>) -> Connlabel {
    let label = random.choose([0, 1, 5, 31, 32, 64, 127]);
    Connlabel { invert: random.chance(1, 4), label, name: None, set: random.chance(1, 2) }
}

fn hashlimit(random: &mut Random<'_>) -> Hashlimit {
    let length = |random: &mut Random<'_>| {
        let length = random.length();
        Some(length).filter(|&length| random.chance(1, 3) && length != random.family.bits())
    };
    // Each rate is what its own print is read as: 1/sec, 10/sec, 7/min, 1/hour, 1000/sec, 1000000/sec.
    let period = random.choose([1_000_000, 100_000, 8_571_428, 3_600_000_000, 1_000, 1]);
    // 16b/s, 1kb/s, 1mb/s.
    let cost = random.choose([2_147_483_647, 66_076_419, 65_535]);
    let burst = random.choose([1, 2, 5, 100]);
    let expire = random.choose([1, 500, 10_000, 60_000]);
    let mut own = Hashlimit {
        above: random.chance(1, 2),
        rate: Rate::Packets(period),
        burst,
        key: Key::from_bits(random.number() as u8),
        name: random.choose(["a", "foo", "a.b-c_d", "abcdefghijklmnopqrstuvwxyz"]).into(),
        size: random.choose([0, 0, 1, 1_024]),
        most: random.choose([0, 0, 1, 32_768]),
        collect: random.choose([1_000, 1_000, 1, 500]),
        expire,
        source_length: length(random),
        destination_length: length(random),
        interval: None,
    };
    if random.chance(1, 3) {
        own.rate = Rate::Bytes(cost);
        // A burst is printed in whole units, so that it is read as it was for these rates only.
        own.burst = if cost == 65_535 || cost == 66_076_419 { random.choose([0, 1, 2, 5]) } else { 0 };
    } else if random.chance(1, 4) {
        own.rate = Rate::Packets(random.choose([1_000_000, 100_000, 1_000, 1]));
        own.interval = Some(random.choose([1, 10, 60, 100_000]));
        // Tables with and without measuring have other names.
        own.name = random.choose(["m", "measured"]).into();
    }
    own
}

fn recent(random: &mut Random<'_>) -> Recent {
    let operation = random.choose([
        ListOperation::Set,
        ListOperation::Check,
        ListOperation::Update,
        ListOperation::Update,
        ListOperation::Remove,
    ]);
    let looks = matches!(operation, ListOperation::Check | ListOperation::Update);
    let seconds = if looks { random.choose([0, 1, 60, 2_147_483_647]) } else { 0 };
    let mask = match random.length() {
        length if random.chance(1, 3) => packet::AddrMask::prefix(random.address(), length),
        _ => None,
    };
    let whole = packet::AddrMask::host(random.address());
    Recent {
        invert: random.chance(1, 4),
        operation,
        seconds,
        hits: if looks { random.choose([0, 1, 3, 20, 255, 65_535]) } else { 0 },
        reap: seconds != 0 && random.chance(1, 3),
        ttl: looks && random.chance(1, 4),
        name: random.choose(["DEFAULT", "a", "SSH", "a.b-c_d", "abcdefghijklmnopqrstuvwxyz"]).into(),
        mask: mask.unwrap_or(whole).mask(),
        rest: false,
        destination: random.chance(1, 3),
    }
}

fn time(random: &mut Random<'_>) -> Time {
    let second = |random: &mut Random<'_>| random.choose([0, 1, 3_600, 43_200, 61_199, 86_399]);
    let (day_start, day_stop) = (second(random), second(random));
    let bits = random.number();
    let all = random.chance(1, 2);
    // A set without days is saved otherwise than iptables does.
    Time {
        date_start: random.choose([0, 0, 1, 1_709_164_800, 2_147_483_647]),
        date_stop: random.choose([NO_STOP, NO_STOP, 1_735_689_599, 2_177_452_799]),
        day_start,
        day_stop,
        month_days: if all { 0xffff_fffe } else { bits as u32 & 0xffff_fffe | 2 },
        week_days: if random.chance(1, 2) { 0xfe } else { (bits >> 32) as u8 & 0xfe | 2 },
        contiguous: day_start >= day_stop && random.chance(1, 3),
        kernel_zone: random.chance(1, 4),
    }
}

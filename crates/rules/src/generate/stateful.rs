//! Random matches of what has state in the kernel, of its own or in connection tracking.
use super::values::Random;
use super::{Place, negatable};
use crate::matches::cgroup::Cgroup;
use crate::matches::cluster::Cluster;
use crate::matches::connbytes::{Amount, Connbytes, Counted};
use crate::matches::connlimit::Connlimit;
use crate::matches::helper::Helper;
use crate::matches::quota::Quota;
use crate::{Hook, Match};

/// A match; `None` where the one that was drawn may not stand.
pub(super) fn one(random: &mut Random<'_>, place: &Place<'_>) -> Option<Match> {
    Some(match random.below(6) {
        0 if place.only(&[Hook::Input, Hook::Output, Hook::Postrouting]) => {
            Match::Cgroup(Box::new(cgroup(random)))
        }
        1 => Match::Cluster(cluster(random)),
        2 => Match::Connbytes(Box::new(connbytes(random))),
        3 => Match::Connlimit(connlimit(random)),
        4 => Match::Helper(helper(random)),
        5 => Match::Quota(quota(random)),
        _ => return None,
    })
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

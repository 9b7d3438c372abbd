//! Random targets that change a packet, or its metadata, or tell somebody of it.
use packet::{Family, protocol};

use super::Place;
use super::values::Random;
use crate::targets::audit::Audit;
use crate::targets::classify::Classify;
use crate::targets::connsecmark::Connsecmark;
use crate::targets::tcpmss::Tcpmss;
use crate::targets::tcpoptstrip::Tcpoptstrip;
use crate::targets::ttl::HopChange;
use crate::{Header, Hook, Match, Table, Target};

/// A target that may stand here behind these matches, or none.
pub(super) fn one(
    random: &mut Random<'_>,
    place: &Place<'_>,
    header: &Header,
    list: &[Match],
) -> Option<Target> {
    let tcp = header.positive_protocol() == Some(protocol::TCP);
    let mangle = place.table == Table::Mangle;
    let routed = place.only(&[Hook::Forward, Hook::Output, Hook::Postrouting]);
    if tcp && list.iter().any(demands_syn) && random.chance(3, 4) {
        return Some(Target::Tcpmss(tcpmss(random, routed)));
    }
    Some(match random.below(6) {
        0 if routed => Target::Classify(Classify { priority: random.mark() }),
        1 if mangle => Target::Checksum,
        2 if mangle || place.table == Table::Security => {
            Target::Connsecmark(random.choose([Connsecmark::Save, Connsecmark::Restore]))
        }
        3 if mangle && random.family == Family::V4 => Target::Ttl(hops(random)),
        3 if mangle => Target::Hl(hops(random)),
        4 if mangle && tcp => Target::Tcpoptstrip(strip(random)),
        5 => Target::Audit(random.choose([Audit::Accept, Audit::Drop, Audit::Reject])),
        _ => return None,
    })
}

fn demands_syn(one: &Match) -> bool {
    let Match::Tcp(tcp) = one else { return false };
    tcp.flags.is_some_and(|flags| !flags.invert && flags.value.set & 2 != 0)
}

fn tcpmss(random: &mut Random<'_>, routed: bool) -> Tcpmss {
    if routed && random.chance(1, 2) {
        return Tcpmss::Clamp;
    }
    Tcpmss::Set(random.choose([0, 500, 536, 1000, 1360, 1460, 65_495]))
}

fn hops(random: &mut Random<'_>) -> HopChange {
    match random.below(3) {
        0 => HopChange::Set(random.choose([0, 1, 2, 5, 64, 255])),
        1 => HopChange::Decrement(random.choose([1, 2, 63, 64, 255])),
        _ => HopChange::Increment(random.choose([1, 2, 191, 192, 255])),
    }
}

fn strip(random: &mut Random<'_>) -> Tcpoptstrip {
    let mut own = Tcpoptstrip::default();
    for _ in 0..random.below(4) {
        own.add(random.choose([2, 3, 4, 5, 8, 19, 63, 64, 128, 254, 255]));
    }
    own
}

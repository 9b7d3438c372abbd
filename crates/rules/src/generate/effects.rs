//! Random targets that change a packet, or its metadata, or tell somebody of it.
use packet::{AddrMask, Family, protocol};

use super::Place;
use super::values::Random;
use crate::targets::audit::Audit;
use crate::targets::classify::Classify;
use crate::targets::connsecmark::Connsecmark;
use crate::targets::dscp::Dscp;
use crate::targets::ecn::Ecn;
use crate::targets::hmark::Hmark;
use crate::targets::idletimer::Idletimer;
use crate::targets::nflog::{Copied, Nflog};
use crate::targets::nfqueue::Nfqueue;
use crate::targets::rateest::Rateest;
use crate::targets::snpt::{Npt, Prefix};
use crate::targets::synproxy::Synproxy;
use crate::targets::tcpmss::Tcpmss;
use crate::targets::tcpoptstrip::Tcpoptstrip;
use crate::targets::tee::Tee;
use crate::targets::tos::Tos;
use crate::targets::tproxy::Tproxy;
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
    let udp = header.positive_protocol() == Some(protocol::UDP);
    let mangle = place.table == Table::Mangle;
    let routed = place.only(&[Hook::Forward, Hook::Output, Hook::Postrouting]);
    if tcp && list.iter().any(demands_syn) && random.chance(3, 4) {
        return Some(Target::Tcpmss(tcpmss(random, routed)));
    }
    Some(match random.below(18) {
        0 if routed => Target::Classify(Classify { priority: random.mark() }),
        1 if mangle => Target::Checksum,
        2 if mangle || place.table == Table::Security => {
            Target::Connsecmark(random.choose([Connsecmark::Save, Connsecmark::Restore]))
        }
        3 if mangle && random.family == Family::V4 => Target::Ttl(hops(random)),
        3 if mangle => Target::Hl(hops(random)),
        4 if mangle && tcp => Target::Tcpoptstrip(strip(random)),
        5 => Target::Audit(random.choose([Audit::Accept, Audit::Drop, Audit::Reject])),
        6 | 7 => Target::Nflog(Box::new(nflog(random))),
        8 => Target::Nfqueue(nfqueue(random)),
        9 => Target::Tee(Box::new(tee(random))),
        10 => Target::Idletimer(Box::new(idletimer(random))),
        11 => Target::Rateest(Box::new(rateest(random)?)),
        12 if mangle && random.family == Family::V6 => npt(random, place)?,
        13 if mangle && place.only(&[Hook::Prerouting]) && (tcp || udp) => {
            Target::Tproxy(Box::new(tproxy(random)))
        }
        13 if tcp && place.only(&[Hook::Input, Hook::Forward]) => Target::Synproxy(synproxy(random)),
        14 if mangle => Target::Dscp(Dscp { codepoint: random.choose([0, 1, 0x2e, 63]) }),
        15 if mangle && random.family == Family::V4 => Target::Ecn(ecn(random, tcp)),
        15 | 16 if mangle => {
            let value = random.choose([0, 1, 0x10, 0x1f, 0x3f, 255]);
            Target::Tos(Tos { value, mask: random.choose([0, 0x3f, value, 0xe0, 255]) })
        }
        17 => Target::Hmark(Box::new(hmark(random))),
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

fn nflog(random: &mut Random<'_>) -> Nflog {
    let prefixes = ["", "", "a", "drop: ", "it's \"x\"", "\\"];
    Nflog {
        prefix: random.choose(prefixes).into(),
        group: random.choose([0, 0, 1, 5, u16::MAX]),
        // Not `--nflog-range`, of which iptables warns.
        copy: random.choose([None, None, Some(Copied::Size(0)), Some(Copied::Size(u32::MAX))]),
        threshold: random.choose([0, 0, 1, u16::MAX]),
    }
}

fn nfqueue(random: &mut Random<'_>) -> Nfqueue {
    let first = random.choose([0, 1, 5, 65_533]);
    let last = Some(random.choose([65_534, first + 1])).filter(|_| random.chance(1, 3));
    Nfqueue { first, last, bypass: random.chance(1, 2), cpu_fanout: last.is_some() && random.chance(1, 3) }
}

fn tee(random: &mut Random<'_>) -> Tee {
    let gateway = random.address();
    Tee { gateway, device: random.choose([None, None, Some("dmz0"), Some("nosuch0")]).map(Into::into) }
}

fn idletimer(random: &mut Random<'_>) -> Idletimer {
    // One kind of timer for each label, since the kernel has one timer for all rules with a label.
    let alarm = random.chance(1, 3);
    let label = if alarm { random.choose(["judge-alarm", "a'b"]) } else { random.choose(["judge", "a.b:c"]) };
    Idletimer { timeout: random.choose([1, 60, 2_147_482]), label: label.into(), alarm }
}

fn rateest(random: &mut Random<'_>) -> Option<Rateest> {
    // One interval and average for each name, as the kernel wants it.
    let (name, interval, average) =
        random.choose([("RE1", -2, 1), ("RE2", 0, 3), ("123456789012345", 3, 8), ("x", 1, 10)]);
    Rateest::new(name, interval, average)
}

fn npt(random: &mut Random<'_>, place: &Place<'_>) -> Option<Target> {
    let mut prefix = || {
        let length = random.choose([64, 48, 56, 33, 1, 16]);
        AddrMask::prefix(random.address(), length)
            .map(|network| Prefix { address: network.address(), length })
    };
    let own = Npt { source: prefix()?, destination: prefix()? };
    if place.only(&[Hook::Input, Hook::Postrouting]) {
        return Some(Target::Snpt(Box::new(own)));
    }
    place.only(&[Hook::Prerouting, Hook::Output]).then(|| Target::Dnpt(Box::new(own)))
}

fn tproxy(random: &mut Random<'_>) -> Tproxy {
    let address = random.address();
    let address = random.choose([random.family.unspecified(), address]);
    Tproxy { port: random.port(), address, mark: random.mark(), mask: random.mark() }
}

fn synproxy(random: &mut Random<'_>) -> Synproxy {
    Synproxy {
        sack_permitted: random.chance(1, 2),
        timestamp: random.chance(1, 2),
        window_scale: random.choose([None, Some(0), Some(7), Some(255)]),
        mss: random.choose([None, Some(0), Some(1460), Some(u16::MAX)]),
        ecn: random.chance(1, 2),
    }
}

fn ecn(random: &mut Random<'_>, tcp: bool) -> Ecn {
    let bits = if tcp { [None, Some(false), Some(true)] } else { [None, None, None] };
    let (ece, cwr) = (random.choose(bits), random.choose(bits));
    let codepoint = random.choose([None, Some(0), Some(1), Some(2), Some(3)]);
    // One at least.
    let none = ece.is_none() && cwr.is_none() && codepoint.is_none();
    Ecn { ece, cwr, codepoint: if none { Some(3) } else { codepoint } }
}

fn hmark(random: &mut Random<'_>) -> Hmark {
    let mut own = Hmark::new(random.mark(), random.choose([1, 2, 10, 0xffff, u32::MAX]));
    own.source = Some(random.length());
    own.destination = Some(random.length()).filter(|_| random.chance(1, 2));
    own.connection = random.chance(1, 4);
    if random.chance(1, 3) {
        own.spi_mask = Some(random.mark());
    } else {
        own.source_port_mask = random.choose([None, Some(0), Some(0xff00), Some(u16::MAX)]);
        own.destination_port_mask = random.choose([None, Some(0), Some(0xff), Some(u16::MAX)]);
    }
    match random.below(3) {
        0 => own.spi = Some(random.mark()),
        1 => own.source_port = Some(random.port()),
        _ => own.destination_port = Some(random.port()),
    }
    own.protocol_mask = random.choose([None, Some(0xff), Some(u16::MAX)]);
    own.offset = random.choose([None, Some(0), Some(100), Some(u32::MAX)]);
    own
}

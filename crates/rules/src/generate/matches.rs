//! Random matches that may stand where they are put.
use packet::{Family, protocol};

use super::values::Random;
use super::{Place, extension_header, inspection, negatable, packet_fields, sets, stateful};
use crate::matches::addrtype::{Addrtype, TypeSet};
use crate::matches::comment::Comment;
use crate::matches::conntrack::{Conntrack, HostMask, StateSet, StatusSet};
use crate::matches::icmp::Icmp;
use crate::matches::iprange::Iprange;
use crate::matches::limit::Limit;
use crate::matches::mac::Mac;
use crate::matches::mark::Mark;
use crate::matches::multiport::{MAX_PORTS, Multiport, Side};
use crate::matches::owner::Owner;
use crate::matches::physdev::Physdev;
use crate::matches::state::State;
use crate::matches::statistic::{Statistic, StatisticMode};
use crate::matches::string::{Algorithm, StringMatch};
use crate::matches::tcp::{Tcp, TcpFlags};
use crate::matches::udp::Udp;
use crate::{Header, Hook, Match, Negatable};

/// A match; `None` where the one that was drawn may not stand.
pub(super) fn one(random: &mut Random<'_>, place: &Place<'_>, header: &Header) -> Option<Match> {
    let own = header.positive_protocol();
    if random.chance(1, 4) {
        return stateful::one(random, place);
    }
    if random.chance(1, 3) {
        return packet_fields::one(random, place, header);
    }
    if random.chance(1, 12) {
        return inspection::one(random, place, header);
    }
    if random.chance(1, 16) {
        return sets::set_match(random).map(|own| Match::Set(Box::new(own)));
    }
    if random.family == Family::V6 && random.chance(1, 8) {
        return extension_header::one(random, header);
    }
    Some(match random.below(22) {
        0 => Match::Addrtype(addrtype(random, place)),
        1 => Match::Comment(comment(random)),
        2 => Match::Connmark(mark(random)),
        3 | 4 => Match::Conntrack(Box::new(conntrack(random))),
        5 => Match::Iprange(Box::new(iprange(random))),
        6 => Match::Limit(limit(random)),
        7 if place.only(&[Hook::Prerouting, Hook::Input, Hook::Forward]) => Match::Mac(mac(random)),
        8 => Match::Mark(mark(random)),
        9 if place.only(&[Hook::Output, Hook::Postrouting]) => Match::Owner(owner(random)),
        10 => Match::Physdev(Box::new(physdev(random, place))),
        11 => Match::State(state(random)),
        12 => Match::Statistic(statistic(random)),
        13 => Match::String(Box::new(string(random))),
        14 | 15
            if matches!(own, Some(protocol::TCP | protocol::UDP | protocol::SCTP | protocol::UDPLITE)) =>
        {
            Match::Multiport(multiport(random))
        }
        _ => match own? {
            protocol::TCP => Match::Tcp(tcp(random)),
            protocol::UDP => Match::Udp(udp(random)),
            protocol::ICMP => Match::Icmp(icmp(random)),
            protocol::ICMPV6 => Match::Icmp6(icmp(random)),
            _ => return None,
        },
    })
}

/// Sometimes a value.
pub(super) fn maybe<'a, T>(
    random: &mut Random<'a>,
    value: impl FnOnce(&mut Random<'a>) -> T,
) -> Option<Negatable<T>> {
    if random.chance(1, 3) {
        let value = value(random);
        return Some(negatable(random, value));
    }
    None
}

fn addrtype(random: &mut Random<'_>, place: &Place<'_>) -> Addrtype {
    // IPv6 knows UNSPEC UNICAST LOCAL ANYCAST MULTICAST UNREACHABLE only.
    let known = if random.family == Family::V4 { 0x0fff } else { 0b1011_0111 };
    let set = |random: &mut Random<'_>| {
        let common = random.choose([1 << 1, 1 << 2, 1 << 5]);
        TypeSet(if random.chance(1, 3) { random.some_bits(known) } else { common })
    };
    let mut own = Addrtype { source: maybe(random, set), ..Addrtype::default() };
    if own.source.is_none() || random.chance(1, 3) {
        let value = set(random);
        own.destination = Some(negatable(random, value));
    }
    let (inside, outside) = (
        place.only(&[Hook::Prerouting, Hook::Input, Hook::Forward]),
        place.only(&[Hook::Forward, Hook::Output, Hook::Postrouting]),
    );
    if random.chance(1, 4) {
        own.limit_in = inside;
        own.limit_out = outside && !inside;
    }
    own
}

fn comment(random: &mut Random<'_>) -> Comment {
    let long = "x".repeat(255);
    let texts = [
        "",
        "a",
        "a b",
        "it's",
        "\"quoted\"",
        "back\\slash",
        "cali:abc_DEF-1",
        " both ends ",
        "äöü",
        "!",
        &long,
    ];
    Comment { text: random.choose(texts).into() }
}

fn mark(random: &mut Random<'_>) -> Mark {
    let mask = if random.chance(1, 2) { u32::MAX } else { random.mark() };
    Mark { invert: random.chance(1, 4), value: random.mark(), mask }
}

fn conntrack(random: &mut Random<'_>) -> Conntrack {
    let host = |random: &mut Random<'_>| {
        let (address, length) = (random.address(), random.length());
        HostMask { address, length }
    };
    let mut own = Conntrack {
        protocol: maybe(random, |random| random.choose([1, 6, 17, 58, 132, 2, 255])),
        status: maybe(random, |random| {
            let bits = random.choose([0, 1, 2, 4, 8, 6, 14, 15]);
            StatusSet(bits)
        }),
        direction_original: random.choose([None, None, Some(true), Some(false)]),
        ..Conntrack::default()
    };
    if random.chance(1, 3) {
        own.original_source = maybe(random, host);
        own.original_destination = maybe(random, host);
        own.reply_source = maybe(random, host);
        own.reply_destination = maybe(random, host);
    }
    if random.chance(1, 3) {
        own.original_source_port = maybe(random, Random::ports);
        own.original_destination_port = maybe(random, Random::ports);
        own.reply_source_port = maybe(random, Random::ports);
        own.reply_destination_port = maybe(random, Random::ports);
        own.expire =
            maybe(random, |random| random.choose([(0, 5), (10, 10), (1, u32::MAX), (0, 0), (30, 600)]));
    }
    if own == Conntrack::default() || random.chance(1, 2) {
        let value = StateSet(random.some_bits(0x7f) as u8);
        own.state = Some(negatable(random, value));
    }
    own
}

fn iprange(random: &mut Random<'_>) -> Iprange {
    let source = maybe(random, Random::addresses);
    let destination = match source {
        Some(_) => maybe(random, Random::addresses),
        None => {
            let value = random.addresses();
            Some(negatable(random, value))
        }
    };
    Iprange { source, destination }
}

fn limit(random: &mut Random<'_>) -> Limit {
    // In units of 1/10,000 s: 10000/s, 3333/s, 1000/s, 10/s, 1/s, 61/min, 7/min, 1/min, 3/hour, 1/hour. Each is what
    // its own print is read as, which not every number is: iptables prints rates rounded down.
    let average = random.choose([1, 3, 10, 1_000, 10_000, 9_836, 85_714, 600_000, 12_000_000, 36_000_000]);
    Limit { average, burst: random.choose([5, 1, 2, 4, 6, 100]) }
}

fn mac(random: &mut Random<'_>) -> Mac {
    let last = random.choose([0, 1, 5, 0xff]);
    Mac { source: negatable(random, [0x02, 0, 0, 0, 0, last]) }
}

fn owner(random: &mut Random<'_>) -> Owner {
    let range = |random: &mut Random<'_>| random.choose([(0, 0), (1000, 1000), (1, 999), (0, 4_294_967_294)]);
    let mut own = Owner { uid: maybe(random, range), gid: maybe(random, range), ..Owner::default() };
    if own == Owner::default() || random.chance(1, 4) {
        own.socket_exists = Some(random.chance(1, 4));
    }
    own.supplementary_groups = own.gid.is_some() && random.chance(1, 3);
    own
}

fn physdev(random: &mut Random<'_>, place: &Place<'_>) -> Physdev {
    let mut own = Physdev { input: maybe(random, Random::interface), ..Physdev::default() };
    if random.chance(1, 4) {
        own.is_in = Some(random.chance(1, 4));
    }
    if !place.has(Hook::Output) || place.hooks == crate::syntax::extension::HookSet::NONE {
        own.output = maybe(random, Random::interface);
        if random.chance(1, 4) {
            own.is_out = Some(random.chance(1, 4));
        }
    }
    if own == Physdev::default() || random.chance(1, 4) {
        own.is_bridged = Some(random.chance(1, 4));
    }
    own
}

fn state(random: &mut Random<'_>) -> State {
    let value = StateSet(random.some_bits(0x1f) as u8);
    State { states: negatable(random, value) }
}

fn statistic(random: &mut Random<'_>) -> Statistic {
    let any = (random.number() >> 33) as u32;
    let mode = if random.chance(1, 2) {
        StatisticMode::Random { probability: random.choose([0, 1, 1 << 30, 1 << 31, 0x7fff_ffff, any]) }
    } else {
        let every = random.choose([1, 2, 3, 5, 100, u32::MAX]);
        let packet = random.choose([0, 0, every - 1, every / 2]);
        StatisticMode::Nth { every, packet }
    };
    Statistic { invert: random.chance(1, 4), mode }
}

fn string(random: &mut Random<'_>) -> StringMatch {
    let long = [b'a'; 128];
    let patterns: [&[u8]; 10] = [
        b"GET /",
        b"a",
        b"\0",
        b"\x7f\x80\xff",
        b"a\"b\\c",
        b"tail\\",
        b"it's",
        b"|de ad|",
        "ä".as_bytes(),
        &long,
    ];
    let (from, to) = random.choose([(0, 65_535), (0, 65_535), (20, 65_535), (0, 100), (40, 60), (28, 28)]);
    StringMatch {
        invert: random.chance(1, 4),
        pattern: random.choose(patterns).into(),
        algorithm: if random.chance(1, 2) { Algorithm::Bm } else { Algorithm::Kmp },
        from,
        to,
        ignore_case: random.chance(1, 4),
    }
}

fn multiport(random: &mut Random<'_>) -> Multiport {
    let mut ports = Vec::new();
    let mut count = 0;
    let most = random.choose([1, 2, 3, MAX_PORTS]);
    while count < most {
        let range = random.ports();
        let own = if range.first == range.last { 1 } else { 2 };
        if count + own > MAX_PORTS {
            break;
        }
        count += own;
        ports.push(range);
    }
    Multiport {
        invert: random.chance(1, 4),
        side: random.choose([Side::Source, Side::Destination, Side::Either]),
        ports: ports.into(),
    }
}

fn tcp(random: &mut Random<'_>) -> Tcp {
    Tcp {
        source: maybe(random, Random::ports),
        destination: maybe(random, Random::ports),
        flags: maybe(random, |random| match random.below(3) {
            0 => TcpFlags::SYN,
            1 => TcpFlags { mask: 0x3f, set: 0 },
            // A mask without flags is not printed by iptables.
            _ => TcpFlags { mask: random.some_bits(0x3f) as u8, set: random.number() as u8 & 0x3f },
        }),
        option: maybe(random, |random| random.choose([2, 3, 4, 8, 255, 1])),
    }
}

fn udp(random: &mut Random<'_>) -> Udp {
    Udp { source: maybe(random, Random::ports), destination: maybe(random, Random::ports) }
}

fn icmp(random: &mut Random<'_>) -> Icmp {
    let invert = random.chance(1, 4);
    let (kind, code) = if random.family == Family::V4 {
        random.choose([
            (8, None),
            (0, None),
            (3, None),
            (3, Some(0)),
            (3, Some(3)),
            (3, Some(4)),
            (3, Some(255)),
            (8, Some(0)),
            (11, Some(0)),
            (255, None),
        ])
    } else {
        random.choose([
            (128, None),
            (129, None),
            (1, None),
            (1, Some(0)),
            (1, Some(4)),
            (2, Some(0)),
            (135, None),
            (255, None),
        ])
    };
    Icmp { invert, kind, codes: code.map_or((0, 255), |code| (code, code)) }
}

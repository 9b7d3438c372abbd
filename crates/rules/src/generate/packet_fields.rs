//! Random matches on fields of headers: lengths, times to live, services, and what protocols other than TCP, UDP and
//! ICMP have.
use packet::{Family, protocol};

use super::matches::maybe;
use super::values::Random;
use super::{Place, negatable};
use crate::matches::PortRange;
use crate::matches::ah::{Ah, Ah6};
use crate::matches::cpu::Cpu;
use crate::matches::dccp::Dccp;
use crate::matches::devgroup::Devgroup;
use crate::matches::dscp::Dscp;
use crate::matches::ecn::Ecn;
use crate::matches::esp::Esp;
use crate::matches::eui64::Eui64;
use crate::matches::ipcomp::Ipcomp;
use crate::matches::length::Length;
use crate::matches::named::NamedValue;
use crate::matches::pkttype::{PacketKind, Pkttype};
use crate::matches::range::NumberRange;
use crate::matches::realm::Realm;
use crate::matches::sctp::{ChunkFlags, ChunkSet, Chunks, Quantity, Sctp};
use crate::matches::tcpmss::Tcpmss;
use crate::matches::tos::Tos;
use crate::matches::ttl::{Comparison, Ttl};
use crate::{Header, Hook, Match, Negatable};

/// A match; `None` where the one that was drawn may not stand.
pub(super) fn one(random: &mut Random<'_>, place: &Place<'_>, header: &Header) -> Option<Match> {
    let own = header.positive_protocol();
    let v4 = random.family == Family::V4;
    Some(match random.below(16) {
        0 => Match::Cpu(Cpu { invert: random.chance(1, 4), number: random.choose([0, 1, 7, u32::MAX]) }),
        1 => Match::Devgroup(Box::new(devgroup(random, place)?)),
        2 => Match::Dscp(Dscp { invert: random.chance(1, 4), codepoint: random.choose([0, 8, 10, 46, 63]) }),
        3 => Match::Ecn(ecn(random, own)),
        4 if !v4 && place.only(&[Hook::Prerouting, Hook::Input, Hook::Forward]) => Match::Eui64(Eui64),
        5 | 6 => Match::Length(Length { invert: random.chance(1, 4), range: range16(random) }),
        7 => {
            let kind = random.choose(PacketKind::ALL);
            Match::Pkttype(Pkttype { invert: random.chance(1, 4), kind })
        }
        8 if v4 && !place.has(Hook::Prerouting) => {
            let value = named(random);
            Match::Realm(Box::new(Realm { realm: negatable(random, value) }))
        }
        9 => {
            let mask = random.choose([0xff, 0xff, 0x3f, 0x1e, 0xe0, 0x03, 0]);
            let value = random.choose([0, 0x10, 0x08, 0x04, 0x02, 0x28, 0xb8, 0xff]);
            Match::Tos(Tos { invert: random.chance(1, 4), value, mask })
        }
        10 | 11 if v4 => Match::Ttl(ttl(random)),
        10 | 11 => Match::Hl(ttl(random)),
        12 if !v4 => Match::Ah6(Ah6 {
            spi: spi(random),
            length: maybe(random, |random| random.choose([12, 16, 24, 1024])),
            reserved: random.chance(1, 4),
        }),
        _ => match own? {
            protocol::AH if v4 => Match::Ah(Ah { spi: spi(random) }),
            protocol::DCCP => Match::Dccp(dccp(random)),
            protocol::ESP => Match::Esp(Esp { spi: spi(random) }),
            protocol::IPCOMP => Match::Ipcomp(Ipcomp {
                spi: spi(random)
                    .unwrap_or(Negatable { invert: false, value: NumberRange { first: 0, last: 0 } }),
                reserved: random.chance(1, 4),
            }),
            protocol::SCTP => Match::Sctp(Box::new(sctp(random))),
            protocol::TCP => Match::Tcpmss(Tcpmss { invert: random.chance(1, 4), range: range16(random) }),
            _ => return None,
        },
    })
}

/// Not the range of all numbers: iptables 1.8.9 forgets it where it is inverted.
fn spi(random: &mut Random<'_>) -> Option<Negatable<NumberRange<u32>>> {
    maybe(random, |random| {
        let (first, last) = random.choose([
            (0, 0),
            (1, 1),
            (5, 9),
            (256, 256),
            (0, 255),
            (256, u32::MAX),
            (u32::MAX, u32::MAX),
        ]);
        NumberRange { first, last }
    })
}

fn range16(random: &mut Random<'_>) -> NumberRange<u16> {
    let ranges =
        [(0, 0), (20, 20), (28, 60), (40, 1500), (536, 1460), (0, 100), (1460, 65_535), (65_535, 65_535)];
    let (first, last) = random.choose(ranges);
    NumberRange { first, last }
}

fn ttl(random: &mut Random<'_>) -> Ttl {
    let comparison =
        random.choose([Comparison::Equal, Comparison::NotEqual, Comparison::Less, Comparison::Greater]);
    Ttl { comparison, value: random.choose([0, 1, 2, 63, 64, 65, 254, 255]) }
}

/// Not 0 with the whole mask, which has a name on most systems.
fn named(random: &mut Random<'_>) -> NamedValue {
    let (value, mask) =
        random.choose([(1, u32::MAX), (256, u32::MAX), (0, 1), (3, 0xff), (u32::MAX, u32::MAX)]);
    NamedValue::new(value, mask)
}

fn devgroup(random: &mut Random<'_>, place: &Place<'_>) -> Option<Devgroup> {
    let mut own = Devgroup::default();
    if place.only(&[Hook::Prerouting, Hook::Input, Hook::Forward]) {
        own.source = maybe(random, named);
    }
    if place.only(&[Hook::Forward, Hook::Output, Hook::Postrouting]) {
        own.destination = maybe(random, named);
    }
    (own != Devgroup::default()).then_some(own)
}

fn ecn(random: &mut Random<'_>, protocol: Option<u8>) -> Ecn {
    let mut own = Ecn::default();
    if protocol == Some(protocol::TCP) {
        own.ece = random.choose([None, Some(true), Some(false)]);
        own.cwr = random.choose([None, Some(true), Some(false)]);
    }
    if own == Ecn::default() || random.chance(1, 3) {
        let value = random.choose([0, 1, 2, 3]);
        own.codepoint = Some(negatable(random, value));
    }
    own
}

/// Ports of protocols whose full range is printed: it has no form that is left out.
fn ports(random: &mut Random<'_>) -> PortRange {
    if random.chance(1, 8) { PortRange::ALL } else { random.ports() }
}

fn dccp(random: &mut Random<'_>) -> Dccp {
    Dccp {
        source: maybe(random, ports),
        destination: maybe(random, ports),
        types: maybe(random, |random| {
            let types = random.some_bits(0x07ff);
            if types & 0x0400 == 0 { types } else { types | 0xfc00 }
        }),
        option: maybe(random, |random| random.choose([1, 2, 38, 255])),
    }
}

fn sctp(random: &mut Random<'_>) -> Sctp {
    Sctp {
        source: maybe(random, ports),
        destination: maybe(random, ports),
        chunks: maybe(random, |random| {
            let how = random.choose([Quantity::Any, Quantity::All, Quantity::Only]);
            let mut chunks = Chunks { how, types: ChunkSet::NONE, flags: [None; 4] };
            if random.chance(1, 10) {
                chunks.types = random.choose([ChunkSet::ALL, ChunkSet::NONE]);
                return chunks;
            }
            for _ in 0..random.below(4) {
                let kind = random.choose([0, 1, 2, 3, 6, 7, 10, 11, 14, 64, 128, 130, 132, 192, 193, 194]);
                chunks.types = chunks.types.with(kind);
            }
            let mut flags = chunks.types.iter().filter_map(|kind| {
                let known = match kind {
                    0 => 0x0f,
                    6 | 14 => 0x01,
                    _ => return None,
                };
                let mask = random.some_bits(known) as u8;
                let set = random.number() as u8 & mask;
                random.chance(1, 2).then_some(ChunkFlags { kind, mask, set })
            });
            chunks.flags = std::array::from_fn(|_| flags.next());
            chunks
        }),
    }
}

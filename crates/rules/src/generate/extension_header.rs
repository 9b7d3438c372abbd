//! Random matches of IPv6's extension headers. Values are those of the headers that the judge's packets carry, and their
//! neighbours.
use std::net::{IpAddr, Ipv6Addr};

use packet::protocol;

use super::negatable;
use super::values::Random;
use crate::matches::conntrack::HostMask;
use crate::matches::dst::{HeaderOption, HeaderOptions, MOST as MOST_OPTIONS};
use crate::matches::extension_header::Length;
use crate::matches::frag::Frag;
use crate::matches::ipv6header::{HeaderSet, Ipv6Header};
use crate::matches::mh::Mh;
use crate::matches::range::NumberRange;
use crate::matches::rt::{MOST as MOST_ADDRESSES, Rt};
use crate::matches::srh::{Comparison, Srh};
use crate::{Header, Match, Negatable};

/// A match; `None` where the one that was drawn may not stand.
pub(super) fn one(random: &mut Random<'_>, header: &Header) -> Option<Match> {
    Some(match random.below(7) {
        0 => Match::Dst(Box::new(options(random))),
        1 => Match::Hbh(Box::new(options(random))),
        2 => Match::Frag(frag(random)),
        3 => Match::Ipv6Header(headers(random)),
        4 => Match::Rt(Box::new(rt(random))),
        5 => Match::Srh(Box::new(srh(random))),
        _ if header.positive_protocol() == Some(protocol::MOBILITY) => Match::Mh(mh(random)),
        _ => return None,
    })
}

fn length(random: &mut Random<'_>) -> Option<Length> {
    let value = random.choose([8, 16, 24, 0, u32::MAX]);
    random.chance(1, 2).then(|| negatable(random, value))
}

fn range(random: &mut Random<'_>, ends: [(u32, u32); 6]) -> Option<Negatable<NumberRange<u32>>> {
    let (first, last) = random.choose(ends);
    let value = NumberRange { first, last };
    random.chance(1, 2).then(|| negatable(random, value))
}

fn options(random: &mut Random<'_>) -> HeaderOptions {
    let most = random.choose([0, 1, 2, 3, MOST_OPTIONS]);
    let mut options = Vec::new();
    for at in 0..most {
        let kind = random.choose([0, 1, 5, 0xc2, 201, 255]);
        // Linux: option 0 and the last one of a full list have no length.
        let free = kind == 0 || at == MOST_OPTIONS - 1 || random.chance(1, 3);
        let length = random.choose([0, 1, 2, 4, 16, 254]);
        options.push(HeaderOption { kind, length: (!free).then_some(length) });
    }
    HeaderOptions { length: length(random), options: options.into() }
}

fn frag(random: &mut Random<'_>) -> Frag {
    let more = random.chance(1, 4);
    Frag {
        ids: range(random, [(1, 1), (0, 0), (1, 77), (u32::MAX, u32::MAX), (77, 77), (0, 76)]),
        length: length(random),
        reserved: random.chance(1, 6),
        first: random.chance(1, 4),
        more,
        last: !more && random.chance(1, 4),
    }
}

fn headers(random: &mut Random<'_>) -> Ipv6Header {
    let any = HeaderSet(random.some_bits(0xff) as u8);
    let set = random.choose([HeaderSet::PROTOCOL, HeaderSet::FRAGMENT, HeaderSet::HOP_BY_HOP, any, any]);
    Ipv6Header { headers: negatable(random, set), soft: random.chance(1, 2) }
}

fn mh(random: &mut Random<'_>) -> Mh {
    let value = random.choose([(5, 5), (0, 0), (1, 3), (7, 255), (8, 8), (0, 6)]);
    Mh { types: random.chance(3, 4).then(|| negatable(random, value)) }
}

fn rt(random: &mut Random<'_>) -> Rt {
    let mut own = Rt {
        kind: random
            .chance(1, 2)
            .then(|| Negatable { invert: random.chance(1, 4), value: random.choose([0, 2, 4, u32::MAX]) }),
        segments_left: range(random, [(0, 0), (1, 1), (0, 1), (1, 23), (2, u32::MAX), (u32::MAX, u32::MAX)]),
        length: length(random),
        ..Rt::default()
    };
    if random.chance(1, 3) {
        own.kind = Some(Negatable::is(0));
        own.reserved = random.chance(1, 3);
        let most = random.choose([0, 1, 2, 3, MOST_ADDRESSES]);
        own.addresses = (0..most).map(|_| address(random)).collect();
        own.not_strict = most > 0 && random.chance(1, 3);
    }
    own
}

fn address(random: &mut Random<'_>) -> Ipv6Addr {
    match random.address() {
        IpAddr::V6(address) => address,
        IpAddr::V4(address) => address.to_ipv6_mapped(),
    }
}

fn comparison(random: &mut Random<'_>) -> Comparison {
    let mut how = || random.chance(1, 4).then(|| random.chance(1, 4));
    let mut own = Comparison { value: 0, equal: how(), greater: how(), less: how() };
    if own != Comparison::default() {
        own.value = random.choose([0, 1, 2, 4, 255]);
    }
    own
}

fn srh(random: &mut Random<'_>) -> Srh {
    let next = random.choose([6, 17, 58, 0, 255]);
    let tag = random.choose([0, 1, 0xffff]);
    let mut segment = || {
        let value = HostMask { address: address(random).into(), length: random.length() };
        random.chance(1, 4).then(|| negatable(random, value))
    };
    let (previous, following, last) = (segment(), segment(), segment());
    Srh {
        next_header: random.chance(1, 4).then(|| negatable(random, next)),
        header_length: comparison(random),
        segments_left: comparison(random),
        last_entry: comparison(random),
        tag: random.chance(1, 4).then(|| negatable(random, tag)),
        previous,
        next: following,
        last,
    }
}

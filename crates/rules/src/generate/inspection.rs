//! Random matches that look into the packet by numbers, or ask other parts of the kernel.
use packet::{Family, protocol};

use super::values::Random;
use super::{Place, negatable};
use crate::matches::bpf::{Bpf, Instruction};
use crate::matches::conntrack::HostMask;
use crate::matches::osf::Osf;
use crate::matches::policy::{Direction, Element, MOST as MOST_ELEMENTS, Mode, Policy};
use crate::matches::rpfilter::Rpfilter;
use crate::matches::socket::Socket;
use crate::matches::u32::{MOST, Operator, Test, U32};
use crate::{Header, Hook, Match, Negatable, Table};

/// A match; `None` where the one that was drawn may not stand.
pub(super) fn one(random: &mut Random<'_>, place: &Place<'_>, header: &Header) -> Option<Match> {
    let inside = place.only(&[Hook::Prerouting, Hook::Input, Hook::Forward]);
    Some(match random.below(6) {
        0 => Match::Bpf(Box::new(bpf(random))),
        1 => Match::U32(u32(random)),
        2 => Match::Policy(Box::new(policy(random, place)?)),
        3 if place.only(&[Hook::Prerouting]) && matches!(place.table, Table::Raw | Table::Mangle) => {
            Match::Rpfilter(Rpfilter {
                loose: random.chance(1, 2),
                valid_mark: random.chance(1, 2),
                accept_local: random.chance(1, 2),
                invert: random.chance(1, 2),
            })
        }
        4 if place.only(&[Hook::Prerouting, Hook::Input]) => Match::Socket(Socket {
            transparent: random.chance(1, 2),
            no_wildcard: random.chance(1, 2),
            restore_mark: random.chance(1, 2),
        }),
        5 if inside && random.family == Family::V4 && header.positive_protocol() == Some(protocol::TCP) => {
            Match::Osf(osf(random))
        }
        _ => return None,
    })
}

fn osf(random: &mut Random<'_>) -> Osf {
    let long = "x".repeat(31);
    let genre = random.choose(["Linux", "Windows", "unknown", "it's", &long]);
    let level = |random: &mut Random<'_>| random.choose([None, Some(0), Some(1), Some(2)]);
    Osf { genre: Some(negatable(random, genre.into())), ttl: level(random), log: level(random) }
}

fn bpf(random: &mut Random<'_>) -> Bpf {
    // Programs as nfbpf_compile makes them, and the longest one. `ip proto 17`; `tcp dst port 80`; any; by memory and jumps.
    let programs: [&[(u16, u8, u8, u32)]; 6] = [
        &[(0x30, 0, 0, 9), (0x15, 0, 1, 17), (0x06, 0, 0, 65535), (0x06, 0, 0, 0)],
        &[
            (0x30, 0, 0, 9),
            (0x15, 0, 6, 6),
            (0x28, 0, 0, 6),
            (0x45, 4, 0, 0x1fff),
            (0xb1, 0, 0, 0),
            (0x48, 0, 0, 2),
            (0x15, 0, 1, 80),
            (0x06, 0, 0, 65535),
            (0x06, 0, 0, 0),
        ],
        &[(0x06, 0, 0, 1)],
        &[(0x80, 0, 0, 0), (0x02, 0, 0, 15), (0x61, 0, 0, 15), (0x87, 0, 0, 0), (0x16, 0, 0, 0)],
        &[(0x20, 0, 0, 0xffff_f014), (0x54, 0, 0, 0xff), (0x16, 0, 0, 0)],
        &[(0x04, 255, 255, 1); 63],
    ];
    let chosen = random.choose(programs);
    let one =
        |&(code, jump_true, jump_false, constant): &_| Instruction { code, jump_true, jump_false, constant };
    let mut program: Vec<Instruction> = chosen.iter().map(one).collect();
    if program.len() == 63 {
        program.push(one(&(0x16, 0, 0, 0)));
    }
    Bpf { program: program.into() }
}

fn u32(random: &mut Random<'_>) -> U32 {
    let place = |random: &mut Random<'_>| random.choose([0, 4, 6, 8, 12, 16, 20, 28, 36, 40, u32::MAX]);
    let tests = random.choose([1, 1, 2, 3, MOST]);
    let mut test = || {
        let start = place(random);
        // Linux: a word of a restore file has at most 1023 bytes, so that not all can be long.
        let count = random.choose([0, 1, 1, 3, if tests == 1 { MOST - 1 } else { 2 }]);
        let operations = (0..count).map(|_| match random.below(4) {
            0 => (Operator::And, random.choose([0xff, 0xffff, 0x3c, 0x1fff, u32::MAX])),
            1 => (Operator::Left, random.choose([0, 2, 8, 31])),
            2 => (Operator::Right, random.choose([0, 16, 22, 24, 31])),
            _ => (Operator::At, place(random)),
        });
        let operations = operations.collect();
        let ranges = random.choose([1, 1, 2, if tests == 1 { MOST } else { 2 }]);
        let ends = [(0, 0), (6, 17), (53, 53), (0, u32::MAX), (5, 3), (0x0a00_0100, 0x0a00_01ff)];
        Test { start, operations, values: (0..ranges).map(|_| random.choose(ends)).collect() }
    };
    let tests = (0..tests).map(|_| test()).collect();
    U32 { invert: random.chance(1, 4), tests }
}

fn policy(random: &mut Random<'_>, place: &Place<'_>) -> Option<Policy> {
    let direction = if place.only(&[Hook::Forward, Hook::Output, Hook::Postrouting]) && random.chance(2, 3) {
        Direction::Out
    } else if place.only(&[Hook::Prerouting, Hook::Input, Hook::Forward]) {
        Direction::In
    } else {
        return None;
    };
    if random.chance(1, 3) {
        return Some(Policy { direction, none: true, strict: false, elements: Vec::new() });
    }
    let strict = random.chance(1, 2);
    let most = if strict { random.choose([1, 2, MOST_ELEMENTS]) } else { 1 };
    let elements = (0..most).map(|_| element(random, strict)).collect();
    Some(Policy { direction, none: false, strict, elements })
}

fn element(random: &mut Random<'_>, strict: bool) -> Element {
    let number = |random: &mut Random<'_>| random.choose([0, 1, 0x100, u32::MAX]);
    let mut own = Element::default();
    if random.chance(1, 2) {
        let value = number(random);
        own.request = Some(negatable(random, value));
    }
    if random.chance(1, 3) {
        let value = number(random);
        own.spi = Some(negatable(random, value));
    }
    if random.chance(1, 2) {
        let value = random.choose([protocol::ESP, protocol::AH, protocol::IPCOMP]);
        own.protocol = Some(negatable(random, value));
    }
    if random.chance(1, 3) || (strict && own == Element::default()) {
        let value = random.choose([Mode::Transport, Mode::Tunnel]);
        own.mode = Some(negatable(random, value));
    }
    // Only in tunnel mode.
    if matches!(own.mode, Some(mode) if (mode.value == Mode::Tunnel) != mode.invert) {
        let mut end = || {
            let value = HostMask { address: random.address(), length: random.length() };
            random.chance(1, 2).then(|| Negatable { invert: random.chance(1, 4), value })
        };
        (own.tunnel_source, own.tunnel_destination) = (end(), end());
    }
    own
}

//! Random targets that may stand where they are put.
use packet::{AddrMask, Family, protocol};

use super::values::Random;
use super::{Options, Place, call, effects, sets};
use crate::matches::PortRange;
use crate::targets::connmark::{Connmark, Operation};
use crate::targets::ct::{Ct, Zone, ZoneDirection, ZoneId};
use crate::targets::log::Log;
use crate::targets::mark::Mark;
use crate::targets::nat::{NatRange, Netmap};
use crate::targets::reject::Reject;
use crate::{Header, Hook, Match, Table, Target};

/// A target, or none.
pub(super) fn one(
    random: &mut Random<'_>,
    place: &Place<'_>,
    header: &Header,
    list: &[Match],
    options: &Options,
) -> Option<Target> {
    if !place.below.is_empty() && random.chance(1, 3) {
        return call(random, place.below);
    }
    if random.chance(1, 3)
        && let Some(target) = of_table(random, place, header, options)
    {
        return Some(target);
    }
    if random.chance(1, 4)
        && let Some(target) = effects::one(random, place, header, list)
    {
        return Some(target);
    }
    if random.chance(1, 12)
        && let Some(own) = sets::set_target(random, place)
    {
        return Some(Target::Set(Box::new(own)));
    }
    Some(match random.below(12) {
        0..=2 => Target::Accept,
        3 | 4 if place.table != Table::Nat => Target::Drop,
        5 => Target::Return,
        6 if options.queue && random.chance(1, 4) => Target::Queue,
        7 if options.logging => Target::Log(Box::new(log(random))),
        8 => Target::Mark(mark(random)),
        9 => Target::Connmark(connmark(random)),
        10 => return None,
        _ => Target::Accept,
    })
}

/// A target that only this table has.
fn of_table(
    random: &mut Random<'_>,
    place: &Place<'_>,
    header: &Header,
    options: &Options,
) -> Option<Target> {
    let destination = place.only(&[Hook::Prerouting, Hook::Output]);
    let source = place.only(&[Hook::Input, Hook::Postrouting]);
    match place.table {
        Table::Filter => Some(Target::Reject(reject(random, header))),
        Table::Raw => Some(match random.below(4) {
            0 => Target::Notrack,
            1 if options.logging => Target::Trace,
            _ => Target::Ct(Box::new(ct(random, header))),
        }),
        Table::Nat if random.chance(1, 6) => Some(Target::Netmap(Box::new(netmap(random)))),
        Table::Nat if destination && random.chance(2, 3) => {
            Some(Target::Dnat(Box::new(range(random, header, To::Destination))))
        }
        Table::Nat if destination => Some(Target::Redirect(Box::new(range(random, header, To::Own)))),
        Table::Nat if source && (!place.only(&[Hook::Postrouting]) || random.chance(2, 3)) => {
            Some(Target::Snat(Box::new(range(random, header, To::Source))))
        }
        Table::Nat if source => Some(Target::Masquerade(Box::new(range(random, header, To::Interface)))),
        _ => None,
    }
}

fn reject(random: &mut Random<'_>, header: &Header) -> Reject {
    if header.positive_protocol() == Some(protocol::TCP) && random.chance(1, 3) {
        return Reject::TcpReset;
    }
    match random.family {
        Family::V4 => Reject::Icmp { code: random.choose([3, 0, 1, 2, 9, 10, 13]) },
        Family::V6 => Reject::Icmp6 { code: random.choose([4, 0, 1, 3, 5, 6]) },
    }
}

fn ct(random: &mut Random<'_>, header: &Header) -> Ct {
    let mut own = Ct::default();
    match random.below(4) {
        0 => own.notrack = true,
        1 => {
            own.helper = match header.positive_protocol() {
                Some(protocol::TCP) if random.family == Family::V4 => {
                    Some(random.choose(["ftp", "irc", "pptp", "sane", "sip", "Q.931"]).into())
                }
                Some(protocol::TCP) => Some(random.choose(["ftp", "sane", "sip", "Q.931"]).into()),
                Some(protocol::UDP) if random.family == Family::V4 => {
                    let names = ["tftp", "amanda", "sip", "RAS", "netbios-ns", "snmp", "snmp_trap"];
                    Some(random.choose(names).into())
                }
                Some(protocol::UDP) => Some(random.choose(["tftp", "amanda", "sip", "RAS"]).into()),
                _ => None,
            };
        }
        2 => {
            own.events = Some(random.some_bits(0x3ff));
            own.expectation_events = random.choose([None, Some(1)]);
        }
        _ => {}
    }
    if random.chance(1, 2) {
        let direction = random.choose([ZoneDirection::Both, ZoneDirection::Original, ZoneDirection::Reply]);
        let id = random.choose([ZoneId::Number(1), ZoneId::Number(65_535), ZoneId::Mark]);
        own.zone = Some(Zone { direction, id });
    }
    own
}

fn log(random: &mut Random<'_>) -> Log {
    let prefixes = ["", "", "test: ", "[UFW BLOCK] ", "a", "it's", "12345678901234567890123456789"];
    Log {
        level: random.choose([4, 4, 0, 1, 6, 7]),
        prefix: random.choose(prefixes).into(),
        tcp_sequence: random.chance(1, 4),
        tcp_options: random.chance(1, 4),
        ip_options: random.chance(1, 4),
        uid: random.chance(1, 4),
        mac_decode: random.chance(1, 4),
    }
}

fn mark(random: &mut Random<'_>) -> Mark {
    let value = random.mark();
    let other = random.mark();
    Mark { value, mask: random.choose([u32::MAX, value, 0, other]) }
}

fn connmark(random: &mut Random<'_>) -> Connmark {
    let operation = random.choose([Operation::Set, Operation::Save, Operation::Restore]);
    let shift = if random.chance(1, 5) { random.choose([1, 8, 31, -1, -8, -31]) } else { 0 };
    let connection_mask = if random.chance(1, 2) { u32::MAX } else { random.mark() };
    let mask = if random.chance(1, 2) { connection_mask } else { random.mark() };
    match operation {
        Operation::Set => {
            Connmark { operation, value: random.mark(), connection_mask, packet_mask: u32::MAX, shift }
        }
        _ => Connmark { operation, value: 0, connection_mask, packet_mask: mask, shift },
    }
}

fn netmap(random: &mut Random<'_>) -> Netmap {
    let (address, length) = (random.address(), random.length());
    Netmap { to: AddrMask::prefix(address, length).unwrap_or(AddrMask::host(address)) }
}

/// The four targets that share a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Source,
    Destination,
    Interface,
    Own,
}

fn range(random: &mut Random<'_>, header: &Header, to: To) -> NatRange {
    let mut own = NatRange { random: random.chance(1, 6), ..NatRange::default() };
    let able = matches!(header.positive_protocol(), Some(protocol::TCP | protocol::UDP | protocol::SCTP));
    if able && random.chance(1, 2) {
        own.ports = Some(random.choose([
            PortRange { first: 80, last: 80 },
            PortRange { first: 1000, last: 1010 },
            PortRange { first: 1005, last: 1005 },
            PortRange { first: 1024, last: 65_535 },
        ]));
    }
    if matches!(to, To::Source | To::Destination) {
        if own.ports.is_none() || random.chance(3, 4) {
            let one = random.address();
            own.addresses = Some(if random.chance(1, 4) { random.addresses() } else { (one, one) });
        }
        own.persistent = random.chance(1, 6);
    }
    if matches!(to, To::Source | To::Interface) {
        own.random_fully = random.chance(1, 6);
    }
    if to == To::Destination
        && own.ports.is_some_and(|ports| ports.first != ports.last)
        && random.chance(1, 4)
    {
        own.base_port = Some(random.choose([1, 80, 1000, 65_535]));
    }
    own
}

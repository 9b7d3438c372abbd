//! Helpers: they read the payload of a connection to know what other connections belong to it.
//!
//! One file for each; here is what they share: their names, policies and what they remember. Read first: Linux
//! `nf_conntrack_helper.c`, and `ftp` for the shape of one. A helper sees every packet of its connection at the end of
//! INPUT and POSTROUTING, the first one and ICMP errors of the original direction too, before the source is translated
//! back ([`help`]). What it may use:
//!
//! * [`Expectation`](super::expect::Expectation) with [`Conntrack::expect`](super::Conntrack::expect), and
//!   `expect::expect_near` for a port that is free behind NAT;
//! * [`crate::nat::payload`] to write another address or port into a payload;
//! * [`Function`](super::expect::Function) for what is done with the connection that comes: the part of it that needs
//!   only the table is [`meet`], the translation is `nat::expected`.
//!
//! A ruleset that names a helper which is not modelled cannot be decided ([`is_modelled`]).
use std::time::Duration;

use packet::{Family, protocol};

use super::expect::{Expectation, Function, expect_near};
use super::{ConnectionId, Conntrack, Direction};
use crate::env::Env;
use crate::hook::Verdict;
use crate::nat::payload;
use crate::skb::{Drop, Info, Packet};
use crate::time::{HZ, Instant};

mod amanda;
mod broadcast;
mod ftp;
mod h323;
mod irc;
pub(super) mod pptp;
mod sane;
mod sip;
mod snmp;
mod tftp;

pub(crate) use pptp::other_direction;

/// Helpers that are modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Amanda.
    Amanda,
    /// FTP.
    Ftp,
    /// H.245 of H.323: only for connections that another helper of H.323 expects.
    H245,
    /// IRC.
    Irc,
    /// The name service of NetBIOS.
    NetbiosNs,
    /// PPTP.
    Pptp,
    /// Q.931 of H.323.
    Q931,
    /// RAS of H.323.
    Ras,
    /// SANE.
    Sane,
    /// SIP.
    Sip,
    /// SNMP.
    Snmp,
    /// Traps of SNMP.
    SnmpTrap,
    /// TFTP.
    Tftp,
}

/// How many connections of a class may be expected, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many at once for each master; 0: as many as it likes.
    pub most_expected: usize,
    /// How long they are waited for.
    pub timeout: Duration,
    /// The name of the class behind the helper's in the list of expectations; empty: none.
    pub name: &'static str,
}

const fn policy(most_expected: usize, seconds: u64, name: &'static str) -> Policy {
    Policy { most_expected, timeout: Duration::from_secs(seconds), name }
}

impl Kind {
    /// All that a rule can name.
    const NAMED: [Kind; 12] = [
        Kind::Amanda,
        Kind::Ftp,
        Kind::Irc,
        Kind::NetbiosNs,
        Kind::Pptp,
        Kind::Q931,
        Kind::Ras,
        Kind::Sane,
        Kind::Sip,
        Kind::Snmp,
        Kind::SnmpTrap,
        Kind::Tftp,
    ];

    /// The helper of this name for a family and a protocol.
    pub fn from_name(name: &str, family: Family, protocol: u8) -> Option<Self> {
        Kind::NAMED.into_iter().find(|kind| kind.name() == name && kind.reads(family, protocol))
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Amanda => "amanda",
            Kind::Ftp => "ftp",
            Kind::H245 => "H.245",
            Kind::Irc => "irc",
            Kind::NetbiosNs => "netbios-ns",
            Kind::Pptp => "pptp",
            Kind::Q931 => "Q.931",
            Kind::Ras => "RAS",
            Kind::Sane => "sane",
            Kind::Sip => "sip",
            Kind::Snmp => "snmp",
            Kind::SnmpTrap => "snmp_trap",
            Kind::Tftp => "tftp",
        }
    }

    /// Whether it is there for a family and a protocol.
    const fn reads(self, family: Family, protocol: u8) -> bool {
        match self {
            Kind::Ftp | Kind::H245 | Kind::Q931 | Kind::Sane => protocol == protocol::TCP,
            Kind::Irc | Kind::Pptp => protocol == protocol::TCP && matches!(family, Family::V4),
            Kind::Sip => matches!(protocol, protocol::TCP | protocol::UDP),
            Kind::Amanda | Kind::Ras | Kind::Tftp => protocol == protocol::UDP,
            Kind::NetbiosNs | Kind::Snmp | Kind::SnmpTrap => {
                protocol == protocol::UDP && matches!(family, Family::V4)
            }
        }
    }

    /// What holds for the expectations of a class. All but SIP and its like have class 0 only.
    pub const fn policy(self, class: u8) -> Policy {
        match self {
            Kind::Sip => match class {
                sip::class::SIGNALLING => policy(1, 180, "signalling"),
                sip::class::AUDIO => policy(4, 180, "audio"),
                sip::class::VIDEO => policy(4, 180, "video"),
                _ => policy(2, 180, "image"),
            },
            Kind::Amanda => policy(4, 180, ""),
            Kind::H245 => policy(18, 240, ""),
            Kind::Q931 => policy(20, 240, ""),
            Kind::Ras => policy(32, 240, ""),
            Kind::Irc => policy(8, 300, ""),
            Kind::NetbiosNs => policy(1, 3, ""),
            Kind::Snmp => policy(1, 30, ""),
            Kind::SnmpTrap => policy(0, 180, ""),
            Kind::Pptp => policy(2, 300, ""),
            Kind::Ftp | Kind::Sane | Kind::Tftp => policy(1, 300, ""),
        }
    }
}

/// The class of SIP's signalling.
pub(crate) use sip::class::SIGNALLING as SIP_SIGNALLING;

/// Whether a helper that `-j CT --helper` names does here what it does in the kernel.
pub fn is_modelled(name: &str) -> bool {
    Kind::NAMED.into_iter().any(|kind| kind.name() == name)
}

/// A helper with what it remembers of its connection.
#[derive(Clone, Debug)]
pub struct Helper {
    /// Which one.
    pub kind: Kind,
    state: State,
}

/// What a helper remembers of its connection.
#[derive(Clone, Debug)]
enum State {
    Nothing,
    Ftp(ftp::Lines),
    H323(Box<h323::Memory>),
    Pptp(Box<pptp::Control>),
    Sane { start_requested: bool },
    Sip(sip::Memory),
}

impl Helper {
    /// A helper that has seen nothing.
    pub(super) fn new(kind: Kind) -> Self {
        let state = match kind {
            Kind::Ftp => State::Ftp(ftp::Lines::default()),
            Kind::H245 | Kind::Q931 | Kind::Ras => State::H323(Box::default()),
            Kind::Sip => State::Sip(sip::Memory::default()),
            Kind::Pptp => State::Pptp(Box::default()),
            Kind::Sane => State::Sane { start_requested: false },
            Kind::Amanda | Kind::Irc | Kind::NetbiosNs | Kind::Snmp | Kind::SnmpTrap | Kind::Tftp => {
                State::Nothing
            }
        };
        Self { kind, state }
    }

    /// The helper of a connection that was loaded in its middle (Linux: `from_nlattr` of a helper).
    pub(super) fn loaded(kind: Kind) -> Self {
        let mut helper = Self::new(kind);
        if let State::Ftp(lines) = &mut helper.state {
            *lines = ftp::Lines::picked_up();
        }
        helper
    }
}

/// Lets the helper of a connection look at a packet of it.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    let Some(kind) = env.conntrack.get(id).and_then(|connection| connection.helper()).map(|own| own.kind)
    else {
        return Verdict::Accept;
    };
    let verdict = help_as(kind, packet, id, info, env);
    Conntrack::warn_of_expectations(env);
    verdict
}

fn help_as(kind: Kind, packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    match kind {
        Kind::Amanda => amanda::help(packet, id, info, env),
        Kind::Ftp => ftp::help(packet, id, info, env),
        Kind::H245 | Kind::Q931 | Kind::Ras => h323::help(packet, id, kind, info, env),
        Kind::Irc => irc::help(packet, id, info, env),
        Kind::NetbiosNs => {
            broadcast::help(kind, 137, packet, id, info, env);
            Verdict::Accept
        }
        Kind::Pptp => pptp::help(packet, id, info, env),
        Kind::Sane => sane::help(packet, id, info, env),
        Kind::Sip => sip::help(packet, id, info, env),
        Kind::Snmp => {
            broadcast::help(kind, snmp::PORT, packet, id, info, env);
            snmp::help(kind, packet, id, info, env)
        }
        Kind::SnmpTrap => snmp::help(kind, packet, id, info, env),
        Kind::Tftp => tftp::help(packet, id, info, env),
    }
}

/// What becomes of the table when a connection meets an expectation, whether it is translated or not.
pub(super) fn meet(table: &mut Conntrack, expectation: &Expectation, now: Instant) {
    match expectation.function {
        Function::Nothing
        | Function::FollowMaster
        | Function::Called
        | Function::Forwarded
        | Function::Sip => {}
        Function::Pptp => pptp::meet(table, expectation, now),
    }
}

/// A connection with a helper ends (Linux: `destroy` of a helper).
pub(super) fn end(table: &mut Conntrack, id: ConnectionId, kind: Kind, now: Instant) {
    if kind == Kind::Pptp {
        pptp::end(table, id, now);
    }
}

/// The payload of a TCP segment that has one.
fn behind_tcp(packet: &Packet) -> Option<&[u8]> {
    packet.view().tcp().map(|tcp| tcp.payload()).filter(|payload| !payload.is_empty())
}

/// What is behind the UDP header of a packet, or would be if it were one (Linux: a helper is not told what protocol an
/// ICMP error is).
fn behind_udp(packet: &Packet) -> &[u8] {
    packet.bytes.get(packet.layout.transport + 8..packet.layout.total_len).unwrap_or(&[])
}

/// The decimal number at the beginning of a text and how many digits it has; without digits it is 0. What is too large
/// for 64 bits wraps (Linux: `simple_strtoul`).
fn decimal(text: &[u8]) -> (u64, usize) {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold((0_u64, 0), |(value, length), byte| {
        (value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')), length + 1)
    })
}

/// Seconds that a message names, in the kernel's arithmetic: 32 bits of jiffies.
fn in_ticks(seconds: u32) -> Duration {
    Duration::from_millis(u64::from(seconds.wrapping_mul(HZ)) * 1000 / u64::from(HZ))
}

/// Says in the log why a helper drops a packet (Linux: `nf_ct_helper_log`).
fn complain(helper: Kind, why: &'static str, packet: &Packet, env: &mut Env<'_>) -> Drop {
    complain_in(helper, why, why, packet, env)
}

/// The same; `text` says it in more words.
fn complain_in(helper: Kind, why: &'static str, text: &str, packet: &Packet, env: &mut Env<'_>) -> Drop {
    let name = helper.name();
    Conntrack::warn_of_expectations(env);
    crate::tables::log_notice(&format!("nf_ct_{name}: dropping packet: {text} "), packet, env);
    Drop::Helper(why)
}

/// What a helper cannot expect is not let through.
fn cannot_expect(helper: Kind, packet: &Packet, env: &mut Env<'_>) -> Verdict {
    Verdict::Drop(complain(helper, "cannot add expectation", packet, env))
}

/// Expects a connection as it is announced, if the announcing one is not translated.
fn expect_plainly(expectation: Expectation, packet: &Packet, env: &mut Env<'_>) -> Verdict {
    match env.conntrack.expect(expectation, env.now.mono) {
        Ok(_) => Verdict::Accept,
        Err(_) => cannot_expect(expectation.helper, packet, env),
    }
}

/// Expects a connection that follows its translated master, at a port as near as possible to the announced one, and
/// replaces the announcement, `length` bytes at `at` of the payload, by what `text` makes of that port.
fn expect_translated(
    mut expectation: Expectation,
    direction: Direction,
    (at, length): (usize, usize),
    text: impl FnOnce(u16) -> Option<String>,
    packet: &mut Packet,
    env: &mut Env<'_>,
) -> Verdict {
    let announced = expectation.destination_port;
    expectation.function = Function::FollowMaster;
    expectation.direction = direction;
    expectation.saved_port = announced;
    let Some((port, expected)) = expect_near(expectation, announced, env) else {
        return Verdict::Drop(complain(expectation.helper, "all ports in use", packet, env));
    };
    if text(port).is_some_and(|text| payload::replace(packet, env, at, length, text.as_bytes())) {
        return Verdict::Accept;
    }
    env.conntrack.unexpect(expected);
    Verdict::Drop(complain(expectation.helper, "cannot mangle packet", packet, env))
}

#[cfg(test)]
mod tests;

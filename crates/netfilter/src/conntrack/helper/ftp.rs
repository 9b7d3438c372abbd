//! FTP: data connections are announced in the control connection by PORT, EPRT, and the answers 227 and 229.
//!
//! Read first: RFC 959, RFC 2428; Linux `nf_conntrack_ftp.c`, `nf_nat_ftp.c`; F62. A command is only read where a
//! line is known to begin, that is, right behind a packet that ended in a newline. If the connection is translated
//! the announced address and port are replaced by those that the other side must use.
use std::net::{IpAddr, Ipv6Addr};

use packet::{Family, protocol};

use super::{Helper, Kind, State, complain_in, expect_plainly, expect_translated};
use crate::conntrack::expect::Expectation;
use crate::conntrack::tcp::{after, before};
use crate::conntrack::{ConnectionId, Direction, Status};
use crate::env::Env;
use crate::hook::Verdict;
use crate::skb::{Info, Packet};

/// Where lines begin, of each direction: the two newest places.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    known: [[Option<u32>; 2]; 2],
    /// Of which directions nothing is known, because the connection was loaded in its middle: their next packet is taken
    /// for the beginning of a line (Linux: `NF_CT_FTP_SEQ_PICKUP`).
    picked_up: [bool; 2],
}

impl Lines {
    /// Of a connection that was loaded in its middle.
    pub(super) fn picked_up() -> Self {
        Self { picked_up: [true; 2], ..Self::default() }
    }

    /// Whether the next packet of a direction is believed; asked once.
    fn pick_up(&mut self, reply: bool) -> bool {
        self.picked_up.get_mut(usize::from(reply)).is_some_and(std::mem::take)
    }

    fn begins_at(&self, reply: bool, sequence: u32) -> bool {
        let [original, replying] = &self.known;
        let known = if reply { replying } else { original };
        known.contains(&Some(sequence))
    }

    fn note(&mut self, reply: bool, sequence: u32) {
        let [original, replying] = &mut self.known;
        let known = if reply { replying } else { original };
        match known {
            [Some(one), _] if *one == sequence => {}
            [_, Some(other)] if *other == sequence => {}
            [first @ None, _] => *first = Some(sequence),
            [_, second @ None] => *second = Some(sequence),
            [Some(one), Some(other)] => {
                let oldest = if before(*one, *other) { one } else { other };
                if after(sequence, *oldest) {
                    *oldest = sequence;
                }
            }
        }
    }
}

/// How an announcement is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `10,0,1,5,19,137`: PORT and 227.
    Numbers,
    /// `|1|10.0.1.5|5001|`.
    Extended,
    /// `|||5001|`.
    ExtendedPassive,
}

/// An announcement found in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Announcement {
    form: Form,
    address: Option<IpAddr>,
    port: u16,
    /// Where its text starts in the payload, and how long it is.
    at: usize,
    length: usize,
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The beginning is there, the rest is not, or is not understood.
    Partly(&'static str),
    Announcement(Announcement),
}

/// Looks at a packet.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    if !matches!(info, Info::Established | Info::EstablishedReply) {
        return Verdict::Accept;
    }
    let reply = info.direction() == Direction::Reply;
    let Some(tcp) = packet.view().tcp() else { return Verdict::Accept };
    let payload = tcp.payload();
    let Some(&last) = payload.last() else { return Verdict::Accept };
    let ends_line = last == b'\n';
    let sequence = tcp.sequence();
    let next = sequence.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
    let begins = match env.conntrack.get_mut(id).and_then(|connection| connection.helper_mut()) {
        Some(Helper { state: State::Ftp(lines), .. }) => {
            lines.begins_at(reply, sequence) || lines.pick_up(reply)
        }
        _ => false,
    };
    let verdict = if begins {
        match search(payload, reply, packet.family()) {
            Found::Nothing => Verdict::Accept,
            // Linux: a packet that announces something that is not understood is not let through.
            Found::Partly(pattern) => {
                let text = format!("partial matching of `{pattern}'");
                return Verdict::Drop(complain_in(Kind::Ftp, "partial matching", &text, packet, env));
            }
            Found::Announcement(found) => announce(packet, id, info.direction(), found, env),
        }
    } else {
        Verdict::Accept
    };
    if ends_line
        && let Some(Helper { state: State::Ftp(lines), .. }) =
            env.conntrack.get_mut(id).and_then(|connection| connection.helper_mut())
    {
        lines.note(reply, next);
    }
    verdict
}

/// Expects the announced connection and translates the announcement.
fn announce(
    packet: &mut Packet,
    id: ConnectionId,
    direction: Direction,
    found: Announcement,
    env: &mut Env<'_>,
) -> Verdict {
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    let (own, other) = (connection.tuple(direction), connection.tuple(direction.reversed()));
    // Why: an announcement of somebody else's address would open a hole to him (the kernel's `loose=0`).
    if found.address.is_some_and(|address| address != own.source) {
        return Verdict::Accept;
    }
    let mut expectation = Expectation::new(id, Kind::Ftp, protocol::TCP, other.destination, found.port);
    expectation.source = Some(other.source);
    if !connection.status.any(Status::NAT_MASK) {
        return expect_plainly(expectation, packet, env);
    }
    let place = (found.at, found.length);
    let text = |port| text(found.form, other.destination, port);
    expect_translated(expectation, direction.reversed(), place, text, packet, env)
}

/// The announcement of an address and a port; `None` if the form cannot say it.
fn text(form: Form, address: IpAddr, port: u16) -> Option<String> {
    let [high, low] = port.to_be_bytes();
    match (form, address) {
        (Form::Numbers, IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            Some(format!("{a},{b},{c},{d},{high},{low}"))
        }
        (Form::Numbers, IpAddr::V6(_)) => None,
        (Form::Extended, IpAddr::V4(address)) => Some(format!("|1|{address}|{port}|")),
        (Form::Extended, IpAddr::V6(address)) => {
            let [a, b, c, d, e, f, g, h] = address.segments();
            Some(format!("|2|{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{f:04x}:{g:04x}:{h:04x}|{port}|"))
        }
        (Form::ExtendedPassive, _) => Some(format!("|||{port}|")),
    }
}

/// Looks for the announcements of a direction at the beginning of a payload.
fn search(payload: &[u8], reply: bool, family: Family) -> Found {
    let patterns: [(&'static str, Option<u8>, Form); 2] = if reply {
        [("227 ", None, Form::Numbers), ("229 ", Some(b'('), Form::ExtendedPassive)]
    } else {
        [("PORT", Some(b' '), Form::Numbers), ("EPRT", Some(b' '), Form::Extended)]
    };
    for (pattern, skip, form) in patterns {
        match search_one(payload, pattern, skip, form, reply, family) {
            Found::Nothing => {}
            found => return found,
        }
    }
    Found::Nothing
}

fn search_one(
    payload: &[u8],
    pattern: &'static str,
    skip: Option<u8>,
    form: Form,
    reply: bool,
    family: Family,
) -> Found {
    if payload.is_empty() {
        return Found::Nothing;
    }
    let Some((head, rest)) = payload.split_at_checked(pattern.len()) else {
        let begins =
            pattern.as_bytes().get(..payload.len()).is_some_and(|start| start.eq_ignore_ascii_case(payload));
        return if begins { Found::Partly(pattern) } else { Found::Nothing };
    };
    if !head.eq_ignore_ascii_case(pattern.as_bytes()) {
        return Found::Nothing;
    }
    let mut at = pattern.len();
    if let Some(skip) = skip {
        match rest.iter().position(|&byte| byte == skip) {
            Some(place) => at += place + 1,
            None => return Found::Partly(pattern),
        }
    } else if reply {
        match rest.iter().position(u8::is_ascii_digit) {
            Some(place) => at += place,
            None => return Found::Partly(pattern),
        }
    }
    let data = payload.get(at..).unwrap_or(&[]);
    let parsed = match form {
        Form::Numbers => numbers(data, (!reply).then_some(b'\r'), family),
        Form::Extended => extended(data, family),
        Form::ExtendedPassive => extended_passive(data),
    };
    match parsed {
        Some((address, port, length)) => {
            Found::Announcement(Announcement { form, address, port, at, length })
        }
        None => Found::Partly(pattern),
    }
}

type Parsed = Option<(Option<IpAddr>, u16, usize)>;

/// Decimal numbers with a separator between them and a terminator behind the last (`None`: anything); with the
/// length of the text before it.
fn decimal<const N: usize>(data: &[u8], separator: u8, terminator: Option<u8>) -> Option<([u32; N], usize)> {
    let mut values = [0_u32; N];
    let mut place = 0;
    for (length, &byte) in data.iter().enumerate() {
        if byte.is_ascii_digit() {
            let value = values.get_mut(place)?;
            *value = value.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
        } else if byte == separator {
            place += 1;
            if place == N {
                return None;
            }
        } else {
            let ends = terminator.is_none_or(|terminator| terminator == byte);
            return (ends && place == N - 1).then_some((values, length));
        }
    }
    None
}

/// `10,0,1,5,19,137`.
// Linux: numbers above 255 are not refused; their bits run into each other.
fn numbers(data: &[u8], terminator: Option<u8>, family: Family) -> Parsed {
    let ([a, b, c, d, high, low], length) = decimal::<6>(data, b',', terminator)?;
    let address = (a << 24) | (b << 16) | (c << 8) | d;
    let port = ((high << 8) | low) as u16;
    // In IPv6 the address that stands there is the connection's own, overwritten in its first 4 bytes.
    let address = (family == Family::V4).then_some(IpAddr::V4(address.into()));
    Some((address, port, length))
}

/// A port up to a delimiter, from a place on; with the length of everything up to behind the delimiter.
fn port(data: &[u8], start: usize, delimiter: u8) -> Option<(u16, usize)> {
    let mut port = 0_u16;
    for (at, &byte) in data.iter().enumerate().skip(start) {
        if byte == delimiter {
            return (port != 0).then_some((port, at + 1));
        }
        if !byte.is_ascii_digit() {
            return None;
        }
        port = port.wrapping_mul(10).wrapping_add(u16::from(byte - b'0'));
    }
    None
}

fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii_graphic() && !byte.is_ascii_digit()
}

/// `|1|10.0.1.5|5001|` or `|2|fd00::5|5001|`.
fn extended(data: &[u8], family: Family) -> Parsed {
    let &[delimiter, kind, second, ref rest @ ..] = data else { return None };
    if !is_delimiter(delimiter) || second != delimiter {
        return None;
    }
    let (address, length) = match (family, kind) {
        (Family::V4, b'1') => {
            let ([a, b, c, d], length) = decimal::<4>(rest, b'.', Some(delimiter))?;
            (IpAddr::V4(((a << 24) | (b << 16) | (c << 8) | d).into()), length)
        }
        (Family::V6, b'2') => {
            let length = rest.iter().position(|&byte| byte == delimiter)?;
            let text = std::str::from_utf8(rest.get(..length)?).ok()?;
            (IpAddr::V6(text.parse::<Ipv6Addr>().ok()?), length)
        }
        _ => return None,
    };
    if length == 0 {
        return None;
    }
    let (port, end) = port(data, 3 + length + 1, delimiter)?;
    Some((Some(address), port, end))
}

/// `|||5001|`.
fn extended_passive(data: &[u8]) -> Parsed {
    let &[delimiter, second, third, _, ..] = data else { return None };
    if !is_delimiter(delimiter) || second != delimiter || third != delimiter {
        return None;
    }
    let (port, end) = port(data, 3, delimiter)?;
    Some((None, port, end))
}

#[cfg(test)]
mod tests;

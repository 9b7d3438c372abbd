//! IPv4 options on a packet's way: what the machine writes into them, whose way they prescribe, what answers echo.
//!
//! ```text
//! PREROUTING ─► route ─► compile (record route, timestamp, faults) ─► follow (source routes) ─► INPUT
//!                                                                           └─► FORWARD ─► leave ─► POSTROUTING
//! ```
//!
//! What [`compile`] writes leaves the header's checksum wrong until [`leave`] mends it: rules of FORWARD and INPUT see
//! the wrong one, and so does REJECT, which sums the whole packet (measured).
//!
//! Read first: Linux `__ip_options_compile`, `ip_options_rcv_srr`, `ip_forward_options`, `__ip_options_echo`,
//! `ip_options_build`; RFC 791 section 3.1. Packets of raw sockets are not looked at until they come in.
use std::net::Ipv4Addr;

use packet::checksum;

use crate::Now;

/// Kinds of options (RFC 791; 134: CIPSO; 148: router alert, RFC 2113).
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NO_OPERATION: u8 = 1;
    pub(super) const RECORD_ROUTE: u8 = 7;
    pub(super) const TIMESTAMP: u8 = 68;
    pub(super) const LOOSE_SOURCE_ROUTE: u8 = 131;
    pub(super) const CIPSO: u8 = 134;
    pub(super) const STRICT_SOURCE_ROUTE: u8 = 137;
    pub(super) const ROUTER_ALERT: u8 = 148;
}

/// Kinds of timestamps, the lower half of the option's fourth byte.
mod stamp {
    pub(super) const TIME_ONLY: u8 = 0;
    pub(super) const WITH_ADDRESS: u8 = 1;
    pub(super) const PRESCRIBED: u8 = 3;
}

/// Length of the fixed IPv4 header in bytes.
const FIXED: usize = 20;

/// What was found in the options of a packet that came in (Linux: `struct ip_options` of `IPCB`). Places are bytes from
/// the start of the IP header; 0: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpOptions {
    length: u8,
    record_route: u8,
    timestamp: u8,
    source_route: u8,
    cipso: u8,
    is_strict: bool,
    alerts: bool,
    /// An address was recorded, or is to be.
    wants_address: bool,
    stamps_address: bool,
    stamps_time: bool,
    /// Something was written since the header's sum was right.
    is_changed: bool,
    /// The next place of a source route, which leads away from here.
    next: Option<Ipv4Addr>,
}

impl IpOptions {
    /// Whether a source route was found.
    pub fn has_source_route(&self) -> bool {
        self.source_route != 0
    }

    /// Whether each step of the source route must be a neighbour of the one before.
    pub fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// Whether routers are to look at the packet (router alert, RFC 2113).
    pub fn alerts_routers(&self) -> bool {
        self.alerts
    }

    fn of(place: u8, header: &[u8]) -> Option<&[u8]> {
        let at = usize::from(place);
        let length = usize::from(*header.get(at.checked_add(1)?)?);
        (at != 0).then(|| header.get(at..at + length)).flatten()
    }
}

/// What is written into options.
pub struct Writer<'a> {
    /// The machine's address towards the packet's source; an error ends the packet's way.
    pub own: Ipv4Addr,
    /// Milliseconds since midnight UTC.
    pub time: u32,
    /// Whether an address is another machine's (Linux: `inet_addr_type` says unicast).
    pub is_foreign: &'a dyn Fn(Ipv4Addr) -> bool,
}

/// Milliseconds since midnight UTC, as timestamps say them (Linux: `inet_current_timestamp`).
pub fn time_of_day(now: Now) -> u32 {
    u32::try_from(now.wall / 1_000_000 % 86_400_000).unwrap_or(0)
}

/// A fault in options, and where it stands, in bytes from the start of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub u8);

/// Whether the options ask for an address of the machine.
pub fn ask_for_address(options: &[u8]) -> bool {
    options.contains(&kind::RECORD_ROUTE) || options.contains(&kind::TIMESTAMP)
}

/// Looks at the options of a packet that came in and writes what they ask for. `header` is the IP header with its
/// options. On a fault what stood before it has been found and written.
///
/// Linux: `__ip_options_compile`.
pub fn compile(header: &mut [u8], writer: &Writer<'_>) -> (IpOptions, Result<(), Fault>) {
    let length = u8::try_from(header.len().saturating_sub(FIXED)).unwrap_or(0);
    let mut found = IpOptions { length, ..IpOptions::default() };
    let mut at = FIXED;
    while let Some((&kind, rest)) = header.get(at..).and_then(<[u8]>::split_first) {
        match kind {
            kind::END => {
                for byte in header.iter_mut().skip(at + 1).filter(|byte| **byte != kind::END) {
                    *byte = kind::END;
                    found.is_changed = true;
                }
                break;
            }
            kind::NO_OPERATION => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let place = u8::try_from(at).unwrap_or(u8::MAX);
        let length = rest.first().map_or(0, |&length| usize::from(length));
        let Some(option) = header.get_mut(at..at + length).filter(|_| length >= 2) else {
            return (found, Err(Fault(place)));
        };
        if let Err(within) = one(&mut found, place, option, writer) {
            return (found, Err(Fault(place.saturating_add(within))));
        }
        at += length;
    }
    (found, Ok(()))
}

/// One option, which is at least its two bytes long; an error says which byte of it is wrong.
fn one(found: &mut IpOptions, place: u8, option: &mut [u8], writer: &Writer<'_>) -> Result<(), u8> {
    let length = option.len();
    let [kind, _, rest @ ..] = option else { return Err(0) };
    let pointer = rest.first().copied().unwrap_or(0);
    let at = usize::from(pointer);
    match *kind {
        kind::STRICT_SOURCE_ROUTE | kind::LOOSE_SOURCE_ROUTE => {
            match (length < 3, pointer < 4, found.source_route != 0) {
                (true, ..) => return Err(1),
                (_, true, _) => return Err(2),
                (.., true) => return Err(0),
                _ => {}
            }
            found.is_strict = *kind == kind::STRICT_SOURCE_ROUTE;
            found.source_route = place;
        }
        kind::RECORD_ROUTE => {
            match (found.record_route != 0, length < 3, pointer < 4) {
                (true, ..) => return Err(0),
                (_, true, _) => return Err(1),
                (.., true) => return Err(2),
                _ => {}
            }
            if at <= length {
                let slot = option.get_mut(at - 1..at + 3).ok_or(2)?;
                slot.copy_from_slice(&writer.own.octets());
                advance(option, 4);
                found.is_changed = true;
                found.wants_address = true;
            }
            found.record_route = place;
        }
        kind::TIMESTAMP => {
            match (found.timestamp != 0, length < 4, pointer < 5) {
                (true, ..) => return Err(0),
                (_, true, _) => return Err(1),
                (.., true) => return Err(2),
                _ => {}
            }
            timestamp(found, option, writer)?;
            found.timestamp = place;
        }
        kind::ROUTER_ALERT if length < 4 => return Err(1),
        kind::ROUTER_ALERT => found.alerts |= option.get(2..4) == Some(&[0, 0]),
        kind::CIPSO => {
            if found.cipso != 0 {
                return Err(0);
            }
            found.cipso = place;
            cipso(option)?;
        }
        _ => {}
    }
    Ok(())
}

/// Moves an option's pointer on.
fn advance(option: &mut [u8], by: u8) {
    if let Some(pointer) = option.get_mut(2) {
        *pointer = pointer.saturating_add(by);
    }
}

fn timestamp(found: &mut IpOptions, option: &mut [u8], writer: &Writer<'_>) -> Result<(), u8> {
    let [_, length, pointer, flags, ..] = *option else { return Err(1) };
    let (overflow, flags) = (flags >> 4, flags & 15);
    if pointer > length {
        // Full: the machines that found no room are counted.
        if flags != stamp::PRESCRIBED {
            if overflow == 15 {
                return Err(3);
            }
            if let Some(byte) = option.get_mut(3) {
                *byte = flags | (overflow + 1) << 4;
            }
            found.is_changed = true;
        }
        return Ok(());
    }
    let at = usize::from(pointer);
    let slot = option.get_mut(at - 1..at + 3).ok_or(2)?;
    let time_at = match flags {
        stamp::TIME_ONLY => at - 1,
        stamp::WITH_ADDRESS | stamp::PRESCRIBED => {
            let asked = slot.try_into().map_or(Ipv4Addr::UNSPECIFIED, |asked: [u8; 4]| asked.into());
            if at + 7 > usize::from(length) {
                return Err(2);
            }
            if flags == stamp::PRESCRIBED && (writer.is_foreign)(asked) {
                return Ok(());
            }
            at + 3
        }
        _ => return Ok(()),
    };
    if flags == stamp::WITH_ADDRESS {
        option.get_mut(at - 1..at + 3).ok_or(2)?.copy_from_slice(&writer.own.octets());
        found.stamps_address = true;
    }
    option.get_mut(time_at..time_at + 4).ok_or(2)?.copy_from_slice(&writer.time.to_be_bytes());
    found.stamps_time = true;
    found.is_changed = true;
    advance(option, if flags == stamp::TIME_ONLY { 4 } else { 8 });
    Ok(())
}

/// Linux: `cipso_v4_validate` of a kernel with NetLabel to which no domain of interpretation was given, as no host has
/// one that does not use labels.
fn cipso(option: &[u8]) -> Result<(), u8> {
    Err(if option.len() < 8 { 1 } else { 2 })
}

/// What a source route asks of a packet that is addressed to this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The route is used up.
    Arrived,
    /// To go on to this address.
    Next(Ipv4Addr),
    /// A fault, and where it stands.
    Fault(Fault),
}

/// What is known of the options of a packet that this machine made itself: they are filled in already.
///
/// Linux: `ip_options_build` keeps those that the packet was made with. Whether room was left because an address was not
/// there shows when the next one is sought ([`echo`]), so that no flag is lost.
pub fn of_own(header: &[u8]) -> IpOptions {
    let mut found = IpOptions::default();
    let mut at = FIXED;
    while let Some(&kind) = header.get(at).filter(|&&kind| kind != kind::END) {
        if kind == kind::NO_OPERATION {
            at += 1;
            continue;
        }
        let Some(&length) = header.get(at + 1).filter(|&&length| length >= 2) else { break };
        let place = u8::try_from(at).unwrap_or(0);
        match kind {
            kind::RECORD_ROUTE => (found.record_route, found.wants_address) = (place, true),
            kind::TIMESTAMP => {
                found.timestamp = place;
                found.stamps_address =
                    header.get(at + 3).is_some_and(|flags| flags & 15 == stamp::WITH_ADDRESS);
                found.stamps_time = true;
            }
            kind::LOOSE_SOURCE_ROUTE | kind::STRICT_SOURCE_ROUTE => {
                (found.source_route, found.is_strict) = (place, kind == kind::STRICT_SOURCE_ROUTE);
            }
            kind::CIPSO => found.cipso = place,
            _ => {}
        }
        at += usize::from(length);
    }
    found.length = u8::try_from(header.len().saturating_sub(FIXED)).unwrap_or(0);
    found
}

/// Where the source route leads after `passed` places that were this machine's own.
///
/// Linux: the loop of `ip_options_rcv_srr`.
pub fn follow(header: &[u8], options: &IpOptions, passed: usize) -> Followed {
    let Some(route) = IpOptions::of(options.source_route, header) else { return Followed::Arrived };
    let at = route.get(2).map_or(4, |&pointer| usize::from(pointer)) + 4 * passed;
    if at > route.len() {
        return Followed::Arrived;
    }
    match route.get(at - 1..at + 3).and_then(|next| <[u8; 4]>::try_from(next).ok()) {
        Some(next) => Followed::Next(next.into()),
        None => Followed::Fault(Fault(options.source_route.saturating_add(2))),
    }
}

/// Writes the destination without mending the header's sum, as the kernel does on a source route.
pub fn set_destination(header: &mut [u8], options: &mut IpOptions, destination: Ipv4Addr) {
    if let Some(field) = header.get_mut(16..20) {
        field.copy_from_slice(&destination.octets());
    }
    options.is_changed = true;
}

/// Notes that a source route leads to `next`.
pub fn set_next(options: &mut IpOptions, next: Ipv4Addr) {
    options.next = Some(next);
    options.is_changed = true;
}

/// What a forwarded packet leaves with: `own` is the machine's address on the way out to a destination. The sum is right
/// again.
///
/// Linux: `ip_forward_options`, between FORWARD and POSTROUTING.
pub fn leave(header: &mut [u8], options: &mut IpOptions, own: &dyn Fn(Ipv4Addr) -> Ipv4Addr) {
    fn put(header: &mut [u8], place: u8, back: usize, address: Ipv4Addr) {
        let at = usize::from(place);
        let pointer = header.get(at + 2).map_or(0, |&pointer| usize::from(pointer));
        let slot = (at + pointer).checked_sub(back).and_then(|at| header.get_mut(at..at + 4));
        if let Some(slot) = slot {
            slot.copy_from_slice(&address.octets());
        }
    }
    if options.wants_address {
        let destination = header.get(16..20).and_then(|field| <[u8; 4]>::try_from(field).ok());
        let destination = destination.map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from);
        put(header, options.record_route, 5, own(destination));
        options.is_changed = true;
    }
    if let Some(next) = options.next {
        let own = own(next);
        if options.stamps_address {
            put(header, options.timestamp, 9, own);
        }
        let route = usize::from(options.source_route);
        let length = header.get(route + 1).map_or(0, |&length| usize::from(length));
        let mut at = header.get(route + 2).map_or(4, |&pointer| usize::from(pointer));
        while at + 3 <= length {
            let Some(slot) = header.get_mut(route + at - 1..route + at + 3) else { break };
            if slot == next.octets() {
                slot.copy_from_slice(&own.octets());
                if let Some(pointer) = header.get_mut(route + 2) {
                    *pointer = u8::try_from(at + 4).unwrap_or(u8::MAX);
                }
                if let Some(field) = header.get_mut(16..20) {
                    field.copy_from_slice(&next.octets());
                }
                options.is_changed = true;
                break;
            }
            at += 4;
        }
    }
    if std::mem::take(&mut options.is_changed) {
        renew_sum(header);
    }
}

/// Makes the header's sum of a packet right whose options were filled in; leaves all others.
pub fn mend(packet: &mut [u8], options: &IpOptions) {
    let header = FIXED + usize::from(options.length);
    if let Some(header) = packet.get_mut(..header).filter(|_| options.is_changed) {
        renew_sum(header);
    }
}

fn renew_sum(header: &mut [u8]) {
    if let Some(field) = header.get_mut(10..12) {
        field.fill(0);
    }
    let sum = checksum::of(header);
    if let Some(field) = header.get_mut(10..12) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

/// The options of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    bytes: Vec<u8>,
    found: IpOptions,
    /// Where a source route sends the answer first.
    pub first: Option<Ipv4Addr>,
}

impl Echo {
    /// Their length in bytes, a multiple of 4.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The options with which a packet is answered: what it recorded, its way back, its label. `None`: it cannot be
/// answered. `header` is that of the packet, of which `options` were found.
///
/// Linux: `__ip_options_echo`.
pub fn echo(header: &[u8], options: &IpOptions, is_foreign: &dyn Fn(Ipv4Addr) -> bool) -> Option<Echo> {
    let mut out = Echo::default();
    if options.length == 0 {
        return Some(out);
    }
    let place = |out: &Echo| u8::try_from(FIXED + out.bytes.len()).unwrap_or(0);
    if let Some(own) = IpOptions::of(options.record_route, header) {
        out.found.record_route = place(&out);
        let start = out.bytes.len();
        out.bytes.extend_from_slice(own);
        let pointer = usize::from(*own.get(2)?);
        if options.wants_address && pointer <= own.len() {
            if pointer + 3 > own.len() {
                return None;
            }
            advance(out.bytes.get_mut(start..)?, 4);
            out.found.wants_address = true;
        }
    }
    if let Some(own) = IpOptions::of(options.timestamp, header) {
        out.found.timestamp = place(&out);
        let start = out.bytes.len();
        out.bytes.extend_from_slice(own);
        let pointer = echo_timestamp(own, options, &mut out.found, is_foreign)?;
        *out.bytes.get_mut(start + 2)? = pointer;
    }
    if let Some(own) = IpOptions::of(options.source_route, header) {
        let source = header.get(12..16)?;
        let back = way_back(own, source);
        if let Some((&first, rest)) = back.split_first().filter(|(_, rest)| !rest.is_empty()) {
            out.first = Some(first.into());
            out.found.source_route = place(&out);
            out.found.is_strict = options.is_strict;
            out.bytes.extend_from_slice(&[*own.first()?, u8::try_from(rest.len() * 4 + 3).ok()?, 4]);
            out.bytes.extend(rest.iter().flatten());
        }
    }
    if let Some(own) = IpOptions::of(options.cipso, header) {
        out.found.cipso = place(&out);
        out.bytes.extend_from_slice(own);
    }
    while !out.bytes.len().is_multiple_of(4) {
        out.bytes.push(kind::END);
    }
    out.found.length = u8::try_from(out.bytes.len()).ok()?;
    Some(out)
}

/// Where the pointer of an echoed timestamp stands; `None`: the answer cannot be made.
fn echo_timestamp(
    own: &[u8],
    options: &IpOptions,
    found: &mut IpOptions,
    is_foreign: &dyn Fn(Ipv4Addr) -> bool,
) -> Option<u8> {
    let mut pointer = usize::from(*own.get(2)?);
    if pointer <= own.len() {
        if options.stamps_address {
            if pointer + 3 > own.len() {
                return None;
            }
            found.stamps_address = true;
            pointer += 4;
        }
        if options.stamps_time {
            if pointer + 3 > own.len() {
                return None;
            }
            if own.get(3)? & 15 != stamp::PRESCRIBED {
                found.stamps_time = true;
                pointer += 4;
            } else if let Some(asked) = own.get(pointer - 1..pointer + 3).filter(|_| pointer + 7 <= own.len())
                && !is_foreign(<[u8; 4]>::try_from(asked).ok()?.into())
            {
                found.stamps_time = true;
                pointer += 8;
            }
        }
    }
    u8::try_from(pointer).ok()
}

/// The places of a source route that were passed, the last one first, which the answer is sent to. The sender itself is
/// not a place of the way back (RFC 1812 section 5.2.4.1).
fn way_back(route: &[u8], source: &[u8]) -> Vec<[u8; 4]> {
    let pointer = route.get(2).map_or(4, |&pointer| usize::from(pointer)).min(route.len() + 1);
    let passed = route.get(3..pointer.saturating_sub(1)).unwrap_or(&[]);
    let mut back: Vec<[u8; 4]> =
        passed.rchunks_exact(4).filter_map(|own| <[u8; 4]>::try_from(own).ok()).collect();
    if back.last().is_some_and(|last| last == source) {
        back.pop();
    }
    // Room for the destination, which is written last.
    if let Some(last) = back.last().copied() {
        back.push(last);
    }
    back
}

/// Puts options into an answer without any, fills them in, and makes lengths and sum of the header right. `own`: the
/// answer's source. `destination`: whom it is for in the end.
///
/// Linux: `ip_options_build`.
pub fn build(answer: &mut Vec<u8>, echo: &Echo, destination: Ipv4Addr, time: u32) -> Option<()> {
    if echo.is_empty() {
        return Some(());
    }
    let own: [u8; 4] = answer.get(12..16)?.try_into().ok()?;
    answer.splice(FIXED..FIXED, echo.bytes.iter().copied());
    let found = &echo.found;
    let mut put = |place: u8, index: usize, back: usize, value: [u8; 4]| {
        let at = usize::from(place);
        let end = at + usize::from(*answer.get(at + index)?);
        answer.get_mut(end - back..end - back + 4)?.copy_from_slice(&value);
        Some(())
    };
    if found.source_route != 0 {
        put(found.source_route, 1, 4, destination.octets())?;
    }
    if found.wants_address {
        put(found.record_route, 2, 5, own)?;
    }
    if found.stamps_address {
        put(found.timestamp, 2, 9, own)?;
    }
    if found.stamps_time {
        put(found.timestamp, 2, 5, time.to_be_bytes())?;
    }
    let words = u8::try_from((FIXED + echo.len()) / 4).ok()?;
    *answer.get_mut(0)? = 0x40 | words;
    let total = u16::try_from(answer.len()).ok()?.to_be_bytes();
    answer.get_mut(2..4)?.copy_from_slice(&total);
    renew_sum(answer.get_mut(..FIXED + echo.len())?);
    Some(())
}

#[cfg(test)]
mod tests;

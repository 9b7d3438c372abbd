//! IPv6 hop-by-hop options, which the stack looks at before any hook is asked.
//!
//! Linux: `ipv6_parse_hopopts`, `ipv6_hop_jumbo`, `ip6_parse_tlv`, `ip6_tlvopt_unknown`. Segments of IOAM are let pass as where it is not
//! switched on; labels of CALIPSO are refused as where no domain was given.
use packet::{Family, layout, protocol};

use crate::engine::{Decision, Engine};
use crate::skb::{Drop, Packet};
use crate::{Now, answer};

/// Linux: `IP6_DEFAULT_MAX_HBH_OPTS_CNT`: options besides padding.
const MOST: usize = 8;
/// Bytes of padding in a row.
const MOST_PADDING: usize = 7;
/// Bytes of the fixed header.
pub(super) const FIXED: usize = 40;

/// Options that have a meaning here (RFC 8200, 2711, 5570, 2675, 9486).
mod kind {
    pub(super) const PAD_ONE: u8 = 0;
    pub(super) const PAD: u8 = 1;
    pub(super) const ROUTER_ALERT: u8 = 5;
    pub(super) const CALIPSO: u8 = 7;
    pub(super) const IOAM: u8 = 49;
    pub(super) const JUMBO: u8 = 194;
}

/// A fault, and what the sender is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) Option<answer::Kind>);

const SILENT: Fault = Fault(None);

impl Engine {
    /// Whether the options of a packet that came in let it go on.
    pub(crate) fn receive_hop_options(
        &mut self,
        now: Now,
        packet: &mut Packet,
        depth: u8,
    ) -> Result<(), Decision> {
        if packet.family() != Family::V6 || packet.bytes.get(6) != Some(&protocol::HOP_BY_HOP) {
            return Ok(());
        }
        let Err(Fault(kind)) = check(&packet.bytes, FIXED, true) else {
            if !has_length(&packet.bytes)
                && let Ok(Some(length)) = jumbo(&packet.bytes)
            {
                cut(packet, length);
            }
            return Ok(());
        };
        Err(self.wrong_header(now, packet, kind, depth))
    }

    /// Ends a packet for a fault of its headers, of which its sender may be told.
    pub(super) fn wrong_header(
        &mut self,
        now: Now,
        packet: &Packet,
        kind: Option<answer::Kind>,
        depth: u8,
    ) -> Decision {
        if let Some(kind) = kind {
            self.answer(now, packet, kind);
        }
        self.end_nested(now, packet, Drop::Options, depth)
    }
}

/// Where an extension header ends that begins at a place; beyond the packet, if it is cut short.
pub(super) fn end_of(bytes: &[u8], start: usize) -> usize {
    bytes.get(start + 1).map_or(bytes.len() + 1, |&units| start + (usize::from(units) + 1) * 8)
}

/// A place as errors say it.
pub(super) fn pointer(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The options of the header of an IPv6 packet that begins at a place: hop-by-hop options, or those of the destination, of
/// which none but padding has a meaning.
pub(super) fn check(bytes: &[u8], start: usize, by_hop: bool) -> Result<(), Fault> {
    let Some(header) = bytes.get(..end_of(bytes, start)) else { return Err(SILENT) };
    let (mut at, mut padding, mut count) = (start + 2, 0, 0);
    while let Some((&kind, rest)) = header.get(at..).and_then(<[u8]>::split_first) {
        if kind == kind::PAD_ONE {
            padding += 1;
            at += 1;
        } else {
            let size = rest.first().map_or(usize::MAX, |&length| usize::from(length) + 2);
            let Some(option) = header.get(at..at.saturating_add(size)) else { return Err(SILENT) };
            if kind == kind::PAD {
                padding += size;
                if option.iter().skip(2).any(|&byte| byte != 0) {
                    return Err(SILENT);
                }
            } else {
                count += 1;
                padding = 0;
                if count > MOST {
                    return Err(SILENT);
                }
                one(bytes, at, option, by_hop)?;
            }
            at += size;
        }
        if padding > MOST_PADDING {
            return Err(SILENT);
        }
    }
    Ok(())
}

/// Whether a packet has as many bytes behind its fixed header.
fn fits(bytes: &[u8], length: u32) -> bool {
    usize::try_from(length).is_ok_and(|length| length <= bytes.len().saturating_sub(FIXED))
}

/// The length that a jumbogram says in its option; `Ok(None)`: it is none.
///
/// Linux: `nf_ip6_check_hbh_len`, with which a bridge asks whose packets pass the rules; an error: it drops the packet.
fn jumbo(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let header = bytes.get(..end_of(bytes, FIXED)).ok_or(SILENT)?;
    let (mut at, mut jumbo) = (FIXED + 2, None);
    while let Some((&kind, rest)) = header.get(at..).and_then(<[u8]>::split_first) {
        if kind == kind::PAD_ONE {
            at += 1;
            continue;
        }
        let size = usize::from(*rest.first().ok_or(SILENT)?) + 2;
        let option = header.get(at..at + size).ok_or(SILENT)?;
        if kind == kind::JUMBO {
            let length = option.get(2..).and_then(|length| length.try_into().ok()).ok_or(SILENT)?;
            let length = u32::from_be_bytes(length);
            if at % 4 != 2 || length <= 65535 || has_length(bytes) || !fits(bytes, length) {
                return Err(SILENT);
            }
            jumbo = usize::try_from(length).ok();
        }
        at += size;
    }
    Ok(jumbo)
}

/// What a bridge makes of a packet with hop-by-hop options whose packets pass the rules: it ends where its header says, also
/// one that says no length. `false`: it is dropped.
///
/// Linux: `br_validate_ipv6`.
pub(crate) fn cut_on_bridge(packet: &mut Packet) -> bool {
    if packet.family() != Family::V6 || packet.bytes.get(6) != Some(&protocol::HOP_BY_HOP) {
        return true;
    }
    let Ok(jumbo) = jumbo(&packet.bytes) else { return false };
    if has_length(&packet.bytes) { true } else { cut(packet, jumbo.unwrap_or(0)) }
}

/// Ends a packet so many bytes behind its fixed header.
fn cut(packet: &mut Packet, length: usize) -> bool {
    packet.bytes.truncate(FIXED.saturating_add(length));
    let Ok(layout) = layout::parse(&packet.bytes) else { return false };
    packet.layout = layout;
    true
}

fn has_length(bytes: &[u8]) -> bool {
    bytes.get(4..6) != Some(&[0, 0])
}

/// What routers are to look at, of hop-by-hop options that are right (RFC 2711).
pub(super) fn alert(bytes: &[u8]) -> Option<u16> {
    let header = bytes.get(FIXED..end_of(bytes, FIXED))?;
    let (mut at, mut found) = (2, None);
    while let Some((&kind, rest)) = header.get(at..).and_then(<[u8]>::split_first) {
        let size = if kind == kind::PAD_ONE { 1 } else { usize::from(*rest.first()?) + 2 };
        if let (kind::ROUTER_ALERT, Some(&[_, _, high, low])) = (kind, header.get(at..at + size)) {
            found = Some(u16::from_be_bytes([high, low]));
        }
        at += size;
    }
    found
}

/// An option other than padding, which stands at `at`.
fn one(bytes: &[u8], at: usize, option: &[u8], by_hop: bool) -> Result<(), Fault> {
    let place = pointer(at);
    let wrong = |pointer| Err(Fault(Some(answer::Kind::ParameterProblem { pointer })));
    let kind = option.first().copied().unwrap_or(0);
    let is = |right: bool| if right { Ok(()) } else { Err(SILENT) };
    match kind {
        kind::ROUTER_ALERT if by_hop => is(option.len() == 4),
        kind::IOAM if by_hop => is(at.is_multiple_of(4)),
        kind::CALIPSO if by_hop => Err(SILENT),
        kind::JUMBO if by_hop => {
            let Ok(length) = <[u8; 4]>::try_from(option.get(2..).unwrap_or(&[])) else { return Err(SILENT) };
            if at % 4 != 2 {
                return Err(SILENT);
            }
            // Linux: `ipv6_hop_jumbo`: a short one is wrong by itself, a long one by the length that the header says besides.
            let length = u32::from_be_bytes(length);
            if length <= 65535 {
                return wrong(place.saturating_add(2));
            }
            if has_length(bytes) {
                return wrong(place);
            }
            is(fits(bytes, length))
        }
        _ => match kind >> 6 {
            0 => Ok(()),
            1 => Err(SILENT),
            3 if bytes.get(24) == Some(&0xff) => Err(SILENT),
            _ => Err(Fault(Some(answer::Kind::UnknownOption { pointer: place, always: kind >> 6 == 2 }))),
        },
    }
}

#[cfg(test)]
mod tests;

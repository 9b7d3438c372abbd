//! Addresses, ports and numbers as they stand in SIP and SDP.
//!
//! Linux: `in4_pton`, `in6_pton`, `sip_parse_addr`, `sip_parse_port`, `sip_strtouint`. An address ends where a byte
//! stands that could not be part of one; a hexadecimal digit behind an IPv4 address spoils it (measured on 6.18.44).
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::Family;

/// The port of SIP.
pub(super) const SIP_PORT: u16 = 5060;
/// Ports below are not believed.
pub(super) const LOWEST_PORT: u16 = 1024;

/// An address at a place, and where it ends. IPv6 addresses stand in brackets if `brackets`.
pub(super) fn address(text: &[u8], at: usize, family: Family, brackets: bool) -> Option<(IpAddr, usize)> {
    let rest = text.get(at..)?;
    match family {
        Family::V4 => v4(rest).map(|(address, length)| (IpAddr::V4(address), at + length)),
        Family::V6 => {
            let opened = rest.first() == Some(&b'[');
            if brackets && !opened {
                return None;
            }
            let rest = if opened { rest.get(1..)? } else { rest };
            let (address, length) = v6(rest)?;
            let end = at + usize::from(opened) + length;
            let closed = text.get(end) == Some(&b']');
            if brackets && !closed {
                return None;
            }
            Some((IpAddr::V6(address), end + usize::from(closed)))
        }
    }
}

/// An address as SDP has it: without brackets.
pub(super) fn bare_address(text: &[u8], at: usize, family: Family) -> Option<(IpAddr, usize)> {
    let rest = text.get(at..)?;
    let (address, length) = match family {
        Family::V4 => v4(rest).map(|(address, length)| (IpAddr::V4(address), length))?,
        Family::V6 => v6(rest).map(|(address, length)| (IpAddr::V6(address), length))?,
    };
    Some((address, at + length))
}

/// Whether a byte can be part of an address of either family.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'
}

fn v4(text: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let mut octets = [0_u8; 4];
    let mut place = 0_usize;
    let mut value: Option<u16> = None;
    for at in 0..=text.len() {
        match text.get(at) {
            Some(digit) if digit.is_ascii_digit() => {
                let shifted = value.unwrap_or(0).saturating_mul(10);
                value = Some(shifted.saturating_add(u16::from(digit - b'0')));
            }
            Some(letter) if letter.is_ascii_hexdigit() => return None,
            end => {
                *octets.get_mut(place)? = u8::try_from(value.take()?).ok()?;
                place += 1;
                if end != Some(&b'.') {
                    return (place == 4).then_some((Ipv4Addr::from(octets), at));
                }
            }
        }
    }
    None
}

fn v6(text: &[u8]) -> Option<(Ipv6Addr, usize)> {
    let length = text.iter().position(|&byte| !is_part(byte)).unwrap_or(text.len());
    let whole = text.get(..length)?;
    let (head, tail) = match whole.windows(2).position(|pair| pair == b"::") {
        Some(gap) => (whole.get(..gap)?, Some(whole.get(gap + 2..)?)),
        None => (whole, None),
    };
    let mut front = Vec::with_capacity(8);
    let mut back = Vec::with_capacity(8);
    words(head, tail.is_none(), &mut front)?;
    if let Some(tail) = tail {
        words(tail, true, &mut back)?;
    }
    let filled = front.len() + back.len();
    // What `::` stands for is at least one word (measured: beside eight others it makes it no address).
    let fits = if tail.is_some() { filled < 8 } else { filled == 8 };
    if !fits {
        return None;
    }
    front.resize(8 - back.len(), 0);
    front.append(&mut back);
    let words: [u16; 8] = front.try_into().ok()?;
    Some((Ipv6Addr::from(words), length))
}

/// The words of one side of `::`; only the last side may end in an IPv4 address.
fn words(text: &[u8], last: bool, into: &mut Vec<u16>) -> Option<()> {
    if text.is_empty() {
        return Some(());
    }
    let mut parts = text.split(|&byte| byte == b':').peekable();
    while let Some(part) = parts.next() {
        if last && parts.peek().is_none() && part.contains(&b'.') {
            let (address, _) = v4(part)?;
            let [a, b, c, d] = address.octets();
            into.push(u16::from_be_bytes([a, b]));
            into.push(u16::from_be_bytes([c, d]));
            continue;
        }
        if part.is_empty() {
            return None;
        }
        // Linux: leading zeros may be as many as one likes, as long as the word stays below 65536.
        let mut word = 0_u16;
        for &digit in part {
            if word & 0xf000 != 0 {
                return None;
            }
            let value = char::from(digit).to_digit(16)?;
            word = (word << 4) | u16::try_from(value).ok()?;
        }
        into.push(word);
    }
    Some(())
}

/// The port behind an address: `:5062`, or none. With the end. `None`: the text ends here, or the port is none.
pub(super) fn port(text: &[u8], at: usize) -> Option<(u16, usize)> {
    if *text.get(at)? != b':' {
        return Some((SIP_PORT, at));
    }
    let rest = text.get(at + 1..)?;
    let length = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    if length == 0 || length > 5 {
        return None;
    }
    let value = rest.get(..length)?.iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    let port = u16::try_from(value).ok().filter(|&port| port >= LOWEST_PORT)?;
    Some((port, at + 1 + length))
}

/// A decimal number at a place, and its end. `None`: no digit, more than eleven, or more than 32 bits hold.
pub(super) fn number(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let rest = text.get(at..)?;
    let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if length == 0 || length > 11 {
        return None;
    }
    let value = rest.get(..length)?.iter().fold(0_u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some((u32::try_from(value).ok()?, at + length))
}

//! The values of ipset's language: numbers, addresses, ports, Ethernet addresses, marks.
//!
//! Linux: lib/parse.c of ipset. Its separators count only if they stand neither first nor last in a word.
use std::net::IpAddr;

use packet::{Family, InterfaceName};

use super::element::Mac;
use super::entry::Entry;
use super::fault::Fault;
use super::icmp;
use super::kind::Part;
use super::option::Field;
use super::{SetName, has_ports};
use crate::syntax::Names;
use crate::syntax::value;

/// Who is asked, and where warnings go.
pub(crate) struct Reading<'a> {
    pub(crate) names: &'a dyn Names,
    /// Each a whole line for the error stream.
    pub(crate) warnings: Vec<String>,
}

/// Splits at a separator that is neither the first nor the last letter.
pub(crate) fn separated(text: &str, separator: char) -> Option<(&str, &str)> {
    if text.starts_with(separator) || text.ends_with(separator) {
        return None;
    }
    text.split_once(separator)
}

/// A number as `strtoull` reads it with base 0: decimal, octal, hexadecimal, with a sign.
fn unsigned(text: &str) -> Result<Option<u64>, ()> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, base) = match hexadecimal.filter(|rest| !rest.is_empty()) {
        Some(rest) => (rest, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Ok(None);
    }
    let number = u64::from_str_radix(digits, base).map_err(|_| ())?;
    Ok(Some(if negative { number.wrapping_neg() } else { number }))
}

/// A number in a range, or ipset's text why not.
pub(crate) fn number(text: &str, least: u64, most: u64) -> Result<u64, Fault> {
    match unsigned(text) {
        Ok(Some(number)) if (least..=most).contains(&number) => Ok(number),
        Ok(None) => Err(Fault::syntax(format_args!("'{text}' is invalid as number"))),
        _ => Err(Fault::syntax(format_args!("'{text}' is out of range {least}-{most}"))),
    }
}

pub(crate) fn u8(text: &str) -> Result<u8, Fault> {
    Ok(u8::try_from(number(text, 0, u64::from(u8::MAX))?).unwrap_or(u8::MAX))
}

pub(crate) fn u16(text: &str) -> Result<u16, Fault> {
    Ok(u16::try_from(number(text, 0, u64::from(u16::MAX))?).unwrap_or(u16::MAX))
}

pub(crate) fn u32(text: &str) -> Result<u32, Fault> {
    Ok(u32::try_from(number(text, 0, u64::from(u32::MAX))?).unwrap_or(u32::MAX))
}

/// The longest time in seconds: milliseconds in 31 bits.
const TIMEOUT_MAX: u32 = (u32::MAX >> 1) / 1000;

pub(crate) fn timeout(text: &str) -> Result<u32, Fault> {
    Ok(u32::try_from(number(text, 0, u64::from(TIMEOUT_MAX))?).unwrap_or(TIMEOUT_MAX))
}

/// A prefix length.
fn length(text: &str, least: u8, most: u8) -> Result<u8, Fault> {
    let length = u8(text)?;
    if length < least || length > most {
        return Err(Fault::syntax(format_args!("'{text}' is out of range {least}-{most}")));
    }
    Ok(length)
}

pub(crate) fn netmask(text: &str, family: Family) -> Result<u8, Fault> {
    let most = family.bits();
    length(text, 1, most).map_err(|fault| {
        fault.and(&format!("Syntax error: netmask is out of the inclusive range of 1-{most}"))
    })
}

/// An Ethernet address: six hexadecimal numbers of one or two digits.
pub(crate) fn mac(text: &str) -> Result<Mac, Fault> {
    let fault = || Fault::syntax(format_args!("cannot parse '{text}' as ethernet address"));
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    if text.len() > 17 {
        return Err(fault());
    }
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.chars().all(|digit| digit.is_ascii_hexdigit()));
        *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or_else(fault)?;
    }
    if parts.next().is_some() { Err(fault()) } else { Ok(mac) }
}

/// `0xMARK[/0xMASK]`; what stands behind is not read.
pub(crate) fn skb_mark(text: &str) -> Result<(u32, u32), Fault> {
    let hexadecimal = |text: &str| -> Option<(u32, usize)> {
        let rest = text.strip_prefix("0x")?;
        // Linux: `sscanf` takes a second `0x`, and numbers of 64 bits, of which 32 are kept.
        let digits = rest.strip_prefix("0x").unwrap_or(rest);
        let skipped = text.len() - digits.len();
        let end = digits.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(digits.len());
        let number = digits.get(..end).filter(|digits| !digits.is_empty())?;
        let number = number.get(number.len().saturating_sub(8)..)?;
        Some((u32::from_str_radix(number, 16).ok()?, skipped + end))
    };
    let Some((mark, end)) = hexadecimal(text) else {
        return Err(Fault::syntax("Invalid skbmark format, it should be:  MARK/MASK or MARK (see manpage)"));
    };
    let mask = text.get(end..).and_then(|rest| rest.strip_prefix('/')).and_then(hexadecimal);
    Ok((mark, mask.map_or(u32::MAX, |(mask, _)| mask)))
}

/// `MAJOR:MINOR`, hexadecimal; 16 bits of each are kept.
pub(crate) fn skb_priority(text: &str) -> Result<u32, Fault> {
    let part = |text: &str| {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let end = digits.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(digits.len());
        let number = digits.get(..end).filter(|digits| !digits.is_empty())?;
        let number = number.get(number.len().saturating_sub(8)..)?;
        Some((u32::from_str_radix(number, 16).ok()?, text.len() - digits.len() + end))
    };
    let both = part(text).and_then(|(major, end)| {
        let (minor, _) = part(text.get(end..)?.strip_prefix(':')?)?;
        Some((major << 16) | (minor & 0xffff))
    });
    both.ok_or_else(|| Fault::syntax("Invalid skbprio format, it should be:MAJOR:MINOR (see manpage)"))
}

pub(crate) fn comment(text: &str) -> Result<Option<Box<str>>, Fault> {
    if text.contains('"') {
        return Err(Fault::syntax("\" character is not permitted in comments"));
    }
    if text.len() > 255 {
        return Err(Fault::syntax("Comment is longer than the maximum allowed 255 characters"));
    }
    // Why: a saved comment is one line.
    if text.contains(|letter: char| letter.is_control() && letter != '\t') {
        return Err(Fault::syntax("control characters are not permitted in comments"));
    }
    Ok((!text.is_empty()).then(|| text.into()))
}

/// The name of a set.
pub(crate) fn set_name(text: &str) -> Result<SetName, Fault> {
    if text.len() > SetName::MAX {
        return Err(Fault::syntax(format_args!(
            "setname '{text}' is longer than {} characters",
            SetName::MAX
        )));
    }
    SetName::new(text).ok_or_else(|| {
        Fault::syntax(format_args!("setname '{text}' is empty or has blanks, quotes or control characters"))
    })
}

/// Without the brackets around it, which let a name have dashes.
fn unescaped(text: &str) -> Result<&str, Fault> {
    match text.strip_prefix('[') {
        None => Ok(text),
        Some(rest) => rest
            .strip_suffix(']')
            .ok_or_else(|| Fault::syntax(format_args!("cannot find closing escape character ']' in {text}"))),
    }
}

/// Both ends of a range; brackets around an end hide its dashes.
fn range(text: &str) -> Result<Option<(&str, &str)>, Fault> {
    if !text.starts_with('[') {
        return Ok(separated(text, '-'));
    }
    let Some(end) = text.find(']') else {
        return Err(Fault::syntax(format_args!("cannot find closing escape character ']' in {text}")));
    };
    let (first, rest) = text.split_at(end + 1);
    match rest.strip_prefix('-') {
        Some(second) => Ok(Some((first, second))),
        None if rest.is_empty() => Ok(None),
        None => Err(Fault::syntax(format_args!("range separator expected after '{first}'"))),
    }
}

fn has_range(text: &str) -> bool {
    match text.starts_with('[') {
        false => separated(text, '-').is_some(),
        true => text
            .find(']')
            .is_some_and(|end| text.get(end..).is_some_and(|rest| separated(rest, '-').is_some())),
    }
}

fn has_prefix(text: &str) -> bool {
    separated(text, '/').is_some()
}

/// One address or the first of a host.
pub(crate) fn address(text: &str, family: Family, reading: &mut Reading<'_>) -> Result<IpAddr, Fault> {
    if let Some(address) = literal(text, family) {
        return Ok(address);
    }
    // Why: what looks like a number is no name, and a resolver need not be asked.
    let name = text.contains(|letter: char| letter.is_ascii_alphabetic()) && !text.contains([':', '/', ',']);
    let found = if name { reading.names.host(text, family) } else { Vec::new() };
    if found.len() > 1 {
        reading.warnings.push(format!(
            "Warning: {text} resolves to multiple addresses: using only the first one returned by the resolver.\n"
        ));
    }
    found.first().copied().ok_or_else(|| {
        let family = if family == Family::V4 { "IPv4" } else { "IPv6" };
        Fault::syntax(format_args!("cannot parse {text}: resolving to {family} address failed"))
    })
}

/// An address in numbers. Of IPv4 the last number may stand for several bytes (`1.2` is 1.0.0.2), as `inet_aton` has it.
fn literal(text: &str, family: Family) -> Option<IpAddr> {
    if family == Family::V6 {
        return value::literal_address(text, family);
    }
    // Linux: the resolver takes digits and dots as an address, hexadecimal numbers as names.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let parts: Vec<&str> = text.split('.').collect();
    let (last, firsts) = parts.split_last()?;
    let mut bits = 0_u32;
    let mut shift = 32_u32;
    for part in firsts {
        let byte = unsigned(part).ok()??;
        shift = shift.checked_sub(8).filter(|&shift| shift > 0 && byte <= 255)?;
        bits |= u32::try_from(byte).ok()? << shift;
    }
    let last = unsigned(last).ok()??;
    if last >= 1_u64 << shift {
        return None;
    }
    Some(IpAddr::V4((bits | u32::try_from(last).ok()?).into()))
}

/// The fields in which an address is put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    First,
    Second,
    /// The bitmask of a set.
    Mask,
}

impl Slot {
    fn set(self, entry: &mut Entry, address: IpAddr) {
        let field = match self {
            Self::First => {
                entry.ip = Some(address);
                Field::Ip
            }
            Self::Second => {
                entry.ip2 = Some(address);
                Field::Ip2
            }
            Self::Mask => {
                entry.bitmask = Some(address);
                Field::BitMask
            }
        };
        entry.note(field);
    }

    fn set_length(self, entry: &mut Entry, length: u8) {
        if self == Self::First {
            entry.cidr = Some(length);
            entry.note(Field::Cidr);
        } else {
            entry.cidr2 = Some(length);
            entry.note(Field::Cidr2);
        }
    }

    fn set_end(self, entry: &mut Entry, address: IpAddr) {
        if self == Self::First {
            entry.ip_to = Some(address);
            entry.note(Field::IpTo);
        } else {
            entry.ip2_to = Some(address);
            entry.note(Field::Ip2To);
        }
    }
}

/// Any form of address: host, `IP/CIDR`, `FROM-TO`.
pub(crate) fn any_address(
    entry: &mut Entry,
    slot: Slot,
    text: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let family = *entry.family.get_or_insert(Family::V4);
    if let Some((address_text, bits)) = separated(text, '/') {
        slot.set_length(entry, length(bits, 0, family.bits())?);
        let address = address(unescaped(address_text)?, family, reading)?;
        slot.set(entry, address);
        return Ok(());
    }
    let (first, second) = match range(text)? {
        Some((first, second)) => (first, Some(second)),
        None => (text, None),
    };
    let address_of = address(unescaped(first)?, family, reading)?;
    slot.set(entry, address_of);
    if let Some(second) = second {
        let end = address(unescaped(second)?, family, reading)?;
        slot.set_end(entry, end);
    }
    Ok(())
}

/// One address; `/32` (or `/128`) may stand behind it.
pub(crate) fn single_address(
    entry: &mut Entry,
    slot: Slot,
    text: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let family = *entry.family.get_or_insert(Family::V4);
    let whole = if family == Family::V4 { "/32" } else { "/128" };
    if has_range(text) || (has_prefix(text) && !text.ends_with(whole)) {
        return Err(Fault::syntax(format_args!("plain IP address must be supplied: {text}")));
    }
    any_address(entry, slot, text, reading)
}

/// `IP/CIDR`.
pub(crate) fn network(entry: &mut Entry, text: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    if !has_prefix(text) || has_range(text) {
        return Err(Fault::syntax(format_args!("IP/netblock must be supplied: {text}")));
    }
    any_address(entry, Slot::First, text, reading)
}

/// `IP/CIDR` or `FROM-TO`.
pub(crate) fn net_range(entry: &mut Entry, text: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    if !has_range(text) && !has_prefix(text) {
        return Err(Fault::syntax(format_args!("IP/cidr or IP-IP range must be specified: {text}")));
    }
    any_address(entry, Slot::First, text, reading)
}

/// A port of a protocol, by number or name.
fn port(text: &str, protocol: &str, reading: &Reading<'_>) -> Result<u16, Fault> {
    let fault = match u16(text) {
        Ok(port) => return Ok(port),
        Err(fault) => fault,
    };
    let last = format!("cannot parse '{text}' as a {protocol} port");
    let Ok(name) = unescaped(text) else {
        return Err(fault
            .and(&format!("Syntax error: cannot find closing escape character ']' in {text}"))
            .and(&last));
    };
    // A protocol by number has its name's services.
    let known = match u8(protocol) {
        Ok(number) => {
            reading.names.protocol_name(number).or_else(|| value::protocol_name(number).map(str::to_owned))
        }
        Err(_) => Some(protocol.to_owned()),
    };
    let service = known.as_deref().and_then(|protocol| reading.names.service(name, Some(protocol)));
    service.ok_or_else(|| match u8(protocol) {
        Ok(_) => fault.and(&last),
        Err(number) => fault.and(number.text()).and(&last),
    })
}

/// A port or a range of ports.
fn ports(entry: &mut Entry, text: &str, protocol: &str, reading: &Reading<'_>) -> Result<(), Fault> {
    let (first, second) = match range(text)? {
        Some((first, second)) => (first, Some(second)),
        None => (text, None),
    };
    if let Some(second) = second {
        entry.port_to = Some(port(second, protocol, reading)?);
        entry.note(Field::PortTo);
    }
    entry.port = port(first, protocol, reading)?;
    entry.note(Field::Port);
    Ok(())
}

/// One port of TCP, as the old `from` and `to` have it.
pub(crate) fn single_port(
    entry: &mut Entry,
    field: Field,
    text: &str,
    reading: &Reading<'_>,
) -> Result<(), Fault> {
    let port = port(text, "tcp", reading)?;
    match field {
        Field::PortTo => entry.port_to = Some(port),
        _ => entry.port = port,
    }
    entry.note(field);
    Ok(())
}

fn protocol(text: &str, reading: &Reading<'_>) -> Result<u8, Fault> {
    if let Ok(number) = u8(text) {
        return Ok(number);
    }
    let name = if text.eq_ignore_ascii_case("icmpv6") { "ipv6-icmp" } else { text };
    // Linux: /etc/protocols has the names in capitals as well.
    let lower = name.to_ascii_lowercase();
    let known = |name: &str| {
        reading.names.protocol(name).or_else(|| match name {
            "udplite" => Some(136),
            name => (0..=u8::MAX).find(|&number| value::protocol_name(number) == Some(name)),
        })
    };
    let upper = name.bytes().all(|byte| !byte.is_ascii_lowercase());
    match known(name).or_else(|| known(&lower).filter(|_| upper)) {
        Some(0) => Err(Fault::syntax(format_args!("Unsupported protocol '{text}'"))),
        Some(number) => Ok(number),
        None => Err(Fault::syntax(format_args!("cannot parse '{text}' as a protocol"))),
    }
}

/// What `icmp:` has behind it.
fn icmp_port(entry: &mut Entry, text: &str, table: &[icmp::Name], family: &str) -> Result<(), Fault> {
    entry.port = match icmp::typecode(table, text) {
        Some(port) => port,
        None => {
            let Some((kind, code)) = separated(text, '/') else {
                return Err(Fault::report(format!("Cannot parse {text} as an {family} type/code.")));
            };
            u16::from_be_bytes([u8(kind)?, u8(code)?])
        }
    };
    entry.note(Field::Port);
    Ok(())
}

/// `[PROTO:]PORT`. What is said of ICMP in the wrong family is a fault that shows only when the command is sent
/// (`late`).
pub(crate) fn protocol_port(
    entry: &mut Entry,
    text: &str,
    reading: &Reading<'_>,
    late: &mut Option<Fault>,
) -> Result<(), Fault> {
    let Some((name, rest)) = separated(text, ':') else {
        entry.protocol = Some(6);
        entry.note(Field::Proto);
        return ports(entry, text, "tcp", reading);
    };
    let number = protocol(name, reading)?;
    entry.protocol = Some(number);
    entry.note(Field::Proto);
    match (number, entry.family) {
        (number, _) if has_ports(number) => ports(entry, rest, name, reading),
        (1, Some(Family::V4)) => icmp_port(entry, rest, icmp::V4, "ICMP"),
        (58, Some(Family::V6)) => icmp_port(entry, rest, icmp::V6, "ICMPv6"),
        (1, _) => {
            *late = Some(Fault::syntax("Protocol ICMP can be used with family inet only"));
            Ok(())
        }
        (58, _) => {
            *late = Some(Fault::syntax("Protocol ICMPv6 can be used with family inet6 only"));
            Ok(())
        }
        _ if rest == "0" => {
            entry.note(Field::Port);
            Ok(())
        }
        _ => Err(Fault::syntax(format_args!("Protocol {name} can be used with pseudo port value 0 only."))),
    }
}

/// `[PROTO:]PORT` of TCP or UDP; the protocol is forgotten.
pub(crate) fn tcp_udp_port(entry: &mut Entry, text: &str, reading: &Reading<'_>) -> Result<(), Fault> {
    let mut late = None;
    protocol_port(entry, text, reading, &mut late)?;
    let protocol = entry.protocol.take();
    entry.fields = entry.fields.without(super::option::Fields::of(&[Field::Proto]));
    match (late, protocol) {
        (None, Some(6 | 17)) => Ok(()),
        (late, _) => {
            let fault = "Syntax error: Only protocols TCP and UDP are valid";
            Err(late.map_or_else(|| Fault::report(fault), |late| late.and(fault)))
        }
    }
}

fn interface(entry: &mut Entry, text: &str) -> Result<(), Fault> {
    let name = match text.strip_prefix("physdev:") {
        Some(name) => {
            entry.physical = true;
            entry.note(Field::Physdev);
            name
        }
        None => text,
    };
    if name.len() > InterfaceName::MAX {
        return Err(Fault::syntax(format_args!(
            "interface name '{name}' is longer than {} characters",
            InterfaceName::MAX
        )));
    }
    let odd = |letter: char| letter == '"' || letter.is_whitespace() || letter.is_control();
    entry.interface = InterfaceName::new(name).filter(|_| !name.contains(odd));
    if entry.interface.is_none() {
        return Err(Fault::syntax(format_args!(
            "interface name '{name}' is empty or has blanks, quotes or control characters"
        )));
    }
    entry.note(Field::Iface);
    Ok(())
}

/// One part of an element.
pub(crate) fn part(
    entry: &mut Entry,
    part: Part,
    text: &str,
    reading: &mut Reading<'_>,
    late: &mut Option<Fault>,
) -> Result<(), Fault> {
    let net6 = |entry: &mut Entry, slot, reading: &mut Reading<'_>| {
        if entry.family == Some(Family::V6) && has_range(text) {
            return Err(Fault::syntax(format_args!("IP address or IP/cidr must be specified: {text}")));
        }
        any_address(entry, slot, text, reading)
    };
    match part {
        Part::Ip => any_address(entry, Slot::First, text, reading),
        Part::SingleIp => single_address(entry, Slot::First, text, reading),
        Part::IpOrSingle6 if entry.family == Some(Family::V6) => {
            single_address(entry, Slot::First, text, reading)
        }
        Part::IpOrSingle6 => any_address(entry, Slot::First, text, reading),
        Part::NetOrNet6 => net6(entry, Slot::First, reading),
        Part::SecondIp => single_address(entry, Slot::Second, text, reading),
        Part::SecondNet => net6(entry, Slot::Second, reading),
        Part::Mac => {
            entry.mac = Some(mac(text)?);
            entry.note(Field::Ether);
            Ok(())
        }
        Part::Port => protocol_port(entry, text, reading, late),
        Part::TcpUdpPort => tcp_udp_port(entry, text, reading),
        Part::Mark => {
            entry.mark = u32(text)?;
            entry.note(Field::Mark);
            Ok(())
        }
        Part::Iface => interface(entry, text),
        Part::SetName => {
            entry.set = Some(set_name(text)?);
            entry.note(Field::Name);
            Ok(())
        }
    }
}

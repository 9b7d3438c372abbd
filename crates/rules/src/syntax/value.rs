//! The generic kinds of values that libxtables reads for an extension, with its errors.
//!
//! Numbers are C's `strtoul` with base 0: decimal, `0x` hexadecimal, leading 0 octal, leading blanks; no minus.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::{AddrMask, Family, protocol};

use super::extension::{Context, OptionCall};
use super::{Error, ErrorKind, Names};
use crate::matches::PortRange;

/// What stands behind an option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Nothing: `Value::None`.
    Flag,
    /// One word that the extension's `parse` reads itself: `Value::None`.
    Word,
    /// One word that the extension's `parse` reads itself, if the next one is neither an option nor `!`: `Value::None`.
    OptionalWord,
    /// Two words that `parse` reads itself. When the second is missing: `--X requires two args.`, if
    /// [`OptionSpec::without_second`](super::extension::OptionSpec::without_second) does not say otherwise.
    TwoWords,
    /// A text, at least `min` and (unless 0) at most `max` bytes long, else an error; what is longer than `cut` (unless
    /// 0) is cut without an error.
    Text {
        /// Fewest bytes.
        min: usize,
        /// Most bytes; 0: no limit.
        max: usize,
        /// The bytes that are kept; 0: all.
        cut: usize,
    },
    /// A number of at most `bits` (8, 16, 32 or 64), from `min` to `max`: `Value::Number`.
    Number {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// `a`, `a:b`, `a:`, `:b` in the same limits: `Value::Range`, both ends the same for `a`.
    NumberRange {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A port by number or service name: `Value::Ports` with both ends the same.
    Port,
    /// A port or a range of ports, ends may be left out: `Value::Ports`.
    PortRange,
    /// `value[/mask]`, 32 bits each: `Value::Mark`.
    Mark,
    /// One address (or the name of a host with one address): `Value::Address`.
    Address,
    /// `address[/mask]`: `Value::Network`.
    Network,
    /// A prefix length or a mask: `Value::Address`, a mask of the family.
    Mask,
    /// A prefix length, or a mask that stands for one: `Value::Number`, at most the family's bits, or
    /// [`NO_PREFIX`] for a mask that is no prefix.
    PrefixLength,
    /// A protocol by name or number: `Value::Number`.
    Protocol,
    /// A level of syslog, 0 to 7 or a name: `Value::Number`.
    SyslogLevel,
    /// `xx:xx:xx:xx:xx:xx`: `Value::Mac`.
    Mac,
    /// A number with a point, in limits: `Value::Float`.
    Float {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
}

impl Kind {
    /// A number of 8 bits.
    pub const U8: Kind = Kind::Number { min: 0, max: 0xff };
    /// A number of 16 bits.
    pub const U16: Kind = Kind::Number { min: 0, max: 0xffff };
    /// A number of 32 bits.
    pub const U32: Kind = Kind::Number { min: 0, max: 0xffff_ffff };
    /// A number of 64 bits.
    pub const U64: Kind = Kind::Number { min: 0, max: u64::MAX };
    /// A range of numbers of 16 bits.
    pub const U16_RANGE: Kind = Kind::NumberRange { min: 0, max: 0xffff };
    /// A range of numbers of 32 bits.
    pub const U32_RANGE: Kind = Kind::NumberRange { min: 0, max: 0xffff_ffff };

    /// How many words stand behind the option: 0 (or perhaps one), 1 or 2.
    pub const fn arity(self) -> usize {
        match self {
            Kind::Flag | Kind::OptionalWord => 0,
            Kind::TwoWords => 2,
            _ => 1,
        }
    }
}

/// A generic value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No generic value: a flag, or words that the extension reads itself.
    #[default]
    None,
    /// [`Kind::Text`].
    Text(Box<str>),
    /// [`Kind::Number`], [`Kind::PrefixLength`], [`Kind::Protocol`], [`Kind::SyslogLevel`].
    Number(u64),
    /// [`Kind::NumberRange`].
    Range(u64, u64),
    /// [`Kind::Port`], [`Kind::PortRange`].
    Ports(PortRange),
    /// [`Kind::Mark`].
    Mark {
        /// The value.
        value: u32,
        /// The mask; all ones when left out.
        mask: u32,
    },
    /// [`Kind::Address`], [`Kind::Mask`].
    Address(IpAddr),
    /// [`Kind::Network`]: the address as typed, bits beyond the prefix included.
    Network(IpAddr, u8),
    /// [`Kind::Mac`].
    Mac([u8; 6]),
    /// [`Kind::Float`].
    Float(f64),
}

impl Value {
    /// The number, 0 for other values.
    pub fn number(&self) -> u64 {
        if let Value::Number(number) = self { *number } else { 0 }
    }

    /// The number, where its kind has at most 32 bits.
    pub fn number_u32(&self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }

    /// The number, where its kind has at most 8 bits.
    pub fn number_u8(&self) -> u8 {
        u8::try_from(self.number()).unwrap_or(u8::MAX)
    }

    /// The text, empty for other values.
    pub fn text(&self) -> &str {
        if let Value::Text(text) = self { text } else { "" }
    }
}

/// Reads the generic value of an option.
pub fn read(call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<Value, Error> {
    let text = call.text();
    let extension = call.extension;
    let option = call.option.name;
    Ok(match call.option.kind {
        Kind::Flag | Kind::Word | Kind::OptionalWord | Kind::TwoWords => Value::None,
        Kind::Text { min, max, cut } => {
            if text.len() < min {
                return Err(call.error(format!("Argument must have a minimum length of {min} characters\n")));
            }
            if max != 0 && text.len() > max {
                return Err(call.error(format!("Argument must have a maximum length of {max} characters\n")));
            }
            let keep = if cut == 0 { text.len() } else { text.floor_char_boundary(cut) };
            Value::Text(text.get(..keep).unwrap_or(text).into())
        }
        Kind::Number { min, max } => {
            Value::Number(number(text, min, max).ok_or_else(|| out_of_range(call, min, max))?)
        }
        Kind::NumberRange { min, max } => number_range(call, min, max)?,
        Kind::Port => {
            let port = service(text, context).ok_or_else(|| no_port(call, text))?;
            Value::Ports(PortRange { first: port, last: port })
        }
        Kind::PortRange => port_range(call, context)?,
        Kind::Mark => mark(call)?,
        Kind::Address => Value::Address(one_address(call, text, context)?),
        Kind::Network => network(call, context)?,
        Kind::Mask => {
            let bits = context.family.bits();
            let mask = mask(text, context.family).ok_or_else(|| {
                call.error(format!(
                    "{extension}: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-{bits}).\n"
                ))
            })?;
            Value::Address(mask)
        }
        Kind::PrefixLength => Value::Number(prefix_length(call, text, context)?),
        Kind::Protocol => {
            let number = protocol_number(text, context.names)
                .ok_or_else(|| Error::new(ErrorKind::Protocol(text.into()), call.value_span()))?;
            Value::Number(u64::from(number))
        }
        Kind::SyslogLevel => {
            let level = number(text, 0, 7).or_else(|| syslog_level(text));
            Value::Number(level.ok_or_else(|| call.error(format!("log level \"{text}\" unknown\n")))?)
        }
        Kind::Mac => Value::Mac(mac(text).ok_or_else(|| call.error("Invalid MAC address specified."))?),
        Kind::Float { min, max } => {
            let value = text.trim_start().parse::<f64>().ok().filter(|value| (min..=max).contains(value));
            Value::Float(value.ok_or_else(|| {
                call.error(format!(
                    "{extension}: bad value for option \"--{option}\", or out of range ({min:.0}-{max:.0}).\n"
                ))
            })?)
        }
    })
}

/// `EXT: bad value for option "--X", or out of range (MIN-MAX).`
pub fn out_of_range(call: &OptionCall<'_>, min: u64, max: u64) -> Error {
    call.error(format!(
        "{}: bad value for option \"--{}\", or out of range ({min}-{max}).\n",
        call.extension, call.option.name
    ))
}

/// A whole text as a number (`strtoul`, base 0) in limits.
pub fn number(text: &str, min: u64, max: u64) -> Option<u64> {
    match leading_number(text) {
        Some((value, "")) if (min..=max).contains(&value) => Some(value),
        _ => None,
    }
}

/// The number at the start of a text (`strtoul`, base 0), and what stands behind it. `None`: no number, a minus, or
/// more than 64 bits.
pub fn leading_number(text: &str) -> Option<(u64, &str)> {
    // Why: nearly all numbers are a few decimal digits.
    if let [b'1'..=b'9', rest @ ..] = text.as_bytes()
        && rest.len() < 18
        && rest.iter().all(u8::is_ascii_digit)
    {
        return Some((text.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')), ""));
    }
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let text = text.strip_prefix('+').unwrap_or(text);
    let hexadecimal = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .filter(|rest| rest.starts_with(|digit: char| digit.is_ascii_hexdigit()));
    let (radix, digits) = match hexadecimal {
        Some(rest) => (16, rest),
        None if text.starts_with('0') => (8, text),
        None => (10, text),
    };
    let end = digits.find(|digit: char| !digit.is_digit(radix)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    Some((u64::from_str_radix(digits, radix).ok()?, rest))
}

fn number_range(call: &OptionCall<'_>, min: u64, max: u64) -> Result<Value, Error> {
    let (extension, option) = (call.extension, call.option.name);
    let text = call.text();
    let mut ends = [min, max];
    let mut count = 0;
    let mut lowest = min;
    let mut rest = text;
    loop {
        let Some(end) = ends.get_mut(count) else {
            return Err(
                call.error(format!("{extension}: Too many components for option \"--{option}\" (max: 2)\n"))
            );
        };
        let mut behind = rest;
        if rest.is_empty() || rest.starts_with(':') {
            *end = if count == 1 { max } else { lowest };
        } else {
            let from = text.len() - rest.len();
            let parsed = leading_number(rest).filter(|&(value, _)| (lowest..=max).contains(&value));
            let Some((value, after)) = parsed else {
                return Err(call.error_at(
                    from,
                    text.len(),
                    format!(
                        "{extension}: bad value for option \"--{option}\" near \"{rest}\", or out of range ({lowest}-{max}).\n"
                    ),
                ));
            };
            if !after.is_empty() && !after.starts_with(':') {
                return Err(call.error_at(
                    text.len() - after.len(),
                    text.len(),
                    format!(
                        "{extension}: Argument to \"--{option}\" has unexpected characters near \"{after}\".\n"
                    ),
                ));
            }
            *end = value;
            lowest = value;
            behind = after;
        }
        count += 1;
        match behind.strip_prefix(':') {
            Some(after) => rest = after,
            None => break,
        }
    }
    let [first, last] = ends;
    Ok(Value::Range(first, if count == 1 { first } else { last }))
}

/// A port by number (decimal) or by service name, as `getaddrinfo` resolves it: the protocol does not count.
fn service(text: &str, context: &Context<'_>) -> Option<u16> {
    let digits = text.trim_start();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.parse().ok();
    }
    context.names.service(text, None)
}

fn no_port(call: &OptionCall<'_>, text: &str) -> Error {
    let start = call.text().find(text).unwrap_or(0);
    call.error_at(start, start + text.len(), format!("Port \"{text}\" does not resolve to anything.\n"))
}

fn port_range(call: &OptionCall<'_>, context: &Context<'_>) -> Result<Value, Error> {
    let text = call.text();
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or("");
    let last = parts.next();
    if parts.next().is_some() {
        let (extension, option) = (call.extension, call.option.name);
        return Err(
            call.error(format!("{extension}: Too many components for option \"--{option}\" (max: 2)\n"))
        );
    }
    let first_port =
        if first.is_empty() { 0 } else { service(first, context).ok_or_else(|| no_port(call, first))? };
    let last_port = match last {
        None => first_port,
        Some("") => u16::MAX,
        Some(last) => service(last, context).ok_or_else(|| no_port(call, last))?,
    };
    if first_port > last_port {
        return Err(call.error(format!("Port range {first_port}-{last_port} is negative.\n")));
    }
    Ok(Value::Ports(PortRange { first: first_port, last: last_port }))
}

fn mark(call: &OptionCall<'_>) -> Result<Value, Error> {
    let (extension, option) = (call.extension, call.option.name);
    let bad = || {
        call.error(format!("{extension}: bad integer value for option \"--{option}\", or out of range.\n"))
    };
    let part = |text| {
        let (value, rest) = leading_number(text)?;
        Some((u32::try_from(value).ok()?, rest))
    };
    let (value, rest) = part(call.text()).ok_or_else(bad)?;
    let (mask, rest) = match rest.strip_prefix('/') {
        Some(rest) => part(rest).ok_or_else(bad)?,
        None => (u32::MAX, rest),
    };
    if !rest.is_empty() {
        let from = call.text().len() - rest.len();
        return Err(call.error_at(
            from,
            call.text().len(),
            format!("{extension}: trailing garbage after value for option \"--{option}\".\n"),
        ));
    }
    Ok(Value::Mark { value, mask })
}

/// An address as `getaddrinfo` reads it, or a host with one address.
fn one_address(call: &OptionCall<'_>, text: &str, context: &Context<'_>) -> Result<IpAddr, Error> {
    if let Some(address) = resolver_address(text, context.family) {
        return Ok(address);
    }
    let other = if context.family == Family::V4 { Family::V6 } else { Family::V4 };
    if resolver_address(text, other).is_some() {
        return Err(call.error("getaddrinfo: Address family for hostname not supported\n"));
    }
    match context.names.host(text, context.family).as_slice() {
        [] => Err(call.error("getaddrinfo: Name or service not known\n")),
        [address] => Ok(*address),
        _ => Err(call.error(format!("{text} resolves to more than one address\n"))),
    }
}

fn network(call: &OptionCall<'_>, context: &Context<'_>) -> Result<Value, Error> {
    let (extension, option) = (call.extension, call.option.name);
    let bits = context.family.bits();
    let (host, length) = match call.text().split_once('/') {
        Some((host, length)) => (host, Some(length)),
        None => (call.text(), None),
    };
    let address = one_address(call, host, context)?;
    let Some(length) = length else { return Ok(Value::Network(address, bits)) };
    if let Some(length) = number(length, 0, u64::from(bits)) {
        return Ok(Value::Network(address, u8::try_from(length).unwrap_or(bits)));
    }
    // Linux: a mask that is no prefix counts as a mask of all ones here (measured with 1.8.9: `/255.0.255.0`).
    match resolver_address(length, context.family).and_then(|mask| AddrMask::new(mask, mask)) {
        Some(mask) => Ok(Value::Network(address, mask.prefix_length().unwrap_or(bits))),
        None => Err(call.error(format!(
            "{extension}: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-{bits}).\n"
        ))),
    }
}

/// What [`Kind::PrefixLength`] gives for a mask that is no prefix, as libxtables does: -1 in eight bits.
pub const NO_PREFIX: u64 = 255;

/// A prefix length, or a mask as `getaddrinfo` reads one (`255.255` is 255.0.0.255).
fn prefix_length(call: &OptionCall<'_>, text: &str, context: &Context<'_>) -> Result<u64, Error> {
    let bits = context.family.bits();
    if let Some(length) = number(text, 0, u64::from(bits)) {
        return Ok(length);
    }
    let mask = resolver_address(text, context.family).ok_or_else(|| {
        let (extension, option) = (call.extension, call.option.name);
        call.error(format!(
            "{extension}: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-{bits}).\n"
        ))
    })?;
    let network = AddrMask::new(mask, mask);
    Ok(network.and_then(|network| network.prefix_length()).map_or(NO_PREFIX, u64::from))
}

/// An address in numbers as `getaddrinfo` reads it (`inet_aton`: of fewer than four parts the last one fills the rest,
/// so that `10` is 0.0.0.10, other than in [`literal_address`]).
pub fn resolver_address(text: &str, family: Family) -> Option<IpAddr> {
    if family == Family::V6 {
        return text.parse().ok().map(IpAddr::V6);
    }
    let parts: Vec<&str> = text.split('.').collect();
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut address = 0_u64;
    for (part, shift) in front.iter().zip([24, 16, 8]) {
        address |= number(part, 0, 255)? << shift;
    }
    let largest = u64::from(u32::MAX) >> (8 * front.len());
    address |= number(last, 0, largest)?;
    Some(IpAddr::V4(u32::try_from(address).ok()?.into()))
}

/// A prefix length or a full mask.
pub fn mask(text: &str, family: Family) -> Option<IpAddr> {
    match number(text, 0, u64::from(family.bits())) {
        Some(length) => prefix_mask(u8::try_from(length).ok()?, family),
        // Linux: a mask in dotted form has all its four parts.
        None if family == Family::V4 && text.split('.').count() != 4 => None,
        None => literal_address(text, family),
    }
}

/// The mask of a prefix length; `None` if the length exceeds the family's bits.
pub fn prefix_mask(length: u8, family: Family) -> Option<IpAddr> {
    let ones = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::BROADCAST),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(u128::MAX)),
    };
    AddrMask::prefix(ones, length).map(|network| network.address())
}

/// An address in numbers: for IPv4 one to four parts of which missing ones are zero (`10.1` is 10.1.0.0), each decimal,
/// octal or hexadecimal and at most 255; for IPv6 as `inet_pton`.
pub fn literal_address(text: &str, family: Family) -> Option<IpAddr> {
    match family {
        Family::V6 => text.parse().ok().map(IpAddr::V6),
        Family::V4 => {
            let mut octets = [0_u8; 4];
            for (at, part) in text.split('.').enumerate() {
                *octets.get_mut(at)? = u8::try_from(number(part, 0, 255)?).ok()?;
            }
            Some(IpAddr::from(octets))
        }
    }
}

/// The protocols that iptables knows by itself; of two names for one number the first is printed.
const PROTOCOLS: &[(&str, u8)] = &[
    ("tcp", protocol::TCP),
    ("sctp", protocol::SCTP),
    ("udp", protocol::UDP),
    ("udplite", protocol::UDPLITE),
    ("icmp", protocol::ICMP),
    ("ipv6-icmp", protocol::ICMPV6),
    ("icmpv6", protocol::ICMPV6),
    ("esp", protocol::ESP),
    ("ah", protocol::AH),
    ("mobility-header", protocol::MOBILITY),
    ("ipv6-mh", protocol::MOBILITY),
    ("mh", protocol::MOBILITY),
    ("dccp", protocol::DCCP),
    ("ipcomp", protocol::IPCOMP),
    ("all", 0),
];

/// The name of a protocol that iptables knows by itself; `None` for 0 and others.
pub fn protocol_name(number: u8) -> Option<&'static str> {
    PROTOCOLS.iter().find(|&&(_, own)| own == number && number != 0).map(|&(name, _)| name)
}

/// The names of protocols that iptables knows by itself.
pub fn protocol_names() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().map(|&(name, _)| name)
}

/// A protocol by number (0 to 255) or name, as it is written. 0 is `all`. Linux: `-p` has its value in lower case before.
pub fn protocol_number(text: &str, names: &dyn Names) -> Option<u8> {
    if let Some(number) = number(text, 0, 255) {
        return u8::try_from(number).ok();
    }
    PROTOCOLS
        .iter()
        .find(|&&(name, _)| name == text)
        .map(|&(_, number)| number)
        .or_else(|| names.protocol(text))
}

/// The levels of syslog by name.
const SYSLOG: &[(&str, u64)] = &[
    ("alert", 1),
    ("crit", 2),
    ("debug", 7),
    ("emerg", 0),
    ("error", 3),
    ("info", 6),
    ("notice", 5),
    ("panic", 0),
    ("warning", 4),
];

fn syslog_level(text: &str) -> Option<u64> {
    SYSLOG.iter().find(|&&(name, _)| name == text).map(|&(_, level)| level)
}

/// Six hexadecimal parts of one or two digits.
pub fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut count = 0;
    for part in text.split(':') {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        *bytes.get_mut(count)? = digits.then(|| u8::from_str_radix(part, 16).ok())??;
        count += 1;
    }
    (count == 6).then_some(bytes)
}

#[cfg(test)]
mod tests;

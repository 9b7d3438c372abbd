//! Words for the value of an option, by its [`Kind`]: in range, at the ends, beyond, and what is no value at all.
use packet::Family;
use rules::syntax::value::Kind;

use super::corpus::Seen;
use crate::generate::Choice;

/// What is rarely a value of anything.
const NASTY: &[&str] = &[
    "",
    "0",
    "1",
    "x",
    "-1",
    "-",
    ",",
    ":",
    "/",
    "65535",
    "65536",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "0x",
    "0x10",
    "010",
    "1:2",
    "2:1",
    "1:",
    ":1",
    "1:2:3",
    "1/2",
    "1/",
    "a,b",
    "1,,2",
    "!",
    " 1",
    "1 ",
    "1x",
    "+1",
    "any",
    "all",
    "ffff",
    "1.5",
    "99999999999999999999",
    "\"",
    "a b",
    "%s",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// A word that is rarely a value.
pub fn nasty(choice: &mut Choice) -> String {
    choice.of(NASTY).to_owned()
}

/// A number of a kind's limits: most inside, some at and beyond the ends, some written in other ways.
fn number(choice: &mut Choice, min: u64, max: u64) -> String {
    let small = |choice: &mut Choice| min.saturating_add(choice.below(40) as u64).min(max);
    match choice.below(20) {
        0 | 1 => min.to_string(),
        2 | 3 => max.to_string(),
        4 => max.saturating_add(1).to_string(),
        5 => min.saturating_sub(1).to_string(),
        6 => format!("{:#x}", small(choice)),
        7 => format!("0{:o}", small(choice)),
        8..=10 => {
            let width = u64::BITS - max.leading_zeros();
            let bits = choice.below(width as usize + 1) as u32;
            let value = 1_u64.checked_shl(bits).unwrap_or(u64::MAX);
            value.saturating_sub(choice.below(2) as u64).clamp(min, max).to_string()
        }
        _ => small(choice).to_string(),
    }
}

/// An address of a family in one of its ways to be written.
pub fn address(choice: &mut Choice, family: Family) -> String {
    match family {
        Family::V4 => choice
            .of(&[
                "10.0.0.1",
                "192.0.2.7",
                "127.0.0.1",
                "0.0.0.0",
                "255.255.255.255",
                "224.0.0.1",
                "10",
                "10.1",
                "1.2.3",
                "010.0.0.1",
                "0x0a.1.2.3",
                "10.0.0.256",
                "1.2.3.4.5",
                "::1",
                "any",
                "no-such-host.invalid",
                "",
            ])
            .to_owned(),
        Family::V6 => choice
            .of(&[
                "2001:db8::1",
                "::1",
                "::",
                "fe80::1",
                "ff02::1",
                "2001:DB8:0:0:0:0:0:9",
                "::ffff:10.0.0.1",
                "1.2.3.4",
                "2001:db8::g",
                "any",
                "no-such-host.invalid",
                "",
            ])
            .to_owned(),
    }
}

/// A mask or prefix length.
pub fn mask(choice: &mut Choice, family: Family) -> String {
    match family {
        Family::V4 => choice
            .of(&[
                "8",
                "24",
                "32",
                "0",
                "33",
                "255.255.0.0",
                "255.0.255.0",
                "255.255.255.255",
                "0.0.0.0",
                "x",
                "-1",
                "016",
                "24x",
                "",
            ])
            .to_owned(),
        Family::V6 => choice
            .of(&[
                "64",
                "128",
                "0",
                "129",
                "48",
                "ffff::",
                "ffff:0:ffff::",
                "ffff:ffff:ffff:ffff::",
                "x",
                "-1",
                "",
            ])
            .to_owned(),
    }
}

/// An address, often with a mask.
pub fn network(choice: &mut Choice, family: Family) -> String {
    let address = address(choice, family);
    if choice.percent(55) { format!("{address}/{}", mask(choice, family)) } else { address }
}

/// A port or service.
fn port(choice: &mut Choice) -> String {
    match choice.below(8) {
        0 => choice.of(&["ssh", "http", "domain", "tftp", "echo", "no-such-service"]).to_owned(),
        _ => number(choice, 0, 65_535),
    }
}

/// Two ends, one of which may be missing.
fn range(choice: &mut Choice, mut end: impl FnMut(&mut Choice) -> String) -> String {
    match choice.below(8) {
        0 => format!("{}:", end(choice)),
        1 => format!(":{}", end(choice)),
        2..=4 => {
            let (first, last) = (end(choice), end(choice));
            // In order more often than not.
            match (first.parse::<u64>(), last.parse::<u64>()) {
                (Ok(a), Ok(b)) if a > b && choice.percent(85) => format!("{last}:{first}"),
                _ => format!("{first}:{last}"),
            }
        }
        5 if choice.percent(20) => ":".to_owned(),
        _ => end(choice),
    }
}

fn mark(choice: &mut Choice) -> String {
    let value = number(choice, 0, 0xffff_ffff);
    match choice.below(3) {
        0 => value,
        1 => format!("{value}/{}", number(choice, 0, 0xffff_ffff)),
        _ => format!("{:#x}/{:#x}", choice.below(0x1_0000), choice.below(0x1_0000)),
    }
}

/// The words behind an option of a kind; `seen` are those that fixtures have.
pub fn value(choice: &mut Choice, kind: Kind, family: Family, seen: &Seen) -> Vec<String> {
    if kind == Kind::Flag {
        return if choice.percent(2) { vec![nasty(choice)] } else { Vec::new() };
    }
    if choice.percent(4) {
        return (0..kind.arity()).map(|_| nasty(choice)).collect();
    }
    if choice.percent(1) {
        return Vec::new();
    }
    let known = matches!(kind, Kind::Word | Kind::TwoWords | Kind::Text { .. }) || choice.percent(25);
    if known {
        let list = if seen.good.is_empty() || choice.percent(12) { &seen.bad } else { &seen.good };
        if !list.is_empty() {
            return list[choice.below(list.len())].clone();
        }
    }
    let one = match kind {
        Kind::Flag | Kind::Word | Kind::TwoWords => {
            return (0..kind.arity()).map(|_| nasty(choice)).collect();
        }
        Kind::Text { min, max, cut } => {
            let ends = [min, max, max + 1, cut, cut + 1, 5];
            let length = choice.of(&ends);
            let letter = choice.of(&["a", "Z", "-", " ", "\"", "'", "\\", "é"]);
            letter.repeat(length.min(300) / letter.len().max(1))
        }
        Kind::Number { min, max } => number(choice, min, max),
        Kind::NumberRange { min, max } => range(choice, |choice| number(choice, min, max)),
        Kind::Port => port(choice),
        Kind::PortRange => range(choice, port),
        Kind::Mark => mark(choice),
        Kind::Address => address(choice, family),
        Kind::Network => network(choice, family),
        Kind::Protocol => {
            choice.of(&["tcp", "udp", "6", "0", "255", "256", "icmp", "gre", "TCP", "nope", "all"]).to_owned()
        }
        Kind::SyslogLevel => choice
            .of(&["debug", "0", "7", "8", "warn", "warning", "Info", "emerg", "panic", "error"])
            .to_owned(),
        Kind::Mac => choice
            .of(&[
                "02:00:00:00:00:01",
                "2:0:0:0:0:a",
                "FF:ff:FF:ff:FF:ff",
                "02:00:00:00:00",
                "02:00:00:00:00:0g",
                "02-00-00-00-00-01",
            ])
            .to_owned(),
        Kind::Float { min, max } => {
            choice.of(&["0", "1", "0.5", "0.333", "1e-1", ".5", "5.", "x"]).to_owned()
                + if max > 1.0 && min < 1.0 { "0" } else { "" }
        }
        // `Mask`, `PrefixLength`, and kinds that come later.
        _ => mask(choice, family),
    };
    vec![one]
}

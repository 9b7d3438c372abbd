//! ICMP types (`-m icmp`).
use std::borrow::Cow;

use packet::protocol;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, Listing, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, leading_number};

/// `-m icmp --icmp-type`, needs `-p icmp`; also the payload of `-m icmp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The type; 255 with codes 0 to 255 is "any" in IPv4.
    pub kind: u8,
    /// Smallest and largest code.
    pub codes: (u8, u8),
}

/// A name of a type, or of a type with one code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) name: &'static str,
    pub(super) kind: u8,
    /// `None`: every code.
    pub(super) code: Option<u8>,
    /// Whether it is another name of the entry before it.
    pub(super) alias: bool,
}

/// A name of a type with all its codes.
pub(super) const fn kind(name: &'static str, kind: u8) -> Name {
    Name { name, kind, code: None, alias: false }
}

/// Another name of the type before it.
pub(super) const fn alias(name: &'static str, kind: u8) -> Name {
    Name { name, kind, code: None, alias: true }
}

/// A name of one code.
pub(super) const fn code(name: &'static str, kind: u8, code: u8) -> Name {
    Name { name, kind, code: Some(code), alias: false }
}

const NAMES: &[Name] = &[
    kind("any", 255),
    kind("echo-reply", 0),
    alias("pong", 0),
    kind("destination-unreachable", 3),
    code("network-unreachable", 3, 0),
    code("host-unreachable", 3, 1),
    code("protocol-unreachable", 3, 2),
    code("port-unreachable", 3, 3),
    code("fragmentation-needed", 3, 4),
    code("source-route-failed", 3, 5),
    code("network-unknown", 3, 6),
    code("host-unknown", 3, 7),
    code("network-prohibited", 3, 9),
    code("host-prohibited", 3, 10),
    code("TOS-network-unreachable", 3, 11),
    code("TOS-host-unreachable", 3, 12),
    code("communication-prohibited", 3, 13),
    code("host-precedence-violation", 3, 14),
    code("precedence-cutoff", 3, 15),
    kind("source-quench", 4),
    kind("redirect", 5),
    code("network-redirect", 5, 0),
    code("host-redirect", 5, 1),
    code("TOS-network-redirect", 5, 2),
    code("TOS-host-redirect", 5, 3),
    kind("echo-request", 8),
    alias("ping", 8),
    kind("router-advertisement", 9),
    kind("router-solicitation", 10),
    kind("time-exceeded", 11),
    alias("ttl-exceeded", 11),
    code("ttl-zero-during-transit", 11, 0),
    code("ttl-zero-during-reassembly", 11, 1),
    kind("parameter-problem", 12),
    code("ip-header-bad", 12, 0),
    code("required-option-missing", 12, 1),
    kind("timestamp-request", 13),
    kind("timestamp-reply", 14),
    kind("info-request", 15),
    kind("info-reply", 16),
    kind("address-mask-request", 17),
    kind("address-mask-reply", 18),
];

/// `-m icmp` in the language.
pub const EXTENSION: Extension<Icmp> = Extension {
    spec: Spec {
        name: "icmp",
        aliases: &[],
        families: Families::V4,
        options: &[OptionSpec::new("icmp-type", Kind::Word).invertible().mandatory()],
        place: Place::protocol(protocol::ICMP),
        help: |_| {
            let mut text = String::from(
                "icmp match options:\n\
                 [!] --icmp-type typename\tmatch icmp type\n\
                 [!] --icmp-type type[/code]\t(or numeric type or type/code)\n\
                 Valid ICMP Types:",
            );
            push_names(&mut text, NAMES);
            Cow::Owned(text)
        },
    },
    start: |_| Icmp::ANY,
    parse: |icmp, call, _| {
        *icmp = parse_type(call, "ICMP", NAMES)?;
        Ok(())
    },
    finish: finish_nothing,
    save: |icmp, out| {
        push_not(out, icmp.invert);
        out.push_str(" --icmp-type ");
        if (icmp.kind, icmp.codes) == (255, (0, 255)) {
            out.push_str("any");
        } else {
            icmp.push_saved(out);
        }
    },
    list: |icmp, out, listing: &Listing<'_>| {
        out.push_str(" icmp");
        icmp.push_listed(out, listing.numeric, NAMES);
    },
    check: check_nothing,
};

/// Reads a type: a name or the start of exactly one, else `type[/code[:code]]`. `what` is `ICMP` or `ICMPv6`.
pub(super) fn parse_type(call: &OptionCall<'_>, what: &str, names: &[Name]) -> Result<Icmp, Error> {
    let text = call.text();
    let invert = call.invert;
    let fits = |name: &&Name| name.name.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text));
    let mut found = names.iter().filter(fits);
    if let Some(first) = found.next() {
        if let Some(second) = found.next() {
            return Err(
                call.error(format!("Ambiguous {what} type `{text}': `{}' or `{}'?", first.name, second.name))
            );
        }
        return Ok(Icmp {
            invert,
            kind: first.kind,
            codes: first.code.map_or((0, 255), |code| (code, code)),
        });
    }
    let unknown = |part: &str| {
        call.error(format!("Unknown {what} {part} `{text}'"))
            .suggest(text, names.iter().map(|name| name.name))
    };
    let (kind, rest) = bounds(text).ok_or_else(|| unknown("type"))?;
    let (codes, rest) = match rest.strip_prefix('/') {
        None => ((0, 255), rest),
        Some(codes) => bounds(codes).ok_or_else(|| unknown("code"))?,
    };
    match rest.chars().next() {
        Some(character) => Err(call.error(format!("unknown character {character}"))),
        None if kind.0 != kind.1 => Err(call.error(format!("{what} type range not supported"))),
        None => Ok(Icmp { invert, kind: kind.0, codes }),
    }
}

/// `a` or `a:b`, each 0 to 255, and what stands behind.
fn bounds(text: &str) -> Option<((u8, u8), &str)> {
    let byte = |text| {
        let (value, rest) = leading_number(text)?;
        Some((u8::try_from(value).ok()?, rest))
    };
    let (first, rest) = byte(text)?;
    match rest.strip_prefix(':') {
        None => Some(((first, first), rest)),
        Some(rest) => byte(rest).map(|(last, rest)| ((first, last), rest)),
    }
}

impl Icmp {
    /// Before any option; `any` in IPv4.
    pub(super) const ANY: Icmp = Icmp { invert: false, kind: 255, codes: (0, 255) };

    /// `8`, `3/1`, `3/1:2`.
    pub(super) fn push_saved(&self, out: &mut String) {
        put!(out, "{}", self.kind);
        let (first, last) = self.codes;
        if (first, last) != (0, 255) {
            put!(out, "/{first}");
            if first != last {
                // Why: iptables prints the first code alone, so that a saved range comes back as one code.
                put!(out, ":{last}");
            }
        }
    }

    /// ` echo-request`, or `type 8 code 0` without a blank in front.
    pub(super) fn push_listed(&self, out: &mut String, numeric: bool, names: &[Name]) {
        let (first, last) = self.codes;
        if !numeric {
            let same = |name: &&Name| {
                name.kind == self.kind && name.code.map_or((0, 255), |code| (code, code)) == self.codes
            };
            if let Some(name) = names.iter().find(same) {
                put!(out, " {}{}", if self.invert { "!" } else { "" }, name.name);
                return;
            }
        }
        push_not(out, self.invert);
        put!(out, "type {}", self.kind);
        if first == last {
            put!(out, " code {first}");
        } else if (first, last) != (0, 255) {
            put!(out, " codes {first}-{last}");
        }
    }
}

/// The list of names at the end of the help text.
pub(super) fn push_names(out: &mut String, names: &[Name]) {
    for name in names {
        if name.alias {
            put!(out, " ({})", name.name);
        } else {
            put!(out, "\n{}{}", if name.code.is_some() { "   " } else { "" }, name.name);
        }
    }
    out.push('\n');
}

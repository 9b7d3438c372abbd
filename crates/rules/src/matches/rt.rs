//! IPv6's routing header (`-m rt`).
use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use super::extension_header::{self as header, Length};
use super::range::{NumberRange, condition, push_listed, push_saved};
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::{push_address, push_not};
use crate::syntax::value::Kind;
use crate::{Negatable, put};

/// `-m rt` (Linux: `struct ip6t_rt`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rt {
    /// `--rt-type`.
    pub kind: Option<Negatable<u32>>,
    /// `--rt-segsleft`: segments left; every number, not inverted, is left out.
    pub segments_left: Option<Negatable<NumberRange<u32>>>,
    /// `--rt-len`: the length of the whole header in bytes.
    pub length: Option<Length>,
    /// `--rt-0-res`: the reserved field is 0. Only with type 0.
    pub reserved: bool,
    /// `--rt-0-addrs`: at most 16. Only with type 0. Empty: any.
    pub addresses: Box<[Ipv6Addr]>,
    /// `--rt-0-not-strict`: the addresses stand in the header in this order, with others between them. Without it, the
    /// header has these and no others.
    pub not_strict: bool,
}

/// The most addresses of a list (`IP6T_RT_HOPS`).
pub const MOST: usize = 16;

/// `-m rt` in the language.
pub const EXTENSION: Extension<Rt> = Extension {
    spec: Spec {
        name: "rt",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("rt-type", Kind::U32).invertible(),
            OptionSpec::new("rt-segsleft", Kind::U32_RANGE).invertible(),
            OptionSpec::new("rt-len", Kind::U32).invertible(),
            OptionSpec::new("rt-0-res", Kind::Flag),
            OptionSpec::new("rt-0-addrs", Kind::Word),
            OptionSpec::new("rt-0-not-strict", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Rt::default(),
    parse: parse_option,
    finish: finish_nothing,
    save: |rt, out| {
        if let Some(kind) = rt.kind {
            push_not(out, kind.invert);
            put!(out, " --rt-type {}", kind.value);
        }
        if let Some(segments) = rt.segments_left {
            push_saved(out, "rt-segsleft", segments);
        }
        header::push_saved(out, "rt-len", rt.length);
        rt.push_end(out, "--rt-", "--rt-0-res");
    },
    list: |rt, out, _| {
        out.push_str(" rt");
        if let Some(kind) = rt.kind {
            // Linux: printed with %d.
            put!(out, " type:{}{}", if kind.invert { "!" } else { "" }, kind.value.cast_signed());
        }
        if let Some(segments) = rt.segments_left {
            push_listed(out, " segsleft", segments);
        }
        header::push_listed(out, rt.length);
        rt.push_end(out, "", "reserved");
    },
    check: check_nothing,
};

fn parse_option(rt: &mut Rt, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let type_0 = rt.kind == Some(Negatable { invert: false, value: 0 });
    match call.name {
        "rt-type" => rt.kind = Some(Negatable { invert: call.invert, value: call.value.number_u32() }),
        "rt-segsleft" => {
            rt.segments_left = NumberRange::read(&call.value).and_then(|range| condition(range, call.invert));
        }
        "rt-len" => rt.length = header::length(call),
        "rt-0-res" | "rt-0-addrs" if !type_0 => {
            return Err(call.error(format!("`--rt-type 0' required before `--{}'", call.name)));
        }
        "rt-0-res" => rt.reserved = true,
        "rt-0-addrs" => rt.addresses = addresses(call)?,
        _ if rt.addresses.is_empty() => {
            return Err(call.error("`--rt-0-addr ...' required before `--rt-0-not-strict'"));
        }
        _ => rt.not_strict = true,
    }
    Ok(())
}

/// Addresses in numbers, with commas between.
fn addresses(call: &OptionCall<'_>) -> Result<Box<[Ipv6Addr]>, Error> {
    let mut addresses = Vec::new();
    let mut start = 0;
    for part in call.text().split(',') {
        if addresses.len() == MOST {
            return Err(call.error_at(start, call.text().len(), "too many addresses specified"));
        }
        let bad = |_| call.error_at(start, start + part.len(), format!("bad address: {part}"));
        addresses.push(part.parse().map_err(bad)?);
        start += part.len() + 1;
    }
    Ok(addresses.into())
}

impl Rt {
    fn push_end(&self, out: &mut String, dashes: &str, reserved: &str) {
        if self.reserved {
            put!(out, " {reserved}");
        }
        if !self.addresses.is_empty() {
            put!(out, " {dashes}0-addrs");
        }
        for (at, &address) in self.addresses.iter().enumerate() {
            out.push(if at == 0 { ' ' } else { ',' });
            push_address(out, IpAddr::V6(address));
        }
        if self.not_strict {
            put!(out, " {dashes}0-not-strict");
        }
    }
}

const HELP: &str = "rt match options:
[!] --rt-type type             match the type
[!] --rt-segsleft num[:num]    match the Segments Left field (range)
[!] --rt-len length            total length of this header
 --rt-0-res                    check the reserved field too (type 0)
 --rt-0-addrs ADDR[,ADDR...]   Type=0 addresses (list, max: 16)
 --rt-0-not-strict             List of Type=0 addresses not a strict list
";

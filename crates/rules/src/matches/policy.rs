//! What IPsec has done, or will do, to a packet (`-m policy`).
use std::borrow::Cow;

use packet::protocol;

use super::conntrack::HostMask;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, Listing, OptionCall, OptionSpec, Place, Refusal, Repeat, Site, Spec,
};
use crate::syntax::text::{push_address, push_not};
use crate::syntax::value::{Kind, Value};
use crate::{Hook, Negatable, put};

/// `-m policy` (Linux: `struct xt_policy_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `--dir`.
    pub direction: Direction,
    /// `--pol none`: no policy at all; then there are no elements. Without it, `--pol ipsec`.
    pub none: bool,
    /// `--strict`: the whole policy is what the elements say, in their order. Without it, the one element fits somewhere.
    pub strict: bool,
    /// The elements, parted by `--next`: 1 to 4, none with `--pol none`.
    pub elements: Vec<Element>,
}

/// `--dir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The policy by which the packet was unwrapped. Not where OUTPUT or POSTROUTING lead.
    In,
    /// The policy by which it will be wrapped. Not where PREROUTING or INPUT lead.
    Out,
}

/// What one transformation has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// `--reqid`.
    pub request: Option<Negatable<u32>>,
    /// `--spi`.
    pub spi: Option<Negatable<u32>>,
    /// `--proto`: ESP, AH or IPComp.
    pub protocol: Option<Negatable<u8>>,
    /// `--mode`.
    pub mode: Option<Negatable<Mode>>,
    /// `--tunnel-dst`; only in tunnel mode.
    pub tunnel_destination: Option<Negatable<HostMask>>,
    /// `--tunnel-src`; only in tunnel mode.
    pub tunnel_source: Option<Negatable<HostMask>>,
}

/// `--mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The packet's payload is wrapped.
    Transport,
    /// The whole packet is wrapped.
    Tunnel,
}

/// The most elements (`XT_POLICY_MAX_ELEM`).
pub const MOST: usize = 4;

/// `-m policy` in the language.
pub const EXTENSION: Extension<Policy> = Extension {
    spec: Spec {
        name: "policy",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("dir", Kind::Word),
            OptionSpec::new("pol", Kind::Word),
            OptionSpec::new("strict", Kind::Flag),
            OptionSpec::new("reqid", Kind::U32).invertible().repeat(Repeat::Allowed),
            OptionSpec::new("spi", Kind::U32).invertible().repeat(Repeat::Allowed),
            OptionSpec::new("tunnel-src", Kind::Network).invertible().repeat(Repeat::Allowed),
            OptionSpec::new("tunnel-dst", Kind::Network).invertible().repeat(Repeat::Allowed),
            OptionSpec::new("proto", Kind::Protocol).invertible().repeat(Repeat::Allowed),
            OptionSpec::new("mode", Kind::Word).invertible().repeat(Repeat::Allowed),
            OptionSpec::new("next", Kind::Flag).repeat(Repeat::Allowed).needs(&["strict"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Policy {
        direction: Direction::In,
        none: false,
        strict: false,
        elements: vec![Element::default()],
    },
    parse: parse_option,
    finish,
    save: |policy, out| {
        policy.push_flags(out, "--");
        for (at, element) in policy.elements.iter().enumerate() {
            if at > 0 {
                out.push_str(" --next");
            }
            element.push(out, "--", false);
        }
    },
    list: |policy, out, listing: &Listing<'_>| {
        out.push_str(" policy match");
        policy.push_flags(out, "");
        for (at, element) in policy.elements.iter().enumerate() {
            if policy.elements.len() > 1 {
                put!(out, " [{at}]");
            }
            element.push(out, "", listing.numeric);
        }
    },
    check,
};

fn parse_option(policy: &mut Policy, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let invert = call.invert;
    match (call.name, call.text()) {
        ("dir", "in") => policy.direction = Direction::In,
        ("dir", "out") => policy.direction = Direction::Out,
        ("dir", text) => {
            let words = format!("policy_match: invalid dir \"{text}\"");
            return Err(call.error(words).suggest(text, ["in", "out"]));
        }
        ("pol", "none") => policy.none = true,
        ("pol", "ipsec") => policy.none = false,
        ("pol", text) => {
            let words = format!("policy match: invalid policy \"{text}\"");
            return Err(call.error(words).suggest(text, ["none", "ipsec"]));
        }
        ("strict", _) => policy.strict = true,
        ("next", _) if policy.elements.len() == MOST => {
            return Err(call.error("policy match: maximum policy depth reached"));
        }
        ("next", _) => policy.elements.push(Element::default()),
        _ => {
            let Some(element) = policy.elements.last_mut() else { return Ok(()) };
            let host = match call.value {
                Value::Network(address, length) => {
                    Some(Negatable { invert, value: HostMask { address, length } })
                }
                _ => None,
            };
            let number = Some(Negatable { invert, value: call.value.number_u32() });
            match call.name {
                "reqid" => set(&mut element.request, number, call)?,
                "spi" => set(&mut element.spi, number, call)?,
                "tunnel-src" => set(&mut element.tunnel_source, host, call)?,
                "tunnel-dst" => set(&mut element.tunnel_destination, host, call)?,
                "proto" => {
                    let value = call.value.number_u8();
                    if element.protocol.is_none()
                        && !matches!(value, protocol::AH | protocol::ESP | protocol::IPCOMP)
                    {
                        return Err(call.error("policy match: protocol must be ah/esp/ipcomp"));
                    }
                    set(&mut element.protocol, Some(Negatable { invert, value }), call)?;
                }
                _ if element.mode.is_some() => return Err(double(call)),
                _ => element.mode = Some(Negatable { invert, value: mode(call)? }),
            }
        }
    }
    Ok(())
}

fn set<T>(place: &mut Option<T>, value: Option<T>, call: &OptionCall<'_>) -> Result<(), Error> {
    if place.is_some() {
        return Err(double(call));
    }
    *place = value;
    Ok(())
}

fn double(call: &OptionCall<'_>) -> Error {
    call.error(format!("policy match: double --{} option", call.name))
}

fn mode(call: &OptionCall<'_>) -> Result<Mode, Error> {
    match call.text() {
        "transport" => Ok(Mode::Transport),
        "tunnel" => Ok(Mode::Tunnel),
        text => Err(call
            .error(format!("policy match: invalid mode \"{text}\""))
            .suggest(text, ["transport", "tunnel"])),
    }
}

fn finish(policy: &mut Policy, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    if !calls.has(&EXTENSION.spec, "dir") {
        return Err(calls.error("policy match: neither --dir in nor --dir out specified"));
    }
    if policy.none {
        if policy.strict {
            return Err(calls.error("policy match: policy none but --strict given"));
        }
        if policy.elements.len() > 1 {
            return Err(calls.error("policy match: policy none but policy given"));
        }
        policy.elements.clear();
    }
    for (at, element) in policy.elements.iter().enumerate() {
        if policy.strict && *element == Element::default() {
            return Err(calls.error(format!(
                "policy match: empty policy element {at}. --strict is in effect, but at least one of reqid, spi, \
                 tunnel-src, tunnel-dst, proto or mode is required."
            )));
        }
        // Linux: without `--mode` the mode is the number 0, which is that of transport.
        let transport = match element.mode {
            Some(mode) => (mode.value == Mode::Transport) != mode.invert,
            None => true,
        };
        if transport && (element.tunnel_source.is_some() || element.tunnel_destination.is_some()) {
            return Err(calls.error("policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode"));
        }
    }
    Ok(())
}

impl Policy {
    fn push_flags(&self, out: &mut String, dashes: &str) {
        let direction = if self.direction == Direction::In { "in" } else { "out" };
        let policy = if self.none { "none" } else { "ipsec" };
        put!(out, " {dashes}dir {direction} {dashes}pol {policy}");
        if self.strict {
            put!(out, " {dashes}strict");
        }
    }
}

impl Element {
    fn push(&self, out: &mut String, dashes: &str, numeric: bool) {
        if let Some(request) = self.request {
            push_not(out, request.invert);
            put!(out, " {dashes}reqid {}", request.value);
        }
        if let Some(spi) = self.spi {
            push_not(out, spi.invert);
            put!(out, " {dashes}spi 0x{:x}", spi.value);
        }
        if let Some(own) = self.protocol {
            push_not(out, own.invert);
            match own.value {
                protocol::ESP if !numeric => put!(out, " {dashes}proto esp"),
                protocol::AH if !numeric => put!(out, " {dashes}proto ah"),
                protocol::IPCOMP if !numeric => put!(out, " {dashes}proto ipcomp"),
                number => put!(out, " {dashes}proto {number}"),
            }
        }
        if let Some(mode) = self.mode {
            push_not(out, mode.invert);
            let name = if mode.value == Mode::Tunnel { "tunnel" } else { "transport" };
            put!(out, " {dashes}mode {name}");
        }
        let ends = [("tunnel-dst", self.tunnel_destination), ("tunnel-src", self.tunnel_source)];
        for (name, end) in ends {
            let Some(end) = end else { continue };
            push_not(out, end.invert);
            put!(out, " {dashes}{name} ");
            push_address(out, end.value.address);
            if end.value.length < packet::Family::of(end.value.address).bits() {
                put!(out, "/{}", end.value.length);
            }
        }
    }
}

/// Linux: `policy_mt_check` in xt_policy.c.
fn check(policy: &Policy, site: &Site<'_>) -> Result<(), Refusal> {
    let (option, hooks) = match policy.direction {
        Direction::In => ("--dir in", [Hook::Output, Hook::Postrouting]),
        Direction::Out => ("--dir out", [Hook::Prerouting, Hook::Input]),
    };
    match hooks.into_iter().find(|&hook| site.hooks.has(hook)) {
        Some(hook) => Err(Refusal::invalid(format!("`{option}' cannot be used where {hook} leads to it"))),
        None => Ok(()),
    }
}

const HELP: &str = "policy match options:
  --dir in|out\t\t\tmatch policy applied during decapsulation/
\t\t\t\tpolicy to be applied during encapsulation
  --pol none|ipsec\t\tmatch policy
  --strict \t\t\tmatch entire policy instead of single element
\t\t\t\tat any position
These options may be used repeatedly, to describe policy elements:
[!] --reqid reqid\t\tmatch reqid
[!] --spi spi\t\t\tmatch SPI
[!] --proto proto\t\tmatch protocol (ah/esp/ipcomp)
[!] --mode mode \t\tmatch mode (transport/tunnel)
[!] --tunnel-src addr/mask\tmatch tunnel source
[!] --tunnel-dst addr/mask\tmatch tunnel destination
  --next \t\t\tbegin next element in policy
";

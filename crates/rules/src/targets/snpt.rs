//! Another network for the source, the same checksum (`-j SNPT`, RFC 6296), and what it shares with `-j DNPT`.
use std::borrow::Cow;
use std::net::IpAddr;

use packet::AddrMask;

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::text::push_address;
use crate::syntax::value::{Kind, Value};
use crate::{Hook, Table, put};

/// `-j SNPT`, `-j DNPT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Npt {
    /// `--src-pfx`.
    pub source: Prefix,
    /// `--dst-pfx`.
    pub destination: Prefix,
}

/// A network: its address and how many bits of that count, at most 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The address; bits behind the length are 0.
    pub address: IpAddr,
    /// The length in bits.
    pub length: u8,
}

/// `-j SNPT` in the language.
pub const EXTENSION: Extension<Npt> = Extension {
    spec: Spec {
        name: "SNPT",
        aliases: &[],
        families: Families::V6,
        options: OPTIONS,
        place: Place { tables: &[Table::Mangle], hooks: &[Hook::Input, Hook::Postrouting], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| START,
    parse: parse_option,
    finish: finish_nothing,
    save: |own, out| own.push(out, "--"),
    list: |own, out, _| {
        out.push_str(" SNPT");
        own.push(out, "");
    },
    check,
};

/// The options of both targets.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("src-pfx", Kind::Network).mandatory(),
    OptionSpec::new("dst-pfx", Kind::Network).mandatory(),
];

/// Nothing to nothing.
pub(super) const START: Npt = {
    let none = Prefix { address: IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), length: 0 };
    Npt { source: none, destination: none }
};

pub(super) fn parse_option(own: &mut Npt, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    if let Value::Network(address, length) = call.value {
        let prefix = if call.name == "src-pfx" { &mut own.source } else { &mut own.destination };
        *prefix = Prefix { address, length };
    }
    Ok(())
}

/// Linux: `ip6t_npt_checkentry` in ip6t_NPT.c.
pub(super) fn check(own: &Npt, _: &Site<'_>) -> Result<(), Refusal> {
    for prefix in [own.source, own.destination] {
        if prefix.length > 64 {
            return Err(Refusal::invalid("a prefix has at most 64 bits"));
        }
        let network = AddrMask::prefix(prefix.address, prefix.length);
        if network.is_none_or(|network| network.address() != prefix.address) {
            return Err(Refusal::invalid("bits behind the length of a prefix must be 0"));
        }
    }
    Ok(())
}

impl Npt {
    pub(super) fn push(&self, out: &mut String, dashes: &str) {
        for (name, prefix) in [("src-pfx", self.source), ("dst-pfx", self.destination)] {
            put!(out, " {dashes}{name} ");
            push_address(out, prefix.address);
            put!(out, "/{}", prefix.length);
        }
    }
}

const HELP: &str = "SNPT target options:
 --src-pfx prefix/length
 --dst-pfx prefix/length

";

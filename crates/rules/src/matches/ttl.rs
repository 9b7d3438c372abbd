//! The time to live of IPv4 (`-m ttl`), and what `-m hl` shares with it.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::value::Kind;

/// `-m ttl`, and the payload of `-m hl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// How the packet's value is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: u8,
}

/// A comparison of the packet's value with that of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `--ttl-eq`.
    Equal,
    /// `! --ttl-eq`.
    NotEqual,
    /// `--ttl-lt`: the packet's value is smaller.
    Less,
    /// `--ttl-gt`: the packet's value is larger.
    Greater,
}

/// `-m ttl` in the language.
pub const EXTENSION: Extension<Ttl> = Extension {
    spec: Spec {
        name: "ttl",
        aliases: &[],
        families: Families::V4,
        options: &[
            OptionSpec::new("ttl-lt", Kind::U8).excludes(&["ttl-eq", "ttl-gt"]),
            OptionSpec::new("ttl-gt", Kind::U8).excludes(&["ttl-eq", "ttl-lt"]),
            OptionSpec::new("ttl-eq", Kind::U8)
                .aliases(&["ttl"])
                .invertible()
                .excludes(&["ttl-lt", "ttl-gt"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ttl::START,
    parse: |ttl, call, _| {
        ttl.read(call);
        Ok(())
    },
    finish: |_, calls, _| {
        finish(calls, "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt")
    },
    save: |ttl, out| ttl.push_saved(out, "ttl"),
    list: |ttl, out, _| ttl.push_listed(out, "TTL"),
    check: check_nothing,
};

/// One of the three options must be there.
pub(super) fn finish(calls: &Calls, message: &'static str) -> Result<(), Error> {
    if calls.is_empty() { Err(calls.error(message)) } else { Ok(()) }
}

impl Ttl {
    /// Before any option.
    pub(super) const START: Ttl = Ttl { comparison: Comparison::Equal, value: 0 };

    /// Reads one of the three options, which end alike in both extensions.
    pub(super) fn read(&mut self, call: &OptionCall<'_>) {
        self.value = call.value.number_u8();
        self.comparison = match call.name.get(call.name.len().saturating_sub(2)..) {
            Some("lt") => Comparison::Less,
            Some("gt") => Comparison::Greater,
            _ if call.invert => Comparison::NotEqual,
            _ => Comparison::Equal,
        };
    }

    /// ` ! --ttl-eq 64`; `name` is `ttl` or `hl`.
    pub(super) fn push_saved(&self, out: &mut String, name: &str) {
        let (not, how) = match self.comparison {
            Comparison::Equal => ("", "eq"),
            Comparison::NotEqual => (" !", "eq"),
            Comparison::Less => ("", "lt"),
            Comparison::Greater => ("", "gt"),
        };
        put!(out, "{not} --{name}-{how} {}", self.value);
    }

    /// ` TTL match TTL != 64`; `name` is `TTL` or `HL`.
    pub(super) fn push_listed(&self, out: &mut String, name: &str) {
        let sign = match self.comparison {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::Greater => ">",
        };
        put!(out, " {name} match {name} {sign} {}", self.value);
    }
}

const HELP: &str = "ttl match options:
[!] --ttl-eq value\tMatch time to live value
  --ttl-lt value\tMatch TTL < value
  --ttl-gt value\tMatch TTL > value
";

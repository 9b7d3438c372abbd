//! The time to live of IPv4 (`-j TTL`), and what it has in common with the hop limit of IPv6 (`-j HL`).
use std::borrow::Cow;

use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::value::Kind;
use crate::{Table, put};

/// `-j TTL`, `-j HL` (F11): a result below 0 is 0, one above 255 is 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopChange {
    /// `--ttl-set`, `--hl-set`.
    Set(u8),
    /// `--ttl-dec`, `--hl-dec`: by 1 or more.
    Decrement(u8),
    /// `--ttl-inc`, `--hl-inc`: by 1 or more.
    Increment(u8),
}

/// `-j TTL` in the language.
pub const EXTENSION: Extension<HopChange> = Extension {
    spec: Spec {
        name: "TTL",
        aliases: &[],
        families: Families::V4,
        options: &[
            OptionSpec::new("ttl-set", Kind::U8).excludes(ALL),
            OptionSpec::new("ttl-dec", AT_LEAST_1).excludes(ALL),
            OptionSpec::new("ttl-inc", AT_LEAST_1).excludes(ALL),
        ],
        place: Place::tables(&[Table::Mangle]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| HopChange::Set(0),
    parse: parse_option,
    finish: |_, calls, _| finish(calls, EXTENSION.spec.name),
    save: |change, out| put!(out, " --ttl-{} {}", change.word(), change.value()),
    list: |change, out, _| change.list(out, EXTENSION.spec.name),
    check: check_nothing,
};

const ALL: &[&str] = &["ttl-set", "ttl-dec", "ttl-inc"];

/// By how much it is changed.
pub(super) const AT_LEAST_1: Kind = Kind::Number { min: 1, max: 255 };

/// One of the three options, of which the last three letters say what is done.
pub(super) fn parse_option(
    change: &mut HopChange,
    call: &OptionCall<'_>,
    _: &mut Context<'_>,
) -> Result<(), Error> {
    let value = call.value.number_u8();
    *change = match call.name.rsplit('-').next() {
        Some("dec") => HopChange::Decrement(value),
        Some("inc") => HopChange::Increment(value),
        _ => HopChange::Set(value),
    };
    Ok(())
}

pub(super) fn finish(calls: &Calls, name: &str) -> Result<(), Error> {
    if calls.is_empty() {
        return Err(calls.error(format!("{name}: You must specify an action")));
    }
    Ok(())
}

impl HopChange {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Decrement(_) => "dec",
            Self::Increment(_) => "inc",
        }
    }

    pub(super) const fn value(self) -> u8 {
        match self {
            Self::Set(value) | Self::Decrement(value) | Self::Increment(value) => value,
        }
    }

    pub(super) fn list(self, out: &mut String, name: &str) {
        let what = match self {
            Self::Set(_) => "set to",
            Self::Decrement(_) => "decrement by",
            Self::Increment(_) => "increment by",
        };
        put!(out, " {name} {what} {}", self.value());
    }
}

const HELP: &str = "TTL target options
  --ttl-set value\t\tSet TTL to <value 0-255>
  --ttl-dec value\t\tDecrement TTL by <value 1-255>
  --ttl-inc value\t\tIncrement TTL by <value 1-255>
";

//! The hop limit of IPv6 (`-j HL`).
use std::borrow::Cow;

use super::ttl::{AT_LEAST_1, HopChange, finish, parse_option};
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::value::Kind;
use crate::{Table, put};

/// `-j HL` in the language.
pub const EXTENSION: Extension<HopChange> = Extension {
    spec: Spec {
        name: "HL",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("hl-set", Kind::U8).excludes(ALL),
            OptionSpec::new("hl-dec", AT_LEAST_1).excludes(ALL),
            OptionSpec::new("hl-inc", AT_LEAST_1).excludes(ALL),
        ],
        place: Place::tables(&[Table::Mangle]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| HopChange::Set(0),
    parse: parse_option,
    finish: |_, calls, _| finish(calls, EXTENSION.spec.name),
    save: |change, out| put!(out, " --hl-{} {}", change.word(), change.value()),
    list: |change, out, _| change.list(out, EXTENSION.spec.name),
    check: check_nothing,
};

const ALL: &[&str] = &["hl-set", "hl-dec", "hl-inc"];

const HELP: &str = "HL target options
  --hl-set value\t\tSet HL to <value 0-255>
  --hl-dec value\t\tDecrement HL by <value 1-255>
  --hl-inc value\t\tIncrement HL by <value 1-255>
";

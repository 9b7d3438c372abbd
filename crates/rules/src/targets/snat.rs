//! Another source (`-j SNAT`).
use std::borrow::Cow;

use super::nat::{NatRange, Shift};
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;
use crate::{Hook, Table};

/// `-j SNAT` in the language.
pub const EXTENSION: Extension<NatRange> = Extension {
    spec: Spec {
        name: "SNAT",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("to-source", Kind::Word).mandatory(),
            OptionSpec::new("random", Kind::Flag),
            OptionSpec::new("random-fully", Kind::Flag),
            OptionSpec::new("persistent", Kind::Flag),
        ],
        place: Place { tables: &[Table::Nat], hooks: &[Hook::Input, Hook::Postrouting], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| NatRange::default(),
    parse: |range, call, context| {
        match call.name {
            "to-source" => range.read(call, context, Shift::No)?,
            "random" => range.random = true,
            "random-fully" => range.random_fully = true,
            _ => range.persistent = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |range, out| range.push_saved(out, "to-source"),
    list: |range, out, _| range.push_listed(out),
    check: check_nothing,
};

const HELP: &str = "SNAT target options:
 --to-source [<ipaddr>[-<ipaddr>]][:port[-port]]
\t\t\t\tAddress to map source to.
[--random] [--random-fully] [--persistent]
";

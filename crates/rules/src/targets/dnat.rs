//! Another destination (`-j DNAT`).
use std::borrow::Cow;

use super::nat::{NatRange, Shift};
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;
use crate::{Hook, Table};

/// `-j DNAT` in the language.
pub const EXTENSION: Extension<NatRange> = Extension {
    spec: Spec {
        name: "DNAT",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("to-destination", Kind::Word).mandatory(),
            OptionSpec::new("random", Kind::Flag),
            OptionSpec::new("persistent", Kind::Flag),
        ],
        place: Place { tables: &[Table::Nat], hooks: &[Hook::Prerouting, Hook::Output], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| NatRange::default(),
    parse: |range, call, context| {
        match call.name {
            "to-destination" => range.read(call, context, Shift::Yes)?,
            "random" => range.random = true,
            _ => range.persistent = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |range, out| range.push_saved(out, "to-destination"),
    list: |range, out, _| range.push_listed(out),
    check: check_nothing,
};

const HELP: &str = "DNAT target options:
 --to-destination [<ipaddr>[-<ipaddr>]][:port[-port[/port]]]
\t\t\t\tAddress to map destination to.
[--random] [--persistent]
";

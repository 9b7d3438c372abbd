//! The machine itself as destination (`-j REDIRECT`).
use std::borrow::Cow;

use super::nat::NatRange;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;
use crate::{Hook, Table};

/// `-j REDIRECT` in the language.
pub const EXTENSION: Extension<NatRange> = Extension {
    spec: Spec {
        name: "REDIRECT",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("to-ports", Kind::Word), OptionSpec::new("random", Kind::Flag)],
        place: Place { tables: &[Table::Nat], hooks: &[Hook::Prerouting, Hook::Output], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| NatRange::default(),
    parse: |range, call, context| {
        match call.name {
            "to-ports" => range.read_ports(call, context)?,
            _ => range.random = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: NatRange::push_saved_ports,
    list: |range, out, _| range.push_listed_ports(out, " redir ports "),
    check: check_nothing,
};

const HELP: &str = "REDIRECT target options:
 --to-ports <port>[-<port>]
\t\t\t\tPort (range) to map to.
 [--random]
";

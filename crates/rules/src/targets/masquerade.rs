//! The address of the outgoing interface as source (`-j MASQUERADE`).
use std::borrow::Cow;

use super::nat::NatRange;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;
use crate::{Hook, Table};

/// `-j MASQUERADE` in the language.
pub const EXTENSION: Extension<NatRange> = Extension {
    spec: Spec {
        name: "MASQUERADE",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("to-ports", Kind::Word),
            OptionSpec::new("random", Kind::Flag),
            OptionSpec::new("random-fully", Kind::Flag),
        ],
        place: Place { tables: &[Table::Nat], hooks: &[Hook::Postrouting], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| NatRange::default(),
    parse: |range, call, context| {
        match call.name {
            "to-ports" => range.read_ports(call, context)?,
            "random" => range.random = true,
            _ => range.random_fully = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: NatRange::push_saved_ports,
    list: |range, out, _| range.push_listed_ports(out, " masq ports: "),
    check: check_nothing,
};

const HELP: &str = "MASQUERADE target options:
 --to-ports <port>[-<port>]
\t\t\t\tPort (range) to map to.
 --random
\t\t\t\tRandomize source port.
 --random-fully
\t\t\t\tFully randomize source port.
";

//! The security mark of a connection (`-j CONNSECMARK`).
use std::borrow::Cow;

use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::value::Kind;
use crate::{Table, put};

/// `-j CONNSECMARK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connsecmark {
    /// `--save`: from the packet to its connection, if that has none.
    Save,
    /// `--restore`: from the connection to the packet, if that has none.
    Restore,
}

/// `-j CONNSECMARK` in the language.
pub const EXTENSION: Extension<Connsecmark> = Extension {
    spec: Spec {
        name: "CONNSECMARK",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("save", Kind::Flag).excludes(&["restore"]),
            OptionSpec::new("restore", Kind::Flag).excludes(&["save"]),
        ],
        place: Place::tables(&[Table::Mangle, Table::Security]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Connsecmark::Save,
    parse: |own, call, _| {
        *own = if call.name == "save" { Connsecmark::Save } else { Connsecmark::Restore };
        Ok(())
    },
    finish: |_, calls, _| match calls.is_empty() {
        true => Err(calls.error("CONNSECMARK target: parameter required")),
        false => Ok(()),
    },
    save: |own, out| put!(out, " --{}", own.word()),
    list: |own, out, _| put!(out, " CONNSECMARK {}", own.word()),
    check: check_nothing,
};

impl Connsecmark {
    const fn word(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::Restore => "restore",
        }
    }
}

const HELP: &str = "CONNSECMARK target options:
  --save                   Copy security mark from packet to conntrack
  --restore                Copy security mark from connection to packet
";

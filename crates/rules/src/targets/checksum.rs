//! Completes a checksum that was left to the device (`-j CHECKSUM`).
use std::borrow::Cow;

use crate::Table;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;

/// `-j CHECKSUM --checksum-fill` in the language.
pub const EXTENSION: Extension<()> = Extension {
    spec: Spec {
        name: "CHECKSUM",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("checksum-fill", Kind::Flag).mandatory()],
        place: Place::tables(&[Table::Mangle]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| (),
    parse: |_, _, _| Ok(()),
    finish: finish_nothing,
    save: |_, out| out.push_str(" --checksum-fill"),
    list: |_, out, _| out.push_str(" CHECKSUM fill"),
    check: check_nothing,
};

const HELP: &str = "CHECKSUM target options
  --checksum-fill\t\t\tFill in packet checksum.
";

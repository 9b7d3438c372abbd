//! `-j NOTRACK`: `-j CT --notrack` under its old name, printed as typed.
use std::borrow::Cow;

use crate::Table;
use crate::syntax::extension::{Extension, Families, Place, Spec, check_nothing, finish_nothing};

/// `-j NOTRACK` in the language.
pub const EXTENSION: Extension<()> = Extension {
    spec: Spec {
        name: "NOTRACK",
        aliases: &[],
        families: Families::Both,
        options: &[],
        place: Place::tables(&[Table::Raw]),
        help: |_| Cow::Borrowed("NOTRACK does not take any options\n"),
    },
    start: |_| (),
    parse: |_, _, _| Ok(()),
    finish: finish_nothing,
    save: |_, _| {},
    list: |_, out, _| out.push_str(" NOTRACK"),
    check: check_nothing,
};

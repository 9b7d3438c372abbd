//! `-j TRACE`: every rule that the packet meets from here on is logged.
use std::borrow::Cow;

use crate::Table;
use crate::syntax::extension::{Extension, Families, Place, Spec, check_nothing, finish_nothing};

/// `-j TRACE` in the language.
pub const EXTENSION: Extension<()> = Extension {
    spec: Spec {
        name: "TRACE",
        aliases: &[],
        families: Families::Both,
        options: &[],
        place: Place::tables(&[Table::Raw]),
        help: |_| Cow::Borrowed("TRACE does not take any options\n"),
    },
    start: |_| (),
    parse: |_, _, _| Ok(()),
    finish: finish_nothing,
    save: |_, _| {},
    list: |_, _, _| {},
    check: check_nothing,
};

//! The connection mark (`-m connmark`).
use std::borrow::Cow;

use super::mark::{Mark, OPTIONS, parse_option};
use crate::syntax::extension::{Extension, Families, Place, Spec, check_nothing, finish_nothing};

/// `-m connmark --mark`.
pub type Connmark = Mark;

/// `-m connmark` in the language.
pub const EXTENSION: Extension<Connmark> = Extension {
    spec: Spec {
        name: "connmark",
        aliases: &[],
        families: Families::Both,
        options: OPTIONS,
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Mark::START,
    parse: parse_option,
    finish: finish_nothing,
    save: Mark::push_saved,
    list: |mark, out, _| {
        out.push_str(" connmark match");
        // Linux: two blanks stand here where `-m mark` has one (measured).
        if !mark.invert {
            out.push(' ');
        }
        mark.push_listed(out);
    },
    check: check_nothing,
};

const HELP: &str = "connmark match options:
[!] --mark value[/mask]    Match ctmark value with optional mask
";

//! The packet mark (`-m mark`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, Value};

/// `-m mark --mark`, and the payload of `-m connmark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The value; bits outside the mask never match (F33).
    pub value: u32,
    /// The mask.
    pub mask: u32,
}

/// The options of both matches.
pub(super) const OPTIONS: &[OptionSpec] = &[OptionSpec::new("mark", Kind::Mark).invertible().mandatory()];

/// `-m mark` in the language.
pub const EXTENSION: Extension<Mark> = Extension {
    spec: Spec {
        name: "mark",
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
        out.push_str(" mark match");
        mark.push_listed(out);
    },
    check: check_nothing,
};

/// Reads `--mark`.
pub(super) fn parse_option(mark: &mut Mark, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    if let Value::Mark { value, mask } = call.value {
        *mark = Mark { invert: call.invert, value, mask };
    }
    Ok(())
}

impl Mark {
    /// Before any option.
    pub(super) const START: Mark = Mark { invert: false, value: 0, mask: u32::MAX };

    /// ` ! --mark 0x1/0xff`.
    pub(super) fn push_saved(&self, out: &mut String) {
        push_not(out, self.invert);
        out.push_str(" --mark");
        self.push_value(out);
    }

    /// ` ! 0x1/0xff`.
    pub(super) fn push_listed(&self, out: &mut String) {
        push_not(out, self.invert);
        self.push_value(out);
    }

    fn push_value(&self, out: &mut String) {
        put!(out, " 0x{:x}", self.value);
        if self.mask != u32::MAX {
            put!(out, "/0x{:x}", self.mask);
        }
    }
}

const HELP: &str = "mark match options:
[!] --mark value[/mask]    Match nfmark value with optional mask
";

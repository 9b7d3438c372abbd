//! The length of a packet (`-m length`).
use std::borrow::Cow;

use super::range::NumberRange;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// `--length`: bytes from the network header on.
    pub range: NumberRange<u16>,
}

/// `-m length` in the language.
pub const EXTENSION: Extension<Length> = Extension {
    spec: Spec {
        name: "length",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("length", Kind::U16_RANGE).invertible().mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Length { invert: false, range: NumberRange { first: 0, last: 0 } },
    parse: |length, call, _| {
        if let Some(range) = NumberRange::read(&call.value) {
            *length = Length { invert: call.invert, range };
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |length, out| {
        push_not(out, length.invert);
        out.push_str(" --length ");
        length.range.push(out);
    },
    list: |length, out, _| {
        out.push_str(" length ");
        if length.invert {
            out.push('!');
        }
        length.range.push(out);
    },
    check: check_nothing,
};

const HELP: &str = "length match options:
[!] --length length[:length]    Match packet length against value or range
                                of values (inclusive)
";

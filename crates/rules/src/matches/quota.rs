//! The first bytes, and no more (`-m quota`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m quota`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Whether it holds for packets beyond the quota.
    pub invert: bool,
    /// The bytes, IP headers included. What is left of them is no part of the rule: listings give the whole.
    pub bytes: u64,
}

/// `-m quota` in the language.
pub const EXTENSION: Extension<Quota> = Extension {
    spec: Spec {
        name: "quota",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("quota", Kind::U64).invertible().mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Quota { invert: false, bytes: 0 },
    parse: |own, call, _| {
        (own.invert, own.bytes) = (call.invert, call.value.number());
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| {
        push_not(out, own.invert);
        put!(out, " --quota {}", own.bytes);
    },
    list: |own, out, _| put!(out, " quota: {} bytes", own.bytes),
    check: check_nothing,
};

const HELP: &str = "quota match options:
[!] --quota quota\t\tquota (bytes)
";

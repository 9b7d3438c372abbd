//! The helper that expected a packet's connection (`-m helper`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::{push_not, push_quoted};
use crate::syntax::value::Kind;

/// `-m helper`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Whether connections that another helper, or none, expected are meant.
    pub invert: bool,
    /// The name, at most 29 bytes; what it begins with counts (helper `ftp` is an `ftp-2121`). Empty: any helper.
    pub name: Box<str>,
}

/// `-m helper` in the language.
pub const EXTENSION: Extension<Helper> = Extension {
    spec: Spec {
        name: "helper",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("helper", Kind::Text { min: 0, max: 0, cut: 29 })
            .invertible()
            .mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Helper { invert: false, name: "".into() },
    parse: |own, call, _| {
        (own.invert, own.name) = (call.invert, call.value.text().into());
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| {
        push_not(out, own.invert);
        out.push_str(" --helper");
        push_quoted(out, &own.name);
    },
    list: |own, out, _| {
        out.push_str(" helper match");
        push_not(out, own.invert);
        put!(out, " \"{}\"", own.name);
    },
    check: check_nothing,
};

const HELP: &str = "helper match options:
[!] --helper string        Match helper identified by string
";

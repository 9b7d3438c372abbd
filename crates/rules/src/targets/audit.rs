//! A record for the audit subsystem (`-j AUDIT`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;

/// `-j AUDIT --type`: what the record says of the packet; the packet itself goes on to the next rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// `accept`.
    Accept,
    /// `drop`.
    Drop,
    /// `reject`.
    Reject,
}

const TYPES: [(&str, Audit); 3] =
    [("accept", Audit::Accept), ("drop", Audit::Drop), ("reject", Audit::Reject)];

/// `-j AUDIT` in the language.
pub const EXTENSION: Extension<Audit> = Extension {
    spec: Spec {
        name: "AUDIT",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("type", Kind::Word).mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Audit::Accept,
    parse: |audit, call, _| {
        let text = call.text();
        match TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some(&(_, kind)) => {
                *audit = kind;
                Ok(())
            }
            None => Err(call
                .error(format!("Bad action type value \"{text}\""))
                .suggest(text, TYPES.map(|(name, _)| name))),
        }
    },
    finish: finish_nothing,
    save: |audit, out| put!(out, " --type {}", audit.name()),
    list: |audit, out, _| put!(out, " AUDIT {}", audit.name()),
    check: check_nothing,
};

impl Audit {
    /// The word of the option.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("accept", |&(name, _)| name)
    }
}

const HELP: &str = "AUDIT target options
  --type TYPE\t\tAction type to be recorded.
";

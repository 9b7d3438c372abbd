//! A label of a security module (`-j SECMARK`).
use std::borrow::Cow;

use crate::Table;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Refusal, Site, Spec, finish_nothing};
use crate::syntax::text::push_word;
use crate::syntax::value::Kind;

/// `-j SECMARK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secmark {
    /// `--selctx`: at most 255 bytes.
    pub context: Box<str>,
}

/// `-j SECMARK` in the language.
pub const EXTENSION: Extension<Secmark> = Extension {
    spec: Spec {
        name: "SECMARK",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("selctx", Kind::Text { min: 0, max: 0, cut: 255 }).mandatory()],
        place: Place::tables(&[Table::Mangle, Table::Security]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Secmark { context: "".into() },
    parse: |own, call, _| {
        own.context = call.value.text().into();
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| {
        out.push_str(" --selctx ");
        push_word(out, &own.context);
    },
    list: |own, out, _| {
        out.push_str(" SECMARK selctx ");
        out.push_str(&own.context);
    },
    // Linux: `secmark_tg_check` in xt_SECMARK.c asks the security module, and there is none here.
    check: |_, _: &Site<'_>| Err(Refusal::no_entry("no security module knows labels here")),
};

const HELP: &str = "SECMARK target options:
  --selctx value                     Set the SELinux security context
";

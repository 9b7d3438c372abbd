//! A remark that matches everything (`-m comment`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_quoted;
use crate::syntax::value::Kind;

/// `-m comment --comment`: at most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The text.
    pub text: Box<str>,
}

/// `-m comment` in the language. Longer texts are cut at 255 bytes without an error.
pub const EXTENSION: Extension<Comment> = Extension {
    spec: Spec {
        name: "comment",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("comment", Kind::Text { min: 0, max: 0, cut: 255 }).mandatory()],
        place: Place::ANY,
        help: |_| {
            Cow::Borrowed(
                "comment match options:\n--comment COMMENT             Attach a comment to a rule\n",
            )
        },
    },
    start: |_| Comment { text: "".into() },
    parse: |comment, call, _| {
        comment.text = call.value.text().into();
        Ok(())
    },
    finish: finish_nothing,
    save: |comment, out| {
        out.push_str(" --comment");
        push_quoted(out, &comment.text);
    },
    list: |comment, out, _| put!(out, " /* {} */", comment.text),
    check: check_nothing,
};

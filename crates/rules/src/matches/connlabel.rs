//! Labels of a connection (`-m connlabel`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, number};

/// `-m connlabel`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connlabel {
    /// Whether connections without the label are meant.
    pub invert: bool,
    /// The label: 0 to 127.
    pub label: u16,
    /// The label's name when the rule was read, which is what is saved. Source: /etc/xtables/connlabel.conf.
    pub name: Option<Box<str>>,
    /// `--set`: the label is given to the connection, which then has it.
    pub set: bool,
}

/// Labels of a connection (`XT_CONNLABEL_MAXBIT` plus 1).
const LABELS: u16 = 128;

/// `-m connlabel` in the language.
pub const EXTENSION: Extension<Connlabel> = Extension {
    spec: Spec {
        name: "connlabel",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("label", Kind::Text { min: 1, max: 0, cut: 0 }).invertible().mandatory(),
            OptionSpec::new("set", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Connlabel::default(),
    parse: |own, call, context| {
        if call.name == "set" {
            own.set = true;
            return Ok(());
        }
        own.invert = call.invert;
        own.label = label(call, context)?;
        own.name = context.names.connection_label_name(own.label).map(Into::into);
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| {
        push_not(out, own.invert);
        match &own.name {
            Some(name) => put!(out, " --label \"{name}\""),
            None => put!(out, " --label \"{}\"", own.label),
        }
        out.push_str(if own.set { " --set" } else { "" });
    },
    list: |own, out, listing| {
        out.push_str(" connlabel");
        push_not(out, own.invert);
        match own.name.as_ref().filter(|_| !listing.numeric) {
            Some(name) => put!(out, " '{name}'"),
            None => put!(out, " {}", own.label),
        }
        out.push_str(if own.set { " set" } else { "" });
    },
    check,
};

/// A number, else a name.
fn label(call: &OptionCall<'_>, context: &Context<'_>) -> Result<u16, Error> {
    number(call.text(), 0, u64::from(u16::MAX))
        .and_then(|label| u16::try_from(label).ok())
        .or_else(|| context.names.connection_label(call.text()))
        .ok_or_else(|| {
            call.error(format!("label '{}' not found or invalid value", call.text()))
                .because("a label is a number from 0 to 127 or a name of /etc/xtables/connlabel.conf")
        })
}

/// Linux: `nf_connlabels_get` in nf_conntrack_labels.c.
fn check(own: &Connlabel, _: &Site<'_>) -> Result<(), Refusal> {
    if own.label >= LABELS {
        return Err(Refusal::out_of_range(format!("labels are 0 to {}", LABELS - 1)));
    }
    Ok(())
}

const HELP: &str = "connlabel match options:
[!] --label name     Match if label has been set on connection
    --set            Set label on connection
";

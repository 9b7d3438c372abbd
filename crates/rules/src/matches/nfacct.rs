//! Accounting objects (`-m nfacct`): counters with a name, which other programs make.
use std::borrow::Cow;

use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_quoted;
use crate::syntax::value::Kind;

/// `-m nfacct`. A rule is refused where it is applied if nobody has made the object ([`crate::syntax::objects::Given`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nfacct {
    /// `--nfacct-name`, at most 31 bytes; longer ones are cut without an error.
    pub name: Box<str>,
}

/// `-m nfacct` in the language.
pub const EXTENSION: Extension<Nfacct> = Extension {
    spec: Spec {
        name: "nfacct",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("nfacct-name", Kind::Text { min: 1, max: 0, cut: 31 }).mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Nfacct::default(),
    parse: |nfacct, call, _| {
        if call.text().contains('\n') {
            return Err(call.error("Newlines not allowed in --nfacct-name"));
        }
        nfacct.name = call.value.text().into();
        Ok(())
    },
    finish: finish_nothing,
    save: |nfacct, out| {
        out.push_str(" --nfacct-name ");
        push_quoted(out, &nfacct.name);
    },
    list: |nfacct, out, _| {
        out.push_str(" nfacct-name ");
        push_quoted(out, &nfacct.name);
    },
    check: check_nothing,
};

const HELP: &str = "nfacct match options:
 --nfacct-name STRING\t\tName of accouting area
";

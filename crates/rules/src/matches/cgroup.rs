//! The control group of the process that sent or receives a packet (`-m cgroup`).
use std::borrow::Cow;

use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Refusal, Site, Spec, finish_nothing};
use crate::syntax::text::{push_not, push_quoted};
use crate::syntax::value::Kind;
use crate::{Hook, Negatable, put};

/// `-m cgroup` (revision 2). The kernel takes exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    /// `--path`: a folder below the root of cgroup2, at most 511 bytes. The kernel refuses one that does not exist;
    /// rules know nothing of it.
    pub path: Option<Negatable<Box<str>>>,
    /// `--cgroup`: the class of net_cls.
    pub class: Option<Negatable<u32>>,
}

/// `-m cgroup` in the language.
pub const EXTENSION: Extension<Cgroup> = Extension {
    spec: Spec {
        name: "cgroup",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("path", Kind::Text { min: 0, max: 0, cut: 511 }).invertible(),
            OptionSpec::new("cgroup", Kind::U32).invertible(),
        ],
        place: Place::hooks(&[Hook::Input, Hook::Output, Hook::Postrouting]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Cgroup::default(),
    parse: |own, call, _| {
        let invert = call.invert;
        if call.name == "path" {
            own.path = Some(Negatable { invert, value: call.value.text().into() });
        } else {
            own.class = Some(Negatable { invert, value: call.value.number_u32() });
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| {
        if let Some(path) = &own.path {
            push_not(out, path.invert);
            out.push_str(" --path");
            push_quoted(out, &path.value);
        }
        if let Some(class) = own.class {
            push_not(out, class.invert);
            put!(out, " --cgroup {}", class.value);
        }
    },
    list: |own, out, _| {
        out.push_str(" cgroup");
        if let Some(path) = &own.path {
            push_not(out, path.invert);
            put!(out, " {}", path.value);
        }
        if let Some(class) = own.class {
            push_not(out, class.invert);
            put!(out, " {}", class.value);
        }
    },
    check,
};

/// Linux: `cgroup_mt_check_v2` in xt_cgroup.c.
fn check(own: &Cgroup, _: &Site<'_>) -> Result<(), Refusal> {
    match (&own.path, own.class) {
        (Some(_), Some(_)) => {
            Err(Refusal::invalid("`--path' and `--cgroup' cannot stand in one `-m cgroup'"))
        }
        (None, None) => Err(Refusal::invalid("`-m cgroup' needs `--path' or `--cgroup'")),
        _ => Ok(()),
    }
}

const HELP: &str = "cgroup match options:
[!] --path path                 Recursively match path relative to cgroup2 root
[!] --cgroup classid            Match cgroup classid, can't be used with --path
";

//! IPv6's fragment header (`-m frag`).
use std::borrow::Cow;

use super::extension_header::{self as header, Length};
use super::range::{NumberRange, condition, push_listed, push_saved};
use crate::Negatable;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;

/// `-m frag` (Linux: `struct ip6t_frag`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frag {
    /// `--fragid`: identifications; every one, not inverted, is left out.
    pub ids: Option<Negatable<NumberRange<u32>>>,
    /// `--fraglen`: read and printed, but never looked at.
    pub length: Option<Length>,
    /// `--fragres`: the reserved fields are 0.
    pub reserved: bool,
    /// `--fragfirst`: the offset is 0.
    pub first: bool,
    /// `--fragmore`: more fragments follow.
    pub more: bool,
    /// `--fraglast`: no more fragments follow.
    pub last: bool,
}

/// `-m frag` in the language.
pub const EXTENSION: Extension<Frag> = Extension {
    spec: Spec {
        name: "frag",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("fragid", Kind::U32_RANGE).invertible(),
            OptionSpec::new("fraglen", Kind::U32).invertible(),
            OptionSpec::new("fragres", Kind::Flag),
            OptionSpec::new("fragfirst", Kind::Flag),
            OptionSpec::new("fragmore", Kind::Flag).excludes(&["fraglast"]),
            OptionSpec::new("fraglast", Kind::Flag).excludes(&["fragmore"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Frag::default(),
    parse: |frag, call, _| {
        match call.name {
            "fragid" => frag.ids = NumberRange::read(&call.value).and_then(|ids| condition(ids, call.invert)),
            "fraglen" => frag.length = header::length(call),
            "fragres" => frag.reserved = true,
            "fragfirst" => frag.first = true,
            "fragmore" => frag.more = true,
            _ => frag.last = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |frag, out| {
        if let Some(ids) = frag.ids {
            push_saved(out, "fragid", ids);
        }
        header::push_saved(out, "fraglen", frag.length);
        frag.push_flags(out, [" --fragres", " --fragfirst", " --fragmore", " --fraglast"]);
    },
    list: |frag, out, _| {
        out.push_str(" frag ");
        if let Some(ids) = frag.ids {
            push_listed(out, "id", ids);
        }
        header::push_listed(out, frag.length);
        frag.push_flags(out, [" reserved", " first", " more", " last"]);
    },
    check: check_nothing,
};

impl Frag {
    fn push_flags(&self, out: &mut String, names: [&str; 4]) {
        for (is, name) in [self.reserved, self.first, self.more, self.last].into_iter().zip(names) {
            if is {
                out.push_str(name);
            }
        }
    }
}

const HELP: &str = "frag match options:
[!] --fragid id[:id]           match the id (range)
[!] --fraglen length           total length of this header
 --fragres                     check the reserved field too
 --fragfirst                   matches on the first fragment
 [--fragmore|--fraglast]       there are more fragments or this
                               is the last one
";

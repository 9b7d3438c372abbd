//! Types of IPv6's mobility header (`-m mh`).
use std::borrow::Cow;

use packet::protocol;

use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, number};
use crate::{Negatable, put};

/// `-m mh`. Needs `-p mobility-header`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mh {
    /// `--mh-type`: from and to; every type, not inverted, is left out.
    pub types: Option<Negatable<(u8, u8)>>,
}

/// The names of the types 0 to 7 (RFC 6275) and their short forms.
const NAMES: [(&str, &str); 8] = [
    ("binding-refresh-request", "brr"),
    ("home-test-init", "hoti"),
    ("careof-test-init", "coti"),
    ("home-test", "hot"),
    ("careof-test", "cot"),
    ("binding-update", "bu"),
    ("binding-acknowledgement", "ba"),
    ("binding-error", "be"),
];

/// `-m mh` in the language.
pub const EXTENSION: Extension<Mh> = Extension {
    spec: Spec {
        name: "mh",
        aliases: &[],
        families: Families::V6,
        options: &[OptionSpec::new("mh-type", Kind::Word).invertible()],
        place: Place::protocol(protocol::MOBILITY),
        help: |_| {
            let mut text = String::from(
                "mh match options:\n[!] --mh-type type[:type]\tmatch mh type\nValid MH types:\n",
            );
            for (long, short) in NAMES {
                put!(text, "{long} ({short})\n");
            }
            Cow::Owned(text)
        },
    },
    start: |_| Mh::default(),
    parse: |mh, call, _| {
        let value = types(call)?;
        mh.types = Some(Negatable { invert: call.invert, value })
            .filter(|types| types.invert || types.value != (0, u8::MAX));
        Ok(())
    },
    finish: finish_nothing,
    save: |mh, out| {
        if let Some(types) = mh.types {
            push_not(out, types.invert);
            out.push_str(" --mh-type ");
            push_types(out, types.value, |out, kind| put!(out, "{kind}"));
        }
    },
    list: |mh, out, listing| {
        out.push_str(" mh");
        if let Some(types) = mh.types {
            out.push_str(if types.invert { " !" } else { " " });
            push_types(out, types.value, |out, kind| match NAMES.get(usize::from(kind)) {
                Some((name, _)) if !listing.numeric => out.push_str(name),
                _ => put!(out, "{kind}"),
            });
        }
    },
    check: check_nothing,
};

fn push_types(out: &mut String, (first, last): (u8, u8), push: impl Fn(&mut String, u8)) {
    push(out, first);
    if first != last {
        out.push(':');
        push(out, last);
    }
}

/// A type or a range of types by number or name; ends may be left out.
fn types(call: &OptionCall<'_>) -> Result<(u8, u8), Error> {
    let text = call.text();
    let Some((first, last)) = text.split_once(':') else {
        let kind = kind(call, text, 0)?;
        return Ok((kind, kind));
    };
    let from = if first.is_empty() { 0 } else { kind(call, first, 0)? };
    let to = if last.is_empty() { u8::MAX } else { kind(call, last, first.len() + 1)? };
    if from > to {
        return Err(call.error("Invalid MH type range (min > max)"));
    }
    Ok((from, to))
}

/// Linux: of the names that begin so, in upper or lower case, the first one counts, unless one is written in full.
fn kind(call: &OptionCall<'_>, text: &str, at: usize) -> Result<u8, Error> {
    let names = || (0_u8..).zip(NAMES).flat_map(|(kind, (long, short))| [(kind, long), (kind, short)]);
    let starts = |name: &str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let found = names()
        .find(|(_, name)| name.eq_ignore_ascii_case(text))
        .or_else(|| names().find(|(_, name)| starts(name)));
    if let Some((kind, _)) = found {
        return Ok(kind);
    }
    number(text, 0, u64::from(u8::MAX)).and_then(|kind| u8::try_from(kind).ok()).ok_or_else(|| {
        call.error_at(at, at + text.len(), format!("Invalid MH type `{text}'"))
            .suggest(text, names().map(|(_, name)| name))
    })
}

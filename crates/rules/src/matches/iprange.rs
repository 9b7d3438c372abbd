//! Ranges of addresses that are not prefixes (`-m iprange`).
use std::borrow::Cow;
use std::net::IpAddr;

use packet::Family;

use crate::Negatable;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::text::{push_address, push_not};
use crate::syntax::value::{Kind, literal_address};
use crate::syntax::{Error, ErrorKind};

/// `-m iprange`: from and to, of the rule's family. A range whose end lies before its start never matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iprange {
    /// `--src-range`.
    pub source: Option<Negatable<(IpAddr, IpAddr)>>,
    /// `--dst-range`.
    pub destination: Option<Negatable<(IpAddr, IpAddr)>>,
}

/// `-m iprange` in the language.
pub const EXTENSION: Extension<Iprange> = Extension {
    spec: Spec {
        name: "iprange",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("src-range", Kind::Word).invertible(),
            OptionSpec::new("dst-range", Kind::Word).invertible(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Iprange::default(),
    parse: |iprange, call, context| {
        let range = Some(Negatable { invert: call.invert, value: range(call, context)? });
        if call.name == "src-range" {
            iprange.source = range;
        } else {
            iprange.destination = range;
        }
        Ok(())
    },
    finish: |_, calls: &Calls, _| {
        if calls.is_empty() {
            return Err(calls.error("iprange match: You must specify `--src-range' or `--dst-range'"));
        }
        Ok(())
    },
    save: |iprange, out| {
        for (name, range) in [(" --src-range ", iprange.source), (" --dst-range ", iprange.destination)] {
            if let Some(range) = range {
                push_not(out, range.invert);
                out.push_str(name);
                push_range(out, range.value);
            }
        }
    },
    list: |iprange, out, _| {
        for (name, range) in [(" source", iprange.source), (" destination", iprange.destination)] {
            if let Some(range) = range {
                out.push_str(name);
                out.push_str(" IP range");
                push_not(out, range.invert);
                out.push(' ');
                push_range(out, range.value);
            }
        }
    },
    check: check_nothing,
};

/// `from-to`, or one address.
fn range(call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(IpAddr, IpAddr), Error> {
    let text = call.text();
    let one = |part: &str, from: usize| {
        literal_address(part, context.family).ok_or_else(|| {
            let text = format!("iprange: Bad value for \"--{}\" option: \"{part}\"", call.name);
            let span = call.words.first().map_or(call.span, |word| word.part(from, from + part.len()));
            Error::new(ErrorKind::Extension(text.into()), span)
        })
    };
    let Some((first, last)) = text.split_once('-') else {
        let address = one(text, 0)?;
        return Ok((address, address));
    };
    let (from, to) = (one(first, 0)?, one(last, first.len() + 1)?);
    if from > to {
        let mut warning = String::from("xt_iprange: range ");
        warning.push_str(call.text());
        warning.push_str(" is reversed and will never match");
        context.warnings.push(warning);
    }
    Ok((from, to))
}

fn push_range(out: &mut String, (from, to): (IpAddr, IpAddr)) {
    debug_assert_eq!(Family::of(from), Family::of(to));
    push_address(out, from);
    out.push('-');
    push_address(out, to);
}

const HELP: &str = "iprange match options:
[!] --src-range ip[-ip]    Match source IP in the specified range
[!] --dst-range ip[-ip]    Match destination IP in the specified range
";

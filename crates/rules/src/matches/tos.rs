//! The type of service (`-m tos`), and its names, which `-j TOS` shares.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, Listing, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, leading_number};

/// `-m tos`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tos {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The value; bits outside the mask never match.
    pub value: u8,
    /// The bits of the field that are looked at.
    pub mask: u8,
}

/// Names of values, in the order of the help.
const NAMES: [(&str, u8); 5] = [
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];

/// The mask that a name of a value brings with it.
pub(crate) const NAME_MASK: u8 = 0x3f;

/// `-m tos` in the language.
pub const EXTENSION: Extension<Tos> = Extension {
    spec: Spec {
        name: "tos",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("tos", Kind::Word).invertible().mandatory()],
        place: Place::ANY,
        help: |_| {
            let mut text = String::from(HELP);
            push_names(&mut text, 26);
            text.push('\n');
            Cow::Owned(text)
        },
    },
    start: |_| Tos { invert: false, value: 0, mask: 0xff },
    parse: |tos, call, _| {
        let (value, mask) = read(call, NAME_MASK)?;
        *tos = Tos { invert: call.invert, value, mask };
        Ok(())
    },
    finish: finish_nothing,
    save: |tos, out| {
        push_not(out, tos.invert);
        put!(out, " --tos 0x{:02x}/0x{:02x}", tos.value, tos.mask);
    },
    list: |tos, out, listing: &Listing<'_>| {
        // Linux: no blank stands between the word and the number (measured).
        out.push_str(" tos match");
        if tos.invert {
            out.push('!');
        }
        match name(tos.value, tos.mask).filter(|_| !listing.numeric) {
            Some(name) => put!(out, " {name}"),
            None => put!(out, "0x{:02x}/0x{:02x}", tos.value, tos.mask),
        }
    },
    check: check_nothing,
};

/// `value[/mask]`, each at most 255, or a name in upper or lower case: the value and the mask, which is 0xff for a
/// number and `name_mask` for a name. The kind TOSMASK of libxtables.
pub(crate) fn read(call: &OptionCall<'_>, name_mask: u8) -> Result<(u8, u8), Error> {
    let text = call.text();
    let byte = |text| {
        let (value, rest) = leading_number(text)?;
        Some((u8::try_from(value).ok()?, rest))
    };
    let Some((value, rest)) = byte(text) else {
        return match NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some(&(_, value)) => Ok((value, name_mask)),
            None => Err(call
                .error(format!("Symbolic name \"{text}\" is unknown"))
                .suggest(text, NAMES.map(|(name, _)| name))),
        };
    };
    let (mask, rest) = match rest.strip_prefix('/') {
        Some(mask) => byte(mask).unwrap_or((0, mask)),
        None => (0xff, rest),
    };
    if rest.is_empty() && !text.ends_with('/') {
        return Ok((value, mask));
    }
    Err(call.error(format!("Illegal value: \"{text}\"")))
}

/// The name of a value, where the mask is that of names.
pub(crate) fn name(value: u8, mask: u8) -> Option<&'static str> {
    NAMES.iter().find(|&&(_, own)| own == value && mask == NAME_MASK).map(|&(name, _)| name)
}

/// The list of names in the help text.
pub(crate) fn push_names(out: &mut String, indent: usize) {
    for (name, value) in NAMES {
        put!(out, "{:indent$}(0x{value:02x}) {value:2} {name}\n", "");
    }
}

const HELP: &str = "tos match options:
[!] --tos value[/mask]    Match Type of Service/Priority field value
[!] --tos symbol          Match TOS field (IPv4 only) by symbol
                          Accepted symbolic names for value are:
";

//! The differentiated services codepoint (`-m dscp`), and the names of its classes, which `-j DSCP` shares.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, Value};

/// `-m dscp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dscp {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The codepoint, 0 to 63.
    pub codepoint: u8,
}

/// Classes of differentiated services (RFC 2474, 2597, 3246).
const CLASSES: [(&str, u8); 22] = [
    ("CS0", 0x00),
    ("CS1", 0x08),
    ("CS2", 0x10),
    ("CS3", 0x18),
    ("CS4", 0x20),
    ("CS5", 0x28),
    ("CS6", 0x30),
    ("CS7", 0x38),
    ("BE", 0x00),
    ("AF11", 0x0a),
    ("AF12", 0x0c),
    ("AF13", 0x0e),
    ("AF21", 0x12),
    ("AF22", 0x14),
    ("AF23", 0x16),
    ("AF31", 0x1a),
    ("AF32", 0x1c),
    ("AF33", 0x1e),
    ("AF41", 0x22),
    ("AF42", 0x24),
    ("AF43", 0x26),
    ("EF", 0x2e),
];

/// `-m dscp` in the language.
pub const EXTENSION: Extension<Dscp> = Extension {
    spec: Spec {
        name: "dscp",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("dscp", CODEPOINT).invertible().excludes(&["dscp-class"]),
            OptionSpec::new("dscp-class", Kind::Word).invertible().excludes(&["dscp"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Dscp { invert: false, codepoint: 0 },
    parse: |dscp, call, _| {
        let codepoint = match call.value {
            Value::Number(_) => call.value.number_u8(),
            _ => class(call)?,
        };
        *dscp = Dscp { invert: call.invert, codepoint };
        Ok(())
    },
    finish: |_, calls, _| {
        if calls.is_empty() {
            return Err(calls.error("DSCP match: Parameter --dscp is required"));
        }
        Ok(())
    },
    save: |dscp, out| {
        push_not(out, dscp.invert);
        put!(out, " --dscp 0x{:02x}", dscp.codepoint);
    },
    list: |dscp, out, _| {
        put!(out, " DSCP match {}0x{:02x}", if dscp.invert { "!" } else { "" }, dscp.codepoint);
    },
    check: check_nothing,
};

/// A codepoint by number.
pub(crate) const CODEPOINT: Kind = Kind::Number { min: 0, max: 63 };

/// The codepoint of a class, in upper or lower case. Linux: what stands behind the name does not count (`CS1x` is CS1).
pub(crate) fn class(call: &OptionCall<'_>) -> Result<u8, Error> {
    let text = call.text();
    let starts = |name: &str| text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    CLASSES.iter().find(|(name, _)| starts(name)).map(|&(_, codepoint)| codepoint).ok_or_else(|| {
        call.error(format!("Invalid DSCP value `{text}'")).suggest(text, CLASSES.map(|(name, _)| name))
    })
}

const HELP: &str = "dscp match options
[!] --dscp value\t\tMatch DSCP codepoint with numerical value
  \t\t                This value can be in decimal (ex: 32)
               \t\tor in hex (ex: 0x20)
[!] --dscp-class name\t\tMatch the DiffServ class. This value may
\t\t\t\tbe any of the BE,EF, AFxx or CSx classes

\t\t\t\tThese two options are mutually exclusive !
";

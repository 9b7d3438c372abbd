//! The differentiated services codepoint (`-j DSCP`).
use std::borrow::Cow;

use crate::matches::dscp::{CODEPOINT, class};
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::value::{Kind, Value};
use crate::{Table, put};

/// `-j DSCP` (F74).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dscp {
    /// The codepoint, 0 to 63. The two bits behind it stay.
    pub codepoint: u8,
}

/// `-j DSCP` in the language.
pub const EXTENSION: Extension<Dscp> = Extension {
    spec: Spec {
        name: "DSCP",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("set-dscp", CODEPOINT).excludes(&["set-dscp-class"]),
            OptionSpec::new("set-dscp-class", Kind::Word).excludes(&["set-dscp"]),
        ],
        place: Place::tables(&[Table::Mangle]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Dscp { codepoint: 0 },
    parse: |dscp, call, _| {
        dscp.codepoint = match call.value {
            Value::Number(_) => call.value.number_u8(),
            _ => class(call)?,
        };
        Ok(())
    },
    finish: |_, calls, _| match calls.is_empty() {
        true => Err(calls.error("DSCP target: Parameter --set-dscp is required")),
        false => Ok(()),
    },
    save: |dscp, out| put!(out, " --set-dscp 0x{:02x}", dscp.codepoint),
    list: |dscp, out, _| put!(out, " DSCP set 0x{:02x}", dscp.codepoint),
    check: check_nothing,
};

const HELP: &str = "DSCP target options
  --set-dscp value\t\tSet DSCP field in packet header to value
  \t\t                This value can be in decimal (ex: 32)
               \t\tor in hex (ex: 0x20)
  --set-dscp-class class\tSet the DSCP field in packet header to the
\t\t\t\tvalue represented by the DiffServ class value.
\t\t\t\tThis class may be EF,BE or any of the CSxx
\t\t\t\tor AFxx classes.

\t\t\t\tThese two options are mutually exclusive !
";

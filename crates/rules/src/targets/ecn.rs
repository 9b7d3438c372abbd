//! The bits of explicit congestion notification (`-j ECN`, RFC 3168).
use std::borrow::Cow;

use packet::protocol;

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::value::Kind;
use crate::{Table, put};

/// `-j ECN` (F74): the bits that are set, each `None`: left as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ecn {
    /// `--ecn-tcp-ece`: the flag ECE of TCP.
    pub ece: Option<bool>,
    /// `--ecn-tcp-cwr`: the flag CWR of TCP. `--ecn-tcp-remove` clears both flags.
    pub cwr: Option<bool>,
    /// `--ecn-ip-ect`: the low two bits of the type of service, 0 to 3.
    pub codepoint: Option<u8>,
}

/// `-j ECN` in the language.
pub const EXTENSION: Extension<Ecn> = Extension {
    spec: Spec {
        name: "ECN",
        aliases: &[],
        families: Families::V4,
        options: &[
            OptionSpec::new("ecn-tcp-remove", Kind::Flag).excludes(&["ecn-tcp-cwr", "ecn-tcp-ece"]),
            OptionSpec::new("ecn-tcp-cwr", BIT).excludes(&["ecn-tcp-remove"]),
            OptionSpec::new("ecn-tcp-ece", BIT).excludes(&["ecn-tcp-remove"]),
            OptionSpec::new("ecn-ip-ect", Kind::Number { min: 0, max: 3 }),
        ],
        place: Place::tables(&[Table::Mangle]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ecn::default(),
    parse: parse_option,
    finish: |_, calls, _| match calls.is_empty() {
        true => Err(calls.error("ECN target: An operation is required")),
        false => Ok(()),
    },
    save: |ecn, out| {
        if *ecn == REMOVE {
            out.push_str(" --ecn-tcp-remove");
            return;
        }
        if let Some(bit) = ecn.ece {
            put!(out, " --ecn-tcp-ece {}", u8::from(bit));
        }
        if let Some(bit) = ecn.cwr {
            put!(out, " --ecn-tcp-cwr {}", u8::from(bit));
        }
        if let Some(codepoint) = ecn.codepoint {
            put!(out, " --ecn-ip-ect {codepoint}");
        }
    },
    list: |ecn, out, _| {
        out.push_str(" ECN");
        if *ecn == REMOVE {
            out.push_str(" TCP remove");
            return;
        }
        if let Some(bit) = ecn.ece {
            put!(out, " ECE={}", u8::from(bit));
        }
        if let Some(bit) = ecn.cwr {
            put!(out, " CWR={}", u8::from(bit));
        }
        if let Some(codepoint) = ecn.codepoint {
            put!(out, " ECT codepoint={codepoint}");
        }
    },
    check: |ecn, site: &Site<'_>| {
        // Linux: `ecn_tg_check` in ipt_ECN.c.
        let flags = ecn.ece.is_some() || ecn.cwr.is_some();
        if flags && site.header.positive_protocol() != Some(protocol::TCP) {
            return Err(Refusal::invalid("the TCP options of `ECN' need `-p tcp' in the same rule"));
        }
        Ok(())
    },
};

const BIT: Kind = Kind::Number { min: 0, max: 1 };

/// `--ecn-tcp-remove`.
const REMOVE: Ecn = Ecn { ece: Some(false), cwr: Some(false), codepoint: None };

fn parse_option(ecn: &mut Ecn, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let number = call.value.number_u8();
    match call.name {
        // Linux: a codepoint that was given before is forgotten.
        "ecn-tcp-remove" => *ecn = REMOVE,
        "ecn-tcp-cwr" => ecn.cwr = Some(number == 1),
        "ecn-tcp-ece" => ecn.ece = Some(number == 1),
        _ => ecn.codepoint = Some(number),
    }
    Ok(())
}

const HELP: &str = "ECN target options
  --ecn-tcp-remove\t\tRemove all ECN bits from TCP header
";

//! Explicit congestion notification: bits of the IP and the TCP header (`-m ecn`).
use std::borrow::Cow;

use packet::protocol;

use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Refusal, Site, Spec};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;
use crate::{Negatable, put};

/// `-m ecn`: at least one of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ecn {
    /// `--ecn-tcp-ece`: the flag ECE is set; `false`: with `!`. Needs `-p tcp`.
    pub ece: Option<bool>,
    /// `--ecn-tcp-cwr`: the flag CWR is set; `false`: with `!`. Needs `-p tcp`.
    pub cwr: Option<bool>,
    /// `--ecn-ip-ect`: the codepoint of the IP header, 0 to 3.
    pub codepoint: Option<Negatable<u8>>,
}

/// `-m ecn` in the language.
pub const EXTENSION: Extension<Ecn> = Extension {
    spec: Spec {
        name: "ecn",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("ecn-tcp-cwr", Kind::Flag).invertible(),
            OptionSpec::new("ecn-tcp-ece", Kind::Flag).invertible(),
            OptionSpec::new("ecn-ip-ect", Kind::Number { min: 0, max: 3 }).invertible(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ecn::default(),
    parse: |ecn, call, _| {
        match call.name {
            "ecn-tcp-cwr" => ecn.cwr = Some(!call.invert),
            "ecn-tcp-ece" => ecn.ece = Some(!call.invert),
            _ => {
                let value = call.value.number_u8();
                ecn.codepoint = Some(Negatable { invert: call.invert, value });
            }
        }
        Ok(())
    },
    finish: |_, calls, _| {
        if calls.is_empty() {
            return Err(calls.error("ECN match: some option required"));
        }
        Ok(())
    },
    save: |ecn, out| {
        for (flag, name) in [(ecn.ece, "ece"), (ecn.cwr, "cwr")] {
            if let Some(set) = flag {
                push_not(out, !set);
                put!(out, " --ecn-tcp-{name}");
            }
        }
        if let Some(codepoint) = ecn.codepoint {
            push_not(out, codepoint.invert);
            put!(out, " --ecn-ip-ect {}", codepoint.value);
        }
    },
    list: |ecn, out, _| {
        out.push_str(" ECN match");
        for (flag, name) in [(ecn.ece, "ECE"), (ecn.cwr, "CWR")] {
            if let Some(set) = flag {
                put!(out, " {}{name}", if set { "" } else { "!" });
            }
        }
        if let Some(codepoint) = ecn.codepoint {
            put!(out, " {}ECT={}", if codepoint.invert { "!" } else { "" }, codepoint.value);
        }
    },
    check,
};

/// Linux: `ecn_mt_check4`, `ecn_mt_check6`.
fn check(ecn: &Ecn, site: &Site<'_>) -> Result<(), Refusal> {
    let tcp = ecn.ece.is_some() || ecn.cwr.is_some();
    if tcp && site.header.positive_protocol() != Some(protocol::TCP) {
        return Err(Refusal::invalid("flags of TCP in `ecn' need `-p tcp' in the same rule"));
    }
    Ok(())
}

const HELP: &str = "ECN match options
[!] --ecn-tcp-cwr \t\tMatch CWR bit of TCP header
[!] --ecn-tcp-ece\t\tMatch ECE bit of TCP header
[!] --ecn-ip-ect [0..3]\tMatch ECN codepoint in IPv4/IPv6 header
";

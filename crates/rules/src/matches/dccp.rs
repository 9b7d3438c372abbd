//! Ports, types and options of DCCP (`-m dccp`).
use std::borrow::Cow;

use packet::protocol;

use super::PortRange;
use super::tcp::{push_ports_listed, push_ports_saved, shown};
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, Listing, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, Value};
use crate::{Negatable, put};

/// `-m dccp`. Needs `-p dccp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dccp {
    /// `--sport`.
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`.
    pub destination: Option<Negatable<PortRange>>,
    /// `--dccp-types`: bit n for type n; INVALID is the bits 10 to 15. May be 0, which no packet fits.
    pub types: Option<Negatable<u16>>,
    /// `--dccp-option`: the number of an option that must be present, 1 to 255.
    pub option: Option<Negatable<u8>>,
}

/// Types by number (RFC 4340 section 5.1); the numbers from 10 on are reserved.
const TYPES: [&str; 11] = [
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK",
    "INVALID",
];

/// The name of a type as `--dccp-types` has it.
pub fn type_name(kind: u8) -> &'static str {
    TYPES.get(usize::from(kind)).copied().unwrap_or("INVALID")
}

/// The bits of INVALID.
const INVALID: u16 = 0xfc00;

/// `-m dccp` in the language.
pub const EXTENSION: Extension<Dccp> = Extension {
    spec: Spec {
        name: "dccp",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("source-port", Kind::PortRange).aliases(&["sport"]).invertible(),
            OptionSpec::new("destination-port", Kind::PortRange).aliases(&["dport"]).invertible(),
            OptionSpec::new("dccp-types", Kind::Word).invertible(),
            OptionSpec::new("dccp-option", Kind::Number { min: 1, max: 255 }).invertible(),
        ],
        place: Place::protocol(protocol::DCCP),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Dccp { source: None, destination: None, types: None, option: None },
    parse: |dccp, call, _| {
        let invert = call.invert;
        match (call.name, &call.value) {
            ("source-port", &Value::Ports(value)) => dccp.source = Some(Negatable { invert, value }),
            ("destination-port", &Value::Ports(value)) => {
                dccp.destination = Some(Negatable { invert, value });
            }
            ("dccp-types", _) => dccp.types = Some(Negatable { invert, value: types(call)? }),
            (_, value) => dccp.option = Some(Negatable { invert, value: value.number_u8() }),
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |dccp, out| {
        push_ports_saved(out, "sport", dccp.source);
        push_ports_saved(out, "dport", dccp.destination);
        if let Some(types) = dccp.types {
            push_not(out, types.invert);
            out.push_str(" --dccp-types ");
            // Why: iptables writes nothing for no type, and cannot read the line again.
            if types.value == 0 {
                out.push_str("\"\"");
            }
            push_types(out, types.value, false);
        }
        if let Some(option) = dccp.option {
            push_not(out, option.invert);
            put!(out, " --dccp-option {}", option.value);
        }
    },
    list: |dccp, out, listing: &Listing<'_>| {
        out.push_str(" dccp");
        push_ports_listed(out, "spt", shown(dccp.source), "dccp", listing);
        push_ports_listed(out, "dpt", shown(dccp.destination), "dccp", listing);
        if let Some(types) = dccp.types {
            push_not(out, types.invert);
            out.push(' ');
            push_types(out, types.value, listing.numeric);
        }
        if let Some(option) = dccp.option {
            put!(out, " option={}{}", if option.invert { "!" } else { "" }, option.value);
        }
    },
    check: check_nothing,
};

/// Names of types, upper or lower case; empty ones do not count (`strtok`).
fn types(call: &OptionCall<'_>) -> Result<u16, Error> {
    let mut types = 0;
    let mut start = 0;
    for part in call.text().split(',') {
        let end = start + part.len();
        if !part.is_empty() {
            let at = TYPES.iter().position(|name| name.eq_ignore_ascii_case(part)).ok_or_else(|| {
                call.error_at(start, end, format!("Unknown DCCP type `{part}'")).suggest(part, TYPES)
            })?;
            types |= if at == TYPES.len() - 1 { INVALID } else { 1 << at };
        }
        start = end + 1;
    }
    Ok(types)
}

fn push_types(out: &mut String, types: u16, numeric: bool) {
    let mut between = "";
    for bit in (0..16_usize).filter(|bit| types & (1 << bit) != 0) {
        match TYPES.get(bit) {
            Some(name) if !numeric => put!(out, "{between}{name}"),
            // INVALID stands for all of them.
            None if !numeric => break,
            _ => put!(out, "{between}{bit}"),
        }
        between = ",";
    }
}

const HELP: &str = "dccp match options
[!] --source-port port[:port]                          match source port(s)
 --sport ...
[!] --destination-port port[:port]                     match destination port(s)
 --dport ...
[!] --dccp-types type[,...]                            match when packet is one of the given types
[!] --dccp-option option                               match if option (by number!) is set
";

//! Ports of UDP (`-m udp`).
use std::borrow::Cow;

use packet::protocol;

use super::PortRange;
use super::tcp::{push_ports_listed, push_ports_saved, shown};
use crate::Negatable;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::{Kind, Value};

/// `-m udp`. Needs `-p udp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// `--sport`; every port, not inverted, is left out.
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`.
    pub destination: Option<Negatable<PortRange>>,
}

/// `-m udp` in the language.
pub const EXTENSION: Extension<Udp> = Extension {
    spec: Spec {
        name: "udp",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("source-port", Kind::PortRange).aliases(&["sport"]).invertible(),
            OptionSpec::new("destination-port", Kind::PortRange).aliases(&["dport"]).invertible(),
        ],
        place: Place::protocol(protocol::UDP),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Udp { source: None, destination: None },
    parse: |udp, call, _| {
        let Value::Ports(ports) = call.value else { return Ok(()) };
        let ports = shown(Some(Negatable { invert: call.invert, value: ports }));
        if call.name == "source-port" {
            udp.source = ports;
        } else {
            udp.destination = ports;
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |udp, out| {
        push_ports_saved(out, "sport", udp.source);
        push_ports_saved(out, "dport", udp.destination);
    },
    list: |udp, out, listing| {
        out.push_str(" udp");
        push_ports_listed(out, "spt", udp.source, "udp", listing);
        push_ports_listed(out, "dpt", udp.destination, "udp", listing);
    },
    check: check_nothing,
};

const HELP: &str = "udp match options:
[!] --source-port port[:port]
 --sport ...
\t\t\t\tmatch source port(s)
[!] --destination-port port[:port]
 --dport ...
\t\t\t\tmatch destination port(s)
";

//! Another network, the same host (`-j NETMAP`).
use std::borrow::Cow;

use packet::AddrMask;

use super::nat::Netmap;
use crate::Table;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_network;
use crate::syntax::value::{Kind, Value};

/// `-j NETMAP` in the language.
pub const EXTENSION: Extension<Netmap> = Extension {
    spec: Spec {
        name: "NETMAP",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("to", Kind::Network).mandatory()],
        place: Place::tables(&[Table::Nat]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |family| Netmap { to: AddrMask::host(family.unspecified()) },
    parse: |netmap, call, _| {
        if let Value::Network(address, length) = call.value
            && let Some(to) = AddrMask::prefix(address, length)
        {
            netmap.to = to;
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |netmap, out| {
        out.push_str(" --to ");
        push_network(out, &netmap.to);
    },
    list: |netmap, out, _| {
        out.push_str(" to:");
        push_network(out, &netmap.to);
    },
    check: check_nothing,
};

const HELP: &str = "NETMAP target options:
  --to address[/mask]
\t\t\t\tNetwork address to map to.

";

//! The source address of the Ethernet frame (`-m mac`).
use std::borrow::Cow;

use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, Value};
use crate::{Hook, Negatable, put};

/// `-m mac --mac-source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac {
    /// The address.
    pub source: Negatable<[u8; 6]>,
}

/// `-m mac` in the language.
pub const EXTENSION: Extension<Mac> = Extension {
    spec: Spec {
        name: "mac",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("mac-source", Kind::Mac).invertible().mandatory()],
        place: Place::hooks(&[Hook::Prerouting, Hook::Input, Hook::Forward]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Mac { source: Negatable::is([0; 6]) },
    parse: |mac, call, _| {
        if let Value::Mac(value) = call.value {
            mac.source = Negatable { invert: call.invert, value };
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |mac, out| {
        push_not(out, mac.source.invert);
        out.push_str(" --mac-source");
        push_mac(out, mac.source.value);
    },
    list: |mac, out, _| {
        out.push_str(" MAC");
        push_not(out, mac.source.invert);
        push_mac(out, mac.source.value);
    },
    check: check_nothing,
};

fn push_mac(out: &mut String, [a, b, c, d, e, f]: [u8; 6]) {
    put!(out, " {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
}

const HELP: &str = "mac match options:
[!] --mac-source XX:XX:XX:XX:XX:XX
\t\t\t\tMatch source MAC address
";

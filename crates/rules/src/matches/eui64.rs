//! Whether an IPv6 source address was made of the Ethernet address (`-m eui64`).
use std::borrow::Cow;

use crate::Hook;
use crate::syntax::extension::{Extension, Families, Place, Spec, check_nothing, finish_nothing};

/// `-m eui64`: no options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eui64;

/// `-m eui64` in the language.
pub const EXTENSION: Extension<Eui64> = Extension {
    spec: Spec {
        name: "eui64",
        aliases: &[],
        families: Families::V6,
        options: &[],
        place: Place::hooks(&[Hook::Prerouting, Hook::Input, Hook::Forward]),
        help: |_| Cow::Borrowed("eui64 does not take any options\n"),
    },
    start: |_| Eui64,
    parse: |_, _, _| Ok(()),
    finish: finish_nothing,
    save: |_, _| {},
    // Linux: it has no text of its own, so that its name stands there with the blank behind it (measured).
    list: |_, out, _| out.push_str("eui64 "),
    check: check_nothing,
};

//! Another network for the destination, the same checksum (`-j DNPT`, RFC 6296).
use std::borrow::Cow;

use super::snpt::{Npt, OPTIONS, START, check, parse_option};
use crate::syntax::extension::{Extension, Families, Place, Spec, finish_nothing};
use crate::{Hook, Table};

/// `-j DNPT` in the language.
pub const EXTENSION: Extension<Npt> = Extension {
    spec: Spec {
        name: "DNPT",
        aliases: &[],
        families: Families::V6,
        options: OPTIONS,
        place: Place { tables: &[Table::Mangle], hooks: &[Hook::Prerouting, Hook::Output], protocol: None },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| START,
    parse: parse_option,
    finish: finish_nothing,
    save: |own, out| own.push(out, "--"),
    list: |own, out, _| {
        out.push_str(" DNPT");
        own.push(out, "");
    },
    check,
};

const HELP: &str = "DNPT target options:
 --src-pfx prefix/length
 --dst-pfx prefix/length

";

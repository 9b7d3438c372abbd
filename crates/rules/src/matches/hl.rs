//! The hop limit of IPv6 (`-m hl`).
use std::borrow::Cow;

use super::ttl::{Ttl, finish};
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::value::Kind;

/// `-m hl`.
pub type Hl = Ttl;

/// `-m hl` in the language.
pub const EXTENSION: Extension<Hl> = Extension {
    spec: Spec {
        name: "hl",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("hl-lt", Kind::U8).excludes(&["hl-eq", "hl-gt"]),
            OptionSpec::new("hl-gt", Kind::U8).excludes(&["hl-eq", "hl-lt"]),
            OptionSpec::new("hl-eq", Kind::U8).aliases(&["hl"]).invertible().excludes(&["hl-lt", "hl-gt"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Hl::START,
    parse: |hl, call, _| {
        hl.read(call);
        Ok(())
    },
    finish: |_, calls, _| finish(calls, "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'"),
    save: |hl, out| hl.push_saved(out, "hl"),
    list: |hl, out, _| hl.push_listed(out, "HL"),
    check: check_nothing,
};

const HELP: &str = "hl match options:
[!] --hl-eq value\tMatch hop limit value
  --hl-lt value\tMatch HL < value
  --hl-gt value\tMatch HL > value
";

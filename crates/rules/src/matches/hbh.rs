//! The options of IPv6's hop-by-hop header (`-m hbh`): as `-m dst`, of another header.
use std::borrow::Cow;

use super::dst::HeaderOptions;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;

/// `-m hbh`.
pub type Hbh = HeaderOptions;

/// `-m hbh` in the language.
pub const EXTENSION: Extension<Hbh> = Extension {
    spec: Spec {
        name: "hbh",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("hbh-len", Kind::U32).invertible(),
            OptionSpec::new("hbh-opts", Kind::Word),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Hbh::default(),
    parse: |hbh, call, _| hbh.parse(call, "PAD0 has not got length"),
    finish: finish_nothing,
    save: |hbh, out| hbh.save(out, "hbh"),
    list: |hbh, out, _| hbh.list(out, "hbh"),
    check: check_nothing,
};

const HELP: &str = "hbh match options:
[!] --hbh-len length            total length of this header
  --hbh-opts TYPE[:LEN][,TYPE[:LEN]...]\x20
                                Options and its length (list, max: 16)
";

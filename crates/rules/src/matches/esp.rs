//! Parameter indices of encrypted packets (`-m esp`).
use std::borrow::Cow;

use packet::protocol;

use super::range::{NumberRange, condition, push_listed, push_saved};
use crate::Negatable;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;

/// `-m esp`. Needs `-p esp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Esp {
    /// `--espspi`; every index, not inverted, is left out.
    pub spi: Option<Negatable<NumberRange<u32>>>,
}

/// `-m esp` in the language.
pub const EXTENSION: Extension<Esp> = Extension {
    spec: Spec {
        name: "esp",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("espspi", Kind::U32_RANGE).invertible()],
        place: Place::protocol(protocol::ESP),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Esp { spi: None },
    parse: |esp, call, _| {
        esp.spi = NumberRange::read(&call.value).and_then(|range| condition(range, call.invert));
        Ok(())
    },
    finish: finish_nothing,
    save: |esp, out| {
        if let Some(spi) = esp.spi {
            push_saved(out, "espspi", spi);
        }
    },
    list: |esp, out, _| {
        out.push_str(" esp");
        if let Some(spi) = esp.spi {
            out.push(' ');
            push_listed(out, "spi", spi);
        }
    },
    check: check_nothing,
};

const HELP: &str = "esp match options:
[!] --espspi spi[:spi]
\t\t\t\tmatch spi (range)
";

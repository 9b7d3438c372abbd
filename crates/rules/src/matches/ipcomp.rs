//! Parameter indices of compressed packets (`-m ipcomp`).
use std::borrow::Cow;

use packet::protocol;

use super::range::{NumberRange, condition, push_listed, push_saved};
use crate::Negatable;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;

/// `-m ipcomp`. Needs `-p ipcomp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipcomp {
    /// `--ipcompspi`. Linux: without the option it is index 0, not every index.
    pub spi: Negatable<NumberRange<u32>>,
    /// `--compres`: asked for, and not looked at by the kernel.
    pub reserved: bool,
}

/// `-m ipcomp` in the language.
pub const EXTENSION: Extension<Ipcomp> = Extension {
    spec: Spec {
        name: "ipcomp",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("ipcompspi", Kind::U32_RANGE).invertible(),
            OptionSpec::new("compres", Kind::Flag),
        ],
        place: Place::protocol(protocol::IPCOMP),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| {
        let value = NumberRange { first: 0, last: 0 };
        Ipcomp { spi: Negatable { invert: false, value }, reserved: false }
    },
    parse: |ipcomp, call, _| {
        match NumberRange::read(&call.value) {
            Some(value) => ipcomp.spi = Negatable { invert: call.invert, value },
            None => ipcomp.reserved = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |ipcomp, out| {
        // Why: iptables leaves out the range of all indices and reads what is left as index 0.
        push_saved(out, "ipcompspi", ipcomp.spi);
        if ipcomp.reserved {
            out.push_str(" --compres");
        }
    },
    list: |ipcomp, out, _| {
        out.push_str(" comp ");
        if let Some(spi) = condition(ipcomp.spi.value, ipcomp.spi.invert) {
            push_listed(out, "spi", spi);
        }
        if ipcomp.reserved {
            out.push_str(" reserved");
        }
    },
    check: check_nothing,
};

const HELP: &str = "comp match options:
[!] --ipcompspi spi[:spi]
\t\t\t\tmatch spi (range)
";

//! Parameter indices of authentication headers: two extensions of one name, `-m ah` of iptables and of ip6tables.
use std::borrow::Cow;

use packet::protocol;

use super::range::{NumberRange, condition, push_listed, push_saved};
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;
use crate::{Negatable, put};

/// `-m ah` of IPv4, where the header is a transport header. Needs `-p ah`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ah {
    /// `--ahspi`; every index, not inverted, is left out.
    pub spi: Option<Negatable<NumberRange<u32>>>,
}

/// `-m ah` of IPv6, where the header is an extension header. Needs no `-p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ah6 {
    /// `--ahspi`; every index, not inverted, is left out.
    pub spi: Option<Negatable<NumberRange<u32>>>,
    /// `--ahlen`: bytes of the whole header. 0, not inverted, is left out.
    pub length: Option<Negatable<u32>>,
    /// `--ahres`: the reserved field must be 0.
    pub reserved: bool,
}

const SPI: OptionSpec = OptionSpec::new("ahspi", Kind::U32_RANGE).invertible();

/// `-m ah` of IPv4 in the language.
pub const EXTENSION: Extension<Ah> = Extension {
    spec: Spec {
        name: "ah",
        aliases: &[],
        families: Families::V4,
        options: &[SPI],
        place: Place::protocol(protocol::AH),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ah { spi: None },
    parse: |ah, call, _| {
        ah.spi = NumberRange::read(&call.value).and_then(|range| condition(range, call.invert));
        Ok(())
    },
    finish: finish_nothing,
    save: |ah, out| {
        if let Some(spi) = ah.spi {
            push_saved(out, "ahspi", spi);
        }
    },
    list: |ah, out, _| {
        out.push_str(" ah ");
        if let Some(spi) = ah.spi {
            push_listed(out, "spi", spi);
        }
    },
    check: check_nothing,
};

/// `-m ah` of IPv6 in the language.
pub const EXTENSION_V6: Extension<Ah6> = Extension {
    spec: Spec {
        name: "ah",
        aliases: &[],
        families: Families::V6,
        options: &[
            SPI,
            OptionSpec::new("ahlen", Kind::U32).invertible(),
            OptionSpec::new("ahres", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP_V6),
    },
    start: |_| Ah6 { spi: None, length: None, reserved: false },
    parse: |ah, call, _| {
        let invert = call.invert;
        match call.name {
            "ahspi" => {
                ah.spi = NumberRange::read(&call.value).and_then(|range| condition(range, invert));
            }
            "ahlen" => {
                // Linux: a length of 0 is not looked at (ah_mt6).
                let value = call.value.number_u32();
                ah.length = (invert || value != 0).then_some(Negatable { invert, value });
            }
            _ => ah.reserved = true,
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |ah, out| {
        if let Some(spi) = ah.spi {
            push_saved(out, "ahspi", spi);
        }
        if let Some(length) = ah.length {
            push_not(out, length.invert);
            put!(out, " --ahlen {}", length.value);
        }
        if ah.reserved {
            out.push_str(" --ahres");
        }
    },
    list: |ah, out, _| {
        out.push_str(" ah ");
        if let Some(spi) = ah.spi {
            push_listed(out, "spi", spi);
        }
        if let Some(length) = ah.length {
            put!(out, "length:{}{}", if length.invert { "!" } else { "" }, length.value);
        }
        if ah.reserved {
            out.push_str(" reserved");
        }
    },
    check: check_nothing,
};

const HELP: &str = "ah match options:
[!] --ahspi spi[:spi]
\t\t\t\tmatch spi (range)
";

const HELP_V6: &str = "ah match options:
[!] --ahspi spi[:spi]          match spi (range)
[!] --ahlen length             total length of this header
 --ahres                       check the reserved field too
";

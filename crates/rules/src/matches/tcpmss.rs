//! The largest segment that TCP announces (`-m tcpmss`).
use std::borrow::Cow;

use packet::protocol;

use super::range::NumberRange;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m tcpmss`. Needs `-p tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcpmss {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// `--mss`: the value of the option in bytes.
    pub range: NumberRange<u16>,
}

/// `-m tcpmss` in the language.
pub const EXTENSION: Extension<Tcpmss> = Extension {
    spec: Spec {
        name: "tcpmss",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("mss", Kind::U16_RANGE).invertible().mandatory()],
        place: Place::protocol(protocol::TCP),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Tcpmss { invert: false, range: NumberRange { first: 0, last: 0 } },
    parse: |tcpmss, call, _| {
        if let Some(range) = NumberRange::read(&call.value) {
            *tcpmss = Tcpmss { invert: call.invert, range };
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |tcpmss, out| {
        push_not(out, tcpmss.invert);
        out.push_str(" --mss ");
        tcpmss.range.push(out);
    },
    list: |tcpmss, out, _| {
        out.push_str(" tcpmss match ");
        if tcpmss.invert {
            out.push('!');
        }
        tcpmss.range.push(out);
    },
    check: check_nothing,
};

const HELP: &str = "tcpmss match options:
[!] --mss value[:value]\tMatch TCP MSS range.
\t\t\t\t(only valid for TCP SYN or SYN/ACK packets)
";

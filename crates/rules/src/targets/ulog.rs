//! The forerunner of NFLOG (`-j ULOG`). Kernels have not had it for years.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_quoted;
use crate::syntax::value::Kind;

/// `-j ULOG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulog {
    /// `--ulog-nlgroup`: 1 to 32.
    pub group: u8,
    /// `--ulog-prefix`: at most 31 bytes; empty: none.
    pub prefix: Box<str>,
    /// `--ulog-cprange`: bytes of a packet that are sent; 0: all.
    pub copy_range: u32,
    /// `--ulog-qthreshold`: packets that are gathered before they are sent, 1 to 50.
    pub threshold: u8,
}

/// `-j ULOG` in the language.
pub const EXTENSION: Extension<Ulog> = Extension {
    spec: Spec {
        name: "ULOG",
        aliases: &[],
        families: Families::V4,
        options: &[
            OptionSpec::new("ulog-nlgroup", Kind::Number { min: 1, max: 32 }),
            OptionSpec::new("ulog-prefix", Kind::Text { min: 1, max: 0, cut: 31 }),
            OptionSpec::new("ulog-cprange", Kind::U64),
            OptionSpec::new("ulog-qthreshold", Kind::Number { min: 1, max: 50 }),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ulog { group: 1, prefix: "".into(), copy_range: 0, threshold: 1 },
    parse: parse_option,
    finish: finish_nothing,
    save: |ulog, out| {
        if !ulog.prefix.is_empty() {
            out.push_str(" --ulog-prefix");
            push_quoted(out, &ulog.prefix);
        }
        if ulog.group != 1 {
            put!(out, " --ulog-nlgroup {}", ulog.group);
        }
        if ulog.copy_range != 0 {
            put!(out, " --ulog-cprange {}", ulog.copy_range);
        }
        if ulog.threshold != 1 {
            put!(out, " --ulog-qthreshold {}", ulog.threshold);
        }
    },
    list: |ulog, out, _| {
        put!(out, " ULOG copy_range {} nlgroup {}", ulog.copy_range, ulog.group);
        if !ulog.prefix.is_empty() {
            put!(out, " prefix \"{}\"", ulog.prefix);
        }
        put!(out, " queue_threshold {}", ulog.threshold);
    },
    check: check_nothing,
};

fn parse_option(ulog: &mut Ulog, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    match call.name {
        "ulog-nlgroup" => ulog.group = call.value.number_u8(),
        "ulog-prefix" => {
            if call.value.text().contains('\n') {
                return Err(call.error("Newlines not allowed in --ulog-prefix"));
            }
            ulog.prefix = call.value.text().into();
        }
        // Linux: of larger numbers the low 32 bits are printed.
        "ulog-cprange" => {
            ulog.copy_range = u32::try_from(call.value.number() & 0xffff_ffff).unwrap_or(u32::MAX);
        }
        _ => ulog.threshold = call.value.number_u8(),
    }
    Ok(())
}

const HELP: &str = "ULOG target options:
 --ulog-nlgroup nlgroup\t\tNETLINK group used for logging
 --ulog-cprange size\t\tBytes of each packet to be passed
 --ulog-qthreshold\t\tThreshold of in-kernel queue
 --ulog-prefix prefix\t\tPrefix log messages with this prefix.
";

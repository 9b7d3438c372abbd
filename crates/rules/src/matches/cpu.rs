//! The processor that handles a packet (`-m cpu`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The number of the processor, from 0.
    pub number: u32,
}

/// `-m cpu` in the language.
pub const EXTENSION: Extension<Cpu> = Extension {
    spec: Spec {
        name: "cpu",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("cpu", Kind::U32).invertible().mandatory()],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Cpu { invert: false, number: 0 },
    parse: |cpu, call, _| {
        *cpu = Cpu { invert: call.invert, number: call.value.number_u32() };
        Ok(())
    },
    finish: finish_nothing,
    save: |cpu, out| {
        push_not(out, cpu.invert);
        put!(out, " --cpu {}", cpu.number);
    },
    list: |cpu, out, _| put!(out, " cpu {}{}", if cpu.invert { "! " } else { "" }, cpu.number),
    check: check_nothing,
};

const HELP: &str = "cpu match options:
[!] --cpu number   Match CPU number
";

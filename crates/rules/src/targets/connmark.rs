//! Sets, saves or restores the connection mark (`-j CONNMARK`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::value::{Kind, Value};

/// `-j CONNMARK` (F34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connmark {
    /// What it does.
    pub operation: Operation,
    /// The connection mark's value for `Set`.
    pub value: u32,
    /// `--ctmask`, or the mask of `--set-xmark`.
    pub connection_mask: u32,
    /// `--nfmask`; all ones for `Set`, which does not look at the packet's mark.
    pub packet_mask: u32,
    /// Bits by which the mark is shifted; positive to the left, negative to the right.
    pub shift: i8,
}

/// What `-j CONNMARK` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `--set-xmark`: ctmark = (ctmark & !mask) ^ value.
    Set,
    /// `--save-mark`: from the packet to the connection.
    Save,
    /// `--restore-mark`: from the connection to the packet.
    Restore,
}

/// The options that say what is done, of which exactly one must be there.
const OPERATIONS: &[&str] =
    &["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark", "save-mark", "restore-mark"];

/// `-j CONNMARK` in the language.
pub const EXTENSION: Extension<Connmark> = Extension {
    spec: Spec {
        name: "CONNMARK",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("set-xmark", Kind::Mark).excludes(OPERATIONS),
            OptionSpec::new("set-mark", Kind::Mark).excludes(OPERATIONS),
            OptionSpec::new("and-mark", Kind::U32).excludes(OPERATIONS),
            OptionSpec::new("or-mark", Kind::U32).excludes(OPERATIONS),
            OptionSpec::new("xor-mark", Kind::U32).excludes(OPERATIONS),
            OptionSpec::new("save-mark", Kind::Flag).excludes(OPERATIONS),
            OptionSpec::new("restore-mark", Kind::Flag).excludes(OPERATIONS),
            OptionSpec::new("left-shift-mark", Kind::Number { min: 0, max: 32 }),
            OptionSpec::new("right-shift-mark", Kind::Number { min: 0, max: 32 }),
            OptionSpec::new("ctmask", Kind::U32).excludes(&["mask"]),
            OptionSpec::new("nfmask", Kind::U32).excludes(&["mask"]),
            OptionSpec::new("mask", Kind::U32),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Connmark {
        operation: Operation::Set,
        value: 0,
        connection_mask: u32::MAX,
        packet_mask: u32::MAX,
        shift: 0,
    },
    parse: parse_option,
    finish: |connmark, calls: &Calls, _| {
        if !OPERATIONS.iter().any(|name| calls.has(&EXTENSION.spec, name)) {
            return Err(calls.error("CONNMARK target: No operation specified"));
        }
        if connmark.operation == Operation::Set {
            connmark.packet_mask = u32::MAX;
        }
        Ok(())
    },
    save: |connmark, out| {
        match connmark.operation {
            Operation::Set => {
                put!(out, " --set-xmark 0x{:x}/0x{:x}", connmark.value, connmark.connection_mask)
            }
            Operation::Save => out.push_str(" --save-mark"),
            Operation::Restore => out.push_str(" --restore-mark"),
        }
        if connmark.operation != Operation::Set {
            put!(out, " --nfmask 0x{:x} --ctmask 0x{:x}", connmark.packet_mask, connmark.connection_mask);
        }
        connmark.push_shift(out, "--");
    },
    list: |connmark, out, _| {
        out.push_str(" CONNMARK");
        let Connmark { value, connection_mask: ctmask, packet_mask: nfmask, .. } = *connmark;
        match connmark.operation {
            // Linux: the shortest form that says the same, tried in this order.
            Operation::Set if value == 0 => put!(out, " and 0x{:x}", !ctmask),
            Operation::Set if value == ctmask => put!(out, " or 0x{value:x}"),
            Operation::Set if ctmask == 0 => put!(out, " xor 0x{value:x}"),
            Operation::Set if ctmask == u32::MAX => put!(out, " set 0x{value:x}"),
            Operation::Set => put!(out, " xset 0x{value:x}/0x{ctmask:x}"),
            operation => {
                let save = operation == Operation::Save;
                out.push_str(if save { " save" } else { " restore" });
                if nfmask == ctmask {
                    if nfmask != u32::MAX {
                        put!(out, " mask 0x{nfmask:x}");
                    }
                } else if save {
                    put!(out, " nfmask 0x{nfmask:x} ctmask ~0x{ctmask:x}");
                } else {
                    put!(out, " ctmask 0x{ctmask:x} nfmask ~0x{nfmask:x}");
                }
            }
        }
        connmark.push_shift(out, "");
    },
    check,
};

/// The options are done in the order typed: a mask behind `--set-mark` replaces that of the option, one before it does
/// not count; of two shifts the last one does.
fn parse_option(connmark: &mut Connmark, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let bits = call.value.number_u32();
    let shift = i8::try_from(call.value.number()).unwrap_or(i8::MAX);
    let mut set = |value, mask| {
        connmark.operation = Operation::Set;
        connmark.value = value;
        connmark.connection_mask = mask;
    };
    match (call.name, &call.value) {
        ("set-xmark", &Value::Mark { value, mask }) => set(value, mask),
        ("set-mark", &Value::Mark { value, mask }) => set(value, value | mask),
        ("and-mark", _) => set(0, !bits),
        ("or-mark", _) => set(bits, bits),
        ("xor-mark", _) => set(bits, 0),
        ("save-mark", _) => connmark.operation = Operation::Save,
        ("restore-mark", _) => connmark.operation = Operation::Restore,
        ("left-shift-mark", _) => connmark.shift = shift,
        ("right-shift-mark", _) => connmark.shift = -shift,
        ("ctmask", _) => connmark.connection_mask = bits,
        ("nfmask", _) => connmark.packet_mask = bits,
        _ => {
            connmark.connection_mask = bits;
            connmark.packet_mask = bits;
        }
    }
    Ok(())
}

impl Connmark {
    fn push_shift(&self, out: &mut String, dashes: &str) {
        match self.shift {
            0 => {}
            left if left > 0 => put!(out, " {dashes}left-shift-mark {left}"),
            right => put!(out, " {dashes}right-shift-mark {}", right.unsigned_abs()),
        }
    }
}

/// Linux: `connmark_tg_check_v2` in xt_connmark.c.
fn check(connmark: &Connmark, _: &Site<'_>) -> Result<(), Refusal> {
    if connmark.shift.unsigned_abs() > 31 {
        return Err(Refusal::invalid("a mark can be shifted by 31 bits at most"));
    }
    Ok(())
}

const HELP: &str = "CONNMARK target options:
  --set-xmark value[/ctmask]    Zero mask bits and XOR ctmark with value
  --save-mark [--ctmask mask] [--nfmask mask]
                                Copy ctmark to nfmark using masks
  --restore-mark [--ctmask mask] [--nfmask mask]
                                Copy nfmark to ctmark using masks
  --set-mark value[/mask]       Set conntrack mark value
  --save-mark [--mask mask]     Save the packet nfmark in the connection
  --restore-mark [--mask mask]  Restore saved nfmark value
  --and-mark value              Binary AND the ctmark with bits
  --or-mark value               Binary OR  the ctmark with bits
  --xor-mark value              Binary XOR the ctmark with bits
  --left-shift-mark value       Left shift the ctmark with bits
  --right-shift-mark value      Right shift the ctmark with bits
";

//! A program of the classic packet filter (`-m bpf`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::value::Kind;

/// `-m bpf`. The rule matches if the program returns anything but 0.
///
/// `--object-pinned` names a program in the kernel of another machine; there are none here, so that it is always refused in
/// iptables' words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bpf {
    /// `--bytecode`: 1 to 64 instructions.
    pub program: Box<[Instruction]>,
}

/// One instruction (Linux: `struct sock_filter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// Class, size, mode, source.
    pub code: u16,
    /// How many instructions are left out if a condition holds.
    pub jump_true: u8,
    /// How many instructions are left out if it does not.
    pub jump_false: u8,
    /// The constant.
    pub constant: u32,
}

/// The most instructions (`XT_BPF_MAX_NUM_INSTR`).
pub const MOST: usize = 64;

/// Absolute loads from here on ask for what the kernel knows besides the bytes (`SKF_AD_OFF`).
pub const ANCILLARY: u32 = 0xffff_f000;

/// `-m bpf` in the language.
pub const EXTENSION: Extension<Bpf> = Extension {
    spec: Spec {
        name: "bpf",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("bytecode", Kind::Word), OptionSpec::new("object-pinned", Kind::Word)],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Bpf::default(),
    parse: |bpf, call, _| {
        if call.name == "object-pinned" {
            let error = call.error("bpf: failed to get bpf object");
            return Err(
                error.because("a pinned object is a program in a kernel; oxitables has no such programs")
            );
        }
        bpf.program = program(call)?;
        Ok(())
    },
    finish: |_, calls: &Calls, _: &mut Context<'_>| {
        if calls.is_empty() {
            return Err(calls.error("bpf: one of --bytecode or --pinned is required"));
        }
        Ok(())
    },
    save: |bpf, out| {
        put!(out, " --bytecode \"{},", bpf.program.len());
        bpf.push(out);
        out.push('"');
    },
    // Linux: bpf_print has no blank in front, and ends in a NUL.
    list: |bpf, out, _| {
        out.push_str("match bpf ");
        bpf.push(out);
        out.push('\0');
    },
    check,
};

/// `NUMBER,CODE JT JF K,…`, read as `sscanf` does: decimal, what is too large for its field loses its upper bits, and what
/// stands behind the fourth number of an instruction does not count.
fn program(call: &OptionCall<'_>) -> Result<Box<[Instruction]>, Error> {
    let text = call.text();
    let length = scan(text).filter(|(_, rest)| rest.starts_with(','));
    let Some((length, _)) = length else {
        return Err(call.error("bpf: error parsing program length"));
    };
    let length = usize::from(length as u16);
    if length == 0 {
        return Err(call.error("bpf: illegal zero length program"));
    }
    if length > MOST {
        return Err(call.error("bpf: number of instructions exceeds maximum"));
    }
    let mut program = Vec::with_capacity(length);
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(',').filter(|(_, behind)| !behind.is_empty()) {
        rest = behind;
        let from = text.len() - rest.len();
        let to = rest.find(',').map_or(text.len(), |comma| from + comma);
        if program.len() >= length {
            let words = "bpf: real program length exceeds the encoded length parameter";
            return Err(call.error_at(from, text.len(), words));
        }
        let one = instruction(rest)
            .ok_or_else(|| call.error_at(from, to, format!("bpf: error at instr {}", program.len())))?;
        program.push(one);
    }
    if program.len() != length {
        return Err(call.error("bpf: parsed program length is less than the encoded length parameter"));
    }
    Ok(program.into())
}

fn instruction(text: &str) -> Option<Instruction> {
    let (code, text) = scan(text)?;
    let (jump_true, text) = scan(text)?;
    let (jump_false, text) = scan(text)?;
    let (constant, _) = scan(text)?;
    Some(Instruction {
        code: code as u16,
        jump_true: jump_true as u8,
        jump_false: jump_false as u8,
        constant: constant as u32,
    })
}

/// `%u` of `sscanf`: a decimal number behind blanks and a sign, and what follows. More than 64 bits are all ones.
fn scan(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let value = digits.parse().unwrap_or(u64::MAX);
    let negative = text.starts_with('-') && value != u64::MAX;
    Some((if negative { value.wrapping_neg() } else { value }, rest))
}

impl Bpf {
    fn push(&self, out: &mut String) {
        for (at, one) in self.program.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            put!(out, "{comma}{} {} {} {}", one.code, one.jump_true, one.jump_false, one.constant);
        }
    }
}

/// The codes of classic programs, each written once.
pub mod code {
    /// A = 4 bytes of the packet at a place.
    pub const LOAD_WORD: u16 = 0x20;
    /// A = 2 bytes at a place.
    pub const LOAD_HALF: u16 = 0x28;
    /// A = 1 byte at a place.
    pub const LOAD_BYTE: u16 = 0x30;
    /// A = 4 bytes at X and a place.
    pub const LOAD_WORD_AT_X: u16 = 0x40;
    /// A = 2 bytes at X and a place.
    pub const LOAD_HALF_AT_X: u16 = 0x48;
    /// A = 1 byte at X and a place.
    pub const LOAD_BYTE_AT_X: u16 = 0x50;
    /// A = the packet's length.
    pub const LOAD_LENGTH: u16 = 0x80;
    /// A = the constant.
    pub const LOAD: u16 = 0x00;
    /// A = a cell of memory.
    pub const LOAD_MEMORY: u16 = 0x60;
    /// X = the constant.
    pub const LOAD_X: u16 = 0x01;
    /// X = a cell of memory.
    pub const LOAD_X_MEMORY: u16 = 0x61;
    /// X = the packet's length.
    pub const LOAD_X_LENGTH: u16 = 0x81;
    /// X = four times the low half of a byte: the length of an IPv4 header.
    pub const LOAD_X_HEADER: u16 = 0xb1;
    /// A cell of memory = A.
    pub const STORE: u16 = 0x02;
    /// A cell of memory = X.
    pub const STORE_X: u16 = 0x03;
    /// The class of arithmetic: the operation is in the bits 4 to 7, bit 3 says that X is meant instead of the constant.
    pub const ARITHMETIC: u16 = 0x04;
    /// The class of jumps, with the same bits.
    pub const JUMP: u16 = 0x05;
    /// Instead of the constant, X.
    pub const WITH_X: u16 = 0x08;
    /// Addition.
    pub const ADD: u16 = 0x00;
    /// Subtraction.
    pub const SUBTRACT: u16 = 0x10;
    /// Multiplication.
    pub const MULTIPLY: u16 = 0x20;
    /// Division.
    pub const DIVIDE: u16 = 0x30;
    /// Bits of either.
    pub const OR: u16 = 0x40;
    /// Bits of both.
    pub const AND: u16 = 0x50;
    /// Shift to the left.
    pub const LEFT: u16 = 0x60;
    /// Shift to the right.
    pub const RIGHT: u16 = 0x70;
    /// A = -A; has no operand.
    pub const NEGATE: u16 = 0x80;
    /// Remainder.
    pub const REMAINDER: u16 = 0x90;
    /// Bits of one of both.
    pub const XOR: u16 = 0xa0;
    /// Jump always, by the constant.
    pub const ALWAYS: u16 = 0x00;
    /// Jump if A is the operand.
    pub const EQUAL: u16 = 0x10;
    /// Jump if A is larger.
    pub const GREATER: u16 = 0x20;
    /// Jump if A is not smaller.
    pub const GREATER_OR_EQUAL: u16 = 0x30;
    /// Jump if they share a bit.
    pub const BITS: u16 = 0x40;
    /// Return the constant.
    pub const RETURN: u16 = 0x06;
    /// Return A.
    pub const RETURN_A: u16 = 0x16;
    /// X = A.
    pub const TO_X: u16 = 0x07;
    /// A = X.
    pub const TO_A: u16 = 0x87;
}

/// Cells of memory.
pub const CELLS: u32 = 16;

/// Linux: `bpf_check_classic` and `check_load_and_stores` in net/core/filter.c: known codes, jumps within the program,
/// no division by the constant 0, cells that have been written before they are read, a return at the end.
fn check(bpf: &Bpf, _: &Site<'_>) -> Result<(), Refusal> {
    let program = &bpf.program;
    let refuse =
        |at: usize, what: &str| Err(Refusal::invalid(format!("instruction {at} of the program: {what}")));
    for (at, one) in program.iter().enumerate() {
        let behind = program.len() - at - 1;
        let inside = |jump: u32| usize::try_from(jump).is_ok_and(|jump| jump < behind);
        match one.code {
            code::LOAD_WORD | code::LOAD_HALF | code::LOAD_BYTE => {
                if one.constant >= ANCILLARY && !(one.constant < ANCILLARY + 64 && one.constant % 4 == 0) {
                    return refuse(at, "there is no such ancillary datum");
                }
            }
            code::LOAD_WORD_AT_X | code::LOAD_HALF_AT_X | code::LOAD_BYTE_AT_X => {}
            code::LOAD | code::LOAD_X | code::LOAD_LENGTH | code::LOAD_X_LENGTH | code::LOAD_X_HEADER => {}
            code::TO_X | code::TO_A | code::RETURN | code::RETURN_A => {}
            code::LOAD_MEMORY | code::LOAD_X_MEMORY | code::STORE | code::STORE_X => {
                if one.constant >= CELLS {
                    return refuse(at, "the memory has 16 cells");
                }
            }
            code if code & 7 == code::ARITHMETIC && code <= 0xff => {
                match (code & 0xf0, code & code::WITH_X != 0) {
                    (code::DIVIDE | code::REMAINDER, false) if one.constant == 0 => {
                        return refuse(at, "division by 0");
                    }
                    (code::LEFT | code::RIGHT, false) if one.constant > 31 => {
                        return refuse(at, "it shifts all 32 bits away");
                    }
                    (code::NEGATE, false) => {}
                    (operation, _) if operation <= code::XOR && operation != code::NEGATE => {}
                    _ => return refuse(at, "there is no such instruction"),
                }
            }
            code if code & 7 == code::JUMP && code <= 0xff => match (code & 0xf0, code & code::WITH_X != 0) {
                (code::ALWAYS, false) if !inside(one.constant) => {
                    return refuse(at, "it jumps behind the end");
                }
                (code::ALWAYS, false) => {}
                (code::EQUAL | code::GREATER | code::GREATER_OR_EQUAL | code::BITS, _) => {
                    if !inside(one.jump_true.into()) || !inside(one.jump_false.into()) {
                        return refuse(at, "it jumps behind the end");
                    }
                }
                _ => return refuse(at, "there is no such instruction"),
            },
            _ => return refuse(at, "there is no such instruction"),
        }
    }
    match program.last() {
        Some(Instruction { code: code::RETURN | code::RETURN_A, .. }) => {}
        _ => return refuse(program.len().saturating_sub(1), "the last one must be a return"),
    }
    check_memory(program)
}

/// No cell is read that was not written on every way to the reading.
fn check_memory(program: &[Instruction]) -> Result<(), Refusal> {
    let mut known = vec![u16::MAX; program.len()];
    let mut written = 0_u16;
    for (at, one) in program.iter().enumerate() {
        written &= known.get(at).copied().unwrap_or(0);
        let cell = 1_u16.checked_shl(one.constant).unwrap_or(0);
        let mut meet = |jump: usize, written: u16| {
            if let Some(known) = known.get_mut(at + 1 + jump) {
                *known &= written;
            }
        };
        match one.code {
            code::STORE | code::STORE_X => written |= cell,
            code::LOAD_MEMORY | code::LOAD_X_MEMORY if written & cell == 0 => {
                let words = format!("instruction {at} of the program: it reads a cell that was not written");
                return Err(Refusal::invalid(words));
            }
            code if code == code::JUMP | code::ALWAYS => {
                meet(usize::try_from(one.constant).unwrap_or(usize::MAX - MOST), written);
                written = u16::MAX;
            }
            code if code & 7 == code::JUMP => {
                meet(one.jump_true.into(), written);
                meet(one.jump_false.into(), written);
                written = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}

const HELP: &str = "bpf match options:
--bytecode <program>\t        : a bpf program as generated by
                                 $(nfbpf_compile RAW '<filter>')
--object-pinned <bpf object>\t: a path to a pinned BPF object in bpf fs
";

#[cfg(test)]
mod tests;

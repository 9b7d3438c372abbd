//! `-j CONNMARK`. nft 1.0.6 computes with one field and constants, not with two fields: bits of one mark between bits of
//! the other are copied one by one.
use super::mark::changed;
use crate::targets::connmark::{Connmark, Operation};
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Connmark, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let Connmark { operation, value, connection_mask, packet_mask, shift } = *own;
    match operation {
        Operation::Set if connection_mask == u32::MAX => {
            expression.statement(format!("ct mark set 0x{:x}", moved(value, shift)));
        }
        Operation::Set => {
            let text = shifted(&changed("ct mark", value, connection_mask), shift);
            expression.statement(format!("ct mark set {text}"));
        }
        Operation::Save if connection_mask == u32::MAX => {
            expression.statement(format!("ct mark set {}", shifted(&masked("mark", packet_mask), shift)));
        }
        Operation::Restore if packet_mask == u32::MAX => {
            expression
                .statement(format!("meta mark set {}", shifted(&masked("ct mark", connection_mask), shift)));
        }
        Operation::Save => {
            let clear = format!("ct mark set ct mark and 0x{:x}", !connection_mask);
            let copy = bits(packet_mask, shift, "mark", "ct mark set ct mark");
            expression.steps(std::iter::once(clear).chain(copy));
        }
        Operation::Restore => {
            // Why: without a connection the first condition does not hold, and the packet's mark stays.
            let clear = format!("ct mark and 0x0 == 0x0 meta mark set mark and 0x{:x}", !packet_mask);
            let copy = bits(connection_mask, shift, "ct mark", "meta mark set mark");
            expression.steps(std::iter::once(clear).chain(copy));
        }
    }
    Ok(())
}

/// For each bit of a mask a rule that turns the bit of the other mark if this one has it.
fn bits<'a>(mask: u32, shift: i8, from: &'a str, to: &'a str) -> impl Iterator<Item = String> + 'a {
    let bits = (0..u32::BITS).map(|bit| 1_u32 << bit).filter(move |bit| mask & bit != 0);
    let pairs = bits.map(move |bit| (bit, moved(bit, shift))).filter(|(_, to)| *to != 0);
    pairs.map(move |(bit, turned)| format!("{from} and 0x{bit:x} == 0x{bit:x} {to} xor 0x{turned:x}"))
}

fn masked(key: &str, mask: u32) -> String {
    if mask == u32::MAX { key.to_owned() } else { format!("{key} and 0x{mask:x}") }
}

/// A number shifted as the kernel does it.
fn moved(value: u32, shift: i8) -> u32 {
    let bits = u32::from(shift.unsigned_abs());
    let moved = if shift < 0 { value.checked_shr(bits) } else { value.checked_shl(bits) };
    moved.unwrap_or(0)
}

fn shifted(text: &str, shift: i8) -> String {
    let bits = shift.unsigned_abs();
    let text =
        if matches!(text, "mark" | "ct mark") || shift == 0 { text.to_owned() } else { format!("({text})") };
    match shift {
        0 => text,
        ..0 => format!("{text} >> {bits}"),
        _ => format!("{text} << {bits}"),
    }
}

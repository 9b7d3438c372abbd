//! `-j CONNMARK`. nft 1.0.6 computes with one field and constants, not with two fields.
use super::mark::changed;
use crate::targets::connmark::{Connmark, Operation};
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Connmark, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let Connmark { operation, value, connection_mask, packet_mask, shift } = *own;
    let text = match operation {
        Operation::Set if connection_mask == u32::MAX => {
            let bits = u32::from(shift.unsigned_abs());
            let shifted = if shift < 0 { value.checked_shr(bits) } else { value.checked_shl(bits) };
            format!("ct mark set 0x{:x}", shifted.unwrap_or(0))
        }
        Operation::Set => {
            format!("ct mark set {}", shifted(&changed("ct mark", value, connection_mask), shift))
        }
        Operation::Save if connection_mask == u32::MAX => {
            format!("ct mark set {}", shifted(&masked("mark", packet_mask), shift))
        }
        Operation::Restore if packet_mask == u32::MAX => {
            format!("meta mark set {}", shifted(&masked("ct mark", connection_mask), shift))
        }
        Operation::Save | Operation::Restore => {
            let why = "nft cannot put bits of one mark between bits of the other";
            return Err(Untranslatable::new("-j CONNMARK --save-mark or --restore-mark with masks", why));
        }
    };
    expression.statement(text);
    Ok(())
}

fn masked(key: &str, mask: u32) -> String {
    if mask == u32::MAX { key.to_owned() } else { format!("{key} and 0x{mask:x}") }
}

fn shifted(text: &str, shift: i8) -> String {
    let bits = shift.unsigned_abs();
    match (shift, text.contains(' ') && !matches!(text, "ct mark")) {
        (0, _) => text.to_owned(),
        (..0, true) => format!("({text}) >> {bits}"),
        (..0, false) => format!("{text} >> {bits}"),
        (_, true) => format!("({text}) << {bits}"),
        (_, false) => format!("{text} << {bits}"),
    }
}

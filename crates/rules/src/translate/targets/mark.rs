//! `-j MARK`.
use crate::targets::mark::Mark;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Mark, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.statement(format!("meta mark set {}", changed("mark", own.value, own.mask)));
    Ok(())
}

/// (key & !mask) ^ value, in the shortest words.
pub(super) fn changed(key: &str, value: u32, mask: u32) -> String {
    match (value, mask) {
        (value, u32::MAX) => format!("0x{value:x}"),
        (value, 0) => format!("{key} xor 0x{value:x}"),
        (value, mask) if value == mask => format!("{key} or 0x{value:x}"),
        (0, mask) => format!("{key} and 0x{:x}", !mask),
        (value, mask) => format!("{key} and 0x{:x} xor 0x{value:x}", !mask),
    }
}

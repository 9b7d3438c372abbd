//! `-m mark`.
use crate::matches::mark::Mark;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Mark, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    compare("mark", own, expression);
    Ok(())
}

/// `key 0x1`, or `key and 0xff == 0x1`.
pub(super) fn compare(key: &str, own: &Mark, expression: &mut Expression<'_>) {
    if own.mask == u32::MAX {
        expression.compare(key, own.invert, format_args!("0x{:x}", own.value));
    } else {
        let sign = if own.invert { "!=" } else { "==" };
        expression.condition(format!("{key} and 0x{:x} {sign} 0x{:x}", own.mask, own.value));
    }
}

//! `-m mac`. Without an Ethernet header neither side matches, inverted or not.
use crate::matches::mac::Mac;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Mac, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let digits = own.source.value.map(|byte| format!("{byte:02x}")).join(":");
    expression.compare("ether saddr", own.source.invert, digits);
    Ok(())
}

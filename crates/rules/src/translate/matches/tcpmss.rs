//! `-m tcpmss`. A packet without the option matches where the condition is inverted.
use crate::matches::tcpmss::Tcpmss;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Tcpmss, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let text = format!("tcp option maxseg size {}", super::numbers(own.range));
    if own.invert {
        expression.unless("-m tcpmss !", text);
    } else {
        expression.condition(text);
    }
    Ok(())
}

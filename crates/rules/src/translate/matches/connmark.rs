//! `-m connmark`. Without a connection neither side matches, inverted or not.
use crate::matches::connmark::Connmark;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Connmark, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    super::mark::compare("ct mark", own, expression);
    Ok(())
}

//! `-m comment`.
use crate::matches::comment::Comment;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Comment, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.comment(&own.text);
    Ok(())
}

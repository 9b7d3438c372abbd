//! `-m limit`: the same bucket, in nanoseconds instead of jiffies.
use crate::matches::limit::Limit;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Limit, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let (count, unit) = own.rate();
    expression.stateful(format!("limit rate {count}/{unit} burst {} packets", own.burst));
    Ok(())
}

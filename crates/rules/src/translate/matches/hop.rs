//! `-m ttl` and `-m hl`.
use packet::Family;

use crate::matches::ttl::{Comparison, Ttl};
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Ttl, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let key = if expression.site.family == Family::V4 { "ip ttl" } else { "ip6 hoplimit" };
    match own.comparison {
        Comparison::Equal => expression.field(key, "0xff", false, own.value),
        Comparison::NotEqual => expression.field(key, "0xff", true, own.value),
        Comparison::Less => expression.condition(format!("{key} lt {}", own.value)),
        Comparison::Greater => expression.condition(format!("{key} gt {}", own.value)),
    }
    Ok(())
}

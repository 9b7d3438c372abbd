//! `-m devgroup` and `-m realm`: numbers with a mask.
use crate::Negatable;
use crate::matches::devgroup::Devgroup;
use crate::matches::named::NamedValue;
use crate::matches::realm::Realm;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Devgroup, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    for (key, group) in [("iifgroup", &own.source), ("oifgroup", &own.destination)] {
        if let Some(group) = group {
            compare(key, group, expression);
        }
    }
    Ok(())
}

pub(super) fn translate_realm(own: &Realm, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    compare("rtclassid", &own.realm, expression);
    Ok(())
}

fn compare(key: &str, own: &Negatable<NamedValue>, expression: &mut Expression<'_>) {
    let NamedValue { value, mask, .. } = own.value;
    if mask == u32::MAX {
        expression.compare(key, own.invert, format_args!("0x{value:x}"));
    } else {
        let sign = if own.invert { "!=" } else { "==" };
        expression.condition(format!("{key} and 0x{mask:x} {sign} 0x{value:x}"));
    }
}

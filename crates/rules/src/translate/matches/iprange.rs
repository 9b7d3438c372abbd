//! `-m iprange`. A range whose end lies before its start holds no address.
use crate::matches::iprange::Iprange;
use crate::syntax::text::push_address;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Iprange, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    for (key, range) in [("saddr", own.source), ("daddr", own.destination)] {
        let Some(range) = range else { continue };
        let (from, to) = range.value;
        if from > to {
            if !range.invert {
                expression.never();
            }
            continue;
        }
        let mut text = String::new();
        push_address(&mut text, from);
        if from != to {
            text.push('-');
            push_address(&mut text, to);
        }
        expression.compare(&format!("{} {key}", expression.family()), range.invert, text);
    }
    Ok(())
}

//! `-m rpfilter`.
use crate::matches::rpfilter::Rpfilter;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Rpfilter, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.accept_local {
        let why = "for nft no address of the machine itself has a way back";
        return Err(Untranslatable::new("-m rpfilter --accept-local", why));
    }
    let mark = if own.valid_mark { ". mark " } else { "" };
    let device = if own.loose { "" } else { ". iif " };
    let found = if own.invert { "0" } else { "!= 0" };
    expression.condition(format!("fib saddr {mark}{device}oif {found}"));
    Ok(())
}

//! `-m ah`, `-m esp` and `-m ipcomp`: the index of a security association. In IPv6 the authentication header is an
//! extension header, which nft does not look at.
use crate::Negatable;
use crate::matches::ah::{Ah, Ah6};
use crate::matches::esp::Esp;
use crate::matches::ipcomp::Ipcomp;
use crate::matches::range::NumberRange;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Ah, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.implies_protocol();
    index("ah spi", own.spi, expression);
    Ok(())
}

pub(super) fn translate_v6(_: &Ah6, _: &mut Expression<'_>) -> Result<(), Untranslatable> {
    Err(Untranslatable::new("-m ah", "nft does not look at the authentication header of IPv6"))
}

pub(super) fn translate_esp(own: &Esp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.implies_protocol();
    index("esp spi", own.spi, expression);
    Ok(())
}

pub(super) fn translate_ipcomp(own: &Ipcomp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.implies_protocol();
    const LAST: u32 = 0xffff;
    let Negatable { invert, value: NumberRange { first, last } } = own.spi;
    match (first > LAST, invert) {
        // More than the field of 16 bits holds.
        (true, false) => expression.never(),
        (true, true) => expression.condition("comp cpi >= 0"),
        (false, _) if first == last => expression.field("comp cpi", "0xffff", invert, first),
        (false, _) => expression.compare("comp cpi", invert, format_args!("{first}-{}", last.min(LAST))),
    }
    Ok(())
}

/// An index of 32 bits; without a condition: the header can be read.
fn index(key: &str, own: Option<Negatable<NumberRange<u32>>>, expression: &mut Expression<'_>) {
    match own {
        None => expression.condition(format!("{key} >= 0")),
        Some(own) => expression.compare(key, own.invert, super::numbers(own.value)),
    }
}

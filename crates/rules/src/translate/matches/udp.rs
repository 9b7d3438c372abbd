//! `-m udp`.
use super::tcp;
use crate::matches::udp::Udp;
use crate::translate::{Expression, Untranslatable};

pub(super) fn translate(own: &Udp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.implies_protocol();
    let source = tcp::ports("udp sport", own.source, expression);
    let destination = tcp::ports("udp dport", own.destination, expression);
    if !source && !destination {
        tcp::header_is_there("udp", expression);
    }
    Ok(())
}

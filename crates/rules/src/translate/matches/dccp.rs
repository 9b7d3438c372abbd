//! `-m dccp`.
use super::tcp;
use crate::matches::dccp::Dccp;
use crate::translate::{Expression, Untranslatable};

/// The names of nft for types 0 to 9; the others are numbers.
const TYPES: [&str; 10] =
    ["request", "response", "data", "ack", "dataack", "closereq", "close", "reset", "sync", "syncack"];

pub(super) fn translate(own: &Dccp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    if own.option.is_some() {
        return Err(Untranslatable::new(
            "-m dccp --dccp-option",
            "nft 1.0.6 does not look at the options of DCCP",
        ));
    }
    expression.implies_protocol();
    let source = tcp::ports("dccp sport", own.source, expression);
    let destination = tcp::ports("dccp dport", own.destination, expression);
    if let Some(types) = own.types {
        let set = (0..16_usize).filter(|kind| types.value & (1 << kind) != 0);
        let names: Vec<_> = set
            .map(|kind| TYPES.get(kind).map_or_else(|| kind.to_string(), |name| (*name).to_owned()))
            .collect();
        match names.as_slice() {
            [] if types.invert => tcp::header_is_there("dccp", expression),
            [] => expression.never(),
            [one] => expression.compare("dccp type", types.invert, one),
            some => expression.compare("dccp type", types.invert, format_args!("{{ {} }}", some.join(", "))),
        }
    } else if !source && !destination {
        tcp::header_is_there("dccp", expression);
    }
    Ok(())
}

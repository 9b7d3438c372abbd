//! `-m sctp`.
use super::tcp;
use crate::Negatable;
use crate::matches::sctp::{Chunks, Quantity, Sctp};
use crate::translate::{Expression, Untranslatable};

/// The chunks that nft 1.0.6 has names for.
const NAMES: &[(u8, &str)] = &[
    (0, "data"),
    (1, "init"),
    (2, "init-ack"),
    (3, "sack"),
    (4, "heartbeat"),
    (5, "heartbeat-ack"),
    (6, "abort"),
    (7, "shutdown"),
    (8, "shutdown-ack"),
    (9, "error"),
    (10, "cookie-echo"),
    (11, "cookie-ack"),
    (12, "ecne"),
    (13, "cwr"),
    (14, "shutdown-complete"),
    (128, "asconf-ack"),
    (192, "forward-tsn"),
    (193, "asconf"),
];

pub(super) fn translate(own: &Sctp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.implies_protocol();
    let source = tcp::ports("sctp sport", own.source, expression);
    let destination = tcp::ports("sctp dport", own.destination, expression);
    if !source && !destination && own.chunks.is_none_or(|chunks| chunks.invert) {
        // Why: in a later fragment chunks are `missing' for nft.
        tcp::header_is_there("sctp", expression);
    }
    match own.chunks {
        Some(chunks) => self::chunks(chunks, expression),
        None => Ok(()),
    }
}

fn chunks(own: Negatable<Chunks>, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let refused = |why: &'static str| Untranslatable::new("-m sctp --chunk-types", why);
    if own.value.flags.iter().any(Option::is_some) {
        return Err(refused("nft looks at the flags of the first chunk of a type only"));
    }
    let name = |kind| NAMES.iter().find(|(own, _)| *own == kind).map(|(_, name)| *name);
    let names: Option<Vec<_>> = own.value.types.iter().map(name).collect();
    let names = names.ok_or_else(|| refused("nft 1.0.6 has no name for a chunk of these"))?;
    let all = |there: &str| {
        let one = |name: &&str| format!("sctp chunk {name} {there}");
        names.iter().map(one).collect::<Vec<_>>()
    };
    match (own.value.how, own.invert) {
        _ if names.is_empty() => return Err(refused("there is no chunk to look for")),
        (Quantity::Only, _) => return Err(refused("nft cannot say that there is no other chunk")),
        (Quantity::Any, true) => all("missing").into_iter().for_each(|text| expression.condition(text)),
        (Quantity::All, false) => all("exists").into_iter().for_each(|text| expression.condition(text)),
        (Quantity::Any, false) if names.len() == 1 => expression.condition(all("exists").concat()),
        (Quantity::All, true) if names.len() == 1 => expression.condition(all("missing").concat()),
        (Quantity::Any, false) => expression.unless("-m sctp --chunk-types any", all("missing").join(" ")),
        (Quantity::All, true) => expression.unless("-m sctp ! --chunk-types all", all("exists").join(" ")),
    }
    Ok(())
}

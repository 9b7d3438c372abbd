//! `-m sctp` (Linux: `sctp_mt`, `match_packet` of xt_sctp.c).
use rules::matches::sctp::{ChunkSet, Chunks, Quantity, Sctp};

use super::{Asked, Held, Miss, hold, port, ports};
use crate::trace::Found;

const CHUNKS: &str = "--chunk-types";

pub(super) fn holds(rule: &Sctp, asked: &Asked<'_>) -> Held {
    let Some(header) = asked.transport() else {
        let option = match (rule.source, rule.destination) {
            (Some(_), _) => "--sport",
            (None, Some(_)) => "--dport",
            (None, None) => CHUNKS,
        };
        return Err(Miss::Failed(option, Found::Nothing("ports in a later fragment")));
    };
    let (Some((source, destination)), Some(chunks)) = (ports(header), header.get(12..)) else {
        return Err(Miss::Hotdrop("-m sctp", Found::Nothing("whole SCTP header")));
    };
    port(rule.source, source, "--sport")?;
    port(rule.destination, destination, "--dport")?;
    let Some(wanted) = rule.chunks else { return Ok(()) };
    match walk(&wanted.value, chunks) {
        Ok(fits) => hold(fits.is_none() != wanted.invert, CHUNKS, fits.unwrap_or(Found::Word("them"))),
        // Linux: a packet that cannot be walked is refused, and the inverted condition holds of it all the same.
        Err(Broken) if wanted.invert => Err(Miss::Refused(CHUNKS, Found::Nothing("whole chunks"))),
        Err(Broken) => Err(Miss::Hotdrop(CHUNKS, Found::Nothing("whole chunks"))),
    }
}

/// There is no chunk where one must be, or one of length 0.
struct Broken;

/// `None`: the condition holds, else what is there instead. Chunks are padded to 4 bytes; what stands behind the length
/// of one is not asked for, so that a chunk may be longer than the packet.
fn walk(wanted: &Chunks, chunks: &[u8]) -> Result<Option<Found>, Broken> {
    let mut missing = wanted.types;
    let mut at = 0;
    while at == 0 || at < chunks.len() {
        let Some(&[kind, flags, high, low]) = chunks.get(at..).and_then(<[u8]>::first_chunk) else {
            return Err(Broken);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length == 0 {
            return Err(Broken);
        }
        at += length.next_multiple_of(4);
        let listed = wanted.types.has(kind);
        let own = wanted.flags.iter().flatten().find(|own| own.kind == kind);
        let fits = listed && own.is_none_or(|own| flags & own.mask == own.set);
        match wanted.how {
            Quantity::Any if fits => return Ok(None),
            Quantity::Any => {}
            Quantity::All if fits => missing = missing.without(kind),
            Quantity::All => {}
            Quantity::Only if fits => {}
            Quantity::Only if listed => return Ok(Some(Found::Word("a chunk with other flags"))),
            Quantity::Only => return Ok(Some(Found::Word("another chunk"))),
        }
    }
    Ok(match wanted.how {
        Quantity::Any => Some(Found::Nothing("such chunk")),
        Quantity::All if missing != ChunkSet::NONE => Some(Found::Word("not all of them")),
        Quantity::All | Quantity::Only => None,
    })
}

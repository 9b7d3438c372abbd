//! `-m tcpmss` (Linux: `tcpmss_mt`): any TCP packet with the option, SYN or not (F75).
use rules::matches::tcpmss::Tcpmss;

use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Tcpmss, asked: &Asked<'_>) -> Held {
    let refused = |what| Err(Miss::Hotdrop("--mss", Found::Nothing(what)));
    // Linux: it does not ask for fragments, so that it reads the payload of a later one as a header.
    let header = asked.blind_transport().filter(|header| header.len() >= 20);
    let Some((header, &offset)) = header.and_then(|header| Some((header, header.get(12)?))) else {
        return refused("whole TCP header");
    };
    let length = usize::from(offset >> 4) * 4;
    if length < 20 {
        return refused("valid data offset");
    }
    let Some(options) = header.get(20..length) else { return refused("whole TCP options") };
    match segment_size(options) {
        Some(size) => hold(rule.range.contains(size) != rule.invert, "--mss", Found::Number(size.into())),
        None => hold(rule.invert, "--mss", Found::Nothing("MSS option")),
    }
}

/// The first MSS option of the right length. Padding and end are one byte, and the walk goes on behind the end; a
/// length of 0 counts as 1.
fn segment_size(options: &[u8]) -> Option<u16> {
    let mut at = 0;
    loop {
        let rest = options.get(at..)?;
        match *rest {
            [2, 4, high, low, ..] => return Some(u16::from_be_bytes([high, low])),
            [kind, length, ..] if kind >= 2 => at += usize::from(length.max(1)),
            [_, ..] => at += 1,
            [] => return None,
        }
    }
}

//! `-m ipv6header` (Linux: `ipv6header_mt6`).
//!
//! The headers are walked without looking at fragments: what stands behind the fragment header of a later fragment is
//! taken for the header that its next-header field names.
use packet::protocol;
use rules::matches::ipv6header::{HeaderSet, Ipv6Header};

use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Ipv6Header, asked: &Asked<'_>) -> Held {
    let bytes = asked.packet.view().bytes();
    let set = headers(bytes)?;
    let wanted = rule.headers.value;
    let fits = if rule.soft {
        // Linux: each wanted header is there, or with `!` each is not.
        let there = if rule.headers.invert { !set.0 } else { set.0 };
        wanted.0 & !there == 0
    } else {
        (set == wanted) != rule.headers.invert
    };
    hold(fits, "--header", Found::Hex(set.0.into()))
}

/// The headers of a packet.
fn headers(bytes: &[u8]) -> Result<HeaderSet, Miss> {
    let cut = Miss::Failed("--header", Found::Nothing("whole extension headers"));
    let mut next = *bytes.get(6).ok_or(cut)?;
    let mut at = 40;
    let mut set = HeaderSet::default();
    while let Some(bit) = HeaderSet::of(next).filter(|bit| *bit != HeaderSet::PROTOCOL) {
        if bit == HeaderSet::NONE {
            return Ok(set.with(bit));
        }
        let (Some(&following), Some(&length)) = (bytes.get(at), bytes.get(at + 1)) else { return Err(cut) };
        set = set.with(bit);
        if bit == HeaderSet::ESP {
            return Ok(set);
        }
        at += match next {
            protocol::FRAGMENT => 8,
            protocol::AH => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        next = following;
        if at > bytes.len() {
            break;
        }
    }
    // Linux: where a header is longer than the packet, "no next header" and ESP behind it do not count.
    Ok(if matches!(next, protocol::NO_NEXT | protocol::ESP) { set } else { set.with(HeaderSet::PROTOCOL) })
}

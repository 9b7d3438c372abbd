//! `-m srh` (Linux: `srh1_mt6`). Nothing in it is a hotdrop.
use std::net::{IpAddr, Ipv6Addr};

use packet::protocol;
use rules::Negatable;
use rules::matches::conntrack::HostMask;
use rules::matches::srh::{Comparison, Srh};

use super::extension_header::find;
use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

/// The type of the segment routing header (RFC 8754).
const SEGMENT_ROUTING: u8 = 4;

pub(super) fn holds(rule: &Srh, asked: &Asked<'_>) -> Held {
    let absent = Miss::Failed("-m srh", Found::Nothing("segment routing header"));
    let found = find(asked, protocol::ROUTING, "-m srh", "segment routing header");
    let header = found.map_err(|_| absent)?;
    let Some((_, &[next, length, kind, left, last, _, high, low])) =
        header.whole().and_then(|whole| Some((whole, whole.first_chunk::<8>()?)))
    else {
        return Err(absent);
    };
    if kind != SEGMENT_ROUTING || left > last {
        return Err(absent);
    }
    if let Some(wanted) = rule.next_header {
        hold((wanted.value == next) != wanted.invert, "--srh-next-hdr", Found::Protocol(next))?;
    }
    compare(rule.header_length, length, ["--srh-hdr-len-eq", "--srh-hdr-len-gt", "--srh-hdr-len-lt"])?;
    compare(rule.segments_left, left, ["--srh-segs-left-eq", "--srh-segs-left-gt", "--srh-segs-left-lt"])?;
    compare(rule.last_entry, last, ["--srh-last-entry-eq", "--srh-last-entry-gt", "--srh-last-entry-lt"])?;
    if let Some(wanted) = rule.tag {
        // Linux: the bytes of the packet are compared with the number as this processor has it in memory.
        let tag = u16::from_le_bytes([high, low]);
        hold((wanted.value == tag) != wanted.invert, "--srh-tag", Found::Number(tag.into()))?;
    }
    let left = usize::from(left);
    let segment = |at: Option<usize>| {
        let at = at?.checked_mul(16)? + 8;
        Some(Ipv6Addr::from(*header.rest.get(at..)?.first_chunk::<16>()?))
    };
    let previous = (left != usize::from(last)).then_some(left + 1);
    one(rule.previous, || segment(previous), "--srh-psid")?;
    one(rule.next, || segment(left.checked_sub(1)), "--srh-nsid")?;
    one(rule.last, || segment(Some(0)), "--srh-lsid")
}

fn compare(wanted: Comparison, field: u8, options: [&'static str; 3]) -> Held {
    let own = [
        (wanted.equal, field == wanted.value),
        (wanted.greater, field > wanted.value),
        (wanted.less, field < wanted.value),
    ];
    for ((invert, fits), option) in own.into_iter().zip(options) {
        if let Some(invert) = invert {
            hold(fits != invert, option, Found::Number(field.into()))?;
        }
    }
    Ok(())
}

/// A segment that is not there is no match, inverted or not.
fn one(
    wanted: Option<Negatable<HostMask>>,
    segment: impl FnOnce() -> Option<Ipv6Addr>,
    option: &'static str,
) -> Held {
    let Some(wanted) = wanted else { return Ok(()) };
    let Some(segment) = segment() else {
        return Err(Miss::Failed(option, Found::Nothing("such segment")));
    };
    let segment = IpAddr::V6(segment);
    hold(wanted.value.contains(segment) != wanted.invert, option, Found::Address(segment))
}

//! `-m length` (Linux: `length_mt`, `length_mt6`): the packet as its header says it, or as it was gathered.
use rules::matches::length::Length;

use super::{Asked, Held, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Length, asked: &Asked<'_>) -> Held {
    let length = asked.packet.layout.total_len;
    let fits = u16::try_from(length).is_ok_and(|length| rule.range.contains(length));
    hold(fits != rule.invert, "--length", Found::Number(length as u64))
}

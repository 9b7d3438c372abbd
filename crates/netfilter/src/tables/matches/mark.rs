//! `-m mark` (Linux: `mark_mt`; F33).
use rules::matches::mark::Mark;

use super::{Asked, Held, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Mark, asked: &Asked<'_>) -> Held {
    let mark = asked.packet.mark;
    hold(fits(rule, mark), "--mark", Found::Hex(mark))
}

/// Whether a mark fits; bits of the value outside the mask never do.
pub(super) fn fits(rule: &Mark, mark: u32) -> bool {
    (mark & rule.mask == rule.value) != rule.invert
}

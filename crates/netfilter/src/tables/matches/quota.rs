//! `-m quota` (Linux: `quota_mt`): a packet that does not fit empties the quota; any change of the table fills it (F72).
use rules::matches::quota::Quota;

use super::{Asked, Held, hold};
use crate::trace::Found;

/// The rule with what is left of its bytes.
#[derive(Debug)]
pub(in crate::tables) struct Account {
    invert: bool,
    left: u64,
}

impl Account {
    pub(super) fn new(rule: &Quota) -> Self {
        Self { invert: rule.invert, left: rule.bytes }
    }

    pub(super) fn holds(&mut self, asked: &Asked<'_>) -> Held {
        let before = self.left;
        let rest = before.checked_sub(asked.packet.len() as u64);
        self.left = rest.unwrap_or(0);
        hold(rest.is_some() != self.invert, "--quota", Found::Number(before))
    }
}

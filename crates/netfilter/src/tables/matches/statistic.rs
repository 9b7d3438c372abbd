//! `-m statistic` (Linux: `statistic_mt`).
use rules::matches::statistic::{Statistic, StatisticMode};

use super::{Held, hold};
use crate::Env;
use crate::trace::Found;

/// The rule with its count.
#[derive(Debug)]
pub(in crate::tables) struct Chooser {
    rule: Statistic,
    /// `nth`: packets that still pass by before the next one is chosen.
    left: u32,
}

impl Chooser {
    pub(super) fn new(rule: &Statistic) -> Self {
        let left = match rule.mode {
            StatisticMode::Nth { packet, .. } => packet,
            StatisticMode::Random { .. } => 0,
        };
        Self { rule: *rule, left }
    }

    pub(super) fn holds(&mut self, env: &mut Env<'_>) -> Held {
        let (chosen, option, found) = match self.rule.mode {
            StatisticMode::Random { probability } => {
                let number = env.random.bits() & 0x7fff_ffff;
                (number < probability, "--probability", Found::Number(number.into()))
            }
            StatisticMode::Nth { every, .. } => {
                let before = self.left;
                self.left = if before == 0 { every.saturating_sub(1) } else { before - 1 };
                (before == 0, "--every", Found::Number(before.into()))
            }
        };
        hold(chosen != self.rule.invert, option, found)
    }
}

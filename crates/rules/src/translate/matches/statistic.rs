//! `-m statistic`.
use crate::matches::statistic::{Statistic, StatisticMode};
use crate::translate::{Expression, Untranslatable};

/// 1 as a probability.
const ONE: u32 = 1 << 31;

pub(super) fn translate(own: &Statistic, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    match own.mode {
        StatisticMode::Nth { every, packet } => {
            let not = if own.invert { "!= " } else { "" };
            expression.stateful(format!("numgen inc mod {every} {not}{packet}"));
        }
        StatisticMode::Random { probability } => match (probability, own.invert) {
            (0, false) | (ONE, true) => expression.never(),
            (0, true) | (ONE, false) => {}
            (_, invert) => {
                let sign = if invert { ">=" } else { "<" };
                expression.condition(format!("meta random & {} {sign} {probability}", ONE - 1));
            }
        },
    }
    Ok(())
}

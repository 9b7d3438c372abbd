//! `-m rateest` (Linux: `xt_rateest_mt`): compares what estimators of `-j RATEEST` have measured, with each other or with
//! rates. Rates are compared in 32 bits; with `--rateest-delta` a rate above the given one counts as 0 below it.
use rules::matches::rateest::{Comparison, RatePair, Rateest};

use super::{Held, Miss, hold};
use crate::Env;
use crate::time::jiffies;
use crate::trace::Found;

/// The rule with the places of its estimators.
#[derive(Debug)]
pub(in crate::tables) struct Asker {
    pub(super) rule: Rateest,
    pub(super) first: Option<usize>,
    pub(super) second: Option<usize>,
}

impl Asker {
    pub(super) fn new(rule: &Rateest) -> Self {
        Self { rule: rule.clone(), first: None, second: None }
    }

    /// Both estimators.
    pub(super) fn places(&mut self) -> impl Iterator<Item = usize> {
        self.first.take().into_iter().chain(self.second.take())
    }

    pub(super) fn holds(&self, env: &mut Env<'_>) -> Held {
        const MISSING: Miss = Miss::Undecided("the estimator of -m rateest, which no rule makes");
        let now = jiffies(env.now.mono);
        let mut measured = |place: Option<usize>| {
            let (bytes, packets) = env.named.estimators.get_mut(place?)?.rates(now);
            Some((bytes, packets))
        };
        let rule = &self.rule;
        let taken = |(bytes, packets): (u64, u64), from: RatePair| {
            if rule.delta {
                (left(from.bytes, bytes), left(from.packets, packets))
            } else {
                (low(bytes), low(packets))
            }
        };
        let one = taken(measured(self.first).ok_or(MISSING)?, rule.first_rate);
        let other = match rule.second {
            Some(_) => taken(measured(self.second).ok_or(MISSING)?, rule.second_rate),
            None => (rule.second_rate.bytes, rule.second_rate.packets),
        };
        let (option, fits): (_, fn(u32, u32) -> bool) = match rule.comparison {
            Some(Comparison::Less) => ("--rateest-lt", |one, other| one < other),
            Some(Comparison::Greater) => ("--rateest-gt", |one, other| one > other),
            Some(Comparison::Equal) | None => ("--rateest-eq", |one, other| one == other),
        };
        let fits = (!rule.bytes || fits(one.0, other.0)) && (!rule.packets || fits(one.1, other.1));
        let found = if rule.bytes { one.0 } else { one.1 };
        hold(fits != rule.invert, option, Found::Number(u64::from(found)))
    }
}

/// What is left of a rate. Linux: the difference is kept in 32 bits.
fn left(of: u32, taken: u64) -> u32 {
    low(u64::from(of).saturating_sub(taken))
}

fn low(rate: u64) -> u32 {
    (rate & u64::from(u32::MAX)) as u32
}

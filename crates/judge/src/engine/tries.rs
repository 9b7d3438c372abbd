//! What is tried where the kernel's outcome hangs on something that it does not show.
use std::sync::atomic::Ordering;

use netfilter::time::JIFFY;

use super::EngineHalf;
use crate::Judged as _;
use crate::case::Case;
use crate::compare::{Difference, compare};
use crate::outcome::{Clock, Outcome};

#[cfg(test)]
mod tests;

/// How many times the engine draws other lots.
const LOTS: u64 = 4;

impl EngineHalf {
    /// Runs a case and compares it with what the kernel did. Where that depends on the jiffy in which the rules were loaded, which
    /// nobody knows, or the sets made, each is tried in which they may have been. Where it depends on a choice of chance that
    /// neither a packet nor a connection shows, some legal choices are tried.
    pub fn differences(&mut self, case: &Case, kernel: &Outcome) -> Vec<Difference> {
        self.adopt(kernel);
        let first = compare(case, kernel, &self.run(case));
        if !first.is_empty() && self.drawn.load(Ordering::Relaxed) {
            let equal = (2..2 + LOTS).any(|seed| {
                self.adopt(kernel);
                self.in_sets.clear();
                self.seed = seed;
                compare(case, kernel, &self.run(case)).is_empty()
            });
            self.seed = 1;
            if equal {
                return Vec::new();
            }
        }
        let rules: Vec<_> = kernel.clock.iter().flat_map(Clock::moments).collect();
        let making = kernel.making * 1_000_000 / JIFFY;
        let mut others = (0..=making)
            .flat_map(|sets| rules.iter().map(move |&rules| (sets, rules)))
            .skip(1)
            .take(Clock::MOST);
        let equal = |(sets, rules)| {
            self.adopt(kernel);
            (self.lead, self.moments) = (self.lead.saturating_sub(sets * JIFFY / 1_000_000), rules);
            compare(case, kernel, &self.run(case)).is_empty()
        };
        if first.is_empty() || others.any(equal) { Vec::new() } else { first }
    }
}

//! `-m set` (Linux: `set_match_v4`).
use rules::matches::set::SetMatch;
use rules::set::{Sets, SkbInfo};

use super::{Asked, Condition, Held, Miss};
use crate::Env;
use crate::tables::set::{self, Bound, Wanted};

/// A rule with its set.
#[derive(Debug)]
pub(in crate::tables) struct Asker {
    set: Bound,
    invert: bool,
    wanted: Wanted,
}

impl Asker {
    /// A rule of crate `rules`; one without a set, which cannot be read, cannot be decided.
    pub(super) fn condition(rule: &SetMatch) -> Condition {
        let Some(reference) = &rule.set else { return Condition::Unmodelled("-m set without a set") };
        let wanted = Wanted {
            return_nomatch: rule.return_nomatch,
            keep_counters: rule.keep_counters,
            keep_subcounters: rule.keep_subcounters,
            packets: rule.packets,
            bytes: rule.bytes,
        };
        Condition::Set(Box::new(Self { set: Bound::new(reference), invert: rule.invert, wanted }))
    }

    pub(super) fn bind(&mut self, sets: &Sets) {
        self.set.bind(sets);
    }

    pub(super) fn moves(&self, sets: &Sets) -> bool {
        self.set.moves(sets, self.wanted.keep_counters)
    }

    pub(super) fn holds(&self, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
        let Some(place) = self.set.place() else { return Err(Miss::Undecided("the set of -m set")) };
        let query = self.set.query(asked.packet, asked.place, env);
        let answer = set::test(place, &query, &self.wanted, &mut SkbInfo::default(), env);
        if answer.hit != self.invert { Ok(()) } else { Err(Miss::Failed(answer.option, answer.found)) }
    }
}

//! `-j SET` (Linux: `set_target_v3`): adds, then removes, then maps; whatever comes of it, the next rule is asked.
use rules::set::{SetReference, Sets, SkbInfo};
use rules::targets::set::SetTarget;

use super::{Effect, mark};
use crate::Env;
use crate::skb::Packet;
use crate::tables::Place;
use crate::tables::set::{self, Bound, Wanted};
use crate::trace::Step;

/// A rule with its sets.
#[derive(Debug)]
pub(in crate::tables) struct Actor {
    rule: SetTarget,
    add: Option<Bound>,
    delete: Option<Bound>,
    map: Option<Bound>,
}

impl Actor {
    pub(in crate::tables) fn new(rule: &SetTarget) -> Self {
        let bound = |own: &Option<SetReference>| own.as_ref().map(Bound::new);
        Self { add: bound(&rule.add), delete: bound(&rule.delete), map: bound(&rule.map), rule: rule.clone() }
    }

    pub(in crate::tables) fn bind(&mut self, sets: &Sets) {
        [&mut self.add, &mut self.delete, &mut self.map].into_iter().flatten().for_each(|own| own.bind(sets));
    }

    pub(in crate::tables) fn apply(&self, place: &Place, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
        let mut own = [&self.add, &self.delete, &self.map].into_iter().flatten();
        if own.any(|own| own.place().is_none()) {
            return Effect::Undecided("the set of -j SET");
        }
        if let Some((bound, at)) = with_place(&self.add) {
            let query = bound.query(packet, place, env);
            set::add(at, &query, self.rule.exist, self.rule.timeout, env);
        }
        if let Some((bound, at)) = with_place(&self.delete) {
            let query = bound.query(packet, place, env);
            set::delete(at, &query, env);
        }
        if let Some((bound, at)) = with_place(&self.map) {
            let mut info = SkbInfo::default();
            let query = bound.query(packet, place, env);
            if set::test(at, &query, &Wanted::default(), &mut info, env).hit {
                self.map(info, packet, env);
            }
        }
        Effect::Continue
    }

    /// Gives the packet what the member has. Linux: a class is given even if the member has none.
    fn map(&self, info: SkbInfo, packet: &mut Packet, env: &mut Env<'_>) {
        if self.rule.map_mark {
            mark::set(packet, (packet.mark & !info.mask) ^ info.mark, env);
        }
        if self.rule.map_priority {
            let (before, after) = (packet.priority, info.priority);
            packet.priority = after;
            if before != after {
                env.step(packet, || Step::Classified { before, after });
            }
        }
        // Linux: a queue that the device has not is not taken. Which ones a device has is no part of a network here, and
        // nothing that is decided hangs on it.
        if self.rule.map_queue && info.queue != 0 {
            env.step(packet, || Step::Mapped { queue: info.queue });
        }
    }
}

fn with_place(bound: &Option<Bound>) -> Option<(&Bound, usize)> {
    bound.as_ref().and_then(|own| Some((own, own.place()?)))
}

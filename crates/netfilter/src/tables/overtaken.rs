//! What would have happened without the rule that decided: only for a trace, and only read.
//!
//! It asks the same compiled rules by the same conditions as the walk, from the rule after the one that decided. It ends
//! where it would have to guess: at `limit` and `statistic`, whose state must not move, and at targets that change the
//! packet or its connection.
use rules::{Table, Target};

use super::header::{Address, Facts};
use super::matches::{Asked, Miss};
use super::program::{Action, At, Entry};
use super::walk::{Walk, chain_and_number};
use crate::Env;
use crate::skb::Packet;
use crate::trace::Step;

/// Most rules that are looked at.
const MOST: usize = 1_000_000;

/// Whether a rule fits, as far as that can be said without moving anything.
enum Fits {
    Yes,
    No,
    Unknown,
}

impl Walk<'_> {
    /// Adds the step [`Step::Overtaken`] if a later rule would have decided otherwise.
    pub(super) fn overtaken<A: Address>(&mut self, entries: &[Entry<A>], packet: &Packet, env: &mut Env<'_>) {
        let Some((from, passed)) = self.decided else { return };
        // In table nat ACCEPT means "no translation": a later rule does not decide otherwise, it does something else.
        if self.place.table == Table::Nat {
            return;
        }
        let Some((at, passes)) = self.next_decision(from, entries, packet, env) else { return };
        if passes != passed {
            let (chain, number) = chain_and_number(self.spans, at);
            let table = self.place.table;
            env.step(packet, || Step::Overtaken { table, chain, number });
        }
    }

    /// The next rule after one that would end the walk, and whether the packet would go on.
    fn next_decision<A: Address>(
        &mut self,
        from: At,
        entries: &[Entry<A>],
        packet: &Packet,
        env: &mut Env<'_>,
    ) -> Option<(At, bool)> {
        let facts = Facts::<A>::of(packet, self.world, &self.place, env.network);
        let mut stack: Vec<At> = self.stack.get(..self.depth)?.to_vec();
        let mut at = from.checked_add(1)?;
        for _ in 0..MOST {
            let entry = entries.get(at as usize)?;
            match self.fits(entry, &facts, packet, env) {
                Fits::Yes => {}
                Fits::No => {
                    at += 1;
                    continue;
                }
                Fits::Unknown => return None,
            }
            match entry.action {
                Action::Accept => return Some((at, true)),
                Action::Drop => return Some((at, false)),
                Action::Count => at += 1,
                Action::Goto(to) => at = to,
                Action::Jump(to) => {
                    stack.push(at);
                    at = to;
                }
                Action::Return | Action::End => at = stack.pop()?.checked_add(1)?,
                Action::Target(number) => match self.targets.get(number as usize)? {
                    Target::Audit(_)
                    | Target::Checksum
                    | Target::Classify(_)
                    | Target::Connsecmark(_)
                    | Target::Idletimer(_)
                    | Target::Log(_)
                    | Target::Nflog(_)
                    | Target::Rateest(_)
                    | Target::Tee(_)
                    | Target::Trace => at += 1,
                    Target::Reject(_) => return Some((at, false)),
                    _ => return None,
                },
                Action::Policy(_) | Action::Queue | Action::Set(_) | Action::Nowhere => return None,
            }
        }
        None
    }

    fn fits<A: Address>(
        &mut self,
        entry: &Entry<A>,
        facts: &Facts<A>,
        packet: &Packet,
        env: &mut Env<'_>,
    ) -> Fits {
        match entry.header.failing(facts, self.patterns) {
            None => {}
            Some(part) if self.refuses(part) => return Fits::Unknown,
            Some(_) => return Fits::No,
        }
        let range = entry.first as usize..(entry.first + entry.count) as usize;
        let asked = Asked { packet, place: &self.place };
        let mut fits = Fits::Yes;
        for condition in self.conditions.get_mut(range).into_iter().flatten() {
            if condition.moves(&env.named.sets) {
                fits = Fits::Unknown;
                continue;
            }
            match condition.holds(&asked, env) {
                Ok(()) => {}
                Err(Miss::Failed(..)) => return Fits::No,
                Err(
                    Miss::Hotdrop(..)
                    | Miss::Marks(_)
                    | Miss::Claims
                    | Miss::Refused(..)
                    | Miss::Undecided(_),
                ) => {
                    return Fits::Unknown;
                }
            }
        }
        fits
    }
}

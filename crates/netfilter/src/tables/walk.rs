//! The walk of a packet over a table's chains (Linux: `ipt_do_table`, `ip6t_do_table`).
use packet::Family;
use rules::{ChainId, Counters, Hook, Policy, Target};

use super::header::{Address, Facts, Part, Patterns, Place};
use super::matches::{Asked, Condition, Held, Miss};
use super::program::{Action, At, Entries, Entry, Program, Span, locate};
use super::targets::{self, Effect};
use crate::Env;
use crate::hook::{Verdict, World};
use crate::skb::{Drop, LinkKind, Packet};
use crate::trace::{Found, Mismatch, Outcome, Step};

/// Jumps that one packet may take in one walk; then it is dropped ([`Drop::Limit`]). Linux has no such limit: chains that
/// each jump to the next several times make it walk for ever.
const MOST_JUMPS: u32 = 100_000;

/// A walk that has stopped behind a rule, so that the copy which the rule has sent goes its way first (Linux: TEE sends
/// from within the rule).
#[derive(Debug)]
pub struct Paused {
    /// The entry with which it goes on.
    at: At,
    /// Where its jumps came from.
    stack: Vec<At>,
    /// How many jumps were taken.
    jumps: u32,
    /// See [`Walk::mark_zone`].
    mark_zone: Option<rules::targets::ct::ZoneDirection>,
}

/// Shows a packet to the chain of a hook. A table without a chain there, or of the other family, lets it pass.
pub fn walk(program: &mut Program, hook: Hook, packet: &mut Packet, env: &mut Env<'_>) -> Verdict {
    walk_or_pause(program, hook, packet, env, None)
}

/// The same in parts: as long as `paused` says where, the walk is not at its end, and is to be called again when what it
/// has caused ([`Env::emitted`]) is on its way.
pub fn walk_in_parts(
    program: &mut Program,
    hook: Hook,
    packet: &mut Packet,
    env: &mut Env<'_>,
    paused: &mut Option<Paused>,
) -> Verdict {
    walk_or_pause(program, hook, packet, env, Some(paused))
}

fn walk_or_pause(
    program: &mut Program,
    hook: Hook,
    packet: &mut Packet,
    env: &mut Env<'_>,
    mut parts: Option<&mut Option<Paused>>,
) -> Verdict {
    let Some((start, policy)) = program.hooks.get(hook.index()).copied().flatten() else {
        return Verdict::Accept;
    };
    if packet.family() != program.family {
        return Verdict::Accept;
    }
    let table = program.table;
    let resumed = parts.as_deref_mut().and_then(Option::take);
    if resumed.is_none() {
        let world = program.world;
        env.step(packet, || Step::Table { world, table, hook });
    }
    let place = Place::of(packet, table, hook);
    let Program {
        world, entries, counters, conditions, targets, actors, shared, patterns, spans, stack, ..
    } = program;
    let mut walk = Walk {
        world: *world,
        place,
        counters,
        conditions,
        targets,
        actors,
        shared,
        patterns,
        spans,
        stack,
        depth: 0,
        jumps: 0,
        start,
        policy,
        mark_zone: None,
        decided: None,
        paused: None,
        pauses: parts.is_some(),
    };
    if let Some(resumed) = resumed {
        walk.resume(resumed);
    }
    let verdict = match (&*entries, packet.family()) {
        (Entries::V4(entries), Family::V4) => walk.run(entries, packet, env),
        (Entries::V6(entries), Family::V6) => walk.run(entries, packet, env),
        _ => return Verdict::Accept,
    };
    if let (Some(parts), Some(paused)) = (parts, walk.paused.take()) {
        *parts = Some(paused);
        return Verdict::Accept;
    }
    if env.trace.is_some() {
        match entries {
            Entries::V4(entries) => walk.overtaken(entries, packet, env),
            Entries::V6(entries) => walk.overtaken(entries, packet, env),
        }
    }
    if let Some(direction) = walk.mark_zone {
        targets::ct::zone_of_mark(packet, direction);
    }
    #[expect(
        clippy::needless_match,
        reason = "a verdict is wide, but its tag says all of the common one; a copy of the whole waits for the tag's store"
    )]
    match verdict {
        Verdict::Accept => Verdict::Accept,
        other => other,
    }
}

/// A packet on its walk over one table.
pub(super) struct Walk<'p> {
    pub(super) world: World,
    pub(super) place: Place,
    counters: &'p mut [Counters],
    pub(super) conditions: &'p mut [Condition],
    pub(super) targets: &'p [Target],
    actors: &'p [targets::set::Actor],
    shared: &'p [Option<usize>],
    pub(super) patterns: &'p Patterns,
    pub(super) spans: &'p [Span],
    /// Where the jumps came from.
    pub(super) stack: &'p mut [At],
    pub(super) depth: usize,
    /// How many jumps were taken.
    jumps: u32,
    /// First entry of the hook's chain.
    start: At,
    /// The entry that closes it.
    policy: At,
    /// `CT --zone mark`: the mark counts that the packet has when the table is done.
    mark_zone: Option<rules::targets::ct::ZoneDirection>,
    /// The rule that ended the walk, and whether the packet goes on.
    pub(super) decided: Option<(At, bool)>,
    /// Where it stops for a while.
    paused: Option<Paused>,
    /// Whether it may.
    pauses: bool,
}

impl Walk<'_> {
    fn resume(&mut self, from: Paused) {
        let Paused { at, stack, jumps, mark_zone } = from;
        for (slot, from) in self.stack.iter_mut().zip(&stack) {
            *slot = *from;
        }
        self.depth = stack.len();
        self.start = at;
        self.jumps = jumps;
        self.mark_zone = mark_zone;
    }

    fn run<A: Address>(&mut self, entries: &[Entry<A>], packet: &mut Packet, env: &mut Env<'_>) -> Verdict {
        let mut facts = Facts::<A>::of(packet, self.world, &self.place, env.network);
        let mut at = self.start;
        // An entry that is not there cannot be: every chain is closed. If it were, nothing passes.
        while let Some((place, entry)) = next(entries, at, &facts, env.trace.is_none()) {
            at = place;
            if let Some(part) = entry.header.failing(&facts, self.patterns) {
                let hotdrop = self.refuses(part);
                if env.trace.is_some() {
                    let mismatch = part.mismatch(packet, self.world, &self.place, env.network);
                    self.asked(at, packet, env, failed(mismatch, hotdrop));
                }
                if hotdrop {
                    return self.dropped(at, true);
                }
                at += 1;
                continue;
            }
            if entry.count != 0 {
                match self.miss(entry, packet, env) {
                    None => {}
                    Some((_, Miss::Undecided(what))) => return self.undecided(at, what, packet, env),
                    // What changes the packet has been done, and is no reason to stop.
                    Some((_, Miss::Marks(_) | Miss::Claims)) => {}
                    Some((place, Miss::Failed(option, found))) => {
                        self.asked(
                            at,
                            packet,
                            env,
                            Outcome::Failed(Mismatch { option, place: Some(place), found }),
                        );
                        at += 1;
                        continue;
                    }
                    Some((place, Miss::Hotdrop(option, found))) => {
                        self.asked(
                            at,
                            packet,
                            env,
                            Outcome::Hotdrop(Mismatch { option, place: Some(place), found }),
                        );
                        return self.dropped(at, true);
                    }
                    Some((place, Miss::Refused(option, found))) => {
                        let mismatch = Mismatch { option, place: Some(place), found };
                        return self.refused(at, entry, mismatch, packet, env);
                    }
                }
            }
            if let Some(counters) = self.counters.get_mut(at as usize) {
                counters.count(packet.len());
            }
            if !matches!(entry.action, Action::Policy(_) | Action::End) {
                self.asked(at, packet, env, Outcome::Matched);
            }
            // Linux: nf_tables tells of such packets by events of its own.
            if packet.traced && self.world == World::Legacy {
                self.trace_line(at, entry, packet, env);
            }
            match entry.action {
                Action::Accept => {
                    self.decided = Some((at, true));
                    return Verdict::Accept;
                }
                Action::Drop => {
                    self.decided = Some((at, false));
                    return self.dropped(at, false);
                }
                Action::Nowhere => return self.dropped(at, false),
                Action::Queue => return Verdict::Queue,
                Action::Count => at += 1,
                Action::Policy(policy) => return self.policy(policy, packet, env),
                Action::Return | Action::End => at = self.back(at, packet, env),
                Action::Goto(to) => at = to,
                Action::Jump(to) => match self.stack.get_mut(self.depth) {
                    Some(slot) if self.jumps < MOST_JUMPS => {
                        *slot = at;
                        self.depth += 1;
                        self.jumps += 1;
                        at = to;
                    }
                    Some(_) => return Verdict::Drop(Drop::Limit),
                    None => return self.dropped(at, false),
                },
                Action::Set(number) => match self.set(number, packet, env) {
                    Effect::Undecided(what) => return self.undecided(at, what, packet, env),
                    _ => at += 1,
                },
                Action::Target(number) => match self.target(number, packet, env) {
                    Effect::Continue => at += 1,
                    Effect::Copied if self.pauses => {
                        let stack = self.stack.get(..self.depth).unwrap_or(&[]).to_vec();
                        let (jumps, mark_zone) = (self.jumps, self.mark_zone);
                        self.paused = Some(Paused { at: at + 1, stack, jumps, mark_zone });
                        return Verdict::Accept;
                    }
                    Effect::Copied => at += 1,
                    Effect::Readdressed => {
                        facts = Facts::of(packet, self.world, &self.place, env.network);
                        at += 1;
                    }
                    Effect::Dropped => {
                        self.decided = Some((at, false));
                        return self.dropped(at, false);
                    }
                    Effect::Verdict(verdict) => return verdict,
                    Effect::Rejected => {
                        self.decided = Some((at, false));
                        return self.rejected(at);
                    }
                    Effect::Undecided(what) => return self.undecided(at, what, packet, env),
                },
            }
        }
        self.dropped(at, false)
    }

    /// Whether a header condition that does not hold drops the packet.
    ///
    /// Linux: `ip6_packet_match` does so where the extension headers are cut short; in nf_tables there is no protocol then
    /// (`nft_set_pktinfo_unspec`), and a rule that asks for one does not hold.
    #[inline]
    pub(super) fn refuses(&self, part: Part) -> bool {
        part == Part::CutShort && self.world == World::Legacy
    }

    /// A match of a rule has refused the packet, and the rule holds: it counts and its target acts, and then the packet
    /// is dropped (Linux: `hotdrop` is looked at behind every rule).
    #[cold]
    fn refused<A: Address>(
        &mut self,
        at: At,
        entry: &Entry<A>,
        mismatch: Mismatch,
        packet: &mut Packet,
        env: &mut Env<'_>,
    ) -> Verdict {
        if let Some(counters) = self.counters.get_mut(at as usize) {
            counters.count(packet.len());
        }
        self.asked(at, packet, env, Outcome::Matched);
        self.asked(at, packet, env, Outcome::Hotdrop(mismatch));
        if packet.traced {
            self.trace_line(at, entry, packet, env);
        }
        match entry.action {
            Action::Target(number) => _ = self.target(number, packet, env),
            Action::Set(number) => _ = self.set(number, packet, env),
            _ => {}
        }
        self.dropped(at, true)
    }

    /// The first match of a rule that does not hold, with its place in the rule; a match that refuses the packet and
    /// holds, where the others hold.
    #[inline]
    fn miss<A>(&mut self, entry: &Entry<A>, packet: &mut Packet, env: &mut Env<'_>) -> Option<(u8, Miss)> {
        let range = entry.first as usize..(entry.first + entry.count) as usize;
        let mut own = self.conditions.get_mut(range).into_iter().flatten().enumerate();
        while let Some((place, condition)) = own.next() {
            if let Err(miss) = ask(condition, packet, &self.place, env) {
                if let Miss::Marks(mark) = miss {
                    targets::mark::set(packet, mark, env);
                    continue;
                }
                let place = u8::try_from(place).unwrap_or(u8::MAX);
                if let Miss::Refused(option, found) = miss {
                    // Linux: `nft_match_eval` drops it at once.
                    if self.world == World::Nft {
                        return Some((place, Miss::Hotdrop(option, found)));
                    }
                    let rest = own.map(|(_, condition)| condition);
                    return Some((place, behind_refusal(rest, (packet, &self.place), env, (option, found))));
                }
                return Some((place, miss));
            }
        }
        None
    }

    fn set(&self, number: u32, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
        match self.actors.get(number as usize) {
            Some(actor) => actor.apply(&self.place, packet, env),
            None => Effect::Undecided("this target"),
        }
    }

    fn target(&mut self, number: u32, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
        let Some(target) = self.targets.get(number as usize) else { return Effect::Undecided("this target") };
        if let Some(direction) = targets::ct::follows_mark(target, packet) {
            self.mark_zone = Some(direction);
        }
        let shared = self.shared.get(number as usize).copied().flatten();
        targets::apply(target, shared, &self.place, packet, env)
    }

    /// Back to the caller of the last jump, or to the policy (F15: a chain of gotos keeps the jump's return point).
    fn back(&mut self, at: At, packet: &Packet, env: &mut Env<'_>) -> At {
        let to = match self.depth.checked_sub(1) {
            Some(depth) => {
                self.depth = depth;
                self.stack.get(depth).map_or(self.policy, |from| from + 1)
            }
            None => self.policy,
        };
        let table = self.place.table;
        let nested = to != self.policy || self.depth != 0;
        let from = || Step::Return {
            table,
            chain: chain_and_number(self.spans, at).0,
            to: Some(to).filter(|_| nested).map(|to| chain_and_number(self.spans, to)),
        };
        env.step(packet, from);
        to
    }

    fn policy(&self, policy: Policy, packet: &Packet, env: &mut Env<'_>) -> Verdict {
        let Place { table, hook, .. } = self.place;
        let chain = || chain_and_number(self.spans, self.policy).0;
        env.step(packet, || Step::Policy { table, chain: chain(), policy });
        match policy {
            Policy::Accept => Verdict::Accept,
            Policy::Drop => Verdict::Drop(Drop::Policy { table, hook }),
        }
    }

    fn asked(&self, at: At, packet: &Packet, env: &mut Env<'_>, outcome: Outcome) {
        let table = self.place.table;
        env.step(packet, || {
            let (chain, number) = chain_and_number(self.spans, at);
            Step::Rule { table, chain, number, outcome }
        });
    }

    fn dropped(&self, at: At, hotdrop: bool) -> Verdict {
        let Place { table, hook, .. } = self.place;
        let (chain, number) = chain_and_number(self.spans, at);
        Verdict::Drop(Drop::Rule { table, hook, chain, number, hotdrop })
    }

    fn rejected(&self, at: At) -> Verdict {
        let Place { table, hook, .. } = self.place;
        let (chain, number) = chain_and_number(self.spans, at);
        Verdict::Drop(Drop::Rejected { table, hook, chain, number })
    }

    fn undecided(&self, at: At, what: &'static str, packet: &Packet, env: &mut Env<'_>) -> Verdict {
        let Place { table, hook, .. } = self.place;
        let (chain, number) = chain_and_number(self.spans, at);
        env.step(packet, || Step::Undecided { table, chain, number, what });
        Verdict::Drop(Drop::Undecided { table, hook, chain, number, what })
    }

    /// A line of legacy TRACE (Linux: `trace_packet`): one for each rule that matches, the policies and the ends of
    /// chains. A rule without conditions and with a standard verdict is called like the end of its chain.
    #[cold]
    fn trace_line<A: Address>(&self, at: At, entry: &Entry<A>, packet: &Packet, env: &mut Env<'_>) {
        let Some(span) = locate(self.spans, at) else { return };
        let standard = matches!(
            entry.action,
            Action::Policy(_) | Action::End | Action::Accept | Action::Drop | Action::Return | Action::Queue
        );
        let label = match span.hook {
            _ if !(standard && entry.count == 0 && entry.header.unconditional()) => "rule",
            // Linux: the name is compared with that of the hook where the walk began.
            Some(_) => "policy",
            None => "return",
        };
        let prefix = format!("TRACE: {}:{}:{label}:{} ", self.place.table, span.name, at - span.start + 1);
        targets::log::trace(&prefix, &self.place, packet, env);
    }
}

/// The next entry that is to be asked: the one at this place, or, if nobody is told of rules that do not fit, the first from
/// there whose source may fit ([`Conditions::is_of_others`](super::header::Conditions::is_of_others)).
#[inline]
fn next<'e, A: Address>(
    entries: &'e [Entry<A>],
    at: At,
    facts: &Facts<A>,
    quiet: bool,
) -> Option<(At, &'e Entry<A>)> {
    let rest = entries.get(at as usize..)?;
    let others =
        if quiet { rest.iter().take_while(|entry| entry.header.is_of_others(facts)).count() } else { 0 };
    Some((at + u32::try_from(others).ok()?, rest.get(others)?))
}

/// What becomes of a packet that a match has refused while it holds: whatever the matches behind it say, it is dropped,
/// and they say whether the rule counts.
#[cold]
fn behind_refusal<'c>(
    rest: impl Iterator<Item = &'c mut Condition>,
    (packet, place): (&mut Packet, &Place),
    env: &mut Env<'_>,
    (option, found): (&'static str, Found),
) -> Miss {
    for condition in rest {
        match ask(condition, packet, place, env) {
            Ok(()) | Err(Miss::Marks(_) | Miss::Claims | Miss::Refused(..)) => {}
            Err(Miss::Failed(..)) => return Miss::Hotdrop(option, found),
            Err(miss) => return miss,
        }
    }
    Miss::Refused(option, found)
}

/// Asks a match; it may make the packet one that was sent to this machine.
#[inline]
fn ask(condition: &mut Condition, packet: &mut Packet, place: &Place, env: &mut Env<'_>) -> Held {
    match condition.holds(&Asked { packet, place }, env) {
        Err(Miss::Claims) => {
            packet.link.kind = LinkKind::Host;
            condition.holds(&Asked { packet, place }, env)
        }
        held => held,
    }
}

fn failed(mismatch: Mismatch, hotdrop: bool) -> Outcome {
    if hotdrop { Outcome::Hotdrop(mismatch) } else { Outcome::Failed(mismatch) }
}

/// Chain and rule number (from 1; the closing entry has the number after the last rule) of an entry.
pub(super) fn chain_and_number(spans: &[Span], at: At) -> (ChainId, usize) {
    match locate(spans, at) {
        Some(span) => (span.id, (at - span.start) as usize + 1),
        None => (ChainId(0), 0),
    }
}

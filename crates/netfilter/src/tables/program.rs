//! A table in the form in which it is walked.
use packet::Family;
use rules::{ChainId, Counters, Hook, Policy, Rule, Table, TableRules, Target};

use super::header::{Address, Conditions, Patterns};
use super::matches::Condition;
use super::named::Named;
use super::targets;
use super::targets::set::Actor;
use crate::hook::World;

/// A place in a program's array of entries.
pub(super) type At = u32;

/// What an entry does with a packet that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The end of a built-in chain.
    Policy(Policy),
    /// The end of a user chain.
    End,
    /// A rule without a target: it counts.
    Count,
    /// `ACCEPT`.
    Accept,
    /// `DROP`.
    Drop,
    /// `RETURN`.
    Return,
    /// `QUEUE`.
    Queue,
    /// `-j CHAIN`: the chain's first entry.
    Jump(At),
    /// `-g CHAIN`.
    Goto(At),
    /// A target with data, by its place among the targets.
    Target(u32),
    /// `SET`, by its place among those.
    Set(u32),
    /// A jump that cannot be taken: its chain is not there, or it closes a loop. Crate `rules` lets no such ruleset
    /// through, so this is for programs that build tables by hand.
    Nowhere,
}

/// A rule, or the end of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<A> {
    pub(super) header: Conditions<A>,
    /// The first of its matches.
    pub(super) first: u32,
    /// How many matches it has.
    pub(super) count: u32,
    pub(super) action: Action,
}

/// The entries of a table, in the width of its family's addresses.
#[derive(Debug)]
pub(super) enum Entries {
    V4(Box<[Entry<u32>]>),
    V6(Box<[Entry<u128>]>),
}

/// Where a chain's entries are.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) id: ChainId,
    pub(super) name: Box<str>,
    /// Its first entry.
    pub(super) start: At,
    /// The entry that closes it.
    pub(super) end: At,
    pub(super) hook: Option<Hook>,
}

/// One table of one family, compiled, with its counters and the state of its matches.
#[derive(Debug)]
pub struct Program {
    pub(super) table: Table,
    /// Which of two rulesets it is of.
    pub(super) world: World,
    pub(super) family: Family,
    pub(super) entries: Entries,
    /// One for each entry.
    pub(super) counters: Box<[Counters]>,
    /// The matches of all rules, rule after rule.
    pub(super) conditions: Box<[Condition]>,
    pub(super) targets: Box<[Target]>,
    pub(super) actors: Box<[Actor]>,
    /// For each target where that is which it shares by name with others.
    pub(super) shared: Box<[Option<usize>]>,
    pub(super) patterns: Patterns,
    /// Sorted by their places in the array.
    pub(super) spans: Box<[Span]>,
    /// First and closing entry of each hook's chain.
    pub(super) hooks: [Option<(At, At)>; 5],
    /// Where jumps came from; as long as the deepest nesting can be.
    pub(super) stack: Box<[At]>,
}

impl Program {
    /// Compiles a table. Counters are taken over; the state of `limit`, `quota` and the like starts anew (F72).
    pub fn new(rules: &TableRules, family: Family) -> Self {
        Self::of(World::Legacy, rules, family)
    }

    /// The same as a table of one of two rulesets: what iptables-nft writes as expressions of nf_tables is asked as
    /// nf_tables asks it (F20).
    pub fn of(world: World, rules: &TableRules, family: Family) -> Self {
        let spans = spans(rules);
        let mut parts = Parts::new(world, starts(rules, &spans));
        let entries = match family {
            Family::V4 => Entries::V4(lower(rules, &mut parts)),
            Family::V6 => Entries::V6(lower(rules, &mut parts)),
        };
        parts.patterns.finish();
        let mut hooks = [None; 5];
        for span in &spans {
            if let Some(slot) = span.hook.and_then(|hook| hooks.get_mut(hook.index())) {
                *slot = Some((span.start, span.end));
            }
        }
        // Linux: `stacksize` counts the user chains: without loops no jump can nest deeper.
        let users = spans.iter().filter(|span| span.hook.is_none()).count();
        Self {
            table: rules.table(),
            world,
            family,
            entries,
            counters: parts.counters.into(),
            conditions: parts.conditions.into(),
            shared: vec![None; parts.targets.len()].into(),
            targets: parts.targets.into(),
            actors: parts.actors.into(),
            patterns: parts.patterns,
            spans: spans.into(),
            hooks,
            stack: vec![0; users].into(),
        }
    }

    /// Takes hold of what its targets share by name with other rules. Before [`Program::bind`] of any program, because
    /// matches name what targets make.
    pub fn bind_targets(&mut self, named: &mut Named) {
        for (target, shared) in self.targets.iter().zip(&mut self.shared) {
            *shared = targets::bind(target, named);
        }
    }

    /// Takes hold of what its matches share by name with others (`-m recent`, `-m hashlimit`), which they cannot be asked
    /// without.
    pub fn bind(&mut self, named: &mut Named) {
        for condition in &mut self.conditions {
            condition.bind(named, self.family);
        }
        self.actors.iter_mut().for_each(|actor| actor.bind(&named.sets));
    }

    /// Looks the sets of its rules up again: they have other places.
    pub fn find_sets(&mut self, named: &Named) {
        self.conditions.iter_mut().for_each(|condition| condition.find_set(&named.sets));
        self.actors.iter_mut().for_each(|actor| actor.bind(&named.sets));
    }

    /// Lets go of it again: the program's end.
    pub fn release(mut self, named: &mut Named) {
        for condition in &mut self.conditions {
            condition.release(named);
        }
        for (target, shared) in self.targets.iter().zip(&self.shared) {
            targets::release(target, *shared, named);
        }
    }

    /// Which table it is.
    pub fn table(&self) -> Table {
        self.table
    }

    /// Its family.
    pub fn family(&self) -> Family {
        self.family
    }

    fn span(&self, chain: ChainId) -> Option<&Span> {
        self.spans.iter().find(|span| span.id == chain)
    }

    /// The counters of a rule by its number, from 1; `None` if there is no such rule.
    pub fn counters(&self, chain: ChainId, number: usize) -> Option<Counters> {
        let span = self.span(chain)?;
        let at = (span.start as usize).checked_add(number.checked_sub(1)?)?;
        self.counters.get(..span.end as usize)?.get(at).copied()
    }

    /// The counters of a built-in chain's policy; `None` for user chains.
    pub fn policy_counters(&self, chain: ChainId) -> Option<Counters> {
        let span = self.span(chain).filter(|span| span.hook.is_some())?;
        self.counters.get(span.end as usize).copied()
    }

    /// Puts the counters into the table that the program was made of. Chains and rules that are not there any more
    /// are passed over.
    pub fn store_into(&self, rules: &mut TableRules) {
        for span in &self.spans {
            let (Some(chain), Some(own)) =
                (rules.chain_mut(span.id), self.counters.get(span.start as usize..=span.end as usize))
            else {
                continue;
            };
            for (rule, counters) in chain.rules.iter_mut().zip(own) {
                rule.counters = *counters;
            }
            if let (Some(_), Some(counters)) = (span.hook, own.last()) {
                chain.counters = *counters;
            }
        }
    }

    /// Zeroes the counters of a rule, of a chain with its policy, or of the whole table (F69).
    pub fn zero(&mut self, chain: Option<ChainId>, number: Option<usize>) {
        let Some(chain) = chain else {
            self.counters.fill(Counters::default());
            return;
        };
        let Some((start, end)) = self.span(chain).map(|span| (span.start as usize, span.end as usize)) else {
            return;
        };
        let range = match number {
            None => start..end + 1,
            Some(number) => match number.checked_sub(1).map(|offset| start + offset).filter(|&at| at < end) {
                Some(at) => at..at + 1,
                None => return,
            },
        };
        if let Some(counters) = self.counters.get_mut(range) {
            counters.fill(Counters::default());
        }
    }

    /// Whether a table has anything but empty chains with policy ACCEPT.
    pub fn has_rules(&self) -> bool {
        self.spans.iter().any(|span| span.start != span.end)
    }
}

/// The chain that an entry belongs to.
pub(super) fn locate(spans: &[Span], at: At) -> Option<&Span> {
    let after = spans.partition_point(|span| span.start <= at);
    spans.get(after.checked_sub(1)?).filter(|span| at <= span.end)
}

fn spans(rules: &TableRules) -> Vec<Span> {
    let mut start = 0;
    let mut spans = Vec::new();
    for (id, chain) in rules.slots_in_order() {
        let end = start + At::try_from(chain.rules.len()).unwrap_or(At::MAX - start - 1);
        spans.push(Span { id, name: chain.name.as_str().into(), start, end, hook: chain.hook });
        start = end + 1;
    }
    spans
}

/// The first entry of each chain by its id; chains from which a loop can be reached are not there.
fn starts(rules: &TableRules, spans: &[Span]) -> Vec<Option<At>> {
    let mut starts = vec![None; rules.id_end()];
    let looping = looping(rules);
    for span in spans {
        let at = span.id.0 as usize;
        if let (Some(slot), Some(false)) = (starts.get_mut(at), looping.get(at)) {
            *slot = Some(span.start);
        }
    }
    starts
}

/// From which chains a loop can be reached, by their ids: those that remain when chains that only call safe ones are
/// taken away again and again.
fn looping(rules: &TableRules) -> Vec<bool> {
    let end = rules.id_end();
    let mut waits = vec![0_usize; end];
    let targets = |id: usize| {
        rules
            .chain(ChainId(id as u32))
            .into_iter()
            .flat_map(|chain| &chain.rules)
            .filter_map(|rule| rule.target.as_ref().and_then(Target::chain))
            .map(|chain| chain.0 as usize)
    };
    let mut callers = vec![Vec::new(); end];
    for id in 0..end {
        for called in targets(id) {
            if let (Some(own), Some(wait)) = (callers.get_mut(called), waits.get_mut(id)) {
                own.push(id);
                *wait += 1;
            }
        }
    }
    // Chains that call nothing are safe; a chain is safe when all that it calls is.
    let mut safe: Vec<usize> = (0..end).filter(|&id| waits.get(id) == Some(&0)).collect();
    let mut looping = vec![true; end];
    while let Some(id) = safe.pop() {
        if let Some(slot) = looping.get_mut(id) {
            *slot = false;
        }
        for &caller in callers.get(id).into_iter().flatten() {
            if let Some(wait) = waits.get_mut(caller) {
                *wait -= 1;
                if *wait == 0 {
                    safe.push(caller);
                }
            }
        }
    }
    looping
}

/// What grows while rules are compiled.
struct Parts {
    world: World,
    starts: Vec<Option<At>>,
    counters: Vec<Counters>,
    conditions: Vec<Condition>,
    targets: Vec<Target>,
    actors: Vec<Actor>,
    patterns: Patterns,
}

impl Parts {
    fn new(world: World, starts: Vec<Option<At>>) -> Self {
        Self {
            world,
            starts,
            counters: Vec::new(),
            conditions: Vec::new(),
            targets: Vec::new(),
            actors: Vec::new(),
            patterns: Patterns::new(),
        }
    }
}

fn lower<A: Address>(rules: &TableRules, parts: &mut Parts) -> Box<[Entry<A>]> {
    let mut entries = Vec::new();
    for (_, chain) in rules.slots_in_order() {
        for rule in &chain.rules {
            entries.push(lower_rule(rule, parts));
            parts.counters.push(rule.counters);
        }
        let (action, counters) = match chain.hook {
            Some(_) => (Action::Policy(chain.policy), chain.counters),
            None => (Action::End, Counters::default()),
        };
        entries.push(Entry { header: Conditions::NONE, first: 0, count: 0, action });
        parts.counters.push(counters);
    }
    entries.into()
}

fn lower_rule<A: Address>(rule: &Rule, parts: &mut Parts) -> Entry<A> {
    let first = parts.conditions.len() as u32;
    let world = parts.world;
    parts.conditions.extend(rule.matches.iter().map(|own| Condition::of(world, own)));
    Entry {
        header: Conditions::new(&rule.header, world, &mut parts.patterns),
        first,
        count: rule.matches.len() as u32,
        action: lower_target(rule.target.as_ref(), parts),
    }
}

fn lower_target(target: Option<&Target>, parts: &mut Parts) -> Action {
    let start = |parts: &Parts, chain: &ChainId| parts.starts.get(chain.0 as usize).copied().flatten();
    match target {
        None => Action::Count,
        Some(Target::Accept) => Action::Accept,
        Some(Target::Drop) => Action::Drop,
        Some(Target::Return) => Action::Return,
        Some(Target::Queue) => Action::Queue,
        Some(Target::Jump(chain)) => start(parts, chain).map_or(Action::Nowhere, Action::Jump),
        Some(Target::Goto(chain)) => start(parts, chain).map_or(Action::Nowhere, Action::Goto),
        Some(Target::Set(own)) => {
            parts.actors.push(Actor::new(own));
            Action::Set(parts.actors.len() as u32 - 1)
        }
        Some(other) => {
            parts.targets.push(other.clone());
            Action::Target(parts.targets.len() as u32 - 1)
        }
    }
}

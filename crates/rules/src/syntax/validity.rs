//! What the kernel checks when a table is applied: no loop that a packet could run into, and every match and target
//! where it may stand. Linear in the rules; done once for each commit.
//!
//! Linux: `mark_source_chains` and `find_check_entry` of ip_tables. A chain's hooks are those from whose built-in
//! chains it can be reached. Rules behind an unconditional ACCEPT, DROP, RETURN or QUEUE are reached by nobody: their
//! jumps do not count and hook restrictions do not hold for them.
use packet::Family;

use super::error::Operation;
use super::extension::{Errno, HookSet, Site};
use super::objects::Objects;
use crate::{ChainId, Header, Rule, TableRules, Target};

/// Why the kernel refuses a table, and at which rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The chain.
    pub chain: ChainId,
    /// The rule's place in the chain, from 0.
    pub rule: usize,
    /// What iptables says.
    pub operation: Operation,
    /// Why, in our words.
    pub cause: String,
}

/// The check of a whole table. `objects`: what is there before, of old rules of this table and of other tables.
pub fn check(rules: &TableRules, family: Family, mut objects: Objects) -> Result<(), Fault> {
    let hooks = reachable(rules)?;
    for (id, chain) in rules.chains() {
        let reached = hooks.get(id.0 as usize).copied().unwrap_or(HookSet::NONE);
        let end = reached_end(&chain.rules);
        for (at, rule) in chain.rules.iter().enumerate() {
            let site = Site {
                family,
                table: rules.table(),
                hooks: if at < end { reached } else { HookSet::NONE },
                header: &rule.header,
                matches: &rule.matches,
            };
            let checked = rule
                .matches
                .iter()
                .try_for_each(|one| one.check(&site).and_then(|()| objects.find(one)))
                .and_then(|()| match &rule.target {
                    Some(target) => target.check(&site).and_then(|()| objects.make(target, &site)),
                    None => Ok(()),
                });
            if let Err(refusal) = checked {
                let operation = match refusal.errno {
                    Errno::NoEntry => Operation::NoEntry,
                    Errno::Loop => Operation::Loop,
                    Errno::Exists => Operation::NameExists,
                    Errno::Links => Operation::Links,
                    Errno::NotEmpty => Operation::NotEmpty,
                    Errno::Range => Operation::Range,
                    Errno::Invalid | Errno::TooBig => Operation::Invalid,
                };
                return Err(Fault { chain: id, rule: at, operation, cause: refusal.cause.into_owned() });
            }
        }
    }
    Ok(())
}

/// How many rules of a chain a packet can reach.
fn reached_end(rules: &[Rule]) -> usize {
    let last = rules.iter().position(|rule| {
        rule.matches.is_empty()
            && matches!(rule.target, Some(Target::Accept | Target::Drop | Target::Return | Target::Queue))
            && rule.header == Header::default()
    });
    last.map_or(rules.len(), |last| last + 1)
}

/// For each chain (by id) the hooks from which it can be reached; a loop is an error.
fn reachable(rules: &TableRules) -> Result<Vec<HookSet>, Fault> {
    let count = rules.id_end();
    // The jumps of each chain: place of the rule, chain that is jumped to.
    let mut jumps: Vec<Vec<(usize, ChainId)>> = vec![Vec::new(); count];
    for (id, chain) in rules.slots_in_order() {
        let end = reached_end(&chain.rules);
        let own = chain.rules.iter().take(end).enumerate();
        if let Some(slot) = jumps.get_mut(id.0 as usize) {
            slot.extend(own.filter_map(|(at, rule)| Some((at, rule.target.as_ref()?.chain()?))));
        }
    }
    let jumps_of = |id: ChainId| jumps.get(id.0 as usize).map_or(&[][..], Vec::as_slice);
    // Depth first without recursion; a chain is finished behind all that it jumps to.
    let mut state = vec![State::New; count];
    let mut finished = Vec::with_capacity(count);
    let builtin: Vec<_> =
        rules.table().hooks().iter().filter_map(|&(hook, _)| Some((hook, rules.builtin(hook)?))).collect();
    for &(_, start) in &builtin {
        if state.get(start.0 as usize) != Some(&State::New) {
            continue;
        }
        let mut stack = vec![(start, 0_usize)];
        set(&mut state, start, State::Open);
        while let Some((chain, next)) = stack.last_mut() {
            let chain = *chain;
            let Some(&(at, to)) = jumps_of(chain).get(*next) else {
                set(&mut state, chain, State::Finished);
                finished.push(chain);
                stack.pop();
                continue;
            };
            *next += 1;
            match state.get(to.0 as usize) {
                Some(State::New) => {
                    set(&mut state, to, State::Open);
                    stack.push((to, 0));
                }
                Some(State::Open) => {
                    let way = stack.iter().map(|&(id, _)| id).skip_while(|&id| id != to).chain([to]);
                    let names: Vec<_> =
                        way.filter_map(|id| rules.chain(id)).map(|chain| chain.name.as_str()).collect();
                    return Err(Fault {
                        chain,
                        rule: at,
                        operation: Operation::Loop,
                        cause: format!("a packet would run in circles: {}", names.join(" -> ")),
                    });
                }
                _ => {}
            }
        }
    }
    let mut hooks = vec![HookSet::NONE; count];
    for &(hook, id) in &builtin {
        set(&mut hooks, id, HookSet::only(hook));
    }
    for &chain in finished.iter().rev() {
        let own = hooks.get(chain.0 as usize).copied().unwrap_or(HookSet::NONE);
        for &(_, to) in jumps_of(chain) {
            if let Some(slot) = hooks.get_mut(to.0 as usize) {
                *slot = slot.union(own);
            }
        }
    }
    Ok(hooks)
}

/// How far the search has come with a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Finished,
}

fn set<T>(list: &mut [T], id: ChainId, value: T) {
    if let Some(slot) = list.get_mut(id.0 as usize) {
        *slot = value;
    }
}

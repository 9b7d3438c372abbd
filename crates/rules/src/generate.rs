//! Random rulesets out of a stream of numbers: for property tests, for the judge, for fuzzing.
//!
//! What comes out is valid (`syntax::validity` accepts it, and so does the kernel) and in normal form (it is equal to
//! what its own print is read as). Values are few and near to each other, so that rules are hit, and narrowly missed:
//! one network behind each of `lan0`, `dmz0` and `wan0`, the ports 22 53 80 443 and 1000 to 1010, and the ends of each
//! range. User chains call only chains behind them, so that there are no loops.
//!
//! Pure: randomness is an argument. [`from_seed`] makes one out of a number.
use packet::Family;

use crate::syntax::extension::HookSet;
use crate::{
    ChainId, ChainName, Counters, Hook, Match, Negatable, Policy, Rule, Ruleset, Table, TableRules, Target,
};

mod effects;
mod extension_header;
mod header;
mod inspection;
mod matches;
mod packet_fields;
mod sets;
mod stateful;
mod targets;
mod values;

use values::Random;

/// How a ruleset is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The tables that may be there, each with a chance of three in four.
    pub tables: Vec<Table>,
    /// Most user chains of a table.
    pub chains: usize,
    /// Most rules of a chain.
    pub rules: usize,
    /// Most matches of a rule.
    pub matches: usize,
    /// Whether rules and policies have counters.
    pub counters: bool,
    /// Whether QUEUE may be a target.
    pub queue: bool,
    /// Whether TRACE and LOG may be targets.
    pub logging: bool,
    /// Names of matches and targets that are left out.
    pub without: Vec<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tables: Table::ALL.to_vec(),
            chains: 4,
            rules: 6,
            matches: 3,
            counters: false,
            queue: true,
            logging: true,
            without: Vec::new(),
        }
    }
}

/// Numbers out of a seed (SplitMix64).
pub fn from_seed(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A ruleset.
pub fn ruleset(next: &mut dyn FnMut() -> u64, family: Family, options: &Options) -> Ruleset {
    let mut random = Random::new(next, family);
    let mut all = Ruleset::new(family);
    let mut tables = options.tables.clone();
    for last in (1..tables.len()).rev() {
        let other = random.below(last + 1);
        tables.swap(last, other);
    }
    for table in tables {
        if random.chance(3, 4) {
            all.set_table(self::table(&mut random, table, options));
        }
    }
    all
}

/// One rule for a built-in chain of a table, without jumps to user chains.
pub fn rule(
    next: &mut dyn FnMut() -> u64,
    family: Family,
    table: Table,
    hook: Hook,
    options: &Options,
) -> Rule {
    let site = Place { table, hooks: HookSet::only(hook), below: &[] };
    self::one_rule(&mut Random::new(next, family), &site, options)
}

/// Where a rule will stand.
struct Place<'a> {
    table: Table,
    /// The hooks from which it can be reached.
    hooks: HookSet,
    /// The chains that it may call.
    below: &'a [ChainId],
}

impl Place<'_> {
    /// Whether it can be reached from no other hooks than these.
    fn only(&self, hooks: &[Hook]) -> bool {
        self.hooks.iter().all(|hook| hooks.contains(&hook))
    }

    fn has(&self, hook: Hook) -> bool {
        self.hooks.has(hook)
    }
}

/// Names of user chains: what people and programs use, and what is just still allowed.
const CHAINS: &[&str] = &[
    "A",
    "a-b",
    "in_public",
    "f2b-sshd",
    "KUBE-SVC-X7Q3RGKW6R5VQ2VX",
    "cali-fw%wan0",
    "0",
    "x.y:z",
    "abcdefghijklmnopqrstuvwxyz12",
    "ufw-user-input",
];

fn table(random: &mut Random<'_>, table: Table, options: &Options) -> TableRules {
    let mut rules = TableRules::new(table);
    let mut users: Vec<ChainId> = Vec::new();
    let start = random.below(CHAINS.len());
    for at in 0..random.below(options.chains + 1).min(CHAINS.len()) {
        let name = CHAINS.get((start + at) % CHAINS.len()).and_then(|name| ChainName::new(name));
        users.extend(name.and_then(|name| rules.add_chain(name)));
    }
    let builtin: Vec<(ChainId, HookSet)> = table
        .hooks()
        .iter()
        .filter_map(|&(hook, _)| Some((rules.builtin(hook)?, HookSet::only(hook))))
        .collect();
    // The hooks from which a user chain can be reached; known when it is its turn, since only chains before it call it.
    let mut reach: Vec<HookSet> = vec![HookSet::NONE; users.len()];
    for (id, hooks) in builtin {
        let list = chain(random, &Place { table, hooks, below: &users }, options);
        spread(&list, hooks, &users, &mut reach);
        let policy = if table != Table::Nat && random.chance(1, 8) { Policy::Drop } else { Policy::Accept };
        let counters = counters(random, options);
        if let Some(chain) = rules.chain_mut(id) {
            chain.rules = list;
            chain.policy = policy;
            chain.counters = counters;
        }
        let rule = stateful::compared(random, &rules).filter(|_| !options.without.contains(&"rateest"));
        if let Some(chain) = rules.chain_mut(id) {
            chain.rules.extend(rule);
        }
    }
    for at in 0..users.len() {
        let (Some(&id), Some(&hooks)) = (users.get(at), reach.get(at)) else { continue };
        let below = users.get(at + 1..).unwrap_or(&[]);
        let list = chain(random, &Place { table, hooks, below }, options);
        spread(&list, hooks, &users, &mut reach);
        if let Some(chain) = rules.chain_mut(id) {
            chain.rules = list;
        }
    }
    rules
}

/// Adds hooks to what the rules of a chain call.
fn spread(list: &[Rule], hooks: HookSet, users: &[ChainId], reach: &mut [HookSet]) {
    for to in list.iter().filter_map(|rule| rule.target.as_ref()?.chain()) {
        let at = users.iter().position(|user| *user == to);
        if let Some(own) = at.and_then(|at| reach.get_mut(at)) {
            *own = own.union(hooks);
        }
    }
}

fn chain(random: &mut Random<'_>, place: &Place<'_>, options: &Options) -> Vec<Rule> {
    (0..random.below(options.rules + 1)).map(|_| one_rule(random, place, options)).collect()
}

fn one_rule(random: &mut Random<'_>, place: &Place<'_>, options: &Options) -> Rule {
    let header = header::header(random, place);
    let mut list: Vec<Match> = Vec::new();
    for _ in 0..random.below(options.matches + 1) {
        let one = matches::one(random, place, &header);
        list.extend(one.filter(|one| !options.without.contains(&one.name())));
        if !marks_are_readable(&list) {
            list.pop();
        }
    }
    let target = targets::one(random, place, &header, &list, options)
        .filter(|target| !target.name().is_some_and(|name| options.without.contains(&name)));
    Rule { header, matches: list, target, counters: counters(random, options) }
}

/// Linux: iptables gives `--mark` to the wrong match where `-m mark` and `-m connmark` stand in a rule and one of them
/// twice, so that it cannot read what it prints (measured with 1.8.9). We read it as it is meant.
fn marks_are_readable(list: &[Match]) -> bool {
    let marks = list.iter().filter(|one| matches!(one, Match::Mark(_))).count();
    let connmarks = list.iter().filter(|one| matches!(one, Match::Connmark(_))).count();
    marks == 0 || connmarks == 0 || marks + connmarks == 2
}

fn counters(random: &mut Random<'_>, options: &Options) -> Counters {
    if !options.counters || random.chance(1, 3) {
        return Counters::default();
    }
    let mut number = || match random.below(4) {
        0 => u64::from(u32::MAX) + 1,
        1 => u64::MAX,
        2 => random.number() % 100_000,
        _ => random.number(),
    };
    Counters { packets: number(), bytes: number() }
}

/// A value, inverted one time in four.
fn negatable<T>(random: &mut Random<'_>, value: T) -> Negatable<T> {
    Negatable { invert: random.chance(1, 4), value }
}

/// Whether a target is one of those that stand for a chain.
fn call(random: &mut Random<'_>, below: &[ChainId]) -> Option<Target> {
    let to = *below.get(random.below(below.len().max(1)))?;
    Some(if random.chance(1, 4) { Target::Goto(to) } else { Target::Jump(to) })
}

#[cfg(test)]
mod tests;

//! Tables, chains and policies of one family.
//!
//! Invariants (kept by `syntax::apply`, relied on by the walk): every [`ChainId`] in a rule names a live user chain of
//! the same table; no loop is reachable from a built-in chain; every match and target is legal where it can be reached.
use std::collections::HashMap;
use std::fmt;

use packet::Family;

use crate::{Counters, Hook, Rule, Table};

/// The name of a chain: 1 to 28 bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainName(Box<str>);

impl ChainName {
    /// The longest name in bytes.
    pub const MAX: usize = 28;

    /// A name; `None` if it is empty or longer than [`Self::MAX`] bytes. What iptables refuses besides
    /// (blanks, `-` or `!` in front, names of targets) is refused by the command's parser.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= Self::MAX).then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for ChainName {
    // Why: the derived hash and order of a wrapper are those of its `str`, so a map can be asked by `&str`.
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A chain of a table, stable while the chain lives (renaming does not change it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(pub u32);

/// What becomes of a packet that reaches the end of a built-in chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It goes on.
    #[default]
    Accept,
    /// It is dropped.
    Drop,
}

impl Policy {
    /// `ACCEPT` or `DROP`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
        }
    }
}

/// A chain: built-in (with a hook and a policy) or made by a user.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its name.
    pub name: ChainName,
    /// The hook of a built-in chain.
    pub hook: Option<Hook>,
    /// The policy; of meaning for built-in chains only.
    pub policy: Policy,
    /// Counters of the policy.
    pub counters: Counters,
    /// The rules in order.
    pub rules: Vec<Rule>,
}

/// One table of one family.
#[derive(Clone, Debug)]
pub struct TableRules {
    table: Table,
    /// Slots by [`ChainId`]; the built-in chains come first, in the order of [`Table::hooks`]. A deleted chain leaves
    /// an empty slot that a new chain may take.
    slots: Vec<Option<Chain>>,
    /// The empty slots.
    free: Vec<u32>,
    names: HashMap<ChainName, ChainId>,
}

impl TableRules {
    /// The table with its built-in chains, empty, policies ACCEPT.
    pub fn new(table: Table) -> Self {
        let mut this = Self { table, slots: Vec::new(), free: Vec::new(), names: HashMap::new() };
        for &(hook, _) in table.hooks() {
            if let Some(name) = ChainName::new(hook.name()) {
                this.insert(Chain {
                    name,
                    hook: Some(hook),
                    policy: Policy::Accept,
                    counters: Counters::default(),
                    rules: Vec::new(),
                });
            }
        }
        this
    }

    /// Which table it is.
    pub fn table(&self) -> Table {
        self.table
    }

    fn insert(&mut self, chain: Chain) -> ChainId {
        let name = chain.name.clone();
        let at = self.free.pop().map_or(self.slots.len(), |free| free as usize);
        match self.slots.get_mut(at) {
            Some(slot) => *slot = Some(chain),
            None => self.slots.push(Some(chain)),
        }
        let id = ChainId(at as u32);
        self.names.insert(name, id);
        id
    }

    /// Makes a user chain; `None` if the name is taken.
    pub fn add_chain(&mut self, name: ChainName) -> Option<ChainId> {
        if self.names.contains_key(&name) {
            return None;
        }
        Some(self.insert(Chain {
            name,
            hook: None,
            policy: Policy::Accept,
            counters: Counters::default(),
            rules: Vec::new(),
        }))
    }

    /// Removes a user chain and gives it back. The caller has made sure that nothing refers to it.
    pub fn remove_chain(&mut self, id: ChainId) -> Option<Chain> {
        let slot = self.slots.get_mut(id.0 as usize)?;
        if slot.as_ref().is_none_or(|chain| chain.hook.is_some()) {
            return None;
        }
        let chain = slot.take()?;
        self.free.push(id.0);
        self.names.remove(&chain.name);
        Some(chain)
    }

    /// Empties the built-in chains and removes all user chains; policies and their counters stay.
    pub fn clear(&mut self) {
        let builtin = self.table.hooks().len();
        for chain in self.slots.drain(builtin.min(self.slots.len())..).flatten() {
            self.names.remove(&chain.name);
        }
        self.free.clear();
        for chain in self.slots.iter_mut().flatten() {
            chain.rules = Vec::new();
        }
    }

    /// Renames a chain; `false` if the new name is taken or the chain is not there.
    pub fn rename_chain(&mut self, id: ChainId, name: ChainName) -> bool {
        if self.names.contains_key(&name) {
            return false;
        }
        let Some(chain) = self.chain_mut(id) else { return false };
        let old = std::mem::replace(&mut chain.name, name.clone());
        self.names.remove(&old);
        self.names.insert(name, id);
        true
    }

    /// The chain of a name.
    pub fn find(&self, name: &str) -> Option<ChainId> {
        self.names.get(name).copied()
    }

    /// A chain by its id.
    pub fn chain(&self, id: ChainId) -> Option<&Chain> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    /// A chain by its id, to change.
    pub fn chain_mut(&mut self, id: ChainId) -> Option<&mut Chain> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    /// The built-in chain of a hook.
    pub fn builtin(&self, hook: Hook) -> Option<ChainId> {
        let at = self.table.hooks().iter().position(|&(own, _)| own == hook)?;
        Some(ChainId(at as u32))
    }

    /// All chains in the order of listings: built-in ones, then user chains sorted by the bytes of their names (F70).
    pub fn chains(&self) -> Vec<(ChainId, &Chain)> {
        let mut all: Vec<_> = self.slots_in_order().collect();
        let builtin = self.table.hooks().len();
        if let Some(users) = all.get_mut(builtin..) {
            users.sort_by(|a, b| a.1.name.cmp(&b.1.name));
        }
        all
    }

    /// All chains in the order of their ids.
    pub fn slots_in_order(&self) -> impl Iterator<Item = (ChainId, &Chain)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(at, slot)| slot.as_ref().map(|chain| (ChainId(at as u32), chain)))
    }

    /// One more than the largest id in use.
    pub fn id_end(&self) -> usize {
        self.slots.len()
    }

    /// How many rules jump or go to a chain.
    pub fn references(&self, id: ChainId) -> usize {
        self.slots
            .iter()
            .flatten()
            .flat_map(|chain| &chain.rules)
            .filter(|rule| rule.target.as_ref().and_then(crate::Target::chain) == Some(id))
            .count()
    }
}

/// The tables of one family. A table that nobody has touched does not exist (F70).
#[derive(Clone, Debug)]
pub struct Ruleset {
    family: Family,
    /// In the order of their first use.
    tables: Vec<TableRules>,
}

impl Ruleset {
    /// No tables.
    pub fn new(family: Family) -> Self {
        Self { family, tables: Vec::new() }
    }

    /// IPv4 or IPv6.
    pub fn family(&self) -> Family {
        self.family
    }

    /// A table, if it exists.
    pub fn table(&self, table: Table) -> Option<&TableRules> {
        self.tables.iter().find(|own| own.table == table)
    }

    /// A table, made on first use.
    pub fn table_mut(&mut self, table: Table) -> &mut TableRules {
        let at = match self.tables.iter().position(|own| own.table == table) {
            Some(at) => at,
            None => {
                self.tables.push(TableRules::new(table));
                self.tables.len() - 1
            }
        };
        &mut self.tables[at]
    }

    /// Puts a whole table in the place of the old one; a new table counts as used last.
    pub fn set_table(&mut self, rules: TableRules) {
        match self.tables.iter_mut().find(|own| own.table == rules.table) {
            Some(own) => *own = rules,
            None => self.tables.push(rules),
        }
    }

    /// Orders the tables as if they had been used first in this order; those that are not named come behind them, and
    /// those that `keep` does not want are gone.
    pub fn order(&mut self, named: &[Table], keep: impl Fn(&TableRules) -> bool) {
        self.tables.retain(|own| named.contains(&own.table) || keep(own));
        let place = |own: &TableRules| named.iter().position(|&table| table == own.table);
        self.tables.sort_by_key(|own| place(own).unwrap_or(named.len()));
    }

    /// How often rules name a set.
    pub fn set_references(&self, name: &str) -> usize {
        let chains = self.tables.iter().flat_map(|table| table.slots.iter().flatten());
        chains.flat_map(|chain| &chain.rules).map(|rule| rule.set_references(name)).sum()
    }

    /// The existing tables in the order of their first use. `iptables-save` prints them the other way round.
    pub fn tables(&self) -> &[TableRules] {
        &self.tables
    }
}

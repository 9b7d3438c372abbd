//! Save files as files of nft: what `iptables-restore-translate` prints.
//!
//! Lines come one by one; what became of a table goes out at its COMMIT. Chains are written where they are declared;
//! rules stand in the order of their lines, or, in a table with `-I`, `-D` or `-R`, chain by chain in the order in which
//! they come to stand. Counters in front of lines do not count, as in iptables-restore without `-c`. A built-in chain
//! that is used and not declared is written without a policy.
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use packet::Family;

use super::command::{Chain, base_chain, rules};
use super::{Untranslatable, name};
use crate::syntax::Names;
use crate::syntax::command::{Action, Command, Named};
use crate::syntax::error::{Error, ErrorKind, Operation, RestoreError};
use crate::syntax::lex::Span;
use crate::syntax::parse::{Mode, Parsed};
use crate::syntax::restore::{self, Fault};
use crate::{Hook, Policy, Table, put};

/// Translates a save file line by line.
pub struct Translator<'a> {
    family: Family,
    names: &'a dyn Names,
    line: usize,
    table: Option<Content>,
    /// Lines for the error stream, without newlines.
    pub warnings: Vec<String>,
    /// The lines of the file that have no translation.
    pub refused: Vec<usize>,
}

/// A table on its way.
struct Content {
    table: Table,
    /// The lines of chains.
    heads: Vec<Entry>,
    /// What was written for rules: the line as it is put out, in the order of the file.
    entries: Vec<Entry>,
    chains: HashMap<Box<str>, Order>,
    /// Names of chains in the order of their first rule.
    named: Vec<Box<str>>,
    /// Whether rules do not stand in the order of their lines.
    moved: bool,
}

struct Entry {
    text: Box<str>,
    gone: bool,
}

/// The rules of a chain in order, as places in [`Content::entries`].
#[derive(Default)]
struct Order {
    /// The line of the chain, as a place in [`Content::heads`].
    head: Option<usize>,
    /// Rules put in front, the first one last.
    front: Vec<usize>,
    rest: Vec<usize>,
}

impl Order {
    fn insert(&mut self, at: usize, entries: &[usize]) -> bool {
        for entry in entries {
            let front = self.front.len();
            if at <= front {
                self.front.insert(front - at, *entry);
            } else if at - front <= self.rest.len() {
                self.rest.insert(at - front, *entry);
            } else {
                return false;
            }
        }
        true
    }

    fn remove(&mut self, at: usize) -> Option<usize> {
        let front = self.front.len();
        if at < front {
            return Some(self.front.remove(front - 1 - at));
        }
        (at - front < self.rest.len()).then(|| self.rest.remove(at - front))
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.front.iter().rev().chain(&self.rest).copied()
    }
}

impl<'a> Translator<'a> {
    /// At the start of a file.
    pub fn new(family: Family, names: &'a dyn Names) -> Self {
        Self { family, names, line: 0, table: None, warnings: Vec::new(), refused: Vec::new() }
    }

    /// One line, with or without its newline. What is finished goes to `out`.
    pub fn line(&mut self, line: &str, out: &mut String) -> Result<(), Box<Fault>> {
        self.line += 1;
        let text = line.strip_suffix('\n').unwrap_or(line);
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        self.read(text, out).map_err(|error| self.fault(text, error))
    }

    /// The end of the file.
    pub fn end(&mut self, out: &mut String) -> Result<(), Box<Fault>> {
        if self.table.is_none() {
            return Ok(());
        }
        // Upstream prints what there is.
        self.finish(out);
        self.line += 1;
        Err(self.fault("", Error::new(ErrorKind::Restore(RestoreError::CommitExpected), Span::default())))
    }

    fn fault(&self, text: &str, error: Error) -> Box<Fault> {
        Box::new(Fault { line: self.line, text: text.into(), error, rule_line: None })
    }

    fn read(&mut self, text: &str, out: &mut String) -> Result<(), Error> {
        let whole = Span::new(0, text.len());
        let restore = |kind| Error::new(ErrorKind::Restore(kind), whole);
        if text == "COMMIT" {
            if self.table.is_none() {
                return Err(restore(RestoreError::LineFailed).because("there is no table to commit"));
            }
            self.finish(out);
            return Ok(());
        }
        if let (Some(name), None) = (text.strip_prefix('*'), &self.table) {
            let name = name.split([' ', '\t']).find(|word| !word.is_empty());
            let name = name.ok_or_else(|| restore(RestoreError::TableName))?;
            let table = Table::from_name(name).ok_or_else(|| {
                restore(RestoreError::NoTable(name.into())).suggest(name, Table::ALL.map(Table::name))
            })?;
            self.table = Some(Content::new(self.family, table));
            return Ok(());
        }
        let Some(content) = &mut self.table else {
            let outside = "a line like this stands in a table, between `*TABLE' and `COMMIT'";
            return Err(restore(RestoreError::LineFailed).because(outside));
        };
        if let Some(rest) = text.strip_prefix(':') {
            return content.declare(rest, self.family).map_err(restore);
        }
        let mode = Mode {
            family: self.family,
            names: self.names,
            restore: Some(content.table.name()),
            trusted: false,
        };
        match restore::parse_line(text, mode, false) {
            Ok(Parsed::Command(command)) => {
                self.warnings.extend(command.warnings.iter().cloned());
                let refused = content.command(self.family, &command, text)?;
                self.refused.extend(refused.then_some(self.line));
                Ok(())
            }
            Ok(Parsed::Help(_) | Parsed::Version(_)) => {
                Err(restore(RestoreError::LineFailed).because("help and version have no place in a table"))
            }
            // As iptables-restore: a line for the other family is skipped.
            Err(error) if error.kind == ErrorKind::WrongFamily => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn finish(&mut self, out: &mut String) {
        if let Some(content) = self.table.take() {
            content.finish(out);
        }
    }
}

impl Content {
    fn new(family: Family, table: Table) -> Self {
        let head =
            Entry { text: format!("add table {} {table}\n", super::family(family)).into(), gone: false };
        let (entries, chains, named) = (Vec::new(), HashMap::new(), Vec::new());
        Self { table, heads: vec![head], entries, chains, named, moved: false }
    }

    /// `:CHAIN POLICY`.
    fn declare(&mut self, rest: &str, family: Family) -> Result<(), RestoreError> {
        let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
        let name = words.next().ok_or(RestoreError::ChainName)?;
        let policy = words.next().ok_or(RestoreError::Policy)?;
        let chain = Chain { family, table: self.table, name: name.into() };
        match (chain.site().hook(), policy) {
            (Some(hook), "ACCEPT") => self.base(family, hook, Some(Policy::Accept)),
            (Some(hook), "DROP") => self.base(family, hook, Some(Policy::Drop)),
            (Some(hook), "-") => self.base(family, hook, None),
            (None, "-") => {
                self.user_chain(&chain);
            }
            _ => return Err(RestoreError::SetPolicy(policy.into(), name.into(), Operation::BadPolicy)),
        }
        Ok(())
    }

    fn base(&mut self, family: Family, hook: Hook, policy: Option<Policy>) {
        self.head(hook.name(), base_chain(family, self.table, hook, policy));
    }

    /// Makes a user chain; `false` if it is there.
    fn user_chain(&mut self, chain: &Chain) -> bool {
        if self.chains.contains_key(&chain.name) {
            return false;
        }
        let mut text = String::new();
        if let Cow::Owned(own) = name::chain(&chain.name) {
            put!(text, "# chain {} is {own} here\n", chain.name);
        }
        put!(text, "add chain {}", chain.site().chain_in_nft());
        self.head(&chain.name, text);
        true
    }

    fn head(&mut self, chain: &str, mut text: String) {
        text.push('\n');
        self.chains.entry(chain.into()).or_default().head = Some(self.heads.len());
        self.heads.push(Entry { text: text.into(), gone: false });
    }

    /// A command; whether it has no translation.
    fn command(&mut self, family: Family, own: &Command, text: &str) -> Result<bool, Error> {
        let failed = |named: &Named, operation| Error::new(ErrorKind::Operation(operation), named.span);
        let site = |chain: &Named| Chain { family, table: self.table, name: chain.text.clone() };
        match &own.action {
            Action::Append { chain, rule }
            | Action::Insert { chain, rule, .. }
            | Action::Replace { chain, rule, .. } => {
                let place = site(chain);
                let known = |name: &str| self.chains.contains_key(name) && Hook::from_name(name).is_none();
                let texts = rules(&place, rule, &known);
                let refused = texts.iter().any(Result::is_err);
                let at = match &own.action {
                    Action::Insert { number, .. } => Some((*number as usize).saturating_sub(1)),
                    Action::Replace { number, .. } => Some((*number as usize).saturating_sub(1)),
                    _ => None,
                };
                if let Action::Replace { .. } = &own.action {
                    self.remove(&place, at.unwrap_or(0))
                        .ok_or_else(|| failed(chain, Operation::ReplaceTooBig))?;
                }
                if !self.add(&place, texts, at, text) {
                    return Err(failed(chain, Operation::InsertTooBig));
                }
                Ok(refused)
            }
            Action::DeleteNumber { chain, number, .. } => {
                let place = site(chain);
                let at = (*number as usize).saturating_sub(1);
                self.remove(&place, at).ok_or_else(|| failed(chain, Operation::DeleteTooBig))?;
                Ok(false)
            }
            Action::NewChain { chain } => {
                let place = site(chain);
                if self.user_chain(&place) { Ok(false) } else { Err(failed(chain, Operation::ChainExists)) }
            }
            // The tables of a file begin empty.
            Action::Zero { .. } => Ok(false),
            Action::DeleteChain { chain: None }
                if self.chains.keys().all(|name| Hook::from_name(name).is_some()) =>
            {
                Ok(false)
            }
            Action::Flush { chain } => {
                self.flush(chain.as_ref());
                Ok(false)
            }
            Action::Policy { chain, policy, .. } => {
                let rest = format!("{} {}", chain.text, policy.text);
                let kind = self.declare(&rest, family).map_err(ErrorKind::Restore);
                kind.map(|()| false).map_err(|kind| Error::new(kind, policy.span))
            }
            Action::List(_) | Action::ListRules(_) => Ok(false),
            Action::DeleteChain { chain: Some(chain) } => {
                let order =
                    self.chains.remove(&chain.text).ok_or_else(|| failed(chain, Operation::NoChain))?;
                if order.iter().next().is_some() || Hook::from_name(&chain.text).is_some() {
                    return Err(failed(chain, Operation::NotEmpty));
                }
                if let Some(head) = order.head.and_then(|head| self.heads.get_mut(head)) {
                    head.gone = true;
                }
                Ok(false)
            }
            Action::Check { .. }
            | Action::Delete { .. }
            | Action::DeleteChain { .. }
            | Action::RenameChain { .. } => {
                let kind = ErrorKind::Restore(RestoreError::LineFailed);
                let why = format!("-{} in a file has no translation", own.action.letter());
                Err(Error::new(kind, Span::new(0, text.len())).because(why))
            }
        }
    }

    /// Adds rules to a chain, at a place or at its end; `false`: there is no such place.
    fn add(
        &mut self,
        chain: &Chain,
        rules: Vec<Result<String, Untranslatable>>,
        at: Option<usize>,
        text: &str,
    ) -> bool {
        if let Some(hook) = chain.site().hook()
            && !self.chains.contains_key(hook.name())
        {
            self.base(chain.family, hook, None);
        }
        let first = self.entries.len();
        for rule in rules {
            let text = match rule {
                Ok(rule) => format!("add rule {} {rule}\n", chain.site().chain_in_nft()),
                Err(why) => remark(self.table, text, &why),
            };
            self.entries.push(Entry { text: text.into(), gone: false });
        }
        let added: Vec<usize> = (first..self.entries.len()).collect();
        let order = self.chains.entry(chain.name.clone()).or_default();
        if order.front.is_empty() && order.rest.is_empty() {
            self.named.push(chain.name.clone());
        }
        match at {
            None => {
                order.rest.extend(added);
                true
            }
            Some(at) => {
                self.moved = true;
                // Linux: each of several at the same place, so that they come out in reverse order.
                order.insert(at, &added)
            }
        }
    }

    fn remove(&mut self, chain: &Chain, at: usize) -> Option<()> {
        let entry = self.chains.get_mut(&chain.name)?.remove(at)?;
        self.entries.get_mut(entry)?.gone = true;
        Some(())
    }

    fn flush(&mut self, chain: Option<&Named>) {
        for (name, order) in &mut self.chains {
            if chain.is_none_or(|chain| chain.text == *name) {
                let (front, rest) = (std::mem::take(&mut order.front), std::mem::take(&mut order.rest));
                for entry in front.into_iter().chain(rest) {
                    if let Some(entry) = self.entries.get_mut(entry) {
                        entry.gone = true;
                    }
                }
            }
        }
    }

    fn finish(self, out: &mut String) {
        self.heads.iter().filter(|head| !head.gone).for_each(|head| out.push_str(&head.text));
        if !self.moved {
            self.entries.iter().filter(|entry| !entry.gone).for_each(|entry| out.push_str(&entry.text));
            return;
        }
        let mut done = HashSet::new();
        for name in self.named {
            let Some(order) = self.chains.get(&name).filter(|_| done.insert(name.clone())) else { continue };
            let entries = order.iter().filter_map(|entry| self.entries.get(entry));
            entries.for_each(|entry| out.push_str(&entry.text));
        }
    }
}

/// A rule without translation: the line in upstream's form, and behind it the reason.
fn remark(table: Table, line: &str, why: &Untranslatable) -> String {
    let rule = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(line, |(_, rest)| rest);
    format!("# -t {table} {} \n# cannot be translated: {why}\n", rule.trim_start())
}

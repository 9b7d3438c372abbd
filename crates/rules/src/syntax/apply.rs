//! Commands on a table: [`Editor`] carries them out one by one, [`Editor::finish`] is the commit with the kernel's
//! check.
//!
//! No command costs more than its own chain: chains are found by hash, references are counted as rules come and go.
use std::cell::Cell;
use std::collections::HashMap;

use packet::Family;

use super::command::{Action, Command, Named, RuleSpec, TargetSpec, ZeroAfter};
use super::error::{Error, ErrorKind, Operation};
use super::lex::Span;
use super::objects::Objects;
use super::{Names, inventory, list, print, validity};
use crate::put;
use crate::{ChainId, ChainName, Counters, Policy, Rule, Table, TableRules, Target};

/// A table under change.
pub struct Editor {
    rules: TableRules,
    family: Family,
    /// How many rules jump or go to each chain, by id.
    references: Vec<u32>,
    /// For each chain by id, for each rule, where it came from; as long as the chain's rules.
    origins: Vec<Vec<Origin>>,
    /// Rules that were put in front of a chain one after the other, the first of the chain last: a restore file full of
    /// `-I` costs no more than one of `-A`. They are put into the chain as soon as anything else looks at it.
    fronts: HashMap<ChainId, Vec<(Rule, Origin)>>,
    /// The line of the commands that follow; 0 for a command of its own.
    line: u32,
    /// What rules share by name, as it is before the commit.
    objects: Objects,
    /// The chain that was asked for last.
    recent: Cell<Option<ChainId>>,
    /// Whether a command has changed something.
    changed: bool,
    /// Built-in chains whose counters were said.
    counted: Vec<ChainId>,
}

/// Where a rule came from, for errors that are only seen at the commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The line of a restore file, from 1; 0: none.
    pub line: u32,
    /// The place in the line or command.
    pub span: Span,
    /// Whether a command of this editor made it.
    pub fresh: bool,
}

/// What a command may use and give besides changing the table.
pub struct Session<'a> {
    /// Who knows names, for listings.
    pub names: &'a dyn Names,
    /// The standard output.
    pub out: &'a mut String,
    /// Lines for the error stream.
    pub warnings: &'a mut Vec<String>,
}

/// Where a command wants its rules.
struct Destination<'c> {
    chain: &'c Named,
    /// What is told if the chain is not there.
    missing: Operation,
    /// The rule number, its place, and what is told if it is too big.
    number: Option<(u32, Span, Operation)>,
}

/// A fault that the kernel would find at the commit.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitError {
    /// The error.
    pub error: Error,
    /// The rule it is about.
    pub origin: Origin,
    /// The rule as `-S` prints it.
    pub rule: String,
}

impl Editor {
    /// Begins to change a table.
    pub fn new(rules: TableRules, family: Family) -> Self {
        let mut references = vec![0; rules.id_end()];
        let mut origins = vec![Vec::new(); rules.id_end()];
        for (id, chain) in rules.slots_in_order() {
            if let Some(slot) = origins.get_mut(id.0 as usize) {
                *slot = vec![Origin::default(); chain.rules.len()];
            }
            for to in chain.rules.iter().filter_map(|rule| rule.target.as_ref()?.chain()) {
                count(&mut references, to, 1);
            }
        }
        Self {
            rules,
            family,
            references,
            origins,
            fronts: HashMap::new(),
            line: 0,
            objects: Objects::default(),
            recent: Cell::new(None),
            changed: false,
            counted: Vec::new(),
        }
    }

    /// With what the rules of other tables hold, to which new rules have to fit; what the table as it is now holds comes
    /// to it. For a table that is not changed yet.
    #[must_use]
    pub fn with_objects(mut self, mut others: Objects) -> Self {
        others.hold(&self.rules, true);
        self.objects = others;
        self
    }

    /// The table as it stands.
    pub fn rules(&self) -> &TableRules {
        &self.rules
    }

    /// Sets the line of a restore file from which the next commands come.
    pub fn at_line(&mut self, line: u32) {
        self.line = line;
    }

    /// Empties all chains and removes user chains, as the start of a restore without `-n` does.
    pub fn clear(&mut self) {
        self.changed = true;
        self.fronts.clear();
        self.rules.clear();
        self.references = vec![0; self.rules.id_end()];
        self.origins = vec![Vec::new(); self.rules.id_end()];
    }

    /// The commit: the kernel's check. Counters of policies begin anew with each change of the table, unless they were said
    /// (F69).
    // Linux: it adds up what it has counted for rules that stay; libiptc says of policies that none stays.
    pub fn finish(mut self) -> Result<TableRules, Box<CommitError>> {
        self.settle();
        let hooks = self.rules.table().hooks().iter().filter(|_| self.changed);
        for id in hooks.filter_map(|(hook, _)| self.rules.builtin(*hook)).collect::<Vec<_>>() {
            if let Some(chain) = self.rules.chain_mut(id).filter(|_| !self.counted.contains(&id)) {
                chain.counters = Counters::default();
            }
        }
        let Err(fault) = validity::check(&self.rules, self.family, std::mem::take(&mut self.objects)) else {
            return Ok(self.rules);
        };
        let origin = self
            .origins
            .get(fault.chain.0 as usize)
            .and_then(|origins| origins.get(fault.rule))
            .copied()
            .unwrap_or_default();
        let mut text = String::new();
        let mut number = fault.cause;
        if let Some(chain) = self.rules.chain(fault.chain)
            && let Some(rule) = chain.rules.get(fault.rule)
        {
            print::rule(&mut text, &self.rules, chain.name.as_str(), rule, false);
            if !origin.fresh {
                number = format!("{number} (rule {} of chain {}: {text})", fault.rule + 1, chain.name);
            }
        }
        let error = Error::new(ErrorKind::Operation(fault.operation), origin.span).because(number);
        Err(Box::new(CommitError { error, origin, rule: text }))
    }

    /// Carries out one command. What it lists goes to the session's output.
    pub fn apply(&mut self, command: Command, session: &mut Session<'_>) -> Result<(), Error> {
        session.warnings.extend(command.warnings);
        self.changed |= !command.action.only_reads();
        let output = command.output;
        let verbose = output.verbose > 0;
        if !matches!(
            command.action,
            Action::Append { .. }
                | Action::Insert { number: 1, .. }
                | Action::NewChain { .. }
                | Action::Policy { .. }
        ) {
            self.settle();
        }
        match command.action {
            Action::Append { chain, rule } => self.append(&chain, *rule, verbose, session),
            Action::Insert { chain, number, span, rule } => {
                self.insert(&chain, (number, span), *rule, verbose, session)
            }
            Action::Replace { chain, number, span, rule } => {
                self.replace(&chain, (number, span), *rule, verbose, session)
            }
            Action::Check { chain, rule } => self.find(&chain, *rule, false, verbose, session),
            Action::Delete { chain, rule } => self.find(&chain, *rule, true, verbose, session),
            Action::DeleteNumber { chain, number, span } => {
                let id = self.chain(&chain, Operation::NoChain)?;
                let at = (number as usize).saturating_sub(1);
                if self.remove(id, at).is_none() {
                    let error = Error::new(ErrorKind::Operation(Operation::DeleteTooBig), span);
                    return Err(error.because(self.how_many(id)));
                }
                Ok(())
            }
            Action::List(selection) => {
                let chain = selection.chain.as_ref();
                let id = chain.map(|chain| self.chain(chain, Operation::NoChain)).transpose()?;
                let counts = |id: ChainId| self.references.get(id.0 as usize).copied().unwrap_or(0);
                let view =
                    list::View { rules: &self.rules, family: self.family, names: session.names, output };
                list::list(session.out, &view, id, selection.number, &counts);
                self.zero_after(selection.zero, chain, id, verbose, session)
            }
            Action::ListRules(selection) => {
                let chain = selection.chain.as_ref();
                let id = chain.map(|chain| self.chain(chain, Operation::NoChain)).transpose()?;
                list::list_rules(session.out, &self.rules, id, selection.number, verbose);
                self.zero_after(selection.zero, chain, id, verbose, session)
            }
            Action::Flush { chain } => {
                self.tell("Flushing", chain.as_ref(), verbose, session);
                for id in self.selected(chain.as_ref())? {
                    self.flush(id, verbose, session);
                }
                Ok(())
            }
            Action::Zero { chain, number, span } => match (chain, number) {
                (Some(chain), Some(number)) => {
                    let id = self.chain(&chain, Operation::NoChain)?;
                    self.zero_rule(id, number, span)
                }
                (chain, _) => {
                    self.tell("Zeroing", chain.as_ref(), verbose, session);
                    for id in self.selected(chain.as_ref())? {
                        self.zero(id, verbose, session);
                    }
                    Ok(())
                }
            },
            Action::NewChain { chain } => self.new_chain(&chain),
            Action::DeleteChain { chain } => self.delete_chain(chain.as_ref(), verbose, session),
            Action::RenameChain { chain, to } => self.rename_chain(&chain, &to),
            Action::Policy { chain, policy, counters } => self.policy(&chain, &policy, counters),
        }
    }

    fn chain(&self, name: &Named, missing: Operation) -> Result<ChainId, Error> {
        // Why: a restore has the rules of a chain one after the other.
        let is_named =
            |&id: &ChainId| self.rules.chain(id).is_some_and(|chain| chain.name.as_str() == &*name.text);
        let id = self.recent.get().filter(is_named).or_else(|| self.rules.find(&name.text));
        self.recent.set(id);
        id.ok_or_else(|| {
            let mut cause = format!("table {} has no chain `{}'", self.rules.table(), name.text);
            let elsewhere = Table::ALL
                .into_iter()
                .filter(|table| table.hooks().iter().any(|(hook, _)| hook.name() == &*name.text));
            let elsewhere: Vec<_> = elsewhere.map(Table::name).collect();
            if !elsewhere.is_empty() {
                cause.push_str(&format!("; these have it: -t {}", elsewhere.join(", -t ")));
            }
            Error::new(ErrorKind::Operation(missing), name.span)
                .because(cause)
                .suggest(&name.text, self.rules.slots_in_order().map(|(_, chain)| chain.name.as_str()))
        })
    }

    /// Linux: what is done with a chain is told before the chain is looked for; this is for one that is not there.
    fn tell(&self, what: &str, chain: Option<&Named>, verbose: bool, session: &mut Session<'_>) {
        if let Some(chain) = chain.filter(|chain| verbose && self.rules.find(&chain.text).is_none()) {
            put!(session.out, "{what} chain `{}'\n", chain.text);
        }
    }

    /// One chain, or all in the order of listings.
    fn selected(&self, chain: Option<&Named>) -> Result<Vec<ChainId>, Error> {
        match chain {
            Some(chain) => Ok(vec![self.chain(chain, Operation::NoChain)?]),
            None => Ok(self.rules.chains().into_iter().map(|(id, _)| id).collect()),
        }
    }

    fn how_many(&self, id: ChainId) -> String {
        let Some(chain) = self.rules.chain(id) else { return String::new() };
        match chain.rules.len() {
            0 => format!("chain {} has no rules", chain.name),
            1 => format!("chain {} has 1 rule", chain.name),
            count => format!("chain {} has {count} rules", chain.name),
        }
    }

    /// What `-j` or `-g` names: a chain goes before a target of the same name.
    fn target(&self, spec: TargetSpec, session: &mut Session<'_>) -> Result<Option<Target>, Error> {
        let (name, goto) = match &spec {
            TargetSpec::None => return Ok(None),
            TargetSpec::Target(_, name) | TargetSpec::NotModelled(name, _) => (name, false),
            TargetSpec::Chain(name, goto) => (name, *goto),
        };
        if let Some(id) = self.rules.find(&name.text) {
            if self.rules.chain(id).is_some_and(|chain| chain.hook.is_some()) {
                let cause = format!("`{}' is a built-in chain; only user chains can be jumped to", name.text);
                return Err(Error::new(ErrorKind::Operation(Operation::Invalid), name.span).because(cause));
            }
            if matches!(spec, TargetSpec::Target(..)) {
                session.warnings.push(format!("Warning: using chain {}, not extension", name.text));
            }
            return Ok(Some(if goto { Target::Goto(id) } else { Target::Jump(id) }));
        }
        match spec {
            TargetSpec::Target(target, _) => Ok(Some(target)),
            TargetSpec::NotModelled(name, _) => {
                Err(Error::new(ErrorKind::NotModelledTarget(name.text), name.span))
            }
            TargetSpec::Chain(name, goto) => {
                let chains = self.rules.slots_in_order().filter(|(_, chain)| chain.hook.is_none());
                let names = chains.map(|(_, chain)| chain.name.as_str());
                let cause = format!(
                    "`{}' is neither a target nor a chain of table {}",
                    name.text,
                    self.rules.table()
                );
                let near = inventory::target_names(self.family).filter(|_| !goto);
                let kind = if goto {
                    ErrorKind::GotoNoChain(name.text.clone())
                } else {
                    ErrorKind::UnknownTarget(name.text.clone())
                };
                Err(Error::new(kind, name.span).because(cause).suggest(&name.text, names.chain(near)))
            }
            TargetSpec::None => Ok(None),
        }
    }

    /// Finds the chain of a command and looks at its rule number.
    fn locate(&self, place: &Destination<'_>) -> Result<ChainId, Error> {
        let id = self.chain(place.chain, place.missing)?;
        let Some((number, span, operation)) = place.number else { return Ok(id) };
        let count = self.rules.chain(id).map_or(0, |chain| chain.rules.len());
        // A rule can be put behind the last one, and in front of an empty chain; only one that is there is replaced.
        let most = if operation == Operation::InsertTooBig { count.saturating_add(1) } else { count };
        if number as usize > most {
            return Err(Error::new(ErrorKind::Operation(operation), span).because(self.how_many(id)));
        }
        Ok(id)
    }

    /// [`Self::locate`]. Linux: each rule is echoed before its place is looked for, and the next one is tried all the same.
    fn locate_echoed(
        &self,
        place: &Destination<'_>,
        rules: &[Rule],
        verbose: bool,
        session: &mut Session<'_>,
    ) -> Result<ChainId, Error> {
        let found = self.locate(place);
        if found.is_err() {
            rules.iter().for_each(|rule| self.echo(rule, verbose, session));
        }
        found
    }

    /// The rules that a command means: one for each pair of addresses.
    fn expand(
        &self,
        place: &Destination<'_>,
        spec: RuleSpec,
        session: &mut Session<'_>,
    ) -> Result<(Vec<Rule>, Span), Error> {
        let mut headers = spec.headers();
        let RuleSpec { matches, target, counters, span, .. } = spec;
        let target = match self.target(target, session) {
            Err(error) if matches!(error.kind, ErrorKind::Operation(_)) => {
                // Linux: a target that libiptc refuses is told after a chain or number that it does not find.
                self.locate(place)?;
                return Err(error);
            }
            target => target?,
        };
        let last = headers.pop().map(|header| Rule { header, matches, target, counters });
        // Why: the last one takes what it can, so that a rule with one pair of addresses is not copied.
        let mut rules: Vec<Rule> = match &last {
            Some(last) => headers.into_iter().map(|header| Rule { header, ..last.clone() }).collect(),
            None => Vec::new(),
        };
        rules.extend(last);
        Ok((rules, span))
    }

    fn echo(&self, rule: &Rule, verbose: bool, session: &mut Session<'_>) {
        if verbose {
            list::echo(session.out, &self.rules, self.family, session.names, rule);
        }
    }

    fn place(&mut self, id: ChainId, at: usize, rule: Rule, span: Span) {
        if let Some(to) = rule.target.as_ref().and_then(Target::chain) {
            count(&mut self.references, to, 1);
        }
        let origin = Origin { line: self.line, span, fresh: true };
        if at == 0 {
            self.fronts.entry(id).or_default().push((rule, origin));
            return;
        }
        if let Some(chain) = self.rules.chain_mut(id) {
            chain.rules.insert(at.min(chain.rules.len()), rule);
        }
        if let Some(origins) = self.origins.get_mut(id.0 as usize) {
            origins.insert(at.min(origins.len()), origin);
        }
    }

    /// Puts the rules of [`Self::fronts`] where they belong.
    fn settle(&mut self) {
        for (id, front) in std::mem::take(&mut self.fronts) {
            let (rules, origins): (Vec<_>, Vec<_>) = front.into_iter().rev().unzip();
            if let Some(chain) = self.rules.chain_mut(id) {
                chain.rules.splice(0..0, rules);
            }
            if let Some(own) = self.origins.get_mut(id.0 as usize) {
                own.splice(0..0, origins);
            }
        }
    }

    fn remove(&mut self, id: ChainId, at: usize) -> Option<Rule> {
        let chain = self.rules.chain_mut(id)?;
        if at >= chain.rules.len() {
            return None;
        }
        let rule = chain.rules.remove(at);
        if let Some(origins) = self.origins.get_mut(id.0 as usize).filter(|origins| at < origins.len()) {
            origins.remove(at);
        }
        if let Some(to) = rule.target.as_ref().and_then(Target::chain) {
            count(&mut self.references, to, -1);
        }
        Some(rule)
    }

    fn append(
        &mut self,
        chain: &Named,
        rule: RuleSpec,
        verbose: bool,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let place = Destination { chain, missing: Operation::NoChain, number: None };
        let (rules, span) = self.expand(&place, rule, session)?;
        let id = self.locate_echoed(&place, &rules, verbose, session)?;
        for rule in rules {
            self.echo(&rule, verbose, session);
            self.place(id, usize::MAX, rule, span);
        }
        Ok(())
    }

    fn insert(
        &mut self,
        chain: &Named,
        (number, number_span): (u32, Span),
        rule: RuleSpec,
        verbose: bool,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let too_big = (number, number_span, Operation::InsertTooBig);
        let place = Destination { chain, missing: Operation::NoChain, number: Some(too_big) };
        let (rules, span) = self.expand(&place, rule, session)?;
        let id = self.locate_echoed(&place, &rules, verbose, session)?;
        let at = (number as usize).saturating_sub(1);
        // Linux: each at the same place, so that several come out in reverse order.
        for rule in rules {
            self.echo(&rule, verbose, session);
            self.place(id, at, rule, span);
        }
        Ok(())
    }

    fn replace(
        &mut self,
        chain: &Named,
        (number, number_span): (u32, Span),
        rule: RuleSpec,
        verbose: bool,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let too_big = (number, number_span, Operation::ReplaceTooBig);
        let place = Destination { chain, missing: Operation::NoChain, number: Some(too_big) };
        let (rules, span) = self.expand(&place, rule, session)?;
        let [rule] = rules.as_slice() else {
            return Err(Error::new(ErrorKind::ReplaceSeveral, span));
        };
        let id = self.locate_echoed(&place, &rules, verbose, session)?;
        self.echo(rule, verbose, session);
        let at = (number as usize).saturating_sub(1);
        self.remove(id, at);
        self.place(id, at, rule.clone(), span);
        Ok(())
    }

    /// `-C` and `-D` with a rule: the first equal rule of the chain.
    fn find(
        &mut self,
        chain: &Named,
        rule: RuleSpec,
        delete: bool,
        verbose: bool,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let place = Destination { chain, missing: Operation::BadRule, number: None };
        let (rules, span) = self.expand(&place, rule, session)?;
        let id = self.locate_echoed(&place, &rules, verbose, session)?;
        let mut missing = None;
        for rule in rules {
            self.echo(&rule, verbose, session);
            let own = self.rules.chain(id).map_or(&[][..], |chain| &chain.rules);
            match own.iter().position(|own| own.same(&rule)) {
                Some(at) if delete => drop(self.remove(id, at)),
                Some(_) => {}
                None => missing = Some(rule),
            }
        }
        let Some(rule) = missing else { return Ok(()) };
        // Linux: libiptc tells the two apart by whether it had to look the target up (measured with 1.8.9).
        let named =
            rule.target.as_ref().is_some_and(|target| target.spec().is_some() || target.chain().is_some());
        let operation = if named { Operation::NoChain } else { Operation::BadRule };
        let error = Error::new(ErrorKind::Operation(operation), span);
        Err(error.because(format!("no rule of chain {} is equal to this one", chain.text)))
    }

    fn flush(&mut self, id: ChainId, verbose: bool, session: &mut Session<'_>) {
        let Some(chain) = self.rules.chain_mut(id) else { return };
        if verbose {
            put!(session.out, "Flushing chain `{}'\n", chain.name);
        }
        for to in std::mem::take(&mut chain.rules).iter().filter_map(|rule| rule.target.as_ref()?.chain()) {
            count(&mut self.references, to, -1);
        }
        if let Some(origins) = self.origins.get_mut(id.0 as usize) {
            origins.clear();
        }
    }

    fn zero(&mut self, id: ChainId, verbose: bool, session: &mut Session<'_>) {
        let Some(chain) = self.rules.chain_mut(id) else { return };
        if verbose {
            put!(session.out, "Zeroing chain `{}'\n", chain.name);
        }
        chain.counters = Counters::default();
        for rule in &mut chain.rules {
            rule.counters = Counters::default();
        }
    }

    fn zero_rule(&mut self, id: ChainId, number: u32, span: Span) -> Result<(), Error> {
        let cause = self.how_many(id);
        let rules = self.rules.chain_mut(id).map(|chain| &mut chain.rules);
        match rules.and_then(|rules| rules.get_mut((number as usize).saturating_sub(1))) {
            Some(rule) => {
                rule.counters = Counters::default();
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Operation(Operation::ZeroTooBig), span).because(cause)),
        }
    }

    fn zero_after(
        &mut self,
        zero: Option<ZeroAfter>,
        chain: Option<&Named>,
        id: Option<ChainId>,
        verbose: bool,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        match (zero, id) {
            (None, _) => {}
            (Some(ZeroAfter::Rule(number)), Some(id)) => {
                return self.zero_rule(id, number, chain.map(|chain| chain.span).unwrap_or_default());
            }
            (Some(_), Some(id)) => self.zero(id, verbose, session),
            (Some(_), None) => {
                for id in self.selected(None)? {
                    self.zero(id, verbose, session);
                }
            }
        }
        Ok(())
    }

    fn new_chain(&mut self, chain: &Named) -> Result<(), Error> {
        let id = ChainName::new(&chain.text).and_then(|name| self.rules.add_chain(name));
        match id {
            Some(id) => {
                self.made(id);
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Operation(Operation::ChainExists), chain.span)),
        }
    }

    fn made(&mut self, id: ChainId) {
        let needed = id.0 as usize + 1;
        if self.references.len() < needed {
            self.references.resize(needed, 0);
            self.origins.resize_with(needed, Vec::new);
        }
    }

    fn delete_chain(
        &mut self,
        chain: Option<&Named>,
        verbose: bool,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        self.tell("Deleting", chain, verbose, session);
        let ids = match chain {
            Some(chain) => vec![self.chain(chain, Operation::NoChain)?],
            None => {
                let chains = self.rules.chains().into_iter();
                chains.filter(|(_, chain)| chain.hook.is_none()).map(|(id, _)| id).collect()
            }
        };
        let span = chain.map(|chain| chain.span).unwrap_or_default();
        // Linux: without a name every chain is tried, and the last failure is the one that is told.
        let mut result = Ok(());
        for id in ids {
            let Some(own) = self.rules.chain(id) else { continue };
            if verbose {
                put!(session.out, "Deleting chain `{}'\n", own.name);
            }
            let references = self.references.get(id.0 as usize).copied().unwrap_or(0);
            let fault = if own.hook.is_some() {
                Some((Operation::Invalid, format!("`{}' is a built-in chain", own.name)))
            } else if references > 0 {
                let rules =
                    if references == 1 { "1 rule jumps".into() } else { format!("{references} rules jump") };
                Some((Operation::Links, format!("chain {} is in use: {rules} to it", own.name)))
            } else if !own.rules.is_empty() {
                Some((Operation::NotEmpty, format!("{}; flush it first", self.how_many(id))))
            } else {
                None
            };
            match fault {
                Some((operation, cause)) => {
                    result = Err(Error::new(ErrorKind::Operation(operation), span).because(cause));
                }
                None => {
                    self.rules.remove_chain(id);
                }
            }
        }
        result
    }

    fn rename_chain(&mut self, chain: &Named, to: &Named) -> Result<(), Error> {
        let taken = self.rules.find(&to.text).is_some() || crate::targets::standard(&to.text).is_some();
        if taken {
            return Err(Error::new(ErrorKind::Operation(Operation::NameExists), to.span));
        }
        let id = self.chain(chain, Operation::NoChain)?;
        if self.rules.chain(id).is_some_and(|chain| chain.hook.is_some()) {
            let cause = format!("`{}' is a built-in chain", chain.text);
            return Err(Error::new(ErrorKind::Operation(Operation::NoChain), chain.span).because(cause));
        }
        match ChainName::new(&to.text) {
            Some(name) => {
                self.rules.rename_chain(id, name);
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Operation(Operation::Invalid), to.span)
                .because("a chain's name has at most 28 bytes")),
        }
    }

    fn policy(&mut self, chain: &Named, policy: &Named, counters: Option<Counters>) -> Result<(), Error> {
        self.set_policy(&chain.text, &policy.text, counters.unwrap_or_default()).map_err(|operation| {
            let (span, cause) = match operation {
                Operation::BadPolicy => (policy.span, "a policy is ACCEPT or DROP".into()),
                _ if self.rules.find(&chain.text).is_some() => (
                    chain.span,
                    format!("`{}' is a user chain; only built-in chains have a policy", chain.text),
                ),
                _ => (
                    chain.span,
                    format!("table {} has no built-in chain `{}'", self.rules.table(), chain.text),
                ),
            };
            let error = Error::new(ErrorKind::Operation(operation), span).because(cause);
            match operation {
                Operation::BadPolicy => error.suggest(&policy.text, ["ACCEPT", "DROP"]),
                _ => {
                    let hooks = self.rules.table().hooks().iter().map(|(hook, _)| hook.name());
                    error.suggest(&chain.text, hooks)
                }
            }
        })
    }

    /// Sets policy and counters of a built-in chain.
    pub(crate) fn set_policy(
        &mut self,
        chain: &str,
        policy: &str,
        counters: Counters,
    ) -> Result<(), Operation> {
        let id = self.rules.find(chain).ok_or(Operation::BadBuiltin)?;
        let own = self.rules.chain_mut(id).ok_or(Operation::BadBuiltin)?;
        if own.hook.is_none() {
            return Err(Operation::BadBuiltin);
        }
        own.policy = match policy {
            "ACCEPT" => Policy::Accept,
            "DROP" => Policy::Drop,
            _ => return Err(Operation::BadPolicy),
        };
        own.counters = counters;
        self.changed = true;
        self.counted.push(id);
        Ok(())
    }

    /// A `:CHAIN` line for a user chain: makes it; with `flush` an existing one is emptied instead. `false`: it exists.
    pub(crate) fn declare(&mut self, name: &str, flush: bool, session: &mut Session<'_>) -> bool {
        match self.rules.find(name) {
            Some(id) if self.rules.chain(id).is_some_and(|chain| chain.hook.is_some()) => true,
            Some(id) if flush => {
                self.settle();
                self.changed = true;
                self.flush(id, false, session);
                true
            }
            Some(_) => false,
            None => match ChainName::new(name).and_then(|name| self.rules.add_chain(name)) {
                Some(id) => {
                    self.changed = true;
                    self.made(id);
                    true
                }
                None => false,
            },
        }
    }
}

fn count(references: &mut [u32], id: ChainId, change: i32) {
    if let Some(slot) = references.get_mut(id.0 as usize) {
        *slot = slot.saturating_add_signed(change);
    }
}

#[cfg(test)]
mod tests;

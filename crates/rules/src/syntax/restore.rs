//! iptables-restore: a stream of lines, each table applied as a whole at its COMMIT or not at all.
//!
//! [`Reader`] takes one line at a time, so that a program may feed it from a pipe for hours and have every COMMIT
//! answered. Tables come from and go to a [`Store`]. A fault in a line is kept ([`Reader::take_faults`]) and the lines
//! that follow are read on, so that all faults of a table (of a file: [`Reader::to_the_end`]) are reported, but nothing is
//! committed from there on. [`load`] reads a whole file into a [`Ruleset`].
use packet::Family;

use super::apply::{Editor, Session};
use super::error::{Error, ErrorKind, RestoreError};
use super::lex::{self, LexError, Span};
use super::objects::{Given, Objects};
use super::parse::{Mode, Parsed, parse, scan_number};
use super::{Names, NoNames};
use crate::put;
use crate::{ChainName, Counters, Ruleset, Table, TableRules};

/// Where tables are.
pub trait Store {
    /// Why a table cannot be read or written.
    type Error;
    /// The present state of a table; a new one if nobody has used it. The store is locked from here to the commit.
    fn open(&mut self, table: Table) -> Result<TableRules, Self::Error>;
    /// Puts a table in place of the old one and unlocks.
    fn commit(&mut self, rules: TableRules) -> Result<(), Self::Error>;
    /// Unlocks without a change.
    fn release(&mut self);
    /// What rules of other tables hold; asked between [`Self::open`] and the commit.
    fn objects(&self, _family: Family) -> Objects {
        Objects::default()
    }
}

/// How a file is restored.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The family.
    pub family: Family,
    /// Who knows names.
    pub names: &'a dyn Names,
    /// `-c`: counters are taken from the file.
    pub counters: bool,
    /// `-n`: tables are not emptied before.
    pub no_flush: bool,
    /// `-t`: nothing is committed.
    pub test: bool,
    /// `-v`: comments are echoed; without `-n` each command is one with `-v`.
    pub verbose: bool,
    /// `-T`: only this table.
    pub only: Option<&'a str>,
    /// See [`Mode::trusted`].
    pub trusted: bool,
}

impl<'a> Options<'a> {
    /// As without any option.
    pub fn new(family: Family, names: &'a dyn Names) -> Self {
        Self {
            family,
            names,
            counters: false,
            no_flush: false,
            test: false,
            verbose: false,
            only: None,
            trusted: false,
        }
    }
}

/// A fault in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The line's number, from 1.
    pub line: usize,
    /// The line, without its newline. The error's span points into it.
    pub text: Box<str>,
    /// The error.
    pub error: Error,
    /// At a COMMIT: the rule that the kernel refuses stands in this line.
    pub rule_line: Option<usize>,
}

/// Why the reading ends.
#[derive(Debug, PartialEq)]
pub enum Stop<E> {
    /// There were faults; they are in [`Reader::take_faults`] if not taken before.
    Faults,
    /// The store failed.
    Store(E),
}

/// Where the reader is.
enum State {
    /// Between tables.
    Outside,
    /// In a table.
    In(Box<Editor>, Table),
    /// In a table that is not wanted (`-T`), up to the next `*` line.
    Other,
    /// In a table that does not exist; its lines are not read.
    Lost,
}

/// The most faults that are kept for one table.
const FAULTS_MAX: usize = 100;

/// Reads a restore file line by line.
pub struct Reader<'a> {
    options: Options<'a>,
    state: State,
    line: usize,
    faults: Vec<Fault>,
    /// A line of the file was bad: nothing is committed any more.
    faulty: bool,
    /// A line of this table was bad: its COMMIT would say nothing new.
    table_faulty: bool,
    /// See [`Reader::to_the_end`].
    to_the_end: bool,
    /// Lines for the error stream, without newlines.
    pub warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    /// At the start of a file.
    pub fn new(options: Options<'a>) -> Self {
        Self {
            options,
            state: State::Outside,
            line: 0,
            faults: Vec::new(),
            faulty: false,
            table_faulty: false,
            to_the_end: false,
            warnings: Vec::new(),
        }
    }

    /// Reads on behind the COMMIT of a table with faults, so that those of all tables are told. For input that is all
    /// there: whoever feeds a pipe waits for the answer to each COMMIT.
    #[must_use]
    pub fn to_the_end(mut self) -> Self {
        self.to_the_end = true;
        self
    }

    /// What comes after a fault that ends a table.
    fn stopped<E>(&self) -> Result<(), Stop<E>> {
        if self.to_the_end { Ok(()) } else { Err(Stop::Faults) }
    }

    /// The faults since the last call.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    /// How many lines have been read.
    pub fn line_number(&self) -> usize {
        self.line
    }

    /// One line, with or without its newline. What commands print goes to `out`.
    pub fn line<S: Store>(
        &mut self,
        line: &str,
        store: &mut S,
        out: &mut String,
    ) -> Result<(), Stop<S::Error>> {
        self.line += 1;
        let text = line.strip_suffix('\n').unwrap_or(line);
        if text.is_empty() {
            return Ok(());
        }
        if text.starts_with('#') {
            if self.options.verbose {
                out.push_str(text);
                out.push('\n');
            }
            return Ok(());
        }
        if let (Some(name), false) = (text.strip_prefix('*'), matches!(self.state, State::In(..))) {
            return self.begin(name, text, store, out);
        }
        if text == "COMMIT" {
            return self.commit(text, store);
        }
        let warnings = &mut self.warnings;
        let result = match &mut self.state {
            State::Other | State::Lost => return Ok(()),
            State::Outside => Err(Error::new(ErrorKind::Restore(RestoreError::LineFailed), whole(text))
                .because("a line like this stands in a table, between `*TABLE' and `COMMIT'")),
            State::In(editor, table) => {
                editor.at_line(u32::try_from(self.line).unwrap_or(u32::MAX));
                let mut session = Session { names: self.options.names, out, warnings };
                match text.strip_prefix(':') {
                    Some(rest) => declare(rest, text, editor, &self.options, &mut session),
                    None => command(text, *table, editor, &self.options, &mut session),
                }
            }
        };
        match result {
            Ok(()) => Ok(()),
            Err(error) => {
                let outside = matches!(self.state, State::Outside);
                self.fault(text, error, None);
                if outside { self.stopped() } else { Ok(()) }
            }
        }
    }

    /// One line as bytes. What is not UTF-8 is a fault.
    pub fn bytes<S: Store>(
        &mut self,
        line: &[u8],
        store: &mut S,
        out: &mut String,
    ) -> Result<(), Stop<S::Error>> {
        match std::str::from_utf8(line) {
            Ok(line) => self.line(line, store, out),
            Err(_) => {
                self.line += 1;
                let text = String::from_utf8_lossy(line);
                let text = text.trim_end_matches('\n');
                self.fault(text, Error::new(ErrorKind::NotText, whole(text)), None);
                if matches!(self.state, State::In(..)) { Ok(()) } else { self.stopped() }
            }
        }
    }

    /// The end of the file.
    pub fn end<S: Store>(&mut self, store: &mut S) -> Result<(), Stop<S::Error>> {
        if let State::In(..) | State::Lost = self.state {
            if let State::In(..) = self.state {
                store.release();
            }
            self.line += 1;
            let open = matches!(self.state, State::In(..));
            if !self.faulty || (self.to_the_end && open) {
                self.fault(
                    "",
                    Error::new(ErrorKind::Restore(RestoreError::CommitExpected), Span::default()),
                    None,
                );
            }
            return Err(Stop::Faults);
        }
        if self.faulty { Err(Stop::Faults) } else { Ok(()) }
    }

    fn fault(&mut self, text: &str, mut error: Error, rule_line: Option<usize>) {
        self.faulty = true;
        self.table_faulty = true;
        self.warnings.append(&mut error.warnings);
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { line: self.line, text: text.into(), error, rule_line });
        }
    }

    fn begin<S: Store>(
        &mut self,
        name: &str,
        text: &str,
        store: &mut S,
        out: &mut String,
    ) -> Result<(), Stop<S::Error>> {
        let Some(name) = name.split([' ', '\t']).find(|word| !word.is_empty()) else {
            self.fault(text, Error::new(ErrorKind::Restore(RestoreError::TableName), whole(text)), None);
            self.state = State::Lost;
            return self.stopped();
        };
        self.table_faulty = false;
        if self.options.only.is_some_and(|only| only != name) {
            self.state = State::Other;
            return Ok(());
        }
        let Some(table) = Table::from_name(name) else {
            let kind = ErrorKind::Restore(RestoreError::NoTable(name.into()));
            let error = Error::new(kind, part(text, name)).suggest(name, Table::ALL.map(Table::name));
            self.fault(text, error, None);
            self.state = State::Lost;
            return Ok(());
        };
        let rules = store.open(table).map_err(Stop::Store)?;
        let family = self.options.family;
        let mut editor = Box::new(Editor::new(rules, family).with_objects(store.objects(family)));
        if !self.options.no_flush {
            if self.options.verbose {
                let chains = editor.rules().chains();
                for (_, chain) in &chains {
                    put!(out, "Flushing chain `{}'\n", chain.name);
                }
                for (_, chain) in chains.iter().filter(|(_, chain)| chain.hook.is_none()) {
                    put!(out, "Deleting chain `{}'\n", chain.name);
                }
            }
            editor.clear();
        }
        self.state = State::In(editor, table);
        Ok(())
    }

    fn commit<S: Store>(&mut self, text: &str, store: &mut S) -> Result<(), Stop<S::Error>> {
        match std::mem::replace(&mut self.state, State::Outside) {
            State::Other => Ok(()),
            State::Lost => self.stopped(),
            State::Outside => {
                let error = Error::new(ErrorKind::Restore(RestoreError::LineFailed), whole(text))
                    .because("there is no table to commit");
                self.fault(text, error, None);
                self.stopped()
            }
            State::In(..) if self.table_faulty => {
                store.release();
                self.stopped()
            }
            State::In(editor, _) => match editor.finish() {
                Err(refused) => {
                    store.release();
                    let rule_line = Some(refused.origin.line as usize).filter(|&line| line > 0);
                    let mut error = refused.error;
                    let text = if rule_line.is_some() { refused.rule.as_str() } else { text };
                    if rule_line.is_some() {
                        error.span = whole(text);
                    }
                    self.fault(text, error, rule_line);
                    self.stopped()
                }
                Ok(_) if self.options.test || self.faulty => {
                    store.release();
                    Ok(())
                }
                Ok(rules) => store.commit(rules).map_err(Stop::Store),
            },
        }
    }
}

fn whole(text: &str) -> Span {
    Span::new(0, text.len())
}

/// The place of a part of a text, which must be a slice of it or occur in it.
fn part(text: &str, part: &str) -> Span {
    text.find(part).map_or(whole(text), |start| Span::new(start, start + part.len()))
}

/// `:CHAIN POLICY [COUNTERS]`.
fn declare(
    rest: &str,
    text: &str,
    editor: &mut Editor,
    options: &Options<'_>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let fault = |kind, span| Error::new(ErrorKind::Restore(kind), span);
    let Some(name) = words.next() else { return Err(fault(RestoreError::ChainName, whole(text))) };
    if name.len() > ChainName::MAX {
        return Err(fault(RestoreError::ChainNameLong(name.into()), part(text, name)));
    }
    if !editor.declare(name, options.no_flush, session) {
        return Err(fault(RestoreError::ChainExists(name.into()), part(text, name)));
    }
    let Some(policy) = words.next() else { return Err(fault(RestoreError::Policy, whole(text))) };
    if policy == "-" {
        return Ok(());
    }
    let mut counters = Counters::default();
    if options.counters {
        let read = words.next().and_then(bracketed);
        counters = read.ok_or_else(|| fault(RestoreError::PolicyCounters(name.into()), whole(text)))?;
    }
    editor.set_policy(name, policy, counters).map_err(|operation| {
        fault(RestoreError::SetPolicy(policy.into(), name.into(), operation), part(text, policy))
            .suggest(policy, ["ACCEPT", "DROP"])
    })
}

/// `[P:B]`.
fn bracketed(text: &str) -> Option<Counters> {
    let (packets, bytes) = text.strip_prefix('[')?.split_once(':')?;
    Some(Counters { packets: scan_number(packets)?, bytes: scan_number(bytes)? })
}

/// A command, with counters in front or not.
fn command(
    text: &str,
    table: Table,
    editor: &mut Editor,
    options: &Options<'_>,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    let mode = Mode {
        family: options.family,
        names: options.names,
        restore: Some(table.name()),
        trusted: options.trusted,
    };
    match parse_line(text, mode, options.counters) {
        Ok(Parsed::Command(mut command)) => {
            // Linux: the restore's own `-v` holds for each command, but not with `-n` (measured with 1.8.9).
            if options.verbose && !options.no_flush {
                command.output.verbose = command.output.verbose.max(1);
            }
            editor.apply(*command, session)
        }
        Ok(Parsed::Help(_) | Parsed::Version(_)) => {
            // Linux: iptables-restore prints the help or the version and ends with success, in the middle of a table.
            Err(Error::new(ErrorKind::Restore(RestoreError::LineFailed), whole(text))
                .because("help and version have no place in a table"))
        }
        // Linux: a line for the other family is skipped.
        Err(error) if error.kind == ErrorKind::WrongFamily => Ok(()),
        Err(error) => Err(error),
    }
}

/// A line with a command of a restore file. Counters in front are read past, and taken with `take_counters`.
pub(crate) fn parse_line(text: &str, mode: Mode<'_>, take_counters: bool) -> Result<Parsed, Error> {
    let mut rest = text;
    let mut counters = None;
    if let Some(inner) = text.strip_prefix('[') {
        let need = |what| Error::new(ErrorKind::Restore(RestoreError::CountersNeed(what)), whole(text));
        let (inside, behind) = inner.split_once(']').ok_or_else(|| need(']'))?;
        let (packets, bytes) = inside.split_once(':').ok_or_else(|| need(':'))?;
        if take_counters {
            let numeric = |text: &str, what| {
                scan_number(text).ok_or_else(|| Error::new(ErrorKind::SetCounters(what), part(rest, inside)))
            };
            counters = Some(Counters {
                packets: numeric(packets, "packet counter not numeric")?,
                bytes: numeric(bytes, "byte counter not numeric")?,
            });
        }
        rest = behind;
    }
    let mut words = Vec::with_capacity(24);
    lex::restore_line(rest, text.len() - rest.len(), &mut words).map_err(|error| match error {
        LexError::WordTooLong(span) => Error::new(ErrorKind::WordTooLong, span),
        LexError::TooManyWords(span) => Error::new(ErrorKind::TooManyWords, span),
    })?;
    parse(&words, mode, counters)
}

/// A ruleset in memory is a store.
impl Store for Ruleset {
    type Error = std::convert::Infallible;

    fn open(&mut self, table: Table) -> Result<TableRules, Self::Error> {
        Ok(self.table(table).cloned().unwrap_or_else(|| TableRules::new(table)))
    }

    fn commit(&mut self, rules: TableRules) -> Result<(), Self::Error> {
        self.set_table(rules);
        Ok(())
    }

    fn release(&mut self) {}

    fn objects(&self, family: Family) -> Objects {
        Objects::of(family, self.tables().iter().map(|rules| (family, rules))).without_estimators()
    }
}

/// A ruleset beside what other programs have made.
struct Beside<'g> {
    ruleset: Ruleset,
    given: &'g Given,
}

impl Store for Beside<'_> {
    type Error = std::convert::Infallible;

    fn open(&mut self, table: Table) -> Result<TableRules, Self::Error> {
        self.ruleset.open(table)
    }

    fn commit(&mut self, rules: TableRules) -> Result<(), Self::Error> {
        self.ruleset.commit(rules)
    }

    fn release(&mut self) {}

    fn objects(&self, family: Family) -> Objects {
        Store::objects(&self.ruleset, family).with_given(self.given.clone())
    }
}

/// Reads a whole save file into a ruleset, counters included where the file has them; or all its faults.
pub fn load(text: &str, family: Family, names: Option<&dyn Names>) -> Result<Ruleset, Vec<Fault>> {
    load_with_warnings(text, family, names).map(|(ruleset, _)| ruleset)
}

/// [`load`], with what a person should know though the file is taken: host names that were resolved.
pub fn load_with_warnings(
    text: &str,
    family: Family,
    names: Option<&dyn Names>,
) -> Result<(Ruleset, Vec<String>), Vec<Fault>> {
    load_given(text, family, names, &Given::default())
}

/// [`load_with_warnings`] for rules that name what other programs have made in the kernel.
pub fn load_given(
    text: &str,
    family: Family,
    names: Option<&dyn Names>,
    given: &Given,
) -> Result<(Ruleset, Vec<String>), Vec<Fault>> {
    let names = names.unwrap_or(&NoNames);
    let mut ruleset = Beside { ruleset: Ruleset::new(family), given };
    let options = Options { counters: has_counters(text), ..Options::new(family, names) };
    let mut reader = Reader::new(options).to_the_end();
    let mut out = String::new();
    let mut result = Ok(());
    for line in text.split_inclusive('\n') {
        result = reader.line(line, &mut ruleset, &mut out);
        if result.is_err() {
            break;
        }
    }
    match result.and_then(|()| reader.end(&mut ruleset)) {
        Ok(()) => Ok((ruleset.ruleset, reader.warnings)),
        Err(_) => Err(reader.take_faults()),
    }
}

/// Whether every `:CHAIN` line of a built-in chain has counters, as `iptables-save` writes them.
fn has_counters(text: &str) -> bool {
    text.lines()
        .filter_map(|line| line.strip_prefix(':'))
        .filter(|line| line.split_ascii_whitespace().nth(1).is_some_and(|policy| policy != "-"))
        .all(|line| line.split_ascii_whitespace().nth(2).and_then(bracketed).is_some())
}

#[cfg(test)]
mod tests;

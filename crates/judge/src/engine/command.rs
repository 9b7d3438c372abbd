//! Commands of iptables on the rules of the engine's half, with the counters that the engine has: what `crates/oxitables`
//! does with a ruleset in a file.
use netfilter::engine::Engine;
use packet::Family;
use rules::fixture::DebianNames;
use rules::syntax::apply::{Editor, Session};
use rules::syntax::objects::{Given, Objects};
use rules::syntax::print::{self, Stamp};
use rules::syntax::restore::{Options, Reader, Store};
use rules::syntax::{Error, ErrorKind, Mode, Parsed, lex, parse};
use rules::{Ruleset, Table, TableRules};

use crate::process::Said;
use crate::told;

/// The version line in front of messages.
const VERSION: &str = "v1.8.13 (legacy)";

/// Runs a command; what came of it.
pub(super) fn run(
    engine: &mut Engine,
    rulesets: &mut Vec<Ruleset>,
    given: &Given,
    line: &str,
    input: Option<&str>,
) -> Result<Vec<String>, String> {
    let words = told::words(line)?;
    let (program, words) = words.split_first().ok_or("a command wants a program")?;
    let family = if told::is_v6(program) { Family::V6 } else { Family::V4 };
    if rulesets.iter().all(|ruleset| ruleset.family() != family) {
        rulesets.push(Ruleset::new(family));
    }
    let ruleset = rulesets.iter_mut().find(|own| own.family() == family).ok_or("no rules of the family")?;
    engine.store_counters(ruleset);
    let before: Vec<(Table, String)> = texts(ruleset);
    let mut said = Said::default();
    let mut tables = Tables { ruleset, given };
    match program.split_once('-').map_or("", |(_, rest)| rest) {
        "save" => save(tables.ruleset, program, words, &mut said)?,
        "restore" => restore(&mut tables, program, words, input.unwrap_or(""), &mut said)?,
        _ => tables.command(program, words, &mut said),
    }
    let changed = texts(ruleset).into_iter().filter(|own| !before.contains(own));
    let changed: Vec<Table> = changed.map(|(table, _)| table).collect();
    if !changed.is_empty() {
        engine.set_tables(ruleset, &changed);
    }
    let mut saved = String::new();
    print::ruleset(&mut saved, ruleset, true, None);
    Ok(told::command(&said, &saved))
}

/// Each table with all that is in it, counters too.
fn texts(ruleset: &Ruleset) -> Vec<(Table, String)> {
    let text = |rules: &TableRules| {
        let mut text = String::new();
        print::table(&mut text, rules, true, None);
        (rules.table(), text)
    };
    ruleset.tables().iter().map(text).collect()
}

/// `iptables-save`.
fn save(ruleset: &mut Ruleset, program: &str, words: &[String], said: &mut Said) -> Result<(), String> {
    let (mut counters, mut only) = (false, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-c" => counters = true,
            "-t" => only = words.next().and_then(|name| Table::from_name(name)),
            other => return Err(format!("the judge's {program} has no option {other}")),
        }
    }
    let title = format!("{program} v1.8.13");
    let stamp = Some(Stamp { program: &title, date: "" });
    match only {
        Some(table) => print::table(&mut said.out, ruleset.table_mut(table), counters, stamp),
        None => print::ruleset(&mut said.out, ruleset, counters, stamp),
    }
    Ok(())
}

/// `iptables-restore`.
fn restore(
    tables: &mut Tables<'_>,
    program: &str,
    words: &[String],
    input: &str,
    said: &mut Said,
) -> Result<(), String> {
    let mut options = Options::new(tables.ruleset.family(), &DebianNames);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-c" => options.counters = true,
            "-n" => options.no_flush = true,
            "-t" => options.test = true,
            "-T" => options.only = words.next().map(String::as_str),
            other => return Err(format!("the judge's {program} has no option {other}")),
        }
    }
    let mut reader = Reader::new(options);
    let mut result = Ok(());
    for line in input.split_inclusive('\n') {
        result = reader.line(line, tables, &mut said.out);
        if result.is_err() || !reader.take_faults().is_empty() {
            said.exit = 1;
            break;
        }
    }
    if result.and_then(|()| reader.end(tables)).is_err() {
        said.exit = 1;
    }
    Ok(())
}

/// The tables of a family as a command sees them.
struct Tables<'a> {
    ruleset: &'a mut Ruleset,
    given: &'a Given,
}

impl Tables<'_> {
    fn failed(&self, program: &str, error: &Error, said: &mut Said) {
        said.exit = error.kind.exit() as u8;
        said.error.extend(error.warnings.iter().flat_map(|warning| [warning, "\n"]));
        said.error.push_str(&error.kind.report(program, VERSION, None));
    }

    fn command(&mut self, program: &str, words: &[String], said: &mut Said) {
        let family = self.ruleset.family();
        let mode = Mode { family, names: &DebianNames, restore: None, trusted: false };
        let (_, words) = lex::arguments(words);
        let mut command = match parse::parse(&words, mode, None) {
            Ok(Parsed::Command(command)) => *command,
            Ok(Parsed::Help(_) | Parsed::Version(_)) => return,
            Err(error) => return self.failed(program, &error, said),
        };
        let mut warnings = std::mem::take(&mut command.warnings);
        let Some(table) = Table::from_name(&command.table.text) else {
            let error = Error::new(ErrorKind::NoTable(command.table.text.clone()), command.table.span);
            return self.failed(program, &error, said);
        };
        let present = self.ruleset.table_mut(table).clone();
        let objects = Objects::of(family, []).with_given(self.given.clone());
        let mut editor = Editor::new(present, family).with_objects(objects);
        let mut session = Session { names: &DebianNames, out: &mut said.out, warnings: &mut warnings };
        let applied = editor.apply(command, &mut session);
        said.error.extend(warnings.iter().flat_map(|warning| [warning.as_str(), "\n"]));
        match applied.and_then(|()| editor.finish().map_err(|refused| refused.error)) {
            Ok(rules) => self.ruleset.set_table(rules),
            Err(error) => self.failed(program, &error, said),
        }
    }
}

impl Store for Tables<'_> {
    type Error = std::convert::Infallible;

    fn open(&mut self, table: Table) -> Result<TableRules, Self::Error> {
        Ok(self.ruleset.table_mut(table).clone())
    }

    fn commit(&mut self, rules: TableRules) -> Result<(), Self::Error> {
        self.ruleset.set_table(rules);
        Ok(())
    }

    fn release(&mut self) {}

    fn objects(&self, family: Family) -> Objects {
        Objects::of(family, []).with_given(self.given.clone())
    }
}

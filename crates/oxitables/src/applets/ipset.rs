//! `ipset`: sets of addresses, networks and ports, in the same file as the rules.
//!
//! A restore is read to its end before the file is locked, then carried out and written once; what stands before a
//! faulty line is kept, as the kernel keeps it. `ipset -` reads lines and carries out each as it comes.
use std::ffi::OsString;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use rules::Ruleset;
use rules::set::restore;
use rules::set::run::{self, Next, Options, Output, Session};
use rules::set::{Fault, Kind, PROGRAM, Sets};
use rules::syntax::command::Wait;

use crate::manual::sets::option_text;
use crate::names::SystemNames;
use crate::target::{Locked, Place, SetFile, TargetError};
use crate::whole;

use super::{print_all, system_text};

/// Runs it.
pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    let words: Vec<String> = words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let names = SystemNames::new();
    let mut program = Program { names: &names, options: Options::default(), now: now() };
    match program.run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(End::Code(code)) => code,
        Err(End::Fault(fault, line)) => {
            if !program.options.quiet {
                eprint!("{}", fault.message(line));
            }
            ExitCode::from(fault.exit())
        }
        Err(End::Target(error)) => {
            eprintln!("{PROGRAM}: {error}");
            ExitCode::from(1)
        }
    }
}

/// What a shell may complete behind some words: commands, the names of sets, types.
pub(crate) fn completions(before: &[String]) -> Vec<(String, String)> {
    let plain = |names: &mut dyn Iterator<Item = &'static str>| -> Vec<(String, String)> {
        names.map(|name| (name.to_owned(), String::new())).collect()
    };
    let words: Vec<&str> = before.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    match words.as_slice() {
        [] => plain(&mut run::command_names()),
        ["create" | "new" | "n" | "c", _] => plain(&mut Kind::ALL.into_iter().map(Kind::name)),
        ["create" | "new" | "n" | "c", _, kind, given @ ..] => {
            let Some(kind) = Kind::from_name(kind) else { return Vec::new() };
            described(kind.usage().create_options, true, given)
        }
        ["add" | "a", set, _, given @ ..] => {
            let kind = open().ok().and_then(|(_, file)| Some(file.sets.find(set)?.kind()));
            kind.map(|kind| described(kind.usage().entry_options, false, given)).unwrap_or_default()
        }
        ["create" | "new" | "n" | "c" | "restore" | "version" | "quit", ..] => Vec::new(),
        ["help"] => plain(&mut Kind::ALL.into_iter().map(Kind::name)),
        [_] | ["swap" | "w", _] => {
            let names = |file: &SetFile| {
                file.sets.iter().map(|set| (set.name().to_string(), set.kind().name().to_owned())).collect()
            };
            open().map(|(_, file)| names(&file)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Options that are not there yet, with what they mean.
fn described(names: Vec<&'static str>, create: bool, given: &[&str]) -> Vec<(String, String)> {
    let rest = names.into_iter().filter(|name| !given.contains(name));
    rest.map(|name| (name.to_owned(), option_text(create, name).to_owned())).collect()
}

/// The clock in whole seconds, as milliseconds.
// Why: the file has seconds, and a time that is written and read again must not move.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().saturating_mul(1000))
}

/// Why the program ends before its end.
enum End {
    /// A fault, in a line of a restore or not.
    Fault(Fault, Option<usize>),
    /// The file cannot be read or written.
    Target(TargetError),
    /// All has been said.
    Code(ExitCode),
}

impl From<TargetError> for End {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

struct Program<'a> {
    names: &'a SystemNames,
    options: Options,
    now: u64,
}

impl Program<'_> {
    fn run(&mut self, words: &[&str]) -> Result<(), End> {
        if !run::needs_sets(words) {
            return self.without_sets(words);
        }
        let (locked, mut file) = open()?;
        // Why: most commands need not wait for a large ruleset to be read.
        let rulesets = if run::needs_references(words) { rulesets(&locked, &file)? } else { Vec::new() };
        let mut output = Output::default();
        let mut options = Options::default();
        let done = self.carry_out(
            &mut file.sets,
            &rulesets,
            &mut options,
            &mut output,
            |options, sets, session, output| run::run(words, options, false, sets, session, output),
        );
        self.options = options;
        if output.changed {
            file.sets.clean(self.now);
            locked.write_sets(&file, self.now)?;
        }
        drop(locked);
        let path = self.options.file.clone();
        self.tell(&output, path.as_deref())?;
        done.map(|_| ()).map_err(|fault| End::Fault(fault, None))
    }

    /// Help, version and what cannot be read: no file is needed, and no right to it.
    fn without_sets(&mut self, words: &[&str]) -> Result<(), End> {
        let (mut output, mut options) = (Output::default(), Options::default());
        let next = self.carry_out(
            &mut Sets::new(),
            &[],
            &mut options,
            &mut output,
            |options, sets, session, output| run::run(words, options, false, sets, session, output),
        );
        self.options = options;
        self.tell(&output, None)?;
        match next {
            Ok(Next::Restore) => self.restore(),
            Ok(Next::Interactive) => self.interactive(),
            Ok(Next::Done | Next::Quit) => Ok(()),
            Err(fault) => Err(End::Fault(fault, None)),
        }
    }

    /// Gives a command its surroundings.
    fn carry_out<T>(
        &self,
        sets: &mut Sets,
        rulesets: &[Ruleset],
        options: &mut Options,
        output: &mut Output,
        act: impl FnOnce(&mut Options, &mut Sets, &mut Session<'_>, &mut Output) -> T,
    ) -> T {
        let random = RandomState::new();
        let mut count = 0_u64;
        let mut seed = || {
            count += 1;
            u32::try_from(random.hash_one(count) & u64::from(u32::MAX)).unwrap_or(0)
        };
        let references = |name: &str| rulesets.iter().map(|ruleset| ruleset.set_references(name)).sum();
        let mut session =
            Session { names: self.names, now: self.now, seed: &mut seed, references: &references };
        act(options, sets, &mut session, output)
    }

    /// Prints what a command has said.
    fn tell(&self, output: &Output, path: Option<&str>) -> Result<(), End> {
        eprint!("{}", output.notes);
        match path.filter(|_| output.is_listing) {
            None => print_all(&output.out).map_err(End::Code),
            Some(path) => super::save::write(Path::new(path), output.out.as_bytes()).map_err(|error| {
                let fault = format!("Cannot open {path} for writing: {}", system_text(&error));
                eprintln!("{PROGRAM}: {fault}");
                End::Code(ExitCode::from(1))
            }),
        }
    }

    /// `restore`: all lines, one write.
    fn restore(&mut self) -> Result<(), End> {
        let unreadable = |name: &str, error: &std::io::Error| {
            eprintln!("{PROGRAM}: Cannot open {name} for reading: {}", system_text(error));
            End::Code(ExitCode::from(1))
        };
        let mut bytes = Vec::new();
        match self.options.file.take() {
            Some(path) => {
                let file = std::fs::File::open(&path).map_err(|error| unreadable(&path, &error))?;
                bytes = whole::read(file, whole::MOST_BYTES).map_err(|error| unreadable(&path, &error))?;
            }
            None => {
                let mut input = std::io::stdin().lock().take(whole::MOST_BYTES);
                input.read_to_end(&mut bytes).map_err(|error| unreadable("standard input", &error))?;
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let (locked, mut file) = open()?;
        let rulesets = rulesets(&locked, &file)?;
        let mut output = Output::default();
        let mut options = std::mem::take(&mut self.options);
        let done = self.carry_out(
            &mut file.sets,
            &rulesets,
            &mut options,
            &mut output,
            |options, sets, session, output| {
                for (at, line) in text.split_inclusive('\n').enumerate() {
                    match restore::line(line, options, sets, session, output) {
                        Ok(Next::Quit) => break,
                        Ok(_) => {}
                        Err(fault) => return Err((fault, at + 1)),
                    }
                }
                Ok(())
            },
        );
        self.options = options;
        if output.changed {
            file.sets.clean(self.now);
            locked.write_sets(&file, self.now)?;
        }
        drop(locked);
        self.tell(&output, None)?;
        done.map_err(|(fault, line)| End::Fault(fault, Some(line)))
    }

    /// `-`: lines one by one, faults are told and forgotten.
    fn interactive(&mut self) -> Result<(), End> {
        let mut input = std::io::stdin().lock().take(whole::MOST_BYTES);
        let mut line = String::new();
        loop {
            print_all("ipset> ").map_err(End::Code)?;
            line.clear();
            match input.read_line(&mut line) {
                Ok(0) | Err(_) => return Ok(()),
                Ok(_) => {}
            }
            self.now = now();
            let (locked, mut file) = open()?;
            let rulesets = rulesets(&locked, &file)?;
            let mut output = Output::default();
            let mut options = std::mem::take(&mut self.options);
            let done = self.carry_out(
                &mut file.sets,
                &rulesets,
                &mut options,
                &mut output,
                |options, sets, session, output| restore::line(&line, options, sets, session, output),
            );
            self.options = Options { mode: None, ..options };
            if output.changed {
                locked.write_sets(&file, self.now)?;
            }
            drop(locked);
            self.tell(&output, None)?;
            match done {
                Ok(Next::Quit) => return Ok(()),
                Ok(_) => {}
                Err(fault) => eprint!("{}", fault.message(None)),
            }
        }
    }
}

fn open() -> Result<(Locked, SetFile), TargetError> {
    let locked = Place::from_environment()?.lock(Wait::Forever)?;
    let file = locked.read_sets()?;
    Ok((locked, file))
}

/// The rules of the file, which may refer to sets.
fn rulesets(locked: &Locked, file: &SetFile) -> Result<Vec<Ruleset>, TargetError> {
    file.rulesets().map(Vec::from).map_err(|(line, what)| locked.corrupt(line, what))
}

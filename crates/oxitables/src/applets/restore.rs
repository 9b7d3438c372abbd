//! `iptables-restore` and `ip6tables-restore`: tables from a file or a stream, each applied whole at its COMMIT.
//!
//! Input is read line by line as it comes, and the output is flushed after each line that prints something, so that a
//! program may keep one restore running and feed it for hours. The lock is held from `*table` to `COMMIT`.
mod json;
mod progress;

use std::ffi::OsString;
use std::fs::Metadata;
use std::io::{BufRead, BufReader, Read as _};
use std::process::ExitCode;

use packet::Family;
use rules::syntax::command::Wait;
use rules::syntax::objects::Objects;
use rules::syntax::restore::{Fault, Options, Reader, Stop, Store};
use rules::syntax::{Exit, value};
use rules::{Table, TableRules};

use crate::diagnosis::{self, Source};
use crate::names::SystemNames;
use crate::target::{Locked, Place, Stored, TargetError};

use progress::Progress;

use super::words::{JSON, Option_, Words, system_text};
use super::{exit, family_name, print_all, print_only, target_failed, version};

/// Its options.
pub(in crate::applets) const OPTIONS: &[Option_] = &[
    Option_::flag('b', "binary"),
    Option_::flag('c', "counters"),
    Option_::flag('v', "verbose"),
    Option_::flag('V', "version"),
    Option_::flag('t', "test"),
    Option_::flag('h', "help"),
    Option_::flag('n', "noflush"),
    Option_::flag('4', "ipv4"),
    Option_::flag('6', "ipv6"),
    Option_::optional('w', "wait"),
    Option_::optional('W', "wait-interval"),
    Option_::value('M', "modprobe"),
    Option_::value('T', "table"),
    Option_::flag(JSON, "json"),
];

const USAGE: &str = " [-c] [-v] [-V] [-t] [-h] [-n] [-w secs] [-W usecs] [-T table] [-M command] [file]
\t   [ --counters ]
\t   [ --verbose ]
\t   [ --version]
\t   [ --test ]
\t   [ --help ]
\t   [ --noflush ]
\t   [ --wait=<seconds>
\t   [ --table=<TABLE> ]
\t   [ --modprobe=<command> ]
";

/// The longest line that is read. The longest that means something has 253 words of 1,023 bytes.
pub(super) const LINE_MAX: usize = 1 << 20;

/// What the command line says.
#[derive(Default)]
struct Settings {
    counters: bool,
    verbose: bool,
    test: bool,
    no_flush: bool,
    wait: Wait,
    only: Option<String>,
    json: bool,
    path: Option<String>,
}

/// Runs it.
pub(crate) fn main(family: Family, words: Vec<OsString>) -> ExitCode {
    let program = format!("{}-restore", family_name(family));
    let settings = match settings(&program, words) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let length = |file: std::io::Result<Metadata>| file.ok().filter(Metadata::is_file).map(|file| file.len());
    let (mut input, total): (Box<dyn BufRead>, _) = match &settings.path {
        None => {
            let total = length(std::fs::metadata("/proc/self/fd/0"));
            (Box::new(BufReader::with_capacity(1 << 16, std::io::stdin())), total)
        }
        Some(path) => match std::fs::File::open(path) {
            Ok(file) => {
                let total = length(file.metadata());
                (Box::new(BufReader::with_capacity(1 << 16, file)), total)
            }
            Err(error) => {
                eprintln!("Can't open {path}: {}", system_text(&error));
                return exit(Exit::Other);
            }
        },
    };
    let names = SystemNames::with_sets();
    let mut store = match Place::from_environment() {
        Ok(place) => FileStore::new(place, family, settings.wait),
        Err(error) => return target_failed(&program, &error),
    };
    let mut reader = Reader::new(Options {
        family,
        names: &names,
        counters: settings.counters,
        no_flush: settings.no_flush,
        test: settings.test,
        verbose: settings.verbose,
        only: settings.only.as_deref(),
        trusted: false,
    });
    // Why: a file is taken whole or not at all, and all its bad lines are told. Whoever writes to a pipe may wait for the
    // answer to each COMMIT, and for the end of this program behind a bad line.
    if settings.json || is_file(settings.path.as_deref()) {
        reader = reader.to_the_end();
        store.whole = true;
    }
    if settings.json {
        return json::restore(&program, family, settings.counters, input, &mut reader, &mut store);
    }
    let progress = Progress::new(&program, total);
    let mut told = Told { program, path: settings.path.clone(), code: None, count: 0, progress };
    let mut line = Vec::new();
    let mut out = String::new();
    loop {
        line.clear();
        let step = match (&mut input).take(LINE_MAX as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => {
                let step = reader.end(&mut store);
                told.faults(&mut reader);
                let step = step.and_then(|()| store.finish().map_err(Stop::Store));
                return told.end(step);
            }
            Ok(length) if length > LINE_MAX => {
                told.progress.clear();
                eprintln!(
                    "{}: line {} is longer than {LINE_MAX} bytes",
                    told.program,
                    reader.line_number() + 1
                );
                return exit(Exit::Parameter);
            }
            Ok(_) => {
                told.progress.line(&line);
                let step = reader.bytes(&line, &mut store, &mut out);
                told.progress.done(&line);
                step
            }
            Err(error) => {
                told.progress.clear();
                let text = system_text(&error);
                eprintln!("{}: cannot read line {}: {text}", told.program, reader.line_number() + 1);
                return exit(Exit::Resource);
            }
        };
        if !out.is_empty() {
            told.progress.clear();
            if let Err(code) = print_all(&out) {
                return code;
            }
            out.clear();
        }
        told.faults(&mut reader);
        if step.is_err() {
            return told.end(step);
        }
    }
}

/// Whether the input is a regular file.
fn is_file(path: Option<&str>) -> bool {
    std::fs::metadata(path.unwrap_or("/dev/stdin")).is_ok_and(|metadata| metadata.is_file())
}

fn settings(program: &str, words: Vec<OsString>) -> Result<Settings, ExitCode> {
    let mut settings = Settings::default();
    let mut words = Words::new(words, OPTIONS);
    loop {
        match words.next() {
            Ok(None) => break,
            Ok(Some((letter, value))) => match letter {
                'b' => eprintln!("-b/--binary option is not implemented"),
                'c' => settings.counters = true,
                'v' => settings.verbose = true,
                't' => settings.test = true,
                'n' => settings.no_flush = true,
                'T' => settings.only = value,
                JSON => settings.json = true,
                'V' => {
                    return Err(print_only(&format!("{program} {}\n", version())));
                }
                'h' => {
                    eprint!("Usage: {program}{USAGE}");
                    return Err(ExitCode::SUCCESS);
                }
                'w' => {
                    let seconds = value.or_else(|| words.argument());
                    settings.wait = match seconds {
                        None => Wait::Forever,
                        Some(text) => match value::leading_number(&text) {
                            Some((seconds, _)) => Wait::Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)),
                            None => {
                                eprintln!("{program} {}: wait seconds not numeric", version());
                                eprintln!("Try `{program} -h' or '{program} --help' for more information.");
                                return Err(exit(Exit::Parameter));
                            }
                        },
                    };
                }
                'W' => {
                    let _ = value.or_else(|| words.argument());
                    eprintln!("Ignoring deprecated --wait-interval option.");
                }
                _ => {}
            },
            Err(fault) => {
                eprintln!("{program}: {fault}\nTry `{program} -h' for more information.");
                return Err(exit(Exit::Other));
            }
        }
    }
    match words.operands() {
        [] => {}
        [path] => settings.path = Some(path.clone()),
        _ => {
            eprintln!("Unknown arguments found on commandline");
            return Err(exit(Exit::Other));
        }
    }
    Ok(settings)
}

/// What was told to the user, and with which code the process ends.
struct Told {
    program: String,
    path: Option<String>,
    code: Option<Exit>,
    /// How many faults.
    count: usize,
    progress: Progress,
}

impl Told {
    fn faults(&mut self, reader: &mut Reader<'_>) {
        for warning in reader.warnings.drain(..) {
            self.progress.clear();
            eprintln!("{warning}");
        }
        for fault in reader.take_faults() {
            self.fault(&fault);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.progress.clear();
        let path = self.path.as_deref().unwrap_or("<stdin>");
        eprint!("{}", fault_text(&self.program, path, fault, self.code.is_none()));
        self.code.get_or_insert(fault.error.kind.exit());
        self.count += 1;
    }

    fn end(mut self, step: Result<(), Stop<TargetError>>) -> ExitCode {
        self.progress.clear();
        match step {
            Ok(()) => ExitCode::SUCCESS,
            Err(Stop::Faults) => {
                if self.count > 1 {
                    eprintln!("{}: {} faults in all", self.program, self.count);
                }
                exit(self.code.unwrap_or(Exit::Other))
            }
            Err(Stop::Store(error)) => target_failed(&self.program, &error),
        }
    }
}

/// iptables' own text for the first fault, which is the only one that it would tell; our diagnosis for all.
pub(super) fn fault_text(program: &str, path: &str, fault: &Fault, first: bool) -> String {
    let mut text = String::new();
    if first {
        text = fault.error.kind.report(program, &version(), Some(fault.line));
    }
    let line = fault.rule_line.unwrap_or(fault.line);
    let source = Source { path: Some(path), line, text: &fault.text, before: "" };
    text.push_str(&diagnosis::render(&fault.error, &source, diagnosis::colored()));
    text.push('\n');
    text
}

/// The tables of a family in the target's file.
struct FileStore {
    place: Place,
    family: Family,
    wait: Wait,
    locked: Option<Locked>,
    /// What was read or written last.
    cache: Option<Stored>,
    /// Whether all tables are written at the end, and not each at its COMMIT. The lock is kept from the first one on.
    whole: bool,
    /// With `whole`: the tables that are to be written.
    waiting: Vec<Table>,
}

impl FileStore {
    fn new(place: Place, family: Family, wait: Wait) -> Self {
        Self { place, family, wait, locked: None, cache: None, whole: false, waiting: Vec::new() }
    }

    /// Writes what waits and unlocks.
    fn finish(&mut self) -> Result<(), TargetError> {
        let (Some(locked), Some(mut stored)) = (self.locked.take(), self.cache.take()) else { return Ok(()) };
        if self.waiting.is_empty() {
            return Ok(());
        }
        // Why: iptables-apply puts old rules back without the lock if it is kept too long; the other tables are those now.
        if !locked.is_current(&stored) {
            let mut now = locked.read()?;
            for table in self.waiting.drain(..) {
                if let Some(rules) = stored.family(self.family).table(table) {
                    now.family_mut(self.family).set_table(rules.clone());
                }
            }
            stored = now;
        }
        locked.write(&stored)
    }
}

impl Store for FileStore {
    type Error = TargetError;

    fn open(&mut self, table: Table) -> Result<TableRules, TargetError> {
        let locked = match self.locked.take() {
            Some(locked) => locked,
            None => self.place.lock(self.wait)?,
        };
        let stored =
            match self.cache.take().filter(|stored| !self.waiting.is_empty() || locked.is_current(stored)) {
                Some(stored) => stored,
                None => locked.read()?,
            };
        self.locked = Some(locked);
        let stored = self.cache.insert(stored);
        // Why: taken, not cloned: a large table that is to be replaced is not copied first. See `release`.
        Ok(std::mem::replace(stored.family_mut(self.family).table_mut(table), TableRules::new(table)))
    }

    fn commit(&mut self, rules: TableRules) -> Result<(), TargetError> {
        if let (true, Some(stored)) = (self.whole, &mut self.cache) {
            self.waiting.push(rules.table());
            stored.family_mut(self.family).set_table(rules);
            return Ok(());
        }
        let (Some(locked), Some(stored)) = (self.locked.take(), &mut self.cache) else { return Ok(()) };
        // Why: iptables-apply puts old rules back without the lock if it is kept too long; the other tables are those now.
        if !locked.is_current(stored) {
            *stored = locked.read()?;
        }
        stored.family_mut(self.family).set_table(rules);
        let written = locked.write(stored);
        if written.is_ok() {
            locked.refresh(stored);
        } else {
            self.cache = None;
        }
        written
    }

    fn release(&mut self) {
        if !self.whole {
            self.locked = None;
        }
        self.cache = None;
        self.waiting.clear();
    }

    fn objects(&self, family: Family) -> Objects {
        self.cache.as_ref().map(|stored| stored.objects(family)).unwrap_or_default()
    }
}

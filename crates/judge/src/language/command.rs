//! The command `judge language` (behind `cargo xtask compare`) and the loop that the test runs.
//!
//! ```text
//! judge language [--lines N] [--seed S] [--family 4|6] [--only EXTENSION] [--most N] [--verbose]
//! ```
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use packet::Family;
use rules::Table;

use super::corpus::Corpus;
use super::differences::{EXCUSES, Scope, Trial, rewritten, without_hints};
use super::generate::{Generator, Memory};
use super::machine::Machine;
use super::ours::Ours;
use super::{Line, Looks, Said, Speaker, shrink, typed};
use crate::generate::Choice;

/// So many lines are tried on one ruleset before the next one begins empty.
const LINES_OF_A_RULESET: u64 = 60;

/// So many questions are asked to make a difference small.
const TRIES: usize = 160;

/// What the command was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many lines, of both families together.
    pub lines: u64,
    /// The seed.
    pub seed: u64,
    /// Only this family.
    pub family: Option<Family>,
    /// Only lines about this extension.
    pub only: Option<String>,
    /// Ends after so many differences of a family.
    pub most: usize,
    /// Shows each line.
    pub verbose: bool,
    /// The folder of fixtures.
    pub fixtures: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lines: 3000,
            seed: 1,
            family: None,
            only: None,
            most: 20,
            verbose: false,
            fixtures: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"),
        }
    }
}

/// Reads the arguments.
pub fn options(args: &[String]) -> Result<Options, String> {
    let mut out = Options::default();
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let mut value = || args.next().cloned().ok_or_else(|| format!("{name} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("not a number: {text}"));
        match name.as_str() {
            "--lines" => out.lines = number(value()?)?,
            "--seed" => out.seed = number(value()?)?,
            "--most" => out.most = usize::try_from(number(value()?)?).unwrap_or(usize::MAX),
            "--only" => out.only = Some(value()?),
            "--verbose" => out.verbose = true,
            "--family" => {
                out.family = match value()?.as_str() {
                    "4" => Some(Family::V4),
                    "6" => Some(Family::V6),
                    other => return Err(format!("a family is 4 or 6, not {other}")),
                }
            }
            other => {
                return Err(format!(
                    "unknown: {other}; known: --lines N --seed S --family 4|6 --only EXTENSION --most N --verbose"
                ));
            }
        }
    }
    Ok(out)
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Lines that were tried.
    pub lines: u64,
    /// Lines that both took.
    pub taken: u64,
    /// Lines of each extension.
    pub subjects: BTreeMap<String, u64>,
    /// Lines that differ as `docs/deviations.md` says, by entry.
    pub excused: BTreeMap<&'static str, u64>,
    /// What differs, each made small, as text.
    pub differences: Vec<String>,
}

impl Report {
    fn add(&mut self, other: Report) {
        self.lines += other.lines;
        self.taken += other.taken;
        for (subject, count) in other.subjects {
            *self.subjects.entry(subject).or_default() += count;
        }
        for (excuse, count) in other.excused {
            *self.excused.entry(excuse).or_default() += count;
        }
        self.differences.extend(other.differences);
    }
}

/// Both sides with an empty ruleset.
struct Sides {
    family: Family,
    ours: Ours,
    machine: Machine,
}

/// How one line went on both sides.
struct Tried {
    family: Family,
    ours: Said,
    theirs: Said,
    our_looks: Looks,
    their_looks: Looks,
}

impl Tried {
    fn equal(&self) -> bool {
        self.ours == self.theirs && self.our_looks == self.their_looks
    }

    fn excuse(&self, words: &[String]) -> Option<&'static str> {
        let trial = Trial {
            family: self.family,
            words,
            ours: &self.ours,
            theirs: &self.theirs,
            our_looks: &self.our_looks,
            their_looks: &self.their_looks,
        };
        EXCUSES.iter().find(|excuse| (excuse.holds)(&trial)).map(|excuse| excuse.deviation)
    }
}

impl Sides {
    fn new(family: Family) -> Result<Self, String> {
        let machine = Machine::new(family).map_err(|error| format!("a network namespace: {error}"))?;
        Ok(Self { family, ours: Ours::new(family), machine })
    }

    fn try_line(&mut self, line: &[String]) -> Tried {
        let owned = Line { words: line.to_vec(), subject: String::new() };
        let mut ours = self.ours.say(line);
        ours.error = without_hints(&ours.error);
        let mut theirs = self.machine.say(line);
        theirs.error = rewritten(Scope::Error, &theirs.error);
        theirs.out = rewritten(Scope::List, &rewritten(Scope::Saved, &theirs.out));
        let our_looks = self.ours.look(owned.table());
        let mut their_looks = self.machine.look(owned.table());
        their_looks.save = rewritten(Scope::Saved, &their_looks.save);
        their_looks.rules = rewritten(Scope::Saved, &their_looks.rules);
        their_looks.list = rewritten(Scope::List, &their_looks.list);
        Tried { family: self.family, ours, theirs, our_looks, their_looks }
    }

    /// How a line differs after others, on an empty ruleset: the two exit statuses, and whether rulesets differ.
    fn differs_after(family: Family, before: &[Vec<String>], line: &[String]) -> Option<(u8, u8, bool)> {
        let mut sides = Self::new(family).ok()?;
        for words in before {
            sides.ours.say(words);
            sides.machine.say(words);
        }
        let tried = sides.try_line(line);
        let differs = !tried.equal() && tried.excuse(line).is_none();
        differs.then_some((tried.ours.exit, tried.theirs.exit, tried.our_looks != tried.their_looks))
    }
}

/// The lines that only one of two texts has.
fn unequal(out: &mut String, what: &str, ours: &str, theirs: &str) {
    if ours == theirs {
        return;
    }
    let (own, other): (Vec<_>, Vec<_>) = (ours.lines().collect(), theirs.lines().collect());
    let mut some = false;
    for (name, one, two) in [("ours   ", &own, &other), ("machine", &other, &own)] {
        for line in one.iter().filter(|line| !two.contains(line)) {
            some = true;
            let _ = writeln!(out, "  {what:<5} {name} {line:?}");
        }
    }
    if !some {
        let _ = writeln!(out, "  {what:<5} ours    {ours:?}\n  {what:<5} machine {theirs:?}");
    }
}

/// A difference made small, as text.
fn told(family: Family, before: &[Vec<String>], line: &[String]) -> String {
    let mut tries = TRIES;
    let mut before = before.to_vec();
    let whole = Sides::differs_after(family, &before, line);
    if whole.is_none() {
        return format!("> {}\n  differs, but not again after the same lines\n", typed(family, line));
    }
    if Sides::differs_after(family, &[], line) == whole {
        before.clear();
    } else {
        before =
            shrink::shrink(&before, &mut tries, |fewer| Sides::differs_after(family, fewer, line) == whole);
    }
    let mut tries = TRIES;
    let line =
        shrink::shrink(line, &mut tries, |fewer| Sides::differs_after(family, &before, fewer) == whole);
    let mut text = String::new();
    for words in &before {
        let _ = writeln!(text, "  {}", typed(family, words));
    }
    let _ = writeln!(text, "> {}", typed(family, &line));
    if let Ok(mut sides) = Sides::new(family) {
        for words in &before {
            sides.ours.say(words);
            sides.machine.say(words);
        }
        let tried = sides.try_line(&line);
        unequal(&mut text, "exit", &tried.ours.exit.to_string(), &tried.theirs.exit.to_string());
        unequal(&mut text, "error", &tried.ours.error, &tried.theirs.error);
        unequal(&mut text, "out", &tried.ours.out, &tried.theirs.out);
        unequal(&mut text, "-S", &tried.our_looks.rules, &tried.their_looks.rules);
        unequal(&mut text, "save", &tried.our_looks.save, &tried.their_looks.save);
        unequal(&mut text, "-L", &tried.our_looks.list, &tried.their_looks.list);
    }
    text
}

fn remember(memory: &mut Memory, words: &[String]) {
    let line = Line { words: words.to_vec(), subject: String::new() };
    let Some(table) = Table::from_name(line.table()) else { return };
    for (at, word) in words.iter().enumerate() {
        let Some(chain) = words.get(at + 1) else { break };
        match word.as_str() {
            "-N" | "--new-chain" => memory.chains.push((table, chain.clone())),
            "-A" | "--append" => {
                let rest = words.get(at + 2..).unwrap_or(&[]).to_vec();
                memory.rules.push((table, chain.clone(), rest));
            }
            _ => {}
        }
    }
}

/// Tries the lines of one family in this thread, which is in another network namespace afterwards.
fn family(options: &Options, family: Family, lines: u64) -> Result<Report, String> {
    let corpus = Corpus::read(&options.fixtures, family)?;
    let generator = Generator::new(family, &corpus, options.only.as_deref());
    if options.only.is_some() && generator.extensions().next().is_none() {
        return Ok(Report::default());
    }
    let mut report = Report::default();
    for extension in generator.extensions() {
        report.subjects.insert(extension.to_owned(), 0);
    }
    let salt = if family == Family::V4 { 4 } else { 6 };
    let mut sides = Sides::new(family)?;
    let mut before: Vec<Vec<String>> = Vec::new();
    let mut memory = Memory::default();
    let mut age = 0;
    for number in 0..lines {
        if age == LINES_OF_A_RULESET {
            (sides, memory, age) = (Sides::new(family)?, Memory::default(), 0);
            before.clear();
        }
        age += 1;
        let mut choice = Choice::new(options.seed.wrapping_mul(16).wrapping_add(salt), number);
        let line = generator.line(&mut choice, number, &memory);
        if options.verbose {
            println!("{number} {}", typed(family, &line.words));
        }
        let tried = sides.try_line(&line.words);
        report.lines += 1;
        if !line.subject.is_empty() {
            *report.subjects.entry(line.subject.clone()).or_default() += 1;
        }
        if tried.equal() {
            if tried.ours.exit == 0 {
                report.taken += 1;
                remember(&mut memory, &line.words);
            }
            before.push(line.words);
            continue;
        }
        match tried.excuse(&line.words) {
            Some(excuse) => *report.excused.entry(excuse).or_default() += 1,
            None => {
                let text = told(family, &before, &line.words);
                let about = if line.subject.is_empty() { "commands" } else { &line.subject };
                let text = format!("seed {} line {number}, about {about}\n{text}", options.seed);
                eprintln!("{text}");
                report.differences.push(text);
                if report.differences.len() >= options.most {
                    break;
                }
            }
        }
        // Why: from here on the two rulesets may not be the same.
        age = LINES_OF_A_RULESET;
    }
    Ok(report)
}

/// Tries lines of both families at once, each in a thread with a namespace of its own.
pub fn compare(options: &Options) -> Result<Report, String> {
    let families: Vec<Family> = [Family::V4, Family::V6]
        .into_iter()
        .filter(|own| options.family.is_none_or(|only| only == *own))
        .collect();
    let share = options.lines.div_ceil(families.len().max(1) as u64);
    let reports = std::thread::scope(|scope| {
        let threads: Vec<_> =
            families.iter().map(|&own| scope.spawn(move || family(options, own, share))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
            .collect::<Result<Vec<_>, String>>()
    })?;
    let mut all = Report::default();
    for report in reports {
        all.add(report);
    }
    Ok(all)
}

/// Runs the command; `true`: no difference.
pub fn run(args: &[String]) -> Result<bool, String> {
    let options = options(args)?;
    if let Some(missing) = super::machine::missing() {
        return Err(format!("the machine's iptables cannot be asked: {missing}"));
    }
    let start = Instant::now();
    let report = compare(&options)?;
    for (excuse, count) in &report.excused {
        println!("{count:6} lines differ as known: {excuse}");
    }
    println!(
        "{} lines of {} extensions, {} taken, {} differences, {:.1} s",
        report.lines,
        report.subjects.len(),
        report.taken,
        report.differences.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(report.differences.is_empty())
}

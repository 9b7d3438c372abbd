//! The command `judge language` (behind `cargo xtask compare`) and the loop that the test runs.
//!
//! ```text
//! judge language [--lines N] [--seed S] [--family 4|6] [--only EXTENSION] [--most N] [--nft PERCENT] [--verbose]
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
use super::{Line, Looks, Said, Side, Speaker, nft, shrink, taken_for, typed};
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
    /// Of each hundred rulesets so many are tried on iptables-nft as well.
    pub nft: u64,
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
            nft: 25,
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
            "--nft" => out.nft = number(value()?)?.min(100),
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
                    "unknown: {other}; known: --lines N --seed S --family 4|6 --only EXTENSION --most N --nft PERCENT --verbose"
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
    /// Lines that iptables-nft was given as well.
    pub nft_lines: u64,
    /// Lines of those whose texts were put into one form, by entry of `docs/deviations.md`.
    pub nft_rewritten: BTreeMap<&'static str, u64>,
    /// Lines of those in which it differs from iptables-legacy as `docs/deviations.md` says, by entry.
    pub nft_excused: BTreeMap<&'static str, u64>,
    /// What differs, each made small, as text.
    pub differences: Vec<String>,
}

impl Report {
    /// What was excused, a line for each entry of `docs/deviations.md`.
    pub fn known(&self) -> String {
        let mut text = String::new();
        let all = [
            ("differ as known", &self.excused),
            ("of iptables-nft in its own form", &self.nft_rewritten),
            ("of iptables-nft differ as known", &self.nft_excused),
        ];
        for (what, excused) in all {
            for (entry, count) in excused {
                let _ = writeln!(text, "{count:6} lines {what}: {entry}");
            }
        }
        text
    }

    fn add(&mut self, other: Report) {
        self.lines += other.lines;
        self.taken += other.taken;
        for (subject, count) in other.subjects {
            *self.subjects.entry(subject).or_default() += count;
        }
        for (excuse, count) in other.excused {
            *self.excused.entry(excuse).or_default() += count;
        }
        self.nft_lines += other.nft_lines;
        for (own, others) in
            [(&mut self.nft_excused, other.nft_excused), (&mut self.nft_rewritten, other.nft_rewritten)]
        {
            for (excuse, count) in others {
                *own.entry(excuse).or_default() += count;
            }
        }
        self.differences.extend(other.differences);
    }
}

/// All sides with an empty ruleset.
struct Sides {
    family: Family,
    ours: Ours,
    machine: Machine,
    /// iptables-nft, where it is asked as well.
    nft: Option<Machine>,
}

/// Which two sides are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pair {
    /// Ours and iptables-legacy.
    Legacy,
    /// iptables-legacy and iptables-nft.
    Nft,
}

/// What the comparison of two sides says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Equal,
    /// The entry of `docs/deviations.md`.
    Known(&'static str),
    /// The two exit statuses, and whether rulesets differ.
    Different(u8, u8, bool),
}

/// How one line went on all sides.
struct Tried {
    family: Family,
    /// Our side before the line.
    before: Ours,
    ours: Side,
    /// The machine's iptables-legacy in the words of 1.8.13.
    legacy: Side,
    /// iptables-legacy in its own words and iptables-nft, in one form, and the rewrites that this took.
    nft: Option<(Side, Side, Vec<&'static str>)>,
}

impl Tried {
    /// The two sides of a pair.
    fn sides(&self, pair: Pair) -> Option<(&Side, &Side)> {
        match pair {
            Pair::Legacy => Some((&self.ours, &self.legacy)),
            Pair::Nft => self.nft.as_ref().map(|(legacy, nft, _)| (legacy, nft)),
        }
    }

    fn verdict(&self, pair: Pair, words: &[String]) -> Verdict {
        let Some((one, two)) = self.sides(pair) else { return Verdict::Equal };
        if one.said == two.said && one.looks == two.looks {
            return Verdict::Equal;
        }
        let owned = Line { words: words.to_vec(), subject: String::new() };
        if let (Pair::Legacy, Some(entry)) =
            (pair, taken_for::entry(words, owned.table(), &self.before, &one.said, two))
        {
            return Verdict::Known(entry);
        }
        let trial = Trial {
            family: self.family,
            words,
            ours: &one.said,
            theirs: &two.said,
            our_looks: &one.looks,
            their_looks: &two.looks,
        };
        let excuses = match pair {
            Pair::Legacy => EXCUSES,
            Pair::Nft => nft::EXCUSES,
        };
        match excuses.iter().find(|excuse| (excuse.holds)(&trial)) {
            Some(excuse) => Verdict::Known(excuse.deviation),
            None => Verdict::Different(one.said.exit, two.said.exit, one.looks != two.looks),
        }
    }
}

impl Sides {
    fn new(family: Family, with_nft: bool) -> Result<Self, String> {
        let machine = Machine::new(family).map_err(|error| format!("a network namespace: {error}"))?;
        let nft = with_nft.then(|| machine.nft()).transpose();
        let nft = nft.map_err(|error| format!("iptables-nft: {error}"))?;
        Ok(Self { family, ours: Ours::new(family), machine, nft })
    }

    fn try_line(&mut self, line: &[String]) -> Tried {
        let owned = Line { words: line.to_vec(), subject: String::new() };
        let table = owned.table();
        let ask = |speaker: &mut dyn Speaker| Side { said: speaker.say(line), looks: speaker.look(table) };
        let before = self.ours.clone();
        let mut ours = ask(&mut self.ours);
        ours.said.error = without_hints(&ours.said.error);
        let raw = ask(&mut self.machine);
        let nft = self.nft.as_mut().map(|nft| ask(nft)).map(|nft| nft::same_form(&raw, &nft));
        let list = |text: &str| rewritten(Scope::List, text);
        let saved = |text: &str| rewritten(Scope::Saved, text);
        let legacy = Side {
            said: Said {
                exit: raw.said.exit,
                out: list(&saved(&raw.said.out)),
                error: rewritten(Scope::Error, &raw.said.error),
            },
            looks: Looks {
                save: saved(&raw.looks.save),
                rules: saved(&raw.looks.rules),
                list: list(&raw.looks.list),
            },
        };
        Tried { family: self.family, before, ours, legacy, nft }
    }

    /// A line on all sides, without comparing them.
    fn do_line(&mut self, line: &[String]) {
        self.ours.say(line);
        self.machine.say(line);
        if let Some(nft) = &mut self.nft {
            nft.say(line);
        }
    }

    /// How the sides of a pair differ in a line after others, on an empty ruleset.
    fn differ_after(family: Family, pair: Pair, before: &[Vec<String>], line: &[String]) -> Option<Verdict> {
        let mut sides = Self::new(family, pair == Pair::Nft).ok()?;
        for words in before {
            sides.do_line(words);
        }
        let verdict = sides.try_line(line).verdict(pair, line);
        matches!(verdict, Verdict::Different(..)).then_some(verdict)
    }
}

/// The lines that only one of two texts has.
fn unequal(out: &mut String, what: &str, names: [&str; 2], texts: [&str; 2]) {
    let [one, two] = texts;
    if one == two {
        return;
    }
    let (own, other): (Vec<_>, Vec<_>) = (one.lines().collect(), two.lines().collect());
    let mut some = false;
    for (name, one, two) in [(names[0], &own, &other), (names[1], &other, &own)] {
        for line in one.iter().filter(|line| !two.contains(line)) {
            some = true;
            let _ = writeln!(out, "  {what:<5} {name:<7} {line:?}");
        }
    }
    if !some {
        let _ = writeln!(out, "  {what:<5} {:<7} {one:?}\n  {what:<5} {:<7} {two:?}", names[0], names[1]);
    }
}

/// A difference made small, as text.
fn told(family: Family, pair: Pair, before: &[Vec<String>], line: &[String]) -> String {
    let mut tries = TRIES;
    let mut before = before.to_vec();
    let differ = |before: &[Vec<String>], line: &[String]| Sides::differ_after(family, pair, before, line);
    let whole = differ(&before, line);
    if whole.is_none() {
        return format!("> {}\n  differs, but not again after the same lines\n", typed(family, line));
    }
    if differ(&[], line) == whole {
        before.clear();
    } else {
        before = shrink::shrink(&before, &mut tries, |fewer| differ(fewer, line) == whole);
    }
    let mut tries = TRIES;
    let line = shrink::shrink(line, &mut tries, |fewer| differ(&before, fewer) == whole);
    let mut text = String::new();
    for words in &before {
        let _ = writeln!(text, "  {}", typed(family, words));
    }
    let _ = writeln!(text, "> {}", typed(family, &line));
    if let Ok(mut sides) = Sides::new(family, pair == Pair::Nft) {
        for words in &before {
            sides.do_line(words);
        }
        let tried = sides.try_line(&line);
        let names = match pair {
            Pair::Legacy => ["ours", "machine"],
            Pair::Nft => ["legacy", "nft"],
        };
        if let Some((one, two)) = tried.sides(pair) {
            let exits = [one.said.exit.to_string(), two.said.exit.to_string()];
            unequal(&mut text, "exit", names, [&exits[0], &exits[1]]);
            unequal(&mut text, "error", names, [&one.said.error, &two.said.error]);
            unequal(&mut text, "out", names, [&one.said.out, &two.said.out]);
            unequal(&mut text, "-S", names, [&one.looks.rules, &two.looks.rules]);
            unequal(&mut text, "save", names, [&one.looks.save, &two.looks.save]);
            unequal(&mut text, "-L", names, [&one.looks.list, &two.looks.list]);
        }
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
    let mut rulesets = 0;
    let mut next = || {
        rulesets += 1;
        // Evenly over the run: so many of each hundred rulesets.
        Sides::new(family, rulesets * options.nft / 100 > (rulesets - 1) * options.nft / 100)
    };
    let mut sides = next()?;
    let mut before: Vec<Vec<String>> = Vec::new();
    let mut memory = Memory::default();
    let mut age = 0;
    for number in 0..lines {
        if age >= LINES_OF_A_RULESET {
            (sides, memory, age) = (next()?, Memory::default(), 0);
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
        let legacy = tried.verdict(Pair::Legacy, &line.words);
        if legacy == Verdict::Equal && tried.ours.said.exit == 0 {
            report.taken += 1;
            remember(&mut memory, &line.words);
        }
        if let Some((own, nft, rewrites)) = &tried.nft {
            report.nft_lines += 1;
            for entry in rewrites {
                *report.nft_rewritten.entry(entry).or_default() += 1;
            }
            if nft::strays(&line.words, own, nft) {
                age = LINES_OF_A_RULESET;
            }
        }
        for (pair, verdict) in [(Pair::Legacy, legacy), (Pair::Nft, tried.verdict(Pair::Nft, &line.words))] {
            match verdict {
                Verdict::Equal => continue,
                Verdict::Known(entry) => {
                    let excused = match pair {
                        Pair::Legacy => &mut report.excused,
                        Pair::Nft => &mut report.nft_excused,
                    };
                    *excused.entry(entry).or_default() += 1;
                }
                Verdict::Different(..) => {
                    let text = told(family, pair, &before, &line.words);
                    // Why: that made other namespaces; the thread is in the last of them.
                    age = LINES_OF_A_RULESET;
                    let about = if line.subject.is_empty() { "commands" } else { &line.subject };
                    let text = format!("seed {} line {number}, about {about}\n{text}", options.seed);
                    eprintln!("{text}");
                    report.differences.push(text);
                    if report.differences.len() >= options.most {
                        return Ok(report);
                    }
                }
            }
            if pair == Pair::Legacy {
                // Why: from here on the two rulesets may not be the same.
                age = LINES_OF_A_RULESET;
            }
        }
        before.push(line.words);
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
    print!("{}", report.known());
    println!(
        "{} lines of {} extensions, {} taken, {} also by iptables-nft, {} differences, {:.1} s",
        report.lines,
        report.subjects.len(),
        report.taken,
        report.nft_lines,
        report.differences.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(report.differences.is_empty())
}

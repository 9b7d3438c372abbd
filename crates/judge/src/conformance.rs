//! What was compared with a kernel, in numbers: the record of `cargo xtask conformance`, and the page `docs/conformance.md`
//! that is made out of it.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rules::syntax::inventory;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Step};

/// Cases, and how many of them were equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Cases.
    pub cases: u64,
    /// Those in which the engine did what the kernel did.
    pub equal: u64,
}

impl Tally {
    /// Counts a case.
    pub fn count(&mut self, equal: bool) {
        self.cases += 1;
        self.equal += u64::from(equal);
    }

    /// Counts those of another one.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.equal += other.equal;
    }
}

/// The extensions that the rules of a case use, as rules name them: `-m tcp`, `-j LOG`; the verdicts are `-j standard`.
pub fn used(case: &Case) -> BTreeSet<String> {
    let reloads = case.steps.iter().filter_map(|step| match step {
        Step::Reload { save, .. } => Some(save.as_str()),
        _ => None,
    });
    let mut out = BTreeSet::new();
    for save in case.saves().chain(reloads) {
        for line in save.lines() {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            for pair in words.windows(2) {
                match *pair {
                    ["-m", name] => out.insert(format!("-m {name}")),
                    ["-j", "ACCEPT" | "DROP" | "RETURN" | "QUEUE"] => out.insert("-j standard".to_owned()),
                    ["-j", name] if inventory::TARGETS.iter().any(|(own, _)| *own == name) => {
                        out.insert(format!("-j {name}"))
                    }
                    _ => false,
                };
            }
        }
    }
    out
}

/// Beginnings of names that stand for a fact.
const NAMED: [(&str, u32); 9] = [
    ("targets.tcpmss", 66),
    ("targets.tee", 73),
    ("targets.nfqueue", 73),
    ("targets.tos", 74),
    ("targets.ecn", 74),
    ("targets.tcpoptstrip", 74),
    ("targets.npt", 74),
    ("targets.hmark", 74),
    ("targets.no-change", 74),
];

/// The fact that a directed case is about, by its name: `F41.syn-sent` is about the 41st.
pub fn fact(name: &str) -> Option<u32> {
    if let Some((_, fact)) = NAMED.iter().find(|(start, _)| name.starts_with(start)) {
        return Some(*fact);
    }
    let digits = name.strip_prefix(['F', 'f'])?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// What is asked in a case besides the ways of packets.
pub fn kinds(case: &Case) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let watched = [
        ("log", "lines of the log"),
        ("trace", "lines of the log"),
        ("events", "events of connection tracking"),
    ];
    let watched = watched.into_iter().filter(|(what, _)| case.watches(what)).map(|(_, kind)| kind);
    let listeners = ["nflog", "nfqueue"].into_iter().filter(|what| !case.listeners(what).is_empty());
    let steps = case.steps.iter().filter_map(|step| match step {
        Step::Command { .. } => Some("commands"),
        Step::Ask { .. } => Some("questions about sockets"),
        _ => None,
    });
    out.extend(
        watched.chain(listeners.map(|_| "listeners of NFLOG and NFQUEUE")).chain(steps).map(str::to_owned),
    );
    out
}

/// A run of all directed cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directed {
    /// Day, as `2026-11-21`.
    pub date: String,
    /// Version of the kernel.
    pub kernel: String,
    /// By fact.
    pub facts: BTreeMap<u32, Tally>,
    /// By extension ([`used`]).
    pub extensions: BTreeMap<String, Tally>,
    /// By what else is compared ([`kinds`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, Tally>,
    /// All of them.
    pub all: Tally,
}

impl Directed {
    /// Counts a case.
    pub fn count(&mut self, case: &Case, equal: bool) {
        self.all.count(equal);
        if let Some(fact) = fact(&case.name) {
            self.facts.entry(fact).or_default().count(equal);
        }
        for name in used(case) {
            self.extensions.entry(name).or_default().count(equal);
        }
        for kind in kinds(case) {
            self.kinds.entry(kind).or_default().count(equal);
        }
    }
}

/// A run of random cases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Random {
    /// Day, as `2026-11-21`.
    pub date: String,
    /// Version of the kernel.
    pub kernel: String,
    /// Seed.
    pub seed: u64,
    /// Number of the first case.
    pub from: u64,
    /// All of them.
    pub all: Tally,
    /// Equal when they were run again, and not the first time: these are in `all` as equal.
    pub chance: u64,
    /// Neither: cases whose packets cause packets without end.
    #[serde(default)]
    pub endless: u64,
    /// Packets that came out of the kernel.
    pub packets: u64,
    /// By extension ([`used`]).
    pub extensions: BTreeMap<String, Tally>,
}

impl Random {
    fn goes_on_with(&self, next: &Self) -> bool {
        (&self.date, &self.kernel, self.seed) == (&next.date, &next.kernel, next.seed)
            && self.from + self.all.cases == next.from
    }

    fn and(mut self, next: Self) -> Self {
        self.all.add(next.all);
        self.chance += next.chance;
        self.endless += next.endless;
        self.packets += next.packets;
        for (name, tally) in next.extensions {
            self.extensions.entry(name).or_default().add(tally);
        }
        self
    }
}

/// The record: `fixtures/conformance.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The last run of all directed cases.
    pub directed: Directed,
    /// Runs of random cases, the newest last.
    pub random: Vec<Random>,
}

impl Record {
    /// Reads a record.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Adds a run of random cases. Runs of the same day, kernel and seed that go on where another ended are one, in whatever
    /// order they were made, so that a long run can be made in pieces.
    pub fn add(&mut self, mut run: Random) {
        loop {
            let neighbour =
                self.random.iter().position(|own| own.goes_on_with(&run) || run.goes_on_with(own));
            let Some(at) = neighbour else { break };
            let own = self.random.remove(at);
            run = if own.goes_on_with(&run) { own.and(run) } else { run.and(own) };
        }
        self.random.push(run);
    }

    /// As text.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The page.
    pub fn page(&self) -> String {
        let mut out = String::from(
            "# Conformance\n\n\
             Generated by `cargo xtask conformance` out of its own runs (`fixtures/conformance.json`): the same rules and packets given to the\n\
             kernel in a network namespace and to the engine; compared are the packets that came out, error numbers, the rules that were met,\n\
             counters, connections with their timeouts, and expectations.\n\n## Runs\n\n\
             | date | kernel | cases | equal | by chance | without an end | packets that came out |\n|---|---|---|---|---|---|---|\n",
        );
        let Directed { date, kernel, all, .. } = &self.directed;
        let _ = writeln!(out, "| {date} | {kernel} | {}, directed | {} | | | |", all.cases, all.equal);
        for run in &self.random {
            let Random { date, kernel, seed, all, chance, endless, packets, .. } = run;
            let _ = writeln!(
                out,
                "| {date} | {kernel} | {}, random, seed {seed} | {} | {chance} | {endless} | {packets} |",
                all.cases, all.equal
            );
        }
        out.push_str(
            "\nBy chance: another outcome the first time and the same one when it was run again, with other identifications of fragments; the\n\
             kernel's own choices and a clock that goes on while a machine stands still do that. Without an end: rules whose packets cause packets\n\
             for ever (`TEE` of its own copies on loopback), of which the engine makes as many as its limit allows.\n\n## Facts\n\n\
             Directed cases by the number of the fact in their names.\n\n| fact | cases | equal |\n|---|---|---|\n",
        );
        for fact in 1..=75 {
            let tally = self.directed.facts.get(&fact).copied().unwrap_or_default();
            let _ = writeln!(out, "| F{fact} | {} | {} |", tally.cases, tally.equal);
        }
        out.push_str(
            "\n## What else is compared\n\n\
             Directed cases in which something besides packets, counters and connections is compared: what a command prints and leaves,\n\
             lines that the kernel writes into its log, what it tells its listeners, what a process is told about its socket.\n\n\
             | what | cases | equal |\n|---|---|---|\n",
        );
        for (kind, tally) in &self.directed.kinds {
            let _ = writeln!(out, "| {kind} | {} | {} |", tally.cases, tally.equal);
        }
        out.push_str(
            "\n## Extensions\n\nCases whose rules use it.\n\n\
             | extension | directed | equal | random | equal |\n|---|---|---|---|---|\n",
        );
        let matches = inventory::MATCHES.iter().map(|(name, _)| format!("-m {name}"));
        let targets = inventory::TARGETS.iter().map(|(name, _)| format!("-j {name}"));
        for name in matches.chain(targets) {
            let directed = self.directed.extensions.get(&name).copied().unwrap_or_default();
            let mut random = Tally::default();
            for run in &self.random {
                random.add(run.extensions.get(&name).copied().unwrap_or_default());
            }
            let _ = writeln!(
                out,
                "| {name} | {} | {} | {} | {} |",
                directed.cases, directed.equal, random.cases, random.equal
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, Record, Tally};

    fn run(from: u64, cases: u64, seed: u64) -> Random {
        let extensions = [("-m tcp".to_owned(), Tally { cases: 2, equal: 1 })].into();
        let all = Tally { cases, equal: cases - 1 };
        Random { seed, from, all, chance: 1, packets: 10, extensions, ..Random::default() }
    }

    #[test]
    fn a_run_in_pieces_is_one_run() {
        let mut record = Record::default();
        for piece in [run(0, 60, 7), run(100, 50, 7), run(150, 50, 8), run(300, 10, 8), run(60, 40, 7)] {
            record.add(piece);
        }
        let rows: Vec<_> = record.random.iter().map(|run| (run.from, run.all.cases, run.seed)).collect();
        assert_eq!(rows, [(150, 50, 8), (300, 10, 8), (0, 150, 7)]);
        let whole = &record.random[2];
        assert_eq!((whole.all.equal, whole.chance, whole.packets), (147, 3, 30));
        assert_eq!(whole.extensions["-m tcp"], Tally { cases: 6, equal: 3 });
    }
}

//! Case files on both sides: several namespaces at a time first, then what differed once more, with nothing beside it.
use std::fmt;

use crate::Judged as _;
use crate::case::Case;
use crate::command::{Against, Options, on_own_thread, report};
use crate::conformance::Directed;
use crate::pair::{Pair, translatable};

/// What came of cases.
#[derive(Debug)]
pub struct Replay<'a> {
    /// In the order in which they were run.
    results: Vec<(&'a Case, Verdict)>,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both did the same.
    Equal,
    /// Both did the same at a later run.
    EqualLater {
        /// At which, from 2.
        run: u32,
        /// How they differed at the first.
        first: String,
    },
    /// How they differed.
    Different(String),
    /// What the kernel does, as JSON; nothing was compared.
    Shown(String),
    /// Why the case was not run.
    Skipped(String),
}

/// Namespaces at a time: each costs a second of waiting, not of work.
const AT_A_TIME: usize = 8;

/// How often a case is run before it counts as different.
const RUNS: u32 = 4;

impl<'a> Replay<'a> {
    /// Runs cases, those with the same network in one namespace and several namespaces at a time.
    ///
    /// # Errors
    ///
    /// What the machine refuses, in words.
    pub fn of(options: &Options, cases: &'a [Case]) -> Result<Self, String> {
        let mut groups: Vec<Vec<&Case>> = Vec::new();
        for case in cases {
            match groups
                .iter_mut()
                .find(|group| group.first().is_some_and(|first| first.shares_namespace_with(case)))
            {
                Some(group) => group.push(case),
                None => groups.push(vec![case]),
            }
        }
        let mut results = Vec::new();
        for some in groups.chunks(AT_A_TIME) {
            let verdicts = std::thread::scope(|scope| {
                let started: Vec<_> =
                    some.iter().map(|group| scope.spawn(|| run_group(options, group))).collect();
                started.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
            });
            for (group, verdicts) in some.iter().zip(verdicts) {
                let verdicts = verdicts.map_err(|_| "the judge's thread ended early".to_owned())??;
                results.extend(group.iter().copied().zip(verdicts));
            }
        }
        Ok(Self { results })
    }

    /// Runs what differed again, one case at a time and each in a fresh namespace, up to four times in all.
    ///
    /// The kernel's clock goes on while a machine stands still, its workers wait for processors, and cases of rates and
    /// seconds depend on both. What is wrong with the engine is wrong again.
    ///
    /// # Errors
    ///
    /// What the machine refuses, in words.
    pub fn alone(&mut self, options: &Options) -> Result<(), String> {
        if options.against != Against::Engine {
            return Ok(());
        }
        for (case, verdict) in &mut self.results {
            let Verdict::Different(first) = verdict else { continue };
            for run in 2..=RUNS {
                let again = on_own_thread(|| run_group(options, &[case]))??;
                if again == [Verdict::Equal] {
                    *verdict = Verdict::EqualLater { run, first: std::mem::take(first) };
                    break;
                }
            }
        }
        Ok(())
    }

    /// The cases that differed, and how.
    pub fn different(&self) -> impl Iterator<Item = (&str, &str)> {
        self.results.iter().filter_map(|(case, verdict)| match verdict {
            Verdict::Different(how) => Some((case.name.as_str(), how.as_str())),
            _ => None,
        })
    }

    /// What was compared, for the record.
    pub fn counted(&self, date: &str, kernel: &str) -> Directed {
        let mut directed =
            Directed { date: date.to_owned(), kernel: kernel.to_owned(), ..Directed::default() };
        for (case, verdict) in &self.results {
            match verdict {
                Verdict::Equal | Verdict::EqualLater { .. } => directed.count(case, true),
                Verdict::Different(_) => directed.count(case, false),
                Verdict::Shown(_) | Verdict::Skipped(_) => {}
            }
        }
        directed
    }
}

/// A line for each case; what differed behind all that did not.
impl fmt::Display for Replay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (case, verdict) in &self.results {
            let name = &case.name;
            match verdict {
                Verdict::Equal => writeln!(f, "equal {name}")?,
                Verdict::EqualLater { run, first } => {
                    write!(f, "equal {name}, at run {run}; the first:\n{first}")?;
                }
                Verdict::Shown(json) => writeln!(f, "== {name}\n{json}")?,
                Verdict::Skipped(why) => writeln!(f, "skipped {name}: {why}")?,
                Verdict::Different(_) => {}
            }
        }
        self.different().try_for_each(|(name, how)| write!(f, "DIFFERENT {name}\n{how}"))
    }
}

/// Runs cases in one namespace, to which this thread moves.
fn run_group(options: &Options, cases: &[&Case]) -> Result<Vec<Verdict>, String> {
    if cases.iter().any(|case| case.watches("log") || case.watches("trace"))
        && let Some(missing) = crate::kernel::log_missing()
    {
        let why = format!("lines of LOG cannot be read here: {missing}");
        return Ok(vec![Verdict::Skipped(why); cases.len()]);
    }
    let mut pair = Pair::new(options.against)?;
    let run = |case: &&Case| {
        let case = if options.against == Against::Nft { &translatable(case) } else { *case };
        if options.show {
            let shown = serde_json::to_string_pretty(&pair.kernel.run(case));
            return shown.map(Verdict::Shown).map_err(|error| error.to_string());
        }
        let differences = pair.differences(case);
        Ok(if differences.is_empty() { Verdict::Equal } else { Verdict::Different(report(&differences)) })
    };
    cases.iter().map(run).collect()
}

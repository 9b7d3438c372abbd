//! The command `judge` (behind `cargo xtask judge`).
//!
//! ```text
//! judge [--cases N] [--seed S] [--from K] [--family 4|6] [--scene plain|helpers|bridge|time|limits] [--packets P] [--threads T] [--against engine|kernel|nft] [--keep DIR]
//! judge --replay FILE|FOLDER [--case NAME] [--against engine|kernel|nft]
//! either with [--record FILE --date DAY]     what was compared, for [`crate::conformance`]
//! judge --show FILE                          what the kernel does with each case, as JSON
//! judge --freeze FILE [--into DIR]           the same, as DIR/NAME.json, for [`crate::golden`]
//! ```
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::case::{self, Case};
use crate::compare::Difference;
use crate::conformance::{Random, Record, Tally};
use crate::generate::Plan;
use crate::replay::Replay;
use crate::{Judged, Kernel, random};

/// What the command was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many random cases.
    pub cases: u64,
    /// Number of the first case.
    pub from: u64,
    /// Only those of a scene ([`crate::generate::Scene`]).
    pub scene: Option<String>,
    /// How they are made.
    pub plan: Plan,
    /// Who is compared with the kernel.
    pub against: Against,
    /// A case file to run instead.
    pub replay: Option<PathBuf>,
    /// Only this case of the file.
    pub case: Option<String>,
    /// Print what the kernel does.
    pub show: bool,
    /// Write what the kernel does into a golden file.
    pub freeze: bool,
    /// Folder of golden files.
    pub into: PathBuf,
    /// Where differences are written.
    pub keep: PathBuf,
    /// Stop after so many differences.
    pub most: u64,
    /// Namespaces of random cases at a time.
    pub threads: u64,
    /// File that is told what was compared.
    pub record: Option<PathBuf>,
    /// The day that is recorded.
    pub date: String,
}

/// Who is compared with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Our engine.
    Engine,
    /// The kernel once more: shows what the harness itself leaves to chance (2.3).
    Kernel,
    /// The kernel with the rules in nf_tables, as `rules::translate` says them.
    Nft,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cases: 200,
            from: 0,
            scene: None,
            plan: Plan { seed: 1, packets: 6, family: None, translatable: false, nft: false },
            against: Against::Engine,
            replay: None,
            case: None,
            show: false,
            freeze: false,
            into: "fixtures/golden".into(),
            keep: std::env::temp_dir().join("oxitables-judge"),
            most: 10,
            threads: std::thread::available_parallelism().map_or(1, |threads| threads.get().min(8) as u64),
            record: None,
            date: String::new(),
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
            "--cases" => out.cases = number(value()?)?,
            "--from" => out.from = number(value()?)?,
            "--seed" => out.plan.seed = number(value()?)?,
            "--scene" => out.scene = Some(value()?),
            "--packets" => out.plan.packets = number(value()?)? as usize,
            "--most" => out.most = number(value()?)?,
            "--threads" => out.threads = number(value()?)?,
            "--record" => out.record = Some(value()?.into()),
            "--date" => out.date = value()?,
            "--family" => match value()?.as_str() {
                "4" => out.plan.family = Some(4),
                "6" => out.plan.family = Some(6),
                other => return Err(format!("--family {other}: 4 or 6")),
            },
            "--world" => match value()?.as_str() {
                "legacy" => out.plan.nft = false,
                "nft" => out.plan.nft = true,
                other => return Err(format!("--world {other}: legacy or nft")),
            },
            "--against" => match value()?.as_str() {
                "engine" => out.against = Against::Engine,
                "kernel" => out.against = Against::Kernel,
                "nft" => (out.against, out.plan.translatable) = (Against::Nft, true),
                other => return Err(format!("--against {other}: engine, kernel or nft")),
            },
            "--replay" => out.replay = Some(value()?.into()),
            "--case" => out.case = Some(value()?),
            "--show" => (out.replay, out.show) = (Some(value()?.into()), true),
            "--freeze" => (out.replay, out.freeze) = (Some(value()?.into()), true),
            "--into" => out.into = value()?.into(),
            "--help" => return Err(HELP.to_owned()),
            "--keep" => out.keep = value()?.into(),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(out)
}

/// Runs the command; `Ok(false)`: there were differences.
pub fn run(args: &[String]) -> Result<bool, String> {
    let options = options(args)?;
    if let Some(missing) = crate::kernel::missing() {
        return Err(format!("the kernel cannot be asked here: {missing}"));
    }
    match &options.replay {
        Some(place) => {
            let cases = cases(place)?;
            if options.freeze {
                if place.is_dir() {
                    return Err(format!("{}: one file at a time is frozen", place.display()));
                }
                return freeze(&options, place, &cases);
            }
            let wanted = |case: &&Case| options.case.as_ref().is_none_or(|name| *name == case.name);
            let cases = cases.iter().filter(wanted).cloned().collect::<Vec<_>>();
            let mut replay = Replay::of(&options, &cases)?;
            replay.alone(&options)?;
            print!("{replay}");
            let directed = replay.counted(&options.date, &kernel_version());
            record(&options, |record| record.directed = directed)?;
            Ok(replay.different().next().is_none())
        }
        None => {
            let totals = random::run(&options)?;
            let passed = totals.pass();
            record(&options, |record| {
                let run = Random {
                    date: options.date.clone(),
                    kernel: kernel_version(),
                    seed: options.plan.seed,
                    from: options.from,
                    all: Tally {
                        cases: totals.cases,
                        equal: totals.cases - totals.different - totals.refused - totals.endless,
                    },
                    chance: totals.chance,
                    endless: totals.endless,
                    packets: totals.outputs,
                    extensions: totals.extensions,
                };
                record.add(run);
            })?;
            Ok(passed)
        }
    }
}

/// The cases of a file, or of all files of a folder that end in `.case`, in the order of their names.
pub fn cases(place: &Path) -> Result<Vec<Case>, String> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut files = vec![place.to_owned()];
    if place.is_dir() {
        files = std::fs::read_dir(place)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
            .map_err(|error| failed(place, &error))?;
        files.retain(|path| path.extension().is_some_and(|ending| ending == "case"));
        files.sort();
    }
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|error| failed(&file, &error))?;
        let read = case::parse(&text).map_err(|error| failed(&file, &error))?;
        if read.is_empty() {
            return Err(failed(&file, &"no case"));
        }
        all.extend(read);
    }
    Ok(all)
}

/// Changes the record, if one is wanted.
fn record(options: &Options, change: impl FnOnce(&mut Record)) -> Result<(), String> {
    let Some(path) = &options.record else { return Ok(()) };
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut record = match std::fs::read_to_string(path) {
        Ok(text) => Record::from_json(&text).map_err(|error| failed(&error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
        Err(error) => return Err(failed(&error)),
    };
    change(&mut record);
    let text = record.to_json().map_err(|error| failed(&error))?;
    std::fs::write(path, text).map_err(|error| failed(&error))
}

const HELP: &str =
    "random cases: [--cases N] [--seed S] [--from K] [--family 4|6] [--scene plain|helpers|bridge|time|limits] [--world legacy|nft] [--packets P] [--threads T] [--most D] [--keep DIR]
a file of cases, or all of a folder: --replay FILE [--case NAME]
either: [--against engine|kernel|nft] [--record FILE --date DAY]
what the kernel does: --show FILE, --freeze FILE [--into DIR]";

/// Writes what the kernel does with the cases of a file.
fn freeze(options: &Options, file: &Path, cases: &[Case]) -> Result<bool, String> {
    let mut golden = crate::golden::Golden { kernel: kernel_version(), cases: BTreeMap::new() };
    let (plain, changed): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.network.is_empty());
    let groups = std::iter::once(plain).chain(changed.into_iter().map(|case| vec![case]));
    for group in groups.filter(|group| !group.is_empty()) {
        let outcomes = on_own_thread(|| {
            let mut kernel = Kernel::new().map_err(|error| error.to_string())?;
            Ok::<_, String>(
                group.iter().map(|case| (case.name.clone(), kernel.run(case))).collect::<Vec<_>>(),
            )
        })??;
        golden.cases.extend(outcomes);
    }
    // Zeroes are not compared.
    for outcome in golden.cases.values_mut() {
        outcome.counters.retain(|counter| counter.packets != 0 || counter.bytes != 0);
    }
    let stem = file.file_stem().ok_or("a file name is missing")?;
    let path = options.into.join(stem).with_extension("json");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&options.into)?;
        std::fs::write(&path, golden.to_json().map_err(std::io::Error::other)?)
    };
    write().map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} cases in {}", golden.cases.len(), path.display());
    Ok(true)
}

fn kernel_version() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// Runs something on a thread of its own, which may move into a namespace.
pub fn on_own_thread<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| scope.spawn(run).join())
        .map_err(|_| "the judge's thread ended early".to_owned())
}

/// Runs a case in a namespace of its own and on the engine: what differs, in words. A refusal of the rules is no
/// difference.
pub fn both(case: &Case) -> Option<String> {
    let kernel = Kernel::new().map(|mut kernel| kernel.run(case)).ok()?;
    if kernel.refused.is_some() {
        return None;
    }
    let differences = crate::EngineHalf::default().differences(case, &kernel);
    (!differences.is_empty()).then(|| report(&differences))
}

/// The first differences, in words.
pub(crate) fn report(differences: &[Difference]) -> String {
    let mut text: String = differences.iter().take(6).map(|difference| format!("{difference}\n")).collect();
    if differences.len() > 6 {
        text.push_str(&format!("… and {} more\n", differences.len() - 6));
    }
    text
}

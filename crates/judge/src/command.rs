//! The command `judge` (behind `cargo xtask judge`).
//!
//! ```text
//! judge [--cases N] [--seed S] [--from K] [--family 4|6] [--packets P] [--against engine|kernel|nft] [--keep DIR]
//! judge --replay FILE [--case NAME] [--against engine|kernel|nft]
//! judge --show FILE                          what the kernel does with each case, as JSON
//! judge --freeze FILE [--into DIR]           the same, as DIR/NAME.json, for [`crate::golden`]
//! ```
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::case::{self, Case};
use crate::compare::{Difference, compare, compare_refreshed};
use crate::generate::{Plan, random_case};
use crate::nft::comparable;
use crate::outcome::Outcome;
use crate::{Judged, Kernel, shrink};

/// What the command was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many random cases.
    pub cases: u64,
    /// Number of the first case.
    pub from: u64,
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
    pub most: usize,
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
            plan: Plan { seed: 1, packets: 6, family: None, translatable: false },
            against: Against::Engine,
            replay: None,
            case: None,
            show: false,
            freeze: false,
            into: "fixtures/golden".into(),
            keep: std::env::temp_dir().join("oxitables-judge"),
            most: 10,
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
            "--packets" => out.plan.packets = number(value()?)? as usize,
            "--most" => out.most = number(value()?)? as usize,
            "--family" => match value()?.as_str() {
                "4" => out.plan.family = Some(4),
                "6" => out.plan.family = Some(6),
                other => return Err(format!("--family {other}: 4 or 6")),
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
        Some(file) => {
            let text =
                std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            let cases = case::parse(&text).map_err(|error| format!("{}: {error}", file.display()))?;
            if options.freeze {
                return freeze(&options, file, &cases);
            }
            let wanted = |case: &&Case| options.case.as_ref().is_none_or(|name| *name == case.name);
            replay(&options, &cases.iter().filter(wanted).cloned().collect::<Vec<_>>())
        }
        None => random_in_parts(&options),
    }
}

const HELP: &str =
    "random cases: [--cases N] [--seed S] [--from K] [--family 4|6] [--packets P] [--most D] [--keep DIR]
a file of cases: --replay FILE [--case NAME]
either: [--against engine|kernel|nft]
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

/// The other side of a comparison.
fn second(against: Against) -> Option<Box<dyn Judged>> {
    match against {
        Against::Kernel | Against::Nft => None,
        Against::Engine => Some(Box::new(crate::EngineHalf::default())),
    }
}

/// Runs cases, those with the same network in one namespace and several namespaces at a time; `Ok(false)`: there were
/// differences.
pub fn replay(options: &Options, cases: &[Case]) -> Result<bool, String> {
    let mut groups: Vec<Vec<&Case>> = Vec::new();
    for case in cases {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.network == case.network))
        {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    let mut equal = true;
    for some in groups.chunks(AT_A_TIME) {
        let results = std::thread::scope(|scope| {
            let started: Vec<_> =
                some.iter().map(|group| scope.spawn(|| replay_group(options, group))).collect();
            started.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for result in results {
            let (text, group_equal) = result.map_err(|_| "the judge's thread ended early".to_owned())??;
            print!("{text}");
            equal &= group_equal;
        }
    }
    Ok(equal)
}

/// Namespaces at a time: each costs a second of waiting, not of work.
const AT_A_TIME: usize = 8;

/// What is to be printed about the cases, and whether all were equal.
fn replay_group(options: &Options, cases: &[&Case]) -> Result<(String, bool), String> {
    let mut kernel = Kernel::new().map_err(|error| error.to_string())?;
    let mut second = if options.show { None } else { second(options.against) };
    let mut equal = true;
    let mut text = String::new();
    let mut runs = 0;
    for case in cases {
        let case = &if options.against == Against::Nft { translatable(case) } else { (*case).clone() };
        if options.show {
            let shown = serde_json::to_string_pretty(&kernel.run(case)).map_err(|error| error.to_string())?;
            text.push_str(&format!("== {}\n{shown}\n", case.name));
            continue;
        }
        let differences = differences_of(options, &mut second, &mut kernel, case, &mut runs);
        // Why: the kernel's clock goes on while a machine stands still, and cases of rates and seconds depend on it. What is
        // wrong with the engine is wrong again.
        if !differences.is_empty() && options.against == Against::Engine {
            let again = case.refreshed(fresh_id(&mut runs));
            if differences_of(options, &mut second, &mut kernel, &again, &mut runs).is_empty() {
                text.push_str(&format!(
                    "equal {}, the second time; the first:\n{}",
                    case.name,
                    report(&differences)
                ));
                continue;
            }
        }
        let word = if differences.is_empty() { "equal" } else { "DIFFERENT" };
        text.push_str(&format!("{word} {}\n{}", case.name, report(&differences)));
        equal &= differences.is_empty();
    }
    Ok((text, equal))
}

fn run_second(
    second: &mut Option<Box<dyn Judged>>,
    kernel: &mut Kernel,
    case: &Case,
    first: &Outcome,
) -> Outcome {
    match second {
        Some(second) => {
            second.adopt(first);
            second.run(case)
        }
        None => kernel.run(case),
    }
}

/// A case without the rules that have no translation for nft and the packets that cannot be compared.
fn translatable(case: &Case) -> Case {
    let mut case = case.clone();
    for (v6, rules) in [(false, &mut case.rules4), (true, &mut case.rules6)] {
        *rules = rules.take().map(|save| crate::nft::translatable(v6, &save));
    }
    case.steps.retain(crate::nft::whole_headers);
    case
}

/// What the kernel does otherwise with the translation than it did with the rules.
fn against_nft(kernel: &mut Kernel, case: &Case, left: Outcome, runs: &mut u32) -> Vec<Difference> {
    if left.refused.is_some() {
        return Vec::new();
    }
    let right = kernel.run_translated(&case.refreshed(fresh_id(runs)));
    if let Some(words) = right.refused {
        return vec![Difference { step: None, what: "refused", left: String::new(), right: words }];
    }
    let differences = compare_refreshed(&comparable(left.clone()), &comparable(right));
    // Why: ports of NAT are the kernel's own choice; what differs between two runs of the same rules is left to chance.
    let chance = !differences.is_empty()
        && !compare_refreshed(&left, &kernel.run(&case.refreshed(fresh_id(runs)))).is_empty();
    if chance { Vec::new() } else { differences }
}

/// The first differences, in words.
fn report(differences: &[Difference]) -> String {
    let mut text: String = differences.iter().take(6).map(|difference| format!("{difference}\n")).collect();
    if differences.len() > 6 {
        text.push_str(&format!("… and {} more\n", differences.len() - 6));
    }
    text
}

/// Cases of one namespace: afterwards the identifications of fragments would repeat ([`Case::refreshed`]).
const MOST_IN_A_NAMESPACE: u64 = 5000;

fn random_in_parts(options: &Options) -> Result<bool, String> {
    let mut equal = true;
    let end = options.from + options.cases;
    let mut from = options.from;
    while from < end {
        let part = Options { from, cases: MOST_IN_A_NAMESPACE.min(end - from), ..options.clone() };
        equal &= on_own_thread(|| random(&part))??;
        from += part.cases;
    }
    Ok(equal)
}

/// Random cases in a namespace of their own; `Ok(false)`: there were differences.
fn random(options: &Options) -> Result<bool, String> {
    let mut kernel = Kernel::new().map_err(|error| error.to_string())?;
    let mut second = second(options.against);
    let started = Instant::now();
    let mut runs = 0;
    let (mut different, mut chance, mut refused, mut outputs) = (0_usize, 0_u64, 0_u64, 0_usize);
    for number in options.from..options.from + options.cases {
        let (case, left) = random_case(&options.plan, number, &mut kernel);
        if let Some(words) = &left.refused {
            refused += 1;
            println!("case {number} refused: {words}\n{case}");
            continue;
        }
        outputs += left.steps.iter().map(|step| step.outputs.len()).sum::<usize>();
        // Why: incomplete datagrams of the first run still wait in the kernel under their identifications.
        let differences = if options.against == Against::Kernel {
            compare_refreshed(&left, &kernel.run(&case.refreshed(fresh_id(&mut runs))))
        } else if options.against == Against::Nft {
            against_nft(&mut kernel, &case, left.clone(), &mut runs)
        } else {
            let right = run_second(&mut second, &mut kernel, &case, &left);
            compare(&case, &left, &right)
        };
        if differences.is_empty() {
            continue;
        }
        if options.against != Against::Kernel {
            // Why: what the kernel numbers by chance may have a number of the case (once in 5000 cases); a difference
            // that does not come again is one of those. More than a few would be a fault, see below.
            let again = case.refreshed(fresh_id(&mut runs));
            if differences_of(options, &mut second, &mut kernel, &again, &mut runs).is_empty() {
                chance += 1;
                println!("-- case {number} of seed {}: did not repeat", options.plan.seed);
                report(&differences);
                continue;
            }
        }
        different += 1;
        println!("-- case {number} of seed {}: {} differences", options.plan.seed, differences.len());
        print!("{}", report(&differences));
        if options.against == Against::Kernel {
            println!("{case}");
            continue;
        }
        println!("made small:");
        let small = shrink::shrink(&case, 400, |smaller| {
            let smaller = smaller.refreshed(fresh_id(&mut runs));
            !differences_of(options, &mut second, &mut kernel, &smaller, &mut runs).is_empty()
        });
        let small = small.refreshed(fresh_id(&mut runs));
        let differences = differences_of(options, &mut second, &mut kernel, &small, &mut runs);
        println!("{small}");
        print!("{}", report(&differences));
        keep(options, &small, &differences)?;
        if different >= options.most {
            println!("stopped after {different} different cases");
            break;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} cases of seed {}: {different} different, {chance} by chance, {refused} refused, {outputs} packets came out, {:.0} cases a minute",
        options.cases,
        options.plan.seed,
        options.cases as f64 * 60.0 / seconds.max(0.001)
    );
    Ok(different == 0 && refused == 0 && chance <= 1 + options.cases / 1000)
}

/// Runs a case on both sides.
fn differences_of(
    options: &Options,
    second: &mut Option<Box<dyn Judged>>,
    kernel: &mut Kernel,
    case: &Case,
    runs: &mut u32,
) -> Vec<Difference> {
    let left = kernel.run(case);
    if options.against == Against::Nft {
        return against_nft(kernel, case, left, runs);
    }
    let right = run_second(second, kernel, case, &left);
    compare(case, &left, &right)
}

/// Identifications for the fragments of one more run of a case.
fn fresh_id(runs: &mut u32) -> u16 {
    *runs = runs.wrapping_add(1);
    2 + (runs.wrapping_mul(3) % 0xfff0) as u16
}

fn keep(options: &Options, case: &Case, differences: &[Difference]) -> Result<(), String> {
    let write = || -> std::io::Result<PathBuf> {
        std::fs::create_dir_all(&options.keep)?;
        let path = options.keep.join(format!("{}.case", case.name));
        let mut text = String::new();
        for line in differences
            .iter()
            .flat_map(|difference| difference.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
        {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&case.to_string());
        std::fs::write(&path, text)?;
        Ok(path)
    };
    let path = write().map_err(|error| format!("{}: {error}", options.keep.display()))?;
    println!("kept: {}", path.display());
    Ok(())
}

//! Random cases in numbers: in parts, each in a namespace of its own, as many at a time as there are processors.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::case::Case;
use crate::command::{Against, Options, report};
use crate::compare::Difference;
use crate::conformance::{Tally, used};
use crate::generate::{Scene, random_case};
use crate::pair::Pair;
use crate::shrink;

/// What came of the cases of a run.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Cases that were run.
    pub cases: u64,
    /// Different, the second time too.
    pub different: u64,
    /// Different once: what the kernel chooses by chance, or a clock.
    pub chance: u64,
    /// Different, with packets that cause packets without end: nothing to compare.
    pub endless: u64,
    /// Rules that the kernel did not take: a fault of the generator.
    pub refused: u64,
    /// Packets that came out.
    pub outputs: u64,
    /// By extension, as rules name it (`-m tcp`): cases whose rules use it.
    pub extensions: BTreeMap<String, Tally>,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.different += other.different;
        self.chance += other.chance;
        self.endless += other.endless;
        self.refused += other.refused;
        self.outputs += other.outputs;
        for (name, tally) in other.extensions {
            self.extensions.entry(name).or_default().add(tally);
        }
    }

    /// Whether a run of these passes: none differs, and chance is no more than one of a thousand, nor cases without an end.
    pub fn pass(&self) -> bool {
        self.different == 0 && self.refused == 0 && self.chance.max(self.endless) <= 1 + self.cases / 1000
    }
}

/// Cases of one namespace: afterwards the identifications of fragments would repeat ([`Case::refreshed`]).
const MOST_IN_A_PART: u64 = 5000;
/// Fewer are not worth the second that a namespace costs.
const FEWEST_IN_A_PART: u64 = 200;

/// Cases of one namespace in which time goes by: seconds each, of which nothing is work.
const MOST_THAT_WAIT: u64 = 12;
/// Namespaces at a time in which time goes by.
const WAITING: u64 = 16;

/// How often a case is run again before it counts as different.
const REPEATS: usize = 6;

/// Runs the random cases that are asked for; says what differs.
pub fn run(options: &Options) -> Result<Totals, String> {
    let started = Instant::now();
    let threads = options.threads.max(1);
    let (different, totals) = (AtomicU64::new(0), Mutex::new(Totals::default()));
    let (waiting, working): (Vec<_>, Vec<_>) =
        parts(options, threads).into_iter().partition(|(scene, _)| scene.waits());
    let work = |parts: &[(Scene, Vec<u64>)], next: &AtomicU64| -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let part = usize::try_from(number).ok().and_then(|number| parts.get(number));
            let Some((_, numbers)) = part.filter(|_| different.load(Ordering::Relaxed) < options.most) else {
                return Ok(());
            };
            let done = a_part(options, numbers, &different)?;
            totals.lock().map_err(|_| "a part ended early")?.add(done);
        }
    };
    let next = [AtomicU64::new(0), AtomicU64::new(0)];
    std::thread::scope(|scope| {
        let [one, other] = &next;
        let mut workers = Vec::new();
        for (parts, next, most) in [(&waiting, one, WAITING), (&working, other, threads)] {
            let many = (parts.len() as u64).min(most);
            workers.extend((0..many).map(|_| scope.spawn(|| work(parts, next))));
        }
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "the judge's thread ended early")?)
    })?;
    let totals = totals.into_inner().map_err(|_| "a part ended early")?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} cases of seed {}: {} different, {} by chance, {} without an end, {} refused, {} packets came out, {:.0} cases a minute",
        totals.cases,
        options.plan.seed,
        totals.different,
        totals.chance,
        totals.endless,
        totals.refused,
        totals.outputs,
        totals.cases as f64 * 60.0 / seconds.max(0.001)
    );
    Ok(totals)
}

/// The numbers of the cases that are asked for, those of one namespace together.
fn parts(options: &Options, threads: u64) -> Vec<(Scene, Vec<u64>)> {
    let mut scenes: BTreeMap<Scene, Vec<u64>> = BTreeMap::new();
    for number in options.from..options.from + options.cases {
        let scene = Scene::of(&options.plan, number);
        if options.scene.as_ref().is_none_or(|name| name == scene.name()) {
            scenes.entry(scene).or_default().push(number);
        }
    }
    let mut out = Vec::new();
    for (scene, numbers) in scenes {
        let most = match scene.waits() {
            true => MOST_THAT_WAIT,
            false => options.cases.div_ceil(threads).clamp(FEWEST_IN_A_PART, MOST_IN_A_PART),
        };
        out.extend(numbers.chunks(most as usize).map(|some| (scene, some.to_vec())));
    }
    out
}

/// Random cases of one scene in a namespace of their own.
fn a_part(options: &Options, numbers: &[u64], all_different: &AtomicU64) -> Result<Totals, String> {
    let mut pair = Pair::new(options.against)?;
    let mut totals = Totals::default();
    for &number in numbers {
        let (case, left) = random_case(&options.plan, number, &mut pair.kernel);
        totals.cases += 1;
        if let Some(words) = &left.refused {
            totals.refused += 1;
            println!("case {number} refused: {words}\n{case}");
            continue;
        }
        totals.outputs += left.steps.iter().map(|step| step.outputs.len() as u64).sum::<u64>();
        let mut differences = pair.differences_from(&case, left);
        if !differences.is_empty() && pair.is_endless() {
            totals.endless += 1;
            continue;
        }
        // Why: what the kernel numbers by chance may have a number of the case (once in 5000 cases); a difference that does
        // not come again is one of those. More than a few would be a fault, see `Totals::pass`.
        if !differences.is_empty() && options.against != Against::Kernel {
            let repeats = (0..REPEATS).all(|_| {
                let again = pair.refreshed(&case);
                !pair.differences(&again).is_empty()
            });
            if !repeats {
                totals.chance += 1;
                println!(
                    "-- case {number} of seed {}: did not repeat\n{}",
                    options.plan.seed,
                    report(&differences)
                );
                differences.clear();
            }
        }
        let equal = differences.is_empty();
        for name in used(&case) {
            totals.extensions.entry(name).or_default().count(equal);
        }
        if equal {
            continue;
        }
        totals.different += 1;
        let most = all_different.fetch_add(1, Ordering::Relaxed) + 1 >= options.most;
        let (small, differences) = match options.against {
            Against::Kernel => (case, differences),
            _ => smaller(&mut pair, case, differences),
        };
        println!(
            "-- case {number} of seed {}: {} differences, made small:\n{small}{}{}",
            options.plan.seed,
            differences.len(),
            report(&differences),
            keep(options, &small, &differences)?
        );
        if most {
            println!("stopped after {} different cases", options.most);
            break;
        }
    }
    Ok(totals)
}

/// The case made small, and how it differs; the case itself if the small one does not differ once more.
fn smaller(pair: &mut Pair, case: Case, differences: Vec<Difference>) -> (Case, Vec<Difference>) {
    // Why: a case that has lost a chain is refused, and tells nothing of what was found.
    let tells = |found: &[Difference]| found.iter().any(|difference| difference.what != "refused");
    let small = shrink::shrink(&case, 400, |smaller| {
        let smaller = pair.refreshed(smaller);
        tells(&pair.differences(&smaller))
    });
    let small = pair.refreshed(&small);
    let again = pair.differences(&small);
    if !tells(&again) { (case, differences) } else { (small, again) }
}

/// Writes a case that differs into a file; says where.
fn keep(options: &Options, case: &Case, differences: &[Difference]) -> Result<String, String> {
    let write = || -> std::io::Result<PathBuf> {
        std::fs::create_dir_all(&options.keep)?;
        let path = options.keep.join(format!("{}.case", case.name));
        let mut text = String::new();
        for difference in differences {
            for line in difference.to_string().lines() {
                text.push_str(&format!("# {line}\n"));
            }
        }
        text.push_str(&case.to_string());
        std::fs::write(&path, text)?;
        Ok(path)
    };
    let path = write().map_err(|error| format!("{}: {error}", options.keep.display()))?;
    Ok(format!("kept: {}", path.display()))
}

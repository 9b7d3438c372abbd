//! Runs what is planted: first the frozen cases of the kernel in a few long-lived workers, then, for what survives them, the
//! unit tests that reach it. Before that it is measured which case and which test reaches which mutant.
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How a mutant fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// By the named case or test.
    Caught(String),
    /// A test did not end with it.
    Timeout,
    /// Nothing noticed it, though something reaches its place.
    Survived,
    /// No test reaches its place.
    Unreached,
}

/// Most memory of a worker, in kilobytes.
const MEMORY: u32 = 3_000_000;
/// Longest time for twenty cases, which take a tenth of a second without a mutant.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest processor time of unit tests, in seconds.
const TESTS: u64 = 120;
/// How much longer they may take while the machine does something else, or nothing.
const WAITING: u64 = 8;
/// The signal that ends who has used up his processor time.
const SIGXCPU: i32 = 24;

/// A frozen case.
struct Case {
    number: usize,
    micros: u64,
    reaches: Vec<u32>,
}

fn limited(program: &Path) -> Command {
    under(&format!("ulimit -v {MEMORY}"), program)
}

/// For unit tests.
fn limited_in_time(program: &Path) -> Command {
    under(&format!("ulimit -v {MEMORY}; ulimit -S -t {TESTS}"), program)
}

fn under(limits: &str, program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limits}; exec nice \"$0\" \"$@\"")]).arg(program);
    command
}

/// Runs all numbers on the frozen cases.
pub fn cases(
    runner: &Path,
    fixtures: &Path,
    numbers: &[u32],
    jobs: usize,
) -> Result<BTreeMap<u32, Fate>, String> {
    let output = limited(runner).arg("record").arg(fixtures).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("the cases could not be measured".to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut all: Vec<Case> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [number, name, micros, reaches @ ..] = words.as_slice() else { continue };
        if *name == "broken" {
            eprintln!("case number {number} fails without a mutant: it is left out");
            continue;
        }
        let Ok(number) = number.parse() else { continue };
        let reaches = reaches.iter().filter_map(|word| word.parse().ok()).collect();
        all.push(Case { number, micros: micros.parse().unwrap_or(0), reaches });
    }
    // The cases that reach little come first: they are of the extension itself.
    all.sort_by_key(|case| (case.reaches.len(), case.micros));
    let mut plan: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for case in &all {
        for number in &case.reaches {
            plan.entry(*number).or_default().push(case.number);
        }
    }
    eprintln!("{} cases, {} of {} mutants reached", all.len(), plan.len(), numbers.len());
    let (queue, done) =
        (Mutex::new(numbers.iter().rev().copied().collect::<Vec<_>>()), Mutex::new(BTreeMap::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let mut worker: Option<Worker> = None;
                while let Some(number) = queue.lock().ok().and_then(|mut queue| queue.pop()) {
                    let fate = match plan.get(&number) {
                        None => Fate::Unreached,
                        Some(cases) => ask(&mut worker, runner, fixtures, number, cases),
                    };
                    if let Fate::Survived | Fate::Timeout = fate {
                        eprintln!("{number} {fate:?}");
                    }
                    if let Ok(mut done) = done.lock() {
                        done.insert(number, fate);
                        if done.len() % 200 == 0 {
                            eprintln!(
                                "{} of {} after {} s",
                                done.len(),
                                numbers.len(),
                                began.elapsed().as_secs()
                            );
                        }
                    }
                }
            });
        }
    });
    done.into_inner().map_err(|error| error.to_string())
}

/// A process that runs cases.
struct Worker {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl Worker {
    fn start(runner: &Path, fixtures: &Path) -> Option<Self> {
        let mut child = limited(runner)
            .arg("work")
            .arg(fixtures)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let (input, output) = (child.stdin.take()?, child.stdout.take()?);
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        answers.recv_timeout(PATIENCE).ok()?;
        Some(Self { child, input, answers })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(worker: &mut Option<Worker>, runner: &Path, fixtures: &Path, number: u32, cases: &[usize]) -> Fate {
    if worker.is_none() {
        *worker = Worker::start(runner, fixtures);
    }
    let Some(own) = worker else { return Fate::Timeout };
    let words: Vec<String> = cases.iter().map(usize::to_string).collect();
    let sent = writeln!(own.input, "{number} {}", words.join(" ")).and_then(|()| own.input.flush());
    let answer = loop {
        let answer = own.answers.recv_timeout(PATIENCE);
        if sent.is_err() || answer.as_ref().map_or(true, |line| line != ".") {
            break answer;
        }
    };
    match answer {
        Ok(line) => match line.strip_prefix("caught ") {
            Some(case) => Fate::Caught(case.to_owned()),
            None => Fate::Survived,
        },
        Err(RecvTimeoutError::Timeout) => {
            *worker = None;
            Fate::Timeout
        }
        Err(RecvTimeoutError::Disconnected) => {
            *worker = None;
            Fate::Caught("the program ended".to_owned())
        }
    }
}

/// Runs those that survived the cases on the tests of programs that cargo made, each test by itself in a measuring run
/// and those that reach a mutant together afterwards.
pub fn tests(
    programs: &[(String, PathBuf)],
    folder: &Path,
    fates: &mut BTreeMap<u32, Fate>,
    jobs: usize,
) -> Result<(), String> {
    let open = |fates: &BTreeMap<u32, Fate>| -> Vec<u32> {
        fates
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Survived | Fate::Unreached))
            .map(|(number, _)| *number)
            .collect()
    };
    for (name, program) in programs {
        let own = home(name, folder);
        let listed = Command::new(program)
            .args(["--list", "--format", "terse"])
            .current_dir(&own)
            .output()
            .map_err(|error| error.to_string())?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let tests: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let queue = Mutex::new(tests.clone());
        let plan: Mutex<BTreeMap<u32, Vec<&str>>> = Mutex::default();
        std::thread::scope(|scope| {
            for job in 0..jobs {
                let (queue, plan, own) = (&queue, &plan, &own);
                scope.spawn(move || {
                    while let Some(test) = queue.lock().ok().and_then(|mut queue| queue.pop()) {
                        let file = folder.join(format!("reached.{job}"));
                        let _ = std::fs::remove_file(&file);
                        let mut command = limited_in_time(program);
                        command.args(["--exact", test, "--test-threads=1"]).current_dir(own);
                        command.env("OXITABLES_MUTANT", "record").env("OXITABLES_MUTANTS_REACHED", &file);
                        if ends_well(command) != Some(true) {
                            eprintln!("{test} fails or does not end without a mutant: it is left out");
                            continue;
                        }
                        let text = std::fs::read_to_string(&file).unwrap_or_default();
                        if let Ok(mut plan) = plan.lock() {
                            for number in text.lines().filter_map(|line| line.parse().ok()) {
                                plan.entry(number).or_default().push(test);
                            }
                        }
                    }
                });
            }
        });
        let plan = plan.into_inner().map_err(|error| error.to_string())?;
        let queue = Mutex::new(open(fates));
        let found: Mutex<Vec<(u32, Fate)>> = Mutex::default();
        eprintln!("{name}: {} tests, {} mutants still live", tests.len(), open(fates).len());
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    while let Some(number) = queue.lock().ok().and_then(|mut queue| queue.pop()) {
                        let Some(tests) = plan.get(&number) else { continue };
                        let mut command = limited_in_time(program);
                        command.arg("--exact").args(tests).arg("--test-threads=1").current_dir(&own);
                        command.env("OXITABLES_MUTANT", number.to_string());
                        let fate = match ends_well(command) {
                            Some(true) => Fate::Survived,
                            Some(false) => Fate::Caught(format!("tests of {name}")),
                            None => Fate::Timeout,
                        };
                        if let Ok(mut found) = found.lock() {
                            found.push((number, fate));
                        }
                    }
                });
            }
        });
        fates.extend(found.into_inner().map_err(|error| error.to_string())?);
    }
    Ok(())
}

/// The folder in which cargo runs a crate's tests.
fn home(name: &str, folder: &Path) -> PathBuf {
    let of = if name.contains("oxitables") { "crates/oxitables" } else { "crates/netfilter" };
    folder.join(of)
}

/// Whether a program ends with 0; `None`: it does not end in time.
fn ends_well(mut command: Command) -> Option<bool> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let until = Instant::now() + Duration::from_secs(TESTS * WAITING);
    let mut pause = Duration::from_millis(2);
    while Instant::now() < until {
        if let Ok(Some(status)) = child.try_wait() {
            return (status.signal() != Some(SIGXCPU)).then_some(status.success());
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

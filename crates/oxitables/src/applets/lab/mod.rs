//! `oxitables lab SCENARIO`: a small network of real processes, with our engine as the netfilter of one or more hosts.
//!
//! The form of a scenario is in [`scenario`]; [`world`] makes it live; [`process`] is the servers and clients.
//! Exit codes: 0 every expectation met, 1 one was not, 2 the scenario or its rules are wrong, 3 the rules use something
//! that is not modelled, 4 the system refuses something (namespaces, TUN).
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use packet::Family;
use sys::namespace::{Appearance, Privilege, become_administrator};

pub mod fabric;
pub mod process;
pub mod scenario;
pub mod world;

use scenario::{Attempt, Outcome, RulesText, Scenario, Step};
use world::World;

/// How long a client waits before it calls silence a timeout.
const CLIENT_PATIENCE: Duration = Duration::from_secs(1);
/// How long a server may take to listen, a client to say what it experienced, a command to end.
const PROCESS_PATIENCE: Duration = Duration::from_secs(20);

/// `oxitables lab`
#[derive(clap::Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = "\
Examples:
  oxitables lab examples/lab/s9-port-change.lab
  oxitables lab --kernel examples/lab/s9-port-change.lab

Exit codes: 0 everything as expected, 1 something was not, 2 the scenario or its rules are wrong, 3 a rule cannot be
decided, 4 the system refuses.")]
pub struct Arguments {
    /// The scenario
    #[arg(value_name = "SCENARIO")]
    pub path: PathBuf,
    /// Leave the hosts marked `engine` to the kernel's own netfilter
    #[arg(long)]
    pub kernel: bool,
    /// Print only what was not as expected
    #[arg(short, long)]
    pub quiet: bool,
    /// Print a line of JSON for each try: line, host, try, outcome, expected, ok
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
}

impl Arguments {
    /// Whether remarks and sums are printed.
    fn talks(&self) -> bool {
        !self.quiet && !self.json
    }
}

/// `oxitables lab-process`: the small servers and clients of scenarios
#[derive(clap::Args, Clone, Debug, PartialEq, Eq)]
pub struct ProcessArguments {
    /// See [`process`]
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Why the lab ended before its time.
#[derive(Debug)]
pub struct Failure {
    /// In words.
    pub text: String,
    /// The exit code.
    pub exit: u8,
}

fn system(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure { text: format!("{what}: {error}"), exit: 4 }
}

/// Runs a scenario and prints what happens. Gives the exit code.
pub fn run(arguments: &Arguments) -> u8 {
    match play(arguments) {
        Ok(failed) => u8::from(failed > 0),
        Err(failure) => {
            eprintln!("oxitables lab: {}", failure.text);
            failure.exit
        }
    }
}

/// Gives the number of expectations that were not met.
fn play(arguments: &Arguments) -> Result<usize, Failure> {
    let shown = arguments.path.display();
    let text = crate::whole::read_text(&arguments.path).map_err(|error| system(&shown.to_string(), error))?;
    let scenario = Scenario::parse(&text)
        .map_err(|fault| Failure { text: format!("{shown}:{}: {}", fault.line, fault.problem), exit: 2 })?;
    let privilege = become_administrator(Appearance::Root)
        .map_err(|error| system("no network namespace can be made", error))?;
    if privilege == Privilege::UserNamespace
        && scenario.steps.iter().any(|step| {
            matches!(step, Step::Serve { user: Some(1..), .. } | Step::Try { user: Some(1..), .. })
        })
    {
        return Err(system(
            "this scenario runs processes under several users",
            "an unprivileged user namespace has one only; run it as root",
        ));
    }
    let mut world = World::build(&scenario, !arguments.kernel)
        .map_err(|error| system("the network cannot be made", crate::applets::exec::explain(&error)))?;
    let mut lab = Lab { arguments, scenario: &scenario, world: &mut world, tries: 0, failed: 0 };
    if arguments.talks() {
        let netfilter = if arguments.kernel { "the kernel's netfilter" } else { "the engine" };
        println!("{} ({netfilter})", scenario.title);
    }
    for step in &scenario.steps {
        lab.step(step)?;
        lab.undecided()?;
    }
    let (tries, failed) = (lab.tries, lab.failed);
    if arguments.talks() {
        println!("{} of {tries} as expected", tries - failed);
    }
    Ok(failed)
}

struct Lab<'a> {
    arguments: &'a Arguments,
    scenario: &'a Scenario,
    world: &'a mut World,
    tries: usize,
    failed: usize,
}

impl Lab<'_> {
    fn name(&self, host: usize) -> &str {
        self.scenario.hosts.get(host).map_or("?", |host| &host.name)
    }

    /// Ends the lab when a packet met a rule that cannot be decided.
    fn undecided(&mut self) -> Result<(), Failure> {
        for host in 0..self.scenario.hosts.len() {
            if let Some(text) = self.world.machine_of(host).and_then(|machine| machine.undecided.take()) {
                return Err(Failure { text: format!("{}: {text}", self.name(host)), exit: 3 });
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Say(text) => {
                if self.arguments.talks() {
                    println!("{text}");
                }
                Ok(())
            }
            Step::Rules { host, family, text } => self.rules(*host, *family, text),
            Step::Sets { host, text } => {
                let (name, text) = self.text_of(text)?;
                self.sets(*host, &name, &text)
            }
            Step::Serve { host, transport, address, text, user } => {
                let arguments = ["serve", transport.name(), &address.to_string(), text].map(str::to_owned);
                let command = own_process(&arguments)?;
                let what = format!("{} serving {} {address}", self.name(*host), transport.name());
                let process = self.start(*host, command, *user)?;
                let ready = self.world.run_until(PROCESS_PATIENCE, |world| {
                    Ok(world.output(process)?.starts_with("ready") || world.ended(process)?.is_some())
                });
                let output = self.world.output(process).unwrap_or_default();
                match ready {
                    Ok(true) if output.starts_with("ready") => Ok(()),
                    Ok(_) => Err(system(&what, output.trim_end())),
                    Err(error) => Err(system(&what, error)),
                }
            }
            Step::Start { host, command } => {
                let command = arbitrary(command, self.arguments.path.parent());
                self.start(*host, command, None).map(|_| ())
            }
            Step::Try { line, host, attempt, user, expected } => {
                let outcome = self.attempt(*host, attempt, *user)?;
                self.judge(*line, *host, attempt, &outcome, expected);
                Ok(())
            }
        }
    }

    fn start(&mut self, host: usize, command: Command, user: Option<u32>) -> Result<usize, Failure> {
        let what = format!("{} cannot start {:?}", self.name(host), command.get_program());
        self.world.start(host, command, user).map_err(|error| system(&what, error))
    }

    /// The name and the text of rules or sets.
    fn text_of(&self, text: &RulesText) -> Result<(String, String), Failure> {
        Ok(match text {
            RulesText::File(file) => {
                let path = self.arguments.path.parent().unwrap_or(Path::new(".")).join(file);
                let text = crate::whole::read_text(&path)
                    .map_err(|error| system(&path.display().to_string(), error))?;
                (path.display().to_string(), text)
            }
            // Why: blank lines in front, so that the line in an error is the line of the scenario.
            RulesText::Inline(text, line) => {
                (self.arguments.path.display().to_string(), "\n".repeat(line.saturating_sub(1)) + text)
            }
        })
    }

    fn sets(&mut self, host: usize, name: &str, text: &str) -> Result<(), Failure> {
        let done = match self.world.machine_of(host) {
            Some(machine) => machine
                .restore_sets(text)
                .map_err(|(line, what)| format!("{name}:{line}: {}", what.trim_end())),
            None => self
                .world
                .restore_sets(host, text)
                .map_err(|error| system(name, error))?
                .map_err(|what| format!("{name}: {what}")),
        };
        done.map_err(|text| Failure { text, exit: 2 })
    }

    fn rules(&mut self, host: usize, family: Family, text: &RulesText) -> Result<(), Failure> {
        let (name, text) = self.text_of(text)?;
        // The ruleset's own file has its sets behind the tables.
        let own = crate::target::script_of(&text);
        if !own.is_empty() {
            self.sets(host, &name, &own)?;
        }
        if let Some(machine) = self.world.machine_of(host) {
            let ruleset = crate::rulesfile::read(family, &name, &text, Some(machine.sets()))
                .map_err(|problem| Failure { text: problem.text, exit: problem.exit })?;
            machine.load(&ruleset);
            return Ok(());
        }
        match self.world.restore(host, family, &text) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(text)) => Err(Failure { text: format!("{name}: {text}"), exit: 2 }),
            Err(error) => Err(system(&name, error)),
        }
    }

    fn attempt(&mut self, host: usize, attempt: &Attempt, user: Option<u32>) -> Result<Outcome, Failure> {
        let patience = CLIENT_PATIENCE.as_millis().to_string();
        let (command, hold) = match attempt {
            Attempt::Connect { transport, remote, local, hold } => {
                let local = local.map_or_else(|| "-".to_owned(), |local| local.to_string());
                let end = if *hold { "hold" } else { "end" };
                let words = ["connect", transport.name(), &remote.to_string(), &local, end, &patience];
                (own_process(&words.map(str::to_owned))?, *hold)
            }
            Attempt::Ping(address) => {
                (own_process(&["ping".to_owned(), address.to_string(), patience])?, false)
            }
            Attempt::Run(words) => (arbitrary(words, self.arguments.path.parent()), false),
        };
        let process = self.start(host, command, user)?;
        let is_run = matches!(attempt, Attempt::Run(_));
        let finished = self
            .world
            .run_until(PROCESS_PATIENCE, |world| {
                let told = hold && process::read_report(&world.output(process)?).is_some();
                Ok(told || world.ended(process)?.is_some())
            })
            .map_err(|error| system("the network failed", error))?;
        let output = self.world.output(process).map_err(|error| system("a process's output", error))?;
        if !finished {
            self.world.kill(process).map_err(|error| system("a process cannot be ended", error))?;
            return Ok(Outcome::Other(format!("no end after {} s", PROCESS_PATIENCE.as_secs())));
        }
        if is_run {
            let code = self.world.ended(process).ok().flatten().unwrap_or(1);
            return Ok(if code == 0 { Outcome::Text(output.trim_end().into()) } else { Outcome::Exit(code) });
        }
        Ok(process::read_report(&output).unwrap_or_else(|| Outcome::Other(output.trim_end().into())))
    }

    fn judge(&mut self, line: usize, host: usize, attempt: &Attempt, outcome: &Outcome, expected: &Outcome) {
        let met = match (outcome, expected) {
            // A command that printed something ended with 0 all the same.
            (Outcome::Text(_), Outcome::Exit(0)) => true,
            _ => outcome.satisfies(expected),
        };
        if self.arguments.talks() {
            for host in 0..self.scenario.hosts.len() {
                if let Some(machine) = self.world.machine_of(host) {
                    machine.log().for_each(|line| println!("     {line}"));
                }
            }
        }
        self.tries += 1;
        self.failed += usize::from(!met);
        if self.arguments.json {
            let told = serde_json::json!({
                "line": line,
                "host": self.name(host),
                "try": describe(attempt),
                "outcome": outcome.to_string(),
                "expected": expected.to_string(),
                "ok": met,
            });
            println!("{told}");
            return;
        }
        if met && self.arguments.quiet {
            return;
        }
        let mut shown = format!(
            "{} {} {}: {outcome}",
            if met { "ok  " } else { "FAIL" },
            self.name(host),
            describe(attempt)
        );
        if !met {
            let _ = write!(shown, " (line {line} expects {expected})");
        }
        println!("{shown}");
    }
}

fn describe(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Connect { transport, remote, local, .. } => {
            let from = local.map_or_else(String::new, |local| format!(" from {local}"));
            format!("{} {remote}{from}", transport.name())
        }
        Attempt::Ping(address) => format!("ping {address}"),
        Attempt::Run(words) => words.join(" "),
    }
}

/// One of the small servers and clients: this binary itself.
fn own_process(words: &[String]) -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|error| system("this program cannot be found", error))?;
    let mut command = sys::child::command(program);
    command.arg(process::NAME).args(words);
    Ok(command)
}

/// A command of the scenario, in its folder.
fn arbitrary(words: &[String], folder: Option<&Path>) -> Command {
    let mut command = sys::child::command(words.first().map_or("", String::as_str));
    command.args(words.iter().skip(1));
    if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) {
        command.current_dir(folder);
    }
    command
}

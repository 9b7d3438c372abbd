//! `iptables-apply` and `ip6tables-apply`: new rules on trial.
//!
//! # Overview
//!
//! The old state is kept, the new one put in force, a question asked. Only a `y` in time keeps the new one; anything else
//! puts the old one back: another key, the end of the input, the end of the time, a signal (a lost ssh session is SIGHUP).
//!
//! # Life cycle
//!
//! 1. The command line and the files are checked; nothing is changed, a signal ends the program.
//! 2. Under the lock: the state is read and [kept](crate::target::Kept), a file of rules is read through the same code as
//!    `iptables-restore` and put in force, all its tables in one write. A command is run without the lock, which it needs.
//! 3. From the first change on signals are read, not suffered, and words go through a [`voice::Voice`], for which nobody
//!    waits.
//! 4. The old state is put back first, and told afterwards.
//!
//! # Invariants
//!
//! After the codes 5, 7 and 255 both families, counters included, are as they were. A file changes one family only, so
//! what others did to the other family meanwhile is left; a command may have changed both, and both are put back.
mod settings;
mod voice;
mod wait;

use std::ffi::OsString;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use packet::Family;
use rules::Ruleset;
use rules::syntax::command::Wait;
use rules::syntax::restore::{Options, Reader};
use rustix::fs::Access;
use sys::signal::Signals;

use crate::names::SystemNames;
use crate::target::{Kept, Locked, Place, Stored, TargetError};
use crate::whole;

pub(super) use settings::OPTIONS;
use settings::{Settings, may};
use voice::{Voice, complain, say};
use wait::{Answer, Ended};

use super::{family_name, restore, save, system_text};

/// How the program ends, in the numbers of iptables' script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// A bad timeout, or another fault of the command line.
    Timeout = 1,
    /// The file of rules cannot be read.
    Unreadable = 2,
    /// There is nothing that could hold rules.
    NoSupport = 3,
    /// The old state cannot be kept, or not be put back.
    Save = 4,
    /// The new rules cannot be put in force.
    Restore = 5,
    /// The command may not be executed.
    NotExecutable = 6,
    /// The command failed.
    Command = 7,
    /// The file to write to may not be written.
    Unwritable = 8,
    /// The file to write to could not be written.
    Write = 9,
    /// There is no such command.
    NotFound = 127,
    /// Nobody confirmed.
    Unconfirmed = 255,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        ExitCode::from(code as u8)
    }
}

/// How long the answer is waited for if nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is put on trial.
enum Work {
    /// A file of rules.
    File(PathBuf),
    /// A command.
    Command(PathBuf),
}

/// Runs it.
pub(crate) fn main(family: Family, words: Vec<OsString>) -> ExitCode {
    let program = format!("{}-apply", family_name(family));
    let read = Settings::read(family, &program, words);
    let done = read.and_then(|settings| apply(&settings).map_err(ExitCode::from));
    done.err().unwrap_or(ExitCode::SUCCESS)
}

/// What other programs did in the meantime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// Nothing that matters.
    None,
    /// They changed the rules.
    Changed,
    /// One of them kept the lock for too long.
    KeptTheLock,
}

impl Others {
    /// A command that changed the rules is no other program.
    fn or_none(self) -> Self {
        if self == Self::Changed { Self::None } else { self }
    }
}

/// How many seconds the lock is waited for once something has changed.
const LOCK_SECONDS: u32 = 5;
// Why: signals do not end the program then, and who is cut off waits for the way back.
const PATIENCE: Wait = Wait::Seconds(LOCK_SECONDS);

/// The new state, in force, and the way back.
struct Trial<'a> {
    settings: &'a Settings,
    place: Place,
    old: Stored,
    kept: Kept,
    /// As it was put in force.
    new: Stored,
    signals: Signals,
    voice: Voice,
}

fn apply(settings: &Settings) -> Result<(), Code> {
    if let Some(path) = &settings.save_file
        && path.exists()
        && !may(path, Access::WRITE_OK)
    {
        complain(&format!("Error: savefile not writable: {}\n", path.display()));
        return Err(Code::Unwritable);
    }
    let (path, text) = match &settings.work {
        Work::File(path) => (path, Some(read_rules(path)?)),
        Work::Command(path) => {
            check_command(path)?;
            (path, None)
        }
    };
    let place = Place::from_environment().map_err(|error| cannot_keep(&error))?;
    let locked = place.lock(Wait::Forever).map_err(|error| cannot_keep(&error))?;
    let old = locked.read().map_err(|error| cannot_keep(&error))?;
    let kept = locked.keep().map_err(|error| cannot_keep(&error))?;
    let mut trial = match text {
        Some(text) => put_file(settings, path, &text, locked, (place, old, kept))?,
        None => {
            drop(locked);
            run_command(settings, path, (place, old, kept))?
        }
    };
    trial.voice.say(QUESTION);
    let terminal = io::stdout().is_terminal();
    let Trial { signals, voice, .. } = &mut trial;
    let answer = wait::ask(signals, settings.timeout, |seconds| {
        if terminal {
            voice.say_if_idle(format!("\r{QUESTION}{seconds} s{CLEAR_TO_END}"));
        }
    });
    match answer {
        Ok(Answer::Yes) => trial.confirmed(),
        other => trial.refused(other),
    }
}

const QUESTION: &str = "Can you establish NEW connections to the machine? (y/N) ";

/// What a terminal takes as the wish to clear the line behind the cursor.
const CLEAR_TO_END: &str = "\x1b[K";

fn read_rules(path: &Path) -> Result<Vec<u8>, Code> {
    let file = std::fs::File::open(path).map_err(|_| {
        complain(&format!("Error: rulesfile not readable: {}\n", path.display()));
        Code::Unreadable
    })?;
    whole::read(file, whole::MOST_BYTES).map_err(|error| {
        let why = system_text(&error);
        complain(&format!("{}: {why}\nError: {NOT_APPLIED}: {}\n", path.display(), path.display()));
        Code::Restore
    })
}

const NOT_APPLIED: &str = "unknown error applying new iptables rules";

fn check_command(path: &Path) -> Result<(), Code> {
    if !may(path, Access::EXEC_OK) {
        complain(&format!("Error: runcmd not executable: {}\n", path.display()));
        return Err(Code::NotExecutable);
    }
    // Linux: the script looks at the word as a path first, and then runs it as the shell finds it.
    let is_program = |path: &Path| path.is_file() && may(path, Access::EXEC_OK);
    let found = match path.components().count() > 1 || path.is_absolute() {
        true => is_program(path),
        false => std::env::var_os("PATH").is_some_and(|folders| {
            std::env::split_paths(&folders).any(|folder| is_program(&folder.join(path)))
        }),
    };
    if !found {
        complain(&format!("Error: needed command not found: {}\n", path.display()));
        return Err(Code::NotFound);
    }
    Ok(())
}

fn cannot_keep(error: &TargetError) -> Code {
    complain(&format!("{error}\n"));
    if let TargetError::Unsupported(_) = error {
        complain("Error: iptables support lacking from the kernel\n");
        return Code::NoSupport;
    }
    complain("Error: unknown error saving old iptables rules\n");
    Code::Save
}

/// The place, its state before, and that state kept on the disk.
type Before = (Place, Stored, Kept);

/// Signals to read and a voice that nobody waits for.
fn prepare() -> io::Result<(Signals, Voice)> {
    // Why: in this order, so that the voice's thread takes no signal. SIGTSTP too: between the question and the setting of the
    // terminal Ctrl-Z would stop what has to bring the rules back.
    let signals = Signals::collect_with_stop()?;
    Ok((signals, Voice::new()?))
}

/// Puts a file of rules in force. If it cannot be, nothing has changed.
fn put_file<'a>(
    settings: &'a Settings,
    path: &Path,
    text: &[u8],
    locked: Locked,
    (place, old, kept): Before,
) -> Result<Trial<'a>, Code> {
    say(&format!("Applying new iptables rules from '{}'... ", path.display()));
    let mut new = old.clone();
    let put = restore_all(new.family_mut(settings.family), path, text).and_then(|()| {
        let prepared = prepare().map_err(|error| format!("{}\n", system_text(&error)))?;
        locked.write(&new).map_err(|error| format!("{error}\n"))?;
        Ok(prepared)
    });
    match put {
        Ok((signals, voice)) => {
            locked.refresh(&mut new);
            voice.say("done.\n");
            Ok(Trial { settings, place, old, kept, new, signals, voice })
        }
        Err(why) => {
            complain(&why);
            say("failed.\n");
            complain(&format!("Error: {NOT_APPLIED}: {}\n", path.display()));
            say(&format!("{REVERTING}done.\n"));
            Err(Code::Restore)
        }
    }
}

const REVERTING: &str = "Reverting to old iptables rules... ";

/// A restore of a whole text into a ruleset in memory; what is wrong with it, in the words of iptables-restore.
fn restore_all(ruleset: &mut Ruleset, path: &Path, mut text: &[u8]) -> Result<(), String> {
    let family = ruleset.family();
    let program = format!("{}-restore", family_name(family));
    let names = SystemNames::with_sets();
    let mut reader = Reader::new(Options::new(family, &names)).to_the_end();
    let mut out = String::new();
    let mut line = Vec::new();
    let mut step = Ok(());
    while step.is_ok() {
        line.clear();
        step = match text.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => {
                step = reader.end(ruleset);
                break;
            }
            Ok(_) => reader.bytes(&line, ruleset, &mut out),
        };
    }
    say(&out);
    for warning in reader.warnings.drain(..) {
        complain(&format!("{warning}\n"));
    }
    if step.is_ok() {
        return Ok(());
    }
    let path = path.display().to_string();
    let faults = reader.take_faults();
    let text = faults.iter().enumerate();
    Err(text.map(|(at, fault)| restore::fault_text(&program, &path, fault, at == 0)).collect())
}

/// Runs a command that puts rules in force. If it fails, the old ones are put back.
fn run_command<'a>(
    settings: &'a Settings,
    path: &Path,
    (place, old, kept): Before,
) -> Result<Trial<'a>, Code> {
    let prepared = prepare().map_err(|error| {
        complain(&format!("{}\n", system_text(&error)));
        Code::Command
    });
    let (signals, voice) = prepared?;
    // Why: said before anything changes, and before the command says something.
    say(&format!("Running command '{}'... ", path.display()));
    let new = old.clone();
    let mut trial = Trial { settings, place, old, kept, new, signals, voice };
    let why = match wait::run(path, &mut trial.signals, settings.timeout) {
        Ok(Ended::Code(0)) => match trial.place.lock(PATIENCE).and_then(|locked| locked.read()) {
            Ok(new) => {
                trial.new = new;
                trial.voice.say("done.\n");
                trial.warn_if_unchanged();
                return Ok(trial);
            }
            Err(error) => error.to_string(),
        },
        Ok(Ended::Code(code)) => format!("it ended with exit code {code}"),
        Ok(Ended::TooLong) => format!("it took longer than {} s", settings.timeout.as_secs()),
        Ok(Ended::Signal(signal)) => format!("ended by {}", wait::signal_name(signal)),
        Err(error) => system_text(&error),
    };
    let reverted = trial.revert();
    trial.voice.say("failed.\n");
    trial.voice.complain(&format!("Error: unknown error running command: {}\n({why})", path.display()));
    Err(trial.told(reverted.map(Others::or_none), Code::Command))
}

impl Trial<'_> {
    /// The command may have called another iptables than ours.
    fn warn_if_unchanged(&self) {
        if self.new.is_same_file(&self.old) {
            self.voice.complain(&format!("Warning: the command changed nothing in {}", self.place));
        }
    }

    fn confirmed(self) -> Result<(), Code> {
        self.voice.say("\n");
        if let Some(path) = &self.settings.save_file {
            self.voice.say(format!("Writing successfully applied rules to '{}'...\n", path.display()));
            if let Err(why) = self.save(path) {
                let words = "Error: unknown error writing successfully applied rules";
                self.voice.complain(&format!("{why}\n{words}: {}", path.display()));
                return Err(Code::Write);
            }
        }
        self.voice.say("... then my job is done. See you next time.\n");
        Ok(())
    }

    /// Writes what is in force now, as `iptables-save` prints it.
    fn save(&self, path: &Path) -> Result<(), String> {
        let locked = self.place.lock(PATIENCE).map_err(|error| error.to_string())?;
        let stored = locked.read().map_err(|error| error.to_string())?;
        if !locked.is_current(&self.new) {
            self.voice.complain(MEANWHILE);
        }
        drop(locked);
        let mut text = String::new();
        save::print_ruleset(&mut text, stored.family(self.settings.family), false);
        save::write(path, text.as_bytes()).map_err(|error| system_text(&error))
    }

    fn refused(self, answer: io::Result<Answer>) -> Result<(), Code> {
        let reverted = self.revert();
        let why = match answer {
            Ok(Answer::Signal(signal)) => format!("Ended by {}!", wait::signal_name(signal)),
            Ok(Answer::None) => "Timeout! Something happened (or did not).".into(),
            Ok(Answer::No | Answer::Yes) => "No affirmative response!".into(),
            Err(error) => format!("No answer can be read ({})!", system_text(&error)),
        };
        self.voice.say(format!("\n{why} Better play it safe...\n"));
        Err(self.told(reverted, Code::Unconfirmed))
    }

    /// Puts the old state back. Gives whether others had changed the new one.
    fn revert(&self) -> Result<Others, TargetError> {
        let locked = match self.place.lock(PATIENCE) {
            Ok(locked) => locked,
            // Why: who is cut off is not left so by a program that keeps the lock, or by a lock file that is gone.
            Err(TargetError::LockBusy { .. } | TargetError::LockOpen { .. }) => {
                self.place.put_back_without_lock(&self.kept)?;
                return Ok(Others::KeptTheLock);
            }
            Err(error) => return Err(error),
        };
        let others = !locked.is_current(&self.new);
        if let (true, Work::File(_)) = (others, &self.settings.work)
            && let Ok(mut now) = locked.read()
        {
            let family = self.settings.family;
            now.family_mut(family).clone_from(self.old.family(family));
            if locked.write(&now).is_ok() {
                return Ok(Others::Changed);
            }
        }
        locked.put_back(&self.kept)?;
        Ok(if others { Others::Changed } else { Others::None })
    }

    /// Tells what became of the way back. Gives the code to end with.
    fn told(self, reverted: Result<Others, TargetError>, code: Code) -> Code {
        self.voice.say(REVERTING);
        match reverted {
            Ok(others) => {
                self.voice.say("done.\n");
                match others {
                    Others::None => {}
                    Others::Changed => {
                        self.voice.complain(&format!("{MEANWHILE}; its changes are undone as well"));
                    }
                    Others::KeptTheLock => self.voice.complain(&format!(
                        "Warning: another program has kept the lock for {LOCK_SECONDS} s; the old rules were put back without it"
                    )),
                }
                code
            }
            Err(error) => {
                self.voice.say("failed.\n");
                let old = self.kept.leave().map_or_else(String::new, |path| {
                    format!(
                        "\nError: THE NEW RULES ARE STILL IN FORCE; the old ones are in {}",
                        path.display()
                    )
                });
                self.voice.complain(&format!("{error}{old}"));
                Code::Save
            }
        }
    }
}

const MEANWHILE: &str = "Warning: another program changed the rules while the answer was waited for";

//! Waiting with a deadline: for one key, or for the end of a command; a signal ends both.
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use sys::child::{self, Running};
use sys::poll::Poller;
use sys::signal::Signals;
use sys::terminal::{self, Keys};

/// What came of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// `y` or `Y`.
    Yes,
    /// Anything else.
    No,
    /// Nothing: the time is over, or the input is at its end.
    None,
    /// A signal, by its number.
    Signal(i32),
}

const SIGNAL: u64 = 0;
const OTHER: u64 = 1;

/// Reads one key from the standard input. `tell` is told the seconds that are left, each once.
pub(super) fn ask(signals: &mut Signals, timeout: Duration, mut tell: impl FnMut(u64)) -> io::Result<Answer> {
    let end = Instant::now() + timeout;
    let standard = io::stdin();
    let mut input = File::from(standard.as_fd().try_clone_to_owned()?);
    let _keys = Keys::read_at_once(standard.as_fd())?;
    let mut poller = Poller::new()?;
    poller.add(&*signals, SIGNAL)?;
    // Linux: epoll refuses files and /dev/null (EPERM), which are always readable.
    let always = match poller.add(&input, OTHER) {
        Ok(()) => false,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => true,
        Err(error) => return Err(error),
    };
    let mut told = None;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        if told != Some(seconds) {
            tell(seconds);
            told = Some(seconds);
        }
        let until_next = left.saturating_sub(Duration::from_secs(seconds.saturating_sub(1)));
        let mut readable = always;
        for token in poller.wait(Some(if always { Duration::ZERO } else { until_next }))? {
            readable |= token == OTHER;
        }
        if let Some((signal, _)) = signals.receive()? {
            return Ok(Answer::Signal(signal));
        }
        if Instant::now() >= end {
            return Ok(Answer::None);
        }
        if !readable {
            continue;
        }
        if terminal::is_in_background(&input) {
            // Why: a key that is meant for another program is no answer, and to read it would stop us.
            return Ok(Answer::No);
        }
        let mut key = [0];
        match input.read(&mut key) {
            Ok(0) => return Ok(Answer::None),
            Ok(_) if key.eq_ignore_ascii_case(b"y") => return Ok(Answer::Yes),
            Ok(_) => return Ok(Answer::No),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            // Linux: a terminal that was hung up gives EIO.
            Err(_) => return Ok(Answer::None),
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its exit code in the way of shells.
    Code(i32),
    /// It took too long and was ended.
    TooLong,
    /// A signal for us; it was ended.
    Signal(i32),
}

/// How long a command has, after it was asked to end, until it is made to.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a command, without input, for at most a time. What it started and left in its group ends with it.
pub(super) fn run(path: &Path, signals: &mut Signals, timeout: Duration) -> io::Result<Ended> {
    let end = Instant::now() + timeout;
    let settings = child::Settings { own_group: true, ..child::Settings::default() };
    let mut running = child::spawn(child::command(path), settings)?;
    let ended = watch(&mut running, signals, end);
    if !matches!(ended, Ok(Ended::Code(_))) {
        if let Some(group) = i32::try_from(running.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let mut poller = Poller::new()?;
        poller.add(running.descriptor(), OTHER)?;
        poller.wait(Some(GRACE))?.for_each(drop);
    }
    // Why: what it left behind could change the rules when they are confirmed, or put back.
    running.kill_group()?;
    ended
}

fn watch(running: &mut Running, signals: &mut Signals, end: Instant) -> io::Result<Ended> {
    let mut poller = Poller::new()?;
    poller.add(&*signals, SIGNAL)?;
    poller.add(running.descriptor(), OTHER)?;
    loop {
        if let Some(code) = running.ended()? {
            return Ok(Ended::Code(code));
        }
        if let Some((signal, _)) = signals.receive()? {
            return Ok(Ended::Signal(signal));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Ended::TooLong);
        }
        poller.wait(Some(left))?.for_each(drop);
    }
}

/// The name of a signal that ends us.
pub(super) fn signal_name(signal: i32) -> String {
    let names = [
        (Signal::INT, "SIGINT"),
        (Signal::TERM, "SIGTERM"),
        (Signal::HUP, "SIGHUP"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::TSTP, "SIGTSTP"),
    ];
    let known = names.iter().find(|(known, _)| known.as_raw() == signal);
    known.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

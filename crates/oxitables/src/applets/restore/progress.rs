//! How far a long restore has come, on one line of the terminal behind the error stream; elsewhere nothing.
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// A table that is read sooner is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const PERIOD: Duration = Duration::from_millis(200);
/// Fewer lines than these are a person or a program that types slowly, not a long restore.
const FEWEST_LINES: u64 = 1000;
/// How often the clock is looked at, in lines.
const LOOK: u64 = 256;

/// The progress of one table after the other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    on: bool,
    program: String,
    /// The length of the input in bytes, if it is a file.
    total: Option<u64>,
    bytes: u64,
    /// Of the present table.
    lines: u64,
    start: Option<Instant>,
    shown: Option<Instant>,
}

impl Progress {
    /// For an input of some length, if that is known.
    pub(super) fn new(program: &str, total: Option<u64>) -> Self {
        let on = std::io::stderr().is_terminal();
        Self { on, program: program.to_owned(), total: total.filter(|&total| total > 0), ..Self::default() }
    }

    /// A line was read and is about to be carried out.
    pub(super) fn line(&mut self, line: &[u8]) {
        if !self.on {
            return;
        }
        let commit = line.starts_with(b"COMMIT");
        self.count(line.len(), commit);
        if (commit || self.lines.is_multiple_of(LOOK))
            && let Some(text) = self.text(Instant::now(), commit)
        {
            eprint!("\r{text}\u{1b}[K");
        }
    }

    /// The line was carried out.
    pub(super) fn done(&mut self, line: &[u8]) {
        if self.on && line.starts_with(b"COMMIT") {
            self.clear();
            self.lines = 0;
            self.start = None;
        }
    }

    /// Takes the line away, so that something else can be said.
    pub(super) fn clear(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\u{1b}[K");
        }
    }

    fn count(&mut self, bytes: usize, commit: bool) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.lines += u64::from(!commit);
    }

    /// What is to be shown now, if anything.
    fn text(&mut self, now: Instant, commit: bool) -> Option<String> {
        let start = *self.start.get_or_insert(now);
        if now.duration_since(start) < PATIENCE || self.lines < FEWEST_LINES {
            return None;
        }
        if !commit && self.shown.is_some_and(|shown| now.duration_since(shown) < PERIOD) {
            return None;
        }
        self.shown = Some(now);
        let lines = grouped(self.lines);
        let share = match self.total {
            Some(total) => format!(", {} %", self.bytes.min(total).saturating_mul(100) / total),
            None => String::new(),
        };
        let what = if commit { ", putting them in force" } else { "" };
        Some(format!("{}: {lines} lines{share}{what}", self.program))
    }
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests;

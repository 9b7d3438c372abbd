//! Why a command of ipset fails, in ipset's words and with its exit status.
use super::refusal::Refusal;

/// What stands before every message.
pub const PROGRAM: &str = "ipset v7.17";

/// A command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    /// The message, without the program's name in front and without the newline at its end.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    /// The command line is wrong: exit status 2, with a hint at the help.
    Parameter,
    /// What it says is wrong, or refused: exit status 1. In a restore the line is told.
    Report,
    /// Something else: exit status 1, the line is not told.
    Other,
    /// Not an error in words: `test` of what is not in the set. Exit status 1.
    Notice,
}

impl Fault {
    /// The command line is wrong.
    pub(crate) fn parameter(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Parameter, text: text.into() }
    }

    /// A value is wrong.
    pub(crate) fn report(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Report, text: text.into() }
    }

    /// A value cannot be read.
    pub(crate) fn syntax(text: impl std::fmt::Display) -> Self {
        Self::report(format!("Syntax error: {text}"))
    }

    /// Something that is no matter of a line.
    pub(crate) fn other(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Other, text: text.into() }
    }

    /// What `test` says.
    pub(crate) fn notice(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Notice, text: text.into() }
    }

    /// The same with a further message in a line behind it, as ipset gathers them.
    #[must_use]
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.text.push('\n');
        self.text.push_str(text);
        self
    }

    /// The message alone.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The exit status.
    pub fn exit(&self) -> u8 {
        if self.kind == FaultKind::Parameter { 2 } else { 1 }
    }

    /// What stands on the error stream, with its newline; `line`: of a restore.
    pub fn message(&self, line: Option<usize>) -> String {
        let text = &self.text;
        match (self.kind, line) {
            (FaultKind::Notice, _) => format!("{text}\n"),
            (FaultKind::Parameter, _) => {
                format!("{PROGRAM}: {text}\nTry `ipset help' for more information.\n")
            }
            (FaultKind::Report, Some(line)) => format!("{PROGRAM}: Error in line {line}: {text}\n"),
            (FaultKind::Report | FaultKind::Other, _) => format!("{PROGRAM}: {text}\n"),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::report(refusal.text())
    }
}

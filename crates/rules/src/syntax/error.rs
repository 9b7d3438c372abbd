//! What can be wrong with a command: the kind, the place, the exit status, iptables' own words.
use std::borrow::Cow;
use std::fmt;

use super::lex::Span;

/// The exit statuses of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 1: the operation failed, or a rule or chain is not there.
    Other = 1,
    /// 2: wrong arguments.
    Parameter = 2,
    /// 3: no such table, not modelled.
    Version = 3,
    /// 4: the lock is busy, or the file cannot be read or written.
    Resource = 4,
}

/// An error of the language.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where.
    pub span: Span,
    /// Why, in our words; shown behind iptables' text.
    pub cause: Option<Cow<'static, str>>,
    /// A name that is near to what was typed.
    pub suggestion: Option<Box<str>>,
}

impl Error {
    /// An error at a place.
    pub fn new(kind: ErrorKind, span: Span) -> Self {
        Self { kind, span, cause: None, suggestion: None }
    }

    /// With a cause in our words.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cow<'static, str>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// With the nearest of some names, if one is near.
    #[must_use]
    pub fn suggest<'n>(mut self, typed: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.suggestion = nearest(typed, names).map(Into::into);
        self
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An extension, or the engine for it, in upstream's words.
    Extension(Cow<'static, str>),
    /// ``Couldn't load match `X':No such file or directory``.
    UnknownMatch(Box<str>),
    /// ``Couldn't load target `X':No such file or directory``.
    UnknownTarget(Box<str>),
    /// The match exists upstream but is not modelled here.
    NotModelledMatch(Box<str>),
    /// The target exists upstream but is not modelled here.
    NotModelledTarget(Box<str>),
    /// ``invalid port/service `X' specified``.
    Port(Box<str>),
    /// ``host/network `X' not found``.
    Host(Box<str>),
    /// ``invalid mask `X' specified``.
    Mask(Box<str>),
    /// `unknown protocol "X" specified`.
    Protocol(Box<str>),
}

impl ErrorKind {
    /// The exit status.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotModelledMatch(_) | Self::NotModelledTarget(_) => Exit::Version,
            _ => Exit::Parameter,
        }
    }
}

impl fmt::Display for ErrorKind {
    /// iptables' words, without the program's name in front, with the newline at the end where upstream has one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(text) => f.write_str(text),
            Self::UnknownMatch(name) => {
                writeln!(f, "Couldn't load match `{name}':No such file or directory")
            }
            Self::UnknownTarget(name) => {
                writeln!(f, "Couldn't load target `{name}':No such file or directory")
            }
            Self::NotModelledMatch(name) => write!(f, "match `{name}' is not yet modelled by oxitables"),
            Self::NotModelledTarget(name) => write!(f, "target `{name}' is not yet modelled by oxitables"),
            Self::Port(text) => write!(f, "invalid port/service `{text}' specified"),
            Self::Host(text) => write!(f, "host/network `{text}' not found"),
            Self::Mask(text) => write!(f, "invalid mask `{text}' specified"),
            Self::Protocol(text) => write!(f, "unknown protocol \"{text}\" specified"),
        }
    }
}

/// The name nearest to what was typed: at most a third of its length (and at least one, at most three) edits away.
/// An edit is a letter more, less, other, or two neighbours exchanged; case does not count.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (typed.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .filter(|name| *name != typed)
        .map(|name| (distance(&typed.to_lowercase(), &name.to_lowercase()), name))
        .filter(|&(far, _)| far <= limit)
        .min_by_key(|&(far, _)| far)
        .map(|(_, name)| name)
}

/// Edit distance with exchange of neighbours (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&last, j + 1) + 1).min(at(&row, j) + 1).min(at(&last, j) + usize::from(a != b));
            if i > 0 && j > 0 && Some(a) == right.get(j - 1) && left.get(i - 1) == Some(b) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;

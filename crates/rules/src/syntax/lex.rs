//! Words with spans, out of an argument vector or out of a line of a restore file.
use std::borrow::Cow;

/// A part of the command's text: bytes `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
}

impl Span {
    /// Bytes `start..end`; positions beyond 4 GiB are cut to it.
    pub fn new(start: usize, end: usize) -> Self {
        let cut = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: cut(start), end: cut(end) }
    }

    /// From the start of this one to the end of another.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A word of a command: its text without quotes, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// The place, quotes included.
    pub span: Span,
}

impl Word<'_> {
    /// The place of bytes `from..to` of the text; the whole word where it was quoted.
    pub fn part(&self, from: usize, to: usize) -> Span {
        let width = (self.span.end - self.span.start) as usize;
        if width != self.text.len() || from > to || to > width {
            return self.span;
        }
        let start = self.span.start as usize;
        Span::new(start + from, start + to)
    }
}

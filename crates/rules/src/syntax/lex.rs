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

/// The longest word of a restore file in bytes (xtables: `PARAM_MAX_LENGTH` - 1).
pub const WORD_MAX: usize = 1023;
/// The most words of a line of a restore file, without the program's name and the table (xtables: `MAX_ARGC` - 2).
pub const WORDS_MAX: usize = 253;

/// What is wrong with a line of a restore file before it is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexError {
    /// A word is longer than [`WORD_MAX`].
    WordTooLong(Span),
    /// There are more than [`WORDS_MAX`] words.
    TooManyWords(Span),
}

/// The words of an argument vector, and the text that their spans point into: the arguments with blanks between, those
/// in single quotes that a shell would need quoted.
pub fn arguments(arguments: &[String]) -> (String, Vec<Word<'_>>) {
    let mut text = String::new();
    let mut words = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if !text.is_empty() {
            text.push(' ');
        }
        let start = text.len();
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"_-+=:,./%@^!".contains(&byte) || byte >= 0x80;
        if !argument.is_empty() && argument.bytes().all(plain) {
            text.push_str(argument);
        } else {
            text.push('\'');
            text.push_str(&argument.replace('\'', "'\\''").replace(['\n', '\r'], " "));
            text.push('\'');
        }
        words.push(Word { text: Cow::Borrowed(argument), span: Span::new(start, text.len()) });
    }
    (text, words)
}

/// The words of a line of a restore file, whose first byte is byte `offset` of the text that spans point into.
///
/// Blanks and tabs part words. A double quote opens a group in which a backslash takes the next character as it is; the
/// closing quote ends the word. Single quotes are ordinary. A quote that is not closed ends with the line.
pub fn restore_line<'a>(line: &'a str, offset: usize, words: &mut Vec<Word<'a>>) -> Result<(), LexError> {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n']);
        if rest.is_empty() {
            return Ok(());
        }
        let start = line.len() - rest.len();
        let (text, length) = restore_word(rest);
        let span = Span::new(offset + start, offset + start + length);
        if text.len() > WORD_MAX {
            return Err(LexError::WordTooLong(span));
        }
        if words.len() == WORDS_MAX {
            return Err(LexError::TooManyWords(span));
        }
        words.push(Word { text, span });
        rest = rest.get(length..).unwrap_or("");
    }
}

/// The words of a text that iptables has printed, without places and limits.
pub fn printed_words(mut text: &str) -> Vec<Cow<'_, str>> {
    let mut words = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t', '\n']);
        if text.is_empty() {
            return words;
        }
        let (word, length) = restore_word(text);
        words.push(word);
        text = text.get(length..).unwrap_or("");
    }
}

/// The first word of a text that starts with one, and its length in the text.
fn restore_word(text: &str) -> (Cow<'_, str>, usize) {
    let bytes = text.as_bytes();
    let Some(stop) = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'"')) else {
        return (Cow::Borrowed(text), text.len());
    };
    if bytes.get(stop) != Some(&b'"') {
        return (Cow::Borrowed(text.get(..stop).unwrap_or("")), stop);
    }
    // Why: most quoted words are one group without a backslash; those borrow.
    let inner = text.get(stop + 1..).unwrap_or("");
    match inner.find(['"', '\\']) {
        Some(end) if stop == 0 && inner.as_bytes().get(end) == Some(&b'"') => {
            return (Cow::Borrowed(inner.get(..end).unwrap_or("")), end + 2);
        }
        _ => {}
    }
    let mut word = String::from(text.get(..stop).unwrap_or(""));
    let mut escaped = false;
    for (at, character) in inner.char_indices() {
        match character {
            _ if escaped => {
                word.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (Cow::Owned(word), stop + 1 + at + 1),
            other => word.push(other),
        }
    }
    (Cow::Owned(word), text.len())
}

#[cfg(test)]
mod tests;

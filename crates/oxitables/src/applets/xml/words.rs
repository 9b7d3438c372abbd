//! The words of a rule, as bytes: a save file may hold any.
use super::Fault;

/// A word, and whether double quotes end it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: Vec<u8>,
    pub(super) quoted: bool,
}

impl Word {
    /// Whether it is this text, without quotes.
    pub(super) fn is(&self, text: &str) -> bool {
        !self.quoted && self.text == text.as_bytes()
    }

    /// Whether it begins an action: `-j`, `-g` and their long forms, in quotes or not.
    pub(super) fn names_target(&self) -> bool {
        matches!(self.text.as_slice(), b"-j" | b"--jump" | b"-g" | b"--goto")
    }

    /// Whether it begins an action, and is no value of an option.
    pub(super) fn is_target(&self) -> bool {
        !self.quoted && self.names_target()
    }

    /// Whether it begins a match.
    pub(super) fn is_module(&self) -> bool {
        self.is("-m") || self.is("--module")
    }

    /// Whether it begins with a dash.
    pub(super) fn is_dashed(&self) -> bool {
        self.text.first() == Some(&b'-')
    }
}

/// The longest word in bytes (xtables: `PARAM_MAX_LENGTH` - 1).
const WORD_MAX: usize = 1023;
/// The most words of a rule (xtables: `MAX_ARGC` - 1).
const WORDS_MAX: usize = 254;

/// Cuts a line. A double quote begins a group that ends the word; a backslash in it takes the next byte as it is.
pub(super) fn split(line: &[u8]) -> Result<Vec<Word>, Fault> {
    let mut words: Vec<Word> = Vec::new();
    let mut word = Word::default();
    let (mut open, mut escaped) = (false, false);
    let end = |word: &mut Word, words: &mut Vec<Word>| {
        if words.len() == WORDS_MAX {
            return Err(Fault::TooManyWords);
        }
        words.push(std::mem::take(word));
        Ok(())
    };
    for &byte in line {
        match byte {
            _ if escaped => {
                word.text.push(byte);
                escaped = false;
            }
            b'\\' if open => escaped = true,
            b'"' if open => {
                open = false;
                word.quoted = true;
                end(&mut word, &mut words)?;
            }
            b'"' => open = true,
            b' ' | b'\t' | b'\n' if !open => {
                if !word.text.is_empty() {
                    end(&mut word, &mut words)?;
                }
            }
            _ => word.text.push(byte),
        }
        if word.text.len() > WORD_MAX {
            return Err(Fault::WordTooLong);
        }
    }
    // Linux: what an open quote holds counts as not quoted.
    if !word.text.is_empty() {
        end(&mut word, &mut words)?;
    }
    Ok(words)
}

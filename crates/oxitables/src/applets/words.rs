//! The options of -save and -restore: few and plain, read as getopt_long reads them.
use std::ffi::OsString;
use std::fmt;

/// `--json`, which has no letter: no argument holds this one.
pub(crate) const JSON: char = '\0';

/// An option.
pub(crate) struct Option_ {
    letter: char,
    long: &'static str,
    value: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    Required,
    Optional,
}

impl Option_ {
    /// Without a value.
    pub(crate) const fn flag(letter: char, long: &'static str) -> Self {
        Self { letter, long, value: Value::None }
    }

    /// With a value.
    pub(crate) const fn value(letter: char, long: &'static str) -> Self {
        Self { letter, long, value: Value::Required }
    }

    /// The letter, if it has one.
    pub(crate) fn letter(&self) -> Option<char> {
        (self.letter != JSON).then_some(self.letter)
    }

    /// The long name.
    pub(crate) fn long(&self) -> &'static str {
        self.long
    }

    /// Whether it takes the next word as its value.
    pub(crate) fn takes_word(&self) -> bool {
        self.value == Value::Required
    }

    /// With a value that must be glued or behind `=`, if there is one.
    pub(crate) const fn optional(letter: char, long: &'static str) -> Self {
        Self { letter, long, value: Value::Optional }
    }
}

/// A fault of the command line, as getopt_long words it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Letter(char),
    Long(String),
    Ambiguous(String),
    NeedsValue(char),
    TakesNone(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Letter(letter) => write!(f, "invalid option -- '{letter}'"),
            Self::Long(name) => write!(f, "unrecognized option '--{name}'"),
            Self::Ambiguous(name) => write!(f, "option '--{name}' is ambiguous"),
            Self::NeedsValue(letter) => write!(f, "option requires an argument -- '{letter}'"),
            Self::TakesNone(name) => write!(f, "option '--{name}' doesn't allow an argument"),
        }
    }
}

/// Reads options one by one; words that are none are gathered.
pub(crate) struct Words {
    words: Vec<String>,
    options: &'static [Option_],
    at: usize,
    cluster: String,
    operands: Vec<String>,
}

impl Words {
    /// From the arguments behind the program's name. Paths that are not UTF-8 are read with replacement characters.
    pub(crate) fn new(words: Vec<OsString>, options: &'static [Option_]) -> Self {
        let words = words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Self { words, options, at: 0, cluster: String::new(), operands: Vec::new() }
    }

    /// What was no option.
    pub(crate) fn operands(&self) -> &[String] {
        &self.operands
    }

    /// The next word, if it is no option: it is taken.
    pub(crate) fn argument(&mut self) -> Option<String> {
        let word = self.words.get(self.at).filter(|word| !word.starts_with(['-', '!']))?.clone();
        self.at += 1;
        Some(word)
    }

    fn take(&mut self) -> Option<String> {
        let word = self.words.get(self.at)?.clone();
        self.at += 1;
        Some(word)
    }

    /// The letter of the next option and its value.
    pub(crate) fn next(&mut self) -> Result<Option<(char, Option<String>)>, Fault> {
        if let Some(letter) = self.cluster.chars().next() {
            let rest = self.cluster.split_off(letter.len_utf8());
            self.cluster = rest;
            return self.short(letter).map(Some);
        }
        while let Some(word) = self.take() {
            if word == "--" {
                self.operands.extend(self.words.drain(self.at..));
                return Ok(None);
            }
            if let Some(long) = word.strip_prefix("--") {
                return self.long(long).map(Some);
            }
            match word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                Some(cluster) => {
                    self.cluster = cluster.to_owned();
                    return self.next();
                }
                None => self.operands.push(word),
            }
        }
        Ok(None)
    }

    fn short(&mut self, letter: char) -> Result<(char, Option<String>), Fault> {
        let option = self.options.iter().find(|option| option.letter == letter);
        let option = option.ok_or(Fault::Letter(letter))?;
        if option.value == Value::None {
            return Ok((letter, None));
        }
        let glued = Some(std::mem::take(&mut self.cluster)).filter(|glued| !glued.is_empty());
        let value = match option.value {
            Value::Required => Some(glued.or_else(|| self.take()).ok_or(Fault::NeedsValue(letter))?),
            _ => glued,
        };
        Ok((letter, value))
    }

    fn long(&mut self, long: &str) -> Result<(char, Option<String>), Fault> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        let mut near = self.options.iter().filter(|option| option.long.starts_with(name));
        let option = match (self.options.iter().find(|option| option.long == name), near.next(), near.next())
        {
            (Some(exact), ..) => exact,
            (None, Some(only), None) => only,
            (None, Some(_), Some(_)) => return Err(Fault::Ambiguous(name.to_owned())),
            (None, None, _) => return Err(Fault::Long(name.to_owned())),
        };
        let letter = option.letter;
        match (option.value, value) {
            (Value::None, Some(_)) => Err(Fault::TakesNone(option.long.to_owned())),
            (Value::Required, None) => {
                let value = self.take().ok_or(Fault::NeedsValue(letter))?;
                Ok((letter, Some(value)))
            }
            (_, value) => Ok((letter, value)),
        }
    }
}

/// The text of an error of the system as `strerror` has it, without Rust's number behind it.
pub(crate) fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests;

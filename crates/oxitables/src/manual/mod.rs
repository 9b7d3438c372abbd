//! What options mean, in our own words: the texts of the man pages and of completions.
//!
//! The texts are data (`*.txt`). A block begins with `= NAME`, then comes what it is; each option is a line
//! `--NAME VALUE`, perhaps a line of words for completion (`:` one of them, `:,` a list of them, `:4` and `:6` for one
//! family, `:@KIND` what the machine has), and its text. Which options there are, which may be inverted or exclude each
//! other and where an extension may stand is not said here but in the option tables.
pub(crate) mod pages;
mod roff;
pub(crate) mod sets;

use packet::Family;

/// The texts of matches.
const MATCHES: &str = include_str!("matches.txt");
/// The texts of targets.
const TARGETS: &str = include_str!("targets.txt");
/// The texts of the generic options, in parts.
const GENERIC: &str = include_str!("generic.txt");
/// The texts of the other programs.
const PROGRAMS: &str = include_str!("programs.txt");

/// The texts of ipset, in parts.
const IPSET: &str = include_str!("ipset.txt");

/// A block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// What it describes.
    pub(crate) name: &'static str,
    /// What that is.
    pub(crate) about: &'static str,
    /// Its options.
    pub(crate) options: Vec<OptionText>,
}

/// An option.
#[derive(Clone, Debug)]
pub(crate) struct OptionText {
    /// Without dashes.
    pub(crate) name: &'static str,
    /// What stands behind it: `PORT[:PORT]`.
    pub(crate) value: &'static str,
    /// What it means.
    pub(crate) text: &'static str,
    /// Lines of words.
    words: Vec<&'static str>,
}

/// Words that may be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// One of these.
    One(Vec<&'static str>),
    /// Some of these, parted by commas.
    List(Vec<&'static str>),
    /// What the machine has: `interfaces`, `users` ...
    Machine(&'static str),
}

impl OptionText {
    /// What may stand behind the option.
    pub(crate) fn words(&self, family: Family) -> Option<Words> {
        self.words.iter().find_map(|line| {
            let (kind, words) = line.split_once(' ').unwrap_or((line, ""));
            let split = || words.split(' ').collect();
            match (kind, family) {
                ("", _) | ("4", Family::V4) | ("6", Family::V6) => Some(Words::One(split())),
                (",", _) => Some(Words::List(split())),
                (kind, _) => kind.strip_prefix('@').map(Words::Machine),
            }
        })
    }

    /// The first sentence, for a line beside the option.
    pub(crate) fn brief(&self) -> &'static str {
        brief(self.text)
    }
}

impl Entry {
    /// The text of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&OptionText> {
        self.options.iter().find(|option| option.name == name)
    }
}

/// The first sentence of a text, without its point.
pub(crate) fn brief(text: &str) -> &str {
    let end = text.find(". ").or_else(|| text.find(": ")).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim_end_matches('.')
}

fn read(text: &'static str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("= ") {
            entries.push(Entry { name, ..Entry::default() });
            continue;
        }
        let Some(entry) = entries.last_mut() else { continue };
        match (line.strip_prefix("--"), line.strip_prefix(':'), entry.options.last_mut()) {
            (Some(option), ..) => {
                let (name, value) = option.split_once(' ').unwrap_or((option, ""));
                entry.options.push(OptionText { name, value, text: "", words: Vec::new() });
            }
            (_, Some(words), Some(option)) => option.words.push(words),
            (.., Some(option)) => option.text = line,
            (.., None) => entry.about = line,
        }
    }
    entries
}

/// All matches that are described.
pub(crate) fn matches() -> Vec<Entry> {
    read(MATCHES)
}

/// All targets that are described.
pub(crate) fn targets() -> Vec<Entry> {
    read(TARGETS)
}

/// The generic options: `commands`, `rules`, `options`.
pub(crate) fn generic() -> Vec<Entry> {
    read(GENERIC)
}

/// The commands and options of ipset: `commands`, `program`, `create`, `entries`.
pub(crate) fn ipset() -> Vec<Entry> {
    read(IPSET)
}

/// Another program: `save`, `restore`, `apply` ...
pub(crate) fn program(name: &str) -> Entry {
    read(PROGRAMS).into_iter().find(|entry| entry.name == name).unwrap_or_default()
}

/// A match or a target by the name in its option table. Names of both kinds differ at least in capitals.
pub(crate) fn extension(name: &str) -> Option<Entry> {
    matches().into_iter().chain(targets()).find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests;

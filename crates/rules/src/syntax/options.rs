//! The generic options of iptables as data, and getopt_long's rules for finding options in words.
use std::borrow::Cow;

use packet::Family;

use super::extension::Spec;
use super::lex::{Span, Word};

/// How many values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// None.
    None,
    /// One: glued, behind `=`, or the next word.
    Required,
    /// One that must be glued or behind `=`.
    Optional,
}

/// A generic option: its letter (`0` for `--line-numbers`, as upstream's table has it), its long names, its arity.
pub struct Generic {
    /// The letter.
    pub letter: char,
    /// The long names; messages have the first.
    pub long: &'static [&'static str],
    /// How many values it takes.
    pub arity: Arity,
}

const fn generic(letter: char, long: &'static [&'static str], arity: Arity) -> Generic {
    Generic { letter, long, arity }
}

/// All generic options.
pub const GENERIC: &[Generic] = &[
    generic('A', &["append"], Arity::Required),
    generic('D', &["delete"], Arity::Required),
    generic('C', &["check"], Arity::Required),
    generic('I', &["insert"], Arity::Required),
    generic('R', &["replace"], Arity::Required),
    generic('L', &["list"], Arity::Optional),
    generic('S', &["list-rules"], Arity::Optional),
    generic('F', &["flush"], Arity::Optional),
    generic('Z', &["zero"], Arity::Optional),
    generic('N', &["new-chain"], Arity::Required),
    generic('X', &["delete-chain"], Arity::Optional),
    generic('E', &["rename-chain"], Arity::Required),
    generic('P', &["policy"], Arity::Required),
    generic('s', &["source", "src"], Arity::Required),
    generic('d', &["destination", "dst"], Arity::Required),
    generic('p', &["protocol"], Arity::Required),
    generic('i', &["in-interface"], Arity::Required),
    generic('j', &["jump"], Arity::Required),
    generic('t', &["table"], Arity::Required),
    generic('m', &["match"], Arity::Required),
    generic('n', &["numeric"], Arity::None),
    generic('o', &["out-interface"], Arity::Required),
    generic('v', &["verbose"], Arity::None),
    generic('w', &["wait"], Arity::Optional),
    generic('W', &["wait-interval"], Arity::Optional),
    generic('x', &["exact"], Arity::None),
    generic('f', &["fragments"], Arity::None),
    generic('V', &["version"], Arity::None),
    generic('h', &["help"], Arity::Optional),
    generic('0', &["line-numbers"], Arity::None),
    generic('M', &["modprobe"], Arity::Required),
    generic('c', &["set-counters"], Arity::Required),
    generic('g', &["goto"], Arity::Required),
    generic('4', &["ipv4"], Arity::None),
    generic('6', &["ipv6"], Arity::None),
];

/// The long name of a generic option, as messages of 1.8.13 give it: `--in-interface`.
pub(crate) fn long_name(letter: char) -> String {
    if letter == JSON {
        return "--json".into();
    }
    let option = GENERIC.iter().find(|option| option.letter == letter);
    format!("--{}", option.and_then(|option| option.long.first()).unwrap_or(&"?"))
}

/// Which option was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// A generic option, by its letter.
    Generic(char),
    /// An option of a loaded extension: the extension's slot and the row of its table.
    Extension(usize, usize),
}

/// What getopt finds next.
#[derive(Debug)]
pub(crate) enum Found<'w> {
    /// An option with the value that it took by itself.
    Option { which: Which, value: Option<Word<'w>>, span: Span },
    /// A word that is no option.
    Word(&'w Word<'w>),
    /// An option without its value; the word as typed.
    Missing(Cow<'w, str>, Span),
    /// No option, or an abbreviation of several; the text of the message.
    Unknown(Cow<'w, str>, Span),
    /// No more options.
    End,
}

/// A place in the words: the next word, and the next byte in a cluster of short options.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) word: usize,
    cluster: usize,
}

/// Reads options out of words as getopt_long does with `-` in front of its option string: in order, words that are no
/// options included.
pub(crate) struct Getopt<'w> {
    words: &'w [Word<'w>],
    family: Family,
    pub(crate) place: Place,
    /// The match that `-p` has brought again behind its `-m`: its options stand twice among the known ones, so that an
    /// abbreviation is one of two.
    pub(crate) doubled: Option<&'static Spec>,
}

impl<'w> Getopt<'w> {
    pub(crate) fn new(words: &'w [Word<'w>], family: Family) -> Self {
        Self { words, family, place: Place::default(), doubled: None }
    }

    /// The next word, if it neither starts with `-` nor with `!`: it is taken.
    pub(crate) fn argument(&mut self) -> Option<&'w Word<'w>> {
        let word = self.words.get(self.place.word).filter(|word| !word.text.starts_with(['-', '!']))?;
        self.place.word += 1;
        Some(word)
    }

    /// The words that are left.
    pub(crate) fn rest(&self) -> &'w [Word<'w>] {
        self.words.get(self.place.word..).unwrap_or(&[])
    }

    /// The next option among the generic ones and those of loaded extensions, newest first.
    pub(crate) fn next(&mut self, loaded: &[(usize, &'static Spec)]) -> Found<'w> {
        let Some(word) = self.words.get(self.place.word) else { return Found::End };
        if self.place.cluster > 0 {
            return self.short(word);
        }
        let text: &'w str = &word.text;
        if text == "--" {
            self.place.word += 1;
            return Found::End;
        }
        if let Some(long) = text.strip_prefix("--") {
            return self.long(word, long, loaded);
        }
        if text.len() > 1 && text.starts_with('-') {
            self.place.cluster = 1;
            return self.short(word);
        }
        self.place.word += 1;
        Found::Word(word)
    }

    fn short(&mut self, word: &'w Word<'w>) -> Found<'w> {
        let text: &'w str = &word.text;
        let at = self.place.cluster;
        let letter = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('-');
        let behind = at + letter.len_utf8();
        let glued = text.get(behind..).filter(|rest| !rest.is_empty());
        let span = word.part(if at == 1 { 0 } else { at }, behind);
        let last = Place { word: self.place.word + 1, cluster: 0 };
        let option = GENERIC.iter().find(|option| option.letter == letter && letter != '0');
        let Some(option) = option else {
            self.place = if glued.is_some() { Place { cluster: behind, ..self.place } } else { last };
            return Found::Unknown(Cow::Owned(format!("-{letter}")), span);
        };
        let which = Which::Generic(letter);
        if option.arity == Arity::None {
            self.place = if glued.is_some() { Place { cluster: behind, ..self.place } } else { last };
            return Found::Option { which, value: None, span };
        }
        self.place = last;
        let value = match glued {
            Some(glued) => Some(Word { text: Cow::Borrowed(glued), span: word.part(behind, text.len()) }),
            None if option.arity == Arity::Required => match self.take() {
                Some(value) => Some(value),
                None => return Found::Missing(Cow::Borrowed(text), word.span),
            },
            None => None,
        };
        Found::Option { which, value, span }
    }

    fn take(&mut self) -> Option<Word<'w>> {
        let word = self.words.get(self.place.word)?;
        self.place.word += 1;
        Some(Word { text: Cow::Borrowed(&word.text), span: word.span })
    }

    /// Whether a name is an abbreviation of an option that stands there twice.
    fn is_doubled(&self, name: &str, which: Which, loaded: &[(usize, &'static Spec)]) -> bool {
        let (Some(doubled), Which::Extension(slot, _)) = (self.doubled, which) else { return false };
        let own = loaded.iter().any(|&(at, spec)| at == slot && std::ptr::eq(spec, doubled));
        let whole =
            |option: &super::extension::OptionSpec| option.name == name || option.aliases.contains(&name);
        own && !doubled.options.iter().any(whole)
    }

    fn long(&mut self, word: &'w Word<'w>, long: &'w str, loaded: &[(usize, &'static Spec)]) -> Found<'w> {
        let whole: &'w str = &word.text;
        self.place.word += 1;
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let name_end = 2 + name.len();
        let span = word.part(0, name_end);
        let found =
            find_long(name, self.family, loaded).filter(|&(which, _)| !self.is_doubled(name, which, loaded));
        let Some((which, arity)) = found else {
            return Found::Unknown(Cow::Borrowed(whole), word.span);
        };
        let value = value
            .map(|value| Word { text: Cow::Borrowed(value), span: word.part(name_end + 1, whole.len()) });
        match (arity, value) {
            // Linux: getopt_long gives '?' for a value that the option does not take.
            (Arity::None, Some(_)) => Found::Unknown(Cow::Borrowed(whole), word.span),
            (Arity::Required, None) => match self.take() {
                Some(value) => Found::Option { which, value: Some(value), span },
                None => Found::Missing(Cow::Borrowed(whole), word.span),
            },
            (_, value) => Found::Option { which, value, span },
        }
    }
}

/// `--json`, which upstream has not.
pub(crate) const JSON: char = 'J';

/// The option of a long name: an exact name, else the only one that begins so.
pub(crate) fn find_long(
    name: &str,
    family: Family,
    loaded: &[(usize, &'static Spec)],
) -> Option<(Which, Arity)> {
    // Why: the options of extensions are fewer, and none has the name of a generic one.
    let own = extension_options(loaded).find(|&(long, ..)| long == name);
    let exact = own.or_else(|| generic_options(family).find(|&(long, ..)| long == name));
    if let Some((_, which, arity)) = exact {
        return Some((which, arity));
    }
    // Why: not in the table, so that `--j` still means `--jump`, and `-J` nothing.
    if name == "json" {
        return Some((Which::Generic(JSON), Arity::None));
    }
    let mut candidates = long_options(family, loaded).filter(|&(long, ..)| long.starts_with(name));
    let (_, which, arity) = candidates.next()?;
    candidates.all(|(_, other, _)| other == which).then_some((which, arity))
}

/// All long names in force: generic ones, then those of the loaded extensions.
pub(crate) fn long_options<'a>(
    family: Family,
    loaded: &'a [(usize, &'static Spec)],
) -> impl Iterator<Item = (&'static str, Which, Arity)> + 'a {
    generic_options(family).chain(extension_options(loaded))
}

fn generic_options(family: Family) -> impl Iterator<Item = (&'static str, Which, Arity)> {
    // Linux: ip6tables knows `-f`, to refuse it, but not its long name.
    let known = GENERIC.iter().filter(move |option| option.letter != 'f' || family == Family::V4);
    known.flat_map(|option| {
        option.long.iter().map(|&long| (long, Which::Generic(option.letter), option.arity))
    })
}

fn extension_options<'a>(
    loaded: &'a [(usize, &'static Spec)],
) -> impl Iterator<Item = (&'static str, Which, Arity)> + 'a {
    // Linux: a match that is loaded again brings no options of its own; the ones that are there are for the newest.
    let first = move |at: usize, spec: &'static Spec| {
        !loaded.iter().take(at).any(|&(_, other)| std::ptr::eq(other, spec))
    };
    let newest = loaded.iter().enumerate().filter(move |&(at, &(_, spec))| first(at, spec));
    newest.flat_map(|(_, &(slot, spec))| {
        spec.options.iter().enumerate().flat_map(move |(row, option)| {
            let arity = if option.kind.arity() == 0 { Arity::None } else { Arity::Required };
            std::iter::once(option.name)
                .chain(option.aliases.iter().copied())
                .map(move |long| (long, Which::Extension(slot, row), arity))
        })
    })
}

#[cfg(test)]
mod tests;

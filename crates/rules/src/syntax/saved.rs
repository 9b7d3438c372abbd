//! What an extension prints with `-S`, taken apart into options again: for those who write rules in another form, so
//! that no extension needs code for it.
use std::borrow::Cow;

use super::extension::{OptionSpec, Spec};
use super::lex;

/// An option as it was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedOption<'a> {
    /// Its name without dashes.
    pub name: Cow<'a, str>,
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The words behind it, without quotes.
    pub values: Vec<Cow<'a, str>>,
}

/// The options in a text that the extension's `save` has printed (` --dport 22 ! --syn`).
pub fn options<'a>(spec: Option<&Spec>, text: &'a str) -> Vec<SavedOption<'a>> {
    let mut found = Vec::new();
    let mut words = lex::printed_words(text).into_iter().peekable();
    while let Some(word) = words.next() {
        let invert = word == "!";
        let word = match invert {
            true => words.next().unwrap_or_default(),
            false => word,
        };
        let name = without_dashes(word);
        let values = match spec.and_then(|spec| find(spec, &name)) {
            Some(option) => words.by_ref().take(option.kind.arity()).collect(),
            None => Vec::new(),
        };
        let mut option = SavedOption { name, invert, values };
        // Why: an option may print more words than its table says, or be none of the table.
        while let Some(more) = words.next_if(|word| !word.starts_with("--") && word != "!") {
            option.values.push(more);
        }
        found.push(option);
    }
    found
}

/// The row of an option by its name or one of its others.
pub fn find<'s>(spec: &'s Spec, name: &str) -> Option<&'s OptionSpec> {
    spec.options.iter().find(|option| option.name == name || option.aliases.contains(&name))
}

fn without_dashes(word: Cow<'_, str>) -> Cow<'_, str> {
    match word {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start_matches('-')),
        Cow::Owned(text) => Cow::Owned(text.trim_start_matches('-').to_owned()),
    }
}

#[cfg(test)]
mod tests;

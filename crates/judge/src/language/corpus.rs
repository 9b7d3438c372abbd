//! The rules of `fixtures/match` and `fixtures/target` as material: whole lines to be changed a little, and the values
//! that stand behind each option.
use std::collections::BTreeMap;
use std::path::Path;

use packet::Family;
use rules::fixture::{self, Outcome};
use rules::syntax::lex;

/// A rule of a fixture.
#[derive(Clone, Debug)]
pub struct Seedling {
    /// The extension whose file it is.
    pub extension: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// Commands before it, as words behind the program's name and `-t TABLE`.
    pub setup: Vec<Vec<String>>,
    /// The words behind the chain.
    pub words: Vec<String>,
}

/// Values of an option.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// From rules that are taken: each with all words behind the option.
    pub good: Vec<Vec<String>>,
    /// From rules that are refused.
    pub bad: Vec<Vec<String>>,
}

/// All fixtures of one family.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// The rules.
    pub rules: Vec<Seedling>,
    values: BTreeMap<(String, String), Seen>,
}

fn words_of(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    // What the lexer refuses is no rule that one could change.
    match lex::restore_line(line, 0, &mut words) {
        Ok(()) => words.into_iter().map(|word| word.text.into_owned()).collect(),
        Err(_) => Vec::new(),
    }
}

impl Corpus {
    /// Reads the fixtures of a family below a folder.
    pub fn read(fixtures: &Path, family: Family) -> Result<Self, String> {
        let mut corpus = Self::default();
        for folder in ["match", "target"] {
            let folder = fixtures.join(folder);
            let entries =
                std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            files.sort();
            for file in files {
                let text =
                    std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                let cases = fixture::read(&text).map_err(|error| format!("{}: {error}", file.display()))?;
                let extension =
                    file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                for case in cases.into_iter().filter(|case| case.family == family) {
                    corpus.add(&extension, &case);
                }
            }
        }
        Ok(corpus)
    }

    fn add(&mut self, extension: &str, case: &fixture::Case) {
        let words = words_of(&case.rule);
        let taken = matches!(case.outcome, Outcome::Taken { .. });
        for (at, word) in words.iter().enumerate() {
            let Some(name) = word.strip_prefix("--") else { continue };
            let behind = words.iter().skip(at + 1).take_while(|word| !word.starts_with('-') && *word != "!");
            let value: Vec<String> = behind.take(2).cloned().collect();
            let seen = self.values.entry((extension.to_owned(), name.to_owned())).or_default();
            let list = if taken { &mut seen.good } else { &mut seen.bad };
            if !list.contains(&value) {
                list.push(value);
            }
        }
        self.rules.push(Seedling {
            extension: extension.to_owned(),
            table: case.table.clone(),
            chain: case.chain.clone(),
            setup: case.setup.iter().map(|command| words_of(command)).collect(),
            words,
        });
    }

    /// What was seen behind an option of an extension, by any of its names.
    pub fn values(&self, extension: &str, names: &[&str]) -> Seen {
        let mut all = Seen::default();
        for name in names {
            if let Some(seen) = self.values.get(&(extension.to_owned(), (*name).to_owned())) {
                all.good.extend(seen.good.iter().cloned());
                all.bad.extend(seen.bad.iter().cloned());
            }
        }
        all
    }
}

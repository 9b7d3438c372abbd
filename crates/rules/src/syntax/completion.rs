//! What may stand where the cursor is: an unfinished command line read with the parser's own tables.
//!
//! Pure as the parser is: names of chains, interfaces or users are the caller's. What is wrong with the line is passed
//! over, since it is not finished.
use packet::Family;

use super::extension::{Lookup, OptionSpec, Spec};
use super::lex::Word;
use super::options::{Found, GENERIC, Generic, Getopt, Place, Which};
use super::value::{self, Kind};
use super::{Names, options};
use crate::{Table, Target, matches, targets};

/// What the cursor's word may be.
#[derive(Clone, Copy, Debug)]
pub enum Expects {
    /// An option, or `!`.
    Option,
    /// The first argument of a command that needs none: a chain, or else an option.
    ChainOrOption,
    /// A chain.
    Chain,
    /// A name for a chain that is not there yet.
    NewChain,
    /// ACCEPT or DROP.
    Policy,
    /// The number of a rule, or else an option.
    NumberOrOption,
    /// The value of a generic option, by its letter.
    Generic(char),
    /// A value of an extension's option: the first or the second.
    Extension(&'static Spec, &'static OptionSpec, usize),
}

/// An unfinished command line.
#[derive(Debug)]
pub struct Situation {
    /// IPv4 or IPv6.
    pub family: Family,
    /// `-t`; filter without it, and where there is no such table.
    pub table: Table,
    /// The letter of the command, if there is one already.
    pub command: Option<char>,
    /// The chain that the command names.
    pub chain: Option<String>,
    /// What the cursor's word may be.
    pub expects: Expects,
    /// Extensions whose options may come, newest first; that of `-p` included.
    pub loaded: Vec<&'static Spec>,
    /// Options that were used, by extension and name; the generic ones by their first long name.
    pub used: Vec<(Option<&'static str>, &'static str)>,
}

/// Reads the words before the cursor, without the program's name.
pub fn situation(words: &[String], family: Family, names: &dyn Names) -> Situation {
    let (_, words) = super::lex::arguments(words);
    let mut reader = Reader {
        family,
        names,
        getopt: Getopt::new(&words, family),
        loaded: Vec::new(),
        implicit: None,
        situation: Situation {
            family,
            table: Table::Filter,
            command: None,
            chain: None,
            expects: Expects::Option,
            loaded: Vec::new(),
            used: Vec::new(),
        },
    };
    reader.run();
    let mut situation = reader.situation;
    for (_, spec) in reader.loaded {
        if situation.loaded.iter().all(|own| own.name != spec.name) {
            situation.loaded.push(spec);
        }
    }
    if let Some(spec) =
        reader.implicit.filter(|spec| situation.loaded.iter().all(|own| own.name != spec.name))
    {
        situation.loaded.push(spec);
    }
    situation
}

struct Reader<'a, 'w> {
    family: Family,
    names: &'a dyn Names,
    getopt: Getopt<'w>,
    /// Extensions in force; the slot is of no meaning here.
    loaded: Vec<(usize, &'static Spec)>,
    /// The match that `-p` brings with it.
    implicit: Option<&'static Spec>,
    situation: Situation,
}

impl<'w> Reader<'_, 'w> {
    fn run(&mut self) {
        loop {
            let place = self.getopt.place;
            let expects = match self.getopt.next(&self.loaded) {
                Found::End => return,
                Found::Word(_) => continue,
                Found::Option { which, value, .. } => self.option(which, value),
                Found::Missing(text, _) => {
                    if self.load_implicit(place) {
                        continue;
                    }
                    self.missing(&text)
                }
                Found::Unknown(..) => {
                    self.load_implicit(place);
                    continue;
                }
            };
            if let Some(expects) = expects {
                self.situation.expects = expects;
                return;
            }
        }
    }

    /// Loads the match of `-p` and reads the option again.
    fn load_implicit(&mut self, place: Place) -> bool {
        let Some(spec) = self.implicit.take() else { return false };
        self.loaded.insert(0, (self.loaded.len(), spec));
        self.getopt.place = place;
        true
    }

    fn missing(&mut self, text: &str) -> Option<Expects> {
        let which = match text.strip_prefix("--") {
            Some(long) => options::find_long(long, self.family, &self.loaded)?.0,
            None => Which::Generic(text.chars().last()?),
        };
        match which {
            Which::Generic(letter) => Some(match letter {
                'N' => Expects::NewChain,
                'A' | 'C' | 'D' | 'I' | 'R' | 'E' | 'P' => {
                    self.situation.command = Some(letter);
                    Expects::Chain
                }
                letter => Expects::Generic(letter),
            }),
            Which::Extension(slot, row) => {
                let (spec, option) = self.row(slot, row)?;
                Some(Expects::Extension(spec, option, 0))
            }
        }
    }

    fn row(&self, slot: usize, row: usize) -> Option<(&'static Spec, &'static OptionSpec)> {
        let (_, spec) = self.loaded.iter().find(|own| own.0 == slot)?;
        Some((spec, spec.options.get(row)?))
    }

    /// An option with its value. Gives what is expected if the line ends behind it.
    fn option(&mut self, which: Which, value: Option<Word<'w>>) -> Option<Expects> {
        let letter = match which {
            Which::Generic(letter) => letter,
            Which::Extension(slot, row) => {
                let (spec, option) = self.row(slot, row)?;
                self.situation.used.push((Some(spec.name), option.name));
                if option.kind == Kind::TwoWords && self.getopt.argument().is_none() && self.at_end() {
                    return Some(Expects::Extension(spec, option, 1));
                }
                return None;
            }
        };
        if let Some(generic) = GENERIC.iter().find(|own| own.letter == letter) {
            self.situation.used.push((None, generic.first()));
        }
        let text = value.as_ref().map(|word| &*word.text);
        match letter {
            't' => self.situation.table = text.and_then(Table::from_name).unwrap_or(Table::Filter),
            'm' => {
                if let Lookup::Found(data) = matches::lookup(text?, self.family) {
                    self.load(data.spec());
                }
            }
            'j' => {
                if let Lookup::Found(data) = targets::lookup(text?, self.family) {
                    self.load(data.spec());
                }
            }
            'p' => {
                let protocol = value::protocol_number(text?, self.names)?;
                if let Some(Lookup::Found(data)) = matches::implicit(protocol, self.family) {
                    self.implicit = data.spec();
                }
            }
            'A' | 'C' | 'D' | 'I' | 'R' | 'E' | 'P' | 'N' | 'L' | 'S' | 'F' | 'Z' | 'X' => {
                return self.command(letter, value);
            }
            'w' | 'W' => drop(self.getopt.argument()),
            'c' if text.is_some_and(|text| !text.contains(',')) && self.getopt.argument().is_none() => {
                return self.at_end().then_some(Expects::Generic('c'));
            }
            _ => {}
        }
        None
    }

    fn load(&mut self, spec: Option<&'static Spec>) {
        if let Some(spec) = spec {
            // A match that is named again takes its options anew.
            self.situation.used.retain(|&(extension, _)| extension != Some(spec.name));
            self.loaded.insert(0, (self.loaded.len(), spec));
        }
    }

    fn command(&mut self, letter: char, value: Option<Word<'w>>) -> Option<Expects> {
        self.situation.command.get_or_insert(letter);
        let chain = value.or_else(|| self.getopt.argument().cloned());
        let Some(chain) = chain else { return self.at_end().then_some(Expects::ChainOrOption) };
        self.situation.chain = Some(chain.text.into_owned());
        let next = match letter {
            'E' => Expects::NewChain,
            'P' => Expects::Policy,
            'D' | 'I' | 'R' | 'L' | 'S' | 'Z' => Expects::NumberOrOption,
            _ => return None,
        };
        if self.getopt.argument().is_none() && self.at_end() { Some(next) } else { None }
    }

    fn at_end(&self) -> bool {
        self.getopt.rest().is_empty()
    }
}

impl Generic {
    /// Its first long name.
    pub fn first(&self) -> &'static str {
        self.long.first().copied().unwrap_or("")
    }
}

/// The long names of options that may come, with what they are: the extension (none: a generic one) and the first name of
/// the option.
pub fn offered(situation: &Situation) -> Vec<(&'static str, Option<&'static Spec>, &'static str)> {
    let mut offered = Vec::new();
    let used = |extension: Option<&'static str>, name| situation.used.contains(&(extension, name));
    for spec in &situation.loaded {
        for option in spec.options {
            let excluded = option.excludes.iter().any(|other| used(Some(spec.name), other));
            let again = option.repeat == super::extension::Repeat::Allowed;
            if (again || !used(Some(spec.name), option.name)) && !excluded {
                let names = std::iter::once(option.name).chain(option.aliases.iter().copied());
                offered.extend(names.map(|long| (long, Some(*spec), option.name)));
            }
        }
    }
    for generic in GENERIC {
        let fits = match (situation.command, generic.letter) {
            (_, 'f') if situation.family == Family::V6 => false,
            (None, _) => true,
            (Some('L' | 'S'), 'Z') | (Some('Z'), 'L' | 'S') => true,
            (Some(_), letter) if letter.is_ascii_uppercase() => matches!(letter, 'W' | 'M'),
            (Some('L'), 'n' | 'x' | '0') => true,
            (Some(_), 'n' | 'x' | '0' | 'h') => false,
            (Some(command), 'c') => matches!(command, 'A' | 'I' | 'R' | 'P'),
            (Some(command), 's' | 'd' | 'p' | 'i' | 'j' | 'm' | 'o' | 'f' | 'g') => {
                matches!(command, 'A' | 'C' | 'D' | 'I' | 'R')
            }
            _ => true,
        };
        let again = matches!(generic.letter, 'm' | 'v');
        if fits && (again || !used(None, generic.first())) {
            offered.extend(generic.long.iter().map(|&long| (long, None, generic.first())));
        }
    }
    if matches!(situation.command, Some('L' | 'S')) {
        offered.push(("json", None, "json"));
    }
    offered
}

/// The extensions behind `-m` that may stand in this table and chain.
pub fn match_names(situation: &Situation) -> Vec<&'static str> {
    fitting(matches::SPECS, situation)
}

/// What may stand behind `-j` but chains.
pub fn target_names(situation: &Situation) -> Vec<&'static str> {
    let mut names = vec![Target::Accept, Target::Drop, Target::Return, Target::Queue];
    names.retain(|target| situation.table != Table::Nat || *target != Target::Drop);
    let mut names: Vec<_> = names.iter().filter_map(Target::name).collect();
    names.extend(fitting(targets::SPECS, situation));
    names
}

fn fitting(specs: &[&'static Spec], situation: &Situation) -> Vec<&'static str> {
    let hook = situation.chain.as_deref().and_then(|chain| {
        situation.table.hooks().iter().map(|&(hook, _)| hook).find(|hook| hook.name() == chain)
    });
    let fits = |spec: &&&'static Spec| {
        let place = &spec.place;
        spec.families.has(situation.family)
            && (place.tables.is_empty() || place.tables.contains(&situation.table))
            && (place.hooks.is_empty() || hook.is_none_or(|hook| place.hooks.contains(&hook)))
    };
    let mut names: Vec<_> = specs.iter().filter(fits).map(|spec| spec.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;

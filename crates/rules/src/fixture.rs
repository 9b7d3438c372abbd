//! The one text format of test data: rules with what they are saved as, packets that hit and miss, errors.
//!
//! `fixtures/README.md` describes the format. This module only reads it; who runs the cases is in the tests.
use std::fmt;

use packet::Family;

mod names;
pub mod translation;

pub use names::{DebianNames, OBJECTS, SETS, given};

/// One rule with all that is known of it, for one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The number of the line with `rule:`, counted from 1.
    pub line: usize,
    /// The family.
    pub family: Family,
    /// The name of the table.
    pub table: String,
    /// The name of the chain.
    pub chain: String,
    /// Commands before the rule.
    pub setup: Vec<String>,
    /// The rule as typed.
    pub rule: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// What becomes of it in iptables 1.8.9, where that differs.
    pub outcome_of_1_8_9: Option<Outcome>,
    /// Packets that match.
    pub hits: Vec<String>,
    /// Packets that do not, with the reason.
    pub misses: Vec<(String, String)>,
}

/// What becomes of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is taken.
    Taken {
        /// As `-S` prints it.
        saved: String,
        /// As `-L -n` lists it.
        list: String,
        /// As `-L` lists it.
        list_names: String,
        /// What is on the error stream.
        warning: Option<String>,
    },
    /// It is refused.
    Refused {
        /// The exit status.
        exit: u8,
        /// The message.
        message: String,
    },
}

/// What is wrong with a fixture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixtureError {
    /// The number of the line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// What holds until it is set anew.
#[derive(Clone)]
struct Settings {
    families: Vec<Family>,
    table: String,
    chain: String,
    setup: Vec<String>,
}

/// The lines of one block: number, key, value.
type Block<'a> = Vec<(usize, &'a str, &'a str)>;

impl Settings {
    /// What holds at the start of a file.
    fn new() -> Self {
        Self {
            families: vec![Family::V4],
            table: "filter".to_owned(),
            chain: "INPUT".to_owned(),
            setup: Vec::new(),
        }
    }

    /// A block without a rule.
    fn set(&mut self, block: &Block<'_>) -> Result<(), FixtureError> {
        for &(line, key, value) in block {
            match key {
                "family" => self.families = families(line, value)?,
                "table" => self.table = value.to_owned(),
                "chain" => self.chain = value.to_owned(),
                "setup" => {
                    self.setup =
                        value.split(" ; ").filter(|command| !command.is_empty()).map(str::to_owned).collect();
                }
                _ => return Err(FixtureError { line, what: "unknown setting" }),
            }
        }
        Ok(())
    }
}

/// Reads a fixture file.
pub fn read(text: &str) -> Result<Vec<Case>, FixtureError> {
    let mut settings = Settings::new();
    let mut cases = Vec::new();
    for block in blocks(text)? {
        finish(&block, &mut settings, &mut cases)?;
    }
    Ok(cases)
}

/// The blocks of a file, parted by empty lines.
fn blocks(text: &str) -> Result<Vec<Block<'_>>, FixtureError> {
    let mut all = vec![Block::new()];
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            all.push(Block::new());
            continue;
        }
        let wrong = FixtureError { line: at + 1, what: "a line is `key: value`" };
        let (key, value) = line.split_once(':').ok_or(wrong)?;
        if let Some(block) = all.last_mut() {
            block.push((at + 1, key, value.strip_prefix(' ').unwrap_or(value)));
        }
    }
    Ok(all)
}

fn families(line: usize, value: &str) -> Result<Vec<Family>, FixtureError> {
    value
        .split_whitespace()
        .map(|word| match word {
            "4" => Ok(Family::V4),
            "6" => Ok(Family::V6),
            _ => Err(FixtureError { line, what: "a family is 4 or 6" }),
        })
        .collect()
}

fn finish(block: &Block<'_>, settings: &mut Settings, cases: &mut Vec<Case>) -> Result<(), FixtureError> {
    let Some(&(line, _, rule)) = block.iter().find(|(_, key, _)| *key == "rule") else {
        return settings.set(block);
    };
    const KEYS: [&str; 13] = [
        "rule",
        "only-family",
        "saved",
        "list",
        "list-names",
        "warning",
        "error",
        "saved-1.8.9",
        "list-1.8.9",
        "list-names-1.8.9",
        "error-1.8.9",
        "hit",
        "miss",
    ];
    if let Some(&(line, ..)) = block.iter().find(|(_, key, _)| !KEYS.contains(key)) {
        return Err(FixtureError { line, what: "unknown key" });
    }
    let value = |key: &str| block.iter().find(|(_, own, _)| *own == key).map(|(_, _, value)| *value);
    let mut only = settings.families.clone();
    if let Some(value) = value("only-family") {
        only = families(line, value)?;
    }
    let outcome = outcome(line, rule, "", &value)?
        .ok_or(FixtureError { line, what: "a rule needs `saved:` and `list:`, or `error:`" })?;
    let other = other_outcome(line, rule, &outcome, &value)?;
    let mut hits = Vec::new();
    let mut misses = Vec::new();
    for &(line, key, value) in block {
        match key {
            "hit" => hits.push(value.to_owned()),
            "miss" => {
                let wrong = FixtureError { line, what: "a miss is `PACKET => reason`" };
                let (packet, reason) = value.split_once(" => ").ok_or(wrong)?;
                misses.push((packet.to_owned(), reason.to_owned()));
            }
            _ => {}
        }
    }
    for family in settings.families.iter().copied().filter(|family| only.contains(family)) {
        cases.push(Case {
            line,
            family,
            table: settings.table.clone(),
            chain: settings.chain.clone(),
            setup: settings.setup.clone(),
            rule: rule.to_owned(),
            outcome: outcome.clone(),
            outcome_of_1_8_9: other.clone(),
            hits: hits.clone(),
            misses: misses.clone(),
        });
    }
    Ok(())
}

/// The outcome out of the keys with a suffix; `None` if there are none.
fn outcome<'v>(
    line: usize,
    rule: &str,
    suffix: &str,
    value: &impl Fn(&str) -> Option<&'v str>,
) -> Result<Option<Outcome>, FixtureError> {
    let value = |key: &str| value(&format!("{key}{suffix}"));
    if let Some(error) = value("error") {
        let wrong = FixtureError { line, what: "an error is `STATUS message`" };
        let (exit, message) = error.split_once(' ').ok_or(wrong.clone())?;
        let exit = exit.parse().map_err(|_| wrong)?;
        return Ok(Some(Outcome::Refused { exit, message: message.to_owned() }));
    }
    let (Some(saved), Some(list)) = (value("saved"), value("list")) else { return Ok(None) };
    Ok(Some(Outcome::Taken {
        saved: if saved == "=" { rule } else { saved }.to_owned(),
        list: list.to_owned(),
        list_names: value("list-names").unwrap_or(list).to_owned(),
        warning: value("warning").map(str::to_owned),
    }))
}

/// What 1.8.9 makes of it: each line with the suffix takes the place of the one without.
fn other_outcome<'v>(
    line: usize,
    rule: &str,
    own: &Outcome,
    value: &impl Fn(&str) -> Option<&'v str>,
) -> Result<Option<Outcome>, FixtureError> {
    let has =
        ["saved", "list", "list-names", "error"].iter().any(|key| value(&format!("{key}-1.8.9")).is_some());
    if !has {
        return Ok(None);
    }
    if value("error-1.8.9").is_some() {
        return outcome(line, rule, "-1.8.9", value);
    }
    let with = |key: &str| value(&format!("{key}-1.8.9")).or_else(|| value(key));
    let (Some(saved), Some(list)) = (with("saved"), with("list")) else {
        return Err(FixtureError { line, what: "1.8.9 needs `saved-1.8.9:` and `list-1.8.9:` here" });
    };
    let list_names = match (value("list-names-1.8.9"), own) {
        (Some(names), _) => names,
        (None, Outcome::Taken { .. }) if value("list-1.8.9").is_none() => with("list-names").unwrap_or(list),
        (None, _) => list,
    };
    Ok(Some(Outcome::Taken {
        saved: if saved == "=" { rule } else { saved }.to_owned(),
        list: list.to_owned(),
        list_names: list_names.to_owned(),
        warning: value("warning").map(str::to_owned),
    }))
}

#[cfg(test)]
mod tests;

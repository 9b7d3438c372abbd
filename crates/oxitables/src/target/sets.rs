//! The sets of the ruleset's file: read and written without the rules, which most commands of ipset need not know.
use std::fmt::Write as _;

use packet::Family;
use rules::Ruleset;
use rules::set::print::{Detail, Listing, Mode, sets as print_sets};
use rules::set::{SetName, Sets, restore};
use rules::syntax::{KnownSet, NoNames};

use crate::whole;

use super::{Identity, Locked, Place, TargetError, VERIFY_MAX, parse, print_all};

/// The sets in the text of a ruleset's file, and what else stands in it. `moment`: the second of the clock from which
/// their timeouts count (`None`: the file does not say), in milliseconds of the clock of who asks. A fault with its line.
pub(crate) fn sets_of(
    text: &str,
    moment: impl FnOnce(Option<u64>) -> u64,
) -> Result<(Sets, String), (usize, String)> {
    let (mut rest, mut own) = (String::new(), Vec::new());
    if !text.contains(MARK) && !text.contains(PLACES) {
        return Ok((Sets::new(), text.to_owned()));
    }
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if is_own(line) {
            own.push((at + 1, line.trim_end_matches('\n')));
        } else {
            rest.push_str(line);
        }
    }
    let clock = own.iter().find_map(|(_, line)| line.strip_prefix(CLOCK));
    let seconds = clock.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    let lines: Vec<(usize, &str)> =
        own.iter().filter_map(|(at, line)| Some((*at, line.strip_prefix(MARK)?))).collect();
    let mut script = String::new();
    for (_, line) in &lines {
        script.push_str(line);
        script.push('\n');
    }
    let mut sets = restore::load(&script, moment(seconds)).map_err(|(at, fault)| {
        (lines.get(at.saturating_sub(1)).map_or(0, |(line, _)| *line), fault.text().to_owned())
    })?;
    if let Some(places) = own.iter().find_map(|(_, line)| line.strip_prefix(PLACES)) {
        let places: Vec<Option<&str>> = places
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(|name| (name != "-").then_some(name))
            .collect();
        sets.arrange(&places);
    }
    Ok((sets, rest))
}

/// The lines of sets in the text of a ruleset's file, as `ipset restore` reads them.
pub(crate) fn script_of(text: &str) -> String {
    text.split_inclusive('\n').filter_map(|line| line.strip_prefix(MARK)).collect()
}

/// What stands before each line of a set.
const MARK: &str = "#ipset ";
const PLACES: &str = "# Sets of ipset by place, - for a free one:";
const CLOCK: &str = "# Their timeouts count from second ";

fn is_own(line: &str) -> bool {
    line.starts_with(MARK) || line.starts_with(PLACES) || line.starts_with(CLOCK)
}

/// The lines of the sets out of the text of a file.
pub(super) fn lines_of(text: &str) -> String {
    // Why: most files have no sets, and all others have them at the end.
    match text.find(PLACES) {
        None if !text.contains(MARK) => String::new(),
        _ => text.split_inclusive('\n').filter(|line| is_own(line)).collect(),
    }
}

/// The sets of a file, and the rest of it as it stands.
#[derive(Debug)]
pub(crate) struct SetFile {
    /// The sets.
    pub(crate) sets: Sets,
    rest: String,
}

impl SetFile {
    /// The rulesets of both families.
    pub(crate) fn rulesets(&self) -> Result<[Ruleset; 2], (usize, String)> {
        parse(&self.rest)
    }
}

/// Names and families of the sets as they stood in a file, for rules that name them.
#[derive(Debug)]
pub(crate) struct SetHeads {
    sets: Sets,
    identity: Option<Identity>,
}

impl SetHeads {
    /// Whether the file is still that one.
    pub(crate) fn is_current(&self, place: &Place) -> bool {
        identity(place) == self.identity
    }

    /// The names of all sets.
    pub(crate) fn names(&self) -> Vec<String> {
        self.sets.iter().map(|set| set.name().to_string()).collect()
    }

    /// A set.
    pub(crate) fn find(&self, name: &str) -> KnownSet {
        self.sets.find(name).map_or(KnownSet::Missing, |set| KnownSet::Present(set.family()))
    }
}

fn identity(place: &Place) -> Option<Identity> {
    std::fs::metadata(&place.path).ok().map(|metadata| Identity::of(&metadata))
}

impl Place {
    /// The sets without their members, read without the lock: a file is replaced as a whole, never changed. `None`: it
    /// cannot be read.
    // Why: a restore that asks holds the lock already.
    pub(crate) fn set_heads(&self) -> Option<SetHeads> {
        let identity = identity(self);
        let text = match &identity {
            Some(_) => whole::read_text(&self.path).ok()?,
            None => String::new(),
        };
        let script: String = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_prefix(MARK).filter(|line| line.starts_with("create ")))
            .collect();
        Some(SetHeads { sets: restore::load(&script, 0).ok()?, identity })
    }
}

impl Locked {
    /// Reads the sets.
    pub(crate) fn read_sets(&self) -> Result<SetFile, TargetError> {
        let text = self.text()?;
        let corrupt = |(line, what)| TargetError::Corrupt { path: self.path.clone(), line, what };
        let (sets, rest) =
            sets_of(&text, |seconds| seconds.unwrap_or(0).saturating_mul(1000)).map_err(corrupt)?;
        Ok(SetFile { sets, rest })
    }

    /// Writes the sets, and the rest as it was, all or nothing. `now`: milliseconds, whole seconds.
    pub(crate) fn write_sets(&self, file: &SetFile, now: u64) -> Result<(), TargetError> {
        let mut text = file.rest.clone();
        if text.is_empty() {
            text = print_all([&Ruleset::new(Family::V4), &Ruleset::new(Family::V6)]);
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let start = text.len();
        push(&mut text, &file.sets, now);
        // Why: no command may make a file that the next one cannot read.
        let own = text.get(start..).unwrap_or("");
        if own.len() < VERIFY_MAX {
            restore::load(&script_of(own), now).map_err(|(line, fault)| TargetError::Write {
                path: self.path.clone(),
                error: std::io::Error::other(format!(
                    "line {line} of the sets would not be read again ({})",
                    fault.text()
                )),
            })?;
        }
        self.write_text(&text)
    }
}

/// The lines of the sets.
fn push(out: &mut String, sets: &Sets, now: u64) {
    if sets.is_empty() {
        return;
    }
    out.push_str(PLACES);
    for place in sets.places() {
        let _ = write!(out, " {}", place.map_or("-", SetName::as_str));
    }
    let _ = writeln!(out, "\n{CLOCK}{} of the clock.", now / 1000);
    let listing = Listing {
        mode: Mode::Save,
        detail: Detail::Members,
        names: &NoNames,
        resolve: false,
        now,
        references: &|_| 0,
        exact: true,
    };
    for line in print_sets(sets, None, &listing).unwrap_or_default().lines() {
        let _ = writeln!(out, "{MARK}{line}");
    }
}

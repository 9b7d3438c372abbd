//! Rule files for the applets that run a ruleset instead of storing it: trace, exec, lab.
use packet::Family;
use rules::Ruleset;
use rules::set::{Sets, restore as set_restore};
use rules::syntax::objects::Given;
use rules::syntax::restore::Fault;
use rules::syntax::{ErrorKind, print, restore};

use crate::diagnosis::{self, Source};
use crate::names::SystemNames;
use crate::target::sets_of;

/// Why a rule file cannot be used: every fault of its first bad table, as a person reads it.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The whole message.
    pub(crate) text: String,
    /// Exit code: 2 it does not parse, 3 it uses what is not modelled yet.
    pub(crate) exit: u8,
}

/// The sets that rules may name: those of a file as `ipset save` writes it (its name and text), or those that stand in the
/// rules' own files, as the ruleset's file has them; the first file that has any counts. `moment`: the second of the clock
/// from which timeouts count, `None` for that of the loading, in milliseconds of the clock that runs. `seed`: the start of the
/// hash of each set that has none.
pub(crate) fn sets(
    given: Option<(&str, &str)>,
    files: &[(&str, &str)],
    moment: impl Fn(Option<u64>) -> u64,
    seed: &mut dyn FnMut() -> u32,
) -> Result<Sets, Problem> {
    let problem = |name: &str, (line, what): (usize, String)| Problem {
        text: format!("{name} does not load\n{name}:{line}: {}", what.trim_end()),
        exit: 2,
    };
    if let Some((name, text)) = given {
        let names = SystemNames::new();
        return set_restore::load_with(text, moment(None), &names, seed)
            .map_err(|(line, fault)| problem(name, (line, fault.text().to_owned())));
    }
    for (name, text) in files {
        let (sets, _) = sets_of(text, &moment).map_err(|fault| problem(name, fault))?;
        if !sets.is_empty() {
            return Ok(sets);
        }
    }
    Ok(Sets::new())
}

/// Reads a file in iptables-save format. `name` is shown in messages, `sets` are those that its rules may name, `None` where they are not known; warnings
/// (host names that this machine has resolved) go to the error stream.
pub(crate) fn read(family: Family, name: &str, text: &str, sets: Option<&Sets>) -> Result<Ruleset, Problem> {
    read_given(family, name, text, sets, &Given::default())
}

/// [`read`] for rules that name what other programs have made.
pub(crate) fn read_given(
    family: Family,
    name: &str,
    text: &str,
    sets: Option<&Sets>,
    given: &Given,
) -> Result<Ruleset, Problem> {
    let names = sets.map_or_else(SystemNames::new, SystemNames::with_given);
    let (ruleset, warnings) =
        restore::load_given(text, family, Some(&names), given).map_err(|faults| problem(name, &faults))?;
    for warning in warnings {
        eprintln!("{name}: {warning}");
    }
    Ok(ruleset)
}

fn problem(name: &str, faults: &[Fault]) -> Problem {
    let unmodelled = |fault: &Fault| {
        matches!(fault.error.kind, ErrorKind::NotModelledMatch(_) | ErrorKind::NotModelledTarget(_))
    };
    let only_unmodelled = !faults.is_empty() && faults.iter().all(unmodelled);
    let mut text = if only_unmodelled {
        format!("cannot decide: {name} uses what is not modelled yet")
    } else {
        format!("{name} does not load")
    };
    for fault in faults {
        let line = fault.rule_line.unwrap_or(fault.line);
        let source = Source { path: Some(name), line, text: &fault.text, before: "" };
        text.push('\n');
        text.push_str(&diagnosis::render(&fault.error, &source, diagnosis::colored()));
    }
    let set = |fault: &Fault| matches!(&fault.error.kind, ErrorKind::Extension(text) if text.starts_with("Set ") && text.contains("doesn't exist"));
    if faults.iter().any(set) {
        text.push_str(
            "\nsets come from --sets FILE (what `ipset save' prints), from `#ipset' lines of the ruleset's file, in a lab from \
             a line `sets HOST FILE'",
        );
    }
    Problem { text, exit: if only_unmodelled { 3 } else { 2 } }
}

/// A ruleset with its counters, in iptables-save format.
pub(crate) fn print_with_counters(ruleset: &Ruleset) -> String {
    let mut out = String::new();
    print::ruleset(&mut out, ruleset, true, None);
    out
}

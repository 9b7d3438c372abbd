//! Rule files for the applets that run a ruleset instead of storing it: trace, exec, lab.
use packet::Family;
use rules::Ruleset;
use rules::syntax::restore::Fault;
use rules::syntax::{ErrorKind, print, restore};

use crate::diagnosis::{self, Source};
use crate::names::SystemNames;

/// Why a rule file cannot be used: every fault of its first bad table, as a person reads it.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The whole message.
    pub(crate) text: String,
    /// Exit code: 2 it does not parse, 3 it uses what is not modelled yet.
    pub(crate) exit: u8,
}

/// Reads a file in iptables-save format. `name` is shown in messages; warnings (host names that this machine has
/// resolved) go to the error stream.
pub(crate) fn read(family: Family, name: &str, text: &str) -> Result<Ruleset, Problem> {
    let names = SystemNames::new();
    let (ruleset, warnings) =
        restore::load_with_warnings(text, family, Some(&names)).map_err(|faults| problem(name, &faults))?;
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
    Problem { text, exit: if only_unmodelled { 3 } else { 2 } }
}

/// A ruleset with its counters, in iptables-save format.
pub(crate) fn print_with_counters(ruleset: &Ruleset) -> String {
    let mut out = String::new();
    print::ruleset(&mut out, ruleset, true, None);
    out
}

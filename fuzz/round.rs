//! What several targets do with what they leave: print it, load it, print it again.
use packet::Family;
use rules::Ruleset;
use rules::fixture::DebianNames;
use rules::syntax::{print, restore};

/// Panics unless a ruleset's print loads, and prints the same again.
pub fn goes_round(ruleset: &Ruleset, family: Family) {
    let printed = print(ruleset);
    // Linux: tables are saved in the reverse order of their first use (F70), so that the order is back after two rounds.
    let turned = print(&load(&printed, family));
    assert_eq!(printed, print(&load(&turned, family)));
}

fn print(ruleset: &Ruleset) -> String {
    let mut out = String::new();
    print::ruleset(&mut out, ruleset, true, None);
    out
}

fn load(text: &str, family: Family) -> Ruleset {
    restore::load(text, family, Some(&DebianNames)).unwrap_or_else(|faults| panic!("{text}\n{faults:?}"))
}

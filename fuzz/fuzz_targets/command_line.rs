#![no_main]
//! Any words as commands of iptables or ip6tables on one ruleset, a command a line, words separated by single blanks:
//! each is done or has an error that can be told; the ruleset prints, loads and prints the same.
#[path = "../round.rs"]
mod round;

use libfuzzer_sys::fuzz_target;
use packet::Family;
use rules::fixture::DebianNames;
use rules::syntax::apply::{Editor, Session};
use rules::syntax::{Mode, Parsed, help, lex, parse};
use rules::{Ruleset, Table, TableRules};

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let family = if first & 1 == 0 { Family::V4 } else { Family::V6 };
    let text = String::from_utf8_lossy(rest);
    let mut ruleset = Ruleset::new(family);
    for line in text.lines().take(32) {
        one(&mut ruleset, family, line);
    }
    round::goes_round(&ruleset, family);
});

fn one(ruleset: &mut Ruleset, family: Family, line: &str) {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let (_, words) = lex::arguments(&words);
    let mode = Mode { family, names: &DebianNames, restore: None, trusted: false };
    let mut out = String::new();
    let command = match parse::parse(&words, mode, None) {
        Ok(Parsed::Command(command)) => *command,
        Ok(Parsed::Help(specs)) => return help::print(&mut out, "iptables", "v1.8.13", family, &specs),
        Ok(Parsed::Version(_)) => return,
        Err(error) => return drop(error.kind.report("iptables", "v1.8.13", None)),
    };
    let Some(table) = Table::from_name(&command.table.text) else { return };
    let present = ruleset.table(table).cloned().unwrap_or_else(|| TableRules::new(table));
    let mut editor = Editor::new(present, family);
    let mut warnings = Vec::new();
    let mut session = Session { names: &DebianNames, out: &mut out, warnings: &mut warnings };
    match editor.apply(command, &mut session) {
        Ok(()) => match editor.finish() {
            Ok(rules) => ruleset.set_table(rules),
            Err(refused) => drop(refused.error.kind.report("iptables", "v1.8.13", None)),
        },
        Err(error) => drop(error.kind.report("iptables", "v1.8.13", None)),
    }
}

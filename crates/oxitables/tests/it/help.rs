//! The help text of each extension is that of the machine's own iptables-legacy.
use std::process::Command;

use packet::Family;
use rules::syntax::extension::Spec;

use crate::machine;

/// Lines that 1.8.13 has and 1.8.9 has not.
const NEWER: [&str; 5] = [
    "info-request\n",
    "info-reply\n",
    "mld-listener-query\n",
    "mld-listener-report\n",
    "mld-listener-done (mld-listener-reduction)\n",
];

/// Words of a line that 1.8.13 has and 1.8.9 has not.
const NEWER_WORDS: [&str; 2] = [" I_DATA RE_CONFIG PAD", " I_FORWARD_TSN"];

fn theirs(family: Family, option: &str, name: &str) -> String {
    let program = if family == Family::V4 { "iptables-legacy" } else { "ip6tables-legacy" };
    let output = Command::new(program).args([option, name, "-h"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What stands behind the general help.
fn behind(help: &str) -> &str {
    help.split_once("print package version.\n").map_or(help, |(_, behind)| behind)
}

fn compare(option: &str, specs: &[&Spec], faults: &mut Vec<String>) {
    for spec in specs {
        for family in [Family::V4, Family::V6] {
            if !spec.families.has(family) {
                continue;
            }
            let mut ours = (spec.help)(family).into_owned();
            for line in NEWER {
                ours = ours.replace(&format!("\n{line}"), "\n");
            }
            for words in NEWER_WORDS {
                ours = ours.replace(words, "");
            }
            let theirs = theirs(family, option, spec.name);
            if behind(&theirs) != format!("\n{ours}") {
                let tail: String = theirs.lines().rev().take(30).collect::<Vec<_>>().join("\n");
                faults.push(format!(
                    "{option} {} {family:?}\n{ours}\ntheirs, from the end:\n{tail}\n",
                    spec.name
                ));
            }
        }
    }
}

#[test]
fn help_of_extensions_is_that_of_iptables() {
    if let Some(why) = machine::missing_legacy() {
        machine::skip(&format!("help against iptables-legacy 1.8.9: {why}"));
        return;
    }
    let mut faults = Vec::new();
    compare("-m", rules::matches::SPECS, &mut faults);
    compare("-j", rules::targets::SPECS, &mut faults);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for words in
        [&["-j", "RETURN"][..], &["-p", "tcp", "-j", "ACCEPT"], &["-g", "foo"], &["-j", "DROP", "-m", "mac"]]
    {
        let ask = |program: &str, first: &[&str]| {
            let output = Command::new(program).args(first).args(words).arg("-h").output().unwrap();
            behind(&String::from_utf8_lossy(&output.stdout)).to_owned()
        };
        let ours = ask(env!("CARGO_BIN_EXE_oxitables"), &["iptables"]);
        assert_eq!(ours, ask("iptables-legacy", &[]), "{words:?}");
    }
}

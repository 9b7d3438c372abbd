//! `iptables-xml` beside the machine's own: the same bytes for whatever a save file may hold. No root is needed.
use std::process::{Command, Output};

use packet::Family;
use rules::generate::{Options, from_seed, ruleset};
use rules::syntax::print::{self, Stamp};

use crate::machine;
use crate::programs::{BINARY, feed};

/// Why the machine's program cannot be asked.
fn missing() -> Option<String> {
    match Command::new("iptables-xml").arg("/dev/null").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(format!("iptables-xml: {error}")),
    }
}

fn skipped() -> bool {
    let Some(why) = missing() else { return false };
    machine::skip(&format!("the machine's iptables-xml: {why}"));
    true
}

#[track_caller]
fn compare(text: &str, words: &[&str]) {
    let theirs = feed(Command::new("iptables-xml").args(words), text);
    let ours = feed(Command::new(BINARY).arg("iptables-xml").args(words), text);
    let told = |output: &Output| {
        let errors = String::from_utf8_lossy(&output.stderr).replace("1.8.9", "1.8.13");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), errors)
    };
    assert_eq!(told(&ours), told(&theirs), "{words:?} of\n{text}");
}

/// Rulesets as they are saved.
#[test]
fn saved_rulesets() {
    if skipped() {
        return;
    }
    for seed in 0..20 {
        let family = if seed % 2 == 0 { Family::V4 } else { Family::V6 };
        let options = Options { counters: true, ..Options::default() };
        let made = ruleset(&mut from_seed(seed), family, &options);
        let mut text = String::new();
        let stamp = Stamp { program: "iptables-save v1.8.13", date: "Sat Nov 21 07:56:06 2026" };
        print::ruleset(&mut text, &made, seed % 3 == 0, Some(stamp));
        compare(&text, &[]);
        compare(&text, &["--combine"]);
    }
}

/// A small generator of numbers (xorshift), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const WORDS: &[&str] = &[
    "-p",
    "tcp",
    "-m",
    "tcp",
    "--dport",
    "22",
    "-j",
    "LOG",
    "ACCEPT",
    "foo",
    "bar",
    "-g",
    "!",
    "--jump",
    "--goto",
    "--module",
    "\"a b\"",
    "\"-j\"",
    "\"!\"",
    "--x",
    "-s",
    "1.2.3.4",
    "x\"y z\"w",
    "\"un",
    "\\",
    "\"q\\\"r\\\\\"",
    "<&>",
    "é",
    "-",
    "--",
    "-A",
    "A",
    "B",
    "INPUT",
    "--log-prefix \"\"",
    "DROP",
    "x\"\"",
    "\"-m\"",
    "-m\"",
];
const DECLARATIONS: &[&str] = &[
    ":INPUT ACCEPT [1:2]",
    ":foo - [0:0]",
    ":bar - [7:8]",
    ":A B [3:3]",
    ":foo - [-1:99999999999999999999]",
    ": x",
];
const OTHERS: &[&str] = &[
    "# x",
    "#--",
    "# a -- b",
    " # x",
    "COMMIT\n*nat",
    "COMMIT\n*filter x",
    "*mangle",
    "* raw",
    "*",
    "",
    "  ",
    "COMMIT ",
    "[",
    "[1:2]",
    "[1]",
    "-A",
    "foo",
    "-A INPUT -p tcp -j LOG",
    "-A INPUT -p tcp -j foo --x",
];

fn line(dice: &mut Dice) -> String {
    match dice.below(20) {
        0..=2 => dice.pick(DECLARATIONS).to_owned(),
        3..=6 => dice.pick(OTHERS).to_owned(),
        _ => {
            let mut line = dice.pick(&["", "", "", "[1:2] ", "[3:4]", "[1: 2] ", "[:2:] "]).to_owned();
            line += dice.pick(&["-A ", "-A ", "-A ", "-A ", "-I ", "\"-A\" "]);
            line += dice.pick(&["INPUT", "foo", "bar", "A"]);
            for _ in 0..dice.below(9) {
                line += dice.pick(&[" ", " ", "  ", "\t"]);
                line += dice.pick(WORDS);
            }
            line
        }
    }
}

/// Whatever else comes: words in any order, quotes that do not end, lines that are none.
#[test]
fn any_lines() {
    if skipped() {
        return;
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..150 {
        let mut text = String::from("*filter\n:first - [0:0]\n");
        for _ in 0..=dice.below(12) {
            text += &line(&mut dice);
            text.push('\n');
        }
        text += dice.pick(&["COMMIT\n", "COMMIT\n", "COMMIT", ""]);
        compare(&text, dice.pick(&["-c", "-v", "-cv"]).split(' ').collect::<Vec<_>>().as_slice());
    }
}

#[test]
fn the_command_line() {
    let run = |words: &[&str]| feed(Command::new(BINARY).arg("iptables-xml").args(words), "");
    let empty = "<iptables-rules version=\"1.0\">\n</iptables-rules>\n";
    assert_eq!(String::from_utf8_lossy(&run(&[]).stdout), empty);
    let help = run(&["-h"]);
    assert_eq!((help.status.code(), help.stdout.len()), (Some(1), 0));
    assert!(help.stderr.starts_with(b"Usage: iptables-xml [-c] [-v] [-h]\n"));
    assert_eq!(run(&["a", "b"]).status.code(), Some(1));
    assert_eq!(run(&["/no/such/file"]).status.code(), Some(1));
    // As there: a fault is told, and the file is converted.
    let fault = run(&["-x"]);
    assert_eq!((fault.status.code(), String::from_utf8_lossy(&fault.stdout).as_ref()), (Some(0), empty));
}

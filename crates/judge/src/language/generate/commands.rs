//! The commands that are no new rule: listing, deleting, chains, policies, counters, and rules that were there before.
use rules::Table;

use super::{Generator, Memory, any_table, change};
use crate::generate::Choice;

/// A command.
pub(super) fn command(generator: &Generator<'_>, choice: &mut Choice, memory: &Memory) -> Vec<String> {
    let table = any_table(choice);
    let mut words: Vec<String> = Vec::new();
    let behind = match choice.below(5) {
        0 | 1 => old_rule(choice, memory, &mut words),
        2 => chains(generator, choice, table, memory),
        3 => listing(generator, choice, table, memory),
        _ => others(generator, choice, table, memory),
    };
    if words.is_empty() && (table != Table::Filter || choice.percent(10)) {
        let name =
            if choice.percent(2) { choice.of(&["fliter", "", "broute", "FILTER"]) } else { table.name() };
        words.extend([choice.of(&["-t", "--table"]).to_owned(), name.to_owned()]);
    }
    words.extend(behind);
    if choice.percent(12) {
        change(choice, &mut words);
    }
    words
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A rule that was appended before: checked, deleted, inserted, replaced.
fn old_rule(choice: &mut Choice, memory: &Memory, front: &mut Vec<String>) -> Vec<String> {
    if memory.rules.is_empty() {
        return owned(&["-S"]);
    }
    let (table, chain, words) = &memory.rules[choice.below(memory.rules.len())];
    front.extend(owned(&["-t", table.name()]));
    let number = choice.of(&["1", "2", "3", "50"]);
    let mut line = match choice.below(10) {
        0..=3 => owned(&["-C", chain]),
        4..=6 => owned(&["-D", chain]),
        7 => owned(&["-I", chain]),
        8 => owned(&["-I", chain, number]),
        _ => owned(&["-R", chain, number]),
    };
    line.extend(words.iter().cloned());
    if choice.percent(15) {
        line.push("-v".to_owned());
    }
    line
}

/// `-N`, `-X`, `-E`, `-F`, `-P`.
fn chains(generator: &Generator<'_>, choice: &mut Choice, table: Table, memory: &Memory) -> Vec<String> {
    let chain = generator.chain(choice, table, None, memory);
    let name = choice.of(&[
        "foo",
        "bar",
        "baz",
        "f-1",
        "DOCKER-USER",
        "cali-fw",
        "KUBE-SVC-X",
        "a",
        "%x",
        "foo",
        "bar",
        "LOG",
        "ACCEPT",
        "-x",
        "!x",
        "a b",
        "",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "INPUT",
        "tcp",
        "MARK",
        "standard",
        "QUEUE",
    ]);
    match choice.below(12) {
        0..=4 => owned(&[choice.of(&["-N", "-N", "--new-chain", "--new"]), name]),
        5 => owned(&["-X", &chain]),
        6 => owned(&["-X"]),
        7 => owned(&["-E", &chain, name]),
        8 => owned(&[choice.of(&["-F", "--flush"]), &chain]),
        9 if choice.percent(20) => owned(&["-F"]),
        10 => owned(&["-E", &chain]),
        _ => {
            let policy = choice.of(&["ACCEPT", "DROP", "ACCEPT", "drop", "RETURN", "QUEUE", "REJECT", "foo"]);
            let mut words = owned(&["-P", &chain, policy]);
            if choice.percent(10) {
                words.extend(owned(&["-c", "3", "4"]));
            }
            words
        }
    }
}

fn listing(generator: &Generator<'_>, choice: &mut Choice, table: Table, memory: &Memory) -> Vec<String> {
    let mut words =
        owned(&[choice.of(&["-L", "-L", "-S", "--list", "--list-rules", "-nL", "-vnL", "-nvxL"])]);
    if choice.percent(60) {
        words.push(generator.chain(choice, table, None, memory));
        if choice.percent(30) {
            words.push(choice.of(&["1", "2", "0", "9", "x", "4294967296"]).to_owned());
        }
    }
    let lists = words[0].contains('L') || words[0] == "--list";
    for option in ["-n", "-v", "-x", "--line-numbers", "-Z"] {
        let percent = if option == "-n" && lists { 90 } else { 22 };
        if choice.percent(percent) && (lists || choice.percent(40) || option == "-v") {
            let at = if choice.percent(20) { 0 } else { words.len() };
            words.insert(at, option.to_owned());
        }
    }
    words
}

fn others(generator: &Generator<'_>, choice: &mut Choice, table: Table, memory: &Memory) -> Vec<String> {
    let chain = generator.chain(choice, table, None, memory);
    let number = choice.of(&["1", "1", "2", "0", "77", "x"]);
    match choice.below(14) {
        0..=3 => owned(&[choice.of(&["-D", "--delete"]), &chain, number]),
        4 => owned(&["-Z"]),
        5 => owned(&["-Z", &chain]),
        6 => owned(&["-Z", &chain, number]),
        7 => owned(&["-A", &chain, "-c", "10", "2000", "-j", "ACCEPT"]),
        8 => {
            owned(&["-I", &chain, "-c", "123456,987654321", "-s", "10.0.0.1,10.0.0.2", "-j", "RETURN", "-v"])
        }
        9 => owned(&["-D", &chain]),
        10 => owned(&["-A", &chain]),
        11 => owned(&[]),
        12 => owned(&["-L", "-A", &chain]),
        _ => owned(&["-v", choice.of(&["-F", "-X", "-Z"]), &chain]),
    }
}

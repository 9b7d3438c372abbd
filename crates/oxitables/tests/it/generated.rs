//! Random rulesets given to the machine's own iptables-legacy-restore, each in a namespace of its own: it takes them, and
//! its dump is ours, table for table, byte for byte, counters included; so is its listing.
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use packet::Family;
use rules::fixture;
use rules::generate::{Options, from_seed, ruleset};
use rules::syntax::apply::{Editor, Session};
use rules::syntax::parse::{Mode, Parsed, parse};
use rules::syntax::{NoNames, lex, print, value};
use rules::{Ruleset, TableRules};

use crate::machine;

const RULESETS: u64 = 200;

/// The tables of a dump by name: their lines without comments, sorted by the table's line.
fn tables(dump: &str) -> Vec<Vec<&str>> {
    let mut all: Vec<Vec<&str>> = Vec::new();
    for line in dump.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('*') {
            all.push(Vec::new());
        }
        if let Some(table) = all.last_mut() {
            table.push(line);
        }
    }
    all.sort();
    all
}

fn made(seed: u64) -> Ruleset {
    let family = if seed.is_multiple_of(2) { Family::V4 } else { Family::V6 };
    let options = Options { counters: true, ..Options::default() };
    ruleset(&mut from_seed(seed), family, &options)
}

/// What `-nvxL` prints of a table.
fn listing(rules: &TableRules, family: Family) -> String {
    let (table, mut words) = (rules.table().name(), Vec::new());
    let line = format!("-t {table} -nvxL");
    lex::restore_line(&line, 0, &mut words).unwrap();
    let mode = Mode { family, names: &NoNames, restore: None, trusted: false };
    let Ok(Parsed::Command(command)) = parse(&words, mode, None) else { panic!("{line}") };
    let (mut out, mut warnings) = (String::new(), Vec::new());
    let mut session = Session { names: &NoNames, out: &mut out, warnings: &mut warnings };
    Editor::new(rules.clone(), family).apply(*command, &mut session).unwrap();
    out
}

/// The lines of a listing. 1.8.9 lists protocols by number with `-n`, 1.8.13 by name: the column before `opt` becomes
/// a name.
fn normal(listing: &str) -> Vec<String> {
    let normal_line = |line: &str| {
        let at = [" -- ", " -f ", " !f "].into_iter().filter_map(|opt| line.find(opt)).min()?;
        let before = line.get(..at)?.trim_end();
        let start = before.rfind([' ', '!'])? + 1;
        let number: u8 = before.get(start..)?.parse().ok()?;
        let name = value::protocol_name(number).unwrap_or(if number == 0 { "all" } else { "?" });
        Some(format!("{}{name:<4}{}", line.get(..start)?, line.get(at..)?))
    };
    listing.lines().map(|line| normal_line(line).unwrap_or_else(|| line.to_owned())).collect()
}

fn script(folder: &Path) -> String {
    let mut script = format!("export LC_ALL=C XTABLES_LOCKFILE='{}'\n", folder.join("lock").display());
    for seed in 0..RULESETS {
        let made = made(seed);
        let mut text = String::new();
        print::ruleset(&mut text, &made, true, None);
        std::fs::write(folder.join(seed.to_string()), text).unwrap();
        let program = if made.family() == Family::V4 { "iptables-legacy" } else { "ip6tables-legacy" };
        let mut commands = String::new();
        for (name, kind, _) in fixture::SETS {
            let _ = write!(commands, "ipset create {name} {kind}; ");
        }
        let _ = write!(
            commands,
            "{program}-restore -w 5 -c {seed} 2>{seed}.err && {program}-save -c >{seed}.out"
        );
        for table in made.tables() {
            let table = table.table();
            let _ = write!(commands, "; {program} -w 5 -t {table} -nvxL >{seed}.{table}");
        }
        let _ = writeln!(script, "unshare -n sh -c '{commands}'");
    }
    script
}

#[test]
fn random_rulesets_are_what_iptables_saves() {
    if let Some(why) = machine::missing_legacy() {
        machine::skip(&format!("random rulesets against iptables-legacy 1.8.9 in namespaces: {why}"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = script(folder.path());
    let file = folder.path().join("script");
    std::fs::write(&file, script).unwrap();
    let status = Command::new("timeout")
        .args(["300", "bash"])
        .arg(&file)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .status()
        .unwrap();
    let mut faults = String::new();
    let mut lines = 0;
    for seed in 0..RULESETS {
        let read = |end: &str| {
            std::fs::read_to_string(folder.path().join(format!("{seed}{end}"))).unwrap_or_default()
        };
        let (ours, theirs, error) = (read(""), read(".out"), read(".err"));
        if !error.is_empty() {
            let _ = writeln!(faults, "seed {seed}: {error}{ours}");
            continue;
        }
        let (ours, theirs) = (tables(&ours), tables(&theirs));
        lines += ours.iter().map(Vec::len).sum::<usize>();
        let made = made(seed);
        for table in made.tables() {
            let ours = normal(&listing(table, made.family()));
            let theirs = normal(&read(&format!(".{}", table.table())));
            if ours.len() != theirs.len() {
                let _ = writeln!(faults, "seed {seed}: {} lines, they list {}", ours.len(), theirs.len());
            }
            for (own, their) in ours.iter().zip(&theirs).filter(|(own, their)| own != their) {
                let _ = writeln!(faults, "  listed: {own}\n  theirs: {their}");
            }
        }
        if ours == theirs {
            continue;
        }
        let _ = writeln!(faults, "seed {seed}: {} tables, they have {}", ours.len(), theirs.len());
        for (own, their) in
            ours.iter().flatten().zip(theirs.iter().flatten()).filter(|(own, their)| own != their)
        {
            let _ = writeln!(faults, "  ours:   {own}\n  theirs: {their}");
        }
    }
    assert!(faults.is_empty(), "status {status}\n{faults}");
    assert!(lines > 5_000, "only {lines} lines");
    println!("{RULESETS} rulesets, {lines} lines equal");
}

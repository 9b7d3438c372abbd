//! Random rulesets given to the machine's own iptables-legacy-restore, each in a namespace of its own: it takes them, and
//! its dump is ours, table for table, byte for byte, counters included.
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use packet::Family;
use rules::generate::{Options, from_seed, ruleset};
use rules::syntax::print;

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

fn dump(seed: u64) -> (Family, String) {
    let family = if seed.is_multiple_of(2) { Family::V4 } else { Family::V6 };
    let options = Options { counters: true, ..Options::default() };
    let made = ruleset(&mut from_seed(seed), family, &options);
    let mut out = String::new();
    print::ruleset(&mut out, &made, true, None);
    (family, out)
}

fn script(folder: &Path) -> String {
    let mut script = format!("export LC_ALL=C XTABLES_LOCKFILE='{}'\n", folder.join("lock").display());
    for seed in 0..RULESETS {
        let (family, text) = dump(seed);
        std::fs::write(folder.join(seed.to_string()), text).unwrap();
        let program = if family == Family::V4 { "iptables-legacy" } else { "ip6tables-legacy" };
        let _ = writeln!(
            script,
            "unshare -n sh -c '{program}-restore -w 5 -c {seed} 2>{seed}.err && {program}-save -c >{seed}.out'"
        );
    }
    script
}

#[test]
fn random_rulesets_are_what_iptables_saves() {
    if let Some(why) = machine::missing_legacy() {
        println!("skipped: random rulesets against iptables-legacy 1.8.9 in namespaces: {why}");
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

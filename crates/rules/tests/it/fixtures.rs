//! Every fixture through our parser: saved form, listing with and without names, warnings, errors with exit status.
use std::fmt::Write;
use std::path::Path;

use rules::fixture::{self, Case, Outcome};
use rules::syntax::apply::{Editor, Session};
use rules::syntax::error::{Error, ErrorKind};
use rules::syntax::lex;
use rules::syntax::parse::{Mode, Parsed, parse};
use rules::{Table, TableRules};

use crate::names::DebianNames;

fn edit(case: &Case, editor: &mut Editor, line: &str, warnings: &mut Vec<String>) -> Result<String, Error> {
    let mut words = Vec::new();
    lex::restore_line(line, 0, &mut words).expect("a fixture is a line of a restore file");
    let mode = Mode { family: case.family, names: &DebianNames, restore: None, trusted: false };
    let Parsed::Command(command) = parse(&words, mode, None)? else { panic!("{line} is no command") };
    let mut out = String::new();
    editor.apply(*command, &mut Session { names: &DebianNames, out: &mut out, warnings })?;
    Ok(out)
}

/// iptables' message as fixtures have it.
fn message(kind: &ErrorKind) -> String {
    let report = kind.report("iptables", "v1.8.13 (legacy)", None);
    let mut lines = Vec::new();
    for line in report.lines() {
        let line = line
            .strip_prefix("iptables v1.8.13 (legacy): ")
            .or_else(|| line.strip_prefix("iptables: "))
            .unwrap_or(line);
        if !line.starts_with("Try `ip") && (!line.is_empty() || lines.is_empty()) {
            lines.push(line);
        }
    }
    lines.join("\\n")
}

/// What our language makes of a case.
fn run(case: &Case) -> Outcome {
    let table = Table::from_name(&case.table).expect("a table");
    let mut editor = Editor::new(TableRules::new(table), case.family);
    let mut warnings = Vec::new();
    for command in &case.setup {
        let line = format!("-t {} {command}", case.table);
        edit(case, &mut editor, &line, &mut warnings).expect("the setup works");
    }
    let refused =
        |error: &Error| Outcome::Refused { exit: error.kind.exit() as u8, message: message(&error.kind) };
    let line = format!("-t {} -A {} {}", case.table, case.chain, case.rule);
    if let Err(error) = edit(case, &mut editor, &line, &mut warnings) {
        return refused(&error);
    }
    let rules = match editor.finish() {
        Ok(rules) => rules,
        Err(commit) => return refused(&commit.error),
    };
    let mut editor = Editor::new(rules, case.family);
    let warning = (!warnings.is_empty()).then(|| warnings.join("\\n"));
    let mut ask = |what: &str| {
        let line = format!("-t {} {what} {}", case.table, case.chain);
        edit(case, &mut editor, &line, &mut Vec::new()).expect("a listing")
    };
    let prefix = format!("-A {}", case.chain);
    let saved = ask("-S");
    let saved = saved.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or("").trim().to_owned();
    Outcome::Taken { saved, list: details(&ask("-nL")), list_names: details(&ask("-L")), warning }
}

/// The text behind the destination in the first rule of a listing. Rules of fixtures have no `-d`.
fn details(listing: &str) -> String {
    let line = listing.lines().nth(2).unwrap_or("");
    let any = ["0.0.0.0/0", "::/0", "anywhere"];
    let behind = |any: &str| {
        let column = format!("{any:<19} ");
        let mut parts = line.match_indices(&column);
        let (_, (at, text)) = (parts.next()?, parts.next()?);
        line.get(at + text.len()..)
    };
    any.into_iter().find_map(behind).unwrap_or(line).trim().to_owned()
}

#[track_caller]
fn run_folder(folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
    let mut faults = String::new();
    let (mut count, mut failed) = (0, 0);
    let mut files: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let cases = fixture::read(&text).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
        assert!(!cases.is_empty(), "{folder}/{name} has no case");
        for case in cases {
            count += 1;
            let ours = run(&case);
            if ours != case.outcome {
                failed += 1;
                let _ = writeln!(
                    faults,
                    "{folder}/{name}:{} {:?} {} {}\n  rule: {}\n  want: {:?}\n  ours: {ours:?}",
                    case.line, case.family, case.table, case.chain, case.rule, case.outcome
                );
            }
        }
    }
    assert!(faults.is_empty(), "{failed} of {count} cases fail:\n{faults}");
    println!("{folder}: {count} cases");
}

#[test]
fn matches() {
    run_folder("match");
}

#[test]
fn targets() {
    run_folder("target");
}

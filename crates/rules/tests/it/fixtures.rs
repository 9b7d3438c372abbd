//! Every fixture through our parser: saved form, listing with and without names, warnings, errors with exit status.
use std::fmt::Write;
use std::path::Path;

use rules::fixture::{self, Case, DebianNames, Outcome};
use rules::syntax::apply::{Editor, Session};
use rules::syntax::error::{Error, ErrorKind};
use rules::syntax::lex;
use rules::syntax::objects::Objects;
use rules::syntax::parse::{Mode, Parsed, parse};
use rules::{Table, TableRules};

fn edit(case: &Case, editor: &mut Editor, line: &str, warnings: &mut Vec<String>) -> Result<String, Error> {
    let mut words = Vec::new();
    lex::restore_line(line, 0, &mut words).expect("a fixture is a line of a restore file");
    let mode = Mode { family: case.family, names: &DebianNames, restore: None, trusted: false };
    let parsed = parse(&words, mode, None).map_err(|mut error| {
        warnings.append(&mut error.warnings);
        error
    })?;
    let Parsed::Command(command) = parsed else { panic!("{line} is no command") };
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
    let rules = editor.finish().expect("the setup is valid");
    let mut editor = Editor::new(rules, case.family)
        .with_objects(Objects::of(case.family, []).with_given(fixture::given()));
    let refused = |error: &Error, mut lines: Vec<String>| {
        lines.push(message(&error.kind));
        Outcome::Refused { exit: error.kind.exit() as u8, message: lines.join("\\n") }
    };
    let line = format!("-t {} -A {} {}", case.table, case.chain, case.rule);
    if let Err(error) = edit(case, &mut editor, &line, &mut warnings) {
        return refused(&error, warnings);
    }
    let rules = match editor.finish() {
        Ok(rules) => rules,
        Err(commit) => return refused(&commit.error, warnings),
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

/// The text behind the destination in the first rule of a listing. Rules of fixtures have no `-d`. The NUL that `-m bpf`
/// prints cannot stand in a file of text.
fn details(listing: &str) -> String {
    let listing = &listing.replace('\0', "");
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

/// The cases of a folder, file by file.
fn files(folder: &str) -> Vec<(String, Vec<Case>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let cases = fixture::read(&text).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"));
        assert!(!cases.is_empty(), "{folder}/{name} has no case");
        (name, cases)
    };
    files.iter().map(read).collect()
}

#[track_caller]
fn run_folder(folder: &str) {
    let mut faults = String::new();
    let (mut count, mut failed) = (0, 0);
    for (name, cases) in files(folder) {
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

/// A rule with a few words or letters taken away, doubled, exchanged or put in.
fn mangled(rule: &str, next: &mut impl FnMut() -> u64) -> String {
    const BITS: &[&str] = &[
        "!",
        "-m",
        "-j",
        "\"\"",
        "0",
        "-1",
        ":",
        ",",
        "/",
        "65536",
        "4294967296",
        "[",
        "|",
        "mark",
        "--to",
        "+",
        "é",
    ];
    let mut below = |limit: usize| usize::try_from(next() % limit.max(1) as u64).unwrap();
    let mut letters: Vec<char> = rule.chars().collect();
    for _ in 0..=below(2) {
        let mut words: Vec<String> =
            letters.iter().collect::<String>().split(' ').map(str::to_owned).collect();
        let (at, to) = (below(words.len()), below(words.len()));
        match below(6) {
            0 => drop(words.remove(at)),
            1 => words.insert(to, words[at].clone()),
            2 => words.swap(at, to),
            3 => words.insert(at, BITS[below(BITS.len())].to_owned()),
            4 => words[at].push_str(BITS[below(BITS.len())]),
            _ => {
                let keep = below(words[at].chars().count() + 1);
                words[at] = words[at].chars().take(keep).collect();
            }
        }
        letters = words.join(" ").chars().collect();
    }
    letters.into_iter().collect()
}

#[test]
fn what_is_taken_is_printed_as_what_it_is_read_as() {
    let mut next = rules::generate::from_seed(2026);
    let (mut taken, mut refused) = (0, 0);
    for (_, cases) in files("match").into_iter().chain(files("target")) {
        for case in &cases {
            for round in 0..10 {
                let mut other = case.clone();
                // Half of them are two rules of the file as one, the others have a fault or two.
                let at = usize::try_from(next() % cases.len() as u64).unwrap();
                other.rule = match round % 2 {
                    0 => format!("{} {}", case.rule, cases[at].rule.trim_start_matches("-p tcp ")),
                    _ => mangled(&case.rule, &mut next),
                };
                // `-h` and `-V` are no rules, and a second command is not one.
                if other.rule.split(' ').any(|word| word.starts_with("-h") || word.starts_with("--h")) {
                    continue;
                }
                let Outcome::Taken { saved, .. } = run(&other) else {
                    refused += 1;
                    continue;
                };
                taken += 1;
                let again = Case { rule: saved.clone(), ..other.clone() };
                match run(&again) {
                    Outcome::Taken { saved: second, .. } => assert_eq!(saved, second, "{}", other.rule),
                    refusal => panic!("{}\nis saved as\n{saved}\n{refusal:?}", other.rule),
                }
            }
        }
    }
    assert!(taken > 1500 && refused > 10_000, "{taken} taken, {refused} refused");
}

/// Found by fuzzing: bursts are saved as bytes, rounded up to whole rates, and must fit 64 bits then.
#[test]
fn a_burst_that_could_not_be_read_again_is_refused() {
    let load = |burst: &str| {
        let rule =
            format!("-m hashlimit --hashlimit-upto 2mb/s --hashlimit-burst {burst} --hashlimit-name foo");
        let text = format!("*filter\n-A INPUT {rule}\nCOMMIT\n");
        rules::syntax::restore::load(&text, packet::Family::V4, None)
    };
    assert!(load("17592186044415mb").is_err());
    let ruleset = load("17592186044414mb").unwrap();
    let mut saved = String::new();
    rules::syntax::print::ruleset(&mut saved, &ruleset, false, None);
    assert!(saved.contains(" --hashlimit-burst 17592186044414mb "), "{saved}");
}

//! Every fixture of an extension given to the machine's own iptables-legacy, in a namespace: the same saved form, the
//! same listings, the same messages and exit statuses; all of them in CI, a share of them elsewhere. Needs root and
//! iptables-legacy 1.8.9; without them it says so.
use std::fmt::Write;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use packet::Family;
use rules::fixture::{self, Case, Outcome};
use rules::syntax::lex;

use crate::machine;

/// Outside CI one case in so many is compared.
const SHARE: usize = 5;

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn arguments(line: &str) -> String {
    let mut words = Vec::new();
    lex::restore_line(line, 0, &mut words).expect("a fixture is a line of a restore file");
    words.iter().map(|word| quoted(&word.text)).collect::<Vec<_>>().join(" ")
}

/// A shell script that puts each case to iptables, with a line of `@` before each answer.
fn script(family: Family, cases: &[&Case], lock: &Path) -> String {
    let program = if family == Family::V4 { "iptables-legacy" } else { "ip6tables-legacy" };
    let mut script = format!(
        "export LC_ALL=C XTABLES_LOCKFILE={}\ni() {{ {program} -w 5 \"$@\"; }}\n",
        quoted(&lock.to_string_lossy())
    );
    for (name, kind, _) in fixture::SETS {
        let _ = writeln!(script, "ipset create {name} {kind}");
    }
    for command in fixture::OBJECTS {
        let _ = writeln!(script, "{command}");
    }
    for (at, case) in cases.iter().enumerate() {
        let (table, chain) = (quoted(&case.table), quoted(&case.chain));
        let _ = writeln!(script, "i -t {table} -F {chain}");
        if !case.setup.is_empty() {
            let _ = writeln!(script, "i -t {table} -F; i -t {table} -X");
        }
        for command in &case.setup {
            let _ = writeln!(script, "i -t {table} {}", arguments(command));
        }
        let _ = writeln!(script, "out=$(i -t {table} -A {chain} {} 2>&1); r=$?", arguments(&case.rule));
        let _ = writeln!(script, "printf '@case {at} %s\\n%s\\n' \"$r\" \"$out\"");
        let _ = writeln!(
            script,
            "if [ \"$r\" = 0 ]; then echo @saved; i -t {table} -S {chain}; echo @list; i -t {table} -nL {chain}; echo @names; i -t {table} -L {chain}; fi"
        );
    }
    script
}

/// What iptables wrote for one case.
#[derive(Default)]
struct Answer {
    exit: u8,
    message: Vec<String>,
    saved: Vec<String>,
    list: Vec<String>,
    names: Vec<String>,
}

fn answers(text: &str) -> Vec<Answer> {
    let mut all: Vec<Answer> = Vec::new();
    let mut part = 0;
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("@case ") {
            let exit = head.split_once(' ').and_then(|(_, exit)| exit.parse().ok()).expect("an exit status");
            all.push(Answer { exit, ..Answer::default() });
            part = 0;
            continue;
        }
        match line {
            "@saved" => part = 1,
            "@list" => part = 2,
            "@names" => part = 3,
            _ => {
                let Some(answer) = all.last_mut() else { continue };
                let place = match part {
                    0 => &mut answer.message,
                    1 => &mut answer.saved,
                    2 => &mut answer.list,
                    _ => &mut answer.names,
                };
                place.push(line.to_owned());
            }
        }
    }
    all
}

impl Answer {
    fn outcome(&self, case: &Case) -> Outcome {
        let mut message = Vec::new();
        for line in &self.message {
            if line.is_empty() || line.starts_with("Try `ip") {
                continue;
            }
            let rest =
                line.strip_prefix("iptables").or_else(|| line.strip_prefix("ip6tables")).unwrap_or(line);
            let rest = rest.strip_prefix(" v1.8.9 (legacy): ").or_else(|| rest.strip_prefix(": "));
            message.push(rest.unwrap_or(line));
        }
        let message = message.join("\\n");
        if self.exit != 0 {
            return Outcome::Refused { exit: self.exit, message };
        }
        let prefix = format!("-A {}", case.chain);
        let saved = self.saved.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap_or("");
        Outcome::Taken {
            saved: saved.trim().to_owned(),
            list: details(&self.list),
            list_names: details(&self.names),
            warning: (!message.is_empty()).then_some(message),
        }
    }
}

/// The text behind the destination of the first rule. Rules of fixtures have no `-d`.
fn details(listing: &[String]) -> String {
    let line = listing.get(2).map_or("", String::as_str);
    for any in ["0.0.0.0/0", "::/0", "anywhere"] {
        let column = format!("{any:<19} ");
        if let Some((at, _)) = line.match_indices(&column).nth(1) {
            return line.get(at + column.len()..).unwrap_or("").trim().to_owned();
        }
    }
    line.trim().to_owned()
}

fn ask(family: Family, cases: &[&Case]) -> Vec<Answer> {
    let folder = tempfile::tempdir().unwrap();
    let script = script(family, cases, &folder.path().join("lock"));
    let file = folder.path().join("script");
    std::fs::File::create(&file).unwrap().write_all(script.as_bytes()).unwrap();
    let output = Command::new("timeout")
        .args(["300", "unshare", "-n", "bash"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The NUL that `-m bpf` prints cannot stand in a file of text.
    answers(&String::from_utf8_lossy(&output.stdout).replace('\0', ""))
}

#[test]
fn fixtures_hold_on_the_machine() {
    if let Some(why) = machine::missing_legacy() {
        machine::skip(&format!("fixtures against iptables-legacy 1.8.9 in a namespace: {why}"));
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    // Why: each case starts five programs, and all of them take two minutes.
    let step = if machine::required() { 1 } else { SHARE };
    let mut all = Vec::new();
    for folder in ["match", "target"] {
        let mut files: Vec<_> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for path in files {
            let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
            let text = std::fs::read_to_string(&path).unwrap();
            let cases = fixture::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let chosen = cases.into_iter().enumerate().filter(|(at, _)| at % step == 0).map(|(_, case)| case);
            all.extend(chosen.map(|case| (name.clone(), case)));
        }
    }
    let faults: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = [Family::V4, Family::V6]
            .into_iter()
            .map(|family| {
                let own: Vec<_> = all.iter().filter(|(_, case)| case.family == family).collect();
                scope.spawn(move || {
                    let cases: Vec<&Case> = own.iter().map(|(_, case)| case).collect();
                    let answers = ask(family, &cases);
                    assert_eq!(answers.len(), cases.len());
                    let mut faults = Vec::new();
                    for ((name, case), answer) in own.iter().zip(&answers) {
                        let want = case.outcome_of_1_8_9.as_ref().unwrap_or(&case.outcome);
                        let theirs = answer.outcome(case);
                        if *want != theirs {
                            let (line, rule) = (case.line, &case.rule);
                            faults.push(format!(
                                "{name}:{line} {family:?}\n  rule: {rule}\n  want: {want:?}\n  iptables: {theirs:?}\n"
                            ));
                        }
                    }
                    faults
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{} of {} cases differ:\n{}", faults.len(), all.len(), faults.concat());
    let share =
        if step == 1 { String::new() } else { format!(", one in {step} (OXITABLES_REQUIRE_KERNEL=1: all)") };
    println!("{} cases equal{share}", all.len());
}

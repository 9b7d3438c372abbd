//! `oxitables trace` word for word: golden texts under `fixtures/trace`, every command of the examples, the JSON schema.
//!
//! `OXITABLES_BLESS=1 cargo test -p oxitables --test it trace` writes the expected texts anew; look at the difference
//! before you commit it.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::machine;
use crate::programs::BINARY;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn blessing() -> bool {
    std::env::var_os("OXITABLES_BLESS").is_some()
}

/// One command with what it prints: `$ command` (over several lines if they end in `\`), then `| ` lines of the standard
/// output, `! ` lines of the error stream, `= ` the exit code.
#[derive(Debug, PartialEq)]
struct Golden {
    command: String,
    out: Vec<String>,
    err: Vec<String>,
    exit: String,
}

/// A file of them: remarks and `in: FOLDER` first.
struct File {
    head: String,
    folder: String,
    cases: Vec<Golden>,
}

fn read(text: &str) -> File {
    let mut file = File { head: String::new(), folder: String::new(), cases: Vec::new() };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().expect("a line behind the backslash"));
            }
            file.cases.push(Golden { command, out: Vec::new(), err: Vec::new(), exit: String::new() });
            continue;
        }
        match (file.cases.last_mut(), line.split_at_checked(2)) {
            (_, None) if line.is_empty() => {}
            (None, _) => {
                if let Some(folder) = line.strip_prefix("in: ") {
                    file.folder = folder.to_owned();
                } else {
                    assert!(line.starts_with('#'), "not a line of a golden file: {line}");
                }
                writeln!(file.head, "{line}").unwrap();
            }
            (Some(case), Some(("| ", rest))) => case.out.push(rest.to_owned()),
            (Some(case), Some(("! ", rest))) => case.err.push(rest.to_owned()),
            (Some(case), Some(("= ", rest))) => case.exit = rest.to_owned(),
            (Some(case), None) if line == "|" => case.out.push(String::new()),
            (Some(case), None) if line == "!" => case.err.push(String::new()),
            (Some(_), _) => panic!("not a line of a golden file: {line}"),
        }
    }
    file
}

fn print(file: &File) -> String {
    let mut text = file.head.clone();
    for case in &file.cases {
        writeln!(text, "\n$ {}", case.command).unwrap();
        for (sign, lines) in [("|", &case.out), ("!", &case.err)] {
            for line in lines {
                writeln!(text, "{}", format!("{sign} {line}").trim_end_matches(' ')).unwrap();
            }
        }
        writeln!(text, "= {}", case.exit).unwrap();
    }
    text
}

/// Words of a command line with quotes as the shell has them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.replace("\\\n", " ").chars() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(open)) if letter == open => quote = None,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

fn run(folder: &str, command: &str, more: &[&str]) -> Output {
    let words = words(command);
    assert_eq!(words[..2], ["oxitables", "trace"], "{command}");
    Command::new(BINARY)
        .args(&words[1..])
        .args(more)
        .current_dir(root().join(folder))
        .env("NO_COLOR", "1")
        .env_remove("OXITABLES_COLOR")
        .output()
        .unwrap()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

fn asked(folder: &str, command: &str) -> Golden {
    let output = run(folder, command, &[]);
    let last = output.stdout.last().copied();
    assert!(matches!(last, None | Some(b'\n')), "{command}: the output ends in the middle of a line");
    assert!(!output.stdout.ends_with(b"\n\n"), "{command}: the output ends in an empty line");
    Golden {
        command: command.to_owned(),
        out: lines(&output.stdout),
        err: lines(&output.stderr),
        exit: output.status.code().expect("an exit code").to_string(),
    }
}

/// The commands of an example: those that stand in fences of its README.
fn commands_of(readme: &str) -> Vec<String> {
    let fenced = readme.split("```").skip(1).step_by(2);
    fenced
        .flat_map(|block| {
            let mut commands: Vec<String> = Vec::new();
            for line in block.trim().lines() {
                match commands.last_mut() {
                    Some(open) if open.ends_with('\\') => {
                        open.push('\n');
                        open.push_str(line);
                    }
                    _ => commands.push(line.to_owned()),
                }
            }
            commands
        })
        .filter(|command| command.starts_with("oxitables trace"))
        .collect()
}

/// The golden files by their paths: those of the folder, and one for each example.
fn files() -> BTreeMap<PathBuf, File> {
    let folder = root().join("fixtures/trace");
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            files.insert(path.clone(), read(&std::fs::read_to_string(&path).unwrap()));
        }
    }
    let mut examples = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let example = entry.unwrap().path();
        let Ok(readme) = std::fs::read_to_string(example.join("README.md")) else { continue };
        let name = example.file_name().unwrap().to_string_lossy().into_owned();
        let commands = commands_of(&readme);
        assert!(!commands.is_empty(), "examples/{name}/README.md shows no trace");
        let path = folder.join(format!("example-{name}.txt"));
        examples += 1;
        if blessing() {
            let head = format!(
                "# The commands of examples/{name}/README.md and what they print.\nin: examples/{name}\n"
            );
            let empty = |command| Golden { command, out: Vec::new(), err: Vec::new(), exit: String::new() };
            let cases = commands.into_iter().map(empty).collect();
            files.insert(path, File { head, folder: format!("examples/{name}"), cases });
        } else {
            let known = files.get(&path).unwrap_or_else(|| panic!("{} is missing", path.display()));
            let golden: Vec<&String> = known.cases.iter().map(|case| &case.command).collect();
            assert!(
                commands.iter().eq(golden),
                "examples/{name}/README.md has other commands than its fixture"
            );
        }
    }
    assert!(examples >= 10, "only {examples} examples are found");
    files
}

#[test]
fn golden_texts() {
    let mut faults = String::new();
    let mut exits = BTreeSet::new();
    for (path, mut file) in files() {
        for case in &mut file.cases {
            let now = asked(&file.folder, &case.command);
            exits.insert(now.exit.clone());
            let said = |case: &Golden| {
                let trimmed =
                    |lines: &[String]| lines.iter().map(|line| line.trim_end().to_owned()).collect();
                let both: [Vec<String>; 2] = [trimmed(&case.out), trimmed(&case.err)];
                (both, case.exit.clone())
            };
            if said(&now) != said(case) && !blessing() {
                let file = path.file_name().unwrap().to_string_lossy();
                writeln!(faults, "{file}: $ {}\nwant {case:#?}\ngot {now:#?}", case.command).unwrap();
            }
            *case = now;
        }
        if blessing() {
            std::fs::write(&path, print(&file)).unwrap();
        }
    }
    assert!(faults.is_empty(), "{faults}");
    let every: Vec<&str> = exits.iter().map(String::as_str).collect();
    assert_eq!(every, ["0", "1", "2", "3", "4"], "every exit code has a golden text");
}

/// `--conntrack-out`: the table after the last packet, which the next trace begins with.
#[test]
fn a_table_is_written_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let path = path.to_str().unwrap();
    let trace = |given: &str, packets: &str| {
        let command = format!(
            "oxitables trace --rules established.v4 --routes network --quiet --conntrack {given} --conntrack-out {path} \
             {packets}"
        );
        let output = run("fixtures/trace/input", &command, &[]);
        (output.status.code(), std::fs::read_to_string(path).unwrap())
    };
    let answer = "'eth0 udp 9.9.9.9:53 > 192.168.1.1:1024'";
    let (code, first) = trace("connections", &format!("+9s {answer}"));
    assert_eq!(code, Some(0));
    // The pause of nine seconds and the answer are seen, the rest is as it was.
    let given = std::fs::read_to_string(root().join("fixtures/trace/input/connections")).unwrap();
    assert_eq!(first.lines().count(), given.lines().count());
    assert!(first.contains(" 431981 ESTABLISHED src=192.168.2.5"), "{first}");
    assert!(
        first.contains(
            "dport=53 packets=1 bytes=36 src=9.9.9.9 dst=192.168.1.1 sport=53 dport=1024 packets=1"
        )
    );
    assert!(first.contains("helper=ftp use=1\n") && first.contains("191 proto=6 src=9.9.9.8"), "{first}");
    let (code, second) = trace(path, &format!("{answer} {answer}"));
    assert_eq!(code, Some(0));
    assert!(second.contains("dport=1024 packets=3"), "{second}");
}

/// `--write`: what came in and went out, with the names of the interfaces and the
/// end as comment; a second trace and tcpdump can read it.
#[test]
fn written_captures_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pcapng");
    let path = path.to_str().unwrap();
    let write = |example: &str, rules: &str, packets: &str| {
        let command =
            format!("oxitables trace --rules {rules} --routes network --quiet --write {path} {packets}");
        run(&format!("examples/{example}"), &command, &[])
    };
    let output = write(
        "port-change",
        "rules.v4",
        "'eth0 tcp 10.10.10.10:1 > 192.168.1.1:8445 S' +2s 'eth0 tcp 10.10.10.10:1 > 192.168.1.1:8443 S'",
    );
    assert_eq!(output.status.code(), Some(1));
    let again = run(
        "examples/port-change",
        "oxitables trace --rules /dev/null --routes network --quiet",
        &["--pcap", path],
    );
    assert_eq!(
        lines(&again.stdout),
        [
            "eth0 tcp 10.10.10.10:1 > 192.168.1.1:8445 S: ACCEPTED, delivered to a process of this machine",
            "eth0 tcp 10.10.10.10:1 > 192.168.1.1:8443 S: ACCEPTED, delivered to a process of this machine",
        ]
    );
    let bytes = std::fs::read(path).unwrap();
    let comment = b"DROPPED: rule 3 of chain INPUT (table filter, hook INPUT): -m mark --mark 0x1 -j DROP";
    assert!(bytes.windows(comment.len()).any(|window| window == comment), "the end is a comment");
    write("notrack", "rules.v4", "'lan0 udp 10.0.1.5:40000 > 198.51.100.7:53'");
    let again = run(
        "examples/notrack",
        "oxitables trace --rules rules.v4 --routes network --quiet",
        &["--pcap", path],
    );
    assert_eq!(lines(&again.stdout), ["lan0 udp 10.0.1.5:40000 > 198.51.100.7:53: ACCEPTED, sent by wan0"]);
    assert!(lines(&again.stderr).concat().ends_with("1 outgoing packets are left out"));
    match Command::new("tcpdump").args(["-nr", path]).output() {
        Ok(read) => {
            let text = String::from_utf8_lossy(&read.stdout).into_owned();
            let ends: Vec<&str> =
                text.lines().filter_map(|line| line.split_once("IP ")).map(|(_, end)| end).collect();
            assert_eq!(ends.len(), 2, "{text}");
            assert!(
                ends[0].starts_with("10.0.1.5.40000 > 198.51.100.7.53")
                    && ends[1].starts_with("203.0.113.1.40000")
            );
        }
        Err(error) => machine::skip(&format!("reading by tcpdump: {error}")),
    }
}

/// Rows of a table of docs/trace-json.md: the words in backquotes of the first two columns, and the second as it is.
fn documented(text: &str, heading: &str) -> BTreeMap<String, (BTreeSet<String>, String)> {
    let ticked =
        |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    text.lines()
        .skip_while(|line| !line.starts_with(heading))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = line.trim_matches('|').split(" | ");
            let name = ticked(cells.next().unwrap()).into_iter().next().unwrap();
            let second = cells.next().unwrap();
            (name, (ticked(second), second.trim().to_owned()))
        })
        .collect()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

/// docs/trace-json.md is true: every line of JSON that the golden commands give has exactly the fields of the page, of
/// the types of the page, and every kind of step of the page occurs.
#[test]
fn the_schema_of_json_is_the_documented_one() {
    let page = std::fs::read_to_string(root().join("docs/trace-json.md")).unwrap();
    let fields = documented(&page, "| field |");
    let steps = documented(&page, "| step |");
    assert!(fields.len() > 10 && steps.len() > 15, "the tables of the page are read");
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let mut seen = BTreeSet::new();
    let mut elements = BTreeSet::new();
    for (_, file) in files() {
        for case in file.cases.iter().filter(|case| !case.command.contains("--quiet")) {
            let output = run(&file.folder, &case.command, &["--json"]);
            assert_eq!(output.status.code().unwrap().to_string(), case.exit, "{}", case.command);
            for line in lines(&output.stdout) {
                let value: Value = serde_json::from_str(&line).unwrap();
                assert_eq!(keys(&value), fields.keys().cloned().collect(), "{}", case.command);
                for (name, (_, types)) in &fields {
                    let is = type_of(&value[name]);
                    assert!(types.split(" or ").any(|own| own == is), "{name} is {is}, not {types}");
                }
                for step in value["steps"].as_array().unwrap() {
                    let kind = step["step"].as_str().unwrap();
                    let mut expected =
                        steps.get(kind).unwrap_or_else(|| panic!("{kind} is not on the page")).0.clone();
                    expected.extend(set(&["step", "packet"]));
                    assert_eq!(keys(step), expected, "{kind} of {}", case.command);
                    seen.insert(kind.to_owned());
                }
                for (list, names) in [
                    ("out", set(&["id", "device", "next_hop", "bytes"])),
                    ("delivered", set(&["id", "device", "mark", "socket", "bytes"])),
                    ("counters", set(&["world", "table", "chain", "rule", "packets", "bytes"])),
                ] {
                    for element in value[list].as_array().unwrap() {
                        assert_eq!(keys(element), names, "{list}");
                        elements.insert(list);
                    }
                }
                for list in ["log", "conntrack", "notes"] {
                    for element in value[list].as_array().unwrap() {
                        assert!(element.is_string(), "{list}");
                        elements.insert(list);
                    }
                }
            }
        }
    }
    assert_eq!(elements.len(), 6, "every list has an element somewhere: {elements:?}");
    let unseen: Vec<&String> = steps.keys().filter(|kind| !seen.contains(*kind)).collect();
    assert_eq!(unseen, ["alert", "guard", "module"], "steps that no golden command shows");
}

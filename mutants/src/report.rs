//! What came of it: numbers for each file, and the survivors with their reasons.
//!
//! `mutants/survivors.txt` has blocks of lines `key: value`, parted by empty lines: `file` (how its path ends), and as far as
//! they are to be told apart `function`, `line` (the text of the line of source, blanks cut) and `change`; `why` says why no
//! test can or need see it. Line numbers are not used: they change.
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::copy::Copy;
use crate::plant::Mutant;
use crate::run::Fate;

/// What is known of each file that was ever run, in `found.json` beside the copy.
#[derive(Default)]
pub struct Found {
    files: BTreeMap<String, OfFile>,
}

/// What the last run of a file found.
struct OfFile {
    /// The commit on which it ran.
    commit: String,
    unviable: usize,
    mutants: Vec<Lived>,
}

/// A mutant, where it stood, and what became of it: `caught …`, `timeout`, `survived` or `unreached`.
struct Lived {
    line: usize,
    column: usize,
    function: String,
    change: String,
    text: String,
    fate: String,
}

impl Found {
    /// What a run found.
    pub fn of(copy: &Copy, fates: &BTreeMap<u32, Fate>) -> Self {
        let mut files = BTreeMap::new();
        for file in &copy.files {
            let lived = |own: &Mutant| Lived {
                line: own.line,
                column: own.column,
                function: own.function.clone(),
                change: own.change.clone(),
                text: own.text.clone(),
                fate: match fates.get(&own.number) {
                    Some(Fate::Caught(by)) => format!("caught {by}"),
                    Some(Fate::Timeout) => "timeout".to_owned(),
                    Some(Fate::Survived) => "survived".to_owned(),
                    Some(Fate::Unreached) | None => "unreached".to_owned(),
                },
            };
            let mutants = copy.mutants.iter().filter(|own| own.file == *file).map(lived).collect();
            let unviable = copy.unviable.get(file).copied().unwrap_or(0);
            files.insert(file.clone(), OfFile { commit: copy.commit.clone(), unviable, mutants });
        }
        Self { files }
    }

    /// What the runs so far found: for each file its last one.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let path = folder.join("found.json");
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(Self::default()) };
        let value: Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let number =
            |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of_file = |(name, own): (&String, &Value)| {
            let mutants = own["mutants"].as_array().into_iter().flatten().map(|own| Lived {
                line: number(&own[0]),
                column: number(&own[1]),
                function: word(&own[2]),
                change: word(&own[3]),
                text: word(&own[4]),
                fate: word(&own[5]),
            });
            let (commit, unviable) = (word(&own["commit"]), number(&own["unviable"]));
            (name.clone(), OfFile { commit, unviable, mutants: mutants.collect() })
        };
        Ok(Self { files: value.as_object().into_iter().flatten().map(of_file).collect() })
    }

    /// Keeps it beside what earlier runs found of other files.
    pub fn save(self, folder: &Path) -> Result<(), String> {
        let mut all = Self::load(folder)?.files;
        all.extend(self.files);
        let of_file = |(name, own): (String, OfFile)| {
            let mutants: Vec<Value> = own
                .mutants
                .into_iter()
                .map(|own| json!([own.line, own.column, own.function, own.change, own.text, own.fate]))
                .collect();
            (name, json!({ "commit": own.commit, "unviable": own.unviable, "mutants": mutants }))
        };
        let text = Value::Object(all.into_iter().map(of_file).collect()).to_string();
        std::fs::write(folder.join("found.json"), text).map_err(|error| error.to_string())
    }
}

/// What a program says.
pub fn told(root: &Path, program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).current_dir(root).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// One reviewed survivor, or several alike.
struct Reviewed {
    keys: Vec<(String, String)>,
    why: String,
}

impl Reviewed {
    fn fits(&self, file: &str, mutant: &Lived) -> bool {
        self.keys.iter().all(|(key, value)| match key.as_str() {
            "file" => file.ends_with(value.as_str()),
            "function" => mutant.function == *value || mutant.function.ends_with(&format!("::{value}")),
            "line" => mutant.text == *value,
            "change" => mutant.change == *value,
            _ => false,
        })
    }
}

fn reviewed(text: &str) -> Vec<Reviewed> {
    let block = |block: &str| {
        let lines = block.lines().filter(|line| !line.starts_with('#'));
        let mut keys: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect();
        let at = keys.iter().position(|(key, _)| key == "why")?;
        let why = keys.remove(at).1;
        Some(Reviewed { keys, why })
    };
    text.split("\n\n").filter_map(block).collect()
}

/// Numbers of a file.
#[derive(Default)]
struct Numbers {
    caught: usize,
    timeout: usize,
    survived: usize,
    unreached: usize,
    unviable: usize,
}

/// Writes the page, or the survivors to standard output. `all`: every file that has evaluators. Whether each survivor has
/// its reason.
pub fn write(root: &Path, found: &Found, all: &[String], page: Option<&Path>) -> Result<bool, String> {
    let known = reviewed(&std::fs::read_to_string(root.join("mutants/survivors.txt")).unwrap_or_default());
    let (mut explained, mut open, mut unused) = (String::new(), String::new(), vec![true; known.len()]);
    let (mut rows, mut sum) = (String::new(), Numbers::default());
    for (file, of_file) in found.files.iter().filter(|(file, _)| all.contains(file)) {
        let mut own = Numbers { unviable: of_file.unviable, ..Numbers::default() };
        let mut first = true;
        for mutant in &of_file.mutants {
            let what = match mutant.fate.as_str() {
                "survived" => {
                    own.survived += 1;
                    "survived"
                }
                "unreached" => {
                    own.unreached += 1;
                    "not reached"
                }
                "timeout" => {
                    own.timeout += 1;
                    continue;
                }
                _ => {
                    own.caught += 1;
                    continue;
                }
            };
            let (function, change, text) = (&mutant.function, &mutant.change, &mutant.text);
            match known.iter().position(|reviewed| reviewed.fits(file, mutant)) {
                Some(at) => {
                    unused[at] = false;
                    if std::mem::take(&mut first) {
                        let _ = write!(explained, "\n### {}\n\n", short(file));
                    }
                    let why = &known[at].why;
                    let _ = writeln!(explained, "- `{function}`, {change}, at `{text}` ({what}): {why}");
                }
                None => {
                    let place = format!("{}:{}:{}", short(file), mutant.line, mutant.column);
                    let _ = writeln!(open, "- {place} `{function}`, {change} ({what}): `{text}`");
                }
            }
        }
        row(&mut rows, short(file), &own, &of_file.commit);
        sum.caught += own.caught;
        sum.timeout += own.timeout;
        sum.survived += own.survived;
        sum.unreached += own.unreached;
        sum.unviable += own.unviable;
    }
    if page.is_some() {
        for (reviewed, _) in known.iter().zip(&unused).filter(|(_, unused)| **unused) {
            eprintln!("no such survivor: {:?}", reviewed.keys);
        }
    }
    row(&mut rows, "**all**", &sum, "");
    let mut out = String::from(include_str!("head.md"));
    let _ = write!(
        out,
        "Date: {}.\n\n## Numbers\n\n| file | mutants | caught | timeouts | survived | of them not reached | unviable | \
         commit |\n|---|---|---|---|---|---|---|---|\n{rows}",
        told(root, "date", &["-u", "+%Y-%m-%d"]),
    );
    let missing: Vec<&str> =
        all.iter().filter(|file| !found.files.contains_key(*file)).map(|file| short(file)).collect();
    match missing.is_empty() {
        true => out.push_str("\nEvery file was run.\n"),
        false => {
            let _ = writeln!(out, "\nNot run: {}.", missing.join(", "));
        }
    }
    let _ = write!(out, "\n## Survivors\n{explained}");
    if !open.is_empty() {
        let _ = write!(out, "\n## Survivors without a reason\n\n{open}");
    }
    match page {
        Some(path) => std::fs::write(path, &out).map_err(|error| format!("{}: {error}", path.display()))?,
        None => print!("{out}"),
    }
    eprintln!(
        "{} caught, {} timeouts, {} survived, {} not reached",
        sum.caught, sum.timeout, sum.survived, sum.unreached
    );
    Ok(open.is_empty())
}

fn row(out: &mut String, name: &str, own: &Numbers, commit: &str) {
    let survived = own.survived + own.unreached;
    let mutants = own.caught + own.timeout + survived;
    let _ = writeln!(
        out,
        "| {name} | {mutants} | {} | {} | {survived} | {} | {} | {commit} |",
        own.caught, own.timeout, own.unreached, own.unviable
    );
}

fn short(file: &str) -> &str {
    file.strip_prefix("crates/netfilter/src/").unwrap_or(file)
}

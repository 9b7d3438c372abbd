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

/// Keeps what a run found, for `--again`.
pub fn save(copy: &Copy, fates: &BTreeMap<u32, Fate>) -> Result<(), String> {
    let mutants: Vec<Value> = copy
        .mutants
        .iter()
        .map(|own| {
            let fate = match fates.get(&own.number) {
                Some(Fate::Caught(by)) => format!("caught {by}"),
                Some(Fate::Timeout) => "timeout".to_owned(),
                Some(Fate::Survived) => "survived".to_owned(),
                Some(Fate::Unreached) | None => "unreached".to_owned(),
            };
            json!([own.number, own.file, own.line, own.column, own.function, own.change, fate])
        })
        .collect();
    let text = json!({ "mutants": mutants, "unviable": copy.unviable }).to_string();
    std::fs::write(copy.folder.join("found.json"), text).map_err(|error| error.to_string())
}

/// What the last run found.
pub fn load(folder: &Path) -> Result<(Copy, BTreeMap<u32, Fate>), String> {
    let path = folder.join("found.json");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let found: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let (mut mutants, mut fates) = (Vec::new(), BTreeMap::new());
    for own in found["mutants"].as_array().into_iter().flatten() {
        let word = |at: usize| own[at].as_str().unwrap_or_default().to_owned();
        let number =
            |at: usize| own[at].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        let own_number = u32::try_from(number(0)).unwrap_or(0);
        let fate = word(6);
        fates.insert(
            own_number,
            match (fate.as_str(), fate.strip_prefix("caught ")) {
                (_, Some(by)) => Fate::Caught(by.to_owned()),
                ("timeout", _) => Fate::Timeout,
                ("survived", _) => Fate::Survived,
                _ => Fate::Unreached,
            },
        );
        let (file, function, change) = (word(1), word(4), word(5));
        mutants.push(Mutant {
            number: own_number,
            file,
            line: number(2),
            column: number(3),
            function,
            change,
        });
    }
    let unviable = found["unviable"].as_object().into_iter().flatten();
    let unviable =
        unviable.map(|(file, count)| (file.clone(), count.as_u64().unwrap_or(0) as usize)).collect();
    Ok((Copy { folder: folder.to_owned(), mutants, unviable }, fates))
}

/// One reviewed survivor, or several alike.
struct Reviewed {
    keys: Vec<(String, String)>,
    why: String,
}

impl Reviewed {
    fn fits(&self, mutant: &Mutant, line: &str) -> bool {
        self.keys.iter().all(|(key, value)| match key.as_str() {
            "file" => mutant.file.ends_with(value.as_str()),
            "function" => mutant.function == *value || mutant.function.ends_with(&format!("::{value}")),
            "line" => line.trim() == value,
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

/// Writes the page, or the survivors to standard output. Whether each has its reason.
pub fn write(
    root: &Path,
    copy: &Copy,
    fates: &BTreeMap<u32, Fate>,
    page: Option<&Path>,
) -> Result<bool, String> {
    let known = reviewed(&std::fs::read_to_string(root.join("mutants/survivors.txt")).unwrap_or_default());
    let mut numbers: BTreeMap<&str, Numbers> = BTreeMap::new();
    for (file, count) in &copy.unviable {
        numbers.entry(file).or_default().unviable = *count;
    }
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    let (mut explained, mut open, mut unused) = (String::new(), String::new(), vec![true; known.len()]);
    let mut last = "";
    for mutant in &copy.mutants {
        let own = numbers.entry(&mutant.file).or_default();
        let what = match fates.get(&mutant.number) {
            Some(Fate::Caught(_)) => {
                own.caught += 1;
                continue;
            }
            Some(Fate::Timeout) => {
                own.timeout += 1;
                continue;
            }
            Some(Fate::Survived) => {
                own.survived += 1;
                "survived"
            }
            Some(Fate::Unreached) | None => {
                own.unreached += 1;
                "not reached"
            }
        };
        let source = sources
            .entry(&mutant.file)
            .or_insert_with(|| std::fs::read_to_string(root.join(&mutant.file)).unwrap_or_default());
        let line = source.lines().nth(mutant.line - 1).unwrap_or_default().trim();
        match known.iter().position(|reviewed| reviewed.fits(mutant, line)) {
            Some(at) => {
                if let Some(unused) = unused.get_mut(at) {
                    *unused = false;
                }
                if last != mutant.file {
                    let _ = write!(explained, "\n### {}\n\n", short(&mutant.file));
                    last = &mutant.file;
                }
                let why = &known[at].why;
                let _ = writeln!(
                    explained,
                    "- `{}`, {}, at `{line}` ({what}): {why}",
                    mutant.function, mutant.change
                );
            }
            None => {
                let _ = writeln!(
                    open,
                    "- {}:{}:{} `{}`, {} ({what}): `{line}`",
                    short(&mutant.file),
                    mutant.line,
                    mutant.column,
                    mutant.function,
                    mutant.change
                );
            }
        }
    }
    for (reviewed, _) in known.iter().zip(&unused).filter(|(_, unused)| **unused) {
        eprintln!("no such survivor: {:?}", reviewed.keys);
    }
    let mut out = String::from(include_str!("head.md"));
    let told = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).current_dir(root).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let _ = writeln!(
        out,
        "Date: {}. Commit: {}.\n\n## Numbers\n\n| file | mutants | caught | timeouts | survived | of them not reached | unviable |\n|---|---|---|---|---|---|---|",
        told("date", &["-u", "+%Y-%m-%d"]),
        told("git", &["rev-parse", "--short", "HEAD"])
    );
    let mut all = Numbers::default();
    for (file, own) in &numbers {
        row(&mut out, short(file), own);
        all.caught += own.caught;
        all.timeout += own.timeout;
        all.survived += own.survived;
        all.unreached += own.unreached;
        all.unviable += own.unviable;
    }
    row(&mut out, "**all**", &all);
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
        all.caught, all.timeout, all.survived, all.unreached
    );
    Ok(open.is_empty())
}

fn row(out: &mut String, name: &str, own: &Numbers) {
    let survived = own.survived + own.unreached;
    let mutants = own.caught + own.timeout + survived;
    let _ = writeln!(
        out,
        "| {name} | {mutants} | {} | {} | {survived} | {} | {} |",
        own.caught, own.timeout, own.unreached, own.unviable
    );
}

fn short(file: &str) -> &str {
    file.strip_prefix("crates/netfilter/src/").unwrap_or(file)
}

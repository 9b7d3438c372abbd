//! What came of it: numbers for each file, and the survivors with their reasons.
//!
//! `mutants/survivors.txt` has blocks of lines `key: value`, parted by empty lines: `file` (how its path ends), and as far as
//! they are to be told apart `function`, `line` (the text of the line of source, blanks cut) and `change`; `why` says why no
//! test can or need see it. Line numbers are not used: they change.
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use crate::copy::Copy;
use crate::plant::Mutant;
use crate::run::Fate;

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

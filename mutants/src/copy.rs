//! The copy of the workspace in which mutants live, and the compiler's word on them.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::plant::{Mutant, plant};

/// Which files have evaluators.
const FOLDERS: [&str; 4] = [
    "crates/netfilter/src/tables/matches",
    "crates/netfilter/src/tables/targets",
    "crates/netfilter/src/nat",
    "crates/netfilter/src/conntrack/helper",
];
const TRACKERS: [&str; 9] = [
    "tcp.rs",
    "tcp/states.rs",
    "tcp/window.rs",
    "udp.rs",
    "icmp.rs",
    "sctp.rs",
    "gre.rs",
    "generic.rs",
    "helper.rs",
];

/// The profile of the copy: fast enough to run each case thousands of times, with the checks of a debug build.
const PROFILE: &str = "\n[profile.mutants]\ninherits = \"dev\"\nopt-level = 1\ndebug = false\n\n[profile.mutants.package.oxitables]\nopt-level = 0\n";

/// A copy with all mutants in it.
pub struct Copy {
    /// Its folder.
    pub folder: PathBuf,
    /// The commit of which it is a copy.
    pub commit: String,
    /// The files that are mutated.
    pub files: Vec<String>,
    /// What is planted.
    pub mutants: Vec<Mutant>,
    /// How many did not compile, by file.
    pub unviable: BTreeMap<String, usize>,
}

/// All files that are mutated, from the workspace's folder.
pub fn files(root: &Path, only: &[String]) -> Result<Vec<String>, String> {
    let mut out: Vec<String> =
        TRACKERS.iter().map(|name| format!("crates/netfilter/src/conntrack/{name}")).collect();
    for folder in FOLDERS {
        walk(&root.join(folder), &mut |path| {
            let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
            let for_tests =
                name.ends_with("/tests.rs") || name.contains("/tests/") || name.ends_with("/testing.rs");
            if name.ends_with(".rs") && !for_tests {
                out.push(name);
            }
        })?;
    }
    out.retain(|name| only.is_empty() || only.iter().any(|part| name.contains(part.as_str())));
    out.sort();
    Ok(out)
}

fn walk(folder: &Path, with: &mut dyn FnMut(&Path)) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, with)? } else { with(&path) }
    }
    Ok(())
}

/// Writes what is not so already: an unchanged file is not compiled again.
fn write(path: &Path, text: &[u8]) -> Result<(), String> {
    if std::fs::read(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let failed = |error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Makes the copy and plants all mutants that compile in it.
pub fn make(root: &Path, folder: &Path, only: &[String]) -> Result<Copy, String> {
    let files = files(root, only)?;
    let commit = crate::report::told(root, "git", &["rev-parse", "--short", "HEAD"]);
    for part in ["crates", "xtask"] {
        let mut failed = Ok(());
        walk(&root.join(part), &mut |path| {
            let name = path.strip_prefix(root).unwrap_or(path);
            let done = std::fs::read(path).map_err(|error| error.to_string()).and_then(|bytes| {
                // Why: those are written below, once.
                let later = name.ends_with("netfilter/src/lib.rs")
                    || files.iter().any(|file| name == Path::new(file));
                if later { Ok(()) } else { write(&folder.join(name), &bytes) }
            });
            if done.is_err() {
                failed = done;
            }
        })?;
        failed?;
    }
    for name in ["fixtures", "examples", "docs"] {
        let (from, to) = (root.join(name), folder.join(name));
        if !to.exists() {
            std::os::unix::fs::symlink(&from, &to).map_err(|error| format!("{}: {error}", to.display()))?;
        }
    }
    write(&folder.join("Cargo.toml"), (read(&root.join("Cargo.toml"))? + PROFILE).as_bytes())?;
    if !folder.join("Cargo.lock").exists() {
        write(&folder.join("Cargo.lock"), read(&root.join("Cargo.lock"))?.as_bytes())?;
    }
    let lib = read(&root.join("crates/netfilter/src/lib.rs"))?;
    // Why: what a mutant makes of constants is not to be refused before it runs.
    let with_switch = format!(
        "#![allow(arithmetic_overflow, unconditional_panic)]\n{lib}\n#[allow(missing_docs)]\npub mod mutants;\n"
    );
    write(&folder.join("crates/netfilter/src/lib.rs"), with_switch.as_bytes())?;
    write(&folder.join("crates/netfilter/src/mutants.rs"), include_bytes!("switch.rs"))?;
    write(&folder.join("crates/judge/examples/mutants.rs"), include_bytes!("runner.rs"))?;
    // Why: kept from run to run, or each would compile twice. A place is told by its line and column.
    let kept = folder.join("refused.txt");
    let mut refused: BTreeSet<String> =
        std::fs::read_to_string(&kept).unwrap_or_default().lines().map(str::to_owned).collect();
    for _ in 0..12 {
        let (mut next, mut mutants, mut places) = (1, Vec::new(), BTreeMap::new());
        for file in &files {
            let source = read(&root.join(file))?;
            let planted = plant(file, &source, &mut next, &|key| !refused.contains(key))?;
            write(&folder.join(file), planted.text.as_bytes())?;
            mutants.extend(planted.mutants);
            places.insert(file.clone(), planted.places);
        }
        eprintln!("{} mutants in {} files, {} do not compile", mutants.len(), files.len(), refused.len());
        let found = complaints(folder, &places)?;
        if found.is_empty() {
            let lines: String = refused.iter().map(|key| format!("{key}\n")).collect();
            write(&kept, lines.as_bytes())?;
            let mut unviable = BTreeMap::new();
            for key in refused.iter().filter(|key| files.iter().any(|file| key.starts_with(file.as_str()))) {
                *unviable.entry(key.split(':').next().unwrap_or_default().to_owned()).or_insert(0) += 1;
            }
            return Ok(Copy { folder: folder.to_owned(), commit, files, mutants, unviable });
        }
        for mutant in mutants.iter().filter(|mutant| found.contains(&mutant.number)) {
            refused.insert(format!("{}:{}:{}: {}", mutant.file, mutant.line, mutant.column, mutant.change));
        }
    }
    Err("the copy does not compile after twelve rounds".to_owned())
}

/// Which mutants the compiler refuses.
fn complaints(
    folder: &Path,
    places: &BTreeMap<String, Vec<(Range<usize>, u32)>>,
) -> Result<BTreeSet<u32>, String> {
    let words = ["check", "-p", "netfilter", "--lib", "--profile", "mutants", "--message-format=json"];
    let mut found = BTreeSet::new();
    for message in cargo(folder, &words)?.1 {
        if message["reason"] != "compiler-message" || message["message"]["level"] != "error" {
            continue;
        }
        let mut own = BTreeSet::new();
        for primary in [true, false] {
            let children = message["message"]["children"].as_array().into_iter().flatten();
            let all = std::iter::once(&message["message"]).chain(children);
            for span in all.filter_map(|part| part["spans"].as_array()).flatten() {
                let (Some(name), Some(start), Some(end)) =
                    (span["file_name"].as_str(), span["byte_start"].as_u64(), span["byte_end"].as_u64())
                else {
                    continue;
                };
                let touched = places
                    .get(name)
                    .into_iter()
                    .flatten()
                    .filter(|(range, _)| (range.start as u64) < end && start < range.end as u64);
                if span["is_primary"] == primary {
                    // Why: a span that covers many is of what stands around them.
                    own.extend(touched.map(|(_, number)| *number).take(4));
                }
            }
            if !own.is_empty() {
                break;
            }
        }
        let text = message["message"]["rendered"].as_str().unwrap_or_default();
        if own.is_empty() && !text.contains("aborting due to") {
            return Err(format!("the copy does not compile, and no mutant is to blame:\n{text}"));
        }
        found.extend(own);
    }
    Ok(found)
}

/// Runs cargo in the copy: whether it went well, and its messages.
pub fn cargo(folder: &Path, words: &[&str]) -> Result<(bool, Vec<Value>), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(words)
        .env("RUSTFLAGS", "-Awarnings")
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok((output.status.success(), text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()))
}

/// The programs that a cargo command made: name and path.
pub fn programs(folder: &Path, words: &[&str]) -> Result<Vec<(String, PathBuf)>, String> {
    let (good, messages) = cargo(folder, words)?;
    if !good {
        return Err(format!("cargo {} failed", words.join(" ")));
    }
    let program = |message: &Value| {
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, PathBuf::from(message["executable"].as_str()?)))
    };
    Ok(messages.iter().filter_map(program).collect())
}

//! Fuzzing: each target for so many seconds, from a corpus that begins with the rules of the fixtures.
use std::fs;
use std::io;
use std::path::Path;

/// Runs every target, or those named, one after the other.
pub fn run(root: &Path, words: &[String]) -> Result<(), String> {
    let seconds = words.first().map_or("60", String::as_str);
    let only = words.get(1..).unwrap_or_default();
    let folder = root.join("fuzz/fuzz_targets");
    let mut targets: Vec<String> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| entry.ok()?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .filter(|target| only.is_empty() || only.contains(target))
        .collect();
    targets.sort();
    for target in targets {
        let corpus = root.join("fuzz/corpus").join(&target);
        seed(root, &target, &corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
        let corpus = corpus.to_string_lossy().into_owned();
        let limit = format!("-max_total_time={seconds}");
        crate::cargo(&["+nightly", "fuzz", "run", &target, &corpus, "--", &limit, "-max_len=4096"])?;
    }
    Ok(())
}

/// Only writes the first corpus of a target into a folder.
pub fn seeds(root: &Path, words: &[String]) -> Result<(), String> {
    let [target, folder] = words else { return Err("usage: cargo xtask seeds TARGET FOLDER".to_owned()) };
    seed(root, target, Path::new(folder)).map_err(|error| format!("{folder}: {error}"))
}

/// The rules of the fixtures in the form of a target's input: a byte for the family, then commands or a restore file.
fn seed(root: &Path, target: &str, corpus: &Path) -> io::Result<()> {
    fs::create_dir_all(corpus)?;
    let mut number = 0_u32;
    let mut put = |text: String| {
        number += 1;
        fs::write(corpus.join(format!("fixture-{number:05}")), text)
    };
    if target == "ipset" {
        for path in files(&root.join("fixtures/set"))? {
            for block in fs::read_to_string(path)?.split("\n\n") {
                let lines = block.lines().filter_map(|line| line.strip_prefix("ipset "));
                let lines: Vec<&str> = lines.collect();
                // Whole scenarios, and in pieces, so that what comes late in one is soon reached.
                for piece in lines.chunks(12) {
                    let first = lines.first().filter(|first| **first != piece.first().copied().unwrap_or(""));
                    let words: Vec<&str> = first.into_iter().chain(piece).copied().collect();
                    put(words.join("\n") + "\n")?;
                }
            }
        }
        return Ok(());
    }
    if target == "conntrack_table" {
        for path in files(&root.join("fixtures/conntrack"))? {
            let text = fs::read_to_string(path)?;
            for line in text.lines() {
                put(format!("{line}\n"))?;
            }
            put(text)?;
        }
        return Ok(());
    }
    if !["command_line", "save_file"].contains(&target) {
        return Ok(());
    }
    for path in files(&root.join("fixtures/match"))?.into_iter().chain(files(&root.join("fixtures/target"))?)
    {
        let text = fs::read_to_string(path)?;
        let (mut family, mut table, mut chain) = ("4", "filter", "INPUT");
        for line in text.lines() {
            match line.split_once(": ") {
                Some(("family", value)) => family = value,
                Some(("table", value)) => table = value,
                Some(("chain", value)) => chain = value,
                Some(("rule", rule)) => {
                    // Why: the targets take the family from the lowest bit of the first byte.
                    for first in family.split(' ').map(|family| if family == "4" { 'b' } else { 'a' }) {
                        put(match target {
                            "command_line" => format!("{first}-t {table} -A {chain} {rule}"),
                            _ => format!("{first}*{table}\n-A {chain} {rule}\nCOMMIT\n"),
                        })?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The files of a folder, in order; none if it is not there.
fn files(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

//! The house rules that a program can check. Each finding names a file and says what to do.
use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file may have so many lines; beyond, it wants splitting by concern.
const MOST_LINES: usize = 800;

/// File names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 4] = ["util", "common", "misc", "helpers"];

/// Which crates a crate may use, by name: the directions of ARCHITECTURE.md.
const DIRECTIONS: [(&str, &[&str]); 6] = [
    ("packet", &[]),
    ("rules", &["packet"]),
    ("netfilter", &["packet", "rules"]),
    ("sys", &[]),
    ("judge", &["packet", "rules", "netfilter", "sys"]),
    ("oxitables", &["packet", "rules", "netfilter", "sys", "judge"]),
];

/// All findings in a tree.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "fuzz/fuzz_targets", "mutants"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    for path in &files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
        findings.extend(file(&shown, &text));
    }
    findings.extend(directions(root));
    findings.extend(fixtures(root));
    findings
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// What one Rust file does wrong.
fn file(shown: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        findings.push(format!("{shown}: {lines} lines; split it by concern (at most {MOST_LINES})"));
    }
    let stem =
        Path::new(shown).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem.as_str()) {
        findings.push(format!("{shown}: name the file after what is in it"));
    }
    // Why: written in two pieces, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[ign", "ore")];
    for (number, line) in text.lines().enumerate() {
        for mark in marks {
            if line.contains(mark) {
                findings.push(format!(
                    "{shown}:{}: `{mark}`: do it, or write it in the issue's note",
                    number + 1
                ));
            }
        }
    }
    let is_root = shown.ends_with("src/lib.rs") || shown.ends_with("src/main.rs");
    if is_root && !shown.starts_with("crates/sys/") && !text.contains("#![forbid(unsafe_code)]") {
        findings.push(format!("{shown}: forbid unsafe code; only `sys` may have it"));
    }
    let is_test = shown.contains("/tests") || shown.contains("/benches");
    if !is_test && !text.trim_start().starts_with("//!") && !shown.contains("fuzz_targets") {
        findings.push(format!("{shown}: begin with a module doc (//!) that says what it is"));
    }
    findings
}

/// Dependencies between our crates that go the wrong way.
fn directions(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, allowed) in DIRECTIONS {
        let path = root.join("crates").join(name).join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (other, _) in DIRECTIONS {
            let uses = text.lines().any(|line| line.starts_with(&format!("{other}.workspace")));
            if uses && !allowed.contains(&other) {
                findings.push(format!("crates/{name}/Cargo.toml: `{name}` may not use `{other}`"));
            }
        }
    }
    findings
}

/// Every extension has a fixture of its name.
fn fixtures(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for (folder, fixture) in [("matches", "match"), ("targets", "target")] {
        let Ok(entries) = fs::read_dir(root.join("crates/rules/src").join(folder)) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                continue;
            }
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            const SHARED: [&str; 7] =
                ["mod", "extension_header", "named", "nat", "range", "table_name", "tests"];
            if SHARED.contains(&stem.as_str()) {
                continue;
            }
            // Targets have their fixtures by their names, which are capital letters.
            let name = if fixture == "target" { stem.to_uppercase() } else { stem };
            let wanted = format!("fixtures/{fixture}/{name}.txt");
            if !root.join(&wanted).exists() {
                findings.push(format!("{wanted}: missing; every extension has a fixture"));
            }
        }
    }
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let findings = check(root);
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn a_long_file_is_found() {
        let text = format!("//! Doc.\n{}", "fn f() {}\n".repeat(MOST_LINES));
        assert_eq!(file("crates/packet/src/long.rs", &text).len(), 1);
    }

    #[test]
    fn a_missing_module_doc_and_an_empty_name_are_found() {
        assert_eq!(file("crates/packet/src/util.rs", "fn f() {}\n").len(), 2);
    }
}

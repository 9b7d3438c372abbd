//! The man pages: nothing of the option tables is missing, and the readers of pages have no complaint.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::machine;
use crate::programs::{BINARY, NAMES};

fn pages() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY).arg("man").arg(folder.path().join("pages")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let paths: Vec<PathBuf> = said.lines().map(PathBuf::from).collect();
    (folder, paths)
}

/// A page as a reader sees it, on one line.
fn seen(path: &Path) -> Option<String> {
    let output = Command::new("man")
        .args(["--warnings", "-l"])
        .arg(path)
        .env("MANWIDTH", "4000")
        .env("LC_ALL", "C")
        .output();
    let Output { stdout, stderr, status } = output.ok()?;
    assert!(
        status.success() && stderr.is_empty(),
        "{}: {}",
        path.display(),
        String::from_utf8_lossy(&stderr)
    );
    Some(String::from_utf8_lossy(&stdout).split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn every_program_has_a_page() {
    let (_folder, paths) = pages();
    let names: Vec<_> = paths.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    for name in
        NAMES.iter().chain(&["iptables-xml", "iptables-extensions", "ipset", "oxitables", "oxitables-trace"])
    {
        assert!(names.contains(name), "{name}");
    }
    assert!(!names.contains(&"oxitables-lab-process"), "what is hidden has none");
}

#[test]
fn every_option_of_every_extension_is_there() {
    let (_folder, paths) = pages();
    let path = paths.iter().find(|path| path.ends_with("iptables-extensions.8")).unwrap();
    let source = std::fs::read_to_string(path).unwrap();
    let page = source.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "");
    let sections: Vec<&str> = page.split(".SS ").collect();
    let mut count = 0;
    for spec in rules::matches::SPECS.iter().chain(rules::targets::SPECS) {
        let title = format!("\"{}\"\n", spec.name);
        let section = sections.iter().find(|section| section.starts_with(&title));
        let section = section.unwrap_or_else(|| panic!("{} has no section", spec.name));
        for option in spec.options {
            count += 1;
            for name in std::iter::once(&option.name).chain(option.aliases) {
                let dashed = format!("--{name}");
                let terms = section.split(".TP\n").skip(1).filter_map(|term| term.lines().next());
                let mut words = terms.flat_map(|term| term.split([' ', ','])).filter(|word| !word.is_empty());
                assert!(words.any(|word| word == dashed), "{} {dashed}", spec.name);
            }
        }
        for table in spec.place.tables {
            assert!(section.contains(table.name()), "{}: table {table}", spec.name);
        }
    }
    assert!(count > 150, "{count}");
}

#[test]
fn readers_have_no_complaint() {
    let (_folder, paths) = pages();
    let Some(page) = paths.iter().find(|path| path.ends_with("iptables.8")).and_then(|path| seen(path))
    else {
        machine::skip("there is no man");
        return;
    };
    for words in ["-A, --append CHAIN RULE", "[!] -p, --protocol PROTOCOL", "--line-numbers", "file:PATH"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for path in &paths {
        seen(path);
    }
    match Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(&paths).output() {
        Err(error) => machine::skip(&format!("mandoc: {error}")),
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), ""),
    }
}

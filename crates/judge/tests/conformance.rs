//! docs/conformance.md is what was recorded, and what was recorded is about all cases that there are.
use std::path::Path;

use judge::conformance::{Directed, Record};

fn record(root: &Path) -> Record {
    let text = std::fs::read_to_string(root.join("fixtures/conformance.json")).unwrap();
    Record::from_json(&text).unwrap()
}

#[test]
fn the_page_is_what_was_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let stands = std::fs::read_to_string(root.join("docs/conformance.md")).unwrap_or_default();
    assert!(record(&root).page() == stands, "docs/conformance.md is stale, run `cargo xtask conformance`");
}

#[test]
fn all_directed_cases_were_recorded_as_equal() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let recorded = record(&root).directed;
    let mut there =
        Directed { date: recorded.date.clone(), kernel: recorded.kernel.clone(), ..Directed::default() };
    for case in judge::command::cases(&root.join("fixtures/kernel")).unwrap() {
        there.count(&case, true);
    }
    assert_eq!(recorded, there, "cases have come or gone: run `cargo xtask conformance`");
}

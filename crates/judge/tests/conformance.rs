//! docs/conformance.md is what was recorded.
use std::path::Path;

use judge::conformance::Record;

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

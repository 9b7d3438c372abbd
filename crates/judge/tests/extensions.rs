//! docs/extensions.md is what the code and the fixtures say.
use std::path::Path;

#[test]
fn the_table_of_extensions_is_not_stale() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = judge::extensions::page(&root.join("fixtures")).unwrap();
    let stands = std::fs::read_to_string(root.join("docs/extensions.md")).unwrap_or_default();
    let line = page.lines().zip(stands.lines()).find(|(own, other)| own != other);
    assert!(page == stands, "docs/extensions.md is stale, run `cargo xtask extensions`; first: {line:?}");
}

#[test]
fn what_is_modelled_has_a_fixture_that_prints_and_refuses() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    for row in judge::extensions::rows(&fixtures).unwrap().into_iter().flatten().filter(|row| row.parse) {
        let name = row.name;
        let relic = judge::extensions::REFUSED.contains(&name);
        assert!(row.printed > 0 || relic, "{name}: no rule that is taken");
        assert!(row.refused > 0, "{name}: no rule that is refused");
        assert!(row.help != Some(false), "{name}: no help");
    }
}

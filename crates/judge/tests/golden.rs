//! The engine against what the kernel did when the golden files were made: every case of `fixtures/kernel`, without
//! root and without a kernel of one's own.
use std::path::Path;

use judge::case;
use judge::golden::Golden;

#[test]
fn engine_does_what_the_kernel_did() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut compared = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(fixtures.join("kernel")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "case") {
            continue;
        }
        let cases = case::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let frozen = fixtures.join("golden").join(path.file_stem().unwrap()).with_extension("json");
        let frozen = std::fs::read_to_string(&frozen).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; make it by `cargo xtask judge --freeze {}`",
                frozen.display(),
                path.display()
            )
        });
        let golden = Golden::from_json(&frozen).unwrap();
        for case in &cases {
            let Some(differences) = golden.judge(case) else {
                wrong.push(format!("{}: not frozen", case.name));
                continue;
            };
            compared += 1;
            wrong.extend(differences.iter().map(|difference| format!("{}: {difference}", case.name)));
        }
    }
    assert!(compared > 0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

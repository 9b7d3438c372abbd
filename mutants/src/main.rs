//! `cargo xtask mutants`: mutation testing of the evaluators without a build for each mutant.
//!
//! All mutants are planted at once in a copy of the workspace, each behind a switch (`plant.rs`, `switch.rs`); those that the
//! compiler refuses are taken out again (`copy.rs`). Then each is switched on by itself while the frozen cases of the kernel
//! and the unit tests run that reach it (`runner.rs`, `run.rs`). `report.rs` writes `docs/mutation.md`: numbers, and every
//! survivor with the reason that `mutants/survivors.txt` gives.
#![forbid(unsafe_code)]

mod copy;
mod plant;
mod report;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask mutants [--work DIR] [--only PART-OF-A-PATH]... [--jobs N] [--page FILE] [--cases-only] [--again | --list]

  --work DIR    where the copy is kept from run to run (default: /tmp/oxitables-mutants)
  --only PART   only files whose path has this in it; may be repeated
  --jobs N      how many processes run tests (default: 2)
  --page FILE   writes the page there (docs/mutation.md): of each file what its last run found; without it, what this run
                found goes to standard output
  --again       runs nothing: what the last runs found, with the reasons as they are now
  --list        runs nothing: all mutants, before the compiler has refused some
  --cases-only  only the frozen cases of the kernel, no unit tests
";

fn main() -> ExitCode {
    match work() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(what) => {
            eprintln!("mutants: {what}");
            ExitCode::from(2)
        }
    }
}

/// Whether every survivor has its reason.
fn work() -> Result<bool, String> {
    let mut folder = PathBuf::from("/tmp/oxitables-mutants");
    let (mut only, mut jobs, mut page, mut cases_only) = (Vec::new(), 2, None, false);
    let (mut again, mut list) = (false, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| USAGE.to_owned());
        match word.as_str() {
            "--work" => folder = value()?.into(),
            "--only" => only.push(value()?),
            "--jobs" => jobs = value()?.parse().map_err(|_| USAGE.to_owned())?,
            "--page" => page = Some(PathBuf::from(value()?)),
            "--cases-only" => cases_only = true,
            "--again" => again = true,
            "--list" => list = true,
            "--help" | "-h" => {
                print!("{USAGE}");
                return Ok(true);
            }
            _ => return Err(USAGE.to_owned()),
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?.to_owned();
    if again {
        return report::write(
            &root,
            &report::Found::load(&folder)?,
            &copy::files(&root, &only)?,
            page.as_deref(),
        );
    }
    if list {
        let mut next = 1;
        for file in copy::files(&root, &only)? {
            let source =
                std::fs::read_to_string(root.join(&file)).map_err(|error| format!("{file}: {error}"))?;
            for own in plant::plant(&file, &source, &mut next, &|_| true)?.mutants {
                println!("{}:{}:{} {}: {}", own.file, own.line, own.column, own.function, own.change);
            }
        }
        return Ok(true);
    }
    let copy = copy::make(&root, &folder, &only)?;
    let line = |mutant: &plant::Mutant| {
        format!(
            "{} {}:{}:{} {}: {}\n",
            mutant.number, mutant.file, mutant.line, mutant.column, mutant.function, mutant.change
        )
    };
    let list: String = copy.mutants.iter().map(line).collect();
    std::fs::write(folder.join("mutants.txt"), list).map_err(|error| error.to_string())?;
    let numbers: Vec<u32> = copy.mutants.iter().map(|mutant| mutant.number).collect();
    let build =
        ["build", "-p", "judge", "--example", "mutants", "--profile", "mutants", "--message-format=json"];
    let runner = copy::programs(&copy.folder, &build)?.pop().ok_or("no runner was made")?.1;
    let mut fates = run::cases(&runner, &root.join("fixtures"), &numbers, jobs)?;
    report::Found::of(&copy, &fates).save(&folder)?;
    if !cases_only {
        let build = [
            "test",
            "-p",
            "netfilter",
            "-p",
            "oxitables",
            "--lib",
            "--bin",
            "oxitables",
            "--profile",
            "mutants",
            "--no-run",
            "--message-format=json",
        ];
        let mut programs = copy::programs(&copy.folder, &build)?;
        let build = [
            "test",
            "-p",
            "netfilter",
            "--test",
            "it",
            "--profile",
            "mutants",
            "--no-run",
            "--message-format=json",
        ];
        programs.extend(copy::programs(&copy.folder, &build)?);
        run::tests(&programs, &copy.folder, &mut fates, jobs)?;
    }
    report::Found::of(&copy, &fates).save(&folder)?;
    // The page is of all files, whenever each was run last; else those of this run are shown.
    let shown = if page.is_some() { copy::files(&root, &[])? } else { copy.files };
    report::write(&root, &report::Found::load(&folder)?, &shown, page.as_deref())
}

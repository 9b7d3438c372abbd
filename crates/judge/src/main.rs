//! `judge`: asks the kernel, and compares.
#![forbid(unsafe_code)]
use std::process::ExitCode;

use judge::{command, language};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == "extensions") {
        return extensions();
    }
    if args.first().is_some_and(|first| first == "conformance") {
        return conformance();
    }
    let done = match args.split_first() {
        Some((first, rest)) if first == "language" => language::command::run(rest),
        _ => command::run(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("judge: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints the page of `docs/extensions.md`.
fn extensions() -> ExitCode {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    match judge::extensions::page(&fixtures) {
        Ok(page) => {
            print!("{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("judge: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints the page of `docs/conformance.md`.
fn conformance() -> ExitCode {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/conformance.json");
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
    let record =
        text.and_then(|text| judge::conformance::Record::from_json(&text).map_err(|e| e.to_string()));
    match record {
        Ok(record) => {
            print!("{}", record.page());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("judge: {}: {error}", path.display());
            ExitCode::from(2)
        }
    }
}

//! `judge`: asks the kernel, and compares.
#![forbid(unsafe_code)]
use std::process::ExitCode;

use judge::{command, language};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
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

//! The one binary: what did the user ask for?
#![forbid(unsafe_code)]

mod applets;
mod engine;
mod forward;
mod host;
mod owners;
mod rulesfile;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    std::process::ExitCode::from(match words.as_slice() {
        [applets::lab::process::NAME, ..] => applets::lab::process::run(&arguments[1..]).unwrap_or(2),
        ["exec", "-v", "--", ..] => applets::exec::run(&applets::exec::Arguments {
            verbose: true,
            command: arguments[3..].to_vec(),
            ..Default::default()
        }),
        ["exec", "--", ..] => applets::exec::run(&applets::exec::Arguments {
            command: arguments[2..].to_vec(),
            ..Default::default()
        }),
        ["lab", "--kernel", path] => {
            applets::lab::run(&applets::lab::Arguments { path: path.into(), kernel: true, quiet: false })
        }
        ["lab", path] => {
            applets::lab::run(&applets::lab::Arguments { path: path.into(), kernel: false, quiet: false })
        }
        _ => 2,
    })
}

//! Chores of the repository: `cargo xtask demo`, `cargo xtask ci`, `cargo xtask tidy`, `cargo xtask judge`, `cargo xtask
//! compare`.
//!
//! `ci` is exactly what CI runs. Nothing here is needed to build or use the product.
#![forbid(unsafe_code)]

mod fuzz;
mod tidy;
mod wild;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo          the main job on real input: a trace of a bundled example, and the lab of S9 with real connections
  ci            everything that CI runs: format, lints, tidy, all tests (what this machine does not allow is skipped
                with the reason printed; OXITABLES_REQUIRE_KERNEL=1 makes such a skip a failure)
  tidy          the house rules that a program can check
  compare ARGS  random command lines of all extensions, given to iptables-legacy and to ours; see --help
  conformance [ARGS]   all directed cases against this machine's kernel, then random ones if ARGS say how many
                (--cases N --seed S); records both and writes docs/conformance.md
  extensions    writes docs/extensions.md
  judge ARGS    random cases against this machine's kernel, see `cargo xtask judge --help`
  mutants [ARGS]   mutation testing of the evaluators; see --help and docs/mutation.md
  wild [NAME]   real programs (ufw, fail2ban ...) with our binary in place of iptables, compared with the machine's own
  fuzz SECONDS [TARGET]   each fuzz target for so long (needs cargo-fuzz and a nightly toolchain)
  seeds TARGET FOLDER     the corpus with which that begins: the rules of the fixtures
";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    let done = match command.as_str() {
        "demo" => demo(),
        "ci" => ci(),
        "tidy" => tidy_all(),
        "compare" => compare(&rest),
        "conformance" => conformance(&rest),
        "extensions" => page("extensions"),
        "judge" => judge(&rest),
        "mutants" => mutants(&rest),
        "wild" => wild::run(&root(), &rest),
        "fuzz" => fuzz::run(&root(), &rest),
        "seeds" => fuzz::seeds(&root(), &rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("xtask: {what}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Runs a command in the workspace; an error names it.
fn run(program: &str, words: &[&str]) -> Result<(), String> {
    eprintln!("\n$ {program} {}", words.join(" "));
    let status = Command::new(program).args(words).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{program} {}` ended with {status}", words.join(" "))),
        Err(error) => Err(format!("`{program}` did not start: {error}")),
    }
}

fn cargo(words: &[&str]) -> Result<(), String> {
    run(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), words)
}

/// Whether a cargo subcommand is installed.
fn has(subcommand: &str) -> bool {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    Command::new(cargo).args([subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}

fn demo() -> Result<(), String> {
    cargo(&["build", "--release", "--quiet", "--package", "oxitables"])?;
    let folder = "examples/port-change";
    let (rules, routes) = (format!("{folder}/rules.v4"), format!("{folder}/network"));
    let trace = |packet| ["trace", "--rules", &rules, "--routes", &routes, packet].map(str::to_owned);
    println!("\nA service listens on 8443 and is offered on 8445. What becomes of a packet for 8445?");
    // Exit code 1 says that the packet was dropped: that is what the second one shows.
    show(&trace("eth0 tcp 10.10.10.10:40000 > 192.168.1.1:8445 S"), &[0])?;
    println!("\nAnd of one for 8443, which shall not be reached directly?");
    show(&trace("eth0 tcp 10.10.10.10:40001 > 192.168.1.1:8443 S"), &[1])?;
    println!(
        "\nThe same with real connections: each host is a network namespace, the server's netfilter is our engine."
    );
    if show(&["lab".to_owned(), "examples/lab/s9-port-change.lab".to_owned()], &[0, 4])? == 4 {
        println!("the lab was skipped: this machine does not allow network namespaces (reason above)");
    }
    println!("\nMore: examples/README.md; your own rules: oxitables trace --help");
    Ok(())
}

/// The program as `cargo build --release` leaves it: beside the profile that this program was built in, wherever the
/// target folder is (`CARGO_TARGET_DIR`).
fn binary() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let target = own.ancestors().nth(2).ok_or("this program is in no target folder")?;
    Ok(target.join("release/oxitables"))
}

/// Runs the program in the workspace's folder and shows the command as one would type it.
fn show(words: &[String], expected: &[i32]) -> Result<i32, String> {
    let plain =
        |word: &&String| word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-./".contains(letter));
    let quoted = |word: &String| if plain(&word) { word.clone() } else { format!("'{word}'") };
    let shown: Vec<String> = words.iter().map(quoted).collect();
    println!("\n$ target/release/oxitables {}", shown.join(" "));
    let status = Command::new(binary()?).args(words).current_dir(root()).status();
    match status.as_ref().ok().and_then(std::process::ExitStatus::code) {
        Some(code) if expected.contains(&code) => Ok(code),
        _ => Err(format!("{} ended with {status:?}", words.first().map_or("", String::as_str))),
    }
}

fn ci() -> Result<(), String> {
    if has("fmt") {
        cargo(&["fmt", "--all", "--check"])?;
    } else {
        eprintln!("skipped: format (rustfmt is not installed)");
    }
    if has("clippy") {
        cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    } else {
        eprintln!("skipped: lints (clippy is not installed)");
    }
    tidy_all()?;
    cargo(&["test", "--workspace", "--no-fail-fast"])?;
    println!("\nreal programs with our binary in place of iptables:");
    wild::run(&root(), &[])
}

fn tidy_all() -> Result<(), String> {
    let findings = tidy::check(&root());
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("tidy: {} findings", findings.len())) }
}

fn compare(rest: &[String]) -> Result<(), String> {
    let mut words = vec!["run", "--quiet", "--package", "judge", "--", "language"];
    words.extend(rest.iter().map(String::as_str));
    cargo(&words)
}

/// Writes a page that the judge prints.
fn page(name: &str) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let words = ["run", "--quiet", "--package", "judge", "--", name];
    let output =
        Command::new(cargo).args(words).current_dir(root()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let path = root().join("docs").join(name).with_extension("md");
    std::fs::write(path, output.stdout).map_err(|error| error.to_string())
}

/// Compares with the kernel, and records it.
fn conformance(rest: &[String]) -> Result<(), String> {
    let output = Command::new("date").arg("+%F").output().map_err(|error| format!("date: {error}"))?;
    let date = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let recorded = ["--record", "fixtures/conformance.json", "--date", &date].map(str::to_owned);
    judge(&[&["--replay".to_owned(), "fixtures/kernel".to_owned()][..], &recorded].concat())?;
    if !rest.is_empty() {
        judge(&[rest, &recorded[..]].concat())?;
    }
    page("conformance")
}

fn judge(rest: &[String]) -> Result<(), String> {
    let mut words = vec!["run", "--quiet", "--release", "--package", "judge", "--"];
    words.extend(rest.iter().map(String::as_str));
    cargo(&words)
}

/// The tool is a workspace of its own: it reads Rust with `syn`, which nothing else here needs.
fn mutants(rest: &[String]) -> Result<(), String> {
    let mut words = vec!["run", "--quiet", "--manifest-path", "mutants/Cargo.toml"];
    words.extend(["--target-dir", "target/mutants", "--"]);
    words.extend(rest.iter().map(String::as_str));
    cargo(&words)
}

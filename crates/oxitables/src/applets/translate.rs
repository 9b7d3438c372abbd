//! `iptables-translate` and `iptables-restore-translate` with their ip6 twins: commands and save files in nft's language.
//!
//! As upstream's: what nft cannot say is printed as a remark, and the exit status is 0; the remark names the reason. No
//! ruleset is looked at and none is changed.
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read as _};
use std::process::ExitCode;

use packet::Family;
use rules::syntax::restore::Fault;
use rules::syntax::{Error, ErrorKind, Exit, Mode, Parsed, Span, help, lex, parse};
use rules::translate::command::CommandError;
use rules::translate::file::Translator;
use rules::translate::name::shell;
use rules::translate::{Line, command};

use crate::diagnosis::{self, Source};
use crate::names::SystemNames;

use super::restore::LINE_MAX;
use super::words::{Option_, Words, system_text};
use super::{VERSION, exit, family_name, now, print_all, print_only};

/// `v1.8.13 (nf_tables)`: the language that is spoken.
fn version() -> String {
    format!("{VERSION} (nf_tables)")
}

/// `iptables-translate`.
pub(super) fn main(family: Family, words: Vec<OsString>) -> ExitCode {
    let program = format!("{}-translate", family_name(family));
    let words: Vec<String> = words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (text, lexed) = lex::arguments(&words);
    let names = SystemNames::with_sets();
    let mode = Mode { family, names: &names, restore: None, trusted: false };
    match parse::parse(&lexed, mode, None) {
        Ok(Parsed::Version(false)) => print_only(&format!("{program} {}\n", version())),
        Ok(Parsed::Version(true)) => print_only(&format!("Not {} ;-)\n", version().trim_start_matches('v'))),
        Ok(Parsed::Help(specs)) => {
            let mut out = String::new();
            help::print(&mut out, &program, &version(), family, &specs);
            print_only(&out)
        }
        Err(error) => failed(&program, &text, &error),
        Ok(Parsed::Command(own)) => {
            for warning in &own.warnings {
                eprintln!("{warning}");
            }
            match command(family, &own, &|_| false) {
                Ok(lines) => print_only(&lines.iter().map(|line| printed(line, &words)).collect::<String>()),
                Err(CommandError::NoTable(table)) => {
                    let error = Error::new(ErrorKind::NoTable(table.text.clone()), table.span);
                    failed(
                        &program,
                        &text,
                        &error.suggest(&table.text, rules::Table::ALL.map(rules::Table::name)),
                    )
                }
                Err(CommandError::NoSuchCommand(why)) => {
                    eprintln!("Translation not implemented\n{program}: {why}");
                    exit(Exit::Other)
                }
            }
        }
    }
}

/// A line of output, for a shell.
fn printed(line: &Line, words: &[String]) -> String {
    match line {
        Line::Nft(text) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -_./".contains(&byte);
            let rule = text.starts_with("add rule") || text.starts_with("insert rule");
            if rule || !text.bytes().all(plain) {
                format!("nft {}\n", shell(text))
            } else {
                format!("nft {text}\n")
            }
        }
        Line::Refused(why) => {
            let typed = words.join(" ").replace(['\n', '\r'], " ");
            format!("nft # {typed} \n# cannot be translated: {why}\n")
        }
    }
}

fn failed(program: &str, text: &str, error: &Error) -> ExitCode {
    eprint!("{}", error.kind.report(program, &version(), None));
    diagnosis::print(error, &Source { path: None, line: 1, text, before: program });
    exit(error.kind.exit())
}

/// iptables' own words for a fault in a line, and our diagnosis.
fn fault_text(program: &str, path: &str, fault: &Fault) -> String {
    let source = Source { path: Some(path), line: fault.line, text: &fault.text, before: "" };
    let words = fault.error.kind.report(program, &version(), Some(fault.line));
    format!("{words}{}\n", diagnosis::render(&fault.error, &source, diagnosis::colored()))
}

/// Its options.
pub(in crate::applets) const OPTIONS: &[Option_] =
    &[Option_::flag('h', "help"), Option_::flag('V', "version"), Option_::value('f', "file")];

const USAGE: &str = "\t[ --help ]\n\t[ --file=<FILE> ]\n\t[ --version ]\n";

/// `iptables-restore-translate`.
pub(super) fn restore(family: Family, words: Vec<OsString>) -> ExitCode {
    let program = format!("{}-restore-translate", family_name(family));
    let usage = format!("{program} {VERSION}\nUsage: {program} [-h] [-f <FILE>] [-V]\n{USAGE}");
    let mut path = None;
    let mut words = Words::new(words, OPTIONS);
    loop {
        match words.next() {
            Ok(None) => break,
            Ok(Some(('h', _))) => {
                eprint!("{usage}");
                return ExitCode::SUCCESS;
            }
            Ok(Some(('V', _))) => return print_only(&format!("{program} {VERSION}\n")),
            Ok(Some((_, value))) => path = value,
            Err(fault) => {
                eprint!("{program}: {fault}\n{usage}");
                return exit(Exit::Other);
            }
        }
    }
    let Some(path) = path.filter(|_| words.operands().is_empty()) else {
        eprint!("ERROR: missing file name\n{usage}");
        return exit(Exit::Other);
    };
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("Cannot open file {path}: {}", system_text(&error));
            return exit(Exit::Other);
        }
    };
    match translate_file(family, &program, &path, BufReader::new(file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

fn translate_file(
    family: Family,
    program: &str,
    path: &str,
    mut input: impl BufRead,
) -> Result<(), ExitCode> {
    print_all(&format!("# Translated by {program} {VERSION} on {}\n", now()))?;
    let names = SystemNames::with_sets();
    let mut translator = Translator::new(family, &names);
    let mut line = Vec::new();
    let mut number = 0;
    let mut out = String::new();
    loop {
        line.clear();
        let length = (&mut input).take(LINE_MAX as u64 + 1).read_until(b'\n', &mut line);
        number += 1;
        let text = match (length, std::str::from_utf8(&line)) {
            (Err(error), _) => {
                eprintln!("{program}: cannot read line {number}: {}", system_text(&error));
                return Err(exit(Exit::Resource));
            }
            (Ok(length), _) if length > LINE_MAX => {
                eprintln!("{program}: line {number} is longer than {LINE_MAX} bytes");
                return Err(exit(Exit::Parameter));
            }
            (Ok(_), Err(_)) => {
                let text = String::from_utf8_lossy(&line);
                let error = Error::new(ErrorKind::NotText, Span::new(0, text.len()));
                let fault =
                    Fault { line: number, text: text.trim_end_matches('\n').into(), error, rule_line: None };
                eprint!("{}", fault_text(program, path, &fault));
                return Err(exit(fault.error.kind.exit()));
            }
            (Ok(_), Ok(text)) => text,
        };
        let ended = text.is_empty();
        let step = if ended { translator.end(&mut out) } else { translator.line(text, &mut out) };
        for warning in translator.warnings.drain(..) {
            eprintln!("{warning}");
        }
        print_all(&out)?;
        out.clear();
        if let Err(fault) = step {
            eprint!("{}", fault_text(program, path, &fault));
            return Err(exit(fault.error.kind.exit()));
        }
        if ended {
            break;
        }
    }
    if !translator.refused.is_empty() {
        eprintln!(
            "{program}: rules that cannot be translated: {}, see the remarks",
            translator.refused.len()
        );
    }
    print_all(&format!("# Completed on {}\n", now()))
}

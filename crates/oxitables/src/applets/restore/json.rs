//! `iptables-restore --json`: the document is read whole, its rules take the way of a restore file's lines, and all of
//! it is put in force or nothing.
use std::io::Read;
use std::process::ExitCode;

use packet::Family;
use rules::syntax::Exit;
use rules::syntax::restore::{Fault, Reader, Stop};

use crate::diagnosis::{self, Source};
use crate::rulesjson::read::{self, Line};
use crate::target::TargetError;
use crate::whole;

use super::super::{exit, print_all, target_failed, version};
use super::progress::Progress;
use super::{FileStore, system_text};

/// Reads all of the input and puts it in force.
pub(super) fn restore(
    program: &str,
    family: Family,
    counters: bool,
    input: impl Read,
    reader: &mut Reader<'_>,
    store: &mut FileStore,
) -> ExitCode {
    let failed = |why: &dyn std::fmt::Display, code| {
        eprintln!("{program} {}: {why}", version());
        exit(code)
    };
    let text = match whole::read(input, whole::MOST_BYTES) {
        Ok(text) => text,
        Err(error) => return failed(&system_text(&error), Exit::Resource),
    };
    let lines = match read::lines(&text, family, counters) {
        Ok(lines) => lines,
        Err(fault) => return failed(&fault, Exit::Parameter),
    };
    drop(text);
    match feed(program, &lines, reader, store) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

fn feed(
    program: &str,
    lines: &[Line],
    reader: &mut Reader<'_>,
    store: &mut FileStore,
) -> Result<(), ExitCode> {
    let mut out = String::new();
    let mut code = None;
    let mut progress = Progress::new(program, None);
    for line in lines {
        progress.line(line.text.as_bytes());
        let step = reader.line(&line.text, store, &mut out);
        progress.done(line.text.as_bytes());
        if !out.is_empty() {
            progress.clear();
            print_all(&out)?;
            out.clear();
        }
        tell(program, lines, reader, &mut code, &mut progress);
        if let Err(stop) = step {
            progress.clear();
            return Err(ended(program, stop, code));
        }
    }
    let step = reader.end(store);
    tell(program, lines, reader, &mut code, &mut progress);
    step.and_then(|()| store.finish().map_err(Stop::Store)).map_err(|stop| ended(program, stop, code))
}

fn ended(program: &str, stop: Stop<TargetError>, code: Option<Exit>) -> ExitCode {
    match stop {
        Stop::Faults => exit(code.unwrap_or(Exit::Other)),
        Stop::Store(error) => target_failed(program, &error),
    }
}

/// iptables' own text for the first fault, our diagnosis under the place in the document for all.
fn tell(
    program: &str,
    lines: &[Line],
    reader: &mut Reader<'_>,
    code: &mut Option<Exit>,
    progress: &mut Progress,
) {
    for warning in reader.warnings.drain(..) {
        progress.clear();
        eprintln!("{warning}");
    }
    for fault in reader.take_faults() {
        let Fault { line, text, error, rule_line } = fault;
        progress.clear();
        if code.is_none() {
            eprint!("{}", error.kind.report(program, &version(), None));
        }
        code.get_or_insert(error.kind.exit());
        let at = rule_line.unwrap_or(line).saturating_sub(1);
        let place = lines.get(at).map_or_else(String::new, |line| line.place.to_string());
        let source = Source { path: None, line: 1, text: &text, before: "" };
        eprintln!("{place}\n{}", diagnosis::render(&error, &source, diagnosis::colored()));
    }
}

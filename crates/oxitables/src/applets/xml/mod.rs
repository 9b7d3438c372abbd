//! `iptables-xml`: a save file as XML, for stylesheets that people have.
//!
//! The file is not understood, only cut into words, as the program of that name does it: what stands before `-j` or `-g`
//! becomes conditions, the rest actions, each `-m` a group. Output is that program's to the byte (1.8.9, measured),
//! also where its input is none that `iptables-save` writes; docs/deviations.md has the exceptions.
mod rule;
mod words;
mod write;

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::process::ExitCode;

use super::words::{Option_, Words, system_text};
use super::{VERSION, exit};
use rules::syntax::Exit;
use write::Writer;

/// Its options.
pub(in crate::applets) const OPTIONS: &[Option_] =
    &[Option_::flag('c', "combine"), Option_::flag('v', "verbose"), Option_::flag('h', "help")];

/// The longest line that is read.
const LINE_MAX: u64 = 1 << 20;

/// Why a file cannot be written as XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A line that is none of a save file.
    Line,
    /// A rule without `-A CHAIN`.
    NoChain,
    /// The file ends within a table.
    Commit,
    /// `*` without a name, and the like: a parameter problem.
    Invalid(&'static str),
    /// Counters without their end.
    Counters,
    /// A word of a rule is too long.
    WordTooLong,
    /// A rule has too many words.
    TooManyWords,
}

impl Fault {
    /// The text for the error stream and the exit status.
    fn report(self, line: usize) -> (String, Exit) {
        let plain = |text: String| (format!("iptables-xml: {text}\n"), Exit::Other);
        let parameter = |text: String| {
            let hint = "Try `iptables-xml -h' or 'iptables-xml --help' for more information.";
            let text = format!("iptables-xml {VERSION}: {text}\nError occurred at line: {line}\n{hint}\n");
            (text, Exit::Parameter)
        };
        match self {
            Self::Line => plain(format!("line {line} failed")),
            Self::NoChain => plain(format!("line {line} failed - no chain found")),
            Self::Commit => plain(format!("COMMIT expected at line {}", line + 1)),
            Self::Invalid(what) => parameter(format!("iptables-xml: line {line} {what} invalid")),
            Self::Counters => parameter(format!("Bad line {line}: need ]")),
            Self::WordTooLong => parameter("Parameter too long!".into()),
            Self::TooManyWords => parameter("Parser cannot handle more arguments".into()),
        }
    }
}

/// Runs it.
pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    let (mut combine, mut verbose) = (false, false);
    let mut words = Words::new(words, OPTIONS);
    loop {
        match words.next() {
            Ok(None) => break,
            Ok(Some(('c', _))) => combine = true,
            Ok(Some(('v', _))) => {
                println!("xptables-xml");
                verbose = true;
            }
            Ok(Some(_)) => {
                eprint!(
                    "Usage: iptables-xml [-c] [-v] [-h]\n          [--combine ]\n\t   [ --verbose ]\n\t   [ --help ]\n"
                );
                return exit(Exit::Other);
            }
            // Linux: the fault is told, and all the same what stands beside it is done.
            Err(fault) => eprintln!("iptables-xml: {fault}"),
        }
    }
    let input: Box<dyn BufRead> = match words.operands() {
        [] => Box::new(BufReader::new(std::io::stdin())),
        [path] => match File::open(path) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(error) => {
                eprintln!("Can't open {path}: {}", system_text(&error));
                return exit(Exit::Other);
            }
        },
        _ => {
            eprintln!("Unknown arguments found on commandline");
            return exit(Exit::Other);
        }
    };
    convert(input, Writer::new(combine, verbose))
}

/// How much is gathered before it is written.
const CHUNK: usize = 1 << 16;

fn convert(mut input: Box<dyn BufRead>, mut writer: Writer) -> ExitCode {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let done = match (&mut input).take(LINE_MAX).read_until(b'\n', &mut line) {
            Ok(0) => Some(writer.end()),
            Ok(_) => {
                number += 1;
                writer.line(&line, number).err().map(Err)
            }
            Err(error) => {
                eprintln!("iptables-xml: cannot read line {}: {}", number + 1, system_text(&error));
                return exit(Exit::Resource);
            }
        };
        if (done.is_some() || writer.out.len() > CHUNK)
            && let Err(code) = flush(&mut writer.out)
        {
            return code;
        }
        match done {
            None => {}
            Some(Ok(())) => return ExitCode::SUCCESS,
            Some(Err(fault)) => {
                let (text, code) = fault.report(number);
                eprint!("{text}");
                return exit(code);
            }
        }
    }
}

/// Writes what was gathered. A closed pipe is the reader's wish, and the end.
fn flush(text: &mut Vec<u8>) -> Result<(), ExitCode> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text).and_then(|()| out.flush());
    text.clear();
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("write error: {}", system_text(&error));
            Err(exit(Exit::Resource))
        }
    }
}

#[cfg(test)]
mod tests;

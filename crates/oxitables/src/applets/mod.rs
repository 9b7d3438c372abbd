//! The programs in the binary: those of iptables by their names, and oxitables' own as subcommands.
mod apply;
mod completion;
pub(crate) mod exec;
mod ipset;
mod iptables;
pub(crate) mod lab;
mod link;
mod man;
mod restore;
mod save;
mod snapshot;
mod trace;
mod translate;
mod words;
mod xml;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use packet::Family;
use rules::syntax::Exit;

use crate::target::TargetError;

pub(crate) use words::{Option_ as ProgramOption, system_text};

/// A program of the iptables family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applet {
    kind: Kind,
    family: Family,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Command,
    Save,
    Restore,
    Apply,
    Translate,
    RestoreTranslate,
    Xml,
    Set,
}

impl Applet {
    /// The applet of a program's name; `-legacy` names are those of the plain ones.
    pub(crate) fn named(name: &str) -> Option<Applet> {
        if name == "ipset" {
            // Why: sets have families of their own.
            return Some(Applet { kind: Kind::Set, family: Family::V4 });
        }
        let (family, rest) = match (name.strip_prefix("iptables"), name.strip_prefix("ip6tables")) {
            (Some(rest), _) => (Family::V4, rest),
            (_, Some(rest)) => (Family::V6, rest),
            _ => return None,
        };
        let kind = match rest.strip_prefix("-legacy").unwrap_or(rest) {
            "" => Kind::Command,
            "-save" => Kind::Save,
            "-restore" => Kind::Restore,
            "-apply" => Kind::Apply,
            "-translate" => Kind::Translate,
            "-restore-translate" => Kind::RestoreTranslate,
            "-xml" if family == Family::V4 => Kind::Xml,
            _ => return None,
        };
        Some(Applet { kind, family })
    }

    /// Runs it with its arguments.
    pub(crate) fn run(self, words: Vec<OsString>) -> ExitCode {
        match self.kind {
            Kind::Command => iptables::main(self.family, words),
            Kind::Save => save::main(self.family, words),
            Kind::Restore => restore::main(self.family, words),
            Kind::Apply => apply::main(self.family, words),
            Kind::Translate => translate::main(self.family, words),
            Kind::RestoreTranslate => translate::restore(self.family, words),
            Kind::Xml => xml::main(words),
            Kind::Set => ipset::main(words),
        }
    }
}

/// oxitables' own subcommands: one line here and one in [`Subcommand::run`] for each.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Subcommand {
    /// Print where the ruleset lives
    Target,
    Trace(Box<trace::Arguments>),
    Snapshot(snapshot::Arguments),
    /// Run a command behind rules, in a network namespace of its own
    Exec(exec::Arguments),
    /// Play a small network of real processes
    Lab(lab::Arguments),
    Link(link::Arguments),
    Man(man::Arguments),
    Completions(completion::Arguments),
    #[command(hide = true)]
    Complete(completion::AskArguments),
    /// The small servers and clients of `lab`
    #[command(hide = true)]
    LabProcess(lab::ProcessArguments),
}

impl Subcommand {
    /// Runs it.
    pub(crate) fn run(self) -> ExitCode {
        match self {
            Self::Trace(arguments) => trace::main(&arguments),
            Self::Snapshot(arguments) => snapshot::main(&arguments),
            Self::Exec(arguments) => ExitCode::from(exec::run(&arguments)),
            Self::Lab(arguments) => ExitCode::from(lab::run(&arguments)),
            Self::Link(arguments) => link::main(&arguments),
            Self::Man(arguments) => man::main(&arguments),
            Self::Completions(arguments) => completion::main(&arguments),
            Self::Complete(arguments) => completion::ask(&arguments),
            Self::LabProcess(arguments) => ExitCode::from(lab::process::run(&arguments.words).unwrap_or(2)),
            Self::Target => match crate::target::Place::from_environment() {
                Ok(place) => print_only(&format!("{place}\n")),
                Err(error) => {
                    eprintln!("oxitables: {error}");
                    exit(error.exit())
                }
            },
        }
    }
}

/// The options of a program that is described by this name: `save`, `restore`, `apply` ...
pub(crate) fn program_options(kind: &str) -> &'static [ProgramOption] {
    match kind {
        "save" => save::OPTIONS,
        "restore" => restore::OPTIONS,
        "apply" => apply::OPTIONS,
        "restore-translate" => translate::OPTIONS,
        "xml" => xml::OPTIONS,
        _ => &[],
    }
}

/// The version of iptables whose texts are spoken.
pub(crate) const VERSION: &str = "v1.8.13";

/// `v1.8.13 (file:PATH)`.
pub(crate) fn version() -> String {
    match crate::target::Place::from_environment() {
        Ok(place) => format!("{VERSION} ({place})"),
        Err(_) => format!("{VERSION} (no target)"),
    }
}

/// `iptables` or `ip6tables`.
pub(crate) fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

/// Writes to the standard output. A closed pipe is the reader's wish, not an error; anything else (a full disk under
/// `iptables-save > FILE`) is told, and the process must end with the code that is given.
pub(crate) fn print_all(text: &str) -> Result<(), ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("write error: {}", system_text(&error));
            Err(exit(Exit::Resource))
        }
        _ => Ok(()),
    }
}

/// [`print_all`], and the exit code of a program that does nothing else.
pub(crate) fn print_only(text: &str) -> ExitCode {
    print_all(text).err().unwrap_or(ExitCode::SUCCESS)
}

/// The exit code of the process.
pub(crate) fn exit(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}

/// Tells that the ruleset cannot be reached.
pub(crate) fn target_failed(program: &str, error: &TargetError) -> ExitCode {
    match error {
        TargetError::LockOpen { .. } | TargetError::LockBusy { .. } => eprintln!("{error}"),
        _ => eprintln!("{program} {}: {error}", version()),
    }
    exit(error.exit())
}

/// The present time as C's `ctime` writes it, without the newline.
pub(crate) fn now() -> String {
    jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Y").to_string()
}

//! `iptables` and `ip6tables`: one command on one table.
use std::ffi::OsString;
use std::process::ExitCode;

use packet::Family;
use rules::syntax::apply::{Editor, Session};
use rules::syntax::command::{Action, Wait};
use rules::syntax::{Command, Error, ErrorKind, Exit, Mode, Parsed, Span, help, lex, parse};
use rules::{Table, TableRules};

use crate::diagnosis::{self, Source};
use crate::names::SystemNames;
use crate::rulesjson::{self, Extent};
use crate::target::Place;

use super::{exit, family_name, print_all, print_only, target_failed, version};

/// Runs one command.
pub(crate) fn main(family: Family, words: Vec<OsString>) -> ExitCode {
    let program = family_name(family);
    let words: Result<Vec<String>, _> = words.into_iter().map(OsString::into_string).collect();
    let words = match words {
        Ok(words) => words,
        Err(word) => {
            let text = word.to_string_lossy().into_owned();
            let error = Error::new(ErrorKind::NotText, Span::new(0, text.len()));
            return failed(program, &text, &error);
        }
    };
    let (text, parsed) = {
        let (text, words) = lex::arguments(&words);
        let mode = Mode { family, names: &SystemNames::with_sets(), restore: None, trusted: false };
        (text, parse::parse(&words, mode, None))
    };
    match parsed {
        Ok(Parsed::Version(false)) => print_only(&format!("{program} {}\n", version())),
        Ok(Parsed::Version(true)) => print_only(&format!("Not {} ;-)\n", version().trim_start_matches('v'))),
        Ok(Parsed::Help(specs)) => {
            let mut out = String::new();
            help::print(&mut out, program, &version(), family, &specs);
            print_only(&out)
        }
        Ok(Parsed::Command(command)) => run(family, program, &text, *command),
        Err(error) => failed(program, &text, &error),
    }
}

fn run(family: Family, program: &str, text: &str, mut command: Command) -> ExitCode {
    for warning in command.warnings.drain(..) {
        eprintln!("{warning}");
    }
    let names = SystemNames::new();
    let only_reads = command.action.only_reads();
    let wait: Wait = command.wait;
    let locked = Place::from_environment().and_then(|place| place.lock(wait));
    let locked = match locked {
        Ok(locked) => locked,
        Err(error) => return target_failed(program, &error),
    };
    let Some(table) = Table::from_name(&command.table.text) else {
        let name = command.table.text.clone();
        let error = Error::new(ErrorKind::NoTable(name.clone()), command.table.span)
            .suggest(&name, Table::ALL.map(Table::name));
        return failed(program, text, &error);
    };
    let mut stored = match locked.read() {
        Ok(stored) => stored,
        Err(error) => return target_failed(program, &error),
    };
    let objects = stored.objects(family);
    let ruleset = stored.family_mut(family);
    let known = ruleset.table(table).is_some();
    let present = ruleset.table(table).cloned().unwrap_or_else(|| TableRules::new(table));
    let mut editor = Editor::new(present, family).with_objects(objects);
    let json = json(&command, editor.rules(), family);
    let (mut out, mut warnings) = (String::new(), Vec::new());
    let mut session = Session { names: &names, out: &mut out, warnings: &mut warnings };
    let applied = editor.apply(command, &mut session);
    for warning in &warnings {
        eprintln!("{warning}");
    }
    let committed = applied.and_then(|()| {
        editor.finish().map_err(|refused| {
            let mut error = refused.error;
            if !refused.origin.fresh {
                error.span = Span::new(0, text.len());
            }
            error
        })
    });
    // Linux: what a command lists or echoes is printed as it goes, also when it fails in the end.
    // Why: counters that nobody has seen (`-L -Z` to a full disk) are not set to zero.
    let printed = match json {
        None => print_all(&out),
        Some(text) if committed.is_ok() => print_all(&text),
        Some(_) => Ok(()),
    };
    if let Err(code) = printed {
        return code;
    }
    match committed {
        Ok(rules) => {
            if only_reads && known {
                return ExitCode::SUCCESS;
            }
            ruleset.set_table(rules);
            match locked.write(&stored) {
                Ok(()) => ExitCode::SUCCESS,
                // Why: a listing brings its table into being (F70); who may only read still sees it.
                Err(_) if only_reads => ExitCode::SUCCESS,
                Err(error) => target_failed(program, &error),
            }
        }
        Err(error) => {
            if !known {
                // Linux: the table has been opened and so exists from now on, whatever became of the command (F70).
                ruleset.set_table(TableRules::new(table));
                let _ = locked.write(&stored);
            }
            failed(program, text, &error)
        }
    }
}

/// What `--json` prints of a listing, as it is before the command.
fn json(command: &Command, rules: &TableRules, family: Family) -> Option<String> {
    let (Action::List(selection) | Action::ListRules(selection)) = &command.action else { return None };
    if !command.output.json {
        return None;
    }
    let counters = command.output.verbose > 0;
    let extent = Extent {
        chain: selection.chain.as_ref().and_then(|chain| rules.find(&chain.text)),
        number: selection.number,
        rule_counters: counters,
        policy_counters: counters,
        numbers: true,
    };
    rulesjson::document(family, [rules], extent).ok()
}

fn failed(program: &str, text: &str, error: &Error) -> ExitCode {
    for warning in &error.warnings {
        eprintln!("{warning}");
    }
    eprint!("{}", error.kind.report(program, &version(), None));
    let source = Source { path: None, line: 1, text, before: program };
    diagnosis::print(error, &source);
    let code: Exit = error.kind.exit();
    exit(code)
}

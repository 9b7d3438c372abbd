//! `iptables-save` and `ip6tables-save`: all tables in the form that a restore reads.
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use packet::Family;
use rules::syntax::Exit;
use rules::syntax::command::Wait;
use rules::syntax::print::{self, Stamp};
use rules::{Ruleset, Table, TableRules};

use crate::rulesjson::{self, Extent};
use crate::target::Place;

use super::words::{JSON, Option_, Words};
use super::{VERSION, exit, family_name, now, print_all, print_only, target_failed, version};

/// Its options.
pub(in crate::applets) const OPTIONS: &[Option_] = &[
    Option_::flag('c', "counters"),
    Option_::flag('d', "dump"),
    Option_::flag('b', "binary"),
    Option_::flag('V', "version"),
    Option_::value('t', "table"),
    Option_::value('f', "file"),
    Option_::value('M', "modprobe"),
    Option_::flag(JSON, "json"),
];

/// Runs it.
pub(crate) fn main(family: Family, words: Vec<OsString>) -> ExitCode {
    let program = format!("{}-save", family_name(family));
    let (mut counters, mut json) = (false, false);
    let mut only = None;
    let mut file = None;
    let mut words = Words::new(words, OPTIONS);
    loop {
        match words.next() {
            Ok(None) => break,
            Ok(Some(('c', _))) => counters = true,
            Ok(Some((JSON, _))) => json = true,
            Ok(Some(('V', _))) => {
                return print_only(&format!("{program} {}\n", version()));
            }
            Ok(Some(('b', _))) => eprintln!("-b/--binary option is not implemented"),
            Ok(Some(('d', _))) => break,
            Ok(Some(('t', table))) => only = table,
            Ok(Some(('f', path))) => file = path,
            Ok(Some(_)) => {}
            Err(fault) => {
                eprintln!("{program}: {fault}\nLook at manual page `{program}.8' for more information.");
                return exit(Exit::Other);
            }
        }
    }
    if !words.operands().is_empty() {
        eprintln!("Unknown arguments found on commandline");
        return exit(Exit::Other);
    }
    let mut out = String::new();
    let form = Form { counters, json };
    let mut failed = None;
    let mut piece = |out: &mut String| {
        if file.is_none() && failed.is_none() {
            failed = print_all(out).err();
            out.clear();
        }
    };
    if let Err(code) = dump(family, &program, only.as_deref(), form, &mut out, &mut piece) {
        return code;
    }
    if let Some(code) = failed {
        return code;
    }
    let Some(path) = file else {
        return print_only(&out);
    };
    match write(Path::new(&path), out.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = super::words::system_text(&error);
            eprintln!("Failed to open file, error: {text}");
            exit(Exit::Other)
        }
    }
}

/// Writes a file whole or not at all; what is no regular file (`/dev/stdout`, a pipe), or stands where no other file may
/// be made, is written as it is.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let special = path.starts_with("/dev")
        || path.starts_with("/proc")
        || std::fs::metadata(path).is_ok_and(|own| !own.is_file());
    if !special {
        match crate::whole::replace(path, bytes, 0o666) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            done => return done,
        }
    }
    File::create(path)?.write_all(bytes)
}

/// How tables are written.
#[derive(Clone, Copy)]
struct Form {
    counters: bool,
    json: bool,
}

fn dump(
    family: Family,
    program: &str,
    only: Option<&str>,
    form: Form,
    out: &mut String,
    piece: &mut dyn FnMut(&mut String),
) -> Result<(), ExitCode> {
    let locked = Place::from_environment().and_then(|place| place.lock(Wait::Forever));
    let locked = locked.map_err(|error| target_failed(program, &error))?;
    let mut stored = locked.read().map_err(|error| target_failed(program, &error))?;
    let ruleset = stored.family_mut(family);
    let Some(name) = only else {
        if form.json {
            out.push_str(&json(family, ruleset.tables().iter().rev(), form.counters)?);
        } else {
            print_in_pieces(out, ruleset, form.counters, piece);
        }
        // Why: the program ends now; to give a million rules back one by one takes longer than to print them.
        std::mem::forget(stored);
        return Ok(());
    };
    let date = now();
    let title = format!("{program} {VERSION}");
    let stamp = Some(Stamp { program: &title, date: &date });
    let Some(table) = Table::from_name(name) else {
        eprintln!(
            "{program} {}: Cannot initialize: Table does not exist (do you need to insmod?)",
            version()
        );
        return Err(exit(Exit::Other));
    };
    if ruleset.table(table).is_none() {
        ruleset.set_table(TableRules::new(table));
        // Why: opening a table brings it into being (F70); who may only read still sees it.
        let _ = locked.write(&stored);
    }
    if let Some(rules) = stored.family_mut(family).table(table) {
        if form.json {
            out.push_str(&json(family, [rules], form.counters)?);
        } else {
            print::table(out, rules, form.counters, stamp);
        }
    }
    Ok(())
}

fn json<'a>(
    family: Family,
    tables: impl IntoIterator<Item = &'a TableRules>,
    counters: bool,
) -> Result<String, ExitCode> {
    let extent = Extent { rule_counters: counters, policy_counters: true, ..Extent::default() };
    rulesjson::document(family, tables, extent).map_err(|error| {
        eprintln!("{error}");
        exit(Exit::Resource)
    })
}

/// All tables of a family, as they are saved now.
pub(super) fn print_ruleset(out: &mut String, ruleset: &Ruleset, counters: bool) {
    print_in_pieces(out, ruleset, counters, &mut |_| {});
}

fn print_in_pieces(out: &mut String, ruleset: &Ruleset, counters: bool, piece: &mut dyn FnMut(&mut String)) {
    let title = format!("{}-save {VERSION}", family_name(ruleset.family()));
    let date = now();
    let stamp = Some(Stamp { program: &title, date: &date });
    print::ruleset_in_pieces(out, ruleset, counters, stamp, piece);
}

//! The language of `ipset`: the words of one command, carried out.
use super::change::{self, Change};
use super::create;
use super::fault::Fault;
use super::help;
use super::parse::{self, Verb};
use super::print::{self, Detail, Listing, Mode};
use super::value::{self, Reading};
use super::{Kind, PROGRAM, Refusal, Sets};
use crate::put;
use crate::syntax::Names;

/// What ipset is asked besides the command: `-exist`, `-quiet` and so on. In a restore they hold for all lines behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-!`, `-exist`.
    pub exist: bool,
    /// `-q`, `-quiet`.
    pub quiet: bool,
    /// `-r`, `-resolve`.
    pub resolve: bool,
    /// `-s`, `-sorted`: nothing to do, members are sorted.
    pub sorted: bool,
    /// `-n`, `-name`.
    pub names: bool,
    /// `-t`, `-terse`.
    pub terse: bool,
    /// `-o`, `-output`.
    pub mode: Option<Mode>,
    /// `-f`, `-file`: where a listing goes or a restore comes from.
    pub file: Option<String>,
}

/// Who is asked while a command is carried out.
pub struct Session<'a> {
    /// Services, protocols, hosts.
    pub names: &'a dyn Names,
    /// The time in milliseconds.
    pub now: u64,
    /// A random number for each hash that is made.
    pub seed: &'a mut dyn FnMut() -> u32,
    /// How many rules name a set.
    pub references: &'a dyn Fn(&str) -> usize,
}

/// What a command prints, and whether it may have changed a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// For the standard output.
    pub out: String,
    /// For the error stream, though nothing is wrong.
    pub notes: String,
    /// Whether `out` is a listing, which `-f` puts into a file.
    pub is_listing: bool,
    /// Whether a set may have changed.
    pub changed: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is done.
    Done,
    /// Lines are read and carried out.
    Restore,
    /// `-`: lines are read and carried out, faults do not end it.
    Interactive,
    /// The program ends with success, whatever stands behind.
    Quit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Create,
    Add,
    Delete,
    Test,
    Destroy,
    List,
    Save,
    Restore,
    Flush,
    Rename,
    Swap,
    Help,
    Version,
    Quit,
}

/// The commands with their names, the first one that fits counts.
const COMMANDS: [(Command, &[&str]); 14] = [
    (Command::Create, &["create", "new", "-N"]),
    (Command::Add, &["add", "-A"]),
    (Command::Delete, &["del", "-D"]),
    (Command::Test, &["test", "-T"]),
    (Command::Destroy, &["destroy", "x", "-X"]),
    (Command::List, &["list", "-L"]),
    (Command::Save, &["save", "-S"]),
    (Command::Restore, &["restore", "-R"]),
    (Command::Flush, &["flush", "-F"]),
    (Command::Rename, &["rename", "e", "-E"]),
    (Command::Swap, &["swap", "w", "-W"]),
    (Command::Help, &["help", "-h", "-H"]),
    (Command::Version, &["version", "-v", "-V"]),
    (Command::Quit, &["quit"]),
];

/// The names of the commands.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().filter_map(|(_, names)| names.first().copied())
}

/// The command that a word begins; two dashes before it do not count.
fn command(word: &str) -> Option<(Command, &'static str)> {
    let bare = word.strip_prefix("--").unwrap_or(word);
    if bare.is_empty() || word == "-" {
        return None;
    }
    let found = COMMANDS.iter().find(|(_, names)| names.iter().any(|name| name.starts_with(bare)));
    found.map(|(command, names)| (*command, names.first().copied().unwrap_or("")))
}

impl Options {
    /// Takes the options out of the words, wherever they stand.
    fn take<'w>(&mut self, words: &[&'w str]) -> Result<Vec<&'w str>, Fault> {
        let mut rest = words.to_vec();
        let table: [(&str, &str); 8] = [
            ("-o", "-output"),
            ("-s", "-sorted"),
            ("-q", "-quiet"),
            ("-r", "-resolve"),
            ("-!", "-exist"),
            ("-n", "-name"),
            ("-t", "-terse"),
            ("-f", "-file"),
        ];
        for (short, long) in table {
            let mut at = 0;
            while let Some(&word) = rest.get(at) {
                let bare = if word.starts_with("--") { word.get(1..).unwrap_or(word) } else { word };
                if bare != short && bare != long {
                    at += 1;
                    continue;
                }
                rest.remove(at);
                match short {
                    "-o" | "-f" => {
                        if at >= rest.len() {
                            return Err(Fault::parameter(format!(
                                "Missing mandatory argument to option {short}"
                            )));
                        }
                        let text = rest.remove(at);
                        self.with_value(short, text)?;
                    }
                    "-s" => self.sorted = true,
                    "-q" => self.quiet = true,
                    "-r" => self.resolve = true,
                    "-!" => self.exist = true,
                    "-n" => self.names = true,
                    _ => self.terse = true,
                }
            }
        }
        Ok(rest)
    }

    fn with_value(&mut self, option: &str, text: &str) -> Result<(), Fault> {
        if option == "-f" {
            if self.file.is_some() {
                return Err(Fault::parameter("-file option cannot be used when full io is activated"));
            }
            self.file = Some(text.to_owned());
            return Ok(());
        }
        self.mode = Some(match text {
            "plain" => Mode::Plain,
            "save" => Mode::Save,
            "xml" => Mode::Xml,
            "json" => Mode::Json,
            _ => return Err(Fault::syntax(format_args!("unknown output mode '{text}'"))),
        });
        Ok(())
    }
}

/// Whether a command is about sets, or can be carried out without: help, version, the start of a restore, what is no
/// command.
pub fn needs_sets(words: &[&str]) -> bool {
    let rest = Options::default().take(words).unwrap_or_default();
    let found = rest.first().and_then(|word| command(word));
    found.is_some_and(|(command, _)| {
        !matches!(command, Command::Help | Command::Version | Command::Quit | Command::Restore)
    })
}

/// Whether a command asks how many rules name a set.
pub fn needs_references(words: &[&str]) -> bool {
    let rest = Options::default().take(words).unwrap_or_default();
    let found = rest.first().and_then(|word| command(word));
    // Why: `save -o xml` tells references as `list` does.
    found.is_some_and(|(command, _)| {
        matches!(command, Command::List | Command::Save | Command::Destroy | Command::Rename)
    })
}

/// Carries out one command. `restoring`: it is a line of a restore. What was printed and changed before a fault stands
/// in `output`.
pub fn run(
    words: &[&str],
    options: &mut Options,
    restoring: bool,
    sets: &mut Sets,
    session: &mut Session<'_>,
    output: &mut Output,
) -> Result<Next, Fault> {
    let words = options.take(words)?;
    let Some((&word, rest)) = words.split_first() else {
        return Err(Fault::parameter("No command specified."));
    };
    let Some((command, name)) = command(word) else {
        if word == "-" && !restoring {
            return Ok(Next::Interactive);
        }
        return Err(Fault::parameter(format!("No command specified: unknown argument {word}")));
    };
    if restoring && matches!(command, Command::Restore | Command::Version | Command::Help) {
        return Err(Fault::parameter(format!("Command `{name}' is invalid in restore mode.")));
    }
    let two = matches!(
        command,
        Command::Create | Command::Add | Command::Delete | Command::Test | Command::Rename | Command::Swap
    );
    let none = matches!(command, Command::Restore | Command::Version | Command::Quit);
    let (first, second, rest) = match *rest {
        [] if two => {
            return Err(Fault::parameter(format!("Missing mandatory argument to command {name}")));
        }
        [_] if two => {
            return Err(Fault::parameter(format!("Missing second mandatory argument to command {name}")));
        }
        [first, second, ref rest @ ..] if two => (Some(first), second, rest),
        [first, ref rest @ ..] if !none => (Some(first), "", rest),
        ref rest => (None, "", rest),
    };
    let first_text = first.unwrap_or("");
    match command {
        Command::Version => {
            put!(output.out, "{PROGRAM}, protocol version: 7\n");
            return Ok(Next::Quit);
        }
        Command::Help => return tell_help(first, options, output),
        Command::Quit => return Ok(Next::Quit),
        Command::Create => return make(first_text, second, rest, options, sets, session, output),
        Command::Add | Command::Delete => {
            return alter(command, first_text, second, rest, options, sets, session, output);
        }
        Command::Test => {
            let asked = (first_text, second, rest);
            return ask(asked, options, sets, session, output);
        }
        _ => {}
    }
    let named = match first {
        Some(name) if name.len() > super::SetName::MAX => {
            return Err(value::set_name(name).err().unwrap_or_else(|| Refusal::NoSet.into()));
        }
        first => first,
    };
    if matches!(command, Command::Rename | Command::Swap) && second.len() > super::SetName::MAX {
        value::set_name(second)?;
    }
    if let Some(word) = rest.first() {
        return Err(Fault::parameter(format!("Unknown argument {word}")));
    }
    match command {
        Command::Restore => return Ok(Next::Restore),
        Command::List | Command::Save => {
            let default = if command == Command::List { Mode::Plain } else { Mode::Save };
            // Linux: the first listing of a restore decides for all.
            let mode = *options.mode.get_or_insert(default);
            let listing = Listing {
                mode,
                detail: match (options.names, options.terse) {
                    _ if mode == Mode::Save => Detail::Members,
                    (true, _) => Detail::Name,
                    (false, true) => Detail::Head,
                    (false, false) => Detail::Members,
                },
                names: session.names,
                resolve: options.resolve,
                now: session.now,
                references: session.references,
                exact: false,
            };
            let text = print::sets(sets, named, &listing).ok_or(Refusal::NoSet)?;
            output.out.push_str(&text);
            output.is_listing = true;
        }
        Command::Destroy => match sets.destroy(named, session.references) {
            Err(Refusal::NoSet) if options.exist => {}
            done => {
                output.changed = true;
                done?;
            }
        },
        Command::Flush => {
            output.changed = true;
            sets.flush(named)?;
        }
        Command::Rename => {
            if sets.find(first_text).is_none() {
                return Err(Refusal::NoSet.into());
            }
            output.changed = true;
            sets.rename(first_text, value::set_name(second)?, session.references)?;
        }
        _ => {
            output.changed = true;
            sets.swap(first_text, second)?;
        }
    }
    Ok(Next::Done)
}

fn tell_help(name: Option<&str>, options: &Options, output: &mut Output) -> Result<Next, Fault> {
    help::general(&mut output.out);
    match name {
        _ if options.quiet => {}
        None => help::types(&mut output.out),
        Some(name) => match Kind::from_name(name) {
            Some(kind) => help::of_type(&mut output.out, kind),
            None => return Err(Fault::parameter(format!("Unknown settype: `{name}'"))),
        },
    }
    Ok(Next::Quit)
}

fn make(
    name: &str,
    type_name: &str,
    words: &[&str],
    options: &Options,
    sets: &mut Sets,
    session: &mut Session<'_>,
    output: &mut Output,
) -> Result<Next, Fault> {
    let name = value::set_name(name)?;
    if type_name.len() > super::SetName::MAX {
        return Err(Fault::syntax(format_args!(
            "typename '{type_name}' is longer than {} characters",
            super::SetName::MAX
        )));
    }
    let kind = Kind::from_name(type_name)
        .ok_or_else(|| Fault::syntax(format_args!("typename '{type_name}' is unknown")))?;
    let mut reading = Reading { names: session.names, warnings: Vec::new() };
    let entry = parse::create(kind, words, &mut reading);
    warn(reading, options, output);
    let set = create::set(name, kind, &entry?, (session.seed)())?;
    output.changed = true;
    sets.create(set, options.exist)?;
    Ok(Next::Done)
}

fn warn(reading: Reading<'_>, options: &Options, output: &mut Output) {
    if !options.quiet {
        output.notes.extend(reading.warnings);
    }
}

#[expect(clippy::too_many_arguments, reason = "the state of one command, passed on once")]
fn alter(
    command: Command,
    name: &str,
    element: &str,
    words: &[&str],
    options: &Options,
    sets: &mut Sets,
    session: &Session<'_>,
    output: &mut Output,
) -> Result<Next, Fault> {
    let (verb, change) = match command {
        Command::Add => (Verb::Add, Change::Add),
        _ => (Verb::Delete, Change::Delete),
    };
    let entry = read(verb, (name, element, words), options, sets, session, output)?;
    output.changed = true;
    change::apply(sets, name, change, &entry, options.exist, session.now)?;
    Ok(Next::Done)
}

/// The element and options behind a set's name.
fn read(
    verb: Verb,
    (name, element, words): (&str, &str, &[&str]),
    options: &Options,
    sets: &Sets,
    session: &Session<'_>,
    output: &mut Output,
) -> Result<super::entry::Entry, Fault> {
    if name.len() > super::SetName::MAX {
        value::set_name(name)?;
    }
    let set = sets.find(name).ok_or(Refusal::NoSet)?;
    let mut reading = Reading { names: session.names, warnings: Vec::new() };
    let entry = parse::element(verb, set.kind(), set.family(), element, words, &mut reading);
    warn(reading, options, output);
    entry
}

fn ask(
    asked: (&str, &str, &[&str]),
    options: &Options,
    sets: &Sets,
    session: &Session<'_>,
    output: &mut Output,
) -> Result<Next, Fault> {
    let name = asked.0;
    let entry = read(Verb::Test, asked, options, sets, session, output)?;
    let kind = sets.find(name).ok_or(Refusal::NoSet)?.kind();
    let mut text = String::new();
    entry.push_element(&mut text, kind.spec(), session.names);
    if change::test(sets, name, &entry, session.now)? {
        if !options.quiet {
            put!(output.notes, "Warning: {text} is in set {name}.\n");
        }
        return Ok(Next::Done);
    }
    Err(Fault::notice(format!("{text} is NOT in set {name}.")))
}

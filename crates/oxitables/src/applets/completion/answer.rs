//! The answer to a Tab.
use clap::CommandFactory as _;
use packet::Family;
use rules::syntax::completion::{self, Expects, Situation};
use rules::syntax::extension::{OptionSpec, Spec};
use rules::syntax::options::GENERIC;
use rules::syntax::value::Kind;

use crate::manual::{self, Entry, OptionText, Words};
use crate::names::SystemNames;

use super::super::words::Option_;
use super::super::{Applet, Kind as Program, apply, ipset, link, restore, save, translate, xml};
use super::machine;

/// What may stand at the cursor.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Words with what they mean. Those that do not begin as the cursor's word does are left out later.
    pub(super) words: Vec<(String, String)>,
    /// Names of files as well.
    pub(super) files: bool,
    /// The word may go on: no blank behind it.
    pub(super) more: bool,
}

/// The answer for a line: the words before the cursor's, the program first, and the cursor's.
pub(super) fn of(before: &[String], current: &str) -> Answer {
    let Some((program, before)) = before.split_first() else { return Answer::default() };
    let name = program.rsplit('/').next().unwrap_or(program);
    if let Some(applet) = Applet::named(name) {
        return of_applet(applet, before, current);
    }
    match before.split_first() {
        Some((first, rest)) if Applet::named(first).is_some() => match Applet::named(first) {
            Some(applet) => of_applet(applet, rest, current),
            None => Answer::default(),
        },
        _ => of_subcommand(before, current),
    }
}

fn of_applet(applet: Applet, before: &[String], current: &str) -> Answer {
    match applet.kind {
        Program::Command | Program::Translate => {
            Asked { family: applet.family, current, answer: Answer::default() }.command(before)
        }
        Program::Save => plain(applet.family, save::OPTIONS, "save", before, current),
        Program::Restore => plain(applet.family, restore::OPTIONS, "restore", before, current),
        Program::Apply => plain(applet.family, apply::OPTIONS, "apply", before, current),
        Program::RestoreTranslate => {
            plain(applet.family, translate::OPTIONS, "restore-translate", before, current)
        }
        Program::Xml => plain(applet.family, xml::OPTIONS, "xml", before, current),
        Program::Set => Answer { words: ipset::completions(before), ..Answer::default() },
    }
}

/// A program with few options and files.
fn plain(family: Family, options: &[Option_], name: &str, before: &[String], current: &str) -> Answer {
    let entry = manual::program(name);
    let mut asked = Asked { family, current, answer: Answer::default() };
    let option = |word: &str| {
        options.iter().find(|option| match word.strip_prefix("--") {
            Some(long) => option.long() == long,
            None => word.strip_prefix('-').is_some_and(|word| word.chars().last() == option.letter()),
        })
    };
    if let Some(option) = before.last().and_then(|word| option(word)).filter(|option| option.takes_word()) {
        asked.values(entry.option(option.long()));
        return asked.answer;
    }
    if current.starts_with('-') || name == "save" {
        for option in options {
            asked.push_option(option.long(), entry.option(option.long()));
        }
    } else {
        asked.answer.files = true;
    }
    asked.answer
}

struct Asked<'a> {
    family: Family,
    current: &'a str,
    answer: Answer,
}

impl Asked<'_> {
    fn push(&mut self, word: impl Into<String>, text: impl Into<String>) {
        self.answer.words.push((word.into(), text.into()));
    }

    fn push_option(&mut self, long: &str, text: Option<&OptionText>) {
        self.push(format!("--{long}"), text.map_or("", OptionText::brief));
    }

    /// `iptables` and `ip6tables`.
    fn command(mut self, before: &[String]) -> Answer {
        // `--jump=AC`: the value of `--jump`, with its name in front.
        if let Some((option, value)) = self.current.split_once('=').filter(|(name, _)| name.starts_with("--"))
        {
            let mut before = before.to_vec();
            before.push(option.to_owned());
            let mut answer = Asked { current: value, answer: Answer::default(), ..self }.command(&before);
            answer.words.iter_mut().for_each(|(word, _)| *word = format!("{option}={word}"));
            return answer;
        }
        let names = SystemNames::new();
        let situation = completion::situation(before, self.family, &names);
        match situation.expects {
            Expects::Option => self.options(&situation),
            Expects::ChainOrOption => {
                self.chains(&situation, true);
                self.options(&situation);
            }
            Expects::Chain => {
                let builtin = !matches!(situation.command, Some('E'));
                self.chains(&situation, builtin);
            }
            Expects::NewChain => {}
            Expects::Policy => {
                self.push("ACCEPT", "");
                if situation.table != rules::Table::Nat {
                    self.push("DROP", "");
                }
            }
            Expects::NumberOrOption => self.options(&situation),
            Expects::Generic(letter) => self.generic_value(letter, &situation),
            Expects::Extension(spec, option, which) => self.extension_value(spec, option, which),
        }
        self.answer
    }

    fn options(&mut self, situation: &Situation) {
        if !self.current.is_empty() && !self.current.starts_with('-') {
            return;
        }
        let generic = manual::generic();
        let entries: Vec<Option<Entry>> =
            situation.loaded.iter().map(|spec| manual::extension(spec.name)).collect();
        for (long, spec, name) in completion::offered(situation) {
            let text = match spec {
                None => generic.iter().find_map(|entry| entry.option(name)),
                Some(spec) => {
                    let at = situation.loaded.iter().position(|own| own.name == spec.name);
                    at.and_then(|at| entries.get(at)?.as_ref()?.option(name))
                }
            };
            self.push_option(long, text);
        }
        if situation.command.is_some() && self.current.is_empty() {
            self.push("!", "not");
        }
    }

    fn chains(&mut self, situation: &Situation, builtin: bool) {
        let (own, users) = machine::chains(self.family, situation.table);
        // Why: built-in chains can neither be deleted nor renamed.
        let builtin = builtin && situation.command != Some('X');
        for name in own.into_iter().filter(|_| builtin) {
            self.push(name, "");
        }
        // Why: only built-in chains have a policy.
        for name in users.into_iter().filter(|_| situation.command != Some('P')) {
            self.push(name, "chain");
        }
    }

    fn generic_value(&mut self, letter: char, situation: &Situation) {
        match letter {
            'm' => {
                for name in completion::match_names(situation) {
                    self.push(name, about(name));
                }
            }
            'j' => {
                for name in completion::target_names(situation) {
                    self.push(name, about(name));
                }
                self.chains(situation, false);
            }
            'g' => self.chains(situation, false),
            letter => {
                let name = GENERIC.iter().find(|own| own.letter == letter).map_or("", |own| own.first());
                let generic = manual::generic();
                self.values(generic.iter().find_map(|entry| entry.option(name)));
            }
        }
    }

    fn extension_value(&mut self, spec: &Spec, option: &OptionSpec, which: usize) {
        let entry = manual::extension(spec.name);
        let text = entry.as_ref().and_then(|entry| entry.option(option.name));
        match (option.kind, which) {
            // The two words of --tcp-flags are lists of the same flags; of --match-set the second is one of directions.
            (Kind::TwoWords, _) if option.name == "tcp-flags" => {
                self.list(&["SYN", "ACK", "FIN", "RST", "URG", "PSH", "ALL", "NONE"]);
            }
            (Kind::TwoWords, 1) if option.name.ends_with("-set") => self.list(&["src", "dst"]),
            (Kind::TwoWords, 1) => {}
            (Kind::Protocol, _) => self.machine("protocols"),
            (Kind::Port | Kind::PortRange, _) if !self.current.is_empty() => self.machine("services"),
            _ => self.values(text),
        }
    }

    fn values(&mut self, text: Option<&OptionText>) {
        match text.and_then(|text| text.words(self.family)) {
            None => {}
            Some(Words::One(words)) => words.into_iter().for_each(|word| self.push(word, "")),
            Some(Words::List(words)) => self.list(&words),
            Some(Words::Machine("files")) => self.answer.files = true,
            Some(Words::Machine(kind)) => self.machine(kind),
        }
    }

    fn machine(&mut self, kind: &str) {
        machine::words(kind).into_iter().for_each(|word| self.push(word, ""));
    }

    /// Words parted by commas: those that are not there yet.
    fn list(&mut self, words: &[&str]) {
        let start = self.current.rfind(',').map_or(0, |at| at + 1);
        let present = self.current.get(..start).unwrap_or("").to_owned();
        for word in words.iter().filter(|word| !present.split(',').any(|own| own == **word)) {
            self.push(format!("{present}{word}"), "");
        }
        self.answer.more = true;
    }
}

fn about(name: &str) -> String {
    manual::extension(name).map_or_else(String::new, |entry| manual::brief(entry.about).into())
}

/// oxitables' own subcommands.
fn of_subcommand(before: &[String], current: &str) -> Answer {
    let mut answer = Answer::default();
    let top = crate::Arguments::command();
    let mut command = &top;
    let mut value_of = None;
    for word in before {
        if value_of.take().is_some() {
            continue;
        }
        if let Some(below) = command.find_subcommand(word) {
            command = below;
        } else if word.starts_with('-') {
            let named = |argument: &&clap::Arg| match word.strip_prefix("--") {
                Some(long) => argument.get_long() == Some(long),
                None => argument.get_short() == word.chars().last(),
            };
            value_of =
                command.get_arguments().find(named).filter(|argument| argument.get_action().takes_values());
        }
    }
    let positional = || command.get_positionals().find(|argument| !argument.is_last_set());
    if let Some(argument) = value_of {
        push_values(&mut answer, argument);
        return answer;
    }
    let mut push = |word: String, text: Option<&clap::builder::StyledStr>| {
        answer.words.push((word, text.map(ToString::to_string).unwrap_or_default()));
    };
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        push(below.get_name().to_owned(), below.get_about());
    }
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        if let (Some(long), true) = (argument.get_long(), current.starts_with('-')) {
            push(format!("--{long}"), argument.get_help());
        }
    }
    if std::ptr::eq(command, &top) {
        link::names().for_each(|name| push(name, None));
    } else if let Some(argument) = positional() {
        push_values(&mut answer, argument);
    }
    answer
}

fn push_values(answer: &mut Answer, argument: &clap::Arg) {
    let values = argument.get_possible_values();
    answer.files = values.is_empty();
    for value in values.iter().filter(|value| !value.is_hide_set()) {
        let text = value.get_help().map(ToString::to_string).unwrap_or_default();
        answer.words.push((value.get_name().to_owned(), text));
    }
}

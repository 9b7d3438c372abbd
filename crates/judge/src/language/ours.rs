//! Our side: the same steps as the program `iptables` of crate `oxitables` goes, with the ruleset in memory.
use packet::Family;
use rules::fixture::DebianNames;
use rules::syntax::apply::{Editor, Session};
use rules::syntax::objects::Objects;
use rules::syntax::{Error, ErrorKind, Mode, Parsed, lex, parse, print};
use rules::{Ruleset, Table};

use super::{Said, Speaker, program};

/// The version line in front of messages.
const VERSION: &str = "v1.8.13 (legacy)";

/// Our language on a ruleset of its own.
#[derive(Clone, Debug)]
pub struct Ours {
    ruleset: Ruleset,
}

impl Ours {
    /// An empty ruleset.
    pub fn new(family: Family) -> Self {
        Self { ruleset: Ruleset::new(family) }
    }

    /// The ruleset.
    pub fn ruleset(&self) -> &Ruleset {
        &self.ruleset
    }

    fn failed(&self, error: &Error, said: &mut Said) {
        said.exit = error.kind.exit() as u8;
        said.error.extend(error.warnings.iter().flat_map(|warning| [warning, "\n"]));
        said.error.push_str(&error.kind.report(program(self.ruleset.family()), VERSION, None));
    }

    fn command(&mut self, mut command: rules::syntax::Command, said: &mut Said) {
        let mut warnings = std::mem::take(&mut command.warnings);
        let Some(table) = Table::from_name(&command.table.text) else {
            let mut error = Error::new(ErrorKind::NoTable(command.table.text.clone()), command.table.span);
            error.warnings = warnings;
            return self.failed(&error, said);
        };
        let present = self.ruleset.table_mut(table).clone();
        let family = self.ruleset.family();
        let objects = Objects::of(family, []).with_given(rules::fixture::given());
        let mut editor = Editor::new(present, family).with_objects(objects);
        let mut session = Session { names: &DebianNames, out: &mut said.out, warnings: &mut warnings };
        let applied = editor.apply(command, &mut session);
        for warning in warnings {
            said.error.push_str(&warning);
            said.error.push('\n');
        }
        let finished = applied.and_then(|()| editor.finish().map_err(|refused| refused.error));
        match finished {
            Ok(rules) => self.ruleset.set_table(rules),
            Err(error) => self.failed(&error, said),
        }
    }
}

impl Speaker for Ours {
    fn say(&mut self, words: &[String]) -> Said {
        let mut said = Said::default();
        let (_, words) = lex::arguments(words);
        let mode = Mode { family: self.ruleset.family(), names: &DebianNames, restore: None, trusted: false };
        match parse::parse(&words, mode, None) {
            Ok(Parsed::Command(command)) => self.command(*command, &mut said),
            Ok(Parsed::Help(_) | Parsed::Version(_)) => {}
            Err(error) => self.failed(&error, &mut said),
        }
        said
    }

    fn save(&mut self) -> String {
        let mut out = String::new();
        print::ruleset(&mut out, &self.ruleset, true, None);
        out
    }
}

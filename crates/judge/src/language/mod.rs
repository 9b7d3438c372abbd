//! iptables' language on trial: command lines given to the machine's iptables-legacy and to ours, one after the other, in
//! two rulesets that grow side by side.
//!
//! After each line are compared: exit status, standard output, error stream (iptables' own words; our diagnosis stands
//! behind them and is left out here), and of the table that the line was about `-S`, `-L -n -v -x --line-numbers`, and
//! `iptables-save -c` of all. Lines come from a seed ([`generate`]): out of the option tables of every extension in the
//! registry, out of the fixtures, and out of what iptables itself offers. What 1.8.9 says otherwise than 1.8.13, and what
//! oxitables does otherwise on purpose, is in [`differences`], each with its line of `docs/deviations.md`.
//!
//! A share of the rulesets goes to the machine's iptables-nft too, which is compared with iptables-legacy of the same version:
//! wherein it differs is in [`nft`]. What 1.8.9 takes for another line than was typed is in [`taken_for`].
//!
//! Read first: [`command`] (the loop), [`generate`].
pub mod command;
pub mod corpus;
pub mod differences;
pub mod generate;
pub mod machine;
pub mod nft;
pub mod ours;
pub mod shrink;
pub mod taken_for;
pub mod values;

use packet::Family;

/// What one side said of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The exit status; 255: ended by a signal.
    pub exit: u8,
    /// The standard output.
    pub out: String,
    /// The error stream.
    pub error: String,
}

/// What stands in the ruleset after a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// `iptables-save -c`, without remarks.
    pub save: String,
    /// `-S` of the line's table.
    pub rules: String,
    /// `-L -n -v -x --line-numbers` of the line's table.
    pub list: String,
}

/// What one side said of a line, and what stands in its ruleset behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// What it said.
    pub said: Said,
    /// What stands there.
    pub looks: Looks,
}

/// Somebody who speaks the language.
pub trait Speaker {
    /// Carries out a command line.
    fn say(&mut self, words: &[String]) -> Said;

    /// What stands in the ruleset now; `table` is the one whose listings are wanted.
    fn look(&mut self, table: &str) -> Looks {
        let ask = |this: &mut Self, what: &str| {
            let words: Vec<String> =
                ["-t", table].into_iter().chain(what.split(' ')).map(str::to_owned).collect();
            this.say(&words).out
        };
        // Why: the listings come first, because a look brings the table into being.
        let (rules, list) = (ask(self, "-S"), ask(self, "-L -n -v -x --line-numbers"));
        Looks { save: self.save(), rules, list }
    }

    /// `iptables-save -c`, without remarks.
    fn save(&mut self) -> String;
}

/// A command line on trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The words behind the program's name.
    pub words: Vec<String>,
    /// The extension that the line is about; empty: none.
    pub subject: String,
}

impl Line {
    /// The table that the line names, or filter.
    pub fn table(&self) -> &str {
        let mut table = "filter";
        for (at, word) in self.words.iter().enumerate() {
            let next = self.words.get(at + 1).map_or("", String::as_str);
            if (word == "-t" || word == "--table") && rules::Table::from_name(next).is_some() {
                table = next;
            }
        }
        table
    }
}

/// The line as one would type it to a shell.
pub fn typed(family: Family, words: &[String]) -> String {
    let (text, _) = rules::syntax::lex::arguments(words);
    format!("{} {text}", program(family))
}

/// `iptables` or `ip6tables`.
pub fn program(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

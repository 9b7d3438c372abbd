//! Rules and commands in the language of nft: what `iptables-translate` prints.
//!
//! [`rule`] gives one rule, [`command()`] a command of iptables, [`file::Translator`] a save file. Each extension is one
//! function `translate(&T, &mut Expression)` in a file of its own name under `matches` and `targets`; the two
//! dispatchers are exhaustive, and one arm of each lists what nft has no words for.
//!
//! Invariants: the text loads into nft 1.0.6 (Debian 12), and a packet meets the same fate with the same counters as
//! with the rule it came from; what cannot be said so is [`Untranslatable`], never left out. One rule of iptables is one
//! rule of nft, so that rule numbers stay. Where upstream's translation says something else, ours is right and
//! `docs/deviations.md` has the line.
//!
//! Differences from Linux that no rule can avoid: iptables drops a packet whose TCP, UDP or ICMP header is cut short
//! when it looks at it, nft goes on to the next rule; the jumps of nft go at most 16 chains deep.
use std::borrow::Cow;
use std::fmt;

use packet::Family;

use crate::{Counters, Header, Hook, Match, Table, Target};

pub mod command;
mod expression;
pub mod file;
mod header;
mod matches;
pub mod name;
mod targets;

pub use command::{Line, command};
pub use expression::Expression;

/// Why nft cannot say something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untranslatable {
    /// The part of the rule: `-m string`, `-j DNAT --to-destination`.
    pub what: Cow<'static, str>,
    /// The reason.
    pub why: Cow<'static, str>,
}

impl Untranslatable {
    /// A part of a rule and the reason.
    pub fn new(what: impl Into<Cow<'static, str>>, why: impl Into<Cow<'static, str>>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl fmt::Display for Untranslatable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site<'a> {
    /// The family.
    pub family: Family,
    /// The table.
    pub table: Table,
    /// The name of the chain in iptables.
    pub chain: &'a str,
}

impl Site<'_> {
    /// `ip filter`: the table in nft.
    pub fn table_in_nft(&self) -> String {
        format!("{} {}", family(self.family), self.table)
    }

    /// `ip filter INPUT`: the chain in nft.
    pub fn chain_in_nft(&self) -> String {
        format!("{} {}", self.table_in_nft(), name::chain(self.chain))
    }

    /// The hook, where the chain is a built-in one.
    pub fn hook(&self) -> Option<Hook> {
        Hook::from_name(self.chain).filter(|hook| self.table.has(*hook))
    }
}

/// What stands behind `-j` or `-g`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Destination<'a> {
    /// Nothing: packets are counted.
    None,
    /// A target; jumps stand as `Chain`.
    Target(&'a Target),
    /// A chain by its name.
    Chain {
        /// Its name.
        name: &'a str,
        /// Whether with `-g`.
        goto: bool,
    },
}

/// `ip` or `ip6`.
pub const fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

/// A rule: what stands behind `add rule ip filter INPUT`.
pub fn rule(
    site: Site<'_>,
    header: &Header,
    matches: &[Match],
    destination: Destination<'_>,
    counters: Counters,
) -> Result<String, Untranslatable> {
    let mut expression = Expression::new(site, header);
    header::translate(header, &mut expression)?;
    for one in matches {
        matches::translate(one, &mut expression)?;
    }
    expression.count(counters);
    targets::translate(destination, &mut expression)?;
    expression.finish()
}

#[cfg(test)]
mod tests;

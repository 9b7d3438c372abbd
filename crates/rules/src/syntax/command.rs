//! A command as it was meant: what [`super::parse`] gives and [`super::apply`] carries out.
use packet::AddrMask;

use super::extension::Families;
use super::lex::Span;
use crate::{Counters, Header, Match, Target};

/// A command of iptables.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// `-t`; `filter` by default. Whether there is such a table is seen when it is opened.
    pub table: Named,
    /// What is to be done.
    pub action: Action,
    /// `-n -v -x --line-numbers`.
    pub output: Output,
    /// `-w`.
    pub wait: Wait,
    /// Lines for the error stream, without newlines.
    pub warnings: Vec<String>,
}

/// A name and where it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub text: Box<str>,
    /// The place.
    pub span: Span,
}

/// The commands.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `-A`.
    Append {
        /// The chain.
        chain: Named,
        /// The rule.
        rule: Box<RuleSpec>,
    },
    /// `-C`.
    Check {
        /// The chain.
        chain: Named,
        /// The rule.
        rule: Box<RuleSpec>,
    },
    /// `-D chain rule`.
    Delete {
        /// The chain.
        chain: Named,
        /// The rule.
        rule: Box<RuleSpec>,
    },
    /// `-D chain number`.
    DeleteNumber {
        /// The chain.
        chain: Named,
        /// Counted from 1.
        number: u32,
        /// Where the number was typed.
        span: Span,
    },
    /// `-I`.
    Insert {
        /// The chain.
        chain: Named,
        /// Counted from 1.
        number: u32,
        /// Where the number was typed.
        span: Span,
        /// The rule.
        rule: Box<RuleSpec>,
    },
    /// `-R`.
    Replace {
        /// The chain.
        chain: Named,
        /// Counted from 1.
        number: u32,
        /// Where the number was typed.
        span: Span,
        /// The rule.
        rule: Box<RuleSpec>,
    },
    /// `-L`, also with `-Z`.
    List(Selection),
    /// `-S`, also with `-Z`.
    ListRules(Selection),
    /// `-F`.
    Flush {
        /// One chain, or all.
        chain: Option<Named>,
    },
    /// `-Z`.
    Zero {
        /// One chain, or all.
        chain: Option<Named>,
        /// One rule of the chain, counted from 1.
        number: Option<u32>,
        /// Where the number was typed.
        span: Span,
    },
    /// `-N`.
    NewChain {
        /// The chain.
        chain: Named,
    },
    /// `-X`.
    DeleteChain {
        /// One chain, or all user chains.
        chain: Option<Named>,
    },
    /// `-E`.
    RenameChain {
        /// The old name.
        chain: Named,
        /// The new name.
        to: Named,
    },
    /// `-P`.
    Policy {
        /// The chain.
        chain: Named,
        /// The policy as typed.
        policy: Named,
        /// `-c`.
        counters: Option<Counters>,
    },
}

impl Action {
    /// The letter of the command.
    pub fn letter(&self) -> char {
        match self {
            Self::Append { .. } => 'A',
            Self::Check { .. } => 'C',
            Self::Delete { .. } | Self::DeleteNumber { .. } => 'D',
            Self::Insert { .. } => 'I',
            Self::Replace { .. } => 'R',
            Self::List(_) => 'L',
            Self::ListRules(_) => 'S',
            Self::Flush { .. } => 'F',
            Self::Zero { .. } => 'Z',
            Self::NewChain { .. } => 'N',
            Self::DeleteChain { .. } => 'X',
            Self::RenameChain { .. } => 'E',
            Self::Policy { .. } => 'P',
        }
    }

    /// Whether the command leaves the ruleset as it is.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Check { .. } => true,
            Self::List(selection) | Self::ListRules(selection) => selection.zero.is_none(),
            _ => false,
        }
    }
}

/// What `-L` and `-S` print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// One chain, or all.
    pub chain: Option<Named>,
    /// One rule of the chain, counted from 1.
    pub number: Option<u32>,
    /// `-Z`: counters are set to zero behind the listing.
    pub zero: Option<ZeroAfter>,
}

/// What `-Z` beside `-L` or `-S` sets to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroAfter {
    /// All that was selected by chain.
    Chains,
    /// One rule of the chain, counted from 1.
    Rule(u32),
}

/// `-n -v -x --line-numbers --json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// How often `-v` was given.
    pub verbose: u8,
    /// `-n`.
    pub numeric: bool,
    /// `-x`.
    pub exact: bool,
    /// `--line-numbers`.
    pub line_numbers: bool,
    /// `--json`: the caller prints what is selected in its own form.
    pub json: bool,
}

/// `-w`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Not at all (version 1.8.13; Debian's 1.8.9 waits for ever).
    #[default]
    No,
    /// So many seconds.
    Seconds(u32),
    /// For ever.
    Forever,
}

/// A rule as typed: one for each pair of a source and a destination, and a target that may be the name of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Conditions on the header; `source` and `destination` are those of the first pair.
    pub header: Header,
    /// `-s`: all addresses with their inversion; empty: any.
    pub sources: Vec<AddrMask>,
    /// `-d`: all addresses; empty: any.
    pub destinations: Vec<AddrMask>,
    /// The matches in order.
    pub matches: Vec<Match>,
    /// The target.
    pub target: TargetSpec,
    /// `-c`.
    pub counters: Counters,
    /// The place of the whole rule, for errors of the kernel's check.
    pub span: Span,
}

impl RuleSpec {
    /// The headers of the rules that are meant: one for each pair of a source and a destination, in iptables' order.
    pub fn headers(&self) -> Vec<Header> {
        if self.sources.len() <= 1 && self.destinations.len() <= 1 {
            return vec![self.header.clone()];
        }
        let pick = |own: &Option<crate::Negatable<AddrMask>>, list: &[AddrMask]| -> Vec<_> {
            let invert = own.is_some_and(|own| own.invert);
            let some = |&value| {
                Some(crate::Negatable { invert, value })
                    .filter(|own| invert || !super::address::is_any(&own.value))
            };
            if list.is_empty() { vec![*own] } else { list.iter().map(some).collect() }
        };
        let destinations = pick(&self.header.destination, &self.destinations);
        let pairs = pick(&self.header.source, &self.sources).into_iter();
        pairs
            .flat_map(|source| destinations.iter().map(move |&destination| (source, destination)))
            .map(|(source, destination)| Header { source, destination, ..self.header.clone() })
            .collect()
    }
}

/// What stands behind `-j` or `-g`.
#[derive(Clone, Debug, PartialEq)]
pub enum TargetSpec {
    /// Nothing.
    None,
    /// ACCEPT, DROP, QUEUE, RETURN or an extension. A chain of the same name goes before it.
    Target(Target, Named),
    /// A name that is no target: a chain must have it. `true` for `-g`.
    Chain(Named, bool),
    /// A target that upstream has and oxitables does not model; a chain may still have the name.
    NotModelled(Named, Families),
}

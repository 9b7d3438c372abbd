//! What is a ruleset, and how is it written in iptables' language?
//!
//! [`Ruleset`] is the meaning: tables, chains, rules, valid by construction. [`syntax`] is the language: commands,
//! save files, listings, errors. Each extension is one file under [`matches`] or [`targets`] that holds its data, its
//! options, how it is parsed, printed and listed, and where it may stand; what it *does* to packets is in `netfilter`
//! under the same file name.
//!
//! Pure: no files, no clock, no environment, no resolver. What the language needs from outside (services, protocols,
//! host names, users) comes through [`syntax::Names`].
#![forbid(unsafe_code)]

pub mod fixture;
pub mod generate;
pub mod hook;
pub mod lookup3;
pub mod matches;
pub mod rule;
pub mod ruleset;
pub mod set;
pub mod syntax;
pub mod targets;
pub mod translate;
pub mod wheel;

pub use hook::{Hook, Table};
pub use matches::Match;
pub use rule::{Counters, Header, InterfacePattern, Negatable, Rule};
pub use ruleset::{Chain, ChainId, ChainName, Policy, Ruleset, TableRules};
pub use targets::Target;

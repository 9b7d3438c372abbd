//! Rules as JSON, for programs: `-L --json`, `-S --json`, `iptables-save --json`, and `iptables-restore --json`, which
//! reads what they write. docs/rules-json.md is the schema; it only grows.
//!
//! Options of extensions come out of what the extension prints and out of its option table, so that a new extension is
//! in it without a line of code here; what is read becomes lines of a save file and takes their way.
pub(crate) mod read;
mod write;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub(crate) use write::{Extent, document};

/// The version of the schema. It changes only when a member is removed or changes its meaning.
pub(crate) const SCHEMA: u32 = 1;

/// A whole document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document<'a> {
    pub(crate) schema: u32,
    pub(crate) family: FamilyName,
    #[serde(borrow)]
    pub(crate) tables: Vec<Table<'a>>,
}

/// The family by its name.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FamilyName {
    Ipv4,
    Ipv6,
}

impl From<packet::Family> for FamilyName {
    fn from(family: packet::Family) -> Self {
        match family {
            packet::Family::V4 => Self::Ipv4,
            packet::Family::V6 => Self::Ipv6,
        }
    }
}

/// A table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table<'a> {
    pub(crate) table: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) chains: Vec<Chain<'a>>,
}

/// A chain. The rules are the last member, and written apart.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chain<'a> {
    pub(crate) chain: Cow<'a, str>,
    /// `None`: a user chain.
    pub(crate) policy: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) packets: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    /// How many rules lead to it: for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) references: Option<u32>,
    #[serde(borrow, default, skip_serializing)]
    pub(crate) rules: Vec<Rule<'a>>,
}

/// A rule.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule<'a> {
    /// Its place in the chain: for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) packets: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Condition<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<Condition<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) in_interface: Option<Condition<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) out_interface: Option<Condition<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<Condition<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fragment: Option<Fragment>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) matches: Vec<Match<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Target<'a>>,
}

/// A condition on the header.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition<'a> {
    #[serde(default)]
    pub(crate) invert: bool,
    pub(crate) value: Cow<'a, str>,
}

/// `-f`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fragment {
    #[serde(default)]
    pub(crate) invert: bool,
}

/// A match.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match<'a> {
    #[serde(rename = "match")]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) options: Vec<ExtensionOption<'a>>,
}

/// An option of a match or target.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtensionOption<'a> {
    pub(crate) option: Cow<'a, str>,
    #[serde(default)]
    pub(crate) invert: bool,
    #[serde(default)]
    pub(crate) values: Vec<Cow<'a, str>>,
}

/// What happens.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Target<'a> {
    /// `-j TARGET`.
    #[serde(borrow)]
    Named(NamedTarget<'a>),
    /// `-j CHAIN`.
    #[serde(borrow)]
    Jump(Jump<'a>),
    /// `-g CHAIN`.
    #[serde(borrow)]
    Goto(Goto<'a>),
}

/// A target with its options.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedTarget<'a> {
    pub(crate) target: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) options: Vec<ExtensionOption<'a>>,
}

/// A chain to come back from.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jump<'a> {
    pub(crate) jump: Cow<'a, str>,
}

/// A chain to go to.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goto<'a> {
    pub(crate) goto: Cow<'a, str>,
}

#[cfg(test)]
mod tests;

//! What rules make in the kernel besides themselves and share by name with rules of other tables: the estimators of
//! RATEEST and the tables of `-m hashlimit`. The kernel refuses rules that do not fit to those that are there. And what
//! other programs make in the kernel and rules only name ([`Given`]): accounting objects and timeout policies.
//!
//! Lists of `-m recent` are shared, too, but no rule is refused because of them.
use std::collections::{BTreeMap, BTreeSet};

use packet::{Family, protocol};

use super::extension::{Refusal, Site};
use crate::{Match, Rule, TableRules, Target};

/// What other programs have made in the kernel, as far as rules name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The names of accounting objects (`nfacct add`), for `-m nfacct`.
    pub accounts: BTreeSet<Box<str>>,
    /// Timeout policies (`nfct timeout add`), for `-j CT --timeout`.
    pub timeouts: BTreeMap<Box<str>, PolicyFor>,
}

/// For which packets a timeout policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyFor {
    /// The family.
    pub family: Family,
    /// The protocol; `None`: all that have no tracker of their own.
    pub protocol: Option<u8>,
}

/// Protocols with a tracker of their own (Linux: `nf_ct_l4proto_find`).
const TRACKED: [u8; 7] = [
    protocol::ICMP,
    protocol::TCP,
    protocol::UDP,
    protocol::GRE,
    protocol::ICMPV6,
    protocol::SCTP,
    protocol::UDPLITE,
];

/// The interval and the average of an estimator, if a rule that makes it is there.
type Estimator = Option<(i8, u8)>;

/// The objects that are there.
///
/// Linux: old rules are taken away after the new ones are checked, so that what they hold is there while that is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Estimators with interval and average, where a rule that makes them is there; `None`: those that are named are
    /// taken to be there.
    estimators: Option<BTreeMap<Box<str>, Estimator>>,
    /// For each table of `-m hashlimit` of the family whether it measures rates (`--hashlimit-rate-match`).
    hashlimits: BTreeMap<Box<str>, bool>,
    /// What other programs have made.
    given: Given,
}

impl Objects {
    /// What the rules of tables hold. Estimators belong to no family, so that tables of both are of use; hashlimit's
    /// tables are those of one.
    pub fn of<'r>(family: Family, tables: impl IntoIterator<Item = (Family, &'r TableRules)>) -> Self {
        let mut own = Self { estimators: Some(BTreeMap::new()), ..Self::default() };
        for (other, rules) in tables {
            own.hold(rules, other == family);
        }
        own
    }

    /// The same, with what other programs have made.
    #[must_use]
    pub fn with_given(mut self, given: Given) -> Self {
        self.given = given;
        self
    }

    /// The same, but estimators are not looked at: for rulesets whose other tables may not have been read yet.
    #[must_use]
    pub fn without_estimators(mut self) -> Self {
        self.estimators = None;
        self
    }

    /// Adds what the rules of a table hold.
    pub(crate) fn hold(&mut self, rules: &TableRules, same_family: bool) {
        for rule in rules.slots_in_order().flat_map(|(_, chain)| &chain.rules) {
            if let Some(known) = &mut self.estimators {
                for name in estimators_of(rule) {
                    known.entry(name.into()).or_default();
                }
                if let Some(Target::Rateest(own)) = &rule.target {
                    known.insert(own.name.clone(), Some((own.interval, own.average)));
                }
            }
            if same_family {
                for one in &rule.matches {
                    if let Match::Hashlimit(own) = one {
                        self.hashlimits.insert(own.name.clone(), own.interval.is_some());
                    }
                }
            }
        }
    }

    /// Whether a match fits to what is there, and what it makes. Linux: `xt_rateest_mt_checkentry`;
    /// `hashlimit_mt_check_common`, which refuses what measures in a table that does not, and the other way.
    pub(crate) fn find(&mut self, one: &Match) -> Result<(), Refusal> {
        match one {
            Match::Rateest(own) => {
                let Some(known) = &self.estimators else { return Ok(()) };
                let mut names = std::iter::once(&own.first).chain(&own.second);
                match names.find(|name| !known.contains_key(*name)) {
                    Some(name) => Err(Refusal::no_entry(format!(
                        "no rule before this one makes the estimator `{name}' (-j RATEEST --rateest-name {name})"
                    ))),
                    None => Ok(()),
                }
            }
            Match::Hashlimit(own) => match self.hashlimits.get(&own.name) {
                Some(measures) if *measures != own.interval.is_some() => Err(Refusal::invalid(format!(
                    "rules with the `--hashlimit-name {}' all have `--hashlimit-rate-match' or none has",
                    own.name
                ))),
                Some(_) => Ok(()),
                None => {
                    self.hashlimits.insert(own.name.clone(), own.interval.is_some());
                    Ok(())
                }
            },
            // Linux: `nfacct_mt_checkentry`.
            Match::Nfacct(own) if !self.given.accounts.contains(&own.name) => {
                Err(Refusal::no_entry(format!("there is no accounting object `{}'", own.name)))
            }
            _ => Ok(()),
        }
    }

    /// Whether a target fits to what is there, and what it makes. Linux: `xt_rateest_tg_checkentry`, which refuses other
    /// numbers under a known name; `nf_ct_set_timeout`.
    pub(crate) fn make(&mut self, target: &Target, site: &Site<'_>) -> Result<(), Refusal> {
        match target {
            Target::Rateest(own) => {
                let Some(known) = &mut self.estimators else { return Ok(()) };
                let numbers = (own.interval, own.average);
                match known.get(&own.name).copied().flatten() {
                    Some(others) if others != numbers => Err(Refusal::invalid(format!(
                        "another rule makes the estimator `{}' with another interval or average",
                        own.name
                    ))),
                    _ => {
                        known.insert(own.name.clone(), Some(numbers));
                        Ok(())
                    }
                }
            }
            Target::Ct(own) if !own.notrack => {
                let (Some(name), Some(protocol)) = (&own.timeout, site.header.positive_protocol()) else {
                    return Ok(());
                };
                let protocol = Some(protocol).filter(|number| TRACKED.contains(number));
                match self.given.timeouts.get(name) {
                    None => Err(Refusal::no_entry(format!("there is no timeout policy `{name}'"))),
                    Some(policy) if *policy == (PolicyFor { family: site.family, protocol }) => Ok(()),
                    Some(_) => Err(Refusal::invalid(format!(
                        "the timeout policy `{name}' is for another protocol than the rule"
                    ))),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The estimators that a rule holds.
pub(crate) fn estimators_of(rule: &Rule) -> impl Iterator<Item = &str> {
    let matched = rule.matches.iter().flat_map(|one| {
        let own = if let Match::Rateest(own) = one { Some(own) } else { None };
        own.into_iter().flat_map(|own| std::iter::once(&*own.first).chain(own.second.as_deref()))
    });
    let made = rule.target.iter().filter_map(|target| match target {
        Target::Rateest(own) => Some(&*own.name),
        _ => None,
    });
    matched.chain(made)
}

#[cfg(test)]
mod tests;

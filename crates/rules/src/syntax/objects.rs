//! What rules make in the kernel besides themselves and share by name with rules of other tables: the estimators of
//! RATEEST and the tables of `-m hashlimit`. The kernel refuses rules that do not fit to those that are there.
//!
//! Lists of `-m recent` are shared, too, but no rule is refused because of them.
use std::collections::{BTreeMap, BTreeSet};

use packet::Family;

use super::extension::Refusal;
use crate::{Match, Rule, TableRules, Target};

/// The objects that are there.
///
/// Linux: old rules are taken away after the new ones are checked, so that what they hold is there while that is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Names of estimators; `None`: those that are named are taken to be there.
    estimators: Option<BTreeSet<Box<str>>>,
    /// For each table of `-m hashlimit` of the family whether it measures rates (`--hashlimit-rate-match`).
    hashlimits: BTreeMap<Box<str>, bool>,
}

impl Objects {
    /// What the rules of tables hold. Estimators belong to no family, so that tables of both are of use; hashlimit's
    /// tables are those of one.
    pub fn of<'r>(family: Family, tables: impl IntoIterator<Item = (Family, &'r TableRules)>) -> Self {
        let mut own = Self { estimators: Some(BTreeSet::new()), hashlimits: BTreeMap::new() };
        for (other, rules) in tables {
            own.hold(rules, other == family);
        }
        own
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
                known.extend(estimators_of(rule).map(Into::into));
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
                match names.find(|name| !known.contains(*name)) {
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
            _ => Ok(()),
        }
    }

    /// What a target makes.
    pub(crate) fn make(&mut self, target: &Target) {
        if let (Some(known), Target::Rateest(own)) = (&mut self.estimators, target) {
            known.insert(own.name.clone());
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

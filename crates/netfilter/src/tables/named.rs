//! What rules share by name, whichever table they stand in: the lists of `-m recent`, the tables of `-m hashlimit`, the
//! estimators of RATEEST; and the sets of ipset and what other programs have made ([`crate::objects`]), which are there
//! whether a rule names them or not.
//!
//! # Life cycle
//! The first rule that names one makes it, as that rule says; each program that is bound holds those of its rules
//! ([`crate::tables::Program::bind`]); what nobody holds is gone. The engine binds a new program before it lets go of
//! the old one, so that what both name stays (F72).
//!
//! # Limits
//! As many as there are names in the rules; each has its own limit on entries.
use packet::Family;
use rules::matches::hashlimit::Hashlimit;
use rules::matches::recent::Recent;
use rules::targets::ct::Ct;
use rules::targets::rateest::Rateest;

use super::estimator::Estimator;
use super::matches::{hashlimit, recent};
use crate::Instant;
use crate::objects::{Account, Fingerprint};
use crate::time::jiffies;

/// The lists and tables that rules share by name.
#[derive(Debug, Default)]
pub struct Named {
    pub(crate) sets: rules::set::Sets,
    pub(super) recents: Store<recent::List>,
    pub(super) hashlimits: Store<hashlimit::Table>,
    pub(super) estimators: Store<Estimator>,
    pub(super) templates: Store<Template>,
    /// The present, as far as it is known: timers begin when what has them is made.
    pub(crate) now: Option<Instant>,
    /// Accounting objects. They are not the rules' own, and stay.
    pub(crate) accounts: Vec<Account>,
    /// Names of timeout policies; connection tracking has them in this order.
    pub(crate) policies: Vec<Box<str>>,
    /// Fingerprints; none: not known.
    pub(crate) fingerprints: Vec<Fingerprint>,
}

/// What the packets of a rule of `-j CT` share (Linux: the connection that stands for the rule, `nf_ct_tmpl_alloc`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Template {
    /// The place of the timeout policy.
    pub(super) policy: Option<usize>,
    /// The mark that CONNMARK in table raw has given it; connections begin without it.
    pub(super) mark: u32,
}

/// Things by name, in places that do not change.
#[derive(Debug)]
pub(super) struct Store<T>(Vec<Slot<T>>);

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[derive(Debug)]
struct Slot<T> {
    name: Box<str>,
    /// How many rules hold it.
    holders: usize,
    /// `None`: nobody does.
    own: Option<T>,
}

impl<T> Store<T> {
    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.0.get(place)?.own.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.0.get_mut(place)?.own.as_mut()
    }

    /// Holds the one of a name that fits, if it is there: its place.
    fn hold_present(&mut self, name: &str, fits: impl Fn(&T) -> bool) -> Option<usize> {
        let found = |slot: &Slot<T>| *slot.name == *name && slot.own.as_ref().is_some_and(&fits);
        let place = self.0.iter().position(found)?;
        self.0.get_mut(place)?.holders += 1;
        Some(place)
    }

    /// Holds the one of a name that fits, or a new one: its place.
    fn hold(&mut self, name: &str, fits: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> usize {
        if let Some(place) = self.hold_present(name, fits) {
            return place;
        }
        let slot = Slot { name: name.into(), holders: 1, own: Some(new()) };
        match self.0.iter_mut().enumerate().find(|(_, slot)| slot.own.is_none()) {
            Some((place, free)) => {
                *free = slot;
                place
            }
            None => {
                self.0.push(slot);
                self.0.len() - 1
            }
        }
    }

    pub(super) fn release(&mut self, place: usize) {
        if let Some(slot) = self.0.get_mut(place) {
            slot.holders = slot.holders.saturating_sub(1);
            if slot.holders == 0 {
                slot.own = None;
            }
        }
    }
}

impl Named {
    /// Holds the list of a rule of `-m recent`. Linux: `recent_mt_check`: one for both families, with the mask of the rule
    /// that made it; a rule that wants to remember more packets empties it.
    pub(super) fn recent(&mut self, rule: &Recent) -> usize {
        let place = self.recents.hold(&rule.name, |_| true, || recent::List::new(rule));
        if let Some(list) = self.recents.get_mut(place) {
            list.remember(rule);
        }
        place
    }

    /// Holds the estimator that a rule of RATEEST makes.
    pub(super) fn estimator(&mut self, rule: &Rateest) -> usize {
        let now = self.now.map(jiffies);
        self.estimators.hold(&rule.name, |_| true, || Estimator::new(rule, now))
    }

    /// Holds an estimator that some rule has made.
    pub(super) fn present_estimator(&mut self, name: &str) -> Option<usize> {
        self.estimators.hold_present(name, |_| true)
    }

    /// Makes what the packets of a rule of CT share. It belongs to this rule alone, and ends with it (F72).
    pub(super) fn template(&mut self, rule: &Ct) -> usize {
        let policy =
            rule.timeout.as_deref().and_then(|name| self.policies.iter().position(|own| **own == *name));
        self.templates.hold("", |_| false, || Template { policy, mark: 0 })
    }

    /// The place of an accounting object.
    pub(super) fn account(&self, name: &str) -> Option<usize> {
        self.accounts.iter().position(|own| *own.name == *name)
    }

    /// Holds the table of a rule of `-m hashlimit`.
    pub(super) fn hashlimit(&mut self, rule: &Hashlimit, family: Family) -> usize {
        let now = self.now.map(jiffies);
        let fits = |table: &hashlimit::Table| table.family() == family;
        self.hashlimits.hold(&rule.name, fits, || hashlimit::Table::new(rule, family, now))
    }
}

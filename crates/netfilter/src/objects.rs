//! What other programs make in the kernel and rules name: accounting objects (`nfacct`), timeout policies (`nfct timeout`)
//! and fingerprints of operating systems (`nfnl_osf`).
//!
//! [`Objects`] is an input of the engine ([`crate::engine::Engine::set_objects`]), given before the rulesets that name
//! them. Its text form ([`Objects::parse`]) is what those programs take and print:
//!
//! ```text
//! # an accounting object, as `nfacct list` prints it, or as it is made
//! { pkts = 00000000000000000007, bytes = 00000000000000000900, quota = 1000, mode = byte, overquota = no } = web;
//! nfacct add mail packet 100
//! # a timeout policy as it is made; what `nfct timeout list` prints is taken as well
//! nfct timeout add short inet tcp established 100 close 5
//! # a fingerprint, as in pf.os
//! S4:64:1:60:M*,S,T,N,W7:  Linux:3.x::Linux 3.x
//! ```
//!
//! # Limits
//! [`MOST`] objects of each kind.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rules::syntax::objects::Given;

pub mod account;
pub mod fingerprint;
pub mod timeout;

pub use account::Account;
pub use fingerprint::Fingerprint;
pub use timeout::Policy;

/// Most objects of each kind.
pub const MOST: usize = 10_000;

/// What other programs have made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Accounting objects.
    pub accounts: Vec<Account>,
    /// Timeout policies.
    pub policies: Vec<Policy>,
    /// Fingerprints, in the order in which the kernel asks them. None at all: nobody said which there are.
    pub fingerprints: Vec<Fingerprint>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

impl Objects {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut own = Self::default();
        // The lines of a policy that is listed, with the number of the first.
        let mut listed: Option<(usize, Vec<&str>)> = None;
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            let at = |what| Problem { line: number, what };
            match &mut listed {
                Some((first, lines)) if line == "};" => {
                    let first = *first;
                    let policy = Policy::parse_listed(lines);
                    policy
                        .and_then(|policy| own.policy(policy))
                        .map_err(|what| Problem { line: first, what })?;
                    listed = None;
                }
                // Longer than any policy is.
                Some((_, lines)) if lines.len() > 40 => return Err(at("a policy that does not end")),
                Some((_, lines)) => lines.push(line),
                None if line.starts_with('.') => listed = Some((number, vec![line])),
                None => own.line(line).map_err(at)?,
            }
        }
        match listed {
            Some((line, _)) => Err(Problem { line, what: "a policy that does not end" }),
            None => Ok(own),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if line.starts_with('{') || line.starts_with("nfacct ") {
            let account = Account::parse(line)?;
            if self.accounts.iter().any(|other| other.name == account.name) {
                return Err("an accounting object of this name is there");
            }
            return push(&mut self.accounts, account);
        }
        for command in ["nfct timeout add ", "nfct add timeout "] {
            if let Some(policy) = line.strip_prefix(command) {
                return self.policy(Policy::parse(policy)?);
            }
        }
        if let Some(fingerprint) = Fingerprint::parse(line) {
            let fingerprint = fingerprint?;
            // Linux: what is there already is not added again.
            if self.fingerprints.contains(&fingerprint) {
                return Ok(());
            }
            return push(&mut self.fingerprints, fingerprint);
        }
        Err("neither an accounting object, a timeout policy nor a fingerprint")
    }

    fn policy(&mut self, policy: Policy) -> Result<(), &'static str> {
        if self.policies.iter().any(|other| other.name == policy.name) {
            return Err("a timeout policy of this name is there");
        }
        push(&mut self.policies, policy)
    }

    /// What of it rules name, for [`rules::syntax::restore::load_given`].
    pub fn given(&self) -> Given {
        Given {
            accounts: self.accounts.iter().map(|own| own.name.clone()).collect::<BTreeSet<_>>(),
            timeouts: self
                .policies
                .iter()
                .map(|own| (own.name.clone(), own.packets))
                .collect::<BTreeMap<_, _>>(),
        }
    }
}

fn push<T>(list: &mut Vec<T>, own: T) -> Result<(), &'static str> {
    if list.len() >= MOST {
        return Err("more objects than fit (10000)");
    }
    list.push(own);
    Ok(())
}

#[cfg(test)]
mod tests;

//! What `ip -j` prints of a host, read into a [`Network`]: links, addresses, routes and policy rules.
//!
//! The routes are taken as they are printed (`show table all`), so addresses make none. Read first: `man ip-route`,
//! `man ip-rule`; iproute2's `iproute.c`, `iprule.c`, `ipaddress.c` for the names of the keys.
//!
//! # Invariants
//! * A key of a route, a rule or an address that is not known is an error with its place. What is known and not modelled
//!   (encapsulation, `tun_id`) stays in the network, and a packet that meets it has no decision.
//! * Keys of links are taken where they matter; a link has dozens that do not change the way of a packet.
mod groups;
mod json;
mod learned;
mod links;
mod names;
mod routes;
mod rules;

use std::fmt;

use netfilter::Network;
use packet::Family;

pub(crate) use names::Names;

/// The outputs of `ip -j`, each with the name by which errors call it.
#[derive(Debug, Default)]
pub(crate) struct Outputs<'t> {
    /// `ip -d -j link` and `ip -d -j addr`: what both say of a link is the same.
    pub(crate) links: Vec<(&'t str, &'t str)>,
    /// `bridge -j fdb`.
    pub(crate) forwarding: Option<(&'t str, &'t str)>,
    /// `ip -j neigh`.
    pub(crate) neighbours: Option<(&'t str, &'t str)>,
    /// `ip -j maddr`.
    pub(crate) groups: Option<(&'t str, &'t str)>,
    /// `/proc/net/mcfilter` and `mcfilter6`: for which senders groups were joined.
    pub(crate) filters: Vec<(&'t str, &'t str)>,
    /// `ip -4 route show cache` and `ip -6 route show cache`.
    pub(crate) learned: Vec<(&'t str, &'t str)>,
    /// `ip -j -4 route show table all`.
    pub(crate) routes_v4: Option<(&'t str, &'t str)>,
    /// `ip -j -6 route show table all`.
    pub(crate) routes_v6: Option<(&'t str, &'t str)>,
    /// `ip -j -4 rule`.
    pub(crate) rules_v4: Option<(&'t str, &'t str)>,
    /// `ip -j -6 rule`.
    pub(crate) rules_v6: Option<(&'t str, &'t str)>,
}

/// A network that was read, and what a person should know of it.
#[derive(Debug)]
pub(crate) struct Read {
    /// The devices, addresses, routes and rules.
    pub(crate) network: Network,
    /// What was seen and is not modelled, in words.
    pub(crate) notes: Vec<String>,
}

/// What is wrong with an output, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The name of the output.
    pub(crate) output: String,
    /// The entry, from 1, and what it is about; `None`: the whole.
    pub(crate) entry: Option<(usize, String)>,
    /// What is wrong.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.output)?;
        if let Some((number, about)) = &self.entry {
            write!(f, "entry {number}")?;
            if !about.is_empty() {
                write!(f, " ({about})")?;
            }
            write!(f, ": ")?;
        }
        f.write_str(&self.what)
    }
}

/// Reads a network. A family whose routes or rules are not given has none.
pub(crate) fn read(outputs: &Outputs<'_>, names: &Names) -> Result<Read, Problem> {
    let mut read = Read { network: Network::empty(), notes: Vec::new() };
    links::read(&mut read, &outputs.links, names)?;
    if let Some(output) = outputs.forwarding {
        links::forwarding(&mut read, output)?;
    }
    if let Some(output) = outputs.neighbours {
        links::neighbours(&mut read, output)?;
    }
    for output in &outputs.learned {
        learned::read(&mut read, *output)?;
    }
    if let Some(output) = outputs.groups {
        groups::read(&mut read, output, &outputs.filters)?;
    }
    for (family, routes, rules) in
        [(Family::V4, outputs.routes_v4, outputs.rules_v4), (Family::V6, outputs.routes_v6, outputs.rules_v6)]
    {
        if let Some(output) = routes {
            routes::read(&mut read, family, output, names)?;
        }
        if let Some(output) = rules {
            rules::read(&mut read, family, output, names)?;
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests;

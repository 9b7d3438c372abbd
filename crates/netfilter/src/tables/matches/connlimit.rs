//! `-m connlimit` (Linux: `connlimit_mt`, nf_conncount.c): the connections of an address that passed this rule.
//!
//! # Life cycle
//! A connection is counted from its first packet that comes to the rule, if it is not ASSURED then. The list of its address is
//! looked through when a packet comes that is not of the first connection in it: connections that are not in the table any
//! more and closed ones of TCP are forgotten, 65 at most; for new and ASSURED connections once in 4 ms. Any change of
//! the table of rules forgets all.
//!
//! # Limits
//! At most [`LISTS`] addresses; those without connections are forgotten then, and if there is none the packet is dropped
//! (Linux: only memory is the limit, and what happens then is the same).
use std::collections::BTreeMap;
use std::net::IpAddr;

use rules::matches::connlimit::Connlimit;

use super::conntrack::{Belongs, belongs};
use super::{Asked, Held, Miss, hold};
use crate::conntrack::{Connection, ProtocolState, Status, Zone, tcp};
use crate::time::jiffies;
use crate::trace::Found;
use crate::{Conntrack, Env, Now, Tuple};

/// Most addresses of a rule.
const LISTS: usize = 65_536;
/// How many connections one look through a list may forget (`CONNCOUNT_GC_MAX_NODES`).
const MOST_FORGOTTEN: usize = 64;

/// The rule with its counts.
#[derive(Debug)]
pub(in crate::tables) struct Counter {
    rule: Connlimit,
    lists: BTreeMap<(u128, u16), List>,
}

/// The connections of an address.
#[derive(Debug)]
struct List {
    connections: Vec<(Tuple, Zone)>,
    /// The jiffy of the last look through it, and how many there were then.
    looked: u64,
    looked_count: usize,
}

/// What a packet says of its connection.
struct Counted {
    tuple: Tuple,
    zone: Zone,
    /// Whether it is in the connection table.
    confirmed: bool,
    /// Whether it is ASSURED.
    assured: bool,
}

impl Counter {
    pub(super) fn new(rule: &Connlimit) -> Self {
        Self { rule: *rule, lists: BTreeMap::new() }
    }

    pub(super) fn holds(&mut self, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
        let option = if self.rule.above { "--connlimit-above" } else { "--connlimit-upto" };
        let counted = counted(asked, env).ok_or(Miss::Hotdrop(option, Found::Nothing("connection")))?;
        let view = asked.packet.view();
        let address = if self.rule.destination { view.destination() } else { view.source() };
        // Linux: `zone->id`, whichever directions it is for.
        let key = (masked(address, self.rule.length), counted.zone.original.max(counted.zone.reply));
        let now = jiffies(env.now.mono);
        if self.lists.len() >= LISTS && !self.lists.contains_key(&key) {
            self.lists.retain(|_, list| {
                list.forget(env.conntrack, env.now, None);
                !list.connections.is_empty()
            });
            if self.lists.len() >= LISTS {
                return Err(Miss::Hotdrop(option, Found::Nothing("room for its address")));
            }
        }
        let count = match self.lists.get_mut(&key) {
            None => {
                let connections = vec![(counted.tuple, counted.zone)];
                self.lists.insert(key, List { connections, looked: now, looked_count: 0 });
                1
            }
            Some(list) => {
                list.add(&counted, env.conntrack, env.now, now);
                list.connections.len()
            }
        };
        // Linux: none at all means that there was no memory, even if the only connection is the closed one of the packet.
        if count == 0 {
            return Err(Miss::Hotdrop(option, Found::Number(0)));
        }
        let above = count > usize::try_from(self.rule.limit).unwrap_or(usize::MAX);
        hold(above == self.rule.above, option, Found::Number(count as u64))
    }
}

/// The bits of an address's prefix.
fn masked(address: IpAddr, length: u8) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(own) => (u128::from(u32::from(own)), 32),
        IpAddr::V6(own) => (u128::from(own), 128),
    };
    bits & u128::MAX.checked_shl(u32::from(width - length.min(width))).unwrap_or(0)
}

/// Linux: `get_ct_or_tuple_from_skb`: the packet's connection, or what the table knows of its addresses.
fn counted(asked: &Asked<'_>, env: &Env<'_>) -> Option<Counted> {
    let belonging = belongs(asked, env);
    if let Belongs::To(connection, _) = belonging {
        let confirmed = connection.status.has(Status::CONFIRMED);
        let assured = confirmed && connection.status.has(Status::ASSURED);
        return Some(Counted { tuple: connection.original(), zone: connection.zone, confirmed, assured });
    }
    let tuple = env.conntrack.tuple_of(asked.packet.view())?;
    // Linux: the zone of the template that `-j CT` has made; it stays, whatever zone the connection has that is found.
    let template = asked.packet.template.as_deref().filter(|_| matches!(belonging, Belongs::Template));
    let zone = template.map_or_else(Zone::default, |template| template.zone);
    let found = env.conntrack.find(&tuple, zone, env.now.mono).and_then(|(id, _)| env.conntrack.get(id));
    Some(match found {
        // Measured: an answer without a connection of its own is counted beside the connection that it answers.
        Some(connection) => {
            let assured = connection.status.has(Status::ASSURED);
            Counted { tuple, zone, confirmed: true, assured }
        }
        None => Counted { tuple, zone, confirmed: false, assured: false },
    })
}

/// Whether a connection is closed. Linux: `already_closed`.
fn is_closed(connection: &Connection) -> bool {
    let ProtocolState::Tcp(own) = &connection.protocol else { return false };
    matches!(own.state, tcp::State::TimeWait | tcp::State::Close)
}

/// Whether a connection is not counted any more: it is gone, or closed. Linux: `find_or_evict`.
fn is_over(own: &(Tuple, Zone), table: &Conntrack, now: Now) -> bool {
    let found = table.find(&own.0, own.1, now.mono).and_then(|(id, _)| table.get(id));
    found.is_none_or(is_closed)
}

impl List {
    /// Forgets connections that are over, up to the one that is looked for: whether it was there.
    fn forget(&mut self, table: &Conntrack, now: Now, wanted: Option<&(Tuple, Zone)>) -> bool {
        let mut forgotten = 0;
        let mut there = false;
        self.connections.retain(|own| {
            if there || forgotten > MOST_FORGOTTEN {
                return true;
            }
            let over = is_over(own, table, now);
            if wanted == Some(own) && table.find(&own.0, own.1, now.mono).is_some() {
                there = true;
                return true;
            }
            forgotten += usize::from(over);
            !over
        });
        there
    }

    /// Linux: `__nf_conncount_add`. A new connection is only put in where the list was looked through in this jiffy; one
    /// of the connection table may be there already (measured).
    fn add(&mut self, counted: &Counted, table: &Conntrack, now: Now, jiffy: u64) {
        let own = (counted.tuple, counted.zone);
        if counted.assured {
            // Measured: it is taken to be there already, and the list is looked through; if it is closed, it is taken out.
            if self.looked != jiffy {
                self.forget(table, now, None);
                (self.looked, self.looked_count) = (jiffy, self.connections.len());
            }
            return;
        }
        let more = self.connections.len().saturating_sub(self.looked_count);
        if counted.confirmed || self.looked != jiffy || more >= MOST_FORGOTTEN {
            if self.forget(table, now, Some(&own)) {
                return;
            }
            (self.looked, self.looked_count) = (jiffy, self.connections.len());
        }
        self.connections.push(own);
    }
}

#[cfg(test)]
mod tests;

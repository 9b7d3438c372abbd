//! Expectations: connections that a helper knows before they begin (F62).
//!
//! Read first: Linux `nf_ct_find_expectation`, `__nf_ct_expect_check`. An expectation is met once, lives at most as
//! long as its master, and fixes the whole destination; the source may be left open.
use std::net::IpAddr;

use hashbrown::HashTable;

use super::siphash::SipHash;
use super::timer::Wheel;
use super::{ConnectionId, Conntrack, Direction, EventKind, Status, Tuple, Zone, helper};
use crate::time::Instant;

/// What a helper expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The connection whose helper expects it.
    pub master: ConnectionId,
    /// From where; `None`: from anywhere.
    pub source: Option<IpAddr>,
    /// From which port; `None`: any.
    pub source_port: Option<u16>,
    /// To where.
    pub destination: IpAddr,
    /// To which port.
    pub destination_port: u16,
    /// Protocol.
    pub protocol: u8,
    /// The master's zone.
    pub zone: u16,
    /// Set if the master is translated: the direction of the master in which the expected connection goes, and the
    /// port to which it is translated.
    pub translated: Option<(Direction, u16)>,
    /// Whose it is.
    pub helper: helper::Kind,
    /// When it runs out.
    pub expires: Instant,
}

/// Why an expectation was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another connection expects something of which this is a part or which is a part of this.
    Busy,
    /// There are too many.
    Full,
}

/// All expectations.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    items: Vec<Option<Expectation>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    wheel: Wheel,
}

impl Expectation {
    fn matches(&self, tuple: &Tuple) -> bool {
        self.protocol == tuple.protocol
            && self.destination == tuple.destination
            && self.destination_port == tuple.destination_id
            && self.source.is_none_or(|source| source == tuple.source)
            && self.source_port.is_none_or(|port| port == tuple.source_id)
    }

    fn same(&self, other: &Self) -> bool {
        self.overlaps(other) && self.source == other.source && self.source_port == other.source_port
    }

    /// Whether a connection could meet both.
    fn overlaps(&self, other: &Self) -> bool {
        let apart = |one: Option<IpAddr>, other: Option<IpAddr>| one.zip(other).is_some_and(|(a, b)| a != b);
        self.protocol == other.protocol
            && self.destination == other.destination
            && self.destination_port == other.destination_port
            && self.zone == other.zone
            && !apart(self.source, other.source)
            && self.source_port.zip(other.source_port).is_none_or(|(a, b)| a == b)
    }
}

fn hash(destination: IpAddr, port: u16, protocol: u8) -> u64 {
    // Why: a fixed key will do, for the number of expectations is small and limited.
    let mut hash = SipHash::new([0x6578_7065, 0x6374]);
    match destination {
        IpAddr::V4(address) => hash.word(u64::from(u32::from(address))),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            hash.word((bits >> 64) as u64);
            hash.word(bits as u64);
        }
    }
    hash.word(u64::from(port) | u64::from(protocol) << 16);
    hash.finish()
}

impl Expectations {
    fn item(&self, number: u32) -> Option<&Expectation> {
        self.items.get(usize::try_from(number).ok()?)?.as_ref()
    }

    fn len(&self) -> usize {
        self.index.len()
    }

    fn insert(&mut self, expectation: Expectation) {
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.items.push(None);
                u32::try_from(self.items.len() - 1).unwrap_or(u32::MAX)
            }
        };
        if let Some(item) = usize::try_from(number).ok().and_then(|at| self.items.get_mut(at)) {
            *item = Some(expectation);
        }
        let items = &self.items;
        let rehash = |&number: &u32| {
            let item = usize::try_from(number).ok().and_then(|at| items.get(at)).and_then(Option::as_ref);
            item.map_or(0, |item| hash(item.destination, item.destination_port, item.protocol))
        };
        let own = hash(expectation.destination, expectation.destination_port, expectation.protocol);
        self.index.insert_unique(own, number, rehash);
        self.wheel.arm(number, expectation.expires);
    }

    fn remove(&mut self, number: u32) -> Option<Expectation> {
        let item = usize::try_from(number).ok().and_then(|at| self.items.get_mut(at))?.take()?;
        let hash = hash(item.destination, item.destination_port, item.protocol);
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == number) {
            entry.remove();
        }
        self.wheel.disarm(number);
        self.free.push(number);
        Some(item)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.wheel.next()
    }

    fn numbers_of(&self, master: ConnectionId) -> Vec<u32> {
        let numbered = (0_u32..).zip(&self.items);
        numbered
            .filter_map(|(number, item)| item.filter(|item| item.master == master).map(|_| number))
            .collect()
    }
}

impl Conntrack {
    /// Takes an expectation.
    pub fn expect(&mut self, expectation: Expectation, now: Instant) -> Result<(), Refused> {
        self.expire_expectations(now);
        let own = hash(expectation.destination, expectation.destination_port, expectation.protocol);
        let expectations = &self.expectations;
        let clash = expectations
            .index
            .find(own, |&number| expectations.item(number).is_some_and(|other| other.overlaps(&expectation)));
        if let Some(&number) = clash {
            let same = expectations
                .item(number)
                .is_some_and(|other| other.same(&expectation) && other.master == expectation.master);
            if !same {
                return Err(Refused::Busy);
            }
            self.drop_expectation(number);
        }
        // Linux: the helper's policy says how many a connection may expect at once; the oldest makes room.
        let own = self.expectations.numbers_of(expectation.master);
        if own.len() >= expectation.helper.most_expected() {
            let oldest = own.into_iter().min_by_key(|&number| {
                self.expectations.item(number).map_or(Instant(u64::MAX), |item| item.expires)
            });
            if let Some(oldest) = oldest {
                self.drop_expectation(oldest);
            }
        }
        if self.expectations.len() >= self.config.expect_max {
            return Err(Refused::Full);
        }
        self.expectations.insert(expectation);
        self.note(EventKind::NewExpectation, expectation.master);
        Ok(())
    }

    /// The expectation that a new connection meets; it is used up.
    pub(super) fn take_expectation(
        &mut self,
        tuple: &Tuple,
        zone: Zone,
        now: Instant,
    ) -> Option<Expectation> {
        if self.expectations.len() == 0 {
            return None;
        }
        let hash = hash(tuple.destination, tuple.destination_id, tuple.protocol);
        let zone = zone_number(zone);
        let number = *self.expectations.index.find(hash, |&number| {
            self.expectations
                .item(number)
                .is_some_and(|item| item.matches(tuple) && item.zone == zone && item.expires > now)
        })?;
        let master = self.expectations.item(number)?.master;
        // Why: the other end cannot know of it before the master's packet has left.
        if !self.get(master).is_some_and(|master| {
            master.status.has(Status::CONFIRMED)
                && !master.status.has(Status::DYING)
                && !master.is_expired(now)
        }) {
            return None;
        }
        self.drop_expectation(number)
    }

    fn drop_expectation(&mut self, number: u32) -> Option<Expectation> {
        let item = self.expectations.remove(number)?;
        self.note(EventKind::DestroyExpectation, item.master);
        Some(item)
    }

    /// Forgets what the helper of a connection expects.
    pub(super) fn forget_expectations(&mut self, master: ConnectionId) {
        if self.expectations.len() == 0 || self.get(master).is_none_or(|master| master.helper().is_none()) {
            return;
        }
        for number in self.expectations.numbers_of(master) {
            self.drop_expectation(number);
        }
    }

    pub(super) fn expire_expectations(&mut self, now: Instant) {
        while let Some(number) = self.expectations.wheel.fire(now) {
            self.drop_expectation(number);
        }
    }

    /// What is expected.
    pub fn expectations(&self) -> impl Iterator<Item = &Expectation> {
        self.expectations.items.iter().flatten()
    }
}

/// The number of a zone, whatever direction it is for.
pub(super) const fn zone_number(zone: Zone) -> u16 {
    if zone.original != 0 { zone.original } else { zone.reply }
}

#[cfg(test)]
mod tests;

//! Expectations: connections that a helper knows before they begin (F62).
//!
//! Read first: Linux `nf_ct_find_expectation`, `__nf_ct_expect_check`, `nf_ct_expect_insert`. An expectation fixes the
//! whole destination; the source may be left open, or be fixed in some bits of its address only. It lives at most as long
//! as its master and is met once, unless it is [`Flags::PERMANENT`]. It runs out when its timer fires, which is later than the
//! end that lists show by up to an eighth of its time ([`Timer`]); until then it is met. Connections have no timer: they end in
//! the jiffy that they say (Linux: `nf_ct_is_expired`).
//!
//! Limits: [`helper::Kind::policy`] says how many of a class a connection may expect at once (the oldest makes room),
//! [`super::Config::expect_max`] how many there are at all ([`Refused::Full`]).
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use hashbrown::HashTable;

use super::siphash::SipHash;
use super::{ConnectionId, Conntrack, Direction, EventKind, Status, Tuple, Zone, helper};
use crate::Env;
use crate::time::{Instant, Timer};

/// What a helper expects. [`Expectation::new`] gives the usual values of what is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The connection whose helper expects it.
    pub master: ConnectionId,
    /// Which of the helper's policies holds for it ([`helper::Kind::policy`]).
    pub class: u8,
    /// What is special about it.
    pub flags: Flags,
    /// From where; `None`: from anywhere.
    pub source: Option<IpAddr>,
    /// The bits of the source's address that count; `None`: all.
    pub source_mask: Option<IpAddr>,
    /// From which port or key; `None`: any.
    pub source_port: Option<u16>,
    /// To where.
    pub destination: IpAddr,
    /// To which port or key.
    pub destination_port: u16,
    /// Protocol.
    pub protocol: u8,
    /// The master's zone; set by [`Conntrack::expect`].
    pub zone: u16,
    /// What is done with the connection that meets it.
    pub function: Function,
    /// The direction of the master in which the expected connection goes, for its translation.
    pub direction: Direction,
    /// The port or key to which the expected connection is translated.
    pub saved_port: u16,
    /// The address to which it is translated, for those functions that do not take it from the master.
    pub saved_address: Option<IpAddr>,
    /// The helper that the connection that meets it is given.
    pub gives: Option<helper::Kind>,
    /// Whose it is: the helper of the master.
    pub helper: helper::Kind,
    /// When it runs out; set by [`Conntrack::expect`] after the policy.
    pub timer: Timer,
    /// How many were made before it; set by [`Conntrack::expect`].
    pub order: u64,
    /// How many timers were started before its own; set by [`Conntrack::expect`].
    pub started: u64,
}

/// What is special about an expectation (Linux: `NF_CT_EXPECT_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// It stays when it is met.
    pub const PERMANENT: Flags = Flags(1);
    /// It cannot be met yet.
    pub const INACTIVE: Flags = Flags(2);
    /// A program made it.
    pub const USERSPACE: Flags = Flags(4);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What is done with a connection that meets an expectation (Linux: `expectfn`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Function {
    /// Nothing: if it is translated, then by the rules of table nat.
    #[default]
    Nothing,
    /// It is translated as its master is (Linux: `nf_nat_follow_master`).
    FollowMaster,
    /// A call of H.323 to who has registered: as its master is, but for who calls if anybody may
    /// (Linux: `ip_nat_q931_expect`).
    Called,
    /// A forwarded call of H.323: it goes where its expectation says (Linux: `nf_nat_callforwarding_expect`).
    Forwarded,
    /// It is one direction of a tunnel of PPTP.
    Pptp,
    /// It goes where its expectation says and, if it is the peer of its master, comes from where that does; or, if it is a medium
    /// that is expected the other way, too, from where that one is expected (Linux: `nf_nat_sip_expected`).
    Sip,
}

/// The number of an expectation; good until it is met, taken back or runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectationId(u32);

/// Why an expectation was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another connection expects something of which this is a part or which is a part of this.
    Busy,
    /// The same is expected by another class of the same connection, or by another connection.
    Already,
    /// There are too many.
    Full,
    /// The master has no helper.
    NoHelper,
}

/// All expectations.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    items: Vec<Option<Expectation>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    /// The table's: those who send packets choose the ports, and so what is expected.
    key: [u64; 2],
    /// What each connection expects, so that one is not asked about the others'.
    of_masters: BTreeMap<ConnectionId, Vec<u32>>,
    /// When they run out: of those whose timers fire together first the one whose timer was started last, for a place of the
    /// kernel's wheel is a list that is filled from its front.
    ends: BTreeSet<(Instant, Reverse<u64>, u32)>,
    made: u64,
    /// How many timers were started.
    started: u64,
}

/// An address with only the bits of a mask.
fn masked(address: IpAddr, mask: Option<IpAddr>) -> IpAddr {
    match (address, mask) {
        (IpAddr::V4(address), Some(IpAddr::V4(mask))) => IpAddr::V4(address & mask),
        (IpAddr::V6(address), Some(IpAddr::V6(mask))) => IpAddr::V6(address & mask),
        (address, _) => address,
    }
}

impl Expectation {
    /// A connection from anywhere to a place.
    pub const fn new(
        master: ConnectionId,
        helper: helper::Kind,
        protocol: u8,
        destination: IpAddr,
        destination_port: u16,
    ) -> Self {
        Self {
            master,
            class: 0,
            flags: Flags(0),
            source: None,
            source_mask: None,
            source_port: None,
            destination,
            destination_port,
            protocol,
            zone: 0,
            function: Function::Nothing,
            direction: Direction::Original,
            saved_port: 0,
            saved_address: None,
            gives: None,
            helper,
            timer: Timer { due: Instant(0), fires: Instant(0) },
            order: 0,
            started: 0,
        }
    }

    fn matches(&self, tuple: &Tuple) -> bool {
        self.protocol == tuple.protocol
            && self.destination == tuple.destination
            && self.destination_port == tuple.destination_id
            && self.source.is_none_or(|source| {
                masked(source, self.source_mask) == masked(tuple.source, self.source_mask)
            })
            && self.source_port.is_none_or(|port| port == tuple.source_id)
    }

    /// The tuple as it stands in the list: what is open is 0.
    pub(super) fn tuple(&self) -> Tuple {
        Tuple {
            source: self.source.unwrap_or(packet::Family::of(self.destination).unspecified()),
            destination: self.destination,
            protocol: self.protocol,
            source_id: self.source_port.unwrap_or(0),
            destination_id: self.destination_port,
        }
    }

    /// The tuple as it stands in the list, what is open being 0, and the bits of the source address that count.
    pub fn listed(&self) -> (Tuple, IpAddr) {
        (self.tuple(), self.mask())
    }

    /// The bits of the source address that count.
    pub(super) fn mask(&self) -> IpAddr {
        match (self.source, self.source_mask) {
            (Some(_), Some(mask)) => mask,
            (Some(IpAddr::V4(_)), None) => IpAddr::from([255_u8; 4]),
            (Some(IpAddr::V6(_)), None) => IpAddr::from([255_u8; 16]),
            (None, _) => packet::Family::of(self.destination).unspecified(),
        }
    }

    /// Whether its timer has fired.
    pub fn has_run_out(&self, now: Instant) -> bool {
        self.timer.fires <= now
    }

    /// Its place among those that run out.
    const fn end(&self, number: u32) -> (Instant, Reverse<u64>, u32) {
        (self.timer.fires, Reverse(self.started), number)
    }

    fn same(&self, other: &Self) -> bool {
        self.tuple() == other.tuple()
            && self.zone == other.zone
            && (self.source.is_some(), self.source_mask) == (other.source.is_some(), other.source_mask)
            && self.source_port.is_some() == other.source_port.is_some()
    }

    /// Whether a connection could meet both.
    // Linux: `expect_clash`: what both fix is compared.
    fn overlaps(&self, other: &Self) -> bool {
        let reach = |address| masked(masked(address, self.source_mask), other.source_mask);
        self.protocol == other.protocol
            && self.destination == other.destination
            && self.destination_port == other.destination_port
            && self.zone == other.zone
            && self.source.zip(other.source).is_none_or(|(a, b)| reach(a) == reach(b))
            && self.source_port.zip(other.source_port).is_none_or(|(a, b)| a == b)
    }
}

fn hash(key: [u64; 2], destination: IpAddr, port: u16, protocol: u8) -> u64 {
    let mut hash = SipHash::new(key);
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
    /// None, under the key of a table.
    pub(super) fn new(key: [u64; 2]) -> Self {
        Self { key, ..Self::default() }
    }

    fn hash(&self, destination: IpAddr, port: u16, protocol: u8) -> u64 {
        hash(self.key, destination, port, protocol)
    }

    fn item(&self, number: u32) -> Option<&Expectation> {
        self.items.get(usize::try_from(number).ok()?)?.as_ref()
    }

    fn len(&self) -> usize {
        self.index.len()
    }

    /// Numbers the timer of an expectation, which is started now.
    fn start(&mut self, expectation: &mut Expectation, timer: Timer) {
        (expectation.timer, expectation.started) = (timer, self.started);
        self.started = self.started.wrapping_add(1);
    }

    fn insert(&mut self, expectation: Expectation) -> u32 {
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
        let (key, items) = (self.key, &self.items);
        let rehash = |&number: &u32| {
            let item = usize::try_from(number).ok().and_then(|at| items.get(at)).and_then(Option::as_ref);
            item.map_or(0, |item| hash(key, item.destination, item.destination_port, item.protocol))
        };
        let own = hash(key, expectation.destination, expectation.destination_port, expectation.protocol);
        self.index.insert_unique(own, number, rehash);
        self.of_masters.entry(expectation.master).or_default().push(number);
        self.ends.insert(expectation.end(number));
        number
    }

    /// How many of a class a connection expects, and the oldest of them.
    fn of_class(&self, master: ConnectionId, class: u8) -> (usize, Option<u32>) {
        let own = self.of_masters.get(&master).into_iter().flatten().filter_map(|&number| {
            self.item(number).filter(|item| item.class == class).map(|item| (item.order, number))
        });
        let (mut count, mut oldest) = (0, None);
        for item in own {
            count += 1;
            oldest = Some(oldest.map_or(item, |oldest: (u64, u32)| oldest.min(item)));
        }
        (count, oldest.map(|(_, number)| number))
    }

    fn remove(&mut self, number: u32) -> Option<Expectation> {
        let item = usize::try_from(number).ok().and_then(|at| self.items.get_mut(at))?.take()?;
        let hash = self.hash(item.destination, item.destination_port, item.protocol);
        if let Some(own) = self.of_masters.get_mut(&item.master) {
            own.retain(|&other| other != number);
            if own.is_empty() {
                self.of_masters.remove(&item.master);
            }
        }
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == number) {
            entry.remove();
        }
        self.ends.remove(&item.end(number));
        self.free.push(number);
        Some(item)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.ends.first().map(|&(fires, ..)| fires)
    }

    fn numbers_of(&self, master: ConnectionId) -> Vec<u32> {
        let mut own = self.of_masters.get(&master).cloned().unwrap_or_default();
        own.sort_unstable();
        own
    }
}

impl Conntrack {
    /// Takes an expectation (Linux: `nf_ct_expect_related`). One of the same master that is the same makes room for it.
    pub fn expect(&mut self, expectation: Expectation, now: Instant) -> Result<ExpectationId, Refused> {
        self.expect_instead(expectation, false, now)
    }

    /// The same; `of_anybody`: one that is the same makes room whosever it is (Linux: `NF_CT_EXP_F_SKIP_MASTER`; then it
    /// must be of the same master and class all the same, else [`Refused::Already`]).
    pub fn expect_instead(
        &mut self,
        mut expectation: Expectation,
        of_anybody: bool,
        now: Instant,
    ) -> Result<ExpectationId, Refused> {
        self.expire_expectations(now);
        let Some(master) = self.get(expectation.master) else { return Err(Refused::NoHelper) };
        if master.helper().is_none() {
            return Err(Refused::NoHelper);
        }
        expectation.zone = zone_number(master.zone);
        let own = self.expectations.hash(
            expectation.destination,
            expectation.destination_port,
            expectation.protocol,
        );
        loop {
            let expectations = &self.expectations;
            let clash = expectations.index.find(own, |&number| {
                expectations.item(number).is_some_and(|other| other.overlaps(&expectation))
            });
            let Some((number, other)) = clash.and_then(|&number| Some((number, *expectations.item(number)?)))
            else {
                break;
            };
            // Why: what has run out, and an expired connection that nobody has taken away yet, expect nothing.
            if other.has_run_out(now) || self.get(other.master).is_none_or(|master| master.is_expired(now)) {
                self.drop_expectation(number);
                continue;
            }
            if !other.same(&expectation) || !(of_anybody || other.master == expectation.master) {
                return Err(Refused::Busy);
            }
            if (other.master, other.class) != (expectation.master, expectation.class) {
                return Err(Refused::Already);
            }
            self.drop_expectation(number);
            break;
        }
        // Linux: the helper's policy says how many a connection may expect at once; the oldest makes room.
        let policy = expectation.helper.policy(expectation.class);
        let (own, oldest) = self.expectations.of_class(expectation.master, expectation.class);
        if policy.most_expected > 0
            && own >= policy.most_expected
            && let Some(oldest) = oldest
        {
            self.drop_expectation(oldest);
        }
        if self.expectations.len() >= self.config.expect_max {
            self.expectations_full(now);
            return Err(Refused::Full);
        }
        self.expectations.start(&mut expectation, Timer::start(now, policy.timeout));
        expectation.order = self.expectations.made;
        self.expectations.made = self.expectations.made.wrapping_add(1);
        let number = self.expectations.insert(expectation);
        self.tell_expectation(EventKind::NewExpectation, &expectation);
        Ok(ExpectationId(number))
    }

    /// The expectation that a new connection meets; it is used up unless it is permanent.
    pub(super) fn take_expectation(
        &mut self,
        tuple: &Tuple,
        zone: Zone,
        now: Instant,
    ) -> Option<Expectation> {
        if self.expectations.len() == 0 {
            return None;
        }
        let zone = zone_number(zone);
        let hash = self.expectations.hash(tuple.destination, tuple.destination_id, tuple.protocol);
        let number = *self.expectations.index.find(hash, |&number| {
            self.expectations.item(number).is_some_and(|item| {
                !item.flags.has(Flags::INACTIVE)
                    && item.matches(tuple)
                    && item.zone == zone
                    && !item.has_run_out(now)
            })
        })?;
        let item = *self.expectations.item(number)?;
        // Why: the other end cannot know of it before the master's packet has left.
        if !self.get(item.master).is_some_and(|master| {
            master.status.has(Status::CONFIRMED)
                && !master.status.has(Status::DYING)
                && !master.is_expired(now)
        }) {
            return None;
        }
        if item.flags.has(Flags::PERMANENT) {
            return Some(item);
        }
        self.drop_expectation(number)
    }

    /// The living expectation that a connection of this tuple would meet, whatever its flags say (Linux:
    /// `nf_ct_expect_find_get`).
    pub fn find_expectation(&self, tuple: &Tuple, zone: Zone, now: Instant) -> Option<ExpectationId> {
        let zone = zone_number(zone);
        let hash = self.expectations.hash(tuple.destination, tuple.destination_id, tuple.protocol);
        let found = self.expectations.index.find(hash, |&number| {
            self.expectations
                .item(number)
                .is_some_and(|item| item.matches(tuple) && item.zone == zone && !item.has_run_out(now))
        });
        found.map(|&number| ExpectationId(number))
    }

    /// An expectation.
    pub fn expectation(&self, id: ExpectationId) -> Option<&Expectation> {
        self.expectations.item(id.0)
    }

    /// Takes an expectation back (Linux: `nf_ct_unexpect_related`).
    pub fn unexpect(&mut self, id: ExpectationId) -> Option<Expectation> {
        self.drop_expectation(id.0)
    }

    /// Takes two expectations at neighbouring ports: an even one, which is that of the first, and the one above it; if
    /// somebody else expects one of them, at the next two upwards. The even port and both; `None`: there are none.
    pub(super) fn expect_neighbours(
        &mut self,
        [mut first, mut second]: [Expectation; 2],
        of_anybody: bool,
        now: Instant,
    ) -> Option<(u16, [ExpectationId; 2])> {
        let mut port = first.destination_port;
        while port != 0 {
            (first.destination_port, second.destination_port) = (port, port | 1);
            match self.expect_instead(first, of_anybody, now) {
                Ok(one) => match self.expect_instead(second, of_anybody, now) {
                    Ok(other) => return Some((port, [one, other])),
                    Err(refused) => {
                        self.unexpect(one);
                        if refused != Refused::Busy {
                            return None;
                        }
                    }
                },
                Err(Refused::Busy) => {}
                Err(_) => return None,
            }
            port = port.wrapping_add(2);
        }
        None
    }

    /// Changes the flags of an expectation, and lets it live so long from now on.
    pub fn renew_expectation(&mut self, id: ExpectationId, flags: Flags, life: Duration, now: Instant) {
        let Some(item) = self.expectations.item(id.0).copied() else { return };
        self.restart_expectation(id, flags, item.timer.again(now, life));
    }

    /// Changes the flags of an expectation and its timer.
    pub(super) fn restart_expectation(&mut self, id: ExpectationId, flags: Flags, timer: Timer) {
        let own = &mut self.expectations;
        let Some(place) = usize::try_from(id.0).ok().and_then(|at| own.items.get_mut(at)) else { return };
        let Some(mut item) = place.take() else { return };
        // Why: a timer that stays in its place of the wheel stays among the others there.
        own.ends.remove(&item.end(id.0));
        if item.timer.fires == timer.fires {
            item.timer = timer;
        } else {
            own.start(&mut item, timer);
        }
        item.flags = flags;
        own.ends.insert(item.end(id.0));
        if let Some(place) = usize::try_from(id.0).ok().and_then(|at| own.items.get_mut(at)) {
            *place = Some(item);
        }
    }

    /// What a connection expects, the newest first.
    pub fn expectations_of(&self, master: ConnectionId) -> Vec<ExpectationId> {
        let mut own = self.expectations.numbers_of(master);
        own.sort_by_key(|&number| {
            std::cmp::Reverse(self.expectations.item(number).map_or(0, |item| item.order))
        });
        own.into_iter().map(ExpectationId).collect()
    }

    fn drop_expectation(&mut self, number: u32) -> Option<Expectation> {
        let item = self.expectations.remove(number)?;
        self.tell_expectation(EventKind::DestroyExpectation, &item);
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
        while let Some(&(_, _, number)) = self.expectations.ends.first().filter(|(fires, ..)| *fires <= now) {
            self.drop_expectation(number);
        }
    }

    /// What is expected.
    pub fn expectations(&self) -> impl Iterator<Item = &Expectation> {
        self.expectations.items.iter().flatten()
    }
}

/// Expects a connection to a port, or, if that is expected by somebody else, to one of those above it (Linux:
/// `nf_nat_exp_find_port`): at most 129 tries. The port that was taken; `None`: none.
pub(crate) fn expect_near(
    mut expectation: Expectation,
    port: u16,
    env: &mut Env<'_>,
) -> Option<(u16, ExpectationId)> {
    const MOST_TRIES: u16 = 128;
    let span = u16::MAX - port;
    expectation.destination_port = port;
    for _ in 0..=span.min(MOST_TRIES) {
        match env.conntrack.expect(expectation, env.now.mono) {
            Ok(id) => return Some((expectation.destination_port, id)),
            Err(Refused::Busy) => {
                // Linux: `port + get_random_u32_below(range)`: never the last one.
                let last = port.saturating_add(span.saturating_sub(1));
                let (protocol, to) = (expectation.protocol, expectation.destination);
                expectation.destination_port = env.random.expected_port(protocol, to, port, last);
            }
            Err(_) => return None,
        }
    }
    None
}

/// The number of a zone, whatever direction it is for.
pub(super) const fn zone_number(zone: Zone) -> u16 {
    if zone.original != 0 { zone.original } else { zone.reply }
}

#[cfg(test)]
mod tests;

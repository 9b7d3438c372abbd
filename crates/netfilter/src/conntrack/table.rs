//! The table of connections: a slab of slots and an index of both tuples of each confirmed connection.
//!
//! The index stores `slot * 2 + direction` under the keyed hash of tuple and zone, and the tuples are stored once. A tuple and
//! the same the other way round have the same hash, so that a connection that is not translated has one entry for both
//! directions. A look-up that finds something reads marks and a cache line of the index and one of the connection, of IPv6
//! two; one that finds nothing reads marks. Read first: Linux `__nf_conntrack_find_get`, `nf_conntrack_tuple_taken`,
//! `__nf_conntrack_confirm`, `nf_ct_delete`.
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use packet::protocol;

use super::event::Cached;
use super::expect::Expectations;
use super::labels::Labels;
use super::siphash::SipHash;
use super::statistics::Counting;
use super::timer::Wheel;
use super::{
    Config, Connection, ConnectionId, Direction, Event, Status, Timeouts, Tuple, Zone, gre, helper, sctp, tcp,
};
use crate::network::DeviceId;
use crate::time::{Instant, Now};

/// How many slots are looked at for a victim when the table is full.
const EARLY_DROP_RANGE: usize = 64;

impl Zone {
    /// The zone of a direction.
    pub const fn of(self, direction: Direction) -> u16 {
        match direction {
            Direction::Original => self.original,
            Direction::Reply => self.reply,
        }
    }
}

mod index;
mod slab;
mod sources;

use index::Index;
use slab::{Links, NONE, Slab};

/// Whether a connection comes after those that are there, or was before them.
#[derive(Clone, Copy)]
enum Order {
    Later,
    Earlier,
}

/// How many connections may stand before others of the same tuple and zone.
const MOST_TWINS: usize = 64;

/// The table of connections.
#[derive(Debug)]
pub struct Conntrack {
    /// Settings.
    pub config: Config,
    key: [u64; 2],
    slots: Slab,
    free: u32,
    /// How many connections were ever begun.
    born: u32,
    /// Connections, the unconfirmed included; without those that are dead but still held by a packet.
    count: usize,
    index: Index,
    /// Entries of the index whose tuple stood there already, the newest last: those are found first (Linux: at the head of
    /// their hash chain). It takes zones of one direction to make such; [`MOST_TWINS`] at most, then the oldest is found
    /// as the index has it.
    twins: Vec<u32>,
    /// Whether there ever was a connection with two zones.
    zones_differ: bool,
    sources: Index,
    wheel: Wheel,
    /// What helpers expect.
    pub(super) expectations: Expectations,
    pub(super) events: VecDeque<Event>,
    pub(super) lost_events: u64,
    /// Of each connection what was not told yet; only while events are made.
    pub(super) cached: BTreeMap<ConnectionId, Cached>,
    /// Labels of connections.
    pub(super) labels: Labels,
    pub(super) counting: Counting,
    /// Timeouts under each policy.
    policies: Vec<Timeouts>,
    /// Keys of tunnels.
    pub(super) keys: gre::Keys,
}

impl Default for Conntrack {
    fn default() -> Self {
        Self::new(Config::default(), [0, 0])
    }
}

impl Conntrack {
    /// An empty table. The key of its hash should not be known to those who send packets.
    pub fn new(config: Config, hash_key: [u64; 2]) -> Self {
        Self {
            config,
            key: hash_key,
            slots: Slab::default(),
            free: NONE,
            born: 0,
            count: 0,
            index: Index::default(),
            twins: Vec::new(),
            zones_differ: false,
            sources: Index::default(),
            wheel: Wheel::default(),
            expectations: Expectations::new(hash_key),
            events: VecDeque::new(),
            lost_events: 0,
            cached: BTreeMap::new(),
            labels: Labels::default(),
            counting: Counting::default(),
            policies: Vec::new(),
            keys: gre::Keys::default(),
        }
    }

    /// Room for so many connections without further allocation.
    pub fn reserve(&mut self, connections: usize) {
        let connections = connections.min(self.config.max);
        self.slots.reserve(connections);
        self.wheel.reserve(connections);
        self.index.reserve(connections.saturating_mul(2));
    }

    /// The timeout policies that rules may give to new connections (`CT --timeout`), which name them by their places.
    pub(crate) fn set_policies(&mut self, policies: Vec<Timeouts>) {
        self.policies = policies;
    }

    /// How long a connection lives in its states.
    // Linux: `nf_ct_timeout_lookup`.
    #[inline]
    pub(super) fn timeouts_of(&self, id: ConnectionId) -> &Timeouts {
        let policy = self.get(id).and_then(|connection| connection.rare().policy);
        policy.and_then(|place| self.policies.get(usize::from(place))).unwrap_or(&self.config.timeouts)
    }

    /// A hash that nobody else knows of a tuple and a number, apart from those by which connections are found.
    pub(crate) fn secret(&self, tuple: &Tuple, number: u64) -> u64 {
        let [one, other] = self.key;
        let mut hash = SipHash::new([!one, !other]);
        hash.word(hash_tuple(self.key, tuple, 0));
        hash.word(number);
        hash.finish()
    }

    /// How many connections there are, the unconfirmed included (`nf_conntrack_count`).
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A connection, confirmed or not; also one that has ended as long as the packet that ended it is on its way.
    #[inline]
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.slots.get(id.slot).filter(|connection| connection.generation == id.generation)
    }

    /// The same, to change it. The tuples and `expires` are not changed this way: see [`Conntrack::set_reply`] and
    /// [`Conntrack::set_expires`].
    #[inline]
    pub fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(id.slot).filter(|connection| connection.generation == id.generation)
    }

    /// The confirmed, living connection to which a tuple belongs, and in which direction.
    // Linux: looks for the original zone's tuple first, then for the reply zone's. Of a connection from a socket to
    // itself the reply is found, because it was put in front of its bucket later.
    #[inline]
    pub fn find(&self, tuple: &Tuple, zone: Zone, now: Instant) -> Option<(ConnectionId, Direction)> {
        let found = self.find_in(tuple, zone.original, zone, now);
        if found.is_none() && zone.original != zone.reply {
            return self.find_in(tuple, zone.reply, zone, now);
        }
        found
    }

    /// Where the connection was sent to that now is between `local` (a proxy's socket) and `remote` (its peer), before
    /// NAT changed it: what `SO_ORIGINAL_DST` gives (F61). Works on whichever machine the proxy runs, as long as this
    /// table tracked the connection. `None`: nothing tracks it (ENOENT), or the protocol has no such question
    /// (ENOPROTOOPT for other than TCP and SCTP).
    // Linux: `getorigdst`: the original direction's destination, whichever side asks; zone 0.
    pub fn original_destination(
        &self,
        protocol: u8,
        local: SocketAddr,
        remote: SocketAddr,
        now: Instant,
    ) -> Option<SocketAddr> {
        if !matches!(protocol, packet::protocol::TCP | packet::protocol::SCTP) {
            return None;
        }
        let tuple = Tuple {
            source: local.ip(),
            destination: remote.ip(),
            protocol,
            source_id: local.port(),
            destination_id: remote.port(),
        };
        let (id, _) = self.find(&tuple, Zone::default(), now)?;
        let original = self.get(id)?.original();
        Some(SocketAddr::new(original.destination, original.destination_id))
    }

    fn find_in(
        &self,
        tuple: &Tuple,
        hashed: u16,
        zone: Zone,
        now: Instant,
    ) -> Option<(ConnectionId, Direction)> {
        let slots = &self.slots;
        let mut found = None;
        let mut fits = |entry: u32| {
            found = side_of(slots, entry, |connection, direction| {
                connection.has_tuple(direction, tuple)
                    && connection.zone_of(direction) == zone.of(direction)
                    && !connection.is_expired(now)
            });
            found.is_some()
        };
        let newest = self.twins.iter().rev().copied().find(|&entry| fits(entry));
        let entry = match newest {
            Some(entry) => entry,
            None => self.index.find(hash_place(self.key, tuple, hashed), fits)?,
        };
        let (connection, mut direction) = found?;
        if zone.original == zone.reply && connection.is_to_itself() {
            direction = Direction::Reply;
        }
        Some((ConnectionId { slot: entry >> 1, generation: connection.generation }, direction))
    }

    /// Whether a reply tuple belongs to another living connection: NAT asks before it chooses it.
    // Linux: `nf_conntrack_tuple_taken`. A connection with the same original tuple does not count: both are the same
    // flow and the clash is resolved when the second one is confirmed.
    pub fn tuple_taken(&self, reply: &Tuple, ignore: ConnectionId, now: Instant) -> bool {
        let taken = self.taken_by(reply, ignore, now).is_some();
        if taken {
            self.counting.found();
        }
        taken
    }

    /// The connection because of which [`Conntrack::tuple_taken`] is true.
    pub fn taken_by(
        &self,
        reply: &Tuple,
        ignore: ConnectionId,
        now: Instant,
    ) -> Option<(ConnectionId, Direction)> {
        let own = self.get(ignore)?;
        let (zone, original) = (own.zone, own.original());
        let hash = hash_place(self.key, reply, zone.reply);
        let mut found = None;
        let entry = self.index.find(hash, |entry| {
            if entry >> 1 == ignore.slot {
                return false;
            }
            found = side_of(&self.slots, entry, |connection, direction| {
                connection.has_tuple(direction, reply)
                    && connection.zone_of(direction) == zone.of(direction)
                    && !connection.is_expired(now)
                    && !(connection.zone.original == zone.original
                        && connection.has_tuple(Direction::Original, &original))
            });
            found.is_some()
        })?;
        let (_, direction) = found?;
        Some((self.id_of(entry >> 1)?, direction))
    }

    /// Sets the reply tuple of a connection that is not confirmed yet; of a confirmed one nothing is changed.
    pub fn set_reply(&mut self, id: ConnectionId, reply: Tuple) {
        if let Some(connection) = self.get_mut(id)
            && !connection.status.has(Status::CONFIRMED)
        {
            connection.set_reply(reply);
        }
    }

    /// Lets a connection live so long from now on, if its timeout moves (Linux: `nf_ct_refresh`).
    pub(super) fn live_for(&mut self, id: ConnectionId, time: Duration, now: Instant) {
        let Some(connection) = self.get(id) else { return };
        if !connection.status.has(Status::FIXED_TIMEOUT) {
            let from = if connection.status.has(Status::CONFIRMED) { now } else { Instant(0) };
            self.set_expires(id, from + time);
        }
    }

    /// Moves the end of a confirmed connection.
    #[inline]
    pub fn set_expires(&mut self, id: ConnectionId, expires: Instant) {
        if let Some(connection) = self.get_mut(id) {
            connection.expires = expires;
            if connection.status.has(Status::CONFIRMED) {
                self.wheel.arm_before(id.slot, expires);
            }
        }
    }

    /// Makes a connection that is not confirmed; `None` if the table is full and nothing could be dropped for it.
    pub(super) fn insert(&mut self, connection: Connection, now: Instant) -> Option<ConnectionId> {
        if self.count >= self.config.max && !self.early_drop(&connection, now) {
            return None;
        }
        let slot = if self.free == NONE { self.slots.push()? } else { self.free };
        let links = self.slots.links_mut(slot)?;
        let next = std::mem::replace(links, Links::NONE).next;
        let place = self.slots.place(slot)?;
        *place = connection;
        place.generation = self.born;
        let id = ConnectionId { slot, generation: self.born };
        self.free = next;
        self.born = self.born.wrapping_add(1);
        self.count += 1;
        self.labels.begin(slot);
        Some(id)
    }

    /// Ends one connection that has expired, is not ASSURED or is closing, for the sake of a new one.
    // Linux: `early_drop` looks at the connections of eight buckets, and ends one (measured); those that are closing are
    // taken by the garbage collector, some time later, while there is pressure.
    fn early_drop(&mut self, newcomer: &Connection, now: Instant) -> bool {
        let hash = hash_tuple(self.key, &newcomer.original(), newcomer.zone.original);
        let numbers = self.slots.numbers();
        let Some(start) = ((hash >> 32) as u32).checked_rem(numbers.end) else { return false };
        let mut closing = None;
        let mut victim = None;
        for slot in (start..numbers.end).chain(0..start).take(EARLY_DROP_RANGE) {
            let Some(connection) = self.slots.get(slot) else { continue };
            if !connection.status.has(Status::CONFIRMED) || connection.status.has(Status::DYING) {
                continue;
            }
            let id = ConnectionId { slot, generation: connection.generation };
            if connection.is_expired(now) || !connection.status.has(Status::ASSURED) {
                victim = Some(id);
                break;
            }
            if tcp::is_closing(connection) || sctp::is_closing(connection) {
                closing = closing.or(Some(id));
            }
        }
        let victim = victim.or(closing);
        if let Some(victim) = victim {
            // Linux: what has expired is not counted.
            if self.get(victim).is_some_and(|connection| !connection.is_expired(now)) {
                self.counting.own.early_drop += 1;
            }
            self.kill(victim);
        }
        victim.is_some()
    }

    /// Puts an unconfirmed connection under both tuples; its timeout begins. `false` if one of the tuples is taken:
    /// then nothing has changed.
    pub(super) fn index(&mut self, id: ConnectionId, now: Instant) -> bool {
        self.index_as(id, now, Order::Later)
    }

    /// The same for a connection that was there before those that have its tuples: lists of connections may name the later
    /// ones first.
    pub(super) fn index_as_earlier(&mut self, id: ConnectionId, now: Instant) -> bool {
        self.index_as(id, now, Order::Earlier)
    }

    fn index_as(&mut self, id: ConnectionId, now: Instant, order: Order) -> bool {
        for direction in [Direction::Original, Direction::Reply] {
            while let Some(other) = self.clash_as(id, direction, order) {
                if self.get(other).is_some_and(|other| other.is_expired(now)) {
                    self.kill(other);
                } else {
                    return false;
                }
            }
        }
        let Some(connection) = self.get_mut(id) else { return false };
        connection.status.set(Status::CONFIRMED);
        connection.set_mirrored();
        // The time was counted from zero until now.
        connection.expires = Instant(now.0.saturating_add(connection.expires.0));
        let expires = connection.expires;
        self.zones_differ |= connection.zone.original != connection.zone.reply;
        let (key, slots) = (self.key, &self.slots);
        for entry in entries_of(slots, id.slot) {
            let hash = hash_entry(key, slots, entry);
            let twin = || self.index.find(hash, |other| is_twin(slots, entry, other));
            if let Some(other) = self.zones_differ.then(twin).flatten() {
                if self.twins.len() >= MOST_TWINS {
                    self.twins.remove(0);
                }
                self.twins.push(if matches!(order, Order::Later) { entry } else { other });
            }
            self.index.insert(hash, entry);
        }
        self.wheel.arm(id.slot, expires);
        true
    }

    /// The confirmed connection that has a tuple of this one.
    pub(super) fn clash(&self, id: ConnectionId, direction: Direction) -> Option<ConnectionId> {
        self.clash_as(id, direction, Order::Later)
    }

    // Linux: `__nf_conntrack_confirm`: the zone of the one that comes later is asked for the direction of the other.
    fn clash_as(&self, id: ConnectionId, direction: Direction, order: Order) -> Option<ConnectionId> {
        let own = self.get(id)?;
        let tuple = own.tuple(direction);
        let hash = hash_place(self.key, &tuple, own.zone_of(direction));
        let entry = self.index.find(hash, |entry| {
            let has = |other: &Connection, side| {
                let same_zone = match order {
                    Order::Later => other.zone_of(side) == own.zone.of(side),
                    Order::Earlier => own.zone_of(direction) == other.zone.of(direction),
                };
                other.has_tuple(side, &tuple) && same_zone
            };
            entry >> 1 != id.slot && side_of(&self.slots, entry, has).is_some()
        })?;
        self.id_of(entry >> 1)
    }

    /// Ends a connection: nothing finds it any more, what its helper expected is forgotten.
    pub fn kill(&mut self, id: ConnectionId) {
        self.unlink(id);
        self.free_slot(id);
    }

    /// Ends a connection that the present packet still refers to: it goes with [`Conntrack::release`].
    pub(crate) fn unlink(&mut self, id: ConnectionId) {
        let Some(connection) = self.get_mut(id).filter(|connection| !connection.status.has(Status::DYING))
        else {
            return;
        };
        let (confirmed, master) = (connection.status.has(Status::CONFIRMED), connection.rare().master);
        let kind = connection.helper().map(|helper| helper.kind);
        let tunnel = connection.ip_protocol() == protocol::GRE;
        connection.status.set(Status::DYING);
        if confirmed {
            let (key, slots) = (self.key, &self.slots);
            for entry in entries_of(slots, id.slot) {
                let hash = hash_entry(key, slots, entry);
                self.index.remove(hash, entry);
            }
            self.twins.retain(|entry| entry >> 1 != id.slot);
            self.wheel.disarm(id.slot);
            self.tell_end(id);
        }
        self.unindex_source(id.slot);
        if let Some(kind) = kind.filter(|_| confirmed) {
            // Whether something has expired does not matter: it goes.
            helper::end(self, id, kind, Instant(0));
        }
        if let Some(master) = master.filter(|_| tunnel) {
            // Linux: `destroy_gre_conntrack`.
            helper::pptp::forget_keys(self, master);
        }
        self.forget_expectations(id);
        self.forget_events(id);
        if let Some(master) = master.and_then(|master| self.get_mut(master)) {
            master.lose_child();
        }
        self.count -= 1;
    }

    /// Gives the slot of a connection that was unlinked to others.
    pub(super) fn free_slot(&mut self, id: ConnectionId) {
        if self.get(id).is_none_or(|connection| !connection.status.has(Status::DYING)) {
            return;
        }
        let free = self.free;
        if let Some(place) = self.slots.place(id.slot) {
            place.clear();
        }
        if let Some(links) = self.slots.links_mut(id.slot) {
            links.next = free;
        }
        self.labels.end(id.slot);
        self.free = id.slot;
    }

    /// When [`Conntrack::expire`] should be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.wheel.next(), self.expectations.next_timeout()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Removes what has expired. Calling it late changes nothing but the time of the events: what has expired is
    /// never found.
    pub fn expire(&mut self, now: Now) {
        while let Some(slot) = self.wheel.fire(now.mono) {
            let Some(id) = self.id_of(slot) else { continue };
            match self.get(id).map(|connection| connection.expires) {
                Some(expires) if expires > now.mono => self.wheel.arm(slot, expires),
                Some(_) => self.kill(id),
                None => {}
            }
        }
        self.expire_expectations(now.mono);
    }

    /// Ends the connections that MASQUERADE hid behind a device, or behind one address of it.
    pub(crate) fn end_masqueraded(&mut self, device: DeviceId, address: Option<IpAddr>) {
        for slot in self.slots.numbers() {
            let hidden = |connection: &Connection| {
                connection.masquerade() == Some(device)
                    && address.is_none_or(|address| connection.reply().destination == address)
            };
            if let Some(id) = self.id_of(slot).filter(|&id| self.get(id).is_some_and(hidden)) {
                self.kill(id);
            }
        }
    }

    /// Ends every connection and forgets every expectation (`conntrack -F`).
    pub fn flush(&mut self) {
        for slot in self.slots.numbers() {
            if let Some(id) = self.id_of(slot) {
                self.kill(id);
            }
        }
    }

    /// The confirmed connections in the order of their slots, the expired ones included until
    /// [`Conntrack::expire`] removes them.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.slots.iter().filter_map(|(slot, connection)| {
            let id = ConnectionId { slot, generation: connection.generation };
            let listed = connection.status.has(Status::CONFIRMED) && !connection.status.has(Status::DYING);
            listed.then_some((id, connection))
        })
    }

    pub(super) fn connections_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.slots.iter_mut()
    }

    fn id_of(&self, slot: u32) -> Option<ConnectionId> {
        Some(ConnectionId { slot, generation: self.slots.get(slot)?.generation })
    }

    /// How many tuples the index has: twice the number of confirmed connections.
    #[cfg(test)]
    pub(super) fn indexed(&self) -> usize {
        let sides = |entry| match entry_of(&self.slots, entry) {
            Some((connection, Direction::Original)) if connection.is_mirrored() => 2,
            _ => 1,
        };
        assert_eq!(self.index.iter().count(), self.index.len());
        self.index.iter().map(sides).sum()
    }

    /// How many slots were ever in use at once.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }
}

#[inline]
fn entry_of(slots: &Slab, entry: u32) -> Option<(&Connection, Direction)> {
    let connection = slots.get(entry >> 1)?;
    Some((connection, if entry & 1 == 0 { Direction::Original } else { Direction::Reply }))
}

/// The connection of an entry and the first of the directions for which it stands that something is true of.
#[inline]
fn side_of(
    slots: &Slab,
    entry: u32,
    holds: impl Fn(&Connection, Direction) -> bool,
) -> Option<(&Connection, Direction)> {
    let (connection, direction) = entry_of(slots, entry)?;
    if holds(connection, direction) {
        return Some((connection, direction));
    }
    let both = entry & 1 == 0 && connection.is_mirrored();
    (both && holds(connection, Direction::Reply)).then_some((connection, Direction::Reply))
}

/// The entries of a confirmed connection.
fn entries_of(slots: &Slab, slot: u32) -> impl Iterator<Item = u32> + use<> {
    let count = if slots.get(slot).is_some_and(Connection::is_mirrored) { 1 } else { 2 };
    [slot << 1, (slot << 1) | 1].into_iter().take(count)
}

/// Whether two connections are found by the same tuple in the same zone.
fn is_twin(slots: &Slab, entry: u32, other: u32) -> bool {
    let same = |connection: &Connection, direction| {
        let tuple = connection.tuple(direction);
        let zone = connection.zone_of(direction);
        let has = |other: &Connection, side| other.has_tuple(side, &tuple) && other.zone_of(side) == zone;
        side_of(slots, other, has).is_some()
    };
    entry >> 1 != other >> 1 && side_of(slots, entry, same).is_some()
}

fn hash_entry(key: [u64; 2], slots: &Slab, entry: u32) -> u64 {
    entry_of(slots, entry).map_or(0, |(connection, direction)| {
        hash_place(key, &connection.tuple(direction), connection.zone_of(direction))
    })
}

fn hash_address(hash: &mut SipHash, address: IpAddr) {
    match address {
        IpAddr::V4(address) => hash.word(u64::from(u32::from(address))),
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            hash.word((bits >> 64) as u64);
            hash.word(bits as u64);
        }
    }
}

fn hash_source(key: [u64; 2], source: IpAddr, id: u16, protocol: u8, zone: u16) -> u64 {
    let mut hash = SipHash::new(key);
    hash_address(&mut hash, source);
    hash.word(u64::from(id) | u64::from(protocol) << 16 | u64::from(zone) << 32);
    hash.finish()
}

/// Where a tuple is found in the index: the same if source and destination change places.
#[inline]
fn hash_place(key: [u64; 2], tuple: &Tuple, zone: u16) -> u64 {
    let mut hash = SipHash::new(key);
    let (ids, rest) =
        ((tuple.source_id, tuple.destination_id), [u64::from(zone) << 48, u64::from(tuple.protocol) << 48]);
    match (tuple.source, tuple.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let end = |address, id| u64::from(u32::from(address)) << 16 | u64::from(id);
            let (one, other) = (end(source, ids.0), end(destination, ids.1));
            let [zone, protocol] = rest;
            hash.word(one.min(other) | zone);
            hash.word(one.max(other) | protocol);
        }
        (source, destination) => {
            let (one, other) = ((source, ids.0), (destination, ids.1));
            for ((address, id), rest) in [one.min(other), one.max(other)].into_iter().zip(rest) {
                hash_address(&mut hash, address);
                hash.word(u64::from(id) | rest);
            }
        }
    }
    hash.finish()
}

#[inline]
fn hash_tuple(key: [u64; 2], tuple: &Tuple, zone: u16) -> u64 {
    let mut hash = SipHash::new(key);
    match (tuple.source, tuple.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            hash.word(u64::from(u32::from(source)) << 32 | u64::from(u32::from(destination)));
        }
        (source, destination) => {
            hash_address(&mut hash, source);
            hash_address(&mut hash, destination);
        }
    }
    hash.word(
        u64::from(tuple.source_id)
            | u64::from(tuple.destination_id) << 16
            | u64::from(tuple.protocol) << 32
            | u64::from(zone) << 48,
    );
    hash.finish()
}

#[cfg(test)]
mod tests;

//! The table of connections: a slab of slots and an index of both tuples of each confirmed connection.
//!
//! The index stores `slot * 2 + direction` under the keyed hash of tuple and zone, so that an entry costs four bytes
//! and the tuples are stored once. Read first: Linux `__nf_conntrack_find_get`, `nf_conntrack_tuple_taken`,
//! `__nf_conntrack_confirm`, `nf_ct_delete`.
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hashbrown::HashTable;
use rules::Counters;

use super::expect::Expectations;
use super::helper::{Helper, Kind};
use super::labels::Labels;
use super::sequence::SequenceAdjust;
use super::siphash::SipHash;
use super::timer::Wheel;
use super::{Config, ConnectionId, Direction, Event, EventKind, Status, Tuple, Zone, gre, sctp, tcp, udp};
use crate::network::DeviceId;
use crate::time::{Instant, Now};

/// The end of a list of slots.
const NONE: u32 = u32::MAX;
/// How many slots are looked at for a victim when the table is full.
const EARLY_DROP_RANGE: usize = 64;

/// A connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Tuple of the original direction; never changes.
    pub original: Tuple,
    /// Tuple of the replies; NAT changes it before the connection is confirmed.
    pub reply: Tuple,
    /// Zone.
    pub zone: Zone,
    /// Status bits.
    pub status: Status,
    /// Connection mark.
    pub mark: u32,
    /// When it ends unless a packet comes; before confirmation the length of its timeout counted from zero.
    pub expires: Instant,
    /// Packets and bytes of the original and the reply direction (`nf_conntrack_acct`).
    pub counters: [Counters; 2],
    /// What the protocol remembers.
    pub protocol: ProtocolState,
    /// The connection whose helper expected this one.
    pub master: Option<ConnectionId>,
    /// Of that connection what outlives it.
    pub parent: Option<Box<Parent>>,
    /// How many connections that it expected are in the table.
    pub children: u32,
    /// For NAT: an expected connection of a translated master is translated like this (Linux:
    /// `nf_nat_follow_master`), without asking the nat table.
    pub follow: Option<Follow>,
    /// The helper that looks at its payload.
    pub helper: Option<Box<Helper>>,
    /// Movements of TCP sequence numbers, if a helper changed lengths.
    pub sequence: Option<Box<SequenceAdjust>>,
    /// For NAT: the device whose address MASQUERADE took; the connection ends when the device goes down (F55).
    pub masquerade: Option<DeviceId>,
}

/// Of a connection whose helper expected another one what that one keeps (Linux: it keeps its master itself).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The source of its original direction.
    pub source: IpAddr,
    /// Its helper.
    pub helper: Option<Kind>,
}

/// What a protocol remembers of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtocolState {
    /// Nothing.
    #[default]
    Plain,
    /// TCP.
    Tcp(tcp::Tcp),
    /// UDP.
    Udp(udp::Udp),
    /// GRE.
    Gre(gre::Gre),
    /// SCTP.
    Sctp(sctp::Sctp),
}

/// How NAT translates an expected connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The source becomes this address; the port is kept if it is free.
    pub source: IpAddr,
    /// The destination becomes this address …
    pub destination: IpAddr,
    /// … and this port.
    pub destination_port: u16,
}

impl Connection {
    /// Whether its time has run out. A connection that is not confirmed has no running time.
    #[inline]
    pub fn is_expired(&self, now: Instant) -> bool {
        self.status.has(Status::CONFIRMED) && self.expires <= now
    }

    /// How long it lives unless a packet comes.
    pub fn remaining(&self, now: Instant) -> Duration {
        self.expires.since(if self.status.has(Status::CONFIRMED) { now } else { Instant(0) })
    }

    /// The zone of a direction.
    pub const fn zone_of(&self, direction: Direction) -> u16 {
        self.zone.of(direction)
    }
}

impl Zone {
    /// The zone of a direction.
    pub const fn of(self, direction: Direction) -> u16 {
        match direction {
            Direction::Original => self.original,
            Direction::Reply => self.reply,
        }
    }
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    connection: Option<Connection>,
    /// The next free slot.
    free: u32,
    /// Neighbours in the list of connections with the same source.
    source_previous: u32,
    source_next: u32,
    /// Whether it is in such a list.
    sourced: bool,
}

/// The table of connections.
#[derive(Debug)]
pub struct Conntrack {
    /// Settings.
    pub config: Config,
    key: [u64; 2],
    slots: Vec<Slot>,
    free: u32,
    /// Connections, the unconfirmed included; without those that are dead but still held by a packet.
    count: usize,
    index: HashTable<u32>,
    sources: HashTable<u32>,
    wheel: Wheel,
    /// What helpers expect.
    pub(super) expectations: Expectations,
    pub(super) events: VecDeque<Event>,
    pub(super) lost_events: u64,
    /// Labels of connections.
    pub(super) labels: Labels,
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
            slots: Vec::new(),
            free: NONE,
            count: 0,
            index: HashTable::new(),
            sources: HashTable::new(),
            wheel: Wheel::default(),
            expectations: Expectations::default(),
            events: VecDeque::new(),
            lost_events: 0,
            labels: Labels::default(),
        }
    }

    /// Room for so many connections without further allocation.
    pub fn reserve(&mut self, connections: usize) {
        let connections = connections.min(self.config.max);
        self.slots.reserve(connections.saturating_sub(self.slots.len()));
        let (key, slots) = (self.key, &self.slots);
        self.index.reserve(connections.saturating_mul(2), |&entry| hash_entry(key, slots, entry));
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
        let slot = self.slots.get(usize::try_from(id.slot).ok()?)?;
        slot.connection.as_ref().filter(|_| slot.generation == id.generation)
    }

    /// The same, to change it. The tuples and `expires` are not changed this way: see [`Conntrack::set_reply`] and
    /// [`Conntrack::set_expires`].
    #[inline]
    pub fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(usize::try_from(id.slot).ok()?)?;
        slot.connection.as_mut().filter(|_| slot.generation == id.generation)
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
        let original = self.get(id)?.original;
        Some(SocketAddr::new(original.destination, original.destination_id))
    }

    fn find_in(
        &self,
        tuple: &Tuple,
        hashed: u16,
        zone: Zone,
        now: Instant,
    ) -> Option<(ConnectionId, Direction)> {
        let hash = hash_tuple(self.key, tuple, hashed);
        let entry = self.index.find(hash, |&entry| {
            entry_of(&self.slots, entry).is_some_and(|(connection, direction)| {
                connection.tuple(direction) == tuple
                    && connection.zone_of(direction) == zone.of(direction)
                    && !connection.is_expired(now)
            })
        })?;
        let (connection, mut direction) = entry_of(&self.slots, *entry)?;
        if connection.original == connection.reply && zone.original == zone.reply {
            direction = Direction::Reply;
        }
        Some((self.id_of(*entry >> 1)?, direction))
    }

    /// Whether a reply tuple belongs to another living connection: NAT asks before it chooses it.
    // Linux: `nf_conntrack_tuple_taken`. A connection with the same original tuple does not count: both are the same
    // flow and the clash is resolved when the second one is confirmed.
    pub fn tuple_taken(&self, reply: &Tuple, ignore: ConnectionId, now: Instant) -> bool {
        self.taken_by(reply, ignore, now).is_some()
    }

    /// The connection because of which [`Conntrack::tuple_taken`] is true.
    pub fn taken_by(
        &self,
        reply: &Tuple,
        ignore: ConnectionId,
        now: Instant,
    ) -> Option<(ConnectionId, Direction)> {
        let own = self.get(ignore)?;
        let zone = own.zone;
        let hash = hash_tuple(self.key, reply, zone.reply);
        let entry = self.index.find(hash, |&entry| {
            if entry >> 1 == ignore.slot {
                return false;
            }
            entry_of(&self.slots, entry).is_some_and(|(connection, direction)| {
                connection.tuple(direction) == reply
                    && connection.zone_of(direction) == zone.of(direction)
                    && !connection.is_expired(now)
                    && !(connection.original == own.original && connection.zone.original == zone.original)
            })
        })?;
        let direction = if entry & 1 == 0 { Direction::Original } else { Direction::Reply };
        Some((self.id_of(*entry >> 1)?, direction))
    }

    /// Sets the reply tuple of a connection that is not confirmed yet; of a confirmed one nothing is changed.
    pub fn set_reply(&mut self, id: ConnectionId, reply: Tuple) {
        if let Some(connection) = self.get_mut(id)
            && !connection.status.has(Status::CONFIRMED)
        {
            connection.reply = reply;
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

    /// Puts a connection into the list of its source (original source address, port and protocol, original zone):
    /// NAT does so once the source translation is decided (Linux: `nf_nat_bysource`).
    pub fn index_source(&mut self, id: ConnectionId) {
        let Some(connection) = self.get(id) else { return };
        let hash = hash_source(self.key, &connection.original, connection.zone.original);
        let (key, slots) = (self.key, &mut self.slots);
        let Some(index) =
            usize::try_from(id.slot).ok().filter(|&at| slots.get(at).is_some_and(|slot| !slot.sourced))
        else {
            return;
        };
        let head = self.sources.find_mut(hash, |&head| same_source(slots, head, id.slot));
        let next = match head {
            Some(head) => std::mem::replace(head, id.slot),
            None => {
                self.sources.insert_unique(hash, id.slot, |&head| hash_source_of(key, slots, head));
                NONE
            }
        };
        if let Some(slot) = slots.get_mut(index) {
            (slot.source_previous, slot.source_next, slot.sourced) = (NONE, next, true);
        }
        if let Some(next) = usize::try_from(next).ok().and_then(|next| slots.get_mut(next)) {
            next.source_previous = id.slot;
        }
    }

    /// The connections whose source was translated or left as it is and that come from the source of a tuple, the
    /// newest first (F48). Those that have expired may be among them, as in Linux.
    pub fn by_source<'a>(&'a self, tuple: &Tuple, zone: u16) -> impl Iterator<Item = ConnectionId> + use<'a> {
        let hash = hash_source(self.key, tuple, zone);
        let wanted = *tuple;
        let head = self.sources.find(hash, |&head| {
            slot_of(&self.slots, head).is_some_and(|(_, connection)| {
                source_of(&connection.original) == source_of(&wanted) && connection.zone.original == zone
            })
        });
        let mut at = head.copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let (slot, _) = slot_of(&self.slots, at)?;
            let id = ConnectionId { slot: at, generation: slot.generation };
            at = slot.source_next;
            Some(id)
        })
    }

    fn unindex_source(&mut self, slot: u32) {
        let Some((links, connection)) = slot_of(&self.slots, slot) else { return };
        if !links.sourced {
            return;
        }
        let (previous, next) = (links.source_previous, links.source_next);
        if previous == NONE {
            let hash = hash_source(self.key, &connection.original, connection.zone.original);
            if let Ok(mut entry) = self.sources.find_entry(hash, |&head| head == slot) {
                if next == NONE {
                    entry.remove();
                } else {
                    *entry.get_mut() = next;
                }
            }
        }
        for (at, previous, next) in
            [(previous, None, Some(next)), (next, Some(previous), None), (slot, Some(NONE), Some(NONE))]
        {
            let Some(links) = usize::try_from(at).ok().and_then(|at| self.slots.get_mut(at)) else {
                continue;
            };
            links.source_previous = previous.unwrap_or(links.source_previous);
            links.source_next = next.unwrap_or(links.source_next);
            links.sourced &= at != slot;
        }
    }

    /// Makes a connection that is not confirmed; `None` if the table is full and nothing could be dropped for it.
    pub(super) fn insert(&mut self, connection: Connection, now: Instant) -> Option<ConnectionId> {
        if self.count >= self.config.max && !self.early_drop(&connection, now) {
            return None;
        }
        let slot = if self.free == NONE {
            let slot = u32::try_from(self.slots.len()).ok().filter(|&slot| slot < NONE >> 1)?;
            self.slots.push(Slot {
                generation: 0,
                connection: None,
                free: NONE,
                source_previous: NONE,
                source_next: NONE,
                sourced: false,
            });
            slot
        } else {
            self.free
        };
        let place = self.slots.get_mut(usize::try_from(slot).ok()?)?;
        self.free = place.free;
        place.free = NONE;
        place.connection = Some(connection);
        self.count += 1;
        self.labels.begin(slot);
        Some(ConnectionId { slot, generation: place.generation })
    }

    /// Ends one connection that has expired, is not ASSURED or is closing, for the sake of a new one.
    // Linux: `early_drop` looks at the connections of eight buckets; those that are closing are taken by the garbage
    // collector while there is pressure.
    fn early_drop(&mut self, newcomer: &Connection, now: Instant) -> bool {
        let hash = hash_tuple(self.key, &newcomer.original, newcomer.zone.original);
        let length = self.slots.len();
        let Some(start) = usize::try_from(hash >> 32).ok().and_then(|hash| hash.checked_rem(length)) else {
            return false;
        };
        let mut closing = None;
        let mut victim = None;
        for at in (start..length).chain(0..start).take(EARLY_DROP_RANGE) {
            let Some(slot) = self.slots.get(at) else { continue };
            let Some(connection) = slot.connection.as_ref() else { continue };
            if !connection.status.has(Status::CONFIRMED) || connection.status.has(Status::DYING) {
                continue;
            }
            let Ok(number) = u32::try_from(at) else { continue };
            let id = ConnectionId { slot: number, generation: slot.generation };
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
            self.kill(victim);
        }
        victim.is_some()
    }

    /// Puts an unconfirmed connection under both tuples; its timeout begins. `false` if one of the tuples is taken:
    /// then nothing has changed.
    pub(super) fn index(&mut self, id: ConnectionId, now: Instant) -> bool {
        for direction in [Direction::Original, Direction::Reply] {
            while let Some(other) = self.clash(id, direction) {
                if self.get(other).is_some_and(|other| other.is_expired(now)) {
                    self.kill(other);
                } else {
                    return false;
                }
            }
        }
        let Some(connection) = self.get_mut(id) else { return false };
        connection.status.set(Status::CONFIRMED);
        // The time was counted from zero until now.
        connection.expires = Instant(now.0.saturating_add(connection.expires.0));
        let expires = connection.expires;
        let (key, slots) = (self.key, &self.slots);
        for entry in [id.slot << 1, (id.slot << 1) | 1] {
            let hash = hash_entry(key, slots, entry);
            self.index.insert_unique(hash, entry, |&entry| hash_entry(key, slots, entry));
        }
        self.wheel.arm(id.slot, expires);
        true
    }

    /// The confirmed connection that has a tuple of this one.
    pub(super) fn clash(&self, id: ConnectionId, direction: Direction) -> Option<ConnectionId> {
        let own = self.get(id)?;
        let tuple = own.tuple(direction);
        let hash = hash_tuple(self.key, tuple, own.zone_of(direction));
        let entry = self.index.find(hash, |&entry| {
            entry >> 1 != id.slot
                && entry_of(&self.slots, entry).is_some_and(|(other, side)| {
                    other.tuple(side) == tuple && other.zone_of(side) == own.zone.of(side)
                })
        })?;
        self.id_of(*entry >> 1)
    }

    /// Ends a connection: nothing finds it any more, what its helper expected is forgotten.
    pub fn kill(&mut self, id: ConnectionId) {
        self.unlink(id);
        self.free_slot(id);
    }

    /// Ends a connection that the present packet still refers to: it goes with [`Conntrack::release`].
    pub(super) fn unlink(&mut self, id: ConnectionId) {
        let Some(connection) = self.get_mut(id).filter(|connection| !connection.status.has(Status::DYING))
        else {
            return;
        };
        let (confirmed, master) = (connection.status.has(Status::CONFIRMED), connection.master);
        connection.status.set(Status::DYING);
        if confirmed {
            let (key, slots) = (self.key, &self.slots);
            for entry in [id.slot << 1, (id.slot << 1) | 1] {
                let hash = hash_entry(key, slots, entry);
                if let Ok(found) = self.index.find_entry(hash, |&other| other == entry) {
                    found.remove();
                }
            }
            self.wheel.disarm(id.slot);
            self.note(EventKind::Destroy, id);
        }
        self.unindex_source(id.slot);
        self.forget_expectations(id);
        if let Some(master) = master.and_then(|master| self.get_mut(master)) {
            master.children = master.children.saturating_sub(1);
        }
        self.count -= 1;
    }

    /// Gives the slot of a connection that was unlinked to others.
    pub(super) fn free_slot(&mut self, id: ConnectionId) {
        if self.get(id).is_none_or(|connection| !connection.status.has(Status::DYING)) {
            return;
        }
        let free = self.free;
        let Some(slot) = usize::try_from(id.slot).ok().and_then(|at| self.slots.get_mut(at)) else { return };
        slot.connection = None;
        self.labels.end(id.slot);
        slot.generation = slot.generation.wrapping_add(1);
        slot.free = free;
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
        for slot in 0..u32::try_from(self.slots.len()).unwrap_or(NONE) {
            let hidden = |connection: &Connection| {
                connection.masquerade == Some(device)
                    && address.is_none_or(|address| connection.reply.destination == address)
            };
            if let Some(id) = self.id_of(slot).filter(|&id| self.get(id).is_some_and(hidden)) {
                self.kill(id);
            }
        }
    }

    /// Ends every connection and forgets every expectation (`conntrack -F`).
    pub fn flush(&mut self) {
        for slot in 0..u32::try_from(self.slots.len()).unwrap_or(NONE) {
            if let Some(id) = self.id_of(slot) {
                self.kill(id);
            }
        }
    }

    /// The confirmed connections in the order of their slots, the expired ones included until
    /// [`Conntrack::expire`] removes them.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.slots.iter().zip(0_u32..).filter_map(|(slot, number)| {
            let connection = slot.connection.as_ref()?;
            let id = ConnectionId { slot: number, generation: slot.generation };
            let listed = connection.status.has(Status::CONFIRMED) && !connection.status.has(Status::DYING);
            listed.then_some((id, connection))
        })
    }

    pub(super) fn connections_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.slots.iter_mut().filter_map(|slot| slot.connection.as_mut())
    }

    fn id_of(&self, slot: u32) -> Option<ConnectionId> {
        let (links, _) = slot_of(&self.slots, slot)?;
        Some(ConnectionId { slot, generation: links.generation })
    }

    /// How many entries the index has: twice the number of confirmed connections.
    #[cfg(test)]
    pub(super) fn indexed(&self) -> usize {
        self.index.len()
    }

    /// How many slots were ever in use at once.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }
}

#[inline]
fn slot_of(slots: &[Slot], slot: u32) -> Option<(&Slot, &Connection)> {
    let slot = slots.get(usize::try_from(slot).ok()?)?;
    Some((slot, slot.connection.as_ref()?))
}

#[inline]
fn entry_of(slots: &[Slot], entry: u32) -> Option<(&Connection, Direction)> {
    let (_, connection) = slot_of(slots, entry >> 1)?;
    Some((connection, if entry & 1 == 0 { Direction::Original } else { Direction::Reply }))
}

fn same_source(slots: &[Slot], one: u32, other: u32) -> bool {
    match (slot_of(slots, one), slot_of(slots, other)) {
        (Some((_, one)), Some((_, other))) => {
            source_of(&one.original) == source_of(&other.original) && one.zone.original == other.zone.original
        }
        _ => false,
    }
}

/// What makes two tuples have the same source.
fn source_of(tuple: &Tuple) -> (IpAddr, u16, u8) {
    (tuple.source, tuple.source_id, tuple.protocol)
}

fn hash_source_of(key: [u64; 2], slots: &[Slot], slot: u32) -> u64 {
    slot_of(slots, slot)
        .map_or(0, |(_, connection)| hash_source(key, &connection.original, connection.zone.original))
}

fn hash_entry(key: [u64; 2], slots: &[Slot], entry: u32) -> u64 {
    entry_of(slots, entry).map_or(0, |(connection, direction)| {
        hash_tuple(key, connection.tuple(direction), connection.zone_of(direction))
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

fn hash_source(key: [u64; 2], tuple: &Tuple, zone: u16) -> u64 {
    let mut hash = SipHash::new(key);
    hash_address(&mut hash, tuple.source);
    hash.word(u64::from(tuple.source_id) | u64::from(tuple.protocol) << 16 | u64::from(zone) << 32);
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

//! A connection as it lies in the table: three cache lines, of which finding it reads the first.
//!
//! # Layout
//! The first line has what finding compares (of IPv4 both tuples, of IPv6 all but addresses) and what most packets read
//! besides; the second what the protocol remembers; the third the counters. IPv6 has one address of the original direction in
//! the second line, and those of the replies in the third. What few connections have (a helper, a master, moved sequence
//! numbers) lies in [`Rare`], one allocation made by the first of them. A new field that not every connection of a busy
//! router needs belongs there.
//!
//! # Invariant
//! What is put in comes out: [`Connection::original`] and [`Connection::reply`] give the tuples that were set.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use packet::Family;
use rules::Counters;

use super::expect::Expectation;
use super::helper::{Helper, Kind};
use super::sequence::SequenceAdjust;
use super::{ConnectionId, Direction, Status, Tuple, Zone, gre, sctp, tcp, udp};
use crate::network::DeviceId;
use crate::time::Instant;

/// A connection.
// Why in this order: see the layout above. All places are used.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Connection {
    /// IPv4: original source and destination, reply's source and destination. IPv6: the original source.
    first: [u32; 4],
    /// When it ends unless a packet comes; before confirmation the length of its timeout counted from zero.
    pub expires: Instant,
    rare: Option<Box<Rare>>,
    /// Ports or the like: original source and destination, reply's source and destination.
    ids: [u16; 4],
    /// Zone.
    pub zone: Zone,
    /// Which connection of all that ever were this one is: larger ones are newer, and no two of a slot are the same.
    pub(super) generation: u32,
    /// Connection mark.
    pub mark: u32,
    /// Status bits.
    pub status: Status,
    /// For NAT: the device whose address MASQUERADE took, as its number plus one; 0: none; [`FAR`]: [`Rare`] has it.
    masquerade: u16,
    ip_protocol: u8,
    form: Form,
    /// What the protocol remembers.
    pub protocol: ProtocolState,
    /// Of IPv6: the original destination, the reply's source and destination.
    more: [[u32; 4]; 3],
    /// Packets and bytes of the original and the reply direction, if they are counted ([`Connection::is_counted`]).
    pub counters: [Counters; 2],
}

const _: () = assert!(size_of::<Connection>() == 192 && size_of::<ProtocolState>() == 54);

/// The number of a device is too large for [`Connection::masquerade`].
const FAR: u16 = u16::MAX;

/// What the addresses of a connection are; and, because there is room for it, its [`Sourced`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form(u8);

impl Form {
    /// Addresses of IPv6.
    const V6: u8 = 1;
    /// It is none: the place is free.
    const VACANT: u8 = 1 << 1;
    /// Its packets are not counted: it began while nobody asked for that.
    const UNCOUNTED: u8 = 1 << 2;
    /// [`Sourced::Head`].
    const HEAD: u8 = 1 << 3;
    /// [`Sourced::Member`].
    const MEMBER: u8 = 1 << 4;
    /// [`Connection::is_mirrored`].
    const MIRRORED: u8 = 1 << 5;

    #[inline]
    const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// Clears some bits and sets others.
    #[inline]
    const fn put(&mut self, clear: u8, set: u8) {
        self.0 = self.0 & !clear | set;
    }
}

/// Whether a connection is in a list of connections with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sourced {
    /// In none.
    No,
    /// The newest of those with its source and what that is translated to.
    Head,
    /// Behind another one.
    Member,
}

/// What only few connections have.
#[derive(Clone, Debug, Default)]
pub struct Rare {
    /// The connection whose helper expected this one.
    pub master: Option<ConnectionId>,
    /// Of that connection what outlives it.
    pub parent: Option<Parent>,
    /// How many connections that it expected are in the table.
    pub children: u32,
    /// What its master's helper expected: it says how this connection is translated.
    pub expectation: Option<Box<Expectation>>,
    /// The helper that looks at its payload.
    pub helper: Option<Helper>,
    /// Movements of TCP sequence numbers, if a helper changed lengths.
    pub sequence: Option<SequenceAdjust>,
    /// When it was confirmed, by the wall clock in nanoseconds since 1970; 0 before. Only with
    /// [`super::Config::timestamp`].
    pub started: Option<u64>,
    /// The timeout policy by which it lives, by its place ([`super::Conntrack::set_policies`]).
    pub policy: Option<u16>,
    /// The direction for which its zone was given, if the number of that is 0.
    pub zero_zone: Option<Direction>,
    /// What SYNPROXY knows of it.
    pub synproxy: Option<crate::synproxy::State>,
    /// The device whose address MASQUERADE took, if its number does not fit into the connection.
    masquerade: Option<DeviceId>,
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

/// Of connections that have nothing rare.
static NOTHING_RARE: Rare = Rare {
    master: None,
    parent: None,
    children: 0,
    zero_zone: None,
    expectation: None,
    helper: None,
    sequence: None,
    started: None,
    policy: None,
    synproxy: None,
    masquerade: None,
};

// Why not in the order of their bits: only whether they are equal is asked.
#[inline]
fn words(address: Ipv6Addr) -> [u32; 4] {
    let bits = u128::from_ne_bytes(address.octets());
    [0, 32, 64, 96].map(|shift| (bits >> shift) as u32)
}

/// The address of its words.
#[inline]
fn address([a, b, c, d]: [u32; 4]) -> Ipv6Addr {
    let bits = u128::from(a) | u128::from(b) << 32 | u128::from(c) << 64 | u128::from(d) << 96;
    Ipv6Addr::from(bits.to_ne_bytes())
}

impl Connection {
    /// A connection that is not confirmed, with nothing but its tuples and its zone.
    pub fn new(original: Tuple, reply: Tuple, zone: Zone) -> Self {
        let mut new = Self {
            zone,
            ids: [original.source_id, original.destination_id, 0, 0],
            ip_protocol: original.protocol,
            form: Form(0),
            ..Self::vacant()
        };
        match (original.source, original.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                new.first = [source.into(), destination.into(), 0, 0];
            }
            (source, destination) => {
                new.form.put(0, Form::V6);
                new.first = words(v6(source));
                new.more = [words(v6(destination)), [0; 4], [0; 4]];
            }
        }
        new.set_reply(reply);
        new
    }

    /// A place where no connection is.
    pub(super) fn vacant() -> Self {
        Self {
            first: [0; 4],
            expires: Instant(0),
            rare: None,
            ids: [0; 4],
            zone: Zone::default(),
            generation: 0,
            mark: 0,
            status: Status::default(),
            masquerade: 0,
            ip_protocol: 0,
            form: Form(Form::VACANT),
            protocol: ProtocolState::Plain,
            more: [[0; 4]; 3],
            counters: Default::default(),
        }
    }

    /// Whether its packets are counted: [`super::Config::acct`] was on when it began.
    ///
    /// Linux: `nf_conn_acct_find`: what makes room for the counters is a connection's beginning.
    #[inline]
    pub fn is_counted(&self) -> bool {
        !self.form.has(Form::UNCOUNTED)
    }

    /// Says so; a new one is counted.
    pub(super) fn set_counted(&mut self, counted: bool) {
        self.form.put(Form::UNCOUNTED, if counted { 0 } else { Form::UNCOUNTED });
    }

    /// Whether no connection is here.
    #[inline]
    pub(super) fn is_vacant(&self) -> bool {
        self.form.has(Form::VACANT)
    }

    /// No connection is here from now on.
    pub(super) fn clear(&mut self) {
        self.rare = None;
        self.form = Form(Form::VACANT);
    }

    /// Sets the tuple of the replies. Its protocol and family are those of the original direction.
    pub(super) fn set_reply(&mut self, reply: Tuple) {
        let Self { first: [_, _, own_source, own_destination], more: [_, source, destination], form, .. } =
            self;
        let [_, _, source_id, destination_id] = &mut self.ids;
        (*source_id, *destination_id) = (reply.source_id, reply.destination_id);
        if form.has(Form::V6) {
            (*source, *destination) = (words(v6(reply.source)), words(v6(reply.destination)));
        } else if let (IpAddr::V4(source), IpAddr::V4(destination)) = (reply.source, reply.destination) {
            (*own_source, *own_destination) = (source.into(), destination.into());
        }
    }

    /// The addresses of a direction of IPv6.
    #[inline]
    fn words_of(&self, direction: Direction) -> [&[u32; 4]; 2] {
        let Self { first, more: [destination, reply_source, reply_destination], .. } = self;
        match direction {
            Direction::Original => [first, destination],
            Direction::Reply => [reply_source, reply_destination],
        }
    }

    /// Tuple of the original direction; never changes.
    #[inline]
    pub fn original(&self) -> Tuple {
        self.tuple(Direction::Original)
    }

    /// Tuple of the replies; NAT changes it before the connection is confirmed
    /// ([`super::Conntrack::set_reply`]).
    #[inline]
    pub fn reply(&self) -> Tuple {
        self.tuple(Direction::Reply)
    }

    /// The tuple of a direction.
    #[inline]
    pub fn tuple(&self, direction: Direction) -> Tuple {
        let Self { first: [a, b, c, d], ids: [e, f, g, h], ip_protocol: protocol, form, .. } = *self;
        let (source_id, destination_id) = match direction {
            Direction::Original => (e, f),
            Direction::Reply => (g, h),
        };
        let (source, destination) = match direction {
            _ if form.has(Form::V6) => {
                let [source, destination] = self.words_of(direction).map(|&words| address(words));
                (source.into(), destination.into())
            }
            Direction::Original => (Ipv4Addr::from(a).into(), Ipv4Addr::from(b).into()),
            Direction::Reply => (Ipv4Addr::from(c).into(), Ipv4Addr::from(d).into()),
        };
        Tuple { source, destination, protocol, source_id, destination_id }
    }

    /// Whether the tuple of a direction is this one.
    #[inline]
    pub(super) fn has_tuple(&self, direction: Direction, tuple: &Tuple) -> bool {
        let Self { first: [a, b, c, d], ids: [e, f, g, h], ip_protocol: protocol, form, .. } = *self;
        let (ids, addresses) = match direction {
            Direction::Original => ((e, f), (a, b)),
            Direction::Reply => ((g, h), (c, d)),
        };
        if ids != (tuple.source_id, tuple.destination_id) || protocol != tuple.protocol {
            return false;
        }
        match (tuple.source, tuple.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                !form.has(Form::V6) && addresses == (u32::from(source), u32::from(destination))
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let [own_source, own_destination] = self.words_of(direction);
                form.has(Form::V6) && *own_source == words(source) && *own_destination == words(destination)
            }
            _ => false,
        }
    }

    /// Whether both directions have the same tuple: from a socket to itself.
    #[inline]
    pub(super) fn is_to_itself(&self) -> bool {
        let [source, destination, reply_source, reply_destination] = self.ids;
        (source, destination) == (reply_source, reply_destination) && self.original() == self.reply()
    }

    /// Whether its replies are the original direction the other way round, in one zone: it is not translated, and has no
    /// types and codes. The index has one entry for both tuples then. Said by [`Connection::set_mirrored`].
    #[inline]
    pub(super) fn is_mirrored(&self) -> bool {
        self.form.has(Form::MIRRORED)
    }

    /// Finds out whether it is; its tuples and its zone do not change any more.
    pub(super) fn set_mirrored(&mut self) {
        let [source, destination, reply_source, reply_destination] = self.ids;
        let mirrored = self.zone.original == self.zone.reply
            && (source, destination) == (reply_destination, reply_source)
            && if self.form.has(Form::V6) {
                let Self { first, more: [destination, reply_source, reply_destination], .. } = self;
                (&*first, &*destination) == (&*reply_destination, &*reply_source)
            } else {
                let [source, destination, reply_source, reply_destination] = self.first;
                (source, destination) == (reply_destination, reply_source)
            };
        self.form.put(Form::MIRRORED, if mirrored { Form::MIRRORED } else { 0 });
    }

    /// Where it stands in the lists of [`super::Conntrack::by_source`].
    #[inline]
    pub(super) fn sourced(&self) -> Sourced {
        match self.form {
            form if form.has(Form::HEAD) => Sourced::Head,
            form if form.has(Form::MEMBER) => Sourced::Member,
            _ => Sourced::No,
        }
    }

    pub(super) fn set_sourced(&mut self, sourced: Sourced) {
        let bit = match sourced {
            Sourced::No => 0,
            Sourced::Head => Form::HEAD,
            Sourced::Member => Form::MEMBER,
        };
        self.form.put(Form::HEAD | Form::MEMBER, bit);
    }

    /// Its IP protocol.
    #[inline]
    pub fn ip_protocol(&self) -> u8 {
        self.ip_protocol
    }

    /// Its family.
    #[inline]
    pub fn family(&self) -> Family {
        if self.form.has(Form::V6) { Family::V6 } else { Family::V4 }
    }

    /// What few connections have.
    #[inline]
    pub fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING_RARE)
    }

    /// What few connections have, to change it; there is room for it from now on.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// The helper that looks at its payload.
    #[inline]
    pub fn helper(&self) -> Option<&Helper> {
        self.rare().helper.as_ref()
    }

    /// The same, to change what it remembers.
    pub fn helper_mut(&mut self) -> Option<&mut Helper> {
        self.rare.as_mut()?.helper.as_mut()
    }

    /// The device whose address MASQUERADE took; the connection ends when the device goes down (F55).
    #[inline]
    pub fn masquerade(&self) -> Option<DeviceId> {
        match self.masquerade {
            FAR => self.rare().masquerade,
            near => near.checked_sub(1).map(|number| DeviceId(u32::from(number))),
        }
    }

    /// MASQUERADE took the address of a device.
    pub fn set_masquerade(&mut self, device: DeviceId) {
        let near = device.0.checked_add(1).and_then(|number| u16::try_from(number).ok());
        self.masquerade = near.filter(|&near| near != FAR).unwrap_or(FAR);
        if self.masquerade == FAR {
            self.rare_mut().masquerade = Some(device);
        }
    }

    /// One connection that it expected has ended.
    pub(super) fn lose_child(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.children = rare.children.saturating_sub(1);
        }
    }

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
    #[inline]
    pub const fn zone_of(&self, direction: Direction) -> u16 {
        self.zone.of(direction)
    }
}

/// The words of an address; of IPv4 (which does not occur beside IPv6 in a tuple) mapped.
fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("original", &self.original())
            .field("reply", &self.reply())
            .field("zone", &self.zone)
            .field("status", &self.status)
            .field("mark", &self.mark)
            .field("expires", &self.expires)
            .field("counters", &self.counters)
            .field("protocol", &self.protocol)
            .field("masquerade", &self.masquerade())
            .field("rare", self.rare())
            .finish()
    }
}

#[cfg(test)]
mod tests;

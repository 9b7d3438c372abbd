//! A connection as it lies in the table: at most 168 bytes, of which a packet reads the first few lines.
//!
//! # Layout
//! Both tuples are kept in 42 bytes: of IPv4 the four addresses, of IPv6 those of the original direction, to which the
//! reply's are the same turned round unless NAT changed them. What few connections have (a helper, a master, moved
//! sequence numbers, translated IPv6) lies in [`Rare`], one allocation made by the first of them. A new field that not
//! every connection of a busy router needs belongs there.
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
#[derive(Clone)]
pub struct Connection {
    /// When it ends unless a packet comes; before confirmation the length of its timeout counted from zero.
    pub expires: Instant,
    /// Status bits.
    pub status: Status,
    /// Zone.
    pub zone: Zone,
    tuples: Tuples,
    /// Connection mark.
    pub mark: u32,
    /// For NAT: the device whose address MASQUERADE took, as its number plus one; 0: none.
    masquerade: u32,
    /// Packets and bytes of the original and the reply direction (`nf_conntrack_acct`).
    pub counters: [Counters; 2],
    /// What the protocol remembers.
    pub protocol: ProtocolState,
    rare: Option<Box<Rare>>,
    /// Where it stands in the lists of [`super::Conntrack::by_source`].
    pub(super) sourced: Sourced,
}

/// Both tuples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tuples {
    /// IPv4: original source and destination, reply's source and destination. IPv6: original source and destination.
    addresses: [u32; 8],
    /// Original source and destination, reply's source and destination.
    ids: [u16; 4],
    protocol: u8,
    form: Form,
}

/// What the words of [`Tuples`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Four addresses.
    V4,
    /// Two addresses; the reply's are the same, turned round.
    V6,
    /// Two addresses; the reply's are in [`Rare`].
    V6Moved,
}

/// Whether a connection is in a list of connections with its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sourced {
    /// In none.
    #[default]
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
    /// Source and destination of the replies, of translated IPv6.
    reply: Option<[Ipv6Addr; 2]>,
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
    reply: None,
};

fn words(address: Ipv6Addr) -> [u32; 4] {
    let bits = u128::from(address);
    [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
}

fn address(words: [u32; 4]) -> Ipv6Addr {
    Ipv6Addr::from(words.into_iter().fold(0_u128, |bits, word| bits << 32 | u128::from(word)))
}

impl Connection {
    /// A connection that is not confirmed, with nothing but its tuples and its zone.
    pub fn new(original: Tuple, reply: Tuple, zone: Zone) -> Self {
        let mut new = Self {
            expires: Instant(0),
            status: Status::default(),
            zone,
            tuples: Tuples {
                addresses: [0; 8],
                ids: [original.source_id, original.destination_id, 0, 0],
                protocol: original.protocol,
                form: Form::V4,
            },
            mark: 0,
            masquerade: 0,
            counters: Default::default(),
            protocol: ProtocolState::Plain,
            rare: None,
            sourced: Sourced::No,
        };
        match (original.source, original.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let [own_source, own_destination, ..] = &mut new.tuples.addresses;
                (*own_source, *own_destination) = (source.into(), destination.into());
            }
            (source, destination) => {
                let [source, destination] = [source, destination].map(v6);
                let ([a, b, c, d], [e, f, g, h]) = (words(source), words(destination));
                new.tuples.addresses = [a, b, c, d, e, f, g, h];
                new.tuples.form = Form::V6;
            }
        }
        new.set_reply(reply);
        new
    }

    /// Sets the tuple of the replies. Its protocol and family are those of the original direction.
    pub(super) fn set_reply(&mut self, reply: Tuple) {
        let [_, _, source_id, destination_id] = &mut self.tuples.ids;
        (*source_id, *destination_id) = (reply.source_id, reply.destination_id);
        match (self.tuples.form, reply.source, reply.destination) {
            (Form::V4, IpAddr::V4(source), IpAddr::V4(destination)) => {
                let [_, _, own_source, own_destination, ..] = &mut self.tuples.addresses;
                (*own_source, *own_destination) = (source.into(), destination.into());
            }
            (Form::V4, ..) => {}
            (_, source, destination) => {
                let reply = [v6(source), v6(destination)];
                let [own_source, own_destination] = self.original_v6();
                if reply == [own_destination, own_source] {
                    self.tuples.form = Form::V6;
                    if let Some(rare) = &mut self.rare {
                        rare.reply = None;
                    }
                } else {
                    self.tuples.form = Form::V6Moved;
                    self.rare_mut().reply = Some(reply);
                }
            }
        }
    }

    fn original_v6(&self) -> [Ipv6Addr; 2] {
        let [a, b, c, d, e, f, g, h] = self.tuples.addresses;
        [address([a, b, c, d]), address([e, f, g, h])]
    }

    fn reply_v6(&self) -> [Ipv6Addr; 2] {
        match self.rare().reply.filter(|_| self.tuples.form == Form::V6Moved) {
            Some(reply) => reply,
            None => {
                let [source, destination] = self.original_v6();
                [destination, source]
            }
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
        let Tuples { addresses: [a, b, c, d, ..], ids: [e, f, g, h], protocol, form } = self.tuples;
        let (source_id, destination_id) = match direction {
            Direction::Original => (e, f),
            Direction::Reply => (g, h),
        };
        let (source, destination) = match (form, direction) {
            (Form::V4, Direction::Original) => (Ipv4Addr::from(a).into(), Ipv4Addr::from(b).into()),
            (Form::V4, Direction::Reply) => (Ipv4Addr::from(c).into(), Ipv4Addr::from(d).into()),
            _ => {
                let [source, destination] = match direction {
                    Direction::Original => self.original_v6(),
                    Direction::Reply => self.reply_v6(),
                };
                (source.into(), destination.into())
            }
        };
        Tuple { source, destination, protocol, source_id, destination_id }
    }

    /// Whether the tuple of a direction is this one.
    #[inline]
    pub(super) fn has_tuple(&self, direction: Direction, tuple: &Tuple) -> bool {
        let Tuples { addresses: [a, b, c, d, ..], ids: [e, f, g, h], protocol, form } = self.tuples;
        let (ids, addresses) = match direction {
            Direction::Original => ((e, f), (a, b)),
            Direction::Reply => ((g, h), (c, d)),
        };
        if ids != (tuple.source_id, tuple.destination_id) || protocol != tuple.protocol {
            return false;
        }
        match (form, tuple.source, tuple.destination) {
            (Form::V4, IpAddr::V4(source), IpAddr::V4(destination)) => {
                addresses == (u32::from(source), u32::from(destination))
            }
            (Form::V4, ..) => false,
            _ => self.tuple(direction) == *tuple,
        }
    }

    /// Its IP protocol.
    #[inline]
    pub fn ip_protocol(&self) -> u8 {
        self.tuples.protocol
    }

    /// Its family.
    #[inline]
    pub fn family(&self) -> Family {
        if self.tuples.form == Form::V4 { Family::V4 } else { Family::V6 }
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
        self.masquerade.checked_sub(1).map(DeviceId)
    }

    /// MASQUERADE took the address of a device.
    pub fn set_masquerade(&mut self, device: DeviceId) {
        self.masquerade = device.0.saturating_add(1);
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
            .field("rare", &self.rare)
            .finish()
    }
}

#[cfg(test)]
mod tests;

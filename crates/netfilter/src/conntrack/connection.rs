//! A connection as it lies in the table: at most 176 bytes, of which a packet reads the first few lines.
//!
//! # Layout
//! Both tuples are kept in 58 bytes: of IPv4 the four addresses, of IPv6 those of the original direction, to which the
//! reply's are the same turned round, and a third one, which is the translated one. What few connections have (a helper,
//! a master, moved sequence numbers; a fourth address: IPv6 that is translated at both ends) lies in [`Extra`], one
//! allocation made by the first of them. A new field that not every connection of a busy router needs belongs there.
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
    /// IPv4: original source and destination, reply's source and destination in the first of them. IPv6: original source
    /// and destination; then the reply's destination if [`Form::TO`], otherwise its source if [`Form::FROM`].
    // Why: not a struct of their own, which would end with two unused bytes.
    addresses: [[u32; 4]; 3],
    /// Ports or the like: original source and destination, reply's source and destination.
    ids: [u16; 4],
    ip_protocol: u8,
    form: Form,
    /// Connection mark.
    pub mark: u32,
    /// For NAT: the device whose address MASQUERADE took, as its number plus one; 0: none.
    masquerade: u32,
    /// Packets and bytes of the original and the reply direction (`nf_conntrack_acct`).
    pub counters: [Counters; 2],
    /// What the protocol remembers.
    pub protocol: ProtocolState,
    extra: Option<Box<Extra>>,
}

/// What the addresses of a connection are; and, because there is room for it, its [`Sourced`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form(u8);

impl Form {
    /// Addresses of IPv6.
    const V6: u8 = 1;
    /// Of IPv6: the replies come from elsewhere than the original direction goes to (DNAT).
    const FROM: u8 = 1 << 1;
    /// Of IPv6: the replies go elsewhere than the original direction comes from (SNAT). If both: where they come from is
    /// in [`Extra`].
    const TO: u8 = 1 << 2;
    /// [`Sourced::Head`].
    const HEAD: u8 = 1 << 3;
    /// [`Sourced::Member`].
    const MEMBER: u8 = 1 << 4;

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
#[derive(Clone, Debug)]
struct Extra {
    /// Where the replies come from, of IPv6 that is translated at both ends.
    from: [u32; 4],
    rare: Option<Box<Rare>>,
}

/// Of it what is not an address.
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
};

#[inline]
fn words(address: Ipv6Addr) -> [u32; 4] {
    let bits = u128::from(address);
    [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
}

#[inline]
fn address([a, b, c, d]: [u32; 4]) -> Ipv6Addr {
    Ipv6Addr::from(u128::from(a) << 96 | u128::from(b) << 64 | u128::from(c) << 32 | u128::from(d))
}

impl Connection {
    /// A connection that is not confirmed, with nothing but its tuples and its zone.
    pub fn new(original: Tuple, reply: Tuple, zone: Zone) -> Self {
        let (addresses, form) = match (original.source, original.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                ([[source.into(), destination.into(), 0, 0], [0; 4], [0; 4]], Form(0))
            }
            (source, destination) => ([words(v6(source)), words(v6(destination)), [0; 4]], Form(Form::V6)),
        };
        let ids = [original.source_id, original.destination_id, 0, 0];
        let mut new = Self {
            expires: Instant(0),
            status: Status::default(),
            zone,
            addresses,
            ids,
            ip_protocol: original.protocol,
            form,
            mark: 0,
            masquerade: 0,
            counters: Default::default(),
            protocol: ProtocolState::Plain,
            extra: None,
        };
        new.set_reply(reply);
        new
    }

    /// Sets the tuple of the replies. Its protocol and family are those of the original direction.
    pub(super) fn set_reply(&mut self, reply: Tuple) {
        let Self { addresses: [one, two, three], ids: [_, _, source_id, destination_id], form, .. } = self;
        (*source_id, *destination_id) = (reply.source_id, reply.destination_id);
        if !form.has(Form::V6) {
            if let (IpAddr::V4(source), IpAddr::V4(destination)) = (reply.source, reply.destination) {
                let [_, _, own_source, own_destination] = one;
                (*own_source, *own_destination) = (source.into(), destination.into());
            }
            return;
        }
        let (from, to) = (words(v6(reply.source)), words(v6(reply.destination)));
        let moved = (from != *two, to != *one);
        let (third, bits) = match moved {
            (false, false) => ([0; 4], 0),
            (true, false) => (from, Form::FROM),
            (false, true) => (to, Form::TO),
            (true, true) => (to, Form::FROM | Form::TO),
        };
        *three = third;
        form.put(Form::FROM | Form::TO, bits);
        if moved == (true, true) {
            self.extra_mut().from = from;
        }
    }

    fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_with(|| Box::new(Extra { from: [0; 4], rare: None }))
    }

    /// The addresses of a direction of IPv6.
    #[inline]
    fn words_of(&self, direction: Direction) -> [[u32; 4]; 2] {
        let ([one, two, three], form) = (self.addresses, self.form);
        if direction == Direction::Original {
            return [one, two];
        }
        match (form.has(Form::FROM), form.has(Form::TO)) {
            (false, false) => [two, one],
            (true, false) => [three, one],
            (false, true) => [two, three],
            (true, true) => [self.extra.as_ref().map_or([0; 4], |extra| extra.from), three],
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
        let Self { addresses: [[a, b, c, d], ..], ids: [e, f, g, h], ip_protocol: protocol, form, .. } =
            *self;
        let (source_id, destination_id) = match direction {
            Direction::Original => (e, f),
            Direction::Reply => (g, h),
        };
        let (source, destination) = match direction {
            _ if form.has(Form::V6) => {
                let [source, destination] = self.words_of(direction).map(address);
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
        let Self { addresses: [[a, b, c, d], ..], ids: [e, f, g, h], ip_protocol: protocol, form, .. } =
            *self;
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
                form.has(Form::V6) && self.words_of(direction) == [words(source), words(destination)]
            }
            _ => false,
        }
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
        self.extra.as_ref().and_then(|extra| extra.rare.as_deref()).unwrap_or(&NOTHING_RARE)
    }

    /// What few connections have, to change it; there is room for it from now on.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.extra_mut().rare.get_or_insert_default()
    }

    /// The helper that looks at its payload.
    #[inline]
    pub fn helper(&self) -> Option<&Helper> {
        self.rare().helper.as_ref()
    }

    /// The same, to change what it remembers.
    pub fn helper_mut(&mut self) -> Option<&mut Helper> {
        self.extra.as_mut()?.rare.as_mut()?.helper.as_mut()
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
        if let Some(rare) = self.extra.as_mut().and_then(|extra| extra.rare.as_mut()) {
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

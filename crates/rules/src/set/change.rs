//! `add`, `del` and `test` on a set: ranges and prefixes are taken apart into members, as each type of the kernel does
//! (`*_uadt` of net/netfilter/ipset).
//!
//! A range that fails in the middle leaves what was done before.
use std::net::IpAddr;

use packet::Family;

use super::create::{around, bits};
use super::element::{Device, Element, Prefix, ProtocolPort, and};
use super::entry::Entry;
use super::member::{Expiry, Member};
use super::members::{Adder, Found, Listed, Set, Shape};
use super::option::Field;
use super::{Kind, Refusal, SetName, Sets, has_ports};

/// What is done with each member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Delete,
}

/// Adds or removes what an entry says.
pub(crate) fn apply(
    sets: &mut Sets,
    name: &str,
    change: Change,
    entry: &Entry,
    exist: bool,
    now: u64,
) -> Result<(), Refusal> {
    let set = sets.find(name).ok_or(Refusal::NoSet)?;
    if set.kind().is_list() {
        return list(sets, name, change, entry, exist, now);
    }
    let by = if sets.restoring { Adder::Saved } else { Adder::Command };
    let set = sets.find_mut(name).ok_or(Refusal::NoSet)?;
    // Linux: bitmap:port looks at its range first, the others at the extensions.
    let member = member(set, entry, now);
    if set.kind() != Kind::BitmapPort {
        member.clone()?;
    }
    let plan = Plan::of(set, entry)?;
    plan.check(set, entry)?;
    let member = member?;
    if change == Change::Delete && exist && plan.len() > set.len(now) as u64 {
        // Why: a range may be of more elements than anyone can wait for.
        let gone: Vec<Element> =
            set.members(now).map(|(element, _)| *element).filter(|element| plan.has(element)).collect();
        return gone.iter().try_for_each(|element| set.delete(element, now));
    }
    plan.each(&mut |element| {
        let done = match change {
            Change::Add => {
                let mut member = member.clone();
                // Linux: counters that are not given stay as they were.
                if let Some(old) = set.extensions_of(&element, now).filter(|_| exist) {
                    member.packets = entry.packets.unwrap_or(old.packets);
                    member.bytes = entry.bytes.unwrap_or(old.bytes);
                }
                set.add(element, member, exist, by, now)
            }
            Change::Delete => set.delete(&element, now),
        };
        match done {
            Err(Refusal::Exists | Refusal::Missing) if exist => Ok(()),
            done => done,
        }
    })
}

/// Whether what an entry says is in the set. Whatever is wrong with it, it is not.
pub(crate) fn test(sets: &Sets, name: &str, entry: &Entry, now: u64) -> Result<bool, Refusal> {
    let set = sets.find(name).ok_or(Refusal::NoSet)?;
    if set.kind().is_list() {
        return Ok(test_list(sets, set, entry, now));
    }
    let mut entry = entry.clone();
    if matches!(set.kind(), Kind::HashIp | Kind::HashIpMark) && set.family() == Some(Family::V4) {
        // Linux: these look for the address that was typed, whatever prefix or range it begins.
        (entry.cidr, entry.ip_to) = (None, None);
    }
    let entry = &entry;
    let Ok(plan) = Plan::of(set, entry) else { return Ok(false) };
    if plan.check(set, entry).is_err() {
        return Ok(false);
    }
    Ok(match set.test(&plan.first(), entry.mac, now) {
        Found::Yes => !entry.nomatch,
        Found::NoMatch => entry.nomatch,
        Found::No => false,
    })
}

/// The extensions that an entry gives (kernel: `ip_set_get_extensions`).
fn member(set: &Set, entry: &Entry, now: u64) -> Result<Member, Refusal> {
    let extensions = set.extensions();
    let given = |field| entry.fields.has(field);
    if given(Field::Timeout) && extensions.timeout.is_none() {
        return Err(Refusal::Timeout);
    }
    if (given(Field::Packets) || given(Field::Bytes)) && !extensions.counters {
        return Err(Refusal::Counters);
    }
    if given(Field::Comment) && !extensions.comment {
        return Err(Refusal::Comment);
    }
    if (given(Field::SkbMark) || given(Field::SkbPrio) || given(Field::SkbQueue)) && !extensions.skbinfo {
        return Err(Refusal::SkbInfo);
    }
    let seconds = entry.timeout.or(extensions.timeout).unwrap_or(0);
    let waits = set.kind() == Kind::BitmapIpMac && entry.mac.is_none() && seconds > 0;
    Ok(Member {
        expiry: if waits { Expiry::Waiting(seconds) } else { Expiry::after(seconds, now) },
        nomatch: entry.nomatch,
        wildcard: entry.wildcard,
        mac: entry.mac.filter(|_| set.kind() == Kind::BitmapIpMac),
        packets: entry.packets.unwrap_or(0),
        bytes: entry.bytes.unwrap_or(0),
        comment: entry.comment.clone(),
        skb: entry.skb,
    })
}

/// Addresses one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// One address or network.
    One(Prefix),
    /// Each network of a length from one address to another.
    Steps { from: u32, to: u32, length: u8 },
    /// The fewest networks that cover a range; none is the whole.
    Cover { from: u32, to: u32 },
}

impl Span {
    fn first(self) -> Prefix {
        match self {
            Self::One(prefix) => prefix,
            Self::Steps { from, .. } | Self::Cover { from, .. } => Prefix::host(IpAddr::V4(from.into())),
        }
    }

    /// How many there are, at most.
    fn len(self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Steps { from, to, length } => {
                (u64::from(to.saturating_sub(from)) >> (32 - u32::from(length.min(32)))) + 1
            }
            Self::Cover { .. } => 64,
        }
    }

    fn has(self, prefix: Prefix) -> bool {
        match self {
            Self::One(own) => own == prefix,
            Self::Steps { from, to, .. } => {
                prefix.is_host() && (from..=to).contains(&bits(Some(prefix.address())))
            }
            Self::Cover { .. } => {
                let mut found = false;
                let _ = self.each(&mut |own| {
                    found |= own == prefix;
                    Ok(())
                });
                found
            }
        }
    }

    fn each(self, act: &mut dyn FnMut(Prefix) -> Result<(), Refusal>) -> Result<(), Refusal> {
        match self {
            Self::One(prefix) => act(prefix),
            Self::Steps { from, to, length } => {
                let step = 1_u64 << (32 - u32::from(length.min(32)));
                let mut at = u64::from(from);
                while at <= u64::from(to) {
                    act(Prefix::host(IpAddr::V4(u32::try_from(at).unwrap_or(u32::MAX).into())))?;
                    at += step;
                }
                Ok(())
            }
            Self::Cover { from, to } => {
                let mut at = from;
                loop {
                    let fits = |length: &u8| {
                        let (first, last) = around(at, *length);
                        first == at && last <= to
                    };
                    let length = (1..=32).find(fits).unwrap_or(32);
                    act(Prefix::new(IpAddr::V4(at.into()), length))?;
                    let (_, last) = around(at, length);
                    if last >= to {
                        return Ok(());
                    }
                    at = last + 1;
                }
            }
        }
    }
}

/// What an entry stands for: every combination of its parts.
#[derive(Clone, Debug)]
struct Plan {
    kind: Kind,
    first: Span,
    /// Protocol, first and last port.
    ports: (u8, u16, u16),
    second: Span,
    entry: Element,
}

impl Plan {
    fn of(set: &Set, entry: &Entry) -> Result<Plan, Refusal> {
        let kind = set.kind();
        let nothing = Span::One(Prefix::host(IpAddr::V4(0.into())));
        let all = set.family().map_or(32, Family::bits);
        let ip = entry.ip.unwrap_or(IpAddr::V4(0.into()));
        let whole = |length: Option<u8>| length.unwrap_or(all);
        let ports = ports(entry);
        let several_ports = ports.1 != ports.2 || entry.port_to.is_some() && has_ports(ports.0);
        let mut second = nothing;
        let first = match kind {
            Kind::BitmapIp => bitmap(set, entry)?,
            Kind::BitmapIpMac => Span::One(Prefix::host(ip)),
            Kind::BitmapPort | Kind::HashMac | Kind::ListSet => nothing,
            Kind::HashIpMac => Span::One(Prefix::host(ip)),
            Kind::HashIp | Kind::HashIpPort | Kind::HashIpPortIp | Kind::HashIpPortNet | Kind::HashIpMark => {
                hosts(set, entry, ip)?
            }
            Kind::HashNet
            | Kind::HashNetPort
            | Kind::HashNetNet
            | Kind::HashNetPortNet
            | Kind::HashNetIface => {
                let zero = matches!(kind, Kind::HashNetIface | Kind::HashNetPortNet);
                let several = several_ports || entry.ip2_to.is_some();
                let bitmask = set_mask(set);
                networks(ip, entry.ip_to, whole(entry.cidr), zero, several, bitmask)?
            }
        };
        if let Some(ip2) = entry.ip2 {
            let zero = kind == Kind::HashNetPortNet;
            second = match kind {
                Kind::HashIpPortIp => Span::One(Prefix::host(ip2)),
                _ => {
                    let several = several_ports
                        || entry.ip_to.is_some()
                        || (entry.cidr.is_some() && kind == Kind::HashIpPortNet);
                    networks(ip2, entry.ip2_to, whole(entry.cidr2), zero, several, set_mask(set))?
                }
            };
        }
        let mark = match set.shape() {
            Shape::Hash(hash) => entry.mark & hash.mark_mask,
            _ => entry.mark,
        };
        let other = match kind {
            Kind::HashMac => Element::Mac(entry.mac.unwrap_or_default()),
            Kind::HashIpMac => Element::AddressMac(ip, entry.mac.unwrap_or_default()),
            Kind::HashIpMark => Element::AddressMark(ip, mark),
            Kind::HashNetIface => match entry.interface {
                Some(name) => Element::NetInterface(Prefix::host(ip), entry.physical, Device(name)),
                None => return Err(Refusal::Invalid),
            },
            _ => Element::Address(ip),
        };
        Ok(Plan { kind, first, ports, second, entry: other })
    }

    /// What the kernel refuses in each type.
    fn check(&self, set: &Set, entry: &Entry) -> Result<(), Refusal> {
        let first = self.first.first().address();
        if let Shape::Ports { first, last } = *set.shape() {
            let range = first..=last;
            return match range.contains(&self.ports.1) && range.contains(&self.ports.2) {
                true => Ok(()),
                false => Err(Refusal::OutOfRange),
            };
        }
        match self.kind {
            Kind::HashIp if first.is_unspecified() => return Err(Refusal::Null),
            Kind::BitmapIpMac => {
                if let Shape::Addresses { first: low, last, .. } = *set.shape()
                    && !(low..=last).contains(&bits(Some(first)))
                {
                    return Err(Refusal::OutOfRange);
                }
            }
            Kind::HashIpPort => {
                let own = entry.ip.map_or(first, |ip| set.masked(ip));
                // Why the whole range: a member 0.0.0.0 is saved in a form that is refused (docs/deviations.md).
                if own.is_unspecified() || first.is_unspecified() {
                    return Err(Refusal::Invalid);
                }
            }
            Kind::HashMac | Kind::HashIpMac if entry.mac == Some([0; 6]) => return Err(Refusal::Null),
            Kind::HashIpMark => {
                if let Element::AddressMark(ip, 0) = self.entry
                    && ip.is_unspecified()
                {
                    return Err(Refusal::Null);
                }
            }
            _ => {}
        }
        if entry.fields.has(Field::Proto) && self.ports.0 == 0 {
            return Err(Refusal::Protocol);
        }
        Ok(())
    }

    fn element(&self, first: Prefix, port: u16, second: Prefix) -> Element {
        let ports = ProtocolPort { protocol: self.ports.0, port };
        match self.kind {
            Kind::BitmapIp | Kind::BitmapIpMac | Kind::HashIp => Element::Address(first.address()),
            Kind::BitmapPort => Element::Port(port),
            Kind::HashMac | Kind::HashIpMac | Kind::ListSet => self.entry,
            Kind::HashNet => Element::Net(first),
            Kind::HashNetNet => Element::NetNet(first, second),
            Kind::HashIpPort => Element::AddressPort(first.address(), ports),
            Kind::HashNetPort => Element::NetPort(first, ports),
            Kind::HashIpPortIp => Element::AddressPortAddress(first.address(), ports, second.address()),
            Kind::HashIpPortNet => Element::AddressPortNet(first.address(), ports, second),
            Kind::HashNetPortNet => Element::NetPortNet(first, ports, second),
            Kind::HashNetIface => match self.entry {
                Element::NetInterface(_, physical, name) => Element::NetInterface(first, physical, name),
                other => other,
            },
            Kind::HashIpMark => match self.entry {
                Element::AddressMark(_, mark) => Element::AddressMark(first.address(), mark),
                other => other,
            },
        }
    }

    fn first(&self) -> Element {
        self.element(self.first.first(), self.ports.1, self.second.first())
    }

    /// How many elements it stands for, at most.
    fn len(&self) -> u64 {
        let ports = u64::from(self.ports.2 - self.ports.1) + 1;
        self.first.len().saturating_mul(ports).saturating_mul(self.second.len())
    }

    /// Whether an element is one of them.
    fn has(&self, element: &Element) -> bool {
        let host = Prefix::host;
        let nothing = self.second.first();
        let (first, port, second) = match *element {
            Element::Address(ip) | Element::AddressMac(ip, _) | Element::AddressMark(ip, _) => {
                (host(ip), self.ports.1, nothing)
            }
            Element::Port(port) => (self.first.first(), port, nothing),
            Element::Mac(_) => (self.first.first(), self.ports.1, nothing),
            Element::Net(net) | Element::NetInterface(net, ..) => (net, self.ports.1, nothing),
            Element::NetNet(first, second) => (first, self.ports.1, second),
            Element::AddressPort(ip, ports) => (host(ip), ports.port, nothing),
            Element::NetPort(net, ports) => (net, ports.port, nothing),
            Element::AddressPortAddress(ip, ports, other) => (host(ip), ports.port, host(other)),
            Element::AddressPortNet(ip, ports, net) => (host(ip), ports.port, net),
            Element::NetPortNet(net, ports, other) => (net, ports.port, other),
        };
        self.element(first, port, second) == *element
            && (self.ports.1..=self.ports.2).contains(&port)
            && self.first.has(first)
            && self.second.has(second)
    }

    fn each(&self, act: &mut dyn FnMut(Element) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.first.each(&mut |first| {
            for port in self.ports.1..=self.ports.2 {
                self.second.each(&mut |second| act(self.element(first, port, second)))?;
            }
            Ok(())
        })
    }
}

/// Protocol and ports; those of protocols without are 0.
fn ports(entry: &Entry) -> (u8, u16, u16) {
    let Some(protocol) = entry.protocol else {
        let to = entry.port_to.unwrap_or(entry.port);
        return (0, entry.port.min(to), entry.port.max(to));
    };
    let icmp = match entry.family {
        Some(Family::V6) => 58,
        _ => 1,
    };
    if has_ports(protocol) {
        let to = entry.port_to.unwrap_or(entry.port);
        (protocol, entry.port.min(to), entry.port.max(to))
    } else if protocol == icmp {
        (protocol, entry.port, entry.port)
    } else {
        (protocol, 0, 0)
    }
}

fn set_mask(set: &Set) -> Option<IpAddr> {
    match set.shape() {
        Shape::Hash(hash) => hash.bitmask,
        _ => None,
    }
}

/// bitmap:ip.
fn bitmap(set: &Set, entry: &Entry) -> Result<Span, Refusal> {
    let Shape::Addresses { first, last, netmask } = *set.shape() else { return Err(Refusal::Invalid) };
    let ip = bits(entry.ip);
    if !(first..=last).contains(&ip) {
        return Err(Refusal::OutOfRange);
    }
    let (from, to) = match (entry.ip_to, entry.cidr) {
        (Some(to), _) => (ip.min(bits(Some(to))), ip.max(bits(Some(to)))),
        (None, Some(0)) => return Err(Refusal::Cidr),
        (None, Some(length)) => around(ip, length),
        (None, None) => (ip, ip),
    };
    if from < first || to > last {
        return Err(Refusal::OutOfRange);
    }
    Ok(Span::Steps { from: around(from, netmask).0, to, length: netmask })
}

/// The first address of a hash type whose first part is an address: each address of a range.
fn hosts(set: &Set, entry: &Entry, ip: IpAddr) -> Result<Span, Refusal> {
    let ip = set.masked(ip);
    if ip.is_ipv6() {
        if entry.cidr.is_some_and(|length| length != 128) {
            return Err(Refusal::Cidr);
        }
        return Ok(Span::One(Prefix::host(ip)));
    }
    if set.kind() == Kind::HashIp && ip.is_unspecified() {
        return Err(Refusal::Null);
    }
    let (from, to) = match (entry.ip_to, entry.cidr) {
        (Some(to), _) => {
            let (ip, to) = (bits(Some(ip)), bits(Some(to)));
            if set.kind() == Kind::HashIp && to == 0 {
                return Err(Refusal::Null);
            }
            (ip.min(to), ip.max(to))
        }
        (None, Some(0)) => return Err(Refusal::Cidr),
        (None, Some(length)) => around(bits(Some(ip)), length),
        (None, None) => return Ok(Span::One(Prefix::host(ip))),
    };
    let length = match set.shape() {
        Shape::Hash(hash) if set.kind() == Kind::HashIp => hash.netmask.unwrap_or(32),
        _ => 32,
    };
    Ok(Span::Steps { from, to, length })
}

/// A part that is a network: itself, or what covers a range. `several`: another part is a range, so that this one is
/// treated as one as well.
fn networks(
    ip: IpAddr,
    to: Option<IpAddr>,
    length: u8,
    zero: bool,
    several: bool,
    bitmask: Option<IpAddr>,
) -> Result<Span, Refusal> {
    if length == 0 && !zero {
        return Err(Refusal::Cidr);
    }
    match (ip, to) {
        (IpAddr::V4(from), Some(IpAddr::V4(to))) => {
            let (from, to) = (from.to_bits().min(to.to_bits()), from.to_bits().max(to.to_bits()));
            if from == 0 && to == u32::MAX {
                return Err(Refusal::WholeRange);
            }
            Ok(Span::Cover { from, to })
        }
        (_, Some(_)) => Err(Refusal::RangeUnsupported),
        (ip, None) => {
            let ip = match bitmask {
                Some(mask) if !several => and(ip, mask),
                _ => ip,
            };
            Ok(Span::One(Prefix::new(ip, length)))
        }
    }
}

/// Adds a set to a list or removes it.
fn list(
    sets: &mut Sets,
    name: &str,
    change: Change,
    entry: &Entry,
    exist: bool,
    now: u64,
) -> Result<(), Refusal> {
    let own = sets.find(name).ok_or(Refusal::NoSet)?;
    let member = member(own, entry, now)?;
    let (set, reference) = named(sets, entry)?;
    let set_place = sets.place(set.as_str()).ok_or(Refusal::ListName)?;
    let own = sets.find_mut(name).ok_or(Refusal::NoSet)?;
    own.clean(now);
    let members = own.list_mut();
    let at = members.iter().position(|own| own.name == set);
    let place = |reference: &SetName| members.iter().position(|own| own.name == *reference);
    let other = reference.as_ref().map(place);
    match change {
        Change::Add => {
            let other = match other {
                None => None,
                Some(other) => {
                    Some(other.filter(|_| reference != Some(set.clone())).ok_or(Refusal::ListNotMember)?)
                }
            };
            match (at, other) {
                (Some(_), _) if !exist => return Err(Refusal::Exists),
                (Some(at), _) => {
                    if let Some(old) = members.get_mut(at) {
                        old.member = member;
                    }
                }
                (None, None) => members.push(Listed { name: set, place: set_place, member }),
                (None, Some(other)) => {
                    let at = if entry.before { other } else { other + 1 };
                    members.insert(at, Listed { name: set, place: set_place, member });
                }
            }
            Ok(())
        }
        Change::Delete => {
            let missing = || match (other, exist) {
                (Some(_), _) => Err(Refusal::ListNotMember),
                (None, true) => Ok(()),
                (None, false) => Err(Refusal::Missing),
            };
            let Some(at) = at else { return missing() };
            if !stands(at, other, entry.before) {
                return Err(Refusal::ListNotMember);
            }
            members.remove(at);
            Ok(())
        }
    }
}

/// Whether a place is before or after another one, if that is asked.
fn stands(at: usize, other: Option<Option<usize>>, before: bool) -> bool {
    match other {
        None => true,
        Some(None) => false,
        Some(Some(other)) if before => other == at + 1,
        Some(Some(other)) => other + 1 == at,
    }
}

/// The sets that an entry of a list names.
fn named(sets: &Sets, entry: &Entry) -> Result<(SetName, Option<SetName>), Refusal> {
    let name = entry.set.clone().ok_or(Refusal::Invalid)?;
    let set = sets.find(name.as_str()).ok_or(Refusal::ListName)?;
    if set.kind().is_list() {
        return Err(Refusal::ListLoop);
    }
    if let Some(reference) = &entry.reference
        && sets.find(reference.as_str()).is_none()
    {
        return Err(Refusal::ListReference);
    }
    Ok((name, entry.reference.clone()))
}

fn test_list(sets: &Sets, own: &Set, entry: &Entry, now: u64) -> bool {
    let Ok((set, reference)) = named(sets, entry) else { return false };
    let live: Vec<&SetName> = own.sets(now).map(|(name, _)| name).collect();
    let place = |name: &SetName| live.iter().position(|own| *own == name);
    let other = reference.as_ref().map(place);
    place(&set).is_some_and(|at| stands(at, other, entry.before))
}

//! One set: what it is and what it holds; adding, removing and finding single members.
use std::collections::BTreeMap;
use std::net::IpAddr;

use packet::Family;

use super::element::{Device, Element, Mac};
use super::member::{Expiry, Extensions, Member};
use super::{Kind, Refusal, SetName};

/// The most members that any set has, whatever its `maxelem`.
pub const MOST_MEMBERS: usize = 1 << 24;

/// The numbers of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash {
    /// `hashsize`: a power of two, at least 64.
    pub size: u32,
    /// `maxelem`.
    pub most: u32,
    /// `netmask`: the length that addresses are cut to; `None`: they are not.
    pub netmask: Option<u8>,
    /// `bitmask`.
    pub bitmask: Option<IpAddr>,
    /// `markmask` of hash:ip,mark.
    pub mark_mask: u32,
    /// `bucketsize`: even, 2 to 12.
    pub bucket: u8,
    /// `initval`.
    pub seed: u32,
}

/// What bounds a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A bitmap of addresses: first and last, and the length of the networks that are its elements (32: addresses).
    Addresses {
        /// First address.
        first: u32,
        /// Last address.
        last: u32,
        /// Prefix length, 1 to 32.
        netmask: u8,
    },
    /// A bitmap of ports.
    Ports {
        /// First port.
        first: u16,
        /// Last port.
        last: u16,
    },
    /// A hash.
    Hash(Hash),
    /// A list of sets.
    List {
        /// `size`: what `create` said; nothing depends on it.
        size: u32,
    },
}

/// What became of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is not in the set.
    No,
    /// It is.
    Yes,
    /// A member that is marked `nomatch` was found first.
    NoMatch,
}

/// A set.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    name: SetName,
    kind: Kind,
    family: Option<Family>,
    shape: Shape,
    extensions: Extensions,
    members: BTreeMap<Element, Member>,
    /// The members of a list, in order.
    list: Vec<(SetName, Member)>,
    /// How many members have a network of a length, in their first and second network.
    lengths: [BTreeMap<u8, usize>; 2],
}

impl Set {
    /// An empty set.
    pub(crate) fn new(
        name: SetName,
        kind: Kind,
        family: Option<Family>,
        shape: Shape,
        extensions: Extensions,
    ) -> Self {
        Self {
            name,
            kind,
            family,
            shape,
            extensions,
            members: BTreeMap::new(),
            list: Vec::new(),
            lengths: [BTreeMap::new(), BTreeMap::new()],
        }
    }

    /// Its name.
    pub fn name(&self) -> &SetName {
        &self.name
    }

    pub(crate) fn set_name(&mut self, name: SetName) {
        self.name = name;
    }

    /// Its type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its family; `None` for ports, Ethernet addresses and lists.
    pub fn family(&self) -> Option<Family> {
        self.family
    }

    /// What bounds it.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The extensions of its members.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The members that are not expired, in order. A list has none of these.
    pub fn members(&self, now: u64) -> impl Iterator<Item = (&Element, &Member)> {
        self.members.iter().filter(move |(_, member)| !member.expiry.is_over(now))
    }

    /// The sets of a list that are not expired, in order.
    pub fn sets(&self, now: u64) -> impl Iterator<Item = (&SetName, &Member)> {
        self.list
            .iter()
            .filter(move |(_, member)| !member.expiry.is_over(now))
            .map(|(name, member)| (name, member))
    }

    /// How many members it has.
    pub fn len(&self, now: u64) -> usize {
        if self.extensions.timeout.is_none() {
            return self.members.len() + self.list.len();
        }
        self.members(now).count() + self.sets(now).count()
    }

    /// Whether it has no members.
    pub fn is_empty(&self, now: u64) -> bool {
        self.len(now) == 0
    }

    /// Whether a list has a set, expired or not: it is referred to until the list is cleaned.
    pub(crate) fn has_set(&self, name: &str) -> bool {
        self.list.iter().any(|(own, _)| own.as_str() == name)
    }

    /// Whether `create -exist` takes one for the other (kernel: `same_set`).
    pub(crate) fn is_like(&self, other: &Set) -> bool {
        let shape = match (&self.shape, &other.shape) {
            // Linux: the sizes of tables and buckets and the seed do not count.
            (Shape::Hash(one), Shape::Hash(other)) => {
                one.most == other.most
                    && one.netmask == other.netmask
                    && one.bitmask == other.bitmask
                    && one.mark_mask == other.mark_mask
            }
            (one, other) => one == other,
        };
        let plain = |own: &Extensions| Extensions { force_add: false, ..*own };
        shape
            && self.kind == other.kind
            && self.family == other.family
            && plain(&self.extensions) == plain(&other.extensions)
    }

    /// Removes all members.
    pub fn flush(&mut self) {
        self.members.clear();
        self.list.clear();
        self.lengths = [BTreeMap::new(), BTreeMap::new()];
    }

    /// Removes what is expired.
    pub fn clean(&mut self, now: u64) {
        if self.extensions.timeout.is_none() {
            return;
        }
        self.list.retain(|(_, member)| !member.expiry.is_over(now));
        let over: Vec<Element> = self
            .members
            .iter()
            .filter(|(_, member)| member.expiry.is_over(now))
            .map(|(element, _)| *element)
            .collect();
        for element in over {
            self.remove(&element);
        }
    }

    fn remove(&mut self, element: &Element) -> Option<Member> {
        let member = self.members.remove(element)?;
        for (lengths, network) in self.lengths.iter_mut().zip(element.networks()) {
            if let Some(network) = network
                && let Some(count) = lengths.get_mut(&network.length())
            {
                *count -= 1;
                if *count == 0 {
                    lengths.remove(&network.length());
                }
            }
        }
        Some(member)
    }

    fn insert(&mut self, element: Element, member: Member) {
        if self.members.insert(element, member).is_none() {
            for (lengths, network) in self.lengths.iter_mut().zip(element.networks()) {
                if let Some(network) = network {
                    *lengths.entry(network.length()).or_default() += 1;
                }
            }
        }
    }

    /// The member that stands for an element: itself, or with hash:net,iface one whose name is the beginning of its.
    fn standing_for(&self, element: &Element) -> Option<(Element, &Member)> {
        if let Some(member) = self.members.get(element) {
            return Some((*element, member));
        }
        let Element::NetInterface(net, physical, Device(name)) = *element else { return None };
        // Linux: a wildcard member is equal to every name that begins with its own.
        let bytes = name.as_bytes();
        let first = packet::InterfaceName::new(std::str::from_utf8(bytes.get(..1)?).ok()?)?;
        self.members
            .range(*element..=Element::NetInterface(net, physical, Device(first)))
            .find(|(own, member)| {
                matches!(own, Element::NetInterface(_, _, Device(own)) if bytes.starts_with(own.as_bytes()))
                    && member.wildcard
            })
            .map(|(own, member)| (*own, member))
    }

    /// Adds a member; one that is there is an error unless `exist`, which gives it these extensions.
    pub fn add(&mut self, element: Element, member: Member, exist: bool, now: u64) -> Result<(), Refusal> {
        if let Some((own, old)) = self.standing_for(&element) {
            let over = old.expiry.is_over(now);
            let (wildcard, mac) = (old.wildcard, old.mac);
            if self.kind == Kind::BitmapIpMac && !over {
                let old = old.clone();
                return self.add_mac(own, &old, member, exist, now);
            }
            if !exist && !over {
                return Err(Refusal::Exists);
            }
            let mac = member.mac.or(if over { None } else { mac });
            self.insert(own, Member { wildcard, mac, ..member });
            return Ok(());
        }
        if let Shape::Hash(hash) = self.shape {
            let most = usize::try_from(hash.most).unwrap_or(usize::MAX).min(MOST_MEMBERS);
            if self.members.len() >= most {
                self.clean(now);
            }
            if self.members.len() >= most {
                if !self.extensions.force_add {
                    return Err(Refusal::Full);
                }
                self.give_way(&element)?;
            }
        }
        self.insert(element, member);
        Ok(())
    }

    /// `forceadd`: the next member behind the new one goes; behind the last one, the first.
    fn give_way(&mut self, element: &Element) -> Result<(), Refusal> {
        let next = self.members.range(element..).next().or_else(|| self.members.iter().next());
        let victim = next.map(|(element, _)| *element).ok_or(Refusal::Full)?;
        self.remove(&victim);
        Ok(())
    }

    /// Adds to bitmap:ip,mac what is there already: its Ethernet address may be filled in.
    fn add_mac(
        &mut self,
        element: Element,
        old: &Member,
        new: Member,
        exist: bool,
        now: u64,
    ) -> Result<(), Refusal> {
        let mut new = new;
        match (old.mac, new.mac) {
            (None, Some(_)) => {
                // Linux: the time that was given with the address begins to run, unless a new one is given.
                if let (Expiry::Waiting(seconds), Some(default)) = (old.expiry, self.extensions.timeout)
                    && new.expiry == Expiry::after(default, now)
                {
                    new.expiry = Expiry::after(seconds, now);
                }
            }
            _ if !exist => return Err(Refusal::Exists),
            (Some(mac), None) => new.mac = Some(mac),
            _ => {}
        }
        self.insert(element, new);
        Ok(())
    }

    /// Removes a member.
    pub fn delete(&mut self, element: &Element, now: u64) -> Result<(), Refusal> {
        let (own, member) = self.standing_for(element).ok_or(Refusal::Missing)?;
        let over = member.expiry.is_over(now);
        self.remove(&own);
        if over { Err(Refusal::Missing) } else { Ok(()) }
    }

    /// Finds an element: itself, or if it is an address where the set has networks, the smallest one around it.
    pub fn find(&self, element: &Element, now: u64) -> Option<(Element, &Member)> {
        let live = |found: (Element, &'_ Member)| !found.1.expiry.is_over(now);
        let networks = element.networks();
        let any = networks.iter().flatten().next().is_some();
        if !any || !networks.iter().flatten().all(|network| network.is_host()) {
            return self.standing_for(element).filter(|&found| live(found));
        }
        let [firsts, seconds] = &self.lengths;
        for &first in firsts.keys().rev() {
            if networks[1].is_none() {
                let candidate = element.with_lengths(first, 0);
                if let Some(found) = self.standing_for(&candidate).filter(|&found| live(found)) {
                    return Some(found);
                }
                if self.has_other_device(&candidate) {
                    return None;
                }
                continue;
            }
            for &second in seconds.keys().rev() {
                let candidate = element.with_lengths(first, second);
                if let Some(found) = self.standing_for(&candidate).filter(|&found| live(found)) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// hash:net,iface: whether the network is there with another device.
    // Linux: the search for smaller networks ends there (`multi` in `mtype_test_cidrs`).
    fn has_other_device(&self, element: &Element) -> bool {
        let Element::NetInterface(net, ..) = *element else { return false };
        // Why: names are ASCII or UTF-8, so that none is behind 15 such bytes; the order of names is reversed.
        let Some(last) = packet::InterfaceName::new("\u{10ffff}\u{10ffff}\u{10ffff}") else { return false };
        let start = Element::NetInterface(net, false, Device(last));
        self.members
            .range(start..)
            .next()
            .is_some_and(|(own, _)| matches!(own, Element::NetInterface(own, ..) if *own == net))
    }

    /// Whether an element is in the set.
    pub fn test(&self, element: &Element, mac: Option<Mac>, now: u64) -> Found {
        match self.find(element, now) {
            None => Found::No,
            Some((_, member)) if member.nomatch => Found::NoMatch,
            // Linux: an address whose Ethernet address is not known yet is in the set.
            Some((_, member)) => match (mac, member.mac) {
                (Some(asked), Some(own)) if asked != own => Found::No,
                _ => Found::Yes,
            },
        }
    }

    pub(crate) fn list_mut(&mut self) -> &mut Vec<(SetName, Member)> {
        &mut self.list
    }

    /// The extensions that an element has, itself or by the member that stands for it.
    pub(crate) fn extensions_of(&self, element: &Element, now: u64) -> Option<&Member> {
        let (_, member) = self.standing_for(element)?;
        (!member.expiry.is_over(now)).then_some(member)
    }

    /// The extensions of a member, to change them (counters, timeout).
    pub fn member_mut(&mut self, element: &Element) -> Option<&mut Member> {
        self.members.get_mut(element)
    }
}

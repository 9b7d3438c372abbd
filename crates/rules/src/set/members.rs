//! One set: what it is and what it holds; adding, removing and finding single members.
use std::net::IpAddr;

use packet::Family;

use super::buckets::Buckets;
use super::element::{Element, Mac, and, masked};
use super::member::{Expiry, Extensions, Member};
use super::table::Table;
use super::{Kind, Refusal, SetName};
use crate::wheel;

mod hashed;

/// Milliseconds of a jiffy.
const JIFFY: u64 = 1_000 / wheel::HZ as u64;

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

/// Who adds to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adder {
    /// A command: the table of a hash grows if it must.
    Command,
    /// A packet: there is no room if it had to grow.
    Packet,
    /// A file that was saved: the table grows if it must, and holds more than `maxelem` if it did so before.
    Saved,
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
#[derive(Clone, Debug)]
pub struct Set {
    name: SetName,
    kind: Kind,
    family: Option<Family>,
    shape: Shape,
    extensions: Extensions,
    members: Table,
    /// The members of a list, in order.
    list: Vec<Listed>,
    /// How many members have a network of a length, in their first and second network.
    lengths: [Lengths; 2],
    /// How many members are the beginning of names.
    wildcards: usize,
    /// The buckets of a hash.
    buckets: Option<Buckets>,
    /// Before this time no member is expired, if it is no hash.
    soonest: u64,
    /// The jiffy in which what is expired is collected next; `None`: nobody has asked yet.
    collected_next: Option<u64>,
}

/// A member of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) name: SetName,
    /// The place of the set among all sets.
    pub(crate) place: usize,
    pub(crate) member: Member,
}

/// Lengths of networks with the numbers of members that have them; the longest first.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lengths(Vec<(u8, usize)>);

impl Lengths {
    fn add(&mut self, length: u8) {
        match self.0.binary_search_by(|(own, _)| length.cmp(own)) {
            Ok(at) => {
                if let Some((_, count)) = self.0.get_mut(at) {
                    *count += 1;
                }
            }
            Err(at) => self.0.insert(at, (length, 1)),
        }
    }

    fn remove(&mut self, length: u8) {
        if let Ok(at) = self.0.binary_search_by(|(own, _)| length.cmp(own))
            && let Some((_, count)) = self.0.get_mut(at)
        {
            *count -= 1;
            if *count == 0 {
                self.0.remove(at);
            }
        }
    }

    fn get(&self, at: usize) -> Option<u8> {
        self.0.get(at).map(|(length, _)| *length)
    }
}

/// How far a search among the networks of a set has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Search {
    first: usize,
    second: usize,
    /// hash:net,iface: the place of a bucket.
    place: usize,
    over: bool,
}

impl PartialEq for Set {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.family == other.family
            && self.shape == other.shape
            && self.extensions == other.extensions
            && self.members == other.members
            && self.list == other.list
    }
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
            members: Table::new(match shape {
                Shape::Hash(hash) => hash.seed,
                _ => 0,
            }),
            list: Vec::new(),
            lengths: Default::default(),
            wildcards: 0,
            buckets: match shape {
                Shape::Hash(hash) => Some(Buckets::new(hash.size, hash.seed)),
                _ => None,
            },
            soonest: u64::MAX,
            collected_next: None,
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
        let mut members: Vec<_> = self.unordered(now).collect();
        members.sort_unstable_by_key(|(element, _)| **element);
        members.into_iter()
    }

    fn unordered(&self, now: u64) -> impl Iterator<Item = (&Element, &Member)> {
        self.members.iter().filter(move |(_, member)| !member.expiry.is_over(now))
    }

    /// The sets of a list that are not expired, in order.
    pub fn sets(&self, now: u64) -> impl Iterator<Item = (&SetName, &Member)> {
        let live = self.list.iter().filter(move |own| !own.member.expiry.is_over(now));
        live.map(|own| (&own.name, &own.member))
    }

    /// The place of a list's set by its number in the list, from 0, expired or not, and its extensions.
    pub fn listed_mut(&mut self, number: usize) -> Option<(usize, &mut Member)> {
        let own = self.list.get_mut(number)?;
        Some((own.place, &mut own.member))
    }

    /// How many members it has.
    pub fn len(&self, now: u64) -> usize {
        if self.extensions.timeout.is_none() {
            return self.members.len() + self.list.len();
        }
        self.unordered(now).count() + self.sets(now).count()
    }

    /// Whether it has no members.
    pub fn is_empty(&self, now: u64) -> bool {
        self.len(now) == 0
    }

    /// Whether a list has a set, expired or not: it is referred to until the list is cleaned.
    pub(crate) fn has_set(&self, name: &str) -> bool {
        self.list.iter().any(|own| own.name.as_str() == name)
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
        self.lengths = Default::default();
        self.wildcards = 0;
        if let Some(buckets) = &mut self.buckets {
            buckets.clear();
        }
        self.soonest = u64::MAX;
    }

    /// Removes what is expired, as often as the kernel does: once in a third of the timeout, at most each second and at least
    /// each three minutes (Linux: `IPSET_GC_PERIOD`; a hash begins after a second, and one of more than 1024 buckets does a part of
    /// them at a time), from the first call on. Until then an expired network counts among the lengths in use, and an expired
    /// set of a list is looked into. The timer fires where the kernel's count of jiffies is round ([`wheel::fires`]), so that a
    /// second is 1.024 of them.
    pub fn collect(&mut self, now: u64) {
        let Some(timeout) = self.extensions.timeout else { return };
        let second = u64::from(wheel::HZ);
        let seconds = u64::from((timeout / 3).clamp(1, 180));
        let period = seconds * second;
        let now = now / JIFFY;
        let Some(next) = self.collected_next else {
            let first = if matches!(self.shape, Shape::Hash(_)) { second } else { period };
            self.collected_next = Some(wheel::fires(now.saturating_add(first), first));
            return;
        };
        if now < next {
            return;
        }
        if matches!(self.shape, Shape::Hash(_)) {
            self.collected_next = Some(self.collect_hashed(seconds, next, now));
            return;
        }
        let then = wheel::fires(next + period, period);
        let rhythm = wheel::fires(then + period, period) - then;
        let last = now.checked_sub(then).map_or(next, |late| now - late % rhythm);
        self.clean(last * JIFFY);
        self.collected_next = Some(wheel::fires(last + period, period));
    }

    /// Removes what is expired.
    pub fn clean(&mut self, now: u64) {
        if self.extensions.timeout.is_none() {
            return;
        }
        if matches!(self.shape, Shape::Hash(_)) {
            return self.clean_hashed(now);
        }
        if now < self.soonest && self.list.is_empty() {
            return;
        }
        self.list.retain(|own| !own.member.expiry.is_over(now));
        let mut over = Vec::new();
        self.soonest = u64::MAX;
        for (element, member) in self.members.iter() {
            match member.expiry {
                Expiry::At(end) if end <= now => over.push(*element),
                Expiry::At(end) => self.soonest = self.soonest.min(end),
                Expiry::Never | Expiry::Waiting(_) => {}
            }
        }
        for element in over {
            if let Some(at) = self.members.find(&element) {
                self.take(at);
            }
        }
    }

    /// Takes a member out that has left its bucket.
    fn take(&mut self, at: usize) {
        let Some(element) = self.forget(at) else { return };
        for (lengths, network) in self.lengths.iter_mut().zip(element.networks()) {
            if let Some(network) = network {
                lengths.remove(network.length());
            }
        }
    }

    /// Takes a member out whose network counts on.
    fn forget(&mut self, at: usize) -> Option<Element> {
        let (element, member) = self.members.take(at)?;
        self.wildcards -= usize::from(member.wildcard);
        // The last one has its number now.
        if let (Some(buckets), Some((moved, _))) = (&mut self.buckets, self.members.at(at)) {
            buckets.renumber(moved, self.members.len(), at);
        }
        Some(element)
    }

    fn insert(&mut self, element: Element, member: Member) {
        if let Expiry::At(end) = member.expiry {
            self.soonest = self.soonest.min(end);
        }
        let wildcard = usize::from(member.wildcard);
        let old = self.members.insert(element, member);
        self.wildcards += wildcard;
        self.wildcards -= usize::from(old.as_ref().is_some_and(|old| old.wildcard));
        if old.is_some() {
            return;
        }
        for (lengths, network) in self.lengths.iter_mut().zip(element.networks()) {
            if let Some(network) = network {
                lengths.add(network.length());
            }
        }
    }

    /// Adds a member; one that is there is an error unless `exist`, which gives it these extensions.
    pub fn add(
        &mut self,
        element: Element,
        member: Member,
        exist: bool,
        by: Adder,
        now: u64,
    ) -> Result<(), Refusal> {
        if let Shape::Hash(hash) = self.shape {
            return self.add_hashed(hash, element, member, exist, by, now);
        }
        if let Some((&own, old)) = self.members.find(&element).and_then(|at| self.members.at(at)) {
            let over = old.expiry.is_over(now);
            if self.kind == Kind::BitmapIpMac {
                let old = old.clone();
                return self.add_mac(own, &old, member, exist, now);
            }
            if !exist && !over {
                return Err(Refusal::Exists);
            }
        }
        self.insert(element, member);
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
                let waiting = match old.expiry {
                    Expiry::Waiting(seconds) => seconds,
                    Expiry::Never | Expiry::At(_) => 0,
                };
                if let Some(default) = self.extensions.timeout
                    && new.expiry == Expiry::after(default, now)
                {
                    new.expiry = Expiry::after(waiting, now);
                }
            }
            _ if !exist && !old.expiry.is_over(now) => return Err(Refusal::Exists),
            // Linux: an address that has expired is there until it is collected, and its Ethernet address is changed by
            // `-exist` alone.
            (Some(mac), Some(_)) if !exist => new.mac = Some(mac),
            (Some(mac), None) => {
                new.mac = Some(mac);
                // Linux: the seconds are kept to wait for an Ethernet address, and read as a time, which is over.
                if let Expiry::Waiting(_) = new.expiry {
                    new.expiry = Expiry::At(now);
                }
            }
            _ => {}
        }
        self.insert(element, new);
        Ok(())
    }

    /// Removes a member.
    pub fn delete(&mut self, element: &Element, now: u64) -> Result<(), Refusal> {
        if self.buckets.is_some() {
            return self.delete_hashed(element, now);
        }
        let at = self.members.find(element).ok_or(Refusal::Missing)?;
        let over = self.members.at(at).is_some_and(|(_, member)| member.expiry.is_over(now));
        self.take(at);
        if over { Err(Refusal::Missing) } else { Ok(()) }
    }

    /// Finds an element: itself, or if it is an address where the set has networks, the smallest one around it.
    pub fn find(&self, element: &Element, now: u64) -> Option<(Element, &Member)> {
        let mut search = Search::default();
        while let Some(at) = self.next_fitting(element, &mut search) {
            let (own, member) = self.members.at(at)?;
            if !member.expiry.is_over(now) {
                return Some((*own, member));
            }
        }
        None
    }

    /// The number of the next member that stands for an element, expired or not: the element itself, or if it is an address
    /// where the set has networks, networks around it from the smallest on. One step for each length of networks in use.
    pub fn next_fitting(&self, element: &Element, search: &mut Search) -> Option<usize> {
        if search.over {
            return None;
        }
        if self.kind == Kind::HashNetIface {
            return self.next_device(element, search);
        }
        let networks = element.networks();
        if networks[0].is_none() || !networks.iter().flatten().all(|network| network.is_host()) {
            search.over = true;
            return self.standing_for(element);
        }
        let [firsts, seconds] = &self.lengths;
        while let Some(first) = firsts.get(search.first) {
            if networks[1].is_none() {
                search.first += 1;
                let candidate = element.with_lengths(first, 0);
                let found = self.standing_for(&candidate);
                if found.is_some() {
                    return found;
                }
                continue;
            }
            while let Some(second) = seconds.get(search.second) {
                search.second += 1;
                let found = self.standing_for(&element.with_lengths(first, second));
                if found.is_some() {
                    return found;
                }
            }
            (search.first, search.second) = (search.first + 1, 0);
        }
        search.over = true;
        None
    }

    /// A member by the number that a search has given.
    pub fn fitting_mut(&mut self, number: usize) -> Option<(&Element, &mut Member)> {
        self.members.at_mut(number)
    }

    /// An address as the set keeps it: cut by `netmask` or `bitmask`, or to the elements of a bitmap.
    pub fn masked(&self, address: IpAddr) -> IpAddr {
        match self.shape {
            Shape::Hash(hash) => {
                let address = hash.bitmask.map_or(address, |mask| and(address, mask));
                hash.netmask.map_or(address, |length| masked(address, length))
            }
            Shape::Addresses { netmask, .. } => masked(address, netmask),
            Shape::Ports { .. } | Shape::List { .. } => address,
        }
    }

    /// The longest networks that it has, first and second: the length that packets add. `None`: it has none.
    pub fn longest(&self) -> [Option<u8>; 2] {
        [self.lengths[0].get(0), self.lengths[1].get(0)]
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

    pub(crate) fn list_mut(&mut self) -> &mut Vec<Listed> {
        &mut self.list
    }

    /// The extensions that an element has, itself or by the member that stands for it.
    pub(crate) fn extensions_of(&self, element: &Element, now: u64) -> Option<&Member> {
        let (_, member) = self.members.at(self.standing_for(element)?)?;
        (!member.expiry.is_over(now)).then_some(member)
    }

    /// A member as a listing of type `save` writes it: the element and its extensions at a time in milliseconds.
    pub fn member_text(
        &self,
        element: &Element,
        member: &Member,
        names: &dyn crate::syntax::Names,
        now: u64,
    ) -> String {
        let mut out = String::new();
        super::print::push_element(&mut out, element, member, names);
        member.push(&mut out, super::member::Style::Words, &self.extensions, now);
        out
    }
}

//! The buckets of a hash: which members share one decides who finds room in a full set, who gives way, when the table grows and
//! in which part of the table the collector looks (Linux: ip_set_hash_gen.h).
//!
//! The bucket of a member is its hash under the set's `initval`: who gives the kernel's gets the kernel's buckets, in the byte
//! order of a little-endian machine.
//!
//! # Invariants
//! Each number of a member stands in one place of one bucket, that of its element. A bucket that is kept has places.
//! Memory is taken for the buckets that have members, not for those that `hashsize` says.
use std::net::IpAddr;
use std::ops::Range;

use hashbrown::HashTable;

use super::element::{Element, Prefix, ProtocolPort};
use crate::lookup3::hash_words;

/// Places by which a bucket grows and shrinks (Linux: `AHASH_INIT_SIZE`).
const STEP: u8 = 2;

/// The most places of a bucket, whatever its devices (Linux: `AHASH_MAX_TUNED`).
pub(super) const MOST_PLACES: u8 = 64;

/// Powers of two of buckets that are collected together (Linux: `HTABLE_REGION_BITS`).
const REGION_BITS: u32 = 10;

/// The most powers of two of buckets that a table grows to.
pub(super) const MOST_BITS: u32 = 30;

/// A place whose member is gone.
const HOLE: u32 = u32::MAX;

/// Places in the order in which they were taken.
#[derive(Clone, Debug)]
struct Bucket {
    number: u32,
    /// How many places there is room for.
    size: u8,
    /// Numbers of members; holes. The last is none, unless the collector has been there.
    places: Vec<u32>,
}

impl Bucket {
    fn holes(&self) -> usize {
        self.places.iter().filter(|own| **own == HOLE).count()
    }
}

/// Buckets that are locked and collected together.
#[derive(Clone, Copy, Debug)]
struct Region {
    members: usize,
    /// Before this time no member of it is expired.
    soonest: u64,
}

impl Default for Region {
    fn default() -> Self {
        Self { members: 0, soonest: u64::MAX }
    }
}

/// The buckets.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    bits: u32,
    seed: u32,
    index: HashTable<Bucket>,
    /// Those behind the last one that ever had a member are left out.
    regions: Vec<Region>,
    /// The region that is collected next; the number of regions: the first.
    turn: u32,
    memory: Memory,
}

/// What the kernel counts as the memory of its arrays. An array that grows or shrinks is counted as if each step had a head;
/// one that goes gives back one head, however often it had grown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Heads of arrays.
    pub(super) heads: usize,
    /// Places for members.
    pub(super) places: usize,
}

/// Spreads the numbers of buckets.
fn spread(number: u32) -> u64 {
    u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Buckets {
    /// Without members. `size`: a power of two; `seed`: `initval`.
    pub(super) fn new(size: u32, seed: u32) -> Self {
        Self {
            bits: size.trailing_zeros(),
            seed,
            index: HashTable::new(),
            regions: Vec::new(),
            turn: 0,
            memory: Memory::default(),
        }
    }

    /// The same, larger, and empty.
    pub(super) fn larger(&self, bits: u32) -> Self {
        Self {
            bits,
            seed: self.seed,
            index: HashTable::new(),
            regions: Vec::new(),
            turn: self.turn,
            memory: Memory::default(),
        }
    }

    /// Powers of two of its buckets.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.regions.clear();
        self.memory = Memory::default();
    }

    /// The bucket of an element.
    #[inline]
    pub(super) fn of(&self, element: &Element) -> u32 {
        let key = Key::of(element);
        hash_words(key.words.get(..key.len).unwrap_or_default(), self.seed) & ((1_u32 << self.bits) - 1)
    }

    #[inline]
    fn find(&self, number: u32) -> Option<&Bucket> {
        self.index.find(spread(number), |own| own.number == number)
    }

    fn find_mut(&mut self, number: u32) -> Option<&mut Bucket> {
        self.index.find_mut(spread(number), |own| own.number == number)
    }

    fn drop_bucket(&mut self, number: u32) {
        if let Ok(entry) = self.index.find_entry(spread(number), |own| own.number == number) {
            let (own, _) = entry.remove();
            self.memory.heads = self.memory.heads.saturating_sub(1);
            self.memory.places = self.memory.places.saturating_sub(usize::from(own.size));
        }
    }

    /// Fills the holes of a bucket, and gives back the room for two.
    fn shrink(&mut self, number: u32) {
        let Some(own) = self.find_mut(number) else { return };
        own.places.retain(|own| *own != HOLE);
        own.size -= STEP.min(own.size);
        self.memory.heads = self.memory.heads.saturating_sub(1);
        self.memory.places = self.memory.places.saturating_sub(usize::from(STEP));
    }

    /// The places of a bucket: numbers of members, `None` where one is gone; `None` in all: it has no places.
    #[inline]
    pub(super) fn places(&self, number: u32) -> Option<impl Iterator<Item = Option<usize>>> {
        let own = |place: &u32| usize::try_from(*place).ok().filter(|_| *place != HOLE);
        Some(self.find(number)?.places.iter().map(own))
    }

    /// Whether the next member of a bucket needs a larger one.
    pub(super) fn is_full(&self, number: u32) -> bool {
        self.find(number).is_some_and(|own| own.places.len() >= usize::from(own.size))
    }

    /// How many places there is room for in a bucket.
    pub(super) fn size(&self, number: u32) -> u8 {
        self.find(number).map_or(0, |own| own.size)
    }

    /// The buckets that have places, in no order that means anything.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.index.iter().map(|own| own.number)
    }

    /// What the kernel counts as the memory of its arrays.
    pub(super) fn memory(&self) -> Memory {
        self.memory
    }

    /// Puts a member behind the others of its bucket, which grows if there is no place left.
    pub(super) fn push(&mut self, number: u32, member: usize, expires: u64) {
        let member = u32::try_from(member).unwrap_or(HOLE);
        let rehash = |own: &Bucket| spread(own.number);
        let entry = self.index.entry(spread(number), |own| own.number == number, rehash);
        let mut entry = entry.or_insert_with(|| Bucket { number, size: 0, places: Vec::new() });
        let own = entry.get_mut();
        if own.places.len() >= usize::from(own.size) {
            own.size = own.size.saturating_add(STEP);
            self.memory.heads += 1;
            self.memory.places += usize::from(STEP);
        }
        own.places.push(member);
        self.count(number, expires);
    }

    /// Puts a member in a place that is empty.
    pub(super) fn fill(&mut self, number: u32, place: usize, member: usize, expires: u64) {
        if let Some(own) = self.find_mut(number).and_then(|own| own.places.get_mut(place)) {
            *own = u32::try_from(member).unwrap_or(HOLE);
            self.count(number, expires);
        }
    }

    fn count(&mut self, number: u32, expires: u64) {
        let region = region(number);
        if region >= self.regions.len() {
            self.regions.resize(region + 1, Region::default());
        }
        if let Some(own) = self.regions.get_mut(region) {
            own.members += 1;
        }
        self.expires(number, expires);
    }

    /// A member of a bucket ends at a time.
    pub(super) fn expires(&mut self, number: u32, time: u64) {
        if let Some(own) = self.regions.get_mut(region(number)) {
            own.soonest = own.soonest.min(time);
        }
    }

    /// Makes a place empty, and nothing else: the member goes, the bucket stays.
    pub(super) fn empty(&mut self, number: u32, place: usize) {
        if let Some(own) = self.find_mut(number).and_then(|own| own.places.get_mut(place))
            && *own != HOLE
        {
            *own = HOLE;
            if let Some(own) = self.regions.get_mut(region(number)) {
                own.members = own.members.saturating_sub(1);
            }
        }
    }

    /// Makes a place empty as `del` does. Linux: `mtype_del`: at the end it is no hole; a bucket of holes goes, and two holes are
    /// filled up.
    pub(super) fn delete(&mut self, number: u32, place: usize) {
        self.empty(number, place);
        let Some(own) = self.find_mut(number) else { return };
        if place + 1 == own.places.len() {
            own.places.pop();
        }
        let holes = own.holes();
        if holes == own.places.len() {
            self.drop_bucket(number);
        } else if holes >= usize::from(STEP) {
            self.shrink(number);
        }
    }

    /// What the collector does with the holes of a bucket (Linux: `mtype_gc_do`).
    pub(super) fn tidy(&mut self, number: u32) {
        let Some(own) = self.find_mut(number) else { return };
        let holes = own.holes();
        if holes >= usize::from(STEP) {
            if holes >= usize::from(own.size) {
                self.drop_bucket(number);
            } else {
                self.shrink(number);
            }
        }
    }

    /// A member has another number from now on.
    pub(super) fn renumber(&mut self, element: &Element, from: usize, to: usize) {
        let (Ok(from), Ok(to)) = (u32::try_from(from), u32::try_from(to)) else { return };
        let number = self.of(element);
        let own = self.find_mut(number).and_then(|own| own.places.iter_mut().find(|own| **own == from));
        if let Some(own) = own {
            *own = to;
        }
    }

    /// How many regions there are.
    pub(super) fn regions(&self) -> u32 {
        1 << self.bits.saturating_sub(REGION_BITS)
    }

    /// The members in the region of a bucket.
    pub(super) fn members_around(&self, number: u32) -> usize {
        self.regions.get(region(number)).map_or(0, |own| own.members)
    }

    /// Before this time nothing in the region of a bucket is expired.
    pub(super) fn soonest_around(&self, number: u32) -> u64 {
        self.regions.get(region(number)).map_or(u64::MAX, |own| own.soonest)
    }

    /// Before this time nothing is expired.
    pub(super) fn soonest(&self) -> u64 {
        self.regions.iter().map(|own| own.soonest).min().unwrap_or(u64::MAX)
    }

    /// The time before which nothing in the region of a bucket is expired is known anew.
    pub(super) fn set_soonest(&mut self, number: u32, time: u64) {
        if let Some(own) = self.regions.get_mut(region(number)) {
            own.soonest = time;
        }
    }

    /// The buckets of the region of a bucket.
    pub(super) fn around(&self, number: u32) -> Range<u32> {
        let first = number >> REGION_BITS << REGION_BITS;
        first..first.saturating_add(1 << self.bits.min(REGION_BITS))
    }

    /// The first bucket of the region whose turn it is. Linux: `mtype_gc` counts one too far and begins with the first again,
    /// which then has two turns.
    pub(super) fn take_turn(&mut self) -> u32 {
        let own = if self.turn >= self.regions() { 0 } else { self.turn };
        self.skip_turns(1);
        own << REGION_BITS
    }

    /// So many turns go by in which nothing is done.
    pub(super) fn skip_turns(&mut self, turns: u64) {
        let round = u64::from(self.regions()) + 1;
        let turn = (u64::from(self.turn) + turns % round) % round;
        self.turn = u32::try_from(turn).unwrap_or(0);
    }
}

fn region(number: u32) -> usize {
    usize::try_from(number >> REGION_BITS).unwrap_or(usize::MAX)
}

/// An element as it lies in the kernel's memory, in words of a little-endian machine (Linux: the `*_elem` of each type).
struct Key {
    words: [u32; 10],
    len: usize,
}

impl Key {
    fn word(&mut self, word: u32) {
        if let Some(own) = self.words.get_mut(self.len) {
            *own = word;
            self.len += 1;
        }
    }

    fn bytes(&mut self, bytes: [u8; 4]) {
        self.word(u32::from_le_bytes(bytes));
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.bytes(v4.octets()),
            IpAddr::V6(v6) => {
                for [one, two] in v6.segments().as_chunks().0 {
                    let ([a, b], [c, d]) = (one.to_be_bytes(), two.to_be_bytes());
                    self.bytes([a, b, c, d]);
                }
            }
        }
    }

    fn mac(&mut self, [a, b, c, d, e, f]: super::element::Mac) {
        self.bytes([a, b, c, d]);
        self.bytes([e, f, 0, 0]);
    }

    fn of(element: &Element) -> Self {
        let mut key = Self { words: [0; 10], len: 0 };
        // Linux: a length is kept one less where it shares its byte with `nomatch`.
        let less = |net: Prefix| net.length().wrapping_sub(1) & 0x7f;
        let port = |own: ProtocolPort| own.port.to_be_bytes();
        match *element {
            Element::Address(address) => key.address(address),
            Element::Port(own) => key.word(u32::from(own)),
            Element::Mac(mac) => key.mac(mac),
            Element::AddressMac(address, mac) => {
                key.address(address);
                key.mac(mac);
            }
            Element::Net(net) => {
                key.address(net.address());
                key.bytes([0, 0, 0, net.length()]);
            }
            Element::NetNet(one, two) => {
                key.address(one.address());
                key.address(two.address());
                key.bytes([0, 0, one.length(), two.length()]);
            }
            Element::AddressPort(address, own) => {
                key.address(address);
                let [high, low] = port(own);
                key.bytes([high, low, own.protocol, 0]);
            }
            Element::NetPort(net, own) => {
                key.address(net.address());
                let [high, low] = port(own);
                key.bytes([high, low, own.protocol, less(net)]);
            }
            Element::AddressPortAddress(address, own, two) => {
                key.address(address);
                key.address(two);
                let [high, low] = port(own);
                key.bytes([high, low, own.protocol, 0]);
            }
            Element::AddressPortNet(address, own, net) => {
                key.address(address);
                key.address(net.address());
                let [high, low] = port(own);
                key.bytes([high, low, less(net), own.protocol]);
            }
            Element::NetPortNet(one, own, two) => {
                key.address(one.address());
                key.address(two.address());
                let [high, low] = port(own);
                key.bytes([high, low, one.length(), two.length()]);
                key.bytes([0, 0, 0, own.protocol]);
            }
            // Linux: the device is no part of it (`HKEY_DATALEN`).
            Element::NetInterface(net, physical, _) => {
                key.address(net.address());
                key.bytes([u8::from(physical), net.length(), 0, 1]);
            }
            Element::AddressMark(address, mark) => {
                key.address(address);
                key.word(mark);
            }
        }
        key
    }
}

#[cfg(test)]
mod tests;

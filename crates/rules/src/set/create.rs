//! A new set out of the words of `create`: what the kernel checks, and the defaults it fills in.
use std::net::IpAddr;

use packet::Family;

use super::element::masked;
use super::entry::Entry;
use super::kind::TypeFamilies;
use super::member::Extensions;
use super::members::{Hash, Set, Shape};
use super::{Kind, Refusal, SetName};

/// The most elements of a bitmap (`IPSET_BITMAP_MAX_RANGE` + 1).
const BITMAP_MOST: u64 = 1 << 16;

/// Makes it. `seed`: the random start of its hash, if the words give none.
pub(crate) fn set(name: SetName, kind: Kind, entry: &Entry, seed: u32) -> Result<Set, Refusal> {
    let extensions = Extensions {
        timeout: entry.timeout,
        counters: entry.counters,
        comment: entry.with_comment,
        skbinfo: entry.skbinfo,
        force_add: entry.force_add,
    };
    let shape = match kind {
        Kind::BitmapIp | Kind::BitmapIpMac => addresses(entry)?,
        Kind::BitmapPort => {
            let to = entry.port_to.unwrap_or(entry.port);
            Shape::Ports { first: entry.port.min(to), last: entry.port.max(to) }
        }
        Kind::ListSet => Shape::List { size: entry.size.unwrap_or(8).max(4) },
        _ => {
            if kind.spec().families == TypeFamilies::Both && entry.family.is_none() {
                return Err(Refusal::Family);
            }
            Shape::Hash(hash(entry, seed)?)
        }
    };
    Ok(Set::new(name, kind, entry.family, shape, extensions))
}

fn hash(entry: &Entry, seed: u32) -> Result<Hash, Refusal> {
    let mark_mask = entry.mark_mask.unwrap_or(u32::MAX);
    if mark_mask == 0 {
        return Err(Refusal::MarkMask);
    }
    if entry.bitmask.is_some_and(|mask| mask.is_unspecified()) {
        return Err(Refusal::Netmask);
    }
    let all = entry.family.map(Family::bits);
    let bucket = entry.bucket.unwrap_or(12).clamp(2, 12);
    Ok(Hash {
        size: entry.hash_size.unwrap_or(1024).max(64).checked_next_power_of_two().ok_or(Refusal::NoMemory)?,
        most: entry.most.unwrap_or(65_536),
        netmask: entry.netmask.filter(|&length| Some(length) != all),
        bitmask: entry.bitmask.filter(|mask| !is_ones(*mask)),
        mark_mask,
        bucket: bucket + bucket % 2,
        seed: entry.seed.unwrap_or(seed),
    })
}

fn is_ones(mask: IpAddr) -> bool {
    match mask {
        IpAddr::V4(v4) => v4.to_bits() == u32::MAX,
        IpAddr::V6(v6) => v6.to_bits() == u128::MAX,
    }
}

/// The bits of an IPv4 address.
pub(crate) fn bits(address: Option<IpAddr>) -> u32 {
    match address {
        Some(IpAddr::V4(v4)) => v4.to_bits(),
        _ => 0,
    }
}

/// First and last address of the network around an address.
pub(crate) fn around(address: u32, length: u8) -> (u32, u32) {
    let first = bits(Some(masked(IpAddr::V4(address.into()), length)));
    let behind = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
    (first, first | behind)
}

fn addresses(entry: &Entry) -> Result<Shape, Refusal> {
    let from = bits(entry.ip);
    let (mut first, mut last) = match (entry.ip_to, entry.cidr) {
        (Some(to), _) => (from.min(bits(Some(to))), from.max(bits(Some(to)))),
        (None, Some(length)) if length < 32 => around(from, length),
        _ => return Err(Refusal::Cidr),
    };
    let netmask = entry.netmask.unwrap_or(32);
    first = around(first, netmask).0;
    last = around(last, netmask).1;
    let elements = if netmask == 32 {
        u64::from(last) - u64::from(first) + 1
    } else {
        // Linux: `range_to_mask`: the range must begin with a network that has its end, and is larger than its parts.
        let whole = (0..32).rev().find(|&length| around(last, length).0 == first);
        let whole = whole.ok_or(Refusal::OutOfRange)?;
        if netmask <= whole || (whole == 0 && last != u32::MAX) {
            return Err(Refusal::OutOfRange);
        }
        1 << (netmask - whole)
    };
    if elements > BITMAP_MOST {
        return Err(Refusal::RangeSize);
    }
    Ok(Shape::Addresses { first, last, netmask })
}

//! The address out of a range (F53): a fixed function of the packet's addresses, so that servers see the same client
//! under the same address, also after a restart.
//!
//! Read first: Linux `find_best_ips_proto`.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::rewrite::End;
pub(crate) use rules::lookup3::hash_words;

use crate::conntrack::Tuple;

/// The four words of an address as they lie in the memory of a little-endian machine: an IPv4 address fills the first.
fn memory_words(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(v4) => [u32::from_le_bytes(v4.octets()), 0, 0, 0],
        IpAddr::V6(v6) => network_words(v6).map(u32::swap_bytes),
    }
}

fn network_words(address: Ipv6Addr) -> [u32; 4] {
    let bits = u128::from(address);
    [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
}

/// `value` scaled from 32 bits to `0..size` (Linux: `reciprocal_scale`).
pub(crate) fn scale(value: u32, size: u32) -> u32 {
    ((u64::from(value) * u64::from(size)) >> 32) as u32
}

/// The address for one end of a tuple out of a range. `persistent` (`--persistent`) leaves the destination out of the
/// choice. A range whose ends are of different families gives its first address.
pub(super) fn choose(
    tuple: &Tuple,
    end: End,
    first: IpAddr,
    last: IpAddr,
    persistent: bool,
    zone: u16,
) -> IpAddr {
    let destination = memory_words(tuple.destination);
    match (first, last) {
        _ if first == last => first,
        (IpAddr::V4(low), IpAddr::V4(high)) => {
            let initial = if persistent { 0 } else { destination[0] ^ u32::from(zone) };
            let hash = hash_words(&memory_words(tuple.source), initial);
            let (low, high) = (u32::from(low), u32::from(high));
            let size = high.wrapping_sub(low).wrapping_add(1);
            IpAddr::V4(Ipv4Addr::from(low.wrapping_add(scale(hash, size))))
        }
        (IpAddr::V6(low), IpAddr::V6(high)) => {
            let initial = if persistent { 0 } else { destination[3] ^ u32::from(zone) };
            let mut hash = hash_words(&memory_words(tuple.source), initial);
            let mut chosen = 0_u128;
            let mut whole = false;
            for ((low, high), old) in network_words(low).into_iter().zip(network_words(high)).zip(destination)
            {
                let (base, size) =
                    if whole { (0, u32::MAX) } else { (low, high.wrapping_sub(low).wrapping_add(1)) };
                let word = base.wrapping_add(scale(hash, size));
                chosen = (chosen << 32) | u128::from(word);
                whole |= word != high;
                if !persistent {
                    // Linux: for the destination the word just written is taken, not the old one.
                    hash ^= if end == End::Destination { word.swap_bytes() } else { old };
                }
            }
            IpAddr::V6(Ipv6Addr::from(chosen))
        }
        _ => first,
    }
}

//! The address out of a range (F53): a fixed function of the packet's addresses, so that servers see the same client
//! under the same address, also after a restart.
//!
//! Read first: Linux `find_best_ips_proto`; Bob Jenkins, lookup3.c, `hashword` (public domain).
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::rewrite::End;

use crate::conntrack::Tuple;

const GOLDEN: u32 = 0xdead_beef;

/// lookup3's hash of an array of words (`hashword`; Linux: `jhash2`).
pub(crate) fn hash_words(words: &[u32], initial: u32) -> u32 {
    let length = u32::try_from(words.len()).unwrap_or(u32::MAX);
    let start = GOLDEN.wrapping_add(length.wrapping_shl(2)).wrapping_add(initial);
    let mut state = [start; 3];
    let mut rest = words;
    while let [one, two, three, more @ ..] = rest
        && !more.is_empty()
    {
        state = mix(add(state, [*one, *two, *three]));
        rest = more;
    }
    match *rest {
        [] => {}
        [one] => state = last_mix(add(state, [one, 0, 0])),
        [one, two] => state = last_mix(add(state, [one, two, 0])),
        [one, two, three, ..] => state = last_mix(add(state, [one, two, three])),
    }
    state[2]
}

fn add(state: [u32; 3], words: [u32; 3]) -> [u32; 3] {
    let ([a, b, c], [x, y, z]) = (state, words);
    [a.wrapping_add(x), b.wrapping_add(y), c.wrapping_add(z)]
}

fn mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    for (one, two) in [(4, 6), (16, 19)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(one);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(two);
        a = a.wrapping_add(c);
        let three = if one == 4 { 8 } else { 4 };
        c = c.wrapping_sub(b) ^ b.rotate_left(three);
        b = b.wrapping_add(a);
    }
    [a, b, c]
}

fn last_mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    [a, b, c]
}

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

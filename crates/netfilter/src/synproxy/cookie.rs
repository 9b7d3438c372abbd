//! The cookie of a SYN/ACK (Linux: `secure_tcp_syn_cookie`, `check_tcp_syn_cookie`): the minute in the highest byte, a
//! size of segments in the lower three, both hidden by keyed hashes.
use packet::Family;

use super::segment_sizes;
use crate::conntrack::Tuple;
use crate::{Env, Instant};

/// Nanoseconds of a minute.
const MINUTE: u64 = 60_000_000_000;
/// How many minutes a cookie is good for.
const AGE: u32 = 2;
const DATA: u32 = 0x00ff_ffff;

fn minute(now: Instant) -> u32 {
    ((now.0 / MINUTE) & u64::from(u32::MAX)) as u32
}

fn hash(env: &Env<'_>, tuple: &Tuple, count: u32, which: u64) -> u32 {
    (env.conntrack.secret(tuple, u64::from(count) << 1 | which) & u64::from(u32::MAX)) as u32
}

/// A cookie for a client's first number and the size of segments that it takes.
pub(super) fn make(env: &Env<'_>, tuple: &Tuple, sequence: u32, mss: u16) -> u32 {
    let sizes = segment_sizes(Family::of(tuple.source));
    let place = sizes.iter().rposition(|&size| size <= mss).unwrap_or(0);
    let count = minute(env.now.mono);
    let data = hash(env, tuple, count, 1).wrapping_add(place as u32) & DATA;
    hash(env, tuple, 0, 0).wrapping_add(sequence).wrapping_add(count << 24).wrapping_add(data)
}

/// The size of segments in a cookie; `None`: it is none of ours, or too old.
pub(super) fn check(env: &Env<'_>, tuple: &Tuple, sequence: u32, cookie: u32) -> Option<u16> {
    let bare = cookie.wrapping_sub(hash(env, tuple, 0, 0)).wrapping_sub(sequence);
    let count = minute(env.now.mono);
    let age = count.wrapping_sub(bare >> 24) & 0xff;
    if age >= AGE {
        return None;
    }
    let place = bare.wrapping_sub(hash(env, tuple, count.wrapping_sub(age), 1)) & DATA;
    segment_sizes(Family::of(tuple.source)).get(usize::try_from(place).ok()?).copied()
}

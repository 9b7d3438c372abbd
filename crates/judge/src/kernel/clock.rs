//! The kernel's count of jiffies, at which its timers fire ([`netfilter::time::Instant`]).
use std::time::Duration;

use netfilter::time::JIFFY;

use crate::outcome::Clock;

/// How many times it is tried to read both clocks within one tick.
const TRIES: u32 = 100;

/// Between the monotonic clock at a tick ([`sys::judge::last_tick`]), in jiffies, and the kernel's count. The same until the next
/// start of the machine; only /proc/timer_list tells it.
pub(super) fn ahead() -> Option<u64> {
    (0..TRIES).find_map(|_| {
        let before = sys::judge::last_tick();
        let text = std::fs::read_to_string("/proc/timer_list").ok()?;
        let count =
            text.lines().filter_map(|line| line.strip_prefix("jiffies: ")?.trim().parse::<u64>().ok());
        let count = count.max()?;
        (before == sys::judge::last_tick()).then(|| count.saturating_sub(ticks(before)))
    })
}

/// The clock of a case that has begun at `started`, with when it was begun to load the rules of each family and when that was
/// done; without rules: zero.
pub(super) fn clock(ahead: u64, started: Duration, loading: [(Duration, Duration); 2]) -> Clock {
    let start = ticks(started);
    let before = |at: Duration| if at.is_zero() { 0 } else { start.saturating_sub(ticks(at)) };
    Clock { jiffies: start + ahead, loading: loading.map(|(begun, done)| (before(begun), before(done))) }
}

/// A time of the monotonic clock in whole jiffies.
fn ticks(at: Duration) -> u64 {
    u64::try_from(at.as_nanos() / u128::from(JIFFY)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

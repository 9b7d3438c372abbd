//! The estimators of `-j RATEEST`: a moving average of bytes and packets per second (Linux: `gen_estimator`).
//!
//! Each `interval` the timer takes what was counted since the last time, as a rate, and moves the average towards it by
//! one part in 2^`average`. Rates are kept in 1/256 of a byte or packet per second.
//!
//! # Time
//! In jiffies of 4 ms, from the moment at which the estimator was made; a timer is late by what the kernel's wheel rounds up
//! ([`crate::time::fires`]), and the next one is due as if it had not been. The timer is not a real one: whoever looks at the
//! estimator or counts in it first lets it catch up. Once nothing moves any more, the rest of a pause takes no time.
use rules::Counters;
use rules::targets::rateest::Rateest;

use crate::time::{HZ, fires};

/// A quarter of a second, in jiffies: the shortest interval (Linux: `HZ/4`, which leaves 2 ms out).
const QUARTER: u64 = HZ as u64 / 4;

/// An estimator.
#[derive(Clone, Debug)]
pub(super) struct Estimator {
    /// The interval is a quarter of a second, so often doubled: 0 to 5.
    interval: u32,
    average: u32,
    counters: Counters,
    /// What of it the timer has seen.
    seen: Counters,
    rate: Rate,
    /// When the timer is due next, in jiffies; `None`: nobody told the time yet.
    next: Option<u64>,
}

/// Bytes and packets per second, in 1/256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rate {
    bytes: u64,
    packets: u64,
}

impl Estimator {
    /// An estimator that begins now (in jiffies), or when it is used first.
    pub(super) fn new(rule: &Rateest, now: Option<u64>) -> Self {
        let interval = u32::try_from(i32::from(rule.interval).clamp(-2, 3) + 2).unwrap_or(0);
        let mut own = Self {
            interval,
            average: u32::from(rule.average).clamp(1, 30),
            counters: Counters::default(),
            seen: Counters::default(),
            rate: Rate::default(),
            next: None,
        };
        own.next = now.map(|now| now + own.period());
        own
    }

    fn period(&self) -> u64 {
        QUARTER << self.interval
    }

    /// Counts a packet.
    pub(super) fn count(&mut self, bytes: usize, now: u64) {
        self.catch_up(now);
        self.counters.count(bytes);
    }

    /// Bytes and packets per second.
    pub(super) fn rates(&mut self, now: u64) -> (u64, u64) {
        self.catch_up(now);
        (self.rate.bytes >> 8, self.rate.packets >> 8)
    }

    /// Lets the timer fire as often as it should have. The averages of a pause fall by one part in 2^`average` each time
    /// until they are below 2^`average`, and then stay.
    fn catch_up(&mut self, now: u64) {
        let period = self.period();
        let next = self.next.get_or_insert(now + period);
        while fires(*next, period) <= now {
            let passed = Counters {
                packets: self.counters.packets.wrapping_sub(self.seen.packets),
                bytes: self.counters.bytes.wrapping_sub(self.seen.bytes),
            };
            self.seen = self.counters;
            let before = self.rate;
            self.rate = Rate {
                bytes: moved(before.bytes, passed.bytes, self.interval, self.average),
                packets: moved(before.packets, passed.packets, self.interval, self.average),
            };
            *next += period;
            if self.rate == before && (passed.bytes, passed.packets) == (0, 0) {
                let rest = now.saturating_sub(*next) / period;
                *next = next.saturating_add(rest.saturating_mul(period));
            }
        }
    }
}

/// The average after an interval in which so much came. Linux: both parts are cut to whole numbers before they are taken
/// from each other.
fn moved(rate: u64, passed: u64, interval: u32, average: u32) -> u64 {
    let present = passed.wrapping_shl(10 - interval);
    rate.wrapping_add((present >> average).wrapping_sub(rate >> average))
}

#[cfg(test)]
mod tests;

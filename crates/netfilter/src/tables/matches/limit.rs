//! `-m limit`: a token bucket (Linux: `limit_mt`; F71, F72).
//!
//! Time counts in jiffies of 4 ms (HZ=250, as the kernel that is the norm was built). Each jiffy gives
//! [`CREDITS`] credits up to `burst` packets' worth; a packet costs what the average rate gives between two packets.
//! All sums are 32 bits wide and wrap where the kernel's do.
use rules::matches::limit::Limit;

use super::{Held, hold};
use crate::time::{HZ, jiffies};
use crate::trace::Found;
use crate::{Env, Instant};

/// Credits for a jiffy: the largest power of two with which a day does not overflow 32 bits.
const CREDITS: u32 = 128;
/// Linux: `XT_LIMIT_SCALE`: user space counts in 1/10,000 s.
const SCALE: u32 = 10_000;

/// The rule with the state of its bucket.
#[derive(Debug)]
pub(in crate::tables) struct Bucket {
    cost: u32,
    cap: u32,
    credit: u32,
    /// When it was last looked at; `None`: not yet, and it is full.
    last: Option<u64>,
}

impl Bucket {
    pub(super) fn new(rule: &Limit) -> Self {
        let cap = credits(rule.average.wrapping_mul(rule.burst));
        Self { cost: credits(rule.average), cap, credit: cap, last: None }
    }

    pub(super) fn holds(&mut self, env: &Env<'_>) -> Held {
        hold(self.take(env.now.mono), "--limit", Found::Nothing("token left"))
    }

    fn take(&mut self, now: Instant) -> bool {
        let now = jiffies(now);
        let passed = now.wrapping_sub(self.last.unwrap_or(now));
        self.last = Some(now);
        let increase = (passed as u32).wrapping_mul(CREDITS);
        let credit = self.credit.wrapping_add(increase).min(self.cap);
        let held = self.cost <= credit;
        self.credit = if held { credit - self.cost } else { credit };
        held
    }
}

/// Linux: `user2credits`: divides first where multiplying would overflow.
fn credits(user: u32) -> u32 {
    let factor = HZ * CREDITS;
    if user > u32::MAX / factor { (user / SCALE).wrapping_mul(factor) } else { user * factor / SCALE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(per_second: u32, burst: u32) -> Bucket {
        Bucket::new(&Limit { average: SCALE / per_second, burst })
    }

    fn taken(bucket: &mut Bucket, milliseconds: u64, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(bucket.take(Instant(milliseconds * 1_000_000)))).sum()
    }

    /// F71: 10/s with burst 5: 5 of 50, about 3 more after 0.25 s, never more than the burst.
    #[test]
    fn f71_bucket_of_burst_tokens() {
        let mut bucket = bucket(10, 5);
        assert_eq!(taken(&mut bucket, 1_000, 50), 5);
        assert_eq!(taken(&mut bucket, 1_250, 50), 2);
        assert_eq!(taken(&mut bucket, 1_300, 50), 1);
        assert_eq!(taken(&mut bucket, 9_000, 50), 5);
    }

    /// One an hour: only the burst counts.
    #[test]
    fn an_hour_is_long() {
        let mut bucket = Bucket::new(&Limit { average: 3_600 * SCALE, burst: 3 });
        assert_eq!(taken(&mut bucket, 0, 10), 3);
        assert_eq!(taken(&mut bucket, 3_599_000, 10), 0);
        assert_eq!(taken(&mut bucket, 3_600_000, 10), 1);
    }

    /// Within a jiffy no credit comes.
    #[test]
    fn time_counts_in_jiffies() {
        let mut bucket = bucket(250, 1);
        assert_eq!(taken(&mut bucket, 0, 2), 1);
        assert_eq!(taken(&mut bucket, 3, 2), 0);
        assert_eq!(taken(&mut bucket, 4, 2), 1);
    }
    /// Linux: `user2credits` multiplies first as long as the product fits into 32 bits: up to 134217 at HZ=250.
    #[test]
    fn credits_divide_first_where_multiplying_would_overflow() {
        for (user, wanted) in [(15_000, 48_000), (134_217, 429_494), (134_218, 416_000), (150_000, 480_000)] {
            assert_eq!(credits(user), wanted, "{user}");
        }
    }
}

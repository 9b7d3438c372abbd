//! Time and chance as inputs.
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point of a monotonic clock: nanoseconds since an origin that the caller chooses. Never decreases between calls.
///
/// The kernel's timers fire where its count of jiffies is a round number ([`JIFFY`], [`Timer`]). Who wants them to the jiffy gives
/// the count of the machine, times `JIFFY`; any other origin moves them by up to an eighth of what they wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instant(pub u64);

impl Instant {
    /// The time from `earlier` to this; zero if `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates at the end of the clock (584 years).
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

pub(crate) use rules::wheel::{HZ, fires};

/// Nanoseconds of a jiffy.
pub const JIFFY: u64 = 1_000_000_000 / HZ as u64;

/// The kernel's clock: jiffies since the origin.
pub(crate) fn jiffies(now: Instant) -> u64 {
    now.0 / JIFFY
}

/// A timer of the kernel: it fires where the wheel is round, which is behind the time at which it is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer {
    /// When it is due: the beginning of a jiffy.
    pub due: Instant,
    /// When it fires: the beginning of a later one.
    pub fires: Instant,
}

impl Timer {
    /// One that is started now. Linux: `add_timer`.
    pub fn start(now: Instant, delay: Duration) -> Self {
        let delay = jiffies(Instant(0) + delay);
        Self::of_jiffies(jiffies(now).saturating_add(delay), delay)
    }

    /// The same timer, to be due after another time from now on. Linux: `mod_timer_pending`, which leaves a timer where it is
    /// that is due in the same jiffy as before.
    pub fn again(self, now: Instant, delay: Duration) -> Self {
        let new = Self::start(now, delay);
        if new.due == self.due { self } else { new }
    }

    /// One of which it is known how many seconds are left until it is due, less than none where it is late, and how long it was
    /// to wait if nobody has started it anew. It has not fired yet.
    pub fn found(now: Instant, left: i64, delay: Duration) -> Self {
        let left = left.saturating_mul(i64::from(HZ));
        let now = jiffies(now);
        let delay = jiffies(Instant(0) + delay).max(left.max(0).unsigned_abs());
        let own = Self::of_jiffies(now.saturating_add_signed(left), delay);
        Self { fires: own.fires.max(Instant(now.saturating_add(1).saturating_mul(JIFFY))), ..own }
    }

    fn of_jiffies(due: u64, delay: u64) -> Self {
        let [due, fires] = [due, fires(due, delay)].map(|jiffies| Instant(jiffies.saturating_mul(JIFFY)));
        Self { due, fires }
    }

    /// Whole seconds until it is due; once that is over, how long ago that was, as a number below 0.
    pub fn seconds(self, now: Instant) -> i64 {
        let [due, now] = [self.due, now].map(|at| i64::try_from(jiffies(at)).unwrap_or(i64::MAX));
        due.saturating_sub(now) / i64::from(HZ)
    }
}

/// The present: both clocks, read once for a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time: timeouts, limits.
    pub mono: Instant,
    /// Wall clock: nanoseconds since 1970 in UTC.
    pub wall: u64,
}

/// Where random choices come from. The judge replaces it to adopt the kernel's choices after checking that they are
/// legal.
pub trait Random: Send {
    /// 32 random bits.
    fn bits(&mut self) -> u32;

    /// The first candidate of a search for a free port, ICMP identifier or key (F49, F50): a value from `first` to
    /// `last`. `tuple` is the tuple so far (after the address was chosen), `end` the end whose port is sought.
    fn port(&mut self, tuple: &crate::Tuple, end: packet::rewrite::End, first: u16, last: u16) -> u16 {
        let _ = (tuple, end);
        let span = u32::from(last.saturating_sub(first)) + 1;
        // Linux: reciprocal_scale, so that every value of the range is (nearly) as likely.
        let offset = (u64::from(self.bits()) * u64::from(span)) >> 32;
        first.saturating_add(u16::try_from(offset).unwrap_or(0))
    }

    /// A port or key from `first` to `last` at which a helper expects a connection to a place, because the one that was
    /// announced is taken.
    fn expected_port(&mut self, protocol: u8, destination: std::net::IpAddr, first: u16, last: u16) -> u16 {
        let _ = (protocol, destination);
        let span = u32::from(last.saturating_sub(first)) + 1;
        let offset = (u64::from(self.bits()) * u64::from(span)) >> 32;
        first.saturating_add(u16::try_from(offset).unwrap_or(0))
    }

    /// How much an ICMP error takes from what may be sent to all machines together: 0, 1 or 2.
    fn icmp_credits(&mut self) -> u32 {
        // Linux: `get_random_u32_below(3)` in `icmp_global_consume`.
        u32::try_from((u64::from(self.bits()) * 3) >> 32).unwrap_or(0)
    }

    /// The number with which SYNPROXY answers a SYN, instead of our own cookie.
    fn cookie(&mut self, tuple: &crate::Tuple, own: u32) -> u32 {
        let _ = tuple;
        own
    }

    /// Our own cookie for one that [`Random::cookie`] may have given.
    fn own_cookie(&mut self, tuple: &crate::Tuple, given: u32) -> u32 {
        let _ = tuple;
        given
    }

    /// The timestamp with which SYNPROXY answers a SYN, instead of our own; its lowest 6 bits must stay.
    fn timestamp(&mut self, tuple: &crate::Tuple, own: u32) -> u32 {
        let _ = tuple;
        own
    }
}

/// A small seeded generator (SplitMix64). Not for secrets: the keyed hash of the connection table takes its key from
/// the caller.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// A generator; equal seeds give equal sequences.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Random for Seeded {
    fn bits(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
}

#[cfg(test)]
mod tests;

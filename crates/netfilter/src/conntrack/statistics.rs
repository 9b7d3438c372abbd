//! What connection tracking counts of itself (Linux: `struct ip_conntrack_stat`), as `conntrack -S` prints it, and how often
//! it says that it is full.
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Conntrack;
use crate::env::{Env, LogLine};
use crate::time::Instant;

/// What was counted since the table began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Tuples that NAT found taken when it looked for one.
    pub found: u64,
    /// INVALID packets.
    pub invalid: u64,
    /// New connections that could not be put into the table.
    pub insert_failed: u64,
    /// Packets that were dropped because there was no room for their connection, or that could not be put in.
    pub drop: u64,
    /// Connections that ended before their time to make room.
    pub early_drop: u64,
    /// Packets of ICMP that are INVALID, or never tracked.
    pub error: u64,
    /// Packets that joined a connection which another one had made in the meantime.
    pub clash_resolve: u64,
}

/// As `conntrack -S` prints it for one processor. Of what happens only where several processors work at once, and of what
/// only programs do, there is nothing.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, invalid, insert_failed, drop, early_drop, error, clash_resolve } = self;
        write!(
            f,
            "found={found} invalid={invalid} insert=0 insert_failed={insert_failed} drop={drop} \
             early_drop={early_drop} error={error} search_restart=0 clash_resolve={clash_resolve} chaintoolong=0"
        )
    }
}

/// The counters while they count.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) own: Statistics,
    /// Counted by those who only look.
    found: AtomicU64,
    warnings: Warning,
    /// Lines about expectations that still are to be written.
    unsaid: u32,
}

impl Counting {
    /// NAT has found a tuple taken.
    pub(super) fn found(&self) {
        self.found.fetch_add(1, Ordering::Relaxed);
    }
}

/// Most lines in an interval (Linux: `net.core.message_burst`).
const BURST: u32 = 10;
/// The interval (Linux: `net.core.message_cost`).
const INTERVAL: Duration = Duration::from_secs(5);

/// How often a line was written lately (Linux: `___ratelimit`).
#[derive(Debug, Default)]
struct Warning {
    begin: Option<Instant>,
    said: u32,
}

impl Warning {
    fn may(&mut self, now: Instant) -> bool {
        let begin = *self.begin.get_or_insert(now);
        if now.since(begin) > INTERVAL {
            (self.begin, self.said) = (Some(now), 0);
        }
        self.said += u32::from(self.said <= BURST);
        self.said <= BURST
    }
}

impl Conntrack {
    /// What was counted since the table began (`conntrack -S`).
    pub fn statistics(&self) -> Statistics {
        Statistics { found: self.counting.found.load(Ordering::Relaxed), ..self.counting.own }
    }

    /// Whether one of the lines that the kernel writes at most 10 times in 5 seconds may be written now (Linux:
    /// `net_ratelimit`: one count for all of them).
    pub(super) fn may_warn(&mut self, now: Instant) -> bool {
        self.counting.warnings.may(now)
    }

    /// There is no room for what a helper expects: [`Conntrack::warn_of_expectations`] says it.
    pub(super) fn expectations_full(&mut self, now: Instant) {
        self.counting.unsaid += u32::from(self.may_warn(now));
    }

    /// Writes the lines about expectations for which there was no room (Linux: `__nf_ct_expect_check`).
    pub(super) fn warn_of_expectations(env: &mut Env<'_>) {
        for _ in 0..std::mem::take(&mut env.conntrack.counting.unsaid) {
            env.log_line(LogLine { level: 4, text: "nf_conntrack: expectation table full".to_owned() });
        }
    }

    /// A packet is dropped because the table is full: the line of the log, at most 10 in 5 seconds.
    // Linux: `__nf_conntrack_alloc`; in another network namespace than the first one it names that one.
    pub(super) fn full(&mut self, now: Instant) -> Option<&'static str> {
        self.may_warn(now).then_some("nf_conntrack: nf_conntrack: table full, dropping packet")
    }
}

#[cfg(test)]
mod tests;

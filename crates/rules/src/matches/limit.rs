//! A token bucket (`-m limit`).

/// `-m limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The time between two packets in units of 1/10,000 s (as the kernel stores it): 3/hour is 12,000,000.
    pub average: u32,
    /// `--limit-burst`: 5 by default.
    pub burst: u32,
}

//! Some of the packets, by chance or by count (`-m statistic`).

/// `-m statistic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistic {
    /// Whether `!` stands before `--probability` or `--every`.
    pub invert: bool,
    /// How packets are chosen.
    pub mode: StatisticMode,
}

/// How `-m statistic` chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticMode {
    /// `--mode random --probability`: chance in units of 2^-31 (0 to 2^31).
    Random {
        /// The probability times 2^31, rounded as the kernel stores it.
        probability: u32,
    },
    /// `--mode nth`: packets `packet`, `packet + every`, … counted from 0 (F72).
    Nth {
        /// Every how many; at least 1.
        every: u32,
        /// The first one; below `every`.
        packet: u32,
    },
}

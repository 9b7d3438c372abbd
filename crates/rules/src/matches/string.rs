//! Bytes anywhere in a packet (`-m string`).

/// `-m string`. Offsets count from the start of the IP header (F75).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringMatch {
    /// Whether `!` stands before the pattern.
    pub invert: bool,
    /// The bytes: 1 to 128.
    pub pattern: Box<[u8]>,
    /// `--algo`.
    pub algorithm: Algorithm,
    /// `--from`: first offset, 0 by default.
    pub from: u16,
    /// `--to`: the end, 65535 by default.
    pub to: u16,
    /// `--icase`.
    pub ignore_case: bool,
}

/// `--algo`. Both find the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Boyer-Moore.
    Bm,
    /// Knuth-Pratt-Morris.
    Kmp,
}

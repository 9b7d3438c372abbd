//! The packet mark (`-m mark`).

/// `-m mark --mark`, and the payload of `-m connmark`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The value; bits outside the mask never match (F33).
    pub value: u32,
    /// The mask.
    pub mask: u32,
}

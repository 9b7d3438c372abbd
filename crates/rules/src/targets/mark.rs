//! Sets the packet mark (`-j MARK`).

/// `-j MARK`: mark = (mark & !mask) ^ value (F33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The bits that are set or toggled.
    pub value: u32,
    /// The bits that are cleared first.
    pub mask: u32,
}

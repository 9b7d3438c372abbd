//! Sets, saves or restores the connection mark (`-j CONNMARK`).

/// `-j CONNMARK` (F34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connmark {
    /// What it does.
    pub operation: Operation,
    /// The connection mark's value for `Set`.
    pub value: u32,
    /// `--ctmask`, or the mask of `--set-xmark`.
    pub connection_mask: u32,
    /// `--nfmask`.
    pub packet_mask: u32,
    /// Bits by which the mark is shifted; positive to the left, negative to the right.
    pub shift: i8,
}

/// What `-j CONNMARK` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `--set-xmark`: ctmark = (ctmark & !mask) ^ value.
    Set,
    /// `--save-mark`: from the packet to the connection.
    Save,
    /// `--restore-mark`: from the connection to the packet.
    Restore,
}

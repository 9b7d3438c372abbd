//! The source address of the Ethernet frame (`-m mac`).
use crate::Negatable;

/// `-m mac --mac-source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac {
    /// The address.
    pub source: Negatable<[u8; 6]>,
}

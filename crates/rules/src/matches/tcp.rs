//! Ports, flags and options of TCP (`-m tcp`).
use super::PortRange;
use crate::Negatable;

/// `-m tcp`. Needs `-p tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// `--sport`; 0 to 65535 is left out.
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`.
    pub destination: Option<Negatable<PortRange>>,
    /// `--tcp-flags mask comparison`, `--syn`.
    pub flags: Option<Negatable<TcpFlags>>,
    /// `--tcp-option`: the number of an option that must be present.
    pub option: Option<Negatable<u8>>,
}

/// `--tcp-flags`: of the flags in `mask` exactly those in `set` are set. Bits as in [`packet::view::tcp_flags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags {
    /// The flags that are looked at.
    pub mask: u8,
    /// Those of them that must be set.
    pub set: u8,
}

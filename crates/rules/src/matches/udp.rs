//! Ports of UDP (`-m udp`).
use super::PortRange;
use crate::Negatable;

/// `-m udp`. Needs `-p udp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// `--sport`.
    pub source: Option<Negatable<PortRange>>,
    /// `--dport`.
    pub destination: Option<Negatable<PortRange>>,
}

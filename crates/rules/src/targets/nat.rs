//! What SNAT, DNAT, MASQUERADE, REDIRECT and NETMAP have in common.
use std::net::IpAddr;

use packet::AddrMask;

use crate::matches::PortRange;

/// Where a connection is translated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatRange {
    /// Addresses, from and to; `None`: the address stays (SNAT, DNAT with ports only), or is that of the interface
    /// (MASQUERADE, REDIRECT).
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Ports (or ICMP identifiers).
    pub ports: Option<PortRange>,
    /// The base of a shifted range (`5000-5100/53`).
    pub base_port: Option<u16>,
    /// `--random`.
    pub random: bool,
    /// `--random-fully`.
    pub random_fully: bool,
    /// `--persistent`.
    pub persistent: bool,
}

/// `-j NETMAP --to`: the network part is replaced, host bits stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Netmap {
    /// The new network.
    pub to: AddrMask,
}

//! Ranges of addresses that are not prefixes (`-m iprange`).
use std::net::IpAddr;

use crate::Negatable;

/// `-m iprange`: from and to, of the rule's family, from <= to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iprange {
    /// `--src-range`.
    pub source: Option<Negatable<(IpAddr, IpAddr)>>,
    /// `--dst-range`.
    pub destination: Option<Negatable<(IpAddr, IpAddr)>>,
}

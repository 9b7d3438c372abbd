//! Address families, and addresses under a mask that need not be contiguous.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4: `iptables`.
    V4,
    /// IPv6: `ip6tables`.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The unspecified address of the family: `0.0.0.0` or `::`.
    pub fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// Bits of an address: 32 or 128.
    pub fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// An address and a mask of the same family. The mask may have holes (`10.0.0.1/255.0.0.255`), as in iptables; the
/// address has no bit outside the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddrMask {
    /// IPv4, both as host-order integers.
    V4 {
        /// The address, already masked.
        address: u32,
        /// The mask.
        mask: u32,
    },
    /// IPv6, both as host-order integers.
    V6 {
        /// The address, already masked.
        address: u128,
        /// The mask.
        mask: u128,
    },
}

impl AddrMask {
    /// An address under a mask; bits outside the mask are cleared. `None` if the families differ.
    pub fn new(address: IpAddr, mask: IpAddr) -> Option<Self> {
        match (address, mask) {
            (IpAddr::V4(address), IpAddr::V4(mask)) => {
                let mask = u32::from(mask);
                Some(Self::V4 { address: u32::from(address) & mask, mask })
            }
            (IpAddr::V6(address), IpAddr::V6(mask)) => {
                let mask = u128::from(mask);
                Some(Self::V6 { address: u128::from(address) & mask, mask })
            }
            _ => None,
        }
    }

    /// An address with a prefix length; `None` if the length exceeds the family's bits.
    pub fn prefix(address: IpAddr, length: u8) -> Option<Self> {
        match address {
            IpAddr::V4(v4) if length <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                Some(Self::V4 { address: u32::from(v4) & mask, mask })
            }
            IpAddr::V6(v6) if length <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                Some(Self::V6 { address: u128::from(v6) & mask, mask })
            }
            _ => None,
        }
    }

    /// One address alone.
    pub fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4 { address: u32::from(v4), mask: u32::MAX },
            IpAddr::V6(v6) => Self::V6 { address: u128::from(v6), mask: u128::MAX },
        }
    }

    /// The family of both parts.
    pub fn family(&self) -> Family {
        match self {
            Self::V4 { .. } => Family::V4,
            Self::V6 { .. } => Family::V6,
        }
    }

    /// The (masked) address.
    pub fn address(&self) -> IpAddr {
        match *self {
            Self::V4 { address, .. } => IpAddr::V4(address.into()),
            Self::V6 { address, .. } => IpAddr::V6(address.into()),
        }
    }

    /// The mask as an address.
    pub fn mask(&self) -> IpAddr {
        match *self {
            Self::V4 { mask, .. } => IpAddr::V4(mask.into()),
            Self::V6 { mask, .. } => IpAddr::V6(mask.into()),
        }
    }

    /// The prefix length, if the mask is contiguous.
    pub fn prefix_length(&self) -> Option<u8> {
        match *self {
            Self::V4 { mask, .. } => {
                let ones = mask.leading_ones();
                (mask.count_ones() == ones).then_some(ones as u8)
            }
            Self::V6 { mask, .. } => {
                let ones = mask.leading_ones();
                (mask.count_ones() == ones).then_some(ones as u8)
            }
        }
    }

    /// Whether the address lies under the mask; an address of the other family never does.
    #[inline]
    pub fn contains(&self, candidate: IpAddr) -> bool {
        match (*self, candidate) {
            (Self::V4 { address, mask }, IpAddr::V4(v4)) => u32::from(v4) & mask == address,
            (Self::V6 { address, mask }, IpAddr::V6(v6)) => u128::from(v6) & mask == address,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;

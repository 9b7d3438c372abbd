//! What the routing table says of an address (`-m addrtype`).
use crate::Negatable;

/// `-m addrtype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addrtype {
    /// `--src-type`: a set of [`TypeSet`] bits.
    pub source: Option<Negatable<TypeSet>>,
    /// `--dst-type`.
    pub destination: Option<Negatable<TypeSet>>,
    /// `--limit-iface-in`: only addresses of the incoming interface count.
    pub limit_in: bool,
    /// `--limit-iface-out`.
    pub limit_out: bool,
}

/// A set of address types: bit n is the kernel's `RTN_` type n (UNSPEC 0, UNICAST 1, LOCAL 2, BROADCAST 3, ANYCAST 4,
/// MULTICAST 5, BLACKHOLE 6, UNREACHABLE 7, PROHIBIT 8, THROW 9, NAT 10, XRESOLVE 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TypeSet(pub u16);

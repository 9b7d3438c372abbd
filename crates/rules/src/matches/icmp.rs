//! ICMP types (`-m icmp`).

/// `-m icmp --icmp-type`, needs `-p icmp`; also the payload of `-m icmp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Whether `!` stands before it.
    pub invert: bool,
    /// The type; 255 with codes 0 to 255 is "any" in IPv4.
    pub kind: u8,
    /// Smallest and largest code.
    pub codes: (u8, u8),
}

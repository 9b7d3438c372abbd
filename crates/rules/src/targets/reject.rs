//! Drop with an answer (`-j REJECT`).

/// `-j REJECT --reject-with`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// `icmp-…` (IPv4: type 3 with this code) or `icmp6-…` (IPv6: type 1 with this code).
    Icmp {
        /// The code of the unreachable message.
        code: u8,
    },
    /// `tcp-reset`.
    TcpReset,
}

//! ICMPv6 types (`-m icmp6`).

/// `-m icmp6 --icmpv6-type`, needs `-p icmpv6`.
pub type Icmp6 = super::icmp::Icmp;

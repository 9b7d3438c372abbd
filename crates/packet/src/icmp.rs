//! ICMP and ICMPv6 types, codes and their names (IANA), each written once.
use crate::Family;

/// ICMP types.
pub mod v4 {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const DESTINATION_UNREACHABLE: u8 = 3;
    /// Source quench.
    pub const SOURCE_QUENCH: u8 = 4;
    /// Redirect.
    pub const REDIRECT: u8 = 5;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// Timestamp request.
    pub const TIMESTAMP_REQUEST: u8 = 13;
    /// Timestamp reply.
    pub const TIMESTAMP_REPLY: u8 = 14;
    /// Information request.
    pub const INFORMATION_REQUEST: u8 = 15;
    /// Information reply.
    pub const INFORMATION_REPLY: u8 = 16;
    /// Address mask request.
    pub const ADDRESS_MASK_REQUEST: u8 = 17;
    /// Address mask reply.
    pub const ADDRESS_MASK_REPLY: u8 = 18;
}

/// ICMPv6 types.
pub mod v6 {
    /// Destination unreachable.
    pub const DESTINATION_UNREACHABLE: u8 = 1;
    /// Packet too big.
    pub const PACKET_TOO_BIG: u8 = 2;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Multicast listener query.
    pub const LISTENER_QUERY: u8 = 130;
    /// Multicast listener report.
    pub const LISTENER_REPORT: u8 = 131;
    /// Multicast listener done.
    pub const LISTENER_DONE: u8 = 132;
    /// Router solicitation.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Router advertisement.
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    /// Neighbour solicitation.
    pub const NEIGHBOUR_SOLICITATION: u8 = 135;
    /// Neighbour advertisement.
    pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
    /// Redirect.
    pub const REDIRECT: u8 = 137;
    /// Multicast listener report, version 2.
    pub const LISTENER_REPORT_V2: u8 = 143;
}

/// Whether an ICMP message of this type quotes a packet.
#[inline]
pub fn quotes_v4(kind: u8) -> bool {
    matches!(
        kind,
        v4::DESTINATION_UNREACHABLE
            | v4::SOURCE_QUENCH
            | v4::REDIRECT
            | v4::TIME_EXCEEDED
            | v4::PARAMETER_PROBLEM
    )
}

/// Whether a message of this type has an identifier that NAT may change: ICMP echo, timestamp, information and address
/// mask messages, ICMPv6 echo (Linux: `icmp_manip_pkt`, `icmpv6_manip_pkt`).
#[inline]
pub fn has_identifier(family: Family, kind: u8) -> bool {
    match family {
        Family::V4 => matches!(kind, v4::ECHO_REPLY | v4::ECHO_REQUEST | 13..=18),
        Family::V6 => matches!(kind, v6::ECHO_REQUEST | v6::ECHO_REPLY),
    }
}

/// The name of a type and code in the text form, if it has one.
pub fn name(family: Family, kind: u8, code: u8) -> Option<&'static str> {
    names(family).iter().find(|entry| (entry.1, entry.2) == (kind, code)).map(|entry| entry.0)
}

/// Type and code by the name.
pub fn by_name(family: Family, name: &str) -> Option<(u8, u8)> {
    names(family).iter().find(|entry| entry.0 == name).map(|entry| (entry.1, entry.2))
}

/// Names with type and code, in iptables' words.
pub fn names(family: Family) -> &'static [(&'static str, u8, u8)] {
    match family {
        Family::V4 => NAMES_V4,
        Family::V6 => NAMES_V6,
    }
}

const NAMES_V4: &[(&str, u8, u8)] = &[
    ("echo-reply", 0, 0),
    ("network-unreachable", 3, 0),
    ("host-unreachable", 3, 1),
    ("protocol-unreachable", 3, 2),
    ("port-unreachable", 3, 3),
    ("fragmentation-needed", 3, 4),
    ("source-route-failed", 3, 5),
    ("network-unknown", 3, 6),
    ("host-unknown", 3, 7),
    ("network-prohibited", 3, 9),
    ("host-prohibited", 3, 10),
    ("TOS-network-unreachable", 3, 11),
    ("TOS-host-unreachable", 3, 12),
    ("communication-prohibited", 3, 13),
    ("host-precedence-violation", 3, 14),
    ("precedence-cutoff", 3, 15),
    ("source-quench", 4, 0),
    ("network-redirect", 5, 0),
    ("host-redirect", 5, 1),
    ("TOS-network-redirect", 5, 2),
    ("TOS-host-redirect", 5, 3),
    ("echo-request", 8, 0),
    ("router-advertisement", 9, 0),
    ("router-solicitation", 10, 0),
    ("ttl-zero-during-transit", 11, 0),
    ("ttl-zero-during-reassembly", 11, 1),
    ("ip-header-bad", 12, 0),
    ("required-option-missing", 12, 1),
    ("timestamp-request", 13, 0),
    ("timestamp-reply", 14, 0),
    ("information-request", 15, 0),
    ("information-reply", 16, 0),
    ("address-mask-request", 17, 0),
    ("address-mask-reply", 18, 0),
];

const NAMES_V6: &[(&str, u8, u8)] = &[
    ("no-route", 1, 0),
    ("communication-prohibited", 1, 1),
    ("beyond-scope", 1, 2),
    ("address-unreachable", 1, 3),
    ("port-unreachable", 1, 4),
    ("failed-policy", 1, 5),
    ("reject-route", 1, 6),
    ("packet-too-big", 2, 0),
    ("ttl-zero-during-transit", 3, 0),
    ("ttl-zero-during-reassembly", 3, 1),
    ("bad-header", 4, 0),
    ("unknown-header-type", 4, 1),
    ("unknown-option", 4, 2),
    ("echo-request", 128, 0),
    ("echo-reply", 129, 0),
    ("listener-query", 130, 0),
    ("listener-report", 131, 0),
    ("listener-done", 132, 0),
    ("router-solicitation", 133, 0),
    ("router-advertisement", 134, 0),
    ("neighbour-solicitation", 135, 0),
    ("neighbour-advertisement", 136, 0),
    ("redirect", 137, 0),
    ("listener-report-v2", 143, 0),
];

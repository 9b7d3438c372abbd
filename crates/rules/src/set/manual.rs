//! What only the help tells of the types: the end of its text, and the revisions.
use super::kind::Kind;

/// The revisions of a type and what they brought, the newest first.
pub(crate) const fn revisions(kind: Kind) -> &'static [(u8, &'static str)] {
    match kind {
        Kind::BitmapIp => &[
            (3, "skbinfo support"),
            (2, "comment support"),
            (1, "counters support"),
            (0, "Initial revision"),
        ],
        Kind::BitmapIpMac => &[
            (3, "skbinfo support"),
            (2, "comment support"),
            (1, "counters support"),
            (0, "Initial revision"),
        ],
        Kind::BitmapPort => &[
            (3, "skbinfo support"),
            (2, "comment support"),
            (1, "counters support"),
            (0, "Initial revision"),
        ],
        Kind::HashIp => &[
            (6, "bitmask support"),
            (5, "bucketsize, initval support"),
            (4, "skbinfo support"),
            (3, "forceadd support"),
            (2, "comment support"),
            (1, "counters support"),
            (0, "Initial revision"),
        ],
        Kind::HashMac => &[(1, "bucketsize, initval support"), (0, "Initial revision")],
        Kind::HashIpMac => &[(1, "bucketsize, initval support"), (0, "Initial revision")],
        Kind::HashNet => &[
            (7, "bucketsize, initval support"),
            (6, "skbinfo support"),
            (5, "forceadd support"),
            (4, "comment support"),
            (3, "counters support"),
            (2, "nomatch flag support"),
            (1, "Add/del range support"),
            (0, "Initial revision"),
        ],
        Kind::HashNetNet => &[
            (4, "netmask and bitmask support"),
            (3, "bucketsize, initval support"),
            (2, "skbinfo support"),
            (1, "forceadd support"),
            (0, "initial revision"),
        ],
        Kind::HashIpPort => &[
            (7, "netmask and bitmask support"),
            (6, "bucketsize, initval support"),
            (5, "skbinfo support"),
            (4, "forceadd support"),
            (3, "comment support"),
            (2, "counters support"),
            (1, "SCTP and UDPLITE support"),
        ],
        Kind::HashNetPort => &[
            (8, "bucketsize, initval support"),
            (7, "skbinfo support"),
            (6, "forceadd support"),
            (5, "comment support"),
            (4, "counters support"),
            (3, "nomatch flag support"),
            (2, "Add/del range support"),
            (1, "SCTP and UDPLITE support"),
        ],
        Kind::HashIpPortIp => &[
            (6, "bucketsize, initval support"),
            (5, "skbinfo support"),
            (4, "forceadd support"),
            (3, "comment support"),
            (2, "counters support"),
            (1, "SCTP and UDPLITE support"),
        ],
        Kind::HashIpPortNet => &[
            (8, "bucketsize, initval support"),
            (7, "skbinfo support"),
            (6, "forceadd support"),
            (5, "comment support"),
            (4, "counters support"),
            (3, "nomatch flag support"),
            (2, "Add/del range support"),
            (1, "SCTP and UDPLITE support"),
        ],
        Kind::HashNetPortNet => &[
            (3, "bucketsize, initval support"),
            (2, "skbinfo support"),
            (1, "forceadd support"),
            (0, "initial revision"),
        ],
        Kind::HashNetIface => &[
            (8, "bucketsize, initval support"),
            (7, "skbinfo and wildcard support"),
            (6, "skbinfo support"),
            (5, "forceadd support"),
            (4, "comment support"),
            (3, "counters support"),
            (2, "/0 network support"),
            (1, "nomatch flag support"),
            (0, "Initial revision"),
        ],
        Kind::HashIpMark => &[
            (3, "bucketsize, initval support"),
            (2, "skbinfo support"),
            (1, "forceadd support"),
            (0, "initial revision"),
        ],
        Kind::ListSet => &[
            (3, "skbinfo support"),
            (2, "comment support"),
            (1, "counters support"),
            (0, "Initial revision"),
        ],
    }
}

/// The end of the help of a type, before the table of ports.
pub(crate) const fn usage(kind: Kind) -> &'static str {
    match kind {
        Kind::BitmapIp => {
            "where IP, FROM and TO are IPv4 addresses (or hostnames),
      CIDR is a valid IPv4 CIDR prefix."
        }
        Kind::BitmapIpMac => {
            "where IP, FROM and TO are IPv4 addresses (or hostnames),
      CIDR is a valid IPv4 CIDR prefix.
      MAC is a valid MAC address."
        }
        Kind::BitmapPort => {
            "where PORT, FROM and TO are port numbers or port names from /etc/services.
      PROTO is only needed if a service name is used and it does not exist
      as a TCP service; just the resolved service numer is stored in the set."
        }
        Kind::HashIp => {
            "where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      is supported for IPv4."
        }
        Kind::HashMac => "",
        Kind::HashIpMac => {
            "where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      MAC is a MAC address."
        }
        Kind::HashNet => {
            "where depending on the INET family
      IP is an IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix."
        }
        Kind::HashNetNet => {
            "where depending on the INET family
      IP is an IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      IP range is not supported with IPv6."
        }
        Kind::HashIpPort => {
            "where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname).
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      is supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6."
        }
        Kind::HashNetPort => {
            "where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6."
        }
        Kind::HashIpPortIp => {
            "where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname).
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      in the first IP component is supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6."
        }
        Kind::HashIpPortNet => {
            "where depending on the INET family
      IP are valid IPv4 or IPv6 addresses (or hostnames),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      in the first IP component is supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6."
        }
        Kind::HashNetPortNet => {
            "where depending on the INET family
      IP are valid IPv4 or IPv6 addresses (or hostnames),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      in both IP components are supported for IPv4.
      Adding/deleting multiple elements with TCP/SCTP/UDP/UDPLITE
      port range is supported both for IPv4 and IPv6."
        }
        Kind::HashNetIface => {
            "where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname),
      CIDR is a valid IPv4 or IPv6 CIDR prefix.
      Adding/deleting multiple elements with IPv4 is supported."
        }
        Kind::HashIpMark => {
            "where depending on the INET family
      IP is a valid IPv4 or IPv6 address (or hostname).
      Adding/deleting multiple elements in IP/CIDR or FROM-TO form
      is supported for IPv4.
      Adding/deleting single mark element
      is supported both for IPv4 and IPv6."
        }
        Kind::ListSet => "where NAME are existing set names.",
    }
}

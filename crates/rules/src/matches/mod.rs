//! The matches: a closed set, one file each. To add one: its file, its variant of [`Match`], its line in the registry.
pub mod addrtype;
pub mod cgroup;
pub mod cluster;
pub mod comment;
pub mod connbytes;
pub mod connlimit;
pub mod connmark;
pub mod conntrack;
pub mod helper;
pub mod icmp;
pub mod icmp6;
pub mod iprange;
pub mod limit;
pub mod mac;
pub mod mark;
pub mod multiport;
pub mod owner;
pub mod physdev;
pub mod quota;
pub mod state;
pub mod statistic;
pub mod string;
pub mod tcp;
pub mod udp;

/// A range of ports, both ends included, first <= last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// Smallest port.
    pub first: u16,
    /// Largest port.
    pub last: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: PortRange = PortRange { first: 0, last: u16::MAX };

    /// Whether a port lies in the range.
    #[inline]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

/// A match of a rule. Large ones are boxed, so that a rule of plain ones stays small.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// `-m addrtype`.
    Addrtype(addrtype::Addrtype),
    /// `-m cgroup`.
    Cgroup(Box<cgroup::Cgroup>),
    /// `-m cluster`.
    Cluster(cluster::Cluster),
    /// `-m comment`.
    Comment(comment::Comment),
    /// `-m connbytes`.
    Connbytes(Box<connbytes::Connbytes>),
    /// `-m connlimit`.
    Connlimit(connlimit::Connlimit),
    /// `-m connmark`.
    Connmark(connmark::Connmark),
    /// `-m conntrack`.
    Conntrack(Box<conntrack::Conntrack>),
    /// `-m helper`.
    Helper(helper::Helper),
    /// `-m icmp`.
    Icmp(icmp::Icmp),
    /// `-m icmp6`.
    Icmp6(icmp6::Icmp6),
    /// `-m iprange`.
    Iprange(Box<iprange::Iprange>),
    /// `-m limit`.
    Limit(limit::Limit),
    /// `-m mac`.
    Mac(mac::Mac),
    /// `-m mark`.
    Mark(mark::Mark),
    /// `-m multiport`.
    Multiport(multiport::Multiport),
    /// `-m owner`.
    Owner(owner::Owner),
    /// `-m physdev`.
    Physdev(Box<physdev::Physdev>),
    /// `-m quota`.
    Quota(quota::Quota),
    /// `-m state`.
    State(state::State),
    /// `-m statistic`.
    Statistic(statistic::Statistic),
    /// `-m string`.
    String(Box<string::StringMatch>),
    /// `-m tcp`.
    Tcp(tcp::Tcp),
    /// `-m udp`.
    Udp(udp::Udp),
}

impl Match {
    /// The name behind `-m`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Addrtype(_) => "addrtype",
            Self::Cgroup(_) => "cgroup",
            Self::Cluster(_) => "cluster",
            Self::Comment(_) => "comment",
            Self::Connbytes(_) => "connbytes",
            Self::Connlimit(_) => "connlimit",
            Self::Connmark(_) => "connmark",
            Self::Conntrack(_) => "conntrack",
            Self::Helper(_) => "helper",
            Self::Icmp(_) => "icmp",
            Self::Icmp6(_) => "icmp6",
            Self::Iprange(_) => "iprange",
            Self::Limit(_) => "limit",
            Self::Mac(_) => "mac",
            Self::Mark(_) => "mark",
            Self::Multiport(_) => "multiport",
            Self::Owner(_) => "owner",
            Self::Physdev(_) => "physdev",
            Self::Quota(_) => "quota",
            Self::State(_) => "state",
            Self::Statistic(_) => "statistic",
            Self::String(_) => "string",
            Self::Tcp(_) => "tcp",
            Self::Udp(_) => "udp",
        }
    }
}

// The registry: one line for each match that is modelled (`Variant: module::EXTENSION`).
crate::syntax::registry::registry! {
    Match, crate::syntax::inventory::MATCHES;
    data {
        Addrtype: addrtype::EXTENSION,
        Cgroup: cgroup::EXTENSION,
        Cluster: cluster::EXTENSION,
        Comment: comment::EXTENSION,
        Connbytes: connbytes::EXTENSION,
        Connlimit: connlimit::EXTENSION,
        Connmark: connmark::EXTENSION,
        Conntrack: conntrack::EXTENSION,
        Helper: helper::EXTENSION,
        Icmp: icmp::EXTENSION,
        Icmp6: icmp6::EXTENSION,
        Iprange: iprange::EXTENSION,
        Limit: limit::EXTENSION,
        Mac: mac::EXTENSION,
        Mark: mark::EXTENSION,
        Multiport: multiport::EXTENSION,
        Owner: owner::EXTENSION,
        Physdev: physdev::EXTENSION,
        Quota: quota::EXTENSION,
        State: state::EXTENSION,
        Statistic: statistic::EXTENSION,
        String: string::EXTENSION,
        Tcp: tcp::EXTENSION,
        Udp: udp::EXTENSION,
    }
    unit {}
}

/// The match that `-p PROTOCOL` brings with it when one of its options is used without `-m`.
pub fn implicit(protocol: u8, family: packet::Family) -> Option<crate::syntax::extension::Lookup<Match>> {
    let name = match crate::syntax::value::protocol_name(protocol)? {
        "ipv6-icmp" => "icmp6",
        "mobility-header" => "mh",
        name => name,
    };
    Some(lookup(name, family))
}

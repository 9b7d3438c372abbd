//! The matches: a closed set, one file each. To add one: its file, its variant of [`Match`], its line in the registry.
pub mod addrtype;
pub mod ah;
pub mod bpf;
pub mod cgroup;
pub mod cluster;
pub mod comment;
pub mod connbytes;
pub mod connlabel;
pub mod connlimit;
pub mod connmark;
pub mod conntrack;
pub mod cpu;
pub mod dccp;
pub mod devgroup;
pub mod dscp;
pub mod dst;
pub mod ecn;
pub mod esp;
pub mod eui64;
pub mod extension_header;
pub mod frag;
pub mod hashlimit;
pub mod hbh;
pub mod helper;
pub mod hl;
pub mod icmp;
pub mod icmp6;
pub mod ipcomp;
pub mod iprange;
pub mod ipv6header;
pub mod ipvs;
pub mod length;
pub mod limit;
pub mod mac;
pub mod mark;
pub mod mh;
pub mod multiport;
pub mod named;
pub mod nfacct;
pub mod osf;
pub mod owner;
pub mod physdev;
pub mod pkttype;
pub mod policy;
pub mod quota;
pub mod range;
pub mod rateest;
pub mod realm;
pub mod recent;
pub mod rpfilter;
pub mod rt;
pub mod sctp;
pub mod set;
pub mod socket;
pub mod srh;
pub mod state;
pub mod statistic;
pub mod string;
mod table_name;
pub mod tcp;
pub mod tcpmss;
pub mod time;
pub mod tos;
pub mod ttl;
pub mod u32;
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
    /// `-m ah` of IPv4.
    Ah(ah::Ah),
    /// `-m ah` of IPv6.
    Ah6(ah::Ah6),
    /// `-m bpf`.
    Bpf(Box<bpf::Bpf>),
    /// `-m cgroup`.
    Cgroup(Box<cgroup::Cgroup>),
    /// `-m cluster`.
    Cluster(cluster::Cluster),
    /// `-m comment`.
    Comment(comment::Comment),
    /// `-m connbytes`.
    Connbytes(Box<connbytes::Connbytes>),
    /// `-m connlabel`.
    Connlabel(Box<connlabel::Connlabel>),
    /// `-m connlimit`.
    Connlimit(connlimit::Connlimit),
    /// `-m connmark`.
    Connmark(connmark::Connmark),
    /// `-m conntrack`.
    Conntrack(Box<conntrack::Conntrack>),
    /// `-m cpu`.
    Cpu(cpu::Cpu),
    /// `-m dccp`.
    Dccp(dccp::Dccp),
    /// `-m devgroup`.
    Devgroup(Box<devgroup::Devgroup>),
    /// `-m dscp`.
    Dscp(dscp::Dscp),
    /// `-m dst`.
    Dst(Box<dst::Dst>),
    /// `-m ecn`.
    Ecn(ecn::Ecn),
    /// `-m esp`.
    Esp(esp::Esp),
    /// `-m eui64`.
    Eui64(eui64::Eui64),
    /// `-m frag`.
    Frag(frag::Frag),
    /// `-m hbh`.
    Hbh(Box<hbh::Hbh>),
    /// `-m hashlimit`.
    Hashlimit(Box<hashlimit::Hashlimit>),
    /// `-m helper`.
    Helper(helper::Helper),
    /// `-m hl`.
    Hl(hl::Hl),
    /// `-m icmp`.
    Icmp(icmp::Icmp),
    /// `-m icmp6`.
    Icmp6(icmp6::Icmp6),
    /// `-m ipcomp`.
    Ipcomp(ipcomp::Ipcomp),
    /// `-m iprange`.
    Iprange(Box<iprange::Iprange>),
    /// `-m ipv6header`.
    Ipv6Header(ipv6header::Ipv6Header),
    /// `-m ipvs`.
    Ipvs(Box<ipvs::Ipvs>),
    /// `-m length`.
    Length(length::Length),
    /// `-m limit`.
    Limit(limit::Limit),
    /// `-m mac`.
    Mac(mac::Mac),
    /// `-m mark`.
    Mark(mark::Mark),
    /// `-m mh`.
    Mh(mh::Mh),
    /// `-m multiport`.
    Multiport(multiport::Multiport),
    /// `-m nfacct`.
    Nfacct(nfacct::Nfacct),
    /// `-m osf`.
    Osf(osf::Osf),
    /// `-m owner`.
    Owner(owner::Owner),
    /// `-m physdev`.
    Physdev(Box<physdev::Physdev>),
    /// `-m pkttype`.
    Pkttype(pkttype::Pkttype),
    /// `-m policy`.
    Policy(Box<policy::Policy>),
    /// `-m quota`.
    Quota(quota::Quota),
    /// `-m rateest`.
    Rateest(Box<rateest::Rateest>),
    /// `-m realm`.
    Realm(Box<realm::Realm>),
    /// `-m recent`.
    Recent(Box<recent::Recent>),
    /// `-m rpfilter`.
    Rpfilter(rpfilter::Rpfilter),
    /// `-m rt`.
    Rt(Box<rt::Rt>),
    /// `-m sctp`.
    Sctp(Box<sctp::Sctp>),
    /// `-m set`.
    Set(Box<set::SetMatch>),
    /// `-m socket`.
    Socket(socket::Socket),
    /// `-m srh`.
    Srh(Box<srh::Srh>),
    /// `-m state`.
    State(state::State),
    /// `-m statistic`.
    Statistic(statistic::Statistic),
    /// `-m string`.
    String(Box<string::StringMatch>),
    /// `-m tcp`.
    Tcp(tcp::Tcp),
    /// `-m tcpmss`.
    Tcpmss(tcpmss::Tcpmss),
    /// `-m time`.
    Time(Box<time::Time>),
    /// `-m tos`.
    Tos(tos::Tos),
    /// `-m ttl`.
    Ttl(ttl::Ttl),
    /// `-m u32`.
    U32(u32::U32),
    /// `-m udp`.
    Udp(udp::Udp),
}

impl Match {
    /// The name behind `-m`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Addrtype(_) => "addrtype",
            Self::Ah(_) | Self::Ah6(_) => "ah",
            Self::Bpf(_) => "bpf",
            Self::Cgroup(_) => "cgroup",
            Self::Cluster(_) => "cluster",
            Self::Comment(_) => "comment",
            Self::Connbytes(_) => "connbytes",
            Self::Connlabel(_) => "connlabel",
            Self::Connlimit(_) => "connlimit",
            Self::Connmark(_) => "connmark",
            Self::Conntrack(_) => "conntrack",
            Self::Cpu(_) => "cpu",
            Self::Dccp(_) => "dccp",
            Self::Devgroup(_) => "devgroup",
            Self::Dscp(_) => "dscp",
            Self::Dst(_) => "dst",
            Self::Ecn(_) => "ecn",
            Self::Esp(_) => "esp",
            Self::Eui64(_) => "eui64",
            Self::Frag(_) => "frag",
            Self::Hbh(_) => "hbh",
            Self::Hashlimit(_) => "hashlimit",
            Self::Helper(_) => "helper",
            Self::Hl(_) => "hl",
            Self::Icmp(_) => "icmp",
            Self::Icmp6(_) => "icmp6",
            Self::Ipcomp(_) => "ipcomp",
            Self::Iprange(_) => "iprange",
            Self::Ipv6Header(_) => "ipv6header",
            Self::Ipvs(_) => "ipvs",
            Self::Length(_) => "length",
            Self::Limit(_) => "limit",
            Self::Mac(_) => "mac",
            Self::Mark(_) => "mark",
            Self::Mh(_) => "mh",
            Self::Multiport(_) => "multiport",
            Self::Nfacct(_) => "nfacct",
            Self::Osf(_) => "osf",
            Self::Owner(_) => "owner",
            Self::Physdev(_) => "physdev",
            Self::Pkttype(_) => "pkttype",
            Self::Policy(_) => "policy",
            Self::Quota(_) => "quota",
            Self::Rateest(_) => "rateest",
            Self::Realm(_) => "realm",
            Self::Recent(_) => "recent",
            Self::Rpfilter(_) => "rpfilter",
            Self::Rt(_) => "rt",
            Self::Sctp(_) => "sctp",
            Self::Set(_) => "set",
            Self::Socket(_) => "socket",
            Self::Srh(_) => "srh",
            Self::State(_) => "state",
            Self::Statistic(_) => "statistic",
            Self::String(_) => "string",
            Self::Tcp(_) => "tcp",
            Self::Tcpmss(_) => "tcpmss",
            Self::Time(_) => "time",
            Self::Tos(_) => "tos",
            Self::Ttl(_) => "ttl",
            Self::U32(_) => "u32",
            Self::Udp(_) => "udp",
        }
    }
}

// The registry: one line for each match that is modelled (`Variant: module::EXTENSION`).
crate::syntax::registry::registry! {
    Match, crate::syntax::inventory::MATCHES;
    data {
        Addrtype: addrtype::EXTENSION,
        Ah6: ah::EXTENSION_V6,
        Ah: ah::EXTENSION,
        Bpf: bpf::EXTENSION,
        Cgroup: cgroup::EXTENSION,
        Cluster: cluster::EXTENSION,
        Comment: comment::EXTENSION,
        Connbytes: connbytes::EXTENSION,
        Connlabel: connlabel::EXTENSION,
        Connlimit: connlimit::EXTENSION,
        Connmark: connmark::EXTENSION,
        Conntrack: conntrack::EXTENSION,
        Cpu: cpu::EXTENSION,
        Dccp: dccp::EXTENSION,
        Devgroup: devgroup::EXTENSION,
        Dscp: dscp::EXTENSION,
        Dst: dst::EXTENSION,
        Ecn: ecn::EXTENSION,
        Esp: esp::EXTENSION,
        Eui64: eui64::EXTENSION,
        Frag: frag::EXTENSION,
        Hbh: hbh::EXTENSION,
        Hashlimit: hashlimit::EXTENSION,
        Helper: helper::EXTENSION,
        Hl: hl::EXTENSION,
        Icmp6: icmp6::EXTENSION,
        Icmp: icmp::EXTENSION,
        Ipcomp: ipcomp::EXTENSION,
        Iprange: iprange::EXTENSION,
        Ipv6Header: ipv6header::EXTENSION,
        Ipvs: ipvs::EXTENSION,
        Length: length::EXTENSION,
        Limit: limit::EXTENSION,
        Mac: mac::EXTENSION,
        Mark: mark::EXTENSION,
        Mh: mh::EXTENSION,
        Multiport: multiport::EXTENSION,
        Nfacct: nfacct::EXTENSION,
        Osf: osf::EXTENSION,
        Owner: owner::EXTENSION,
        Physdev: physdev::EXTENSION,
        Pkttype: pkttype::EXTENSION,
        Policy: policy::EXTENSION,
        Quota: quota::EXTENSION,
        Rateest: rateest::EXTENSION,
        Realm: realm::EXTENSION,
        Recent: recent::EXTENSION,
        Rpfilter: rpfilter::EXTENSION,
        Rt: rt::EXTENSION,
        Sctp: sctp::EXTENSION,
        Set: set::EXTENSION,
        Socket: socket::EXTENSION,
        Srh: srh::EXTENSION,
        State: state::EXTENSION,
        Statistic: statistic::EXTENSION,
        String: string::EXTENSION,
        Tcp: tcp::EXTENSION,
        Tcpmss: tcpmss::EXTENSION,
        Time: time::EXTENSION,
        Tos: tos::EXTENSION,
        Ttl: ttl::EXTENSION,
        U32: u32::EXTENSION,
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

//! Every match and target of upstream iptables 1.8.13, so that one which is not modelled here is named as such and is
//! never mistaken for a typing error.
use packet::Family;

use super::extension::Families::{self, Both, V4, V6};

/// The matches of upstream (62 names), with their families.
pub const MATCHES: &[(&str, Families)] = &[
    ("addrtype", Both),
    ("ah", Both),
    ("bpf", Both),
    ("cgroup", Both),
    ("cluster", Both),
    ("comment", Both),
    ("connbytes", Both),
    ("connlabel", Both),
    ("connlimit", Both),
    ("connmark", Both),
    ("conntrack", Both),
    ("cpu", Both),
    ("dccp", Both),
    ("devgroup", Both),
    ("dscp", Both),
    ("dst", V6),
    ("ecn", Both),
    ("esp", Both),
    ("eui64", V6),
    ("frag", V6),
    ("hashlimit", Both),
    ("hbh", V6),
    ("helper", Both),
    ("hl", V6),
    ("icmp", V4),
    ("icmp6", V6),
    ("ipcomp", Both),
    ("iprange", Both),
    ("ipv6header", V6),
    ("ipvs", Both),
    ("length", Both),
    ("limit", Both),
    ("mac", Both),
    ("mark", Both),
    ("mh", V6),
    ("multiport", Both),
    ("nfacct", Both),
    ("osf", V4),
    ("owner", Both),
    ("physdev", Both),
    ("pkttype", Both),
    ("policy", Both),
    ("quota", Both),
    ("rateest", Both),
    ("realm", V4),
    ("recent", Both),
    ("rpfilter", Both),
    ("rt", V6),
    ("sctp", Both),
    ("set", Both),
    ("socket", Both),
    ("srh", V6),
    ("state", Both),
    ("statistic", Both),
    ("string", Both),
    ("tcp", Both),
    ("tcpmss", Both),
    ("time", Both),
    ("tos", Both),
    ("ttl", V4),
    ("u32", Both),
    ("udp", Both),
];

/// The targets of upstream that are extensions (39 names with `standard`, which is ACCEPT, DROP, QUEUE and RETURN).
pub const TARGETS: &[(&str, Families)] = &[
    ("standard", Both),
    ("AUDIT", Both),
    ("CHECKSUM", Both),
    ("CLASSIFY", Both),
    ("CLUSTERIP", V4),
    ("CONNMARK", Both),
    ("CONNSECMARK", Both),
    ("CT", Both),
    ("DNAT", Both),
    ("DNPT", V6),
    ("DSCP", Both),
    ("ECN", V4),
    ("HL", V6),
    ("HMARK", Both),
    ("IDLETIMER", Both),
    ("LED", Both),
    ("LOG", Both),
    ("MARK", Both),
    ("MASQUERADE", Both),
    ("NETMAP", Both),
    ("NFLOG", Both),
    ("NFQUEUE", Both),
    ("NOTRACK", Both),
    ("RATEEST", Both),
    ("REDIRECT", Both),
    ("REJECT", Both),
    ("SECMARK", Both),
    ("SET", Both),
    ("SNAT", Both),
    ("SNPT", V6),
    ("SYNPROXY", Both),
    ("TCPMSS", Both),
    ("TCPOPTSTRIP", Both),
    ("TEE", Both),
    ("TOS", Both),
    ("TPROXY", Both),
    ("TRACE", Both),
    ("TTL", V4),
    ("ULOG", V4),
];

/// Extensions that the command knows and the kernel has not (measured on 6.18), each with the only revision of theirs.
const NOT_IN_KERNEL: &[(&str, u8)] = &[("CLUSTERIP", 0), ("LED", 0), ("ULOG", 0), ("ipvs", 0)];

/// What the command says when it loads an extension that the kernel has not.
pub fn missing(name: &str) -> Option<String> {
    let (_, revision) = NOT_IN_KERNEL.iter().find(|(own, _)| *own == name)?;
    Some(format!("Warning: Extension {name} revision {revision} not supported, missing kernel module?"))
}

/// Whether upstream has a name of one of the two lists in a family.
pub fn exists(list: &[(&str, Families)], name: &str, family: Family) -> bool {
    list.iter().any(|(own, families)| *own == name && families.has(family))
}

/// The names behind `-j` in a family that are not chains, modelled or not.
pub fn target_names<'a>(family: Family) -> impl Iterator<Item = &'a str> {
    let extensions = TARGETS
        .iter()
        .filter(move |(_, families)| families.has(family))
        .map(|&(name, _)| -> &'a str { name });
    ["ACCEPT", "DROP", "RETURN", "QUEUE"].into_iter().chain(extensions)
}

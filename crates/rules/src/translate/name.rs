//! Names and texts as nft can read them.
use std::borrow::Cow;

use crate::put;

/// Words of nft's grammar that cannot be the name of a chain (measured with nft 1.0.6, and those that later versions
/// added), sorted.
const WORDS: &[&str] = &[
    "accept",
    "add",
    "ah",
    "all",
    "and",
    "arp",
    "auto-merge",
    "bridge",
    "cgroup",
    "chain",
    "comment",
    "comp",
    "constant",
    "continue",
    "counter",
    "cpu",
    "create",
    "ct",
    "day",
    "dccp",
    "define",
    "delete",
    "describe",
    "destroy",
    "device",
    "devices",
    "dnat",
    "drop",
    "dst",
    "dup",
    "dynamic",
    "ecn",
    "element",
    "elements",
    "eq",
    "esp",
    "ether",
    "exists",
    "expires",
    "export",
    "exthdr",
    "fib",
    "flags",
    "flow",
    "flowtable",
    "flush",
    "frag",
    "fwd",
    "gc-interval",
    "ge",
    "geneve",
    "goto",
    "gre",
    "gretap",
    "gt",
    "handle",
    "hbh",
    "hook",
    "hour",
    "ibriport",
    "ibrname",
    "icmp",
    "icmpv6",
    "igmp",
    "iif",
    "iifgroup",
    "iifname",
    "iiftype",
    "import",
    "include",
    "index",
    "inet",
    "inner",
    "insert",
    "interval",
    "ip",
    "ip6",
    "ipsec",
    "jhash",
    "jump",
    "last",
    "le",
    "limit",
    "list",
    "log",
    "lshift",
    "lt",
    "map",
    "mark",
    "masquerade",
    "meta",
    "meter",
    "mh",
    "missing",
    "monitor",
    "ne",
    "netdev",
    "nftrace",
    "not",
    "notrack",
    "numgen",
    "obriport",
    "obrname",
    "offload",
    "oif",
    "oifgroup",
    "oifname",
    "oiftype",
    "or",
    "osf",
    "pkttype",
    "policy",
    "position",
    "priority",
    "queue",
    "quota",
    "random",
    "redefine",
    "redirect",
    "reject",
    "rename",
    "replace",
    "reset",
    "return",
    "rshift",
    "rt",
    "rt0",
    "rt2",
    "rtclassid",
    "rule",
    "ruleset",
    "sctp",
    "secmark",
    "set",
    "size",
    "skgid",
    "skuid",
    "snat",
    "socket",
    "srh",
    "symhash",
    "synproxy",
    "table",
    "tcp",
    "th",
    "time",
    "timeout",
    "tproxy",
    "type",
    "typeof",
    "udp",
    "udplite",
    "undefine",
    "update",
    "vlan",
    "vmap",
    "vxlan",
    "xor",
    "xt",
];

/// What stands before the name of a chain that nft cannot write as it is.
const PREFIX: &str = "ipt_";

/// The name of a chain in nft: as in iptables where nft can write it; else `ipt_` and the name, in which every byte but
/// letters, digits, `-` and `.` is `_` and its two hexadecimal digits. Two names never become one.
pub fn chain(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let start =
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_' || first == b'.');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    if start && bytes.all(plain) && WORDS.binary_search(&name).is_err() && !name.starts_with(PREFIX) {
        return Cow::Borrowed(name);
    }
    let mut out = String::from(PREFIX);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' {
            out.push(char::from(byte));
        } else {
            put!(out, "_{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// A text in double quotes; `None` where nft would read something else.
pub fn quoted(text: &str) -> Option<String> {
    // Linux: nft puts the value of a variable where a text has a dollar sign.
    (!text.contains(['"', '$', '\n', '\r'])).then(|| format!("\"{text}\""))
}

/// The longest comment of a rule in bytes (nft: `NFTNL_UDATA_COMMENT_MAXLEN`, the end counted).
const COMMENT_MAX: usize = 127;

/// The comments of a rule behind it: nft has one, of 127 bytes, without double quotes.
pub(super) fn comment(texts: &[String]) -> String {
    if texts.is_empty() {
        return String::new();
    }
    let mut text = texts.join(" / ").replace('"', "'").replace(['\n', '\r'], " ");
    text.truncate(text.floor_char_boundary(COMMENT_MAX));
    format!(" comment \"{text}\"")
}

/// A command as a word of a shell, in single quotes.
pub fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

//! The network of a case in the words of the engine.
use netfilter::xfrm::{Policies, text};

use crate::case::{Case, family_of_route};
use crate::kernel::{ADDRESSES, BRIDGE_ADDRESS, DEVICES, port_address};

/// The judge's network tells nobody of shorter ways, and of errors everybody (`kernel::setup`).
const TALKATIVE: &str = "sysctl net.ipv4.conf.all.send_redirects=0\n\
    sysctl net.ipv4.conf.default.send_redirects=0\n\
    sysctl net.ipv4.icmp_ratelimit=0\n\
    sysctl net.ipv4.icmp_ratemask=0\n\
    sysctl net.ipv4.icmp_msgs_per_sec=1000000\n\
    sysctl net.ipv4.icmp_msgs_burst=1000000\n\
    sysctl net.ipv6.icmp.ratelimit=0\n\
    sysctl net.ipv6.icmp.ratemask=\n";

/// The policies of IPsec that a case adds.
pub(super) fn policies(case: &Case) -> Policies {
    let mut listed: Vec<String> = Vec::new();
    let mut default = String::new();
    for change in &case.network {
        let words: Vec<&str> = change.split_whitespace().collect();
        match words.as_slice() {
            ["ip", "xfrm", "policy", "add", words @ ..] => listed.push(text::of_words(words)),
            ["ip", "xfrm", "policy", "setdefault", words @ ..] => {
                for pair in words.chunks(2) {
                    default.push_str(&format!("{}\n", pair.join(": ")));
                }
            }
            _ => {}
        }
    }
    // The kernel lists the newest first.
    listed.reverse();
    let mut policies = text::parse(&listed.concat());
    text::read_default(&default, &mut policies);
    policies
}

/// The usual network with the changes of a case, in the text that the engine reads.
pub fn network_text(case: &Case) -> Result<String, String> {
    let changes: Vec<Vec<&str>> = case.network.iter().map(|line| line.split_whitespace().collect()).collect();
    let mut out = String::from(TALKATIVE);
    let mtu = |device: &str| {
        changes.iter().find_map(|words| match words.as_slice() {
            ["mtu", own, mtu] if *own == device => mtu.parse::<u32>().ok(),
            _ => None,
        })
    };
    // `ip link set DEVICE type bridge_slave WORDS`, `… type bridge WORDS`.
    let slave_words = |kind: &str, device: &str| {
        let of = changes.iter().filter_map(|words| match words.as_slice() {
            ["ip", "link", "set", own, "type", own_kind, words @ ..]
                if (*own, *own_kind) == (device, kind) =>
            {
                Some(words.join(" "))
            }
            _ => None,
        });
        of.collect::<Vec<_>>().join(" ")
    };
    let mtu_words = |mtu: Option<u32>| mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
    for device in DEVICES {
        let group = changes.iter().find_map(|words| match words.as_slice() {
            ["ip", "link", "set", own, "group", group] if *own == device => Some(format!(" group {group}")),
            _ => None,
        });
        let group = group.unwrap_or_default();
        // A TUN device asks for nobody.
        out.push_str(&format!("device {device} noarp{}{group}\n", mtu_words(mtu(device))));
    }
    for words in &changes {
        let ["bridge", name, "ports", ports @ ..] = words.as_slice() else { continue };
        // Linux: `br_mtu_auto_adjust`.
        let least = mtu_words(ports.iter().filter_map(|port| mtu(port)).min());
        out.push_str(&format!(
            "device {name} type bridge mac {BRIDGE_ADDRESS}{least} {}\n",
            slave_words("bridge", name)
        ));
        for (place, port) in ports.iter().enumerate() {
            let mtu = mtu_words(mtu(port));
            let words = slave_words("bridge_slave", port);
            out.push_str(&format!("device {port} master {name} mac {}{mtu} {words}\n", port_address(place)));
        }
        out.push_str(
            "sysctl net.bridge.bridge-nf-call-iptables=1\nsysctl net.bridge.bridge-nf-call-ip6tables=1\n",
        );
    }
    out.push_str("sysctl net.ipv4.ip_forward=1\nsysctl net.ipv6.conf.all.forwarding=1\n");
    out.push_str("sysctl net.ipv4.conf.all.accept_local=1\n");
    let bare = |device: &str| changes.iter().any(|words| words.as_slice() == ["bare", device]);
    for (device, address) in ADDRESSES.into_iter().filter(|(device, _)| !bare(device)) {
        out.push_str(&format!("address {address} dev {device}\n"));
    }
    if !bare("wan0") {
        out.push_str(
            "route default via 203.0.113.254 dev wan0\n-6 route default via 2001:db8::fe dev wan0\n",
        );
    }
    for words in &changes {
        match words.as_slice() {
            ["address", device, address, more @ ..] => {
                out.push_str(&format!(
                    "address {address} dev {device} {}
",
                    more.join(" ")
                ));
            }
            [
                "alert" | "alone" | "watch" | "mtu" | "bare" | "module" | "nfacct" | "nfct" | "osf"
                | "statistics" | "parameter" | "fact" | "cpu" | "cgroup" | "bridge",
                ..,
            ] => {}
            ["mark", mark, table] => {
                out.push_str(&format!(
                    "-4 rule fwmark {mark} table {table}\n-6 rule fwmark {mark} table {table}\n"
                ));
            }
            ["route", table, prefix, rest @ ..] => {
                let family = family_of_route(prefix, rest);
                let kind = match rest {
                    [kind @ ("blackhole" | "unreachable" | "prohibit")] => kind,
                    _ => "",
                };
                let rest = if kind.is_empty() { rest.join(" ") } else { String::new() };
                out.push_str(&format!("{family} route {kind} {prefix} {rest} table {table}\n"));
            }
            ["ip", "link" | "xfrm", ..] => {}
            ["worlds", ..] => {}
            ["cache", rest @ ..] => out.push_str(&format!("cache {}\n", rest.join(" "))),
            ["join", rest @ ..] => out.push_str(&format!("maddr {}\n", rest.join(" "))),
            ["ip", "neigh", "add", address, "lladdr", mac, "dev", device, ..] => {
                out.push_str(&format!("neigh {address} lladdr {mac} dev {device}\n"));
            }
            ["fdb", "add", rest @ ..] => out.push_str(&format!("fdb {}\n", rest.join(" "))),
            ["ip", rest @ ..] => {
                out.push_str(&rest.join(" "));
                out.push('\n');
            }
            ["sysctl", name, _]
                if ["nf_conntrack", "early_demux", ".ipfrag_", "accept_redirects"]
                    .iter()
                    .any(|own| name.contains(own)) => {}
            ["sysctl", name, value] => out.push_str(&format!("sysctl {name}={value}\n")),
            _ => return Err(format!("unknown change of the network: `{}`", words.join(" "))),
        }
    }
    Ok(out)
}

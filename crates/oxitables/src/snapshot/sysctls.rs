//! The settings of a host: which are collected, and what they set.
use std::collections::BTreeMap;
use std::time::Duration;

use netfilter::route::sysctl::{Refusal, Sysctls};
use netfilter::{Network, conntrack, defrag, env};

use super::{Problem, Section};

/// Single settings, and folders of which everything is collected. A folder of devices has a star.
const COLLECTED: [&str; 24] = [
    "net/core/xfrm_larval_drop",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_default_ttl",
    "net/ipv4/ip_early_demux",
    "net/ipv4/tcp_early_demux",
    "net/ipv4/udp_early_demux",
    "net/ipv4/fwmark_reflect",
    "net/ipv4/tcp_fwmark_accept",
    "net/ipv4/icmp_msgs_burst",
    "net/ipv4/icmp_msgs_per_sec",
    "net/ipv4/icmp_ratelimit",
    "net/ipv4/icmp_ratemask",
    "net/ipv4/ipfrag_time",
    "net/ipv4/ipfrag_high_thresh",
    "net/ipv4/ipfrag_max_dist",
    "net/ipv4/ip_forward_use_pmtu",
    "net/ipv4/route/error_burst",
    "net/ipv4/route/error_cost",
    "net/ipv4/route/redirect_load",
    "net/ipv4/route/redirect_number",
    "net/ipv4/route/redirect_silence",
    "net/ipv6/fwmark_reflect",
    "net/ipv6/icmp/ratelimit",
    "net/ipv6/icmp/ratemask",
];

/// Settings of each device.
const OF_DEVICES: [(&str, &[&str]); 2] = [
    (
        "net/ipv4/conf",
        &[
            "accept_local",
            "accept_source_route",
            "bc_forwarding",
            "disable_policy",
            "disable_xfrm",
            "forwarding",
            "ignore_routes_with_linkdown",
            "mc_forwarding",
            "route_localnet",
            "rp_filter",
            "send_redirects",
            "shared_media",
            "src_valid_mark",
        ],
    ),
    (
        "net/ipv6/conf",
        &[
            "accept_source_route",
            "disable_ipv6",
            "disable_policy",
            "force_forwarding",
            "forwarding",
            "hop_limit",
            "ignore_routes_with_linkdown",
            "mc_forwarding",
            "rpl_seg_enabled",
            "seg6_enabled",
            "seg6_require_hmac",
            "use_tempaddr",
        ],
    ),
];

/// Folders of which every number is collected.
const FOLDERS: [&str; 2] = ["net/netfilter", "net/bridge"];

/// Reads the settings of this host.
pub(super) fn collect() -> Result<String, String> {
    let mut names: Vec<String> = COLLECTED.map(str::to_owned).to_vec();
    for (folder, keys) in OF_DEVICES {
        for device in entries(folder) {
            names.extend(keys.iter().map(|key| format!("{folder}/{device}/{key}")));
        }
    }
    for folder in FOLDERS {
        names.extend(entries(folder).into_iter().map(|name| format!("{folder}/{name}")));
    }
    let mut out = String::new();
    for name in names {
        if let Ok(value) = std::fs::read_to_string(format!("/proc/sys/{name}")) {
            let value = value.trim();
            if !value.contains('\n') {
                out.push_str(&format!("{name} = {value}\n"));
            }
        }
    }
    if out.is_empty() { Err("no settings under /proc/sys/net".to_owned()) } else { Ok(out) }
}

fn entries(folder: &str) -> Vec<String> {
    let Ok(found) = std::fs::read_dir(format!("/proc/sys/{folder}")) else { return Vec::new() };
    let mut names: Vec<String> =
        found.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// What settings set, besides those of the network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Of packets that the machine makes.
    pub(crate) engine: env::Settings,
    /// Of connection tracking.
    pub(crate) conntrack: conntrack::Config,
    /// Of fragments.
    pub(crate) defrag: defrag::Settings,
    /// Whether a connection that is accepted has the mark of its first packet (`tcp_fwmark_accept`).
    pub(crate) accepts_marks: bool,
    /// Lines for the facts of the machine.
    pub(crate) machine: String,
}

/// Reads the lines of a section (`sysctl -a`, or what [`collect`] has written). Settings that do not change the way of a
/// packet are passed over.
pub(super) fn read(
    section: &Section,
    text: &str,
    network: &mut Network,
    notes: &mut Vec<String>,
) -> Result<Settings, Problem> {
    let mut settings = Settings::default();
    // Linux: accounting is off unless it is switched on.
    settings.conntrack.acct = false;
    let mut ways = Sysctls::default();
    let mut hops: BTreeMap<u8, usize> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let wrong = |what: String| Problem { line: section.line + at, what };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=').map(|(name, value)| (name.trim(), value.trim()))
        else {
            return Err(wrong("a setting is NAME = VALUE".to_owned()));
        };
        let name = with_slashes(name);
        match ways.read(network, &name, value) {
            Ok(()) => continue,
            // A device that has gone between two looks at the host.
            Err(Refusal::Device) => continue,
            Err(Refusal::Value) => {
                return Err(wrong(format!("{name}: not a number, or out of range: `{value}`")));
            }
            Err(Refusal::Unknown) => {}
        }
        let number = || value.parse::<u64>().map_err(|_| wrong(format!("{name}: not a number: `{value}`")));
        match name.strip_prefix("net/").unwrap_or(&name) {
            "ipv4/ip_default_ttl" => {
                settings.engine.default_ttl =
                    u8::try_from(number()?).map_err(|_| wrong(format!("{name}: at most 255")))?;
            }
            "ipv4/tcp_fwmark_accept" => settings.accepts_marks = number()? != 0,
            "ipv4/ipfrag_time" => settings.defrag.timeout_v4 = Duration::from_secs(number()?),
            "ipv4/ipfrag_high_thresh" => {
                settings.defrag.most_memory_v4 = usize::try_from(number()?).unwrap_or(usize::MAX);
            }
            "ipv4/ipfrag_max_dist" => {
                settings.defrag.most_distance = u32::try_from(number()?).unwrap_or(u32::MAX);
            }
            "netfilter/nf_conntrack_frag6_high_thresh" => {
                settings.defrag.most_memory_v6 = usize::try_from(number()?).unwrap_or(usize::MAX);
            }
            "netfilter/nf_conntrack_frag6_timeout" => {
                settings.defrag.timeout_v6 = Duration::from_secs(number()?);
            }
            "ipv4/ip_early_demux" | "ipv4/tcp_early_demux" | "ipv4/udp_early_demux" => {
                let name = name.replace('/', ".");
                settings.machine.push_str(&format!("sysctl {name}={}\n", number()?));
            }
            other => {
                if let Some(own) = other.strip_prefix("netfilter/nf_conntrack_") {
                    // What is no number (names of helpers) and what is not known changes no packet's way.
                    if let Ok(number) = value.parse() {
                        settings.conntrack.set(own, number);
                    }
                } else if let Some(device) =
                    other.strip_prefix("ipv6/conf/").and_then(|rest| rest.strip_suffix("/hop_limit"))
                    && !matches!(device, "all" | "default")
                    && let Ok(hop) = u8::try_from(number()?)
                {
                    *hops.entry(hop).or_default() += 1;
                }
            }
        }
    }
    ways.settle(network);
    if let Some((hop, _)) = hops.iter().max_by_key(|(_, count)| **count) {
        settings.engine.default_hop_limit = *hop;
    }
    if hops.len() > 1 {
        let hop = settings.engine.default_hop_limit;
        notes.push(format!("hop_limit differs between devices: answers of IPv6 are traced with {hop}"));
    }
    Ok(settings)
}

/// `net.ipv4.conf.eth0/100.rp_filter` as `net/ipv4/conf/eth0.100/rp_filter`.
fn with_slashes(name: &str) -> String {
    if name.starts_with("net/") {
        return name.to_owned();
    }
    name.chars()
        .map(|letter| match letter {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect()
}

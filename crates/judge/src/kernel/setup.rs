//! The usual network and the settings that make the kernel repeatable (kernel-facts 2.1).
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::case::family_of_route;
use crate::process;

/// Devices of the usual network.
pub const DEVICES: [&str; 3] = ["lan0", "dmz0", "wan0"];

/// Their addresses.
pub const ADDRESSES: [(&str, &str); 6] = [
    ("lan0", "10.0.1.1/24"),
    ("dmz0", "10.0.2.1/24"),
    ("wan0", "203.0.113.1/24"),
    ("lan0", "fd00:1::1/64"),
    ("dmz0", "fd00:2::1/64"),
    ("wan0", "2001:db8::1/64"),
];

/// Where the multicast reports of IPv6 go that a router sends when it starts (ff02::16).
pub(super) const ALL_MLD_ROUTERS: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16));

const SYSCTLS: &[(&str, &str)] = &[
    ("net.ipv4.ip_forward", "1"),
    ("net.ipv6.conf.all.forwarding", "1"),
    ("net.ipv4.icmp_ratelimit", "0"),
    ("net.ipv4.icmp_ratemask", "0"),
    ("net.ipv4.icmp_msgs_per_sec", "1000000"),
    ("net.ipv4.icmp_msgs_burst", "1000000"),
    ("net.ipv6.icmp.ratelimit", "0"),
    ("net.ipv6.icmp.ratemask", "\n"),
    ("net.ipv4.tcp_challenge_ack_limit", "1000000000"),
    ("net.ipv4.tcp_invalid_ratelimit", "0"),
    ("net.ipv4.tcp_syncookies", "0"),
    ("net.ipv4.tcp_timestamps", "0"),
    ("net.ipv4.tcp_sack", "0"),
    ("net.ipv4.tcp_ecn", "0"),
    ("net.ipv4.ip_early_demux", "0"),
    ("net.ipv4.tcp_early_demux", "0"),
    ("net.ipv4.udp_early_demux", "0"),
    ("net.ipv4.ip_local_port_range", "40000 40999"),
    ("net.ipv6.auto_flowlabels", "0"),
    ("net.ipv6.mld_max_msf", "64"),
    // Why: a datagram that never becomes whole would be reported in the middle of a later case.
    ("net.ipv4.ipfrag_time", "3000"),
    ("net.ipv4.ipfrag_high_thresh", "268435456"),
    ("net.ipv6.ip6frag_time", "3000"),
    ("net.ipv6.ip6frag_high_thresh", "268435456"),
    ("net.netfilter.nf_conntrack_frag6_timeout", "3000"),
    ("net.netfilter.nf_conntrack_frag6_high_thresh", "268435456"),
    ("net.netfilter.nf_log.2", "nfnetlink_log"),
    ("net.netfilter.nf_log.10", "nfnetlink_log"),
    ("net.netfilter.nf_conntrack_acct", "1"),
    ("net.netfilter.nf_conntrack_events", "1"),
    ("net.netfilter.nf_conntrack_checksum", "1"),
    ("net.netfilter.nf_conntrack_timestamp", "0"),
    ("net.netfilter.nf_conntrack_tcp_loose", "1"),
    ("net.netfilter.nf_conntrack_tcp_be_liberal", "0"),
    ("net.netfilter.nf_conntrack_log_invalid", "0"),
];

const PER_DEVICE: &[(&str, &str)] = &[
    ("net.ipv4.conf.{}.rp_filter", "0"),
    ("net.ipv4.conf.{}.accept_local", "1"),
    ("net.ipv4.conf.{}.log_martians", "0"),
    ("net.ipv4.conf.{}.send_redirects", "0"),
    ("net.ipv4.conf.{}.accept_redirects", "0"),
    ("net.ipv6.conf.{}.addr_gen_mode", "1"),
    ("net.ipv6.conf.{}.accept_ra", "0"),
    ("net.ipv6.conf.{}.router_solicitations", "0"),
    ("net.ipv6.conf.{}.dad_transmits", "0"),
    ("net.ipv6.conf.{}.accept_dad", "0"),
    ("net.ipv6.conf.{}.accept_redirects", "0"),
    ("net.ipv6.conf.{}.mldv2_unsolicited_report_interval", "0"),
];

/// Writes a sysctl of the present namespace.
fn sysctl(name: &str, value: &str) -> io::Result<()> {
    std::fs::write(format!("/proc/sys/{}", name.replace('.', "/")), value)
        .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
}

fn feed(command: &mut Command, input: &str) -> io::Result<()> {
    let fed = process::feed(command, input);
    fed.map(drop).map_err(|words| io::Error::other(format!("{command:?}: {words}")))
}

/// Runs ipset; what it prints, or its words if it refuses.
pub(super) fn ipset(words: &[&str], input: &str) -> Result<String, String> {
    process::feed(Command::new("ipset").args(words), input)
}

/// Builds the usual network in the present namespace; the TUN devices are there already.
pub(super) fn configure() -> io::Result<()> {
    for scope in ["all", "default", "lan0", "dmz0", "wan0"] {
        for (name, value) in PER_DEVICE {
            sysctl(&name.replace("{}", scope), value)?;
        }
    }
    let mut batch = String::from("link set lo up\n");
    for device in DEVICES {
        batch.push_str(&format!("link set {device} multicast off\nlink set {device} up\n"));
    }
    for (device, address) in ADDRESSES {
        let nodad = if address.contains(':') { " nodad" } else { "" };
        batch.push_str(&format!("address add {address} dev {device}{nodad}\n"));
    }
    batch.push_str("route add default via 203.0.113.254 dev wan0\n");
    batch.push_str("-6 route add default via 2001:db8::fe dev wan0\n");
    // `ip -batch` takes no family in front of an object in all versions; IPv6 goes by a second call.
    let (six, four): (Vec<&str>, Vec<&str>) = batch.lines().partition(|line| line.starts_with("-6 "));
    feed(Command::new("ip").args(["-batch", "-"]), &four.join("\n"))?;
    let six: Vec<_> = six.iter().map(|line| line.trim_start_matches("-6 ")).collect();
    feed(Command::new("ip").args(["-6", "-batch", "-"]), &six.join("\n"))?;
    feed(Command::new("nft").args(["-f", "-"]), TRACE_ALL)?;
    for (name, value) in SYSCTLS {
        // Why: a setting that this kernel has not is one that cannot disturb.
        match sysctl(name, value) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// Switches the trace on for every packet without touching the rules under test (1.2).
const TRACE_ALL: &str = "table inet orctrace {
  chain prerouting { type filter hook prerouting priority -390; meta nftrace set 1; }
  chain output { type filter hook output priority -390; meta nftrace set 1; }
}
";

/// The folder of a control group of version 2.
pub(super) fn control_group(path: &str) -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let root = mounts.find(|words| words.get(2) == Some(&"cgroup2"))?;
    Some(PathBuf::from(root.get(1)?).join(path.trim_start_matches('/')))
}

/// Takes away the control groups that changes of case files have made: the innermost first.
pub(super) fn remove_groups(changes: &[String]) {
    for path in changes.iter().rev().filter_map(|change| change.strip_prefix("cgroup ")) {
        // What somebody else uses stays.
        let _ = control_group(path).map(std::fs::remove_dir);
    }
}

/// The Ethernet address of a bridge.
pub const BRIDGE_ADDRESS: &str = "02:00:00:00:00:b0";

/// The Ethernet address of a port, by its place.
pub fn port_address(place: usize) -> String {
    format!("02:00:00:00:01:{place:02x}")
}

/// Makes a bridge out of TAP devices that are there.
pub(super) fn bridge(name: &str, ports: &[&str]) -> io::Result<()> {
    let mut batch = format!(
        "link add {name} address {BRIDGE_ADDRESS} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
         link set {name} multicast off\n"
    );
    for (place, port) in ports.iter().enumerate() {
        sysctl(&format!("net.ipv6.conf.{port}.disable_ipv6"), "1")?;
        batch.push_str(&format!("link set {port} address {} multicast off\n", port_address(place)));
        batch.push_str(&format!("link set {port} master {name} up\n"));
    }
    batch.push_str(&format!("link set {name} up\n"));
    feed(Command::new("ip").args(["-batch", "-"]), &batch)
}

/// A socket that joins a group by a device: `include A` or `exclude A` for one sender, or all but one.
pub(super) fn join(group: &str, device: &str, sources: &[&str]) -> Result<UdpSocket, String> {
    let address = |word: &str| word.parse::<IpAddr>().map_err(|error| format!("{word}: {error}"));
    let group = address(group)?;
    let source = match sources {
        [] => None,
        ["include", source] => Some((address(source)?, true)),
        ["exclude", source] => Some((address(source)?, false)),
        _ => return Err("join GROUP dev DEVICE [include A|exclude A]".to_owned()),
    };
    let joined = || {
        // Why: one report at once is enough, and none later.
        sysctl("net.ipv4.igmp_qrv", "1")?;
        let any: IpAddr =
            if group.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        sys::judge::join_multicast(&socket, sys::judge::device_index(device)?, group, source)?;
        Ok::<_, io::Error>(socket)
    };
    joined().map_err(|error| format!("{group}: {error}"))
}

/// Makes a change of a case file.
pub(super) fn change(text: &str) -> Result<(), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let family = |text: &str| if text.contains(':') { "-6" } else { "-4" };
    let args: Vec<Vec<&str>> = match words.as_slice() {
        ["address", device, address, more @ ..] => {
            let mut args = vec!["address", "add", address, "dev", device];
            args.extend(more);
            if address.contains(':') {
                args.push("nodad");
            }
            vec![args]
        }
        ["bare", device] => {
            let mut args = Vec::new();
            for family in ["-4", "-6"] {
                if *device == "wan0" {
                    args.push(vec![family, "route", "del", "default"]);
                }
                args.push(vec![family, "address", "flush", "dev", device]);
            }
            args
        }
        ["mtu", device, mtu] => vec![vec!["link", "set", device, "mtu", mtu]],
        ["mark", mark, table] => vec![
            vec!["-4", "rule", "add", "fwmark", mark, "lookup", table],
            vec!["-6", "rule", "add", "fwmark", mark, "lookup", table],
        ],
        ["route", table, prefix, kind @ ("blackhole" | "unreachable" | "prohibit")] => {
            vec![vec![family(prefix), "route", "add", kind, prefix, "table", table]]
        }
        ["route", table, prefix, rest @ ..] => {
            let mut args = vec![family_of_route(prefix, rest), "route", "add", prefix];
            args.extend(rest);
            args.extend(["table", table]);
            vec![args]
        }
        // Looked at when the rules are loaded.
        ["worlds", "legacy", "nft"] | ["worlds", "nft", "legacy"] => return Ok(()),
        ["ip", rest @ ..] => vec![rest.to_vec()],
        ["statistics"] | ["alone", _] => return Ok(()),
        // Lines of TRACE are printed where they are not given to NFLOG, and only those of rules are wanted.
        ["watch", "trace"] => {
            for (family, logger) in [(2, "nf_log_ipv4"), (10, "nf_log_ipv6")] {
                sysctl(&format!("net.netfilter.nf_log.{family}"), logger)
                    .map_err(|error| error.to_string())?;
            }
            let delete = "delete table inet orctrace\n";
            return feed(Command::new("nft").args(["-f", "-"]), delete).map_err(|error| error.to_string());
        }
        ["watch", ..] => return Ok(()),
        ["fdb", args @ ..] => {
            let mut command = Command::new("bridge");
            command.arg("fdb").args(args).args(["master", "static"]);
            return feed(&mut command, "").map_err(|error| error.to_string());
        }
        [program @ ("nfacct" | "nfct"), args @ ..] => {
            return feed(Command::new(program).args(args), "").map_err(|error| error.to_string());
        }
        ["osf", ..] => {
            let line = text.strip_prefix("osf ").unwrap_or_default();
            let fed = feed(Command::new("nfnl_osf").args(["-f", "/dev/stdin"]), &format!("{line}\n"));
            return fed.map_err(|error| error.to_string());
        }
        // What the kernel learns by packets of the case, for the engine's half.
        ["cache", ..] | ["fact", ..] => return Ok(()),
        // The whole machine's, while the case runs (`kernel::parameters`).
        ["parameter", ..] => return Ok(()),
        ["cgroup", path] => {
            let folder = control_group(path).ok_or("no control groups of version 2 here")?;
            return std::fs::create_dir_all(&folder)
                .map_err(|error| format!("{}: {error}", folder.display()));
        }
        // The writer of a TUN device runs the packet on its own processor.
        ["cpu", number] => {
            let thread = std::fs::read_link("/proc/thread-self").map_err(|error| error.to_string())?;
            let thread = thread.file_name().unwrap_or_default();
            let mut command = Command::new("taskset");
            return feed(command.args(["-p", "-c", number]).arg(thread), "")
                .map_err(|error| error.to_string());
        }
        ["sysctl", name, value] => return sysctl(name, value).map_err(|error| error.to_string()),
        // S2: what registers itself at a hook of the kernel is here a table of nft.
        ["module", hook, priority] => {
            let chain = format!("{{ type filter hook {hook} priority {priority}; policy drop; }}");
            let table = format!("table inet orcmodule {{\n  chain module {chain}\n}}\n");
            return feed(Command::new("nft").args(["-f", "-"]), &table).map_err(|error| error.to_string());
        }
        _ => return Err(format!("unknown change of the network: `{text}`")),
    };
    for args in args {
        feed(Command::new("ip").args(args), "").map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What the judge lacks on this machine, in words; `None` if it can work.
pub fn missing() -> Option<String> {
    for (command, package) in [
        ("iptables-legacy-restore", "iptables"),
        ("ip6tables-legacy-restore", "iptables"),
        ("nft", "nftables"),
        ("ipset", "ipset"),
        ("ip", "iproute2"),
        ("nfacct", "nfacct"),
        ("nfct", "nfct"),
    ] {
        if Command::new(command).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Some(format!("no `{command}` (Debian package {package})"));
        }
    }
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        return Some(format!("no /dev/net/tun: {error}"));
    }
    std::thread::scope(|scope| match scope.spawn(sys::judge::unshare_network).join() {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("no network namespace of its own (not root?): {error}")),
        Err(_) => Some("the thread that tried a network namespace ended".to_owned()),
    })
}

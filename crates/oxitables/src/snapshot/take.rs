//! Collecting a host's state. What cannot be read has a section that says why.
use std::path::Path;
use std::process::{Command, Stdio};

use super::Section;

/// What can be left out, by group.
pub(crate) const GROUPS: [&str; 6] = ["rules", "sets", "conntrack", "sockets", "nft", "sysctl"];

/// Where administrators' programs are.
const PLACES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"];

/// Commands, in the order of the file.
const COMMANDS: [(&str, &str); 20] = [
    ("links", "ip -d -j link"),
    ("links", "ip -d -j addr"),
    ("links", "ip -j -4 route show table all"),
    ("links", "ip -j -6 route show table all"),
    ("links", "ip -4 route show cache"),
    ("links", "ip -6 route show cache"),
    ("links", "ip -j -4 rule"),
    ("links", "ip -j -6 rule"),
    ("links", "ip -j neigh"),
    ("links", "ip -j maddr"),
    ("links", "bridge -j fdb"),
    ("links", "ip xfrm policy"),
    ("links", "ip xfrm policy getdefault"),
    // How many there are: what they are has keys.
    ("links", "ip xfrm state count"),
    ("rules", "iptables-legacy-save -c"),
    ("rules", "ip6tables-legacy-save -c"),
    ("rules", "iptables-nft-save -c"),
    ("rules", "ip6tables-nft-save -c"),
    ("nft", "nft -j list ruleset"),
    ("sets", "ipset save"),
];

/// Files.
const FILES: [(&str, &str); 8] = [
    ("links", "/proc/net/mcfilter"),
    ("links", "/proc/net/mcfilter6"),
    ("conntrack", "/proc/net/nf_conntrack"),
    ("conntrack", "/proc/net/nf_conntrack_expect"),
    ("sockets", "/proc/net/tcp"),
    ("sockets", "/proc/net/tcp6"),
    ("sockets", "/proc/net/udp"),
    ("sockets", "/proc/net/udp6"),
];

/// Parameters of modules, below `/sys/module`; what is not there is left out.
const PARAMETERS: [&str; 7] = [
    "nf_conntrack_sip/parameters/sip_timeout",
    "nf_conntrack_sip/parameters/sip_direct_signalling",
    "nf_conntrack_sip/parameters/sip_direct_media",
    "nf_conntrack_sip/parameters/sip_external_media",
    "nf_conntrack_h323/parameters/default_rrq_ttl",
    "nf_conntrack_h323/parameters/gkrouted_only",
    "nf_conntrack_h323/parameters/callforward_filter",
];

/// Names that iproute2 prints instead of numbers, each with the places of its file.
const NAMES: [(&str, [&str; 2]); 3] = [
    ("rt_tables", ["/etc/iproute2/rt_tables", "/usr/share/iproute2/rt_tables"]),
    ("group", ["/etc/iproute2/group", "/usr/share/iproute2/group"]),
    ("rt_realms", ["/etc/iproute2/rt_realms", "/usr/share/iproute2/rt_realms"]),
];

/// Reads everything but the groups that are left out. `wall` is the time since 1970 in nanoseconds.
pub(crate) fn take(without: &[String], wall: u64) -> Vec<Section> {
    let section = |name: &str, body| Section { name: name.to_owned(), body, line: 0 };
    let left_out = |group: &str| without.iter().any(|own| own == group);
    let omitted = |group: &str| Err(format!("left out (--without {group})"));
    let mut sections = vec![section("versions", Ok(versions()))];
    sections.push(section("time", Ok(format!("{}.{:09}\n", wall / 1_000_000_000, wall % 1_000_000_000))));
    let sysctls = if left_out("sysctl") { omitted("sysctl") } else { super::sysctls::collect() };
    sections.push(section("sysctl", sysctls));
    for (name, places) in NAMES {
        let text = places.iter().find_map(|path| std::fs::read_to_string(path).ok());
        sections.push(section(name, Ok(text.unwrap_or_default())));
    }
    for (group, command) in COMMANDS {
        let body = if left_out(group) { omitted(group) } else { run(command) };
        sections.push(section(command, body));
    }
    for (group, path) in FILES {
        let body = if left_out(group) { omitted(group) } else { read(path) };
        sections.push(section(path, body));
    }
    for path in
        PARAMETERS.map(|name| format!("/sys/module/{name}")).iter().filter(|path| Path::new(path).exists())
    {
        let body = if left_out("sysctl") { omitted("sysctl") } else { read(path) };
        sections.push(section(path, body));
    }
    sections
}

fn versions() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut out = format!("oxitables {}\nkernel {}\n", env!("CARGO_PKG_VERSION"), kernel.trim());
    for command in ["iptables-legacy -V", "iptables-nft -V", "nft -v", "ipset version", "ip -V"] {
        if let Ok(text) = run(command) {
            out.push_str(text.lines().next().unwrap_or_default());
            out.push('\n');
        }
    }
    out
}

/// The program of a name: in the path, or where administrators have theirs.
fn program(name: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let there = |folder: &str| Path::new(folder).join(name).is_file();
    let in_path = path.split(':').any(there);
    match PLACES.iter().find(|folder| !in_path && there(folder)) {
        Some(folder) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

/// What a command prints.
fn run(command: &str) -> Result<String, String> {
    let mut words = command.split(' ');
    let name = words.next().unwrap_or_default();
    let output = Command::new(program(name)).args(words).env("LC_ALL", "C").stdin(Stdio::null()).output();
    let output = match output {
        Ok(output) => output,
        // Without the program nothing can have been made by it that only it shows; `host` asks where that is not so.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("the program {name} is not there"));
        }
        Err(error) => return Err(error.to_string()),
    };
    let words = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let words =
            words.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed and said nothing");
        return Err(words.trim().to_owned());
    }
    String::from_utf8(output.stdout).map_err(|_| "what it printed is not text".to_owned())
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| crate::applets::system_text(&error))
}

//! A real host's connections in and out again: real connections in a namespace, dumped by `conntrack -L` and /proc, read
//! and written by `oxitables trace`, loaded into the kernel by `conntrack -R`, after which the same sockets go on and the
//! kernel calls none of their packets INVALID.
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::machine::{self, missing_legacy};
use crate::programs::BINARY;

/// Sockets of several kinds that talk, stop while a table is taken out and put in, and talk again.
const TALK: &str = r#"
import socket, subprocess, sys, time
def run(words):
    done = subprocess.run(words, shell=True, capture_output=True, text=True)
    if done.returncode != 0: sys.exit("%s: %s%s" % (words, done.stdout, done.stderr))
    return done.stdout
pairs = []
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.socket(family); server.bind((host, 9090)); server.listen(4)
    # Port 8080 is translated to 9090 for IPv4.
    client = socket.create_connection((host, 8080 if family == socket.AF_INET else 9090))
    peer, _ = server.accept()
    pairs.append((client, peer))
    one = socket.socket(family, socket.SOCK_DGRAM); one.bind((host, 0))
    other = socket.socket(family, socket.SOCK_DGRAM); other.bind((host, 0))
    one.connect(other.getsockname()); other.connect(one.getsockname())
    pairs.append((one, other))
def talk():
    for one, other in pairs:
        for sender, taker in ((one, other), (other, one)):
            sender.settimeout(5); taker.settimeout(5)
            sender.send(b"x" * 100); assert taker.recv(200) == b"x" * 100
talk()
folder = sys.argv[1]
run("conntrack -L -o extended > %s/tool 2>/dev/null" % folder)
run("cat /proc/net/nf_conntrack > %s/proc" % folder)
run(sys.argv[2])
run("conntrack -F 2>/dev/null; test $(wc -l < /proc/net/nf_conntrack) = 0")
run("conntrack -R %s/save" % folder)
run("conntrack -L -o extended > %s/again 2>/dev/null" % folder)
talk()
print(run("iptables-legacy -L INPUT -n -v -x | grep INVALID; ip6tables-legacy -L INPUT -n -v -x | grep INVALID; conntrack -L 2>/dev/null | wc -l"))
"#;

const SETUP: &str = "\
set -e
ip link set lo up
sysctl -qw net.netfilter.nf_conntrack_acct=1
iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j DROP
iptables-legacy -t nat -A OUTPUT -p tcp --dport 8080 -j REDIRECT --to-ports 9090
ip6tables-legacy -A INPUT -m conntrack --ctstate INVALID -j DROP
";

/// The lines without what runs: timeouts; and without what cannot be loaded into a kernel: counters, references.
fn lines(path: &Path, with_counters: bool) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let words = line.split_whitespace().enumerate().filter(|(at, word)| {
            let counter = ["packets=", "bytes=", "use="].iter().any(|start| word.starts_with(start));
            *at != 4 && (with_counters || !counter)
        });
        words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect()
}

#[test]
fn a_real_table_goes_through_ours_and_back() {
    let missing = ["conntrack", "python3", "unshare"]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").output().is_err())
        .map(|program| format!("no {program}"));
    if let Some(why) = missing.or_else(missing_legacy) {
        machine::skip(&why);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let shown = folder.path().display();
    for (name, text) in [
        ("talk.py", TALK),
        ("rules", "*filter\n-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"),
        ("network", "device eth0\naddress 10.0.0.1/24 dev eth0\n"),
    ] {
        std::fs::write(path(name), text).unwrap();
    }
    // Why: a trace needs a packet; this one is not tracked for it is dropped before it is confirmed.
    let trace = |given: &str, out: &str, form: &str| {
        format!(
            "{BINARY} trace --quiet --rules {shown}/rules --routes {shown}/network --conntrack {shown}/{given} \
             --conntrack-out {shown}/{out} --conntrack-form {form} 'eth0 tcp 10.0.0.9:1 > 10.0.0.1:2 SR' >/dev/null; \
             test -s {shown}/{out}"
        )
    };
    let ours = [
        trace("tool", "extended", "extended"),
        trace("proc", "listed", "proc"),
        trace("tool", "save", "save"),
    ]
    .join(" && ");
    let lock = path("lock");
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c"])
        .arg(format!("{SETUP}timeout 60 python3 {shown}/talk.py {shown} \"$OURS\""))
        .env("OURS", ours)
        .env("XTABLES_LOCKFILE", lock)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));

    let tool = lines(&path("tool"), true);
    assert!(tool.len() >= 4, "TCP and UDP of both families: {tool:#?}");
    assert!(tool.iter().any(|line| line.contains("dport=8080") && line.contains("sport=9090")), "translated");
    assert_eq!(lines(&path("extended"), true), tool, "the form of conntrack -L");
    assert_eq!(lines(&path("listed"), true), lines(&path("proc"), true), "the form of /proc");
    assert_eq!(lines(&path("again"), false), lines(&path("tool"), false), "the kernel has them again");
    // The sockets went on, and none of their packets was INVALID.
    let invalid: Vec<&str> = said.lines().filter(|line| line.contains("INVALID")).collect();
    assert_eq!(invalid.len(), 2, "{said}");
    for line in invalid {
        assert_eq!(line.split_whitespace().next(), Some("0"), "{said}");
    }
}

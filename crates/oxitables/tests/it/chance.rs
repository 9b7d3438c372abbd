//! S17 on the kernel, and S19 through the program with this machine's /etc/hosts.
use std::process::{Command, Stdio};

use crate::machine;
use crate::programs::Home;

/// S17: the kernel drops half of 10,000 packets, and more: pings to loopback and their answers, which meet the rule as
/// well. The kernel has no seed; 48 % to 52 % is four standard deviations and more.
#[test]
fn s17_the_kernel_drops_half_of_the_pings() {
    if let Some(why) = machine::missing_legacy() {
        machine::skip(&format!("pings through the kernel: {why}"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The first rule counts, the second is the scenario's own, word for word. Each batch of pings leaves at once (`-l`),
    // so that a lost one costs no waiting.
    let script = "set -e
ip link set lo up
i() { iptables-legacy -w 5 \"$@\"; }
i -A INPUT -s 127.0.0.1 -p icmp
i -A INPUT -m statistic --mode random --probability 0.5 -s 127.0.0.1 -p icmp -j DROP
for batch in 1 2 3 4; do
    ping -q -n -l 2500 -c 2500 -w 1 -W 1 127.0.0.1 > out 2>&1 || grep -q transmitted out || { cat out >&2; exit 1; }
done
i -nvxL INPUT
";
    let output = Command::new("timeout")
        .args(["240", "unshare", "-n", "bash", "-c", script])
        .current_dir(folder.path())
        .env("XTABLES_LOCKFILE", folder.path().join("lock"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let packets: Vec<f64> =
        text.lines().skip(2).map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    let [all, dropped] = packets[..] else { panic!("{text}") };
    assert!(all >= 10_000.0, "only {all} packets");
    let share = dropped / all;
    assert!((0.48..=0.52).contains(&share), "{dropped} of {all}");
}

/// S19: `localhost` from /etc/hosts: a warning, and the number is what is saved and listed by `-S`.
#[test]
fn s19_localhost_in_a_rule() {
    let home = Home::new();
    let output = home.run("iptables", &["-A", "INPUT", "-s", "localhost", "-j", "DROP"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "Warning: host name `localhost' is resolved once, now; the rule holds 127.0.0.1.\n");
    assert!(home.iptables("-S INPUT").contains("-A INPUT -s 127.0.0.1/32 -j DROP\n"));
    let saved = String::from_utf8(home.run("iptables-save", &[]).stdout).unwrap();
    assert!(saved.contains("-A INPUT -s 127.0.0.1/32 -j DROP\n") && !saved.contains("localhost"), "{saved}");

    let unknown = home.run("iptables", &["-A", "INPUT", "-s", "no-such-host.invalid", "-j", "DROP"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("host/network `no-such-host.invalid' not found"), "{said}");
}

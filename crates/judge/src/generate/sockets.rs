//! Random sockets, and rules that ask the machine: `-m socket`, TPROXY, groups of devices, realms, classes, IPsec.
//!
//! Every fifth case has them, so that the others stay what they were. TCP that comes to a process ends in table security:
//! what a socket answers carries numbers that the kernel chooses by chance.
use super::Choice;
use crate::case::Step;

/// Changes of the network for all random cases.
pub(super) const NETWORK: &[&str] = &[
    "ip link set lan0 group 5",
    "ip link set wan0 group 261",
    "ip route add 8.8.0.0/16 via 203.0.113.254 dev wan0 realms 3/7",
    "ip route add 10.0.1.4/30 dev lan0 realms 9",
    "mark 64 100",
    "ip route add local 0.0.0.0/0 dev lo table 100",
    "ip -6 route add local ::/0 dev lo table 100",
];

/// What ends TCP on its way to a process.
pub(super) const NO_TCP: &str = "-A INPUT -p tcp -j DROP\n";

const SOCKETS4: &[&str] = &[
    "udp 10.0.1.1:53",
    "udp 0.0.0.0:80",
    "udp [::]:443",
    "udp 203.0.113.1:1000 transparent",
    "udp 0.0.0.0:8080 transparent mark 0x1",
    "udp 10.0.1.1:53 10.0.1.5:1000 mark 0x10",
    "udp 8.8.8.8:53 10.0.1.5:1000 transparent",
    "udp 10.0.2.1:80 dev dmz0",
    "udp 0.0.0.0:80 dev wan0 transparent",
    "tcp 10.0.1.1:80",
    "tcp 0.0.0.0:443 transparent",
    "tcp [::]:53 mark 0x10",
    "tcp 203.0.113.1:8080 mark 0x1",
    "tcp 10.0.1.1:80 10.0.1.5:1000 transparent",
    "tcp 8.8.8.8:80 10.0.1.5:1000 transparent mark 0x1",
    "tcp 203.0.113.1:1000 8.8.8.8:80",
];
const SOCKETS6: &[&str] = &[
    "udp [fd00:1::1]:53",
    "udp [::]:80",
    "udp [2001:db8::1]:1000 transparent",
    "udp [::]:8080 transparent mark 0x1",
    "udp [fd00:1::1]:53 [fd00:1::5]:1000 mark 0x10",
    "udp [2001:db8:8::8]:53 [fd00:1::5]:1000 transparent",
    "udp [fd00:2::1]:80 dev dmz0",
    "udp [::]:80 dev wan0 transparent",
    "tcp [fd00:1::1]:80",
    "tcp [::]:443 transparent",
    "tcp [2001:db8::1]:8080 mark 0x1",
    "tcp [fd00:1::1]:80 [fd00:1::5]:1000 transparent",
    "tcp [2001:db8:8::8]:80 [fd00:1::5]:1000 transparent mark 0x1",
];

/// Some sockets, each at most once, listeners before connections.
pub(super) fn steps(choice: &mut Choice, v6: bool) -> Vec<Step> {
    let all = if v6 { SOCKETS6 } else { SOCKETS4 };
    let share = choice.of(&[15, 30, 60]);
    let chosen = all.iter().filter(|_| choice.percent(share));
    chosen.map(|socket| Step::Listen { socket: (*socket).to_owned() }).collect()
}

/// A match for a built-in chain; empty where none may stand.
pub(super) fn extension(choice: &mut Choice, chain: &str, v6: bool, n: &str) -> String {
    let comes = matches!(chain, "PREROUTING" | "INPUT" | "FORWARD");
    let leaves = matches!(chain, "FORWARD" | "OUTPUT" | "POSTROUTING");
    match choice.below(8) {
        0..=3 if matches!(chain, "PREROUTING" | "INPUT") => {
            let options = [
                "",
                " --nowildcard",
                " --transparent",
                " --transparent --nowildcard",
                " --restore-skmark",
                " --transparent --nowildcard --restore-skmark",
            ];
            format!(" -m socket{}", choice.of(&options))
        }
        0 | 4 if comes => {
            format!(" -m devgroup{n} --src-group {}", choice.of(&["5", "0", "0x105", "5/0xff", "1/0x1"]))
        }
        1 | 4 if leaves => {
            format!(
                " -m devgroup{n} --dst-group {}",
                choice.of(&["5", "0", "0x105", "5/0xff", "0x100/0xf00"])
            )
        }
        2 | 5 if !v6 && chain != "PREROUTING" => {
            let realms = ["7", "0x90007", "0x30000", "0", "0x30007", "9/0xffff", "0x90000/0xffff0000"];
            format!(" -m realm{n} --realm {}", choice.of(&realms))
        }
        3 | 6 if !matches!(chain, "PREROUTING" | "FORWARD") => {
            format!(" -m cgroup{n} --cgroup {}", choice.of(&["0", "1"]))
        }
        _ if comes => {
            format!(" -m policy --dir in --pol {}", choice.of(&["none", "ipsec", "ipsec --mode tunnel"]))
        }
        _ if leaves => {
            format!(" -m policy --dir out --pol {}", choice.of(&["none", "ipsec", "ipsec --reqid 1"]))
        }
        _ => String::new(),
    }
}

/// A TPROXY for a rule with a protocol.
pub(super) fn tproxy(choice: &mut Choice, protocol: &str, v6: bool) -> String {
    let ports = if protocol == "tcp" { ["443", "80", "0", "53"] } else { ["8080", "53", "0", "1000"] };
    let addresses = match v6 {
        true => ["::", "fd00:1::1", "2001:db8::1", "::"],
        false => ["0.0.0.0", "10.0.1.1", "203.0.113.1", "0.0.0.0"],
    };
    // Only a mark of exactly 0x40 leads here.
    let mark = choice.of(&["0x40/0xffffffff", "0x40/0x40", "0x40/0xffffffff", "0x0/0x0"]);
    format!(
        " -j TPROXY --on-port {} --on-ip {} --tproxy-mark {mark}",
        choice.of(&ports),
        choice.of(&addresses)
    )
}

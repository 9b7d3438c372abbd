//! Matches and targets that ask the machine: what its facts decide, and what is undecided without them.
use super::*;
use crate::machine::{Secured, text};
use crate::skb::{Drop, Origin, Owner};
use crate::trace::Found;

/// Asks one rule of table mangle about a packet that came by `lan0`.
fn outcome(machine: &str, hook: Hook, rule: &str, line: &str) -> (Outcome, Packet) {
    let (outcome, packet, _) = verdict(machine, hook, rule, line, |packet, _| packet.input = Some(LAN));
    (outcome.unwrap(), packet)
}

fn verdict(
    machine: &str,
    hook: Hook,
    rule: &str,
    line: &str,
    change: impl FnOnce(&mut Packet, &mut Machine),
) -> (Option<Outcome>, Packet, Verdict) {
    let v6 = line.contains('[') || line.contains("::");
    let family = if v6 { Family::V6 } else { Family::V4 };
    let mut bench = Bench::of(family, &format!("*mangle\n-A {hook} {rule}\nCOMMIT\n"));
    bench.machine = text::parse(machine).unwrap();
    let mut packet = bench.packet(line);
    packet.output = None;
    change(&mut packet, &mut bench.machine);
    let verdict = bench.walk_in(Table::Mangle, hook, &mut packet);
    let outcome = bench.trace.steps.iter().find_map(|(_, step)| match step {
        Step::Rule { outcome, .. } => Some(outcome.clone()),
        _ => None,
    });
    (outcome, packet, verdict)
}

fn why(machine: &str, rule: &str, line: &str) -> (&'static str, Found) {
    match outcome(machine, Hook::Prerouting, rule, line).0 {
        Outcome::Failed(mismatch) => (mismatch.option, mismatch.found),
        other => panic!("{rule}: {other:?}"),
    }
}

const SYN: &str = "tcp 10.0.1.5:1000 > 10.0.1.1:80 S";

#[test]
fn a_socket_that_does_not_count_says_why() {
    assert_eq!(why("sockets none", "-m socket", SYN), ("-m socket", Found::Nothing("socket")));
    let (option, found) = why("socket tcp 0.0.0.0:80", "-m socket", SYN);
    assert_eq!(
        (option, matches!(found, Found::Word(word) if word.contains("--nowildcard"))),
        ("-m socket", true)
    );
    assert_eq!(why("socket tcp 10.0.1.1:80", "-m socket --transparent", SYN).0, "--transparent");
    let none = why("socket tcp 10.0.1.1:80", "-m socket", "icmp 10.0.1.5 > 10.0.1.1 echo-request");
    assert_eq!(none, ("-m socket", Found::Nothing("socket")));
    // A connection that has ended is not a whole socket: all addresses and its mark do not count.
    let ended = "socket tcp 10.0.1.1:80 10.0.1.5:1000 time-wait mark 0x7";
    let (held, packet) = outcome(ended, Hook::Prerouting, "-m socket --restore-skmark", SYN);
    assert_eq!((held, packet.mark), (Outcome::Matched, 0));
}

#[test]
fn a_mark_is_restored_though_the_rule_fails() {
    let rule = "-m socket --restore-skmark -m mark --mark 0x8";
    let (held, packet) = outcome("socket tcp 10.0.1.1:80 mark 0x7", Hook::Prerouting, rule, SYN);
    assert!(matches!(held, Outcome::Failed(mismatch) if mismatch.place == Some(1)), "{held:?}");
    assert_eq!(packet.mark, 7);
    let (held, packet) = outcome("socket tcp 10.0.1.1:80 mark 0x8", Hook::Prerouting, rule, SYN);
    assert_eq!((held, packet.mark), (Outcome::Matched, 8));
}

#[test]
fn tproxy_reopens_a_connection_that_has_ended() {
    let machine =
        "socket tcp 8.8.8.8:80 10.0.1.5:1000 time-wait transparent\nsocket tcp 10.0.1.1:8080 transparent";
    let rule = "-p tcp -j TPROXY --on-port 8080 --on-ip 10.0.1.1 --tproxy-mark 0x3/0x1";
    let socket = |machine, line: &str| {
        let (_, packet, verdict) = verdict(machine, Hook::Prerouting, rule, line, |packet, _| {
            packet.input = Some(LAN);
            packet.mark = 4;
        });
        let machine = text::parse(machine).unwrap();
        let local =
            packet.socket.and_then(|socket| machine.sockets.get(socket)).map(|socket| socket.local.port());
        (local, packet.mark, verdict == Verdict::Accept)
    };
    assert_eq!(socket(machine, "tcp 10.0.1.5:1000 > 8.8.8.8:80 S"), (Some(8080), 7, true));
    assert_eq!(socket(machine, "tcp 10.0.1.5:1000 > 8.8.8.8:80 A"), (Some(80), 7, true));
    assert_eq!(socket(machine, "tcp 10.0.1.5:1001 > 8.8.8.8:80 A"), (Some(8080), 7, true));
    let alone = "socket tcp 8.8.8.8:80 10.0.1.5:1000 time-wait transparent";
    assert_eq!(socket(alone, "tcp 10.0.1.5:1000 > 8.8.8.8:80 S"), (Some(80), 7, true), "nobody else listens");
    assert_eq!(socket("sockets none", "tcp 10.0.1.5:1000 > 8.8.8.8:80 S"), (None, 4, false));
}

#[test]
fn policies_are_rows_of_states() {
    let rows = "ipsec in 10.0.1.0/24 0.0.0.0/0 dport 80 esp transport spi 0x10 reqid 1 then esp tunnel 198.51.100.1 \
                203.0.113.1 spi 0x20 reqid 2\nipsec in 10.0.1.0/24 0.0.0.0/0 dport 81 clear\nipsec in ::/0 ::/0 ah transport";
    let held = |rule: &str, line: &str| {
        let rule = format!("-m policy --dir in {rule}");
        match outcome(rows, Hook::Prerouting, &rule, line).0 {
            Outcome::Matched => None,
            Outcome::Failed(mismatch) => Some((mismatch.option, mismatch.found)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(held("--pol ipsec", SYN), None);
    assert_eq!(held("--pol none", SYN), Some(("--pol", Found::Word("ipsec"))));
    assert_eq!(held("--pol none", "tcp 10.0.1.5:1 > 10.0.1.1:81 S"), None);
    assert_eq!(held("--pol none", "tcp 10.0.1.5:1 > 10.0.1.1:82 S"), None, "no line fits");
    assert_eq!(held("--pol ipsec", "udp [fd00:1::5]:1 > [fd00:1::1]:82"), None);
    // Without --strict any state may be meant.
    assert_eq!(held("--pol ipsec --mode tunnel --reqid 2", SYN), None);
    assert_eq!(held("--pol ipsec --mode tunnel --reqid 1", SYN), Some(("--mode", Found::Word("transport"))));
    assert_eq!(
        held(
            "--pol ipsec --mode tunnel --tunnel-src 198.51.100.0/24 ! --tunnel-dst 10.0.0.0/8 --spi 0x20",
            SYN
        ),
        None
    );
    assert_eq!(held("--pol ipsec --proto ah", SYN), Some(("--proto", Found::Protocol(50))));
    // With it all of them, the innermost first.
    assert_eq!(held("--pol ipsec --strict --reqid 1 --next --reqid 2", SYN), None);
    assert_eq!(
        held("--pol ipsec --strict --reqid 2 --next --reqid 1", SYN),
        Some(("--reqid", Found::Number(1)))
    );
    assert_eq!(held("--pol ipsec --strict --reqid 1", SYN).unwrap().0, "--strict");
    // What is said of the packet itself goes before the table; loopback is never protected.
    let secured = |secured, input| {
        let change = |packet: &mut Packet, machine: &mut Machine| {
            packet.input = Some(input);
            packet.secured = match secured {
                None => Secured::Clear,
                Some(states) => Secured::By(machine.transforms(&text::parse_transforms(states).unwrap())),
            };
        };
        let rule = "-m policy --dir in --pol ipsec --proto ah";
        verdict(rows, Hook::Prerouting, rule, SYN, change).0 == Some(Outcome::Matched)
    };
    assert_eq!([secured(None, LAN), secured(Some("ah transport"), LAN)], [false, true]);
    assert!(!secured(Some("ah transport"), DeviceId::LOOPBACK));
}

#[test]
fn ends_of_a_tunnel_and_states_that_are_not_known() {
    let rows = "ipsec in 10.0.1.0/24 0.0.0.0/0 dport 80 esp tunnel 198.51.100.1 203.0.113.1\nipsec in 10.0.1.0/24 \
                0.0.0.0/0 dport 81 esp transport spi 0x10 then esp tunnel\nipsec in 10.0.1.0/24 0.0.0.0/0 dport 82 esp \
                tunnel then esp transport spi 0x10";
    let asked = |rule: &str, port: u16| {
        let (rule, packet) =
            (format!("-m policy --dir in --pol ipsec {rule}"), SYN.replace("80", &port.to_string()));
        let (outcome, _, verdict) =
            verdict(rows, Hook::Prerouting, &rule, &packet, |packet, _| packet.input = Some(LAN));
        let failed = match outcome {
            Some(Outcome::Failed(mismatch)) => Some((mismatch.option, mismatch.found)),
            _ => None,
        };
        (matches!(verdict, Verdict::Drop(Drop::Undecided { .. })), failed)
    };
    let [from, to] = ["198.51.100.1", "203.0.113.1"].map(|address| Found::Address(address.parse().unwrap()));
    for (rule, failed) in [
        ("--tunnel-src 198.51.100.1 --tunnel-dst 203.0.113.0/24", None),
        ("--tunnel-src 198.51.101.0/24", Some(("--tunnel-src", from))),
        ("! --tunnel-src 198.51.100.0/24", Some(("--tunnel-src", from))),
        ("--tunnel-dst 203.0.113.2", Some(("--tunnel-dst", to))),
        ("! --tunnel-dst 203.0.113.1", Some(("--tunnel-dst", to))),
    ] {
        assert_eq!(asked(&format!("--mode tunnel {rule}"), 80), (false, failed), "{rule}");
    }
    // A state of which it is not known whether it fits could be the one; wherever it stands, one that fits is enough.
    for port in [81, 82] {
        assert_eq!(asked("--spi 0x11", port), (true, None), "{port}");
        assert_eq!(asked("--spi 0x10", port), (false, None), "{port}");
    }
}

/// Who says the group of a packet's sender says that there is a socket.
#[test]
fn a_control_group_without_a_user_is_enough() {
    for (rule, path, class, held) in [
        ("--path a", Some("/a/b"), None, Some(true)),
        ("! --path a", Some("/a/b"), None, Some(false)),
        ("--path a", None, Some(7), None),
        ("--cgroup 7", None, Some(7), Some(true)),
        ("! --cgroup 7", None, Some(7), Some(false)),
        ("--cgroup 7", Some("/a/b"), None, None),
        ("--cgroup 7", None, None, None),
    ] {
        let change = |packet: &mut Packet, machine: &mut Machine| {
            let cgroup = path.map(|path| machine.cgroup(path));
            packet.origin = Some(Origin { cgroup, class, ..Origin::default() });
            (packet.input, packet.output) = (None, Some(WAN));
        };
        let (outcome, _, verdict) = verdict("", Hook::Output, &format!("-m cgroup {rule}"), SYN, change);
        assert_eq!(outcome.map(|outcome| outcome == Outcome::Matched), held, "{rule}");
        assert_eq!(held.is_none(), matches!(verdict, Verdict::Drop(Drop::Undecided { .. })), "{rule}");
    }
}

#[test]
fn groups_of_senders() {
    let held = |rule: &str, groups: Option<&[u32]>| {
        let change = |packet: &mut Packet, machine: &mut Machine| {
            packet.input = None;
            packet.output = Some(WAN);
            let owner = Owner { uid: 5, gid: 6, has_file: true };
            let groups = groups.map(|groups| machine.groups(groups));
            packet.origin = Some(Origin { socket: Some(owner), known: true, groups, ..Origin::default() });
        };
        let (outcome, _, verdict) = verdict("", Hook::Output, &format!("-m owner {rule}"), SYN, change);
        assert_eq!(outcome.is_none(), matches!(verdict, Verdict::Drop(Drop::Undecided { .. })));
        outcome.map(|outcome| outcome == Outcome::Matched)
    };
    assert_eq!(held("--gid-owner 7 --suppl-groups", Some(&[7, 8])), Some(true));
    assert_eq!(held("! --gid-owner 7 --suppl-groups", Some(&[7, 8])), Some(false));
    assert_eq!(held("--gid-owner 9 --suppl-groups", Some(&[7, 8])), Some(false));
    assert_eq!(held("! --gid-owner 9 --suppl-groups", Some(&[])), Some(true));
    assert_eq!(held("--gid-owner 7", Some(&[7])), Some(false));
    assert_eq!(held("--gid-owner 6 --suppl-groups", None), Some(true), "the main group is enough");
    assert_eq!(held("--gid-owner 7 --suppl-groups", None), None);
}

#[test]
fn the_time_zone_of_the_kernel() {
    // The clock of the tests stands at the beginning of 1970, a Thursday.
    for (machine, rule, fits) in [
        ("timezone -120", "--timestart 02:00 --timestop 02:10 --kerneltz", true),
        ("timezone -120", "--timestart 00:00 --timestop 00:10 --kerneltz", false),
        ("timezone 0", "--timestart 00:00 --timestop 00:10 --kerneltz", true),
        ("timezone -1440", "--weekdays Fri --kerneltz", true),
    ] {
        let held = outcome(machine, Hook::Prerouting, &format!("-m time {rule}"), SYN).0;
        assert_eq!(held == Outcome::Matched, fits, "{machine} {rule}");
    }
}

/// Every rule that asks for what nobody has said, inverted or not, and the input that it names.
#[test]
fn what_is_not_said_is_undecided() {
    let local = Origin::default();
    for (hook, machine, rule, hint) in [
        (Hook::Prerouting, "", "-m socket", "socket tcp"),
        (Hook::Prerouting, "sockets tcp4", "-m socket", "socket tcp"),
        (Hook::Prerouting, "socket tcp 10.0.1.1:80 dev ?", "-m socket", "unsaid nodev"),
        (Hook::Prerouting, "socket tcp [::]:80 v6only ?", "-m socket --nowildcard", "unsaid nov6only"),
        (
            Hook::Prerouting,
            "socket tcp 10.0.1.1:80 transparent ?",
            "-m socket --transparent",
            "unsaid notransparent",
        ),
        (Hook::Prerouting, "socket tcp 10.0.1.1:80 mark ?", "-m socket --restore-skmark", "unsaid nomark"),
        (Hook::Prerouting, "", "-p tcp -j TPROXY --on-port 1", "socket tcp"),
        (
            Hook::Prerouting,
            "socket tcp 10.0.1.1:1 transparent ?",
            "-p tcp -j TPROXY --on-port 1",
            "unsaid notransparent",
        ),
        (Hook::Prerouting, "", "-m cpu ! --cpu 7", "cpu N"),
        (Hook::Prerouting, "", "-m policy --dir in --pol none", "ipsec none"),
        (Hook::Forward, "", "-m policy --dir out --pol none", "ipsec out"),
        (
            Hook::Prerouting,
            "ipsec in ::/0 ::/0 clear\nipsec in 0.0.0.0/0 0.0.0.0/0 esp tunnel",
            "-m policy --dir in --pol ipsec --spi 1",
            "ipsec",
        ),
        (Hook::Prerouting, "", "-m time --kerneltz --weekdays Mon", "timezone"),
        (Hook::Input, "", "-m cgroup --cgroup 1", "sockets none"),
        (Hook::Input, "socket tcp 10.0.1.1:80 10.0.1.5:1000", "-m cgroup ! --cgroup 1", "class N"),
        (Hook::Input, "socket tcp 10.0.1.1:80 10.0.1.5:1000", "-m cgroup --path a", "cgroup /PATH"),
        (Hook::Output, "sockets none", "-m cgroup ! --path a", "local nosocket"),
        (Hook::Output, "sockets none", "-m owner ! --uid-owner 5", "local uid N"),
    ] {
        let change = |packet: &mut Packet, _: &mut Machine| {
            if hook == Hook::Output {
                (packet.origin, packet.input, packet.output) = (Some(local), None, Some(WAN));
            } else {
                packet.input = Some(LAN);
            }
            if hook == Hook::Forward {
                packet.output = Some(WAN);
            }
        };
        let (_, _, verdict) = verdict(machine, hook, rule, SYN, change);
        let Verdict::Drop(Drop::Undecided { what, .. }) = verdict else {
            panic!("{machine}: {rule}: {verdict:?}")
        };
        assert!(what.contains(hint), "{rule}: {what}");
    }
}

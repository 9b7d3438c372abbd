//! A snapshot of a namespace says what the kernel does in it: the same packets through the kernel and through
//! `trace --snapshot`.
use std::path::Path;
use std::process::Command;

use judge::{Case, Judged as _, Kernel, Step};
use serde_json::Value;

use crate::machine;
use crate::programs::BINARY;

const CASES: &str = include_str!("../../../../fixtures/snapshot/hosts.case");

/// Whether the kernel can be asked; says why not.
fn can() -> bool {
    let Some(missing) = judge::kernel::missing() else { return true };
    machine::skip(&missing.to_string());
    false
}

/// Device and bytes; what the kernel numbers by chance is 0.
fn output(device: &str, bytes: &[u8]) -> (String, String) {
    let mut bytes = bytes.to_vec();
    if bytes.first().is_some_and(|first| first >> 4 == 4) {
        bytes[4..6].fill(0);
        bytes[10..12].fill(0);
    }
    (device.to_owned(), judge::craft::hex(&bytes))
}

/// Devices and packets that came out.
type Outputs = Vec<(String, String)>;

/// What a run of the steps brought out in each step, by the kernel and by the trace of a snapshot that was taken at
/// `mark` (a step `sleep 0`).
fn both(case: &Case, folder: &Path) -> (Vec<Outputs>, Vec<Outputs>) {
    let mut kernel = Kernel::new().unwrap();
    kernel.load(case).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let file = folder.join(format!("{}.snapshot", case.name));
    let mut by_kernel = Vec::new();
    let mut packets: Vec<String> = Vec::new();
    let mut last = std::collections::BTreeMap::new();
    let mut taken = false;
    for step in &case.steps {
        if matches!(step, Step::Sleep { .. }) {
            // The judge's own table of nft would be one that is not modelled.
            let status = Command::new("nft").args(["delete", "table", "inet", "orctrace"]).status().unwrap();
            assert!(status.success());
            let run = Command::new(BINARY).arg("snapshot").arg("-o").arg(&file).output().unwrap();
            assert!(run.status.success(), "{run:?}");
            taken = true;
            continue;
        }
        let outcome = kernel.step(step);
        let injected = match step {
            Step::Inject { device, bytes } => Some((device.clone(), bytes.clone())),
            Step::Frame { device, header, bytes } => {
                Some((format!("{device} frame {}", judge::case::ends(header)), bytes.clone()))
            }
            Step::Reply { device } => {
                let (bytes, frame): &(Vec<u8>, Option<String>) =
                    last.get(device).unwrap_or_else(|| panic!("{}: nothing to answer", case.name));
                let frame = frame.as_ref().and_then(|frame| frame.split_once(" > "));
                let frame = frame.map(|(from, to)| format!(" frame {to} > {from}")).unwrap_or_default();
                Some((format!("{device}{frame}"), judge::case::turned_round(bytes).unwrap()))
            }
            _ => None,
        };
        for own in &outcome.outputs {
            last.insert(own.device.clone(), (own.bytes.clone(), own.frame.clone()));
        }
        if let (true, Some((from, bytes))) = (taken, injected) {
            packets.push(format!("{from} hex {}", judge::craft::hex(&bytes)));
            by_kernel.push(outcome.outputs.iter().map(|own| output(&own.device, &own.bytes)).collect());
        }
    }
    let run = Command::new(BINARY)
        .args(["trace", "--json", "--snapshot"])
        .arg(&file)
        .args(&packets)
        .output()
        .unwrap();
    let text = String::from_utf8(run.stdout).unwrap();
    assert_ne!(run.status.code(), Some(2), "{}: {}", case.name, String::from_utf8_lossy(&run.stderr));
    let by_trace = text
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_ne!(line["result"], "undecided", "{}: {}", case.name, line["reason"]);
            let all = line["out"].as_array().unwrap().iter();
            let mut all: Vec<_> = all
                .map(|own| {
                    let bytes = judge::craft::unhex(own["bytes"].as_str().unwrap()).unwrap();
                    output(own["device"].as_str().unwrap(), &bytes)
                })
                .collect();
            // The kernel half reads its devices one after another.
            let place = |device: &str| judge::kernel::DEVICES.iter().position(|own| *own == device);
            all.sort_by_key(|(device, _)| (place(device).unwrap_or(usize::MAX), device.clone()));
            all
        })
        .collect();
    (by_kernel, by_trace)
}

#[test]
fn the_trace_of_a_snapshot_is_what_the_kernel_does() {
    if !can() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = judge::case::parse(CASES).unwrap();
    assert!(cases.len() >= 4);
    for case in cases {
        let path = folder.path().to_owned();
        let name = case.name.clone();
        // Each in a namespace of its own.
        let (kernel, trace) = std::thread::spawn(move || both(&case, &path)).join().unwrap();
        assert!(kernel.iter().any(|outputs| !outputs.is_empty()), "{name}: nothing came out");
        assert_eq!(kernel, trace, "{name}");
    }
}

#[test]
fn what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("host");
    let run = Command::new(BINARY)
        .args(["snapshot", "--without", "rules", "--without", "conntrack", "--without", "sysctl", "-o"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("`iptables-legacy-save -c`: left out (--without rules)"), "{said}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("oxitables-snapshot 1\n== versions\n"));
    assert!(text.contains("== /proc/net/nf_conntrack\n!! left out (--without conntrack)\n"));
    let trace = |file: &Path| {
        let run = Command::new(BINARY)
            .args(["trace", "-q", "--snapshot"])
            .arg(file)
            .arg("lo udp 127.0.0.1:1 > 127.0.0.1:2")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        (run.status.code(), text)
    };
    let (exit, said) = trace(&file);
    assert_eq!(exit, Some(3), "{said}");
    assert!(said.contains("the settings (`sysctl`) were not read"), "{said}");
    std::fs::write(&file, "oxitables-snapshot 1\n== ip -j addr\n[]\n== ip -j -7 rule\n[]\n").unwrap();
    let (exit, said) = trace(&file);
    assert_eq!(exit, Some(2), "{said}");
    assert!(said.contains("host:4: no section is called `ip -j -7 rule`"), "{said}");
    let bad = "[{\"dst\":\"10.0.0.0/8\",\"dev\":\"lo\",\"colour\":\"red\",\"flags\":[]}]";
    let links = "[{\"ifname\":\"lo\",\"flags\":[\"UP\"],\"mtu\":65536}]";
    let text = format!(
        "oxitables-snapshot 1\n== ip -j link\n{links}\n== ip -j -4 route show table all\n{bad}\n== ip -j -4 rule\n[]\n"
    );
    std::fs::write(&file, text).unwrap();
    let (exit, said) = trace(&file);
    assert_eq!(exit, Some(2), "{said}");
    let wanted =
        "ip -j -4 route show table all: entry 1 (10.0.0.0/8): \"colour\": \"red\": this key is not known";
    assert!(said.contains(wanted), "{said}");
}

/// Rules of both kinds beside each other: every step says which it is of, and a result that depends on the order of
/// their loading is none.
#[test]
fn rules_of_both_kinds_stand_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let legacy = file(
        "legacy",
        "*filter\n-A INPUT -p udp -m udp --dport 1 -j REJECT\n-A INPUT -p udp -m udp --dport 2 -j DROP\nCOMMIT\n",
    );
    let nft = file(
        "nft",
        "*filter\n-A INPUT -p udp -m udp --dport 1 -j DROP\n-A INPUT -p udp -m udp --dport 3 -j DROP\nCOMMIT\n",
    );
    let routes = file("routes", "device eth0\naddress 10.0.0.1/24 dev eth0\n");
    let trace = |more: &[&str]| {
        let mut command = Command::new(BINARY);
        command.arg("trace").arg("--rules").arg(&legacy).arg("--rules-nft").arg(&nft);
        let output = command.arg("--routes").arg(&routes).args(more).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (exit, said) = trace(&["eth0 udp 10.0.0.5:9 > 10.0.0.1:2"]);
    assert_eq!(exit, 1, "{said}");
    assert!(
        said.contains("INPUT table filter (nft)") && said.contains("INPUT table filter (legacy)"),
        "{said}"
    );
    assert!(said.contains("DROPPED: rule 2 of chain INPUT"), "{said}");
    let (exit, said) = trace(&["-q", "eth0 udp 10.0.0.5:9 > 10.0.0.1:3"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("-p udp -m udp --dport 3 -j DROP"), "the rule of the right ruleset: {said}");
    let packet = "eth0 udp 10.0.0.5:9 > 10.0.0.1:1";
    let (exit, said) = trace(&["-q", packet]);
    assert_eq!(exit, 3, "{said}");
    assert!(said.contains("depends on which were loaded first"), "{said}");
    let (exit, said) = trace(&["-q", "--first", "legacy", packet]);
    assert_eq!((exit, said.contains("--dport 1 -j DROP")), (1, true), "nft's are asked first: {said}");
    let (exit, said) = trace(&["-q", "--first", "nft", packet]);
    assert_eq!(
        (exit, said.contains("--dport 1 -j REJECT")),
        (1, true),
        "the legacy ones are asked first: {said}"
    );
    // What a bridge carries is not modelled.
    let routes =
        file("bridge", "device br0 type bridge\ndevice p0 master br0\naddress 10.0.0.1/24 dev br0\n");
    let mut command = Command::new(BINARY);
    command.args(["trace", "-q", "--rules"]).arg(&legacy).arg("--routes").arg(&routes);
    let output = command.arg("p0 udp 10.0.0.5:9 > 10.0.0.1:2").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the device is a port of a bridge"), "{said}");
}

#[test]
fn what_a_host_does_besides_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let addresses = r#"[{"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"addr_info":[]},
        {"ifname":"eth0","flags":["UP"],"mtu":1500,"addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24,"scope":"global"}]}]"#;
    let routes = r#"[{"type":"local","dst":"10.0.0.1","dev":"eth0","table":"local","protocol":"kernel","scope":"host","prefsrc":"10.0.0.1","flags":[]},
        {"dst":"10.0.0.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"10.0.0.1","flags":[]},
        {"dst":"default","gateway":"10.0.0.254","dev":"eth0","flags":[]}]"#;
    let rules =
        r#"[{"priority":0,"src":"all","table":"local"},{"priority":32766,"src":"all","table":"main"}]"#;
    let policies = "src 10.0.0.0/24 dst 9.9.0.0/16 \n\tdir out priority 0 \n\ttmpl src 10.0.0.1 dst 9.9.9.9\n\t\tproto esp reqid 1 mode tunnel\n";
    let none = format!("{policies}== ip xfrm state count\n\t SAD count 0\n");
    let incoming = "src 9.9.0.0/16 dst 10.0.0.0/24 \n\tdir in priority 0 \n\ttmpl src 9.9.9.9 dst 10.0.0.1\n\t\tproto esp reqid 1 mode tunnel\n";
    let host = |accept: u8, policies: &str| {
        format!(
            "oxitables-snapshot 1\n== sysctl\nnet.ipv4.tcp_fwmark_accept = {accept}\n== ip -d -j addr\n{addresses}\n\
             == ip -j -4 route show table all\n{routes}\n== ip -j -4 rule\n{rules}\n== ip xfrm policy\n{policies}\
             == iptables-legacy-save -c\n*filter\nCOMMIT\n== iptables-nft-save -c\n"
        )
    };
    let trace = |text: &str, more: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(["trace", "-q", "--snapshot"]).arg(file("host", text)).args(more);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (answer, open) = ("tcp 10.0.0.1:22 > 10.0.0.5:1000 SA", "tcp 10.0.0.1:1000 > 10.0.0.5:22 S");
    for (accept, packet, wanted) in [
        (0, format!("local {answer}"), 0),
        (1, format!("local {answer}"), 3),
        (1, format!("local mark 7 {answer}"), 0),
        (1, format!("local {open}"), 0),
        (1, "local udp 10.0.0.1:53 > 10.0.0.5:1000".to_owned(), 0),
    ] {
        let (exit, said) = trace(&host(accept, ""), &[&packet]);
        assert_eq!(exit, wanted, "{packet}: {said}");
        assert_eq!(said.contains("tcp_fwmark_accept"), wanted == 3, "{said}");
    }
    for (policies, packet, wanted) in [
        (policies, "local udp 10.0.0.1:53 > 9.9.1.1:1000", 3),
        (policies, "local udp 10.0.0.1:53 > 9.8.1.1:1000", 0),
        ("", "local udp 10.0.0.1:53 > 9.9.1.1:1000", 0),
        (none.as_str(), "local udp 10.0.0.1:53 > 9.9.1.1:1000", 1),
        (none.as_str(), "local udp 10.0.0.1:53 > 9.8.1.1:1000", 0),
        (incoming, "eth0 udp 9.9.1.1:53 > 10.0.0.1:1000", 3),
        (incoming, "eth0 ipsec none udp 9.9.1.1:53 > 10.0.0.1:1000", 1),
        (incoming, "eth0 ipsec (esp tunnel 9.9.9.9 10.0.0.1) udp 9.9.1.1:53 > 10.0.0.1:1000", 0),
        (incoming, "eth0 udp 9.8.1.1:53 > 10.0.0.1:1000", 0),
    ] {
        let (exit, said) = trace(&host(0, policies), &[packet]);
        assert_eq!(exit, wanted, "{packet}: {said}");
        assert_eq!(said.contains("policy of IPsec"), wanted != 0, "{said}");
    }
    let machine = file("machine", "ipsec none\n");
    let packet = "local udp 10.0.0.1:53 > 9.9.1.1:1000";
    let (exit, said) = trace(&host(0, policies), &["--machine", machine.to_str().unwrap(), packet]);
    assert_eq!(exit, 0, "{said}");
}

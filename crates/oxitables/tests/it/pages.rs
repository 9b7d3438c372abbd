//! What the pages under `docs/` show is taken by the program.
use std::path::Path;
use std::process::{Command, Output};

use crate::machine;
use crate::programs::BINARY;

/// The first fenced block of a page.
fn shown(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("```\n").nth(1).expect("a fenced block").to_owned()
}

fn trace(network: &Path, packets: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command
        .args(["trace", "--quiet", "--rules", "/dev/null", "--rules6", "/dev/null", "--routes"])
        .arg(network);
    command.args(packets).output().unwrap()
}

/// Every statement of the page is read, and decides where packets go.
#[test]
fn the_network_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network");
    std::fs::write(&path, shown("network-file.md")).unwrap();
    let output = trace(
        &path,
        &[
            "lan0 udp 10.0.1.5:1 > 198.51.100.7:2",
            "lan0 udp 10.0.1.5:1 > 10.9.1.1:2",
            "local mark 0x1 udp 10.0.1.1:1 > 10.8.0.1:2",
            "lan0 udp [fd00:1::5]:1 > [fd00:1::1]:2",
        ],
    );
    let said = String::from_utf8(output.stdout).unwrap();
    let ends: Vec<&str> = said.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(
        ends,
        [
            "ACCEPTED, sent by wan0",
            "DROPPED: a `blackhole` route",
            "ACCEPTED, sent by lan0",
            "ACCEPTED, delivered to a process of this machine",
        ],
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every line of the page is a fact, and decides about sockets.
#[test]
fn the_machine_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let network = file("network", "device eth0\naddress 10.0.0.1/24 dev eth0\n");
    let rules = file(
        "rules",
        "*mangle\n-A PREROUTING -m socket --nowildcard -j ACCEPT\n-A PREROUTING -j DROP\nCOMMIT\n",
    );
    let machine = file("machine", &shown("machine-file.md"));
    let mut command = Command::new(BINARY);
    command.args(["trace", "--quiet", "--routes"]).arg(network).arg("--rules").arg(rules);
    command.arg("--machine").arg(machine);
    command.args(["eth0 udp 10.0.0.7:1 > 10.0.0.1:53", "eth0 udp 10.0.0.7:1 > 10.0.0.1:54"]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let passed: Vec<bool> = said.lines().map(|line| line.contains(": ACCEPTED")).collect();
    assert_eq!(passed, [true, false], "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
}

/// Every line of the page is a packet.
#[test]
fn the_packet_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network");
    std::fs::write(
        &path,
        "device eth0\naddress 192.168.1.1/24 dev eth0\nroute default via 192.168.1.254\n\
         device br0 type bridge\ndevice p0 master br0\n",
    )
    .unwrap();
    let text = shown("packet-line.md");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() >= 10);
    let output = trace(&path, &lines);
    assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), lines.len());
    assert!(!said.contains("not a packet"), "{said}");
}

/// The scenario of the page ends well where namespaces are allowed, and is understood elsewhere.
#[test]
fn the_lab_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.lab");
    std::fs::write(&path, shown("lab-file.md")).unwrap();
    let output = Command::new(BINARY).arg("lab").arg(&path).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(4) => machine::skip(&format!("lab: {said}")),
        code => panic!("{code:?}: {said}"),
    }
}

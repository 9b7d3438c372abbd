//! The recordings in `fixtures/forward`: rules, packets, and what the kernel sent, tracked and expected.
use std::path::Path;

use netfilter::skb::Link;

use crate::bed;

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A line's words without the one that counts seconds, and the seconds.
fn parts(line: &str, place: usize) -> (Vec<&str>, i64) {
    let mut words: Vec<_> = line.split_whitespace().collect();
    let seconds = words.remove(place).parse().unwrap();
    (words, seconds)
}

/// Whether the lines are the same but for a second and their order.
fn same(kernel: &[&str], ours: &[String], place: usize) -> bool {
    let near = |kernel: &str, ours: &str| {
        let ((kernel, kernel_seconds), (ours, our_seconds)) = (parts(kernel, place), parts(ours, place));
        kernel == ours && (kernel_seconds - our_seconds).abs() <= 1
    };
    kernel.len() == ours.len() && kernel.iter().all(|kernel| ours.iter().any(|ours| near(kernel, ours)))
}

fn values<'a>(step: &'a str, key: &str) -> Vec<&'a str> {
    step.lines().filter_map(|line| line.strip_prefix(key)).collect()
}

/// A packet in the one-line form; what the machine itself wrote (ICMP errors, with their TOS of F25) without its
/// identification, which runs.
fn shown(device: &str, bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    if bytes.get(1) == Some(&0xc0) {
        bytes[4..6].fill(0);
        bytes[10..12].fill(0);
        let sum = packet::checksum::of(&bytes[..20]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    packet::show::print(packet::InterfaceName::new(device), &bytes)
}

fn run(text: &str) -> usize {
    let rules = values(text, "rules: ").join("\n") + "\n";
    let mut count = 0;
    for (name, steps) in text.split("\ncase: ").skip(1).filter_map(|case| case.split_once('\n')) {
        let mut engine = bed::engine(&rules, "");
        for (number, step) in steps.split("in: ").skip(1).enumerate() {
            let (input, rest) = step.split_once('\n').unwrap();
            let (device, hex) = input.split_once(' ').unwrap();
            let from = bed::device(&engine, device);
            let packet = bytes(hex);
            let text = packet::show::print(None, &packet);
            engine.receive(bed::at(0), from, Link::default(), packet);
            let place = format!("{name}, packet {number}: {device} {text}");
            let kernel: Vec<_> = values(rest, "out: ")
                .into_iter()
                .map(|line| {
                    let (device, hex) = line.split_once(' ').unwrap();
                    shown(device, &bytes(hex))
                })
                .collect();
            let mut sent = Vec::new();
            while let Some(out) = engine.poll_transmit() {
                let device = engine.network().device(out.device).unwrap().name.to_string();
                sent.push(shown(&device, &out.bytes));
            }
            assert_eq!(sent, kernel, "{place}");
            let lines: Vec<_> = engine.conntrack().lines(bed::at(0)).collect();
            let kernel = values(rest, "line: ");
            assert!(same(&kernel, &lines, 4), "{place}\nkernel {kernel:#?}\nours {lines:#?}");
            let expected: Vec<_> = engine.conntrack().expectation_lines(bed::at(0)).collect();
            let kernel = values(rest, "expect: ");
            assert!(same(&kernel, &expected, 0), "{place}\nkernel {kernel:#?}\nours {expected:#?}");
            count += 1;
        }
    }
    count
}

/// The packets of a file, all as the kernel has them.
fn run_file(name: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/forward").join(name);
    run(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn f62_ftp_through_nat() {
    assert!(run_file("ftp.txt") > 60);
}

/// Random packets, answers and errors through SNAT, DNAT, MASQUERADE and REJECT.
#[test]
fn f47_f59_flows_and_errors_through_nat() {
    assert!(run_file("nat.txt") > 100);
}

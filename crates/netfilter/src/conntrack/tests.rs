//! The flows in `fixtures/flow`, as the kernel tracked them.
use std::path::Path;
use std::time::Duration;

use super::Config;
use super::testing::World;
use crate::time::Instant;

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A line without its seconds, and the seconds.
fn parts(line: &str) -> (Vec<&str>, i64) {
    let mut words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let seconds = words.remove(4).parse().unwrap();
    (words, seconds)
}

/// The kernel counts time in jiffies, and some passes until its table is read: seconds may differ by one.
fn same_line(kernel: &str, ours: &str) -> bool {
    let ((kernel, kernel_seconds), (ours, our_seconds)) = (parts(kernel), parts(ours));
    kernel == ours && (-1..=1).contains(&(our_seconds - kernel_seconds))
}

fn same_table(kernel: &[&str], ours: &[String]) -> bool {
    kernel.len() == ours.len() && kernel.iter().all(|kernel| ours.iter().any(|ours| same_line(kernel, ours)))
}

/// Runs a file; gives how many packets it had and what differed.
fn run(text: &str) -> (usize, Vec<String>) {
    let mut packets = 0;
    let mut differences = Vec::new();
    let mut config = Config::default();
    for (name, value) in text.lines().filter_map(|line| line.strip_prefix("sysctl: ")?.split_once(' ')) {
        let flag = match name {
            "tcp_loose" => &mut config.tcp_loose,
            "tcp_be_liberal" => &mut config.tcp_be_liberal,
            "tcp_ignore_invalid_rst" => &mut config.tcp_ignore_invalid_rst,
            _ => panic!("sysctl {name}"),
        };
        *flag = value == "1";
    }
    for block in text.split("\n\n") {
        let Some((name, steps)) = block.split_once("case: ").and_then(|(_, rest)| rest.split_once('\n'))
        else {
            continue;
        };
        let mut world = World::with(config.clone());
        for (number, step) in steps.split("at: ").skip(1).enumerate() {
            let mut lines = step.lines();
            let mut words = lines.next().unwrap().split(' ');
            let seconds: f64 = words.next().unwrap().parse().unwrap();
            let device = words.next().unwrap();
            let packet = bytes(words.next().unwrap());
            let state = words.nth(1).unwrap();
            let kernel: Vec<_> = lines.filter_map(|line| line.strip_prefix("line: ")).collect();
            world.now.mono = Instant(Duration::from_secs_f64(1.0 + seconds).as_nanos() as u64);
            world.table.expire(world.now);
            let passed = world.forward(device, &packet);
            world.check();
            packets += 1;
            let ours = world.lines();
            if !same_table(&kernel, &ours) || (state != "NONE" && passed.state_name() != state) {
                let shown = packet::show::print(None, &packet);
                differences.push(format!(
                    "{name} packet {number}: {device} {shown}\n  kernel {state} {kernel:#?}\n  ours {} {ours:#?}",
                    passed.state_name()
                ));
                break;
            }
        }
    }
    (packets, differences)
}

#[test]
fn flows_recorded_on_the_kernel() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/flow");
    let mut total = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let (packets, differences) = run(&std::fs::read_to_string(&path).unwrap());
        assert!(differences.is_empty(), "{}: {}", path.display(), differences.join("\n"));
        total += packets;
    }
    assert!(total > 500, "only {total} packets");
}

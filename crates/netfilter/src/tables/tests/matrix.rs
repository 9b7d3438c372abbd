//! Every match and header condition against many packets, as the kernel decided them (`fixtures/walk/matrix.txt`).
use packet::rewrite;

use super::log::bytes_of;
use super::*;

const MATRIX: &str = include_str!("../../../../../fixtures/walk/matrix.txt");

/// The packets of a block as the rule sees them.
fn packets(block: &str) -> Vec<Packet> {
    let hex = block.lines().filter_map(|line| line.strip_prefix("packet: "));
    hex.map(|hex| {
        let mut packet = packet_of(bytes_of(hex));
        let ttl = packet.view().ttl() - 1;
        rewrite::set_ttl(&mut packet.bytes, packet.layout, ttl);
        packet
    })
    .collect()
}

fn says(bench: &mut Bench, packet: &Packet) -> char {
    bench.trace.steps.clear();
    bench.walk_in(Table::Mangle, Hook::Forward, &mut packet.clone());
    let outcome = bench.trace.steps.iter().find_map(|(_, step)| match step {
        Step::Rule { outcome, .. } => Some(outcome),
        _ => None,
    });
    match outcome {
        Some(Outcome::Matched) => '+',
        Some(Outcome::Failed(_)) => '-',
        Some(Outcome::Hotdrop(_)) => '!',
        None => '?',
    }
}

#[test]
fn f19_matches_decide_as_the_kernel_does() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for block in MATRIX.split("family: ").skip(1) {
        let family = if block.starts_with('4') { Family::V4 } else { Family::V6 };
        let packets = packets(block);
        let mut lines = block.lines();
        while let Some(line) = lines.next() {
            let Some(rule) = line.strip_prefix("rule: ") else { continue };
            let wanted = lines.next().and_then(|line| line.strip_prefix("says: ")).unwrap();
            assert_eq!(wanted.len(), packets.len());
            let mut bench = Bench::of(family, &format!("*mangle\n-A FORWARD {rule}\nCOMMIT"));
            for (packet, wanted) in packets.iter().zip(wanted.chars()) {
                let got = says(&mut bench, packet);
                compared += 1;
                if got != wanted {
                    let shown = show::print(None, &packet.bytes);
                    wrong.push(format!("{rule}: kernel {wanted}, we {got}: {shown}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 17_000, "{compared}");
}

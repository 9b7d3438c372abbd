//! Instructions of a packet or a look-up, counted by callgrind: the same on a busy machine as on an idle one, but without
//! what a cache miss costs. Figures: docs/benchmarks.md.
//!
//! The program runs itself under `valgrind --tool=callgrind`, each time with two numbers of packets; the difference is
//! theirs, and the set-up falls out of it. Arguments: parts of the names that are wanted.
use std::hint::black_box;
use std::process::Command;

use netfilter::conntrack::{Config, Conntrack, Zone};
use netfilter::engine::Engine;
use netfilter::skb::Link;
use netfilter::{DeviceId, Tuple};
use world::{
    KNOWN, NOW, ORDINARY, SECRET, Sent, bytes, ends, engine, load, must, new_connection, one_bucket,
    ordinary, ten_rules, tuple,
};

mod world;

/// Numbers of packets.
const FEW: u32 = 1000;
const MANY: u32 = 3000;
const LOOKUPS: [&str; 4] =
    ["lookup/ordinary", "lookup/none", "lookup/one-bucket", "lookup/one-bucket-known-key"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [word, name, count] = arguments.as_slice()
        && word == "run"
    {
        run(name, count.parse().unwrap_or(FEW));
        return;
    }
    let known = KNOWN.iter().map(|(name, ..)| *name).chain(["new-connection-nat"]);
    for name in known.chain(LOOKUPS).chain(Sent::ALL.map(|(name, _)| name)) {
        if !(arguments.is_empty() || arguments.iter().any(|part| name.contains(part.as_str()))) {
            continue;
        }
        let (Some(few), Some(many)) = (count(name, FEW), count(name, MANY)) else {
            println!("skipped: valgrind is not there");
            return;
        };
        println!("{name:<32} {:>8} instructions", many.saturating_sub(few) / u64::from(MANY - FEW));
    }
}

/// The instructions of a whole run.
fn count(name: &str, packets: u32) -> Option<u64> {
    let own = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["run", name, &packets.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

fn run(name: &str, count: u32) {
    if let Some((_, sent)) = Sent::ALL.iter().find(|(own, _)| *own == name) {
        let (engine, lan) = sent.engine();
        // All packets of the longer run are made in both, so that only their way differs.
        receive(engine, lan, (0..MANY).map(|number| sent.packet(ORDINARY + number)).collect(), count);
    } else if name == "new-connection-nat" {
        let (engine, lan) = must(engine(&ten_rules(), 262_144));
        receive(engine, lan, (0..MANY).map(new_connection).collect(), count);
    } else if let Some((_, first, line)) = KNOWN.iter().find(|(own, ..)| *own == name) {
        let (mut engine, lan) = must(engine(&ten_rules(), 262_144));
        engine.receive(NOW, lan, Link::default(), bytes(first));
        engine.poll_transmit();
        receive(engine, lan, vec![bytes(line); MANY as usize], count);
    } else {
        let (victim, evil) = one_bucket();
        let key = if name == "lookup/one-bucket-known-key" { [0, 0] } else { SECRET };
        let there = name != "lookup/none";
        let (table, wanted): (Conntrack, Vec<Tuple>) = if name == "lookup/ordinary" {
            (ordinary(key), (0..MANY).map(|number| tuple(6, ends(number * 24))).collect())
        } else if !there {
            (ordinary(key), (0..MANY).map(|number| tuple(6, ends(ORDINARY + number))).collect())
        } else {
            let mut table = Conntrack::new(Config { max: 1 << 20, ..Config::default() }, key);
            load(&mut table, evil.iter().copied(), "mark=0");
            load(&mut table, (0..ORDINARY).map(|number| tuple(6, ends(number))), "[ASSURED] mark=0");
            (table, vec![victim; MANY as usize])
        };
        for tuple in wanted.iter().take(count as usize) {
            assert_eq!(table.find(black_box(tuple), Zone::default(), NOW.mono).is_some(), there);
        }
    }
}

fn receive(mut engine: Engine, lan: DeviceId, packets: Vec<Vec<u8>>, count: u32) {
    let rest = packets.len() - count as usize;
    let mut packets = packets.into_iter();
    for packet in packets.by_ref().take(count as usize) {
        engine.receive(NOW, lan, Link::default(), packet);
        black_box(engine.poll_transmit());
    }
    assert_eq!(packets.len(), rest);
    // Why: what the end costs differs with the number of connections.
    std::mem::forget((engine, packets));
}

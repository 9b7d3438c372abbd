//! One packet of a known flow through five tables with ten rules each, and a new connection with NAT. Figures:
//! docs/benchmarks.md.
use std::cell::RefCell;
use std::fmt::Write as _;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use netfilter::engine::{Config, Engine};
use netfilter::skb::Link;
use netfilter::time::Seeded;
use netfilter::{DeviceId, Instant, Now, conntrack, defrag, env};
use packet::{Family, InterfaceName};

const NETWORK: &str = "\
device lan0
device wan0
address 10.0.1.1/8 dev lan0
address 203.0.113.1/24 dev wan0
route default via 203.0.113.254 dev wan0
sysctl net.ipv4.ip_forward=1
";

/// Ten rules in every chain that a forwarded packet meets, the last of which lets it pass.
fn rules() -> String {
    let mut text = String::new();
    for (table, chains) in [
        ("raw", "PREROUTING"),
        ("mangle", "PREROUTING FORWARD POSTROUTING"),
        ("filter", "FORWARD"),
        ("security", "FORWARD"),
    ] {
        let _ = writeln!(text, "*{table}");
        for chain in chains.split(' ') {
            for rule in 0..9 {
                let _ =
                    writeln!(text, "-A {chain} -s 172.16.{rule}.0/24 -p tcp -m tcp --dport {rule} -j DROP");
            }
            let _ = writeln!(text, "-A {chain} -p tcp -j ACCEPT");
        }
        text.push_str("COMMIT\n");
    }
    text.push_str("*nat\n");
    for rule in 0..9 {
        let _ = writeln!(text, "-A POSTROUTING -s 172.16.{rule}.0/24 -j SNAT --to-source 203.0.113.9");
    }
    text.push_str("-A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT\n");
    text
}

fn engine() -> Option<(Engine, DeviceId)> {
    let network = netfilter::route::text::parse(NETWORK).ok()?;
    let lan = network.device_named(InterfaceName::new("lan0")?)?;
    let mut engine = Engine::new(Config {
        settings: env::Settings::default(),
        conntrack: conntrack::Config::default(),
        defrag: defrag::Settings::default(),
        always_track: false,
        hash_key: [1, 2],
        network,
        random: Box::new(Seeded::new(1)),
    });
    engine.set_ruleset(&rules::syntax::restore::load(&rules(), Family::V4, None).ok()?);
    Some((engine, lan))
}

fn bytes(line: &str) -> Vec<u8> {
    packet::show::parse(line).map(|shown| shown.bytes).unwrap_or_default()
}

const NOW: Now = Now { mono: Instant(1_000_000_000), wall: 0 };

fn known_flow(criterion: &mut Criterion) {
    let Some((mut engine, lan)) = engine() else { panic!("the bench's own rules do not load") };
    engine.receive(NOW, lan, Link::default(), bytes("udp 10.0.1.5:40000 > 8.8.8.8:53"));
    engine.receive(NOW, lan, Link::default(), bytes("tcp 10.0.1.5:40000 > 8.8.8.8:443 A seq 1 ack 1"));
    while engine.poll_transmit().is_some() {}
    for (name, line) in [
        ("known-flow-tcp", "tcp 10.0.1.5:40000 > 8.8.8.8:443 A seq 1 ack 1 len 100"),
        ("known-flow-udp", "udp 10.0.1.5:40000 > 8.8.8.8:53 len 100"),
    ] {
        let packet = bytes(line);
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(
                || packet.clone(),
                |bytes| {
                    engine.receive(NOW, lan, Link::default(), bytes);
                    engine.poll_transmit()
                },
                BatchSize::SmallInput,
            );
        });
    }
}

fn new_connection(criterion: &mut Criterion) {
    let Some((engine, lan)) = engine() else { panic!("the bench's own rules do not load") };
    let engine = RefCell::new(engine);
    let mut number = 0_u32;
    criterion.bench_function("new-connection-nat", |bencher| {
        bencher.iter_batched(
            || {
                number = number.wrapping_add(1);
                // Why: every packet opens a connection of its own; the table is emptied outside the measurement.
                if number == 100_000 {
                    number = 1;
                    engine.borrow_mut().conntrack_mut().flush();
                }
                let (a, b, port) = (number >> 16 & 15, number >> 8 & 255, 1024 + (number & 255));
                bytes(&format!("tcp 10.{a}.{b}.5:{port} > 8.{a}.{b}.8:443 S seq 1"))
            },
            |bytes| {
                let mut engine = engine.borrow_mut();
                engine.receive(NOW, lan, Link::default(), bytes);
                engine.poll_transmit()
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, known_flow, new_connection);
criterion_main!(benches);

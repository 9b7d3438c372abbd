//! The connection table at its size and under attack. Figures: docs/benchmarks.md.
//!
//! `million/*`: a million connections through the whole engine, aged, dumped, loaded. `lookup/*`: what finding an ordinary
//! connection costs, and what it costs while somebody attacks; `new/*`: a new masqueraded flow of UDP, ordinarily and under
//! attack; `attack/*`: what a packet of the attacker costs. An attack must not make a look-up cost more than twice.
use std::hash::Hasher;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use netfilter::conntrack::expect::Expectation;
use netfilter::conntrack::format::Style;
use netfilter::conntrack::{Config, Conntrack, Zone, helper};
use netfilter::engine::{self, Engine};
use netfilter::skb::Link;
use netfilter::time::Seeded;
use netfilter::{DeviceId, Instant, Now, Tuple, defrag, env};
use packet::{Family, InterfaceName};

const NETWORK: &str = "\
device lan0
device wan0
address 10.0.0.1/8 dev lan0
address 203.0.113.1/24 dev wan0
route default via 203.0.113.254 dev wan0
sysctl net.ipv4.ip_forward=1
";
const MASQUERADE: &str = "*nat\n-A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT\n";
const MILLION: u32 = 1_000_000;
const NOW: Now = Now { mono: Instant(1_000_000_000), wall: 0 };
/// Connections of an ordinary table.
const ORDINARY: u32 = 100_000;
/// The key of tables whose key nobody knows.
const SECRET: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

fn engine(rules: &str, max: usize) -> Option<(Engine, DeviceId)> {
    let network = netfilter::route::text::parse(NETWORK).ok()?;
    let lan = network.device_named(InterfaceName::new("lan0")?)?;
    let mut engine = Engine::new(engine::Config {
        settings: env::Settings::default(),
        conntrack: Config { max, ..Config::default() },
        defrag: defrag::Settings::default(),
        always_track: true,
        hash_key: SECRET,
        network,
        random: Box::new(Seeded::new(1)),
    });
    engine.set_ruleset(&rules::syntax::restore::load(rules, Family::V4, None).ok()?);
    Some((engine, lan))
}

/// The time that this thread has been on a processor: on a machine that others use, the wall clock counts them, too.
fn clock() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) =
        (u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
    Duration::new(seconds, nanos)
}

/// The processor time of some rounds.
fn rounds<T>(count: u64, mut round: impl FnMut() -> T) -> Duration {
    let start = clock();
    for _ in 0..count {
        black_box(round());
    }
    clock().saturating_sub(start)
}

fn must<T>(value: Option<T>) -> T {
    match value {
        Some(value) => value,
        None => panic!("the bench's own data do not load"),
    }
}

/// A packet to which numbers are given: addresses and ports of a SYN or a datagram, checksums renewed.
#[derive(Clone)]
struct Model(Vec<u8>);

impl Model {
    fn of(line: &str) -> Self {
        Self(packet::show::parse(line).map(|shown| shown.bytes).unwrap_or_default())
    }

    fn with(&self, source: u32, source_port: u16, destination: u32, destination_port: u16) -> Vec<u8> {
        let mut bytes = self.0.clone();
        let mut put = |at: usize, new: &[u8]| {
            if let Some(place) = bytes.get_mut(at..at + new.len()) {
                place.copy_from_slice(new);
            }
        };
        put(12, &source.to_be_bytes());
        put(16, &destination.to_be_bytes());
        put(20, &source_port.to_be_bytes());
        put(22, &destination_port.to_be_bytes());
        put(10, &[0, 0]);
        let tcp = self.0.get(9) == Some(&6);
        put(if tcp { 36 } else { 26 }, &[0, 0]);
        let ip = packet::checksum::finish(packet::checksum::add(0, bytes.get(..20).unwrap_or(&[])));
        if let Some(place) = bytes.get_mut(10..12) {
            place.copy_from_slice(&ip.to_be_bytes());
        }
        if tcp {
            let segment = bytes.get(20..).unwrap_or(&[]);
            let length = u32::try_from(segment.len()).unwrap_or(0);
            let [source, destination] = [source, destination].map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
            let start = packet::checksum::pseudo(source, destination, 6, length);
            let sum = packet::checksum::finish(packet::checksum::add(start, segment));
            if let Some(place) = bytes.get_mut(36..38) {
                place.copy_from_slice(&sum.to_be_bytes());
            }
        }
        bytes
    }
}

/// The numbers of a connection: different for each, spread over clients and servers.
fn ends(number: u32) -> (u32, u16, u32, u16) {
    let mixed = number.wrapping_mul(0x9e37_79b1);
    let port = 1024 + (mixed & 0x7fff) as u16;
    (0x0a00_0100 + (number >> 8), port, 0x0800_0000 | mixed >> 8, 443)
}

fn tuple(protocol: u8, (source, source_id, destination, destination_id): (u32, u16, u32, u16)) -> Tuple {
    let [source, destination] = [source, destination].map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
    Tuple { source, destination, protocol, source_id, destination_id }
}

/// A line of a connection that is not translated.
fn line(out: &mut String, seconds: u32, tuple: &Tuple, tail: &str) {
    use std::fmt::Write;
    let (name, number, state) =
        if tuple.protocol == 6 { ("tcp", 6, "ESTABLISHED ") } else { ("udp", 17, "") };
    let Tuple { source, destination, source_id, destination_id, .. } = tuple;
    let _ = writeln!(
        out,
        "{name} {number} {seconds} {state}src={source} dst={destination} sport={source_id} dport={destination_id} \
         src={destination} dst={source} sport={destination_id} dport={source_id} {tail}"
    );
}

fn load(table: &mut Conntrack, tuples: impl Iterator<Item = Tuple>, tail: &str) {
    let mut text = String::new();
    for (tuple, number) in tuples.zip(0_u32..) {
        line(&mut text, 600 + number % 1000, &tuple, tail);
    }
    if let Err(error) = table.load(&text, &|_| None, NOW) {
        panic!("{error}");
    }
}

/// A table of ordinary connections.
fn ordinary(key: [u64; 2]) -> Conntrack {
    let mut table = Conntrack::new(Config { max: 4 * MILLION as usize, ..Config::default() }, key);
    load(&mut table, (0..ORDINARY).map(|number| tuple(6, ends(number))), "[ASSURED] mark=0");
    table
}

fn fill(engine: &mut Engine, lan: DeviceId, syn: &Model) {
    for number in 0..MILLION {
        let (source, port, destination, to) = ends(number);
        engine.receive(NOW, lan, Link::default(), syn.with(source, port, destination, to));
        engine.poll_transmit();
    }
}

fn million(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("million");
    group.sample_size(10).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(1));
    let syn = Model::of("tcp 10.0.1.5:1000 > 8.8.8.8:443 S seq 1");
    for (name, rules) in [("fill", ""), ("fill-masqueraded", MASQUERADE)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                for _ in 0..count {
                    let (mut engine, lan) = must(engine(rules, 2 * MILLION as usize));
                    engine.conntrack_mut().reserve(MILLION as usize);
                    let start = clock();
                    fill(&mut engine, lan, &syn);
                    spent += clock().saturating_sub(start);
                    assert!(engine.conntrack().len() > 990_000, "{}", engine.conntrack().len());
                }
                spent
            });
        });
    }
    let (mut full, lan) = must(engine("", 2 * MILLION as usize));
    fill(&mut full, lan, &syn);
    let mut text = String::new();
    full.conntrack().dump(Style::Extended, NOW, &mut text);
    let count = full.conntrack().len();
    group.bench_function("dump", |bencher| {
        bencher.iter_custom(|count| {
            rounds(count, || {
                let mut out = String::with_capacity(text.len());
                full.conntrack().dump(Style::Extended, NOW, &mut out);
                out.len()
            })
        });
    });
    group.bench_function("load", |bencher| {
        bencher.iter_custom(|times| {
            rounds(times, || {
                let mut table =
                    Conntrack::new(Config { max: 2 * MILLION as usize, ..Config::default() }, SECRET);
                table.reserve(count);
                assert!(table.load(&text, &|_| None, NOW).is_ok());
                table.len()
            })
        });
    });
    group.bench_function("age", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let mut table =
                    Conntrack::new(Config { max: 2 * MILLION as usize, ..Config::default() }, SECRET);
                assert!(table.load(&text, &|_| None, NOW).is_ok());
                let start = clock();
                // They run out one after another within two minutes: the clock goes on second by second.
                for second in 0..130 {
                    table.expire(Now { mono: NOW.mono + Duration::from_secs(second), wall: 0 });
                }
                spent += clock().saturating_sub(start);
                assert!(table.is_empty());
            }
            spent
        });
    });
    group.finish();
}

/// Finds ordinary connections one after another.
fn look_up(criterion: &mut Criterion, name: &str, table: &Conntrack) {
    let wanted: Vec<Tuple> = (0..4096).map(|number| tuple(6, ends(number * 24))).collect();
    let mut at = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            rounds(count, || {
                at = (at + 1) & 4095;
                let tuple = wanted.get(at).copied();
                let found = tuple.and_then(|tuple| table.find(&tuple, Zone::default(), NOW.mono));
                assert!(found.is_some());
                found
            })
        });
    });
}

/// The hash of a tuple under the key 0, which whoever reads the code can compute (SipHash-1-3, as in the table).
fn hash_with_key_0(tuple: (u32, u16, u32, u16), protocol: u8) -> u64 {
    let (source, source_id, destination, destination_id) = tuple;
    let mut hash = std::collections::hash_map::DefaultHasher::new();
    hash.write_u64(u64::from(source) << 32 | u64::from(destination));
    hash.write_u64(u64::from(source_id) | u64::from(destination_id) << 16 | u64::from(protocol) << 32);
    hash.finish()
}

fn lookups(criterion: &mut Criterion) {
    look_up(criterion, "lookup/ordinary", &ordinary(SECRET));

    // A flood of SYNs with random tuples has filled the rest of the table.
    let mut flooded = ordinary(SECRET);
    let random = (0..MILLION).map(|number| {
        let mut seed = Seeded::new(u64::from(number));
        let bits = seed.next_u64();
        tuple(17, ((bits >> 32) as u32 | 1, bits as u16, 0xc633_6407, (bits >> 16) as u16))
    });
    load(&mut flooded, random, "mark=0");
    look_up(criterion, "lookup/syn-flood", &flooded);
    drop(flooded);

    // Tuples that would all lie in one place if the key were 0, and a connection that would lie there, too.
    let place = |number: u32| hash_with_key_0(ends(number), 6) & 0x3_ffff;
    let victim = tuple(6, ends(24));
    let wanted = place(24) >> 6;
    let evil: Vec<Tuple> = (0..100_000_000_u32)
        .map(|number| (0xac10_0000 | number >> 10, number as u16, 0xc633_6407, 80))
        .filter(|ends| hash_with_key_0(*ends, 17) >> 6 & 0xfff == wanted)
        .take(4096)
        .map(|ends| tuple(17, ends))
        .collect();
    for (name, key, evil) in [
        ("lookup/one-connection", SECRET, &[][..]),
        ("lookup/one-bucket", SECRET, &evil),
        ("lookup/one-bucket-known-key", [0, 0], &evil),
    ] {
        // Why: what came first is nearer to its place.
        let mut table = Conntrack::new(Config { max: 4 * MILLION as usize, ..Config::default() }, key);
        load(&mut table, evil.iter().copied(), "mark=0");
        load(&mut table, (0..ORDINARY).map(|number| tuple(6, ends(number))), "[ASSURED] mark=0");
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                rounds(count, || {
                    let found = table.find(black_box(&victim), Zone::default(), NOW.mono);
                    assert!(found.is_some());
                    found
                })
            });
        });
    }
}

/// A new connection while as much is expected as may be.
fn attacks(criterion: &mut Criterion) {
    let udp = Model::of("udp 10.0.1.5:1000 > 8.8.8.8:53 len 18");
    let whole = Model::of("udp 10.0.1.5:1000 > 8.8.8.8:53 len 1000");
    for name in ["new/ordinary", "new/expectation-flood", "new/one-source", "new/table-full", "new/fragments"]
    {
        let max = if name == "new/table-full" { ORDINARY as usize } else { 4 * MILLION as usize };
        let (mut engine, lan) = must(engine(MASQUERADE, max));
        for number in 0..ORDINARY {
            let (source, port, destination, _) = ends(number);
            engine.receive(NOW, lan, Link::default(), udp.with(source, port, destination, 53));
            engine.poll_transmit();
        }
        match name {
            "new/expectation-flood" => expect_much(&mut engine),
            "new/one-source" => {
                for number in 0..ORDINARY {
                    let to = 0x0900_0000 | number;
                    engine.receive(NOW, lan, Link::default(), udp.with(0x0a00_0009, 7, to, 53));
                    engine.poll_transmit();
                }
            }
            "new/fragments" | "attack/fragment" => {
                for number in 0..100_000 {
                    engine.receive(NOW, lan, Link::default(), fragment(&whole, number));
                }
            }
            _ => {}
        }
        let one_source = name == "new/one-source";
        let fragments = name == "attack/fragment";
        let mut number = ORDINARY;
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                let mut left = count;
                while left > 0 {
                    let batch = left.min(1000);
                    left -= batch;
                    let packets: Vec<Vec<u8>> = (0..batch)
                        .map(|_| {
                            number = number.wrapping_add(1);
                            if fragments {
                                return fragment(&whole, number);
                            }
                            let (source, port, destination, _) = ends(number);
                            let (source, port) = if one_source { (0x0a00_0009, 7) } else { (source, port) };
                            udp.with(source, port, destination, 53)
                        })
                        .collect();
                    let mut packets = packets.into_iter();
                    spent += rounds(batch, || {
                        engine.receive(NOW, lan, Link::default(), packets.next().unwrap_or_default());
                        engine.poll_transmit()
                    });
                }
                spent
            });
        });
    }
}

/// The first fragment of a datagram that never becomes whole.
fn fragment(whole: &Model, number: u32) -> Vec<u8> {
    let mut bytes = whole.with(0x0a00_0200 + (number >> 16), 1, 0x0900_0001, 53);
    let [.., high, low] = number.to_be_bytes();
    for (at, new) in [(4, [high, low]), (6, [0x20, 0]), (10, [0, 0])] {
        if let Some(place) = bytes.get_mut(at..at + 2) {
            place.copy_from_slice(&new);
        }
    }
    let sum = packet::checksum::finish(packet::checksum::add(0, bytes.get(..20).unwrap_or(&[])));
    if let Some(place) = bytes.get_mut(10..12) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

/// As many expectations as there may be, each of a connection of its own.
fn expect_much(engine: &mut Engine) {
    let table = engine.conntrack_mut();
    let masters: Vec<Tuple> =
        (0..4096).map(|number| tuple(6, (0x0a10_0000 | number, 1000, 0x0909_0909, 21))).collect();
    load(table, masters.iter().copied(), "[ASSURED] mark=0 helper=ftp");
    for (master, number) in masters.iter().zip(0_u16..) {
        let Some((id, _)) = table.find(master, Zone::default(), NOW.mono) else { continue };
        let expectation = Expectation::new(id, helper::Kind::Ftp, 6, master.source, 5000 + number);
        assert!(table.expect(expectation, NOW.mono).is_ok());
    }
    assert_eq!(table.expectations().count(), 4096);
}

criterion_group!(benches, lookups, attacks, million);
criterion_main!(benches);

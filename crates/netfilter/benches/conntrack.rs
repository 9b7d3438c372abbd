//! The connection table at its size and under attack. Figures: docs/benchmarks.md.
//!
//! `million/*`: a million connections through the whole engine, aged, dumped, loaded. `lookup/*`: what finding an ordinary
//! connection costs, and what it costs while somebody attacks; `memory/*`: what a read costs of so much memory; `new/*`: a
//! new masqueraded flow of UDP, ordinarily and under attack; `attack/*`: what a packet of the attacker costs. An attack must
//! not make a look-up cost more than twice.
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use netfilter::conntrack::format::Style;
use netfilter::conntrack::{Config, Conntrack, Zone};
use netfilter::engine::Engine;
use netfilter::skb::Link;
use netfilter::time::Seeded;
use netfilter::{DeviceId, Now, Tuple};

use world::{
    MASQUERADE, MILLION, Model, NOW, ORDINARY, SECRET, Sent, ends, engine, load, must, one_bucket, ordinary,
    syn_v6, tuple,
};

mod world;

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

/// Whether a benchmark whose name begins like this is asked for: what it needs takes seconds to make.
// Why: criterion keeps what it was asked for to itself. The first word of the command is the part of a name.
fn wanted(name: &str) -> bool {
    let asked = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    asked.is_none_or(|part| name.contains(part.as_str()) || part.contains(name))
}

/// Rounds of what takes seconds: three, of which the middle one counts; all are printed.
fn thrice(name: &str, mut round: impl FnMut() -> Duration) {
    if !wanted(name) {
        return;
    }
    let mut times = [round(), round(), round()];
    times.sort();
    let [least, middle, most] = times.map(|time| time.as_secs_f64());
    println!("{name:<40} {middle:.3} s  ({least:.3} to {most:.3})");
}

fn fill(engine: &mut Engine, lan: DeviceId, packet: impl Fn(u32) -> Vec<u8>) -> Duration {
    let start = clock();
    for number in 0..MILLION {
        engine.receive(NOW, lan, Link::default(), packet(number));
        engine.poll_transmit();
    }
    let spent = clock().saturating_sub(start);
    let connections = engine.conntrack().len();
    assert!(connections > 990_000, "{connections}");
    spent
}

fn million(_: &mut Criterion) {
    let syn = Model::of("tcp 10.0.1.5:1000 > 8.8.8.8:443 S seq 1");
    let v4 = |number: u32| {
        let (source, port, destination, to) = ends(number);
        syn.with(source, port, destination, to)
    };
    let max = 2 * MILLION as usize;
    for (name, rules) in [("fill", ""), ("fill-masqueraded", MASQUERADE)] {
        thrice(&format!("million/{name}-v4"), || {
            let (mut engine, lan) = must(engine(rules, max));
            fill(&mut engine, lan, v4)
        });
        thrice(&format!("million/{name}-v6"), || {
            let (mut engine, lan) = must(engine(rules, max));
            fill(&mut engine, lan, syn_v6)
        });
    }
    for (family, name) in [(4, "v4"), (6, "v6")] {
        if !["dump", "load", "age"].iter().any(|what| wanted(&format!("million/{what}-{name}"))) {
            continue;
        }
        let (mut full, lan) = must(engine(MASQUERADE, max));
        if family == 4 {
            fill(&mut full, lan, v4);
        } else {
            fill(&mut full, lan, syn_v6);
        }
        let mut text = String::new();
        full.conntrack().dump(Style::Extended, NOW, &mut text);
        let count = full.conntrack().len();
        assert_eq!(text.lines().count(), count);
        thrice(&format!("million/dump-{name}"), || {
            let mut out = String::with_capacity(text.len());
            let start = clock();
            full.conntrack().dump(Style::Extended, NOW, &mut out);
            black_box(out.len());
            clock().saturating_sub(start)
        });
        let empty = || Conntrack::new(Config { max, ..Config::default() }, SECRET);
        thrice(&format!("million/load-{name}"), || {
            let mut table = empty();
            let start = clock();
            assert!(table.load(&text, &|_| None, NOW).is_ok());
            let spent = clock().saturating_sub(start);
            assert_eq!(table.len(), count);
            spent
        });
        // They run out within two minutes: the clock goes on second by second.
        thrice(&format!("million/age-{name}"), || {
            let mut table = empty();
            assert!(table.load(&text, &|_| None, NOW).is_ok());
            let start = clock();
            for second in 0..130 {
                table.expire(Now { mono: NOW.mono + Duration::from_secs(second), wall: 0 });
            }
            let spent = clock().saturating_sub(start);
            assert!(table.is_empty());
            spent
        });
    }
    // A million live on while packets of theirs arrive: each has one every hundred seconds and lives for three hundred from
    // then on, so that every timer runs out and is set anew; half of them fall silent and end.
    let segment = Model::of("tcp 10.0.1.5:1000 > 8.8.8.8:443 A seq 1 ack 1");
    let segment = |number: u32| {
        let (source, port, destination, to) = ends(number);
        segment.with(source, port, destination, to)
    };
    thrice("million/busy (three and a half million packets)", || {
        let (mut engine, lan) = must(engine("", max));
        let mut spent = fill(&mut engine, lan, segment);
        for step in 0..500_u64 {
            let now = Now { mono: NOW.mono + Duration::from_secs(step), wall: 0 };
            let start = clock();
            engine.expire(now);
            if step < 300 {
                for number in (step as u32 % 100..MILLION).step_by(100) {
                    if step < 200 || number % 200 < 100 {
                        engine.receive(now, lan, Link::default(), segment(number));
                        engine.poll_transmit();
                    }
                }
            }
            spent += clock().saturating_sub(start);
        }
        let left = engine.conntrack().len();
        assert!((490_000..510_000).contains(&left), "{left}");
        spent
    });
    // The dearest packet while a table grows: nobody waits long because an index must grow.
    thrice("million/dearest packet", || {
        let (mut engine, lan) = must(engine("", max));
        let mut dearest = Duration::ZERO;
        for number in 0..MILLION {
            let bytes = v4(number);
            let start = clock();
            engine.receive(NOW, lan, Link::default(), bytes);
            engine.poll_transmit();
            dearest = dearest.max(clock().saturating_sub(start));
        }
        dearest
    });
}

/// The processor time of each of some tuples that are looked for one after another, all of which are there or none: of many
/// times all of them the middle one, and the first and third quarter.
// Why not criterion: its figure is a mean, in which the first round counts after each time that another program ran. Why a
// function that makes the tuples: a list of 100,000 is four megabytes that pass through the caches in which the table lies.
fn look_for(name: &str, table: &Conntrack, count: u32, there: bool, tuple: impl Fn(u32) -> Tuple) {
    if !wanted(name) {
        return;
    }
    let times = (2_000_000 / count).max(20);
    let mut times: Vec<Duration> = (0..times)
        .map(|_| {
            let start = clock();
            for number in 0..count {
                let tuple = tuple(black_box(number));
                assert_eq!(black_box(table.find(&tuple, Zone::default(), NOW.mono)).is_some(), there);
            }
            clock().saturating_sub(start)
        })
        .collect();
    times.sort();
    let [first, middle, third] = [1, 2, 3].map(|quarter| {
        let time = times.get(times.len() * quarter / 4).map_or(0.0, Duration::as_secs_f64);
        time * 1e9 / f64::from(count)
    });
    println!("{name:<40} {middle:.1} ns  ({first:.1} to {third:.1})");
}

/// Finds 4,096 ordinary connections one after another, all of them, and looks for some that are not there.
fn look_up(name: &str, table: &Conntrack) {
    look_for(&format!("lookup/{name}"), table, 4096, true, |number| tuple(6, ends(number * 24)));
    // Why multiplied: the ones that follow each other in the table are not looked for one after another.
    let any = |number: u32| tuple(6, ends((number * 7_919) % ORDINARY));
    look_for(&format!("lookup/all-{name}"), table, ORDINARY, true, any);
    let none = |number| tuple(6, ends(ORDINARY + number));
    look_for(&format!("lookup/none-{name}"), table, ORDINARY, false, none);
}

/// What a read costs whose place the read before gave: in all of some cache lines, so many bytes apart.
fn memory(criterion: &mut Criterion) {
    for (name, lines, apart) in [
        ("memory/512 KiB", 1 << 13, 64),
        ("memory/16 MiB", 1 << 18, 64),
        ("memory/256 MiB", 1 << 22, 64),
        ("memory/4096 lines in 256 MiB", 1 << 12, 1 << 16),
        ("memory/8192 lines in 256 MiB", 1 << 13, 1 << 15),
    ] {
        if !wanted(name) {
            continue;
        }
        let words = apart / 4;
        let mut memory = vec![0_u32; lines * words];
        // Why this order: an odd multiplier and an odd summand, a full period, and nothing that a prefetcher knows. Which line
        // of its 4 KiB is by the number, so that they do not share the sets of a cache.
        let place = |line: usize| line * words + (line * 16) % words.min(1024);
        for line in 0..lines {
            let next = (line * 1_664_525 + 1_013_904_223) & (lines - 1);
            if let Some(word) = memory.get_mut(place(line)) {
                *word = u32::try_from(place(next)).unwrap_or(0);
            }
        }
        let mut at = place(0);
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                rounds(count, || {
                    at = memory.get(at).map_or(0, |&next| next as usize);
                    at
                })
            });
        });
    }
}

fn lookups(criterion: &mut Criterion) {
    memory(criterion);
    if !wanted("lookup/") {
        return;
    }
    let calm = ordinary(SECRET);

    // A flood of SYNs with random tuples has filled the rest of the table.
    let mut flooded = ordinary(SECRET);
    let random = (0..MILLION).map(|number| {
        let bits = Seeded::new(u64::from(number)).next_u64();
        tuple(17, ((bits >> 32) as u32 | 1, bits as u16, 0xc633_6407, (bits >> 16) as u16))
    });
    load(&mut flooded, random, "mark=0");
    // Why by turns: the machine is not the same all the time.
    for _ in 0..2 {
        look_up("ordinary", &calm);
        look_up("syn-flood", &flooded);
    }
    drop((calm, flooded));

    let (victim, evil) = one_bucket();
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

/// New flows, ordinarily and under attack, and what the attacker sends. What came into the table goes out of it between
/// the measurements, so that its size stays what it is.
fn attacks(criterion: &mut Criterion) {
    for (name, sent) in Sent::ALL {
        if !wanted(name) {
            continue;
        }
        let (mut engine, lan) = sent.engine();
        let before = engine.conntrack().len();
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
                            sent.packet(number)
                        })
                        .collect();
                    let mut packets = packets.into_iter();
                    spent += rounds(batch, || {
                        engine.receive(NOW, lan, Link::default(), packets.next().unwrap_or_default());
                        engine.poll_transmit()
                    });
                    if engine.conntrack().len() > before {
                        let new: Vec<_> = engine.conntrack().iter().skip(before).map(|(id, _)| id).collect();
                        new.into_iter().for_each(|id| engine.conntrack_mut().kill(id));
                    }
                }
                spent
            });
        });
    }
}

criterion_group!(benches, lookups, attacks, million);
criterion_main!(benches);

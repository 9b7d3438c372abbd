//! One packet of a known flow through five tables with ten rules each, and a new connection with NAT. Figures:
//! docs/benchmarks.md.
use std::cell::RefCell;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use netfilter::skb::Link;
use world::{KNOWN, NOW, bytes, engine, must, new_connection, ten_rules};

mod world;

fn known_flow(criterion: &mut Criterion) {
    let (mut engine, lan) = must(engine(&ten_rules(), 262_144));
    for (name, first, line) in KNOWN {
        engine.receive(NOW, lan, Link::default(), bytes(first));
        while engine.poll_transmit().is_some() {}
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

fn new_flow(criterion: &mut Criterion) {
    let (engine, lan) = must(engine(&ten_rules(), 262_144));
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
                new_connection(number)
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

criterion_group!(benches, known_flow, new_flow);
criterion_main!(benches);

//! What it costs to parse a packet and to read its five-tuple. Figures: docs/benchmarks.md.
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use packet::View;

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, line) in [
        ("tcp4", "tcp 10.0.0.1:40000 > 10.0.0.2:443 A len 1000"),
        ("udp4", "udp 10.0.0.1:40000 > 10.0.0.2:53 len 40"),
        ("tcp6", "tcp [fd00::1]:40000 > [fd00::2]:443 A len 1000"),
    ] {
        let bytes = packet::show::parse(line).map(|shown| shown.bytes).unwrap_or_default();
        assert!(!bytes.is_empty(), "{line}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let view = View::parse(black_box(&bytes)).ok()?;
                Some((view.source(), view.destination(), view.protocol(), view.ports()))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);

//! Restoring and saving 100,000 rules. Figures: docs/benchmarks.md.
use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use packet::Family;
use rules::syntax::{print, restore};

/// A save file with so many rules: half with two matches, spread over chains as service proxies do.
fn file(rules: usize) -> String {
    let mut text =
        String::from("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
    let chains = rules / 20;
    for chain in 0..chains {
        let _ = writeln!(text, ":SERVICE-{chain:06} - [0:0]");
    }
    for rule in 0..rules {
        let (a, b, port) = (rule >> 8 & 255, rule & 255, 1 + rule % 60_000);
        let chain = rule / 20;
        if rule % 20 == 0 {
            let _ = writeln!(text, "-A FORWARD -d 10.{a}.{b}.0/24 -j SERVICE-{chain:06}");
        } else if rule % 2 == 0 {
            let _ = writeln!(
                text,
                "-A SERVICE-{chain:06} -s 10.{a}.{b}.0/24 -p tcp -m tcp --dport {port} -m comment --comment \"rule {rule}\" -j ACCEPT"
            );
        } else {
            let _ = writeln!(
                text,
                "-A SERVICE-{chain:06} -d 10.{a}.{b}.7/32 -i eth0 -p udp -m udp --sport {port} -j DROP"
            );
        }
    }
    text.push_str("COMMIT\n");
    text
}

fn hundred_thousand(criterion: &mut Criterion) {
    let text = file(100_000);
    let ruleset = restore::load(&text, Family::V4, None);
    let Ok(ruleset) = ruleset else { panic!("the bench's own file does not load") };
    let mut group = criterion.benchmark_group("rules-100000");
    group.sample_size(10);
    group.bench_function("restore", |bencher| {
        bencher.iter(|| restore::load(black_box(&text), Family::V4, None).is_ok())
    });
    group.bench_function("save", |bencher| {
        bencher.iter(|| {
            let mut out = String::new();
            print::ruleset(&mut out, black_box(&ruleset), false, None);
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, hundred_thousand);
criterion_main!(benches);

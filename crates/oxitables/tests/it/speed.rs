//! Nothing is quadratic: a restore of many rules costs in proportion.
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::programs::Home;

fn input(rules: usize, chains: usize) -> String {
    let mut text = String::from("*filter\n");
    for chain in 0..chains {
        writeln!(text, ":chain-{chain} - [0:0]").unwrap();
    }
    for rule in 0..rules {
        let chain = rule % chains;
        writeln!(
            text,
            "-A chain-{chain} -s 10.{}.{}.0/24 -p tcp -m tcp --dport {} -m comment --comment \"rule {rule}\" -j ACCEPT",
            rule >> 8 & 255,
            rule & 255,
            1 + rule % 60_000
        )
        .unwrap();
    }
    text.push_str("COMMIT\n");
    text
}

#[test]
fn a_restore_costs_in_proportion_to_its_rules() {
    let cost = |rules: usize, chains: usize| {
        let home = Home::new();
        let input = input(rules, chains);
        let start = Instant::now();
        let output = home.run_with("iptables-restore", &["-n"], &input);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let took = start.elapsed();
        let saved = home.run("iptables-save", &[]).stdout;
        assert_eq!(saved.iter().filter(|&&byte| byte == b'\n').count(), rules + chains + 7);
        took
    };
    let (small, large) = (cost(3_000, 300), cost(30_000, 3_000));
    // Ten times as many; thirty times the time would be far from proportion. A floor for the start of a process.
    assert!(
        large < small.max(Duration::from_millis(20)) * 30,
        "{small:?} for 3,000 rules, {large:?} for 30,000"
    );
}

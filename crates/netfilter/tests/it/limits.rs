//! Stores at their limits, on the whole engine (docs/limits.md).
use std::path::Path;

use netfilter::engine::Decision;
use netfilter::skb::Link;
use netfilter::{Drop, env};
use packet::build;
use rules::Table;

use crate::bed;

/// All texts under a folder whose names end so.
fn texts(folder: &Path, ending: &str, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            texts(&path, ending, out);
        } else if path.extension().is_some_and(|own| own == ending) {
            out.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Every test and case in the last column of docs/limits.md is there.
#[test]
fn the_list_of_limits_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let list = std::fs::read_to_string(root.join("docs/limits.md")).unwrap();
    let mut there = String::new();
    texts(&root.join("crates"), "rs", &mut there);
    texts(&root.join("fixtures/kernel"), "case", &mut there);
    let mut names = 0;
    for row in list.lines().filter(|line| line.starts_with('|') && !line.contains("---")) {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in shown.split('`').skip(1).step_by(2) {
            let found =
                [format!("fn {name}("), format!("case {name}\n")].iter().any(|own| there.contains(own));
            assert!(found, "{name} is neither a test nor a case");
            names += 1;
        }
    }
    assert!(names > 40, "{names}");
}

/// Lines that nobody fetches: the newest stay.
#[test]
fn the_log_loses_its_oldest_lines() {
    let mut engine = bed::engine("*raw\n-A PREROUTING -j LOG\nCOMMIT\n", "");
    let most = env::Settings::default().most_log_lines;
    for number in 0..most + 3 {
        let (first, second) = (number / 250, number % 250);
        bed::receive(&mut engine, 0, &format!("lan0 udp 10.0.{first}.{second}:1 > 8.8.8.8:2"));
        engine.poll_transmit();
    }
    let lines: Vec<_> = std::iter::from_fn(|| engine.poll_log()).collect();
    assert_eq!(lines.len(), most);
    assert!(lines[0].text.contains(" SRC=10.0.0.3 "), "{}", lines[0].text);
    assert!(lines[most - 1].text.contains(" SRC=10.0.40.2 "), "{}", lines[most - 1].text);
}

/// `-m connlimit` has room for 65,536 addresses: one more is dropped, those that it knows pass, and when the connections are
/// over there is room again.
#[test]
fn connlimit_has_no_room_for_more_addresses() {
    let rules = "*filter\n-A FORWARD -m connlimit --connlimit-upto 1 -j ACCEPT\nCOMMIT\n";
    let mut engine = bed::engine(rules, "");
    let from = bed::device(&engine, "lan0");
    let mut ask = |seconds: u64, number: u32| {
        let source = std::net::Ipv4Addr::from(0x0a04_0000 + number);
        let bytes = build::udp((std::net::IpAddr::V4(source), 1), "8.8.8.8:53").build();
        let decision = engine.receive(bed::at(seconds), from, Link::default(), bytes);
        while engine.poll_transmit().is_some() {}
        matches!(decision, Decision::Forwarded { .. })
    };
    assert!((0..65_536).all(|number| ask(0, number)));
    assert!(!ask(0, 65_536), "one more");
    assert!(ask(0, 5), "a known one");
    assert!(ask(31, 65_536), "when all others have ended");
}

/// Linux: copies of copies to this machine itself go round for ever; here as often as one packet may cause others.
#[test]
fn copies_of_copies_have_an_end() {
    let rules = "*mangle\n-A PREROUTING -j TEE --gateway 127.0.0.1\nCOMMIT\n";
    let mut engine = bed::engine(rules, "");
    engine.start_trace();
    let decision = bed::receive(&mut engine, 0, "lan0 udp 10.0.1.5:1 > 8.8.8.8:2");
    assert!(matches!(decision, Decision::Forwarded { .. }), "{decision:?}");
    let trace = engine.take_trace().unwrap();
    let ends =
        trace.steps.iter().filter(|(_, step)| matches!(step, netfilter::trace::Step::Dropped(Drop::Limit)));
    assert!(ends.count() > 0, "the last copy is told of");
    let most = env::Settings::default().most_emitted as u64;
    let counted = bed::counted(&engine, rules, Table::Mangle);
    let copied = counted.iter().find(|(place, _)| place == "PREROUTING 1").unwrap().1;
    assert!((2..=most + 1).contains(&copied), "{copied}");
    // What comes next is not disturbed.
    bed::sent(&mut engine);
    assert!(matches!(
        bed::receive(&mut engine, 1, "lan0 udp 10.0.1.6:1 > 8.8.8.8:2"),
        Decision::Forwarded { .. }
    ));
}

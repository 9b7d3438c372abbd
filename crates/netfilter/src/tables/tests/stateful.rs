//! Matches with state: the reasons that a trace gives, and what is held by name.
use std::time::Duration;

use super::*;
use crate::trace::Found;

const UDP: &str = "udp 10.0.1.5:1000 > 8.8.8.8:53";

/// What the first rule says of the same packet again and again.
fn asked(rule: &str, times: usize) -> Vec<Outcome> {
    let mut bench = Bench::new(&format!("-A FORWARD {rule}"));
    (0..times).map(|_| bench.ask(UDP)).collect()
}

#[test]
fn quota_says_what_is_left() {
    let all = asked("-m quota --quota 60", 4);
    assert_eq!(all[..2], [Outcome::Matched, Outcome::Matched]);
    assert_eq!(failed(all[2].clone()), ("--quota", Found::Number(4)));
    assert_eq!(failed(all[3].clone()), ("--quota", Found::Number(0)));
}

#[test]
fn hashlimit_says_that_no_token_is_left() {
    let all = asked("-m hashlimit --hashlimit-name a --hashlimit-upto 1/hour --hashlimit-burst 1", 2);
    assert_eq!(all[0], Outcome::Matched);
    assert_eq!(failed(all[1].clone()), ("--hashlimit-upto", Found::Nothing("token left")));
    let all = asked("-m hashlimit --hashlimit-name a --hashlimit-above 1/sec --hashlimit-rate-match", 1);
    assert_eq!(failed(all[0].clone()), ("--hashlimit-above", Found::Number(1)));
}

/// A packet without the ports that are the key is dropped.
#[test]
fn hashlimit_refuses_what_is_cut_short() {
    let rule = "-m hashlimit --hashlimit-name a --hashlimit-upto 1/hour --hashlimit-mode srcport";
    let mut bench = Bench::new(&format!("-A FORWARD {rule}"));
    let mut packet = bench.packet(UDP);
    packet.bytes.truncate(22);
    packet.layout.total_len = 22;
    let outcome = bench.first(&mut packet);
    assert!(matches!(outcome, Outcome::Hotdrop(Mismatch { option: "--hashlimit-mode", .. })), "{outcome:?}");
}

#[test]
fn recent_says_how_often_it_saw_the_address() {
    let mut bench = Bench::new(
        "-A FORWARD -m recent --update --seconds 10 --hitcount 3
         -A FORWARD -m recent --set",
    );
    assert_eq!(failed(bench.ask(UDP)), ("--hitcount", Found::Nothing("entry in the list")));
    assert_eq!(failed(bench.ask(UDP)), ("--hitcount", Found::Number(1)));
    assert_eq!(failed(bench.ask(UDP)), ("--hitcount", Found::Number(2)));
    assert_eq!(bench.ask(UDP), Outcome::Matched);
    bench.now.mono = bench.now.mono + Duration::from_secs(11);
    assert_eq!(failed(bench.ask(UDP)), ("--hitcount", Found::Number(0)));
}

#[test]
fn connlimit_says_how_many_there_are() {
    let mut bench = Bench::new("-A FORWARD -m connlimit --connlimit-upto 1");
    let mut other = |port: u16| bench.ask(&format!("udp 10.0.1.5:{port} > 8.8.8.8:53"));
    assert_eq!(other(1), Outcome::Matched);
    // Nobody put the first one into the connection table; it is forgotten in the next 4 ms.
    assert_eq!(failed(other(2)), ("--connlimit-upto", Found::Number(2)));
    bench.now.mono = bench.now.mono + Duration::from_millis(4);
    assert_eq!(bench.ask(UDP), Outcome::Matched);
}

#[test]
fn time_says_what_time_it_is() {
    let mut bench = Bench::new("-A FORWARD -m time --weekdays Mon");
    // Saturday, 21 November 2026.
    bench.now.wall = 1_795_219_200_000_000_000;
    assert_eq!(failed(bench.ask(UDP)), ("--weekdays", Found::Time(1_795_219_200)));
    bench.now.wall += 2 * 86_400_000_000_000;
    assert_eq!(bench.ask(UDP), Outcome::Matched);
}

/// The time zone of a kernel is not known: the packet ends there.
#[test]
fn the_kernels_time_zone_is_not_guessed() {
    let mut bench = Bench::new("-A FORWARD -m time --kerneltz --weekdays Mon");
    let verdict = bench.pass(UDP);
    assert!(matches!(verdict, Verdict::Drop(crate::skb::Drop::Undecided { number: 1, .. })), "{verdict:?}");
}

/// What no program holds any more is gone; what one still holds stays.
#[test]
fn lists_live_as_long_as_a_rule_names_them() {
    let mut bench = Bench::new("-A FORWARD -m recent --rcheck --name a\n-A FORWARD -m recent --set --name a");
    bench.pass(UDP);
    assert_eq!(bench.ask(UDP), Outcome::Matched);
    let renewed =
        |bench: &Bench| Program::new(bench.ruleset.table(Table::Filter).expect("the table"), Family::V4);
    let mut next = renewed(&bench);
    next.bind(&mut bench.named);
    std::mem::replace(&mut bench.programs[0], next).release(&mut bench.named);
    assert_eq!(bench.ask(UDP), Outcome::Matched, "the new program took hold of it before");
    let mut next = renewed(&bench);
    bench.programs.remove(0).release(&mut bench.named);
    next.bind(&mut bench.named);
    bench.programs.push(next);
    assert_eq!(failed(bench.ask(UDP)), ("--rcheck", Found::Nothing("entry in the list")));
}

/// A program that is not bound does not let packets pass that its lists should judge.
#[test]
fn without_its_list_a_rule_cannot_decide() {
    let mut bench = Bench::new("-A FORWARD -m recent --rcheck --name a");
    bench.programs = vec![Program::new(bench.ruleset.table(Table::Filter).expect("the table"), Family::V4)];
    let verdict = bench.pass(UDP);
    assert!(matches!(verdict, Verdict::Drop(crate::skb::Drop::Undecided { number: 1, .. })), "{verdict:?}");
}

/// What other programs have to make and nobody has given is not guessed.
#[test]
fn objects_that_nobody_has_given() {
    for rule in ["-p tcp -m osf --genre Linux", "-m rateest --rateest a --rateest-lt --rateest-pps 5"] {
        let mut bench = Bench::new(&format!("-A FORWARD {rule}"));
        let verdict = bench.pass("tcp 10.0.1.5:1000 > 8.8.8.8:80");
        assert!(
            matches!(verdict, Verdict::Drop(crate::Drop::Undecided { number: 1, .. })),
            "{rule}: {verdict:?}"
        );
    }
}

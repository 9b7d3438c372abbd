//! The walk: jumps, gotos, returns, policies, counters (F15 to F19, F68, F69, F72).
use super::*;
use crate::skb::Drop;
use crate::trace::Found;

const UDP: &str = "udp 10.0.1.5:1000 > 8.8.8.8:53";

/// F15: RETURN in a base chain is the policy; the end of a user chain goes on after the jump.
#[test]
fn f15_return_points() {
    let mut bench = Bench::new(
        ":FORWARD DROP\n:A -\n:B -
        -A FORWARD -j A
        -A FORWARD -j RETURN
        -A FORWARD -j ACCEPT
        -A A -j B
        -A A
        -A B -p tcp
        -A B -p udp -j RETURN
        -A B -j ACCEPT",
    );
    let verdict = bench.pass(UDP);
    assert_eq!(verdict, Verdict::Drop(Drop::Policy { table: Table::Filter, hook: Hook::Forward }));
    assert_eq!(
        bench.path(),
        "FORWARD:1 A:1 B:1- B:2 B>A:2 A:2 A>FORWARD:2 FORWARD:2 FORWARD>policy FORWARD=DROP"
    );
    assert_eq!(bench.counted("FORWARD"), [1, 1, 0, 1]);
    assert_eq!(bench.counted("A"), [1, 1]);
    assert_eq!(bench.counted("B"), [0, 1, 0]);
}

/// F15: the end of a chain that was gone to from a base chain is the policy.
#[test]
fn f15_goto_from_a_base_chain() {
    let mut bench = Bench::new(":A -\n-A FORWARD -g A\n-A FORWARD -j DROP\n-A A -p udp");
    assert_eq!(bench.pass(UDP), Verdict::Accept);
    assert_eq!(bench.path(), "FORWARD:1 A:1 A>policy FORWARD=ACCEPT");
}

/// F15: a chain of gotos keeps the return point of the jump before it.
#[test]
fn f15_gotos_keep_the_return_point() {
    let mut bench = Bench::new(
        ":A -\n:B -\n:C -
        -A FORWARD -j A
        -A FORWARD -j DROP
        -A A -g B
        -A A -j ACCEPT
        -A B -g C
        -A B -j ACCEPT
        -A C -j RETURN",
    );
    assert!(matches!(bench.pass(UDP), Verdict::Drop(Drop::Rule { number: 2, hotdrop: false, .. })));
    assert_eq!(bench.path(), "FORWARD:1 A:1 B:1 C:1 C>FORWARD:2 FORWARD:2");
}

/// F16: a rule without a target only counts; ACCEPT ends the table.
#[test]
fn f16_counting_and_accepting() {
    let mut bench = Bench::new(":FORWARD DROP\n-A FORWARD -p udp\n-A FORWARD -p udp -j ACCEPT\n-A FORWARD");
    assert_eq!(bench.pass(UDP), Verdict::Accept);
    assert_eq!(bench.counted("FORWARD"), [1, 1, 0, 0]);
}

/// F17: two thousand nested jumps run.
#[test]
fn f17_deep_nesting() {
    let mut lines = String::new();
    for depth in 0..2000 {
        lines.push_str(&format!(":C{depth} -\n"));
    }
    lines.push_str("-A FORWARD -j C0\n-A FORWARD -j DROP\n");
    for depth in 0..1999 {
        lines.push_str(&format!("-A C{depth} -j C{}\n", depth + 1));
    }
    lines.push_str("-A C1999 -p udp\n-A C1500 -j ACCEPT\n");
    let mut bench = Bench::new(&lines);
    assert_eq!(bench.pass(UDP), Verdict::Accept);
    assert_eq!(bench.counted("C1500"), [1, 1]);
    assert_eq!(bench.counted("C1499"), [1]);
}

/// A loop, made by hand past the commands, is dropped instead of walked for ever.
#[test]
fn a_loop_goes_nowhere() {
    let mut rules = rules::TableRules::new(Table::Filter);
    let chain = rules.add_chain(rules::ChainName::new("A").unwrap()).unwrap();
    let rule = |target| rules::Rule {
        header: Default::default(),
        matches: Vec::new(),
        target: Some(target),
        counters: Counters::default(),
    };
    rules.chain_mut(chain).unwrap().rules.push(rule(rules::Target::Goto(chain)));
    let forward = rules.builtin(Hook::Forward).unwrap();
    rules.chain_mut(forward).unwrap().rules.push(rule(rules::Target::Jump(chain)));
    let mut bench = Bench::new("");
    bench.programs = vec![Program::new(&rules, Family::V4)];
    assert!(matches!(bench.pass(UDP), Verdict::Drop(Drop::Rule { number: 1, .. })));
}

/// F18: the incoming device is seen at POSTROUTING, a prefix is one, a name is exact, `! -i +` never fits.
#[test]
fn f18_interfaces() {
    let ask = |rule: &str| Bench::new(&format!("-A FORWARD {rule}")).ask(UDP);
    assert_eq!(ask("-i lan0"), Outcome::Matched);
    assert_eq!(ask("-i lan+"), Outcome::Matched);
    assert_eq!(ask("-i + -o wan0"), Outcome::Matched);
    assert_eq!(ask("! -i lan"), Outcome::Matched);
    let lan0 = Found::Interface(InterfaceName::new("lan0").unwrap());
    assert_eq!(failed(ask("-i lan")), ("-i", lan0));
    assert_eq!(failed(ask("! -i lan+")), ("-i", lan0));
    assert_eq!(failed(ask("-i lan0 ! -o wan+")).0, "-o");

    let mut bench =
        Bench::of(Family::V4, "*mangle\n:A -\n-A POSTROUTING -j A\n-A A -i lan0\n-A A -i wan0\nCOMMIT");
    let mut packet = bench.packet(UDP);
    bench.walk_in(Table::Mangle, Hook::Postrouting, &mut packet);
    assert_eq!(bench.path(), "POSTROUTING:1 A:1 A:2- A>policy POSTROUTING=ACCEPT");
}

/// Before the routing decision there is no outgoing device, and none where the packet is delivered.
#[test]
fn devices_of_a_hook() {
    let mut bench =
        Bench::of(Family::V4, "*mangle\n:A -\n-A INPUT -j A\n-A A -o wan0\n-A A ! -o wan0\nCOMMIT");
    let mut packet = bench.packet(UDP);
    bench.walk_in(Table::Mangle, Hook::Input, &mut packet);
    assert_eq!(bench.path(), "INPUT:1 A:1- A:2 A>policy INPUT=ACCEPT");
}

/// The order of the checks: source, destination, devices, protocol, fragment, then the matches.
#[test]
fn the_first_condition_that_fails() {
    let mut bench = Bench::new("-A FORWARD -s 1.1.1.1 -d 2.2.2.2 -i x -o y -p tcp");
    assert_eq!(failed(bench.ask(UDP)), ("-s", Found::Address("10.0.1.5".parse().unwrap())));
    let mut bench = Bench::new("-A FORWARD ! -d 8.8.8.0/24 -i x -o y -p tcp");
    assert_eq!(failed(bench.ask(UDP)), ("-d", Found::Address("8.8.8.8".parse().unwrap())));
    let mut bench = Bench::new("-A FORWARD -p tcp -f");
    assert_eq!(failed(bench.ask(UDP)), ("-p", Found::Protocol(17)));
    let mut bench = Bench::new("-A FORWARD -f");
    assert_eq!(failed(bench.ask(UDP)), ("-f", Found::Nothing("fragment offset")));
    let mut bench = Bench::new("-A FORWARD -p udp -m udp --sport 1000 --dport 54");
    assert_eq!(failed(bench.ask(UDP)), ("--dport", Found::Port(53)));
}

/// Masks may have holes (F23).
#[test]
fn f23_masks_with_holes() {
    let mut bench = Bench::new("-A FORWARD -s 10.0.0.5/255.255.0.255");
    assert_eq!(bench.ask("udp 10.0.77.5:1 > 1.1.1.1:1"), Outcome::Matched);
    assert_eq!(failed(bench.ask("udp 10.0.77.6:1 > 1.1.1.1:1")).0, "-s");
}

/// F19: `-f` and `! -f`.
#[test]
fn f19_fragments() {
    let later = "udp 10.0.1.5:1 > 8.8.8.8:53 frag 16";
    let first = "udp 10.0.1.5:1 > 8.8.8.8:53 frag 0+";
    assert_eq!(Bench::new("-A FORWARD -f").ask(later), Outcome::Matched);
    assert_eq!(failed(Bench::new("-A FORWARD ! -f").ask(later)).0, "-f");
    assert_eq!(failed(Bench::new("-A FORWARD -f").ask(first)).0, "-f");
    assert_eq!(Bench::new("-A FORWARD ! -f").ask(first), Outcome::Matched);
    let ports = Found::Nothing("ports in a later fragment");
    assert_eq!(failed(Bench::new("-A FORWARD -p udp --dport 53").ask(later)), ("--dport", ports));
    assert_eq!(failed(Bench::new("-A FORWARD -p udp ! --dport 53").ask(later)), ("--dport", ports));
}

/// F19: a header that is cut short is a hotdrop: no counter moves, not even the policy's.
#[test]
fn f19_hotdrop() {
    let mut bench = Bench::new("-A FORWARD\n-A FORWARD -p udp --dport 53\n-A FORWARD -j ACCEPT");
    let verdict = bench.pass("udp 10.0.1.5:1 > 8.8.8.8:53 cut 26 iplen 26");
    assert!(matches!(verdict, Verdict::Drop(Drop::Rule { number: 2, hotdrop: true, .. })), "{verdict:?}");
    assert_eq!(bench.path(), "FORWARD:1 FORWARD:2!");
    assert_eq!(bench.counted("FORWARD"), [1, 0, 0, 0]);
}

/// F24: `-p` looks through extension headers; later fragments have the protocol of their fragment header.
#[test]
fn f24_ipv6_protocols() {
    let mut bench = Bench::v6("-A FORWARD -p udp");
    let plain = "udp [fd00:1::5]:1 > [fd00:9::9]:53";
    assert_eq!(bench.ask(plain), Outcome::Matched);
    assert_eq!(bench.ask(&format!("{plain} hopopts 010400000000 dstopts 010400000000")), Outcome::Matched);
    assert_eq!(bench.ask(&format!("{plain} frag 16")), Outcome::Matched);
    let mut bench = Bench::v6("-A FORWARD -p udp --dport 53");
    assert_eq!(bench.ask(&format!("{plain} frag 0+")), Outcome::Matched);
    assert_eq!(failed(bench.ask(&format!("{plain} frag 16"))).0, "--dport");
}

/// Extension headers that are cut short refuse the packet, but only at a rule that asks for a protocol.
#[test]
fn cut_extension_headers() {
    let mut bytes = show::parse("59 fd00:1::5 > fd00:9::9 dstopts 010400000000 ").unwrap().bytes;
    bytes.truncate(41);
    bytes[5] = 1;
    let mut bench = Bench::v6("-A FORWARD -s fd00::/16\n-A FORWARD ! -p tcp\n-A FORWARD");
    let verdict = bench.forward(&mut packet_of(bytes));
    assert!(matches!(verdict, Verdict::Drop(Drop::Rule { number: 2, hotdrop: true, .. })), "{verdict:?}");
    assert_eq!(bench.counted("FORWARD"), [1, 0, 0, 0]);
}

/// F68: bytes are those of the IP packet; counters of the file are taken over, read back and zeroed (F69).
#[test]
fn f68_counters() {
    let mut bench =
        Bench::new(":FORWARD ACCEPT [7:70]\n:A - [0:0]\n[5:50] -A FORWARD -j A\n[0:0] -A A -p udp");
    bench.pass(&format!("{UDP} len 5"));
    let mut stored = bench.ruleset.table(Table::Filter).unwrap().clone();
    bench.programs[0].store_into(&mut stored);
    let chain = |name: &str| stored.chain(stored.find(name).unwrap()).unwrap();
    assert_eq!(chain("FORWARD").counters, Counters { packets: 8, bytes: 103 });
    assert_eq!(chain("FORWARD").rules[0].counters, Counters { packets: 6, bytes: 83 });
    assert_eq!(chain("A").rules[0].counters, Counters { packets: 1, bytes: 33 });
    assert_eq!(chain("A").counters, Counters::default());

    let (forward, a) = (stored.find("FORWARD").unwrap(), stored.find("A").unwrap());
    bench.programs[0].zero(Some(forward), Some(2));
    assert_eq!(bench.counted("FORWARD"), [6, 8], "there is no rule 2");
    bench.programs[0].zero(Some(forward), Some(1));
    assert_eq!(bench.counted("FORWARD"), [0, 8]);
    bench.programs[0].zero(Some(forward), None);
    assert_eq!(bench.counted("FORWARD"), [0, 0]);
    assert_eq!(bench.programs[0].counters(a, 1), Some(Counters { packets: 1, bytes: 33 }));
    bench.programs[0].zero(None, None);
    assert_eq!(bench.counted("A"), [0]);
    assert_eq!(bench.programs[0].counters(a, 0), None);
    assert_eq!(bench.programs[0].policy_counters(a), None);
}

/// F72: a program made anew starts `statistic` anew.
#[test]
fn f72_state_starts_anew() {
    let mut bench = Bench::new("-A FORWARD -m statistic --mode nth --every 3 --packet 1");
    let ask = |bench: &mut Bench| bench.ask(UDP) == Outcome::Matched;
    let first: Vec<bool> = (0..5).map(|_| ask(&mut bench)).collect();
    assert_eq!(first, [false, true, false, false, true]);
    bench.programs = vec![Program::new(bench.ruleset.table(Table::Filter).unwrap(), Family::V4)];
    assert!(!ask(&mut bench));
    assert!(ask(&mut bench));
}

/// A table has no say where it has no chain, nor about the other family.
#[test]
fn no_chain_no_say() {
    let mut bench = Bench::new(":FORWARD DROP");
    let mut packet = bench.packet(UDP);
    assert_eq!(bench.walk_in(Table::Filter, Hook::Prerouting, &mut packet), Verdict::Accept);
    assert_eq!(bench.pass("udp [fd00:1::5]:1 > [fd00:9::9]:53"), Verdict::Accept);
    assert_eq!(bench.family, Family::V4);
    assert!(bench.trace.steps.is_empty());
}

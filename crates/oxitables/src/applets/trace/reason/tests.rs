use packet::Family;
use rules::syntax::restore;
use rules::{Hook, Table};

use super::*;

fn said(rule: &str, option: &'static str, place: Option<u8>, found: Found) -> String {
    let text = format!("*filter\n-A INPUT {rule}\nCOMMIT\n");
    let ruleset = restore::load(&text, Family::V4, None).unwrap();
    let table = ruleset.table(Table::Filter).unwrap();
    let chain = table.chain(table.builtin(Hook::Input).unwrap()).unwrap();
    let mismatch = Mismatch { option, place, found };
    let wanted = wanted(table, &chain.rules[0], &mismatch);
    sentence(&mismatch, wanted.as_deref())
}

#[test]
fn header_conditions() {
    let lo = Found::Interface(packet::InterfaceName::new("lo").unwrap());
    assert_eq!(said("! -i lo -j DROP", "-i", None, lo), "-i: wanted not lo, the packet has lo");
    let address = Found::Address("10.0.0.9".parse().unwrap());
    assert_eq!(
        said("-s 10.0.0.0/29 -p tcp", "-s", None, address),
        "-s: wanted 10.0.0.0/29, the packet has 10.0.0.9"
    );
    assert_eq!(said("-p tcp", "-p", None, Found::Protocol(17)), "-p: wanted tcp, the packet has udp");
    assert_eq!(
        said("-f", "-f", None, Found::Nothing("fragment offset")),
        "-f: wanted a later fragment, the packet is none"
    );
}

#[test]
fn matches() {
    assert_eq!(
        said("-p tcp -m tcp --sport 1 ! --dport 5:9", "--dport", Some(0), Found::Port(7)),
        "--dport: wanted not 5:9, the packet has 7"
    );
    assert_eq!(
        said("-p tcp -m tcp --syn", "--tcp-flags", Some(0), Found::Flags(0x11)),
        "--tcp-flags: wanted SYN of FIN,SYN,RST,ACK, the packet has FIN,ACK"
    );
    assert_eq!(
        said("-m string --string \"a \\\" -x\" --algo bm", "--string", Some(0), Found::Nothing("such bytes")),
        "--string: wanted \"a \\\" -x\", the packet has no such bytes"
    );
    assert_eq!(
        said(
            "-m comment --comment x -m limit --limit 1/min",
            "--limit",
            Some(1),
            Found::Nothing("token left")
        ),
        "--limit: 1/min is used up"
    );
    assert_eq!(
        said(
            "-m statistic --mode random --probability 0.5",
            "--probability",
            Some(0),
            Found::Number(0x6000_0000)
        ),
        "--probability: drew 0.7500, wanted less than 0.50000000000"
    );
    assert_eq!(
        said("-p udp -m udp --dport 1", "-m udp", Some(0), Found::Nothing("whole UDP header")),
        "-m udp: the packet has no whole UDP header"
    );
}

/// A machine of two devices for the packets of fixtures: `eth0` has 10.0.0.2 and fd00::2, `eth1` what is behind it.
const MACHINE: &str = "\
device eth0
device eth1
address 10.0.0.2/24 dev eth0
address 10.0.1.1/24 dev eth1
address fd00::2/64 dev eth0
address fd00:1::1/64 dev eth1
sysctl net.ipv4.ip_forward=1
sysctl net.ipv6.conf.all.forwarding=1
";

/// What the trace says of a packet and the only rule of a chain: `None`: it matches.
fn asked(case: &rules::fixture::Case, line: &str) -> Option<String> {
    let text = format!("*{}\n-A {} {}\nCOMMIT\n", case.table, case.chain, case.rule);
    let ruleset = restore::load(&text, case.family, None).unwrap();
    let mut engine = netfilter::engine::Engine::new(netfilter::engine::Config {
        settings: Default::default(),
        conntrack: Default::default(),
        defrag: Default::default(),
        always_track: false,
        hash_key: [1, 2],
        network: netfilter::route::text::parse(MACHINE).unwrap(),
        random: Box::new(netfilter::time::Seeded::new(1)),
    });
    engine.set_ruleset(&ruleset);
    let shown = packet::show::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let device = engine.network().device_named(shown.device.unwrap()).unwrap();
    engine.start_trace();
    engine.receive(netfilter::Now::default(), device, Default::default(), shown.bytes);
    let table = Table::from_name(&case.table).unwrap();
    let steps = engine.take_trace().unwrap().steps;
    let outcome = steps.into_iter().find_map(|(_, step)| match step {
        netfilter::trace::Step::Rule { table: own, outcome, .. } if own == table => Some(outcome),
        _ => None,
    });
    match outcome.unwrap_or_else(|| panic!("{line} does not come to {}", case.chain)) {
        netfilter::trace::Outcome::Matched => None,
        netfilter::trace::Outcome::Failed(mismatch) | netfilter::trace::Outcome::Hotdrop(mismatch) => {
            let table = ruleset.table(table).unwrap();
            let chain = table.chain(table.find(&case.chain).unwrap()).unwrap();
            let wanted = wanted(table, &chain.rules[0], &mismatch);
            Some(sentence(&mismatch, wanted.as_deref()))
        }
    }
}

/// The lines `hit:` and `miss:` of `fixtures/match`.
#[test]
fn packets_of_fixtures_hit_and_miss() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/match");
    let (mut count, mut faults) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let cases = rules::fixture::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in cases {
            let hits = case.hits.iter().map(|line| (line, None));
            let misses = case.misses.iter().map(|(line, reason)| (line, Some(reason.clone())));
            for (line, wanted) in hits.chain(misses) {
                let bytes = packet::show::parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).bytes;
                if packet::View::parse(&bytes).unwrap().family() != case.family {
                    continue;
                }
                count += 1;
                let said = asked(&case, line);
                if said != wanted {
                    let name = path.file_name().unwrap().to_string_lossy().into_owned();
                    faults.push(format!("{name}:{}: {line}\n  want {wanted:?}\n  said {said:?}", case.line));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 100, "only {count} packets");
}

//! `-m set` and `-j SET` where the kernel of the judge's cases cannot be asked: Ethernet headers, which its devices have not
//! (measured by hand on veth, kernel 6.18), the types that it has not, sets that are not there.
use rules::set::print::{Detail, Listing, Mode, sets};
use rules::set::restore;
use rules::syntax::NoNames;

use super::*;
use crate::skb::Drop;
use crate::trace::{Found, Membership};

/// A bench with sets.
fn with_sets(lines: &str, rules: &str) -> Bench {
    let text: String = lines.lines().map(|line| format!("{}\n", line.trim())).collect();
    let mut bench = Bench::new(rules);
    bench.named.sets = restore::load(&text, 0).unwrap_or_else(|fault| panic!("{fault:?}"));
    bench.programs.iter_mut().for_each(|program| program.find_sets(&bench.named));
    bench
}

/// Members, without the options of their sets.
fn members(bench: &Bench) -> Vec<String> {
    let listing = Listing {
        mode: Mode::Save,
        detail: Detail::Members,
        names: &NoNames,
        resolve: false,
        now: bench.now.mono.0 / 1_000_000,
        references: &|_| 0,
        exact: true,
    };
    let text = sets(&bench.named.sets, None, &listing).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("add ")).map(str::to_owned).collect()
}

/// How often each rule of filter FORWARD matched.
fn counted(bench: &Bench) -> Vec<u64> {
    let program = bench.programs.iter().find(|program| program.table() == Table::Filter).unwrap();
    let chain = bench.ruleset.table(Table::Filter).unwrap().find("FORWARD").unwrap();
    (1..).map_while(|number| program.counters(chain, number)).map(|counters| counters.packets).collect()
}

/// Shows a packet with an Ethernet header (destination, source) to filter FORWARD.
fn pass(bench: &mut Bench, line: &str, ethernet: Option<[u8; 12]>) {
    let mut packet = bench.packet(line);
    packet.link.ethernet = ethernet.map(|addresses| {
        let mut header = [0; 14];
        header[..12].copy_from_slice(&addresses);
        header[12] = 8;
        header
    });
    bench.forward(&mut packet);
}

const HEADER: [u8; 12] = [2, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x11];

/// The figures of the kernel.
#[test]
fn addresses_with_their_ethernet_address() {
    let mut bench = with_sets(
        "create m bitmap:ip,mac range 10.0.1.0/24 timeout 100 counters
         add m 10.0.1.5,02:00:00:00:00:11
         add m 10.0.1.6,02:00:00:00:00:99
         add m 10.0.1.7 timeout 50
         create d bitmap:ip,mac range 10.0.1.0/24
         add d 10.0.1.5,02:00:00:00:00:10
         create a bitmap:ip,mac range 10.0.1.0/24",
        "-A FORWARD -m set --match-set m src,src
         -A FORWARD -m set ! --match-set m src,src
         -A FORWARD -m set --match-set d src,dst
         -A FORWARD -m set --match-set m src
         -A FORWARD -j SET --add-set a src,src",
    );
    for host in 5..8 {
        pass(&mut bench, &format!("udp 10.0.1.{host}:1 > 10.0.2.1:2 len 56"), Some(HEADER));
    }
    assert_eq!(counted(&bench), [2, 1, 1, 0, 3]);
    assert_eq!(
        members(&bench),
        [
            "m 10.0.1.5,02:00:00:00:00:11 timeout 100 packets 2 bytes 168",
            "m 10.0.1.6,02:00:00:00:00:99 timeout 100 packets 0 bytes 0",
            "m 10.0.1.7,02:00:00:00:00:11 timeout 50 packets 2 bytes 168",
            "d 10.0.1.5,02:00:00:00:00:10",
            "a 10.0.1.5,02:00:00:00:00:11",
            "a 10.0.1.6,02:00:00:00:00:11",
            "a 10.0.1.7,02:00:00:00:00:11",
        ]
    );
}

#[test]
fn without_an_ethernet_header_nothing_is_in_such_a_set() {
    let mut bench = with_sets(
        "create m hash:mac
         add m 02:00:00:00:00:11
         create a hash:mac",
        "-A FORWARD -m set --match-set m src
         -A FORWARD -m set ! --match-set m src
         -A FORWARD -m set ! --match-set m dst
         -A FORWARD -j SET --add-set a src
         -A FORWARD -j SET --add-set a dst",
    );
    pass(&mut bench, "udp 10.0.1.5:1 > 10.0.2.1:2", Some(HEADER));
    pass(&mut bench, "udp 10.0.1.5:1 > 10.0.2.1:2", None);
    pass(&mut bench, "udp 10.0.1.5:1 > 10.0.2.1:2", Some([0; 12]));
    assert_eq!(counted(&bench), [1, 2, 3, 3, 3]);
    assert_eq!(members(&bench), ["m 02:00:00:00:00:11", "a 02:00:00:00:00:10", "a 02:00:00:00:00:11"]);
}

/// After `hash_ipmac4_kadt`, `hash_ipmark4_kadt`, `hash_netnet4_kadt`, `hash_netportnet4_kadt`.
#[test]
fn types_that_the_kernel_of_the_cases_has_not() {
    let mut bench = with_sets(
        "create im hash:ip,mac
         add im 10.0.1.5,02:00:00:00:00:11
         create k hash:ip,mark markmask 0xff00
         add k 10.0.1.5,0x1200
         create nn hash:net,net counters
         add nn 10.0.0.0/8,8.0.0.0/8
         add nn 10.0.1.0/24,8.8.8.8 nomatch
         create npn hash:net,port,net
         add npn 10.0.0.0/8,udp:53,8.8.0.0/16",
        "-A FORWARD -m set --match-set im src,src
         -A FORWARD -m set --match-set im src,dst
         -A FORWARD -m set --match-set k src,src
         -A FORWARD -m set --match-set nn src,dst
         -A FORWARD -m set --match-set nn src,dst --return-nomatch
         -A FORWARD -m set --match-set npn src,dst,dst
         -A FORWARD -m set --match-set npn dst,dst,src
         -A FORWARD -j SET --add-set k dst,src
         -A FORWARD -j SET --add-set nn dst,src
         -A FORWARD -j SET --add-set npn dst,src,src",
    );
    for (line, mark) in [
        ("udp 10.0.1.5:1000 > 8.8.8.8:53", 0xab12cd),
        ("udp 10.0.2.5:1000 > 8.8.4.4:53", 0x12cd),
        ("udp 11.0.2.5:1000 > 9.8.4.4:53", 0),
    ] {
        let mut packet = bench.packet(line);
        packet.mark = mark;
        let mut header = [0; 14];
        header[..12].copy_from_slice(&HEADER);
        packet.link.ethernet = Some(header);
        bench.forward(&mut packet);
    }
    assert_eq!(counted(&bench), [1, 0, 1, 1, 1, 2, 0, 3, 3, 3]);
    assert_eq!(
        members(&bench),
        [
            "im 10.0.1.5,02:00:00:00:00:11",
            "k 8.8.4.4,0x00001200",
            "k 8.8.8.8,0x00001200",
            "k 9.8.4.4,0x00000000",
            "k 10.0.1.5,0x00001200",
            // The networks that are added have the longest length in use, for each part its own.
            "nn 8.8.4.0/24,10.0.2.5 packets 1 bytes 28",
            "nn 8.8.8.0/24,10.0.1.5 packets 1 bytes 28",
            "nn 9.8.4.0/24,11.0.2.5 packets 1 bytes 28",
            "nn 10.0.0.0/8,8.0.0.0/8 packets 2 bytes 56",
            "nn 10.0.1.0/24,8.8.8.8 nomatch packets 2 bytes 56",
            "npn 8.0.0.0/8,udp:1000,10.0.0.0/16",
            "npn 9.0.0.0/8,udp:1000,11.0.0.0/16",
            "npn 10.0.0.0/8,udp:53,8.8.0.0/16",
        ]
    );
}

#[test]
fn a_set_that_is_not_there_decides_nothing() {
    for rule in ["-m set --match-set nobody src", "-j SET --add-set nobody src"] {
        let verdict = Bench::new(&format!("-A FORWARD {rule}")).pass("udp 10.0.1.5:1 > 8.8.8.8:2");
        assert!(matches!(verdict, Verdict::Drop(Drop::Undecided { number: 1, .. })), "{verdict:?}");
    }
}

#[test]
fn reasons() {
    let set = "create s hash:net timeout 10\nadd s 10.0.0.0/8\nadd s 10.0.1.0/24 nomatch\nadd s 10.0.2.0/24
        create p bitmap:port range 100-200\ncreate six hash:ip family inet6\ncreate c hash:ip counters\nadd c 10.0.1.5";
    for (rule, line, option, wanted) in [
        ("--match-set s src", "udp 10.0.1.5:1 > 8.8.8.8:2", "--match-set", Some(Membership::NoMatch)),
        ("--match-set s dst", "udp 10.0.1.5:1 > 8.8.8.8:2", "--match-set", Some(Membership::Absent)),
        ("! --match-set s src", "udp 10.0.2.5:1 > 8.8.8.8:2", "--match-set", Some(Membership::Present)),
        ("--match-set p dst", "udp 10.0.2.5:1 > 8.8.8.8:2", "--match-set", Some(Membership::OutOfRange)),
        ("--match-set p dst", "icmp 10.0.2.5 > 8.8.8.8 echo-request", "--match-set", None),
        ("--match-set six src", "udp 10.0.2.5:1 > 8.8.8.8:2", "--match-set", None),
        ("--match-set c src --packets-gt 5", "udp 10.0.1.5:1 > 8.8.8.8:2", "--packets-gt", None),
        ("--match-set c src ! --bytes-eq 28", "udp 10.0.1.5:1 > 8.8.8.8:2", "--bytes-eq", None),
    ] {
        let mut bench = with_sets(set, &format!("-A FORWARD -m set {rule}"));
        let Outcome::Failed(Mismatch { option: own, found, .. }) = bench.ask(line) else {
            panic!("{rule} {line}")
        };
        assert_eq!(own, option, "{rule}");
        let state = if let Found::Member(_, state) = found { Some(state) } else { None };
        assert_eq!(state, wanted, "{rule} {line}: {found:?}");
    }
    let mut bench = with_sets(set, "-A FORWARD -m set --match-set s src");
    bench.now.mono.0 = 11_000_000_000;
    let outcome = bench.ask("udp 10.0.2.5:1 > 8.8.8.8:2");
    assert!(
        matches!(outcome, Outcome::Failed(Mismatch { found: Found::Member(_, Membership::Expired), .. })),
        "{outcome:?}"
    );
}

/// What packets add is bounded by the set, and members that are expired make room.
#[test]
fn a_set_takes_what_it_may() {
    let mut bench = with_sets(
        "create s hash:ip maxelem 100 timeout 5\ncreate f hash:ip maxelem 100 forceadd",
        "-A FORWARD -j SET --add-set s src\n-A FORWARD -j SET --add-set f src",
    );
    // Linux: what was collected alone in its bucket has left a place there, which is free even though the set is full
    // (measured with the same members: 148).
    for (second, some) in [(0, 100), (6, 148)] {
        bench.now.mono.0 = second * 1_000_000_000;
        for host in 0..1_000 {
            bench.pass(&format!("udp 10.{second}.{}.{}:1 > 8.8.8.8:2", host / 250, host % 250 + 1));
        }
        let own = |name: &str| members(&bench).iter().filter(|line| line.starts_with(name)).count();
        assert_eq!((own("s "), own("f ")), (some, 100), "after {second} s");
        assert!(
            members(&bench)
                .iter()
                .all(|line| !line.starts_with("s ") || line.contains(&format!("10.{second}.")))
        );
    }
}

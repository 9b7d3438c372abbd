//! Each match: what it takes, and what it says of what it does not take.
use super::*;
use crate::skb::{Drop, LinkKind, Origin, Owner, Template};
use crate::trace::Found;

const TCP: &str = "tcp 10.0.1.5:1000 > 8.8.8.8:80";

fn ask(rule: &str, line: &str) -> Outcome {
    Bench::new(&format!("-A FORWARD {rule}")).ask(line)
}

fn refused(outcome: Outcome) -> (&'static str, Found) {
    match outcome {
        Outcome::Hotdrop(Mismatch { option, found, .. }) => (option, found),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tcp_ports_and_flags() {
    assert_eq!(ask("-p tcp --sport 1000 --dport 79:81", TCP), Outcome::Matched);
    assert_eq!(failed(ask("-p tcp --sport 999 --dport 1", TCP)), ("--sport", Found::Port(1000)));
    assert_eq!(failed(ask("-p tcp ! --dport 80", TCP)), ("--dport", Found::Port(80)));
    assert_eq!(ask("-p tcp --syn", TCP), Outcome::Matched);
    assert_eq!(failed(ask("-p tcp --syn", &format!("{TCP} SA"))), ("--tcp-flags", Found::Flags(0x12)));
    assert_eq!(ask("-p tcp ! --syn", &format!("{TCP} SA")), Outcome::Matched);
    assert_eq!(ask("-p tcp --tcp-flags ALL NONE", &format!("{TCP} .")), Outcome::Matched);
}

/// Options are walked as the kernel does; a data offset that cannot be is a hotdrop, as are cut options.
#[test]
fn tcp_options() {
    let with =
        |option: u8, words: &str| ask(&format!("-p tcp --tcp-option {option}"), &format!("{TCP} S {words}"));
    assert_eq!(with(2, "mss 1460"), Outcome::Matched);
    assert_eq!(with(3, "mss 1460 nop wscale 7"), Outcome::Matched);
    assert_eq!(failed(with(4, "mss 1460")), ("--tcp-option", Found::Nothing("such option")));
    assert_eq!(ask("-p tcp ! --tcp-option 4", TCP), Outcome::Matched);
    // A length of 0 counts as 1: the walk goes on inside.
    assert_eq!(with(8, "opt 05000008"), Outcome::Matched);
    assert_eq!(
        refused(with(2, "mss 1460 cut 42 iplen 42")),
        ("--tcp-option", Found::Nothing("whole TCP options"))
    );
    assert_eq!(refused(with(2, "doff 4")), ("--tcp-option", Found::Nothing("valid data offset")));
    // Without the option nobody looks at the data offset.
    assert_eq!(ask("-p tcp --dport 80", &format!("{TCP} S doff 4")), Outcome::Matched);
}

/// F19: a header that is cut short, and a TCP fragment with offset 1 (8 bytes), are hotdrops; other fragments fail.
#[test]
fn f19_tcp_fragments() {
    let nothing = Found::Nothing("ports in a later fragment");
    assert_eq!(refused(ask("-p tcp --dport 80", &format!("{TCP} frag 8"))), ("--dport", nothing));
    assert_eq!(failed(ask("-p tcp --dport 80", &format!("{TCP} frag 16"))), ("--dport", nothing));
    assert_eq!(failed(ask("-p tcp ! --syn", &format!("{TCP} frag 16"))).0, "--tcp-flags");
    assert_eq!(refused(ask("-p tcp --dport 80", &format!("{TCP} cut 39 iplen 39"))).0, "-m tcp");
    let mut v6 = Bench::v6("-A FORWARD -p tcp --dport 80");
    assert_eq!(failed(v6.ask("tcp [fd00::1]:1 > [fd00::2]:80 frag 8")), ("--dport", nothing));
}

#[test]
fn udp() {
    let line = "udp 10.0.1.5:1000 > 8.8.8.8:53";
    assert_eq!(ask("-p udp --sport 1000:1001 --dport 53", line), Outcome::Matched);
    assert_eq!(failed(ask("-p udp ! --sport 1000", line)), ("--sport", Found::Port(1000)));
    assert_eq!(refused(ask("-p udp --dport 53", &format!("{line} cut 27 iplen 27"))).0, "-m udp");
}

#[test]
fn icmp_types() {
    let echo = "icmp 10.0.1.5 > 8.8.8.8 echo-request";
    assert_eq!(ask("-p icmp --icmp-type echo-request", echo), Outcome::Matched);
    assert_eq!(ask("-p icmp --icmp-type any", echo), Outcome::Matched);
    assert_eq!(failed(ask("-p icmp --icmp-type 3/1", echo)), ("--icmp-type", Found::Icmp(8, 0)));
    assert_eq!(failed(ask("-p icmp ! --icmp-type 8", echo)), ("--icmp-type", Found::Icmp(8, 0)));
    assert_eq!(refused(ask("-p icmp --icmp-type 8", &format!("{echo} cut 27 iplen 27"))).0, "--icmp-type");
    let mut v6 = Bench::v6("-A FORWARD -p icmpv6 --icmpv6-type echo-request");
    assert_eq!(v6.ask("icmpv6 fd00::1 > fd00::2 echo-request"), Outcome::Matched);
    assert_eq!(failed(v6.ask("icmpv6 fd00::1 > fd00::2 echo-reply")), ("--icmpv6-type", Found::Icmp(129, 0)));
}

/// F33: bits of the value outside the mask never match.
#[test]
fn f33_mark() {
    let with = |rule: &str, mark| {
        let mut bench = Bench::new(&format!("-A FORWARD -m mark {rule}"));
        let mut packet = bench.packet(TCP);
        packet.mark = mark;
        bench.first(&mut packet)
    };
    assert_eq!(with("--mark 0x10/0xf0", 0x1f), Outcome::Matched);
    assert_eq!(failed(with("--mark 0x11/0xf0", 0x11)), ("--mark", Found::Hex(0x11)));
    assert_eq!(failed(with("! --mark 1", 1)), ("--mark", Found::Hex(1)));
}

/// F35: without a connection connmark never matches, inverted or not.
#[test]
fn f35_connmark_without_connection() {
    let nothing = ("--mark", Found::Nothing("connection"));
    assert_eq!(failed(ask("-m connmark --mark 0", TCP)), nothing);
    assert_eq!(failed(ask("-m connmark ! --mark 5", TCP)), nothing);
}

/// F21: in raw every packet is INVALID; behind a CT rule it is NEW there; F35: UNTRACKED.
#[test]
fn f21_states_without_connection() {
    let rules = "*raw
        -A PREROUTING -m state --state INVALID
        -A PREROUTING -m state --state NEW,UNTRACKED
        -A PREROUTING -m conntrack ! --ctstate NEW
        -A PREROUTING -m conntrack --ctstate INVALID --ctproto 17
        -A PREROUTING -m conntrack --ctproto 6
        COMMIT";
    let mut bench = Bench::of(Family::V4, rules);
    let mut walked = |change: fn(&mut Packet)| {
        let mut packet = bench.packet(TCP);
        change(&mut packet);
        bench.trace.steps.clear();
        bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet);
        bench.path().replace("PREROUTING", "")
    };
    // `--ctstate` alone decides where there is no connection.
    assert_eq!(walked(|_| {}), ":1 :2- :3 :4 :5- =ACCEPT");
    assert_eq!(walked(|packet| packet.tracking = Tracking::Untracked), ":1- :2 :3 :4- :5- =ACCEPT");
    let template = walked(|packet| packet.template = Some(Box::new(Template::default())));
    assert_eq!(template, ":1- :2 :3- :4- :5- =ACCEPT");
}

/// Measured: behind a CT rule, raw sees the rule's template: a NEW, confirmed connection of protocol 0 without
/// addresses.
#[test]
fn the_template_of_ct() {
    let text = "*raw
        -A PREROUTING -j CT --zone 1
        -A PREROUTING -m state --state NEW
        -A PREROUTING -m conntrack --ctstate NEW
        -A PREROUTING -m conntrack --ctstate INVALID
        -A PREROUTING -m conntrack --ctstate NEW --ctproto 17
        -A PREROUTING -m conntrack --ctorigsrc 0.0.0.0
        -A PREROUTING -m conntrack --ctorigsrc 10.0.1.5
        -A PREROUTING -m conntrack --ctstatus CONFIRMED
        -A PREROUTING -m conntrack --ctstatus EXPECTED
        -A PREROUTING -m conntrack --ctdir ORIGINAL
        -A PREROUTING -m conntrack --ctexpire 0
        -A PREROUTING -m conntrack --ctorigsrcport 0
        -A PREROUTING -m connmark --mark 0
        -A PREROUTING -j CONNMARK --set-mark 7
        -A PREROUTING -j CONNMARK --restore-mark
        COMMIT";
    let mut bench = Bench::of(Family::V4, text);
    let mut packet = bench.packet("udp 10.0.1.5:1 > 8.8.8.8:2");
    let verdict = bench.walk_in(Table::Raw, Hook::Prerouting, &mut packet);
    let path = bench.path().replace("PREROUTING", "");
    assert_eq!(path, ":1 :2 :3 :4- :5- :6 :7- :8 :9- :10 :11 :12 :13 :14 :15 =ACCEPT");
    assert_eq!((verdict, packet.mark), (Verdict::Accept, 7));
    // The mark stays for the next packet of the rule, until the rule goes.
    let mut next = bench.packet("udp 10.0.1.6:1 > 8.8.8.8:2");
    bench.walk_in(Table::Raw, Hook::Prerouting, &mut next);
    assert!(bench.path().contains(":13- "), "{}", bench.path());
}

#[test]
fn statistic_random_follows_the_seed() {
    let mut bench = Bench::new("-A FORWARD -m statistic --mode random --probability 0.5");
    let matched = (0..1000).filter(|_| bench.ask(TCP) == Outcome::Matched).count();
    assert!((450..550).contains(&matched), "{matched}");
    let mut all = Bench::new("-A FORWARD -m statistic --mode random --probability 1");
    assert!((0..100).all(|_| all.ask(TCP) == Outcome::Matched));
    let mut none = Bench::new("-A FORWARD -m statistic --mode random ! --probability 1");
    assert!((0..100).all(|_| matches!(none.ask(TCP), Outcome::Failed(_))));
}

/// F75: owner: no socket, a socket of the kernel, a user's socket, and one that is not known.
#[test]
fn f75_owner() {
    let with = |rule: &str, origin| {
        let mut bench = Bench::new(&format!("-A OUTPUT -m owner {rule}"));
        let mut packet = bench.packet(TCP);
        packet.origin = origin;
        bench.walk_in(Table::Filter, Hook::Output, &mut packet);
        bench.path().starts_with("OUTPUT:1 ")
    };
    let known = |socket| Some(Origin { socket, known: true, mark: 0, ..Origin::default() });
    let kernel = known(Some(Owner::default()));
    let user = known(Some(Owner { uid: 1000, gid: 100, has_file: true }));
    assert!(with("--uid-owner 1000", user));
    assert!(!with("! --uid-owner 1000", user));
    assert!(with("--uid-owner 900-1100 ! --gid-owner 0", user));
    assert!(with("--socket-exists", user) && with("--socket-exists", kernel));
    assert!(!with("--uid-owner 0", kernel) && with("! --uid-owner 0", kernel));
    assert!(!with("! --socket-exists", user));
    for nobody in [known(None), None] {
        assert!(!with("--socket-exists", nobody) && with("! --socket-exists", nobody));
        assert!(!with("--uid-owner 0", nobody) && with("! --uid-owner 0", nobody));
    }
}

/// Who sent it is not known: nothing is decided, and nothing is skipped.
#[test]
fn an_unknown_owner_is_undecided() {
    let mut bench =
        Bench::new("-A OUTPUT -p tcp\n-A OUTPUT -m owner ! --uid-owner 5 -j ACCEPT\n-A OUTPUT -j DROP");
    let mut packet = bench.packet(TCP);
    packet.origin = Some(Origin { socket: None, known: false, mark: 0, ..Origin::default() });
    let verdict = bench.walk_in(Table::Filter, Hook::Output, &mut packet);
    assert!(matches!(verdict, Verdict::Drop(Drop::Undecided { number: 2, .. })), "{verdict:?}");
    assert_eq!(bench.counted("OUTPUT"), [1, 0, 0, 0]);
    assert!(matches!(bench.trace.steps.last(), Some((_, Step::Undecided { number: 2, .. }))));
}

/// Lists of sockets say the user, not the group: only a rule that asks for it cannot be decided.
#[test]
fn an_unknown_group_is_undecided() {
    let ends = |rule: &str| {
        let mut bench = Bench::new(&format!("-A OUTPUT -m owner {rule}"));
        let mut packet = bench.packet(TCP);
        let socket = Some(Owner { uid: 1000, gid: 0, has_file: true });
        packet.origin = Some(Origin { socket, known: true, group_unknown: true, ..Origin::default() });
        let verdict = bench.walk_in(Table::Filter, Hook::Output, &mut packet);
        matches!(verdict, Verdict::Drop(Drop::Undecided { number: 1, .. }))
    };
    assert!(ends("--gid-owner 0") && ends("! --gid-owner 5") && ends("--uid-owner 1000 --gid-owner 0"));
    assert!(!ends("--uid-owner 1000") && !ends("--socket-exists") && !ends("--uid-owner 0 --gid-owner 0"));
}

#[test]
fn string_searches_the_whole_packet() {
    let line = "udp 10.0.1.5:1000 > 8.8.8.8:53 payload \"Hello World\"";
    assert_eq!(ask("-m string --string World --algo bm", line), Outcome::Matched);
    assert_eq!(ask("-m string --icase --string WORLD --algo kmp", line), Outcome::Matched);
    assert_eq!(failed(ask("-m string --string WORLD --algo bm", line)).0, "--string");
    // The destination address is bytes 16 to 19.
    assert_eq!(ask("-m string --hex-string |08080808| --algo bm --from 16 --to 20", line), Outcome::Matched);
    assert_eq!(
        failed(ask("-m string --hex-string |08080808| --algo bm --from 16 --to 19", line)).0,
        "--string"
    );
    assert_eq!(ask("-m string ! --string WORLD --algo bm", line), Outcome::Matched);
}

#[test]
fn multiport() {
    assert_eq!(ask("-p tcp -m multiport --dports 22,79:81", TCP), Outcome::Matched);
    assert_eq!(ask("-p tcp -m multiport --ports 1000", TCP), Outcome::Matched);
    assert_eq!(failed(ask("-p tcp -m multiport --sports 80", TCP)), ("--sports", Found::Port(1000)));
    assert_eq!(failed(ask("-p tcp -m multiport ! --ports 80", TCP)), ("--ports", Found::Ports(1000, 80)));
    assert_eq!(
        refused(ask("-p tcp -m multiport --dports 80", &format!("{TCP} cut 23 iplen 23"))).0,
        "--dports"
    );
    assert_eq!(failed(ask("-p tcp -m multiport ! --dports 80", &format!("{TCP} frag 8"))).0, "--dports");
}

#[test]
fn iprange() {
    assert_eq!(ask("-m iprange --src-range 10.0.1.5-10.0.1.7", TCP), Outcome::Matched);
    let found = Found::Address("8.8.8.8".parse().unwrap());
    assert_eq!(failed(ask("-m iprange --dst-range 8.8.8.9-9.0.0.0", TCP)), ("--dst-range", found));
    assert_eq!(failed(ask("-m iprange ! --dst-range 8.8.8.8-9.0.0.0", TCP)), ("--dst-range", found));
}

/// F75: without an Ethernet header `-m mac` never matches.
#[test]
fn f75_mac() {
    let with = |rule: &str, ethernet| {
        let mut bench = Bench::new(&format!("-A FORWARD -m mac {rule}"));
        let mut packet = bench.packet(TCP);
        packet.link.ethernet = ethernet;
        bench.first(&mut packet)
    };
    let frame = Some([1, 2, 3, 4, 5, 6, 0xaa, 0xbb, 0xcc, 0, 0, 1, 8, 0]);
    assert_eq!(with("--mac-source aa:bb:cc:00:00:01", frame), Outcome::Matched);
    let found = Found::Mac([0xaa, 0xbb, 0xcc, 0, 0, 1]);
    assert_eq!(failed(with("! --mac-source aa:bb:cc:00:00:01", frame)), ("--mac-source", found));
    assert_eq!(failed(with("! --mac-source aa:bb:cc:00:00:01", None)).1, Found::Nothing("Ethernet header"));
}

/// `-m eui64`: the source address ends in the sender's Ethernet address with `fffe` in its middle and one bit turned.
#[test]
fn eui64() {
    let with = |source: &str, ethernet, input| {
        let mut bench = Bench::v6("-A FORWARD -m eui64");
        let mut packet = bench.packet(&format!("udp [{source}]:1 > [fd00:2::9]:2"));
        packet.link.ethernet = ethernet;
        packet.input = Some(input);
        bench.first(&mut packet)
    };
    let mac = [0x02, 0xbb, 0xcc, 0, 0, 1];
    let frame = Some([1, 2, 3, 4, 5, 6, 0x02, 0xbb, 0xcc, 0, 0, 1, 0x86, 0xdd]);
    assert_eq!(with("fd00:1::bb:ccff:fe00:1", frame, LAN), Outcome::Matched);
    assert_eq!(failed(with("fd00:1::2bb:ccff:fe00:1", frame, LAN)), ("-m eui64", Found::Mac(mac)));
    assert_eq!(failed(with("fd00:1::bb:ccff:fe00:2", frame, LAN)).1, Found::Mac(mac));
    let none = Found::Nothing("Ethernet header");
    assert_eq!(failed(with("fd00:1::bb:ccff:fe00:1", None, LAN)).1, none);
    assert_eq!(failed(with("fd00:1::bb:ccff:fe00:1", frame, DeviceId::LOOPBACK)).1, none);
}

/// `-m pkttype` takes what the link layer said; what starts here counts as unicast (measured in OUTPUT).
#[test]
fn pkttype() {
    let with = |rule: &str, kind| {
        let mut bench = Bench::new(&format!("-A FORWARD -m pkttype {rule}"));
        let mut packet = bench.packet(TCP);
        packet.link.kind = kind;
        bench.first(&mut packet)
    };
    for (name, kind) in [
        ("unicast", LinkKind::Host),
        ("unicast", LinkKind::Outgoing),
        ("broadcast", LinkKind::Broadcast),
        ("multicast", LinkKind::Multicast),
        ("otherhost", LinkKind::OtherHost),
    ] {
        assert_eq!(with(&format!("--pkt-type {name}"), kind), Outcome::Matched);
        let found = ("--pkt-type", Found::Word(name));
        assert_eq!(failed(with(&format!("! --pkt-type {name}"), kind)), found);
    }
}

/// A match that refuses the packet and holds all the same: the rule counts, its target acts, the packet is dropped.
#[test]
fn a_refusal_that_holds() {
    let broken = "sctp 10.0.1.5:1 > 8.8.8.8:2 data 0100";
    let mut bench = Bench::new(
        "-A FORWARD -p sctp -m sctp ! --chunk-types any DATA -j MARK --set-mark 7
         -A FORWARD -j ACCEPT",
    );
    let mut packet = bench.packet(broken);
    assert!(matches!(bench.forward(&mut packet), Verdict::Drop(Drop::Rule { number: 1, hotdrop: true, .. })));
    assert_eq!(packet.mark, 7);
    assert_eq!(bench.counted("FORWARD"), [1, 0, 0]);
    let mut bench = Bench::new(
        "-A FORWARD -p sctp -m sctp ! --chunk-types any DATA -m length --length 1 -j ACCEPT
         -A FORWARD -j ACCEPT",
    );
    assert!(matches!(bench.pass(broken), Verdict::Drop(Drop::Rule { number: 1, hotdrop: true, .. })));
    assert_eq!(bench.counted("FORWARD"), [0, 0, 0]);
}

/// F14: bridge ports; without a bridge only inverted options hold.
#[test]
fn f14_physdev() {
    let with = |rule: &str, ports: Option<(DeviceId, Option<DeviceId>)>| {
        let mut bench = Bench::new(&format!("-A FORWARD -m physdev {rule}"));
        let mut packet = bench.packet(TCP);
        packet.link.physical_input = ports.map(|(input, _)| input);
        packet.link.physical_output = ports.and_then(|(_, output)| output);
        bench.first(&mut packet) == Outcome::Matched
    };
    let bridged = Some((LAN, Some(WAN)));
    assert!(with("--physdev-in lan0 --physdev-out wan+ --physdev-is-bridged", bridged));
    assert!(!with("--physdev-in wan0", bridged) && with("! --physdev-in wan0", bridged));
    assert!(with("--physdev-is-in", Some((LAN, None))));
    assert!(!with("--physdev-in lan0", None) && with("! --physdev-in lan0", None));
    assert!(!with("--physdev-is-bridged", None) && with("! --physdev-is-bridged", None));
}

#[test]
fn limit_takes_the_clock_of_the_packet() {
    let mut bench = Bench::new("-A FORWARD -m limit --limit 10/s --limit-burst 5");
    let mut taken = |milliseconds: u64| {
        bench.now.mono = crate::Instant(milliseconds * 1_000_000);
        (0..50).filter(|_| bench.ask(TCP) == Outcome::Matched).count()
    };
    assert_eq!(taken(5_000), 5);
    assert_eq!(taken(5_300), 3);
    assert_eq!(taken(60_000), 5);
}

fn ask6(rule: &str, line: &str) -> Outcome {
    Bench::v6(&format!("-A FORWARD {rule}")).ask(line)
}

/// Reasons of the matches of extension headers; which packets they take, the kernel says in
/// `fixtures/kernel/extension-headers.case`.
#[test]
fn extension_headers_say_what_is_there() {
    let plain = "udp [fd00::1]:1 > [fd00::2]:2";
    for (rule, option, what) in [
        ("-m dst", "-m dst", "destination options header"),
        ("-m hbh", "-m hbh", "hop-by-hop options header"),
        ("-m frag", "-m frag", "fragment header"),
        ("-m rt", "-m rt", "routing header"),
        ("-m srh", "-m srh", "segment routing header"),
    ] {
        assert_eq!(failed(ask6(rule, plain)), (option, Found::Nothing(what)));
    }
    let options = format!("{plain} dstopts 1e02abcd0000");
    assert_eq!(ask6("-m dst --dst-len 8 --dst-opts 30:2,0,0", &options), Outcome::Matched);
    assert_eq!(failed(ask6("-m dst --dst-len 16", &options)), ("--dst-len", Found::Number(8)));
    assert_eq!(failed(ask6("-m dst --dst-opts 5", &options)), ("--dst-opts", Found::Number(30)));
    assert_eq!(failed(ask6("-m dst --dst-opts 30:3", &options)), ("--dst-opts", Found::Number(2)));
    let further = Found::Nothing("further options");
    assert_eq!(failed(ask6("-m dst --dst-opts 30,0,0,0", &options)), ("--dst-opts", further));
    let cut = refused(ask6("-m dst", &format!("{plain} dstopts 010400000000 cut 44 iplen 4")));
    assert_eq!(cut, ("-m dst", Found::Nothing("whole header of options")));

    let fragment = format!("{plain} frag 0+ id 7");
    assert_eq!(ask6("-m frag --fragid 7 --fragfirst --fragmore --fragres", &fragment), Outcome::Matched);
    assert_eq!(failed(ask6("-m frag ! --fragid 1:9", &fragment)), ("--fragid", Found::Number(7)));
    let more = Found::Word("further fragments");
    assert_eq!(failed(ask6("-m frag --fraglast", &fragment)), ("--fraglast", more));

    let headers = failed(ask6("-m ipv6header --header dst", &options));
    assert_eq!(headers, ("--header", Found::Hex(0x41)));
    assert_eq!(ask6("-m ipv6header --header dst --soft", &options), Outcome::Matched);

    let routing = format!("{plain} rthdr 000000000000fd000000000000000000000000000009");
    assert_eq!(ask6("-m rt --rt-type 0 --rt-0-res --rt-0-addrs fd00::9", &routing), Outcome::Matched);
    assert_eq!(failed(ask6("-m rt --rt-type 4", &routing)), ("--rt-type", Found::Number(0)));
    assert_eq!(failed(ask6("-m rt --rt-segsleft 1:", &routing)), ("--rt-segsleft", Found::Number(0)));
    assert_eq!(failed(ask6("-m rt --rt-len 8", &routing)), ("--rt-len", Found::Number(24)));
    let list = Found::Nothing("such list of addresses");
    assert_eq!(
        failed(ask6("-m rt --rt-type 0 --rt-0-addrs fd00::8 --rt-0-not-strict", &routing)),
        ("--rt-0-addrs", list)
    );

    let segments = format!("{plain} rthdr 040000000100fd000000000000000000000000000009");
    // The tag of the packet is 0x0100, which Linux compares as a little-endian machine has it.
    assert_eq!(ask6("-m srh --srh-tag 1 --srh-lsid fd00::9", &segments), Outcome::Matched);
    assert_eq!(failed(ask6("-m srh --srh-tag 256", &segments)), ("--srh-tag", Found::Number(1)));
    assert_eq!(
        failed(ask6("-m srh ! --srh-psid ::/0", &segments)),
        ("--srh-psid", Found::Nothing("such segment"))
    );
    let last = Found::Address("fd00::9".parse().unwrap());
    assert_eq!(failed(ask6("-m srh ! --srh-lsid fd00::/64", &segments)), ("--srh-lsid", last));

    let mobility = "135 fd00::1 > fd00::2 data 3b00050000000000";
    assert_eq!(ask6("-p mh --mh-type binding-update", mobility), Outcome::Matched);
    assert_eq!(failed(ask6("-p mh ! --mh-type 0:255", mobility)), ("--mh-type", Found::Number(5)));
    let behind = refused(ask6("-p mh -m mh", "135 fd00::1 > fd00::2 data 1100050000000000"));
    assert_eq!(behind, ("-m mh", Found::Word("something behind the mobility header")));
}

/// Which packets they take, the kernel says in `fixtures/kernel/u32-and-bpf.case`.
#[test]
fn u32_and_bpf_say_what_came_out() {
    let port = "0>>22&0x3c@0&0xffff";
    assert_eq!(ask(&format!("-m u32 --u32 \"{port}=80\""), TCP), Outcome::Matched);
    assert_eq!(failed(ask(&format!("-m u32 --u32 \"{port}=81\""), TCP)), ("--u32", Found::Hex(80)));
    assert_eq!(ask(&format!("-m u32 ! --u32 \"{port}=81\""), TCP), Outcome::Matched);
    let beyond = ("--u32", Found::Nothing("four bytes at that place"));
    assert_eq!(failed(ask("-m u32 --u32 \"1000=0:4294967295\"", TCP)), beyond);
    assert_eq!(failed(ask("-m u32 --u32 \"0@4294967295=0\"", TCP)), beyond);

    let protocol = |wanted: u32| format!("-m bpf --bytecode \"4,48 0 0 9,21 0 1 {wanted},6 0 0 1,6 0 0 0\"");
    assert_eq!(ask(&protocol(6), TCP), Outcome::Matched);
    assert_eq!(failed(ask(&protocol(17), TCP)), ("--bytecode", Found::Number(0)));
}

/// What a program asks of the link is known where the packet came with an Ethernet header, and not decided elsewhere;
/// so is what the engine has no word for, such as the number of the device.
#[test]
fn bpf_asks_what_is_not_in_the_packet() {
    let ask = |program: &str, ethernet: Option<[u8; 14]>| {
        let mut bench = Bench::new(&format!("-A FORWARD -m bpf --bytecode \"{program}\" -j DROP"));
        let mut packet = bench.packet(TCP);
        packet.link.ethernet = ethernet;
        bench.walk_in(Table::Filter, Hook::Forward, &mut packet)
    };
    let decided = |verdict: Verdict| match verdict {
        Verdict::Accept => Some(false),
        Verdict::Drop(Drop::Rule { .. }) => Some(true),
        Verdict::Drop(Drop::Undecided { .. }) => None,
        other => panic!("{other:?}"),
    };
    let header = Some([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0]);
    let kind = "4,40 0 0 4292870156,21 0 1 2048,6 0 0 1,6 0 0 0";
    assert_eq!(decided(ask(kind, header)), Some(true));
    assert_eq!(decided(ask(kind, None)), None);
    // The protocol of the IP header, 9 bytes behind those 14; and a byte behind the packet's end.
    assert_eq!(decided(ask("4,48 0 0 4292870167,21 0 1 6,6 0 0 1,6 0 0 0", header)), Some(true));
    assert_eq!(decided(ask("2,48 0 0 4292871000,6 0 0 1", header)), Some(false));
    assert_eq!(decided(ask("2,32 0 0 4294963208,6 0 0 1", header)), None);
}

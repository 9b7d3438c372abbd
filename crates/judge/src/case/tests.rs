use super::*;

const TEXT: &str = "# about\ncase one\nnote hello\nnetwork mtu wan0 1400\nrules4\n*filter\nCOMMIT\nend\n\
inject lan0 udp 10.0.1.5:1000 > 8.8.8.8:53 data=3\nsend uid=5 mark=0x10 icmp 10.0.1.1 > 10.0.1.5\nreply wan0\n\
sleep 10\nlisten udp 10.0.1.1:53\nanswer udp 10.0.1.1:53 6162\nask 10.0.1.1:53 16\ncommand iptables -L\n\
restore iptables-restore -c\n*filter\nCOMMIT\nend\ncase two\nrefused\nnetwork watch log\nnetwork watch nflog 5\n";

#[test]
fn reads_and_writes_cases() {
    let cases = parse(TEXT).unwrap();
    assert_eq!(cases.len(), 2);
    assert_eq!(cases[0].steps.len(), 9);
    assert!(matches!(cases[0].steps[1], Step::Send { uid: 5, gid: 0, mark: 16, .. }));
    assert!(!cases[0].refused && cases[1].refused);
    assert!(cases[1].watches("log") && !cases[1].watches("events"));
    assert_eq!((cases[1].listeners("nflog"), cases[1].listeners("nfqueue")), (vec![5], vec![]));
    let printed: String = cases.iter().map(ToString::to_string).collect();
    assert_eq!(parse(&printed).unwrap(), cases);
}

#[test]
fn a_case_is_like_an_earlier_one() {
    let text = "case one\nnetwork mtu wan0 1400\nsleep 10\ncase two\nlike one\n\
                network parameter nf_conntrack_sip sip_timeout 77\nsleep 20\n";
    let cases = parse(text).unwrap();
    assert_eq!((cases[1].network.len(), cases[1].steps.len()), (2, 2));
    let parameters: Vec<_> = cases[1].parameters().collect();
    assert_eq!(parameters, [("nf_conntrack_sip", "sip_timeout", "77")]);
    assert_eq!(cases[0].parameters().count(), 0);
    assert_eq!(parse("case one\nlike two\n").unwrap_err().line, 2);
    assert_eq!(parse("case one\ncase two\nsleep 1\nlike one\n").unwrap_err().line, 4);
}

#[test]
fn a_default_route_is_of_the_family_of_its_gateway() {
    for (prefix, rest, family) in [
        ("10.0.0.0/8", &["dev", "lan0"][..], "-4"),
        ("fd00::/8", &["blackhole"], "-6"),
        ("default", &["via", "10.0.2.5", "dev", "dmz0"], "-4"),
        ("default", &["via", "fd00:2::5", "dev", "dmz0"], "-6"),
        ("default", &["dev", "dmz0"], "-4"),
    ] {
        assert_eq!(family_of_route(prefix, rest), family, "{prefix} {rest:?}");
    }
}

#[test]
fn says_where_a_file_is_wrong() {
    assert_eq!(parse("case a\nrules4\n*filter\n").unwrap_err().line, 2);
    assert_eq!(parse("inject lan0 00\n").unwrap_err().line, 1);
    assert_eq!(parse("case a\n\njump\n").unwrap_err().line, 3);
}

#[test]
fn turns_packets_round() {
    let syn = craft::parse("tcp 203.0.113.1:1024 > 8.8.8.8:80 S seq=100").unwrap();
    let answer = turned_round(&syn).unwrap();
    let view = packet::View::parse(&answer).unwrap();
    let tcp = view.tcp().unwrap();
    assert_eq!((tcp.source(), tcp.destination(), tcp.flags(), tcp.acknowledgement()), (80, 1024, 0x12, 101));
    assert_eq!(turned_round(&craft::parse("tcp 1.1.1.1:1 > 2.2.2.2:2 R").unwrap()), None);
}

//! Both ways, the forms that machines print, and errors.
use super::*;
use crate::machine::EarlyDemux;

#[test]
fn what_is_printed_is_read_again() {
    let text = "\
sockets tcp4 udp6
socket tcp 10.0.0.1:22 uid 0 gid 0
socket tcp 0.0.0.0:50080 transparent mark 0x1 uid 13 gid 13 groups 1,2 cgroup /proxy/a class 0x10001
socket tcp 10.0.0.1:22 10.0.0.7:40000 time-wait
socket tcp 10.0.0.1:22 10.0.0.7:40001 syn-received groups -
socket udp [::]:53 dev eth0 v6only
socket udp [::ffff:10.0.0.1]:53 dev ? transparent ? v6only ? mark ?
socket udp [fd00::1]:500 [fd00::2]:500
ipsec out 10.0.0.0/24 10.9.0.0/24 proto tcp sport 1:2 dport 80:80 dev eth0 mark 0x1/0xf esp tunnel 203.0.113.1 198.51.100.1 spi 0x100 reqid 1
ipsec in fd00::/64 ::/0 ah transport then 99 tunnel reqid 7
ipsec in 10.0.0.0/8 0.0.0.0/0 clear
cpu 3
timezone -60
sysctl net.ipv4.udp_early_demux=0
";
    let machine = parse(text).unwrap();
    assert_eq!(print(&machine), text);
    assert_eq!(machine.to_string(), text);
    assert_eq!(machine.early_demux, EarlyDemux { any: true, tcp: true, udp: false });
    assert_eq!(parse(&print(&Machine::default())).unwrap(), Machine::default());
    assert_eq!(print(&parse("ipsec none").unwrap()), "ipsec none\n");
}

#[test]
fn nothing_said_and_none_are_two_things() {
    let complete = |text: &str| parse(text).unwrap().sockets.is_complete(Transport::Udp, Family::V6);
    assert!(!complete(""));
    assert!(!complete("cpu 1"));
    assert!(complete("sockets none"));
    assert!(complete("socket tcp 10.0.0.1:80"), "one that writes sockets has written them all");
    assert!(!complete("sockets tcp4\nsocket tcp 10.0.0.1:80"), "unless it says which");
    assert_eq!(parse("").unwrap().ipsec, None);
    assert_eq!(parse("ipsec none").unwrap().ipsec, Some(Vec::new()));
}

const PROC: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 1 1 0 100 0 0 10 0
   1: 0101000A:0016 0901000A:9C40 01 00000000:00000000 02:000A1B2C 00000000     0        0 2 2 0 20 4 30 10 -1
   2: 0101000A:0016 0901000A:9C41 06 00000000:00000000 03:00000A1B 00000000     0        0 0 3 0
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1234: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9 2 0 0
 1235: 0000000000000000FFFF00000101000A:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9 2 0 0
cpu 0
";

#[test]
fn lists_of_proc_are_read() {
    let machine = parse(PROC).unwrap();
    let expected = "\
sockets tcp4 udp6
socket tcp 127.0.0.1:53 dev ? transparent ? mark ? uid 101
socket tcp 10.0.1.1:22 10.0.1.9:40000 dev ? transparent ? mark ? uid 0
socket tcp 10.0.1.1:22 10.0.1.9:40001 time-wait dev ? transparent ? mark ? uid 0
socket udp [::]:5353 dev ? transparent ? v6only ? mark ? uid 0
socket udp [::ffff:10.0.1.1]:53 dev ? transparent ? mark ? uid 0
cpu 0
";
    assert_eq!(print(&machine), expected);
    assert_eq!(parse(expected).unwrap(), machine);
    let said = parse(&format!("{PROC}unsaid nodev notransparent nov6only nomark\n")).unwrap();
    assert!(
        said.sockets
            .list()
            .iter()
            .all(|socket| socket.transparent == Some(false) && socket.device == Some(None))
    );
}

#[test]
fn lines_of_ss_are_read() {
    let machine = parse(
        "Netid State  Recv-Q Send-Q      Local Address:Port Peer Address:Port Process
udp   UNCONN 0      0      127.0.0.53%lo:53         0.0.0.0:*    uid:101 ino:1 sk:1 cgroup:/system.slice/resolved.service <->
tcp   LISTEN 0      128    0.0.0.0:80 0.0.0.0:* ino:30145061 sk:ff fwmark:0x7 cgroup:/ <-> cgroup:/ inet-sockopt: ( is_icsk mc_loop transparent mc_all)
tcp   LISTEN 0      128    *:22 *:* ino:7 sk:1 v6only:0 inet-sockopt: (is_icsk)
tcp   LISTEN 0      128    [::]:23 [::]:*
tcp   ESTAB  0      0      [::ffff:10.0.0.1]:22 [::ffff:10.0.0.9]:40000 timer:(keepalive,110min,0) ino:2 sk:2
tcp   TIME-WAIT 0   0      10.0.0.1:22 10.0.0.9:40001 timer:(timewait,1sec,0) ino:0 sk:3
udp   UNCONN 0      0      [fe80::1]%eth0:546 [::]:* ino:1 sk:9
",
    )
    .unwrap();
    let expected = "\
sockets tcp4 udp4 tcp6 udp6
socket udp 127.0.0.53:53 dev lo transparent ? uid 101 cgroup /system.slice/resolved.service
socket tcp 0.0.0.0:80 transparent mark 0x7 uid 0 cgroup /
socket tcp [::]:22 uid 0
socket tcp [::]:23 transparent ? v6only mark ?
socket tcp [::ffff:10.0.0.1]:22 [::ffff:10.0.0.9]:40000 transparent ? uid 0
socket tcp 10.0.0.1:22 10.0.0.9:40001 time-wait transparent ?
socket udp [fe80::1]:546 dev eth0 transparent ? uid 0
";
    assert_eq!(print(&machine), expected);
}

#[test]
fn errors_have_a_line_and_a_column() {
    use ErrorKind::*;
    for (text, kind, line, column, word) in [
        ("cpu 0\nsokcet tcp 10.0.0.1:80", Fact, 2, 1, "sokcet"),
        ("socket sctp 10.0.0.1:80", Word, 1, 8, "sctp"),
        ("socket tcp 10.0.0.1", Endpoint, 1, 12, "10.0.0.1"),
        ("socket tcp", Missing, 1, 11, ""),
        ("socket tcp 10.0.0.1:80 [::1]:3", Families, 1, 24, "[::1]:3"),
        ("socket tcp 10.0.0.1:80 established", Word, 1, 24, "established"),
        ("socket udp 10.0.0.1:80 10.0.0.2:1 time-wait", Word, 1, 35, "time-wait"),
        ("socket tcp 10.0.0.1:80 mark x", Number, 1, 29, "x"),
        ("socket tcp 10.0.0.1:80 dev a/b", Name, 1, 28, "a/b"),
        ("socket tcp 10.0.0.1:80 groups 1,x", Number, 1, 31, "1,x"),
        ("sockets", Missing, 1, 1, "sockets"),
        ("sockets tcp5", Word, 1, 9, "tcp5"),
        ("unsaid dev", Word, 1, 8, "dev"),
        ("ipsec none none", Word, 1, 12, "none"),
        ("ipsec out 10.0.0.0/8 fd00::/8 clear", Families, 1, 22, "fd00::/8"),
        ("ipsec out 10.0.0.0/8 10.0.0.0/8", Missing, 1, 32, ""),
        ("ipsec out 10.0.0.0/8 10.0.0.0/8 esp", Missing, 1, 36, ""),
        ("ipsec out 10.0.0.0/8 10.0.0.0/8 esp beet", Word, 1, 37, "beet"),
        ("ipsec out 10.0.0.0/8 10.0.0.0/8 dport 9:1 clear", Number, 1, 39, "9:1"),
        ("timezone 1441", Number, 1, 10, "1441"),
        ("sysctl net.ipv4.ip_forward=1", Setting, 1, 1, "sysctl"),
        ("tcp LISTEN 0 0 nowhere *:*", Endpoint, 1, 16, "nowhere"),
        ("tcp RUNNING 0 0 1.1.1.1:1 *:*", Listed, 1, 5, "RUNNING"),
        ("  sl  local_address rem_address   st\n 0: 0100:0035", Fact, 1, 3, "sl"),
        (
            "  sl  local_address rem_address   st tx uid\n 0: 0100:0035 00000000:0000 0A 0 0 0 0",
            Listed,
            2,
            5,
            "0100:0035",
        ),
    ] {
        let error = parse(text).unwrap_err();
        let place = (error.kind, error.line, error.column, error.word.as_str());
        assert_eq!(place, (kind, line, column, word), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "((socket|sockets|ipsec|unsaid|sysctl|tcp|udp|LISTEN|ESTAB|none|in|out|then|esp|tunnel|spi|\\?|10.0.0.1:80|\\[::\\]:80|10.0.0.0/8|  sl  local_address rem_address   st tx uid|0: 0100007F:0035|#|ü|\n|[ -~]{0,4}) ?){0,20}") {
        if let Ok(machine) = parse(&text) {
            let printed = print(&machine);
            proptest::prop_assert_eq!(print(&parse(&printed).unwrap()), printed);
        }
    }
}

#[test]
fn processes_that_asked_for_router_alert_are_read() {
    let machine = parse("router-alert ip 46\nrouter-alert ipv6 5 dev eth0\n").unwrap();
    let eth0 = InterfaceName::new("eth0");
    let of = |family, number, device| machine.hears_alerts(family, number, device);
    assert!(of(Family::V4, 46, eth0) && of(Family::V4, 46, None) && of(Family::V6, 5, eth0));
    assert!(
        !of(Family::V6, 46, eth0)
            && !of(Family::V6, 5, InterfaceName::new("eth1"))
            && !of(Family::V4, 5, eth0)
    );
    assert_eq!(parse(&machine.to_string()).unwrap(), machine);
    for (text, kind) in [
        ("router-alert", ErrorKind::Missing),
        ("router-alert tcp 5", ErrorKind::Word),
        ("router-alert ip 300", ErrorKind::Number),
        ("router-alert ipv6 70000", ErrorKind::Number),
        ("router-alert ip 46 on eth0", ErrorKind::Word),
    ] {
        assert_eq!(parse(text).unwrap_err().kind, kind, "{text}");
    }
}

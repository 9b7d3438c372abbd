use super::account::Quota;
use super::fingerprint::Window;
use super::*;

const LISTED: &str = "\
{ pkts = 00000000000000000000, bytes = 00000000000000000000 } = a1;
{ pkts = 00000000000000000003, bytes = 00000000000000000120, quota = 00000000000000000100, mode = byte, overquota = yes } = q1;
{ pkts = 00000000000000000000, bytes = 00000000000000000000, quota = 00000000000000000003, mode = packet, overquota = no } = q2;
";

/// What nfacct 1.0.2 prints is read, and printed again.
#[test]
fn accounts_as_nfacct_lists_them() {
    let own = Objects::parse(LISTED).unwrap();
    let printed: String = own.accounts.iter().map(|account| format!("{account}\n")).collect();
    assert_eq!(printed, LISTED);
    let made =
        Objects::parse("# made\n\nnfacct add a1\nnfacct add q1 byte 100\nnfacct add q2 packet 3").unwrap();
    assert_eq!((&made.accounts[0], &made.accounts[2]), (&own.accounts[0], &own.accounts[2]));
    assert_eq!(made.accounts[1].quota, Some(Quota { limit: 100, packets: false, told: false }));
    assert_eq!(own.given().accounts.len(), 3);
}

#[test]
fn lines_that_are_refused() {
    let wrong = |text: &str| Objects::parse(text).unwrap_err();
    assert_eq!(wrong("\nnfacct add a\nnfacct add a").line, 3);
    assert_eq!(wrong("nfacct add a byte").what, "wanted is `nfacct add NAME [byte|packet QUOTA]`");
    assert_eq!(wrong("nfacct add a bits 3").what, "a quota is of `byte` or `packet`");
    assert_eq!(wrong("nfacct add a byte -3").what, "not a number");
    assert_eq!(wrong("nfacct add 01234567890123456789012345678901").what, "a name has 1 to 31 bytes");
    for line in [
        "{ pkts = 1 }",
        "{ pkts } = a;",
        "{ pkts = x } = a;",
        "{ quota = 3 } = a;",
        "{ odd = 3 } = a;",
        "foo",
    ] {
        assert_eq!(wrong(line).line, 1, "{line}");
    }
    assert_eq!(wrong("{ pkts = 1, bytes = 2 } = ;").what, "a name has 1 to 31 bytes");
}

/// What nfct 1.4.7 takes and prints.
#[test]
fn timeout_policies() {
    let text = "\
nfct timeout add a inet tcp established 100 close 5 syn_sent2 7 retrans 8 unacknowledged 9
nfct add timeout b inet6 udp replied 77
.u = {
	.l3proto = 2,
	.l4proto = 17,
	.policy = {
		.UNREPLIED = 5,
		.REPLIED = 9,
	},
};
nfct timeout add g inet generic timeout 3
nfct timeout add e inet icmp
";
    let own = Objects::parse(text).unwrap();
    let usual = crate::conntrack::Timeouts::default();
    let all: Vec<_> = own.policies.iter().map(|own| own.timeouts(&usual)).collect();
    let [a, b, u, g, e] = all.as_slice() else { panic!("{all:?}") };
    let seconds = |own: std::time::Duration| own.as_secs();
    assert_eq!((seconds(a.tcp_established), seconds(a.tcp_close), seconds(a.tcp_syn_sent)), (100, 5, 120));
    assert_eq!(
        (seconds(a.tcp_syn_sent2), seconds(a.tcp_max_retrans), seconds(a.tcp_unacknowledged)),
        (7, 8, 9)
    );
    assert_eq!(
        (seconds(b.udp), seconds(b.udp_stream), seconds(u.udp), seconds(u.udp_stream)),
        (30, 77, 5, 9)
    );
    assert_eq!((seconds(g.generic), e), (3, &usual));
    let given = own.given();
    assert_eq!(given.timeouts["b"].family, packet::Family::V6);
    assert_eq!((given.timeouts["u"].protocol, given.timeouts["g"].protocol), (Some(17), None));
    for wrong in [
        "nfct timeout add a",
        "nfct timeout add a unix tcp",
        "nfct timeout add a inet dccp",
        "nfct timeout add a inet tcp established",
        "nfct timeout add a inet tcp established x",
        "nfct timeout add a inet tcp replied 3",
        "nfct timeout add 01234567890123456789012345678901 inet tcp",
        "nfct timeout add a inet tcp\nnfct timeout add a inet udp",
        ".a = {",
        ".a = {\n};",
        ".a = {\n.l3proto = 3,\n.l4proto = 17,\n.policy = {\n},\n};",
        ".a = {\n.l3proto = 2,\n.l4proto = 300,\n.policy = {\n},\n};",
    ] {
        assert!(Objects::parse(wrong).is_err(), "{wrong}");
    }
}

/// Lines of pf.os, as nfnl_osf reads them.
#[test]
fn fingerprints() {
    let text = "\
# a comment
S4:64:1:60:M*,S,T,N,W7:	Linux:3.x::Linux 3.x
*:128:1:48:M536,N,N,S:			@Windows:98::Windows 98
%8192:64:0:44:M*:	*AIX:4.3:2-3:AIX
T2:64:0:40:.:A:::
0:300:0:70000:E,foo, N:0123456789012345678901234567890123456789:::
S4:64:1:60:M*,S,T,N,W7:	Linux:3.x::Linux 3.x
";
    let own = Objects::parse(text).unwrap().fingerprints;
    let [linux, windows, aix, none, odd] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!(
        (linux.window, linux.ttl, linux.dont_fragment, linux.length),
        (Window::Segments(4), 64, true, 60)
    );
    assert_eq!(linux.options, [(2, 4), (4, 2), (8, 10), (1, 1), (3, 3)]);
    assert_eq!((&*linux.genre, &*linux.version, &*linux.subtype), ("Linux", "3.x", ""));
    assert_eq!((windows.window, &*windows.genre), (Window::Any, "Windows"));
    assert_eq!((aix.window, &*aix.genre, &*aix.subtype), (Window::Multiple(8192), "AIX", "2-3"));
    assert_eq!((none.window, none.options.len()), (Window::Units(2), 0));
    assert_eq!((odd.window, odd.ttl, odd.length, odd.genre.len()), (Window::Any, 44, 4464, 31));
    assert_eq!(odd.options, [(0, 1), (1, 1)]);
    let wrong = |text: &str| Objects::parse(text).unwrap_err().what;
    assert_eq!(wrong("%0:64:1:60:.:A:::"), "a window is no multiple of 0");
    assert_eq!(wrong(&format!("1:64:1:60:{}:A:::", "N,".repeat(64))), "the options have at most 126 letters");
    assert_eq!(wrong(&format!("1:64:1:60:{}:A:::", "N,".repeat(41))), "at most 40 options");
}

/// At the limit one more is refused.
#[test]
fn most_objects() {
    let mut text: String = (0..MOST).map(|number| format!("nfacct add a{number}\n")).collect();
    assert_eq!(Objects::parse(&text).unwrap().accounts.len(), MOST);
    text.push_str("nfacct add more\n");
    assert_eq!(Objects::parse(&text).unwrap_err().line, MOST + 1);
}

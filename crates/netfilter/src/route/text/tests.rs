//! Reading the text, and its errors.
use super::*;

#[test]
fn settings_are_folded() {
    let network = parse(
        "device a\n\
         sysctl net.ipv4.conf.default.rp_filter=1\n\
         device b mtu 1280 mac 2:0:0:0:0:ff down\n\
         sysctl net.ipv4.conf.a.rp_filter = 2   # loose\n\
         sysctl net/ipv4/conf/all/accept_local=1\n\
         sysctl net.ipv4.conf.lo.route_localnet=1\n\
         sysctl net.ipv4.ip_forward=1\n\
         \n# nothing\n",
    )
    .unwrap();
    let settings = &network.settings;
    assert_eq!(settings.reverse_path, [(DeviceId(1), 2), (DeviceId(2), 1)]);
    assert_eq!(settings.accept_local, [DeviceId(0), DeviceId(1), DeviceId(2)]);
    assert_eq!(settings.route_localnet, [DeviceId::LOOPBACK]);
    assert!(settings.forward_v4 && !settings.forward_v6);
    let b = network.device(DeviceId(2)).unwrap();
    assert_eq!((b.mtu, b.up, b.mac), (1280, false, Some([2, 0, 0, 0, 0, 255])));
}

#[test]
fn words_of_ip_are_taken() {
    let network = parse(
        "device eth0\nip addr add 192.168.1.5/24 dev eth0 \nip route add default via 192.168.1.1\n\
         device br0\ndevice p0 master br0\nip -6 rule add pref 7 fwmark 0x10/0xf0 lookup 5\nrule from all iif eth0\n\
         rule to 10.0.0.0/8 oif eth0 table local\n",
    )
    .unwrap();
    let default = network.tables[&TABLE_MAIN].last().unwrap();
    assert_eq!(default.device, Some(DeviceId(1)), "the gateway's device");
    assert_eq!(network.device(DeviceId(3)).unwrap().master, Some(DeviceId(2)));
    assert_eq!(network.rules_v6[1].mark, Some((0x10, 0xf0)));
    // Linux gives a rule without priority the one before that of the second.
    let priorities: Vec<_> = network.rules_v4.iter().map(|rule| (rule.priority, rule.table)).collect();
    assert_eq!(priorities, [(0, 255), (32764, 255), (32765, 254), (32766, 254), (32767, 253)]);
}

#[test]
fn everything_that_ip_says_has_a_word() {
    let network = parse(
        "device eth0 group 7 type bridge\ndevice eth1\naddress 10.0.0.1 peer 10.0.0.2/32 scope link dev eth0\n\
         address 10.1.0.1/24 dev eth1\naddress fd00::1/64 dev eth1 deprecated temporary\n\
         route 10.9.0.0/16 realms 3/4 nexthop via 10.1.0.5 weight 2 nexthop dev eth0\n\
         -6 route fd09::/16 from fd00::/64 pref high nexthop via fd00::5 nexthop via fd00::6 dev eth1\n\
         rule not from 10.2.0.0/16 tos 0x10 ipproto tcp sport 5-10 dport 80 uidrange 5-9 pref 7 table 9 \
         suppress_prefixlength 0 suppress_ifgroup 7 realms 2\n\
         rule pref 8 goto 32766\nrule pref 9 nop\nrule pref 10 blackhole\nrule pref 11 unreachable\n\
         rule pref 12 prohibit\n\
         sysctl net.ipv4.ip_forward=1\nsysctl net.ipv4.conf.eth1.forwarding=0\n\
         sysctl net.ipv6.conf.eth0.forwarding=1\nsysctl net.ipv4.conf.all.src_valid_mark=1\n\
         sysctl net.ipv6.conf.eth1.disable_ipv6=1\nsysctl net.ipv6.conf.eth1.use_tempaddr=2\n\
         sysctl net.bridge.bridge-nf-call-iptables=1\n",
    )
    .unwrap();
    let (eth0, eth1) = (DeviceId(1), DeviceId(2));
    assert_eq!(network.devices[1].group, 7);
    assert_eq!(network.devices[1].kind, DeviceKind::Bridge);
    let peer = network.devices[1].addresses[0];
    assert_eq!((peer.peer, peer.scope, peer.length), (Some("10.0.0.2".parse().unwrap()), 253, 32));
    let six = network.devices[2].addresses[1];
    assert!(six.deprecated && six.temporary);
    let main = &network.tables[&TABLE_MAIN];
    let several = main.iter().find(|route| !route.hops.is_empty()).unwrap();
    assert_eq!((several.device, several.realms), (Some(eth1), 3 << 16 | 4));
    assert_eq!(several.hops, [Hop { via: None, device: eth0, dead: false }]);
    let siblings: Vec<_> = main.iter().filter(|route| route.from.is_some()).collect();
    assert_eq!(siblings.len(), 2, "IPv6: each next hop is a route");
    let rule = &network.rules_v4[1];
    assert!(rule.invert);
    assert_eq!((rule.tos, rule.protocol, rule.user), (Some((0x10, 0x1c)), Some(6), Some((5, 9))));
    assert_eq!((rule.source_ports, rule.destination_ports), (Some((5, 10)), Some((80, 80))));
    assert_eq!((rule.suppress_length, rule.suppress_group, rule.realms), (Some(0), Some(7), 2));
    let actions: Vec<_> = network.rules_v4[2..7].iter().map(|rule| rule.action).collect();
    assert_eq!(
        actions,
        [
            RuleAction::Goto(32766),
            RuleAction::Nothing,
            RuleAction::Blackhole,
            RuleAction::Unreachable,
            RuleAction::Prohibit
        ]
    );
    let settings = &network.settings;
    assert!(settings.forwards_v4(eth0) && !settings.forwards_v4(eth1));
    assert!(settings.is_router_v6(eth0) && !settings.forwards_v6(eth0));
    assert_eq!(settings.valid_mark.len(), 3);
    assert_eq!((&settings.disabled_v6, &settings.prefer_temporary), (&vec![eth1], &vec![eth1]));
    assert!(settings.bridged_v4 && !settings.bridged_v6);
}

#[test]
fn limits_of_icmp_errors() {
    use crate::network::IcmpLimits;
    let limits = |text: &str| parse(text).unwrap().settings.icmp;
    assert_eq!(limits(""), IcmpLimits::default());
    // As the kernel prints what it begins with.
    let usual = "sysctl net.ipv4.icmp_ratelimit=1000\nsysctl net.ipv4.icmp_ratemask=6168\n\
         sysctl net.ipv4.icmp_msgs_per_sec=1000\nsysctl net.ipv4.icmp_msgs_burst=50\n\
         sysctl net.ipv6.icmp.ratelimit=100\nsysctl net.ipv6.icmp.ratemask=0-1,3-127\n\
         sysctl net.ipv4.route.error_cost=250\nsysctl net.ipv4.route.error_burst=1250\n";
    assert_eq!(limits(usual), IcmpLimits::default());
    // Milliseconds are rounded up to jiffies of four (measured: 5 becomes 8).
    let other = limits("sysctl net.ipv4.icmp_ratelimit=5\nsysctl net.ipv6.icmp.ratelimit=2147483648\n");
    assert_eq!((other.interval_v4, other.interval_v6), (2, 1 << 29));
    let masks = limits("sysctl net.ipv4.icmp_ratemask=-1\nsysctl net.ipv6.icmp.ratemask=2,127-129,255\n");
    assert_eq!(masks.types_v4, u32::MAX);
    assert_eq!(masks.types_v6, [1 << 2 | 1 << 127, 1 | 1 << 1 | 1 << 127]);
    assert_eq!(limits("sysctl net.ipv6.icmp.ratemask=").types_v6, [0; 2]);
    for wrong in [
        "net.ipv4.icmp_ratelimit=-1",
        "net.ipv4.icmp_ratelimit=2147483649",
        "net.ipv4.icmp_ratemask=4294967296",
        "net.ipv4.icmp_msgs_burst=2147483648",
        "net.ipv6.icmp.ratemask=256",
        "net.ipv6.icmp.ratemask=3-1",
        "net.ipv6.icmp.ratemask=abc",
    ] {
        assert_eq!(parse(&format!("sysctl {wrong}")).unwrap_err().kind, ErrorKind::Number, "{wrong}");
    }
}

#[test]
fn errors_have_a_line_and_a_column() {
    use ErrorKind::*;
    for (text, kind, line, column, word) in [
        ("device a\ndevcie b", Statement, 2, 1, "devcie"),
        ("device a mtu", Missing, 1, 13, ""),
        ("device a mtu 12", Number, 1, 14, "12"),
        ("device a\n  device a", Twice, 2, 10, "a"),
        ("device a/b", Name, 1, 8, "a/b"),
        ("device sixteen-bytes-xx", Name, 1, 8, "sixteen-bytes-xx"),
        ("device a mac 1:2:3", Mac, 1, 14, "1:2:3"),
        ("device a colour red", Word, 1, 10, "colour"),
        ("address 10.0.0.1/24 dev b", Device, 1, 25, "b"),
        ("address 10.0.0.1/33 dev lo", Address, 1, 9, "10.0.0.1/33"),
        ("address 10.0.0.1/24", Missing, 1, 20, ""),
        ("address 127.0.0.1/8 dev lo", Exists, 1, 9, "127.0.0.1/8"),
        ("route default via fd00::1 src 10.0.0.1", Families, 1, 31, "10.0.0.1"),
        ("route default", Gateway, 1, 1, "route"),
        ("route default via 10.0.0.1", Gateway, 1, 1, "route"),
        ("route 10.0.0.0/8 dev lo tos 256", Number, 1, 29, "256"),
        ("rule from 10.0.0.0/8 to fd00::/8", Families, 1, 25, "fd00::/8"),
        ("rule fwmark x", Number, 1, 13, "x"),
        ("sysctl net.ipv4.ip_forward", Missing, 1, 1, "sysctl"),
        ("sysctl net.ipv4.tcp_ecn=1", Setting, 1, 1, "sysctl"),
        ("sysctl net.ipv4.conf.zz.rp_filter=1", Device, 1, 1, "sysctl"),
        ("sysctl net.ipv4.conf.all.rp_filter=3", Number, 1, 1, "sysctl"),
        ("-6", Missing, 1, 3, ""),
        ("device a group x", Number, 1, 16, "x"),
        ("device a type tun", Word, 1, 15, "tun"),
        ("route 10.0.0.0/8 nexthop via 10.0.0.1", Gateway, 1, 18, "nexthop"),
        ("route 10.0.0.0/8 dev lo realms 1/70000", Number, 1, 32, "1/70000"),
        ("rule sport 9-5", Number, 1, 12, "9-5"),
        ("maddr 10.0.0.1 dev lo", Address, 1, 7, "10.0.0.1"),
        ("maddr 239.1.1.1", Missing, 1, 16, ""),
        ("maddr 239.1.1.1 dev lo include fd00::1", Address, 1, 32, "fd00::1"),
        ("cache 10.0.0.1", Missing, 1, 15, ""),
        ("cache 10.0.0.1 dev lo redirected", Gateway, 1, 33, ""),
        ("cache 10.0.0.1 dev lo via fd00::1", Families, 1, 27, "fd00::1"),
        ("cache 10.0.0.1 dev lo expires x", Number, 1, 31, "x"),
        ("rule ipproto 300", Number, 1, 14, "300"),
    ] {
        let error = parse(text).unwrap_err();
        let place = (error.kind, error.line, error.column, error.word.as_str());
        assert_eq!(place, (kind, line, column, word), "{text}");
    }
    assert_eq!(
        parse("routes").unwrap_err().to_string(),
        "1:1: a line begins with device, address, route, rule, cache, fdb, neigh, maddr or sysctl: `routes`"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "((device|maddr 239.1.1.1|include|address|route|rule|sysctl|-6|via|dev|lo|a|10.0.0.1|::1/64|default|mtu|=|net.ipv4.ip_forward|#|ü|\n|[ -~]{0,4}) ?){0,20}") {
        let _ = parse(&text);
    }
}

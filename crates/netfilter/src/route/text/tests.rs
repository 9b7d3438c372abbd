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
    ] {
        let error = parse(text).unwrap_err();
        let place = (error.kind, error.line, error.column, error.word.as_str());
        assert_eq!(place, (kind, line, column, word), "{text}");
    }
    assert_eq!(
        parse("routes").unwrap_err().to_string(),
        "1:1: a line begins with device, address, route, rule or sysctl: `routes`"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "((device|address|route|rule|sysctl|-6|via|dev|lo|a|10.0.0.1|::1/64|default|mtu|=|net.ipv4.ip_forward|#|ü|\n|[ -~]{0,4}) ?){0,20}") {
        let _ = parse(&text);
    }
}

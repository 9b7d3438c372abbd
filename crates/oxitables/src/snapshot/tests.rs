//! The form of a snapshot, and what is read out of parts of one.
use super::*;
use netfilter::Network;
use packet::Family;
use rules::Hook;

#[test]
fn a_snapshot_is_read_as_it_was_written() {
    let section = |name: &str, body: Result<&str, &str>| Section {
        name: name.to_owned(),
        body: body.map(str::to_owned).map_err(str::to_owned),
        line: 0,
    };
    let sections = [
        section("time", Ok("12.5\n")),
        section("iptables-legacy-save -c", Ok("# a\n== no section\n!! no reason\n\\ a backslash\n\n")),
        section("ipset save", Err("Permission denied")),
        section("ip -j -4 rule", Ok("")),
    ];
    let text = print(&sections);
    let read = parse(&text).unwrap();
    assert_eq!(read.iter().map(|own| own.line).collect::<Vec<_>>(), [3, 5, 11, 13]);
    let plain: Vec<_> = read.into_iter().map(|own| Section { line: 0, ..own }).collect();
    assert_eq!(plain, sections);
}

#[test]
fn what_is_no_snapshot_is_an_error() {
    for (text, wanted) in [
        ("", "1: not a snapshot: its first line is `oxitables-snapshot 1`"),
        ("oxitables-snapshot 2\n", "1: not a snapshot: its first line is `oxitables-snapshot 1`"),
        ("oxitables-snapshot 1\n# a remark\n\nhello\n", "4: a section begins with `== NAME`"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), wanted, "{text}");
    }
}

fn settings(text: &str) -> Result<(Settings, Network, Vec<String>), Problem> {
    let mut network = Network::empty();
    network.add_device(packet::InterfaceName::new("eth0.5").unwrap(), 1500);
    let section = Section { name: "sysctl".to_owned(), body: Ok(text.to_owned()), line: 10 };
    let mut notes = Vec::new();
    let settings = sysctls::read(&section, text, &mut network, &mut notes)?;
    Ok((settings, network, notes))
}

#[test]
fn settings_of_a_host_are_read() {
    let (settings, network, notes) = settings(
        "net.ipv4.ip_forward = 1\nnet.ipv4.ip_default_ttl = 77\nnet.ipv4.conf.eth0/5.rp_filter = 2\n\
         net/ipv4/conf/eth0.5/src_valid_mark = 1\nnet.ipv4.conf.gone.rp_filter = 1\n\
         net.netfilter.nf_conntrack_udp_timeout = 9\nnet.netfilter.nf_conntrack_helper = x\n\
         net/ipv6/conf/eth0.5/hop_limit = 33\nkernel.hostname = a\nnet.ipv4.tcp_fwmark_accept = 1\n\
         net.ipv4.conf.all.bc_forwarding = 0\nnet.ipv4.udp_early_demux = 1\n\
         net/ipv4/icmp_ratelimit = 500\nnet/ipv6/icmp/ratemask = 0-1,3-127\nnet/ipv6/icmp/ratelimit = 0\n",
    )
    .unwrap();
    let device = netfilter::DeviceId(1);
    assert!(network.settings.forward_v4);
    assert_eq!(network.settings.reverse_path, [(device, 2)]);
    assert_eq!(network.settings.valid_mark, [device]);
    assert_eq!((settings.engine.default_ttl, settings.engine.default_hop_limit), (77, 33));
    assert_eq!(settings.conntrack.timeouts.udp.as_secs(), 9);
    assert!(!settings.conntrack.acct, "off unless it is switched on");
    assert_eq!(settings.machine, "sysctl net.ipv4.udp_early_demux=1\n");
    assert!(settings.accepts_marks);
    assert!(notes.is_empty(), "{notes:?}");
    let icmp = network.settings.icmp;
    assert_eq!((icmp.interval_v4, icmp.interval_v6, icmp.types_v6), (125, 0, [!(1 << 2), 0]));
}

#[test]
fn a_wrong_setting_has_its_line() {
    for (text, wanted) in [
        ("\nnet.ipv4.ip_forward\n", "11: a setting is NAME = VALUE"),
        ("net.ipv4.ip_default_ttl = 300\n", "10: net/ipv4/ip_default_ttl: at most 255"),
        ("net.ipv4.ipfrag_time = x\n", "10: net/ipv4/ipfrag_time: not a number: `x`"),
        (
            "net.ipv4.conf.all.rp_filter = 7\n",
            "10: net/ipv4/conf/all/rp_filter: not a number, or out of range: `7`",
        ),
    ] {
        assert_eq!(settings(text).unwrap_err().to_string(), wanted);
    }
}

#[test]
fn chains_of_nft_that_iptables_does_not_know_are_found() {
    let text = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "inet", "name": "fw", "handle": 1}},
        {"chain": {"family": "inet", "table": "fw", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
        {"chain": {"family": "inet", "table": "fw", "name": "empty", "type": "filter", "hook": "output", "prio": 0, "policy": "accept"}},
        {"chain": {"family": "inet", "table": "fw", "name": "closed", "type": "filter", "hook": "forward", "prio": 5, "policy": "drop"}},
        {"chain": {"family": "inet", "table": "fw", "name": "plain"}},
        {"chain": {"family": "netdev", "table": "d", "name": "in", "type": "filter", "hook": "ingress", "dev": "eth0", "prio": 0, "policy": "drop"}},
        {"chain": {"family": "bridge", "table": "b", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [{"match": {"left": {"ct": {"key": "state"}}}}]}}]}"#;
    let found = foreign::read(text, 1, &|family, table| family == Family::V4 && table == "filter").unwrap();
    let said: Vec<_> = found.iter().map(|own| (own.name.as_str(), own.hook, own.priority)).collect();
    assert_eq!(
        said,
        [
            ("table inet fw, chain in", Hook::Input, 0),
            ("table inet fw, chain closed", Hook::Forward, 5),
            ("table netdev d, chain in", Hook::Prerouting, i32::MIN),
        ]
    );
    assert_eq!(foreign::read(text, 1, &|_, _| false).unwrap().len(), 4, "a table that iptables cannot read");
    assert!(foreign::tracks(text));
    assert_eq!(foreign::read("{", 7, &|_, _| false).unwrap_err().line, 7);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(oxitables-snapshot 1\n)?((== |!! |\\\\)?(time|sysctl|ip -j link|ip -j -4 rule|ipset save|nft -j list ruleset|[ -~]{0,12})\n){0,12}") {
        if let Ok(sections) = parse(&text) {
            let _ = read("host", &sections);
        }
    }
}

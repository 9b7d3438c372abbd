//! What the machine's own `ip -j` printed (fixtures/route/iproute), and errors.
use netfilter::DeviceId;
use netfilter::network::{DeviceKind, Hop, RouteEntry, RouteKind, RuleAction, TABLE_LOCAL, TABLE_MAIN};
use packet::InterfaceName;

use super::*;

const LINK: &str = include_str!("../../../../fixtures/route/iproute/link.json");
const ADDR: &str = include_str!("../../../../fixtures/route/iproute/addr.json");
const ROUTE4: &str = include_str!("../../../../fixtures/route/iproute/route4.json");
const ROUTE4_NUMERIC: &str = include_str!("../../../../fixtures/route/iproute/route4-numeric.json");
const ROUTE6: &str = include_str!("../../../../fixtures/route/iproute/route6.json");
const RULE4: &str = include_str!("../../../../fixtures/route/iproute/rule4.json");
const RULE4_NUMERIC: &str = include_str!("../../../../fixtures/route/iproute/rule4-numeric.json");
const RULE6: &str = include_str!("../../../../fixtures/route/iproute/rule6.json");

fn outputs<'t>(route4: &'t str, rule4: &'t str) -> Outputs<'t> {
    Outputs {
        links: vec![("link", LINK), ("addr", ADDR)],
        forwarding: None,
        neighbours: None,
        groups: None,
        filters: Vec::new(),
        learned: Vec::new(),
        routes_v4: Some(("route4", route4)),
        routes_v6: Some(("route6", ROUTE6)),
        rules_v4: Some(("rule4", rule4)),
        rules_v6: Some(("rule6", RULE6)),
    }
}

fn network() -> Network {
    read(&outputs(ROUTE4, RULE4), &Names::default()).unwrap().network
}

fn device(network: &Network, name: &str) -> DeviceId {
    network.device_named(InterfaceName::new(name).unwrap()).unwrap()
}

fn to<'n>(network: &'n Network, table: u32, destination: &str) -> &'n RouteEntry {
    let found = network.tables[&table].iter().find(|route| {
        format!("{}/{}", route.destination.address(), route.destination.prefix_length().unwrap())
            == destination
    });
    found.unwrap_or_else(|| panic!("no route to {destination}"))
}

#[test]
fn numbers_and_names_are_the_same() {
    let numeric = read(&outputs(ROUTE4_NUMERIC, RULE4_NUMERIC), &Names::default()).unwrap().network;
    assert_eq!(numeric, network());
}

#[test]
fn links_and_addresses_are_read() {
    let network = network();
    let (br0, v0, d0) = (device(&network, "br0"), device(&network, "v0"), device(&network, "d0"));
    assert_eq!(DeviceId::LOOPBACK, device(&network, "lo"));
    assert_eq!(network.device(br0).unwrap().kind, DeviceKind::Bridge);
    assert_eq!(network.device(v0).unwrap().master, Some(br0));
    let own = network.device(d0).unwrap();
    assert_eq!((own.group, own.mac.is_some(), own.up, own.mtu), (7, true, true, 1500));
    let addresses: Vec<_> = own.addresses.iter().map(|own| own.address.to_string()).collect();
    // IPv4 as printed; IPv6 the oldest first, without those that are not yet unique.
    assert_eq!(addresses, ["10.9.0.1", "10.0.0.1", "10.8.0.1", "10.0.0.2", "fd00::1", "fd00::2"]);
    assert_eq!(own.addresses[0].peer, Some("10.9.0.2".parse().unwrap()));
    assert_eq!(own.addresses[0].scope, 253);
    assert!(own.addresses[5].deprecated);
}

/// What `ip -d -j link`, `bridge -j fdb` and `ip -j neigh` of the machine print of a bridge, shortened.
#[test]
fn bridges_and_neighbours_are_read() {
    let links = r#"[{"ifname":"br0","flags":["UP"],"link_type":"ether","address":"02:00:00:00:00:b0",
      "linkinfo":{"info_kind":"bridge","info_data":{"vlan_filtering":0,"mcast_snooping":1,"mcast_querier":1,"nf_call_iptables":1,"nf_call_ip6tables":0}}},
     {"ifname":"v0","flags":["UP"],"master":"br0","link_type":"ether","address":"02:00:00:00:01:00",
      "linkinfo":{"info_kind":"veth","info_slave_kind":"bridge","info_slave_data":{"state":"forwarding","hairpin":true,
        "learning":true,"flood":false,"mcast_flood":true,"bcast_flood":true,"isolated":false}}},
     {"ifname":"v1","flags":["UP"],"master":"br0","linkinfo":{"info_kind":"veth","info_slave_kind":"bridge",
        "info_slave_data":{"state":"blocking"}}}]"#;
    let fdb = r#"[{"mac":"33:33:00:00:00:01","ifname":"br0","flags":["self"],"state":"permanent"},
     {"mac":"02:00:00:00:00:02","ifname":"v0","flags":[],"master":"br0","state":"static"},
     {"mac":"02:00:00:00:00:03","ifname":"v1","flags":[],"master":"br0","state":""},
     {"mac":"02:00:00:00:00:04","ifname":"v0","flags":[],"master":"br0","state":"permanent"}]"#;
    let neigh = r#"[{"dst":"10.0.0.2","dev":"br0","lladdr":"02:00:00:00:00:02","state":["PERMANENT"]},
     {"dst":"10.0.0.9","dev":"br0","state":["FAILED"]}]"#;
    let outputs = Outputs {
        links: vec![("link", links)],
        forwarding: Some(("fdb", fdb)),
        neighbours: Some(("neigh", neigh)),
        ..Outputs::default()
    };
    let network = read(&outputs, &Names::default()).unwrap().network;
    let (br0, v0, v1) = (device(&network, "br0"), device(&network, "v0"), device(&network, "v1"));
    let places: Vec<_> = network.forwarding.iter().map(|((_, mac), port)| (mac[5], *port)).collect();
    assert_eq!(places, [(2, v0), (3, v1), (4, br0)]);
    let neighbours: Vec<_> = network.neighbours.values().map(|mac| mac[5]).collect();
    assert_eq!(neighbours, [2]);
    assert!(network.device(br0).unwrap().bridge.counts_groups);
    assert!(network.is_called(br0, Family::V4) && !network.is_called(br0, Family::V6));
    let (hairpin, blocked) = (network.device(v0).unwrap().port, network.device(v1).unwrap().port);
    assert!(hairpin.forwards && hairpin.hairpin && !hairpin.flood && hairpin.learning);
    assert!(!blocked.forwards && blocked.flood);
}

#[test]
fn routes_of_every_kind_are_read() {
    let network = network();
    let (br0, d0) = (device(&network, "br0"), device(&network, "d0"));
    assert_eq!(to(&network, 100, "10.24.0.0/16").kind, RouteKind::Throw);
    let several = to(&network, TABLE_MAIN, "10.20.0.0/16");
    assert_eq!((several.device, several.via), (Some(d0), Some("10.0.0.5".parse().unwrap())));
    assert_eq!(several.hops, [Hop { via: Some("10.1.0.5".parse().unwrap()), device: br0, dead: false }]);
    assert_eq!(to(&network, TABLE_MAIN, "10.21.0.0/16").via, Some("10.0.0.6".parse().unwrap()), "nhid");
    assert_eq!(to(&network, TABLE_MAIN, "10.22.0.0/16").hops.len(), 1, "a group of nexthop objects");
    assert_eq!(to(&network, TABLE_MAIN, "10.23.0.0/16").metric, 77);
    let full = to(&network, TABLE_MAIN, "10.27.0.0/16");
    assert_eq!((full.tos, full.mtu, full.realms), (0x10, Some(1200), 3 << 16 | 4));
    assert_eq!(full.source, Some("10.0.0.2".parse().unwrap()));
    assert_eq!(to(&network, TABLE_MAIN, "10.28.0.0/16").via, Some("fe80::1".parse().unwrap()));
    let encapsulated = to(&network, TABLE_MAIN, "10.30.0.0/16");
    assert!(encapsulated.undecided.is_some(), "the destination is the first `dst`");
    assert_eq!(to(&network, TABLE_LOCAL, "10.9.0.1/32").kind, RouteKind::Local);
    let six: Vec<_> =
        network.tables[&TABLE_MAIN].iter().filter(|route| route.destination.address().is_ipv6()).collect();
    let siblings =
        six.iter().filter(|route| route.destination.address().to_string() == "2001:db8:1::").count();
    assert_eq!(siblings, 2, "each next hop of IPv6 is a route");
    assert!(six.iter().any(|route| route.from.is_some()));
}

#[test]
fn policy_rules_of_every_kind_are_read() {
    let network = network();
    let of = |priority| network.rules_v4.iter().find(|rule| rule.priority == priority);
    let full = of(100).unwrap();
    assert_eq!(full.mark, Some((0x10, 0xff)));
    assert_eq!((full.input, full.output), (Some(device(&network, "d0")), Some(device(&network, "br0"))));
    assert_eq!((full.user, full.protocol, full.tos), (Some((5, 9)), Some(6), Some((0x10, 0x1c))));
    assert_eq!((full.source_ports, full.destination_ports), (Some((5, 10)), Some((80, 80))));
    assert_eq!((full.table, full.suppress_length), (100, Some(0)));
    assert!(of(101).unwrap().invert);
    assert_eq!(of(101).unwrap().suppress_group, Some(7));
    assert_eq!(of(102), None, "without a VRF no packet fits l3mdev");
    assert_eq!(of(103).unwrap().action, RuleAction::Goto(200));
    let actions = [200, 201, 202, 203].map(|priority| of(priority).unwrap().action);
    assert_eq!(
        actions,
        [RuleAction::Blackhole, RuleAction::Unreachable, RuleAction::Prohibit, RuleAction::Nothing]
    );
    assert!(of(204).unwrap().undecided.is_some(), "tun_id");
    assert_eq!(of(205).unwrap().realms, 2 << 16 | 3);
    assert_eq!(of(800).unwrap().action, RuleAction::Nothing, "a target that is not there");
    assert_eq!(network.rules_v6.len(), 3);
}

#[test]
fn what_is_not_known_is_an_error_with_its_place() {
    let route = |entry: &str| {
        let text = format!("[{{\"dst\":\"default\",\"dev\":\"lo\",\"flags\":[]}},{entry}]");
        read(&outputs(&text, RULE4), &Names::new("200 vpn # a\n", "", ""))
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let rule = |entry: &str| {
        let text = format!("[{entry}]");
        read(&outputs(ROUTE4, &text), &Names::default()).map(|_| ()).map_err(|error| error.to_string())
    };
    let wrong = |what: &str| Err(format!("route4: entry 2 (10.0.0.0/8): {what}"));
    let of = |rest: &str| format!("{{\"dst\":\"10.0.0.0/8\",{rest}}}");
    assert_eq!(route(&of("\"dev\":\"lo\",\"table\":\"vpn\"")), Ok(()));
    assert_eq!(
        route(&of("\"dev\":\"lo\",\"table\":\"dmz\"")),
        wrong(
            "\"table\": \"dmz\" is not a number and has no line in /etc/iproute2/rt_tables (`ip -N` prints numbers)"
        )
    );
    assert_eq!(route(&of("\"dev\":\"zz\"")), wrong("\"zz\" is no link of this host"));
    assert_eq!(
        route(&of("\"dev\":\"lo\",\"colour\":\"red\"")),
        wrong("\"colour\": \"red\": this key is not known")
    );
    assert_eq!(route(&of("\"dev\":\"lo\",\"flags\":[\"shiny\"]")), wrong("the flag \"shiny\" is not known"));
    assert_eq!(
        route(&of("\"type\":\"nat\",\"dev\":\"lo\"")),
        wrong("\"type\": \"nat\": this kind of route is not known")
    );
    assert_eq!(
        route(&of("\"metric\":-1,\"dev\":\"lo\"")),
        wrong("\"metric\": -1: wanted is a number of 32 bits")
    );
    assert_eq!(route(&of("\"flags\":[]")), wrong("the route wants \"dev\" or \"nexthops\""));
    assert_eq!(
        route("{\"dst\":\"fd00::/8\",\"dev\":\"lo\"}"),
        Err("route4: entry 2 (fd00::/8): \"fd00::/8\" is no prefix of IPv4".to_owned())
    );
    assert!(
        route("7").unwrap_err().starts_with("route4: not the JSON of `ip -j`: invalid type: integer `7`")
    );
    assert_eq!(
        rule("{\"priority\":5,\"src\":\"all\",\"shape\":1,\"table\":\"main\"}"),
        Err("rule4: entry 1 (priority 5): \"shape\": 1: this key is not known".to_owned())
    );
    assert_eq!(
        rule("{\"priority\":5,\"src\":\"all\"}"),
        Err("rule4: entry 1 (priority 5): the rule has neither table nor action".to_owned())
    );
    assert_eq!(
        rule("{\"priority\":5,\"src\":\"all\",\"action\":\"jump\"}"),
        Err("rule4: entry 1 (priority 5): the action \"jump\" is not known".to_owned())
    );
}

#[test]
fn groups_are_read() {
    let maddr = r#"[{"ifindex":1,"ifname":"lo","maddr":[{"family":"inet","address":"224.0.0.1"}]},
        {"ifindex":9,"ifname":"d0","maddr":[{"link":"33:33:00:00:00:01"},{"family":"inet","address":"239.1.1.1","users":2},
        {"family":"inet","address":"239.1.1.2"},{"family":"inet6","address":"ff02::99"}]},
        {"ifindex":10,"ifname":"gone","maddr":[{"family":"inet","address":"239.1.1.1"}]}]"#;
    let four =
        "Idx Device        MCA        SRC    INC    EXC\n  9     d0 0xef010102 0x0a000007      1      0\n";
    let outputs = |filters| Outputs { groups: Some(("maddr", maddr)), filters, ..outputs(ROUTE4, RULE4) };
    let network = read(&outputs(vec![("mcfilter", four)]), &Names::default()).unwrap().network;
    let own = &network.device(device(&network, "d0")).unwrap().groups;
    let said: Vec<_> = own.iter().map(|own| format!("{} {:?}", own.address, own.sources)).collect();
    assert_eq!(said, ["239.1.1.1 All", "239.1.1.2 Only([10.0.0.7])", "ff02::99 All"]);
    let problem = read(&outputs(vec![("mcfilter", "Idx\nx\n")]), &Names::default()).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "mcfilter: entry 2: wanted is: number, device, group, sender, two counts"
    );
}

#[test]
fn what_was_learned_of_ways_is_read() {
    let four = "8.8.8.8 via 203.0.113.254 dev d0 \n    cache expires 599sec mtu lock 552 \n9.9.9.9 via 203.0.113.7 dev d0 \n    \
                cache <redirected> expires 299sec \n7.7.7.7 dev gone \n    cache mtu 1000\nlocal 10.0.0.1 dev lo src 10.0.0.1 uid 0 \n    cache <local> \n";
    let six = "2001:db8:8::8 via 2001:db8::fe dev d0 metric 1024 expires 599sec mtu 1300 pref medium\n\
               2001:db8:8::9 via 2001:db8::7 dev d0 proto redirect metric 0 pref medium\n";
    let outputs = |learned| Outputs { learned, ..outputs(ROUTE4, RULE4) };
    let network = read(&outputs(vec![("four", four), ("six", six)]), &Names::default()).unwrap().network;
    let said: Vec<_> = network
        .exceptions
        .iter()
        .map(|own| (own.destination.to_string(), own.mtu, own.locked, own.redirected, own.expires))
        .collect();
    let own = |to: &str, mtu, locked, redirected, expires| (to.to_owned(), mtu, locked, redirected, expires);
    assert_eq!(
        said,
        [
            own("8.8.8.8", Some(552), true, false, Some(599)),
            own("9.9.9.9", None, false, true, Some(299)),
            own("2001:db8:8::8", Some(1300), false, false, Some(599)),
            own("2001:db8:8::9", None, false, true, None),
        ]
    );
    let problem = read(&outputs(vec![("four", "8.8.8.8 dev d0 colour red")]), &Names::default()).unwrap_err();
    assert_eq!(problem.to_string(), "four: entry 1 (8.8.8.8): `colour` is not known");
}

//! Decisions as the kernel makes them: `fixtures/route/kernel.txt` holds its own answers.
use std::net::IpAddr;

use super::*;

const KERNEL: &str = include_str!("../../../../fixtures/route/kernel.txt");

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn device(network: &Network, name: &str) -> DeviceId {
    network.device_named(InterfaceName::new(name).unwrap()).unwrap()
}

/// A decision in the words of the fixture; `input` leaves out what the kernel does not say there.
fn words(network: &Network, answer: Result<Route, Unroutable>, input: bool, destination: IpAddr) -> String {
    let route = match answer {
        Ok(route) => route,
        Err(reason) => {
            return match reason {
                Unroutable::NoRoute => "ENETUNREACH",
                Unroutable::Unreachable => "EHOSTUNREACH",
                Unroutable::ForwardingOff if destination.is_ipv6() => "out",
                Unroutable::ForwardingOff => "EHOSTUNREACH",
                Unroutable::Prohibited => "EACCES",
                _ => "EINVAL",
            }
            .to_owned();
        }
    };
    let name = |device| network.device(device).unwrap().name;
    let mut text = match route.way {
        Way::Local => "local".to_owned(),
        Way::Broadcast { device } => format!("broadcast {}", name(device)),
        Way::Multicast { device } => format!("multicast {}", name(device)),
        Way::Out { device, next_hop, gateway: true } => format!("out {} via {next_hop}", name(device)),
        Way::Out { device, .. } => format!("out {}", name(device)),
    };
    if input {
        return text;
    }
    if let Some(source) = route.source {
        text.push_str(&format!(" src {source}"));
    }
    text
}

/// The kernel's answer without what our decisions do not carry.
fn expected(answer: &str, input: bool, given: bool) -> String {
    let mut answer = answer.replace("anycast", "local");
    let cut = |answer: &mut String, mark: &str| {
        if let Some(at) = answer.find(mark) {
            answer.truncate(at);
        }
    };
    cut(&mut answer, " mtu ");
    if input || given {
        cut(&mut answer, " src ");
    }
    answer
}

fn flow(words: &[&str]) -> Flow {
    let [source, _, destination, rest @ ..] = words else { panic!("{words:?}") };
    let destination = ip(destination);
    let source = if *source == "any" { Family::of(destination).unspecified() } else { ip(source) };
    let number = |name: &str| {
        let at = rest.iter().position(|word| *word == name);
        at.map_or(0, |at| text::number(rest[at + 1]).unwrap())
    };
    Flow { mark: number("mark"), tos: number("tos") as u8, ..Flow::between(source, destination) }
}

#[test]
fn f12_decisions_are_those_of_the_kernel() {
    let mut networks = Vec::new();
    let mut asked = 0;
    for part in KERNEL.split("\nnetwork ").skip(1) {
        let (name, body) = part.split_once('\n').unwrap();
        let statements: Vec<&str> = body.lines().filter(|line| line.starts_with("  ")).collect();
        let network = text::parse(&statements.join("\n")).unwrap_or_else(|error| panic!("{name}: {error}"));
        for line in body.lines() {
            let Some((question, kernel)) = line.split_once(" => ") else { continue };
            let words_of: Vec<&str> = question.split_whitespace().collect();
            let input = words_of[0] == "input";
            let (flow, answer) = if input {
                let flow = flow(&words_of[2..]);
                (flow, network.input_route(device(&network, words_of[1]), flow))
            } else {
                let flow = flow(&words_of[1..]);
                let bound = words_of.iter().position(|word| *word == "oif");
                let bound = bound.map(|at| device(&network, words_of[at + 1]));
                (flow, network.output_route(bound, flow))
            };
            let given = words_of[1] != "any" && !input;
            let mut ours = words(&network, answer, input, flow.destination);
            if given && let Some(at) = ours.find(" src ") {
                ours.truncate(at);
            }
            let mut theirs = expected(kernel, input, given);
            if input && (theirs.starts_with("broadcast") || theirs.starts_with("multicast")) {
                theirs.truncate(9);
                ours.truncate(9);
            }
            if ours == "out" {
                theirs.truncate(3);
            }
            assert_eq!(ours, theirs, "{name}: {question}");
            if let (Some(at), Ok(route)) = (kernel.find(" mtu "), answer) {
                assert_eq!(kernel[at + 5..], route.mtu.to_string(), "{name}: {question}");
            }
            asked += 1;
        }
        networks.push(name);
    }
    assert_eq!(networks, ["router", "host", "strict", "loose"]);
    assert!(asked > 150, "{asked}");
}

fn router() -> Network {
    let part = KERNEL.split("\nnetwork ").nth(1).unwrap();
    let lines: Vec<&str> = part.lines().filter(|line| line.starts_with("  ")).collect();
    text::parse(&lines.join("\n")).unwrap()
}

#[test]
fn mtu_is_that_of_the_route_or_of_the_device() {
    let network = router();
    let flow = |to: &str| Flow::between(ip("0.0.0.0"), ip(to));
    let mtu = |to: &str| network.output_route(None, flow(to)).unwrap().mtu;
    assert_eq!(
        (mtu("10.0.1.9"), mtu("8.8.8.8"), mtu("198.18.1.1"), mtu("10.0.1.1")),
        (1400, 1500, 1300, 65536)
    );
}

#[test]
fn f55_masquerade_takes_the_address_of_the_next_hops_subnet() {
    let network = router();
    let lan = device(&network, "lan0");
    let of = |device, next_hop: &str, to: &str| network.masquerade_address(device, ip(next_hop), ip(to));
    assert_eq!(of(lan, "10.0.9.254", "198.51.100.5"), Some(ip("10.0.9.1")));
    assert_eq!(of(lan, "10.0.1.254", "198.18.1.1"), Some(ip("10.0.1.1")), "not the route's src");
    assert_eq!(of(lan, "192.168.7.7", "192.168.7.7"), Some(ip("10.0.1.1")), "the first primary one");
    let mut bare = Network::new();
    let eth0 = bare.add_device(InterfaceName::new("eth0").unwrap(), 1500);
    assert_eq!(
        bare.masquerade_address(eth0, ip("1.1.1.1"), ip("1.1.1.1")),
        None,
        "127.0.0.1 is no address for it"
    );
    bare.add_address(DeviceId::LOOPBACK, Address::new(ip("9.9.9.9"), 32));
    assert_eq!(
        bare.masquerade_address(eth0, ip("1.1.1.1"), ip("1.1.1.1")),
        Some(ip("9.9.9.9")),
        "a borrowed one"
    );
    assert_eq!(of(lan, "fd00:1::99", "2001:db8:5::1"), Some(ip("fd00:1::2")), "the newest one");
}

#[test]
fn f56_redirect_takes_the_first_address_of_the_device() {
    let network = router();
    let lan = device(&network, "lan0");
    assert_eq!(network.redirect_address(lan, ip("8.8.8.8")), Some(ip("10.0.1.1")));
    let mut bare = Network::new();
    let eth0 = bare.add_device(InterfaceName::new("eth0").unwrap(), 1500);
    assert_eq!(bare.redirect_address(eth0, ip("8.8.8.8")), None);
    // Measured: the newest address, of the destination's scope if that is the link.
    assert_eq!(network.redirect_address(lan, ip("2001::1")), Some(ip("fd00:1::2")));
    assert_eq!(network.redirect_address(lan, ip("fe80::77")), Some(ip("fe80::1")));
    bare.add_address(eth0, Address::new(ip("fec0::1"), 64));
    bare.add_address(eth0, Address::new(ip("fe80::1"), 64));
    assert_eq!(bare.redirect_address(eth0, ip("2001::1")), Some(ip("fec0::1")));
}

#[test]
fn an_address_makes_the_routes_that_the_kernel_makes() {
    let network = text::parse(
        "device a\naddress 10.0.1.1/24 dev a\naddress 10.0.1.2/24 dev a\naddress 10.0.3.1/31 dev a\n\
         address 10.0.4.4/32 dev a",
    )
    .unwrap();
    let a = device(&network, "a");
    let of = |table: u32| {
        let routes = network.tables[&table].iter();
        let ours = routes.filter(|route| route.device == Some(a) && route.destination.family() == Family::V4);
        ours.map(|route| {
            let length = route.destination.prefix_length().unwrap();
            format!("{:?} {}/{length} {}", route.kind, route.destination.address(), route.source.unwrap())
        })
        .collect::<Vec<_>>()
    };
    // `ip route show table local`, `… main`, of the same addresses on Linux 6.18.
    assert_eq!(
        of(TABLE_LOCAL),
        [
            "Local 10.0.1.1/32 10.0.1.1",
            "Broadcast 10.0.1.255/32 10.0.1.1",
            "Local 10.0.1.2/32 10.0.1.1",
            "Local 10.0.3.1/32 10.0.3.1",
            "Local 10.0.4.4/32 10.0.4.4",
        ]
    );
    assert_eq!(of(TABLE_MAIN), ["Unicast 10.0.1.0/24 10.0.1.1", "Unicast 10.0.3.0/31 10.0.3.1"]);
}

/// What `-m addrtype --dst-type TYPE` said on Linux 6.18 to packets that came in by lan0, without and with
/// `--limit-iface-in`; each type alone, and four sets in IPv6.
const ADDRESS_TYPES: &[(&str, &str, &str)] = &[
    ("10.0.1.1", "LOCAL", "LOCAL"),
    ("203.0.113.1", "LOCAL", "UNICAST"),
    ("8.8.8.8", "UNICAST", "UNICAST"),
    ("10.0.1.255", "BROADCAST", "BROADCAST"),
    ("255.255.255.255", "BROADCAST", "BROADCAST"),
    ("224.0.0.1", "MULTICAST", "MULTICAST"),
    ("0.0.0.0", "BROADCAST", "BROADCAST"),
    ("0.1.2.3", "UNICAST", "UNICAST"),
    ("127.0.0.1", "LOCAL", "UNICAST"),
    ("10.9.1.1", "UNICAST", "UNICAST"),
    ("240.0.0.1", "UNICAST", "UNICAST"),
    (
        "fd00:1::1",
        "UNICAST LOCAL UNICAST,LOCAL LOCAL,UNREACHABLE LOCAL,ANYCAST",
        "UNICAST LOCAL UNICAST,LOCAL LOCAL,UNREACHABLE LOCAL,ANYCAST",
    ),
    (
        "fd00:2::1",
        "UNICAST LOCAL UNICAST,LOCAL LOCAL,UNREACHABLE LOCAL,ANYCAST",
        "UNICAST UNREACHABLE LOCAL,UNREACHABLE",
    ),
    ("fd00:9::9", "UNICAST", "UNICAST UNREACHABLE LOCAL,UNREACHABLE"),
    ("fd00:1::9", "UNICAST", "UNICAST"),
    ("fd00:1::", "UNICAST ANYCAST LOCAL,ANYCAST", "UNICAST ANYCAST LOCAL,ANYCAST"),
    ("ff02::1", "MULTICAST", "MULTICAST"),
    ("ff02::5", "MULTICAST", "MULTICAST"),
    ("2001:a::1", "UNICAST UNREACHABLE LOCAL,UNREACHABLE", "UNICAST UNREACHABLE LOCAL,UNREACHABLE"),
    ("2001:b::1", "UNICAST UNREACHABLE LOCAL,UNREACHABLE", "UNICAST UNREACHABLE LOCAL,UNREACHABLE"),
    ("fe80::5", "UNICAST", "UNICAST"),
    ("fec0::5", "UNICAST", "UNICAST UNREACHABLE LOCAL,UNREACHABLE"),
    ("::ffff:1.2.3.4", "", "UNREACHABLE LOCAL,UNREACHABLE"),
    ("::1.2.3.4", "UNICAST", "UNICAST UNREACHABLE LOCAL,UNREACHABLE"),
];

#[test]
fn f75_address_types_are_those_of_the_kernel() {
    let network = text::parse(
        "device lan0\ndevice wan0\naddress 10.0.1.1/24 dev lan0\naddress 203.0.113.1/24 dev wan0\n\
         address fd00:1::1/64 dev lan0\naddress fe80::9/64 dev lan0\naddress fd00:2::1/64 dev wan0\n\
         route default via 203.0.113.254\nroute default via fd00:2::2\nroute unreachable 10.9.0.0/16\n\
         route unreachable 2001:a::/32\nroute blackhole 2001:b::/32\nsysctl net.ipv6.conf.all.forwarding=1",
    )
    .unwrap();
    let lan = device(&network, "lan0");
    let bit = |name: &str| {
        let names =
            ["UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE"];
        1_u16 << names.iter().position(|other| *other == name).unwrap()
    };
    let alone = ["UNSPEC", "UNICAST", "LOCAL", "ANYCAST", "MULTICAST", "UNREACHABLE"];
    let v6 = ["UNICAST,LOCAL", "UNICAST,MULTICAST", "LOCAL,UNREACHABLE", "LOCAL,ANYCAST"];
    for (address, free, limited) in ADDRESS_TYPES {
        let address = ip(address);
        let sets = match address {
            IpAddr::V4(_) => [&alone[..], &["BROADCAST"]].concat(),
            IpAddr::V6(_) => [&alone[..], &v6].concat(),
        };
        for (limit, expected) in [(None, free), (Some(lan), limited)] {
            let holds = |set: &&str| {
                let types = set.split(',').map(bit).fold(0, |all, one| all | one);
                network.address_matches(address, limit, types)
            };
            let ours: Vec<&str> = sets.iter().copied().filter(holds).collect();
            assert_eq!(ours.join(" "), *expected, "{address} {limit:?}");
        }
    }
}

#[test]
fn what_the_kernel_chooses_by_its_secrets_is_no_decision() {
    let network = text::parse(
        "device a\ndevice b\ndevice c down\naddress 10.0.1.1/24 dev a\naddress 10.0.2.1/24 dev b\n\
         address fd00:1::1/64 dev a\naddress fd00:2::1/64 dev b\n\
         sysctl net.ipv4.ip_forward=1\nsysctl net.ipv6.conf.all.forwarding=1\n\
         route 10.9.0.0/16 nexthop via 10.0.1.5 nexthop via 10.0.2.5\n\
         route 10.8.0.0/16 nexthop via 10.0.1.5 nexthop via 10.7.0.5 dev c\n\
         -6 route fd09::/16 nexthop via fd00:1::5 nexthop via fd00:2::5\n\
         -6 route fd08::/16 via fd00:1::5 metric 9\n-6 route fd08::/16 via fd00:2::5\n\
         route default via 10.0.1.9\nroute default via 10.0.2.9\n\
         rule uidrange 5-9 pref 9 blackhole\n",
    )
    .unwrap();
    let a = device(&network, "a");
    let input = |source: &str, to: &str| network.input_route(a, Flow::between(ip(source), ip(to)));
    let undecided = |route: Result<Route, Unroutable>| matches!(route, Err(Unroutable::Undecided(_)));
    assert!(undecided(input("10.0.1.7", "10.9.0.1")), "multipath");
    assert!(undecided(input("10.0.1.7", "8.8.8.8")), "two default gateways of one metric");
    assert!(undecided(input("fd00:1::7", "fd09::1")), "multipath of IPv6");
    let out = |device, via: &str| Way::Out { device, next_hop: ip(via), gateway: true };
    assert_eq!(input("10.0.1.7", "10.8.0.1").unwrap().way, out(a, "10.0.1.5"), "one of them is down");
    assert_eq!(input("fd00:1::7", "fd08::1").unwrap().way, out(a, "fd00:1::5"), "the metric decides");
    // A socket that is bound to a device, and the way back, need no choice.
    let bound = network.output_route(Some(a), Flow::between(ip("0.0.0.0"), ip("10.9.0.1")));
    assert_eq!(bound.unwrap().way, out(a, "10.0.1.5"));
    let back =
        network.reverse_path(device(&network, "b"), Flow::between(ip("10.9.0.1"), ip("10.0.2.1")), false);
    assert_eq!(back, ReversePath::Same);
    // Who sends it is asked for by a rule, and not known.
    let nobody = Flow { user: None, ..Flow::between(ip("10.0.1.1"), ip("10.0.2.7")) };
    assert!(undecided(network.output_route(None, nobody)));
    let root = Flow { user: Some(0), ..nobody };
    assert!(network.output_route(None, root).is_ok());
}

#[test]
fn groups_are_heard_by_who_has_joined_them() {
    let network = text::parse(
        "device a noarp\ndevice b\naddress 10.0.0.1/24 dev a\naddress fd00::1:2/64 dev a\naddress fd00:1::1:2/64 dev b\n\
         maddr 239.1.1.1 dev a\nmaddr 239.1.1.2 dev a include 10.0.0.5,10.0.0.6\n\
         maddr 239.1.1.3 dev a exclude 10.0.0.5\nmaddr 239.1.1.4 dev a mixed\nmaddr ff05::9 dev b include fd00::5\n",
    )
    .unwrap();
    let of = |name: &str, source: &str, destination: &str, protocol| {
        let flow = Flow { protocol, ..Flow::between(ip(source), ip(destination)) };
        network.input_route(device(&network, name), flow).map(|route| route.way)
    };
    let a = device(&network, "a");
    let heard = Ok(Way::Multicast { device: a });
    for (source, group, protocol, wanted) in [
        ("10.0.0.5", "224.0.0.1", 17, heard),
        ("10.0.0.5", "239.1.1.1", 17, heard),
        ("10.0.0.5", "239.1.1.9", 17, Err(Unroutable::NoListener)),
        ("10.0.0.6", "239.1.1.2", 17, heard),
        ("10.0.0.7", "239.1.1.2", 17, Err(Unroutable::NoListener)),
        ("10.0.0.7", "239.1.1.2", 2, heard),
        ("10.0.0.5", "239.1.1.3", 17, Err(Unroutable::NoListener)),
        ("10.0.0.6", "239.1.1.3", 17, heard),
        ("0.0.0.0", "239.1.1.1", 17, Err(Unroutable::MartianSource)),
        ("0.0.0.0", "239.1.1.1", 2, heard),
        ("0.0.0.0", "224.0.0.1", 17, heard),
        ("fd00::7", "ff02::1:ff01:2", 17, Err(Unroutable::NoListener)),
    ] {
        assert_eq!(of("a", source, group, protocol), wanted, "{source} > {group}");
    }
    assert!(matches!(of("a", "10.0.0.6", "239.1.1.4", 17), Err(Unroutable::Undecided(_))));
    assert_eq!(of("b", "10.0.0.5", "239.1.1.1", 17), Err(Unroutable::NoListener));
    let heard = Ok(Way::Multicast { device: device(&network, "b") });
    // Who is not wanted ends behind INPUT.
    assert_eq!(of("b", "fd00::7", "ff05::9", 17), heard);
    assert_eq!(of("b", "fd00::7", "ff02::1:ff01:2", 17), heard);
    assert_eq!(of("b", "fd00::7", "ff05::8", 17), Err(Unroutable::NoListener));
}

#[test]
fn what_multicast_routing_takes_is_undecided() {
    let network = text::parse(
        "device a\naddress 10.0.0.1/24 dev a\naddress fd00::1/64 dev a\nroute 224.0.0.0/4 dev a\nmaddr 239.1.1.1 dev a\n\
         sysctl net.ipv4.conf.all.mc_forwarding=1\nsysctl net.ipv4.conf.a.mc_forwarding=1\n\
         sysctl net.ipv6.conf.all.mc_forwarding=1\n",
    )
    .unwrap();
    let a = device(&network, "a");
    let undecided = |route: Result<Route, Unroutable>| matches!(route, Err(Unroutable::Undecided(_)));
    for (source, group, wanted) in [
        ("10.0.0.5", "239.1.1.1", true),
        ("10.0.0.5", "239.1.1.9", true),
        ("10.0.0.5", "224.0.0.1", false),
        ("10.0.0.5", "224.0.0.9", false),
        ("127.0.0.1", "239.1.1.9", false),
        ("fd00::5", "ff05::1", true),
        ("fd00::5", "ff02::1", false),
    ] {
        let flow = Flow::between(ip(source), ip(group));
        assert_eq!(undecided(network.input_route(a, flow)), wanted, "{source} > {group} in");
        let flow = Flow::between(ip(if group.contains(':') { "fd00::1" } else { "10.0.0.1" }), ip(group));
        assert_eq!(
            undecided(network.output_route(None, flow)),
            wanted || source == "127.0.0.1",
            "{group} out"
        );
    }
    let one = text::parse("device a\nsysctl net.ipv4.conf.a.mc_forwarding=1\n").unwrap();
    assert!(one.settings.multicast_v4.is_empty(), "both of all and the device");
}

#[test]
fn what_passes_a_vrf_is_undecided() {
    let network = text::parse(
        "device blue type vrf\ndevice a master blue\ndevice b\naddress 10.0.0.1/24 dev a\naddress 10.0.1.1/24 dev b\n",
    )
    .unwrap();
    let out = |to: &str| network.output_route(None, Flow::between(ip("0.0.0.0"), ip(to)));
    assert_eq!(out("10.0.0.2"), Err(VRF));
    assert!(out("10.0.1.2").is_ok());
    let bound = Flow::between(ip("0.0.0.0"), ip("10.0.1.2"));
    assert_eq!(network.output_route(Some(device(&network, "blue")), bound), Err(VRF));
    let of = |name| network.is_in_vrf(device(&network, name));
    assert_eq!([of("blue"), of("a"), of("b"), of("lo")], [true, true, false, false]);
    let link = crate::skb::Link::default();
    let bytes = packet::build::raw(99, "10.0.0.9", "10.0.0.1").build();
    let a = device(&network, "a");
    let mut engine = crate::engine::Engine::new(crate::engine::Config {
        settings: Default::default(),
        conntrack: Default::default(),
        defrag: Default::default(),
        always_track: true,
        hash_key: [1, 2],
        network,
        random: Box::new(crate::time::Seeded::new(1)),
    });
    let decision = engine.receive(crate::Now::default(), a, link, bytes);
    assert_eq!(decision, crate::engine::Decision::Dropped(crate::skb::Drop::Route(VRF)));
}

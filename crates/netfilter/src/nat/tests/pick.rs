//! Bindings: F48 to F52, F54 to F56.
use packet::rewrite::End;

use super::*;

/// A [`Random`] whose searches begin where the test says; it counts them.
struct Starts(Vec<u16>);

impl Random for Starts {
    fn bits(&mut self) -> u32 {
        panic!("only ports are drawn")
    }

    fn port(&mut self, _: &Tuple, _: End, first: u16, last: u16) -> u16 {
        let start = self.0.remove(0);
        assert!((first..=last).contains(&start), "{start} is not in {first}..={last}");
        start
    }
}

impl World {
    fn starting(mut self, starts: &[u16]) -> Self {
        self.random = Box::new(Starts(starts.to_vec()));
        self
    }

    /// A UDP packet from inside; its ends outside.
    fn udp(&mut self, from: &str, to: &str) -> Result<String, Drop> {
        self.forward(LAN, &build::udp(from, to).build()).map(|out| ends(&out))
    }
}

fn masqueraded() -> World {
    World::with(Hook::Postrouting, snat(to("203.0.113.1", None)))
}

fn with_ports(first: u16, last: u16) -> World {
    World::with(Hook::Postrouting, snat(to("203.0.113.1", Some((first, last)))))
}

fn says(text: &str) -> Result<String, Drop> {
    Ok(text.to_owned())
}

#[test]
fn f48_the_port_is_kept_and_shared_between_destinations() {
    let mut world = masqueraded().starting(&[]);
    assert_eq!(world.udp("10.0.1.5:5000", "8.8.8.8:53"), says("203.0.113.1:5000 > 8.8.8.8:53"));
    assert_eq!(world.udp("10.0.1.6:5000", "8.8.4.4:53"), says("203.0.113.1:5000 > 8.8.4.4:53"));
    assert_eq!(world.udp("10.0.1.7:5000", "8.8.8.8:54"), says("203.0.113.1:5000 > 8.8.8.8:54"));
}

#[test]
fn f48_a_source_keeps_its_mapping_towards_new_destinations() {
    let mut world = masqueraded().starting(&[6000]);
    world.udp("10.0.1.5:5000", "8.8.8.8:53").unwrap();
    // Collides, gets another port, and the same one where nothing collides.
    assert_eq!(world.udp("10.0.1.6:5000", "8.8.8.8:53"), says("203.0.113.1:6000 > 8.8.8.8:53"));
    assert_eq!(world.udp("10.0.1.6:5000", "8.8.4.4:53"), says("203.0.113.1:6000 > 8.8.4.4:53"));
}

#[test]
fn f49_a_collision_searches_upwards_from_a_random_start() {
    for (port, start, next) in [
        (100, 511, 1),       // 1-511, with wrap
        (600, 1023, 600),    // 600-1023
        (2000, 65535, 1024), // 1024-65535
    ] {
        let mut world = masqueraded().starting(&[start, start]);
        let to = "8.8.8.8:53";
        let from = |host: u8| format!("10.0.1.{host}:{port}");
        assert_eq!(world.udp(&from(5), to), says(&format!("203.0.113.1:{port} > {to}")));
        assert_eq!(world.udp(&from(6), to), says(&format!("203.0.113.1:{start} > {to}")));
        // The start is taken now; of 600-1023 the first is the port itself, which is taken too.
        let next = if next == port { next + 1 } else { next };
        assert_eq!(world.udp(&from(7), to), says(&format!("203.0.113.1:{next} > {to}")));
    }
}

#[test]
fn f49_icmp_identifiers_are_searched_from_0_to_65535() {
    let mut world = masqueraded().starting(&[65535, 65535]);
    let mut echo = |host: &str| {
        let bytes = build::icmp(host, "8.8.8.8").echo_request(7, 1).build();
        world.forward(LAN, &bytes).map(|out| ends(&out))
    };
    assert_eq!(echo("10.0.1.5"), says("203.0.113.1 > 8.8.8.8 id 7"));
    assert_eq!(echo("10.0.1.6"), says("203.0.113.1 > 8.8.8.8 id 65535"));
    assert_eq!(echo("10.0.1.7"), says("203.0.113.1 > 8.8.8.8 id 0"));
    let reply = build::icmp("8.8.8.8", "203.0.113.1").echo_reply(65535, 1).build();
    assert_eq!(world.forward(WAN, &reply).map(|out| ends(&out)), says("8.8.8.8 > 10.0.1.6 id 7"));
}

#[test]
fn f50_a_range_of_ports() {
    let mut world = with_ports(5000, 5002).starting(&[5002, 5002]);
    // Inside and free: kept. Outside, or taken: from a random start.
    assert_eq!(world.udp("10.0.1.5:5001", "8.8.8.8:53"), says("203.0.113.1:5001 > 8.8.8.8:53"));
    assert_eq!(world.udp("10.0.1.5:9", "8.8.8.8:53"), says("203.0.113.1:5002 > 8.8.8.8:53"));
    assert_eq!(world.udp("10.0.1.6:5001", "8.8.8.8:53"), says("203.0.113.1:5000 > 8.8.8.8:53"));
    // All taken: the packet goes on and is dropped at the end (F51).
    world.random = Box::new(Starts(vec![5000]));
    assert_eq!(world.udp("10.0.1.7:1", "8.8.8.8:53"), Err(Drop::InsertFailed));
    assert_eq!(world.conntrack.len(), 3);
}

#[test]
fn f50_random_ignores_the_port_that_fits() {
    for fully in [false, true] {
        let mut range = to("203.0.113.1", Some((5000, 5002)));
        (range.random, range.random_fully) = (!fully, fully);
        let mut world = World::with(Hook::Postrouting, snat(range)).starting(&[5002]);
        assert_eq!(world.udp("10.0.1.5:5001", "8.8.8.8:53"), says("203.0.113.1:5002 > 8.8.8.8:53"));
        // Without a range of ports the whole class is drawn from.
        (range.ports, range.random_fully) = (None, true);
        let mut world = World::with(Hook::Postrouting, snat(range)).starting(&[40000]);
        assert_eq!(world.udp("10.0.1.5:5001", "8.8.8.8:53"), says("203.0.113.1:40000 > 8.8.8.8:53"));
    }
}

#[test]
fn f50_the_search_has_a_limited_number_of_tries() {
    // 1000 ports of which one is free: 128 tries from the first start, then 64, 32, 16 and 8.
    let fill = |free: u16| {
        let mut world = with_ports(5000, 5999).starting(&[]);
        for port in (5000..6000).filter(|&port| port != free) {
            world.udp(&format!("10.0.2.1:{port}"), "8.8.8.8:53").unwrap();
        }
        world
    };
    for (free, starts, found) in [
        (5127, vec![5000], true),
        (5128, vec![5000; 5], false),
        (5463, vec![5000, 5400], true),
        (5464, vec![5000, 5400, 5000, 5000, 5000], false),
        (5007, vec![5100, 5200, 5300, 5400, 5000], true),
        (5008, vec![5100, 5200, 5300, 5400, 5000], false),
        (5003, vec![5999], true), // with wrap
    ] {
        let mut world = fill(free).starting(&starts);
        let expected = match found {
            true => says(&format!("203.0.113.1:{free} > 8.8.8.8:53")),
            false => Err(Drop::InsertFailed),
        };
        assert_eq!(world.udp("10.0.1.5:1", "8.8.8.8:53"), expected, "{free} {starts:?}");
    }
}

#[test]
fn f50_a_closed_connection_gives_its_port_to_one_with_later_numbers() {
    // Measured: of two ports both in CLOSE, a SYN with lower numbers is dropped, one with higher ones takes a port.
    let server = "8.8.8.8:80";
    let syn =
        |host: u8, seq: u32| build::tcp(&*format!("10.0.1.{host}:1000"), server).flags("S").seq(seq).build();
    let mut world = with_ports(5000, 5001).starting(&[5000, 5000, 5000, 5000, 5000]);
    for (host, port) in [(5, 5000), (6, 5001)] {
        let from = format!("10.0.1.{host}:1000");
        world.forward(LAN, &syn(host, 1000)).unwrap();
        let answer = build::tcp(server, &*format!("203.0.113.1:{port}")).flags("SA").seq(1).ack(1001).build();
        world.forward(WAN, &answer).unwrap();
        world.forward(LAN, &build::tcp(&*from, server).flags("A").seq(1001).ack(2).build()).unwrap();
    }
    assert_eq!(world.forward(LAN, &syn(7, 5000)), Err(Drop::InsertFailed), "both live");
    for host in [5, 6] {
        let from = format!("10.0.1.{host}:1000");
        world.forward(LAN, &build::tcp(&*from, server).flags("RA").seq(1001).ack(2).build()).unwrap();
    }
    assert_eq!(world.forward(LAN, &syn(7, 900)), Err(Drop::InsertFailed), "lower numbers");
    let out = world.forward(LAN, &syn(8, 5000)).unwrap();
    assert_eq!(ends(&out), "203.0.113.1:5000 > 8.8.8.8:80");
    assert_eq!(world.conntrack.len(), 2, "one was killed for it");
}

#[test]
fn f51_nothing_free_is_dropped_at_the_end() {
    let mut world = with_ports(5000, 5000).starting(&[5000, 5000]);
    assert!(world.udp("10.0.1.5:1", "8.8.8.8:53").is_ok());
    assert_eq!(world.udp("10.0.1.6:1", "8.8.8.8:53"), Err(Drop::InsertFailed));
    assert_eq!(world.asked, 4, "both passed all hooks");
    // A protocol without ports, from a second client.
    let mut world = masqueraded().starting(&[]);
    let raw = |from| build::raw(99, from, "8.8.8.8").payload("abcd").build();
    assert!(world.forward(LAN, &raw("10.0.1.5")).is_ok());
    assert_eq!(world.forward(LAN, &raw("10.0.1.6")), Err(Drop::InsertFailed));
    assert_eq!(world.conntrack.len(), 1);
}

#[test]
fn f52_a_connection_without_rule_yields_its_port() {
    let mut world = World::new();
    world.rules.push(NatRule {
        hook: Hook::Postrouting,
        protocol: None,
        device: Some(WAN),
        target: Target::Masquerade(Box::new(to("", None))),
    });
    let mut world = world.starting(&[828]);
    world.udp("10.0.1.5:1000", "8.8.8.8:53").unwrap();
    world.rules.clear();
    let own = build::udp("203.0.113.1:1000", "8.8.8.8:53").build();
    assert_eq!(world.send(&own).map(|out| ends(&out)), says("203.0.113.1:828 > 8.8.8.8:53"));
    let reply = build::udp("8.8.8.8:53", "203.0.113.1:828").build();
    assert_eq!(world.take(WAN, &reply).map(|out| ends(&out)), says("8.8.8.8:53 > 203.0.113.1:1000"));
}

/// A packet from outside to some address of the router; where it goes inside.
fn into(world: &mut World, from: &str, to: &str) -> Result<String, Drop> {
    world.forward(WAN, &build::udp(from, to).build()).map(|out| ends(&out))
}

#[test]
fn f54_destination_ports_are_taken_from_below() {
    let mut world =
        World::with(Hook::Prerouting, dnat(to("10.0.1.5", Some((8080, 8082))))).starting(&[50000]);
    let client = "198.51.100.9:4000";
    assert_eq!(
        into(&mut world, client, "203.0.113.1:8081"),
        says("198.51.100.9:4000 > 10.0.1.5:8081"),
        "kept"
    );
    assert_eq!(into(&mut world, client, "203.0.113.1:80"), says("198.51.100.9:4000 > 10.0.1.5:8080"));
    assert_eq!(into(&mut world, client, "203.0.113.1:81"), says("198.51.100.9:4000 > 10.0.1.5:8082"));
    // None is free: the last one, and the source port moves.
    assert_eq!(into(&mut world, client, "203.0.113.1:82"), says("198.51.100.9:50000 > 10.0.1.5:8082"));
    assert_eq!(
        into(&mut world, "198.51.100.10:4000", "203.0.113.1:80"),
        says("198.51.100.10:4000 > 10.0.1.5:8080")
    );
}

#[test]
fn f54_shifted_ranges_and_ports_alone() {
    let mut range = to("10.0.1.5", Some((5000, 5100)));
    range.base_port = Some(53);
    let mut world = World::with(Hook::Prerouting, dnat(range)).starting(&[]);
    assert_eq!(
        into(&mut world, "198.51.100.9:4000", "203.0.113.1:60"),
        says("198.51.100.9:4000 > 10.0.1.5:5007")
    );
    let mut world = World::with(Hook::Prerouting, dnat(to("", Some((77, 77))))).starting(&[]);
    assert_eq!(into(&mut world, "198.51.100.9:4000", "10.0.1.9:60"), says("198.51.100.9:4000 > 10.0.1.9:77"));
    range.random = true;
    range.base_port = None;
    let mut world = World::with(Hook::Prerouting, dnat(range)).starting(&[5050]);
    assert_eq!(
        into(&mut world, "198.51.100.9:4000", "203.0.113.1:60"),
        says("198.51.100.9:4000 > 10.0.1.5:5050")
    );
}

#[test]
fn f55_masquerade() {
    let masquerade = || Target::Masquerade(Box::new(to("", None)));
    let mut world = World::with(Hook::Postrouting, masquerade()).starting(&[]);
    assert_eq!(world.udp("10.0.1.5:5000", "8.8.8.8:53"), says("203.0.113.1:5000 > 8.8.8.8:53"));
    assert_eq!(world.udp("[fd00:1::5]:5000", "[fd00:9::9]:53"), says("[fd00:2::1]:5000 > [fd00:9::9]:53"));
    assert_eq!(world.connection("10.0.1.5", 5000).masquerade(), Some(WAN));
    // A packet of the connection that leaves by another device ends it.
    let mut packet = world.packet(Some(LAN), &build::udp("10.0.1.5:5000", "8.8.8.8:53").build());
    assert_eq!(world.track(Hook::Prerouting, &mut packet), Verdict::Accept);
    assert_eq!(world.leave(&mut packet, LAN), Verdict::Drop(Drop::NatFailed));
    assert_eq!(world.conntrack.len(), 1);
    // No address: the packet is dropped. A host without an address is left alone.
    for device in &mut world.network.devices {
        device.addresses.retain(|own| own.address.is_loopback());
    }
    assert_eq!(world.udp("10.0.1.5:5001", "8.8.8.8:53"), Err(Drop::NatFailed));
    assert_eq!(world.udp("0.0.0.0:68", "8.8.8.8:67"), says("0.0.0.0:68 > 8.8.8.8:67"));
}

#[test]
fn f56_redirect() {
    let rule = || Target::Redirect(Box::new(to("", Some((3128, 3128)))));
    let mut world = World::with(Hook::Prerouting, rule()).starting(&[]).and(Hook::Output, rule());
    let mut take = |bytes: Vec<u8>| world.take(LAN, &bytes).map(|out| ends(&out));
    let web = build::tcp("10.0.1.5:4000", "8.8.8.8:80").flags("S").build();
    assert_eq!(take(web), says("10.0.1.5:4000 > 10.0.1.1:3128"));
    let web = build::tcp("[fd00:1::5]:4000", "[fd00:9::9]:80").flags("S").build();
    assert_eq!(take(web), says("[fd00:1::5]:4000 > [fd00:1::1]:3128"));
    let mut own = |from, to| {
        let mut packet = world.packet(None, &build::udp(from, to).build());
        assert_eq!(world.track(Hook::Output, &mut packet), Verdict::Accept);
        assert_eq!(world.nat(Hook::Output, &mut packet), Verdict::Accept);
        let text = ends(&packet.bytes);
        world.conntrack.release(&packet);
        text
    };
    assert_eq!(own("203.0.113.1:1000", "8.8.8.8:53"), "203.0.113.1:1000 > 127.0.0.1:3128");
    assert_eq!(own("[fd00:2::1]:1000", "[fd00:9::9]:53"), "[fd00:2::1]:1000 > [::1]:3128");
    world.network.devices[1].addresses.clear();
    let web = build::tcp("10.0.1.5:4001", "8.8.8.8:80").flags("S").build();
    assert_eq!(world.take(LAN, &web), Err(Drop::NatFailed));
}

#[test]
fn f56_netmap_in_all_four_chains() {
    let network = packet::AddrMask::prefix(address("192.168.8.0"), 24).unwrap();
    let target = || Target::Netmap(Box::new(Netmap { to: network }));
    let mut world = World::with(Hook::Postrouting, target()).starting(&[]);
    assert_eq!(world.udp("10.0.1.5:5000", "8.8.8.8:53"), says("192.168.8.5:5000 > 8.8.8.8:53"));
    let mut world = World::with(Hook::Prerouting, target()).starting(&[]);
    assert_eq!(world.udp("10.0.1.5:5000", "172.16.0.77:53"), says("10.0.1.5:5000 > 192.168.8.77:53"));
    let mut world = World::with(Hook::Output, target()).starting(&[]);
    let own = build::udp("203.0.113.1:1000", "8.8.8.9:53").build();
    assert_eq!(world.send(&own).map(|out| ends(&out)), says("203.0.113.1:1000 > 192.168.8.9:53"));
    let mut world = World::with(Hook::Input, target()).starting(&[]);
    let own = build::udp("10.0.1.5:1000", "10.0.1.1:53").build();
    assert_eq!(world.take(LAN, &own).map(|out| ends(&out)), says("192.168.8.5:1000 > 10.0.1.1:53"));
}

//! What the kernel says of bridges is in `fixtures/kernel/F14-bridge.case`; here is what no case can reach.
use packet::InterfaceName;
use rules::syntax::restore;

use super::*;
use crate::engine::Config;
use crate::time::Seeded;

const NETWORK: &str = "\
device br0 type bridge mac 02:00:00:00:00:b0
device p0 master br0
device p1 master br0
device p2 master br0
device p3 master br0 down
address 10.0.5.1/24 dev br0
fdb 02:00:00:00:00:0b dev p1 master br0 static
neigh 10.0.5.11 dev br0 lladdr 02:00:00:00:00:0b PERMANENT
sysctl net.ipv4.ip_forward=1
sysctl net.bridge.bridge-nf-call-iptables=1
";

fn engine(network: &str, rules: &str) -> Engine {
    let mut engine = Engine::new(Config {
        settings: Default::default(),
        conntrack: Default::default(),
        defrag: Default::default(),
        always_track: true,
        hash_key: [1, 2],
        network: crate::route::text::parse(network).unwrap(),
        random: Box::new(Seeded::new(1)),
    });
    engine.set_ruleset(&restore::load(rules, Family::V4, None).unwrap());
    engine
}

fn device(engine: &Engine, name: &str) -> DeviceId {
    engine.network().device_named(InterfaceName::new(name).unwrap()).unwrap()
}

fn at(seconds: u64) -> Now {
    let nanos = (3600 + seconds) * 1_000_000_000;
    Now { mono: Instant(nanos), wall: nanos }
}

/// A frame comes to a port: what became of it, and the ports by which it leaves.
fn frame(
    engine: &mut Engine,
    seconds: u64,
    port: &str,
    from: Mac,
    to: Mac,
    text: &str,
) -> (Decision, Vec<String>) {
    let ethernet = Some(header(to, from, Family::V4));
    let bytes = packet::show::parse(text).unwrap().bytes;
    let port = device(engine, port);
    let decision = engine.receive(at(seconds), port, Link { ethernet, ..Link::default() }, bytes);
    let mut out = Vec::new();
    while let Some(sent) = engine.poll_transmit() {
        assert!(sent.ethernet.is_some());
        out.push(engine.network().device(sent.device).unwrap().name.to_string());
    }
    (decision, out)
}

const fn host(last: u8) -> Mac {
    [2, 0, 0, 0, 0, last]
}

const PACKET: &str = "udp 10.0.5.10:1000 > 10.0.5.12:53";

#[test]
fn what_is_learned_ages() {
    let mut engine = engine(NETWORK, "*filter\nCOMMIT\n");
    let mut ports =
        |seconds, port: &str, from, to| frame(&mut engine, seconds, port, host(from), host(to), PACKET).1;
    assert_eq!(ports(0, "p0", 0xa, 0xc), ["p2", "p1"], "nobody knows; a port that is down gets nothing");
    assert_eq!(ports(1, "p2", 0xc, 0xa), ["p0"]);
    assert_eq!(ports(2, "p0", 0xa, 0xc), ["p2"]);
    assert_eq!(ports(301, "p0", 0xa, 0xc), ["p2", "p1"], "300 seconds after its last frame");
    assert_eq!(ports(302, "p0", 0xa, 0xb), ["p1"], "what was set stays");
    assert_eq!(ports(303, "p2", 0xb, 0xa), ["p0"]);
    assert_eq!(ports(304, "p0", 0xa, 0xb), ["p2"], "but moves with its machine");
}

#[test]
fn a_full_table_learns_no_new_address() {
    let mut learned = Learned::default();
    let (bridge, one, other) = (DeviceId(1), DeviceId(2), DeviceId(3));
    let address = |number: usize| {
        let [a, b, c, d] = u32::try_from(number).unwrap().to_be_bytes();
        [2, 0, a, b, c, d]
    };
    for number in 0..MOST_LEARNED {
        learned.learn(Instant(0), bridge, address(number), one);
    }
    learned.learn(Instant(1), bridge, address(MOST_LEARNED), one);
    assert_eq!(learned.port(Instant(1), bridge, address(MOST_LEARNED)), None);
    learned.learn(Instant(1), bridge, address(7), other);
    assert_eq!(learned.port(Instant(1), bridge, address(7)), Some(other), "who is known may move");
    let later = Instant(300_000_000_000);
    learned.learn(later, bridge, address(MOST_LEARNED), one);
    assert_eq!(learned.port(later, bridge, address(MOST_LEARNED)), Some(one), "the others have aged");
    assert_eq!(learned.places.len(), 2);
}

#[test]
fn what_is_not_said_is_undecided() {
    let mut engine = engine(
        NETWORK,
        "*nat\n-A PREROUTING -p udp --dport 53 -j DNAT --to-destination 10.0.5.99\n\
         -A PREROUTING -p udp --dport 54 -j DNAT --to-destination 10.0.5.11\nCOMMIT\n",
    );
    let (decision, out) = frame(&mut engine, 0, "p0", host(0xa), host(0xb), PACKET);
    assert!(matches!(decision, Decision::Dropped(Drop::Unknown(_))) && out.is_empty(), "{decision:?}");
    let known = "udp 10.0.5.10:1000 > 10.0.5.12:54";
    assert_eq!(frame(&mut engine, 0, "p0", host(0xa), host(0xc), known).1, ["p1"]);
    let bytes = packet::show::parse(PACKET).unwrap().bytes;
    let port = device(&engine, "p0");
    let decision = engine.receive(at(1), port, Link::default(), bytes);
    assert!(matches!(decision, Decision::Dropped(Drop::Unknown(_))), "{decision:?}");
}

/// Linux: `br_multicast_querier_exists` (no case: a querier asks by itself, at times of its own).
#[test]
fn groups_that_are_counted_are_undecided() {
    let counting = NETWORK.replace("type bridge", "type bridge mcast_querier 1");
    for (network, decides) in [(NETWORK, true), (&counting, false)] {
        let mut engine = engine(network, "*filter\nCOMMIT\n");
        let group = |last| [0x01, 0x00, 0x5e, 0, 0, last];
        let mut to = |to, text| frame(&mut engine, 0, "p0", host(0xa), to, text);
        let (decision, out) = to(group(5), "udp 10.0.5.10:1 > 239.0.0.5:2");
        assert_eq!(matches!(decision, Decision::Dropped(Drop::Unknown(_))), !decides, "{decision:?}");
        assert_eq!(out, if decides { &["p2", "p1"][..] } else { &[] });
        assert_eq!(to(group(5), "udp 10.0.5.10:1 > 224.0.0.5:2").1, ["p2", "p1"]);
        assert_eq!(to([0xff; 6], "udp 10.0.5.10:1 > 10.0.5.255:2").1, ["p2", "p1"]);
        assert_eq!(to(host(0xb), "udp 10.0.5.10:1 > 10.0.5.11:2").1, ["p1"]);
    }
}

/// More ports than answers that one packet may cause: the connection of all copies is held once, and is there at the end.
#[test]
fn many_ports_are_one_connection() {
    let mut network = NETWORK.to_owned();
    for number in 4..200 {
        network.push_str(&format!("device p{number} master br0\n"));
    }
    let mut engine = engine(
        &network,
        "*filter\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n-A FORWARD -j DROP\nCOMMIT\n",
    );
    let (_, out) = frame(&mut engine, 0, "p0", host(0xa), host(0xc), PACKET);
    assert_eq!(out.len(), 198);
    assert_eq!(engine.conntrack().lines(at(0)).count(), 1);
    // All but the last are dropped, and with the last it comes to be.
    let text = "*filter\n-A FORWARD -m physdev --physdev-out p1 -j ACCEPT\n-A FORWARD -j DROP\nCOMMIT\n";
    engine.set_ruleset(&restore::load(text, Family::V4, None).unwrap());
    let (_, out) = frame(&mut engine, 1, "p0", host(0xa), host(0xd), "udp 10.0.5.10:1 > 10.0.5.13:2");
    assert_eq!(out, ["p1"]);
    assert_eq!(engine.conntrack().lines(at(1)).count(), 2);
    // All of them are dropped: nothing is left.
    let text = "*filter\n-A FORWARD -j DROP\nCOMMIT\n";
    engine.set_ruleset(&restore::load(text, Family::V4, None).unwrap());
    let (decision, out) = frame(&mut engine, 1, "p0", host(0xa), host(0xd), "udp 10.0.5.10:3 > 10.0.5.13:4");
    assert!(matches!(decision, Decision::Dropped(Drop::Rule { .. })) && out.is_empty());
    assert_eq!(engine.conntrack().len(), 2);
}

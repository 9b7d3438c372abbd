//! What the benchmarks of the connection table share: an engine between two networks, packets with numbers, an ordinary
//! table, what an attacker sends.
#![allow(dead_code, reason = "each benchmark uses a part")]
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netfilter::conntrack::expect::Expectation;
use netfilter::conntrack::{Config, Conntrack, Zone, helper};
use netfilter::engine::{self, Engine};
use netfilter::skb::Link;
use netfilter::time::Seeded;
use netfilter::{DeviceId, Instant, Now, Tuple, defrag, env};
use packet::{Family, InterfaceName};

pub(crate) const NETWORK: &str = "\
device lan0
device wan0
address 10.0.0.1/8 dev lan0
address 203.0.113.1/24 dev wan0
route default via 203.0.113.254 dev wan0
sysctl net.ipv4.ip_forward=1
address 2001:db8:1::1/48 dev lan0
address 2001:db8:2::1/64 dev wan0
route 2001:db8:8::/48 via 2001:db8:2::fe dev wan0
sysctl net.ipv6.conf.all.forwarding=1
";
pub(crate) const MASQUERADE: &str = "*nat\n-A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT\n";
pub(crate) const MILLION: u32 = 1_000_000;
pub(crate) const NOW: Now = Now { mono: Instant(1_000_000_000), wall: 0 };
/// Connections of an ordinary table.
pub(crate) const ORDINARY: u32 = 100_000;
/// The key of tables whose key nobody knows.
pub(crate) const SECRET: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

pub(crate) fn engine(rules: &str, max: usize) -> Option<(Engine, DeviceId)> {
    let network = netfilter::route::text::parse(NETWORK).ok()?;
    let lan = network.device_named(InterfaceName::new("lan0")?)?;
    let mut engine = Engine::new(engine::Config {
        settings: env::Settings::default(),
        conntrack: Config { max, ..Config::default() },
        defrag: defrag::Settings::default(),
        always_track: true,
        hash_key: SECRET,
        network,
        random: Box::new(Seeded::new(1)),
    });
    engine.set_ruleset(&rules::syntax::restore::load(rules, Family::V4, None).ok()?);
    // Rules with addresses are of one family.
    if let Ok(rules) = rules::syntax::restore::load(rules, Family::V6, None) {
        engine.set_ruleset(&rules);
    }
    Some((engine, lan))
}

pub(crate) fn must<T>(value: Option<T>) -> T {
    match value {
        Some(value) => value,
        None => panic!("the bench's own data do not load"),
    }
}

/// A packet to which numbers are given: addresses and ports of a SYN or a datagram, checksums renewed.
#[derive(Clone)]
pub(crate) struct Model(Vec<u8>);

impl Model {
    pub(crate) fn of(line: &str) -> Self {
        Self(packet::show::parse(line).map(|shown| shown.bytes).unwrap_or_default())
    }

    pub(crate) fn with(
        &self,
        source: u32,
        source_port: u16,
        destination: u32,
        destination_port: u16,
    ) -> Vec<u8> {
        let mut bytes = self.0.clone();
        let mut put = |at: usize, new: &[u8]| {
            if let Some(place) = bytes.get_mut(at..at + new.len()) {
                place.copy_from_slice(new);
            }
        };
        put(12, &source.to_be_bytes());
        put(16, &destination.to_be_bytes());
        put(20, &source_port.to_be_bytes());
        put(22, &destination_port.to_be_bytes());
        put(10, &[0, 0]);
        let tcp = self.0.get(9) == Some(&6);
        put(if tcp { 36 } else { 26 }, &[0, 0]);
        let ip = packet::checksum::finish(packet::checksum::add(0, bytes.get(..20).unwrap_or(&[])));
        if let Some(place) = bytes.get_mut(10..12) {
            place.copy_from_slice(&ip.to_be_bytes());
        }
        if tcp {
            let segment = bytes.get(20..).unwrap_or(&[]);
            let length = u32::try_from(segment.len()).unwrap_or(0);
            let [source, destination] = [source, destination].map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
            let start = packet::checksum::pseudo(source, destination, 6, length);
            let sum = packet::checksum::finish(packet::checksum::add(start, segment));
            if let Some(place) = bytes.get_mut(36..38) {
                place.copy_from_slice(&sum.to_be_bytes());
            }
        }
        bytes
    }
}

/// The numbers of a connection: different for each, spread over clients and servers.
pub(crate) fn ends(number: u32) -> (u32, u16, u32, u16) {
    let mixed = number.wrapping_mul(0x9e37_79b1);
    let port = 1024 + (mixed & 0x7fff) as u16;
    (0x0a00_0100 + (number >> 8), port, 0x0800_0000 | mixed >> 8, 443)
}

pub(crate) fn tuple(
    protocol: u8,
    (source, source_id, destination, destination_id): (u32, u16, u32, u16),
) -> Tuple {
    let [source, destination] = [source, destination].map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
    Tuple { source, destination, protocol, source_id, destination_id }
}

/// A line of a connection that is not translated.
pub(crate) fn line(out: &mut String, seconds: u32, tuple: &Tuple, tail: &str) {
    use std::fmt::Write;
    let (name, number, state) =
        if tuple.protocol == 6 { ("tcp", 6, "ESTABLISHED ") } else { ("udp", 17, "") };
    let Tuple { source, destination, source_id, destination_id, .. } = tuple;
    let _ = writeln!(
        out,
        "{name} {number} {seconds} {state}src={source} dst={destination} sport={source_id} dport={destination_id} \
         src={destination} dst={source} sport={destination_id} dport={source_id} {tail}"
    );
}

pub(crate) fn load(table: &mut Conntrack, tuples: impl Iterator<Item = Tuple>, tail: &str) {
    let mut text = String::new();
    for (tuple, number) in tuples.zip(0_u32..) {
        line(&mut text, 600 + number % 1000, &tuple, tail);
    }
    if let Err(error) = table.load(&text, &|_| None, NOW) {
        panic!("{error}");
    }
}

/// A table of ordinary connections.
pub(crate) fn ordinary(key: [u64; 2]) -> Conntrack {
    let mut table = Conntrack::new(Config { max: 4 * MILLION as usize, ..Config::default() }, key);
    load(&mut table, (0..ORDINARY).map(|number| tuple(6, ends(number))), "[ASSURED] mark=0");
    table
}

/// The hash of a tuple under the key 0, which whoever reads the code can compute (SipHash-1-3, as in the table).
pub(crate) fn hash_with_key_0(tuple: (u32, u16, u32, u16), protocol: u8) -> u64 {
    let (source, source_id, destination, destination_id) = tuple;
    let end = |address: u32, id: u16| u64::from(address) << 16 | u64::from(id);
    let (one, other) = (end(source, source_id), end(destination, destination_id));
    let mut hash = std::collections::hash_map::DefaultHasher::new();
    hash.write_u64(one.min(other));
    hash.write_u64(one.max(other) | u64::from(protocol) << 48);
    hash.finish()
}

/// The first fragment of a datagram that never becomes whole.
pub(crate) fn fragment(whole: &Model, number: u32) -> Vec<u8> {
    let mut bytes = whole.with(0x0a00_0200 + (number >> 16), 1, 0x0900_0001, 53);
    let [.., high, low] = number.to_be_bytes();
    for (at, new) in [(4, [high, low]), (6, [0x20, 0]), (10, [0, 0])] {
        if let Some(place) = bytes.get_mut(at..at + 2) {
            place.copy_from_slice(&new);
        }
    }
    let sum = packet::checksum::finish(packet::checksum::add(0, bytes.get(..20).unwrap_or(&[])));
    if let Some(place) = bytes.get_mut(10..12) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

/// As many expectations as there may be, each of a connection of its own.
pub(crate) fn expect_much(engine: &mut Engine) {
    let table = engine.conntrack_mut();
    let masters: Vec<Tuple> =
        (0..4096).map(|number| tuple(6, (0x0a10_0000 | number, 1000, 0x0909_0909, 21))).collect();
    load(table, masters.iter().copied(), "[ASSURED] mark=0 helper=ftp");
    for (master, number) in masters.iter().zip(0_u16..) {
        let Some((id, _)) = table.find(master, Zone::default(), NOW.mono) else { continue };
        let expectation = Expectation::new(id, helper::Kind::Ftp, 6, master.source, 5000 + number);
        assert!(table.expect(expectation, NOW.mono).is_ok());
    }
    assert_eq!(table.expectations().count(), 4096);
}

/// A SYN of IPv6, whose ends are numbers.
pub(crate) fn syn_v6(number: u32) -> Vec<u8> {
    let (source, port, destination, to) = ends(number);
    let [source, destination] = [(1, source), (8, destination)]
        .map(|(net, host)| Ipv6Addr::from(0x2001_0db8 << 96 | net << 80 | u128::from(host)));
    let mut bytes = Model::of("tcp [2001:db8:1::5]:1000 > [2001:db8:8::8]:443 S seq 1").0;
    let mut put = |at: usize, new: &[u8]| {
        if let Some(place) = bytes.get_mut(at..at + new.len()) {
            place.copy_from_slice(new);
        }
    };
    put(8, &source.octets());
    put(24, &destination.octets());
    put(40, &port.to_be_bytes());
    put(42, &to.to_be_bytes());
    put(56, &[0, 0]);
    let segment = bytes.get(40..).unwrap_or(&[]);
    let length = u32::try_from(segment.len()).unwrap_or(0);
    let start = packet::checksum::pseudo(source.into(), destination.into(), 6, length);
    let sum = packet::checksum::finish(packet::checksum::add(start, segment));
    if let Some(place) = bytes.get_mut(56..58) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

/// What an attacker or a new client sends, one packet after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// New flows of UDP that are masqueraded, of many clients.
    Flows,
    /// The same while as much is expected as may be.
    FlowsExpected,
    /// The same while as many fragments wait as may.
    FlowsBesideFragments,
    /// The same from one source and port that has 100,000 connections already.
    OneSource,
    /// The same in a full table.
    FullTable,
    /// SYNs with random tuples into a full table.
    Syns,
    /// First fragments of datagrams that never become whole, with as many waiting as may.
    Fragments,
    /// Packets that end in the middle of a header.
    Truncated,
}

impl Sent {
    pub(crate) const ALL: [(&str, Sent); 8] = [
        ("new/ordinary", Sent::Flows),
        ("new/expectation-flood", Sent::FlowsExpected),
        ("new/fragments", Sent::FlowsBesideFragments),
        ("new/one-source", Sent::OneSource),
        ("new/table-full", Sent::FullTable),
        ("attack/syn", Sent::Syns),
        ("attack/fragment", Sent::Fragments),
        ("attack/truncated", Sent::Truncated),
    ];

    /// An engine that masquerades, with ordinary flows and what belongs to the attack.
    pub(crate) fn engine(self) -> (Engine, DeviceId) {
        let full = matches!(self, Sent::FullTable | Sent::Syns);
        let max = if full { ORDINARY } else { 4 * MILLION };
        let (mut engine, lan) = must(engine(MASQUERADE, max as usize));
        for number in 0..ORDINARY {
            engine.receive(NOW, lan, Link::default(), Sent::Flows.packet(number));
            engine.poll_transmit();
        }
        for number in 0..ORDINARY {
            let bytes = match self {
                Sent::FlowsExpected => {
                    expect_much(&mut engine);
                    break;
                }
                Sent::FlowsBesideFragments | Sent::Fragments => Sent::Fragments.packet(number),
                Sent::OneSource => Sent::OneSource.packet(number),
                _ => break,
            };
            engine.receive(NOW, lan, Link::default(), bytes);
            engine.poll_transmit();
        }
        (engine, lan)
    }

    /// The packet of a number; below [`ORDINARY`] they are what the engine has seen already.
    pub(crate) fn packet(self, number: u32) -> Vec<u8> {
        match self {
            Sent::OneSource => Model::of("udp 10.0.1.5:1000 > 8.8.8.8:53 len 18").with(
                0x0a00_0009,
                7,
                0x0900_0000 | number & 0xff_ffff,
                53,
            ),
            Sent::Syns => {
                let bits = Seeded::new(u64::from(number)).next_u64();
                let syn = Model::of("tcp 10.0.1.5:1000 > 8.8.8.8:443 S seq 1");
                let source = 0x0a00_0000 | (bits >> 40) as u32 & 0x7f_ffff;
                syn.with(source | 1, bits as u16, 0x0800_0000 | number & 0xff_ffff, (bits >> 16) as u16)
            }
            Sent::Fragments => fragment(&Model::of("udp 10.0.1.5:1000 > 8.8.8.8:53 len 1000"), number),
            Sent::Truncated => {
                let mut bytes = Sent::Syns.packet(number);
                bytes.truncate(1 + number as usize % 39);
                // Of half of them the header says so, too, and its checksum is right.
                let length = u16::try_from(bytes.len()).unwrap_or(0);
                if number & 64 == 0 && length >= 20 {
                    bytes.splice(2..4, length.to_be_bytes());
                    bytes.splice(10..12, [0, 0]);
                    let sum =
                        packet::checksum::finish(packet::checksum::add(0, bytes.get(..20).unwrap_or(&[])));
                    bytes.splice(10..12, sum.to_be_bytes());
                }
                bytes
            }
            _ => {
                let (source, port, destination, _) = ends(number);
                let udp = Model::of("udp 10.0.1.5:1000 > 8.8.8.8:53 len 18");
                udp.with(source, port, destination, 53)
            }
        }
    }
}

/// Tuples that would all lie in a sixteenth of one part of an index whose key is 0, where the victim lies, too.
pub(crate) fn one_bucket() -> (Tuple, Vec<Tuple>) {
    // The part, and the highest bits of those that say the bucket.
    let place = |hash: u64| (hash >> 40 & 0xff, hash >> 28 & 0xf);
    let wanted = place(hash_with_key_0(ends(24), 6));
    let evil = (0..100_000_000_u32)
        .map(|number| (0xac10_0000 | number >> 10, number as u16, 0xc633_6407, 80))
        .filter(|ends| place(hash_with_key_0(*ends, 17)) == wanted)
        .take(4096)
        .map(|ends| tuple(17, ends))
        .collect();
    (tuple(6, ends(24)), evil)
}

/// Ten rules in every chain that a forwarded packet meets, the last of which lets it pass.
pub(crate) fn ten_rules() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (table, chains) in [
        ("raw", "PREROUTING"),
        ("mangle", "PREROUTING FORWARD POSTROUTING"),
        ("filter", "FORWARD"),
        ("security", "FORWARD"),
    ] {
        let _ = writeln!(text, "*{table}");
        for chain in chains.split(' ') {
            for rule in 0..9 {
                let _ =
                    writeln!(text, "-A {chain} -s 172.16.{rule}.0/24 -p tcp -m tcp --dport {rule} -j DROP");
            }
            let _ = writeln!(text, "-A {chain} -p tcp -j ACCEPT");
        }
        text.push_str("COMMIT\n");
    }
    text.push_str("*nat\n");
    for rule in 0..9 {
        let _ = writeln!(text, "-A POSTROUTING -s 172.16.{rule}.0/24 -j SNAT --to-source 203.0.113.9");
    }
    text.push_str("-A POSTROUTING -o wan0 -j MASQUERADE\nCOMMIT\n");
    text
}

/// A packet out of its line.
pub(crate) fn bytes(line: &str) -> Vec<u8> {
    packet::show::parse(line).map(|shown| shown.bytes).unwrap_or_default()
}

/// Segments of known, masqueraded flows: their names, what began them, what follows.
pub(crate) const KNOWN: [(&str, &str, &str); 2] = [
    (
        "known-flow-tcp",
        "tcp 10.0.1.5:40000 > 8.8.8.8:443 A seq 1 ack 1",
        "tcp 10.0.1.5:40000 > 8.8.8.8:443 A seq 1 ack 1 len 100",
    ),
    ("known-flow-udp", "udp 10.0.1.5:40000 > 8.8.8.8:53", "udp 10.0.1.5:40000 > 8.8.8.8:53 len 100"),
];

/// The first segment of a connection of its own for each number below 100,000.
pub(crate) fn new_connection(number: u32) -> Vec<u8> {
    let (a, b, port) = (number >> 16 & 15, number >> 8 & 255, 1024 + (number & 255));
    bytes(&format!("tcp 10.{a}.{b}.5:{port} > 8.{a}.{b}.8:443 S seq 1"))
}

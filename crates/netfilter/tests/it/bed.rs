//! A router with three devices for tests of the engine: lan0, dmz0 and wan0.
use netfilter::engine::{Config, Engine};
use netfilter::skb::Link;
use netfilter::time::Seeded;
use netfilter::{DeviceId, Instant, Now, conntrack, defrag, env};
use packet::{Family, InterfaceName};
use rules::syntax::restore;

/// The devices, addresses and routes of the router.
pub const NETWORK: &str = "\
device lan0
device dmz0
device wan0
address 10.0.1.1/24 dev lan0
address 10.0.2.1/24 dev dmz0
address 203.0.113.1/24 dev wan0
address fd00:1::1/64 dev lan0
address fd00:2::1/64 dev dmz0
address 2001:db8::1/64 dev wan0
route default via 203.0.113.254 dev wan0
route default via 2001:db8::fe dev wan0
sysctl net.ipv4.ip_forward=1
sysctl net.ipv6.conf.all.forwarding=1
";

/// An engine with rules.
pub fn engine(rules4: &str, rules6: &str) -> Engine {
    engine_on(NETWORK, rules4, rules6)
}

/// The same on another network.
pub fn engine_on(network: &str, rules4: &str, rules6: &str) -> Engine {
    let network = netfilter::route::text::parse(network).expect("the network of the tests");
    let mut engine = Engine::new(Config {
        settings: env::Settings::default(),
        conntrack: conntrack::Config::default(),
        defrag: defrag::Settings::default(),
        always_track: false,
        hash_key: [1, 2],
        network,
        random: Box::new(Seeded::new(1)),
    });
    for (family, text) in [(Family::V4, rules4), (Family::V6, rules6)] {
        match restore::load(text, family, None) {
            Ok(ruleset) => engine.set_ruleset(&ruleset),
            Err(faults) => panic!("{faults:?}"),
        }
    }
    engine
}

/// A moment, in seconds since the beginning.
pub fn at(seconds: u64) -> Now {
    let nanos = (3600 + seconds) * 1_000_000_000;
    Now { mono: Instant(nanos), wall: nanos }
}

/// A device by name.
pub fn device(engine: &Engine, name: &str) -> DeviceId {
    let name = InterfaceName::new(name).expect("a name");
    engine.network().device_named(name).expect("a device of the test bed")
}

/// The bytes and the device of a packet in the one-line form.
pub fn packet(engine: &Engine, line: &str) -> (DeviceId, Vec<u8>) {
    let shown = packet::show::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let name = shown.device.map_or("lo".to_owned(), |name| name.to_string());
    (device(engine, &name), shown.bytes)
}

/// Lets a packet come in.
pub fn receive(engine: &mut Engine, seconds: u64, line: &str) -> netfilter::engine::Decision {
    let (from, bytes) = packet(engine, line);
    engine.receive(at(seconds), from, Link::default(), bytes)
}

/// What came out of devices, in the one-line form.
pub fn sent(engine: &mut Engine) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(out) = engine.poll_transmit() {
        let name = engine.network().device(out.device).map(|device| device.name);
        lines.push(packet::show::print(name, &out.bytes));
    }
    lines
}

/// The packet counters that are not zero, `CHAIN NUMBER` (the policy: `CHAIN policy`) and how often, of one table of
/// IPv4. `rules4` is the text that the engine was made with.
pub fn counted(engine: &Engine, rules4: &str, table: rules::Table) -> Vec<(String, u64)> {
    let mut ruleset = restore::load(rules4, Family::V4, None).expect("rules that the engine has taken");
    engine.store_counters(&mut ruleset);
    let mut all = Vec::new();
    for (_, chain) in ruleset.table(table).expect("a table of the rules").chains() {
        let rules = chain.rules.iter().enumerate();
        let mut own: Vec<(String, u64)> =
            rules.map(|(at, rule)| (format!("{} {}", chain.name, at + 1), rule.counters.packets)).collect();
        own.push((format!("{} policy", chain.name), chain.counters.packets));
        all.extend(own.into_iter().filter(|(_, packets)| *packets != 0));
    }
    all
}

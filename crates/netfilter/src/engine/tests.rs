//! The engine as a whole, seen from inside: what holds between two calls, and changes while it runs.
use packet::{Family, InterfaceName};
use rules::syntax::restore;

use super::*;
use crate::skb::Link;
use crate::time::Seeded;
use crate::{conntrack, defrag};

mod changes;
mod parameters;
mod random;

const NETWORK: &str = "\
device lan0
device dmz0 mtu 1300
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

fn engine_of(conntrack: conntrack::Config, seed: u64) -> Engine {
    Engine::new(Config {
        settings: Settings::default(),
        conntrack,
        defrag: defrag::Settings {
            most_memory_v4: 100_000,
            most_memory_v6: 100_000,
            ..defrag::Settings::default()
        },
        always_track: false,
        hash_key: [seed, 7],
        network: crate::route::text::parse(NETWORK).unwrap(),
        random: Box::new(Seeded::new(seed)),
    })
}

fn at(seconds: u64) -> Now {
    let nanos = (3600 + seconds) * 1_000_000_000;
    Now { mono: Instant(nanos), wall: nanos }
}

fn device(engine: &Engine, name: &str) -> DeviceId {
    engine.network().device_named(InterfaceName::new(name).unwrap()).unwrap()
}

/// An engine with rules of IPv4.
fn engine(rules: &str) -> Engine {
    let mut engine = engine_of(conntrack::Config::default(), 1);
    set(&mut engine, rules);
    engine
}

fn set(engine: &mut Engine, rules: &str) {
    engine.set_ruleset(&restore::load(rules, Family::V4, None).unwrap());
}

/// Lets a packet in the one-line form come in; what was sent, in the same form.
fn receive(engine: &mut Engine, line: &str) -> Vec<String> {
    let shown = packet::show::parse(line).unwrap();
    let from = device(engine, shown.device.unwrap().as_str());
    engine.receive(at(0), from, Link::default(), shown.bytes);
    engine.conntrack.assert_consistent();
    let mut lines = Vec::new();
    while let Some(out) = engine.poll_transmit() {
        let name = engine.network.device(out.device).map(|device| device.name);
        lines.push(packet::show::print(name, &out.bytes));
    }
    lines
}

/// How often each rule of a chain was met, and its policy.
fn counted(engine: &Engine, rules: &str, table: Table, chain: &str) -> Vec<u64> {
    let mut ruleset = restore::load(rules, Family::V4, None).unwrap();
    engine.store_counters(&mut ruleset);
    let (_, chain) = ruleset
        .table(table)
        .unwrap()
        .chains()
        .into_iter()
        .find(|(_, own)| own.name.as_str() == chain)
        .unwrap();
    chain.rules.iter().map(|rule| rule.counters.packets).chain([chain.counters.packets]).collect()
}

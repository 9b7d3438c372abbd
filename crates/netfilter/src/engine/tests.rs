//! The engine as a whole, seen from inside: what holds between two calls, and changes while it runs.
use packet::{Family, InterfaceName};
use rules::syntax::restore;

use super::*;
use crate::skb::Link;
use crate::time::Seeded;
use crate::{conntrack, defrag};

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
        defrag: defrag::Settings { most_memory: 100_000, ..defrag::Settings::default() },
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

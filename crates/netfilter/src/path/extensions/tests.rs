//! What `fixtures/kernel/extensions-delivered.case` cannot ask, and that nothing makes the walk over headers panic.
use packet::InterfaceName;

use super::*;
use crate::engine::Config;
use crate::time::Seeded;

const NETWORK: &str = "device lan0\naddress fd00:1::1/64 dev lan0\nsysctl net.ipv6.conf.all.forwarding=1\n";

fn engine(more: &str) -> Engine {
    Engine::new(Config {
        settings: Default::default(),
        conntrack: Default::default(),
        defrag: Default::default(),
        always_track: true,
        hash_key: [1, 2],
        network: crate::route::text::parse(&format!("{NETWORK}{more}")).unwrap(),
        random: Box::new(Seeded::new(1)),
    })
}

/// A packet to this machine whose first header is behind the fixed one.
fn receive(engine: &mut Engine, next: u8, behind: &[u8]) -> Decision {
    let mut bytes = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    bytes[5] = u8::try_from(behind.len()).unwrap();
    for address in ["fd00:1::5", "fd00:1::1"] {
        bytes.extend(address.parse::<Ipv6Addr>().unwrap().octets());
    }
    bytes.extend(behind);
    let device = engine.network().device_named(InterfaceName::new("lan0").unwrap()).unwrap();
    engine.receive(Now::default(), device, Link::default(), bytes)
}

fn segments(left: u8, flags: u8) -> Vec<u8> {
    let mut header = vec![59, 4, 4, left, 1, flags, 0, 0];
    for address in ["fd00:1::1", "fd00:1::1"] {
        header.extend(address.parse::<Ipv6Addr>().unwrap().octets());
    }
    header
}

#[test]
fn what_has_keys_is_undecided() {
    let on = "sysctl net.ipv6.conf.all.seg6_enabled=1\nsysctl net.ipv6.conf.lan0.seg6_enabled=1\n";
    let undecided = |decision| matches!(decision, Decision::Dropped(Drop::Route(Unroutable::Undecided(_))));
    assert!(undecided(receive(&mut engine(on), 43, &segments(1, 8))));
    assert_eq!(receive(&mut engine(on), 43, &segments(1, 0)), Decision::Delivered);
    assert_eq!(receive(&mut engine(""), 43, &segments(1, 8)), Decision::Dropped(Drop::Options));
    let required = format!("{on}sysctl net.ipv6.conf.lan0.seg6_require_hmac=1\n");
    assert_eq!(receive(&mut engine(&required), 43, &segments(1, 0)), Decision::Dropped(Drop::Options));
    assert!(undecided(receive(&mut engine(&required), 43, &segments(1, 8))));
    let unasked = format!("{on}sysctl net.ipv6.conf.lan0.seg6_require_hmac=-1\n");
    assert_eq!(receive(&mut engine(&unasked), 43, &segments(1, 8)), Decision::Delivered);
    let rpl = "sysctl net.ipv6.conf.all.rpl_seg_enabled=1\nsysctl net.ipv6.conf.lan0.rpl_seg_enabled=1\n";
    let header = [59, 0, 3, 1, 0, 0, 0, 0];
    assert!(undecided(receive(&mut engine(rpl), 43, &header)));
    assert_eq!(receive(&mut engine(""), 43, &header), Decision::Dropped(Drop::Options));
}

proptest::proptest! {
    #[test]
    fn no_headers_make_it_panic(
        next in proptest::sample::select(vec![0_u8, 41, 43, 44, 60, 4]),
        behind in proptest::collection::vec(proptest::sample::select(vec![0_u8, 1, 2, 4, 5, 43, 44, 59, 60, 255]), 0..80),
    ) {
        let on = "sysctl net.ipv6.conf.all.seg6_enabled=1\nsysctl net.ipv6.conf.lan0.seg6_enabled=1\n";
        let _ = receive(&mut engine(on), next, &behind);
    }
}

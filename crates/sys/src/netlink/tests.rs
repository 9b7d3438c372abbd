use std::net::IpAddr;

use super::message::{Message, Reader, error_number};
use super::{Family, Prefix, Route, RouteSpec, RuleSpec, TABLE_LOCAL, TABLE_MAIN, masked};
use crate::namespace::NetworkNamespace;
use crate::tun::{Layer, Tun};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_message_is_header_body_and_padded_attributes() {
    let mut message = Message::new(24, 0x400);
    message.bytes(&[1, 2, 3, 4]).attribute(7, &[9]).string(3, "lo");
    let bytes = message.finish(5);
    let mut expected = Vec::new();
    expected.extend_from_slice(&36_u32.to_ne_bytes());
    expected.extend_from_slice(&24_u16.to_ne_bytes());
    expected.extend_from_slice(&0x405_u16.to_ne_bytes());
    expected.extend_from_slice(&5_u32.to_ne_bytes());
    expected.extend_from_slice(&[0; 4]);
    expected.extend_from_slice(&[1, 2, 3, 4]);
    expected.extend_from_slice(&5_u16.to_ne_bytes());
    expected.extend_from_slice(&7_u16.to_ne_bytes());
    expected.extend_from_slice(&[9, 0, 0, 0]);
    expected.extend_from_slice(&7_u16.to_ne_bytes());
    expected.extend_from_slice(&3_u16.to_ne_bytes());
    expected.extend_from_slice(b"lo\0\0");
    assert_eq!(bytes, expected);
    let read: Vec<_> = Reader::new(&bytes).collect();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].kind, read[0].sequence, read[0].body.len()), (24, 5, 20));
}

#[test]
fn a_reader_ends_where_a_message_is_cut_short_or_lies_about_its_length() {
    let bytes = Message::new(24, 0).finish(1);
    for length in 0..bytes.len() {
        assert_eq!(Reader::new(&bytes[..length]).count(), 0, "{length} bytes");
    }
    let mut short = bytes.clone();
    short[..4].copy_from_slice(&3_u32.to_ne_bytes());
    assert_eq!(Reader::new(&short).count(), 0);
    let twice = [bytes.clone(), bytes].concat();
    assert_eq!(Reader::new(&twice).count(), 2);
}

#[test]
fn error_numbers_are_positive() {
    assert_eq!(error_number(&(-17_i32).to_ne_bytes()), 17);
    assert_eq!(error_number(&0_i32.to_ne_bytes()), 0);
    assert_eq!(error_number(&i32::MIN.to_ne_bytes()), i32::MAX);
    assert_eq!(error_number(&[1]), libc::EPROTO);
}

#[test]
fn host_bits_are_cut_off() {
    assert_eq!(masked(Prefix { address: ip("10.1.2.3"), length: 8 }), ip("10.0.0.0"));
    assert_eq!(masked(Prefix { address: ip("10.1.2.3"), length: 0 }), ip("0.0.0.0"));
    assert_eq!(masked(Prefix::host(ip("10.1.2.3"))), ip("10.1.2.3"));
    assert_eq!(masked(Prefix { address: ip("fd00:1::9"), length: 64 }), ip("fd00:1::"));
    assert_eq!(masked(Prefix { address: ip("fd00:1::9"), length: 0 }), ip("::"));
}

/// Runs in a thread and a network namespace of its own; says why if there is none.
fn in_namespace(test: fn()) {
    std::thread::spawn(move || {
        if !crate::namespace::is_administrator() {
            println!("skipped: network namespaces need CAP_SYS_ADMIN here");
            return;
        }
        let _namespace = NetworkNamespace::create().unwrap();
        test();
    })
    .join()
    .unwrap();
}

#[test]
fn the_kernel_takes_links_addresses_routes_and_rules_of_both_families() {
    in_namespace(|| {
        let tun = Tun::open("eth0", Layer::Ip).unwrap();
        assert_eq!(Tun::open("eth0", Layer::Ip).unwrap_err().raw_os_error(), Some(libc::EBUSY));
        let mut route = Route::open().unwrap();
        let lo = route.link_index("lo").unwrap();
        let eth0 = route.link_index("eth0").unwrap();
        assert_eq!(lo, 1);
        assert_ne!(eth0, lo);
        assert_eq!(route.link_index("eth1").unwrap_err().raw_os_error(), Some(libc::ENODEV));
        route.link_up(lo, None).unwrap();
        route.link_up(eth0, Some(1400)).unwrap();
        assert_eq!(std::fs::read_to_string("/proc/thread-self/net/dev").unwrap().matches("eth0").count(), 1);
        let v4 = Prefix { address: ip("192.0.2.1"), length: 24 };
        let v6 = Prefix { address: ip("fd00::1"), length: 64 };
        route.address_add(eth0, v4).unwrap();
        route.address_add(eth0, v6).unwrap();
        assert_eq!(route.address_add(eth0, v4).unwrap_err().raw_os_error(), Some(libc::EEXIST));
        for (family, own, zero) in
            [(Family::V4, v4.address, ip("0.0.0.0")), (Family::V6, v6.address, ip("::"))]
        {
            let add = |route: &mut Route, destination, source| {
                route.route_add(&RouteSpec {
                    destination,
                    via: None,
                    device: Some(eth0),
                    next_hop: None,
                    source,
                    table: 100,
                })
            };
            add(&mut route, Prefix { address: zero, length: 0 }, None).unwrap();
            add(&mut route, Prefix::host(own), Some(own)).unwrap();
            let rule = RuleSpec { priority: 20, mark: None, input: Some("lo"), table: 100 };
            route.rule_add(family, &rule).unwrap();
            let marked = RuleSpec { priority: 5, mark: Some(7), input: None, table: TABLE_LOCAL };
            route.rule_add(family, &marked).unwrap();
            assert_eq!(route.rule_add(family, &marked).unwrap_err().raw_os_error(), Some(libc::EEXIST));
            route.rule_delete(family, 5, TABLE_LOCAL).unwrap();
            assert_eq!(
                route.rule_delete(family, 5, TABLE_LOCAL).unwrap_err().raw_os_error(),
                Some(libc::ENOENT)
            );
        }
        let gateway = RouteSpec {
            destination: Prefix { address: ip("198.51.100.0"), length: 24 },
            via: Some(ip("192.0.2.254")),
            device: None,
            next_hop: None,
            source: None,
            table: TABLE_MAIN,
        };
        route.route_add(&gateway).unwrap();
        let table = std::fs::read_to_string("/proc/thread-self/net/route").unwrap();
        assert!(table.contains("FE0200C0"), "gateway 192.0.2.254 in {table}");
        drop(tun);
    });
}

#[test]
fn a_route_through_a_next_hop_keeps_a_source_that_its_device_does_not_have() {
    // What the recipe for IPv6 loopback rests on: see `oxitables::host`.
    in_namespace(|| {
        let _tun = Tun::open("eth0", Layer::Ip).unwrap();
        let mut route = Route::open().unwrap();
        let (lo, eth0) = (route.link_index("lo").unwrap(), route.link_index("eth0").unwrap());
        route.link_up(lo, None).unwrap();
        route.link_up(eth0, None).unwrap();
        let loopback = ip("::1");
        let mut spec = RouteSpec {
            destination: Prefix::host(loopback),
            via: None,
            device: Some(eth0),
            next_hop: None,
            source: Some(loopback),
            table: 100,
        };
        assert_eq!(route.route_add(&spec).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        route.next_hop_set(Family::V6, 1, lo).unwrap();
        spec.device = None;
        spec.next_hop = Some(1);
        route.route_add(&spec).unwrap();
        route.next_hop_set(Family::V6, 1, eth0).unwrap();
        let table = std::fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap();
        let line = table.lines().find(|line| line.ends_with("eth0") && line.starts_with("0000000000000000"));
        assert!(line.is_some_and(|line| line.starts_with("00000000000000000000000000000001 80")), "{table}");
    });
}

//! Addresses under masks.
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_prefix_covers_its_addresses() {
    let net = AddrMask::prefix(ip("10.0.1.77"), 24).unwrap();
    assert_eq!(net.address(), ip("10.0.1.0"));
    assert_eq!(net.mask(), ip("255.255.255.0"));
    assert_eq!(net.prefix_length(), Some(24));
    assert!(net.contains(ip("10.0.1.255")) && !net.contains(ip("10.0.2.0")));
    assert!(!net.contains(ip("fd00::1")));
    assert_eq!(AddrMask::prefix(ip("10.0.0.0"), 33), None);
    assert_eq!(AddrMask::prefix(ip("::"), 129), None);
}

#[test]
fn the_empty_prefix_covers_all_and_the_full_one_covers_one() {
    assert!(AddrMask::prefix(ip("1.2.3.4"), 0).unwrap().contains(ip("255.255.255.255")));
    assert!(AddrMask::prefix(ip("::1"), 0).unwrap().contains(ip("ffff::")));
    let host = AddrMask::host(ip("::1"));
    assert_eq!(host, AddrMask::prefix(ip("::1"), 128).unwrap());
    assert!(host.contains(ip("::1")) && !host.contains(ip("::2")));
}

#[test]
fn a_mask_may_have_holes() {
    let net = AddrMask::new(ip("10.9.9.1"), ip("255.0.0.255")).unwrap();
    assert_eq!(net.address(), ip("10.0.0.1"));
    assert_eq!(net.prefix_length(), None);
    assert!(net.contains(ip("10.200.3.1")) && !net.contains(ip("10.0.0.2")));
    assert_eq!(AddrMask::new(ip("10.0.0.0"), ip("ffff::")), None);
}

proptest! {
    #[test]
    fn contains_is_the_masked_comparison(address: u32, mask: u32, candidate: u32) {
        let net = AddrMask::new(IpAddr::V4(address.into()), IpAddr::V4(mask.into())).unwrap();
        prop_assert_eq!(net.contains(IpAddr::V4(candidate.into())), address & mask == candidate & mask);
        prop_assert!(net.contains(IpAddr::V4(address.into())));
    }

    #[test]
    fn a_prefix_length_is_read_back(address: u128, length in 0_u8..=128) {
        let net = AddrMask::prefix(IpAddr::V6(address.into()), length).unwrap();
        prop_assert_eq!(net.prefix_length(), Some(length));
        prop_assert!(net.contains(IpAddr::V6(address.into())));
    }
}

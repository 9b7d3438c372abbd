//! F53: the address out of a range.
use std::net::IpAddr;

use packet::rewrite::End;

use super::super::hash;
use crate::conntrack::Tuple;

#[test]
fn hash_of_words() {
    // lookup3.c: the hash of nothing is deadbeef plus the initial value.
    assert_eq!(hash::hash_words(&[], 0), 0xdead_beef);
    assert_eq!(hash::hash_words(&[], 0xdead_beef), 0xbd5b_7dde);
    assert_ne!(hash::hash_words(&[1], 0), hash::hash_words(&[1, 0], 0), "the length counts");
}

#[test]
fn f53_addresses_out_of_a_range_as_measured() {
    let text = include_str!("../../../../../fixtures/nat/address-range.txt");
    let mut compared = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [rule, packet, expected] = *parts.as_slice() else { panic!("{line}") };
        let rule: Vec<&str> = rule.split(' ').collect();
        let persistent = rule[1] == "persistent";
        let (first, last): (IpAddr, IpAddr) =
            (rule[rule.len() - 2].parse().unwrap(), rule[rule.len() - 1].parse().unwrap());
        let (source, destination) = packet.split_once(' ').unwrap();
        let tuple = Tuple {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            protocol: 17,
            source_id: 1000,
            destination_id: 53,
        };
        let end = if rule[0] == "snat" { End::Source } else { End::Destination };
        // F48: a source that lies in the range stays.
        let stays = end == End::Source && first <= tuple.source && tuple.source <= last;
        let chosen = if stays { tuple.source } else { hash::choose(&tuple, end, first, last, persistent, 0) };
        assert_eq!(chosen, expected.parse::<IpAddr>().unwrap(), "{line}");
        compared += 1;
    }
    assert_eq!(compared, 120);
}

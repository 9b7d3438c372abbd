//! The kernel's buckets: what `ipset list` of 6.18 shows in their order, and what becomes of their places.
use packet::InterfaceName;

use super::*;
use crate::set::element::Device;

fn address(text: &str) -> Element {
    Element::Address(text.parse().unwrap())
}

fn members(buckets: &Buckets, number: u32) -> Option<Vec<Option<usize>>> {
    buckets.places(number).map(Iterator::collect)
}

/// The order of `ipset create a hash:ip initval 0x5 bucketsize 4 hashsize 64` with these eight.
#[test]
fn members_stand_where_the_kernels_do() {
    let buckets = Buckets::new(64, 5);
    let mut order: Vec<u32> = (1..=8).collect();
    order.sort_by_key(|last| buckets.of(&address(&format!("10.0.0.{last}"))));
    assert_eq!(order, [6, 4, 1, 3, 8, 5, 2, 7]);
}

#[test]
fn a_device_is_no_part_of_the_key() {
    let buckets = Buckets::new(1 << 20, 7);
    let net = Prefix::new("10.0.0.0".parse().unwrap(), 24);
    let own = |physical, name: &str| {
        buckets.of(&Element::NetInterface(net, physical, Device(InterfaceName::new(name).unwrap())))
    };
    assert_eq!(own(false, "lan0"), own(false, "wan0"));
    assert_ne!(own(false, "lan0"), own(true, "lan0"));
}

#[test]
fn what_is_deleted_leaves_one_hole_at_most() {
    let mut buckets = Buckets::new(64, 0);
    for member in 0..5 {
        buckets.push(9, member, u64::MAX);
    }
    assert_eq!((buckets.size(9), buckets.memory().heads, buckets.memory().places), (6, 3, 6));
    buckets.delete(9, 1);
    assert_eq!(members(&buckets, 9).unwrap(), [Some(0), None, Some(2), Some(3), Some(4)]);
    // The last one is no hole; a second hole is filled up with the first.
    buckets.delete(9, 4);
    assert_eq!(members(&buckets, 9).unwrap(), [Some(0), None, Some(2), Some(3)]);
    buckets.delete(9, 0);
    assert_eq!(members(&buckets, 9).unwrap(), [Some(2), Some(3)]);
    assert_eq!((buckets.size(9), buckets.members_around(9)), (4, 2));
    buckets.delete(9, 0);
    buckets.delete(9, 1);
    assert_eq!(members(&buckets, 9), None);
    assert_eq!(buckets.memory().places, 0);
}

#[test]
fn the_collector_leaves_one_hole() {
    let mut buckets = Buckets::new(64, 0);
    for member in 0..3 {
        buckets.push(9, member, 5);
    }
    assert_eq!((buckets.soonest(), buckets.soonest_around(9)), (5, 5));
    buckets.empty(9, 2);
    buckets.tidy(9);
    assert_eq!(members(&buckets, 9).unwrap(), [Some(0), Some(1), None]);
    buckets.fill(9, 2, 7, 3);
    assert_eq!((members(&buckets, 9).unwrap().pop(), buckets.soonest()), (Some(Some(7)), 3));
    buckets.renumber(&address("10.0.0.1"), 7, 8);
    for place in 0..2 {
        buckets.empty(9, place);
    }
    buckets.tidy(9);
    assert_eq!((members(&buckets, 9).unwrap(), buckets.size(9)), (vec![Some(7)], 2));
    buckets.empty(9, 0);
    buckets.tidy(9);
    assert_eq!((members(&buckets, 9).unwrap(), buckets.members_around(9)), (vec![None], 0));
}

/// Measured: of four parts the first comes at 5.1 s, and the second at 7.2 s.
#[test]
fn the_first_region_has_two_turns() {
    let mut buckets = Buckets::new(4096, 0);
    let turns: Vec<u32> = (0..11).map(|_| buckets.take_turn() >> REGION_BITS).collect();
    assert_eq!(turns, [0, 1, 2, 3, 0, 0, 1, 2, 3, 0, 0]);
    for skipped in 0..12 {
        let (mut one, mut other) = (buckets.clone(), buckets.clone());
        one.skip_turns(skipped);
        for _ in 0..skipped {
            other.take_turn();
        }
        assert_eq!(one.take_turn(), other.take_turn(), "{skipped}");
    }
    let mut one = Buckets::new(1024, 0);
    assert_eq!([one.take_turn(), one.take_turn(), one.take_turn()], [0; 3]);
    assert_eq!(
        (one.around(700), buckets.around(3_000), Buckets::new(64, 0).around(3)),
        (0..1024, 2048..3072, 0..64)
    );
}

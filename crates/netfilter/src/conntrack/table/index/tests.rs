use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{FULLEST, Index, PARTS, WAYS, part};

fn hash(entry: u32) -> u64 {
    // The multiplication of SplitMix64, twice: all bits of it are used.
    let mixed = u64::from(entry).wrapping_add(1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 31).wrapping_mul(0x94d0_49bb_1331_11eb)
}

impl Index {
    /// How many buckets behind its own each entry lies, how often; checks the invariants on the way.
    fn distances(&self) -> Vec<usize> {
        let mut counts = vec![0; 128];
        for part in self.parts.iter() {
            assert!(part.len * 16 <= part.buckets() * WAYS * FULLEST, "{} entries", part.len);
            let mut len = 0;
            for at in 0..part.buckets() {
                let marks = part.marks[at];
                let bytes = marks.0.to_le_bytes();
                assert!(bytes[marks.len()..].iter().all(|&mark| mark == 0), "a gap: {marks:?}");
                assert!(bytes[..marks.len()].iter().all(|&mark| mark != 0), "a gap: {marks:?}");
                assert_eq!(marks.len() == WAYS, marks.is_full());
                len += marks.len();
                for (tag, _) in part.bucket(at) {
                    let mut between = part.home(tag);
                    counts[part.distance(between, at)] += 1;
                    while between != at {
                        assert!(part.marks[between].is_full(), "nobody finds what is in {at}");
                        between = part.next(between);
                    }
                }
            }
            assert_eq!(len, part.len);
        }
        counts
    }
}

#[test]
fn what_is_put_in_is_found_until_it_is_removed() {
    let mut index = Index::default();
    for entry in 0..100_000 {
        index.insert(hash(entry), entry);
    }
    assert_eq!((index.len(), index.iter().count()), (100_000, 100_000));
    for entry in 0..100_000 {
        assert_eq!(index.find(hash(entry), |other| other == entry), Some(entry));
        if entry % 2 == 0 {
            index.remove(hash(entry), entry);
            index.remove(hash(entry), entry);
        }
    }
    assert_eq!(index.len(), 50_000);
    index.distances();
    assert!(index.find(hash(2), |other| other == 2).is_none());
    *index.find_mut(hash(3), |other| other == 3).unwrap() = 5;
    assert_eq!(index.find(hash(3), |_| true), Some(5));
}

/// However large the table: nine of ten entries lie in the bucket that their hash says, nearly all others in the next.
#[test]
fn most_are_in_their_own_bucket_at_any_size() {
    let mut index = Index::default();
    let mut entry = 0_u32;
    for most in [1_000, 10_000, 100_000, 400_000, 430_000, 460_000, 490_000, 520_000] {
        while entry < most {
            index.insert(hash(entry), entry);
            entry += 1;
        }
        let counts = index.distances();
        let all = entry as usize;
        assert!(counts[0] * 10 >= all * 9, "{entry}: {counts:?}");
        assert!((counts[0] + counts[1]) * 100 >= all * 96, "{entry}: {counts:?}");
        // At least three fifths are in use where there is more than a bucket or two.
        let places: usize = index.parts.iter().map(|part| part.buckets() * WAYS).sum();
        assert!(entry < 100_000 || all * 5 >= places * 3, "{entry} of {places}");
    }
}

/// What is not there reads the marks of one bucket, sometimes of two, and looks at an entry once in thirty times.
#[test]
fn what_is_not_there_looks_at_hardly_anything_but_marks() {
    let mut index = Index::default();
    let mut entry = 0_u32;
    for most in [100_000, 400_000, 430_000, 460_000, 490_000, 520_000] {
        while entry < most {
            index.insert(hash(entry), entry);
            entry += 1;
        }
        let (mut looked, mut buckets) = (0, 0);
        for other in 0x8000_0000_u32..0x8000_0000 + 100_000 {
            let found = index.find(hash(other), |_| {
                looked += 1;
                false
            });
            assert_eq!(found, None);
            let part = &index.parts[part(hash(other))];
            let mut at = part.home(super::tag(hash(other)));
            buckets += 1;
            while part.marks[at].is_full() {
                at = part.next(at);
                buckets += 1;
            }
        }
        println!("{most}: {looked} entries and {buckets} buckets for 100,000");
        assert!(looked < 3_600 && buckets < 145_000, "{most}: {looked} entries, {buckets} buckets");
        assert!(looked > 1_000 && buckets > 105_000, "{most}: it was counted");
    }
}

#[test]
fn one_part_of_many_grows_at_once() {
    let mut index = Index::default();
    for entry in 0..100_000 {
        index.insert(hash(entry), entry);
    }
    let fullest = index.parts.iter().map(|part| part.len).max().unwrap();
    assert!(fullest < 100_000 / PARTS * 2, "{fullest}");
    index.reserve(400_000);
    index.distances();
    let before: Vec<_> = index.parts.iter().map(|part| part.buckets()).collect();
    for entry in 100_000..400_000 {
        index.insert(hash(entry), entry);
    }
    assert_eq!(before, index.parts.iter().map(|part| part.buckets()).collect::<Vec<_>>(), "no growth");
    assert_eq!(index.len(), 400_000);
}

/// Entries of one hash are found in the order in which they came, and all of them.
#[test]
fn the_first_of_equal_hashes_is_found_first() {
    let mut index = Index::default();
    for entry in 0..100 {
        index.insert(7, entry);
    }
    for entry in 0..100 {
        assert_eq!(index.find(7, |other| other >= entry), Some(entry));
    }
    index.distances();
}

proptest! {
    /// Against a list, with few hashes, so that buckets overflow, also from the last to the first.
    #[test]
    fn equals_a_list(steps in proptest::collection::vec((any::<bool>(), 0u64..6, any::<prop::sample::Index>()), 1..300)) {
        let mut index = Index::default();
        let mut list: BTreeMap<u32, u64> = BTreeMap::new();
        for ((removes, kind, which), entry) in steps.into_iter().zip(0_u32..) {
            if removes && kind < 3 && !list.is_empty() {
                let (&entry, &hash) = list.iter().nth(which.index(list.len())).unwrap();
                list.remove(&entry);
                index.remove(hash, entry);
                prop_assert_eq!(index.find(hash, |other| other == entry), None);
            } else {
                let hash = [0, 1 << 31, 3 << 30, u64::from(u32::MAX), 0xffff_0000, 0][kind as usize];
                prop_assert_eq!(part(hash), 0);
                list.insert(entry, hash);
                index.insert(hash, entry);
            }
            if entry % 16 != 0 {
                continue;
            }
            index.distances();
            prop_assert_eq!(index.len(), list.len());
            for (&entry, &hash) in &list {
                prop_assert_eq!(index.find(hash, |other| other == entry), Some(entry));
            }
        }
        index.distances();
    }
}

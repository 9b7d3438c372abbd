use proptest::prelude::*;

use super::{TICK_BITS, Wheel};
use crate::time::Instant;

const TICK: u64 = 1 << TICK_BITS;

#[test]
fn fires_in_time_and_once() {
    let mut wheel = Wheel::default();
    let deadlines = [0, 1, 60, 64, 65, 4095, 4096, 70_000, 6_000_000, 500_000_000];
    for (thing, &tick) in deadlines.iter().enumerate() {
        wheel.arm(thing as u32, Instant(tick * TICK));
    }
    for (thing, &tick) in deadlines.iter().enumerate() {
        let tick = tick.max(1);
        while let Some(next) = wheel.next().filter(|next| next.0 < tick * TICK) {
            assert_eq!(wheel.fire(next), None, "nothing is due before {tick}");
        }
        assert_eq!(wheel.fire(Instant(tick * TICK - 1)).filter(|_| thing > 1), None);
        if thing > 1 {
            assert_eq!(wheel.fire(Instant(tick * TICK)), Some(thing as u32));
        } else if thing == 1 {
            let mut both = [wheel.fire(Instant(TICK)), wheel.fire(Instant(TICK))];
            both.sort();
            assert_eq!(both, [Some(0), Some(1)]);
        }
    }
    assert_eq!(wheel.armed(), 0);
    assert_eq!(wheel.next(), None);
}

proptest! {
    /// Against a plain list of deadlines: nothing fires early, and after `fire` said that nothing is due nothing is
    /// late.
    #[test]
    fn equals_a_list(steps in proptest::collection::vec((0u8..4, 0u32..40, 0u64..2_000_000_000_000), 1..200)) {
        let mut wheel = Wheel::default();
        let mut list = std::collections::BTreeMap::new();
        let mut now = 0_u64;
        for (kind, thing, amount) in steps {
            match kind {
                0 | 1 => {
                    let deadline = now + amount;
                    wheel.arm(thing, Instant(deadline));
                    list.insert(thing, deadline);
                }
                2 => {
                    wheel.disarm(thing);
                    list.remove(&thing);
                }
                _ => {
                    now += amount;
                    while let Some(thing) = wheel.fire(Instant(now)) {
                        let deadline = list.remove(&thing);
                        prop_assert!(deadline.is_some_and(|deadline| deadline <= now));
                    }
                    for deadline in list.values() {
                        prop_assert!(*deadline + 2 * TICK > now);
                    }
                    prop_assert_eq!(wheel.armed(), list.len());
                    if let (Some(next), Some(first)) = (wheel.next(), list.values().min()) {
                        prop_assert!(next.0 <= first + 2 * TICK);
                    }
                }
            }
        }
    }
}

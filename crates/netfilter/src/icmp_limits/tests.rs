use std::time::Duration;

use super::*;
use crate::time::Seeded;

/// Takes always as much.
struct Always(u32);

impl Random for Always {
    fn bits(&mut self) -> u32 {
        0
    }

    fn icmp_credits(&mut self) -> u32 {
        self.0
    }
}

fn at(jiffies: u64) -> Instant {
    Instant(0) + Duration::from_millis(4 * jiffies)
}

fn asking(limits: &IcmpLimits, family: Family, message: (u8, u8), now: Instant) -> Asking<'_> {
    Asking { limits, family, message, now }
}

fn out() -> Route {
    let way = Way::Out { device: DeviceId(1), next_hop: IpAddr::from([10, 0, 1, 5]), gateway: false };
    Route::by(way, 1500)
}

/// How many of so many messages, each to another machine, are sent at a time.
fn sent(limits: &IcmpLimits, peers: &mut Peers, random: &mut dyn Random, jiffies: u64) -> usize {
    let one = |number: u32| {
        let asking = asking(limits, Family::V4, (11, 0), at(jiffies));
        let machine = IpAddr::V4(number.into());
        asking.begin(None, peers) == Ok(true) && asking.may_tell((machine, out()), peers, random).is_ok()
    };
    let first = jiffies as u32 * 1000;
    (first..first + 200).map(one).filter(|sent| *sent).count()
}

#[test]
fn the_bucket_of_all_gives_between_half_of_its_burst_and_what_chance_wants() {
    let limits = IcmpLimits::default();
    let burst = |taken| sent(&limits, &mut Peers::default(), &mut Always(taken), 0);
    assert_eq!([burst(2), burst(1), burst(0)], [25, 50, 200]);
    let by_chance = burst_by_chance(&limits);
    assert!((35..=75).contains(&by_chance), "{by_chance}");
}

fn burst_by_chance(limits: &IcmpLimits) -> usize {
    sent(limits, &mut Peers::default(), &mut Seeded::new(7), 0)
}

#[test]
fn what_is_empty_is_filled_after_a_fiftieth_of_a_second() {
    let limits = IcmpLimits::default();
    let (mut peers, mut one) = (Peers::default(), Always(1));
    let mut send = |jiffies| sent(&limits, &mut peers, &mut one, jiffies);
    // 1000 in a second are 4 in a jiffy; never more than 50 are saved up.
    assert_eq!([send(0), send(4), send(5), send(9), send(16), send(1000)], [50, 0, 20, 0, 44, 50]);
}

#[test]
fn a_burst_of_none_lets_one_through_each_time() {
    let limits = IcmpLimits { burst: 0, ..IcmpLimits::default() };
    for taken in 0..=2 {
        let mut peers = Peers::default();
        let mut send = |jiffies| sent(&limits, &mut peers, &mut Always(taken), jiffies);
        // Nothing is left, so each message would fill it again, and may not for 5 jiffies.
        assert_eq!([send(0), send(4), send(5), send(9), send(10)], [1, 0, 1, 0, 1], "{taken}");
    }
    // So slow that a fiftieth of a second adds nothing: 49 a second are one in 6 jiffies.
    let slow = IcmpLimits { per_second: 49, ..limits };
    let mut peers = Peers::default();
    let mut send = |jiffies| sent(&slow, &mut peers, &mut Always(1), jiffies);
    assert_eq!([send(0), send(5), send(6), send(11), send(12)], [1, 0, 1, 0, 1]);
    let never = IcmpLimits { per_second: 0, ..limits };
    assert_eq!(sent(&never, &mut Peers::default(), &mut Always(0), 500), 0);
}

#[test]
fn types_that_are_limited() {
    let usual = IcmpLimits::default();
    let all = IcmpLimits { types_v4: u32::MAX, types_v6: [u128::MAX; 2], ..usual };
    let limited = |limits: &IcmpLimits, family, kind, code| {
        asking(limits, family, (kind, code), at(0)).begin(None, &mut Peers::default()) == Ok(true)
    };
    let v4 = |limits: &IcmpLimits| -> Vec<u8> {
        (0..=255).filter(|&kind| limited(limits, Family::V4, kind, 0)).collect()
    };
    assert_eq!(v4(&usual), [3, 4, 11, 12]);
    assert_eq!(v4(&all), (0..=18).collect::<Vec<_>>());
    assert!(!limited(&all, Family::V4, 3, 4) && limited(&all, Family::V4, 3, 5), "fragmentation needed");
    let v6: Vec<u8> = (0..=255).filter(|&kind| limited(&usual, Family::V6, kind, 0)).collect();
    assert_eq!(v6, (0..128).filter(|&kind| kind != 2).collect::<Vec<_>>());
    assert!(limited(&all, Family::V6, 2, 0) && limited(&all, Family::V6, 129, 0));
    let about_loopback = asking(&all, Family::V4, (3, 3), at(0));
    assert_eq!(about_loopback.begin(Some(DeviceId::LOOPBACK), &mut Peers::default()), Ok(false));
}

#[test]
fn what_leaves_by_loopback_has_only_the_limit_of_all() {
    let limits = IcmpLimits { interval_v4: 1_000_000, ..IcmpLimits::default() };
    let (mut peers, mut random) = (Peers::default(), Always(0));
    let mut tell = |route| {
        let asking = asking(&limits, Family::V4, (3, 3), at(0));
        asking.may_tell((IpAddr::from([10, 0, 1, 5]), route), &mut peers, &mut random)
    };
    assert_eq!(tell(Route::by(Way::Local, 65536)), Ok(()));
    assert_eq!(tell(out()), Err(Limit::Machine));
}

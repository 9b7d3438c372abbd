use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;

fn host(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(number))
}

/// The times (in milliseconds, of packets every 4) at which a machine is told of a shorter way.
fn told(peers: &mut Peers, rates: Redirects, from: u64, to: u64) -> Vec<u64> {
    let at = |milliseconds| Instant(0) + Duration::from_millis(milliseconds);
    (from..to).step_by(4).filter(|&time| redirects(peers, host(1), rates, at(time))).collect()
}

/// Whether a machine is told.
fn redirects(peers: &mut Peers, to: IpAddr, rates: Redirects, now: Instant) -> bool {
    let told = peers.may_redirect(to, rates, now);
    if told {
        peers.redirected(to, now);
    }
    told
}

#[test]
fn redirects_become_rarer_and_stop() {
    let mut peers = Peers::default();
    let rates = Redirects::default();
    let all = told(&mut peers, rates, 1000, 40_000);
    // 5 jiffies of 4 ms, doubled each time; more than so long must have gone by.
    let waits: Vec<u64> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [44, 84, 164, 324, 644, 1284, 2564, 5124]);
    // As long as packets come nothing is said any more; after 20.48 s of silence it begins anew.
    let last = 40_000 - 4;
    assert_eq!(told(&mut peers, rates, last + 20_480, last + 20_481), [0; 0]);
    let last = last + 20_480;
    assert_eq!(told(&mut peers, rates, last + 20_484, last + 20_600).len(), 2);
}

#[test]
fn six_at_once_then_one_in_each_interval() {
    let mut peers = Peers::default();
    let mut say = |milliseconds: u64| {
        let now = Instant(0) + Duration::from_millis(milliseconds);
        (0..20).filter(|_| peers.may_say(host(1), HZ, now)).count()
    };
    assert_eq!([say(5000), say(5996), say(6000), say(6500), say(7000), say(60_000)], [6, 0, 1, 0, 1, 6]);
}

#[test]
fn redirects_and_errors_share_what_a_machine_may_be_told() {
    let mut peers = Peers::default();
    let rates = Redirects::default();
    let at = |milliseconds| Instant(0) + Duration::from_millis(milliseconds);
    assert!(redirects(&mut peers, host(1), rates, at(0)));
    // Told of a shorter way for the first time it begins with nothing (measured).
    assert_eq!(
        [0, 996, 1000, 1000].map(|time| peers.may_say(host(1), HZ, at(time))),
        [false, false, true, false]
    );
    // Errors leave redirects alone until these are reset.
    assert!((0..6).all(|_| peers.may_say(host(2), HZ, at(0))) && !peers.may_say(host(2), HZ, at(0)));
    assert!(redirects(&mut peers, host(2), rates, at(0)));
}

#[test]
fn a_new_machine_has_a_minute() {
    let mut peers = Peers::default();
    let mut burst = |number, seconds: u32| {
        (0..20).filter(|_| peers.may_say(host(number), seconds * HZ, Instant(0))).count()
    };
    let bursts = [burst(1, 1), burst(2, 10), burst(3, 11), burst(4, 30), burst(5, 60), burst(6, 61)];
    assert_eq!(bursts, [6, 6, 5, 2, 1, 0]);
    // An interval of 0 forbids nothing, but leaves nothing either.
    assert_eq!(burst(7, 0), 20);
    assert_eq!(burst(7, 1), 0);
}

#[test]
fn that_there_is_no_way_has_a_limit_of_its_own_before() {
    let mut peers = Peers::default();
    let limits = IcmpLimits::default();
    let mut send =
        || peers.may_say_no_way(host(1), &limits, Instant(0)) && peers.may_say(host(1), HZ, Instant(0));
    // Both take of the same five seconds (measured).
    assert_eq!((0..20).filter(|_| send()).count(), 2);
}

#[test]
fn at_the_limit_a_new_one_is_not_limited() {
    let mut peers = Peers::default();
    let rates = Redirects::default();
    let at = |seconds| Instant(0) + Duration::from_secs(seconds);
    for number in 0..MOST as u32 {
        assert!(redirects(&mut peers, host(number), rates, at(1)));
    }
    assert!(!redirects(&mut peers, host(0), rates, at(1)), "known");
    assert!(redirects(&mut peers, host(1 << 31), rates, at(1)));
    assert!(redirects(&mut peers, host(1 << 31), rates, at(1)), "not remembered");
    assert_eq!(peers.v4.peers.len(), MOST);
    // A minute later all others are forgotten.
    assert!(redirects(&mut peers, host(1 << 31), rates, at(70)));
    assert!(!redirects(&mut peers, host(1 << 31), rates, at(70)));
    assert_eq!(peers.v4.peers.len(), 1);
}

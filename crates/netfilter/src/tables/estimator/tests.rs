use super::*;

fn estimator(interval: i8, average: u8) -> Estimator {
    Estimator::new(&Rateest::new("a", interval, average).unwrap(), Some(0))
}

/// 1000 bytes in each quarter of a second are 4000 a second, to which an average of two halves its way each time.
#[test]
fn the_average_comes_closer() {
    let mut own = estimator(-2, 1);
    let mut rates = Vec::new();
    for quarter in 0..5 {
        for _ in 0..10 {
            own.count(100, quarter * 62 + 1);
        }
        rates.push(own.rates((quarter + 1) * 62 + 1));
    }
    assert_eq!(rates, [(2000, 20), (3000, 30), (3500, 35), (3750, 37), (3875, 38)]);
    // Just before the timer fires nothing has changed.
    assert_eq!(own.rates(6 * 62), (3875, 38));
    assert_eq!(own.rates(6 * 62 + 1), (1937, 19));
}

/// Longer intervals count for what they are, and their timers fire where the wheel is round, each by its own time.
#[test]
fn intervals() {
    let all = [(-2, 62, 63, 125, 2000), (-1, 124, 128, 256, 1000), (0, 248, 256, 504, 500)];
    let more = [(1, 496, 504, 1000, 250), (2, 992, 1024, 2048, 125), (3, 1984, 2048, 4032, 62)];
    for (interval, period, first, second, rate) in all.into_iter().chain(more) {
        let mut own = estimator(interval, 1);
        own.count(1000, 0);
        assert_eq!(own.rates(first - 1), (0, 0), "{interval}");
        assert_eq!(own.rates(first).0, rate, "{interval}");
        assert_eq!(own.rates(second - 1).0, rate, "{interval}");
        assert_eq!(own.rates(second).0, rate / 2, "{interval}");
        assert_eq!(own.next, Some(3 * period), "{interval}");
    }
}

/// Five days without a packet take no time, and the timer keeps its rhythm.
#[test]
fn a_long_pause() {
    let mut own = estimator(-2, 3);
    own.count(1_000_000, 0);
    assert_eq!(own.rates(63).0, 500_000);
    let five_days = 5 * 86_400 * 250;
    assert_eq!(own.rates(five_days), (0, 0));
    let next = own.next.unwrap();
    assert!(next.is_multiple_of(62) && next > five_days && next <= five_days + 62);
    own.count(1_000_000, five_days + 1);
    assert_eq!(own.rates(next).0, 0);
    assert_eq!(own.rates(next + 1).0, 500_000);
    // Almost the end of time.
    assert_eq!(own.rates(u64::MAX / 2), (0, 0));
}

/// Without a beginning it begins when it is used.
#[test]
fn it_begins_when_it_is_used() {
    let mut own = Estimator::new(&Rateest::new("a", -2, 1).unwrap(), None);
    own.count(1000, 1_000_000);
    assert_eq!(own.rates(1_000_062), (0, 0));
    assert_eq!(own.rates(1_000_063), (2000, 2));
}

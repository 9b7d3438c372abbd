use super::*;

/// It stays the same, where the machine tells it.
#[test]
fn the_count_is_known() {
    let Some(first) = ahead() else {
        println!("skipped: /proc/timer_list cannot be read");
        return;
    };
    std::thread::sleep(Duration::from_millis(30));
    let second = ahead().expect("it was told a moment ago");
    assert!(first.abs_diff(second) <= 1, "{first} {second}");
}

/// Rules that took two jiffies to load, and none for IPv6.
#[test]
fn loading_is_told_in_jiffies_before_the_steps() {
    let at = |jiffies: u64| Duration::from_nanos(jiffies * JIFFY + 800_000);
    let own = clock(100, at(50), [(at(45), at(47)), (Duration::ZERO, Duration::ZERO)]);
    assert_eq!(own, Clock { jiffies: 150, loading: [(5, 3), (0, 0)] });
    assert_eq!(own.moments().collect::<Vec<_>>(), [[3, 0], [4, 0], [5, 0]]);
}

use super::*;

/// Both ends of the delays of each part of the wheel.
#[test]
fn a_timer_fires_where_the_wheel_is_round() {
    // 62 jiffies have a place of their own; the timer is not early where the tick was nearly over.
    assert_eq!([0, 5, 63].map(|now| fires(now + 62, 62)), [63, 68, 126]);
    for (delay, grain) in [(63, 8), (250, 8), (503, 8), (504, 64), (4_031, 64), (4_032, 512), (32_256, 4_096)]
    {
        for now in 0..10_000 {
            let fired = fires(now + delay, delay);
            let late = fired - (now + delay);
            assert!(fired.is_multiple_of(grain) && (1..=grain).contains(&late), "{now} {delay}: {fired}");
        }
    }
    // The end of the wheel: all that is beyond fires together.
    let (day, end) = (86_400 * u64::from(HZ), 63 << 24);
    assert_eq!(fires(end - 1, end - 1), end);
    for delay in [end, end + day, u64::from(u32::MAX), u64::MAX >> 1] {
        assert_eq!(fires(delay, delay), end, "{delay}");
        assert_eq!(fires(delay + day, delay), end + (1 << 24), "{delay}, a day later");
    }
}

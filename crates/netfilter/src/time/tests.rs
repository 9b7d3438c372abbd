use super::*;

fn at(jiffies: u64) -> Instant {
    Instant(jiffies * JIFFY)
}

const SECOND: Duration = Duration::from_secs(1);

/// In the middle of a jiffy, too: what is due is due at the beginning of one, as lists show it.
#[test]
fn a_timer_is_due_in_a_whole_jiffy_and_fires_where_the_wheel_is_round() {
    for (now, seconds, due, fires) in [
        (1_000, 2, 1_500, 1_504),
        (1_003, 3, 1_753, 1_792),
        (1_003, 17, 5_253, 5_632),
        (7, 300, 75_007, 77_824),
    ] {
        for part in [0, 1, JIFFY - 1] {
            let timer = Timer::start(Instant(at(now).0 + part), SECOND * seconds);
            assert_eq!(timer, Timer { due: at(due), fires: at(fires) });
            assert_eq!(timer.seconds(Instant(at(now).0 + part)), i64::from(seconds));
        }
        let timer = Timer::start(at(now), SECOND * seconds);
        assert_eq!(timer.seconds(at(now + 1)), i64::from(seconds) - 1);
        assert_eq!([249, 250, 499, 500].map(|late| timer.seconds(at(due + late))), [0, -1, -1, -2]);
    }
}

/// Anew for as long as before: later. For less: earlier, and in a finer part of the wheel. Due in the same jiffy: it stays in
/// the coarse part.
#[test]
fn a_timer_that_is_started_again_stays_only_where_it_is_due_in_the_same_jiffy() {
    let timer = Timer::start(at(1_000), SECOND * 17);
    assert_eq!(timer.fires, at(5_632));
    assert_eq!(timer.again(at(1_500), SECOND * 17), Timer { due: at(5_750), fires: at(6_144) });
    assert_eq!(timer.again(at(1_500), SECOND * 2), Timer { due: at(2_000), fires: at(2_008) });
    assert_eq!(timer.again(at(4_750), SECOND * 2), timer);
    assert_eq!(Timer::start(at(4_750), SECOND * 2).fires, at(5_256));
}

/// Of one that is found on its way only seconds are known.
#[test]
fn a_timer_that_is_found_has_not_fired_yet() {
    let policy = SECOND * 300;
    assert_eq!(Timer::found(at(10_000), 200, policy), Timer { due: at(60_000), fires: at(61_440) });
    // Longer than its policy says.
    assert_eq!(Timer::found(at(10_000), 2_000, policy), Timer { due: at(510_000), fires: at(524_288) });
    assert_eq!(Timer::found(at(10_000), -2, policy), Timer { due: at(9_500), fires: at(12_288) });
    assert_eq!(Timer::found(at(12_300), -2, policy), Timer { due: at(11_800), fires: at(12_301) });
    assert_eq!(Timer::found(at(10), -200, policy).due, at(0));
    assert_eq!(Timer::found(at(10), i64::MIN, policy).due, at(0));
    assert!(Timer::found(at(10), i64::MAX, policy).fires > at(10));
}

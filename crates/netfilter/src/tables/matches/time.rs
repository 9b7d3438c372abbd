//! `-m time` (Linux: `time_mt`): by the wall clock that the caller gives.
use rules::matches::time::{Time, civil};

use super::{Held, Miss, hold};
use crate::Env;
use crate::trace::Found;

/// What is missing without a time zone.
const ZONE: &str =
    "the kernel's time zone (-m time --kerneltz; give --machine FILE with a line `timezone MINUTES-WEST`)";

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The options in the kernel's order: dates, time of day, day of the week, day of the month.
pub(super) fn holds(rule: &Time, env: &Env<'_>) -> Held {
    let mut second = env.now.wall / 1_000_000_000;
    if rule.kernel_zone {
        let Some(west) = env.machine.minutes_west else { return Err(Miss::Undecided(ZONE)) };
        // Linux: `sys_tz.tz_minuteswest`.
        second = second.wrapping_add_signed(-60 * i64::from(west));
    }
    at(rule, second)
}

/// Whether it holds at a second since 1970 of the rule's time zone.
fn at(rule: &Time, mut second: u64) -> Held {
    let found = Found::Time(second);
    hold(second >= rule.date_start.into(), "--datestart", found)?;
    hold(second <= rule.date_stop.into(), "--datestop", found)?;
    let clock = second % DAY;
    let (start, stop) = (u64::from(rule.day_start), u64::from(rule.day_stop));
    if start < stop {
        hold(clock >= start, "--timestart", found)?;
        hold(clock <= stop, "--timestop", found)?;
    } else {
        // Linux: a time that begins and ends in the same second is the whole day.
        hold(clock >= start || clock <= stop, "--timestart", found)?;
        if rule.contiguous && clock <= stop {
            second = second.wrapping_sub(DAY);
        }
    }
    let day = second / DAY;
    // 1 January 1970 was a Thursday; Monday is 1 and Sunday 7.
    let week_day = (day + 3) % 7 + 1;
    hold(rule.week_days & (1 << week_day) != 0, "--weekdays", found)?;
    let month_day = u32::try_from(day).map_or(0, |day| civil(day).2);
    hold(rule.month_days & (1 << month_day) != 0, "--monthdays", found)
}

#[cfg(test)]
mod tests {
    use rules::matches::time::NO_STOP;

    use super::*;

    const RULE: Time = Time {
        date_start: 0,
        date_stop: NO_STOP,
        day_start: 0,
        day_stop: 86_399,
        month_days: 0xffff_fffe,
        week_days: 0xfe,
        contiguous: false,
        kernel_zone: false,
    };
    /// Saturday, 21 November 2026, 00:00 UTC.
    const SATURDAY: u64 = 1_795_219_200;
    const HOUR: u64 = 3_600;

    fn failed(rule: Time, second: u64) -> Option<&'static str> {
        match at(&rule, second) {
            Ok(()) => None,
            Err(Miss::Failed(option, Found::Time(_))) => Some(option),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn days_of_the_week_and_of_the_month() {
        for (day, second) in (1..=7).zip((SATURDAY - 5 * DAY..).step_by(86_400)) {
            let rule = Time { week_days: 1 << day, ..RULE };
            assert_eq!(failed(rule, second), None, "day {day}");
            assert_eq!(failed(rule, second + DAY - 1), None, "day {day}");
            assert_eq!(failed(rule, second + DAY), Some("--weekdays"), "day {day}");
            assert_eq!(failed(rule, second - 1), Some("--weekdays"), "day {day}");
        }
        let rule = Time { month_days: 1 << 21, ..RULE };
        assert_eq!(failed(rule, SATURDAY), None);
        assert_eq!(failed(rule, SATURDAY - 1), Some("--monthdays"));
        // 29 February 2028.
        assert_eq!(failed(Time { month_days: 1 << 29, ..RULE }, 1_835_395_200), None);
    }

    /// `--contiguous`: what goes beyond midnight belongs to the day on which it began.
    #[test]
    fn times_across_midnight() {
        let night = Time { day_start: 79_200, day_stop: 21_600, week_days: 1 << 6, ..RULE };
        let whole = Time { contiguous: true, ..night };
        let hours = |rule, hour| failed(rule, SATURDAY + hour * HOUR);
        assert_eq!([hours(night, 5), hours(night, 23), hours(night, 29)], [None, None, Some("--weekdays")]);
        assert_eq!([hours(whole, 5), hours(whole, 23), hours(whole, 29)], [Some("--weekdays"), None, None]);
        assert_eq!(hours(night, 7), Some("--timestart"));
        assert_eq!(failed(night, SATURDAY + 21_600), None);
        assert_eq!(failed(night, SATURDAY + 21_601), Some("--timestart"));
        assert_eq!(failed(night, SATURDAY + 79_199), Some("--timestart"));
        assert_eq!(failed(night, SATURDAY + 79_200), None);
        assert_eq!(
            failed(whole, SATURDAY + 21_600),
            Some("--weekdays"),
            "the last second is of the night before"
        );
        assert_eq!(failed(whole, SATURDAY + DAY + 21_600), None);
        let noon = Time { day_start: 43_200, day_stop: 43_200, ..RULE };
        assert_eq!(hours(noon, 3), None, "a time without length is the whole day");
    }

    #[test]
    fn dates_and_times_include_both_ends() {
        let rule = Time { date_start: 100, date_stop: 200, ..RULE };
        let all = [99, 100, 200, 201].map(|second| failed(rule, second));
        assert_eq!(all, [Some("--datestart"), None, None, Some("--datestop")]);
        let rule = Time { day_start: 10, day_stop: 20, ..RULE };
        let all = [9, 10, 20, 21].map(|second| failed(rule, SATURDAY + second));
        assert_eq!(all, [Some("--timestart"), None, None, Some("--timestop")]);
    }
}

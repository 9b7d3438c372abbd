//! `-m time`. Hours and dates are written as numbers of seconds, which nft takes as UTC wherever it is called.
use crate::matches::time::{NO_STOP, Time};
use crate::translate::{Expression, Untranslatable};

/// The last second of a day.
const LAST: u32 = 86_399;
/// All days of a month, and of a week.
const ALL: (u32, u8) = (0xffff_fffe, 0xfe);

pub(super) fn translate(own: &Time, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let refused = |option: &'static str, why: &'static str| Err(Untranslatable::new(option, why));
    let hours = (own.day_start, own.day_stop) != (0, LAST);
    let dates = own.date_start != 0 || own.date_stop != NO_STOP;
    let days = own.week_days != ALL.1;
    if own.month_days != ALL.0 {
        return refused("-m time --monthdays", "nft has no days of the month");
    }
    if own.kernel_zone && (hours || dates) {
        return refused("-m time --kerneltz", "nft has hours and dates in UTC");
    }
    if days && !own.kernel_zone {
        return refused("-m time --weekdays", "nft has days of the week in the kernel's own time zone");
    }
    if own.date_start != 0 {
        expression.condition(format!("meta time >= {}", own.date_start));
    }
    if own.date_stop != NO_STOP {
        expression.condition(format!("meta time < {}", u64::from(own.date_stop) + 1));
    }
    if own.day_start < own.day_stop {
        if hours {
            expression.condition(format!("meta hour {}-{}", own.day_start, own.day_stop));
        }
    } else {
        // Beyond midnight: all but the time between.
        let (from, to) = (own.day_stop + 1, own.day_start.saturating_sub(1));
        match to.checked_sub(from) {
            None => {}
            Some(0) => expression.condition(format!("meta hour != {from}")),
            Some(_) => expression.condition(format!("meta hour != {from}-{to}")),
        }
    }
    if days {
        // Bit 1 is Monday and bit 7 Sunday, which is day 0 of nft.
        let numbers: Vec<_> = (1..=7_u8)
            .filter(|day| own.week_days & (1 << day) != 0)
            .map(|day| (day % 7).to_string())
            .collect();
        match numbers.as_slice() {
            [] => expression.never(),
            [one] => expression.condition(format!("meta day {one}")),
            some => expression.condition(format!("meta day {{ {} }}", some.join(", "))),
        }
    }
    Ok(())
}

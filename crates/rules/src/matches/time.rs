//! Times of the day, of the week and of the year (`-m time`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::value::{Kind, leading_number};

/// `-m time`. Times are those of UTC, or with `--kerneltz` of the kernel's own offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// `--datestart`: seconds since 1970; 0 by default.
    pub date_start: u32,
    /// `--datestop`: seconds since 1970; [`NO_STOP`] by default.
    pub date_stop: u32,
    /// `--timestart`: seconds of the day, 0 to 86,399; 0 by default.
    pub day_start: u32,
    /// `--timestop`: seconds of the day, 0 to 86,399, which is the default.
    pub day_stop: u32,
    /// `--monthdays`: bits 1 to 31.
    pub month_days: u32,
    /// `--weekdays`: bits 1 (Monday) to 7 (Sunday).
    pub week_days: u8,
    /// `--contiguous`: a time that goes beyond midnight belongs to the day on which it began.
    pub contiguous: bool,
    /// `--kerneltz`: dates and times are those of the kernel's time zone.
    pub kernel_zone: bool,
}

/// The last second of 31 bits, which stands for no stop.
pub const NO_STOP: u32 = i32::MAX as u32;
/// The last second of a day.
const LAST: u32 = 86_399;
const ALL_MONTH: u32 = 0xffff_fffe;
const ALL_WEEK: u8 = 0xfe;
const WEEK: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// `-m time` in the language.
pub const EXTENSION: Extension<Time> = Extension {
    spec: Spec {
        name: "time",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("datestart", Kind::Word),
            OptionSpec::new("datestop", Kind::Word),
            OptionSpec::new("timestart", Kind::Word),
            OptionSpec::new("timestop", Kind::Word),
            OptionSpec::new("contiguous", Kind::Flag),
            OptionSpec::new("weekdays", Kind::Word).invertible(),
            OptionSpec::new("monthdays", Kind::Word).invertible(),
            OptionSpec::new("localtz", Kind::Flag).excludes(&["utc"]),
            OptionSpec::new("utc", Kind::Flag).excludes(&["localtz", "kerneltz"]),
            OptionSpec::new("kerneltz", Kind::Flag).excludes(&["utc"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Time {
        date_start: 0,
        date_stop: NO_STOP,
        day_start: 0,
        day_stop: LAST,
        month_days: ALL_MONTH,
        week_days: ALL_WEEK,
        contiguous: false,
        kernel_zone: false,
    },
    parse,
    finish: |own, calls: &Calls, _| {
        if own.contiguous && own.day_start < own.day_stop {
            return Err(
                calls.error("time: --contiguous only makes sense when stoptime is smaller than starttime")
            );
        }
        Ok(())
    },
    save: |own, out| {
        if own.has_day_time() {
            let ([a, b, c], [d, e, f]) = (clock(own.day_start), clock(own.day_stop));
            put!(out, " --timestart {a:02}:{b:02}:{c:02} --timestop {d:02}:{e:02}:{f:02}");
        }
        if own.month_days != ALL_MONTH {
            out.push_str(" --monthdays ");
            own.push_month(out, false);
            push_none(out, own.month_days & ALL_MONTH == 0);
        }
        if own.week_days != ALL_WEEK {
            out.push_str(" --weekdays ");
            own.push_week(out);
            push_none(out, own.week_days & ALL_WEEK == 0);
        }
        if own.date_start != 0 {
            out.push_str(" --datestart ");
            push_date(out, own.date_start, 'T');
        }
        out.push_str(" --datestop ");
        push_date(out, own.date_stop, 'T');
        for (flag, name) in [(own.kernel_zone, " --kerneltz"), (own.contiguous, " --contiguous")] {
            out.push_str(if flag { name } else { "" });
        }
    },
    list: |own, out, _| {
        out.push_str(" TIME");
        if own.has_day_time() {
            let ([a, b, c], [d, e, f]) = (clock(own.day_start), clock(own.day_stop));
            put!(out, " from {a:02}:{b:02}:{c:02} to {d:02}:{e:02}:{f:02}");
        }
        if own.week_days != ALL_WEEK {
            out.push_str(" on ");
            own.push_week(out);
        }
        if own.month_days != ALL_MONTH {
            out.push_str(" on ");
            own.push_month(out, true);
        }
        if own.date_start != 0 {
            out.push_str(" starting from ");
            push_date(out, own.date_start, ' ');
        }
        if own.date_stop != NO_STOP {
            out.push_str(" until date ");
            push_date(out, own.date_stop, ' ');
        }
        for (flag, name) in [(!own.kernel_zone, " UTC"), (own.contiguous, " contiguous")] {
            out.push_str(if flag { name } else { "" });
        }
    },
    check,
};

impl Time {
    fn has_day_time(&self) -> bool {
        self.day_start != 0 || self.day_stop != LAST
    }

    fn push_week(&self, out: &mut String) {
        let days = WEEK.iter().zip(1..).filter(|&(_, day)| self.week_days & (1 << day) != 0);
        for (at, (name, _)) in days.enumerate() {
            put!(out, "{}{name}", if at == 0 { "" } else { "," });
        }
    }

    /// Linux: the ending goes by the last digit alone: 11st, 12nd, 13rd.
    fn push_month(&self, out: &mut String, endings: bool) {
        for (at, day) in (1_u32..32).filter(|day| self.month_days & (1 << day) != 0).enumerate() {
            let ending = match day % 10 {
                _ if !endings => "",
                1 => "st",
                2 => "nd",
                3 => "rd",
                _ => "th",
            };
            put!(out, "{}{day}{ending}", if at == 0 { "" } else { "," });
        }
    }
}

/// Why: iptables saves a set without days as nothing, and takes the next option for it when it reads that.
fn push_none(out: &mut String, none: bool) {
    out.push_str(if none { "\"\"" } else { "" });
}

/// Hours, minutes and seconds of a second of the day.
const fn clock(second: u32) -> [u32; 3] {
    [second / 3_600, second / 60 % 60, second % 60]
}

fn push_date(out: &mut String, second: u32, between: char) {
    let (year, month, day) = civil(second / 86_400);
    let [hours, minutes, seconds] = clock(second % 86_400);
    put!(out, "{year}-{month:02}-{day:02}{between}{hours:02}:{minutes:02}:{seconds:02}");
}

/// Year, month (1 to 12) and day of the month (1 to 31) of a day since 1970, in the Gregorian calendar.
pub const fn civil(day: u32) -> (u32, u32, u32) {
    // Years begin in March here, so that the day that some years have more is their last one.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let january = month >= 10;
    (era * 400 + year + january as u32, if january { month - 9 } else { month + 3 }, day)
}

/// The day since 1970 of a date; month 0 is December of the year before, day 0 the last one of the month before, and
/// days beyond a month's end are those of the next one, as `mktime` has it.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month == 0 { (year - 1, 12) } else { (year, month) };
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

fn parse(own: &mut Time, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    match call.name {
        "datestart" => own.date_start = date(call)?,
        "datestop" => own.date_stop = date(call)?,
        "timestart" => own.day_start = day_time(call)?,
        "timestop" => own.day_stop = day_time(call)?,
        "contiguous" => own.contiguous = true,
        "weekdays" => {
            let days = week_days(call)?;
            own.week_days = if call.invert { !days & ALL_WEEK } else { days };
        }
        "monthdays" => {
            let days = month_days(call)?;
            own.month_days = if call.invert { !days & ALL_MONTH } else { days };
        }
        "utc" => {}
        name => {
            if name == "localtz" {
                context.warnings.push(LOCAL.to_owned());
            }
            own.kernel_zone = true;
        }
    }
    Ok(())
}

const LOCAL: &str = "WARNING: --localtz is being replaced by --kerneltz, since \"local\" is ambiguous. \
                     Note the kernel timezone has caveats - see manpage for details.";

/// The parts of a text at its commas; what stands behind the last one counts if it is there.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let last = text.len();
    text.split(',').scan(0, move |from, part| {
        let start = *from;
        *from += part.len() + 1;
        (start < last).then_some(part)
    })
}

/// Names of which two letters count, or numbers from Monday, 1, to Sunday, 7.
fn week_days(call: &OptionCall<'_>) -> Result<u8, Error> {
    let mut days = 0;
    for part in parts(call.text()) {
        let shown = part.get(..part.floor_char_boundary(3)).unwrap_or(part);
        let number = if shown.is_empty() { Some((0, "")) } else { leading_number(shown) };
        let day = match number {
            Some((0, "")) => return Err(call.error("No, the week does NOT begin with Sunday.")),
            Some((day @ 1..=7, "")) => Some(day),
            _ => WEEK.iter().zip(1..).find(|(name, _)| name.get(..2) == shown.get(..2)).map(|(_, day)| day),
        };
        let unknown = || call.error(format!("{shown} is not a valid day specifier")).suggest(shown, WEEK);
        days |= 1 << day.ok_or_else(unknown)?;
    }
    Ok(days)
}

/// Numbers from 1 to 31; 0 and nothing between two commas are taken, and are no day.
fn month_days(call: &OptionCall<'_>) -> Result<u32, Error> {
    let mut days = 0;
    for part in parts(call.text()).filter(|part| !part.is_empty()) {
        let shown = part.get(..part.floor_char_boundary(2)).unwrap_or(part);
        match leading_number(shown) {
            // Why: iptables reads two characters and passes over the rest: 123 would be 12.
            Some((day @ 0..=31, "")) if shown == part => days |= 1 << day,
            Some((_, "")) if shown != part => {
                return Err(call.error(format!("{part} is not a valid day for --monthdays")));
            }
            _ => return Err(call.error(format!("{shown} is not a valid day for --monthdays"))),
        }
    }
    Ok(days & ALL_MONTH)
}

/// What `strtoul` with base 10 reads, in limits; and what stands behind it.
fn decimal(text: &str, most: u32) -> Option<(u32, &str)> {
    let digits = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let end = digits.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if digits.is_empty() {
        // Nothing was read: 0, and nothing is passed over.
        return Some((0, text));
    }
    // A minus makes a large number of it.
    Some((digits.parse().ok().filter(|&number| number <= most && (!negative || number == 0))?, rest))
}

/// `hh:mm[:ss]`.
fn day_time(call: &OptionCall<'_>) -> Result<u32, Error> {
    let mut text = call.text();
    let mut second = 0;
    for (size, most, more) in [(3_600, 23, true), (60, 59, true), (1, 59, false)] {
        let fault = |text: &str| {
            call.error(format!(
                "invalid time \"{text}\" specified, should be hh:mm[:ss] format and within the boundaries"
            ))
        };
        let (number, rest) = decimal(text, most).ok_or_else(|| fault(text))?;
        second += number * size;
        match rest.strip_prefix(':') {
            Some(rest) if more => text = rest,
            None if rest.is_empty() && size != 3_600 => break,
            _ => return Err(fault(text)),
        }
    }
    Ok(second)
}

/// `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`, in UTC.
fn date(call: &OptionCall<'_>) -> Result<u32, Error> {
    let fault = || {
        call.error(format!(
            "Invalid date \"{}\" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]",
            call.text()
        ))
    };
    let mut fields = [0_u32, 1, 1, 0, 0, 0];
    let mut text = Some(call.text());
    let limits = [(2038, '-'), (12, '-'), (31, 'T'), (23, ':'), (59, ':'), (59, '\0')];
    for (field, (most, behind)) in fields.iter_mut().zip(limits) {
        let Some(part) = text else { break };
        let (number, rest) = decimal(part, most).ok_or_else(fault)?;
        *field = number;
        text = match rest.strip_prefix(behind) {
            Some(rest) => Some(rest),
            None if rest.is_empty() => None,
            None => return Err(fault()),
        };
    }
    let [year, month, day, hours, minutes, seconds] = fields.map(i64::from);
    if year < 1970 || text.is_some() {
        return Err(fault());
    }
    let second = day_of(year, month, day) * 86_400 + hours * 3_600 + minutes * 60 + seconds;
    u32::try_from(second).map_err(|_| fault())
}

/// Linux: `time_mt_check` in xt_time.c.
fn check(own: &Time, _: &Site<'_>) -> Result<(), Refusal> {
    if own.contiguous && own.day_start < own.day_stop {
        return Err(Refusal::invalid("`--contiguous' needs a `--timestop' before `--timestart'"));
    }
    Ok(())
}

const HELP: &str = "time match options:
    --datestart time     Start and stop time, to be given in ISO 8601
    --datestop time      (YYYY[-MM[-DD[Thh[:mm[:ss]]]]])
    --timestart time     Start and stop daytime (hh:mm[:ss])
    --timestop time      (between 00:00:00 and 23:59:59)
[!] --monthdays value    List of days on which to match, separated by comma
                         (Possible days: 1 to 31; defaults to all)
[!] --weekdays value     List of weekdays on which to match, sep. by comma
                         (Possible days: Mon,Tue,Wed,Thu,Fri,Sat,Sun or 1 to 7
                         Defaults to all weekdays.)
    --kerneltz           Work with the kernel timezone instead of UTC
";

//! A token bucket (`-m limit`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec, finish_nothing,
};
use crate::syntax::value::Kind;

/// `-m limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The time between two packets in units of 1/10,000 s (as the kernel stores it): 3/hour is 12,000,000.
    pub average: u32,
    /// `--limit-burst`: 5 by default.
    pub burst: u32,
}

/// Units of [`Limit::average`] in a second (`XT_LIMIT_SCALE`).
const SCALE: u32 = 10_000;

/// The words for a unit of time, of which any start is read, with their seconds; in the order of reading.
const UNITS: [(&str, u32); 4] = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];

/// The names printed, longest time first.
const PRINTED: [(&str, u32); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];

/// `-m limit` in the language: `--limit N[/UNIT]` becomes the time between two packets, and is printed in the largest
/// unit that says the same.
pub const EXTENSION: Extension<Limit> = Extension {
    spec: Spec {
        name: "limit",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("limit", Kind::Word),
            OptionSpec::new("limit-burst", Kind::Number { min: 0, max: 10_000 }),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Limit { average: SCALE * 1_200, burst: 5 },
    parse: |limit, call, _| {
        if call.name == "limit" {
            limit.average = average(call)?;
        } else {
            limit.burst = call.value.number_u32();
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |limit, out| {
        put!(out, " --limit");
        limit.push_rate(out);
        if limit.burst != 5 {
            put!(out, " --limit-burst {}", limit.burst);
        }
    },
    list: |limit, out, _| {
        put!(out, " limit: avg");
        limit.push_rate(out);
        put!(out, " burst {}", limit.burst);
    },
    check,
};

fn average(call: &OptionCall<'_>) -> Result<u32, Error> {
    let text = call.text();
    let bad = || call.error(format!("bad rate \"{text}\"'"));
    let (count, seconds) = match text.split_once('/') {
        None => (text, 1),
        Some((count, unit)) => {
            let fits =
                |name: &str| name.get(..unit.len()).is_some_and(|head| head.eq_ignore_ascii_case(unit));
            let unit = UNITS.iter().find(|(name, _)| !unit.is_empty() && fits(name)).ok_or_else(bad)?;
            (count, unit.1)
        }
    };
    // Linux: atoi, so that what stands behind the digits does not count, and wrapping at 32 bits.
    let count = count.trim_start();
    let (negative, digits) = match count.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, count.strip_prefix('+').unwrap_or(count)),
    };
    let mut number = 0_u32;
    for digit in digits.bytes().take_while(u8::is_ascii_digit) {
        number = number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
    }
    if negative {
        number = number.wrapping_neg();
    }
    if number == 0 {
        return Err(bad());
    }
    match SCALE * seconds / number {
        0 => Err(call.error(format!("Rate too fast \"{text}\""))),
        average => Ok(average),
    }
}

impl Limit {
    /// The rate as it is printed: a number and the place of its unit in [`PRINTED`].
    fn printed(&self) -> (u32, usize) {
        let average = self.average.max(1);
        let mut chosen = 0;
        for (at, unit) in PRINTED.into_iter().enumerate().skip(1) {
            let length = SCALE * unit.1;
            if average > length || length / average < length % average {
                break;
            }
            chosen = at;
        }
        let seconds = PRINTED.get(chosen).map_or(1, |unit| unit.1);
        (SCALE * seconds / average, chosen)
    }

    fn push_rate(&self, out: &mut String) {
        let (count, unit) = self.printed();
        put!(out, " {count}/{}", PRINTED.get(unit).map_or("", |unit| unit.0));
    }

    /// The rate in whole packets, rounded down, and in how many seconds: as it is printed, and as iptables-nft gives it to
    /// the kernel.
    pub fn packets_per(&self) -> (u32, u32) {
        let (count, unit) = self.printed();
        (count, PRINTED.get(unit).map_or(1, |unit| unit.1))
    }

    /// The rate as nft writes it: packets, and `second`, `minute`, `hour` or `day`.
    pub(crate) fn rate(&self) -> (u32, &'static str) {
        let (count, unit) = self.printed();
        // The two tables have the same units in opposite orders.
        (count, UNITS.iter().rev().nth(unit).map_or("second", |unit| unit.0))
    }
}

/// The kernel counts in credits: 32,000 a second, in 32 bits. Linux: `user2credits` and `limit_mt_check` in xt_limit.c
/// (F71); 32,000 is HZ times `CREDITS_PER_JIFFY` for HZ of 250 and 1000.
fn check(limit: &Limit, _: &Site<'_>) -> Result<(), Refusal> {
    const CREDITS: u32 = 32_000;
    let credits = |units: u32| {
        if units > u32::MAX / CREDITS {
            (units / SCALE).wrapping_mul(CREDITS)
        } else {
            units.wrapping_mul(CREDITS) / SCALE
        }
    };
    if limit.burst == 0 || credits(limit.average.wrapping_mul(limit.burst)) < credits(limit.average) {
        return Err(Refusal::out_of_range(
            "`--limit' and `--limit-burst' together exceed the 32 bits of the kernel's bucket",
        ));
    }
    Ok(())
}

const HELP: &str = "limit match options:
--limit avg\t\t\tmax average match rate: default 3/hour
                                [Packets per second unless followed by \n                                /sec /minute /hour /day postfixes]
--limit-burst number\t\tnumber to match in a burst, default 5
";

//! Measures the rate of the packets that come here (`-j RATEEST`), for `-m rateest`.
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::text::push_word;
use crate::syntax::value::Kind;

/// `-j RATEEST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rateest {
    /// `--rateest-name`: at most 15 bytes. Rules with one name share one estimator.
    pub name: Box<str>,
    /// `--rateest-interval` as the kernel has it: a measurement each 2^interval seconds, -2 to 3.
    pub interval: i8,
    /// `--rateest-ewmalog` as the kernel has it: the average goes back 2^average measurements, 1 to 30.
    pub average: u8,
    /// Both options in microseconds as typed, until the rule is complete.
    typed: (u32, u32),
}

impl Rateest {
    /// An estimator; `None` where the numbers are out of range or the time of the average has more than 32 bits.
    pub fn new(name: &str, interval: i8, average: u8) -> Option<Self> {
        let own = Self { name: name.into(), interval, average, typed: (0, 0) };
        ((-2..=3).contains(&interval) && (1..=30).contains(&average) && own.average_time().is_some())
            .then_some(own)
    }

    /// The interval in microseconds.
    fn interval_time(&self) -> u32 {
        QUARTER << (self.interval + 2).clamp(0, 5)
    }

    /// The time of the average in microseconds.
    fn average_time(&self) -> Option<u32> {
        u32::try_from(u64::from(self.interval_time()) << self.average.min(30)).ok()
    }
}

/// The shortest interval, in microseconds.
const QUARTER: u32 = 250_000;

/// `-j RATEEST` in the language.
pub const EXTENSION: Extension<Rateest> = Extension {
    spec: Spec {
        name: "RATEEST",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("rateest-name", Kind::Text { min: 0, max: 0, cut: 15 }).mandatory(),
            OptionSpec::new("rateest-interval", Kind::Word).mandatory(),
            OptionSpec::new("rateest-ewmalog", Kind::Word).mandatory(),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Rateest { name: "".into(), interval: -2, average: 1, typed: (0, 0) },
    parse: parse_option,
    finish,
    save: |own, out| {
        out.push_str(" --rateest-name ");
        push_word(out, &own.name);
        out.push_str(" --rateest-interval");
        push_time(out, own.interval_time());
        out.push_str(" --rateest-ewmalog");
        push_time(out, own.average_time().unwrap_or(u32::MAX));
    },
    list: |own, out, _| {
        put!(out, " name {} interval", own.name);
        push_time(out, own.interval_time());
        out.push_str(" ewmalog");
        push_time(out, own.average_time().unwrap_or(u32::MAX));
    },
    check: check_nothing,
};

fn parse_option(own: &mut Rateest, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let text = call.text();
    let bad = |what: &str| {
        call.error(format!("RATEEST: bad {what} value \"{text}\""))
            .because("a time is a number with a unit behind it: us, ms or s")
    };
    match call.name {
        "rateest-name" => own.name = call.value.text().into(),
        "rateest-interval" => own.typed.0 = time(text).ok_or_else(|| bad("interval"))?,
        _ => own.typed.1 = time(text).ok_or_else(|| bad("ewmalog"))?,
    }
    Ok(())
}

/// A decimal number of `us` (also without a unit), `ms` or `s`, in microseconds.
fn time(text: &str) -> Option<u32> {
    let text = text.trim_start();
    let number = |end: usize| text.get(..end).and_then(|head| head.parse::<f64>().ok());
    let digits = text.find(|letter: char| !"+-.0123456789".contains(letter)).unwrap_or(text.len());
    // A number may have an exponent (`1e0s`).
    let with_exponent = text.get(digits..).and_then(|rest| rest.strip_prefix(['e', 'E'])).map(|rest| {
        let more = rest.find(|letter: char| !"+-0123456789".contains(letter)).unwrap_or(rest.len());
        digits + 1 + more
    });
    let ends = [with_exponent, Some(digits)];
    let (end, value) = ends.into_iter().flatten().find_map(|end| Some((end, number(end)?)))?;
    let unit = text.get(end..)?.to_ascii_lowercase();
    let scale = match &*unit {
        "s" | "sec" | "secs" => 1e6,
        "ms" | "msec" | "msecs" => 1e3,
        "" | "us" | "usec" | "usecs" => 1.0,
        _ => return None,
    };
    // Linux: the conversion of a number of C that does not fit keeps its low 32 bits.
    u32::try_from((value * scale) as i64 & 0xffff_ffff).ok()
}

/// Linux: the smallest interval that is not shorter, and the largest average whose time constant is not longer.
fn finish(own: &mut Rateest, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    let (interval, average) = std::mem::take(&mut own.typed);
    let step = (0..=5_i8).find(|&step| interval <= QUARTER << step);
    let step = step.ok_or_else(|| calls.error("RATEEST: interval value is too large"))?;
    own.interval = step - 2;
    let constant = |log: u32| f64::from(interval) / -f64::ln(1.0 - 1.0 / f64::from(1_u32 << log));
    let longer = (1..32_u32).find(|&log| constant(log) > f64::from(average)).unwrap_or(32);
    own.average = u8::try_from(longer - 1).unwrap_or(0);
    // Why: iptables takes averages of which it can print the time only modulo 2^32, and cannot read that again.
    if own.average == 0 || own.average >= 31 || own.average_time().is_none() {
        return Err(calls.error("RATEEST: ewmalog value is out of range"));
    }
    Ok(())
}

fn push_time(out: &mut String, microseconds: u32) {
    let time = f64::from(microseconds);
    match microseconds {
        1_000_000.. => put!(out, " {:.1}s", time / 1e6),
        1000.. => put!(out, " {:.1}ms", time / 1e3),
        _ => put!(out, " {microseconds}us"),
    }
}

const HELP: &str = "RATEEST target options:
  --rateest-name name\t\tRate estimator name
  --rateest-interval sec\tRate measurement interval in seconds
  --rateest-ewmalog value\tRate measurement averaging time constant
";

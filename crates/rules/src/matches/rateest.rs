//! The rate that an estimator has measured (`-m rateest`; the target RATEEST feeds estimators).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, OptionCall, OptionSpec, Place, Refusal, Repeat, Site, Spec,
};
use crate::syntax::text::push_word;
use crate::syntax::value::{Kind, number};

/// `-m rateest`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rateest {
    /// `--rateest1`: the name of an estimator, at most 15 bytes.
    pub first: Box<str>,
    /// `--rateest2`: the estimator with which it is compared; without it, it is compared with rates.
    pub second: Option<Box<str>>,
    /// Whether `!` stands before the comparison.
    pub invert: bool,
    /// The comparison; the kernel refuses a rule without.
    pub comparison: Option<Comparison>,
    /// `--rateest-delta`: how far rates are below the given ones is compared.
    pub delta: bool,
    /// `--rateest-bps`, `-bps1`, `-bps2`: bytes are compared.
    pub bytes: bool,
    /// `--rateest-pps`, `-pps1`, `-pps2`: packets are compared.
    pub packets: bool,
    /// From what the first estimator is taken, with `delta`; else 0.
    pub first_rate: RatePair,
    /// With what the first estimator is compared, or with `delta` from what the second one is taken; else 0.
    pub second_rate: RatePair,
}

/// Bytes and packets per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RatePair {
    /// Bytes per second.
    pub bytes: u32,
    /// Packets per second.
    pub packets: u32,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `--rateest-lt`.
    Less,
    /// `--rateest-gt`.
    Greater,
    /// `--rateest-eq`.
    Equal,
}

/// A repetition has a text of its own.
const fn once(name: &'static str, kind: Kind, text: &'static str) -> OptionSpec {
    OptionSpec::new(name, kind).invertible().repeat(Repeat::PlainErrorText(text))
}

/// A comparison: all share a text, and each may be inverted.
const fn comparison(name: &'static str) -> OptionSpec {
    OptionSpec::new(name, Kind::Flag).invertible().repeat(Repeat::ErrorText(TWICE))
}

const TWICE: &str = "rateest: can't specify lt/gt/eq twice";

/// `-m rateest` in the language. Rates stand behind their options or are left out, and then are 0.
pub const EXTENSION: Extension<Rateest> = Extension {
    spec: Spec {
        name: "rateest",
        aliases: &[],
        families: Families::Both,
        options: &[
            once(
                "rateest1",
                Kind::Text { min: 0, max: 0, cut: 15 },
                "rateest: can't specify --rateest1 twice",
            )
            .aliases(&["rateest"]),
            once(
                "rateest2",
                Kind::Text { min: 0, max: 0, cut: 15 },
                "rateest: can't specify --rateest2 twice",
            ),
            once("rateest-bps1", Kind::OptionalWord, "rateest: can't specify --rateest-bps1 twice"),
            once("rateest-pps1", Kind::OptionalWord, "rateest: can't specify --rateest-pps1 twice"),
            once("rateest-bps2", Kind::OptionalWord, "rateest: can't specify --rateest-bps2 twice")
                .aliases(&["rateest-bps"]),
            once("rateest-pps2", Kind::OptionalWord, "rateest: can't specify --rateest-pps2 twice")
                .aliases(&["rateest-pps"]),
            once("rateest-delta", Kind::Flag, "rateest: can't specify --rateest-delta twice"),
            comparison("rateest-lt"),
            comparison("rateest-gt"),
            comparison("rateest-eq"),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Rateest::default(),
    parse,
    finish: |own, _, _| {
        // What the kernel does not look at is not kept.
        if !own.delta {
            own.first_rate = RatePair::default();
            if own.second.is_some() {
                own.second_rate = RatePair::default();
            }
        }
        Ok(())
    },
    save: |own, out| own.push_saved(out),
    list: |own, out, listing| own.push_listed(out, listing.numeric),
    check,
};

fn parse(
    own: &mut Rateest,
    call: &OptionCall<'_>,
    _: &mut crate::syntax::extension::Context<'_>,
) -> Result<(), Error> {
    let compares = matches!(call.name, "rateest-lt" | "rateest-gt" | "rateest-eq");
    if call.invert && !compares {
        let name = call.name.trim_end_matches(['1', '2']);
        return Err(call.error(format!("rateest: {name} can't be inverted")));
    }
    match call.name {
        "rateest1" => own.first = call.value.text().into(),
        "rateest2" => own.second = Some(call.value.text().into()),
        "rateest-bps1" => (own.bytes, own.first_rate.bytes) = (true, bytes(call)?),
        "rateest-bps2" => (own.bytes, own.second_rate.bytes) = (true, bytes(call)?),
        "rateest-pps1" => (own.packets, own.first_rate.packets) = (true, packets(call)?),
        "rateest-pps2" => (own.packets, own.second_rate.packets) = (true, packets(call)?),
        "rateest-delta" => own.delta = true,
        name => {
            own.invert |= call.invert;
            own.comparison = Some(match name {
                "rateest-lt" => Comparison::Less,
                "rateest-gt" => Comparison::Greater,
                _ => Comparison::Equal,
            });
        }
    }
    Ok(())
}

/// The endings of rates, upper or lower case, with the bits in one of each.
const ENDINGS: [(&str, f64); 18] = [
    ("bit", 1.0),
    ("kibit", 1_024.0),
    ("kbit", 1_000.0),
    ("mibit", 1_048_576.0),
    ("mbit", 1_000_000.0),
    ("gibit", 1_073_741_824.0),
    ("gbit", 1_000_000_000.0),
    ("tibit", 1_099_511_627_776.0),
    ("tbit", 1_000_000_000_000.0),
    ("bps", 8.0),
    ("kibps", 8_192.0),
    ("kbps", 8_000.0),
    ("mibps", 8_388_608.0),
    ("mbps", 8_000_000.0),
    ("gibps", 8_589_934_592.0),
    ("gbps", 8_000_000_000.0),
    ("tibps", 8_796_093_022_208.0),
    ("tbps", 8_000_000_000_000.0),
];

/// Bytes per second out of a number with an ending, or of bits; rounded down.
fn bytes(call: &OptionCall<'_>) -> Result<u32, Error> {
    if call.words.is_empty() {
        return Ok(0);
    }
    let text = call.text();
    let read = || {
        let (value, ending) = leading_float(text)?;
        let bits = match ENDINGS.iter().find(|(name, _)| ending.eq_ignore_ascii_case(name)) {
            Some((_, bits)) => *bits,
            None if ending.is_empty() => 1.0,
            None => return None,
        };
        let bytes = value * bits / 8.0;
        (bytes < 4_294_967_296.0).then_some(bytes as u32)
    };
    read().ok_or_else(|| call.error(format!("rateest: could not parse rate `{text}'")))
}

/// A number with a point or an exponent at the start of a text, not negative, and what stands behind it.
fn leading_float(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_start();
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or("");
        from + rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len())
    };
    let mut end = digits(usize::from(text.starts_with('+')));
    if text.get(end..).is_some_and(|rest| rest.starts_with('.')) {
        end = digits(end + 1);
    }
    if let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
        let sign = usize::from(rest.starts_with(['+', '-']));
        if rest.get(sign..).is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit())) {
            end = digits(end + 1 + sign);
        }
    }
    let (value, rest) = text.split_at_checked(end)?;
    Some((value.parse().ok().filter(|value: &f64| value.is_finite())?, rest))
}

fn packets(call: &OptionCall<'_>) -> Result<u32, Error> {
    if call.words.is_empty() {
        return Ok(0);
    }
    let read = number(call.text(), 0, u64::from(u32::MAX)).and_then(|number| u32::try_from(number).ok());
    read.ok_or_else(|| call.error(format!("rateest: could not parse pps `{}'", call.text())))
}

/// Bytes per second in bits, rounded to the nearest of the unit.
fn push_bits(out: &mut String, bytes: u32) {
    let bits = f64::from(bytes) * 8.0;
    // Why: rounded up, the largest rates cannot be read again.
    if !(1_000_000.0..34_359_500_000.0).contains(&bits) {
        put!(out, " {bits:.0}bit");
    } else if bits >= 1_000_000_000.0 {
        put!(out, " {:.0}Mbit", bits / 1_000_000.0);
    } else {
        put!(out, " {:.0}Kbit", bits / 1_000.0);
    }
}

impl Rateest {
    fn push_comparison(&self, out: &mut String, prefix: &str) {
        out.push_str(if self.invert { " !" } else { "" });
        if let Some(comparison) = self.comparison {
            let name = match comparison {
                Comparison::Less => "lt",
                Comparison::Greater => "gt",
                Comparison::Equal => "eq",
            };
            put!(out, " {prefix}{name}");
        }
    }

    fn push_saved(&self, out: &mut String) {
        out.push_str(if self.delta { " --rateest-delta" } else { "" });
        let one = if self.second.is_some() { "1" } else { "" };
        put!(out, " --rateest{one} ");
        push_word(out, &self.first);
        if self.delta {
            self.push_rates(out, "1", self.first_rate);
        }
        self.push_comparison(out, "--rateest-");
        match (self.delta, &self.second) {
            (true, _) => self.push_rates(out, "2", self.second_rate),
            (false, None) => self.push_rates(out, "", self.second_rate),
            (false, Some(_)) => {
                out.push_str(if self.bytes { " --rateest-bps" } else { "" });
                out.push_str(if self.packets { " --rateest-pps" } else { "" });
            }
        }
        if let Some(second) = &self.second {
            out.push_str(" --rateest2 ");
            push_word(out, second);
        }
    }

    fn push_rates(&self, out: &mut String, which: &str, rates: RatePair) {
        if self.bytes {
            put!(out, " --rateest-bps{which}");
            push_bits(out, rates.bytes);
        }
        if self.packets {
            put!(out, " --rateest-pps{which} {}", rates.packets);
        }
    }

    fn push_listed(&self, out: &mut String, numeric: bool) {
        let rate = |out: &mut String, bytes: u32| {
            if numeric { put!(out, " {bytes}") } else { push_bits(out, bytes) }
        };
        put!(out, " rateest match {}", self.first);
        out.push_str(if self.delta { " delta" } else { "" });
        if self.bytes {
            out.push_str(" bps");
            if self.delta {
                rate(out, self.first_rate.bytes);
            }
            if self.second.is_none() {
                rate(out, self.second_rate.bytes);
                self.push_comparison(out, "");
            }
        }
        if self.packets {
            out.push_str(" pps");
            if self.delta {
                put!(out, " {}", self.first_rate.packets);
            }
            if self.second.is_none() {
                self.push_comparison(out, "");
                put!(out, " {}", self.second_rate.packets);
            }
        }
        let Some(second) = &self.second else { return };
        self.push_comparison(out, "");
        put!(out, " {second}");
        if self.bytes {
            out.push_str(" bps");
            if self.delta {
                rate(out, self.second_rate.bytes);
            }
        }
        if self.packets {
            out.push_str(" pps");
            if self.delta {
                put!(out, " {}", self.second_rate.packets);
            }
        }
    }
}

/// Linux: `xt_rateest_mt_checkentry` in xt_rateest.c. Whether estimators exist is looked at for the whole table, see
/// [`crate::syntax::validity`].
fn check(own: &Rateest, _: &Site<'_>) -> Result<(), Refusal> {
    if !own.bytes && !own.packets {
        return Err(Refusal::invalid("`-m rateest' compares `--rateest-bps' or `--rateest-pps'"));
    }
    if own.comparison.is_none() {
        return Err(Refusal::invalid("`-m rateest' needs `--rateest-lt', `--rateest-gt' or `--rateest-eq'"));
    }
    Ok(())
}

const HELP: &str = "rateest match options:
 --rateest1 name\t\tRate estimator name
 --rateest2 name\t\tRate estimator name
 --rateest-delta\t\tCompare difference(s) to given rate(s)
 --rateest-bps1 [bps]\t\tCompare bps
 --rateest-pps1 [pps]\t\tCompare pps
 --rateest-bps2 [bps]\t\tCompare bps
 --rateest-pps2 [pps]\t\tCompare pps
 [!] --rateest-lt\t\tMatch if rate is less than given rate/estimator
 [!] --rateest-gt\t\tMatch if rate is greater than given rate/estimator
 [!] --rateest-eq\t\tMatch if rate is equal to given rate/estimator
";

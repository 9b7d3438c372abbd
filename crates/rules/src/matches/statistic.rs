//! Some of the packets, by chance or by count (`-m statistic`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{Calls, Context, Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, Value};

/// `-m statistic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistic {
    /// Whether `!` stands before `--probability` or `--every`.
    pub invert: bool,
    /// How packets are chosen.
    pub mode: StatisticMode,
}

/// How `-m statistic` chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticMode {
    /// `--mode random --probability`: chance in units of 2^-31 (0 to 2^31).
    Random {
        /// The probability times 2^31, rounded as the kernel stores it.
        probability: u32,
    },
    /// `--mode nth`: packets `packet`, `packet + every`, … counted from 0 (F72).
    Nth {
        /// Every how many; at least 1.
        every: u32,
        /// The first one; below `every`.
        packet: u32,
    },
}

/// One as a probability.
const ONE: f64 = 2_147_483_648.0;

/// `-m statistic` in the language.
pub const EXTENSION: Extension<Statistic> = Extension {
    spec: Spec {
        name: "statistic",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("mode", Kind::Word).mandatory(),
            OptionSpec::new("probability", Kind::Float { min: 0.0, max: 1.0 })
                .invertible()
                .excludes(&["every", "packet"]),
            OptionSpec::new("every", Kind::Number { min: 1, max: 0xffff_ffff })
                .invertible()
                .excludes(&["probability"])
                .needs(&["packet"]),
            OptionSpec::new("packet", Kind::U32).excludes(&["probability"]).needs(&["every"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Statistic { invert: false, mode: StatisticMode::Random { probability: 0 } },
    parse: |statistic, call, _| {
        match call.name {
            "mode" => {
                statistic.mode = match call.text() {
                    "random" => StatisticMode::Random { probability: 0 },
                    "nth" => StatisticMode::Nth { every: 1, packet: 0 },
                    text => {
                        return Err(call
                            .error(format!("Bad mode \"{text}\""))
                            .suggest(text, ["random", "nth"]));
                    }
                }
            }
            "packet" => {}
            _ => statistic.invert = call.invert,
        }
        Ok(())
    },
    finish,
    save: |statistic, out| statistic.push(out, "--", true),
    list: |statistic, out, _| {
        out.push_str(" statistic");
        statistic.push(out, "", false);
    },
    check: check_nothing,
};

/// The values come together here: options may stand in any order.
fn finish(statistic: &mut Statistic, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    let value = |name| calls.value(&EXTENSION.spec, name).map(|(value, _)| value);
    // Linux: lround, then 32 bits; the kernel looks at 31 random bits.
    let chance = value("probability").map(|value| {
        let rounded = if let Value::Float(chance) = value { (chance * ONE).round() } else { 0.0 };
        if rounded >= ONE { 1 << 31 } else { rounded as u32 }
    });
    let (number, first) = (value("every").map(Value::number_u32), value("packet").map(Value::number_u32));
    match &mut statistic.mode {
        StatisticMode::Random { probability } => match chance {
            Some(chance) => *probability = chance,
            None => return Err(calls.error("--probability must be specified when using random mode")),
        },
        StatisticMode::Nth { every, packet } => {
            if number.is_none() && first.is_none() {
                return Err(calls.error("--every and --packet must be specified when using nth mode"));
            }
            (*every, *packet) = (number.unwrap_or(1), first.unwrap_or(0));
        }
    }
    // Linux: whatever the mode is; probability and number share their place.
    let every = number.map(|number| number.wrapping_sub(1)).or(chance).unwrap_or(0);
    if first.is_some_and(|first| first > every) {
        return Err(calls.error("the --packet p must be 0 <= p <= n-1"));
    }
    Ok(())
}

impl Statistic {
    fn push(&self, out: &mut String, dashes: &str, zero: bool) {
        match self.mode {
            StatisticMode::Random { probability } => {
                put!(out, " {dashes}mode random");
                push_not(out, self.invert);
                put!(out, " {dashes}probability {:.11}", f64::from(probability) / ONE);
            }
            StatisticMode::Nth { every, packet } => {
                put!(out, " {dashes}mode nth");
                push_not(out, self.invert);
                put!(out, " {dashes}every {every}");
                if zero || packet != 0 {
                    put!(out, " {dashes}packet {packet}");
                }
            }
        }
    }
}

const HELP: &str = "statistic match options:
 --mode mode                    Match mode (random, nth)
 random mode:
[!] --probability p\t\t Probability
 nth mode:
[!] --every n\t\t\t Match every nth packet
 --packet p\t\t\t Initial counter value (0 <= p <= n-1, default 0)
";

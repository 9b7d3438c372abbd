//! A token bucket, or a measured rate, for each address or port (`-m hashlimit`, revision 3).
//!
//! Rates are kept as the kernel stores them, so that what is saved is what holds: packets as the time between two of
//! them in microseconds, bytes as a cost ([`cost_of_bytes`]), both rounded down.
use std::borrow::Cow;

use super::table_name;
use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::text::push_word;
use crate::syntax::value::{Kind, leading_number};

/// `-m hashlimit`. Rules of one name and family share a table, in all tables of a namespace; it is made as the first of
/// them says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashlimit {
    /// Whether more than the rate is meant (`--hashlimit-above`).
    pub above: bool,
    /// The rate.
    pub rate: Rate,
    /// `--hashlimit-burst`: packets, 1 to 1,000,000; for bytes how many times the rate, 0: none.
    pub burst: u64,
    /// `--hashlimit-mode`.
    pub key: Key,
    /// `--hashlimit-name`: 1 to 254 bytes.
    pub name: Box<str>,
    /// `--hashlimit-htable-size`: buckets, at most 1,048,576; 0: the kernel chooses.
    pub size: u32,
    /// `--hashlimit-htable-max`: entries, at most 1,048,576; 0: 8 for each bucket.
    pub most: u32,
    /// `--hashlimit-htable-gcinterval`: milliseconds between two looks for idle entries.
    pub collect: u32,
    /// `--hashlimit-htable-expire`: milliseconds after which an entry is idle.
    pub expire: u32,
    /// `--hashlimit-srcmask`: length of the prefix; `None`: the whole address.
    pub source_length: Option<u8>,
    /// `--hashlimit-dstmask`: length of the prefix; `None`: the whole address.
    pub destination_length: Option<u8>,
    /// `--hashlimit-rate-match` with `--hashlimit-rate-interval`: the rate is measured over so many seconds.
    pub interval: Option<u32>,
}

/// A rate as the kernel stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Microseconds between two packets; with `--hashlimit-rate-match` a second divided by the packets of an interval.
    Packets(u64),
    /// The cost of 16 bytes, where 2^32-1 are paid back each second.
    Bytes(u64),
}

/// What `--hashlimit-mode` puts together: bits for `srcip`, `srcport`, `dstip`, `dstport`; none: all packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(u8);

impl Key {
    /// The names in the order of printing.
    const NAMES: [(&'static str, Key); 4] =
        [("srcip", Key(1)), ("srcport", Key(2)), ("dstip", Key(4)), ("dstport", Key(8))];

    /// The key of bits 0 to 3: `srcip`, `srcport`, `dstip`, `dstport`.
    pub const fn from_bits(bits: u8) -> Key {
        Key(bits & 15)
    }

    /// Whether source addresses have buckets of their own.
    pub const fn source(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether source ports have.
    pub const fn source_port(self) -> bool {
        self.0 & 2 != 0
    }

    /// Whether destination addresses have.
    pub const fn destination(self) -> bool {
        self.0 & 4 != 0
    }

    /// Whether destination ports have.
    pub const fn destination_port(self) -> bool {
        self.0 & 8 != 0
    }

    fn push(self, out: &mut String, between: char) {
        let names = Self::NAMES.iter().filter(|(_, own)| self.0 & own.0 != 0);
        for (at, (name, _)) in names.enumerate() {
            out.push(if at == 0 { ' ' } else { between });
            out.push_str(name);
        }
    }
}

/// Microseconds in a second (`XT_HASHLIMIT_SCALE_v2`).
const SCALE: u64 = 1_000_000;
/// The largest burst in packets (`HASHLIMIT_BURST_MAX`).
const MOST_BURST: u64 = 1_000_000;
/// The largest table; the kernel cuts what is more.
const MOST_ENTRIES: u32 = 1_048_576;
/// Bytes that are counted as one: 2 to this power (`XT_HASHLIMIT_BYTE_SHIFT`).
pub const BYTE_SHIFT: u32 = 4;
/// Milliseconds after which an entry of a byte rate is idle, without and with a burst.
const BYTES_EXPIRE: [u32; 2] = [15_000, 60_000];

const UNITS: [(&str, u64); 4] = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];
const PRINTED: [(&str, u64); 4] = [("day", 86_400), ("hour", 3_600), ("min", 60), ("sec", 1)];
const BYTE_UNITS: [(&str, u64); 3] = [("m", 1 << 20), ("k", 1 << 10), ("", 1)];

/// The cost of 16 bytes at a rate of bytes per second (`bytes_to_cost`); 0: faster than can be said.
pub fn cost_of_bytes(bytes: u64) -> u64 {
    u64::from(u32::MAX) / ((bytes >> BYTE_SHIFT) + 1)
}

/// The bytes per second of a cost (`cost_to_bytes`).
pub fn bytes_of_cost(cost: u64) -> u64 {
    (u64::from(u32::MAX).checked_div(cost).unwrap_or(u64::from(u32::MAX)) - 1) << BYTE_SHIFT
}

/// `-m hashlimit` in the language.
pub const EXTENSION: Extension<Hashlimit> = Extension {
    spec: Spec {
        name: "hashlimit",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("hashlimit-upto", Kind::Word)
                .aliases(&["hashlimit"])
                .invertible()
                .excludes(&["hashlimit-above"]),
            OptionSpec::new("hashlimit-above", Kind::Word).invertible().excludes(&["hashlimit-upto"]),
            OptionSpec::new("hashlimit-srcmask", Kind::PrefixLength),
            OptionSpec::new("hashlimit-dstmask", Kind::PrefixLength),
            OptionSpec::new("hashlimit-burst", Kind::Word),
            OptionSpec::new("hashlimit-htable-size", Kind::U32),
            OptionSpec::new("hashlimit-htable-max", Kind::U32),
            OptionSpec::new("hashlimit-htable-gcinterval", Kind::U32),
            OptionSpec::new("hashlimit-htable-expire", Kind::U32),
            OptionSpec::new("hashlimit-mode", Kind::Word),
            OptionSpec::new("hashlimit-name", Kind::Text { min: 1, max: 0, cut: 254 }).mandatory(),
            OptionSpec::new("hashlimit-rate-match", Kind::Flag),
            OptionSpec::new("hashlimit-rate-interval", Kind::Word),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Hashlimit {
        above: false,
        rate: Rate::Packets(SCALE),
        burst: 5,
        key: Key::default(),
        name: "".into(),
        size: 0,
        most: 0,
        collect: 1_000,
        expire: 0,
        source_length: None,
        destination_length: None,
        interval: None,
    },
    parse,
    finish,
    save: |own, out| {
        out.push_str(if own.above { " --hashlimit-above" } else { " --hashlimit-upto" });
        let idle = match own.rate {
            Rate::Bytes(cost) => push_bytes(out, cost, own.burst, "--hashlimit-", true),
            Rate::Packets(period) => {
                let idle = push_packets(out, period);
                put!(out, " --hashlimit-burst {}", own.burst);
                idle
            }
        };
        if own.key != Key::default() {
            out.push_str(" --hashlimit-mode");
            own.key.push(out, ',');
        }
        out.push_str(" --hashlimit-name ");
        push_word(out, &own.name);
        own.push_rest(out, " --hashlimit-", idle);
    },
    list: |own, out, _| {
        out.push_str(if own.above { " limit: above" } else { " limit: up to" });
        let idle = match own.rate {
            Rate::Bytes(cost) => push_bytes(out, cost, own.burst, "", false),
            Rate::Packets(period) => {
                let idle = push_packets(out, period.saturating_mul(own.interval.unwrap_or(1).into()));
                put!(out, " burst {}", own.burst);
                idle
            }
        };
        if own.key != Key::default() {
            out.push_str(" mode");
            own.key.push(out, '-');
        }
        own.push_rest(out, " ", idle);
    },
    check,
};

impl Hashlimit {
    fn push_rest(&self, out: &mut String, prefix: &str, idle: u32) {
        let mut number = |name: &str, value: u32, usual: u32| {
            if value != usual {
                put!(out, "{prefix}{name} {value}");
            }
        };
        number("htable-size", self.size, 0);
        number("htable-max", self.most, 0);
        number("htable-gcinterval", self.collect, 1_000);
        number("htable-expire", self.expire, idle);
        for (name, length) in [("srcmask", self.source_length), ("dstmask", self.destination_length)] {
            if let Some(length) = length {
                put!(out, "{prefix}{name} {length}");
            }
        }
        if let Some(interval) = self.interval {
            put!(out, "{prefix}rate-match");
            if interval != 1 {
                put!(out, "{prefix}rate-interval {interval}");
            }
        }
    }
}

/// Appends the largest unit in which a period is a number of packets (`print_rate`), and gives its milliseconds.
fn push_packets(out: &mut String, period: u64) -> u32 {
    if period == 0 {
        out.push_str(" inf");
        return 0;
    }
    let mut chosen = PRINTED[0];
    for unit in PRINTED.into_iter().skip(1) {
        let length = SCALE * unit.1;
        if period > length || length / period < length % period {
            break;
        }
        chosen = unit;
    }
    put!(out, " {}/{}", SCALE * chosen.1 / period, chosen.0);
    milliseconds(chosen.1)
}

/// Appends a rate of bytes and its burst (`print_bytes`), and gives the milliseconds after which entries are idle.
fn push_bytes(out: &mut String, cost: u64, burst: u64, prefix: &str, saved: bool) -> u32 {
    let rate = bytes_of_cost(cost);
    // Linux: the bits that are kept are those of 32, so that no rate from 4 GiB on is a number of `mb`.
    let kept = |size: u64| rate & (u64::from(u32::MAX) & !(size - 1));
    let fits = |&(_, size): &(&str, u64)| rate >= size && cost_of_bytes(kept(size)) == cost;
    let (unit, size) = BYTE_UNITS.into_iter().find(fits).unwrap_or(("", 1));
    // Why: iptables saves less than 16 bytes per second as 0b/s, which it cannot read.
    let shown = if saved { (rate / size).max(1) } else { rate / size };
    put!(out, " {shown}{unit}b/s");
    if burst == 0 {
        return BYTES_EXPIRE[0];
    }
    let whole = u128::from(rate) * u128::from(burst);
    let (unit, size) = BYTE_UNITS.into_iter().find(|&(_, size)| whole >= size.into()).unwrap_or(("", 1));
    put!(out, " {prefix}burst {}{unit}b", whole / u128::from(size));
    BYTES_EXPIRE[1]
}

fn milliseconds(seconds: u64) -> u32 {
    u32::try_from(seconds * 1_000).unwrap_or(u32::MAX)
}

fn parse(own: &mut Hashlimit, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    let bits = u64::from(context.family.bits());
    let length =
        || Some(call.value.number()).filter(|&length| length != bits).map(|_| call.value.number_u8());
    match call.name {
        "hashlimit-upto" => {
            (own.rate, own.expire) = rate(call)?;
            own.above = call.invert;
        }
        "hashlimit-above" => {
            (own.rate, own.expire) = rate(call)?;
            own.above = !call.invert;
        }
        "hashlimit-srcmask" => own.source_length = length(),
        "hashlimit-dstmask" => own.destination_length = length(),
        "hashlimit-burst" => own.burst = burst(call)?,
        // Linux: the kernel cuts both and writes them back into the rule (`hashlimit_mt_check_common`).
        "hashlimit-htable-size" => own.size = call.value.number_u32().min(MOST_ENTRIES),
        "hashlimit-htable-max" => own.most = call.value.number_u32().min(MOST_ENTRIES),
        "hashlimit-htable-gcinterval" => own.collect = call.value.number_u32(),
        "hashlimit-mode" => {
            for word in call.text().split([',', '|']).filter(|word| !word.is_empty()) {
                let key = Key::NAMES.iter().find(|(name, _)| *name == word);
                let names = Key::NAMES.map(|(name, _)| name);
                own.key.0 |= key.ok_or_else(|| call.bad_value().suggest(word, names))?.1.0;
            }
        }
        "hashlimit-name" => own.name = call.value.text().into(),
        "hashlimit-rate-interval" => own.interval = Some(interval(call)?),
        // The rate, of whose unit it depends, may stand behind it.
        "hashlimit-rate-match" => own.interval = Some(own.interval.unwrap_or(0)),
        // Read at the end: without it the rate decides.
        _ => {}
    }
    Ok(())
}

/// What C's `atoi` and `strtoull` read: blanks, a sign, digits, anything behind. A minus makes a large number.
fn leading_decimal(text: &str) -> u64 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut number = 0_u64;
    for digit in digits.bytes().take_while(u8::is_ascii_digit) {
        number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    }
    if negative && number != 0 { u64::MAX } else { number }
}

/// `N[/UNIT]` or `N[k|m]b/s`, and the milliseconds after which entries of such a rate are idle.
fn rate(call: &OptionCall<'_>) -> Result<(Rate, u32), Error> {
    let text = call.text();
    let number = leading_decimal(text);
    if number == 0 {
        return Err(call.bad_value());
    }
    if let Some(front) = text.find("b/s").and_then(|at| text.get(..at)).filter(|front| !front.is_empty()) {
        let factor = if front.ends_with('m') {
            1 << 20
        } else if front.ends_with('k') {
            1 << 10
        } else {
            1
        };
        let cost = cost_of_bytes(number.saturating_mul(factor));
        return match cost {
            0 => Err(call.error(format!("Rate too high \"{text}\""))),
            cost => Ok((Rate::Bytes(cost), BYTES_EXPIRE[0])),
        };
    }
    let seconds = match text.split_once('/') {
        None => 1,
        Some((_, unit)) => {
            let fits =
                |name: &str| name.get(..unit.len()).is_some_and(|head| head.eq_ignore_ascii_case(unit));
            let unit = UNITS.iter().find(|(name, _)| !unit.is_empty() && fits(name));
            unit.ok_or_else(|| call.bad_value())?.1
        }
    };
    match SCALE * seconds / number {
        0 => Err(call.error(format!("Rate too fast \"{text}\""))),
        period => Ok((Rate::Packets(period), milliseconds(seconds))),
    }
}

const BAD_BURST: &str = "bad value for option \"--hashlimit-burst\", or out of range (1-1000000).";

/// `N`, `Nk`, `Nm`; what else stands behind the number does not count.
fn burst(call: &OptionCall<'_>) -> Result<u64, Error> {
    let text = call.text();
    let read = leading_number(text).filter(|&(number, _)| number > 0);
    let read = read.filter(|&(number, rest)| !rest.is_empty() || number <= MOST_BURST);
    let (number, rest) = read.ok_or_else(|| call.error(BAD_BURST))?;
    let factor = if rest.starts_with('m') {
        1 << 20
    } else if rest.starts_with('k') {
        1 << 10
    } else {
        1
    };
    number.checked_mul(factor).ok_or_else(|| {
        let most = u64::MAX >> 20;
        call.error(format!(
            "bad value for option \"--hashlimit-burst\", value \"{text}\" too large (max {most}mb)."
        ))
    })
}

/// Seconds, 1 to 2^31-1.
fn interval(call: &OptionCall<'_>) -> Result<u32, Error> {
    let seconds = i32::try_from(leading_decimal(call.text())).ok().filter(|&seconds| seconds > 0);
    seconds.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| call.bad_value())
}

/// What depends on several options. `expire` still is what the rate alone gives.
fn finish(own: &mut Hashlimit, calls: &Calls, _: &mut Context<'_>) -> Result<(), Error> {
    let value = |name| calls.value(&EXTENSION.spec, name).map(|(value, _)| value);
    if value("hashlimit-upto").is_none() && value("hashlimit-above").is_none() {
        return Err(calls.error("You have to specify --hashlimit"));
    }
    if value("hashlimit-rate-match").is_none() {
        own.interval = None;
    }
    let seconds = (own.expire / 1_000).max(1);
    let with_burst = value("hashlimit-burst").is_some();
    match &mut own.rate {
        Rate::Bytes(cost) => {
            let rate = bytes_of_cost(*cost);
            if with_burst {
                if own.burst < rate {
                    return Err(calls.error(format!("burst cannot be smaller than {rate}b")));
                }
                if rate == 0 {
                    return Err(calls.error(BAD_BURST));
                }
                own.expire = BYTES_EXPIRE[1];
            }
            let times = if with_burst { own.burst.div_ceil(rate) } else { 0 };
            // Why: it is saved as bytes again, rounded up to the rate.
            if times.checked_mul(rate).is_none() {
                return Err(calls.error(BAD_BURST));
            }
            own.burst = times;
            own.interval = own.interval.map(|typed| typed.max(1));
        }
        Rate::Packets(period) => {
            if own.burst > MOST_BURST {
                return Err(calls.error(BAD_BURST));
            }
            if let Some(typed) = &mut own.interval {
                *period /= u64::from(seconds);
                if *typed == 0 {
                    *typed = seconds;
                }
            }
        }
    }
    if let Some(expire) = value("hashlimit-htable-expire") {
        own.expire = expire.number_u32();
    }
    Ok(())
}

/// Linux: `hashlimit_mt_check`, `hashlimit_mt_check_common` in xt_hashlimit.c.
fn check(own: &Hashlimit, site: &Site<'_>) -> Result<(), Refusal> {
    table_name::check(&own.name)?;
    if own.collect == 0 || own.expire == 0 {
        return Err(Refusal::invalid("`--hashlimit-htable-gcinterval' and `-expire' are at least 1"));
    }
    let bits = site.family.bits();
    if own.source_length.unwrap_or(0) > bits || own.destination_length.unwrap_or(0) > bits {
        return Err(Refusal::invalid("a mask of `-m hashlimit' is no prefix"));
    }
    match (own.rate, own.interval) {
        (Rate::Packets(average) | Rate::Bytes(average), Some(_)) => {
            if average == 0 || average > u64::from(u32::MAX) {
                return Err(Refusal::out_of_range(
                    "a rate for `--hashlimit-rate-match' is at most 1000000/sec",
                ));
            }
        }
        (Rate::Bytes(cost), None) => {
            if byte_credits(cost) == 0 {
                return Err(Refusal::invalid("the kernel counts less than 17179869184 bytes in a second"));
            }
        }
        (Rate::Packets(period), None) => {
            let whole = packet_credits(period.wrapping_mul(own.burst));
            if own.burst == 0 || whole < packet_credits(period) {
                return Err(Refusal::out_of_range(
                    "the rate and `--hashlimit-burst' together exceed the 64 bits of the kernel's bucket",
                ));
            }
        }
    }
    Ok(())
}

/// What a packet costs in the kernel's credits, of which 137,438,953,472,000 come each second. Linux: `user2credits`;
/// the factor is the same for HZ of 250 and 1000.
pub const fn packet_credits(period: u64) -> u64 {
    period.wrapping_mul(CREDITS_PER_SECOND / SCALE)
}

/// What 16 bytes cost. Linux: `user2credits_byte`.
pub const fn byte_credits(cost: u64) -> u64 {
    cost.wrapping_mul(BYTE_CREDITS_PER_SECOND) >> 32
}

/// Credits for packets that come each second: HZ times `CREDITS_PER_JIFFY`, for HZ of 250.
pub const CREDITS_PER_SECOND: u64 = 250 << 39;
/// Credits for bytes that come each second: HZ times `CREDITS_PER_JIFFY_BYTES`, for HZ of 250.
pub const BYTE_CREDITS_PER_SECOND: u64 = 250 << 24;

const HELP: &str = "hashlimit match options:
  --hashlimit-upto <avg>           max average match rate
                                   [Packets per second unless followed by \n                                   /sec /minute /hour /day postfixes]
  --hashlimit-above <avg>          min average match rate
  --hashlimit-mode <mode>          mode is a comma-separated list of
                                   dstip,srcip,dstport,srcport (or none)
  --hashlimit-srcmask <length>     source address grouping prefix length
  --hashlimit-dstmask <length>     destination address grouping prefix length
  --hashlimit-name <name>          name for /proc/net/ipt_hashlimit
  --hashlimit-burst <num>\t    number to match in a burst, default 5
  --hashlimit-htable-size <num>    number of hashtable buckets
  --hashlimit-htable-max <num>     number of hashtable entries
  --hashlimit-htable-gcinterval    interval between garbage collection runs
  --hashlimit-htable-expire        after which time are idle entries expired?
  --hashlimit-rate-match           rate match the flow without rate-limiting it
  --hashlimit-rate-interval        interval in seconds for hashlimit-rate-match

";

//! The class of traffic control (`-j CLASSIFY`).
use std::borrow::Cow;

use crate::syntax::extension::{Extension, Families, OptionSpec, Place, Spec, check_nothing, finish_nothing};
use crate::syntax::value::Kind;
use crate::{Hook, put};

/// `-j CLASSIFY --set-class`: the priority of the packet (`skb->priority`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classify {
    /// The major number in the upper half, the minor one in the lower half.
    pub priority: u32,
}

/// `-j CLASSIFY` in the language.
pub const EXTENSION: Extension<Classify> = Extension {
    spec: Spec {
        name: "CLASSIFY",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("set-class", Kind::Word).mandatory()],
        place: Place::hooks(&[Hook::Output, Hook::Forward, Hook::Postrouting]),
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Classify { priority: 0 },
    parse: |classify, call, _| {
        let text = call.text();
        classify.priority = class(text).ok_or_else(|| {
            call.error(format!("Bad class value \"{text}\""))
                .because("a class is MAJOR:MINOR, two hexadecimal numbers of at most four digits")
        })?;
        Ok(())
    },
    finish: finish_nothing,
    save: |classify, out| {
        put!(out, " --set-class {:04x}:{:04x}", classify.priority >> 16, classify.priority & 0xffff);
    },
    list: |classify, out, _| {
        put!(out, " CLASSIFY set {:x}:{:x}", classify.priority >> 16, classify.priority & 0xffff);
    },
    check: check_nothing,
};

/// Linux: `sscanf("%x:%x")`: of each number the low 16 bits count, and what stands behind the second one does not.
fn class(text: &str) -> Option<u32> {
    let (major, rest) = hexadecimal(text)?;
    let (minor, _) = hexadecimal(rest.strip_prefix(':')?)?;
    Some((major << 16) | (minor & 0xffff))
}

/// A number as `sscanf("%x")` reads it: blanks, a sign, `0x` and the digits, which may be missing behind `0x`.
fn hexadecimal(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (prefixed, digits) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let end = digits.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end)?;
    if digits.is_empty() && !prefixed {
        return None;
    }
    // Linux: `strtoul` gives the largest number where the digits are too many.
    let number = match u64::from_str_radix(digits, 16) {
        Ok(number) if negative => number.wrapping_neg(),
        Ok(number) => number,
        Err(_) if digits.is_empty() => 0,
        Err(_) => u64::MAX,
    };
    Some((u32::try_from(number & 0xffff_ffff).unwrap_or(0), rest))
}

const HELP: &str = "CLASSIFY target options:
--set-class MAJOR:MINOR    Set skb->priority value (always hexadecimal!)
";

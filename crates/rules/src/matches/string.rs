//! Bytes anywhere in a packet (`-m string`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m string`. Offsets count from the start of the IP header (F75).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringMatch {
    /// Whether `!` stands before the pattern.
    pub invert: bool,
    /// The bytes: 1 to 128.
    pub pattern: Box<[u8]>,
    /// `--algo`.
    pub algorithm: Algorithm,
    /// `--from`: first offset, 0 by default.
    pub from: u16,
    /// `--to`: the end, 65535 by default.
    pub to: u16,
    /// `--icase`.
    pub ignore_case: bool,
}

/// `--algo`. The first two find the same; the others are refused when the rule is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Boyer-Moore.
    Bm,
    /// Knuth-Pratt-Morris.
    Kmp,
    /// `fsm`: the kernel has it, but not for patterns of this kind. Never in a ruleset.
    Fsm,
    /// A name that the kernel has not. Never in a ruleset.
    Unknown(Box<str>),
}

impl Algorithm {
    fn name(&self) -> &str {
        match self {
            Self::Bm => "bm",
            Self::Kmp => "kmp",
            Self::Fsm => "fsm",
            Self::Unknown(name) => name,
        }
    }
}

/// The longest pattern in bytes (`XT_STRING_MAX_PATTERN_SIZE`).
const MAX: usize = 128;

/// `-m string` in the language.
pub const EXTENSION: Extension<StringMatch> = Extension {
    spec: Spec {
        name: "string",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("from", Kind::U16),
            OptionSpec::new("to", Kind::U16),
            OptionSpec::new("algo", Kind::Word).mandatory(),
            OptionSpec::new("string", Kind::Word).invertible().excludes(&["hex-string"]),
            OptionSpec::new("hex-string", Kind::Word).invertible().excludes(&["string"]),
            OptionSpec::new("icase", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| StringMatch {
        invert: false,
        pattern: Box::default(),
        algorithm: Algorithm::Bm,
        from: 0,
        to: u16::MAX,
        ignore_case: false,
    },
    parse: parse_option,
    finish: |_, calls: &Calls, _| {
        let has = |name| calls.has(&EXTENSION.spec, name);
        if !has("string") && !has("hex-string") {
            return Err(calls.error("STRING match: You must specify `--string' or `--hex-string'"));
        }
        Ok(())
    },
    save: |string, out| {
        push_not(out, string.invert);
        out.push_str(if string.is_hexadecimal() { " --hex-string" } else { " --string" });
        string.push_pattern(out);
        put!(out, " --algo {}", string.algorithm.name());
        if string.from != 0 {
            put!(out, " --from {}", string.from);
        }
        if string.to != u16::MAX {
            put!(out, " --to {}", string.to);
        }
        if string.ignore_case {
            out.push_str(" --icase");
        }
    },
    list: |string, out, _| {
        put!(out, " STRING match {}", if string.invert { "!" } else { "" });
        string.push_pattern(out);
        put!(out, " ALGO name {}", string.algorithm.name());
        if string.from != 0 {
            put!(out, " FROM {}", string.from);
        }
        if string.to != u16::MAX {
            put!(out, " TO {}", string.to);
        }
        if string.ignore_case {
            out.push_str(" ICASE");
        }
    },
    check,
};

fn parse_option(string: &mut StringMatch, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let offset = || u16::try_from(call.value.number()).unwrap_or(u16::MAX);
    match call.name {
        "from" => string.from = offset(),
        "to" => string.to = offset(),
        "algo" => {
            string.algorithm = match call.text() {
                "bm" => Algorithm::Bm,
                "kmp" => Algorithm::Kmp,
                "fsm" => Algorithm::Fsm,
                name => Algorithm::Unknown(name.into()),
            };
        }
        "icase" => string.ignore_case = true,
        name => {
            string.invert = call.invert;
            string.pattern = match name {
                "string" => call.text().as_bytes().into(),
                _ => hexadecimal(call)?.into(),
            };
            if string.pattern.len() > MAX {
                return Err(call.error(format!("STRING too long \"{}\"", call.text())));
            }
        }
    }
    Ok(())
}

/// `--hex-string`: text in which `|` begins and ends hexadecimal bytes and a backslash takes the next byte as it is.
/// Behind a closing `|` one byte is always text, as upstream reads it.
fn hexadecimal(call: &OptionCall<'_>) -> Result<Vec<u8>, Error> {
    let text = call.text().as_bytes();
    if text.is_empty() {
        return Err(call.error("STRING must contain at least one char"));
    }
    let at = |index: usize| text.get(index).copied();
    let wrong =
        |index: usize, words: &str| call.error_at(index, (index + 1).min(text.len()), words.to_owned());
    let mut pattern = Vec::new();
    let mut inside = false;
    let mut index = 0;
    while let Some(byte) = at(index) {
        let mut literal = false;
        if byte == b'\\' && !inside {
            literal = true;
        } else if byte == b'\\' {
            return Err(wrong(index, "Cannot include literals in hex data"));
        } else if byte == b'|' {
            inside = !inside;
            while inside && at(index + 1) == Some(b' ') {
                index += 1;
            }
            index += 1;
            if index >= text.len() {
                break;
            }
        }
        if literal {
            let next = at(index + 1).ok_or_else(|| wrong(index, "Bad literal placement at end of string"))?;
            pattern.push(next);
            index += 2;
        } else if inside {
            if index + 1 >= text.len() {
                return Err(wrong(index, "Odd number of hex digits"));
            }
            if index + 2 >= text.len() {
                return Err(wrong(index, "Invalid hex block"));
            }
            let digit = |index: usize| {
                let byte = at(index).unwrap_or(0);
                let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit.ok_or_else(|| wrong(index, &format!("Invalid hex char '{}'", char::from(byte))))
            };
            pattern.push(digit(index)? << 4 | digit(index + 1)?);
            index += if at(index + 2) == Some(b' ') { 3 } else { 2 };
        } else {
            pattern.extend(at(index));
            index += 1;
        }
    }
    Ok(pattern)
}

impl StringMatch {
    /// Whether the pattern is printed in hexadecimal: where a byte is not printable ASCII, or the last is a backslash.
    fn is_hexadecimal(&self) -> bool {
        self.pattern.iter().any(|byte| !(0x20..0x7f).contains(byte)) || self.pattern.last() == Some(&b'\\')
    }

    fn push_pattern(&self, out: &mut String) {
        if self.is_hexadecimal() {
            out.push_str(" \"|");
            for byte in &self.pattern {
                put!(out, "{byte:02x}");
            }
            out.push_str("|\"");
            return;
        }
        out.push_str(" \"");
        for &byte in &self.pattern {
            if matches!(byte, b'"' | b'\\') {
                out.push('\\');
            }
            out.push(char::from(byte));
        }
        out.push('"');
    }
}

/// Linux: `string_mt_check` in xt_string.c and `textsearch_prepare`.
fn check(string: &StringMatch, _: &Site<'_>) -> Result<(), Refusal> {
    if string.from > string.to {
        return Err(Refusal::invalid("`--from' lies behind `--to'"));
    }
    if string.pattern.is_empty() {
        return Err(Refusal::invalid("the pattern of `-m string' is empty"));
    }
    match string.algorithm {
        Algorithm::Unknown(_) => Err(Refusal::no_entry("`--algo' is `bm' or `kmp'")),
        Algorithm::Fsm => Err(Refusal::invalid("`--algo' is `bm' or `kmp'")),
        _ => Ok(()),
    }
}

const HELP: &str = "string match options:
--from                       Offset to start searching from
--to                         Offset to stop searching
--algo                       Algorithm
--icase                      Ignore case (default: 0)
[!] --string string          Match a string in a packet
[!] --hex-string string      Match a hex string in a packet
";

//! The options of IPv6's destination options header (`-m dst`), and all that it shares with `-m hbh`.
use std::borrow::Cow;

use super::extension_header::{self as header, Length};
use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::value::{Kind, leading_number};

/// `-m dst` and `-m hbh`: what a header of options has to be (Linux: `struct ip6t_opts`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderOptions {
    /// `--dst-len`, `--hbh-len`: the length of the whole header in bytes.
    pub length: Option<Length>,
    /// `--dst-opts`, `--hbh-opts`: the options with which the header begins, in this order; at most 16. Empty: any.
    pub options: Box<[HeaderOption]>,
}

/// `-m dst`.
pub type Dst = HeaderOptions;

/// One option of an options header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeaderOption {
    /// Its type.
    pub kind: u8,
    /// The length of its data in bytes, 0 to 254; `None`: any.
    pub length: Option<u8>,
}

/// The most options of a list (`IP6T_OPTS_OPTSNR`).
pub const MOST: usize = 16;

/// `-m dst` in the language.
pub const EXTENSION: Extension<Dst> = Extension {
    spec: Spec {
        name: "dst",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("dst-len", Kind::U32).invertible(),
            OptionSpec::new("dst-opts", Kind::Word),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Dst::default(),
    parse: |dst, call, _| dst.parse(call, "PAD0 hasn't got length"),
    finish: finish_nothing,
    save: |dst, out| dst.save(out, "dst"),
    list: |dst, out, _| dst.list(out, "dst"),
    check: check_nothing,
};

impl HeaderOptions {
    /// Reads an option of either extension; `pad` is what each says of a length behind type 0.
    pub(super) fn parse(&mut self, call: &OptionCall<'_>, pad: &'static str) -> Result<(), Error> {
        if call.name.ends_with("-len") {
            self.length = header::length(call);
        } else {
            self.options = options(call, pad)?;
        }
        Ok(())
    }

    /// Prints for `-S`; `name` is `dst` or `hbh`.
    pub(super) fn save(&self, out: &mut String, name: &str) {
        header::push_saved(out, &format!("{name}-len"), self.length);
        if !self.options.is_empty() {
            put!(out, " --{name}-opts");
            self.push_options(out);
        }
    }

    /// Prints for `-L`.
    pub(super) fn list(&self, out: &mut String, name: &str) {
        put!(out, " {name}");
        header::push_listed(out, self.length);
        if !self.options.is_empty() {
            out.push_str(" opts");
            self.push_options(out);
        }
    }

    fn push_options(&self, out: &mut String) {
        for (at, option) in self.options.iter().enumerate() {
            put!(out, "{}{}", if at == 0 { ' ' } else { ',' }, option.kind);
            if let Some(length) = option.length {
                put!(out, ":{length}");
            }
        }
    }
}

/// `TYPE[:LENGTH]`, up to 16 of them with commas between. Numbers beyond a byte keep their last eight bits, and a length
/// of 255 is any, as upstream stores them.
fn options(call: &OptionCall<'_>, pad: &'static str) -> Result<Box<[HeaderOption]>, Error> {
    let text = call.text();
    let mut options = Vec::new();
    let mut start = 0;
    for part in text.split(',') {
        let end = start + part.len();
        if options.len() == MOST {
            return Err(call.error_at(start, text.len(), "too many addresses specified"));
        }
        let (kind, length) = match part.split_once(':') {
            Some((kind, length)) => (kind, Some(length)),
            None => (part, None),
        };
        if length.is_some() && options.len() == MOST - 1 {
            return Err(call.error_at(start, end, "too many ports specified"));
        }
        let number = |text: &str, what, from: usize| {
            byte(text).map_err(|wrong| {
                let words = match wrong {
                    Wrong::NoDigits => format!("{}: no valid digits in {what} `{text}'", call.extension),
                    Wrong::TooBig => format!("{what} `{text}' specified too big: would overflow"),
                    Wrong::Behind => format!("{}: error parsing {what} `{text}'", call.extension),
                };
                call.error_at(from, end, words)
            })
        };
        let kind_number = number(kind, "opt", start)?;
        let length = match length {
            Some(_) if kind_number == 0 => return Err(call.error_at(start, end, pad)),
            Some(length) => {
                Some(number(length, "length", start + kind.len() + 1)?).filter(|&own| own != 0xff)
            }
            None => None,
        };
        options.push(HeaderOption { kind: kind_number, length });
        start = end + 1;
    }
    Ok(options.into())
}

enum Wrong {
    NoDigits,
    TooBig,
    Behind,
}

/// A whole text as a number of C's `strtoul`, which may have a minus, cut to its last eight bits.
fn byte(text: &str) -> Result<u8, Wrong> {
    let (negative, digits) = match text.trim_start().strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let bare = digits.trim_start_matches(' ').trim_start_matches('+');
    if !bare.starts_with(|first: char| first.is_ascii_digit()) || (negative && bare.len() != digits.len()) {
        return Err(Wrong::NoDigits);
    }
    match leading_number(digits) {
        None => Err(Wrong::TooBig),
        Some((value, "")) => {
            let value = if negative { value.wrapping_neg() } else { value };
            Ok(value.to_le_bytes()[0])
        }
        Some(_) => Err(Wrong::Behind),
    }
}

const HELP: &str = "dst match options:
[!] --dst-len length            total length of this header
  --dst-opts TYPE[:LEN][,TYPE[:LEN]...]
                                Options and its length (list, max: 16)
";

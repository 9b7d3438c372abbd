//! Overwrites TCP options (`-j TCPOPTSTRIP`).
use std::borrow::Cow;

use packet::protocol;

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::value::{Kind, number};
use crate::{Table, put};

/// `-j TCPOPTSTRIP`: the kinds of options that are replaced by no-operations (F74). It may be none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcpoptstrip {
    /// Bit `kind % 64` of word `kind / 64`.
    kinds: [u64; 4],
}

impl Tcpoptstrip {
    /// Whether a kind is among them.
    pub fn has(&self, kind: u8) -> bool {
        self.kinds.get(usize::from(kind >> 6)).is_some_and(|word| word >> (kind & 63) & 1 == 1)
    }

    /// Adds a kind; 0 and 1, which are no options to strip, must not be added.
    pub fn add(&mut self, kind: u8) {
        if let Some(word) = self.kinds.get_mut(usize::from(kind >> 6)) {
            *word |= 1 << (kind & 63);
        }
    }

    /// The kinds, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|&kind| self.has(kind))
    }
}

/// Names of kinds.
const NAMES: [(&str, u8); 6] =
    [("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];

/// `-j TCPOPTSTRIP` in the language.
pub const EXTENSION: Extension<Tcpoptstrip> = Extension {
    spec: Spec {
        name: "TCPOPTSTRIP",
        aliases: &[],
        families: Families::Both,
        options: &[OptionSpec::new("strip-options", Kind::Word)],
        place: Place { tables: &[Table::Mangle], hooks: &[], protocol: Some(protocol::TCP) },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Tcpoptstrip::default(),
    parse: parse_option,
    finish: finish_nothing,
    save: |strip, out| {
        for (at, kind) in strip.iter().enumerate() {
            put!(out, "{}{kind}", if at == 0 { " --strip-options " } else { "," });
        }
    },
    list: |strip, out, listing| {
        for (at, kind) in strip.iter().enumerate() {
            out.push_str(if at == 0 { " TCPOPTSTRIP options " } else { "," });
            match NAMES.iter().find(|(_, own)| *own == kind) {
                Some((name, _)) if !listing.numeric => out.push_str(name),
                _ => put!(out, "{kind}"),
            }
        }
    },
    check: check_nothing,
};

fn parse_option(strip: &mut Tcpoptstrip, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let mut start = 0;
    for word in call.text().split(',') {
        let end = start + word.len();
        let named = NAMES.iter().find(|(name, _)| *name == word).map(|&(_, kind)| kind);
        let kind = named.or_else(|| number(word, 0, 255).and_then(|kind| u8::try_from(kind).ok()));
        let kind = kind.ok_or_else(|| {
            call.error_at(start, end, format!("Bad TCP option value \"{word}\""))
                .suggest(word, NAMES.map(|(name, _)| name))
        })?;
        if kind < 2 {
            return Err(call.error_at(start, end, "Option value may not be 0 or 1"));
        }
        if strip.has(kind) {
            return Err(call.error_at(start, end, format!("Option \"{word}\" already specified")));
        }
        strip.add(kind);
        start = end + 1;
    }
    Ok(())
}

const HELP: &str = "TCPOPTSTRIP target options:
  --strip-options value     strip specified TCP options denoted by value
                            (separated by comma) from TCP header
  Instead of the numeric value, you can also use the following names:
    wscale            strip \"Window scale\" option
    mss               strip \"Maximum Segment Size\" option
    sack-permitted    strip \"SACK permitted\" option
    sack              strip \"Selective ACK\" option
    timestamp         strip \"Timestamp\" option
    md5               strip \"MD5 signature\" option
";

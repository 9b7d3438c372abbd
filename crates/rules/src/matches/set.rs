//! Addresses and ports that are in a set of ipset (`-m set`).
use std::borrow::Cow;

use crate::put;
use crate::set::SetReference;
use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Repeat, Spec, check_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::{Kind, number};

/// `-m set`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetMatch {
    /// `--match-set`; every rule has it.
    pub set: Option<SetReference>,
    /// `! --match-set`.
    pub invert: bool,
    /// `--return-nomatch`: a member that is marked `nomatch` is a hit.
    pub return_nomatch: bool,
    /// `! --update-counters`: the counters of the member stay as they are.
    pub keep_counters: bool,
    /// `! --update-subcounters`: those of the members of a list's sets stay as they are.
    pub keep_subcounters: bool,
    /// `--packets-eq`, `-lt`, `-gt`: what the packet counter of the member must be.
    pub packets: Option<Comparison>,
    /// The same of bytes.
    pub bytes: Option<Comparison>,
}

/// A condition on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `-eq`.
    Equal(u64),
    /// `! -eq`.
    NotEqual(u64),
    /// `-lt`.
    Less(u64),
    /// `-gt`.
    Greater(u64),
}

impl Comparison {
    /// Whether a counter fits.
    pub fn holds(self, counter: u64) -> bool {
        match self {
            Self::Equal(value) => counter == value,
            Self::NotEqual(value) => counter != value,
            Self::Less(value) => counter < value,
            Self::Greater(value) => counter > value,
        }
    }

    fn push(self, out: &mut String, dashes: &str, counter: &str) {
        let (invert, name, value) = match self {
            Self::Equal(value) => (false, "eq", value),
            Self::NotEqual(value) => (true, "eq", value),
            Self::Less(value) => (false, "lt", value),
            Self::Greater(value) => (false, "gt", value),
        };
        push_not(out, invert);
        put!(out, " {dashes}{counter}-{name} {value}");
    }
}

const DEPRECATED: &str = "--set option deprecated, please use --match-set";

const fn counter(name: &'static str) -> OptionSpec {
    OptionSpec::new(name, Kind::Word).invertible().repeat(Repeat::Allowed)
}

const fn flag(name: &'static str) -> OptionSpec {
    OptionSpec::new(name, Kind::Flag).invertible().repeat(Repeat::Allowed)
}

/// `-m set` in the language.
pub const EXTENSION: Extension<SetMatch> = Extension {
    spec: Spec {
        name: "set",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("match-set", Kind::TwoWords).invertible().repeat(Repeat::Allowed),
            OptionSpec::new("set", Kind::TwoWords)
                .invertible()
                .repeat(Repeat::Allowed)
                .without_second("option deprecated, please use --match-set\n--match-set requires two args."),
            flag("return-nomatch"),
            flag("update-counters"),
            counter("packets-eq"),
            counter("packets-lt"),
            counter("packets-gt"),
            counter("bytes-eq"),
            counter("bytes-lt"),
            counter("bytes-gt"),
            flag("update-subcounters"),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| SetMatch::default(),
    parse,
    finish: |own, calls, _| {
        if own.set.is_none() {
            return Err(calls.error("You must specify `--match-set' with proper arguments"));
        }
        Ok(())
    },
    save: |own, out| push(own, out, "--"),
    list: |own, out, _| push(own, out, ""),
    check: check_nothing,
};

fn parse(own: &mut SetMatch, call: &OptionCall<'_>, context: &mut Context<'_>) -> Result<(), Error> {
    match call.name {
        "match-set" | "set" => {
            if call.name == "set" {
                context.warnings.push(DEPRECATED.into());
            }
            if own.set.is_some() {
                return Err(call.error("--match-set can be specified only once"));
            }
            own.set = Some(SetReference::read(call, context)?);
            own.invert = call.invert;
        }
        "return-nomatch" => {
            if call.invert {
                return Err(call.error("--return-nomatch flag cannot be inverted"));
            }
            own.return_nomatch = true;
        }
        "update-counters" => own.keep_counters |= call.invert,
        "update-subcounters" => own.keep_subcounters |= call.invert,
        name => {
            let (counter, operator) = name.split_once('-').unwrap_or((name, ""));
            let place = if counter == "packets" { &mut own.packets } else { &mut own.bytes };
            if place.is_some() {
                return Err(call.error(format!("only one of the --{counter}-[eq|lt|gt] is allowed")));
            }
            if call.invert && operator != "eq" {
                return Err(call.error(format!("--{name} option cannot be inverted")));
            }
            let value = number(call.text(), 0, u64::MAX)
                .ok_or_else(|| call.error(format!("Cannot parse {} as a counter value", call.text())))?;
            *place = Some(match (operator, call.invert) {
                ("eq", false) => Comparison::Equal(value),
                ("eq", true) => Comparison::NotEqual(value),
                ("lt", _) => Comparison::Less(value),
                _ => Comparison::Greater(value),
            });
        }
    }
    Ok(())
}

/// Both forms differ in the dashes only.
fn push(own: &SetMatch, out: &mut String, dashes: &str) {
    push_not(out, own.invert);
    put!(out, " {dashes}match-set ");
    if let Some(set) = &own.set {
        set.push(out);
    }
    if own.return_nomatch {
        put!(out, " {dashes}return-nomatch");
    }
    if own.keep_counters {
        put!(out, " ! {dashes}update-counters");
    }
    if own.keep_subcounters {
        put!(out, " ! {dashes}update-subcounters");
    }
    if let Some(packets) = own.packets {
        packets.push(out, dashes, "packets");
    }
    if let Some(bytes) = own.bytes {
        bytes.push(out, dashes, "bytes");
    }
}

const HELP: &str = "set match options:
 [!] --match-set name flags [--return-nomatch]
   [! --update-counters] [! --update-subcounters]
   [[!] --packets-eq value | --packets-lt value | --packets-gt value
   [[!] --bytes-eq value | --bytes-lt value | --bytes-gt value
\t\t 'name' is the set name from to match,
\t\t 'flags' are the comma separated list of
\t\t 'src' and 'dst' specifications.
";

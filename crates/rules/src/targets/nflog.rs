//! The packet to whoever listens on a netlink group (`-j NFLOG`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing,
};
use crate::syntax::text::push_quoted;
use crate::syntax::value::Kind;

/// `-j NFLOG` (F73).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nflog {
    /// `--nflog-prefix`: at most 63 bytes; empty: none.
    pub prefix: Box<str>,
    /// `--nflog-group`.
    pub group: u16,
    /// How much of the packet is sent; `None`: all of it.
    pub copy: Option<Copied>,
    /// `--nflog-threshold`: packets that the kernel gathers before it sends; 0: its default.
    pub threshold: u16,
}

/// How many bytes of a packet are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// `--nflog-range`, which has never had an effect; not 0.
    Range(u32),
    /// `--nflog-size`.
    Size(u32),
}

/// `-j NFLOG` in the language. Longer prefixes are cut at 63 bytes without an error.
pub const EXTENSION: Extension<Nflog> = Extension {
    spec: Spec {
        name: "NFLOG",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("nflog-group", Kind::U16),
            OptionSpec::new("nflog-prefix", Kind::Text { min: 1, max: 0, cut: 63 }),
            OptionSpec::new("nflog-range", Kind::U32).excludes(&["nflog-size"]),
            OptionSpec::new("nflog-size", Kind::U32).excludes(&["nflog-range"]),
            OptionSpec::new("nflog-threshold", Kind::U16),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Nflog::default(),
    parse: parse_option,
    finish,
    save: |nflog, out| nflog.push(out, "--"),
    list: |nflog, out, _| nflog.push(out, ""),
    check: check_nothing,
};

fn parse_option(nflog: &mut Nflog, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let number = call.value.number_u32();
    let short = u16::try_from(number).unwrap_or(u16::MAX);
    match call.name {
        "nflog-group" => nflog.group = short,
        "nflog-prefix" => {
            if call.value.text().contains('\n') {
                return Err(call.error("Newlines not allowed in --log-prefix"));
            }
            nflog.prefix = call.value.text().into();
        }
        "nflog-range" => {
            nflog.copy = Some(Copied::Range(number)).filter(|_| number != 0);
        }
        "nflog-size" => nflog.copy = Some(Copied::Size(number)),
        _ => nflog.threshold = short,
    }
    Ok(())
}

fn finish(_: &mut Nflog, calls: &Calls, context: &mut Context<'_>) -> Result<(), Error> {
    if calls.has(&EXTENSION.spec, "nflog-range") {
        let text = "warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead";
        context.warnings.push(text.into());
    }
    Ok(())
}

impl Nflog {
    fn push(&self, out: &mut String, dashes: &str) {
        if !self.prefix.is_empty() {
            put!(out, " {dashes}nflog-prefix");
            push_quoted(out, &self.prefix);
        }
        if self.group != 0 {
            put!(out, " {dashes}nflog-group {}", self.group);
        }
        match self.copy {
            Some(Copied::Range(bytes)) => put!(out, " {dashes}nflog-range {bytes}"),
            Some(Copied::Size(bytes)) => put!(out, " {dashes}nflog-size {bytes}"),
            None => {}
        }
        if self.threshold != 0 {
            put!(out, " {dashes}nflog-threshold {}", self.threshold);
        }
    }
}

const HELP: &str = "NFLOG target options:
 --nflog-group NUM\t\tNETLINK group used for logging
 --nflog-range NUM\t\tThis option has no effect, use --nflog-size
 --nflog-size NUM\t\tNumber of bytes to copy
 --nflog-threshold NUM\t\tMessage threshold of in-kernel queue
 --nflog-prefix STRING\t\tPrefix string for log messages
";

//! Answers a SYN in the server's place (`-j SYNPROXY`).
use std::borrow::Cow;

use packet::protocol;

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::value::Kind;
use crate::{Hook, put};

/// `-j SYNPROXY`: what the server can do, which the client is told before the server is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synproxy {
    /// `--sack-perm`.
    pub sack_permitted: bool,
    /// `--timestamp`.
    pub timestamp: bool,
    /// `--wscale`.
    pub window_scale: Option<u8>,
    /// `--mss`.
    pub mss: Option<u16>,
    /// `--ecn`.
    pub ecn: bool,
}

/// `-j SYNPROXY` in the language.
pub const EXTENSION: Extension<Synproxy> = Extension {
    spec: Spec {
        name: "SYNPROXY",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("sack-perm", Kind::Flag),
            OptionSpec::new("timestamp", Kind::Flag),
            OptionSpec::new("wscale", Kind::U32),
            OptionSpec::new("mss", Kind::U32),
            OptionSpec::new("ecn", Kind::Flag),
        ],
        place: Place { tables: &[], hooks: &[Hook::Input, Hook::Forward], protocol: Some(protocol::TCP) },
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Synproxy::default(),
    parse: parse_option,
    finish: finish_nothing,
    save: |own, out| own.push(out, "--"),
    list: |own, out, _| {
        out.push_str(" SYNPROXY");
        own.push(out, "");
        // Linux: a blank at the end.
        out.push(' ');
    },
    check: check_nothing,
};

fn parse_option(own: &mut Synproxy, call: &OptionCall<'_>, _: &mut Context<'_>) -> Result<(), Error> {
    let number = call.value.number_u32();
    match call.name {
        "sack-perm" => own.sack_permitted = true,
        "timestamp" => own.timestamp = true,
        // Linux: the low bits of larger numbers count.
        "wscale" => own.window_scale = u8::try_from(number & 0xff).ok(),
        "mss" => own.mss = u16::try_from(number & 0xffff).ok(),
        _ => own.ecn = true,
    }
    Ok(())
}

impl Synproxy {
    fn push(&self, out: &mut String, dashes: &str) {
        if self.sack_permitted {
            put!(out, " {dashes}sack-perm");
        }
        if self.timestamp {
            put!(out, " {dashes}timestamp");
        }
        if let Some(shift) = self.window_scale {
            put!(out, " {dashes}wscale {shift}");
        }
        if let Some(size) = self.mss {
            put!(out, " {dashes}mss {size}");
        }
        if self.ecn {
            put!(out, " {dashes}ecn");
        }
    }
}

const HELP: &str = "SYNPROXY target options:
  --sack-perm                        Set SACK_PERM
  --timestamp                        Set TIMESTAMP
  --wscale value                     Set window scaling factor
  --mss value                        Set MSS value
  --ecn                              Set ECN
";

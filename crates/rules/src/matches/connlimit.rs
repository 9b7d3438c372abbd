//! How many connections an address, or a network, has (`-m connlimit`).
use std::borrow::Cow;

use crate::put;
use crate::syntax::extension::{Calls, Extension, Families, OptionSpec, Place, Spec, check_nothing};
use crate::syntax::value::Kind;

/// `-m connlimit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connlimit {
    /// The number of connections.
    pub limit: u32,
    /// `true`: more than `limit`; `false`: at most.
    pub above: bool,
    /// Length of the prefix of addresses that are counted together; at most the family's bits.
    pub length: u8,
    /// Whether the destination is counted instead of the source.
    pub destination: bool,
}

/// `-m connlimit` in the language.
pub const EXTENSION: Extension<Connlimit> = Extension {
    spec: Spec {
        name: "connlimit",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("connlimit-upto", Kind::U32).invertible().excludes(&["connlimit-above"]),
            OptionSpec::new("connlimit-above", Kind::U32).invertible().excludes(&["connlimit-upto"]),
            OptionSpec::new("connlimit-mask", Kind::PrefixLength),
            OptionSpec::new("connlimit-saddr", Kind::Flag).excludes(&["connlimit-daddr"]),
            OptionSpec::new("connlimit-daddr", Kind::Flag).excludes(&["connlimit-saddr"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |family| Connlimit { limit: 0, above: false, length: family.bits(), destination: false },
    parse: |own, call, context| {
        match call.name {
            "connlimit-upto" => (own.limit, own.above) = (call.value.number_u32(), call.invert),
            "connlimit-above" => (own.limit, own.above) = (call.value.number_u32(), !call.invert),
            // Linux: a mask that is no prefix counts as one of all bits.
            "connlimit-mask" => own.length = call.value.number_u8().min(context.family.bits()),
            name => own.destination = name == "connlimit-daddr",
        }
        Ok(())
    },
    finish: |_, calls: &Calls, _| {
        let has = |name| calls.has(&EXTENSION.spec, name);
        if !has("connlimit-upto") && !has("connlimit-above") {
            return Err(calls.error("You must specify \"--connlimit-above\" or \"--connlimit-upto\"."));
        }
        Ok(())
    },
    save: |own, out| {
        let (which, side) = (if own.above { "above" } else { "upto" }, own.side());
        put!(
            out,
            " --connlimit-{which} {} --connlimit-mask {} --connlimit-{side}addr",
            own.limit,
            own.length
        );
    },
    list: |own, out, _| {
        let (side, sign) = (if own.destination { "dst" } else { "src" }, if own.above { ">" } else { "<=" });
        put!(out, " #conn {side}/{} {sign} {}", own.length, own.limit);
    },
    check: check_nothing,
};

impl Connlimit {
    fn side(&self) -> char {
        if self.destination { 'd' } else { 's' }
    }
}

const HELP: &str = "connlimit match options:
  --connlimit-upto n     match if the number of existing connections is 0..n
  --connlimit-above n    match if the number of existing connections is >n
  --connlimit-mask n     group hosts using prefix length (default: max len)
  --connlimit-saddr      select source address for grouping
  --connlimit-daddr      select destination addresses for grouping
";

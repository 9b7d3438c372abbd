//! What the routing table says of an address (`-m addrtype`).
use std::borrow::Cow;

use packet::Family;

use crate::syntax::Error;
use crate::syntax::extension::{
    Calls, Extension, Families, OptionCall, OptionSpec, Place, Refusal, Site, Spec,
};
use crate::syntax::value::Kind;
use crate::{Hook, Negatable};

/// `-m addrtype`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addrtype {
    /// `--src-type`: a set of [`TypeSet`] bits.
    pub source: Option<Negatable<TypeSet>>,
    /// `--dst-type`.
    pub destination: Option<Negatable<TypeSet>>,
    /// `--limit-iface-in`: only addresses of the incoming interface count.
    pub limit_in: bool,
    /// `--limit-iface-out`.
    pub limit_out: bool,
}

/// A set of address types: bit n is the kernel's `RTN_` type n (UNSPEC 0, UNICAST 1, LOCAL 2, BROADCAST 3, ANYCAST 4,
/// MULTICAST 5, BLACKHOLE 6, UNREACHABLE 7, PROHIBIT 8, THROW 9, NAT 10, XRESOLVE 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TypeSet(pub u16);

/// The names of types; the place in the table is the bit.
const TYPES: [&str; 12] = [
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
];

impl TypeSet {
    /// BROADCAST.
    pub const BROADCAST: TypeSet = TypeSet(1 << 3);
    /// BLACKHOLE.
    pub const BLACKHOLE: TypeSet = TypeSet(1 << 6);
    /// PROHIBIT, the first of those that IPv6 does not know.
    pub const PROHIBIT: TypeSet = TypeSet(1 << 8);

    /// Whether a type (the kernel's `RTN_` number) is in the set.
    #[inline]
    pub const fn has(self, number: u8) -> bool {
        number < 16 && self.0 & (1 << number) != 0
    }

    fn push(self, out: &mut String) {
        let mut first = true;
        for (name, number) in TYPES.iter().zip(0..) {
            if self.has(number) {
                if !first {
                    out.push(',');
                }
                out.push_str(name);
                first = false;
            }
        }
    }
}

/// `-m addrtype` in the language.
pub const EXTENSION: Extension<Addrtype> = Extension {
    spec: Spec {
        name: "addrtype",
        aliases: &[],
        families: Families::Both,
        options: &[
            OptionSpec::new("src-type", Kind::Word).invertible(),
            OptionSpec::new("dst-type", Kind::Word).invertible(),
            OptionSpec::new("limit-iface-in", Kind::Flag).excludes(&["limit-iface-out"]),
            OptionSpec::new("limit-iface-out", Kind::Flag).excludes(&["limit-iface-in"]),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Addrtype::default(),
    parse: |addrtype, call, _| {
        match call.name {
            "src-type" => addrtype.source = Some(Negatable { invert: call.invert, value: types(call)? }),
            "dst-type" => addrtype.destination = Some(Negatable { invert: call.invert, value: types(call)? }),
            "limit-iface-in" => addrtype.limit_in = true,
            _ => addrtype.limit_out = true,
        }
        Ok(())
    },
    finish: |addrtype, calls: &Calls, _| {
        if addrtype.source.is_none() && addrtype.destination.is_none() {
            return Err(calls.error("addrtype: you must specify --src-type or --dst-type"));
        }
        Ok(())
    },
    save: |addrtype, out| {
        for (name, types) in [(" --src-type ", addrtype.source), (" --dst-type ", addrtype.destination)] {
            if let Some(types) = types {
                out.push_str(if types.invert { " !" } else { "" });
                out.push_str(name);
                types.value.push(out);
            }
        }
        if addrtype.limit_in {
            out.push_str(" --limit-iface-in");
        }
        if addrtype.limit_out {
            out.push_str(" --limit-iface-out");
        }
    },
    list: |addrtype, out, _| {
        out.push_str(" ADDRTYPE match");
        for (name, types) in [(" src-type ", addrtype.source), (" dst-type ", addrtype.destination)] {
            if let Some(types) = types {
                out.push_str(name);
                out.push_str(if types.invert { "!" } else { "" });
                types.value.push(out);
            }
        }
        if addrtype.limit_in {
            out.push_str(" limit-in");
        }
        if addrtype.limit_out {
            out.push_str(" limit-out");
        }
    },
    check,
};

fn types(call: &OptionCall<'_>) -> Result<TypeSet, Error> {
    let list = call.text();
    let mut set = 0;
    let mut start = 0;
    for word in list.split(',') {
        let fits = |name: &str| {
            !word.is_empty() && name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
        };
        match TYPES.iter().position(|name| fits(name)) {
            Some(at) => set |= 1 << at,
            None => {
                // Linux: two ways of quoting, for the last name and for one before a comma; then the rest is shown.
                let rest = list.get(start..).unwrap_or(word);
                let text = if start + word.len() == list.len() {
                    format!("addrtype: bad type \"{rest}\"")
                } else {
                    format!("addrtype: bad type `{rest}'")
                };
                return Err(call.error_at(start, start + word.len(), text).suggest(word, TYPES));
            }
        }
        start += word.len() + 1;
    }
    Ok(TypeSet(set))
}

/// Linux: `addrtype_mt_checkentry_v1` in xt_addrtype.c.
fn check(addrtype: &Addrtype, site: &Site<'_>) -> Result<(), Refusal> {
    let at = |hook| site.hooks.has(hook);
    if addrtype.limit_in && (at(Hook::Output) || at(Hook::Postrouting)) {
        return Err(Refusal::invalid(
            "`--limit-iface-in' cannot be used where OUTPUT or POSTROUTING leads to it",
        ));
    }
    if addrtype.limit_out && (at(Hook::Prerouting) || at(Hook::Input)) {
        return Err(Refusal::invalid(
            "`--limit-iface-out' cannot be used where PREROUTING or INPUT leads to it",
        ));
    }
    if site.family == Family::V6 {
        let bits = [addrtype.source, addrtype.destination]
            .into_iter()
            .flatten()
            .fold(0, |bits, types| bits | types.value.0);
        let unknown = TypeSet::BROADCAST.0 | TypeSet::BLACKHOLE.0;
        if bits & unknown != 0 || bits >= TypeSet::PROHIBIT.0 {
            return Err(Refusal::invalid(
                "IPv6 knows no BROADCAST, BLACKHOLE, PROHIBIT, THROW, NAT or XRESOLVE in `-m addrtype'",
            ));
        }
    }
    Ok(())
}

const HELP: &str = "Address type match options:
 [!] --src-type type[,...]      Match source address type
 [!] --dst-type type[,...]      Match destination address type
     --limit-iface-in           Match only on the packet's incoming device
     --limit-iface-out          Match only on the packet's outgoing device

Valid types:           
                                UNSPEC
                                UNICAST
                                LOCAL
                                BROADCAST
                                ANYCAST
                                MULTICAST
                                BLACKHOLE
                                UNREACHABLE
                                PROHIBIT
                                THROW
                                NAT
                                XRESOLVE
";

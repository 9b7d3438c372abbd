//! Which headers follow the IPv6 header (`-m ipv6header`).
use std::borrow::Cow;

use packet::protocol;

use crate::syntax::Error;
use crate::syntax::extension::{
    Context, Extension, Families, OptionCall, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;
use crate::{Negatable, put};

/// `-m ipv6header`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6Header {
    /// `--header`.
    pub headers: Negatable<HeaderSet>,
    /// `--soft`: the packet has these and perhaps others. Without it, it has these and no others.
    pub soft: bool,
}

/// A set of headers, in the bits of Linux (`MASK_HOPOPTS` and so on).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeaderSet(pub u8);

impl HeaderSet {
    /// Hop-by-hop options.
    pub const HOP_BY_HOP: HeaderSet = HeaderSet(0x80);
    /// Destination options.
    pub const DESTINATION_OPTIONS: HeaderSet = HeaderSet(0x40);
    /// Routing header.
    pub const ROUTING: HeaderSet = HeaderSet(0x20);
    /// Fragment header.
    pub const FRAGMENT: HeaderSet = HeaderSet(0x10);
    /// Authentication header.
    pub const AUTHENTICATION: HeaderSet = HeaderSet(0x08);
    /// ESP.
    pub const ESP: HeaderSet = HeaderSet(0x04);
    /// Nothing behind the headers.
    pub const NONE: HeaderSet = HeaderSet(0x02);
    /// A protocol behind the headers.
    pub const PROTOCOL: HeaderSet = HeaderSet(0x01);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: HeaderSet) -> HeaderSet {
        HeaderSet(self.0 | other.0)
    }
}

/// Name printed (that of /etc/protocols where it has one), other names, number, bit; in the order of printing.
type Row = (&'static str, &'static [&'static str], u8, HeaderSet);

/// What the extension calls a protocol behind the headers (`IPPROTO_RAW`).
const RAW: u8 = 255;

const HEADERS: [Row; 8] = [
    (
        "hop-by-hop",
        &["hop", "0", "ip", "IP", "hopopt", "HOPOPT"],
        protocol::HOP_BY_HOP,
        HeaderSet::HOP_BY_HOP,
    ),
    ("ipv6-opts", &["dst", "60", "IPv6-Opts"], protocol::DESTINATION_OPTIONS, HeaderSet::DESTINATION_OPTIONS),
    ("ipv6-route", &["route", "43", "IPv6-Route"], protocol::ROUTING, HeaderSet::ROUTING),
    ("ipv6-frag", &["frag", "44", "IPv6-Frag"], protocol::FRAGMENT, HeaderSet::FRAGMENT),
    ("ah", &["auth", "51", "IPSEC-AH"], protocol::AH, HeaderSet::AUTHENTICATION),
    ("esp", &["50", "IPSEC-ESP"], protocol::ESP, HeaderSet::ESP),
    ("ipv6-nonxt", &["none", "59", "IPv6-NoNxt"], protocol::NO_NEXT, HeaderSet::NONE),
    ("protocol", &["prot", "255"], RAW, HeaderSet::PROTOCOL),
];

/// `-m ipv6header` in the language.
pub const EXTENSION: Extension<Ipv6Header> = Extension {
    spec: Spec {
        name: "ipv6header",
        aliases: &[],
        families: Families::V6,
        options: &[
            OptionSpec::new("header", Kind::Word).invertible().mandatory(),
            OptionSpec::new("soft", Kind::Flag),
        ],
        place: Place::ANY,
        help: |_| Cow::Borrowed(HELP),
    },
    start: |_| Ipv6Header { headers: Negatable { invert: false, value: HeaderSet::default() }, soft: false },
    parse: |own, call, context| {
        if call.name == "soft" {
            own.soft = true;
        } else {
            own.headers = Negatable { invert: call.invert, value: headers(call, context)? };
        }
        Ok(())
    },
    finish: finish_nothing,
    save: |own, out| {
        push_not(out, own.headers.invert);
        out.push_str(" --header ");
        own.headers.value.push(out);
        if own.soft {
            out.push_str(" --soft");
        }
    },
    list: |own, out, listing| {
        put!(out, " ipv6header flags:{}", if own.headers.invert { "!" } else { "" });
        if listing.numeric {
            put!(out, "0x{:02X}", own.headers.value.0);
        } else {
            own.headers.value.push(out);
        }
        if own.soft {
            out.push_str(" soft");
        }
    },
    check: check_nothing,
};

/// Names, old names or numbers with commas between; empty ones do not count.
fn headers(call: &OptionCall<'_>, context: &Context<'_>) -> Result<HeaderSet, Error> {
    let text = call.text();
    let mut set = HeaderSet::default();
    let mut start = 0;
    for name in text.split(',') {
        if !name.is_empty() {
            let known = HEADERS.iter().find(|(own, others, ..)| *own == name || others.contains(&name));
            let Some((.., bit)) = known else {
                // Linux: a name of /etc/protocols is told by its number.
                let words = match context.names.protocol(name) {
                    Some(number) => format!("unknown header `{number}' specified"),
                    None => format!("unknown header `{name}' specified"),
                };
                let names =
                    HEADERS.iter().flat_map(|(own, others, ..)| std::iter::once(own).chain(others.iter()));
                return Err(call.error_at(start, start + name.len(), words).suggest(name, names.copied()));
            };
            set = set.with(*bit);
        }
        start += name.len() + 1;
    }
    if set == HeaderSet::default() {
        return Err(call.error("ip6t_ipv6header: cannot parse header names"));
    }
    Ok(set)
}

impl HeaderSet {
    /// The set that holds the header of a protocol number; `None` where the extension has no bit for it.
    pub fn of(number: u8) -> Option<HeaderSet> {
        HEADERS.iter().find(|(.., own, _)| *own == number).map(|(.., bit)| *bit)
    }

    /// Appends the names, with commas.
    pub fn push(self, out: &mut String) {
        let mut comma = "";
        for (name, .., bit) in HEADERS {
            if self.0 & bit.0 != 0 {
                put!(out, "{comma}{name}");
                comma = ",";
            }
        }
    }
}

const HELP: &str = "ipv6header match options:
[!] --header headers     Type of header to match, by name
                         names: hop,dst,route,frag,auth,esp,none,prot
                    long names: hop-by-hop,ipv6-opts,ipv6-route,
                                ipv6-frag,ah,esp,ipv6-nonxt,protocol
                       numbers: 0,60,43,44,51,50,59
--soft                    The header CONTAINS the specified extensions
";

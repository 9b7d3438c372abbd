//! ICMPv6 types (`-m icmp6`).
use std::borrow::Cow;

use packet::protocol;

use super::icmp::{Icmp, Name, alias, code, kind, parse_type, push_names};
use crate::syntax::extension::{
    Extension, Families, Listing, OptionSpec, Place, Spec, check_nothing, finish_nothing,
};
use crate::syntax::text::push_not;
use crate::syntax::value::Kind;

/// `-m icmp6 --icmpv6-type`, needs `-p icmpv6`.
pub type Icmp6 = Icmp;

const NAMES: &[Name] = &[
    kind("destination-unreachable", 1),
    code("no-route", 1, 0),
    code("communication-prohibited", 1, 1),
    code("beyond-scope", 1, 2),
    code("address-unreachable", 1, 3),
    code("port-unreachable", 1, 4),
    code("failed-policy", 1, 5),
    code("reject-route", 1, 6),
    kind("packet-too-big", 2),
    kind("time-exceeded", 3),
    alias("ttl-exceeded", 3),
    code("ttl-zero-during-transit", 3, 0),
    code("ttl-zero-during-reassembly", 3, 1),
    kind("parameter-problem", 4),
    code("bad-header", 4, 0),
    code("unknown-header-type", 4, 1),
    code("unknown-option", 4, 2),
    kind("echo-request", 128),
    alias("ping", 128),
    kind("echo-reply", 129),
    alias("pong", 129),
    kind("mld-listener-query", 130),
    kind("mld-listener-report", 131),
    kind("mld-listener-done", 132),
    alias("mld-listener-reduction", 132),
    kind("router-solicitation", 133),
    kind("router-advertisement", 134),
    kind("neighbour-solicitation", 135),
    alias("neighbor-solicitation", 135),
    kind("neighbour-advertisement", 136),
    alias("neighbor-advertisement", 136),
    kind("redirect", 137),
];

/// `-m icmp6` in the language.
pub const EXTENSION: Extension<Icmp6> = Extension {
    spec: Spec {
        name: "icmp6",
        aliases: &["icmpv6", "ipv6-icmp"],
        families: Families::V6,
        options: &[OptionSpec::new("icmpv6-type", Kind::Word).invertible().mandatory()],
        place: Place::protocol(protocol::ICMPV6),
        help: |_| {
            let mut text = String::from(
                "icmpv6 match options:\n\
                 [!] --icmpv6-type typename\tmatch icmpv6 type\n\
                 \t\t\t\t(or numeric type or type/code)\n\
                 Valid ICMPv6 Types:",
            );
            push_names(&mut text, NAMES);
            Cow::Owned(text)
        },
    },
    start: |_| Icmp::ANY,
    parse: |icmp, call, _| {
        *icmp = parse_type(call, "ICMPv6", NAMES)?;
        Ok(())
    },
    finish: finish_nothing,
    save: |icmp, out| {
        push_not(out, icmp.invert);
        out.push_str(" --icmpv6-type ");
        icmp.push_saved(out);
    },
    list: |icmp, out, listing: &Listing<'_>| {
        out.push_str(" ipv6-icmp");
        icmp.push_listed(out, listing.numeric, NAMES);
    },
    check: check_nothing,
};

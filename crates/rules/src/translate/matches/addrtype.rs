//! `-m addrtype`. IPv4: the type that the local table gives, as nft's `fib` does. IPv6: UNICAST, MULTICAST and UNSPEC are
//! read off the address alone, and all that are named must hold; LOCAL, ANYCAST and UNREACHABLE come from the route, and
//! one of them must hold (Linux: `match_type6`).
use packet::Family;

use crate::Negatable;
use crate::matches::addrtype::{Addrtype, TypeSet};
use crate::translate::{Expression, Untranslatable};

/// Types by their numbers. THROW, NAT and XRESOLVE, which nft has no names for, no address has.
const TYPES: [(u8, &str); 9] = [
    (0, "unspec"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
];

pub(super) fn translate(own: &Addrtype, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    let sides = [
        ("-m addrtype ! --src-type", "saddr", own.source),
        ("-m addrtype ! --dst-type", "daddr", own.destination),
    ];
    for (what, side, types) in sides {
        let Some(types) = types else { continue };
        let device = match (own.limit_in, own.limit_out) {
            (true, _) => " . iif",
            (_, true) => " . oif",
            _ => "",
        };
        let key = format!("fib {side}{device} type");
        match expression.site.family {
            Family::V4 => v4(&key, types, expression),
            Family::V6 => v6(what, side, &key, types, expression),
        }
    }
    Ok(())
}

fn v4(key: &str, types: Negatable<TypeSet>, expression: &mut Expression<'_>) {
    let names: Vec<_> =
        TYPES.iter().filter(|(number, _)| types.value.has(*number)).map(|(_, name)| *name).collect();
    match names.as_slice() {
        [] if types.invert => {}
        [] => expression.never(),
        [one] => expression.compare(key, types.invert, one),
        some => expression.compare(key, types.invert, format_args!("{{ {} }}", some.join(", "))),
    }
}

fn v6(what: &'static str, side: &str, key: &str, types: Negatable<TypeSet>, expression: &mut Expression<'_>) {
    let equal = |invert: bool| if invert { "!= " } else { "" };
    // Each condition and its contrary.
    let mut parts: Vec<[String; 2]> = Vec::new();
    if types.value.has(5) {
        parts.push([false, true].map(|invert| format!("ip6 {side} {}ff00::/8", equal(invert))));
    }
    if types.value.has(1) {
        let others = "{ ::, ::ffff:0.0.0.0/96, ff00::/8 }";
        parts.push([true, false].map(|invert| format!("ip6 {side} {}{others}", equal(invert))));
    }
    if types.value.has(0) {
        parts.push([false, true].map(|invert| format!("ip6 {side} {}::", equal(invert))));
    }
    let mut route = Vec::new();
    for (number, names) in [(2, "local"), (4, "anycast"), (7, "blackhole, unreachable, prohibit")] {
        if types.value.has(number) {
            route.push(names);
        }
    }
    match route.as_slice() {
        [] => {}
        [one] if !one.contains(',') => {
            parts.push([false, true].map(|invert| format!("{key} {}{one}", equal(invert))))
        }
        some => {
            let list = some.join(", ");
            parts.push([false, true].map(|invert| format!("{key} {}{{ {list} }}", equal(invert))));
        }
    }
    match (parts.as_slice(), types.invert) {
        ([], true) => expression.never(),
        ([[_, contrary]], true) => expression.condition(contrary.clone()),
        (some, true) => {
            let all: Vec<_> = some.iter().map(|[own, _]| own.as_str()).collect();
            expression.unless(what, all.join(" "));
        }
        (some, false) => some.iter().for_each(|[own, _]| expression.condition(own.clone())),
    }
}

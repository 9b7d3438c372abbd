//! `-m icmp` and `-m icmp6`.
use crate::matches::icmp::Icmp;
use crate::translate::{Expression, Untranslatable};

/// The names of nft for types of ICMP; others are numbers.
const NAMES: &[(u8, &str)] = &[
    (0, "echo-reply"),
    (3, "destination-unreachable"),
    (4, "source-quench"),
    (5, "redirect"),
    (8, "echo-request"),
    (9, "router-advertisement"),
    (10, "router-solicitation"),
    (11, "time-exceeded"),
    (12, "parameter-problem"),
    (13, "timestamp-request"),
    (14, "timestamp-reply"),
    (15, "info-request"),
    (16, "info-reply"),
    (17, "address-mask-request"),
    (18, "address-mask-reply"),
];

/// The names of nft for types of ICMPv6.
const NAMES_V6: &[(u8, &str)] = &[
    (1, "destination-unreachable"),
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
    (130, "mld-listener-query"),
    (131, "mld-listener-report"),
    (132, "mld-listener-done"),
    (133, "nd-router-solicit"),
    (134, "nd-router-advert"),
    (135, "nd-neighbor-solicit"),
    (136, "nd-neighbor-advert"),
    (137, "nd-redirect"),
];

pub(super) fn translate(own: &Icmp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    expression.implies_protocol();
    // Linux: type 255 is any type, whatever the codes (icmp_type_code_match).
    if own.kind == 255 {
        if own.invert {
            expression.needs_protocol();
            expression.never();
        } else {
            // Why: not in later fragments, where there is no header to read.
            expression.condition("icmp type >= 0");
        }
        return Ok(());
    }
    compare("icmp", NAMES, own, expression);
    Ok(())
}

pub(super) fn translate_v6(own: &Icmp, expression: &mut Expression<'_>) -> Result<(), Untranslatable> {
    compare("icmpv6", NAMES_V6, own, expression);
    Ok(())
}

fn compare(protocol: &str, names: &[(u8, &str)], own: &Icmp, expression: &mut Expression<'_>) {
    let name = names.iter().find(|(number, _)| *number == own.kind).map(|(_, name)| (*name).to_owned());
    let name = name.unwrap_or_else(|| own.kind.to_string());
    let codes = match own.codes {
        (0, 255) => {
            expression.compare(&format!("{protocol} type"), own.invert, name);
            return;
        }
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    };
    if own.invert {
        // Why: not (type and code) is no list of conditions that all hold, but it is not in a set of pairs.
        let pair = format!("{protocol} type . {protocol} code != {{ {} . {codes} }}", own.kind);
        expression.condition(pair);
    } else {
        expression.condition(format!("{protocol} type {name} {protocol} code {codes}"));
    }
}

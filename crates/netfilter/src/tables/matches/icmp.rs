//! `-m icmp` and `-m icmp6` (Linux: `icmp_match`, `icmp6_match`).
use rules::matches::icmp::Icmp;

use super::{Asked, Held, Miss, hold};
use crate::trace::Found;

/// IPv4: type 255 is any type.
pub(super) fn holds_v4(rule: &Icmp, asked: &Asked<'_>) -> Held {
    holds(rule, asked, "--icmp-type", rule.kind == 0xff)
}

/// IPv6.
pub(super) fn holds_v6(rule: &Icmp, asked: &Asked<'_>) -> Held {
    holds(rule, asked, "--icmpv6-type", false)
}

fn holds(rule: &Icmp, asked: &Asked<'_>, option: &'static str, any: bool) -> Held {
    let Some(header) = asked.transport() else {
        return Err(Miss::Failed(option, Found::Nothing("type in a later fragment")));
    };
    let (Some(&kind), Some(&code)) = (header.first().filter(|_| header.len() >= 8), header.get(1)) else {
        return Err(Miss::Hotdrop(option, Found::Nothing("whole ICMP header")));
    };
    let fits = any || (kind == rule.kind && (rule.codes.0..=rule.codes.1).contains(&code));
    hold(fits != rule.invert, option, Found::Icmp(kind, code))
}

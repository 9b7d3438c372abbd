//! `-m ttl` and `-m hl` (Linux: `ttl_mt`, `hl_mt6`).
use rules::matches::ttl::{Comparison, Ttl};

use super::{Asked, Held, hold};
use crate::trace::Found;

pub(super) fn holds_v4(rule: &Ttl, asked: &Asked<'_>) -> Held {
    holds(rule, asked, ["--ttl-eq", "--ttl-lt", "--ttl-gt"])
}

pub(super) fn holds_v6(rule: &Ttl, asked: &Asked<'_>) -> Held {
    holds(rule, asked, ["--hl-eq", "--hl-lt", "--hl-gt"])
}

fn holds(rule: &Ttl, asked: &Asked<'_>, [equal, less, greater]: [&'static str; 3]) -> Held {
    let ttl = asked.packet.view().ttl();
    let (fits, option) = match rule.comparison {
        Comparison::Equal => (ttl == rule.value, equal),
        Comparison::NotEqual => (ttl != rule.value, equal),
        Comparison::Less => (ttl < rule.value, less),
        Comparison::Greater => (ttl > rule.value, greater),
    };
    hold(fits, option, Found::Number(ttl.into()))
}

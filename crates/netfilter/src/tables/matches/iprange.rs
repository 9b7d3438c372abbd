//! `-m iprange` (Linux: `iprange_mt4`, `iprange_mt6`).
use std::net::IpAddr;

use rules::Negatable;
use rules::matches::iprange::Iprange;

use super::{Asked, Held, hold};
use crate::trace::Found;

pub(super) fn holds(rule: &Iprange, asked: &Asked<'_>) -> Held {
    let view = asked.packet.view();
    within(rule.source, view.source(), "--src-range")?;
    within(rule.destination, view.destination(), "--dst-range")
}

fn within(wanted: Option<Negatable<(IpAddr, IpAddr)>>, address: IpAddr, option: &'static str) -> Held {
    let Some(wanted) = wanted else { return Ok(()) };
    let (from, to) = wanted.value;
    hold((from..=to).contains(&address) != wanted.invert, option, Found::Address(address))
}

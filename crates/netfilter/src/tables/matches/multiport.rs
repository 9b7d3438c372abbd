//! `-m multiport` (Linux: `multiport_mt`).
use rules::matches::multiport::{Multiport, Side};

use super::{Asked, Held, Miss, hold, ports};
use crate::trace::Found;

pub(super) fn holds(rule: &Multiport, asked: &Asked<'_>) -> Held {
    let option = match rule.side {
        Side::Source => "--sports",
        Side::Destination => "--dports",
        Side::Either => "--ports",
    };
    let Some(header) = asked.transport() else {
        return Err(Miss::Failed(option, Found::Nothing("ports in a later fragment")));
    };
    let Some((source, destination)) = ports(header) else {
        return Err(Miss::Hotdrop(option, Found::Nothing("ports")));
    };
    let listed = |port: u16| rule.ports.iter().any(|range| range.contains(port));
    let (fits, found) = match rule.side {
        Side::Source => (listed(source), Found::Port(source)),
        Side::Destination => (listed(destination), Found::Port(destination)),
        Side::Either => (listed(source) || listed(destination), Found::Ports(source, destination)),
    };
    hold(fits != rule.invert, option, found)
}

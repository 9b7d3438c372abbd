//! `-m udp` (Linux: `udp_mt`).
use rules::matches::udp::Udp;

use super::{Asked, Held, Miss, port, ports};
use crate::trace::Found;

pub(super) fn holds(rule: &Udp, asked: &Asked<'_>) -> Held {
    let Some(header) = asked.transport() else {
        let option = if rule.source.is_some() || rule.destination.is_none() { "--sport" } else { "--dport" };
        return Err(Miss::Failed(option, Found::Nothing("ports in a later fragment")));
    };
    let Some((source, destination)) = ports(header).filter(|_| header.len() >= 8) else {
        return Err(Miss::Hotdrop("-m udp", Found::Nothing("whole UDP header")));
    };
    port(rule.source, source, "--sport")?;
    port(rule.destination, destination, "--dport")
}

//! `-m rpfilter` (Linux: `rpfilter_mt` in ipt_rpfilter.c and ip6t_rpfilter.c).
use std::net::IpAddr;

use rules::matches::rpfilter::Rpfilter;

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::network::DeviceId;
use crate::route::{Flow, ReversePath};
use crate::trace::Found;

pub(super) fn holds(rule: &Rpfilter, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let packet = asked.packet;
    let device = packet.input.unwrap_or(DeviceId::LOOPBACK);
    // Linux: `rpfilter_is_loopback`; what the machine hears of its own is PACKET_LOOPBACK.
    let (passes, found) = if device == DeviceId::LOOPBACK
        || packet.link.looped
        || needs_no_way_back(packet.view().source(), packet.view().destination())
    {
        (true, Found::Word("a source that needs no way back"))
    } else {
        let mut flow = Flow::of(packet);
        if !rule.valid_mark {
            flow.mark = 0;
        }
        match env.network.reverse_path(device, flow, rule.loose) {
            ReversePath::None => (false, Found::Nothing("way back")),
            ReversePath::Local { here } => (
                rule.accept_local && (here || rule.loose),
                Found::Word("a source that is an address of this machine"),
            ),
            ReversePath::Same => (true, Found::Word("a way back by the same interface")),
            ReversePath::Other => (rule.loose, Found::Word("a way back by another interface")),
            ReversePath::Undecided(what) => return Err(Miss::Undecided(what)),
        }
    };
    hold(passes != rule.invert, "-m rpfilter", found)
}

/// Sources that no route is asked for: 0.0.0.0 that speaks to the link, and ::.
fn needs_no_way_back(source: IpAddr, destination: IpAddr) -> bool {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let link_group = matches!(destination.octets(), [224, 0, 0, _]);
            source.is_unspecified() && (destination.is_broadcast() || link_group)
        }
        _ => source.is_ipv6() && source.is_unspecified(),
    }
}

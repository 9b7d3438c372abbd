//! The way of a local packet that OUTPUT has changed.
use std::net::IpAddr;

use packet::Family;

use crate::engine::Engine;
use crate::hook::Verdict;
use crate::skb::{Drop, Packet};

/// What decides about the way of a local packet besides its socket.
#[derive(PartialEq, Eq)]
pub(super) struct RouteKey {
    source: IpAddr,
    destination: IpAddr,
    mark: u32,
    tos: u8,
    ttl: Option<u8>,
    label: Option<u32>,
}

impl RouteKey {
    /// Linux: `ipt_mangle_out` compares addresses, mark and TOS; `ip6t_mangle_out` addresses, mark, hop limit and flow
    /// label with traffic class.
    pub(super) fn of(packet: &Packet) -> Self {
        let view = packet.view();
        let v6 = packet.family() == Family::V6;
        Self {
            source: view.source(),
            destination: view.destination(),
            mark: packet.mark,
            tos: view.tos(),
            ttl: v6.then(|| view.ttl()),
            label: view.flow_label(),
        }
    }
}

impl Engine {
    /// Linux: `ip_route_me_harder`. The outgoing device that rules see at OUTPUT stays the old one (F10).
    pub(super) fn reroute(&mut self, packet: &mut Packet, cause: &'static str) -> Verdict {
        let destination = packet.view().destination();
        let route = self.network.route_output(packet, destination);
        self.trace_route(packet, cause, route);
        match route {
            Ok(route) => {
                packet.route = Some(route);
                packet.awaits_state = false;
                self.refused_anew(packet).map_or(Verdict::Accept, Verdict::Drop)
            }
            Err(unroutable) => Verdict::Drop(Drop::Route(unroutable)),
        }
    }
}

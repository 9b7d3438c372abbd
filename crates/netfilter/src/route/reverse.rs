//! The way back to a packet's sender, for `-m rpfilter`.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fib::{self, Question};
use super::source::scope_v6;
use super::{Flow, v6};
use crate::network::{DeviceId, Network, RouteKind, Unroutable};

/// What the routing tables say of the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReversePath {
    /// There is none, or the source is no address of a single machine.
    None,
    /// The source is an address of this machine.
    Local {
        /// Whether the packet came by the interface that has it (IPv6: does not count, always true).
        here: bool,
    },
    /// By the interface that the packet came by.
    Same,
    /// By another one.
    Other,
    /// This is no decision: what the kernel would say is not known, and why.
    Undecided(&'static str),
}

/// Linux: `rpfilter_lookup_reverse` in ipt_rpfilter.c, `rpfilter_lookup_reverse6` in ip6t_rpfilter.c.
pub(super) fn look_up(network: &Network, device: DeviceId, flow: Flow, loose: bool) -> ReversePath {
    let question = match flow.source {
        IpAddr::V4(_) => Question::new(DeviceId::LOOPBACK),
        IpAddr::V6(source) if v6::is_anycast(network, source) => return ReversePath::None,
        // Linux: `rpfilter_addr_linklocal`. Groups come as sources over bridges, which let them through.
        IpAddr::V6(source) => {
            let on_link = !source.is_loopback() && scope_v6(source) == 2;
            Question {
                output: on_link.then_some(device),
                preferred: (!loose || on_link).then_some(device),
                device_first: true,
                ..Question::new(DeviceId::LOOPBACK)
            }
        }
    };
    // Linux: neither protocol nor ports nor user are filled in.
    let addresses = Flow::between(answering(flow.destination), flow.source);
    let back = Flow { mark: flow.mark, tos: flow.tos, ..addresses };
    let found = match fib::lookup(network, back, question) {
        Ok(found) => found,
        Err(Unroutable::Undecided(what)) => return ReversePath::Undecided(what),
        Err(_) => return ReversePath::None,
    };
    let route = found.route;
    let here = fib::uses(route, device);
    match (route.kind, here) {
        (RouteKind::Local, here) => ReversePath::Local { here: here || flow.source.is_ipv6() },
        // Linux: `rpfilter_lookup_reverse6` asks for no more than that the route is none that refuses.
        (RouteKind::Multicast, _) if flow.source.is_ipv4() => ReversePath::None,
        (RouteKind::Unicast | RouteKind::Multicast, true) => ReversePath::Same,
        (RouteKind::Unicast | RouteKind::Multicast, false) => ReversePath::Other,
        _ => ReversePath::None,
    }
}

/// The source of an answer: groups and broadcast do not answer.
fn answering(destination: IpAddr) -> IpAddr {
    match destination {
        IpAddr::V4(own) if own.is_multicast() || own.is_broadcast() => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(own) if own.is_multicast() => Ipv6Addr::UNSPECIFIED.into(),
        own => own,
    }
}

//! IPv6 decisions.
use std::net::{IpAddr, Ipv6Addr};

use packet::AddrMask;

use super::fib::{self, Question};
use super::source::{scope_v6, select_v6};
use super::{Flow, Network, groups};
use crate::network::{
    Address, Device, DeviceId, Hop, Route, RouteEntry, RouteKind, TABLE_LOCAL, TABLE_MAIN, Unroutable, Way,
};

/// The metric of routes that the kernel makes itself (Linux: `IP6_RT_PRIO_ADDRCONF`).
const KERNEL_METRIC: u32 = 256;
/// The metric of routes that name none (Linux: `IP6_RT_PRIO_USER`).
pub(super) const USER_METRIC: u32 = 1024;

/// The routes that the kernel makes for an address (Linux: `addrconf_prefix_route`, `ip6_ins_rt` of the host route,
/// `addrconf_add_mroute`).
pub(super) fn address_routes(
    network: &mut Network,
    device: DeviceId,
    own: Address,
    subnet: AddrMask,
    up: bool,
) {
    let route = |destination, kind, metric| RouteEntry {
        device: Some(device),
        metric,
        ..RouteEntry::new(destination, kind)
    };
    network.add_route(TABLE_LOCAL, route(AddrMask::host(own.address), RouteKind::Local, 0));
    if up {
        network.add_route(TABLE_MAIN, route(subnet, RouteKind::Unicast, KERNEL_METRIC));
    }
    let group = AddrMask::prefix(IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8);
    let groups = network.tables.get(&TABLE_LOCAL).into_iter().flatten();
    let mut groups = groups.filter(|route| route.kind == RouteKind::Multicast);
    if let Some(group) = group.filter(|_| device != DeviceId::LOOPBACK)
        && !groups.any(|route| route.device == Some(device))
    {
        network.add_route(TABLE_LOCAL, route(group, RouteKind::Multicast, KERNEL_METRIC));
    }
}

/// Destinations that are only looked for on one device (Linux: `rt6_need_strict`).
fn strict(destination: Ipv6Addr) -> bool {
    destination.is_multicast() || (!destination.is_loopback() && scope_v6(destination) == 2)
}

/// Whether an address is an anycast address of the machine: one that its routes name, or the subnet-router anycast
/// address of a device (RFC 4291 section 2.6.1), which a router has.
pub(super) fn is_anycast(network: &Network, address: Ipv6Addr) -> bool {
    let given = || {
        let host = AddrMask::host(IpAddr::V6(address));
        let mut local = network.tables.get(&TABLE_LOCAL).into_iter().flatten();
        local.any(|route| route.kind == RouteKind::Anycast && route.destination == host)
    };
    let is_of = |(id, device): (DeviceId, &Device)| {
        id != DeviceId::LOOPBACK
            && network.settings.is_router_v6(id)
            && device.addresses.iter().any(|own| {
                own.address.is_ipv6()
                    && own.length < 127
                    && own.subnet().is_some_and(|subnet| subnet.address() == IpAddr::V6(address))
            })
    };
    network.devices_with_id().any(is_of) || given()
}

/// Linux: `ip6_route_input`, and the check of `ip6_forward` for forwarding.
pub(super) fn input(
    network: &Network,
    device: DeviceId,
    destination: Ipv6Addr,
    flow: Flow,
) -> Result<Route, Unroutable> {
    if destination.is_multicast() {
        let way = Way::Multicast { device };
        if groups::is_routed_v6(network, destination) {
            return Err(groups::ROUTED);
        }
        // Linux: `ip6_mc_input` asks without the source.
        let here = groups::hears_v6(network, device, destination, None)?;
        let route = Route::by(way, network.mtu(device, None));
        return if here { Ok(route) } else { Err(Unroutable::NoListener) };
    }
    if is_anycast(network, destination) {
        return Ok(network.local(None));
    }
    // Linux: `rt6_need_strict`: ::1 is only there on loopback; if a translation asks for it from outside, routes that leave
    // by the device that it came by are looked at, the default route too.
    let strict = strict(destination) || (destination.is_loopback() && device != DeviceId::LOOPBACK);
    let question =
        Question { output: strict.then_some(device), preferred: Some(device), ..Question::new(device) };
    let route = fib::lookup(network, flow, question)?.route;
    match route.kind {
        RouteKind::Local => Ok(network.local(None)),
        _ if !network.settings.forwards_v6(device) => Err(Unroutable::ForwardingOff),
        _ => Ok(way_out(network, route, fib::hop(network, route, question)?, flow.destination, None)),
    }
}

fn way_out(
    network: &Network,
    route: &RouteEntry,
    hop: Hop,
    destination: IpAddr,
    source: Option<IpAddr>,
) -> Route {
    let (next_hop, gateway) = fib::next_hop(hop, destination);
    let way = Way::Out { device: hop.device, next_hop, gateway };
    // Linux: `ip6_dst_mtu_maybe_forward`.
    let forward_mtu = network.mtu(hop.device, Some(route).filter(|route| route.mtu_locked));
    Route { source, forward_mtu, ..Route::by(way, network.mtu(hop.device, Some(route))) }
}

/// Linux: `ip6_route_output_flags`, `ip6_dst_lookup_tail`.
pub(super) fn output(
    network: &Network,
    bound: Option<DeviceId>,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    flow: Flow,
) -> Result<Route, Unroutable> {
    let given = (!source.is_unspecified()).then_some(IpAddr::V6(source));
    let question = Question {
        output: bound.filter(|_| strict(destination)),
        preferred: bound,
        ..Question::new(DeviceId::LOOPBACK)
    };
    let own = |device: Option<DeviceId>, route: Option<&RouteEntry>| {
        let preferred = route.and_then(|route| route.source);
        given.or(preferred).or_else(|| select_v6(network, device, destination).map(IpAddr::V6))
    };
    if is_anycast(network, destination) {
        return Ok(network.local(own(None, None)));
    }
    let route = fib::lookup(network, flow, question)?.route;
    if route.kind == RouteKind::Local {
        return Ok(network.local(own(route.device, Some(route))));
    }
    let hop = fib::hop(network, route, question)?;
    let (device, source) = (hop.device, own(Some(hop.device), Some(route)));
    if destination.is_multicast() {
        if groups::is_routed_v6(network, destination) {
            return Err(groups::ROUTED);
        }
        let mtu = network.mtu(device, Some(route));
        return Ok(Route { source, ..Route::by(Way::Multicast { device }, mtu) });
    }
    Ok(way_out(network, route, hop, flow.destination, source))
}

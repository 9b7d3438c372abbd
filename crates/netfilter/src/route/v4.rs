//! IPv4 decisions.
use std::net::{IpAddr, Ipv4Addr};

use packet::AddrMask;

use super::fib::{self, Question};
use super::source::{SCOPE_LINK, SCOPE_UNIVERSE, primaries, select_v4};
use super::{Flow, Network, groups};
use crate::network::{
    Address, DeviceId, Hop, PolicyRule, Route, RouteEntry, RouteKind, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN,
    Unroutable, Way,
};

/// The routes that the kernel makes for an address (Linux: `fib_add_ifaddr`).
pub(super) fn address_routes(
    network: &mut Network,
    device: DeviceId,
    own: Address,
    subnet: AddrMask,
    up: bool,
    loopback: bool,
) {
    let IpAddr::V4(address) = own.address else { return };
    let primary = network
        .device(device)
        .into_iter()
        .flat_map(primaries)
        .find(|other| other.subnet == subnet)
        .map_or(address, |first| first.address);
    let route = |destination, kind| RouteEntry {
        device: Some(device),
        source: Some(IpAddr::V4(primary)),
        ..RouteEntry::new(destination, kind)
    };
    network.add_route(TABLE_LOCAL, route(AddrMask::host(own.address), RouteKind::Local));
    if let Some(broadcast) = own.broadcast.filter(|broadcast| up && !broadcast.is_broadcast()) {
        let destination = AddrMask::host(IpAddr::V4(broadcast));
        network.add_route(TABLE_LOCAL, route(destination, RouteKind::Broadcast));
    }
    let AddrMask::V4 { address: net, mask } = subnet else { return };
    if !up || primary != address || net == 0 || (own.length == 32 && net == u32::from(address)) {
        return;
    }
    if loopback {
        network.add_route(TABLE_LOCAL, route(subnet, RouteKind::Local));
    } else {
        network.add_route(TABLE_MAIN, route(subnet, RouteKind::Unicast));
    }
    if own.length < 31 {
        let broadcast = Ipv4Addr::from(net | !mask);
        if own.broadcast != Some(broadcast) {
            let destination = AddrMask::host(IpAddr::V4(broadcast));
            network.add_route(TABLE_LOCAL, route(destination, RouteKind::Broadcast));
        }
    }
}

/// Linux: `ip_route_input_slow`; for groups `ip_route_input_rcu`.
pub(super) fn input(
    network: &Network,
    device: DeviceId,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    flow: Flow,
) -> Result<Route, Unroutable> {
    if destination.is_multicast() {
        return multicast(network, device, source, destination, flow);
    }
    if source.is_multicast() || source.is_broadcast() {
        return Err(Unroutable::MartianSource);
    }
    let broadcast = |network: &Network| {
        let realms = match source.is_unspecified() {
            true => 0,
            false => validate_source(network, device, None, flow)?.realms,
        };
        Ok(Route { realms, ..on_link(network, Way::Broadcast { device }, device) })
    };
    if destination.is_broadcast() || (source.is_unspecified() && destination.is_unspecified()) {
        return broadcast(network);
    }
    if source.is_unspecified() {
        return Err(Unroutable::MartianSource);
    }
    if destination.is_unspecified() {
        return Err(Unroutable::MartianDestination);
    }
    let localnet = network.settings.route_localnet.contains(&device);
    if destination.is_loopback() && !localnet {
        return Err(Unroutable::MartianDestination);
    }
    if source.is_loopback() && !localnet {
        return Err(Unroutable::MartianSource);
    }
    let forwards = network.settings.forwards_v4(device);
    let question = Question::new(device);
    let found = match fib::lookup(network, flow, question) {
        Ok(found) => found,
        Err(reason @ Unroutable::Undecided(_)) => return Err(reason),
        Err(_) if !forwards => return Err(Unroutable::ForwardingOff),
        Err(reason) => return Err(reason),
    };
    let route = found.route;
    let forwards_broadcast = network.settings.broadcasts.contains(&device);
    let out = |network: &Network| {
        let hop = fib::hop(network, route, question)?;
        let back = validate_source(network, device, Some(hop.device), flow)?;
        let (next_hop, gateway) = fib::next_hop(hop, flow.destination);
        Ok(Route {
            way: Way::Out { device: hop.device, next_hop, gateway },
            mtu: network.mtu(hop.device, Some(route)),
            forward_mtu: network.mtu(hop.device, Some(route)),
            source: preferred(network, route, hop),
            realms: with_realms(with_realms(route.realms, found.realms), back.realms),
            redirect: hop.device == device && back.on_link && is_nearer(network, device, source, hop),
        })
    };
    match route.kind {
        // Linux: `bc_forwarding`: it goes on like any other packet, also by the device that it came by.
        RouteKind::Broadcast if forwards_broadcast => out(network),
        RouteKind::Broadcast => broadcast(network),
        RouteKind::Local => {
            let realms = validate_source(network, device, None, flow)?.realms;
            Ok(Route { realms, ..network.local(None) })
        }
        _ if !forwards => Err(Unroutable::ForwardingOff),
        RouteKind::Unicast => out(network),
        _ => Err(Unroutable::MartianDestination),
    }
}

fn on_link(network: &Network, way: Way, device: DeviceId) -> Route {
    Route::by(way, network.mtu(device, None))
}

/// Linux: `set_class_tag`: each half is taken over where there is none yet.
fn with_realms(realms: u32, others: u32) -> u32 {
    let half = |mask: u32| if realms & mask == 0 { others & mask } else { realms & mask };
    half(0xffff_0000) | half(0xffff)
}

/// Linux: `ip_mc_validate_source`.
fn multicast(
    network: &Network,
    device: DeviceId,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    flow: Flow,
) -> Result<Route, Unroutable> {
    let routed = groups::is_routed_v4(network, device, destination);
    if !routed && !groups::hears_v4(network, device, destination, source, flow.protocol)? {
        return Err(Unroutable::NoListener);
    }
    let localnet = network.settings.route_localnet.contains(&device);
    if source.is_multicast() || source.is_broadcast() || (source.is_loopback() && !localnet) {
        return Err(Unroutable::MartianSource);
    }
    let link_local = matches!(destination.octets(), [224, 0, 0, _]);
    let realms = match source.is_unspecified() {
        true if link_local || flow.protocol == packet::protocol::IGMP => 0,
        true => return Err(Unroutable::MartianSource),
        false => validate_source(network, device, None, flow)?.realms,
    };
    if routed {
        return Err(groups::ROUTED);
    }
    Ok(Route { realms, ..on_link(network, Way::Multicast { device }, device) })
}

/// Whether a sender on the link of a device can reach a hop by that device itself (Linux: `__mkroute_input`,
/// `inet_addr_onlink`).
fn is_nearer(network: &Network, device: DeviceId, source: Ipv4Addr, hop: Hop) -> bool {
    let settings = &network.settings;
    if settings.no_redirects.contains(&device) {
        return false;
    }
    let gateway = hop.via.filter(IpAddr::is_ipv4);
    let joins = |subnet: AddrMask| {
        subnet.contains(IpAddr::V4(source)) && gateway.is_none_or(|gateway| subnet.contains(gateway))
    };
    let mut own = network.device(device).into_iter().flat_map(|device| &device.addresses);
    !settings.separate_media.contains(&device)
        || own.any(|own| own.address.is_ipv4() && own.subnet().is_some_and(joins))
}

/// The way back to the source of a packet.
#[derive(Clone, Copy, Default)]
struct Back {
    /// The realms that it gives.
    realms: u32,
    /// Whether it needs no gateway; only looked at where a redirect may come of it.
    on_link: bool,
}

/// Whether a source address may come from a device, and what the way back is like (Linux: `fib_validate_source`).
fn validate_source(
    network: &Network,
    device: DeviceId,
    out: Option<DeviceId>,
    flow: Flow,
) -> Result<Back, Unroutable> {
    let settings = &network.settings;
    let accept_local = settings.accept_local.contains(&device);
    let mode = settings.reverse_path.iter().find(|entry| entry.0 == device).map_or(0, |entry| entry.1);
    let may_redirect = out == Some(device) && !settings.no_redirects.contains(&device);
    if mode == 0 && !has_realms(network) && !may_redirect {
        if accept_local {
            return Ok(Back::default());
        }
        if !has_custom_rules(network) && !has_custom_local_routes(network) {
            let own = network.is_own(flow.source);
            return if own { Err(Unroutable::MartianSource) } else { Ok(Back::default()) };
        }
    }
    // The way back, asked with addresses and ports exchanged, and with the mark only where `src_valid_mark` is on.
    let mark = if settings.valid_mark.contains(&device) { flow.mark } else { 0 };
    let (source, destination) = (flow.destination, flow.source);
    let back = Flow { source, destination, mark, ports: (flow.ports.1, flow.ports.0), ..flow };
    let question = Question::new(out.unwrap_or(DeviceId::LOOPBACK));
    let unknown = || if mode == 0 { Ok(Back::default()) } else { Err(Unroutable::MartianSource) };
    let found = match fib::lookup(network, back, question) {
        Ok(found) => found,
        Err(reason @ Unroutable::Undecided(_)) => return Err(reason),
        Err(_) => return unknown(),
    };
    let route = found.route;
    match route.kind {
        RouteKind::Unicast => {}
        RouteKind::Local if accept_local => {}
        _ => return Err(Unroutable::MartianSource),
    }
    let realms = source_realms(route.realms, found.realms);
    let loopback = route.kind == RouteKind::Local && device == DeviceId::LOOPBACK;
    // Linux: `nhc_scope >= RT_SCOPE_HOST`: a hop without a gateway.
    let near = |route: &RouteEntry| route.via.is_none();
    if fib::uses(route, device) || loopback {
        return Ok(Back { realms, on_link: near(route) });
    }
    let has_address =
        network.device(device).is_some_and(|own| own.addresses.iter().any(|own| own.address.is_ipv4()));
    if !has_address {
        return unknown();
    }
    if mode == 1 {
        return Err(Unroutable::MartianSource);
    }
    // Loose mode: the source is known somewhere, and that is enough.
    let by_device = || match fib::lookup(network, back, Question { output: Some(device), ..question }) {
        Ok(found) => Ok(found.route.kind == RouteKind::Unicast && near(found.route)),
        Err(reason @ Unroutable::Undecided(_)) => Err(reason),
        Err(_) => Ok(false),
    };
    let on_link = if may_redirect { by_device()? } else { false };
    Ok(Back { realms, on_link })
}

/// The realms that the way back to its source gives a packet (Linux: `fib_combine_itag`).
fn source_realms(route: u32, rule: u32) -> u32 {
    let source = if route << 16 == 0 { rule << 16 } else { route << 16 };
    source | rule >> 16
}

/// Linux: `fib_num_tclassid_users`.
fn has_realms(network: &Network) -> bool {
    network.rules_v4.iter().any(|rule| rule.realms != 0)
        || network.tables.values().flatten().any(|route| route.realms != 0)
}

fn has_custom_rules(network: &Network) -> bool {
    let usual = [(0, TABLE_LOCAL), (32766, TABLE_MAIN), (32767, TABLE_DEFAULT)];
    let usual = usual.map(|(priority, table)| PolicyRule::lookup(priority, table));
    network.rules_v4 != usual
}

/// Whether the local table has routes that no address made.
fn has_custom_local_routes(network: &Network) -> bool {
    let locals = network.tables.get(&TABLE_LOCAL).into_iter().flatten();
    let mut locals =
        locals.filter(|route| route.kind == RouteKind::Local && route.destination.address().is_ipv4());
    locals.any(|route| {
        let made = |own: &Address| {
            AddrMask::host(own.address) == route.destination || own.subnet() == Some(route.destination)
        };
        let device = route.device.and_then(|device| network.device(device));
        !device.is_some_and(|device| device.addresses.iter().any(made))
    })
}

/// The source address that belongs to a route (Linux: `fib_result_prefsrc`).
fn preferred(network: &Network, route: &RouteEntry, hop: Hop) -> Option<IpAddr> {
    let gateway = match hop.via {
        Some(IpAddr::V4(gateway)) => Some(gateway),
        _ => None,
    };
    let scope = if gateway.is_some() { SCOPE_UNIVERSE } else { SCOPE_LINK };
    route.source.or_else(|| select_v4(network, hop.device, gateway, scope).map(IpAddr::V4))
}

/// The machine's address towards the source of a packet that came in by a device, as options record it (Linux:
/// `fib_compute_spec_dst`). An error: it cannot be said.
pub(super) fn towards_source(
    network: &Network,
    device: DeviceId,
    source: Ipv4Addr,
    flow: Flow,
) -> Result<Option<Ipv4Addr>, Unroutable> {
    if source.octets()[0] == 0 {
        let towards = (!source.is_unspecified()).then_some(source);
        return Ok(select_v4(network, device, towards, SCOPE_LINK));
    }
    let mark = if network.settings.valid_mark.contains(&device) { flow.mark } else { 0 };
    let anybody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let back = Flow { mark, tos: flow.tos, ..Flow::between(anybody, IpAddr::V4(source)) };
    recorded(network, back, Question::new(DeviceId::LOOPBACK), device, Some(source))
}

/// The machine's address on the way of a forwarded packet, as options record it (Linux: `ip_rt_get_source`).
pub(super) fn on_the_way(
    network: &Network,
    (input, output): (DeviceId, DeviceId),
    next_hop: Ipv4Addr,
    flow: Flow,
) -> Result<Option<Ipv4Addr>, Unroutable> {
    let question = Question { output: Some(output), ..Question::new(input) };
    recorded(network, flow, question, output, Some(next_hop))
}

fn recorded(
    network: &Network,
    flow: Flow,
    question: Question,
    device: DeviceId,
    towards: Option<Ipv4Addr>,
) -> Result<Option<Ipv4Addr>, Unroutable> {
    let found = match fib::lookup(network, flow, question) {
        Ok(found) => found,
        Err(reason @ Unroutable::Undecided(_)) => return Err(reason),
        Err(_) => return Ok(select_v4(network, device, towards, SCOPE_UNIVERSE)),
    };
    let own = match found.route.source {
        Some(own) => Some(own),
        None => preferred(network, found.route, fib::hop(network, found.route, question)?),
    };
    Ok(own.and_then(|own| match own {
        IpAddr::V4(own) => Some(own),
        IpAddr::V6(_) => None,
    }))
}

/// Linux: `ip_route_output_key_hash_rcu` with `FLOWI_FLAG_ANYSRC`.
pub(super) fn output(
    network: &Network,
    bound: Option<DeviceId>,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    flow: Flow,
) -> Result<Route, Unroutable> {
    let given = (!source.is_unspecified()).then_some(source);
    if given.is_some_and(|own| own.is_multicast() || own.is_broadcast() || own.is_unspecified()) {
        return Err(Unroutable::MartianSource);
    }
    let wide = destination.is_multicast() || destination.is_broadcast();
    if let (Some(own), None, true) = (given, bound, wide) {
        // Linux: the device that has the source address sends it.
        let owner = network.devices_with_id().find(|(_, device)| {
            device.up && device.addresses.iter().any(|address| address.address == IpAddr::V4(own))
        });
        let Some((device, _)) = owner else { return Err(Unroutable::MartianSource) };
        return finish(network, None, device, None, destination, given);
    }
    if let Some(device) = bound {
        if !network.is_up(device) {
            return Err(Unroutable::NoRoute);
        }
        let [a, b, c, _] = destination.octets();
        if (a, b, c) == (224, 0, 0) || destination.is_broadcast() {
            let own = given.or_else(|| select_v4(network, device, None, SCOPE_LINK));
            return finish(network, None, device, None, destination, own);
        }
    }
    if destination.is_unspecified() {
        return Ok(network.local(Some(IpAddr::V4(given.unwrap_or(Ipv4Addr::LOCALHOST)))));
    }
    let question = Question { output: bound, ..Question::new(DeviceId::LOOPBACK) };
    let found = match (fib::lookup(network, flow, question), bound) {
        (Ok(found), _) => found,
        (Err(reason @ Unroutable::Undecided(_)), _) => return Err(reason),
        (Err(_), Some(device)) => {
            // Linux: the tables are wrong then; the destination is taken to be on the link.
            let own = given.or_else(|| select_v4(network, device, None, SCOPE_LINK));
            return finish(network, None, device, Some(RouteKind::Unicast), destination, own);
        }
        (Err(reason), None) => return Err(reason),
    };
    let route = found.route;
    let realms = with_realms(route.realms, found.realms);
    if route.kind == RouteKind::Local {
        let own = given.map(IpAddr::V4).or(route.source).unwrap_or(flow.destination);
        if !network.is_up(DeviceId::LOOPBACK) {
            return Err(Unroutable::DeviceDown);
        }
        return Ok(Route { realms, ..network.local(Some(own)) });
    }
    let hop = fib::hop(network, route, question)?;
    let own = given.map(IpAddr::V4).or_else(|| preferred(network, route, hop));
    let own = match own {
        Some(IpAddr::V4(own)) => Some(own),
        _ => None,
    };
    let done = finish(network, Some((route, hop)), hop.device, Some(route.kind), destination, own)?;
    Ok(Route { realms, ..done })
}

/// Linux: `__mkroute_output`.
fn finish(
    network: &Network,
    route: Option<(&RouteEntry, Hop)>,
    device: DeviceId,
    kind: Option<RouteKind>,
    destination: Ipv4Addr,
    source: Option<Ipv4Addr>,
) -> Result<Route, Unroutable> {
    let localnet = device == DeviceId::LOOPBACK || network.settings.route_localnet.contains(&device);
    if source.is_some_and(|own| own.is_loopback()) && !localnet {
        return Err(Unroutable::MartianSource);
    }
    let way = if destination.is_broadcast() || kind == Some(RouteKind::Broadcast) {
        Way::Broadcast { device }
    } else if destination.is_multicast() {
        if groups::is_routed_v4(network, device, destination) {
            return Err(groups::ROUTED);
        }
        Way::Multicast { device }
    } else if destination.is_unspecified() {
        return Err(Unroutable::MartianDestination);
    } else {
        let (next_hop, gateway) = match route {
            Some((_, hop)) => fib::next_hop(hop, IpAddr::V4(destination)),
            None => (IpAddr::V4(destination), false),
        };
        Way::Out { device, next_hop, gateway }
    };
    let mtu = network.mtu(device, route.map(|(route, _)| route));
    Ok(Route { source: source.map(IpAddr::V4), ..Route::by(way, mtu) })
}

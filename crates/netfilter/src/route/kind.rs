//! Types of addresses, for `-m addrtype`, by the kernel's numbers (`RTN_`).
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fib::{self, Question};
use super::{Flow, Network, v6};
use crate::network::{DeviceId, RouteKind, TABLE_LOCAL, Unroutable};

/// No address.
pub const UNSPEC: u8 = 0;
/// Another machine's.
pub const UNICAST: u8 = 1;
/// This machine's.
pub const LOCAL: u8 = 2;
/// Everybody of a network.
pub const BROADCAST: u8 = 3;
/// One of a network's routers.
pub const ANYCAST: u8 = 4;
/// A group.
pub const MULTICAST: u8 = 5;
/// One to which there is no way.
pub const UNREACHABLE: u8 = 7;

fn number(kind: RouteKind) -> u8 {
    match kind {
        RouteKind::Unicast => UNICAST,
        RouteKind::Local => LOCAL,
        RouteKind::Broadcast => BROADCAST,
        RouteKind::Anycast => ANYCAST,
        RouteKind::Multicast => MULTICAST,
        RouteKind::Blackhole => 6,
        RouteKind::Unreachable => UNREACHABLE,
        RouteKind::Prohibit => 8,
        RouteKind::Throw => 9,
    }
}

/// Linux: `inet_addr_type`, `inet_dev_addr_type`: only the table `local` is asked.
pub(super) fn of_v4(network: &Network, address: Ipv4Addr, device: Option<DeviceId>) -> u8 {
    if address.is_unspecified() || address.is_broadcast() {
        return BROADCAST;
    }
    if address.is_multicast() {
        return MULTICAST;
    }
    let flow = Flow::between(IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(address));
    let route = fib::table(network, TABLE_LOCAL, flow, Question::new(DeviceId::LOOPBACK));
    match route.ok().flatten() {
        Some(route) if device.is_none() || route.device == device => match route.kind {
            // Linux: `fib_table_lookup` fails for these, and the type stays unicast.
            RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => UNICAST,
            kind => number(kind),
        },
        _ => UNICAST,
    }
}

/// Linux: `match_type6`: every wanted property of the address, and one of the wanted properties of its route.
pub(super) fn matches_v6(network: &Network, address: Ipv6Addr, device: Option<DeviceId>, types: u16) -> bool {
    let wants = |kind: u8| types & (1 << kind) != 0;
    if wants(MULTICAST) && !address.is_multicast() {
        return false;
    }
    // Linux: `ipv6_addr_type` calls everything unicast but groups, ::, and IPv4-mapped addresses.
    let unicast = !address.is_multicast() && !address.is_unspecified() && address.to_ipv4_mapped().is_none();
    if wants(UNICAST) && !unicast {
        return false;
    }
    if wants(UNSPEC) && !address.is_unspecified() {
        return false;
    }
    let by_route = (1 << LOCAL) | (1 << ANYCAST) | (1 << UNREACHABLE);
    types & by_route == 0 || types & by_route & route_types(network, address, device) != 0
}

/// Linux: `match_lookup_rt6`.
fn route_types(network: &Network, address: Ipv6Addr, device: Option<DeviceId>) -> u16 {
    let mut types = 0;
    if let Some(owner) = device.and_then(|device| network.device(device))
        && owner.addresses.iter().any(|own| own.address == IpAddr::V6(address))
    {
        types |= 1 << LOCAL;
    }
    let flow = Flow::between(IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(address));
    // Linux: with a device only its routes count, so what is behind another one is unreachable (measured).
    let question = Question { output: device, ..Question::new(DeviceId::LOOPBACK) };
    if v6::is_anycast(network, address) {
        return types | 1 << ANYCAST;
    }
    match fib::lookup(network, flow, question) {
        Err(_) => types | 1 << UNREACHABLE,
        Ok(found) if found.route.kind == RouteKind::Local && device.is_none() => types | 1 << LOCAL,
        Ok(_) => types,
    }
}

/// The type of an IPv6 address by its route, as the trace names it.
pub(super) fn of_v6(network: &Network, address: Ipv6Addr, device: Option<DeviceId>) -> u8 {
    if address.is_multicast() {
        return MULTICAST;
    }
    if address.is_unspecified() {
        return UNSPEC;
    }
    if v6::is_anycast(network, address) {
        return ANYCAST;
    }
    let flow = Flow::between(IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(address));
    match fib::lookup(network, flow, Question::new(DeviceId::LOOPBACK)) {
        Ok(found) if device.is_none() || found.route.device == device => number(found.route.kind),
        Ok(_) => UNICAST,
        Err(Unroutable::Blackhole) => 6,
        Err(Unroutable::Prohibited) => 8,
        Err(_) => UNREACHABLE,
    }
}

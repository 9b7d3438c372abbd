//! Which own address MASQUERADE and REDIRECT take (F55, F56).
//!
//! Linux: `inet_select_addr`, `ipv6_dev_get_saddr` (RFC 6724 section 5), `nf_nat_redirect_ipv4`,
//! `nf_nat_redirect_ipv6`. An IPv6 address that was added later stands before the older ones of its scope (measured).
use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::AddrMask;

use crate::network::{Address, Device, DeviceId, Network, Way};
use crate::skb::Packet;

fn device(network: &Network, id: DeviceId) -> Option<&Device> {
    network.devices.get(usize::try_from(id.0).ok()?)
}

/// The source for a packet that leaves by a device. Neither the route's preferred source nor the packet's own matters.
pub(super) fn for_masquerade(network: &Network, id: DeviceId, packet: &Packet) -> Option<IpAddr> {
    let destination = packet.view().destination();
    let next_hop = match packet.route.map(|route| route.way) {
        Some(Way::Out { next_hop, gateway: true, .. }) => next_hop,
        _ => destination,
    };
    match (destination, next_hop) {
        (IpAddr::V4(destination), next_hop) => {
            // A gateway of the other family tells nothing.
            let next_hop = if let IpAddr::V4(next_hop) = next_hop { next_hop } else { destination };
            select_v4(network, id, next_hop).map(IpAddr::V4)
        }
        (IpAddr::V6(destination), _) => select_v6(network, id, destination).map(IpAddr::V6),
    }
}

fn subnet(address: &Address) -> Option<AddrMask> {
    AddrMask::prefix(address.address, address.length)
}

/// The addresses of a device that are the first of their subnet.
fn primaries(device: &Device) -> impl Iterator<Item = (Ipv4Addr, &Address)> {
    let all = &device.addresses;
    all.iter().enumerate().filter_map(|(at, address)| {
        let IpAddr::V4(v4) = address.address else { return None };
        let secondary = all.iter().take(at).any(|earlier| subnet(earlier) == subnet(address));
        (!secondary).then_some((v4, address))
    })
}

/// The primary address whose subnet holds the next hop, else the first one, else one of another device.
fn select_v4(network: &Network, id: DeviceId, next_hop: Ipv4Addr) -> Option<Ipv4Addr> {
    let own = device(network, id)?;
    let usable = |device| primaries(device).filter(|(v4, _)| !v4.is_loopback());
    let near = usable(own)
        .find(|(_, address)| subnet(address).is_some_and(|subnet| subnet.contains(IpAddr::V4(next_hop))));
    near.or_else(|| usable(own).next())
        .or_else(|| network.devices.iter().find_map(|device| usable(device).next()))
        .map(|(v4, _)| v4)
}

/// The scope of an address (Linux: `ipv6_addr_src_scope`).
fn scope(address: Ipv6Addr) -> i16 {
    let [first, second, ..] = address.octets();
    match (first, second) {
        (0xff, flags) => i16::from(flags & 0x0f),
        (0xfe, 0x80..0xc0) => 2,
        (0xfe, 0xc0..) => 5,
        _ if address.is_loopback() => 2,
        _ => 14,
    }
}

/// The label of an address (RFC 6724 section 2.1, with Linux' table).
fn label(address: Ipv6Addr) -> u8 {
    let bits = u128::from(address);
    let under = |prefix: u128, length: u32| (bits ^ prefix) >> (128 - length) == 0;
    match () {
        () if address.is_loopback() => 0,
        () if under(0xffff_0000_0000, 96) => 4,
        () if under(0, 96) => 3,
        () if under(0x2001_0000_u128 << 96, 32) => 6,
        () if under(0x2001_0010_u128 << 96, 28) => 7,
        () if under(0x2002_u128 << 112, 16) => 2,
        () if under(0xfc_u128 << 120, 7) => 5,
        () => 1,
    }
}

/// The IPv6 addresses of a device as the kernel lists them: wide scopes first, of one scope the newest first.
fn listed_v6(device: &Device) -> Vec<(Ipv6Addr, u8)> {
    let mut all: Vec<(Ipv6Addr, u8)> = device
        .addresses
        .iter()
        .rev()
        .filter_map(|address| match address.address {
            IpAddr::V6(v6) => Some((v6, address.length)),
            IpAddr::V4(_) => None,
        })
        .collect();
    all.sort_by_key(|&(address, _)| Reverse(scope(address)));
    all
}

/// How well an address suits, the most important rule first: it is the destination itself, its scope, it is the
/// outgoing device's, its label, the bits that it has in common with the destination.
type Score = (bool, i16, bool, bool, u32);

/// Source address selection; the rules about deprecated, home and temporary addresses have no meaning here.
fn select_v6(network: &Network, id: DeviceId, destination: Ipv6Addr) -> Option<Ipv6Addr> {
    let own = device(network, id)?;
    let wanted = scope(destination);
    let only_own = destination.is_multicast() || wanted <= 2;
    let others = network.devices.iter().filter(|other| !only_own && other.name != own.name && other.up);
    let mut best: Option<(Score, Ipv6Addr)> = None;
    for (candidate, mine) in std::iter::once((own, true)).chain(others.map(|other| (other, false))) {
        for (address, length) in listed_v6(candidate) {
            let own_scope = scope(address);
            let distance = if own_scope >= wanted { -own_scope } else { own_scope - 128 };
            let common =
                (u128::from(address) ^ u128::from(destination)).leading_zeros().min(u32::from(length));
            let score =
                (address == destination, distance, mine, label(address) == label(destination), common);
            // The first of equals stays.
            if best.is_none_or(|(other, _)| score > other) {
                best = Some((score, address));
            }
        }
    }
    best.map(|(_, address)| address)
}

/// The address of the device by which a packet came, to which REDIRECT sends it.
pub(super) fn for_redirect(network: &Network, id: DeviceId, destination: IpAddr) -> Option<IpAddr> {
    let own = device(network, id)?;
    match destination {
        IpAddr::V4(_) => primaries(own).next().map(|(v4, _)| IpAddr::V4(v4)),
        IpAddr::V6(destination) => {
            let wanted = scope(destination);
            let mut usable = listed_v6(own)
                .into_iter()
                .map(|(address, _)| address)
                .filter(|address| address.to_ipv4_mapped().is_none());
            // Linux: a destination of global scope asks for nothing; others want their own.
            usable.find(|&address| wanted == 14 || scope(address) == wanted).map(IpAddr::V6)
        }
    }
}

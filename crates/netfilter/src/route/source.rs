//! Which address the machine uses as its own.
//!
//! Linux: `inet_select_addr`; `ipv6_dev_get_saddr`, which is RFC 6724 without the rule for home addresses, of which this
//! machine has none.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::AddrMask;

use crate::network::{Address, Device, DeviceId, Network};

/// Linux: `RT_SCOPE_UNIVERSE`: everywhere.
pub(super) const SCOPE_UNIVERSE: u8 = 0;
/// Linux: `RT_SCOPE_LINK`: on the link.
pub(super) const SCOPE_LINK: u8 = 253;
/// Linux: `RT_SCOPE_HOST`: within the machine.
pub(super) const SCOPE_HOST: u8 = 254;

/// The primary IPv4 addresses of a device with their subnets: the first one of each subnet (Linux: an address is
/// secondary if an earlier one has the same prefix).
pub(super) fn primaries(device: &Device) -> impl Iterator<Item = Primary> {
    device.addresses.iter().enumerate().filter_map(|(at, own)| {
        let IpAddr::V4(address) = own.address else { return None };
        let subnet = own.subnet()?;
        let earlier = device.addresses.get(..at).unwrap_or(&[]);
        let same = |other: &Address| other.subnet() == Some(subnet);
        (!earlier.iter().any(same)).then_some(Primary { address, subnet, scope: own.scope })
    })
}

/// A primary IPv4 address.
pub(super) struct Primary {
    pub(super) address: Ipv4Addr,
    pub(super) subnet: AddrMask,
    scope: u8,
}

/// The IPv4 address that a device has towards a next hop: the primary one whose subnet contains it, else the first
/// primary one, else one of another device (F55).
pub(super) fn select_v4(
    network: &Network,
    device: DeviceId,
    towards: Option<Ipv4Addr>,
    scope: u8,
) -> Option<Ipv4Addr> {
    let mut first = None;
    let loosest = if network.settings.route_localnet.contains(&device) { SCOPE_LINK } else { SCOPE_HOST };
    for own in network.device(device).into_iter().flat_map(primaries) {
        if own.scope.min(loosest) > scope {
            continue;
        }
        match towards {
            Some(towards) if !own.subnet.contains(IpAddr::V4(towards)) => first = first.or(Some(own.address)),
            _ => return Some(own.address),
        }
    }
    first.or_else(|| {
        // Linux: what is valid on its link only is not lent to another device.
        let mut all = network.devices.iter().flat_map(primaries);
        all.find(|own| own.scope <= scope && own.scope != SCOPE_LINK).map(|own| own.address)
    })
}

/// Scope of an IPv6 address as RFC 4007 numbers them: 1 interface, 2 link, 5 site, 14 global.
pub(super) fn scope_v6(address: Ipv6Addr) -> u8 {
    let [first, second, ..] = address.octets();
    if first == 0xff {
        second & 15
    } else if address.is_loopback() || (first == 0xfe && second & 0xc0 == 0x80) {
        2
    } else if first == 0xfe && second & 0xc0 == 0xc0 {
        5
    } else {
        14
    }
}

/// Labels of prefixes, the longest first (Linux: `ip6addrlbl_init_table`).
const LABELS: [(Ipv6Addr, u8, u8); 10] = [
    (Ipv6Addr::LOCALHOST, 128, 0),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, 4),
    (Ipv6Addr::UNSPECIFIED, 96, 3),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, 6),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, 7),
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16, 12),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, 2),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, 11),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, 5),
    (Ipv6Addr::UNSPECIFIED, 0, 1),
];

fn label(address: Ipv6Addr) -> u8 {
    let has = |prefix: Ipv6Addr, length: u8| common_bits(prefix, address) >= u32::from(length);
    LABELS.iter().find(|entry| has(entry.0, entry.1)).map_or(1, |entry| entry.2)
}

fn common_bits(one: Ipv6Addr, other: Ipv6Addr) -> u32 {
    (u128::from(one) ^ u128::from(other)).leading_zeros()
}

/// The IPv6 addresses of a device in the kernel's order: the widest scope first, in a scope the newest first
/// (Linux: `ipv6_link_dev_addr`).
fn addresses_v6(device: &Device) -> impl Iterator<Item = (Ipv6Addr, &Address)> {
    let of_scope = |wanted: fn(u8) -> bool| {
        device.addresses.iter().rev().filter_map(move |own| match own.address {
            IpAddr::V6(address) if wanted(scope_v6(address)) => Some((address, own)),
            _ => None,
        })
    };
    of_scope(|scope| scope == 14).chain(of_scope(|scope| scope == 5)).chain(of_scope(|scope| scope < 5))
}

/// The IPv6 address to use towards a destination that is reached by a device.
pub(super) fn select_v6(
    network: &Network,
    device: Option<DeviceId>,
    destination: Ipv6Addr,
) -> Option<Ipv6Addr> {
    let wanted = scope_v6(destination);
    let only_device = destination.is_multicast() || wanted <= 2;
    let mut best: Option<(Score, Ipv6Addr)> = None;
    for (id, owner) in network.devices_with_id() {
        if only_device && device.is_some_and(|device| device != id) {
            continue;
        }
        let private = network.settings.prefer_temporary.contains(&id);
        for (address, own) in addresses_v6(owner) {
            let scope = i16::from(scope_v6(address));
            let score = Score {
                same: address == destination,
                // Linux: the smallest sufficient scope, else the largest insufficient one.
                scope: if scope >= i16::from(wanted) { -scope } else { scope - 128 },
                preferred: !own.deprecated,
                device: device.is_none_or(|device| device == id),
                label: label(address) == label(destination),
                privacy: own.temporary == private,
                prefix: common_bits(address, destination).min(u32::from(own.length)),
            };
            if best.is_none_or(|(other, _)| score > other) {
                best = Some((score, address));
            }
        }
    }
    best.map(|(_, address)| address)
}

/// RFC 6724 section 5, rules 1, 2, 3, 5, 6, 7 and 8 in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    same: bool,
    scope: i16,
    preferred: bool,
    device: bool,
    label: bool,
    privacy: bool,
    prefix: u32,
}

/// The link-local address with which a device speaks to its neighbours: the oldest (Linux: `__ipv6_get_lladdr`).
pub(super) fn link_local(network: &Network, device: DeviceId) -> Option<Ipv6Addr> {
    let mut own = network.device(device)?.addresses.iter().filter_map(|own| match own.address {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    });
    own.find(Ipv6Addr::is_unicast_link_local)
}

/// The first IPv6 address of a device.
pub(super) fn first_v6(network: &Network, device: DeviceId) -> Option<Ipv6Addr> {
    addresses_v6(network.device(device)?).map(|own| own.0).next()
}

/// The address that REDIRECT gives: the first of the device that has the destination's scope; a destination of global
/// scope takes any (measured: also a link-local one, if the device has no other).
pub(super) fn redirect_v6(network: &Network, device: DeviceId, destination: Ipv6Addr) -> Option<Ipv6Addr> {
    let wanted = scope_v6(destination);
    let mut addresses = addresses_v6(network.device(device)?).map(|own| own.0);
    addresses.find(|&address| wanted == 14 || scope_v6(address) == wanted)
}

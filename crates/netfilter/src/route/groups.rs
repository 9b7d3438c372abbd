//! Groups that devices of this machine have joined, and which packets to them are for it.
//!
//! Read first: Linux `ip_check_mc_rcu`, `ipv6_chk_mcast_addr`; what `ip_mc_up` and `ipv6_mc_up` join by themselves.
//! Differences from Linux: packets that multicast routing may take (`mc_forwarding`) have no decision, since a program
//! makes its routes as they come.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Network;
use crate::network::{DeviceId, Sources, Unroutable, Way};
use crate::skb::Packet;

/// The group that every machine is a member of.
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// What is asked of a daemon as packets come.
pub(super) const ROUTED: Unroutable =
    Unroutable::Undecided("multicast routing (mc_forwarding): a program makes its routes as packets come");

/// Whether senders to a group are heard whose addresses cannot be told from the lists that the kernel shows.
const FILTERED: Unroutable =
    Unroutable::Undecided("several processes have joined the group, and not for the same sources");

/// Whether a packet to an IPv4 group is for a machine that it reaches by a device (Linux: `ip_check_mc_rcu`).
pub(super) fn hears_v4(
    network: &Network,
    device: DeviceId,
    group: Ipv4Addr,
    source: Ipv4Addr,
    protocol: u8,
) -> Result<bool, Unroutable> {
    match sources(network, device, IpAddr::V4(group)) {
        None => Ok(group == ALL_HOSTS),
        Some(_) if protocol == packet::protocol::IGMP || source.is_unspecified() => Ok(true),
        Some(sources) => takes(sources, IpAddr::V4(source)),
    }
}

/// The same for IPv6 (Linux: `ipv6_chk_mcast_addr`). Without a source every member hears: so packets come to INPUT, and
/// those of senders that nobody wants end behind it.
pub(super) fn hears_v6(
    network: &Network,
    device: DeviceId,
    group: Ipv6Addr,
    source: Option<Ipv6Addr>,
) -> Result<bool, Unroutable> {
    match (sources(network, device, IpAddr::V6(group)), source.filter(|own| !own.is_unspecified())) {
        (None, _) => Ok(is_usual_v6(network, device, group)),
        (Some(_), None) => Ok(true),
        (Some(sources), Some(source)) => takes(sources, IpAddr::V6(source)),
    }
}

fn sources(network: &Network, device: DeviceId, group: IpAddr) -> Option<&Sources> {
    let mut joined = network.device(device)?.groups.iter();
    joined.find(|own| own.address == group).map(|own| &own.sources)
}

fn takes(sources: &Sources, source: IpAddr) -> Result<bool, Unroutable> {
    match sources {
        Sources::All => Ok(true),
        Sources::Only(list) => Ok(list.contains(&source)),
        Sources::But(list) => Ok(!list.contains(&source)),
        Sources::Mixed => Err(FILTERED),
    }
}

/// All nodes, all routers if the machine is one, and the solicited-node groups of its addresses.
fn is_usual_v6(network: &Network, device: DeviceId, group: Ipv6Addr) -> bool {
    match group.segments() {
        [0xff01 | 0xff02, 0, 0, 0, 0, 0, 0, 1] => true,
        [0xff01 | 0xff02 | 0xff05, 0, 0, 0, 0, 0, 0, 2] => {
            network.settings.is_router_v6(device) && device != DeviceId::LOOPBACK
        }
        [0xff02, 0, 0, 0, 0, 1, high, low] if high >> 8 == 0xff => {
            let wanted = (u32::from(high & 0xff) << 16) | u32::from(low);
            network.device(device).is_some_and(|device| {
                // Linux: `addrconf_join_solict`.
                device.arp
                    && device.addresses.iter().any(|own| match own.address {
                        IpAddr::V6(own) => (u128::from(own) & 0xff_ffff) as u32 == wanted,
                        IpAddr::V4(_) => false,
                    })
            })
        }
        _ => false,
    }
}

/// Whether multicast routing may take packets to an IPv4 group that come in or leave by a device.
pub(super) fn is_routed_v4(network: &Network, device: DeviceId, group: Ipv4Addr) -> bool {
    let [a, b, c, _] = group.octets();
    network.settings.multicast_v4.contains(&device) && (a, b, c) != (224, 0, 0)
}

/// The same for IPv6: groups that are wider than the link.
pub(super) fn is_routed_v6(network: &Network, group: Ipv6Addr) -> bool {
    network.settings.multicast_v6 && scope(group) > 2
}

fn scope(group: Ipv6Addr) -> u16 {
    group.segments()[0] & 0xf
}

impl Network {
    /// Whether a member of an IPv6 group on a device wants a sender.
    pub(crate) fn hears_group_v6(
        &self,
        device: DeviceId,
        group: Ipv6Addr,
        source: Ipv6Addr,
    ) -> Result<bool, Unroutable> {
        hears_v6(self, device, group, Some(source))
    }

    /// Whether a packet of this machine to a group comes back to it, as its device is a member (Linux: `sk_mc_loop` is
    /// taken to hold, as it does unless a process asks otherwise).
    pub(crate) fn hears_itself(&self, packet: &Packet, device: DeviceId) -> Result<bool, Unroutable> {
        let is_group = packet.route.is_some_and(|route| matches!(route.way, Way::Multicast { .. }));
        if !is_group || device == DeviceId::LOOPBACK {
            return Ok(false);
        }
        let view = packet.view();
        match (view.source(), view.destination()) {
            (IpAddr::V4(source), IpAddr::V4(group)) => {
                hears_v4(self, device, group, source, view.protocol().unwrap_or(0))
            }
            (IpAddr::V6(source), IpAddr::V6(group)) => hears_v6(self, device, group, Some(source)),
            _ => Ok(false),
        }
    }
}

/// Whether a packet to a group never leaves the machine (Linux: `ip6_finish_output2`).
pub(crate) fn stays_within(destination: IpAddr) -> bool {
    matches!(destination, IpAddr::V6(group) if group.is_multicast() && scope(group) <= 1)
}

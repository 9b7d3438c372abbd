//! The targets SNAT, DNAT, MASQUERADE, REDIRECT and NETMAP: from a rule's range to a binding (F48 to F57).
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::rewrite::End;
use packet::{AddrMask, Family};
use rules::targets::nat::NatRange;
use rules::{Hook, Target};

use super::{end_of, pick};
use crate::Env;
use crate::conntrack::ConnectionId;
use crate::hook::Verdict;
use crate::network::Way;
use crate::skb::{Drop, Packet, Tracking};

/// Carries out a target of the nat table. Targets that are not NAT, and packets without a connection, are accepted.
pub fn target(target: &Target, hook: Hook, packet: &mut Packet, env: &mut Env<'_>) -> Verdict {
    let Tracking::Entry { connection, .. } = packet.tracking else { return Verdict::Accept };
    match target {
        Target::Snat(range) => pick::bind(connection, range, End::Source, env),
        Target::Dnat(range) => pick::bind(connection, range, End::Destination, env),
        Target::Masquerade(range) => masquerade(connection, range, packet, env),
        Target::Redirect(range) => redirect(connection, range, hook, packet, env),
        Target::Netmap(netmap) => {
            let end = end_of(hook);
            let view = packet.view();
            let old = if end == End::Source { view.source() } else { view.destination() };
            pick::bind(connection, &pick::one_address(into_network(old, netmap.to), None), end, env)
        }
        _ => Verdict::Accept,
    }
}

fn with_address(range: &NatRange, address: IpAddr) -> NatRange {
    NatRange { addresses: Some((address, address)), ..*range }
}

/// The source becomes an address of the device that the packet leaves by (F55).
fn masquerade(connection: ConnectionId, range: &NatRange, packet: &Packet, env: &mut Env<'_>) -> Verdict {
    let Some(tracked) = env.conntrack.get(connection) else { return Verdict::Accept };
    // Linux: a host that asks for its address (DHCP) is left alone.
    if tracked.original().source == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        return Verdict::Accept;
    }
    let Some(device) = packet.output else { return Verdict::Drop(Drop::NatFailed) };
    let destination = packet.view().destination();
    let next_hop = match packet.route.map(|route| route.way) {
        Some(Way::Out { next_hop, .. }) => next_hop,
        _ => destination,
    };
    let Some(source) = env.network.masquerade_address(device, next_hop, destination) else {
        return Verdict::Drop(Drop::NatFailed);
    };
    if let Some(tracked) = env.conntrack.get_mut(connection) {
        tracked.set_masquerade(device);
    }
    pick::bind(connection, &with_address(range, source), End::Source, env)
}

/// The destination becomes this machine (F56).
fn redirect(
    connection: ConnectionId,
    range: &NatRange,
    hook: Hook,
    packet: &Packet,
    env: &mut Env<'_>,
) -> Verdict {
    let own = match (hook, packet.family()) {
        (Hook::Output, Family::V4) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        (Hook::Output, Family::V6) => Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        _ => {
            packet.input.and_then(|device| env.network.redirect_address(device, packet.view().destination()))
        }
    };
    match own {
        Some(own) => pick::bind(connection, &with_address(range, own), End::Destination, env),
        None => Verdict::Drop(Drop::NatFailed),
    }
}

/// The address with the network's bits in place of its own (F56).
fn into_network(address: IpAddr, network: AddrMask) -> IpAddr {
    match (address, network) {
        (IpAddr::V4(old), AddrMask::V4 { address, mask }) => {
            IpAddr::V4(Ipv4Addr::from((u32::from(old) & !mask) | (address & mask)))
        }
        (IpAddr::V6(old), AddrMask::V6 { address, mask }) => {
            IpAddr::V6(Ipv6Addr::from((u128::from(old) & !mask) | (address & mask)))
        }
        _ => address,
    }
}

//! The look-up: policy rules in order, in each table the longest prefix.
//!
//! Linux: `fib_rules_lookup`, `fib_table_lookup`, `fib6_table_lookup`.
use std::net::IpAddr;

use packet::{AddrMask, Family};

use super::{Flow, refused};
use crate::network::{DeviceId, Network, PolicyRule, RouteEntry, RouteKind, Unroutable};

/// What a look-up asks besides the flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// The incoming device that rules see: loopback for packets of this machine.
    pub(super) input: DeviceId,
    /// Only routes by this device count.
    pub(super) output: Option<DeviceId>,
    /// IPv6: among equal routes that by this device is taken.
    pub(super) preferred: Option<DeviceId>,
    /// Whether the preferred device counts before the metric (Linux: `rt6_device_match` instead of `rt6_select`).
    pub(super) device_first: bool,
}

impl Question {
    pub(super) fn new(input: DeviceId) -> Self {
        Self { input, output: None, preferred: None, device_first: false }
    }
}

/// Looks a flow up in all tables that the rules name.
pub(super) fn lookup(network: &Network, flow: Flow, question: Question) -> Result<&RouteEntry, Unroutable> {
    let family = Family::of(flow.destination);
    for rule in network.rules(family) {
        if !applies(rule, flow, question) {
            continue;
        }
        match table(network, rule.table, flow, question) {
            None => {}
            Some(route) if route.kind == RouteKind::Throw => {}
            Some(route) => return refused(route.kind).map_or(Ok(route), Err),
        }
    }
    Err(Unroutable::NoRoute)
}

fn applies(rule: &PolicyRule, flow: Flow, question: Question) -> bool {
    rule.mark.is_none_or(|(mark, mask)| flow.mark & mask == mark & mask)
        && rule.from.is_none_or(|from| from.contains(flow.source))
        && rule.to.is_none_or(|to| to.contains(flow.destination))
        && rule.input.is_none_or(|input| input == question.input)
        && rule.output.is_none_or(|output| question.output == Some(output))
}

/// The best route of one table; routes whose device is down or not the wanted one do not count.
pub(super) fn table(network: &Network, table: u32, flow: Flow, question: Question) -> Option<&RouteEntry> {
    let mut best: Option<(&RouteEntry, Rank)> = None;
    for route in network.tables.get(&table)? {
        if !route.destination.contains(flow.destination) || !usable(network, route, flow, question) {
            continue;
        }
        let rank = Rank::of(route, question);
        if best.is_none_or(|(_, other)| rank > other) {
            best = Some((route, rank));
        }
    }
    best.map(|(route, _)| route)
}

/// How good a route is: longer prefix, then a TOS that was asked for, then the lower metric, then the preferred device
/// (which may count before the metric), then the one that was there first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    length: u8,
    tos: bool,
    device: bool,
    metric: std::cmp::Reverse<u32>,
    preferred: bool,
}

impl Rank {
    fn of(route: &RouteEntry, question: Question) -> Self {
        let preferred = route.device.is_some() && route.device == question.preferred;
        Self {
            length: prefix_length(&route.destination),
            tos: route.tos != 0,
            device: preferred && question.device_first,
            metric: std::cmp::Reverse(route.metric),
            preferred,
        }
    }
}

fn prefix_length(destination: &AddrMask) -> u8 {
    destination.prefix_length().unwrap_or(0)
}

fn usable(network: &Network, route: &RouteEntry, flow: Flow, question: Question) -> bool {
    // Linux: `fib_dscp_masked_match` compares three bits of the DSCP.
    if route.tos != 0 && flow.destination.is_ipv4() && route.tos != flow.tos & 0x1c {
        return false;
    }
    match (route.kind, route.device) {
        (RouteKind::Throw, _) => true,
        (kind, _) if refused(kind).is_some() => true,
        (_, None) => false,
        (kind, Some(device)) => {
            // Linux: local routes outlive their device's going down.
            let alive = kind == RouteKind::Local || network.is_up(device);
            alive && question.output.is_none_or(|output| output == device)
        }
    }
}

/// The gateway of a route, or the destination itself.
pub(super) fn next_hop(route: &RouteEntry, destination: IpAddr) -> (IpAddr, bool) {
    match route.via {
        Some(gateway) => (gateway, true),
        None => (destination, false),
    }
}

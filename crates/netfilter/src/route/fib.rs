//! The look-up: policy rules in order, in each table the longest prefix.
//!
//! Linux: `fib_rules_lookup`, `fib_rule_match`, `fib_table_lookup`, `fib_select_path`; `fib6_table_lookup`,
//! `fib6_select_path`. Where the kernel would choose by a secret hash or by its neighbours' states, the answer is
//! [`Unroutable::Undecided`].
use std::net::IpAddr;

use packet::{AddrMask, Family};

use super::{Flow, refused};
use crate::network::{DeviceId, Hop, Network, PolicyRule, RouteEntry, RouteKind, RuleAction, Unroutable};

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

/// A route, and the realms of the rule that led to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'n> {
    pub(super) route: &'n RouteEntry,
    pub(super) realms: u32,
}

/// Looks a flow up in all tables that the rules name.
pub(super) fn lookup(network: &Network, flow: Flow, question: Question) -> Result<Found<'_>, Unroutable> {
    let rules = network.rules(Family::of(flow.destination));
    let mut at = 0;
    while let Some(rule) = rules.get(at) {
        at += 1;
        if !applies(rule, flow, question)? {
            continue;
        }
        match rule.action {
            RuleAction::Lookup => {}
            RuleAction::Nothing => continue,
            RuleAction::Goto(priority) => {
                // Linux: only forwards, so that it ends; a target that is not there is passed over.
                let target = rules.iter().position(|other| other.priority == priority);
                at = target.filter(|&target| target >= at).unwrap_or(at);
                continue;
            }
            RuleAction::Blackhole => return Err(Unroutable::Blackhole),
            RuleAction::Unreachable => return Err(Unroutable::NoRoute),
            RuleAction::Prohibit => return Err(Unroutable::Prohibited),
        }
        let Some(route) = table(network, rule.table, flow, question)? else { continue };
        if route.kind == RouteKind::Throw {
            continue;
        }
        if let Some(reason) = refused(route.kind) {
            return Err(reason);
        }
        if !is_suppressed(network, rule, route) {
            return Ok(Found { route, realms: rule.realms });
        }
    }
    Err(Unroutable::NoRoute)
}

/// Linux: `fib_rule_match`, `fib4_rule_match`, `fib6_rule_match`.
fn applies(rule: &PolicyRule, flow: Flow, question: Question) -> Result<bool, Unroutable> {
    let within = |range: Option<(u16, u16)>, port: u16| {
        range.is_none_or(|(first, last)| port != 0 && (first..=last).contains(&port))
    };
    let fits = rule.mark.is_none_or(|(mark, mask)| flow.mark & mask == mark & mask)
        && rule.from.is_none_or(|from| from.contains(flow.source))
        && rule.to.is_none_or(|to| to.contains(flow.destination))
        && rule.input.is_none_or(|input| input == question.input)
        && rule.output.is_none_or(|output| question.output == Some(output))
        && rule.tos.is_none_or(|(value, mask)| flow.tos & mask == value)
        && rule.protocol.is_none_or(|protocol| protocol == flow.protocol)
        && within(rule.source_ports, flow.ports.0)
        && within(rule.destination_ports, flow.ports.1);
    if !fits {
        return Ok(rule.invert);
    }
    if let Some(what) = rule.undecided {
        return Err(Unroutable::Undecided(what));
    }
    match (rule.user, flow.user) {
        (None, _) => Ok(!rule.invert),
        (Some((first, last)), Some(user)) => Ok((first..=last).contains(&user) != rule.invert),
        (Some(_), None) => Err(Unroutable::Undecided("the user of the sender (a policy rule asks for it)")),
    }
}

/// Linux: `fib4_rule_suppress`, `fib6_rule_suppress`.
fn is_suppressed(network: &Network, rule: &PolicyRule, route: &RouteEntry) -> bool {
    let group = || route.device.and_then(|device| network.device(device)).map(|device| device.group);
    rule.suppress_length.is_some_and(|length| prefix_length(&route.destination) <= length)
        || rule.suppress_group.is_some_and(|suppressed| group() == Some(suppressed))
}

/// The best route of one table; routes whose devices are down or not the wanted one do not count.
pub(super) fn table(
    network: &Network,
    table: u32,
    flow: Flow,
    question: Question,
) -> Result<Option<&RouteEntry>, Unroutable> {
    let mut best: Option<(&RouteEntry, Rank)> = None;
    let mut rival: Option<&RouteEntry> = None;
    for route in network.tables.get(&table).into_iter().flatten() {
        if !route.destination.contains(flow.destination) || !usable(network, route, flow, question) {
            continue;
        }
        let rank = Rank::of(route, question);
        match best {
            Some((_, other)) if rank.equals(other) => {
                rival = rival.or(Some(route));
                if rank > other {
                    (best, rival) = (Some((route, rank)), best.map(|(route, _)| route));
                }
            }
            Some((_, other)) if rank < other => {}
            _ => (best, rival) = (Some((route, rank)), None),
        }
    }
    let Some((route, rank)) = best else { return Ok(None) };
    if let Some(what) = route.undecided {
        return Err(Unroutable::Undecided(what));
    }
    // Linux: `fib_select_default`: between equal gateways the neighbours' states decide; `fib6_select_path`: a hash,
    // unless the device was named; `find_rr_leaf`: preference and states.
    let by_gateway = |route: &RouteEntry| route.kind == RouteKind::Unicast && route.via.is_some();
    let asked = flow.destination.is_ipv6() && !rank.device || rank.length == 0;
    if let Some(rival) = rival.filter(|rival| by_gateway(rival) && by_gateway(route))
        && asked
        && (rival.via, rival.device) != (route.via, route.device)
    {
        return Err(Unroutable::Undecided(
            "which of several gateways the kernel takes (routes of equal prefix and metric)",
        ));
    }
    Ok(Some(route))
}

/// How good a route is: longer prefix (of the destination, then of the source), then a TOS that was asked for, then the
/// lower metric, then the preferred device (which may count before the metric), then the one that was there first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    length: u8,
    from: u8,
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
            from: route.from.as_ref().map_or(0, prefix_length),
            tos: route.tos != 0,
            device: preferred && question.device_first,
            metric: std::cmp::Reverse(route.metric),
            preferred,
        }
    }
}

impl Rank {
    /// Whether the kernel has to choose: the preferred device alone does not decide between gateways.
    fn equals(self, other: Self) -> bool {
        Self { preferred: false, ..self } == Self { preferred: false, ..other }
    }
}

pub(super) fn prefix_length(destination: &AddrMask) -> u8 {
    destination.prefix_length().unwrap_or(0)
}

fn usable(network: &Network, route: &RouteEntry, flow: Flow, question: Question) -> bool {
    // Linux: `fib_dscp_masked_match` compares three bits of the DSCP.
    if route.tos != 0 && flow.destination.is_ipv4() && route.tos != flow.tos & 0x1c {
        return false;
    }
    if route.from.is_some_and(|from| !from.contains(flow.source)) {
        return false;
    }
    match (route.kind, route.device) {
        (RouteKind::Throw, _) => true,
        (kind, _) if refused(kind).is_some() => true,
        (_, None) => false,
        (_, Some(_)) => hops(network, route, question).next().is_some(),
    }
}

/// The next hops of a route that can be used.
fn hops<'n>(
    network: &'n Network,
    route: &'n RouteEntry,
    question: Question,
) -> impl Iterator<Item = Hop> + 'n {
    let first = route.device.map(|device| Hop { via: route.via, device, dead: route.dead });
    first.into_iter().chain(route.hops.iter().copied()).filter(move |hop| {
        // Linux: local routes outlive their device's going down.
        let alive = route.kind == RouteKind::Local || (!hop.dead && network.is_up(hop.device));
        alive && question.output.is_none_or(|output| output == hop.device)
    })
}

/// The next hop that a packet takes. `bound`: the first one does, as the sender has bound itself to a device.
pub(super) fn hop(network: &Network, route: &RouteEntry, question: Question) -> Result<Hop, Unroutable> {
    let mut usable = hops(network, route, question);
    let Some(first) = usable.next() else { return Err(Unroutable::NoRoute) };
    if question.output.is_none() && usable.next().is_some() {
        return Err(Unroutable::Undecided(
            "which next hop of a multipath route the kernel takes (its hash has a secret key)",
        ));
    }
    Ok(first)
}

/// Whether a route leads by a device (Linux: `fib_info_nh_uses_dev`).
pub(super) fn uses(route: &RouteEntry, device: DeviceId) -> bool {
    route.device == Some(device) || route.hops.iter().any(|hop| hop.device == device)
}

/// The gateway of a hop, or the destination itself.
pub(super) fn next_hop(hop: Hop, destination: IpAddr) -> (IpAddr, bool) {
    match hop.via {
        Some(gateway) => (gateway, true),
        None => (destination, false),
    }
}

//! Routes: `ip -j -4 route show table all`, `ip -j -6 route show table all`.
use std::net::IpAddr;

use netfilter::network::{Hop, RouteEntry, RouteKind, TABLE_MAIN};
use netfilter::{DeviceId, Network};
use packet::{AddrMask, Family, InterfaceName};

use super::json::{Object, objects};
use super::names::{Names, kind};
use super::{Problem, Read};

/// Keys that do not change where a packet goes.
const HARMLESS: [&str; 10] =
    ["protocol", "scope", "expires", "cache", "pref", "nhid", "nh_info", "users", "age", "congctl"];

/// Metrics of TCP and of neighbours, which no packet's way asks for.
const HARMLESS_METRICS: [&str; 14] = [
    "window",
    "rtt",
    "rttvar",
    "rto_min",
    "ssthresh",
    "cwnd",
    "advmss",
    "reordering",
    "initcwnd",
    "initrwnd",
    "features",
    "quickack",
    "fastopen_no_cookie",
    "congctl",
];

/// Flags of next hops that change nothing (`linkdown` counts only with `ignore_routes_with_linkdown`, see
/// [`crate::snapshot`]).
const HARMLESS_FLAGS: [&str; 10] = [
    "onlink",
    "linkdown",
    "pervasive",
    "offload",
    "offload_failed",
    "rt_offload",
    "rt_offload_failed",
    "trap",
    "rt_trap",
    "notify",
];

pub(super) fn read(
    read: &mut Read,
    family: Family,
    output: (&str, &str),
    names: &Names,
) -> Result<(), Problem> {
    for object in objects(output)? {
        route(read, family, object, names)?;
    }
    Ok(())
}

fn route(read: &mut Read, family: Family, mut object: Object, names: &Names) -> Result<(), Problem> {
    let Some(text) = object.text("dst")? else { return Err(object.problem("a route wants \"dst\"")) };
    object.about.clone_from(&text);
    let destination = prefix(&object, family, &text)?;
    let kind = match object.text("type")? {
        None => RouteKind::Unicast,
        Some(word) => kind(&word).ok_or_else(|| {
            object.problem(format!("\"type\": \"{word}\": this kind of route is not known"))
        })?,
    };
    // Linux: the entry "nothing found" of old kernels, which is no route.
    let nothing = object.take("error").and_then(|error| error.as_i64()) == Some(-101);
    let table = match object.text("table")? {
        None => TABLE_MAIN,
        Some(word) => names.table(&word).ok_or_else(|| {
            object.problem(format!(
                "\"table\": \"{word}\" is not a number and has no line in /etc/iproute2/rt_tables (`ip -N` prints numbers)"
            ))
        })?,
    };
    let mut route = RouteEntry::new(destination, kind);
    route.metric = object.number("metric")?.unwrap_or(0);
    route.tos = object.number("tos")?.unwrap_or(0);
    route.source = object.address("prefsrc")?;
    if let Some(word) = object.text("from")? {
        route.from = Some(prefix(&object, family, &word)?);
    }
    if let Some(mut flow) = object.object("flow")? {
        route.realms = realms(&mut flow, "from", "to", names)?;
        flow.finish()?;
    }
    let mut nexthops = object.row("nexthops")?.into_iter();
    let hop = next_hop(read, &mut object)?;
    for mut metrics in object.row("metrics")? {
        route.mtu = metrics.number("mtu")?;
        metrics.pass_over(&HARMLESS_METRICS);
        if let Some(hops) = metrics.number::<u8>("hoplimit")? {
            read.notes.push(format!(
                "the route to {text} sets hoplimit {hops}; answers of this machine have its usual TTL here"
            ));
        }
        metrics.finish()?;
    }
    if object.take("encap").is_some() {
        route.undecided = Some("what an encapsulation makes of it (a route with `encap`)");
        // Its own keys follow, which are those of its kind.
        set_hop(&mut route, hop);
        read.network.add_route(table, route);
        return Ok(());
    }
    let by_object = object.has("nhid");
    object.pass_over(&HARMLESS);
    if nothing {
        return Ok(());
    }
    let several: Vec<Hop> = nexthops
        .by_ref()
        .map(|mut nexthop| {
            nexthop.pass_over(&["weight"]);
            let hop = next_hop(read, &mut nexthop)?;
            let Some(hop) = hop else { return Err(nexthop.problem("a next hop wants \"dev\"")) };
            if nexthop.take("encap").is_some() {
                route.undecided = Some("what an encapsulation makes of it (a route with `encap`)");
                return Ok(hop);
            }
            nexthop.finish()?;
            Ok(hop)
        })
        .collect::<Result<_, _>>()?;
    let needs_device = !matches!(
        kind,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
    );
    match (several.split_first(), hop) {
        (Some((first, rest)), _) => {
            set_hop(&mut route, Some(*first));
            if family == Family::V4 {
                route.hops = rest.to_vec();
            } else {
                for other in rest {
                    let mut sibling = route.clone();
                    set_hop(&mut sibling, Some(*other));
                    read.network.add_route(table, sibling);
                }
            }
        }
        (None, Some(hop)) => set_hop(&mut route, Some(hop)),
        (None, None) if by_object => {
            route.undecided = Some("where it goes (a route by a nexthop object that is not printed)");
            route.device = Some(DeviceId::LOOPBACK);
        }
        (None, None) if needs_device => return Err(object.problem("the route wants \"dev\" or \"nexthops\"")),
        (None, None) => {}
    }
    object.finish()?;
    read.network.add_route(table, route);
    Ok(())
}

fn set_hop(route: &mut RouteEntry, hop: Option<Hop>) {
    if let Some(hop) = hop {
        (route.via, route.device, route.dead) = (hop.via, Some(hop.device), hop.dead);
    }
}

/// Gateway, device and flags.
fn next_hop(read: &Read, object: &mut Object) -> Result<Option<Hop>, Problem> {
    let mut via = object.address("gateway")?;
    if let Some(mut other) = object.object("via")? {
        other.pass_over(&["family"]);
        via = other.address("host")?;
        other.finish()?;
    }
    let device = match object.text("dev")? {
        Some(name) => Some(device(&read.network, object, &name)?),
        None => None,
    };
    let mut dead = false;
    for flag in object.words("flags")? {
        match flag.as_str() {
            "dead" | "unresolved" => dead = true,
            known if HARMLESS_FLAGS.contains(&known) => {}
            other => return Err(object.problem(format!("the flag \"{other}\" is not known"))),
        }
    }
    Ok(device.map(|device| Hop { via, device, dead }))
}

/// The device of a name.
pub(super) fn device(network: &Network, object: &Object, name: &str) -> Result<DeviceId, Problem> {
    let found = InterfaceName::new(name).and_then(|name| network.device_named(name));
    found.ok_or_else(|| object.problem(format!("\"{name}\" is no link of this host")))
}

/// `default`, an address or a prefix.
fn prefix(object: &Object, family: Family, text: &str) -> Result<AddrMask, Problem> {
    let wrong = || {
        object.problem(format!("\"{text}\" is no prefix of IPv{}", if family == Family::V4 { 4 } else { 6 }))
    };
    if matches!(text, "default" | "all" | "any") {
        return AddrMask::prefix(family.unspecified(), 0).ok_or_else(wrong);
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    if Family::of(address) != family {
        return Err(wrong());
    }
    AddrMask::prefix(address, length.unwrap_or(family.bits())).ok_or_else(wrong)
}

/// Two realms in the two halves of a number.
pub(super) fn realms(object: &mut Object, from: &str, to: &str, names: &Names) -> Result<u32, Problem> {
    let mut halves = [0_u32; 2];
    for (half, key) in halves.iter_mut().zip([from, to]) {
        if let Some(word) = object.text(key)? {
            let number = names.realm(&word).filter(|number| *number < 65536);
            *half =
                number.ok_or_else(|| object.problem(format!("the realm \"{word}\" has no number here")))?;
        }
    }
    Ok(halves[0] << 16 | halves[1])
}

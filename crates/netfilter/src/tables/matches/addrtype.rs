//! `-m addrtype` (Linux: `addrtype_mt_v1`): what the routing table says of an address.
use std::net::IpAddr;

use rules::Negatable;
use rules::matches::addrtype::{Addrtype, TypeSet};

use super::{Asked, Held, hold};
use crate::Env;
use crate::network::DeviceId;
use crate::trace::Found;

pub(super) fn holds(rule: &Addrtype, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let view = asked.packet.view();
    // Where the packet has no such device, the addresses of all count.
    let device = match (rule.limit_in, rule.limit_out) {
        (true, _) => asked.place.input,
        (false, true) => asked.place.output,
        (false, false) => None,
    };
    kind(rule.source, view.source(), device, env, "--src-type")?;
    kind(rule.destination, view.destination(), device, env, "--dst-type")
}

fn kind(
    wanted: Option<Negatable<TypeSet>>,
    address: IpAddr,
    device: Option<DeviceId>,
    env: &Env<'_>,
    option: &'static str,
) -> Held {
    let Some(wanted) = wanted else { return Ok(()) };
    let fits = env.network.address_matches(address, device, wanted.value.0);
    hold(fits != wanted.invert, option, Found::Word(name(env.network.address_type(address, device))))
}

/// The name of a type by the kernel's number (`RTN_`).
fn name(number: u8) -> &'static str {
    const NAMES: [&str; 12] = [
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    ];
    NAMES.get(usize::from(number)).copied().unwrap_or("UNSPEC")
}

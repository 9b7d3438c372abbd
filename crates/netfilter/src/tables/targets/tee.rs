//! `-j TEE`: a copy goes to another host (Linux: `nf_dup_ipv4`, `nf_dup_ipv6`; F73).
//!
//! The copy begins its own way at OUTPUT, before the packet goes on: without a sender and a connection, by the way to the
//! gateway, with its own destination. If there is no such way, there is no copy. A copy is not copied.
use std::net::IpAddr;

use packet::{Family, rewrite};
use rules::Hook;
use rules::targets::tee::Tee;

use super::{Effect, Place};
use crate::Env;
use crate::network::{DeviceId, Unroutable};
use crate::options;
use crate::route::Flow;
use crate::skb::{Emitted, Origin, Packet, Tracking};
use crate::trace::Step;

pub(super) fn apply(rule: &Tee, place: &Place, packet: &Packet, env: &mut Env<'_>) -> Effect {
    if packet.duplicate.is_some() {
        return Effect::Continue;
    }
    // Linux: a device that is not there is no condition.
    let bound = rule.device.as_deref().and_then(|name| device(name, env));
    let source = packet.family().unspecified();
    let flow = Flow { source, destination: rule.gateway, mark: 0, ..Flow::of(packet) };
    let route = match env.network.output_route(bound, flow) {
        Ok(route) => route,
        Err(Unroutable::Undecided(what)) => return Effect::Undecided(what),
        Err(_) => return Effect::Continue,
    };
    let mut copy = Packet {
        id: env.new_packet_id(),
        input: None,
        output: None,
        origin: Some(Origin { socket: None, known: true, mark: packet.mark, ..Origin::default() }),
        tracking: Tracking::Untracked,
        template: None,
        route: Some(route),
        duplicate: Some(route.way.device().unwrap_or(DeviceId::LOOPBACK)),
        ..packet.clone()
    };
    // Linux: the copy has what IPv6 has noted of the packet.
    copy.link.noted = packet.link.noted.or(packet.input);
    if copy.family() == Family::V4 {
        rewrite::forbid_fragments(&mut copy.bytes);
    } else {
        // Linux: `__ip6_local_out`: whatever length the packet said.
        let length = u16::try_from(copy.len().saturating_sub(40)).unwrap_or(0);
        if let Some(field) = copy.bytes.get_mut(4..6) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        // Linux: `ip6_fragment` does not cut by pieces that two packets share; the copy leaves in one.
        copy.pull(copy.layout.total_len);
    }
    if matches!(place.hook, Hook::Prerouting | Hook::Input) {
        let ttl = copy.view().ttl().wrapping_sub(1);
        rewrite::set_ttl(&mut copy.bytes, copy.layout, ttl);
    }
    // Linux: `nf_dup_ipv4` sums the header anew.
    options::mend(&mut copy.bytes, &copy.options);
    let (number, gateway): (_, IpAddr) = (copy.id, rule.gateway);
    env.step(packet, || Step::Copied { packet: number, gateway });
    env.emitted.push(Emitted { packet: copy, destination: gateway, port: None });
    Effect::Copied
}

fn device(name: &str, env: &Env<'_>) -> Option<DeviceId> {
    let name = packet::InterfaceName::new(name)?;
    env.network.device_named(name)
}

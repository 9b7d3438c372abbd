//! Telling a sender that there is a shorter way: the packet leaves by the device that it came by.
//!
//! Linux: `ip_rt_send_redirect`; `ip6_forward`, `ndisc_send_redirect`. A redirect is the machine's own ICMP and passes
//! OUTPUT and POSTROUTING before the packet comes to FORWARD. In IPv6 it is a message of neighbour discovery: no error,
//! of which connection tracking knows only what it quotes.
use std::net::{IpAddr, Ipv6Addr};

use packet::{Family, checksum, icmp, protocol, rewrite};

use crate::answer::{self, Header};
use crate::engine::Engine;
use crate::network::{Route, Unroutable, Way};
use crate::skb::{Emitted, Packet};
use crate::tables::device_name;
use crate::time::HZ;
use crate::trace::Step;
use crate::{DeviceId, Now, machine};

/// Hop limit of neighbour discovery (RFC 4861).
const NEAR: u8 = 255;
/// Most bytes of options: 1280 without the headers.
const MOST_OPTIONS: usize = 1280 - 40 - 40;
const OPTION_TARGET_LINK: u8 = 2;
const OPTION_REDIRECTED_HEADER: u8 = 4;

impl Engine {
    /// IPv4: a packet that is about to be forwarded, its TTL one less already.
    pub(super) fn redirect_v4(&mut self, now: Now, packet: &Packet, next_hop: IpAddr, depth: u8) {
        let wanted = packet.route.is_some_and(|route| route.redirect);
        if !wanted || packet.options.has_source_route() || self.came_by_ipsec(packet) {
            return;
        }
        let rates = self.network.settings.redirects;
        let sender = packet.view().source();
        if !self.peers.may_redirect(sender, rates, now.mono) {
            return;
        }
        // Linux: `rt_nexthop`: a gateway of the other family does not count.
        let gateway = if next_hop.is_ipv4() { next_hop } else { packet.view().destination() };
        if let IpAddr::V4(gateway) = gateway {
            self.answer(now, packet, answer::Kind::Redirect { gateway });
            self.send_emitted(now, depth);
        }
        // Linux: it counts even if `icmp_send` says nothing, and afterwards.
        self.peers.redirected(sender, now.mono);
    }

    /// IPv6: the same, with the hop limit that it came with. An error: whether there is a way to the sender cannot be said.
    pub(super) fn redirect_v6(
        &mut self,
        now: Now,
        packet: &Packet,
        (device, next_hop): (DeviceId, IpAddr),
        depth: u8,
    ) -> Result<(), Unroutable> {
        let view = packet.view();
        let (source, destination) = (view.source(), view.destination());
        if packet.noted_input() != Some(device)
            || self.came_by_ipsec(packet)
            || !self.peers.may_say(destination, HZ, now.mono)
        {
            return Ok(());
        }
        let Some(own) = self.network.link_local_address(device) else { return Ok(()) };
        let (IpAddr::V6(target), IpAddr::V6(sender)) = (next_hop, source) else { return Ok(()) };
        if next_hop != destination && !target.is_unicast_link_local() {
            return Ok(());
        }
        let route = match self.network.discovery_route(device, own, sender) {
            Ok(route) => route,
            Err(reason @ Unroutable::Undecided(_)) => return Err(reason),
            Err(_) => return Ok(()),
        };
        if matches!(route.way, Way::Out { gateway: true, .. }) || !self.peers.may_say(source, HZ, now.mono) {
            return Ok(());
        }
        if let Some(redirect) = self.redirect_message(now, packet, (device, own, target), route) {
            self.emitted.push(redirect);
            self.send_emitted(now, depth);
        }
        Ok(())
    }

    fn came_by_ipsec(&self, packet: &Packet) -> bool {
        use crate::machine::Secured;
        match packet.secured {
            Secured::Clear => false,
            Secured::By(_) => true,
            Secured::Unsaid => {
                let device = device_name(&self.network, packet.input);
                self.machine.protection(machine::Direction::In, packet, device).flatten().is_some()
            }
        }
    }

    fn redirect_message(
        &mut self,
        now: Now,
        packet: &Packet,
        (device, own, target): (DeviceId, Ipv6Addr, Ipv6Addr),
        route: Route,
    ) -> Option<Emitted> {
        let view = packet.view();
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (view.source(), view.destination()) else {
            return None;
        };
        let mut message = vec![icmp::v6::REDIRECT, 0, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(&target.octets());
        message.extend_from_slice(&destination.octets());
        let mut room = MOST_OPTIONS;
        // Linux: `ndisc_fill_redirect_addr_option`: where the device has addresses and that of the target is known.
        let has_link_address = self.network.device(device).is_some_and(|own| own.mac.is_some());
        let neighbour = self.network.neighbour(device, IpAddr::V6(target)).filter(|_| has_link_address);
        if let Some(neighbour) = neighbour {
            message.extend_from_slice(&[OPTION_TARGET_LINK, 1]);
            message.extend_from_slice(&neighbour);
            room -= 8;
        }
        // Whole units of 8 bytes, whatever is left over.
        let length = room.min(packet.len() + 8) & !7;
        message.extend_from_slice(&[
            OPTION_REDIRECTED_HEADER,
            u8::try_from(length / 8).ok()?,
            0,
            0,
            0,
            0,
            0,
            0,
        ]);
        message.extend_from_slice(view.bytes().get(..length.checked_sub(8)?)?);
        let (from, to) = (IpAddr::V6(own), IpAddr::V6(source));
        let size = u32::try_from(message.len()).ok()?;
        let start = checksum::pseudo(from, to, protocol::ICMPV6, size);
        let sum = checksum::finish(checksum::add(start, &message));
        message.get_mut(2..4)?.copy_from_slice(&sum.to_be_bytes());
        let (mut env, _) = self.env_and_defrag(now);
        let header = Header { protocol: protocol::ICMPV6, tos: 0, id: 0, dont_fragment: false };
        let bytes = answer::ip_packet(&env, header, from, to, &message)?;
        let mut redirect = answer::machine_packet(&mut env, bytes, true)?;
        rewrite::set_ttl(&mut redirect.bytes, redirect.layout, NEAR);
        redirect.route = Some(route);
        let (number, what) =
            (redirect.id, icmp::name(Family::V6, icmp::v6::REDIRECT, 0).unwrap_or("redirect"));
        env.step(packet, || Step::Answered { packet: number, what });
        Some(Emitted { packet: redirect, destination: to, port: None })
    }
}

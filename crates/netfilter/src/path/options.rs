//! IPv4 options between PREROUTING and INPUT or FORWARD, and between FORWARD and POSTROUTING. What is written is in
//! [`crate::options`].
use std::net::{IpAddr, Ipv4Addr};

use packet::Family;

use crate::engine::{Decision, Engine};
use crate::network::{Route, Unroutable, Way};
use crate::options::{self, Followed, Writer};
use crate::skb::{Drop, LinkKind, Packet};
use crate::trace::Step;
use crate::{DeviceId, Now, answer};

impl Engine {
    /// Looks at the options of a packet that has met PREROUTING and a route. What a source route makes of the way is
    /// given back.
    ///
    /// Linux: `ip_rcv_options`, behind the routing decision; routes that say "unreachable" are routes.
    pub(super) fn receive_options(
        &mut self,
        now: Now,
        packet: &mut Packet,
        route: Result<Route, Unroutable>,
        depth: u8,
    ) -> Result<Result<Route, Unroutable>, Decision> {
        let routed = matches!(
            route,
            Ok(_)
                | Err(Unroutable::NoRoute
                    | Unroutable::Unreachable
                    | Unroutable::Prohibited
                    | Unroutable::Blackhole
                    | Unroutable::ForwardingOff)
        );
        if !routed || packet.family() != Family::V4 || packet.view().options().is_empty() {
            return Ok(route);
        }
        packet.route = route.ok();
        let device = packet.input.unwrap_or(DeviceId::LOOPBACK);
        let own = match (packet.view().destination(), packet.route.map(|route| route.way)) {
            (IpAddr::V4(own), Some(Way::Local)) => own,
            _ if options::ask_for_address(packet.view().options()) => {
                let flow = self.network.flow_of(packet);
                match self.network.address_towards_source(device, flow) {
                    Ok(own) => own,
                    Err(reason) => return Err(self.end_nested(now, packet, Drop::Route(reason), depth)),
                }
            }
            _ => Ipv4Addr::UNSPECIFIED,
        };
        let before = self.trace.is_some().then(|| packet.bytes.clone());
        let writer = Writer {
            own,
            time: options::time_of_day(now),
            is_foreign: &|address| self.network.is_foreign(address),
        };
        let (header, options) = packet.header_and_options();
        let (found, fault) = options::compile(header, &writer);
        *options = found;
        self.options_written(packet, before);
        if let Err(options::Fault(pointer)) = fault {
            return Err(self.wrong_option(now, packet, pointer, depth));
        }
        if found.has_source_route() {
            return self.follow_source_route(now, packet, route, depth);
        }
        Ok(route)
    }

    fn options_written(&mut self, packet: &Packet, before: Option<Vec<u8>>) {
        if let (Some(trace), Some(before)) = (&mut self.trace, before)
            && before != packet.bytes
        {
            trace.push(packet.id, Step::Rewritten { by: "IP options", before, after: packet.bytes.clone() });
        }
    }

    fn wrong_option(&mut self, now: Now, packet: &Packet, pointer: u8, depth: u8) -> Decision {
        self.answer(now, packet, answer::Kind::ParameterProblem { pointer: pointer.into() });
        self.end_nested(now, packet, Drop::Options, depth)
    }

    /// Linux: `ip_options_rcv_srr`.
    fn follow_source_route(
        &mut self,
        now: Now,
        packet: &mut Packet,
        route: Result<Route, Unroutable>,
        depth: u8,
    ) -> Result<Result<Route, Unroutable>, Decision> {
        /// Where the destination stands in the header.
        const DESTINATION: u8 = 16;
        let device = packet.input.unwrap_or(DeviceId::LOOPBACK);
        let follows = self.network.settings.source_routes.contains(&device);
        match route.map(|route| route.way) {
            _ if !follows || packet.link.kind != LinkKind::Host => {
                return Err(self.end(packet, Drop::SourceRouted));
            }
            Ok(Way::Local) => {}
            Ok(Way::Out { .. }) if packet.options.is_strict() => {
                return Err(self.wrong_option(now, packet, DESTINATION, depth));
            }
            Ok(Way::Out { .. }) => return Ok(route),
            _ => return Err(self.end(packet, Drop::SourceRouted)),
        }
        let mut route = route;
        let before = self.trace.is_some().then(|| packet.bytes.clone());
        let mut passed = 0;
        loop {
            let next = match options::follow(packet.header(), &packet.options, passed) {
                Followed::Arrived => break,
                Followed::Fault(options::Fault(pointer)) => {
                    return Err(self.wrong_option(now, packet, pointer, depth));
                }
                Followed::Next(next) => next,
            };
            let flow = crate::route::Flow { destination: IpAddr::V4(next), ..self.network.flow_of(packet) };
            let found = self.network.input_route(device, flow);
            self.trace_route(packet, "source route", found);
            match found {
                Ok(Route { way: Way::Local, .. }) => {}
                Ok(Route { way: Way::Out { .. }, .. }) => {
                    options::set_next(&mut packet.options, next);
                    route = found;
                    break;
                }
                Err(reason @ Unroutable::Undecided(_)) => {
                    return Err(self.end(packet, Drop::Route(reason)));
                }
                _ => return Err(self.end(packet, Drop::SourceRouted)),
            }
            let (header, options) = packet.header_and_options();
            options::set_destination(header, options, next);
            route = found;
            passed += 1;
        }
        self.options_written(packet, before);
        packet.route = route.ok();
        Ok(route)
    }

    /// Linux: `ip_forward_options`.
    pub(super) fn leave_options(
        &mut self,
        packet: &mut Packet,
        device: DeviceId,
        next_hop: IpAddr,
    ) -> Result<(), Unroutable> {
        if packet.options == options::IpOptions::default() {
            return Ok(());
        }
        let before = self.trace.is_some().then(|| packet.bytes.clone());
        let flow = self.network.flow_of(packet);
        let devices = (packet.input.unwrap_or(DeviceId::LOOPBACK), device);
        let undecided = std::cell::Cell::new(None);
        let own = |destination| {
            let flow = crate::route::Flow { destination: IpAddr::V4(destination), ..flow };
            self.network.address_on_the_way(devices, next_hop, flow).unwrap_or_else(|reason| {
                undecided.set(Some(reason));
                Ipv4Addr::UNSPECIFIED
            })
        };
        let (header, options) = packet.header_and_options();
        options::leave(header, options, &own);
        self.options_written(packet, before);
        undecided.get().map_or(Ok(()), Err)
    }
}

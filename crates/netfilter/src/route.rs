//! Where packets go: the routing decision from a given table of addresses and routes.
//!
//! Read first: Linux `ip_route_input_slow`, `ip_route_output_key_hash_rcu`, `fib_table_lookup`, `__fib_validate_source`;
//! for IPv6 `ip6_pol_route` and `ipv6_dev_get_saddr`. Types are in [`crate::network`]; the text form that a person
//! writes is in [`text`].
//!
//! Differences from Linux: among several next hops none is chosen ([`Unroutable::Undecided`]: the kernel's hash has a
//! secret key); what comes or goes by a VRF has no decision either ([`VRF`]); a look-up goes over the routes of a table one by one.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::{Family, InterfaceName};

use crate::network::{
    Address, Device, DeviceId, DeviceKind, Exception, Network, PolicyRule, Route, RouteEntry, RouteKind,
    Settings, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN, Unroutable, Way,
};
use crate::skb::Packet;
pub use reverse::ReversePath;

pub(crate) mod cache;
mod fib;
pub(crate) mod groups;
pub mod kind;
mod reverse;
mod source;
pub mod sysctl;
pub mod text;
mod v4;
mod v6;

/// What passes a VRF has no decision: the kernel by which this is judged has none.
pub(crate) const VRF: Unroutable = Unroutable::Undecided("the device is in a VRF, which is not modelled");

/// What a route is looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Source address; unspecified if it is still to be chosen (only for packets of this machine).
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// The packet mark.
    pub mark: u32,
    /// TOS or traffic class.
    pub tos: u8,
    /// The protocol, where policy rules ask for it; 0: not looked at.
    pub protocol: u8,
    /// Source and destination port, likewise.
    pub ports: (u16, u16),
    /// The user of the sender: 0 for packets that nobody here sent; `None`: not known.
    pub user: Option<u32>,
}

impl Flow {
    /// A flow of which only the addresses are known.
    pub fn between(source: IpAddr, destination: IpAddr) -> Self {
        Self { source, destination, mark: 0, tos: 0, protocol: 0, ports: (0, 0), user: Some(0) }
    }

    /// The flow of a packet, as far as its IP header says it.
    pub fn of(packet: &Packet) -> Self {
        let view = packet.view();
        let user = match packet.origin {
            // Linux: `sock_net_uid`: what no socket sends counts as sent by root.
            None => Some(0),
            Some(origin) if origin.known => Some(origin.socket.map_or(0, |owner| owner.uid)),
            Some(_) => None,
        };
        let base = Self::between(view.source(), view.destination());
        Self { mark: packet.mark, tos: view.tos(), user, ..base }
    }

    /// The same with protocol and ports.
    // Linux: `fib4_rules_early_flow_dissect`: no ports of a fragment.
    fn with_transport(self, packet: &Packet) -> Self {
        let view = packet.view();
        let fragment = packet.layout.fragment.is_some();
        let ports = if fragment { None } else { view.ports() };
        Self { protocol: view.protocol().unwrap_or(0), ports: ports.unwrap_or((0, 0)), ..self }
    }
}

impl Way {
    /// The device that the packet leaves by; `None` for [`Way::Local`].
    pub fn device(self) -> Option<DeviceId> {
        match self {
            Self::Local => None,
            Self::Broadcast { device } | Self::Multicast { device } | Self::Out { device, .. } => {
                Some(device)
            }
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Network {
    /// A machine with loopback alone, its usual addresses and rules; it does not forward.
    pub fn new() -> Self {
        let rule = PolicyRule::lookup;
        let mut network = Self {
            devices: Vec::new(),
            tables: Default::default(),
            exceptions: Vec::new(),
            rules_v4: vec![rule(0, TABLE_LOCAL), rule(32766, TABLE_MAIN), rule(32767, TABLE_DEFAULT)],
            rules_v6: vec![rule(0, TABLE_LOCAL), rule(32766, TABLE_MAIN)],
            forwarding: Default::default(),
            neighbours: Default::default(),
            settings: Settings::of_loopback(),
            policies: Default::default(),
        };
        if let Some(name) = InterfaceName::new("lo") {
            let lo = network.add_device(name, 65536);
            for (address, length) in [
                (IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8),
                (IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), 128),
            ] {
                network.add_address(lo, Address::new(address, length));
            }
        }
        network
    }

    /// Nothing but loopback, without addresses, routes and rules: for a machine whose own are all given.
    pub fn empty() -> Self {
        let mut network = Self {
            devices: Vec::new(),
            tables: Default::default(),
            exceptions: Vec::new(),
            rules_v4: Vec::new(),
            rules_v6: Vec::new(),
            forwarding: Default::default(),
            neighbours: Default::default(),
            settings: Settings::of_loopback(),
            policies: Default::default(),
        };
        if let Some(name) = InterfaceName::new("lo") {
            network.add_device(name, 65536);
        }
        network
    }

    /// Adds a device that is up; MTU in bytes.
    pub fn add_device(&mut self, name: InterfaceName, mtu: u32) -> DeviceId {
        let id = DeviceId(u32::try_from(self.devices.len()).unwrap_or(u32::MAX));
        self.devices.push(Device::new(name, mtu));
        id
    }

    /// The device of a number.
    #[inline]
    pub fn device(&self, device: DeviceId) -> Option<&Device> {
        self.devices.get(device.0 as usize)
    }

    /// The largest packet that a device sends, in bytes; of one that is not there what a new one has.
    pub(crate) fn mtu_of(&self, device: DeviceId) -> u32 {
        self.device(device).map_or(1500, |device| device.mtu)
    }

    /// The device of a name.
    pub fn device_named(&self, name: InterfaceName) -> Option<DeviceId> {
        let at = self.devices.iter().position(|device| device.name == name)?;
        u32::try_from(at).ok().map(DeviceId)
    }

    /// All devices with their numbers, in order.
    pub(crate) fn devices_with_id(&self) -> impl DoubleEndedIterator<Item = (DeviceId, &Device)> {
        self.devices.iter().enumerate().map(|(at, device)| (DeviceId(at as u32), device))
    }

    /// Adds an address to a device, and the local, broadcast and connected routes that the kernel makes for it.
    /// `false` if there is no such device, the prefix length is too large, or the device has the address already.
    ///
    /// Linux: `fib_add_ifaddr`, `addrconf_add_ifaddr`.
    pub fn add_address(&mut self, device: DeviceId, address: Address) -> bool {
        let Some(owner) = self.devices.get_mut(device.0 as usize) else { return false };
        let Some(subnet) = address.subnet() else { return false };
        if owner.addresses.iter().any(|other| other.address == address.address) {
            return false;
        }
        owner.addresses.push(address);
        let (up, loopback) = (owner.up, device == DeviceId::LOOPBACK);
        match address.address {
            IpAddr::V4(_) => v4::address_routes(self, device, address, subnet, up, loopback),
            IpAddr::V6(_) => v6::address_routes(self, device, address, subnet, up),
        }
        true
    }

    /// Adds a route to a table.
    pub fn add_route(&mut self, table: u32, route: RouteEntry) {
        self.tables.entry(table).or_default().push(route);
    }

    /// Adds a policy rule behind those of lower or equal priority.
    pub fn add_rule(&mut self, family: Family, rule: PolicyRule) {
        let rules = match family {
            Family::V4 => &mut self.rules_v4,
            Family::V6 => &mut self.rules_v6,
        };
        let at = rules.partition_point(|other| other.priority <= rule.priority);
        rules.insert(at, rule);
    }

    /// The way of a packet that came in (Linux: `ip_route_input`, `ip6_route_input`; F12). Loopback's own packets keep
    /// the route that their sender found and are not asked for here.
    pub fn route_input(&self, packet: &Packet) -> Result<Route, Unroutable> {
        self.input_route(packet.input.unwrap_or(DeviceId::LOOPBACK), self.flow_of(packet))
    }

    /// The flow of a packet, with what the policy rules ask for.
    #[inline]
    pub fn flow_of(&self, packet: &Packet) -> Flow {
        let flow = Flow::of(packet);
        // A group may be joined for some senders only, and then IGMP comes of all.
        let to_group = matches!(flow.destination, IpAddr::V4(group) if group.is_multicast());
        let asked = to_group || self.rules(packet.family()).iter().any(PolicyRule::asks_transport);
        if asked { flow.with_transport(packet) } else { flow }
    }

    /// The same for a flow.
    pub fn input_route(&self, device: DeviceId, flow: Flow) -> Result<Route, Unroutable> {
        self.way_in(device, flow).map(|route| self.learned(route, flow.destination))
    }

    /// A way with what was learned of it.
    ///
    /// Linux: `rt_bind_exception`, `ip_dst_mtu_maybe_forward`, `rt6_find_cached_rt`.
    fn learned(&self, route: Route, destination: IpAddr) -> Route {
        let Way::Out { device, next_hop, gateway } = route.way else { return route };
        let via = gateway.then_some(next_hop);
        let is_of = |own: &&Exception| {
            own.destination == destination && own.device == device && (own.redirected || own.via == via)
        };
        let Some(own) = self.exceptions.iter().find(is_of) else { return route };
        let mtu = own.mtu.unwrap_or(route.mtu);
        let forwards = destination.is_ipv4() && (own.locked || self.settings.forward_uses_exceptions);
        let forward_mtu = if forwards { mtu } else { route.forward_mtu };
        let way = match own.via.filter(|_| own.redirected) {
            Some(next_hop) => Way::Out { device, next_hop, gateway: true },
            None => route.way,
        };
        Route { way, mtu, forward_mtu, ..route }
    }

    fn way_in(&self, device: DeviceId, flow: Flow) -> Result<Route, Unroutable> {
        match (flow.source, flow.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                v4::input(self, device, source, destination, flow)
            }
            (IpAddr::V6(_), IpAddr::V6(destination)) => v6::input(self, device, destination, flow),
            _ => Err(Unroutable::MartianSource),
        }
    }

    /// The way of a packet of this machine to a destination, which may differ from that in its header. Any source
    /// address is allowed, as for raw sockets; if it is unspecified, [`Route::source`] says which one is to be used.
    pub fn route_output(&self, packet: &Packet, destination: IpAddr) -> Result<Route, Unroutable> {
        self.output_route(None, Flow { destination, ..self.flow_of(packet) })
    }

    /// The same for a flow, from a socket that may be bound to a device.
    pub fn output_route(&self, bound: Option<DeviceId>, flow: Flow) -> Result<Route, Unroutable> {
        let route = self.learned(self.way_out(bound, flow)?, flow.destination);
        let devices = [bound, route.way.device()];
        if devices.into_iter().flatten().any(|device| self.is_in_vrf(device)) { Err(VRF) } else { Ok(route) }
    }

    fn way_out(&self, bound: Option<DeviceId>, flow: Flow) -> Result<Route, Unroutable> {
        match (flow.source, flow.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                v4::output(self, bound, source, destination, flow)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                v6::output(self, bound, source, destination, flow)
            }
            _ => Err(Unroutable::MartianSource),
        }
    }

    /// The source address that MASQUERADE gives (F55). IPv4: by the next hop; IPv6: the usual selection for the
    /// destination. `None`: the packet is dropped.
    ///
    /// Linux: `nf_nat_masquerade_ipv4`, `nf_nat_masquerade_ipv6`.
    pub fn masquerade_address(
        &self,
        device: DeviceId,
        next_hop: IpAddr,
        destination: IpAddr,
    ) -> Option<IpAddr> {
        match (next_hop, destination) {
            (next_hop, IpAddr::V4(destination)) => {
                // Linux: `rt_nexthop`: a gateway of the other family does not count.
                let towards = if let IpAddr::V4(next_hop) = next_hop { next_hop } else { destination };
                source::select_v4(self, device, Some(towards), source::SCOPE_UNIVERSE).map(IpAddr::V4)
            }
            (_, IpAddr::V6(destination)) => {
                source::select_v6(self, Some(device), destination).map(IpAddr::V6)
            }
        }
    }

    /// The address that the machine writes into the options of an IPv4 packet that came in by a device, towards its
    /// source; 0.0.0.0 where it has none.
    pub(crate) fn address_towards_source(
        &self,
        device: DeviceId,
        flow: Flow,
    ) -> Result<Ipv4Addr, Unroutable> {
        let IpAddr::V4(source) = flow.source else { return Ok(Ipv4Addr::UNSPECIFIED) };
        let own = v4::towards_source(self, device, source, flow)?;
        Ok(own.unwrap_or(Ipv4Addr::UNSPECIFIED))
    }

    /// The same on the way out of one that is forwarded between two devices.
    pub(crate) fn address_on_the_way(
        &self,
        devices: (DeviceId, DeviceId),
        next_hop: IpAddr,
        flow: Flow,
    ) -> Result<Ipv4Addr, Unroutable> {
        let ((IpAddr::V4(next_hop), _) | (_, IpAddr::V4(next_hop))) = (next_hop, flow.destination) else {
            return Ok(Ipv4Addr::UNSPECIFIED);
        };
        let own = v4::on_the_way(self, devices, next_hop, flow)?;
        Ok(own.unwrap_or(Ipv4Addr::UNSPECIFIED))
    }

    /// The address that REDIRECT gives to a packet that came in by a device (F56); in OUTPUT it is that of loopback.
    /// `None`: the packet is dropped.
    ///
    /// Linux: `nf_nat_redirect_ipv4` takes the first address of the device, `nf_nat_redirect_ipv6` the newest one of
    /// the widest scope, or of the destination's scope if that is not global.
    pub fn redirect_address(&self, device: DeviceId, destination: IpAddr) -> Option<IpAddr> {
        match destination {
            IpAddr::V4(_) => {
                let mut addresses = self.device(device)?.addresses.iter();
                addresses.find(|own| own.address.is_ipv4()).map(|own| own.address)
            }
            IpAddr::V6(destination) => source::redirect_v6(self, device, destination).map(IpAddr::V6),
        }
    }

    /// The first address of a family that a device has, in the kernel's order.
    pub fn first_address(&self, device: DeviceId, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.redirect_address(device, family.unspecified()),
            Family::V6 => source::first_v6(self, device).map(IpAddr::V6),
        }
    }

    /// The way of a message of neighbour discovery from an address of a device.
    pub(crate) fn discovery_route(
        &self,
        device: DeviceId,
        own: Ipv6Addr,
        to: Ipv6Addr,
    ) -> Result<Route, Unroutable> {
        let flow = Flow::between(IpAddr::V6(own), IpAddr::V6(to));
        v6::output(self, Some(device), own, to, flow)
    }

    /// The link-local address with which a device speaks to its neighbours.
    pub(crate) fn link_local_address(&self, device: DeviceId) -> Option<Ipv6Addr> {
        source::link_local(self, device)
    }

    /// Whether a device is a VRF or a port of one.
    pub(crate) fn is_in_vrf(&self, device: DeviceId) -> bool {
        let of = |device| self.device(device).filter(|own: &&Device| own.kind == DeviceKind::Vrf);
        let master = self.device(device).and_then(|own| own.master);
        of(device).or(master.and_then(of)).is_some()
    }

    /// The way back to the source of a flow that came in by a device (`-m rpfilter`). `loose`: IPv6 prefers no device.
    pub fn reverse_path(&self, device: DeviceId, flow: Flow, loose: bool) -> ReversePath {
        reverse::look_up(self, device, flow, loose)
    }

    /// The prefix length of the subnet of a device whose broadcast address, as it was given (`brd`), this is.
    // Linux: `nf_conntrack_broadcast_help`: second addresses of a subnet do not count.
    pub(crate) fn broadcast_subnet(&self, device: DeviceId, broadcast: Ipv4Addr) -> Option<u8> {
        let device = self.device(device)?;
        let primary =
            |own: &Address| source::primaries(device).any(|first| IpAddr::V4(first.address) == own.address);
        let own = device.addresses.iter().find(|own| own.broadcast == Some(broadcast) && primary(own))?;
        Some(own.length)
    }

    /// Whether an address is one of the machine's own.
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.devices.iter().any(|device| device.addresses.iter().any(|own| own.address == address))
    }

    /// Whether an error of ICMPv6 about a packet to this address comes from the same address: one of the machine's own, or
    /// the anycast address of one of its networks.
    ///
    /// Linux: `icmp6_send`.
    pub fn is_source_of_errors(&self, address: IpAddr) -> bool {
        self.is_own(address) || matches!(address, IpAddr::V6(address) if v6::is_anycast(self, address))
    }

    /// Whether `-m addrtype` with a set of types (bit n: the kernel's `RTN_` type n, see
    /// [`rules::matches::addrtype::TypeSet`]) holds for an address; with a device only what that device has counts.
    ///
    /// Linux: `xt_addrtype.c`. In IPv4 an address has one type; in IPv6 every wanted property must hold.
    pub fn address_matches(&self, address: IpAddr, device: Option<DeviceId>, types: u16) -> bool {
        match address {
            IpAddr::V4(v4) => types & (1 << kind::of_v4(self, v4, device)) != 0,
            IpAddr::V6(v6) => kind::matches_v6(self, v6, device, types),
        }
    }

    /// The number of the type that an IPv4 address has for `-m addrtype`; for IPv6 the type that its route has.
    pub fn address_type(&self, address: IpAddr, device: Option<DeviceId>) -> u8 {
        match address {
            IpAddr::V4(v4) => kind::of_v4(self, v4, device),
            IpAddr::V6(v6) => kind::of_v6(self, v6, device),
        }
    }

    /// Whether an IPv4 address is another machine's, as far as timestamps of IP options ask.
    pub fn is_foreign(&self, address: Ipv4Addr) -> bool {
        kind::of_v4(self, address, None) == kind::UNICAST
    }

    fn rules(&self, family: Family) -> &[PolicyRule] {
        match family {
            Family::V4 => &self.rules_v4,
            Family::V6 => &self.rules_v6,
        }
    }

    fn is_up(&self, device: DeviceId) -> bool {
        self.device(device).is_some_and(|device| device.up)
    }

    fn mtu(&self, device: DeviceId, route: Option<&RouteEntry>) -> u32 {
        let own = self.mtu_of(device);
        route.and_then(|route| route.mtu).unwrap_or(own)
    }

    fn local(&self, source: Option<IpAddr>) -> Route {
        Route { source, ..Route::by(Way::Local, self.mtu(DeviceId::LOOPBACK, None)) }
    }
}

/// What a route without a way out means.
fn refused(kind: RouteKind) -> Option<Unroutable> {
    match kind {
        RouteKind::Blackhole => Some(Unroutable::Blackhole),
        RouteKind::Unreachable => Some(Unroutable::Unreachable),
        RouteKind::Prohibit => Some(Unroutable::Prohibited),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! The machine around the ruleset: devices, addresses, routes, rules and the settings that decide where packets go.
//!
//! Types only; decisions are in `route`.
use std::collections::BTreeMap;
use std::net::IpAddr;

use packet::InterfaceName;

/// A device, by its place in [`Network::devices`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub u32);

impl DeviceId {
    /// The loopback device: every network has it in the first place.
    pub const LOOPBACK: DeviceId = DeviceId(0);
}

/// A network device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: InterfaceName,
    /// Largest packet in bytes (1500 by default, 65536 for loopback).
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// Its Ethernet address, if it has one.
    pub mac: Option<[u8; 6]>,
    /// The bridge that it is a port of.
    pub master: Option<DeviceId>,
    /// Addresses in the order of their adding; the first of a subnet is the primary one (IPv4).
    pub addresses: Vec<Address>,
}

/// An address of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Prefix length of its subnet.
    pub length: u8,
}

/// A route, as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    /// Destination.
    pub destination: packet::AddrMask,
    /// Kind.
    pub kind: RouteKind,
    /// Gateway.
    pub via: Option<IpAddr>,
    /// Device.
    pub device: Option<DeviceId>,
    /// Preferred source address.
    pub source: Option<IpAddr>,
    /// Lower is better.
    pub metric: u32,
    /// Only for packets with this TOS (IPv4; 0: any).
    pub tos: u8,
    /// MTU of the route, if set.
    pub mtu: Option<u32>,
}

/// Kinds of routes (Linux: `RTN_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// To a gateway or directly.
    #[default]
    Unicast,
    /// To this machine.
    Local,
    /// To everybody of a subnet.
    Broadcast,
    /// To one of several machines, of which this is one (IPv6).
    Anycast,
    /// To a group.
    Multicast,
    /// Silently dropped.
    Blackhole,
    /// Dropped with host-unreachable.
    Unreachable,
    /// Dropped with admin-prohibited.
    Prohibit,
    /// The look-up goes on in the next rule.
    Throw,
}

/// A policy rule (`ip rule`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    /// Lower is asked first.
    pub priority: u32,
    /// Mark and mask.
    pub mark: Option<(u32, u32)>,
    /// Source.
    pub from: Option<packet::AddrMask>,
    /// Destination.
    pub to: Option<packet::AddrMask>,
    /// Incoming device; `lo` means locally generated packets.
    pub input: Option<DeviceId>,
    /// Outgoing device that a socket is bound to.
    pub output: Option<DeviceId>,
    /// The table that is looked up.
    pub table: u32,
}

/// Number of the table `local`.
pub const TABLE_LOCAL: u32 = 255;
/// Number of the table `main`.
pub const TABLE_MAIN: u32 = 254;
/// Number of the table `default`.
pub const TABLE_DEFAULT: u32 = 253;

/// Devices, addresses, routes, rules and settings of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The devices; loopback is the first.
    pub devices: Vec<Device>,
    /// Routes by the number of their table, IPv4 and IPv6 together.
    pub tables: BTreeMap<u32, Vec<RouteEntry>>,
    /// Policy rules of IPv4, sorted by priority.
    pub rules_v4: Vec<PolicyRule>,
    /// Policy rules of IPv6.
    pub rules_v6: Vec<PolicyRule>,
    /// Settings.
    pub settings: Settings,
}

/// Settings (sysctls) that decide where packets go. Per-device settings by device name; `all` and `default` as in
/// the kernel are folded in by the reader of the text form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `net.ipv4.ip_forward`.
    pub forward_v4: bool,
    /// `net.ipv6.conf.all.forwarding`.
    pub forward_v6: bool,
    /// Devices with `route_localnet=1`.
    pub route_localnet: Vec<DeviceId>,
    /// Devices with `accept_local=1`.
    pub accept_local: Vec<DeviceId>,
    /// `rp_filter` of each device that has it on: 1 strict, 2 loose.
    pub reverse_path: Vec<(DeviceId, u8)>,
}

/// A routing decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// What becomes of the packet.
    pub way: Way,
    /// MTU of the way out (or of loopback).
    pub mtu: u32,
    /// The source address that the machine itself would use on this way.
    pub source: Option<IpAddr>,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To a process of this machine (unicast to an own address).
    Local,
    /// To this machine and, if it was sent from here, to the wire as well.
    Broadcast {
        /// The device of the subnet.
        device: DeviceId,
    },
    /// To a group that this machine is a member of, or (sent from here) to the wire.
    Multicast {
        /// The device.
        device: DeviceId,
    },
    /// Out of a device.
    Out {
        /// The device.
        device: DeviceId,
        /// The gateway or the destination itself.
        next_hop: IpAddr,
        /// Whether `next_hop` is a gateway.
        gateway: bool,
    },
}

/// Why a packet has no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unroutable {
    /// No route: ICMP network unreachable.
    NoRoute,
    /// An `unreachable` route: ICMP host unreachable.
    Unreachable,
    /// A `prohibit` route: ICMP administratively prohibited.
    Prohibited,
    /// A `blackhole` route: silence.
    Blackhole,
    /// The source address cannot come from there (own, broadcast, multicast, 127/8, reverse path): silence.
    MartianSource,
    /// The destination cannot be (0/8, 127/8 from outside …): silence.
    MartianDestination,
    /// A group that nobody here listens to.
    NoListener,
    /// The device of the route is down.
    DeviceDown,
    /// The packet is for somebody else and forwarding is off: silence.
    ForwardingOff,
}

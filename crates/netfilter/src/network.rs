//! The machine around the ruleset: devices, addresses, routes, rules and the settings that decide where packets go.
//!
//! Types only; decisions are in `route`.
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use packet::{Family, InterfaceName};

use crate::xfrm::Policies;

/// A device, by its place in [`Network::devices`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub u32);

impl DeviceId {
    /// The loopback device: every network has it in the first place.
    pub const LOOPBACK: DeviceId = DeviceId(0);

    /// No device has this number.
    pub const NONE: DeviceId = DeviceId(u32::MAX);
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
    /// Whether it looks for neighbours (no `NOARP`): then it is in the groups by which IPv6 asks for its addresses.
    pub arp: bool,
    /// Its Ethernet address, if it has one.
    pub mac: Option<[u8; 6]>,
    /// The bridge, bond or VRF that it is a port of.
    pub master: Option<DeviceId>,
    /// What it is, as far as that changes the way of a packet.
    pub kind: DeviceKind,
    /// As a port of a bridge.
    pub port: Port,
    /// As a bridge.
    pub bridge: Bridge,
    /// Its group (`ip link set DEVICE group N`); 0 by default.
    pub group: u32,
    /// Addresses in the order of their adding; the first of a subnet is the primary one (IPv4).
    pub addresses: Vec<Address>,
    /// Groups that it has joined besides those that every device is a member of.
    pub groups: Vec<Group>,
}

/// A group that a device has joined (`ip maddr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its address.
    pub address: IpAddr,
    /// Whose packets to it are wanted.
    pub sources: Sources,
}

/// The senders to a group whom anybody here wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sources {
    /// All.
    #[default]
    All,
    /// Only these.
    Only(Vec<IpAddr>),
    /// All but these.
    But(Vec<IpAddr>),
    /// Several have joined and do not want the same: who is heard is not known.
    Mixed,
}

impl Device {
    /// A device that is up, without addresses; MTU in bytes.
    pub fn new(name: InterfaceName, mtu: u32) -> Self {
        Self {
            name,
            mtu,
            up: true,
            arp: true,
            mac: None,
            master: None,
            kind: DeviceKind::Plain,
            port: Port::default(),
            bridge: Bridge::default(),
            group: 0,
            addresses: Vec::new(),
            groups: Vec::new(),
        }
    }
}

/// Settings of a port of a bridge (`ip link set DEVICE type bridge_slave …`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Whether the spanning tree lets it forward (`state`).
    pub forwards: bool,
    /// Whether frames may leave by it that came by it.
    pub hairpin: bool,
    /// Whether it sends nothing to other isolated ports.
    pub isolated: bool,
    /// Whether its frames show where their senders are.
    pub learning: bool,
    /// Whether frames leave by it whose destination nobody knows.
    pub flood: bool,
    /// Whether frames to groups leave by it.
    pub multicast_flood: bool,
    /// Whether frames to everybody leave by it.
    pub broadcast_flood: bool,
}

impl Default for Port {
    fn default() -> Self {
        Self {
            forwards: true,
            hairpin: false,
            isolated: false,
            learning: true,
            flood: true,
            multicast_flood: true,
            broadcast_flood: true,
        }
    }
}

/// Settings of a bridge (`ip link set DEVICE type bridge …`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bridge {
    /// `nf_call_iptables`: its IPv4 packets pass the rules, whatever the sysctl for all bridges says.
    pub called_v4: bool,
    /// `nf_call_ip6tables`.
    pub called_v6: bool,
    /// Whether it filters by VLANs (`vlan_filtering`), which is not modelled: what comes to its ports has no decision.
    pub filters_vlans: bool,
    /// Whether it asks who has joined which groups and sends to those alone (`mcast_querier` with `mcast_snooping`). Who has is
    /// not modelled: frames to such groups have no decision.
    pub counts_groups: bool,
}

/// Kinds of devices that change the way of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceKind {
    /// Any other: packets come in by it and leave by it.
    #[default]
    Plain,
    /// A bridge.
    Bridge,
    /// A bond or team: packets come in by it, never by its ports.
    Bond,
    /// A VRF, which has a routing table of its own.
    Vrf,
}

/// An address of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// Prefix length of its subnet.
    pub length: u8,
    /// The other end of a point-to-point link, whose subnet it is then (IPv4).
    pub peer: Option<IpAddr>,
    /// IPv4: the broadcast address that was given with it (`brd`).
    pub broadcast: Option<Ipv4Addr>,
    /// IPv4: how far it is valid (Linux: `RT_SCOPE_*`; 0 everywhere, 253 on the link, 254 within the machine).
    pub scope: u8,
    /// IPv6: its preferred life has ended (RFC 6724 rule 3 avoids it).
    pub deprecated: bool,
    /// IPv6: made for privacy (RFC 8981), avoided unless `use_tempaddr` is 2.
    pub temporary: bool,
}

impl Address {
    /// An address of the scope that `ip address add` gives it.
    pub fn new(address: IpAddr, length: u8) -> Self {
        let host = matches!(address, IpAddr::V4(address) if address.is_loopback());
        let scope = if host { 254 } else { 0 };
        Self { address, length, peer: None, broadcast: None, scope, deprecated: false, temporary: false }
    }

    /// The subnet that is reached directly; `None` if the prefix is too long.
    pub fn subnet(&self) -> Option<packet::AddrMask> {
        packet::AddrMask::prefix(self.peer.unwrap_or(self.address), self.length)
    }
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
    /// Whether the MTU is locked (`mtu lock N`): in IPv6 it counts before FORWARD only then, else behind POSTROUTING.
    pub mtu_locked: bool,
    /// IPv4: the further next hops of a route with several; `via` and `device` are the first one then. In IPv6 each
    /// is a route of its own, as in the kernel.
    pub hops: Vec<Hop>,
    /// IPv6: only for sources of this prefix (source routing by subtrees).
    pub from: Option<packet::AddrMask>,
    /// The realms: that of the source in the upper 16 bits, that of the destination in the lower (IPv4).
    pub realms: u32,
    /// Whether the kernel holds its next hop for dead.
    pub dead: bool,
    /// What it says that is not modelled: a packet that meets it has no decision.
    pub undecided: Option<&'static str>,
}

impl RouteEntry {
    /// A route with nothing but its destination.
    pub fn new(destination: packet::AddrMask, kind: RouteKind) -> Self {
        Self {
            destination,
            kind,
            via: None,
            device: None,
            source: None,
            metric: 0,
            tos: 0,
            mtu: None,
            mtu_locked: false,
            hops: Vec::new(),
            from: None,
            realms: 0,
            dead: false,
            undecided: None,
        }
    }
}

/// A next hop of a route with several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Gateway.
    pub via: Option<IpAddr>,
    /// Device.
    pub device: DeviceId,
    /// Whether the kernel holds it for dead.
    pub dead: bool,
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

/// What a machine has learned of the way to one address (`ip route show cache`): a smaller MTU on the path, or a nearer
/// gateway that a router has told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The address.
    pub destination: IpAddr,
    /// The device of the route that it belongs to.
    pub device: DeviceId,
    /// The gateway: that of the route, or the nearer one.
    pub via: Option<IpAddr>,
    /// Whether the gateway is another one than the route's.
    pub redirected: bool,
    /// MTU of the path in bytes.
    pub mtu: Option<u32>,
    /// Whether the MTU counts for what is forwarded as well (IPv4).
    pub locked: bool,
    /// How many seconds behind the first packet it is forgotten; `None`: never.
    pub expires: Option<u64>,
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
    /// Incoming device; `lo` means locally generated packets, [`DeviceId::NONE`] a device that is not there.
    pub input: Option<DeviceId>,
    /// Outgoing device that a socket is bound to.
    pub output: Option<DeviceId>,
    /// The table that is looked up.
    pub table: u32,
    /// What is done with a flow that fits.
    pub action: RuleAction,
    /// Whether it is for what the selectors do not fit (`not`).
    pub invert: bool,
    /// Only for this TOS or traffic class: bits and those of them that count.
    pub tos: Option<(u8, u8)>,
    /// Only for sockets of users in this range, both ends included.
    pub user: Option<(u32, u32)>,
    /// Only for this protocol.
    pub protocol: Option<u8>,
    /// Only for source ports in this range, both ends included.
    pub source_ports: Option<(u16, u16)>,
    /// Only for destination ports in this range.
    pub destination_ports: Option<(u16, u16)>,
    /// Routes with at most this prefix length do not count.
    pub suppress_length: Option<u8>,
    /// Routes by devices of this group do not count.
    pub suppress_group: Option<u32>,
    /// The realms it gives, as in [`RouteEntry::realms`].
    pub realms: u32,
    /// A selector that is not modelled: a packet that fits the others has no decision.
    pub undecided: Option<&'static str>,
}

impl PolicyRule {
    /// A rule for everything that looks up a table.
    pub fn lookup(priority: u32, table: u32) -> Self {
        Self {
            priority,
            mark: None,
            from: None,
            to: None,
            input: None,
            output: None,
            table,
            action: RuleAction::Lookup,
            invert: false,
            tos: None,
            user: None,
            protocol: None,
            source_ports: None,
            destination_ports: None,
            suppress_length: None,
            suppress_group: None,
            realms: 0,
            undecided: None,
        }
    }

    /// Whether it asks for what stands behind the IP header.
    pub(crate) fn asks_transport(&self) -> bool {
        self.protocol.is_some() || self.source_ports.is_some() || self.destination_ports.is_some()
    }
}

/// What a policy rule does (Linux: `FR_ACT_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleAction {
    /// Looks its table up.
    #[default]
    Lookup,
    /// Goes on with the first rule of this priority; with the next one if there is none.
    Goto(u32),
    /// Nothing.
    Nothing,
    /// Silently dropped.
    Blackhole,
    /// ICMP network unreachable.
    Unreachable,
    /// ICMP administratively prohibited.
    Prohibit,
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
    /// What was learned of the ways to single addresses.
    pub exceptions: Vec<Exception>,
    /// Policy rules of IPv4, sorted by priority.
    pub rules_v4: Vec<PolicyRule>,
    /// Policy rules of IPv6.
    pub rules_v6: Vec<PolicyRule>,
    /// Behind which port of a bridge an Ethernet address is, by the bridge (`bridge fdb`); the bridge itself: it is this
    /// machine's.
    pub forwarding: BTreeMap<(DeviceId, [u8; 6]), DeviceId>,
    /// The Ethernet addresses of neighbours by device (`ip neigh`).
    pub neighbours: BTreeMap<(DeviceId, IpAddr), [u8; 6]>,
    /// Settings.
    pub settings: Settings,
    /// Policies of IPsec.
    pub policies: Policies,
}

impl Network {
    /// Whether packets that a bridge carries pass the rules (Linux: `br_nf_pre_routing`).
    pub fn is_called(&self, bridge: DeviceId, family: Family) -> bool {
        let own = self.device(bridge).map(|device| device.bridge).unwrap_or_default();
        match family {
            Family::V4 => self.settings.bridged_v4 || own.called_v4,
            Family::V6 => self.settings.bridged_v6 || own.called_v6,
        }
    }

    /// The Ethernet address of a neighbour.
    pub fn neighbour(&self, device: DeviceId, address: IpAddr) -> Option<[u8; 6]> {
        self.neighbours.get(&(device, address)).copied()
    }
}

/// Settings (sysctls) that decide where packets go. Per-device settings by device; `all` and `default` as in the kernel
/// are folded in by the reader of the text form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `net.ipv4.ip_forward`.
    pub forward_v4: bool,
    /// `net.ipv6.conf.all.forwarding`.
    pub forward_v6: bool,
    /// Devices whose `net.ipv4.conf.X.forwarding` is the other way.
    pub otherwise_v4: Vec<DeviceId>,
    /// Devices whose `net.ipv6.conf.X.forwarding` is the other way: they are routers, or not, for groups and anycast.
    pub otherwise_v6: Vec<DeviceId>,
    /// Devices with `net.ipv6.conf.X.force_forwarding=1`.
    pub force_forwarding_v6: Vec<DeviceId>,
    /// Devices with `route_localnet=1`.
    pub route_localnet: Vec<DeviceId>,
    /// Devices with `accept_local=1`.
    pub accept_local: Vec<DeviceId>,
    /// Devices with `src_valid_mark=1`: the way back is asked with the mark.
    pub valid_mark: Vec<DeviceId>,
    /// `rp_filter` of each device that has it on: 1 strict, 2 loose.
    pub reverse_path: Vec<(DeviceId, u8)>,
    /// Devices that forward what is sent to everybody of a subnet (`bc_forwarding`; Linux: `IN_DEV_BFORWARD`, both of `all`
    /// and the device).
    pub broadcasts: Vec<DeviceId>,
    /// Devices by which nobody is told of a shorter way (`send_redirects`; Linux: `IN_DEV_ORCONF`, off in `all` and the
    /// device).
    pub no_redirects: Vec<DeviceId>,
    /// Devices whose subnets do not share one link (`shared_media`, likewise).
    pub separate_media: Vec<DeviceId>,
    /// Devices by which packets to IPv4 groups are given to multicast routing (`mc_forwarding`; Linux: `IN_DEV_MFORWARD`,
    /// both of `all` and the device).
    pub multicast_v4: Vec<DeviceId>,
    /// `net.ipv6.conf.all.mc_forwarding`: the same for IPv6, by all devices.
    pub multicast_v6: bool,
    /// Devices by which segment routing headers are followed (`seg6_enabled`; Linux: `ipv6_srh_rcv`, both of `all` and the
    /// device).
    pub segments: Vec<DeviceId>,
    /// Devices with another `seg6_require_hmac` than 0: `true`: a sum must be there, `false`: none is looked at.
    pub segment_sums: Vec<(DeviceId, bool)>,
    /// Devices by which routing headers of RPL are followed (`rpl_seg_enabled`, likewise).
    pub rpl: Vec<DeviceId>,
    /// How often somebody is told of a shorter way in IPv4.
    pub redirects: Redirects,
    /// How many ICMP errors are sent.
    pub icmp: IcmpLimits,
    /// `net.ipv4.ip_forward_use_pmtu`: what was learned of the MTU of a path counts for what is forwarded, too.
    pub forward_uses_exceptions: bool,
    /// `net.ipv4.fwmark_reflect`: what the machine answers by itself has the mark of what it answers.
    pub reflect_mark_v4: bool,
    /// `net.ipv6.fwmark_reflect`.
    pub reflect_mark_v6: bool,
    /// Devices that follow the source routes of IPv4 options (`accept_source_route`; Linux: `IN_DEV_ANDCONF`).
    pub source_routes: Vec<DeviceId>,
    /// Devices with `net.ipv6.conf.X.disable_ipv6=1`: IPv6 packets that come in by them are dropped.
    pub disabled_v6: Vec<DeviceId>,
    /// Devices with `use_tempaddr=2`, which prefer temporary IPv6 addresses.
    pub prefer_temporary: Vec<DeviceId>,
    /// Devices by which policies of IPsec `in` and `fwd` are not asked (`net.ipv4.conf.X.disable_policy`; `all` or the device).
    pub unguarded_v4: Vec<DeviceId>,
    /// The same for IPv6; for what is delivered here it is the device that has the address.
    pub unguarded_v6: Vec<DeviceId>,
    /// Devices by which IPv4 leaves without a look at policies of IPsec (`disable_xfrm`; `all` or the device).
    pub unprotected: Vec<DeviceId>,
    /// `net.core.xfrm_larval_drop=0`: what IPsec is to protect waits for its state.
    pub waits_for_states: bool,
    /// `net.bridge.bridge-nf-call-iptables`: bridged IPv4 packets pass the rules.
    pub bridged_v4: bool,
    /// `net.bridge.bridge-nf-call-ip6tables`.
    pub bridged_v6: bool,
}

/// How often redirects are sent to one machine (`net.ipv4.route.redirect_*`; times in jiffies, of which a second has 250).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirects {
    /// `redirect_load`: the time after the first; it doubles with each.
    pub load: u32,
    /// `redirect_number`: how many a machine may pass over.
    pub most: u32,
    /// `redirect_silence`: after so long without one it is told anew.
    pub silence: u32,
}

impl Default for Redirects {
    /// Linux: `ip_rt_redirect_load` and its neighbours: a fiftieth of a second, 9, and 1,024 times the first.
    fn default() -> Self {
        Self { load: 5, most: 9, silence: 5120 }
    }
}

/// How many ICMP errors are sent. Times are jiffies, of which a second has 250.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpLimits {
    /// `net.ipv4.icmp_ratelimit`: the time between two errors to one machine, which may be told of six at once. 0: no limit.
    pub interval_v4: u32,
    /// `net.ipv4.icmp_ratemask`: the types that are limited, a bit for each of 0 to 18.
    pub types_v4: u32,
    /// `net.ipv6.icmp.ratelimit`.
    pub interval_v6: u32,
    /// `net.ipv6.icmp.ratemask`: a bit for each of the types 0 to 127, and of 128 to 255.
    pub types_v6: [u128; 2],
    /// `net.ipv4.icmp_msgs_per_sec`: how many may be sent in a second to all machines together, of both families.
    pub per_second: u32,
    /// `net.ipv4.icmp_msgs_burst`: how many of them may be saved up.
    pub burst: u32,
    /// `net.ipv4.route.error_cost`: the time between two errors to one machine that say that there is no route.
    pub no_way_cost: u32,
    /// `net.ipv4.route.error_burst`: how much of that time may be saved up.
    pub no_way_burst: u32,
}

impl Default for IcmpLimits {
    /// Linux 6.18.44: destination unreachable, source quench, time exceeded and parameter problem, one in a second; in
    /// IPv6 all errors but "packet too big", one in a tenth of a second.
    fn default() -> Self {
        Self {
            interval_v4: 250,
            types_v4: 0x1818,
            interval_v6: 25,
            types_v6: [!(1 << 2), 0],
            per_second: 1000,
            burst: 50,
            no_way_cost: 250,
            no_way_burst: 1250,
        }
    }
}

impl IcmpLimits {
    /// The time between two errors to one machine.
    pub fn interval(&self, family: Family) -> u32 {
        match family {
            Family::V4 => self.interval_v4,
            Family::V6 => self.interval_v6,
        }
    }
}

impl Settings {
    /// Of a machine with loopback alone, which asks no policy of IPsec for IPv4 (Linux: `inetdev_init`).
    pub(crate) fn of_loopback() -> Self {
        let loopback = || vec![DeviceId::LOOPBACK];
        Self { unguarded_v4: loopback(), unprotected: loopback(), ..Self::default() }
    }

    /// The mark of an answer of the machine itself to a packet with a mark (Linux: `IP4_REPLY_MARK`, `IP6_REPLY_MARK`).
    pub fn mark_of_answer(&self, family: Family, mark: u32) -> u32 {
        let reflects = match family {
            Family::V4 => self.reflect_mark_v4,
            Family::V6 => self.reflect_mark_v6,
        };
        if reflects { mark } else { 0 }
    }

    /// Whether packets that come in by a device are forwarded (IPv4; Linux: `IN_DEV_FORWARD`).
    pub fn forwards_v4(&self, device: DeviceId) -> bool {
        self.forward_v4 != self.otherwise_v4.contains(&device)
    }

    /// The same for IPv6 (Linux: `ip6_forward`: the setting of a device counts only for its groups).
    pub fn forwards_v6(&self, device: DeviceId) -> bool {
        self.forward_v6 || self.force_forwarding_v6.contains(&device)
    }

    /// Whether the machine is a router on a device (IPv6).
    pub fn is_router_v6(&self, device: DeviceId) -> bool {
        self.forward_v6 != self.otherwise_v6.contains(&device)
    }
}

/// A routing decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// What becomes of the packet.
    pub way: Way,
    /// MTU of the way out (or of loopback).
    pub mtu: u32,
    /// The MTU that a packet is measured by before it is forwarded: in IPv6 that of the device, unless the route's is locked.
    pub forward_mtu: u32,
    /// The source address that the machine itself would use on this way.
    pub source: Option<IpAddr>,
    /// The realms of the way, as in [`RouteEntry::realms`] (Linux: `dst->tclassid`).
    pub realms: u32,
    /// IPv4: whether the sender can reach the next hop itself and is to be told so (Linux: `IPSKB_DOREDIRECT`).
    pub redirect: bool,
}

impl Route {
    /// A way of which nothing else is known.
    pub(crate) fn by(way: Way, mtu: u32) -> Self {
        Self { way, mtu, forward_mtu: mtu, source: None, realms: 0, redirect: false }
    }
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
    /// IPv6 is switched off on the device (`disable_ipv6`): silence.
    Ipv6Off,
    /// A group of this machine alone: the packet never leaves (IPv6).
    WithinMachine,
    /// This is no decision: the kernel's choice depends on what is not known, and on what.
    Undecided(&'static str),
}

//! A whole host behind a TUN: every packet of this network namespace, loopback included, comes out of one device and
//! goes in by it (kernel fact F76 for IPv4; the IPv6 twin was found by experiment).
//!
//! ```text
//!   process ──► socket ──► rule "iif lo": table 100 ──► TUN ──► we read it: OUTPUT begins
//!   process ◄── socket ◄── rule "iif TUN": table local ◄── TUN ◄── we write it: INPUT has ended
//! ```
//!
//! Table 100 holds every destination of the host with the source address that the kernel would choose without the
//! trick, so programs see nothing of it. What differs for IPv6:
//!
//! * `::1` may be the source of a route by the TUN only if the route goes through a next-hop object that pointed to
//!   `lo` when the route was added, and was turned to the TUN afterwards.
//! * Linux takes `::1` from no device but loopback, so such packets are delivered by a packet socket on `lo` with a
//!   mark, and the first policy rule looks marked packets up in the table `local`.
//!
//! Duties of the link layer that the kernel does on the TUN (IGMP, MLD, neighbour and router discovery) are no traffic
//! of the host's programs and are thrown away here.
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;

use packet::{Family, View};
use sys::device::Device;
use sys::netlink::{self, Prefix, Route, RouteSpec, RuleSpec, TABLE_LOCAL};
use sys::packet_socket::{DELIVERED_MARK, LoopbackSocket};
use sys::sysctl;
use sys::tun::{Layer, Tun};

/// Number of the table in which locally generated packets are looked up.
const TABLE: u32 = 100;
/// Number of the next-hop object behind the route to `::1`.
const NEXT_HOP: u32 = 0x6f78;

/// A destination that the host can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// The subnet.
    pub destination: Prefix,
    /// The host's own address towards it.
    pub source: Option<IpAddr>,
}

/// What the host is to look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Its own addresses besides loopback.
    pub addresses: Vec<Prefix>,
    /// What it can reach besides itself.
    pub reachable: Vec<Reachable>,
}

/// The host's side of the packets: what its programs send is received, what is transmitted its programs get.
#[derive(Debug)]
pub struct Host {
    tun: Tun,
    loopback: Option<LoopbackSocket>,
}

/// Whether this network namespace has IPv6.
pub fn has_v6() -> bool {
    std::path::Path::new("/proc/sys/net/ipv6").exists()
}

impl Host {
    /// Makes the network namespace of this thread, which must be fresh, such a host.
    pub fn open(name: &str, plan: &Plan) -> io::Result<Self> {
        let tun = Tun::open(name, Layer::Ip)?;
        let v6 = has_v6();
        for scope in ["all", name] {
            for key in ["accept_local=1", "route_localnet=1", "rp_filter=0"] {
                set(&format!("net/ipv4/conf/{scope}"), key)?;
            }
        }
        allow_ping();
        if v6 {
            for key in ["accept_dad=0", "addr_gen_mode=1", "router_solicitations=0", "accept_ra=0"] {
                set(&format!("net/ipv6/conf/{name}"), key)?;
            }
        }
        let mut route = Route::open()?;
        let lo = route.link_index("lo")?;
        let device = route.link_index(name)?;
        route.link_up(lo, None)?;
        route.link_up(device, None)?;
        for &address in plan.addresses.iter().filter(|own| v6 || own.address.is_ipv4()) {
            route.address_add(device, address)?;
        }
        let add = |route: &mut Route, reachable: Reachable| {
            let Reachable { destination, source } = reachable;
            let spec = RouteSpec {
                destination,
                via: None,
                device: Some(device),
                next_hop: None,
                source,
                table: TABLE,
            };
            match route.route_add(&spec) {
                // Two devices of the host may lead to the same subnet; the first is the better one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                result => result,
            }
        };
        let loopback_v4 = Ipv4Addr::LOCALHOST.into();
        let subnet = Prefix { address: loopback_v4, length: 8 };
        add(&mut route, Reachable { destination: subnet, source: Some(loopback_v4) })?;
        if v6 {
            let loopback_v6 = Ipv6Addr::LOCALHOST.into();
            route.next_hop_set(netlink::Family::V6, NEXT_HOP, lo)?;
            route.route_add(&RouteSpec {
                destination: Prefix::host(loopback_v6),
                via: None,
                device: None,
                next_hop: Some(NEXT_HOP),
                source: Some(loopback_v6),
                table: TABLE,
            })?;
            route.next_hop_set(netlink::Family::V6, NEXT_HOP, device)?;
        }
        for own in plan.addresses.iter().filter(|own| v6 || own.address.is_ipv4()) {
            let destination = Prefix::host(own.address);
            add(&mut route, Reachable { destination, source: Some(own.address) })?;
        }
        for &reachable in plan.reachable.iter().filter(|one| v6 || one.destination.address.is_ipv4()) {
            add(&mut route, reachable)?;
        }
        policy(&mut route, netlink::Family::V4, name)?;
        if v6 {
            policy(&mut route, netlink::Family::V6, name)?;
        }
        let loopback = if v6 { Some(LoopbackSocket::open()?) } else { None };
        Ok(Self { tun, loopback })
    }

    /// The next packet that the host sends, into `buffer`; `None` if there is none now.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // Why: a bound, so that a host that sends without end does not keep us here.
        for _ in 0..64 {
            let Some(length) = self.tun.receive(buffer)? else { return Ok(None) };
            if !buffer.get(..length).is_some_and(is_link_duty) {
                return Ok(Some(length));
            }
        }
        Ok(None)
    }

    /// Delivers a packet to the host's sockets.
    pub fn deliver(&mut self, packet: &[u8]) -> io::Result<()> {
        let by_loopback = View::parse(packet).is_ok_and(|view| {
            view.family() == Family::V6 && (view.source().is_loopback() || view.destination().is_loopback())
        });
        match &self.loopback {
            Some(loopback) if by_loopback => loopback.deliver_v6(packet)?,
            _ => self.tun.transmit(packet)?,
        };
        Ok(())
    }

    /// Becomes readable when the host has sent something.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.tun.descriptor()
    }
}

/// Lets programs of this namespace send echo requests without being root: every group, or in a user namespace the only
/// one that there is.
pub fn allow_ping() {
    let own = sys::namespace::group();
    let key = "net.ipv4.ping_group_range";
    // Why: where neither may be written, ping sockets are refused to programs, which then say so themselves.
    let _ = sysctl::write(key, "0 2147483647").or_else(|_| sysctl::write(key, &format!("{own} {own}")));
}

fn set(path: &str, key: &str) -> io::Result<()> {
    let (name, value) = key.split_once('=').unwrap_or((key, "1"));
    sysctl::write(&format!("{path}/{name}"), value)
}

fn policy(route: &mut Route, family: netlink::Family, name: &str) -> io::Result<()> {
    let rules = [
        RuleSpec { priority: 5, mark: Some(DELIVERED_MARK), input: None, table: TABLE_LOCAL },
        RuleSpec { priority: 10, mark: None, input: Some(name), table: TABLE_LOCAL },
        RuleSpec { priority: 20, mark: None, input: Some("lo"), table: TABLE },
        RuleSpec { priority: 30, mark: None, input: None, table: TABLE_LOCAL },
    ];
    for rule in &rules {
        route.rule_add(family, rule)?;
    }
    route.rule_delete(family, 0, TABLE_LOCAL)
}

/// IGMP, and ICMPv6 to groups (MLD, neighbour and router discovery): what the kernel says on its own.
fn is_link_duty(packet: &[u8]) -> bool {
    const IGMP: u8 = 2;
    const ICMPV6: u8 = 58;
    View::parse(packet).is_ok_and(|view| match view.family() {
        Family::V4 => view.protocol() == Some(IGMP),
        Family::V6 => view.destination().is_multicast() && view.protocol() == Some(ICMPV6),
    })
}

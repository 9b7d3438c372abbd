//! The little of rtnetlink that is needed: links, addresses, routes, policy rules and next hops, both families.
//!
//! Our own encoder ([`message`]): seven kinds of request do not need a crate that knows all of netlink, and no `ip`
//! binary is needed. A socket speaks to the network namespace in which it was opened, wherever its thread is later.
//!
//! Read first: `rtnetlink(7)`, Linux `net/ipv6/route.c` for the next-hop objects.
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

pub mod message;

use message::{Message, Reader};

/// Linux: `NETLINK_ROUTE`.
const NETLINK_ROUTE: u32 = 0;

/// A netlink socket that sends one request at a time and waits for its answers.
#[derive(Debug)]
pub struct Socket {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens one of a netlink family (`NETLINK_ROUTE` is 0) in the network namespace of this thread.
    pub fn open(protocol: u32) -> io::Result<Self> {
        let protocol = std::num::NonZeroU32::new(protocol).map(rustix::net::Protocol::from_raw);
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; 32 * 1024] })
    }

    /// Sends a request and gives each answer's type and body to `each`, until the kernel acknowledges it.
    ///
    /// # Errors
    /// The errno with which the kernel refuses it.
    pub fn request(&mut self, message: Message, mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = message.finish(self.sequence);
        rustix::net::sendto(&self.socket, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        // Why: the kernel answers every request at once; the bound is against a kernel that does not.
        for _ in 0..10_000 {
            let (length, _) = match rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::empty())
            {
                Ok(lengths) => lengths,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for answer in Reader::new(datagram) {
                if answer.sequence != self.sequence {
                    continue;
                }
                match answer.kind {
                    message::NLMSG_DONE => return Ok(()),
                    message::NLMSG_ERROR => {
                        return match message::error_number(answer.body) {
                            0 => Ok(()),
                            code => Err(io::Error::from_raw_os_error(code)),
                        };
                    }
                    kind => each(kind, answer.body),
                }
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// A subnet: address and prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Address; host bits may be set.
    pub address: IpAddr,
    /// Length in bits.
    pub length: u8,
}

impl Prefix {
    /// One address alone.
    pub fn host(address: IpAddr) -> Self {
        Self { address, length: if address.is_ipv4() { 32 } else { 128 } }
    }
}

/// A route to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteSpec {
    /// Destination.
    pub destination: Prefix,
    /// Gateway.
    pub via: Option<IpAddr>,
    /// Index of the device, unless `next_hop` is given.
    pub device: Option<i32>,
    /// A next-hop object in the place of `via` and `device`.
    pub next_hop: Option<u32>,
    /// Preferred source address.
    pub source: Option<IpAddr>,
    /// Number of the table.
    pub table: u32,
}

/// A policy rule to add: `from all [fwmark M] [iif NAME] lookup TABLE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSpec<'a> {
    /// Lower is asked first.
    pub priority: u32,
    /// Only packets with this mark.
    pub mark: Option<u32>,
    /// Only packets that come from this device; `lo`: locally generated ones (and those that loop back).
    pub input: Option<&'a str>,
    /// Number of the table.
    pub table: u32,
}

/// Address family of a policy rule or next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The number of the family (`AF_INET`, `AF_INET6`).
    pub const fn number(self) -> u8 {
        match self {
            Self::V4 => libc::AF_INET as u8,
            Self::V6 => libc::AF_INET6 as u8,
        }
    }

    /// The family of an address.
    pub const fn of(address: &IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// A routing socket.
#[derive(Debug)]
pub struct Route {
    socket: Socket,
}

/// Number of the table `local`.
pub const TABLE_LOCAL: u32 = 255;
/// Number of the table `main`.
pub const TABLE_MAIN: u32 = 254;

impl Route {
    /// Opens one to the network namespace of this thread.
    pub fn open() -> io::Result<Self> {
        Socket::open(NETLINK_ROUTE).map(|socket| Self { socket })
    }

    fn send(&mut self, message: Message) -> io::Result<()> {
        self.socket.request(message, |_, _| {})
    }

    /// The index of a device.
    pub fn link_index(&mut self, name: &str) -> io::Result<i32> {
        let mut message = Message::new(libc::RTM_GETLINK, 0);
        message.bytes(&link_header(0, 0, 0)).string(libc::IFLA_IFNAME, name);
        let mut index = None;
        self.socket.request(message, |kind, body| {
            if kind == libc::RTM_NEWLINK {
                index =
                    body.get(4..8).and_then(|four| <[u8; 4]>::try_from(four).ok()).map(i32::from_ne_bytes);
            }
        })?;
        index.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))
    }

    /// Sets a device up; with `mtu` its largest packet in bytes too.
    pub fn link_up(&mut self, index: i32, mtu: Option<u32>) -> io::Result<()> {
        let up = libc::IFF_UP as u32;
        let mut message = Message::new(libc::RTM_NEWLINK, message::ACK);
        message.bytes(&link_header(index, up, up));
        if let Some(mtu) = mtu {
            message.attribute(libc::IFLA_MTU, &mtu.to_ne_bytes());
        }
        self.send(message)
    }

    /// Adds an address; IPv6 ones are usable at once (`nodad`).
    pub fn address_add(&mut self, index: i32, prefix: Prefix) -> io::Result<()> {
        let mut message =
            Message::new(libc::RTM_NEWADDR, message::ACK | message::CREATE | message::EXCLUSIVE);
        // Linux: struct ifaddrmsg: family, prefix length, flags, scope, index.
        message
            .bytes(&[Family::of(&prefix.address).number(), prefix.length, 0, 0])
            .bytes(&index.to_ne_bytes());
        message.address(libc::IFA_LOCAL, prefix.address).address(libc::IFA_ADDRESS, prefix.address);
        if prefix.address.is_ipv6() {
            message.attribute(libc::IFA_FLAGS, &libc::IFA_F_NODAD.to_ne_bytes());
        }
        self.send(message)
    }

    /// Adds a route.
    pub fn route_add(&mut self, route: &RouteSpec) -> io::Result<()> {
        let mut message =
            Message::new(libc::RTM_NEWROUTE, message::ACK | message::CREATE | message::EXCLUSIVE);
        let scope = if route.via.is_some() || route.destination.address.is_ipv6() {
            libc::RT_SCOPE_UNIVERSE
        } else {
            libc::RT_SCOPE_LINK
        };
        // Linux: struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
        message
            .bytes(&[Family::of(&route.destination.address).number(), route.destination.length, 0, 0])
            .bytes(&[0, libc::RTPROT_STATIC, scope, libc::RTN_UNICAST])
            .bytes(&[0; 4])
            .attribute(libc::RTA_TABLE, &route.table.to_ne_bytes());
        if route.destination.length > 0 {
            message.address(libc::RTA_DST, masked(route.destination));
        }
        if let Some(via) = route.via {
            message.address(libc::RTA_GATEWAY, via);
        }
        if let Some(device) = route.device {
            message.attribute(libc::RTA_OIF, &device.to_ne_bytes());
        }
        if let Some(source) = route.source {
            message.address(libc::RTA_PREFSRC, source);
        }
        if let Some(next_hop) = route.next_hop {
            message.attribute(RTA_NH_ID, &next_hop.to_ne_bytes());
        }
        self.send(message)
    }

    /// Adds a policy rule.
    pub fn rule_add(&mut self, family: Family, rule: &RuleSpec<'_>) -> io::Result<()> {
        let mut message =
            Message::new(libc::RTM_NEWRULE, message::ACK | message::CREATE | message::EXCLUSIVE);
        message.bytes(&rule_header(family));
        message
            .attribute(FRA_PRIORITY, &rule.priority.to_ne_bytes())
            .attribute(FRA_TABLE, &rule.table.to_ne_bytes());
        if let Some(mark) = rule.mark {
            message.attribute(FRA_FWMARK, &mark.to_ne_bytes());
            message.attribute(FRA_FWMASK, &u32::MAX.to_ne_bytes());
        }
        if let Some(input) = rule.input {
            message.string(FRA_IIFNAME, input);
        }
        self.send(message)
    }

    /// Deletes the first policy rule of a priority.
    pub fn rule_delete(&mut self, family: Family, priority: u32, table: u32) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_DELRULE, message::ACK);
        message
            .bytes(&rule_header(family))
            .attribute(FRA_PRIORITY, &priority.to_ne_bytes())
            .attribute(FRA_TABLE, &table.to_ne_bytes());
        self.send(message)
    }

    /// Makes a next-hop object, or changes the one of this number, to a device without a gateway.
    pub fn next_hop_set(&mut self, family: Family, id: u32, device: i32) -> io::Result<()> {
        let mut message = Message::new(RTM_NEWNEXTHOP, message::ACK | message::CREATE | message::REPLACE);
        // Linux: struct nhmsg: family, scope, protocol, reserved, flags.
        message
            .bytes(&[family.number(), 0, libc::RTPROT_STATIC, 0])
            .bytes(&[0; 4])
            .attribute(NHA_ID, &id.to_ne_bytes())
            .attribute(NHA_OIF, &device.to_ne_bytes());
        self.send(message)
    }
}

/// Linux: `RTM_NEWNEXTHOP`, `NHA_*`, `RTA_NH_ID` (include/uapi/linux/rtnetlink.h, nexthop.h; since 5.3).
const RTM_NEWNEXTHOP: u16 = 104;
const NHA_ID: u16 = 1;
const NHA_OIF: u16 = 5;
const RTA_NH_ID: u16 = 30;

/// Linux: struct ifinfomsg: family, padding, type, index, flags, change.
fn link_header(index: i32, flags: u32, change: u32) -> [u8; 16] {
    let mut header = [0; 16];
    let words = index.to_ne_bytes().into_iter().chain(flags.to_ne_bytes()).chain(change.to_ne_bytes());
    for (to, from) in header.iter_mut().skip(4).zip(words) {
        *to = from;
    }
    header
}

/// Linux: struct fib_rule_hdr: family, dst_len, src_len, tos, table, two reserved, action, flags.
fn rule_header(family: Family) -> [u8; 12] {
    [family.number(), 0, 0, 0, 0, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0]
}

/// Linux: `FRA_*` (include/uapi/linux/fib_rules.h).
const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;
const FRA_FWMASK: u16 = 16;
/// Linux: `FR_ACT_TO_TBL`.
const FR_ACT_TO_TBL: u8 = 1;

/// The address without its host bits: IPv4 routes with host bits set are refused.
fn masked(prefix: Prefix) -> IpAddr {
    match prefix.address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.length.min(32))).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.length.min(128))).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests;

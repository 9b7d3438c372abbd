//! What a member of a set is: addresses, networks, ports, devices, and how they are written.
//!
//! Ranges and prefixes that stand for several members are no members themselves: they are taken apart in
//! [`super::change`], as the kernel does it.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::{Family, InterfaceName};

use super::icmp;
use crate::put;
use crate::syntax::Names;
use crate::syntax::text::{push_address, push_number};
use crate::syntax::value;

/// A network: an address whose bits behind the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// The network of an address; the length is cut at that of the family.
    pub fn new(address: IpAddr, length: u8) -> Self {
        let length = length.min(Family::of(address).bits());
        Self { address: masked(address, length), length }
    }

    /// A single address.
    pub fn host(address: IpAddr) -> Self {
        Self { address, length: Family::of(address).bits() }
    }

    /// The first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// The length of the prefix in bits.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether it is one address.
    pub fn is_host(self) -> bool {
        self.length == Family::of(self.address).bits()
    }

    /// The network of another length around (or at) its address.
    pub fn shortened(self, length: u8) -> Self {
        Self::new(self.address, length)
    }

    /// As sets print it: without a length when it is one address.
    pub(crate) fn push(self, out: &mut String) {
        push_address(out, self.address);
        if !self.is_host() {
            out.push('/');
            push_number(out, u64::from(self.length));
        }
    }
}

/// An address with all bits behind a prefix cleared.
pub(crate) fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(length))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(length))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

/// An address with only the bits of a mask; the address itself if the families differ.
pub(crate) fn and(address: IpAddr, mask: IpAddr) -> IpAddr {
    match (address, mask) {
        (IpAddr::V4(a), IpAddr::V4(m)) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & m.to_bits())),
        (IpAddr::V6(a), IpAddr::V6(m)) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & m.to_bits())),
        _ => address,
    }
}

/// A protocol and a port; for ICMP type and code in its two bytes, for protocols without ports 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProtocolPort {
    /// The protocol's number, not 0.
    pub protocol: u8,
    /// The port, or type and code.
    pub port: u16,
}

/// Whether ports are meant with a protocol (kernel: `ip_set_proto_with_ports`): TCP, SCTP, UDP, UDPLITE.
pub const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, 6 | 17 | 132 | 136)
}

/// The name of a protocol as sets print it.
pub(crate) fn push_protocol(out: &mut String, protocol: u8, names: &dyn Names) {
    let known = names.protocol_name(protocol);
    match known.as_deref().or_else(|| match protocol {
        136 => Some("udplite"),
        _ => value::protocol_name(protocol),
    }) {
        Some(name) => out.push_str(name),
        None => push_number(out, u64::from(protocol)),
    }
}

impl ProtocolPort {
    pub(crate) fn push(self, out: &mut String, names: &dyn Names) {
        push_protocol(out, self.protocol, names);
        out.push(':');
        let name = match self.protocol {
            1 => Some(icmp::name(icmp::V4, self.port)),
            58 => Some(icmp::name(icmp::V6, self.port)),
            _ => None,
        };
        match name {
            Some(Some(name)) => out.push_str(name),
            Some(None) => put!(out, "{}/{}", self.port >> 8, self.port & 0xff),
            None => push_number(out, u64::from(self.port)),
        }
    }
}

/// The bytes of an Ethernet address.
pub type Mac = [u8; 6];

pub(crate) fn push_mac(out: &mut String, mac: Mac) {
    for (at, byte) in mac.into_iter().enumerate() {
        put!(out, "{}{byte:02X}", if at > 0 { ":" } else { "" });
    }
}

/// The name of a device, or the beginning of names. A longer name stands before the beginning of it.
// Why: `eth0` could not be added behind `eth` with `wildcard`; saved in this order it can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device(pub InterfaceName);

impl Ord for Device {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

impl PartialOrd for Device {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// An address as two numbers.
fn halves(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(v4) => [0, u64::from(v4.to_bits())],
        IpAddr::V6(v6) => pair(v6.to_bits()),
    }
}

const fn pair(bits: u128) -> [u64; 2] {
    [(bits >> 64) as u64, bits as u64]
}

fn mac_bits([a, b, c, d, e, f]: Mac) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// What tells one member of a set from another. All members of a set are of one variant. The order is that of
/// listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    /// hash:ip, bitmap:ip and, whatever the Ethernet address, bitmap:ip,mac.
    Address(IpAddr),
    /// bitmap:port.
    Port(u16),
    /// hash:mac.
    Mac(Mac),
    /// hash:ip,mac.
    AddressMac(IpAddr, Mac),
    /// hash:net.
    Net(Prefix),
    /// hash:net,net.
    NetNet(Prefix, Prefix),
    /// hash:ip,port.
    AddressPort(IpAddr, ProtocolPort),
    /// hash:net,port.
    NetPort(Prefix, ProtocolPort),
    /// hash:ip,port,ip.
    AddressPortAddress(IpAddr, ProtocolPort, IpAddr),
    /// hash:ip,port,net.
    AddressPortNet(IpAddr, ProtocolPort, Prefix),
    /// hash:net,port,net.
    NetPortNet(Prefix, ProtocolPort, Prefix),
    /// hash:net,iface; whether it is a port of a bridge.
    NetInterface(Prefix, bool, Device),
    /// hash:ip,mark.
    AddressMark(IpAddr, u32),
}

impl Element {
    /// The networks in it: none, one or two.
    pub fn networks(&self) -> [Option<Prefix>; 2] {
        match *self {
            Self::Net(net) | Self::NetPort(net, _) | Self::NetInterface(net, _, _) => [Some(net), None],
            Self::AddressPortNet(_, _, net) => [Some(net), None],
            Self::NetNet(first, second) | Self::NetPortNet(first, _, second) => [Some(first), Some(second)],
            _ => [None, None],
        }
    }

    /// The same with its networks of other lengths.
    #[must_use]
    pub fn with_lengths(self, first: u8, second: u8) -> Self {
        match self {
            Self::Net(net) => Self::Net(net.shortened(first)),
            Self::NetPort(net, port) => Self::NetPort(net.shortened(first), port),
            Self::NetInterface(net, physical, name) => {
                Self::NetInterface(net.shortened(first), physical, name)
            }
            Self::AddressPortNet(address, port, net) => {
                Self::AddressPortNet(address, port, net.shortened(first))
            }
            Self::NetNet(one, other) => Self::NetNet(one.shortened(first), other.shortened(second)),
            Self::NetPortNet(one, port, other) => {
                Self::NetPortNet(one.shortened(first), port, other.shortened(second))
            }
            other => other,
        }
    }

    /// All of it in numbers: elements of one variant are equal where these are.
    pub(super) fn words(&self) -> [u64; 6] {
        let [mut first, mut second] = [[0; 2]; 2];
        let (mut small, mut other) = (0, 0);
        let port = |own: ProtocolPort| u64::from(own.protocol) << 32 | u64::from(own.port) << 16;
        match *self {
            Self::Address(address) => first = halves(address),
            Self::Port(port) => small = u64::from(port),
            Self::Mac(mac) => other = mac_bits(mac),
            Self::AddressMac(address, mac) => (first, other) = (halves(address), mac_bits(mac)),
            Self::Net(net) => (first, small) = (halves(net.address), u64::from(net.length)),
            Self::NetNet(one, two) => {
                (first, second) = (halves(one.address), halves(two.address));
                small = u64::from(one.length) << 8 | u64::from(two.length);
            }
            Self::AddressPort(address, own) => (first, small) = (halves(address), port(own)),
            Self::NetPort(net, own) => {
                (first, small) = (halves(net.address), port(own) | u64::from(net.length));
            }
            Self::AddressPortAddress(address, own, two) => {
                (first, small, second) = (halves(address), port(own), halves(two));
            }
            Self::AddressPortNet(address, own, net) => {
                (first, second) = (halves(address), halves(net.address));
                small = port(own) | u64::from(net.length);
            }
            Self::NetPortNet(one, own, two) => {
                (first, second) = (halves(one.address), halves(two.address));
                (small, other) = (port(own) | u64::from(one.length), u64::from(two.length));
            }
            Self::NetInterface(net, physical, Device(name)) => {
                (first, second) = (halves(net.address), pair(u128::from_be_bytes(*name.padded())));
                small = u64::from(physical) << 8 | u64::from(net.length);
            }
            Self::AddressMark(address, mark) => (first, other) = (halves(address), u64::from(mark)),
        }
        [first[0], first[1], second[0], second[1], small, other]
    }

    /// As listings print it.
    pub fn push(&self, out: &mut String, names: &dyn Names) {
        match *self {
            Self::Address(address) => push_address(out, address),
            Self::Port(port) => push_number(out, u64::from(port)),
            Self::Mac(mac) => push_mac(out, mac),
            Self::AddressMac(address, mac) => {
                push_address(out, address);
                out.push(',');
                push_mac(out, mac);
            }
            Self::Net(net) => net.push(out),
            Self::NetNet(first, second) => {
                first.push(out);
                out.push(',');
                second.push(out);
            }
            Self::AddressPort(address, port) => {
                push_address(out, address);
                out.push(',');
                port.push(out, names);
            }
            Self::NetPort(net, port) => {
                net.push(out);
                out.push(',');
                port.push(out, names);
            }
            Self::AddressPortAddress(address, port, second) => {
                Self::AddressPort(address, port).push(out, names);
                out.push(',');
                push_address(out, second);
            }
            Self::AddressPortNet(address, port, net) => {
                Self::AddressPort(address, port).push(out, names);
                out.push(',');
                net.push(out);
            }
            Self::NetPortNet(first, port, second) => {
                Self::NetPort(first, port).push(out, names);
                out.push(',');
                second.push(out);
            }
            Self::NetInterface(net, physical, name) => {
                net.push(out);
                out.push_str(if physical { ",physdev:" } else { "," });
                out.push_str(name.0.as_str());
            }
            Self::AddressMark(address, mark) => {
                push_address(out, address);
                put!(out, ",0x{mark:08x}");
            }
        }
    }
}

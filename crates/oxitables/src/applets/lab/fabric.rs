//! The wires: links as segments of IP, carried by this process.
//!
//! An end is a TUN in a host's namespace, or a device of a machine under test, which has no device in the kernel. TUNs
//! carry no link addresses, so the segment decides as ARP would: by the next hop. A machine under test says it; for a
//! TUN it follows from the host's routes, which the scenario gave.
use std::io;
use std::net::IpAddr;

use netfilter::DeviceId;
use packet::AddrMask;
use sys::device::Device;
use sys::netlink::Prefix;
use sys::tun::Tun;

/// What an end is.
#[derive(Debug)]
pub enum EndKind {
    /// A device in the kernel.
    Tun(Tun),
    /// A device of the machine under test on this host.
    Machine(DeviceId),
}

/// An end of a segment.
#[derive(Debug)]
pub struct End {
    /// The host, by its place in the scenario.
    pub host: usize,
    /// Its addresses.
    pub addresses: Vec<Prefix>,
    /// Its host's gateways on this segment: destination and gateway.
    pub gateways: Vec<(Prefix, IpAddr)>,
    /// What it is.
    pub kind: EndKind,
}

/// A link.
#[derive(Debug, Default)]
pub struct Segment {
    /// The ends.
    pub ends: Vec<End>,
}

fn contains(subnet: &Prefix, address: IpAddr) -> bool {
    AddrMask::prefix(subnet.address, subnet.length).is_some_and(|subnet| subnet.contains(address))
}

impl End {
    /// The next hop of a packet that leaves by this end: the destination itself if it is on the link, else the gateway
    /// of the longest matching route.
    pub fn next_hop(&self, destination: IpAddr) -> Option<IpAddr> {
        if self.addresses.iter().any(|own| contains(own, destination)) {
            return Some(destination);
        }
        let matching = self.gateways.iter().filter(|(subnet, _)| contains(subnet, destination));
        matching.max_by_key(|(subnet, _)| subnet.length).map(|&(_, via)| via)
    }
}

impl Segment {
    /// The end that has this address, other than the one that asks for it.
    pub fn end_of(&self, address: IpAddr, asking: usize) -> Option<usize> {
        self.ends
            .iter()
            .enumerate()
            .position(|(at, end)| at != asking && end.addresses.iter().any(|own| own.address == address))
    }

    /// The next packet that the host of an end has sent by it, if that end is a TUN.
    pub fn receive(&mut self, end: usize, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.ends.get_mut(end).map(|end| &mut end.kind) {
            Some(EndKind::Tun(tun)) => tun.receive(buffer),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;

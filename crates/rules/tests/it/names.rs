//! The few names of Debian's base files that occur in fixtures.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use packet::Family;
use rules::syntax::Names;

/// Names as on a fresh Debian.
pub struct DebianNames;

const TCP: &[(&str, u16)] = &[
    ("tcpmux", 1),
    ("echo", 7),
    ("discard", 9),
    ("systat", 11),
    ("daytime", 13),
    ("netstat", 15),
    ("ssh", 22),
    ("domain", 53),
    ("http", 80),
    ("https", 443),
    ("amqp", 5672),
];

const SCTP: &[(&str, u16)] = &[("amqp", 5672)];

const UDP: &[(&str, u16)] =
    &[("echo", 7), ("discard", 9), ("daytime", 13), ("domain", 53), ("tftp", 69), ("https", 443)];

const USERS: &[(&str, u32)] = &[("root", 0), ("daemon", 1), ("bin", 2), ("games", 5), ("www-data", 33)];

fn services(protocol: Option<&str>) -> impl Iterator<Item = &'static (&'static str, u16)> {
    let tcp = if protocol.is_none_or(|protocol| protocol == "tcp") { TCP } else { &[] };
    let udp = if protocol.is_none_or(|protocol| protocol == "udp") { UDP } else { &[] };
    let sctp = if protocol.is_none_or(|protocol| protocol == "sctp") { SCTP } else { &[] };
    tcp.iter().chain(udp).chain(sctp)
}

impl Names for DebianNames {
    fn service(&self, name: &str, protocol: Option<&str>) -> Option<u16> {
        services(protocol).find(|(own, _)| *own == name).map(|(_, port)| *port)
    }
    fn service_name(&self, port: u16, protocol: Option<&str>) -> Option<String> {
        services(protocol).find(|(_, own)| *own == port).map(|(name, _)| (*name).to_owned())
    }
    fn protocol(&self, name: &str) -> Option<u8> {
        match name {
            "ICMP" => Some(1),
            "TCP" => Some(6),
            "gre" => Some(47),
            _ => None,
        }
    }
    fn protocol_name(&self, _: u8) -> Option<String> {
        None
    }
    fn host(&self, name: &str, family: Family) -> Vec<IpAddr> {
        match (name, family) {
            ("localhost", Family::V4) => vec![Ipv4Addr::LOCALHOST.into()],
            ("localhost", Family::V6) => vec![Ipv6Addr::LOCALHOST.into()],
            _ => Vec::new(),
        }
    }
    fn host_name(&self, address: IpAddr) -> Option<String> {
        address.is_loopback().then(|| "localhost".to_owned())
    }
    fn network(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }
    fn user(&self, name: &str) -> Option<u32> {
        USERS.iter().find(|(own, _)| *own == name).map(|(_, id)| *id)
    }
    fn user_name(&self, id: u32) -> Option<String> {
        USERS.iter().find(|(_, own)| *own == id).map(|(name, _)| (*name).to_owned())
    }
    fn group(&self, name: &str) -> Option<u32> {
        self.user(name)
    }
    fn group_name(&self, id: u32) -> Option<String> {
        self.user_name(id)
    }
    fn realm(&self, name: &str) -> Option<u32> {
        (name == "cosmos").then_some(0)
    }
    fn realm_name(&self, id: u32) -> Option<String> {
        (id == 0).then(|| "cosmos".to_owned())
    }
    fn device_group(&self, name: &str) -> Option<u32> {
        (name == "default").then_some(0)
    }
    fn device_group_name(&self, id: u32) -> Option<String> {
        (id == 0).then(|| "default".to_owned())
    }
}

//! What the words of create, add, del and test say, before a set is asked.
use std::net::IpAddr;

use packet::{Family, InterfaceName};

use super::SetName;
use super::element::{Mac, push_mac, push_protocol};
use super::icmp;
use super::kind::{Part, Spec};
use super::member::SkbInfo;
use super::option::{Field, Fields};
use crate::put;
use crate::syntax::Names;
use crate::syntax::text::{push_address, push_number};

/// The values by field. `fields` says which were given; a field may count as given though its value is the default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) fields: Fields,
    /// The family of the set; `None`: none.
    pub(crate) family: Option<Family>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) ip_to: Option<IpAddr>,
    pub(crate) cidr: Option<u8>,
    pub(crate) ip2: Option<IpAddr>,
    pub(crate) ip2_to: Option<IpAddr>,
    pub(crate) cidr2: Option<u8>,
    pub(crate) protocol: Option<u8>,
    pub(crate) port: u16,
    pub(crate) port_to: Option<u16>,
    pub(crate) mac: Option<Mac>,
    pub(crate) mark: u32,
    pub(crate) interface: Option<InterfaceName>,
    pub(crate) physical: bool,
    pub(crate) set: Option<SetName>,
    pub(crate) reference: Option<SetName>,
    pub(crate) before: bool,
    pub(crate) timeout: Option<u32>,
    pub(crate) packets: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) comment: Option<Box<str>>,
    pub(crate) skb: SkbInfo,
    pub(crate) nomatch: bool,
    pub(crate) wildcard: bool,
    pub(crate) hash_size: Option<u32>,
    pub(crate) most: Option<u32>,
    pub(crate) netmask: Option<u8>,
    pub(crate) bitmask: Option<IpAddr>,
    pub(crate) mark_mask: Option<u32>,
    pub(crate) bucket: Option<u8>,
    pub(crate) seed: Option<u32>,
    pub(crate) size: Option<u32>,
    pub(crate) counters: bool,
    pub(crate) with_comment: bool,
    pub(crate) skbinfo: bool,
    pub(crate) force_add: bool,
}

impl Entry {
    pub(crate) fn note(&mut self, field: Field) {
        self.fields = self.fields.with(field);
    }

    /// `inet`, `inet6` or `unspec`.
    pub(crate) fn family_name(&self) -> &'static str {
        family_name(self.family)
    }

    fn push_ip(&self, out: &mut String, ip: Option<IpAddr>, length: Option<u8>) {
        let Some(ip) = ip else { return };
        let all = Family::of(ip).bits();
        let length = length.unwrap_or(all);
        let mut one = |ip| {
            push_address(out, ip);
            if length != all {
                put!(out, "/{length}");
            }
        };
        one(ip);
        if let Some(to) = self.ip_to {
            out.push('-');
            push_address(out, to);
            if length != all {
                put!(out, "/{length}");
            }
        }
    }

    fn push_port(&self, out: &mut String) {
        push_number(out, u64::from(self.port));
        if let Some(to) = self.port_to {
            put!(out, "-{to}");
        }
    }

    /// The element as it was meant, as `test` tells it.
    pub(crate) fn push_element(&self, out: &mut String, spec: &Spec, names: &dyn Names) {
        for (at, part) in spec.parts.iter().enumerate() {
            if spec.last_optional && at + 1 == spec.parts.len() && self.mac.is_none() {
                break;
            }
            if at > 0 {
                out.push(',');
            }
            match part {
                Part::Ip | Part::SingleIp | Part::IpOrSingle6 | Part::NetOrNet6 => {
                    self.push_ip(out, self.ip, self.cidr);
                }
                Part::SecondIp | Part::SecondNet => self.push_ip(out, self.ip2, self.cidr2),
                Part::Mac => push_mac(out, self.mac.unwrap_or_default()),
                Part::TcpUdpPort => self.push_port(out),
                Part::Port => {
                    let protocol = self.protocol.unwrap_or(0);
                    push_protocol(out, protocol, names);
                    out.push(':');
                    let table = match protocol {
                        1 => Some(icmp::V4),
                        58 => Some(icmp::V6),
                        _ => None,
                    };
                    match table.map(|table| icmp::name(table, self.port)) {
                        Some(Some(name)) => out.push_str(name),
                        Some(None) => put!(out, "{}/{}", self.port >> 8, self.port & 0xff),
                        None => self.push_port(out),
                    }
                }
                Part::Mark => put!(out, "0x{:08x}", self.mark),
                Part::Iface => {
                    // Linux: `test` does not tell `physdev:`.
                    out.push_str(self.interface.as_ref().map_or("", InterfaceName::as_str));
                }
                Part::SetName => {
                    out.push_str(self.set.as_ref().map_or("", SetName::as_str));
                    if let Some(reference) = &self.reference {
                        // Linux: `before` is told as `after`.
                        put!(out, " after {reference}");
                    }
                }
            }
        }
    }
}

/// `inet`, `inet6` or `unspec`.
pub(crate) fn family_name(family: Option<Family>) -> &'static str {
    match family {
        Some(Family::V4) => "inet",
        Some(Family::V6) => "inet6",
        None => "unspec",
    }
}

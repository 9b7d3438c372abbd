//! The bytes of a described packet.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Builder, Extension, Ip, Tcp, Transport, Wrong};
use crate::{Family, checksum, extension, protocol};

/// The bytes: headers and payload first, then lengths and checksums, at last what is cut off.
pub(super) fn encode(packet: &Builder) -> Vec<u8> {
    let transport = transport(packet);
    let mut bytes = match packet.family() {
        Family::V4 => ipv4(packet, transport.len()),
        Family::V6 => ipv6(packet, transport.len()),
    };
    bytes.extend_from_slice(&transport);
    if let Some(cut) = packet.wrong.cut {
        bytes.truncate(cut);
    }
    bytes
}

fn clamp16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// Pads with zeros to a multiple of `unit` bytes and returns the number of units.
fn pad(bytes: &mut Vec<u8>, unit: usize) -> usize {
    let units = bytes.len().div_ceil(unit);
    bytes.resize(units * unit, 0);
    units
}

fn protocol_of(packet: &Builder) -> u8 {
    match &packet.transport {
        Transport::Raw(protocol) => *protocol,
        Transport::Tcp(_) => protocol::TCP,
        Transport::Udp { .. } => protocol::UDP,
        Transport::UdpLite { .. } => protocol::UDPLITE,
        Transport::Sctp { .. } => protocol::SCTP,
        Transport::Icmp { .. } => match packet.family() {
            Family::V4 => protocol::ICMP,
            Family::V6 => protocol::ICMPV6,
        },
    }
}

fn ipv4(packet: &Builder, transport_len: usize) -> Vec<u8> {
    let Ip { tos, ttl, id, .. } = packet.ip;
    let mut options = packet.ip.options.clone();
    options.truncate(40);
    let words = 5 + pad(&mut options, 4);
    let total = packet.wrong.total_length.unwrap_or(clamp16(words * 4 + transport_len));
    let words = packet.wrong.header_length.unwrap_or(words as u8);
    let (offset, more) = packet.ip.fragment.unwrap_or((0, false));
    let bits = (offset >> 3)
        | (u16::from(packet.ip.reserved) << 15)
        | (u16::from(packet.ip.dont_fragment) << 14)
        | (u16::from(more) << 13);
    let mut bytes = vec![0x40 | words, tos];
    bytes.extend_from_slice(&total.to_be_bytes());
    bytes.extend_from_slice(&((id & 0xffff) as u16).to_be_bytes());
    bytes.extend_from_slice(&bits.to_be_bytes());
    bytes.extend_from_slice(&[ttl, protocol_of(packet), 0, 0]);
    bytes.extend_from_slice(&v4(packet.ip.source).octets());
    bytes.extend_from_slice(&v4(packet.ip.destination).octets());
    bytes.extend_from_slice(&options);
    let sum = packet.wrong.ip_checksum.unwrap_or(checksum::of(&bytes));
    put16(&mut bytes, 10, sum);
    bytes
}

fn ipv6(packet: &Builder, transport_len: usize) -> Vec<u8> {
    let mut headers: Vec<(u8, Vec<u8>)> = Vec::new();
    for header in &packet.ip.extensions {
        headers.push(match header {
            Extension::Fragment { offset, more } => {
                let [high, low] = ((offset & 0xfff8) | u16::from(*more)).to_be_bytes();
                let mut bytes = vec![0, 0, high, low];
                bytes.extend_from_slice(&packet.ip.id.to_be_bytes());
                (protocol::FRAGMENT, bytes)
            }
            Extension::Header { protocol, body } => (*protocol, extension_header(*protocol, body)),
        });
    }
    let mut next = protocol_of(packet);
    for (protocol, bytes) in headers.iter_mut().rev() {
        if let Some(field) = bytes.first_mut() {
            *field = next;
        }
        next = *protocol;
    }
    let length: usize = headers.iter().map(|header| header.1.len()).sum::<usize>() + transport_len;
    let length = packet.wrong.total_length.unwrap_or(clamp16(length));
    let word = (6 << 28) | (u32::from(packet.ip.tos) << 20) | packet.ip.flow_label;
    let mut bytes = word.to_be_bytes().to_vec();
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&[next, packet.ip.ttl]);
    bytes.extend_from_slice(&v6(packet.ip.source).octets());
    bytes.extend_from_slice(&v6(packet.ip.destination).octets());
    for (_, header) in headers {
        bytes.extend_from_slice(&header);
    }
    bytes
}

fn extension_header(protocol: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend_from_slice(body);
    let unit = if protocol == protocol::AH { 4 } else { 8 };
    pad(&mut bytes, unit);
    bytes.resize(bytes.len().max(8), 0);
    let fits = (0..=255).find(|&length| extension::header_size(protocol, length) >= bytes.len());
    let length = fits.unwrap_or(255);
    bytes.resize(extension::header_size(protocol, length), 0);
    if let Some(field) = bytes.get_mut(1).filter(|_| protocol != protocol::FRAGMENT) {
        *field = length;
    }
    bytes
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V6(v6) => v6,
        IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
    }
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

fn transport(packet: &Builder) -> Vec<u8> {
    let wrong = &packet.wrong;
    match &packet.transport {
        Transport::Raw(_) => packet.payload.clone(),
        Transport::Tcp(tcp) => {
            let mut bytes = tcp_header(tcp, wrong);
            bytes.extend_from_slice(&packet.payload);
            seal(packet, bytes, 16, Some(protocol::TCP), usize::MAX)
        }
        Transport::Udp { source, destination } => {
            let length = wrong.udp_length.unwrap_or(clamp16(8 + packet.payload.len()));
            let bytes = ports(*source, *destination, length, &packet.payload);
            seal(packet, bytes, 6, Some(protocol::UDP), usize::MAX)
        }
        Transport::UdpLite { source, destination, coverage } => {
            let bytes = ports(*source, *destination, *coverage, &packet.payload);
            let covered = if *coverage == 0 { usize::MAX } else { usize::from(*coverage) };
            seal(packet, bytes, 6, Some(protocol::UDPLITE), covered)
        }
        Transport::Sctp { source, destination, tag } => {
            let mut bytes = ports(*source, *destination, 0, &[]);
            bytes.truncate(4);
            bytes.extend_from_slice(&tag.to_be_bytes());
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(&packet.payload);
            let sum = wrong.checksum.unwrap_or(checksum::sctp(&bytes)) ^ u32::from(wrong.flip_checksum);
            if let Some(field) = bytes.get_mut(8..12) {
                field.copy_from_slice(&sum.to_be_bytes());
            }
            bytes
        }
        Transport::Icmp { kind, code, rest } => {
            let mut bytes = vec![*kind, *code, 0, 0];
            bytes.extend_from_slice(&rest.to_be_bytes());
            bytes.extend_from_slice(&packet.payload);
            let pseudo = (packet.family() == Family::V6).then_some(protocol::ICMPV6);
            seal(packet, bytes, 2, pseudo, usize::MAX)
        }
    }
}

fn ports(source: u16, destination: u16, third: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + payload.len());
    for field in [source, destination, third, 0] {
        bytes.extend_from_slice(&field.to_be_bytes());
    }
    bytes.extend_from_slice(payload);
    bytes
}

fn tcp_header(tcp: &Tcp, wrong: &Wrong) -> Vec<u8> {
    let mut options = tcp.options.clone();
    options.truncate(40);
    let words = 5 + pad(&mut options, 4);
    let words = wrong.data_offset.unwrap_or(words as u8);
    let mut bytes = Vec::with_capacity(60);
    bytes.extend_from_slice(&tcp.source.to_be_bytes());
    bytes.extend_from_slice(&tcp.destination.to_be_bytes());
    bytes.extend_from_slice(&tcp.sequence.to_be_bytes());
    bytes.extend_from_slice(&tcp.acknowledgement.to_be_bytes());
    bytes.extend_from_slice(&[(words << 4) | tcp.reserved, tcp.flags]);
    bytes.extend_from_slice(&tcp.window.to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&tcp.urgent.to_be_bytes());
    bytes.extend_from_slice(&options);
    bytes
}

/// Puts the checksum at its place. A UDP or UDP-Lite sum of 0 is sent as 0xffff, because 0 means none.
fn seal(packet: &Builder, mut bytes: Vec<u8>, at: usize, pseudo: Option<u8>, covered: usize) -> Vec<u8> {
    let start = pseudo.map_or(0, |protocol| {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        checksum::pseudo(packet.ip.source, packet.ip.destination, protocol, length)
    });
    let mut sum =
        checksum::finish(checksum::add(start, bytes.get(..covered.min(bytes.len())).unwrap_or(&[])));
    if sum == 0 && matches!(pseudo, Some(protocol::UDP | protocol::UDPLITE)) {
        sum = 0xffff;
    }
    let sum = packet.wrong.checksum.map_or(sum, |wrong| (wrong & 0xffff) as u16);
    put16(&mut bytes, at, sum ^ (u16::from(packet.wrong.flip_checksum) << 8));
    bytes
}

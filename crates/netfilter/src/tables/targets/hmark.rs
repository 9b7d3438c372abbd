//! `-j HMARK`: a mark out of a hash (Linux: `hmark_tg_v4`, `hmark_tg_v6`, `hmark_hash` in xt_HMARK.c).
//!
//! Of two addresses the smaller one is hashed first, of two ports the larger one, so that both directions get one mark.
//! An ICMP error is marked as the packet that it quotes. ICMP and fragments have no ports.
use std::net::IpAddr;

use packet::{Family, View, icmp, protocol};
use rules::targets::hmark::Hmark;

use super::{Effect, mark};
use crate::Env;
use crate::nat::hash::{hash_words, scale};
use crate::skb::{Packet, Tracking};

/// What is hashed.
#[derive(Clone, Copy, Debug, Default)]
struct Key {
    source: u32,
    destination: u32,
    ports: u32,
    protocol: u8,
}

pub(super) fn apply(rule: &Hmark, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let key = match (rule.connection, packet.family()) {
        (true, _) => of_connection(rule, packet, env),
        (false, Family::V4) => of_v4(rule, packet.view()),
        (false, Family::V6) => of_v6(rule, packet.view()),
    };
    // Linux: what has no connection or quotes too little goes on unchanged.
    let Some(key) = key else { return Effect::Continue };
    let (high, low) = (key.source.max(key.destination), key.source.min(key.destination));
    let hash = hash_words(&[low, high, key.ports], rule.seed)
        ^ u32::from(u16::from(key.protocol) & rule.protocol_mask.unwrap_or(0));
    mark::set(packet, scale(hash, rule.modulus).wrapping_add(rule.offset.unwrap_or(0)), env);
    Effect::Continue
}

/// Linux: `hmark_ct_set_htuple`: the original source and the source of replies.
fn of_connection(rule: &Hmark, packet: &Packet, env: &Env<'_>) -> Option<Key> {
    let Tracking::Entry { connection, .. } = packet.tracking else {
        // Linux: the template of `-j CT` is a connection without addresses.
        let template = packet.tracking == Tracking::None && packet.template.is_some();
        return template.then(|| Key { ports: ports(rule, 0, 0), ..Key::default() });
    };
    let connection = env.conntrack.get(connection)?;
    let (original, reply) = (connection.original(), connection.reply());
    let ported = original.protocol != protocol::ICMP;
    Some(Key {
        source: masked(original.source, rule.source),
        destination: masked(reply.source, rule.destination),
        ports: if ported { ports(rule, original.source_id, reply.source_id) } else { 0 },
        protocol: original.protocol,
    })
}

/// Linux: `hmark_pkt_set_htuple_ipv4`.
fn of_v4(rule: &Hmark, view: View<'_>) -> Option<Key> {
    let bytes = view.bytes();
    let mut header = 0;
    if bytes.get(9) == Some(&protocol::ICMP) {
        let message = view.after_header();
        let quotes = message.len() >= 8 && message.first().is_some_and(|&kind| icmp::quotes_v4(kind));
        if quotes {
            header = view.layout().transport + 8;
        }
    }
    let ip = bytes.get(header..).filter(|ip| ip.len() >= 20)?;
    let address = |at: usize| {
        let octets = ip.get(at..at + 4).and_then(|octets| <[u8; 4]>::try_from(octets).ok());
        IpAddr::from(octets.unwrap_or_default())
    };
    let protocol = ip.get(9).copied()?;
    let fragment =
        ip.get(6..8).is_some_and(|field| matches!(field, [high, low] if high & 0x3f != 0 || *low != 0));
    let transport = usize::from(ip.first().copied()? & 15) * 4 + header;
    Some(Key {
        source: masked(address(12), rule.source),
        destination: masked(address(16), rule.destination),
        ports: if fragment { 0 } else { ports_at(rule, bytes, protocol, transport) },
        protocol,
    })
}

/// Linux: `hmark_pkt_set_htuple_ipv6`.
fn of_v6(rule: &Hmark, view: View<'_>) -> Option<Key> {
    let Some(mut end) = chain(view) else { return Some(Key::default()) };
    let mut inner = view;
    let mut base = 0;
    if end.protocol == protocol::ICMPV6 && !end.fragment {
        let message = view.bytes().get(end.at..).unwrap_or(&[]);
        let quotes = message.len() >= 8 && message.first().is_some_and(|&kind| kind != 0 && kind < 128);
        if quotes {
            base = end.at + 8;
            let quoted = view.bytes().get(base..).filter(|ip| ip.len() >= 40)?;
            inner = View::new(quoted, packet::layout::parse_quoted(quoted).ok()?);
            end = chain(inner)?;
        }
    }
    Some(Key {
        source: masked(inner.source(), rule.source),
        destination: masked(inner.destination(), rule.destination),
        ports: match end.fragment {
            true => 0,
            false => ports_at(rule, view.bytes(), end.protocol, base + end.at),
        },
        protocol: end.protocol,
    })
}

/// Where the extension headers end.
#[derive(Clone, Copy)]
struct ChainEnd {
    protocol: u8,
    at: usize,
    fragment: bool,
}

/// Linux: `ipv6_find_hdr` with IP6_FH_F_AUTH: an authentication header ends the search. `None`: it is cut short.
fn chain(view: View<'_>) -> Option<ChainEnd> {
    let mut fragment = false;
    for header in view.extension_headers() {
        if header.protocol == protocol::AH {
            return Some(ChainEnd { protocol: protocol::AH, at: header.at, fragment });
        }
        fragment |= header.protocol == protocol::FRAGMENT;
    }
    let layout = view.layout();
    Some(ChainEnd { protocol: layout.protocol?, at: layout.transport, fragment })
}

/// An address as far as it counts; of IPv6 its four words together.
fn masked(address: IpAddr, length: Option<u8>) -> u32 {
    let length = u32::from(length.unwrap_or(0));
    match address {
        IpAddr::V4(v4) => u32::from(v4) & u32::MAX.checked_shl(32 - length.min(32)).unwrap_or(0),
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) & u128::MAX.checked_shl(128 - length.min(128)).unwrap_or(0);
            [96, 64, 32, 0].into_iter().fold(0, |sum, shift| sum ^ ((bits >> shift) & 0xffff_ffff) as u32)
        }
    }
}

/// Linux: `hmark_set_tuple_ports`, `proto_ports_offset`.
fn ports_at(rule: &Hmark, bytes: &[u8], protocol: u8, transport: usize) -> u32 {
    let at = match protocol {
        protocol::TCP
        | protocol::UDP
        | protocol::DCCP
        | protocol::ESP
        | protocol::SCTP
        | protocol::UDPLITE => transport,
        protocol::AH => transport + 4,
        _ => return 0,
    };
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => ports(rule, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
        _ => 0,
    }
}

/// Linux: `hmark_swap_ports`: masked, with bits set, the larger one first. An index (SPI) is two ports.
fn ports(rule: &Hmark, source: u16, destination: u16) -> u32 {
    let pair = |source: u16, destination: u16| (u32::from(source) << 16) | u32::from(destination);
    let mask = rule.spi_mask.unwrap_or(0)
        | pair(rule.source_port_mask.unwrap_or(0), rule.destination_port_mask.unwrap_or(0));
    let set = rule.spi.unwrap_or(0) | pair(rule.source_port.unwrap_or(0), rule.destination_port.unwrap_or(0));
    let both = (pair(source, destination) & mask) | set;
    let (source, destination) = (both >> 16, both & 0xffff);
    (source.max(destination) << 16) | source.min(destination)
}

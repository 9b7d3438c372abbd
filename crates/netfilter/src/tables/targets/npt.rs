//! `-j SNPT` and `-j DNPT`: another network, the same checksum (Linux: `ip6t_npt_map_pfx` in ip6t_NPT.c; RFC 6296).
use std::net::{IpAddr, Ipv6Addr};

use packet::{checksum, protocol};
use rules::targets::snpt::Npt;

use super::Effect;
use crate::Env;
use crate::answer::{self, Kind};
use crate::skb::Packet;
use crate::trace::Step;

/// Where the source and the destination stand in an IPv6 header.
const SOURCE: usize = 8;
const DESTINATION: usize = 24;

pub(super) fn source(rule: &Npt, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    apply(rule, "SNPT", SOURCE, packet, env)
}

pub(super) fn destination(rule: &Npt, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    apply(rule, "DNPT", DESTINATION, packet, env)
}

fn apply(rule: &Npt, by: &'static str, at: usize, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let Some(address) = address_at(&packet.bytes, at) else { return Effect::Dropped };
    let (mapped, neutral) = map(rule, address);
    // Linux: an error about a packet that this machine has translated quotes the translated one.
    let quoted = quoted(packet).filter(|_| neutral);
    let quoted = quoted.map(|start| start + if at == SOURCE { DESTINATION } else { SOURCE });
    let quoted = quoted.and_then(|at| {
        let address = address_at(&packet.bytes, at).filter(|&address| has_prefix(address, rule))?;
        Some((at, map(rule, address).0))
    });
    env.rewriting(packet, by, |packet| {
        set_address(&mut packet.bytes, at, mapped);
        if let Some((at, address)) = quoted {
            set_address(&mut packet.bytes, at, address);
        }
        true
    });
    if neutral {
        return Effect::Readdressed;
    }
    // Linux: the error is sent when the address has been changed.
    let kind = Kind::ParameterProblem { pointer: u32::try_from(at).unwrap_or(0) };
    if let Some(emitted) = answer::icmp_error(packet, kind, env) {
        let (number, what) = (emitted.packet.id, kind.name(packet.family()));
        env.step(packet, || Step::Answered { packet: number, what });
        env.emitted.push(emitted);
    }
    Effect::Dropped
}

/// Where the quoted packet of an ICMPv6 error without extension headers starts, if its header is there, and not in a later
/// fragment than the first. Errors are those of the types 1 to 4 (Linux: `icmpv6_is_err`), not all below 128.
fn quoted(packet: &Packet) -> Option<usize> {
    let bytes = packet.view().bytes();
    let error =
        bytes.get(6) == Some(&protocol::ICMPV6) && bytes.get(40).is_some_and(|kind| (1..=4).contains(kind));
    (error && packet.in_one_piece() >= 88).then_some(48)
}

fn has_prefix(address: Ipv6Addr, rule: &Npt) -> bool {
    packet::AddrMask::prefix(IpAddr::V6(address), rule.source.length)
        .is_some_and(|network| network.address() == rule.source.address)
}

fn address_at(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    let octets = bytes.get(at..at + 16).and_then(|octets| <[u8; 16]>::try_from(octets).ok())?;
    Some(octets.into())
}

fn set_address(bytes: &mut [u8], at: usize, address: Ipv6Addr) {
    if let Some(place) = bytes.get_mut(at..at + 16) {
        place.copy_from_slice(&address.octets());
    }
}

/// The address in the other network; one of its words keeps the sum of all as it was. `false`: of a prefix longer than
/// 48 bits no word of the rest can do that, since all are 0xffff.
fn map(rule: &Npt, address: Ipv6Addr) -> (Ipv6Addr, bool) {
    let length = u32::from(rule.source.length.max(rule.destination.length));
    let network = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    let (IpAddr::V6(from), IpAddr::V6(to)) = (rule.source.address, rule.destination.address) else {
        return (address, false);
    };
    let bits = (u128::from(address) & !network) | (u128::from(to) & network);
    let mut words = Ipv6Addr::from(bits).segments();
    let at = match length {
        0..=48 => Some(3),
        _ => (4..8).find(|&at| words.get(at) != Some(&0xffff)),
    };
    let Some(word) = at.and_then(|at| words.get_mut(at)) else { return (bits.into(), false) };
    // Ones' complement: the word + the sum of the old prefix - that of the new one.
    let sum = checksum::add(checksum::add(0, &from.octets()), &word.to_be_bytes());
    let less = u32::from(checksum::finish(checksum::add(0, &to.octets())));
    let sum = !checksum::finish(sum + less);
    *word = if sum == 0xffff { 0 } else { sum };
    (words.into(), true)
}

//! SNMP: addresses in the values of a message are translated as the addresses of its packet are.
//!
//! Read first: RFC 2962, section 4; Linux `nf_nat_snmp_basic_main.c`. Helper `snmp` expects the answers to what is asked of
//! everybody besides ([`super::broadcast`]); helper `snmp_trap` does nothing but translate. A message is dropped that is not
//! understood, but only if its connection is translated.
use std::net::IpAddr;

use packet::checksum;

use super::{Kind, complain};
use crate::conntrack::tuple::be16;
use crate::conntrack::{ConnectionId, Direction, Status};
use crate::env::Env;
use crate::hook::Verdict;
use crate::skb::{Info, Packet};

mod message;

/// Where agents are asked.
pub(super) const PORT: u16 = 161;
/// Where traps are sent to.
const TRAP_PORT: u16 = 162;

/// Translates a message.
// Linux: an ICMP error is read as if it were a datagram.
pub(super) fn help(
    kind: Kind,
    packet: &mut Packet,
    id: ConnectionId,
    info: Info,
    env: &mut Env<'_>,
) -> Verdict {
    let direction = info.direction();
    let at = packet.layout.transport;
    let bytes = packet.bytes.get(at..packet.layout.total_len).unwrap_or(&[]);
    let (Some(source), Some(destination), Some(length)) = (be16(bytes, 0), be16(bytes, 2), be16(bytes, 4))
    else {
        return Verdict::Accept;
    };
    if (source == PORT && direction != Direction::Reply)
        || (destination == TRAP_PORT && direction != Direction::Original)
    {
        return Verdict::Accept;
    }
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    if !connection.status.any(Status::NAT_MASK) {
        return Verdict::Accept;
    }
    let (original, reply) = (connection.original(), connection.reply());
    if usize::from(length) != bytes.len() {
        return Verdict::Drop(complain(kind, "dropping malformed packet", packet, env));
    }
    // Linux: the same in both directions, so that of a connection whose destination is translated nothing is.
    let (IpAddr::V4(from), IpAddr::V4(to)) = (original.source, reply.destination) else {
        return Verdict::Accept;
    };
    if from == to {
        return Verdict::Accept;
    }
    packet.pull(packet.layout.total_len);
    let Some(addresses) = packet.bytes.get(at + 8..packet.layout.total_len).and_then(message::addresses)
    else {
        return Verdict::Drop(complain(kind, "parser failed", packet, env));
    };
    for address in addresses {
        replace(packet, at, address, from.octets(), to.octets());
    }
    Verdict::Accept
}

/// Replaces an address at a place of the payload if it is the one that is translated. The checksum is kept by
/// difference; where there is none, none is made.
fn replace(packet: &mut Packet, udp: usize, at: usize, from: [u8; 4], to: [u8; 4]) {
    let even = at.is_multiple_of(2);
    let at = udp + 8 + at;
    let Some(place) = packet.bytes.get_mut(at..at + 4).filter(|place| **place == from) else { return };
    place.copy_from_slice(&to);
    let Some(field) = packet.bytes.get_mut(udp + 6..udp + 8) else { return };
    let Ok(old) = <[u8; 2]>::try_from(&*field).map(u16::from_be_bytes) else { return };
    if old == 0 {
        return;
    }
    // At an odd place the bytes count as the other half of a word.
    let ([a, b, c, d], [e, f, g, h]) = (from, to);
    let new = if even {
        checksum::adjust(old, &from, &to)
    } else {
        checksum::adjust(old, &[0, a, b, c, d, 0], &[0, e, f, g, h, 0])
    };
    field.copy_from_slice(&new.to_be_bytes());
}

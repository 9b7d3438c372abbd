//! Replacing part of a payload: what helpers need for protocols that carry addresses (Linux: `nf_nat_helper.c`).
use packet::{checksum, layout, protocol, rewrite};

use crate::Env;
use crate::conntrack::Direction;
use crate::skb::{Packet, Summed, Tracking};

/// The longest packet.
const MOST_BYTES: usize = 65_535;

/// Replaces `length` bytes at `at` of the payload of a TCP or UDP packet. Lengths and checksums are set (the sum is
/// computed anew, as in Linux; a UDP packet without one stays so); if the length of a TCP segment changes, the later
/// sequence numbers of the connection move ([`crate::conntrack::sequence`]). `false`, and nothing changed: another
/// protocol, no such bytes, or too long (Linux: `nf_nat_mangle_tcp_packet`, `nf_nat_mangle_udp_packet`).
pub fn replace(packet: &mut Packet, env: &mut Env<'_>, at: usize, length: usize, new: &[u8]) -> bool {
    let sequence = packet.view().tcp().map(|tcp| tcp.sequence());
    if !replace_bytes(packet, at, length, new) {
        return false;
    }
    if let Some(sequence) = sequence {
        move_later(packet, sequence, new.len().wrapping_sub(length) as u32, env);
    }
    true
}

/// The same without the movement of sequence numbers: for a helper that replaces several times and moves them once
/// ([`move_later`]).
pub fn replace_bytes(packet: &mut Packet, at: usize, length: usize, new: &[u8]) -> bool {
    let Some(header) = header_length(packet) else { return false };
    let start = packet.layout.transport + header + at;
    let end = start + length;
    let total = packet.layout.total_len;
    let longer = total - length.min(total) + new.len();
    if end > total || longer > MOST_BYTES {
        return false;
    }
    // Linux: the whole packet is made writable, so that a gathered one is cut anew.
    packet.pull(total);
    packet.bytes.truncate(total);
    packet.bytes.splice(start..end, new.iter().copied());
    renew(packet);
    true
}

/// Notes that the payload of a TCP packet with this sequence number became longer by some bytes (two's complement:
/// shorter).
pub fn move_later(packet: &Packet, sequence: u32, by: u32, env: &mut Env<'_>) {
    if let Tracking::Entry { connection, info } = packet.tracking
        && by != 0
        && let Some(connection) = env.conntrack.get_mut(connection)
    {
        let reply = info.direction() == Direction::Reply;
        connection.rare_mut().sequence.get_or_insert_default().moved(reply, sequence, by);
        connection.status.set(crate::conntrack::Status::SEQ_ADJUST);
    }
}

/// How long the transport header of a packet is whose payload can be replaced.
fn header_length(packet: &Packet) -> Option<usize> {
    match packet.layout.protocol? {
        _ if packet.layout.later_fragment() => None,
        protocol::TCP => packet.view().tcp().map(|tcp| tcp.header_len()).filter(|&length| length >= 20),
        protocol::UDP => Some(8),
        // Linux: helpers hear ICMP errors about their connections, too (`nf_ct_helper` leaves out replies alone), and one that
        // is written anew is taken for a datagram: its bytes 4 to 7 become a length and a sum.
        protocol::ICMP | protocol::ICMPV6 => Some(8),
        _ => None,
    }
}

/// Sets the length fields to the bytes that are there, and the checksums.
fn renew(packet: &mut Packet) {
    let total = packet.bytes.len();
    rewrite::set_length(&mut packet.bytes, packet.layout.family, total);
    packet.layout.total_len = total;
    // Why: the header's sum is wrong while IP options are filled in.
    if let Ok(layout) = layout::parse_quoted(&packet.bytes) {
        packet.layout = layout;
    }
    let (source, destination) = (packet.view().source(), packet.view().destination());
    let Some(segment) = packet.bytes.get_mut(packet.layout.transport..) else { return };
    let length = u32::try_from(segment.len()).unwrap_or(u32::MAX);
    let (number, place) = match packet.layout.protocol {
        Some(protocol::UDP | protocol::ICMP | protocol::ICMPV6) => {
            if let (Ok(length), Some(field)) = (u16::try_from(segment.len()), segment.get_mut(4..6)) {
                field.copy_from_slice(&length.to_be_bytes());
            }
            (protocol::UDP, 6..8)
        }
        _ => (protocol::TCP, 16..18),
    };
    let Some(field) = segment.get_mut(place.clone()) else { return };
    if number == protocol::UDP && field == [0, 0] {
        return;
    }
    field.fill(0);
    // Linux: `skb_checksum_help` writes a sum of 0 as 0xffff, of TCP, too.
    let sum =
        match checksum::finish(checksum::add(checksum::pseudo(source, destination, number, length), segment))
        {
            0 => u16::MAX,
            sum => sum,
        };
    if let Some(field) = segment.get_mut(place) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    // Linux: `nf_nat_csum_recalc`: the sum is the device's business now (`CHECKSUM_PARTIAL`), and taken as right.
    packet.summed = Summed::Right { rest: packet.header_rest() };
    packet.unsummed = matches!(packet.layout.protocol, Some(protocol::TCP | protocol::UDP));
}

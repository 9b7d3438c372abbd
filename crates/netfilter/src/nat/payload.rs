//! Replacing part of a TCP payload: what helpers need for protocols that carry addresses (Linux:
//! `nf_nat_mangle_tcp_packet`).
use packet::{checksum, layout, protocol, rewrite};

use crate::Env;
use crate::conntrack::Direction;
use crate::skb::{Packet, Tracking};

/// The longest packet.
const MOST_BYTES: usize = 65_535;

/// Replaces `length` bytes at `at` of a TCP packet's payload. Lengths and checksums are set (the TCP checksum is computed
/// anew, as in Linux); if the length changes, the later sequence numbers of the connection move
/// ([`crate::conntrack::sequence`]). `false`, and nothing changed: not TCP, no such bytes, or too long.
pub fn replace(packet: &mut Packet, env: &mut Env<'_>, at: usize, length: usize, new: &[u8]) -> bool {
    let Some((sequence, header)) = packet.view().tcp().map(|tcp| (tcp.sequence(), tcp.header_len())) else {
        return false;
    };
    let start = packet.layout.transport + header + at;
    let end = start + length;
    let total = packet.layout.total_len;
    let longer = total - length.min(total) + new.len();
    if header < 20 || end > total || longer > MOST_BYTES {
        return false;
    }
    // Linux: the whole packet is made writable, so that a gathered one is cut anew.
    packet.pull(total);
    packet.bytes.truncate(total);
    packet.bytes.splice(start..end, new.iter().copied());
    renew(packet);
    let by = new.len().wrapping_sub(length) as u32;
    if let Tracking::Entry { connection, info } = packet.tracking
        && by != 0
        && let Some(connection) = env.conntrack.get_mut(connection)
    {
        let reply = info.direction() == Direction::Reply;
        connection.rare_mut().sequence.get_or_insert_default().moved(reply, sequence, by);
        connection.status.set(crate::conntrack::Status::SEQ_ADJUST);
    }
    true
}

/// Sets the length fields to the bytes that are there, and the checksums of IPv4 and TCP.
fn renew(packet: &mut Packet) {
    let total = packet.bytes.len();
    rewrite::set_length(&mut packet.bytes, packet.layout.family, total);
    packet.layout.total_len = total;
    if let Ok(layout) = layout::parse(&packet.bytes) {
        packet.layout = layout;
    }
    let (source, destination) = (packet.view().source(), packet.view().destination());
    let Some(segment) = packet.bytes.get_mut(packet.layout.transport..) else { return };
    let length = u32::try_from(segment.len()).unwrap_or(u32::MAX);
    let start = checksum::pseudo(source, destination, protocol::TCP, length);
    if let Some(field) = segment.get_mut(16..18) {
        field.fill(0);
    }
    let sum = checksum::finish(checksum::add(start, segment)).to_be_bytes();
    if let Some(field) = segment.get_mut(16..18) {
        field.copy_from_slice(&sum);
    }
}

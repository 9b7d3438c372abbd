//! The translation of packets, and of the headers that ICMP errors quote.
//!
//! Linux: `nf_nat_manip_pkt`, `nf_nat_icmp_reply_translation`. Checksums are kept by difference (F60); the CRC of SCTP
//! and the checksum of an ICMP error whose quote was rewritten are computed anew.
use packet::rewrite::{self, End};
use packet::{Family, Layout, icmp, layout, protocol, verify};

use rules::Hook;

use super::{end_of, other, rewrites};
use crate::Env;
use crate::conntrack::{ConnectionId, Direction, Status, Tuple};
use crate::hook::Verdict;
use crate::skb::{Drop, Info, Packet};

/// The tuple that the other direction has, and what a hook does in this direction: the name for the trace, or `None` if
/// the connection is not translated at this end.
fn binding(
    connection: ConnectionId,
    info: Info,
    end: End,
    env: &Env<'_>,
) -> Option<(Tuple, Status, Option<&'static str>)> {
    let connection = env.conntrack.get(connection)?;
    let direction = info.direction();
    // A reply's source is what the original's destination was translated to.
    let (bit, name) = match (direction, end) {
        (Direction::Original, End::Source) => (rewrites(End::Source), "SNAT"),
        (Direction::Original, End::Destination) => (rewrites(End::Destination), "DNAT"),
        (Direction::Reply, End::Source) => (rewrites(End::Destination), "reply of DNAT"),
        (Direction::Reply, End::Destination) => (rewrites(End::Source), "reply of SNAT"),
    };
    let opposite = match direction {
        Direction::Original => connection.reply(),
        Direction::Reply => connection.original(),
    };
    Some((opposite, connection.status, connection.status.has(bit).then_some(name)))
}

/// Translates a packet of a connection at one end, if the connection is translated there.
pub(super) fn packet(
    packet: &mut Packet,
    connection: ConnectionId,
    info: Info,
    end: End,
    env: &mut Env<'_>,
) -> Verdict {
    let Some((opposite, _, Some(by))) = binding(connection, info, end, env) else { return Verdict::Accept };
    let Some(target) = opposite.inverted() else { return Verdict::Accept };
    let before = env.trace.is_some().then(|| packet.bytes.clone());
    packet.pull(touched(packet.layout));
    if !header(&mut packet.bytes, packet.layout, &target, end) {
        return Verdict::Drop(Drop::NatFailed);
    }
    env.rewritten(packet, by, before);
    Verdict::Accept
}

/// Writes one end of a tuple into a header. `false`: too little of the transport header is there.
fn header(bytes: &mut [u8], layout: Layout, target: &Tuple, end: End) -> bool {
    if !layout.later_fragment() && !transport(bytes, layout, target, end) {
        return false;
    }
    let address = match end {
        End::Source => target.source,
        End::Destination => target.destination,
    };
    rewrite::set_address(bytes, layout, end, address)
}

/// How many bytes of a packet its translation looks at in one piece (Linux: `skb_ensure_writable`).
fn touched(layout: Layout) -> usize {
    let room = layout.total_len.saturating_sub(layout.transport);
    let header = match layout.protocol {
        _ if layout.later_fragment() => 0,
        Some(protocol::TCP) if room >= 20 => 20,
        Some(protocol::SCTP) if room >= 12 => 12,
        Some(protocol::TCP | protocol::SCTP | protocol::UDP | protocol::UDPLITE) => 8,
        Some(protocol::ICMP | protocol::ICMPV6 | protocol::GRE) => 8,
        _ => return 0,
    };
    layout.transport + header
}

fn transport(bytes: &mut [u8], layout: Layout, target: &Tuple, end: End) -> bool {
    let port = match end {
        End::Source => target.source_id,
        End::Destination => target.destination_id,
    };
    // Linux: `skb_ensure_writable(hdroff + 8)` in each of the protocols.
    let there = layout.total_len.saturating_sub(layout.transport) >= 8;
    match layout.protocol {
        Some(protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP) => {
            there && rewrite::set_port(bytes, layout, end, port)
        }
        Some(protocol::ICMP | protocol::ICMPV6) => {
            if there {
                // Both directions of a query have the identifier in the source. Errors have none and stay as they are.
                rewrite::set_port(bytes, layout, end, target.source_id);
            }
            there
        }
        Some(protocol::GRE) => there && gre(bytes, layout, end, port),
        _ => true,
    }
}

/// Only PPTP's version of GRE has a key that could be translated, and only that of the receiver.
fn gre(bytes: &mut [u8], layout: Layout, end: End, key: u16) -> bool {
    if end == End::Source {
        return true;
    }
    let at = layout.transport;
    match bytes.get(at + 1).map(|flags| flags & 7) {
        Some(0) => true,
        Some(1) => match bytes.get_mut(at + 6..at + 8) {
            Some(field) => {
                field.copy_from_slice(&key.to_be_bytes());
                true
            }
            None => false,
        },
        _ => false,
    }
}

/// Translates an ICMP error about a connection: first what it quotes, which went the other way, then its own header
/// (F59). Redirects about a translated connection are dropped: the sender's way is not the client's.
pub(super) fn error(
    packet: &mut Packet,
    connection: ConnectionId,
    info: Info,
    hook: Hook,
    env: &mut Env<'_>,
) -> Verdict {
    let end = end_of(hook);
    let (quote, least, redirect) = match packet.family() {
        Family::V4 => (packet.layout.transport + 8, 20, icmp::v4::REDIRECT),
        Family::V6 => (packet.layout.transport + 8, 40, icmp::v6::REDIRECT),
    };
    // Linux: `nf_ip_checksum` notes that it has verified a sum, and at POSTROUTING it has: what mangle does to the packet
    // later is not noticed (measured with SNPT of another prefix).
    let verified = hook == Hook::Postrouting || sum_is_right(packet);
    if packet.layout.total_len < quote + least || !verified {
        return Verdict::Drop(Drop::NatFailed);
    }
    packet.pull(quote + least);
    let Some((opposite, status, by)) = binding(connection, info, end, env) else { return Verdict::Accept };
    let kind = packet.bytes.get(packet.layout.transport).copied();
    if kind == Some(redirect) && (!status.has(Status::NAT_DONE_MASK) || status.any(Status::NAT_MASK)) {
        return Verdict::Drop(Drop::IcmpRedirect);
    }
    let Some(by) = by else { return Verdict::Accept };
    let before = env.trace.is_some().then(|| packet.bytes.clone());
    let done = quoted(packet, quote, &opposite, other(end)) && outer(packet, &opposite, end);
    if !done {
        return Verdict::Drop(Drop::NatFailed);
    }
    env.rewritten(packet, by, before);
    Verdict::Accept
}

fn quoted(packet: &mut Packet, at: usize, target: &Tuple, end: End) -> bool {
    let total = packet.layout.total_len;
    let Some(bytes) = packet.bytes.get_mut(at..total) else { return false };
    let Ok(mut inner) = layout::parse_quoted(bytes) else { return false };
    // Linux: the quote ends where the packet ends, whatever its own length field says.
    inner.total_len = bytes.len();
    let done = header(bytes, inner, target, end);
    packet.pull(at + touched(inner));
    done && rewrite::renew_icmp_checksum(&mut packet.bytes, packet.layout)
}

fn outer(packet: &mut Packet, opposite: &Tuple, end: End) -> bool {
    let Some(target) = opposite.inverted() else { return false };
    header(&mut packet.bytes, packet.layout, &target, end)
}

/// Whether the checksum of an ICMP message is right.
fn sum_is_right(packet: &Packet) -> bool {
    let pseudo = (packet.family() == Family::V6).then_some(protocol::ICMPV6);
    verify::sum_is_valid(&packet.view(), pseudo)
}

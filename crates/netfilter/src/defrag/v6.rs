//! Gathering of IPv6 fragments (Linux: `nf_ct_frag6_gather`; F64).
use std::net::IpAddr;

use packet::protocol;

use super::queue::{Inserted, Place, Queue};
use super::{Inherited, Key, Outcome, User};
use crate::skb::{Gathered, Packet};

/// The longest payload of an IPv6 packet (Linux: `IPV6_MAXPLEN`).
const MOST_PAYLOAD: usize = 65_535;

/// Whether a packet has a fragment header.
pub(super) enum Header {
    /// No: the packet passes.
    None,
    /// It begins, but its 8 bytes are not there.
    Cut,
    /// Yes.
    Fragment(Key),
}

/// Finds the queue of a packet.
pub(super) fn key(packet: &Packet, user: User) -> Header {
    // Linux: a jumbogram (payload length 0) is never a fragment.
    if packet.bytes.get(4..6) == Some(&[0, 0]) {
        return Header::None;
    }
    let Some(fragment) = packet.layout.fragment else {
        return if packet.layout.protocol.is_none() && begins_fragment(packet) {
            Header::Cut
        } else {
            Header::None
        };
    };
    if fragment.header + 8 > packet.layout.total_len {
        return Header::Cut;
    }
    if user != User::LocalDeliver && is_truncated_first(packet) {
        return Header::None;
    }
    let view = packet.view();
    let destination = view.destination();
    let scoped = match destination {
        IpAddr::V6(v6) => v6.is_multicast() || v6.is_unicast_link_local(),
        IpAddr::V4(_) => false,
    };
    Header::Fragment(Key {
        user,
        source: view.source(),
        destination,
        id: fragment.id,
        protocol: 0,
        device: packet.input.filter(|_| scoped),
    })
}

/// Whether a first fragment ends within the transport header: it is not gathered but goes on alone (RFC 8200 section
/// 4.5; Linux: `ipv6frag_thdr_truncated`).
fn is_truncated_first(packet: &Packet) -> bool {
    let layout = packet.layout;
    let wanted = match layout.protocol {
        Some(protocol::TCP) => 20,
        Some(protocol::UDP | protocol::ICMPV6) => 8,
        // Linux: `ipv6_skip_exthdr` finds no header behind "no next header", so nothing is missing.
        Some(protocol::NO_NEXT) => 0,
        Some(_) => 1,
        None => return false,
    };
    !layout.later_fragment() && layout.total_len < layout.transport + wanted
}

/// Where the byte stands that names the header at `target`; walks the extension headers before it.
pub(super) fn next_header_at(bytes: &[u8], target: usize) -> Option<usize> {
    let (mut names, mut at) = (6, 40);
    while at < target {
        let length = usize::from(*bytes.get(at + 1)?);
        let size = if *bytes.get(names)? == protocol::AH { (length + 2) * 4 } else { (length + 1) * 8 };
        names = at;
        at += size;
    }
    (at == target).then_some(names)
}

fn begins_fragment(packet: &Packet) -> bool {
    let at = packet.layout.transport;
    next_header_at(&packet.bytes, at).and_then(|names| packet.bytes.get(names)) == Some(&protocol::FRAGMENT)
}

/// Gives a fragment to its queue.
pub(super) fn insert(queue: &mut Queue, packet: &Packet) -> Outcome {
    let Some(fragment) = packet.layout.fragment else { return Outcome::Refused };
    let view = packet.view();
    let data = view.bytes().get(fragment.header + 8..).unwrap_or(&[]);
    let offset = usize::from(fragment.offset);
    let end = offset + data.len();
    if end > MOST_PAYLOAD {
        return Outcome::Refused;
    }
    if fragment.more && end & 7 != 0 {
        return Outcome::Alone;
    }
    let place = Place { offset, end, more: fragment.more };
    if !queue.measure(place) || end == offset {
        return Outcome::Refused;
    }
    match queue.insert(place, data, packet.len()) {
        Inserted::New => {}
        Inserted::Duplicate => return Outcome::Duplicate,
        Inserted::Overlap => return Outcome::Discarded,
    }
    queue.note_ecn(view.tos());
    queue.largest = queue.largest.max(view.bytes().len().saturating_sub(40));
    if offset == 0 {
        queue.set_first(packet);
    }
    if !queue.is_complete() {
        return Outcome::Kept;
    }
    let inherited = Inherited::of(queue.first.as_deref().unwrap_or(packet));
    match join(queue) {
        Some((bytes, gathered)) => Outcome::Complete(bytes, gathered, inherited),
        None => Outcome::Discarded,
    }
}

/// The datagram without the fragment header.
fn join(queue: &Queue) -> Option<(Vec<u8>, Gathered)> {
    let first = queue.first.as_deref()?;
    let fragment = first.layout.fragment?;
    let header = first.bytes.get(..fragment.header)?;
    let payload = u16::try_from(header.len() - 40 + queue.length()).ok()?;
    let ecn = queue.ecn()?;
    let mut bytes = Vec::with_capacity(header.len() + queue.length());
    bytes.extend_from_slice(header);
    let names = next_header_at(&first.bytes, fragment.header)?;
    *bytes.get_mut(names)? = *first.bytes.get(fragment.header)?;
    bytes.get_mut(4..6)?.copy_from_slice(&payload.to_be_bytes());
    *bytes.get_mut(1)? |= ecn << 4;
    let mut gathered = queue.join(&mut bytes);
    gathered.largest = u16::try_from(40 + queue.largest).unwrap_or(u16::MAX);
    gathered.id = fragment.id;
    Some((bytes, gathered))
}

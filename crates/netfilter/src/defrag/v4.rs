//! Gathering of IPv4 fragments (Linux: `ip_frag_queue`, `ip_frag_reasm`; F63).
use packet::checksum;

use super::queue::{Inserted, Place, Queue};
use super::{Inherited, Key, Outcome, User};
use crate::skb::{Gathered, Packet};

/// The queue of a packet; `None`: it is no fragment.
pub(super) fn key(packet: &Packet, user: User) -> Option<Key> {
    let fragment = packet.layout.fragment?;
    let view = packet.view();
    Some(Key {
        user,
        source: view.source(),
        destination: view.destination(),
        id: fragment.id,
        protocol: packet.layout.protocol?,
        device: None,
    })
}

/// Gives a fragment to its queue.
pub(super) fn insert(queue: &mut Queue, packet: &Packet) -> Outcome {
    let Some(fragment) = packet.layout.fragment else { return Outcome::Refused };
    let view = packet.view();
    let header = packet.layout.transport;
    let data = view.after_header();
    let offset = usize::from(fragment.offset);
    let mut end = offset + data.len();
    if fragment.more {
        // Linux: what is beyond a multiple of 8 is cut off.
        end &= !7;
    }
    let place = Place { offset, end, more: fragment.more };
    if !queue.measure(place) || end == offset {
        return Outcome::Discarded;
    }
    let data = data.get(..end - offset).unwrap_or(data);
    match queue.insert(place, data, packet.len()) {
        Inserted::New => {}
        Inserted::Duplicate => return Outcome::Duplicate,
        Inserted::Overlap => return Outcome::Discarded,
    }
    queue.note_ecn(view.tos());
    let size = data.len() + header;
    queue.largest = queue.largest.max(size);
    if view.dont_fragment() {
        queue.largest_unfragmentable = queue.largest_unfragmentable.max(size);
    }
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

/// The datagram: the first fragment's header, then all payload. `None`: longer than 65535 bytes, or ECN bits that
/// contradict each other.
fn join(queue: &Queue) -> Option<(Vec<u8>, Gathered)> {
    let first = queue.first.as_deref()?;
    let header = first.bytes.get(..first.layout.transport)?;
    let total = u16::try_from(header.len() + queue.length()).ok()?;
    let ecn = queue.ecn()?;
    let mut bytes = Vec::with_capacity(usize::from(total));
    bytes.extend_from_slice(header);
    let mut gathered = queue.join(&mut bytes);
    gathered.largest = u16::try_from(queue.largest.max(queue.largest_unfragmentable)).unwrap_or(u16::MAX);
    // Linux: "don't fragment" stands in the gathered datagram if the largest fragment carried it.
    gathered.dont_fragment = queue.largest_unfragmentable == queue.largest;
    gathered.id = first.layout.fragment.map_or(0, |fragment| fragment.id);
    let bits = if gathered.dont_fragment { 0x4000 } else { 0 };
    let tos = *bytes.get(1)? | ecn;
    finish_header(&mut bytes, header.len(), tos, total, bits);
    Some((bytes, gathered))
}

/// Sets TOS, total length and fragment field of an IPv4 header and computes its checksum.
pub(super) fn finish_header(bytes: &mut [u8], header: usize, tos: u8, total: u16, bits: u16) {
    let [total_high, total_low] = total.to_be_bytes();
    let [bits_high, bits_low] = bits.to_be_bytes();
    let fields = [(1, tos), (2, total_high), (3, total_low), (6, bits_high), (7, bits_low), (10, 0), (11, 0)];
    for (at, value) in fields {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
    }
    let sum = checksum::of(bytes.get(..header).unwrap_or(&[])).to_be_bytes();
    if let Some(field) = bytes.get_mut(10..12) {
        field.copy_from_slice(&sum);
    }
}

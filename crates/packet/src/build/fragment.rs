//! Cutting a packet into fragments, for tests and for small MTUs.
use crate::{Family, View, checksum, protocol};

/// Cuts a whole packet into fragments of at most `mtu` bytes, in their order. `id` is the identification of IPv6
/// fragments; IPv4 fragments keep the packet's. The packet itself comes back alone if it fits, if it is no IP packet,
/// or if the MTU leaves no room for 8 bytes.
///
/// IPv6: the fragment header stands behind the hop-by-hop, routing and destination options that precede the transport
/// header; all of them are repeated in each fragment.
pub fn fragments(packet: &[u8], mtu: usize, id: u32) -> Vec<Vec<u8>> {
    let Ok(view) = View::parse(packet) else { return vec![packet.to_vec()] };
    let layout = view.layout();
    let payload = view.after_header();
    let Some(head) = view.bytes().get(..layout.transport) else { return vec![packet.to_vec()] };
    let overhead = head.len() + if layout.family == Family::V6 { 8 } else { 0 };
    let room = mtu.saturating_sub(overhead) & !7;
    if view.bytes().len() <= mtu || room == 0 || layout.fragment.is_some() {
        return vec![packet.to_vec()];
    }
    let last = payload.len().div_ceil(room).saturating_sub(1);
    let pieces = payload.chunks(room).enumerate();
    pieces
        .map(|(index, piece)| {
            let offset = u16::try_from(index * room).unwrap_or(u16::MAX) & 0xfff8;
            let mut bytes = match layout.family {
                Family::V4 => head_v4(head, piece.len(), offset, index != last),
                Family::V6 => head_v6(&view, head, piece.len(), offset | u16::from(index != last), id),
            };
            bytes.extend_from_slice(piece);
            bytes
        })
        .collect()
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

fn head_v4(head: &[u8], piece: usize, offset: u16, more: bool) -> Vec<u8> {
    let mut bytes = head.to_vec();
    let flags = u16::from(bytes.get(6).copied().unwrap_or(0) & 0xc0) << 8;
    put(&mut bytes, 2, u16::try_from(head.len() + piece).unwrap_or(u16::MAX));
    put(&mut bytes, 6, flags | (u16::from(more) << 13) | (offset >> 3));
    put(&mut bytes, 10, 0);
    let sum = checksum::of(&bytes);
    put(&mut bytes, 10, sum);
    bytes
}

fn head_v6(view: &View<'_>, head: &[u8], piece: usize, bits: u16, id: u32) -> Vec<u8> {
    let mut bytes = head.to_vec();
    put(&mut bytes, 4, u16::try_from(head.len() - 40 + 8 + piece).unwrap_or(u16::MAX));
    // The next-header field that named the transport now names the fragment header.
    let field = view.extension_headers().last().map_or(6, |header| header.at);
    if let Some(next) = bytes.get_mut(field) {
        *next = protocol::FRAGMENT;
    }
    bytes.extend_from_slice(&[view.protocol().unwrap_or(protocol::NO_NEXT), 0]);
    bytes.extend_from_slice(&bits.to_be_bytes());
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes
}

//! Cutting datagrams on the way out, after POSTROUTING.
//!
//! Linux: `ip_do_fragment`, `ip6_fragment`. A gathered datagram leaves in the pieces in which it came, in the order of
//! their offsets (measured: whatever the order of arrival); if one of them is too big for the next device, all is cut
//! anew (F63).
use packet::{Family, protocol};

use super::v4::finish_header;
use crate::skb::{Gathered, Packet};

/// The smallest MTU of IPv6 (RFC 8200 section 5).
const LEAST_MTU_V6: usize = 1280;

/// A packet that is too big and must not be cut: the sender is told the MTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncuttable;

/// Whether a packet may not be forwarded over a way with this MTU, between PREROUTING and FORWARD (F65; Linux:
/// `ip_exceeds_mtu`, `ip6_pkt_too_big`): the sender is told. A gathered datagram is measured by its largest fragment.
pub fn too_big_to_forward(packet: &Packet, mtu: u32) -> bool {
    let mtu = mtu as usize;
    if packet.len() <= mtu || (packet.family() == Family::V4 && !packet.view().dont_fragment()) {
        return false;
    }
    packet.gathered.as_deref().is_none_or(|gathered| usize::from(gathered.largest) > mtu)
}

/// Cuts a packet for a way with this MTU; one that fits and was never cut comes back alone. `next_id` gives the
/// identification of IPv6 fragments (Linux draws a new one; IPv4 fragments keep that of the datagram).
pub fn split(packet: &Packet, mtu: u32, next_id: &mut u16) -> Result<Vec<Vec<u8>>, Uncuttable> {
    let mtu = mtu as usize;
    match packet.family() {
        Family::V4 => split_v4(packet, mtu),
        Family::V6 => split_v6(packet, mtu, next_id),
    }
}

/// Lengths of the pieces of a payload: as they came, if they still fit, else as large as possible. `room` is what a
/// piece may have at most. The second value tells whether they are as they came.
fn lengths(
    packet: &Packet,
    payload: usize,
    start: usize,
    room: usize,
) -> Result<(Vec<usize>, bool), Uncuttable> {
    if let Some(gathered) = packet.gathered.as_deref().filter(|_| packet.layout.fragment.is_none())
        && let Some(came) = as_they_came(packet, gathered, start)
    {
        let last = came.len().saturating_sub(1);
        let mut fits =
            came.iter().enumerate().map(|(at, &length)| length <= room && (at == last || length % 8 == 0));
        if last > 0 && came.iter().sum::<usize>() == payload && fits.all(|fits| fits) {
            return Ok((came, true));
        }
    }
    let step = room & !7;
    if step == 0 {
        return Err(Uncuttable);
    }
    let mut cut = Vec::with_capacity(payload / step + 1);
    let mut left = payload;
    while left > room {
        cut.push(step);
        left -= step;
    }
    cut.push(left);
    Ok((cut, false))
}

/// Lengths of the pieces behind `start` as they came.
fn as_they_came(packet: &Packet, gathered: &Gathered, start: usize) -> Option<Vec<usize>> {
    let mut came: Vec<usize> = gathered.pieces.iter().map(|&(_, length)| usize::from(length)).collect();
    // IPv6: destination options count as part of the first piece on the way in, but are copied into each on the way
    // out.
    let began = packet.layout.total_len.checked_sub(came.iter().sum())?;
    let first = came.first_mut()?;
    *first = first.checked_sub(start.checked_sub(began)?).filter(|&first| first > 0)?;
    let mut moved = gathered.head.saturating_sub(start).saturating_sub(*first);
    *first += moved;
    for later in came.iter_mut().skip(1) {
        let taken = moved.min(*later);
        *later -= taken;
        moved -= taken;
    }
    came.retain(|&length| length > 0);
    Some(came)
}

fn split_v4(packet: &Packet, mtu: usize) -> Result<Vec<Vec<u8>>, Uncuttable> {
    let view = packet.view();
    let bytes = view.bytes();
    let gathered = packet.gathered.as_deref();
    let largest = packet.largest_fragment();
    if bytes.len() <= mtu && largest.is_none() {
        return Ok(vec![bytes.to_vec()]);
    }
    if view.dont_fragment() && gathered.is_none_or(|gathered| usize::from(gathered.largest) > mtu) {
        return Err(Uncuttable);
    }
    let mtu = largest.map_or(mtu, |largest| largest.min(mtu));
    let header = packet.layout.transport;
    let payload = view.after_header();
    let (lengths, as_they_came) = lengths(packet, payload.len(), header, mtu.saturating_sub(header))?;
    // Linux: pieces that leave as they came lose "don't fragment"; newly cut ones have it if the largest had it.
    let unfragmentable = !as_they_came && gathered.is_some_and(|gathered| gathered.dont_fragment);
    let (base, more_behind) =
        packet.layout.fragment.map_or((0, false), |fragment| (usize::from(fragment.offset), fragment.more));
    let tos = view.tos();
    let mut first = bytes.get(..header).unwrap_or(&[]).to_vec();
    let mut pieces = Vec::with_capacity(lengths.len());
    let mut at = 0;
    for length in lengths {
        let data = payload.get(at..at + length).unwrap_or(&[]);
        let more = more_behind || at + length < payload.len();
        let mut piece = Vec::with_capacity(header + length);
        piece.extend_from_slice(&first);
        piece.extend_from_slice(data);
        let offset = u16::try_from((base + at) / 8).unwrap_or(0) & 0x1fff;
        let bits = offset | (u16::from(more) << 13) | (u16::from(unfragmentable) << 14);
        let total = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        finish_header(&mut piece, header, tos, total, bits);
        pieces.push(piece);
        if at == 0 {
            // Options that are not to be copied stand in the first fragment only (RFC 791 section 3.1).
            blank_options(&mut first);
        }
        at += length;
    }
    Ok(pieces)
}

/// Replaces options without the "copied" bit by no-operations (Linux: `ip_options_fragment`).
fn blank_options(header: &mut [u8]) {
    let mut at = 20;
    while let Some(&kind) = header.get(at) {
        match kind {
            0 => return,
            1 => at += 1,
            _ => {
                let Some(length) = header.get(at + 1).map(|&length| usize::from(length)) else { return };
                let Some(option) = header.get_mut(at..at + length).filter(|_| length >= 2) else { return };
                if kind & 0x80 == 0 {
                    option.fill(1);
                }
                at += length;
            }
        }
    }
}

fn split_v6(packet: &Packet, mtu: usize, next_id: &mut u16) -> Result<Vec<Vec<u8>>, Uncuttable> {
    let view = packet.view();
    let bytes = view.bytes();
    let largest = packet.largest_fragment();
    if bytes.len() <= largest.map_or(mtu, |largest| largest.min(mtu)) {
        return Ok(vec![bytes.to_vec()]);
    }
    let mtu = match largest {
        Some(largest) if largest > mtu => return Err(Uncuttable),
        Some(largest) => largest.max(LEAST_MTU_V6),
        // Linux: only packets of this machine's sockets may be cut, and what was gathered (`ignore_df`).
        None if packet.origin.is_none() && packet.gathered.is_none() => return Err(Uncuttable),
        None => mtu,
    };
    let (names, start) = fragmentable(bytes).ok_or(Uncuttable)?;
    let (Some(header), Some(payload), Some(&next)) =
        (bytes.get(..start), bytes.get(start..), bytes.get(names))
    else {
        return Err(Uncuttable);
    };
    let room = mtu.checked_sub(start + 8).filter(|&room| room >= 8).ok_or(Uncuttable)?;
    let (lengths, _) = lengths(packet, payload.len(), start, room)?;
    let id = u32::from(*next_id).to_be_bytes();
    *next_id = next_id.wrapping_add(1);
    let mut pieces = Vec::with_capacity(lengths.len());
    let mut at = 0;
    for length in lengths {
        let data = payload.get(at..at + length).unwrap_or(&[]);
        let more = at + length < payload.len();
        let mut piece = Vec::with_capacity(start + 8 + length);
        piece.extend_from_slice(header);
        let bits = u16::try_from(at).unwrap_or(0) | u16::from(more);
        piece.extend_from_slice(&[next, 0]);
        piece.extend_from_slice(&bits.to_be_bytes());
        piece.extend_from_slice(&id);
        piece.extend_from_slice(data);
        let total = u16::try_from(piece.len().saturating_sub(40)).unwrap_or(u16::MAX).to_be_bytes();
        if let Some(field) = piece.get_mut(4..6) {
            field.copy_from_slice(&total);
        }
        if let Some(field) = piece.get_mut(names) {
            *field = protocol::FRAGMENT;
        }
        pieces.push(piece);
        at += length;
    }
    Ok(pieces)
}

/// Where the part begins that may be cut, and where the byte stands that names it (Linux: `ip6_find_1stfragopt`):
/// behind hop-by-hop options, routing headers, and destination options that stand before a routing header.
fn fragmentable(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut names, mut at) = (6, 40);
    let mut routed = false;
    loop {
        match *bytes.get(names)? {
            protocol::HOP_BY_HOP => {}
            protocol::ROUTING => routed = true,
            protocol::DESTINATION_OPTIONS if !routed => {}
            _ => return Some((names, at)),
        }
        let size = (usize::from(*bytes.get(at + 1)?) + 1) * 8;
        names = at;
        at += size;
    }
}

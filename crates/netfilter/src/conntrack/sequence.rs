//! Movement of TCP sequence numbers after a helper changed the length of a payload.
//!
//! Read first: Linux `nf_ct_seqadj_set`, `nf_ct_seq_adjust`. Each direction has one place where it was changed last;
//! numbers up to there are moved as before, numbers behind it by the new amount.
use packet::{Layout, checksum};

use super::tcp::{after, before};
use super::tuple::be32;

/// The movement of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Movement {
    /// Sequence number of the packet that was changed last.
    pub position: u32,
    /// Bytes added before it (two's complement).
    pub before: u32,
    /// Bytes added behind it.
    pub after: u32,
}

/// The movements of both directions, the original first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceAdjust {
    /// By direction.
    pub directions: [Movement; 2],
}

impl SequenceAdjust {
    /// A payload at a sequence number became longer by some bytes (two's complement: shorter).
    pub fn moved(&mut self, reply: bool, sequence: u32, by: u32) {
        let [original, replying] = &mut self.directions;
        let this = if reply { replying } else { original };
        if by != 0 && (this.before == this.after || before(this.position, sequence)) {
            this.position = sequence;
            this.before = this.after;
            this.after = this.after.wrapping_add(by);
        }
    }

    /// By how much a number of a direction is moved.
    pub fn offset(&self, reply: bool, sequence: u32) -> u32 {
        let [original, replying] = &self.directions;
        let this = if reply { replying } else { original };
        if after(sequence, this.position) { this.after } else { this.before }
    }

    /// Takes a number of a direction that the other side acknowledges back to what was sent.
    fn taken_back(&self, reply: bool, acknowledged: u32) -> u32 {
        let [original, replying] = &self.directions;
        let this = if reply { replying } else { original };
        let back = if after(acknowledged.wrapping_sub(this.before), this.position) {
            this.after
        } else {
            this.before
        };
        acknowledged.wrapping_sub(back)
    }

    /// Moves the numbers of a packet: its sequence number by the movement of its direction, its acknowledgement and
    /// SACK blocks back by that of the other. The checksum is kept by difference. `false`: the header is cut short.
    // Linux: `nf_ct_seq_adjust` is not told what protocol the packet is of, and spoils ICMP errors (measured).
    pub fn apply(&self, bytes: &mut [u8], layout: Layout, reply: bool) -> bool {
        const OPTION_SACK: u8 = 5;
        let at = layout.transport;
        let (Some(sequence), Some(ack), Some(&[offset, flags, ..])) =
            (be32(bytes, at + 4), be32(bytes, at + 8), bytes.get(at + 12..at + 20))
        else {
            return false;
        };
        let sequence = sequence.wrapping_add(self.offset(reply, sequence));
        replace(bytes, at, at + 4, sequence);
        if flags & packet::view::tcp_flags::ACK == 0 {
            return true;
        }
        replace(bytes, at, at + 8, self.taken_back(!reply, ack));
        let end = at + usize::from(offset >> 4) * 4;
        let mut here = at + 20;
        while here < end {
            let (Some(&kind), length) = (bytes.get(here), bytes.get(here + 1).copied()) else { return true };
            match (kind, length.map(usize::from)) {
                (0, _) => return true,
                (1, _) => here += 1,
                (_, Some(length)) if length >= 2 && here + length <= end => {
                    if kind == OPTION_SACK && length >= 10 && (length - 2) % 8 == 0 {
                        for edge in (here + 2..here + length).step_by(4) {
                            let Some(number) = be32(bytes, edge) else { return true };
                            replace(bytes, at, edge, self.taken_back(!reply, number));
                        }
                    }
                    here += length;
                }
                _ => return true,
            }
        }
        true
    }
}

/// Adds to a number of a TCP header and adjusts the checksum. `tcp`: where the header begins.
// Linux: `inet_proto_csum_replace4`, which is asked for numbers at odd places as well, and then spoils the sum (measured).
pub(crate) fn add(bytes: &mut [u8], tcp: usize, at: usize, by: u32) {
    let Some(old) = be32(bytes, at) else { return };
    let new = old.wrapping_add(by);
    if let Some(number) = bytes.get_mut(at..at + 4) {
        number.copy_from_slice(&new.to_be_bytes());
    }
    if let Some(sum) = bytes.get_mut(tcp + 16..tcp + 18).and_then(|sum| <&mut [u8; 2]>::try_from(sum).ok()) {
        let adjusted = checksum::adjust(u16::from_be_bytes(*sum), &old.to_be_bytes(), &new.to_be_bytes());
        *sum = adjusted.to_be_bytes();
    }
}

/// Sets a number and adjusts the TCP checksum; the number may stand at an odd place.
fn replace(bytes: &mut [u8], tcp: usize, at: usize, value: u32) {
    let odd = (at - tcp) % 2;
    let (from, to) = (at - odd, at + 4 + odd);
    let Some(place) = bytes.get(from..to) else { return };
    let mut old = [0_u8; 6];
    let length = place.len();
    let Some(old) = old.get_mut(..length) else { return };
    old.copy_from_slice(place);
    if let Some(number) = bytes.get_mut(at..at + 4) {
        number.copy_from_slice(&value.to_be_bytes());
    }
    let mut new = [0_u8; 6];
    let (Some(new), Some(place)) = (new.get_mut(..length), bytes.get(from..to)) else { return };
    new.copy_from_slice(place);
    if let Some(sum) = bytes.get_mut(tcp + 16..tcp + 18).and_then(|sum| <&mut [u8; 2]>::try_from(sum).ok()) {
        *sum = checksum::adjust(u16::from_be_bytes(*sum), old, new).to_be_bytes();
    }
}

#[cfg(test)]
mod tests;

//! Times that the kernel's clock put into IPv4 timestamp options and into answers to ICMP timestamps, taken out before packets are compared.
use crate::craft;

/// Puts zeros in the place of the times of the timestamp option of a packet, and of the packet that an ICMP error of it
/// quotes. Sums that were right stay right.
pub(super) fn mask(packet: &mut [u8]) {
    let header = header_len(packet);
    if header == 0 {
        return;
    }
    if packet.get(9) == Some(&1)
        && let Some(icmp) = packet.get_mut(header..)
        && matches!(icmp.first(), Some(3 | 4 | 5 | 11 | 12))
    {
        let right = craft::checksum(icmp) == 0;
        let changed = icmp.get_mut(8..).is_some_and(mask_whole);
        if let Some(sum) = icmp.get_mut(2..4).filter(|_| changed && right) {
            sum.fill(0);
            let sum = craft::checksum(icmp);
            icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        }
    }
    mask_whole(packet);
}

/// Whether anything was taken out of a packet itself.
fn mask_whole(packet: &mut [u8]) -> bool {
    let answer = mask_answer(packet);
    mask_header(packet) || answer
}

/// The two times of a timestamp reply that are those of who answers; its sum becomes that of the rest if it was right.
fn mask_answer(packet: &mut [u8]) -> bool {
    let header = header_len(packet);
    if header == 0 || packet.get(9) != Some(&1) {
        return false;
    }
    let Some(icmp) = packet.get_mut(header..).filter(|icmp| icmp.first() == Some(&14) && icmp.len() >= 20)
    else {
        return false;
    };
    let right = craft::checksum(icmp) == 0;
    icmp[12..20].fill(0);
    if right {
        icmp[2..4].fill(0);
        let sum = craft::checksum(icmp);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    true
}

fn header_len(packet: &[u8]) -> usize {
    let first = packet.first().copied().unwrap_or(0);
    let length = usize::from(first & 15) * 4;
    if first >> 4 == 4 && length >= 20 && length <= packet.len() { length } else { 0 }
}

/// Whether anything was taken out.
fn mask_header(packet: &mut [u8]) -> bool {
    let length = header_len(packet);
    let Some(header) = packet.get_mut(..length) else { return false };
    let right = craft::checksum(header) == 0;
    let mut changed = false;
    let mut at = 20;
    while at + 1 < header.len() && header[at] != 0 {
        if header[at] == 1 {
            at += 1;
            continue;
        }
        let size = usize::from(header[at + 1]);
        let Some(option) = header.get_mut(at..at + size).filter(|_| size >= 2) else { break };
        if option[0] == 68 && size >= 4 {
            let end = usize::from(option[2]).saturating_sub(1).min(option.len());
            let (step, time) = if option[3] & 15 == 0 { (4, 0) } else { (8, 4) };
            for slot in (4..end).step_by(step) {
                if let Some(field) = option.get_mut(slot + time..slot + time + 4) {
                    field.fill(0);
                    changed = true;
                }
            }
        }
        at += size;
    }
    if changed && right {
        header[10..12].fill(0);
        let sum = craft::checksum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    changed
}

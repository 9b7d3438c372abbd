//! Packets of transports that are rarer than TCP, UDP and ICMP: SCTP, DCCP, UDP-Lite, GRE, ESP, AH.
use super::Choice;
use crate::craft::Body;

/// Protocol and everything behind the IP header.
pub(super) fn rare(choice: &mut Choice, v6: bool, ports: (u16, u16)) -> (Body, Vec<u8>) {
    // Why: the stack of IPv6, which has no AH here, answers it as an unknown header; the judge's stack looks behind it.
    let (protocol, bytes) = match choice.below(if v6 { 9 } else { 10 }) {
        0..=4 => (132, sctp(choice, ports)),
        5 => (33, dccp(choice, ports)),
        6 => (136, lite(choice, ports)),
        7 => (47, vec![0, 0, 8, 0, 1, 2, 3, 4]),
        8 => (50, [0, 0, 0, choice.of(&[7, 99, 200]), 0, 0, 0, 1, 9, 9, 9, 9].to_vec()),
        _ => (
            51,
            [59, 4, 0, 0, 0, 0, 0, choice.of(&[7, 200]), 0, 0, 0, 1].into_iter().chain([0; 12]).collect(),
        ),
    };
    (Body::Other(protocol), bytes)
}

/// RFC 9260, 3: the common header and one or two chunks.
fn sctp(choice: &mut Choice, ports: (u16, u16)) -> Vec<u8> {
    let kind = choice.of(&[1_u8, 1, 1, 1, 2, 0, 3, 10, 11, 6, 7, 8, 14, 4, 5]);
    let tag: u32 = match (kind, choice.below(6)) {
        (1, 0) => 5,
        (1, _) => 0,
        (_, 0) => 0x99,
        _ => 0x11,
    };
    let mut out = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    out.extend(tag.to_be_bytes());
    out.extend([0; 4]);
    let mut chunk = |kind: u8, value: &[u8]| {
        out.extend([kind, 0]);
        out.extend((4 + value.len() as u16).to_be_bytes());
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
    };
    // Initiate tag, window, streams, first number.
    let init = [0, 0, 0, 0x11, 0, 0, 0x20, 0, 0, 1, 0, 1, 0, 0, 0, 1];
    match kind {
        1 | 2 => chunk(kind, &init),
        0 => chunk(kind, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, b'x']),
        3 => chunk(kind, &[0, 0, 0, 1, 0, 0, 0x20, 0, 0, 0, 0, 0]),
        7 => chunk(kind, &[0, 0, 0, 1]),
        4 | 5 | 10 => chunk(kind, b"abcdefgh"),
        _ => chunk(kind, &[]),
    }
    if !matches!(kind, 1 | 2 | 14) && choice.percent(25) {
        chunk(choice.of(&[0, 3, 6]), &[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, b'y', 0, 0, 0]);
    }
    let sum = crc32c(&out);
    if !choice.percent(8) {
        out[8..12].copy_from_slice(&sum.to_le_bytes());
    }
    out
}

/// RFC 4340, 5.1: a short header with 48 bits of numbers; the sum is not looked at by conntrack.
fn dccp(choice: &mut Choice, ports: (u16, u16)) -> Vec<u8> {
    let kind = choice.of(&[0_u8, 0, 1, 2, 3, 7]);
    let mut out = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    out.extend([7, 0, 0, 0, kind << 1 | 1, 0, 0, 0, 0, 0, 0, 1]);
    out.extend([0; 12]);
    out
}

/// RFC 3828: the header of UDP with how much of the datagram the sum covers; here it is never right.
fn lite(choice: &mut Choice, ports: (u16, u16)) -> Vec<u8> {
    let mut out = [ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat();
    out.extend([0, choice.of(&[0, 8, 200]), 0x12, 0x34]);
    out.extend(b"abc");
    out
}

/// The sum of SCTP (RFC 9260, appendix A), bit by bit: arithmetic of its own, as all of the judge's packets have.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 };
        }
    }
    !sum
}

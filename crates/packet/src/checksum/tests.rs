//! The Internet checksum against a slow reference, and the CRC of SCTP against a known value.
use proptest::prelude::*;

use super::*;

/// RFC 1071 word by word.
fn slow(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn rfc_1071_example() {
    assert_eq!(of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
}

#[test]
fn the_crc_of_sctp_is_crc32c() {
    // CRC-32C of "12345678" is 6087809a; the field of SCTP holds it with its bytes reversed.
    assert_eq!(sctp(b"12345678").swap_bytes(), 0x6087_809a);
}

proptest! {
    #[test]
    fn the_fast_sum_is_the_slow_one(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(of(&bytes), slow(&bytes));
    }

    #[test]
    fn a_sum_may_be_taken_in_even_parts(bytes in proptest::collection::vec(any::<u8>(), 2..200), at: usize) {
        let at = (at % bytes.len()) & !1;
        prop_assert_eq!(finish(add(add(0, &bytes[..at]), &bytes[at..])), slow(&bytes));
    }

    /// By difference it is the full sum, but for the two names of zero.
    #[test]
    fn the_difference_gives_the_full_sum(
        mut bytes in proptest::collection::vec(any::<u8>(), 20..80),
        new in proptest::collection::vec(any::<u8>(), 1..9),
        at: usize,
    ) {
        let new: Vec<u8> = new.iter().flat_map(|&byte| [byte, byte.wrapping_mul(37)]).collect();
        if new.len() <= bytes.len() {
            let at = (at % (bytes.len() - new.len() + 1)) & !1;
            let before = of(&bytes);
            let old = bytes[at..at + new.len()].to_vec();
            bytes[at..at + new.len()].copy_from_slice(&new);
            let adjusted = adjust(before, &old, &new);
            let full = of(&bytes);
            prop_assert!(adjusted == full || adjusted ^ full == 0xffff && (full == 0 || full == 0xffff));
        }
    }
}

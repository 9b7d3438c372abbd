//! Hop-by-hop options on their own; the kernel's word is in `fixtures/kernel/hop-options.case`.
use super::*;

fn checked(options: &[u8]) -> Result<(), Fault> {
    let mut bytes = vec![0; FIXED];
    bytes.extend_from_slice(&[59, u8::try_from((options.len() + 2) / 8 - 1).unwrap()]);
    bytes.extend_from_slice(options);
    check(&bytes, FIXED, true)
}

#[test]
fn padding_is_at_most_seven_zeros() {
    assert_eq!(checked(&[1, 4, 0, 0, 0, 0]), Ok(()));
    assert_eq!(checked(&[1, 4, 0, 0, 0, 1]), Err(SILENT));
    assert_eq!(checked(&[0; 6]), Ok(()));
    assert_eq!(checked(&[0; 14]), Err(SILENT));
    assert_eq!(checked(&[1, 5, 0, 0, 0, 0]), Err(SILENT), "beyond the header");
}

#[test]
fn the_upper_bits_of_an_unknown_option_say_what_is_done() {
    let told = |always| Err(Fault(Some(answer::Kind::UnknownOption { pointer: 42, always })));
    assert_eq!(checked(&[0x1e, 4, 0, 0, 0, 0]), Ok(()));
    assert_eq!(checked(&[0x5e, 4, 0, 0, 0, 0]), Err(SILENT));
    assert_eq!(checked(&[0x9e, 4, 0, 0, 0, 0]), told(true));
    assert_eq!(checked(&[0xde, 4, 0, 0, 0, 0]), told(false));
}

#[test]
fn no_more_than_eight_options_are_looked_at() {
    let options = |count: usize| [[0x1e, 0].repeat(count), [1, 0].repeat(11 - count)].concat();
    assert_eq!(checked(&options(8)), Ok(()), "two PadN of two bytes and one more are six");
    assert_eq!(checked(&options(9)), Err(SILENT));
}

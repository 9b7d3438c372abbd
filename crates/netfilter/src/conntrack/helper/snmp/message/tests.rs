use proptest::prelude::*;

use super::addresses;

/// A thing of a tag.
fn thing(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut bytes = vec![tag];
    match content.len() {
        length @ 0..0x80 => bytes.push(length as u8),
        length @ 0x80..0x100 => bytes.extend([0x81, length as u8]),
        length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(content);
    bytes
}

fn binding(values: &[Vec<u8>]) -> Vec<u8> {
    thing(0x30, [thing(6, [0x2b, 6, 1]), values.concat()].concat())
}

fn message(version: u8, kind: u8, bindings: &[Vec<u8>]) -> Vec<u8> {
    let number = || thing(2, [1]);
    let list = thing(0x30, bindings.concat());
    let pdu = thing(kind, [number(), number(), number(), list].concat());
    thing(0x30, [thing(2, [version]), thing(4, "public"), pdu].concat())
}

fn address(bytes: [u8; 4]) -> Vec<u8> {
    thing(0x40, bytes)
}

#[test]
fn addresses_of_every_kind_of_message() {
    for kind in [0xa0, 0xa1, 0xa2, 0xa3, 0xa5, 0xa6, 0xa7, 0xa8] {
        let bytes =
            message(1, kind, &[binding(&[thing(2, [5])]), binding(&[address([10, 0, 1, 5])]), binding(&[])]);
        let found = addresses(&bytes).unwrap();
        assert_eq!(found.len(), 1, "{kind:#x}");
        assert_eq!(bytes.get(found[0]..found[0] + 4), Some(&[10, 0, 1, 5][..]));
    }
}

#[test]
fn what_is_no_message() {
    let one = [binding(&[thing(5, [])])];
    assert_eq!(addresses(&message(0, 0xa2, &one)), Some(vec![]));
    for (bytes, why) in [
        (vec![], "nothing"),
        (message(2, 0xa2, &one), "version 3"),
        (message(0, 0xa4, &one), "the trap of version 1"),
        (message(0, 0xa2, &[]), "no bindings"),
        (message(0, 0xa2, &[binding(&[thing(0x40, [1, 2, 3])])]), "an address of three bytes"),
        (message(0, 0xa2, &[binding(&[thing(0x45, [1])])]), "an unknown value"),
        (message(0, 0xa2, &[binding(&[thing(5, []), thing(2, [1])])]), "values in the wrong order"),
        (message(0, 0xa2, &one)[..20].to_vec(), "cut"),
    ] {
        assert_eq!(addresses(&bytes), None, "{why}");
    }
    let more = [message(0, 0xa2, &one), vec![1, 2, 3]].concat();
    assert!(addresses(&more).is_some(), "what follows is not read");
    let two = message(0, 0xa2, &[binding(&[thing(2, [1]), address([1; 4])])]);
    assert_eq!(addresses(&two).map(|found| found.len()), Some(1), "values of growing kinds");
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = addresses(&bytes);
    }

    /// A message with a byte changed or cut off: what is found lies inside.
    #[test]
    fn nearly_messages(at in 0_usize..80, byte: u8, cut in 0_usize..90) {
        let mut bytes = message(1, 0xa2, &[binding(&[address([10, 0, 1, 5])]), binding(&[thing(4, "text")])]);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(cut);
        for found in addresses(&bytes).unwrap_or_default() {
            prop_assert!(found + 4 <= bytes.len());
        }
    }
}

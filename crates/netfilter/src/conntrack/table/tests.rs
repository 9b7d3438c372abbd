use crate::conntrack::Conntrack;

#[test]
fn a_new_table_is_empty() {
    let table = Conntrack::default();
    assert!(table.is_empty());
    assert_eq!((table.indexed(), table.slots(), table.poll_timeout()), (0, 0, None));
}

/// Linux: 384 bytes for a connection (design, section 9).
#[test]
fn a_connection_is_smaller_than_the_kernels() {
    let slot = std::mem::size_of::<super::Slot>();
    // The two index entries, each with a control byte, at a load of at least 7/16; and the wheel's node.
    let index = 2 * 5 * 16 / 7;
    let node = 32;
    assert!(slot + index + node < 384, "{slot} bytes in the slab");
    assert!(slot > 200, "the figure is about the whole connection: {slot}");
}

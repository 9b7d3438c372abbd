use crate::conntrack::Conntrack;

#[test]
fn a_new_table_is_empty() {
    let table = Conntrack::default();
    assert!(table.is_empty());
    assert_eq!((table.indexed(), table.slots(), table.poll_timeout()), (0, 0, None));
}

use super::*;

#[test]
fn near_names_are_found() {
    let names = ["ACCEPT", "DROP", "RETURN", "REJECT"];
    assert_eq!(nearest("ACCESPT", names), Some("ACCEPT"));
    assert_eq!(nearest("acept", names), Some("ACCEPT"));
    assert_eq!(nearest("DORP", names), Some("DROP"));
    assert_eq!(nearest("my-chain", names), None);
    assert_eq!(nearest("DROP", ["DROP"]), None);
}

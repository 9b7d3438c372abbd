use super::*;

fn quoted(text: &str) -> String {
    let mut out = String::new();
    push_quoted(&mut out, text);
    out
}

#[test]
fn text_is_quoted_as_iptables_does() {
    assert_eq!(quoted("a_b-9"), " a_b-9");
    assert_eq!(quoted(""), " \"\"");
    assert_eq!(quoted("a b"), " \"a b\"");
    assert_eq!(quoted("it's \"x\" \\"), " \"it\\'s \\\"x\\\" \\\\\"");
    assert_eq!(quoted("a:b"), " \"a:b\"");
}

#[test]
fn numbers_and_addresses() {
    for number in [0, 9, 10, 12_345, u64::MAX] {
        let mut out = String::new();
        push_number(&mut out, number);
        assert_eq!(out, number.to_string());
    }
    let show = |text: &str| {
        let mut out = String::new();
        push_address(&mut out, text.parse().unwrap());
        out
    };
    assert_eq!(show("10.0.0.1"), "10.0.0.1");
    assert_eq!(show("fe80:0:0::1"), "fe80::1");
    assert_eq!(show("::ffff:1.2.3.4"), "::ffff:1.2.3.4");
    assert_eq!(show("::1.2.3.4"), "::1.2.3.4");
    assert_eq!(show("::1"), "::1");
}

use super::*;

#[test]
fn numbers_are_those_of_strtoul() {
    assert_eq!(number("12", 0, 99), Some(12));
    assert_eq!(number("0x1F", 0, 99), Some(31));
    assert_eq!(number("010", 0, 99), Some(8));
    assert_eq!(number("0", 0, 99), Some(0));
    assert_eq!(number(" 7", 0, 99), Some(7));
    assert_eq!(number("08", 0, 99), None);
    assert_eq!(number("-1", 0, 99), None);
    assert_eq!(number("100", 0, 99), None);
    assert_eq!(number("", 0, 99), None);
    assert_eq!(number("7x", 0, 99), None);
    assert_eq!(leading_number("0xzz"), Some((0, "xzz")));
    assert_eq!(leading_number("12/3"), Some((12, "/3")));
}

#[test]
fn addresses_are_those_of_iptables() {
    let v4 = |text| literal_address(text, Family::V4).map(|address| address.to_string());
    assert_eq!(v4("10").as_deref(), Some("10.0.0.0"));
    assert_eq!(v4("10.1").as_deref(), Some("10.1.0.0"));
    assert_eq!(v4("010.0.0.1").as_deref(), Some("8.0.0.1"));
    assert_eq!(v4("10.0.0.256"), None);
    assert_eq!(v4("1.2.3.4.5"), None);
    assert_eq!(v4("host"), None);
    assert_eq!(mask("24", Family::V4), "255.255.255.0".parse().ok());
    assert_eq!(mask("33", Family::V4), None);
    assert_eq!(mask("255.0.255.0", Family::V4), "255.0.255.0".parse().ok());
    assert_eq!(mask("64", Family::V6), "ffff:ffff:ffff:ffff::".parse().ok());
}

#[test]
fn mac_addresses() {
    assert_eq!(mac("0:1:a:B:cc:FF"), Some([0, 1, 10, 11, 0xcc, 0xff]));
    assert_eq!(mac("00:11:22:33:44"), None);
    assert_eq!(mac("00:11:22:33:44:555"), None);
    assert_eq!(mac("00:11:22:33:44:+5"), None);
}

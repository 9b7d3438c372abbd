use super::*;

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: address.parse().unwrap(), length: length.parse().unwrap() }
}

fn end(host: usize, address: &str, gateways: &[(&str, &str)]) -> End {
    End {
        host,
        addresses: vec![prefix(address)],
        gateways: gateways.iter().map(|(to, via)| (prefix(to), via.parse().unwrap())).collect(),
        kind: EndKind::Machine(DeviceId(1)),
    }
}

#[test]
fn the_next_hop_is_the_destination_on_the_link_else_the_gateway_of_the_longest_route() {
    let end = end(
        0,
        "10.0.0.9/24",
        &[("0.0.0.0/0", "10.0.0.1"), ("192.0.2.0/24", "10.0.0.2"), ("192.0.2.128/25", "10.0.0.3")],
    );
    let next = |to: &str| end.next_hop(to.parse().unwrap()).map(|via| via.to_string());
    assert_eq!(next("10.0.0.77").as_deref(), Some("10.0.0.77"));
    assert_eq!(next("8.8.8.8").as_deref(), Some("10.0.0.1"));
    assert_eq!(next("192.0.2.1").as_deref(), Some("10.0.0.2"));
    assert_eq!(next("192.0.2.200").as_deref(), Some("10.0.0.3"));
    assert_eq!(next("2001:db8::1"), None);
}

#[test]
fn an_address_leads_to_the_end_that_has_it_but_never_back() {
    let segment = Segment { ends: vec![end(0, "10.0.0.1/24", &[]), end(1, "10.0.0.2/24", &[])] };
    let of = |address: &str, asking| segment.end_of(address.parse().unwrap(), asking);
    assert_eq!(of("10.0.0.2", 0), Some(1));
    assert_eq!(of("10.0.0.2", 1), None);
    assert_eq!(of("10.0.0.3", 0), None);
}

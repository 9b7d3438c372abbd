use super::*;

const LIST: &str = "src 10.0.1.0/24 dst 0.0.0.0/0 proto udp sport 5 dport 53 \n\
    \tdir in action block priority 100 ptype main \n\
    src 10.0.1.0/24 dst 0.0.0.0/0 \n\
    \tdir in priority 100 ptype main \n\
    \tmark 0x1/0xff \n\
    \ttmpl src 1.1.1.1 dst 2.2.2.2\n\
    \t\tproto esp reqid 1 mode tunnel\n\
    src 10.0.1.0/24 dst 0.0.0.0/0 proto icmp type 8 code 0 \n\
    \tdir in priority 7 ptype main \n\
    \ttmpl src 0.0.0.0 dst 0.0.0.0\n\
    \t\tproto esp reqid 1 mode transport\n\
    \t\tlevel use \n\
    src 10.0.1.0/24 dst 0.0.0.0/0 \n\
    \tdir in action block priority 1 ptype main \n\
    \tif_id 0x3\n\
    src fd00::/8 dst ::/0 dev lo \n\
    \tdir fwd action block priority 0 ptype main flag localok icmp\n\
    src 0.0.0.0/0 dst 0.0.0.0/0 \n\
    \tsocket out priority 0 ptype main \n";

fn flow(source: &str, destination: &str, protocol: u8, ports: (u16, u16)) -> Flow {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    Flow { source, destination, protocol, ports, mark: 0, device: OfRoute::None }
}

#[test]
fn the_first_that_fits_counts_and_the_older_of_equal_ones() {
    let policies = text::parse(LIST);
    let says = |flow: Flow| policies.find(Direction::In, &flow, false).says;
    let udp = flow("10.0.1.5", "8.8.8.8", 17, (5, 53));
    assert_eq!(says(udp), Says::Forbidden);
    // Both have the priority 100: the one with the mark stands behind in the list, so it is older.
    assert_eq!(says(Flow { mark: 0x101, ..udp }), Says::Demands);
    assert_eq!(says(Flow { ports: (6, 53), ..udp }), Says::Pass);
    assert_eq!(says(Flow { source: "10.0.2.5".parse().unwrap(), ..udp }), Says::Pass);
    assert_eq!(says(flow("10.0.1.5", "8.8.8.8", 1, (8, 0))), Says::Pass);
    assert!(policies.find(Direction::In, &flow("10.0.1.5", "8.8.8.8", 1, (8, 0)), false).policy.is_some());
    assert!(!policies.is_any_for_errors(Family::V6) && !policies.is_any_for_errors(Family::V4));
    assert!(!text::parse("").are_asked(Direction::In));
}

#[test]
fn a_device_is_that_of_the_route() {
    let policies = text::parse(LIST);
    let says = |device| {
        let flow = Flow { device, ..flow("fd00::5", "fd01::5", 17, (1, 2)) };
        policies.find(Direction::Forward, &flow, false).says
    };
    assert_eq!(says(OfRoute::None), Says::Pass);
    assert_eq!(says(OfRoute::Is(InterfaceName::new("lo").unwrap())), Says::Forbidden);
    assert_eq!(says(OfRoute::Is(InterfaceName::new("eth0").unwrap())), Says::Pass);
    assert!(matches!(says(OfRoute::Unknown), Says::Unknown(_)));
}

#[test]
fn what_is_not_known_is_not_passed() {
    let other = flow("10.0.1.5", "8.8.8.8", 6, (1, 2));
    let says = |text: &str, flow: &Flow| text::parse(text).find(Direction::In, flow, true).says;
    for text in [
        "whatever\n\tdir in action block\n",
        "src 10.0.1.0/24 dst 0.0.0.0/0 \n\tdir in priority 0 ptype main \n\tsecurity context x\n",
        "src 10.0.1.0/24 dst 0.0.0.0/0 \n\tdir in priority 9 ptype sub \n",
        "src 10.0.1.0/24 dst 0.0.0.0/0 \n",
        "src 10.0.1.0/24 dst 0.0.0.0/0 proto udp (sport) 0x5\n\tdir in priority 9 ptype main\n",
    ] {
        let expected = if text.ends_with("0/0 \n") { Says::Pass } else { says(text, &other) };
        assert_eq!(says(text, &other), expected);
        if !text.ends_with("0/0 \n") {
            assert!(matches!(expected, Says::Unknown(_)), "{text}");
        }
        assert_eq!(says(text, &flow("fd00::1", "fd00::2", 6, (1, 2))), expected_of_v6(text), "{text}");
    }
    // A socket that may have a policy of its own.
    let text = "src 0.0.0.0/0 dst 0.0.0.0/0 \n\tsocket in priority 0 ptype main \n\
        src 10.0.1.0/24 dst 0.0.0.0/0 \n\tdir in action block priority 0 ptype main \n";
    assert!(matches!(says(text, &other), Says::Unknown(_)));
    assert_eq!(text::parse(text).find(Direction::In, &other, false).says, Says::Forbidden);
    assert_eq!(says(text, &flow("10.0.2.5", "8.8.8.8", 6, (1, 2))), Says::Pass);
}

/// Only a policy whose addresses could not be read may be about everything.
fn expected_of_v6(text: &str) -> Says {
    if text.starts_with("whatever") { Says::Unknown("whom a policy of IPsec is about") } else { Says::Pass }
}

#[test]
fn the_default_is_read() {
    let mut policies = Policies::default();
    text::read_default("Default policies:\n in:  block\n fwd: accept\n out: accept\n", &mut policies);
    assert!(policies.are_asked(Direction::In) && !policies.are_asked(Direction::Out));
    let found = policies.find(Direction::In, &flow("10.0.1.5", "8.8.8.8", 6, (1, 2)), false);
    assert_eq!((found.says, found.policy), (Says::Forbidden, None));
}

#[test]
fn words_become_a_list() {
    let words = "src 10.0.1.0/24 dst 0.0.0.0/0 proto udp dir out priority 5 mark 0x1 mask 0xff tmpl src 1.1.1.1 dst \
        2.2.2.2 proto esp reqid 1 mode tunnel level use";
    let words: Vec<&str> = words.split_whitespace().collect();
    let policies = text::parse(&text::of_words(&words));
    let [own] = policies.list(Direction::Out) else { panic!("{policies:?}") };
    assert_eq!((own.says, own.mark, own.priority, own.protocol), (Says::Pass, Some((1, 255)), 5, Some(17)));
}

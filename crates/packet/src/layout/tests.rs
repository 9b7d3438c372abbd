//! The parse: bounds, fragments, extension headers, hostile bytes.
use proptest::prelude::*;

use super::*;
use crate::{View, build, protocol};

#[test]
fn an_ipv4_packet_is_cut_to_its_total_length() {
    let mut bytes = build::udp("10.0.0.1:1", "10.0.0.2:2").payload(b"abc").build();
    bytes.extend_from_slice(&[0; 15]);
    let layout = parse(&bytes).unwrap();
    assert_eq!((layout.total_len, layout.transport, layout.protocol), (31, 20, Some(17)));
    assert_eq!(View::new(&bytes, layout).udp().unwrap().payload(), b"abc");
}

#[test]
fn what_never_reaches_a_hook_is_malformed() {
    let packet = || build::udp("10.0.0.1:1", "10.0.0.2:2");
    let parse = |builder: build::Builder| parse(&builder.build()).unwrap_err();
    assert_eq!(parse(packet().ip_checksum(1)), Malformed::HeaderChecksum);
    assert_eq!(parse(packet().header_length(4)), Malformed::HeaderLength);
    assert_eq!(parse(packet().header_length(15)), Malformed::HeaderLength);
    assert_eq!(parse(packet().total_length(19)), Malformed::TotalLength);
    assert_eq!(parse(packet().total_length(29)), Malformed::TotalLength);
    assert_eq!(parse(packet().cut(19)), Malformed::Short);
    assert_eq!(parse(packet().cut(0)), Malformed::Version);
    assert_eq!(super::parse(&[0x50; 40]), Err(Malformed::Version));
    let v6 = || build::udp("[fd00::1]:1", "[fd00::2]:2");
    assert_eq!(parse(v6().cut(39)), Malformed::Short);
    assert_eq!(parse(v6().total_length(9)), Malformed::TotalLength);
}

#[test]
fn fragments_are_recognised() {
    let first = build::udp("10.0.0.1:1", "10.0.0.2:2").payload([0; 8]).id(7).fragment(0, true).build();
    let layout = super::parse(&first).unwrap();
    assert_eq!(layout.fragment, Some(Fragment { id: 7, offset: 0, more: true, header: 0 }));
    assert!(!layout.later_fragment());
    let later = build::raw(17, "10.0.0.1", "10.0.0.2").payload([0; 8]).id(7).fragment(16, false).build();
    let view = View::parse(&later).unwrap();
    assert!(view.layout().later_fragment());
    assert_eq!((view.ports(), view.transport(), view.after_header().len()), (None, None, 8));
}

#[test]
fn extension_headers_are_walked() {
    let bytes = build::tcp("[fd00::1]:1", "[fd00::2]:2")
        .hop_by_hop()
        .extension(protocol::ROUTING, &[0, 0, 0, 0, 0, 0])
        .fragment(0, false)
        .destination_options()
        .extension(protocol::AH, &[0; 10])
        .id(9)
        .build();
    let view = View::parse(&bytes).unwrap();
    let layout = view.layout();
    assert_eq!((layout.transport, layout.protocol), (40 + 8 + 8 + 8 + 8 + 12, Some(protocol::TCP)));
    assert_eq!(layout.fragment, Some(Fragment { id: 9, offset: 0, more: false, header: 56 }));
    let headers: Vec<_> = view.extension_headers().map(|header| (header.protocol, header.at)).collect();
    assert_eq!(headers, [(0, 40), (43, 48), (44, 56), (60, 64), (51, 72)]);
    assert_eq!(view.ports(), Some((1, 2)));
}

#[test]
fn a_later_ipv6_fragment_has_its_protocol_but_no_ports() {
    let bytes = build::raw(17, "fd00::1", "fd00::2").fragment(8, false).payload([0; 16]).build();
    let view = View::parse(&bytes).unwrap();
    assert_eq!((view.protocol(), view.ports()), (Some(17), None));
    // Linux: `ipv6_find_hdr` fails if the next header is an extension header.
    let bytes = build::raw(60, "fd00::1", "fd00::2").fragment(8, false).payload([0; 16]).build();
    assert_eq!(View::parse(&bytes).unwrap().protocol(), None);
}

#[test]
fn extension_headers_beyond_the_packet() {
    // The options header says 24 bytes and only 8 are there: the protocol behind it is known all the same.
    let mut bytes = build::raw(6, "fd00::1", "fd00::2").destination_options().build();
    bytes[41] = 2;
    let layout = super::parse(&bytes).unwrap();
    assert_eq!((layout.protocol, layout.transport, layout.total_len), (Some(6), 48, 48));
    // If yet another header must be read, it is not.
    bytes[40] = protocol::ROUTING;
    assert_eq!(super::parse(&bytes).unwrap().protocol, None);
    let cut = build::raw(protocol::ROUTING, "fd00::1", "fd00::2").payload([6]).build();
    assert_eq!(super::parse(&cut).unwrap().protocol, None);
    // Of a routing header four bytes must be there, also where what follows it is no header that must be walked over.
    for (bytes, protocol) in [(&[6, 0][..], None), (&[6, 0, 0], None), (&[6, 0, 0, 0], Some(protocol::TCP))] {
        let cut = build::raw(protocol::ROUTING, "fd00::1", "fd00::2").payload(bytes).build();
        assert_eq!(super::parse(&cut).unwrap().protocol, protocol, "{bytes:?}");
    }
}

#[test]
fn an_extension_header_is_found_where_linux_finds_it() {
    let find = |bytes: &[u8], sought| View::parse(bytes).unwrap().find_extension(sought);
    let whole = build::tcp("[fd00::1]:1", "[fd00::2]:2")
        .hop_by_hop()
        .fragment(0, false)
        .extension(protocol::AH, &[0; 10])
        .destination_options()
        .build();
    assert_eq!(find(&whole, protocol::HOP_BY_HOP), Ok(Some(40)));
    assert_eq!(find(&whole, protocol::AH), Ok(Some(56)));
    assert_eq!(find(&whole, protocol::DESTINATION_OPTIONS), Ok(Some(68)));
    assert_eq!(find(&whole, protocol::ROUTING), Ok(None));
    // Behind the header of a later fragment nothing is sought.
    let later = build::raw(protocol::AH, "fd00::1", "fd00::2").fragment(8, false).payload([0; 16]).build();
    assert_eq!(find(&later, protocol::FRAGMENT), Ok(Some(40)));
    assert_eq!(find(&later, protocol::AH), Ok(None));
    // Two bytes are enough of the one that is sought, and too few of any before it.
    let cut = build::raw(protocol::AH, "fd00::1", "fd00::2").payload([6, 4]).build();
    assert_eq!(find(&cut, protocol::AH), Ok(Some(40)));
    assert_eq!(find(&cut, protocol::ROUTING), Ok(None));
    let cut = build::raw(protocol::DESTINATION_OPTIONS, "fd00::1", "fd00::2").payload([51]).build();
    assert_eq!(find(&cut, protocol::AH), Err(crate::extension::CutShort));
    let long = build::raw(protocol::DESTINATION_OPTIONS, "fd00::1", "fd00::2").payload([51, 9]).build();
    assert_eq!(find(&long, protocol::AH), Err(crate::extension::CutShort));
    assert_eq!(find(&build::udp("10.0.0.1:1", "10.0.0.2:2").build(), protocol::AH), Ok(None));
}

#[test]
fn no_next_header_ends_the_walk() {
    let bytes = build::raw(protocol::NO_NEXT, "fd00::1", "fd00::2").payload([1, 2]).build();
    assert_eq!(super::parse(&bytes).unwrap().protocol, Some(59));
}

#[test]
fn some_ipv6_addresses_are_refused_before_any_hook() {
    for (source, destination, outside, loopback) in [
        ("fd00::1", "fd00::2", false, false),
        ("::1", "fd00::2", true, false),
        ("fd00::1", "::1", true, false),
        ("ff02::1", "fd00::2", true, true),
        ("fd00::1", "ff01::1", true, false),
        ("fd00::1", "ff00::1", true, true),
        ("fd00::1", "ff02::1", false, false),
        ("127.0.0.1", "224.0.0.1", false, false),
    ] {
        let bytes = build::raw(99, source, destination).build();
        let view = View::parse(&bytes).unwrap();
        let refused = (view.refused_addresses(false), view.refused_addresses(true));
        assert_eq!(refused, (outside, loopback), "{source} > {destination}");
    }
}

fn bounded(bytes: &[u8], layout: Layout) {
    assert!(layout.total_len <= bytes.len() && layout.transport <= layout.total_len);
    let view = View::new(bytes, layout);
    // Every accessor gives an answer.
    let _ = (view.source(), view.destination(), view.ttl(), view.tos(), view.id(), view.flow_label());
    let _ = (view.options(), view.ports(), view.udp(), view.udplite(), view.sctp(), view.gre());
    let _ = (view.esp_spi(), view.ah_spi(), view.icmp(), view.said_len(), view.dont_fragment());
    if let Some(tcp) = view.tcp() {
        let _ = (tcp.payload(), tcp.options().map(|options| crate::tcp_option::iterate(options).count()));
    }
    assert!(view.extension_headers().count() <= bytes.len() / 8);
    for sought in [protocol::HOP_BY_HOP, protocol::FRAGMENT, protocol::AH] {
        let at = view.find_extension(sought).ok().flatten().unwrap_or(0);
        assert!(at + 2 <= bytes.len());
    }
    let _ = crate::verify::transport(&view);
    if let Some(quote) = view.quote() {
        assert!(quote.at + quote.layout.total_len <= bytes.len());
        let _ = view.quoted().map(|quoted| (quoted.ports(), quoted.icmp(), quoted.quote()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), version in 0..3, next: u8) {
        match (version, bytes.len()) {
            (1, 20..) => {
                bytes[0] = 0x45 | bytes[0] & 1;
                let total = bytes.len() as u16;
                bytes[2..4].copy_from_slice(&total.to_be_bytes());
            }
            (2, 40..) => {
                bytes[0] = 0x60;
                bytes[4] = 0;
                bytes[5] %= (bytes.len() - 39) as u8;
                bytes[6] = [0, 43, 44, 51, 60, 58, 6, 17, next][usize::from(next) % 9];
            }
            _ => {}
        }
        if let Ok(layout) = parse(&bytes) {
            bounded(&bytes, layout);
        }
        if let Ok(layout) = parse_quoted(&bytes) {
            bounded(&bytes, layout);
        }
    }

    #[test]
    fn damaged_packets_do_not_make_it_panic(
        packet in crate::build::tests::any_builder(),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        cut: usize,
    ) {
        let mut bytes = packet.build();
        for (at, value) in damage {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        bytes.truncate(cut % (bytes.len() * 2));
        if let Ok(layout) = parse(&bytes) {
            bounded(&bytes, layout);
        }
        if let Ok(layout) = parse_quoted(&bytes) {
            bounded(&bytes, layout);
        }
    }
}

//! What is built is right: by our own parse and checks, and by etherparse.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::{View, verify};

/// Packets of every kind with right lengths and checksums (UDP-Lite excepted: see [`crate::verify`]).
pub(crate) fn any_builder() -> impl Strategy<Value = Builder> {
    let addresses = prop_oneof![
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| (IpAddr::V4(a.into()), IpAddr::V4(b.into()))),
        (any::<u128>(), any::<u128>()).prop_map(|(a, b)| (IpAddr::V6(a.into()), IpAddr::V6(b.into()))),
    ];
    let ip = (any::<u8>(), any::<u8>(), any::<u16>(), any::<bool>(), any::<u32>(), 0..6_u8);
    let transport = (0..6_u8, any::<u16>(), any::<u16>(), any::<u32>(), any::<u32>(), any::<u8>());
    let payload = proptest::collection::vec(any::<u8>(), 0..60);
    (addresses, ip, transport, payload, any::<[u8; 4]>()).prop_map(|(ends, ip, transport, payload, extra)| {
        let (kind, from, to, a, b, flags) = transport;
        let (source, destination) = ((ends.0, from), (ends.1, to));
        let mut packet = match kind {
            0 | 1 => {
                let tcp = tcp(source, destination).flag_bits(flags).seq(a).ack(b).window(from ^ to);
                if kind == 0 { tcp } else { tcp.mss(from).nop().window_scale(extra[0]).timestamps(a, b) }
            }
            2 => udp(source, destination),
            3 => sctp(source, destination).tag(a),
            4 => icmp(ends.0, ends.1).kind(flags, extra[1]).rest(a),
            _ => raw(150 + flags % 100, ends.0, ends.1),
        };
        let (ttl, tos, id, dont_fragment, label, extensions) = ip;
        packet = packet.ttl(ttl).tos(tos).payload(payload);
        match packet.family() {
            Family::V4 => {
                packet = packet.id(id.into());
                packet.ip.dont_fragment = dont_fragment;
                if extensions == 0 {
                    packet = packet.ip_options(&[7, 4, 4, 0]);
                }
            }
            Family::V6 => {
                packet = packet.flow_label(label);
                match extensions {
                    0 => packet = packet.hop_by_hop(),
                    1 => {
                        packet =
                            packet.destination_options().extension(protocol::ROUTING, &[3, 0, 0, 0, 0, 0])
                    }
                    2 => packet = packet.id(label).fragment(0, false),
                    3 => packet = packet.extension(protocol::AH, &extra.repeat(4)[..10]),
                    _ => {}
                }
            }
        }
        packet
    })
}

#[test]
fn a_syn_stands_as_it_should() {
    let bytes = tcp("10.0.0.1:1000", "10.0.0.2:80").flags("S").seq(1).ttl(63).id(1).mss(1460).build();
    let mut masked = bytes.clone();
    masked[10..12].fill(0);
    masked[36..38].fill(0);
    let expected = [
        0x45, 0, 0, 44, 0, 1, 0, 0, 63, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IP
        3, 232, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 255, 255, 0, 0, 0, 0, // TCP
        2, 4, 5, 0xb4,
    ];
    assert_eq!(masked, expected);
    assert_eq!(verify::transport(&View::parse(&bytes).unwrap()), verify::Checksum::Valid);
}

#[test]
fn fields_are_wrong_only_on_purpose() {
    let right = udp("10.0.0.1:1", "10.0.0.2:2").payload(b"abc");
    let of = |builder: Builder| {
        let bytes = builder.build();
        verify::transport(&View::parse(&bytes).unwrap())
    };
    assert_eq!(of(right.clone()), verify::Checksum::Valid);
    assert_eq!(of(right.clone().bad_checksum()), verify::Checksum::Invalid);
    assert_eq!(of(right.clone().no_checksum()), verify::Checksum::Absent);
    assert_eq!(of(right.clone().udp_length(12)), verify::Checksum::Broken);
    assert_eq!(of(right.udp_length(7)), verify::Checksum::Broken);
    let syn = tcp("[fd00::1]:1", "[fd00::2]:2").flags("S");
    assert_eq!(of(syn.clone()), verify::Checksum::Valid);
    assert_eq!(of(syn.clone().data_offset(4)), verify::Checksum::Broken);
    assert_eq!(of(syn.data_offset(6)), verify::Checksum::Broken);
    assert_eq!(of(sctp("10.0.0.1:1", "10.0.0.2:2").payload(b"chunk")), verify::Checksum::Valid);
    assert_eq!(of(sctp("10.0.0.1:1", "10.0.0.2:2").bad_checksum()), verify::Checksum::Invalid);
    assert_eq!(of(icmp("10.0.0.1", "10.0.0.2").echo_request(1, 2).bad_checksum()), verify::Checksum::Invalid);
}

#[test]
fn icmp_errors_quote_their_packet() {
    let original = udp("10.0.0.1:1000", "8.8.8.8:53").payload([7; 100]).build();
    let error = icmp_error("192.0.2.1", "10.0.0.1", 3, 3, &original[..28]).build();
    let view = View::parse(&error).unwrap();
    let quoted = view.quoted().unwrap();
    assert_eq!(quoted.ports(), Some((1000, 53)));
    assert_eq!((quoted.said_len(), quoted.layout().total_len), (128, 28));
    assert_eq!(view.quote().unwrap().at, 28);
    // A broken header checksum of the quoted packet does not matter (F47); a cut header does.
    let mut worse = original[..28].to_vec();
    worse[10] ^= 1;
    let error = icmp_error("192.0.2.1", "10.0.0.1", 11, 0, &worse).build();
    assert!(View::parse(&error).unwrap().quoted().is_some());
    let error = icmp_error("192.0.2.1", "10.0.0.1", 3, 3, &original[..19]).build();
    assert!(View::parse(&error).unwrap().quote().is_none());
    assert!(View::parse(&icmp("10.0.0.1", "10.0.0.2").build()).unwrap().quote_at().is_none());
}

#[test]
fn an_icmpv6_redirect_quotes_in_an_option() {
    let original = udp("[fd00::1]:1", "[fd00::2]:2").build();
    let mut body = vec![0; 32];
    body.extend_from_slice(&[2, 1, 0, 0, 0, 0, 0, 0]); // target link-layer address
    body.extend_from_slice(&[4, 7, 0, 0, 0, 0, 0, 0]);
    body.extend_from_slice(&original);
    let redirect = icmp_error("fe80::1", "fd00::1", 137, 0, &body).build();
    assert_eq!(View::parse(&redirect).unwrap().quoted().unwrap().ports(), Some((1, 2)));
    body[33] = 0; // an option of length 0 ends the search
    let redirect = icmp_error("fe80::1", "fd00::1", 137, 0, &body).build();
    assert!(View::parse(&redirect).unwrap().quote_at().is_none());
}

#[test]
fn fragments_together_are_the_packet() {
    for packet in [
        udp("10.0.0.1:1", "10.0.0.2:2").id(5).payload([9; 3000]).build(),
        udp("[fd00::1]:1", "[fd00::2]:2").destination_options().payload([9; 3000]).build(),
    ] {
        let whole = View::parse(&packet).unwrap();
        let pieces = fragments(&packet, 1400, 77);
        assert_eq!(pieces.len(), 3);
        let mut payload = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            assert!(piece.len() <= 1400);
            let view = View::parse(piece).unwrap();
            let fragment = view.layout().fragment.unwrap();
            assert_eq!((usize::from(fragment.offset), fragment.more), (payload.len(), index < 2));
            payload.extend_from_slice(view.after_header());
        }
        assert_eq!(payload, whole.after_header());
        assert_eq!(fragments(&packet, 4000, 1), std::slice::from_ref(&packet));
        assert_eq!(fragments(&packet, 27, 1), std::slice::from_ref(&packet));
    }
}

#[test]
fn etherparse_builds_the_same() {
    let by_etherparse = |builder: etherparse::PacketBuilderStep<etherparse::IpHeaders>| builder;
    let step = etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 61);
    let mut theirs = Vec::new();
    let mut tcp_step = by_etherparse(step).tcp(1000, 80, 77, 512).syn().ack(5);
    tcp_step = tcp_step.options(&[etherparse::TcpOptionElement::MaximumSegmentSize(1400)]).unwrap();
    tcp_step.write(&mut theirs, b"hello").unwrap();
    let id = u32::from(u16::from_be_bytes([theirs[4], theirs[5]]));
    let mut ours = tcp("10.0.0.1:1000", "10.0.0.2:80").flags("SA").seq(77).ack(5).window(512).mss(1400);
    ours = ours.ttl(61).id(id).payload(b"hello");
    ours.ip.dont_fragment = theirs[6] & 0x40 != 0;
    assert_eq!(ours.build(), theirs);
    let mut theirs = Vec::new();
    let (a, b) = (Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED);
    etherparse::PacketBuilder::ipv6(a.octets(), b.octets(), 9).udp(1, 2).write(&mut theirs, b"odd").unwrap();
    assert_eq!(udp("[::1]:1", "[::]:2").ttl(9).payload(b"odd").build(), theirs);
}

#[test]
#[should_panic(expected = "neither ADDRESS nor ADDRESS:PORT")]
fn a_literal_that_is_no_address_panics() {
    let _ = udp("10.0.0.1:99999", "10.0.0.2:2");
}

/// The view says what etherparse says.
fn compare(bytes: &[u8]) {
    let view = View::parse(bytes).unwrap();
    let sliced = SlicedPacket::from_ip(bytes).unwrap();
    match sliced.net.as_ref().unwrap() {
        NetSlice::Ipv4(slice) => {
            let header = slice.header();
            assert_eq!(view.source(), IpAddr::V4(Ipv4Addr::from(header.source())));
            assert_eq!(view.destination(), IpAddr::V4(Ipv4Addr::from(header.destination())));
            assert_eq!((view.ttl(), view.id()), (header.ttl(), Some(header.identification())));
            assert_eq!(view.dont_fragment(), header.dont_fragment());
            assert_eq!(header.to_header().calc_header_checksum(), header.header_checksum());
        }
        NetSlice::Ipv6(slice) => {
            let header = slice.header();
            assert_eq!(view.source(), IpAddr::V6(Ipv6Addr::from(header.source())));
            assert_eq!(view.destination(), IpAddr::V6(Ipv6Addr::from(header.destination())));
            assert_eq!((view.ttl(), view.tos()), (header.hop_limit(), header.traffic_class()));
            assert_eq!(view.flow_label(), Some(header.flow_label().value()));
        }
        _ => panic!("neither IPv4 nor IPv6"),
    }
    match sliced.transport {
        Some(TransportSlice::Tcp(slice)) => {
            let tcp = view.tcp().unwrap();
            assert_eq!((tcp.source(), tcp.destination()), (slice.source_port(), slice.destination_port()));
            assert_eq!(tcp.sequence(), slice.sequence_number());
            assert_eq!((tcp.options(), tcp.payload()), (Some(slice.options()), slice.payload()));
            let sum = match (view.source(), view.destination()) {
                (IpAddr::V4(a), IpAddr::V4(b)) => slice.calc_checksum_ipv4(a.octets(), b.octets()).unwrap(),
                (IpAddr::V6(a), IpAddr::V6(b)) => slice.calc_checksum_ipv6(a.octets(), b.octets()).unwrap(),
                _ => unreachable!(),
            };
            assert_eq!(slice.checksum(), sum);
        }
        Some(TransportSlice::Udp(slice)) => {
            assert_eq!(view.ports(), Some((slice.source_port(), slice.destination_port())));
            assert_eq!(view.udp().unwrap().payload(), slice.payload());
        }
        Some(TransportSlice::Icmpv4(slice)) => {
            let icmp = view.icmp().unwrap();
            assert_eq!((icmp.kind, icmp.code), (slice.type_u8(), slice.code_u8()));
        }
        Some(TransportSlice::Icmpv6(slice)) => {
            let icmp = view.icmp().unwrap();
            assert_eq!((icmp.kind, icmp.code), (slice.type_u8(), slice.code_u8()));
        }
        _ => assert!(view.tcp().is_none() && view.udp().is_none()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn built_packets_are_right(packet in any_builder()) {
        let bytes = packet.build();
        let view = View::parse(&bytes).unwrap();
        prop_assert_eq!(view.bytes().len(), bytes.len());
        prop_assert_eq!((view.source(), view.destination()), (packet.ip.source, packet.ip.destination));
        let state = verify::transport(&view);
        prop_assert!(matches!(state, verify::Checksum::Valid | verify::Checksum::Absent), "{:?}", state);
        let damaged = packet.clone().bad_checksum().build();
        if state == verify::Checksum::Valid {
            let state = verify::transport(&View::parse(&damaged).unwrap());
            prop_assert!(matches!(state, verify::Checksum::Invalid | verify::Checksum::Absent));
        }
    }

    #[test]
    fn etherparse_reads_the_same(packet in any_builder()) {
        // etherparse refuses messages of types whose fixed part is longer than the payload here.
        let readable = !matches!(packet.transport, Transport::Icmp { .. }) || packet.payload.len() >= 24;
        if readable {
            compare(&packet.build());
        }
    }
}

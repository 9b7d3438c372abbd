//! Rewriting keeps what was right right, and what was wrong wrong by the same amount (F59, F60).
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::{build, layout, verify};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rewritten(bytes: &[u8], change: impl FnOnce(&mut [u8], Layout) -> bool) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let layout = layout::parse(&bytes).unwrap();
    assert!(change(&mut bytes, layout));
    bytes
}

#[test]
fn a_source_and_its_port_are_what_a_builder_would_make() {
    let before = build::tcp("10.0.1.5:1000", "8.8.8.8:80").flags("S").id(1).payload(b"odd");
    let after = build::tcp("203.0.113.9:2000", "8.8.8.8:80").flags("S").id(1).payload(b"odd").build();
    let bytes = rewritten(&before.build(), |bytes, layout| {
        set_address(bytes, layout, End::Source, ip("203.0.113.9"))
            && set_port(bytes, layout, End::Source, 2000)
    });
    assert_eq!(bytes, after);
}

#[test]
fn f60_udp_without_a_checksum_stays_without() {
    let before = build::udp("10.0.1.5:1000", "8.8.8.8:53").no_checksum().payload(b"x").build();
    let bytes = rewritten(&before, |bytes, layout| {
        set_address(bytes, layout, End::Destination, ip("9.9.9.9")) && set_port(bytes, layout, End::Source, 1)
    });
    assert_eq!(verify::transport(&View::parse(&bytes).unwrap()), verify::Checksum::Absent);
}

#[test]
fn f60_a_udp_checksum_that_becomes_zero_is_sent_as_ffff() {
    let mut seen = false;
    let before = build::udp("10.0.1.5:0", "8.8.8.8:53").build();
    for port in 0..=u16::MAX {
        let bytes = rewritten(&before, |bytes, layout| set_port(bytes, layout, End::Source, port));
        assert_ne!(bytes[26..28], [0, 0]);
        seen |= bytes[26..28] == [0xff, 0xff];
    }
    assert!(seen);
}

#[test]
fn f59_a_wrong_checksum_stays_wrong_by_the_same_amount() {
    let right = build::tcp("10.0.1.5:1000", "8.8.8.8:80").flags("A");
    let change = |bytes: &mut [u8], layout: Layout| set_address(bytes, layout, End::Source, ip("1.2.3.4"));
    let good = rewritten(&right.build(), change);
    let bad = rewritten(&right.clone().bad_checksum().build(), change);
    let sum = |bytes: &[u8]| i32::from(u16::from_be_bytes([bytes[36], bytes[37]]));
    let before = sum(&right.clone().bad_checksum().build()) - sum(&right.build());
    assert_eq!((sum(&bad) - sum(&good)).rem_euclid(0xffff), before.rem_euclid(0xffff));
}

#[test]
fn a_cut_header_is_changed_as_far_as_it_is_there() {
    let original = build::tcp("10.0.1.5:1000", "8.8.8.8:80").flags("S").build();
    let mut quoted = original[..28].to_vec();
    let layout = layout::parse_quoted(&quoted).unwrap();
    assert!(set_port(&mut quoted, layout, End::Source, 7));
    assert!(set_address(&mut quoted, layout, End::Source, ip("1.1.1.1")));
    assert_eq!(View::new(&quoted, layout).ports(), Some((7, 80)));
    // Linux needs all 20 bytes to keep the checksum of TCP, although its field ends at 18.
    let mut quoted = original[..39].to_vec();
    assert!(set_port(&mut quoted, layout::parse_quoted(&original[..39]).unwrap(), End::Source, 7));
    assert_eq!(quoted[36..38], original[36..38]);
    let udp = build::udp("10.0.1.5:1000", "8.8.8.8:80").build();
    let mut quoted = udp[..27].to_vec();
    assert!(!set_port(&mut quoted, layout::parse_quoted(&udp[..27]).unwrap(), End::Source, 7));
    assert_eq!(quoted, udp[..27]);
}

#[test]
fn later_fragments_and_dccp_change_only_the_ip_header() {
    let later = build::raw(6, "10.0.1.5", "8.8.8.8").fragment(64, true).payload([3; 24]).build();
    let bytes = rewritten(&later, |bytes, layout| set_address(bytes, layout, End::Source, ip("1.1.1.1")));
    assert_eq!(bytes[20..], later[20..]);
    assert!(!set_port(&mut later.clone(), layout::parse(&later).unwrap(), End::Source, 1));
    // Measured on Linux 6.18: SNAT of DCCP leaves its checksum as it was.
    let dccp = build::raw(33, "10.0.1.5", "8.8.8.8").payload([4; 16]).build();
    let bytes = rewritten(&dccp, |bytes, layout| set_address(bytes, layout, End::Source, ip("1.1.1.1")));
    assert_eq!(bytes[20..], dccp[20..]);
    assert!(View::parse(&bytes).is_ok());
}

#[test]
fn identifiers_of_queries_only() {
    let ping = build::icmp("10.0.0.1", "10.0.0.2").echo_request(7, 1).build();
    let bytes = rewritten(&ping, |bytes, layout| set_port(bytes, layout, End::Source, 9));
    assert_eq!(bytes, build::icmp("10.0.0.1", "10.0.0.2").echo_request(9, 1).build());
    let ping = build::icmp("fd00::1", "fd00::2").echo_reply(7, 1).build();
    let bytes = rewritten(&ping, |bytes, layout| set_port(bytes, layout, End::Destination, 9));
    assert_eq!(bytes, build::icmp("fd00::1", "fd00::2").echo_reply(9, 1).build());
    let error = build::icmp_error("10.0.0.1", "10.0.0.2", 3, 3, &[0; 28]).build();
    assert!(!set_port(&mut error.clone(), layout::parse(&error).unwrap(), End::Source, 9));
}

#[test]
fn a_quoted_packet_is_rewritten_and_the_outer_checksum_renewed() {
    for (original, error) in [
        (
            build::udp("203.0.113.9:1000", "8.8.8.8:53").payload(b"x").build(),
            build::icmp("192.0.2.1", "203.0.113.9").kind(3, 3),
        ),
        (
            build::udp("[fd00::9]:1000", "[fd08::8]:53").payload(b"x").build(),
            build::icmp("fd02::1", "fd00::9").kind(1, 4),
        ),
    ] {
        let mut bytes = error.payload(&original).build();
        let layout = layout::parse(&bytes).unwrap();
        let quote = View::new(&bytes, layout).quote().unwrap();
        assert!(set_port(quote.bytes_mut(&mut bytes), quote.layout, End::Source, 4));
        assert_eq!(verify::transport(&View::new(&bytes, layout)), verify::Checksum::Valid, "sums cancel out");
        let other = if layout.family == Family::V4 { ip("10.0.1.5") } else { ip("fd01::5") };
        assert!(set_address(quote.bytes_mut(&mut bytes), quote.layout, End::Source, other));
        assert!(renew_icmp_checksum(&mut bytes, layout));
        let view = View::new(&bytes, layout);
        assert_eq!(verify::transport(&view), verify::Checksum::Valid);
        let quoted = view.quoted().unwrap();
        assert_eq!((quoted.source(), quoted.ports()), (other, Some((4, 53))));
        assert_eq!(verify::transport(&quoted), verify::Checksum::Valid);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn rewriting_keeps_checksums_right(
        packet in build::tests::any_builder(),
        address: u128,
        port: u16,
        ttl: u8,
        tos: u8,
        source: bool,
    ) {
        let mut bytes = packet.build();
        let layout = layout::parse(&bytes).unwrap();
        let before = verify::transport(&View::new(&bytes, layout));
        let end = if source { End::Source } else { End::Destination };
        let new = match layout.family {
            Family::V4 => IpAddr::V4((address as u32).into()),
            Family::V6 => IpAddr::V6(address.into()),
        };
        prop_assert!(set_address(&mut bytes, layout, end, new));
        set_port(&mut bytes, layout, end, port);
        prop_assert!(set_ttl(&mut bytes, layout, ttl) && set_tos(&mut bytes, layout, tos));
        let view = View::parse(&bytes).unwrap();
        prop_assert_eq!(view.layout(), layout);
        prop_assert_eq!(verify::transport(&view), before);
        prop_assert_eq!((view.ttl(), view.tos()), (ttl, tos));
        prop_assert_eq!(if source { view.source() } else { view.destination() }, new);
        let other = if layout.family == Family::V4 { ip("::1") } else { ip("1.1.1.1") };
        let same = bytes.clone();
        prop_assert!(!set_address(&mut bytes, layout, end, other));
        prop_assert_eq!(bytes, same);
    }

    /// There and back again gives the same bytes: what NAT does to a reply it undoes.
    #[test]
    fn rewriting_is_undone_by_rewriting(packet in build::tests::any_builder(), address: u128, port: u16) {
        let before = packet.build();
        let mut bytes = before.clone();
        let layout = layout::parse(&bytes).unwrap();
        let view = View::new(&before, layout);
        let new = match layout.family {
            Family::V4 => IpAddr::V4((address as u32).into()),
            Family::V6 => IpAddr::V6(address.into()),
        };
        set_address(&mut bytes, layout, End::Source, new);
        if let Some((old, _)) = view.ports() {
            set_port(&mut bytes, layout, End::Source, port);
            set_port(&mut bytes, layout, End::Source, old);
        }
        set_address(&mut bytes, layout, End::Source, view.source());
        prop_assert_eq!(bytes, before);
    }

    #[test]
    fn damaged_packets_do_not_make_it_panic(
        packet in build::tests::any_builder(),
        cut: usize,
        port: u16,
    ) {
        let mut bytes = packet.build();
        bytes.truncate(cut % bytes.len());
        if let Ok(layout) = layout::parse_quoted(&bytes) {
            set_port(&mut bytes, layout, End::Source, port);
            set_address(&mut bytes, layout, End::Destination, ip("1.2.3.4"));
            set_address(&mut bytes, layout, End::Destination, ip("fd00::3"));
            set_ttl(&mut bytes, layout, 1);
            set_tos(&mut bytes, layout, 1);
            renew_icmp_checksum(&mut bytes, layout);
            renew_sctp_checksum(&mut bytes, layout);
        }
    }
}

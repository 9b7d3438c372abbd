//! Checksums as Linux 6.18 judged them (measured by whether connection tracking took the packet).
use super::*;
use crate::{build, checksum};

fn of(builder: build::Builder) -> Checksum {
    let bytes = builder.build();
    transport(&View::parse(&bytes).unwrap())
}

#[test]
fn f44_a_short_udp_length_is_fine_if_the_sum_covers_everything() {
    for (from, to) in [("10.0.1.5:3", "8.8.8.8:2000"), ("[fd00:1::5]:3", "[fd00:9::9]:2000")] {
        let packet = build::udp(from, to).payload(b"abcd").udp_length(10);
        assert_eq!(of(packet.clone()), Checksum::Valid);
        // The sum that a sender of 10 bytes computes: the kernel calls it wrong.
        let bytes = packet.build();
        let view = View::parse(&bytes).unwrap();
        let mut counted = view.after_header()[..10].to_vec();
        counted[6..8].fill(0);
        let start = checksum::pseudo(view.source(), view.destination(), 17, 10);
        let sum = checksum::finish(checksum::add(start, &counted));
        assert_eq!(of(packet.clone().checksum(sum.into())), Checksum::Invalid);
        assert_eq!(of(packet.clone().udp_length(13)), Checksum::Broken);
        assert_eq!(of(packet.no_checksum()), Checksum::Absent);
    }
}

#[test]
fn udplite_is_summed_as_if_it_were_udp() {
    for coverage in [0, 8, 12] {
        let packet = build::udplite("10.0.1.5:1", "8.8.8.8:2000").payload(b"abcd").coverage(coverage);
        assert_eq!(of(packet.clone()), Checksum::Invalid);
        let bytes = packet.build();
        let right = View::parse(&bytes).unwrap().udplite().unwrap().checksum();
        // The pseudo header of UDP has 17 where that of UDP-Lite has 136.
        let as_udp = checksum::adjust(right, &[0, 136], &[0, 17]);
        assert_eq!(of(packet.checksum(as_udp.into())), Checksum::Valid);
    }
    let packet = build::udplite("10.0.1.5:1", "8.8.8.8:2000").payload(b"abcd");
    assert_eq!(of(packet.clone().no_checksum()), Checksum::Broken);
    assert_eq!(of(packet.clone().coverage(7)), Checksum::Broken);
    assert_eq!(of(packet.coverage(13)), Checksum::Broken);
}

#[test]
fn headers_that_are_cut_are_broken_and_fragments_have_no_sum() {
    assert_eq!(of(build::raw(6, "10.0.0.1", "10.0.0.2").payload([0; 19])), Checksum::Broken);
    assert_eq!(of(build::raw(17, "10.0.0.1", "10.0.0.2").payload([0; 7])), Checksum::Broken);
    assert_eq!(of(build::raw(1, "10.0.0.1", "10.0.0.2").payload([0; 7])), Checksum::Broken);
    assert_eq!(of(build::raw(58, "fd00::1", "fd00::2").payload([0; 7])), Checksum::Broken);
    assert_eq!(of(build::raw(99, "10.0.0.1", "10.0.0.2").payload([1; 7])), Checksum::Absent);
    let fragment = build::tcp("10.0.0.1:1", "10.0.0.2:2").bad_checksum().fragment(0, true);
    assert_eq!(of(fragment), Checksum::Absent);
}

#[test]
fn f27_an_unknown_protocol_is_asked_for_a_sum_over_its_bytes_alone() {
    for (payload, right) in [(&[0xff, 0xff, 0, 0][..], true), (b"abcdefgh", false)] {
        let bytes = build::raw(99, "10.0.0.1", "10.0.0.2").payload(payload).build();
        assert_eq!(sum_is_valid(&View::parse(&bytes).unwrap(), None), right);
    }
}

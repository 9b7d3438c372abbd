use packet::{View, build, verify};

use super::SequenceAdjust;

fn moved(adjust: SequenceAdjust, reply: bool, builder: packet::build::Builder) -> (u32, u32, Vec<u8>) {
    let mut bytes = builder.build();
    let layout = packet::layout::parse(&bytes).unwrap();
    assert!(adjust.apply(&mut bytes, layout, reply));
    let view = View::new(&bytes, layout);
    assert_eq!(verify::transport(&view), verify::Checksum::Valid);
    let tcp = view.tcp().unwrap();
    (tcp.sequence(), tcp.acknowledgement(), bytes.clone())
}

fn segment(seq: u32, ack: u32) -> packet::build::Builder {
    build::tcp("10.0.0.1:1", "10.0.0.2:21").flags("A").seq(seq).ack(ack)
}

#[test]
fn f62_numbers_behind_a_change_move_and_come_back() {
    let mut adjust = SequenceAdjust::default();
    adjust.moved(false, 1000, 3);
    assert_eq!(moved(adjust, false, segment(1000, 50)).0, 1000, "the changed packet itself");
    assert_eq!(moved(adjust, false, segment(1001, 50)).0, 1004);
    assert_eq!(moved(adjust, true, segment(50, 1000)).1, 1000);
    assert_eq!(moved(adjust, true, segment(50, 1030)).1, 1027);
    adjust.moved(false, 1100, 2_u32.wrapping_neg());
    assert_eq!(moved(adjust, false, segment(1100, 50)).0, 1103, "before the second change");
    assert_eq!(moved(adjust, false, segment(1101, 50)).0, 1102);
    // A repeat of the changed packet does not count twice.
    adjust.moved(false, 1100, 2_u32.wrapping_neg());
    assert_eq!(moved(adjust, false, segment(1101, 50)).0, 1102);
}

#[test]
fn f62_selective_acknowledgements_move_too() {
    let mut adjust = SequenceAdjust::default();
    adjust.moved(false, 1000, 3);
    let mut sack = vec![1, 1, 5, 10];
    sack.extend(1103_u32.to_be_bytes());
    sack.extend(1203_u32.to_be_bytes());
    let (_, ack, bytes) = moved(adjust, true, segment(50, 1003).tcp_options(&sack));
    assert_eq!(ack, 1000);
    assert_eq!(bytes.get(44..52), Some([1100_u32.to_be_bytes(), 1200_u32.to_be_bytes()].concat().as_slice()));
}

use super::{Device, PAIR_QUEUE, Pair};

#[test]
fn what_one_end_sends_the_other_receives_in_order() {
    let (mut left, mut right) = Pair::new("eth0", "peer0");
    assert_eq!((left.name(), right.name()), ("eth0", "peer0"));
    assert!(left.transmit(b"one").unwrap());
    assert!(left.transmit(b"three").unwrap());
    let mut buffer = [0; 4];
    assert_eq!(left.receive(&mut buffer).unwrap(), None);
    assert_eq!(right.receive(&mut buffer).unwrap(), Some(3));
    assert_eq!(&buffer[..3], b"one");
    assert_eq!(right.receive(&mut buffer).unwrap(), Some(4), "cut off at the buffer's end");
    assert_eq!(&buffer, b"thre");
    assert_eq!(right.receive(&mut buffer).unwrap(), None);
}

#[test]
fn a_full_queue_loses_packets_and_says_so() {
    let (mut left, mut right) = Pair::new("a", "b");
    for _ in 0..PAIR_QUEUE {
        assert!(left.transmit(b"x").unwrap());
    }
    assert!(!left.transmit(b"y").unwrap());
    let mut buffer = [0; 1];
    let received = std::iter::from_fn(|| right.receive(&mut buffer).unwrap()).count();
    assert_eq!(received, PAIR_QUEUE);
}

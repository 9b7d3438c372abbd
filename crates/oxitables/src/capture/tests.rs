//! Small files made here, both byte orders, every link type; files of tcpdump's shape; hostile files.
use packet::build;
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> InterfaceName {
    InterfaceName::new(text).unwrap()
}

fn udp() -> Vec<u8> {
    build::udp("10.0.0.1:1", "10.0.0.2:53").payload(b"x").build()
}

fn udp6() -> Vec<u8> {
    build::udp("[fd00::1]:1", "[fd00::2]:53").build()
}

/// A pcap file of one link type; each packet has its seconds, fraction, and how much longer it was on the wire.
fn pcap_file(big: bool, nano: bool, link: u32, packets: &[(u32, u32, i32, &[u8])]) -> Vec<u8> {
    let word = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let half = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    let magic = if nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let mut file = word(magic).to_vec();
    file.extend_from_slice(&half(2));
    file.extend_from_slice(&half(4));
    for value in [0, 0, 262_144, link] {
        file.extend_from_slice(&word(value));
    }
    for &(seconds, fraction, longer, data) in packets {
        let length = data.len() as u32;
        for value in [seconds, fraction, length, length.saturating_add_signed(longer)] {
            file.extend_from_slice(&word(value));
        }
        file.extend_from_slice(data);
    }
    file
}

fn one(link: u32, frame: &[u8]) -> Option<Frame> {
    let frames = read(&pcap_file(false, false, link, &[(1, 2, 0, frame)])).unwrap();
    assert!(frames.len() <= 1);
    frames.into_iter().next()
}

fn ethernet(destination: [u8; 6], tags: &[[u8; 4]], ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = [destination, [2, 0, 0, 0, 0, 9]].concat();
    frame.extend_from_slice(&tags.concat());
    frame.extend_from_slice(&ether_type.to_be_bytes());
    frame.extend_from_slice(packet);
    frame
}

#[test]
fn times_are_right_in_both_orders_and_resolutions() {
    for big in [false, true] {
        for (nano, expected) in [(false, Duration::new(7, 9_000)), (true, Duration::new(7, 9))] {
            let (packet, short) = (udp(), &udp()[..24]);
            let file =
                pcap_file(big, nano, 101, &[(7, 9, 0, &packet), (8, 0, 5, short), (9, 0, -3, &packet)]);
            let frames = read(&file).unwrap();
            assert_eq!(frames[0].time, expected);
            assert_eq!((frames[0].number, frames[0].bytes.as_slice()), (1, packet.as_slice()));
            assert_eq!(frames.iter().map(|frame| frame.cut).collect::<Vec<_>>(), [false, true, false]);
            assert_eq!((frames[1].interface, frames[1].ethernet, frames[1].direction), (None, None, None));
        }
    }
}

#[test]
fn every_link_type_gives_its_packet() {
    let (four, six) = (udp(), udp6());
    let to_us = [2, 0, 0, 0, 0, 1];
    for link in [12, 14, 101, 228] {
        assert_eq!(one(link, &four).unwrap().bytes, four, "{link}");
    }
    assert_eq!(one(229, &six).unwrap().bytes, six);
    let plain = one(1, &ethernet(to_us, &[], 0x0800, &four)).unwrap();
    assert_eq!((plain.bytes.as_slice(), plain.kind), (four.as_slice(), LinkKind::Host));
    assert_eq!(plain.ethernet.unwrap()[..], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0]);
    let tagged = ethernet([0xff; 6], &[[0x88, 0xa8, 0, 7], [0x81, 0, 0, 8]], 0x86dd, &six);
    let tagged = one(1, &tagged).unwrap();
    assert_eq!((tagged.bytes.as_slice(), tagged.kind), (six.as_slice(), LinkKind::Broadcast));
    assert_eq!(tagged.ethernet.unwrap()[12..], [0x86, 0xdd]);
    let group = one(1, &ethernet([1, 0, 0x5e, 0, 0, 1], &[], 0x0800, &four)).unwrap();
    assert_eq!(group.kind, LinkKind::Multicast);

    let cooked = |kind: u8, ether_type: [u8; 2]| {
        let mut frame = vec![0, kind, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        frame.extend_from_slice(&ether_type);
        frame
    };
    for (kind, addressee, direction) in [
        (0, LinkKind::Host, Direction::In),
        (1, LinkKind::Broadcast, Direction::In),
        (2, LinkKind::Multicast, Direction::In),
        (3, LinkKind::OtherHost, Direction::In),
        (4, LinkKind::Outgoing, Direction::Out),
    ] {
        let frame = one(113, &[cooked(kind, [8, 0]), four.clone()].concat()).unwrap();
        assert_eq!((frame.kind, frame.direction), (addressee, Some(direction)));
        assert_eq!(frame.bytes, four);
        let mut second = vec![0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, kind, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        second.extend_from_slice(&six);
        let frame = one(276, &second).unwrap();
        assert_eq!((frame.kind, frame.direction, frame.bytes), (addressee, Some(direction), six.clone()));
    }
    let vlan = [cooked(0, [0x81, 0]), vec![0, 7, 8, 0], four.clone()].concat();
    assert_eq!(one(113, &vlan).unwrap().bytes, four);
    let mut vlan = vec![0x81, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 8, 0];
    vlan.extend_from_slice(&four);
    assert_eq!(one(276, &vlan).unwrap().bytes, four);

    for (family, packet) in [(2_u32, &four), (10, &six), (24, &six), (28, &six), (30, &six)] {
        for link in [0, 108] {
            for family in [family.to_be_bytes(), family.to_le_bytes()] {
                assert_eq!(&one(link, &[&family[..], packet].concat()).unwrap().bytes, packet);
            }
        }
    }
}

#[test]
fn frames_that_are_not_ip_are_passed_over() {
    let arp = ethernet([0xff; 6], &[], 0x0806, &[0; 28]);
    let liar = ethernet([2, 0, 0, 0, 0, 1], &[], 0x0800, &udp6());
    let ip = ethernet([2, 0, 0, 0, 0, 1], &[], 0x0800, &udp());
    let deep = ethernet([2, 0, 0, 0, 0, 1], &[[0x81, 0, 0, 1]; 6], 0x0800, &udp());
    let file =
        pcap_file(false, false, 1, &[(0, 0, 0, &arp), (0, 0, 0, &liar), (0, 0, 0, &deep), (0, 0, 0, &ip)]);
    let frames = read(&file).unwrap();
    assert_eq!(frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [4]);
    for link in [0, 1, 101, 113, 276] {
        assert_eq!(one(link, &[]), None);
        assert_eq!(one(link, &[0x45]).map(|frame| frame.bytes.len()), (link == 101).then_some(1));
    }
}

#[test]
fn errors_name_the_packet() {
    let packet = udp();
    let file = pcap_file(false, false, 101, &[(0, 0, 0, &packet), (0, 0, 0, &packet)]);
    let error = |file: &[u8]| read(file).unwrap_err();
    assert_eq!(error(&file[..file.len() - 1]), Error { kind: ErrorKind::Cut, packet: 2 });
    assert_eq!(error(b""), Error { kind: ErrorKind::Unknown, packet: 0 });
    assert_eq!(error(b"GIF89a....."), Error { kind: ErrorKind::Unknown, packet: 0 });
    let wifi = pcap_file(false, false, 105, &[(0, 0, 0, &packet)]);
    assert_eq!(error(&wifi).to_string(), "packet 1: link type 105 is not read");
    assert!(matches!(error(&file[..10]).kind, ErrorKind::Format(_)));
}

#[test]
fn what_is_written_is_read_back() {
    let (four, six) = (udp(), udp6());
    let header = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd];
    let time = Duration::new(1_700_000_000, 123_456_789);
    let mut writer = Writer::new(Vec::new()).unwrap();
    let plain = Written {
        time,
        interface: name("wan0"),
        direction: Some(Direction::Out),
        ethernet: None,
        bytes: &four,
        comment: Some("ACCEPT by filter:FORWARD:3 – fine"),
    };
    let framed = Written {
        interface: name("br-0123456789ab"),
        direction: Some(Direction::In),
        ethernet: Some(header),
        bytes: &six,
        comment: None,
        ..plain
    };
    for packet in [&plain, &framed, &plain, &Written { interface: name("br-0123456789ab"), ..plain }] {
        writer.write(packet).unwrap();
    }
    writer.write(&Written { comment: Some(&"ü".repeat(60_000)), ..plain }).unwrap();
    let file = writer.finish();
    let frames = read(&file).unwrap();
    assert_eq!(frames.len(), 5);
    assert_eq!(
        frames[0],
        Frame {
            number: 1,
            time,
            interface: Some(name("wan0")),
            direction: Some(Direction::Out),
            kind: LinkKind::Host,
            ethernet: None,
            bytes: four,
            cut: false
        }
    );
    assert_eq!((frames[1].ethernet, frames[1].direction), (Some(header), Some(Direction::In)));
    assert_eq!((frames[3].interface, frames[3].ethernet), (Some(name("br-0123456789ab")), None));
    let comment = "ACCEPT by filter:FORWARD:3 – fine".as_bytes();
    assert!(file.windows(comment.len()).any(|window| window == comment));
}

/// A pcapng block.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len().next_multiple_of(4) + 12) as u32;
    let mut bytes = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    bytes.extend_from_slice(body);
    bytes.resize(length as usize - 4, 0);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])
}

fn interface(link: u16, snap: u32) -> Vec<u8> {
    let mut body = link.to_le_bytes().to_vec();
    body.extend_from_slice(&[0, 0]);
    body.extend_from_slice(&snap.to_le_bytes());
    body.extend_from_slice(&[2, 0, 4, 0]);
    body.extend_from_slice(b"eth7");
    body.extend_from_slice(&[0; 4]);
    block(1, &body)
}

#[test]
fn simple_packets_and_unknown_blocks() {
    let packet = udp();
    let mut simple = (packet.len() as u32).to_le_bytes().to_vec();
    simple.extend_from_slice(&packet);
    let odd = block(0x8000_0001, b"anything");
    let file = [section(), interface(101, 0), odd, block(3, &simple)].concat();
    let frames = read(&file).unwrap();
    assert_eq!((frames[0].bytes.as_slice(), frames[0].interface), (packet.as_slice(), Some(name("eth7"))));
    // The time has the default resolution of microseconds.
    let mut enhanced = [0_u32, 0, 5_000_001].map(u32::to_le_bytes).concat();
    enhanced.extend_from_slice(&[(packet.len() as u32), 900].map(u32::to_le_bytes).concat());
    enhanced.extend_from_slice(&packet);
    let frames = read(&[section(), interface(101, 0), block(6, &enhanced)].concat()).unwrap();
    assert_eq!((frames[0].time, frames[0].cut), (Duration::new(5, 1_000), true));
    // No interface, and a file that ends in the middle.
    assert!(read(&[section(), block(6, &enhanced)].concat()).is_err());
    assert_eq!(read(&[section(), block(3, &simple)].concat()).unwrap_err().packet, 1);
    let whole = [section(), interface(101, 0), block(3, &simple)].concat();
    for end in 4..whole.len() {
        if end != section().len() && end != section().len() + interface(101, 0).len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
    }
}

#[test]
fn files_of_tcpdump_are_read() {
    let any = read(include_bytes!("../../../../fixtures/pcap/tcpdump-any.pcap")).unwrap();
    let lo = read(include_bytes!("../../../../fixtures/pcap/tcpdump-lo.pcap")).unwrap();
    for frames in [&any, &lo] {
        // An echo request and its reply by IPv4, the same by IPv6.
        let kinds: Vec<_> = frames
            .iter()
            .map(|frame| {
                let view = packet::View::parse(&frame.bytes).unwrap();
                assert_eq!(packet::verify::transport(&view), packet::verify::Checksum::Valid);
                view.icmp().unwrap().kind
            })
            .collect();
        assert_eq!(kinds.iter().filter(|kind| matches!(kind, 8 | 128)).count(), 2, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| matches!(kind, 0 | 129)).count(), 2, "{kinds:?}");
    }
    assert!(any.iter().all(|frame| frame.direction.is_some() && frame.ethernet.is_none()));
    assert!(lo.iter().all(|frame| frame.direction.is_none() && frame.ethernet.is_some()));
}

fn valid() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for (at, bytes) in [udp(), udp6()].iter().enumerate() {
        let packet = Written {
            time: Duration::from_secs(at as u64),
            interface: name("eth0"),
            direction: Some(Direction::In),
            ethernet: (at == 1).then_some([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd]),
            bytes,
            comment: Some("c"),
        };
        writer.write(&packet).unwrap();
    }
    writer.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn damaged_files_do_not_make_it_panic(
        which in 0..3,
        damage in proptest::collection::vec((any::<usize>(), prop_oneof![Just(0), Just(255), any::<u8>()]), 0..8),
        cut: usize,
    ) {
        let packet = udp();
        let mut file = match which {
            0 => valid(),
            1 => pcap_file(true, false, 1, &[(0, 0, 0, &ethernet([0; 6], &[[0x81, 0, 0, 1]], 0x0800, &packet))]),
            _ => [section(), interface(276, 9), block(3, &packet), interface(0, 0)].concat(),
        };
        let length = file.len();
        for (at, value) in damage {
            file[at % length] = value;
        }
        file.truncate(cut % (length * 2));
        if let Ok(frames) = read(&file) {
            let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
            prop_assert!(bytes <= file.len());
        }
    }

    #[test]
    fn any_bytes_behind_a_magic_do_not_make_it_panic(
        magic in prop_oneof![Just(0x0a0d_0d0a_u32), Just(0xa1b2_c3d4), Just(0xd4c3_b2a1)],
        rest in proptest::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..120),
    ) {
        let file = [&magic.to_be_bytes()[..], &rest].concat();
        let _ = read(&file);
    }
}

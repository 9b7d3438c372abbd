use super::*;

#[test]
fn builds_what_packet_reads() {
    let bytes = parse("tcp 10.0.1.5:1000 > 8.8.8.8:80 SA seq=7 ack=9 win=4096 mss=1460 data=10").unwrap();
    let view = packet::View::parse(&bytes).unwrap();
    let tcp = view.tcp().unwrap();
    assert_eq!((tcp.source(), tcp.destination(), tcp.flags()), (1000, 80, 0x12));
    assert_eq!((tcp.sequence(), tcp.acknowledgement(), tcp.window()), (7, 9, 4096));
    assert_eq!(tcp.payload(), b"abcdefghij");
    assert_eq!(tcp.options().unwrap(), [2, 4, 5, 180]);
}

#[test]
fn fragments_cover_the_datagram() {
    let craft = parse_craft("udp [fd00:1::5]:1000 > [2001:db8::9]:53 id=77 data=100").unwrap();
    let fragments = craft.fragments(40);
    assert_eq!(fragments.len(), 3);
    let layout = packet::View::parse(&fragments[1]).unwrap().layout();
    assert_eq!(
        layout.fragment.map(|fragment| (fragment.id, fragment.offset, fragment.more)),
        Some((77, 40, true))
    );
}

#[test]
fn quotes_of_errors_and_faults() {
    let bytes =
        parse("icmp 9.9.9.9 > 10.0.1.5 type=3 code=1 rest=00000000 quote=28 about udp 10.0.1.5:1 > 8.8.8.8:53 data=9")
            .unwrap();
    assert_eq!(bytes.len(), 20 + 8 + 28);
    assert_eq!(checksum(&bytes[20..]), 0);
    let bad = parse("udp 10.0.1.5:1 > 8.8.8.8:53 badip").unwrap();
    assert_eq!(packet::View::parse(&bad).err(), Some(packet::Malformed::HeaderChecksum));
    assert!(parse("udp 10.0.1.5:1 > ::1 data=3").is_err());
    assert!(parse("tcp 10.0.1.5:1 > 8.8.8.8:53 Q").is_err());
}

//! Helpers of connection tracking and hostile payloads: whatever stands in them, nothing panics, what comes out is a packet,
//! and no connection expects more than its helper's policy allows.
use std::net::IpAddr;

use netfilter::engine::Engine;
use netfilter::skb::Link;
use packet::{Family, checksum, protocol};
use proptest::prelude::*;

use crate::bed;

const RULES: &str = "\
*raw
-A PREROUTING -p udp -m udp --dport 5060 -j CT --helper sip
-A PREROUTING -p tcp -m tcp --dport 5060 -j CT --helper sip
-A PREROUTING -p udp -m udp --dport 1719 -j CT --helper RAS
-A PREROUTING -p tcp -m tcp --dport 1720 -j CT --helper Q.931
COMMIT
*nat
-A POSTROUTING -o wan0 -j SNAT --to-source 203.0.113.1
COMMIT
";

/// What is sent through the helpers: port, whether by TCP, and an example.
const EXAMPLES: [(u16, bool, &[u8]); 6] = [
    (5060, false, INVITE),
    (5060, true, INVITE),
    (5060, false, REGISTER),
    (5060, false, ANSWER),
    (1719, false, REGISTRATION),
    (1720, true, SETUP),
];

const INVITE: &[u8] = b"INVITE sip:b@8.8.8.8 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.5:5060;rport;maddr=10.0.1.5\r\n\
Via: SIP/2.0/TCP 10.0.1.5:5060\r\nFrom: <sip:a@10.0.1.5>\r\nTo: <sip:b@8.8.8.8>\r\nCSeq: 1 INVITE\r\n\
Contact: <sip:a@10.0.1.5>,\r\n <sip:c@10.0.1.5>\r\nContent-Length: 96\r\n\r\nv=0\r\no=- 1 1 IN IP4 10.0.1.5\r\n\
c=IN IP4 10.0.1.5\r\nm=audio 4000 RTP\r\nc=IN IP4 10.0.1.5\r\nm=video 4002 RTP\r\n";
const REGISTER: &[u8] =
    b"REGISTER sip:8.8.8.8 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.5:5062\r\nCSeq: 2 REGISTER\r\n\
Contact: <sip:a@10.0.1.5:5062;transport=udp>;expires=50\r\nExpires: 10\r\n\r\n";
const ANSWER: &[u8] =
    b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 8.8.8.8:5060;received=8.8.8.8;rport=5060\r\nCSeq: 2 REGISTER\r\n\
m: <sip:a@8.8.8.8>;expires=5\r\nl: 0\r\n\r\n";
const REGISTRATION: &[u8] = &[
    0x0f, 0xc0, 0x00, 0x02, 0x06, 0x00, 0x08, 0x91, 0x4a, 0x00, 0x04, 0x40, 0xb5, 0x00, 0x53, 0x4c, 0x03,
    0x61, 0x62, 0x63, 0x80, 0x02, 0x00, 0x7f, 0x00, 0x00, 0x01, 0x06, 0xb8, 0x00, 0x0a, 0x00, 0x01, 0x05,
    0x06, 0xb8, 0x01, 0x00, 0x0a, 0x00, 0x01, 0x05, 0x06, 0xb7, 0x6e, 0x80, 0xb5, 0x00, 0x53, 0x4c, 0x03,
    0x61, 0x62, 0x63, 0x60, 0xb5, 0x00, 0x53, 0x4c, 0x02, 0x61, 0x62, 0x63, 0x00, 0x76, 0x40, 0x01, 0x28,
    0x08, 0x02, 0x01, 0x00, 0x23, 0x40, 0x20, 0xa9, 0x87, 0x60, 0x20, 0x00, 0x67, 0x00, 0x6b, 0x60, 0xb5,
    0x00, 0x53, 0x4c, 0x02, 0x61, 0x62, 0x63, 0x00, 0x76, 0x04, 0xc0, 0x02, 0x00, 0x77, 0x04, 0x00, 0x00,
    0x00, 0x00,
];
const SETUP: &[u8] = &[
    0x03, 0x00, 0x00, 0x75, 0x08, 0x02, 0x12, 0x34, 0x05, 0x7e, 0x00, 0x69, 0x05, 0x20, 0xc8, 0x06, 0x00,
    0x08, 0x91, 0x4a, 0x00, 0x04, 0x00, 0x0a, 0x00, 0x01, 0x05, 0x13, 0x88, 0x00, 0x00, 0x08, 0x08, 0x08,
    0x08, 0x06, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x34, 0x10, 0x07, 0x00, 0x0a, 0x00, 0x01, 0x05, 0x0b, 0xb8, 0x1b, 0x01, 0x19,
    0x00, 0x00, 0x64, 0x0c, 0x60, 0x13, 0x80, 0x11, 0x14, 0x00, 0x01, 0x00, 0x0a, 0x00, 0x01, 0x05, 0x0f,
    0xa0, 0x00, 0x0a, 0x00, 0x01, 0x05, 0x0f, 0xa1, 0x04, 0x40, 0x15, 0x01, 0x13, 0x03, 0x00, 0x00, 0x64,
    0x0c, 0x60, 0x13, 0x80, 0x0a, 0x10, 0x00, 0x01, 0x00, 0x0a, 0x00, 0x01, 0x05, 0x0f, 0xa6,
];

/// A packet of IPv4 from the lan to a server outside.
fn packet(port: u16, tcp: bool, numbers: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = ([10, 0, 1, 5], [8, 8, 8, 8]);
    let mut segment = Vec::new();
    segment.extend(port.to_be_bytes());
    segment.extend(port.to_be_bytes());
    let number = if tcp {
        segment.extend(numbers.0.to_be_bytes());
        segment.extend(numbers.1.to_be_bytes());
        segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        protocol::TCP
    } else {
        segment.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
        segment.extend([0, 0]);
        protocol::UDP
    };
    segment.extend(payload);
    whole(source, destination, number, segment)
}

fn whole(source: [u8; 4], destination: [u8; 4], number: u8, mut segment: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(segment.len()).unwrap();
    let start = checksum::pseudo(IpAddr::from(source), IpAddr::from(destination), number, length);
    let sum = checksum::finish(checksum::add(start, &segment)).to_be_bytes();
    let place = if number == protocol::TCP { 16 } else { 6 };
    segment[place..place + 2].copy_from_slice(&sum);
    let total = u16::try_from(20 + segment.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x45, 0, total[0], total[1], 0, 1, 0, 0, 64, number, 0, 0];
    bytes.extend(source);
    bytes.extend(destination);
    let sum = checksum::of(&bytes).to_be_bytes();
    bytes[10..12].copy_from_slice(&sum);
    bytes.extend(segment);
    bytes
}

fn send(engine: &mut Engine, device: &str, bytes: Vec<u8>) -> usize {
    let device = bed::device(engine, device);
    engine.receive(bed::at(0), device, Link::default(), bytes);
    let mut count = 0;
    while let Some(out) = engine.poll_transmit() {
        let layout = packet::layout::parse(&out.bytes).expect("what comes out is a packet");
        assert_eq!(layout.total_len, out.bytes.len());
        assert_eq!(layout.family, Family::V4);
        count += 1;
    }
    count
}

/// The handshake of a connection by TCP.
fn open(engine: &mut Engine, port: u16) {
    send(engine, "lan0", packet(port, true, (100, 0), 2, b""));
    let [high, low] = port.to_be_bytes();
    let answer = [high, low, high, low, 0, 0, 1, 0xf4, 0, 0, 0, 101, 0x50, 0x12, 0xff, 0xff, 0, 0, 0, 0];
    send(engine, "wan0", whole([8, 8, 8, 8], [203, 0, 113, 1], protocol::TCP, answer.to_vec()));
    send(engine, "lan0", packet(port, true, (101, 501), 0x10, b""));
}

#[test]
fn examples_are_understood() {
    for (port, tcp, example) in EXAMPLES {
        let mut engine = bed::engine(RULES, "");
        if tcp {
            open(&mut engine, port);
        }
        send(&mut engine, "lan0", packet(port, tcp, (101, 501), 0x18, example));
        let expected = engine.conntrack().expectations().count();
        assert_eq!(expected > 0, example != ANSWER, "{port} {tcp}: {expected}");
    }
}

#[test]
fn a_helper_says_in_the_log_why_it_drops() {
    let mut engine = bed::engine(RULES, "");
    let sent = send(&mut engine, "lan0", packet(5060, false, (0, 0), 0, b"BYE sip:b SIP/2.0\r\n"));
    assert_eq!(sent, 0);
    let line = engine.poll_log().expect("a line");
    // The kernel's words (6.18.44, by NFLOG); it does not say where the packet came from.
    let text = "nf_ct_sip: dropping packet: cannot parse cseq IN= OUT= SRC=203.0.113.1 DST=8.8.8.8 ";
    assert!(line.text.starts_with(text), "{}", line.text);
    assert_eq!(line.level, 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn nothing_panics_whatever_a_payload_says(
        messages in prop::collection::vec(
            (
                0_usize..6,
                prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 0..6),
                any::<prop::sample::Index>(),
                any::<bool>(),
            ),
            1..8,
        )
    ) {
        let mut engine = bed::engine(RULES, "");
        open(&mut engine, 5060);
        open(&mut engine, 1720);
        for (which, changes, cut, whole) in messages {
            let (port, tcp, example) = EXAMPLES[which];
            let mut payload = example.to_vec();
            for (at, value, how) in changes {
                let at = at.index(payload.len());
                match how {
                    0 => payload.insert(at, value),
                    1 if payload.len() > 1 => { payload.remove(at); }
                    2 => payload[at] ^= 1 << (value & 7),
                    _ => payload[at] = value,
                }
            }
            if !whole {
                let length = cut.index(payload.len());
                payload.truncate(length);
            }
            send(&mut engine, "lan0", packet(port, tcp, (101, 501), 0x18, &payload));
            // Two connections of SIP, one of RAS, one of Q.931.
            prop_assert!(engine.conntrack().expectations().count() <= 2 * (1 + 4 + 4 + 2) + 32 + 20);
        }
    }
}

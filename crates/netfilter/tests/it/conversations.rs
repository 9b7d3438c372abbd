//! Conversations of every helper, sensible and not, through NAT and without: nothing panics, what comes out is whole, both
//! ends see streams without gaps though texts change their length, and no helper expects more than it may.
use std::net::IpAddr;

use netfilter::conntrack::helper::Kind;
use netfilter::engine::Engine;
use netfilter::skb::Link;
use packet::{View, build, protocol, verify};
use proptest::prelude::*;

use crate::bed;

/// Helper, protocol, port, and pieces of what is said in its protocol.
type Spoken = (&'static str, u8, u16, &'static [&'static [u8]]);

const SPOKEN: [Spoken; 10] = [
    (
        "ftp",
        protocol::TCP,
        21,
        &[
            b"PORT ",
            b"10,0,1,5,",
            b"EPRT |1|10.0.1.5|",
            b"227 (",
            b"10,0,2,5,",
            b"229 (|||",
            b"19,137",
            b"5001|",
            b")",
            b"\r\n",
        ],
    ),
    (
        "irc",
        protocol::TCP,
        6667,
        &[
            b"PRIVMSG nobody",
            b" :\x01DCC ",
            b"SEND file ",
            b"CHAT chat ",
            b"167772421 ",
            b"3405803777 ",
            b"5000",
            b"70000",
            b"\x01\n",
            b" ",
        ],
    ),
    (
        "pptp",
        protocol::TCP,
        1723,
        &[
            b"\0\0\0\x01\x1a\x2b\x3c\x4d\0",
            b"\x01\0\0\0",
            b"\x02\0\0\x01\0\x01\0",
            b"\x07\0\0\x11\x11",
            b"\x08\0\0\x22\x22\x11\x11\x01",
            b"\x0d\0\0\x22\x22",
            &[0; 160],
            b"\x09\0\0\x22\x22",
            b"\x0a\0\0\x11\x11\x22\x22\x01",
            b"\x0b\0\0\x11\x11",
        ],
    ),
    ("sane", protocol::TCP, 6566, &[b"\0\0\0\x07", b"\0\0\0\x03", b"\0\0\0\0", b"\0\0\x13\x88", b"\0\0"]),
    (
        "sip",
        protocol::UDP,
        5060,
        &[
            b"INVITE sip:b@8.8.8.8 SIP/2.0\r\n",
            b"SIP/2.0 200 OK\r\n",
            b"Via: SIP/2.0/UDP 10.0.1.5:1000\r\n",
            b"Contact: <sip:a@10.0.1.5:1000>\r\n",
            b"CSeq: 1 INVITE\r\n",
            b"Content-Length: 60\r\n\r\n",
            b"v=0\r\no=- 0 0 IN IP4 10.0.1.5\r\nc=IN IP4 10.0.1.5\r\n",
            b"m=audio 6000 RTP/AVP 0\r\n",
            b"REGISTER sip:b SIP/2.0\r\n",
            b"Expires: 5\r\n",
        ],
    ),
    ("tftp", protocol::UDP, 69, &[b"\0\x01", b"\0\x02", b"\0\x03", b"file\0octet\0"]),
    (
        "amanda",
        protocol::UDP,
        10080,
        &[b"CONNECT ", b"DATA ", b"MESG ", b"INDEX ", b"STATE ", b"00050", b"50000", b" ", b"\n", b"99999"],
    ),
    ("netbios-ns", protocol::UDP, 137, &[b"\x01\x02", b"\0"]),
    (
        "snmp",
        protocol::UDP,
        161,
        &[
            b"\x30\x80",
            b"\x02\x01\x01",
            b"\x04\0",
            b"\xa2\x80",
            b"\x30\x80\x06\x01a",
            b"\x40\x04\x0a\0\x01\x05",
            b"\0\0",
            b"\x05\0",
        ],
    ),
    (
        "snmp_trap",
        protocol::UDP,
        162,
        &[b"\x30\x0b\x02\x01\0\x04\0", b"\xa7\0", b"\x30\0", b"\x40\x04\x0a\0\x01\x05"],
    ),
];

/// What makes a helper expect something, said in turn: whether it is an answer, and what is said.
fn sensible(name: &str) -> Vec<(bool, Vec<u8>)> {
    let control = |number: u8, body: &[u8]| {
        let mut bytes = vec![0, 0, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, number, 0, 0];
        bytes.extend(body);
        bytes.resize(12 + 208, 0);
        bytes
    };
    let answered = [0x22, 0x22, 0x11, 0x11, 1, 0];
    // The port of the client is its call's identifier behind NAT.
    let translated = [0x22, 0x22, 0x03, 0xe8, 1, 0];
    match name {
        "ftp" => vec![(false, b"USER a\r\n".to_vec()), (false, b"PORT 10,0,1,5,19,137\r\n".to_vec())],
        "irc" => vec![(false, b"PRIVMSG nobody :\x01DCC SEND file 167772421 5000\x01\n".to_vec())],
        "pptp" => vec![
            (false, control(1, &[])),
            (true, control(2, &[1, 0, 1])),
            (false, control(7, &[0x11, 0x11])),
            (true, control(8, &answered)),
            (true, control(8, &translated)),
        ],
        "sane" => vec![(false, vec![0, 0, 0, 7, 0, 0, 0, 3]), (true, vec![0, 0, 0, 0, 0, 0, 19, 136])],
        "tftp" => vec![(false, b"\0\x01file\0octet\0".to_vec())],
        "amanda" => {
            vec![(false, b"REQ".to_vec()), (true, b"CONNECT DATA 00050 MESG 00051\n".to_vec())]
        }
        _ => Vec::new(),
    }
}

/// One end of the conversation as it sees itself.
#[derive(Clone, Copy, Debug)]
struct End {
    own: (IpAddr, u16),
    peer: (IpAddr, u16),
    /// The next number it sends, and the next that it waits for.
    sends: u32,
    awaits: u32,
}

struct Conversation {
    engine: Engine,
    number: u8,
    seconds: u64,
    client: End,
    server: End,
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

impl Conversation {
    fn new((name, number, port, _): Spoken, translated: bool) -> Self {
        let word = if number == protocol::TCP { "tcp" } else { "udp" };
        let mut rules =
            format!("*raw\n-A PREROUTING -p {word} -m {word} --dport {port} -j CT --helper {name}\nCOMMIT\n");
        if translated {
            rules.push_str("*nat\n-A POSTROUTING -o wan0 -j SNAT --to-source 203.0.113.1\nCOMMIT\n");
        }
        let (client, server) = ((address("10.0.1.5"), 1000), (address("8.8.8.8"), port));
        let mut new = Self {
            engine: bed::engine(&rules, ""),
            number,
            seconds: 0,
            client: End { own: client, peer: server, sends: 100, awaits: 0 },
            server: End { own: server, peer: client, sends: u32::MAX - 100, awaits: 0 },
        };
        if number == protocol::TCP {
            for (reply, flags) in [(false, "S"), (true, "SA"), (false, "A")] {
                new.say(reply, flags, &[]);
            }
        }
        new
    }

    /// Says something; whether it came through.
    fn say(&mut self, reply: bool, flags: &str, payload: &[u8]) -> bool {
        let (from, device) = if reply { (self.server, "wan0") } else { (self.client, "lan0") };
        let bytes = match self.number {
            protocol::TCP => build::tcp(from.own, from.peer).flags(flags).seq(from.sends).ack(from.awaits),
            _ => build::udp(from.own, from.peer),
        };
        let device = bed::device(&self.engine, device);
        self.engine.receive(bed::at(self.seconds), device, Link::default(), bytes.payload(payload).build());
        let Some(out) = self.engine.poll_transmit() else { return false };
        assert!(self.engine.poll_transmit().is_none(), "one goes in, one comes out");
        let view = View::parse(&out.bytes).unwrap();
        assert_eq!(verify::transport(&view), verify::Checksum::Valid);
        let (source, destination) = view.ports().unwrap();
        let (own, other) =
            if reply { (&mut self.client, &mut self.server) } else { (&mut self.server, &mut self.client) };
        assert_eq!((view.destination(), destination), own.own, "it arrives");
        own.peer = (view.source(), source);
        if let Some(tcp) = view.tcp() {
            let begins = flags.contains('S');
            assert!(begins || tcp.sequence() == own.awaits, "{} instead of {}", tcp.sequence(), own.awaits);
            assert!(flags == "S" || tcp.acknowledgement() == own.sends, "what was sent is acknowledged");
            let (came, went) = (tcp.payload().len() as u32, payload.len() as u32);
            own.awaits = tcp.sequence().wrapping_add(came + u32::from(begins));
            other.sends = other.sends.wrapping_add(went + u32::from(begins));
        }
        true
    }

    /// A packet that meets an expectation, if there is one.
    fn meet(&mut self) {
        let Some(&expected) = self.engine.conntrack().expectations().next() else { return };
        let source = expected.source.unwrap_or(address("8.8.4.4"));
        let from = (source, expected.source_port.unwrap_or(20));
        let to = (expected.destination, expected.destination_port);
        let bytes = match expected.protocol {
            protocol::TCP => build::tcp(from, to).flags("S").build(),
            protocol::UDP => build::udp(from, to).build(),
            _ => {
                let [high, low] = to.1.to_be_bytes();
                let header = [0x20, 0x01, 0x88, 0x0b, 0, 0, high, low];
                build::raw(expected.protocol, from.0, to.0).payload(header).build()
            }
        };
        let inside = source.to_string().starts_with("10.0.1.");
        let device = bed::device(&self.engine, if inside { "lan0" } else { "wan0" });
        self.engine.receive(bed::at(self.seconds), device, Link::default(), bytes);
        while let Some(out) = self.engine.poll_transmit() {
            packet::layout::parse(&out.bytes).unwrap();
        }
        while self.engine.poll_deliver().is_some() {}
    }

    fn check(&self) {
        let all: Vec<_> = self.engine.conntrack().expectations().collect();
        for one in &all {
            let most = one.helper.policy(one.class).most_expected;
            let own = all.iter().filter(|other| (other.master, other.class) == (one.master, one.class));
            assert!(most == 0 || own.count() <= most, "{all:#?}");
        }
    }
}

/// What is done in a step: who says which pieces, with which bytes of chance among them, how long a pause is before.
type Step = (bool, Vec<(u8, u8)>, u8);

/// `sense`: how much of what is sensible comes first.
fn hold_conversation(spoken: Spoken, translated: bool, sense: usize, steps: &[Step]) {
    let (name, .., pieces) = spoken;
    let mut conversation = Conversation::new(spoken, translated);
    for (reply, payload) in sensible(name).into_iter().take(sense) {
        conversation.say(reply, "AP", &payload);
        conversation.check();
    }
    for (reply, words, pause) in steps {
        conversation.seconds += match pause {
            0 => 200,
            pause => u64::from(pause % 4),
        };
        let mut payload = Vec::new();
        for &(which, chance) in words {
            match pieces.get(usize::from(which) % (pieces.len() + 2)) {
                Some(piece) => payload.extend_from_slice(piece),
                None => payload.push(chance),
            }
        }
        conversation.say(*reply, "AP", &payload);
        if pause % 5 == 4 {
            conversation.meet();
        }
        conversation.check();
    }
    conversation.engine.conntrack_mut().flush();
    assert_eq!(conversation.engine.conntrack().expectations().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn any_conversation_of_any_helper(
        helper in 0..SPOKEN.len(),
        translated: bool,
        sense in 0_usize..6,
        steps in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec(any::<(u8, u8)>(), 0..12), any::<u8>()),
            0..16,
        ),
    ) {
        hold_conversation(SPOKEN[helper], translated, sense, &steps);
    }
}

/// Every helper that a rule can name is among them.
#[test]
fn no_helper_is_left_out() {
    for (name, number, ..) in SPOKEN {
        let found = Kind::from_name(name, packet::Family::V4, number);
        assert_eq!(found.map(Kind::name), Some(name));
    }
}

/// What is sensible is understood, with NAT and without, and what is expected comes.
#[test]
fn what_is_sensible_is_expected() {
    for spoken in SPOKEN {
        let (name, ..) = spoken;
        for translated in [false, true] {
            let mut conversation = Conversation::new(spoken, translated);
            for (reply, payload) in sensible(name) {
                assert!(conversation.say(reply, "AP", &payload), "{name}");
            }
            let expected = conversation.engine.conntrack().expectations().count();
            assert_eq!(expected > 0, !sensible(name).is_empty(), "{name}, translated: {translated}");
            let before = conversation.engine.conntrack().len();
            conversation.meet();
            assert_eq!(conversation.engine.conntrack().len(), before + usize::from(expected > 0), "{name}");
        }
    }
}

/// Announcements that change their length, in both directions of one session.
#[test]
fn streams_have_no_gaps() {
    let mut ftp = Conversation::new(SPOKEN[0], true);
    for text in
        ["USER a\r\n", "PORT 10,0,1,5,19,137\r\n", "NOOP\r\n", "EPRT |1|10.0.1.5|5001|\r\n", "QUIT\r\n"]
    {
        assert!(ftp.say(false, "AP", text.as_bytes()), "{text}");
        assert!(ftp.say(true, "AP", b"200 ok\r\n"), "{text}");
    }
    let id = ftp.engine.conntrack().iter().next().unwrap().1.rare().sequence;
    assert!(id.is_some(), "numbers were moved");
}

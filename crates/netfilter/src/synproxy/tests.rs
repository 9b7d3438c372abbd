use std::collections::VecDeque;

use packet::show;

use super::*;
use crate::engine::{Config, Engine};
use crate::skb::Link;
use crate::time::Seeded;
use crate::{Instant, Now};

const NETWORK: &str = "\
device lan0
device wan0
address 10.0.1.1/24 dev lan0
address 203.0.113.1/24 dev wan0
route default via 203.0.113.254 dev wan0
sysctl net.ipv4.ip_forward=1
";
const RULES: &str = "\
*raw
-A PREROUTING -p tcp -m tcp --syn -j CT --notrack
COMMIT
*filter
-A FORWARD -p tcp -m state --state INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
COMMIT
";

/// A router with SYNPROXY between `lan0`, where the client is, and `wan0`, where the server is.
struct Router {
    engine: Engine,
    now: Now,
}

/// What came out: the device and the packet.
type Out = VecDeque<(String, Vec<u8>)>;

impl Router {
    fn new() -> Self {
        let conntrack = crate::conntrack::Config { tcp_loose: false, ..Default::default() };
        let mut engine = Engine::new(Config {
            settings: Default::default(),
            conntrack,
            defrag: Default::default(),
            always_track: false,
            hash_key: [3, 4],
            network: crate::route::text::parse(NETWORK).unwrap(),
            random: Box::new(Seeded::new(1)),
        });
        engine.set_ruleset(&rules::syntax::load(RULES, Family::V4, None).unwrap());
        Self { engine, now: Now { mono: Instant(1_000_000_000_000), wall: 0 } }
    }

    fn wait(&mut self, seconds: u64) {
        self.now.mono.0 += seconds * 1_000_000_000;
    }

    fn receive(&mut self, line: &str) -> Out {
        let shown = show::parse(line).unwrap_or_else(|error| panic!("{line}: {error:?}"));
        let device = self.engine.network().device_named(shown.device.unwrap()).unwrap();
        self.engine.receive(self.now, device, Link::default(), shown.bytes);
        let mut out = Out::new();
        while let Some(sent) = self.engine.poll_transmit() {
            let name = self.engine.network().device(sent.device).unwrap().name.to_string();
            out.push_back((name, sent.bytes));
        }
        out
    }
}

/// Sequence number, acknowledgement, timestamp of the only packet, which came out of a device.
fn only(out: Out, device: &str) -> (u32, u32, Option<(u32, u32)>) {
    let [(own, bytes)] = out.iter().collect::<Vec<_>>()[..] else { panic!("{out:?}") };
    assert_eq!(own, device);
    let view = View::parse(bytes).unwrap();
    let tcp = view.tcp().unwrap();
    let options = Options::parse(view.after_header()).unwrap();
    (tcp.sequence(), tcp.acknowledgement(), options.timestamp)
}

const SYN_LINE: &str = "lan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 S seq 1000 win 100 mss 1460 ts 7 0";

fn ack(sequence: u32, acknowledgement: u32, timestamp: (u32, u32)) -> String {
    let (value, echoed) = timestamp;
    format!("lan0 tcp 10.0.1.5:1000 > 8.8.8.8:80 A seq {sequence} ack {acknowledgement} ts {value} {echoed}")
}

/// A cookie is good until two minutes have begun after its own, for its ends and its number alone.
#[test]
fn cookies_are_checked() {
    let mut router = Router::new();
    let (cookie, _, timestamp) = only(router.receive(SYN_LINE), "lan0");
    let own = timestamp.unwrap().0;
    assert!(router.engine.conntrack().is_empty(), "nothing is remembered");
    let right = ack(1001, cookie.wrapping_add(1), (8, own));
    for wrong in [
        ack(1001, cookie.wrapping_add(51), (8, own)),
        ack(1051, cookie.wrapping_add(1), (8, own)),
        right.replace(":1000", ":1001"),
        right.replace("10.0.1.5", "10.0.1.6"),
    ] {
        assert!(router.receive(&wrong).is_empty(), "{wrong}");
    }
    router.wait(60);
    let (sequence, relayed, timestamp) = only(router.receive(&right), "wan0");
    assert_eq!((sequence, relayed, timestamp), (1000, cookie, Some((8, own))));
    let mut late = Router::new();
    only(late.receive(SYN_LINE), "lan0");
    late.wait(120);
    assert!(late.receive(&right).is_empty());
}

/// Where the SYN to the server is lost, a keep-alive of the client sends another one. Linux: its number is one less than
/// that of an ACK, so that the size of segments is read one too large, and the largest one is none any more.
#[test]
fn a_keep_alive_asks_again() {
    let mut router = Router::new();
    let (cookie, _, timestamp) = only(router.receive(&SYN_LINE.replace("1460", "1440")), "lan0");
    let own = timestamp.unwrap().0;
    only(router.receive(&ack(1001, cookie.wrapping_add(1), (8, own))), "wan0");
    let (sequence, ..) = only(router.receive(&ack(1000, cookie.wrapping_add(1), (9, own))), "wan0");
    assert_eq!(sequence, 1000);
    assert_eq!(router.engine.conntrack().len(), 1);
    assert!(router.receive(&ack(1000, cookie.wrapping_add(2), (9, own))).is_empty(), "no such size");
}

/// Numbers and timestamps are moved in both directions, with checksums that stay right.
#[test]
fn both_sides_see_their_own_numbers() {
    let mut router = Router::new();
    let (cookie, _, timestamp) = only(router.receive(SYN_LINE), "lan0");
    let own = timestamp.unwrap().0;
    only(router.receive(&ack(1001, cookie.wrapping_add(1), (8, own))), "wan0");
    let server = "wan0 tcp 8.8.8.8:80 > 10.0.1.5:1000";
    let mut out = router.receive(&format!("{server} SA seq 5000 ack 1001 ts 70000 8"));
    let (to_client, to_server) = match out.pop_front() {
        Some(first) if first.0 == "lan0" => (first, out.pop_front().unwrap()),
        Some(first) => (out.pop_front().unwrap(), first),
        None => panic!("no answer"),
    };
    // Linux: the echo of the acknowledgement is moved although it is the server's own already.
    let moved = 70000_u32.wrapping_add(70000_u32.wrapping_sub(own));
    assert_eq!(only(Out::from([to_server]), "wan0"), (1001, 5001, Some((8, moved))));
    assert_eq!(only(Out::from([to_client]), "lan0"), (cookie.wrapping_add(1), 1001, Some((own, 8))));
    let right = |out: &Out| {
        out.iter().all(|(_, bytes)| verify::sum_is_valid(&View::parse(bytes).unwrap(), Some(protocol::TCP)))
    };
    let out = router.receive(&format!("{server} PA seq 5001 ack 1001 ts 70005 8 data 68656c6c6f"));
    assert!(right(&out));
    assert_eq!(only(out, "lan0"), (cookie.wrapping_add(1), 1001, Some((own.wrapping_add(5), 8))));
    let out = router.receive(&ack(1001, cookie.wrapping_add(6), (9, own.wrapping_add(5))));
    assert!(right(&out));
    assert_eq!(only(out, "wan0"), (1001, 5006, Some((9, 70005))));
}

/// What of options is broken ends them; cut ones make the segment none.
#[test]
fn options_are_read_as_far_as_they_go() {
    let read = |options: &[u8], words: u8| {
        let mut tcp = vec![0; 20];
        tcp[12] = words << 4;
        tcp.extend_from_slice(options);
        Options::parse(&tcp)
    };
    assert_eq!(read(&[], 5), Some(Options::default()));
    assert_eq!(read(&[], 3), Some(Options::default()));
    assert_eq!(read(&[2, 4, 5], 6), None);
    let scale = Options { scale: Some(14), ..Options::default() };
    assert_eq!(read(&[1, 3, 3, 200], 6), Some(scale));
    assert_eq!(read(&[3, 3, 200, 2, 4, 5, 180, 0], 7).unwrap().mss, Some(1460));
    assert_eq!(read(&[2, 0, 3, 3, 1, 0, 0, 0], 7), Some(Options::default()), "a length below 2");
    assert_eq!(read(&[2, 9, 3, 3], 6), Some(Options::default()), "a length beyond the header");
    assert_eq!(read(&[0, 2, 4, 5], 6), Some(Options::default()), "behind the end");
    assert_eq!(read(&[4, 3, 0, 2, 2, 0, 0, 0], 7), Some(Options::default()), "other lengths than their own");
}

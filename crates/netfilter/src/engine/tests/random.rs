//! Random rulesets and random traffic for a long time, with changes of the rules and devices in between: nothing panics,
//! nothing leaks, every store keeps its limit and agrees with itself.
use std::net::IpAddr;

use packet::{View, build, protocol};

use super::*;
use crate::skb::{Origin, Owner};

const MOST_CONNECTIONS: usize = 12;
const MOST_EXPECTED: usize = 3;

struct Traffic {
    chance: Seeded,
    /// What came out, for answers and errors; the newest last.
    seen: Vec<(DeviceId, Vec<u8>)>,
    /// Fragments that wait to be sent.
    pieces: Vec<(DeviceId, Vec<u8>)>,
}

const HOSTS_V4: [&str; 12] = [
    "10.0.1.5",
    "10.0.1.5",
    "10.0.1.5",
    "8.8.8.8",
    "10.0.1.6",
    "10.0.2.5",
    "8.8.8.8",
    "8.8.4.4",
    "10.0.1.1",
    "203.0.113.1",
    "127.0.0.1",
    "10.0.1.255",
];
const HOSTS_V6: [&str; 7] =
    ["fd00:1::5", "fd00:2::5", "2001:db8:8::8", "2001:db8:9::9", "fd00:1::1", "2001:db8::1", "::1"];
const FTP: [&str; 7] = [
    "PORT 10,0,1,5,19,137\r\n",
    "PORT 10,0,1,5,19,137\r\n",
    "PORT 10,0,1,6,255,255\r\n",
    "EPRT |2|fd00:1::5|5001|\r\n",
    "227 Entering (8,8,8,8,19,138)\r\n",
    "229 Extended (|||5002|)\r\n",
    "USER x\r\n",
];

impl Traffic {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.chance.next_u64() % bound as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn host(&mut self, six: bool) -> IpAddr {
        let text = if six { self.of(&HOSTS_V6) } else { self.of(&HOSTS_V4) };
        text.parse().unwrap()
    }

    fn payload(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => self.of(&FTP).as_bytes().to_vec(),
            1 => Vec::new(),
            2 => vec![b'a'; self.of(&[1, 7, 8, 600, 3000])],
            _ => (0..self.below(40)).map(|at| at as u8).collect(),
        }
    }

    fn fresh(&mut self) -> (DeviceId, Vec<u8>) {
        let six = self.below(3) == 0;
        let (source, destination) = (self.host(six), self.host(six));
        let ports = (self.of(&[1000, 1001, 1001, 600]), self.of(&[21, 21, 21, 53, 80, 1000]));
        let (from, to) = ((source, ports.0), (destination, ports.1));
        let payload = self.payload();
        let packet = match self.below(10) {
            0..=3 => {
                let flags =
                    self.of(&["S", "S", "S", "S", "S", "S", "S", "SA", "A", "AP", "FA", "R", "RA", "SF", ""]);
                let sequence = self.of(&[100, u32::MAX - 3, 1000]);
                let mut tcp = build::tcp(from, to).flags(flags).seq(sequence).ack(self.of(&[0, 101, 5000]));
                if self.below(2) == 0 {
                    tcp = tcp.window_scale(self.of(&[0, 7, 15, 255])).sack_permitted();
                }
                tcp.window(self.of(&[0, 1, 4096, 65535])).payload(payload)
            }
            4 | 5 => build::udp(from, to).payload(payload),
            6 => build::icmp(source, destination).echo_request(7, 1).payload(payload),
            7 => {
                build::icmp(source, destination).kind(self.of(&[0, 3, 5, 11, 13, 17, 130, 135, 137, 1, 2]), 0)
            }
            8 => build::sctp(from, to).payload([self.of(&[1, 2, 5, 10]), 0, 0, 4]),
            _ => build::raw(self.of(&[99, protocol::GRE, protocol::AH, 33, 60]), source, destination)
                .payload(payload),
        };
        let device = DeviceId(u32::try_from(self.below(4)).unwrap());
        (device, packet.ttl(self.of(&[64, 64, 2, 1])).build())
    }

    /// The other side's answer to something that came out, or an error about it.
    fn answer(&mut self) -> Option<(DeviceId, Vec<u8>)> {
        let at = self.seen.len().checked_sub(1 + self.below(3))?;
        let (device, bytes) = self.seen[at].clone();
        let view = View::parse(&bytes).ok()?;
        let (source, destination) = (view.source(), view.destination());
        if self.below(4) == 0 {
            let family = view.family() == Family::V4;
            let (kind, code) = if family {
                self.of(&[(3, 3), (3, 4), (11, 0), (5, 1), (4, 0)])
            } else {
                self.of(&[(1, 4), (2, 0), (3, 0)])
            };
            let quoted = bytes.get(..self.of(&[28, 44, 48, 60, 1000]).min(bytes.len()))?;
            let sender = if self.below(2) == 0 { destination } else { self.host(!family) };
            return Some((device, build::icmp_error(sender, source, kind, code, quoted).build()));
        }
        let payload = match view.ports() {
            Some((21, _) | (_, 21)) => self.of(&FTP).as_bytes().to_vec(),
            _ => self.payload(),
        };
        let packet = match (view.tcp(), view.ports(), view.icmp()) {
            (Some(tcp), ..) => {
                let flags = match tcp.flags() & 0x17 {
                    2 => self.of(&["SA", "SA", "SA", "RA", "A", "S"]),
                    0x12 => self.of(&["A", "A", "AP", "AP", "AP", "R"]),
                    _ => self.of(&["A", "AP", "AP", "AP", "AP", "AP", "AP", "AP", "FA", "R"]),
                };
                let next = tcp.sequence().wrapping_add(u32::from(tcp.flags() & 3 != 0));
                let next = next.wrapping_add(u32::try_from(tcp.payload().len()).ok()?);
                let off = self.of(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5000, u32::MAX]);
                let back = build::tcp((destination, tcp.destination()), (source, tcp.source()));
                let back =
                    back.flags(flags).seq(tcp.acknowledgement().wrapping_add(off)).ack(next).window(8192);
                if flags.contains('S') { back } else { back.payload(payload) }
            }
            (_, Some((from, to)), _) if view.protocol() == Some(protocol::UDP) => {
                build::udp((destination, to), (source, from)).payload(payload)
            }
            (_, _, Some(echo)) => build::icmp(destination, source).echo_reply(echo.id(), echo.sequence()),
            _ => return None,
        };
        Some((device, packet.build()))
    }

    /// The beginning of a connection that is expected.
    fn expected(&mut self, table: &Conntrack) -> Option<(DeviceId, Vec<u8>)> {
        let wanted = *table.expectations().next().filter(|_| self.below(4) == 0)?;
        let from = (wanted.source?, wanted.source_port.unwrap_or(20));
        let syn = build::tcp(from, (wanted.destination, wanted.destination_port)).flags("S").seq(9);
        Some((DeviceId(self.of(&[1, 3])), syn.build()))
    }

    /// An FTP session behind MASQUERADE up to its announcement and beyond.
    fn session(&mut self) {
        let port = self.of(&[2000, 2001, 2002]);
        let client = || build::tcp(("10.0.1.5".parse().unwrap(), port), ("8.8.8.8".parse().unwrap(), 21));
        let server = || build::tcp(("8.8.8.8".parse().unwrap(), 21), ("203.0.113.1".parse().unwrap(), port));
        let announced = format!("PORT 10,0,1,5,19,{}\r\n", self.below(256));
        let end = 109 + u32::try_from(announced.len()).unwrap();
        let (lan, wan) = (DeviceId(1), DeviceId(3));
        let script = [
            (lan, client().flags("S").seq(100)),
            (wan, server().flags("SA").seq(500).ack(101)),
            (lan, client().flags("A").seq(101).ack(501)),
            (lan, client().flags("AP").seq(101).ack(501).payload("USER x\r\n")),
            (lan, client().flags("AP").seq(109).ack(501).payload(announced)),
            (wan, server().flags("AP").seq(501).ack(end).payload("200 ok\r\n")),
            (lan, client().flags("A").seq(end).ack(509)),
        ];
        self.pieces = script.into_iter().rev().map(|(device, packet)| (device, packet.build())).collect();
    }

    fn next(&mut self, table: &Conntrack) -> (DeviceId, Vec<u8>) {
        if let Some(piece) = self.pieces.pop().or_else(|| self.expected(table)) {
            return piece;
        }
        if self.below(60) == 0 {
            self.session();
        }
        let answer = if self.below(3) > 0 { self.answer() } else { None };
        let (device, mut bytes) = answer.unwrap_or_else(|| self.fresh());
        match self.below(12) {
            0 => {
                let at = self.below(bytes.len());
                bytes[at] = bytes[at].wrapping_add(1);
            }
            1 => {
                let length = self.below(bytes.len());
                bytes.truncate(length);
                resize(&mut bytes);
            }
            2 if bytes.len() > 80 => {
                let id = self.of(&[1, 2, 3]);
                let mut pieces = build::fragments(&bytes, self.of(&[68, 300, 1280]), id);
                match self.below(4) {
                    0 => pieces.reverse(),
                    1 => drop(pieces.pop()),
                    2 => pieces.push(pieces[0].clone()),
                    _ => {}
                }
                self.pieces = pieces.into_iter().map(|piece| (device, piece)).collect();
                return self.pieces.pop().unwrap_or((device, bytes));
            }
            _ => {}
        }
        (device, bytes)
    }
}

/// Makes the IP header right for bytes that were cut.
fn resize(bytes: &mut [u8]) {
    let length = bytes.len();
    match bytes.first().map(|first| first >> 4) {
        Some(4) if length >= 20 => {
            bytes[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            let header = (usize::from(bytes[0] & 15) * 4).min(length);
            bytes[10..12].fill(0);
            let sum = packet::checksum::of(&bytes[..header]);
            bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        Some(6) if length >= 40 => {
            bytes[4..6].copy_from_slice(&u16::try_from(length - 40).unwrap().to_be_bytes());
        }
        _ => {}
    }
}

/// The extensions that are evaluated. A packet that meets another one goes no further.
const EVALUATED: &[&str] = &[
    "addrtype",
    "ah",
    "comment",
    "connmark",
    "conntrack",
    "dccp",
    "dscp",
    "ecn",
    "esp",
    "eui64",
    "hl",
    "icmp",
    "icmp6",
    "ipcomp",
    "iprange",
    "length",
    "limit",
    "mac",
    "mark",
    "multiport",
    "owner",
    "physdev",
    "pkttype",
    "sctp",
    "state",
    "statistic",
    "string",
    "tcp",
    "tcpmss",
    "tos",
    "ttl",
    "udp",
    "CONNMARK",
    "CT",
    "DNAT",
    "LOG",
    "MARK",
    "MASQUERADE",
    "NETMAP",
    "NOTRACK",
    "REDIRECT",
    "REJECT",
    "SNAT",
    "TRACE",
];

/// Those that are read and not yet evaluated.
fn unevaluated() -> Vec<&'static str> {
    let all = rules::matches::SPECS.iter().chain(rules::targets::SPECS);
    all.map(|spec| spec.name).filter(|name| !EVALUATED.contains(name)).collect()
}

fn set_rules(engine: &mut Engine, traffic: &mut Traffic) {
    for family in [Family::V4, Family::V6] {
        let without = if traffic.below(4) == 0 { Vec::new() } else { unevaluated() };
        let options =
            rules::generate::Options { queue: traffic.below(4) == 0, without, ..Default::default() };
        engine.set_ruleset(&rules::generate::ruleset(&mut || traffic.chance.next_u64(), family, &options));
    }
}

/// Rules under which FTP with NAT gets far, and more than one table drops now and then.
const FTP_RULES: &str = "\
*raw
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
-A OUTPUT -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*nat
-A PREROUTING -i wan0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.2.5:8080
-A PREROUTING -i lan0 -p udp -m udp --dport 53 -j REDIRECT
-A OUTPUT -p udp -j DNAT --to-destination 10.0.1.1
-A POSTROUTING -o wan0 -p udp -j SNAT --to-source 203.0.113.1:5000-5003
-A POSTROUTING -o wan0 -j MASQUERADE
COMMIT
*filter
-A INPUT -m statistic --mode nth --every 5 --packet 0 -j REJECT
-A OUTPUT -m statistic --mode nth --every 7 --packet 0 -j REJECT
-A FORWARD -m statistic --mode nth --every 9 --packet 0 -j REJECT
COMMIT
*mangle
-A POSTROUTING -m statistic --mode nth --every 6 --packet 0 -j DROP
COMMIT
";

/// How far the traffic got.
#[derive(Debug, Default)]
struct Seen {
    full: usize,
    assured: usize,
    translated: usize,
    expecting: usize,
    expected: usize,
    moved: usize,
}

impl Seen {
    fn note(&mut self, table: &Conntrack) {
        use conntrack::Status;
        self.full += usize::from(table.len() == MOST_CONNECTIONS);
        self.expecting += usize::from(table.expectations().next().is_some());
        for (_, connection) in table.iter() {
            let has = |bit| usize::from(connection.status.any(bit));
            self.assured += has(Status::ASSURED);
            self.translated += has(Status::NAT_MASK);
            self.expected += has(Status::EXPECTED);
            self.moved += has(Status::SEQ_ADJUST);
        }
    }
}

fn run(seed: u64, steps: usize) -> Seen {
    let config = conntrack::Config {
        max: MOST_CONNECTIONS,
        expect_max: MOST_EXPECTED,
        most_events: 16,
        ..conntrack::Config::default()
    };
    let mut engine = engine_of(config, seed);
    let mut traffic = Traffic { chance: Seeded::new(seed), seen: Vec::new(), pieces: Vec::new() };
    let mut nanos = 3_600_000_000_000_u64;
    let mut seen = Seen::default();
    for step in 0..steps {
        if step % 100 == 0 {
            match (seed + step as u64 / 100) % 3 {
                0 => engine.set_ruleset(&restore::load(FTP_RULES, Family::V4, None).unwrap()),
                _ => set_rules(&mut engine, &mut traffic),
            }
        }
        nanos += match traffic.below(40) {
            0 => traffic.of(&[31_000_000_000, 130_000_000_000, 700_000_000_000]),
            1..=9 => traffic.of(&[1_000_000, 1_000_000_000]),
            _ => 0,
        };
        let now = Now { mono: Instant(nanos), wall: nanos };
        if traffic.below(4) == 0 {
            engine.expire(now);
        }
        let (device, bytes) = traffic.next(&engine.conntrack);
        if traffic.below(5) == 0 {
            let socket = traffic.of(&[None, Some(Owner { uid: 1000, gid: 100, has_file: true })]);
            let _told =
                engine.send_local(now, Origin { socket, known: true, mark: 0, ..Origin::default() }, bytes);
        } else {
            engine.receive(now, device, Link::default(), bytes);
        }
        while let Some(out) = engine.poll_transmit() {
            packet::layout::parse(&out.bytes).expect("what comes out is a packet");
            traffic.seen.push((out.device, out.bytes));
        }
        while let Some(out) = engine.poll_deliver() {
            packet::layout::parse(&out.bytes).expect("what is delivered is a packet");
            traffic.seen.push((DeviceId::LOOPBACK, out.bytes));
        }
        if traffic.seen.len() > 100 {
            traffic.seen.drain(..50);
        }
        while engine.poll_log().is_some() {}
        assert!(
            engine.emitted.is_empty() && engine.backlog.is_empty() && engine.held.is_empty(),
            "{seed}:{step}"
        );
        assert!(engine.conntrack.len() <= MOST_CONNECTIONS);
        assert!(engine.conntrack.expectations().count() <= MOST_EXPECTED);
        engine.conntrack.assert_consistent();
        seen.note(&engine.conntrack);
    }
    let end = Now { mono: Instant(nanos + 1_000_000_000_000_000), wall: nanos };
    engine.expire(end);
    while engine.poll_transmit().is_some() {}
    engine.expire(end);
    assert!(engine.conntrack.is_empty() && engine.defrag.is_empty(), "all has ended");
    assert_eq!(engine.poll_timeout(), None);
    seen
}

#[test]
fn nothing_panics_and_nothing_leaks() {
    let mut all = Seen::default();
    for seed in 0..12 {
        let seen = run(seed, 2000);
        all.full += seen.full;
        all.assured += seen.assured;
        all.translated += seen.translated;
        all.expecting += seen.expecting;
        all.expected += seen.expected;
        all.moved += seen.moved;
    }
    let Seen { full, assured, translated, expecting, expected, moved } = all;
    assert!(
        [full, assured, translated, expecting, expected, moved].iter().all(|&times| times > 0),
        "{all:?}"
    );
}

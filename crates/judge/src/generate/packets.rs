//! Random packets: from the pools that the rules speak of, answers to what came out, errors about it, and things
//! that are wrong in one place.
use std::net::IpAddr;

use super::conversations::Session;
use super::{Choice, Scene, bridge, timing, transports};
use crate::StepOutcome;
use crate::case::{Step, turned_craft};
use crate::craft::{self, Body, Craft};

/// IPv4 options: nothing, an end with something behind it, router alert, record route (empty, with one place left, full,
/// wrong), timestamps (three kinds, full, wrong), source routes.
const OPTIONS: [&[u8]; 17] = [
    &[1, 1, 1, 0],
    &[1, 0],
    &[1, 0, 7, 9],
    &[0x94, 4, 0, 0],
    &[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0],
    &[7, 7, 4, 0, 0, 0, 0],
    &[7, 7, 8, 1, 2, 3, 4],
    &[7, 7, 6, 1, 2, 3, 4],
    &[7, 15, 8, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x94, 4, 0, 0],
    &[68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[68, 20, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[68, 12, 5, 3, 10, 0, 1, 1, 0, 0, 0, 0],
    &[68, 4, 5, 0x20],
    &[68, 8, 5, 1, 0, 0, 0, 0],
    &[131, 7, 4, 8, 8, 8, 8],
    &[131, 7, 8, 9, 9, 9, 9],
    &[137, 3, 4],
];

/// What the generator remembers of a case.
#[derive(Debug)]
pub(super) struct Traffic {
    v6: bool,
    /// What came out, and what went in.
    outputs: Vec<(String, Vec<u8>)>,
    inputs: Vec<(Option<String>, Vec<u8>)>,
    fresh_id: u32,
    scene: Scene,
    session: Option<Session>,
    /// Whether time has gone by: then what was before is taken up, and nothing waits for time to go by.
    late: bool,
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
}

/// Hosts behind a device.
fn hosts(v6: bool, device: &str) -> &'static [&'static str] {
    let own = bridge::hosts(v6, device);
    if !own.is_empty() {
        return own;
    }
    match (v6, device) {
        (false, "lan0") => &["10.0.1.5", "10.0.1.5", "10.0.1.6", "10.0.1.7"],
        (false, "dmz0") => &["10.0.2.5", "10.0.2.6"],
        (false, _) => &["8.8.8.8", "8.8.8.8", "203.0.113.9", "198.51.100.7"],
        (true, "lan0") => &["fd00:1::5", "fd00:1::5", "fd00:1::6", "fd00:1::7"],
        (true, "dmz0") => &["fd00:2::5", "fd00:2::6"],
        (true, _) => &["2001:db8:8::8", "2001:db8:8::8", "2001:db8::9", "2001:db8:7::7"],
    }
}

fn routers(v6: bool) -> &'static [&'static str] {
    if v6 { &["fd00:1::1", "fd00:2::1", "2001:db8::1"] } else { &["10.0.1.1", "10.0.2.1", "203.0.113.1"] }
}

impl Traffic {
    pub(super) fn new(v6: bool, fresh_id: u32, scene: Scene, session: Option<Session>) -> Self {
        Self { v6, outputs: Vec::new(), inputs: Vec::new(), fresh_id, scene, session, late: false }
    }

    /// Takes notice of a sleep.
    pub(super) fn time_goes_by(&mut self) {
        self.late = true;
    }

    /// Takes notice of what a step did.
    pub(super) fn saw(&mut self, step: &Step, outcome: &StepOutcome) {
        match step {
            Step::Inject { device, bytes } | Step::Frame { device, bytes, .. } => {
                self.inputs.push((Some(device.clone()), bytes.clone()))
            }
            Step::Send { bytes, .. } => self.inputs.push((None, bytes.clone())),
            _ => {}
        }
        if let Some(session) = &mut self.session {
            session.saw(outcome);
        }
        self.outputs
            .extend(outcome.outputs.iter().map(|output| (output.device.clone(), output.bytes.clone())));
    }

    /// The next step, or several that belong together (fragments).
    pub(super) fn next(&mut self, choice: &mut Choice) -> Vec<Step> {
        if choice.percent(80)
            && let Some((device, craft)) = self.session.as_mut().and_then(|session| session.next(choice))
        {
            let bytes = craft.build();
            return vec![match device {
                Some(device) => Step::Inject { device, bytes },
                None => Step::Send { uid: 0, gid: 0, mark: 0, cgroup: None, groups: None, bytes },
            }];
        }
        // What was seen before is likelier when time has gone by.
        // Whoever is told of many errors shows their limits.
        let repeated = timing::limits_errors(self.scene) && !self.inputs.is_empty() && choice.percent(50);
        let made = match choice.below(if self.late { 65 } else { 100 }) {
            _ if repeated => self.again(choice),
            0..=44 if !self.outputs.is_empty() => self.answer(choice),
            45..=54 if !self.inputs.is_empty() => self.again(choice),
            55..=61 if !self.outputs.is_empty() => self.error(choice),
            62..=71 => Some(self.local(choice)),
            _ => None,
        };
        let (device, mut craft) = made.unwrap_or_else(|| self.fresh(choice));
        if choice.percent(12) {
            let addresses = (craft.source, craft.destination);
            spoil(choice, &mut craft);
            if device.is_none() {
                // Why: the kernel sends what a raw socket lies about its length without looking, and routes its
                // packets without their source address, other sockets' with it.
                craft.total = None;
                (craft.source, craft.destination) = addresses;
            }
        }
        let (uid, gid) = (choice.of(&[0, 0, 1000]), choice.of(&[0, 100]));
        let mark = choice.of(&[0, 0, 0, 1, 16]);
        let fragmented = match (timing::loses_fragments(self.scene), self.late) {
            (true, late) => choice.percent(if late { 0 } else { 35 }),
            (false, _) => choice.percent(if is_error(&craft) { 15 } else { 6 }),
        };
        let packets =
            if device.is_some() && fragmented { self.fragments(choice, craft) } else { vec![craft.build()] };
        // Why: copies of a gathered datagram that a bridge floods share their fragments in the kernel, and the second is cut
        // wrongly. What no rules are shown is not gathered.
        let whole = packets.len() == 1;
        let step = |bytes: Vec<u8>| match &device {
            Some(device) if bridge::PORTS.contains(&device.as_str()) => Step::Frame {
                device: device.clone(),
                header: bridge::header(choice, device, &bytes, whole),
                bytes,
            },
            Some(device) => Step::Inject { device: device.clone(), bytes },
            None => Step::Send { uid, gid, mark, cgroup: None, groups: None, bytes },
        };
        packets.into_iter().map(step).collect()
    }

    fn fragments(&mut self, choice: &mut Choice, mut craft: Craft) -> Vec<Vec<u8>> {
        self.fresh_id += 1;
        craft.id = self.fresh_id;
        craft.dont_fragment = false;
        craft.cut = None;
        craft.total = None;
        while craft.payload.len() < 40 {
            craft.payload.push(b'a' + (craft.payload.len() % 26) as u8);
        }
        // What an error quotes is looked at, and changed, wherever it has been cut.
        let error = is_error(&craft);
        let size = choice.of(if error { &[16, 40, 48, 56, 64, 80] } else { &[16, 24, 32] });
        let mut pieces = craft.fragments(size.min(craft.payload.len() / 2));
        pieces.truncate(if error { 16 } else { 4 });
        if let Some(last) = pieces.last_mut() {
            // The last piece that is left says that nothing follows.
            clear_more(last, self.v6);
        }
        match choice.below(10) {
            0 | 1 => pieces.reverse(),
            2 => pieces.swap(0, 1),
            5 | 6 if timing::loses_fragments(self.scene) => {
                pieces.remove(choice.below(pieces.len()));
            }
            // Why: never without the first piece gone too: the kernel would report its loss 30 seconds later.
            3 => {
                pieces.remove(0);
            }
            4 => pieces.insert(1, pieces[1].clone()),
            _ => {}
        }
        pieces
    }

    /// A packet of a new flow.
    fn fresh(&self, choice: &mut Choice) -> (Option<String>, Craft) {
        let at_bridge = self.scene.is_bridge();
        let device = match at_bridge && choice.percent(70) {
            true => choice.of(&bridge::PORTS),
            false => choice.of(&["lan0", "lan0", "lan0", "wan0", "wan0", "dmz0"]),
        };
        let source = address(choice.of(hosts(self.v6, device)));
        let destination = if choice.percent(30) {
            address(self.router(choice))
        } else if at_bridge && choice.percent(65) {
            self.neighbour(choice)
        } else {
            let other = choice.of(&["lan0", "dmz0", "wan0", "wan0"]);
            address(choice.of(hosts(self.v6, other)))
        };
        let mut craft = Craft::new(source, destination, self.body(choice));
        fill(choice, &mut craft);
        if choice.percent(8) {
            let ports = (choice.of(&[1000, 1000, 1001]), choice.of(&[53, 80, 1000]));
            (craft.body, craft.payload) = transports::rare(choice, self.v6, ports);
        }
        (Some(device.to_owned()), craft)
    }

    /// An address of this machine.
    fn router(&self, choice: &mut Choice) -> &'static str {
        match self.scene.is_bridge() && choice.percent(60) {
            true if self.v6 => "fd00:5::1",
            true => "10.0.5.1",
            false => choice.of(routers(self.v6)),
        }
    }

    /// A machine at the bridge.
    fn neighbour(&self, choice: &mut Choice) -> IpAddr {
        let port = choice.of(&bridge::PORTS);
        address(choice.of(hosts(self.v6, port)))
    }

    fn body(&self, choice: &mut Choice) -> Body {
        let ports = (choice.of(&[1000, 1000, 1001, 5000]), choice.of(&[53, 80, 80, 443, 8080, 1000]));
        match choice.below(20) {
            0..=8 => Body::Tcp {
                ports,
                flags: choice.of(&[2, 2, 2, 2, 2, 0x12, 0x10, 4, 0x11, 0x14, 0, 0x29, 3, 0x18, 0x42, 0xc2]),
                seq: choice.of(&[1000, 100_000, 0xffff_fff0]),
                ack: choice.of(&[0, 0, 5001, 77]),
                window: choice.of(&[8192, 8192, 0, 100, 65535]),
                urgent: 0,
                options: match choice.below(4) {
                    0 => vec![2, 4, 5, 180],
                    1 => vec![2, 4, 5, 180, 1, 3, 3, 7],
                    _ => Vec::new(),
                },
                offset: None,
            },
            9..=14 => Body::Udp { ports, length: None, no_checksum: !self.v6 && choice.percent(10) },
            15..=18 => {
                let kinds: &[u8] =
                    if self.v6 { &[128, 128, 128, 129] } else { &[8, 8, 8, 8, 0, 13, 15, 17, 5] };
                Body::Icmp { kind: choice.of(kinds), code: 0, rest: [0, choice.of(&[7, 7, 8]), 0, 1] }
            }
            _ => Body::Other(99),
        }
    }

    /// The peer's answer to something that came out, now and then a little off.
    fn answer(&self, choice: &mut Choice) -> Option<(Option<String>, Craft)> {
        let at = if choice.percent(70) { self.outputs.len() - 1 } else { choice.below(self.outputs.len()) };
        let (device, bytes) = self.outputs.get(at)?;
        let mut craft = turned_craft(bytes)?;
        if let Body::Tcp { flags, seq, ack, window, .. } = &mut craft.body {
            if *flags == 0x12 && choice.percent(10) {
                *flags = choice.of(&[0x14, 0x10, 2]);
            } else if *flags == 0x10 {
                *flags = choice.of(&[0x10, 0x10, 0x18, 0x18, 0x11, 0x14, 4, 2]);
                if *flags & 8 != 0 {
                    craft.payload = b"abcdefghijklmnop".to_vec();
                }
            }
            if choice.percent(20) {
                *seq = seq.wrapping_add(choice.of(&[
                    1,
                    100,
                    8191,
                    8192,
                    8193,
                    70_000,
                    u32::MAX,
                    u32::MAX - 8192,
                ]));
            }
            if choice.percent(12) {
                *ack = ack.wrapping_add(choice.of(&[1, 2, u32::MAX, u32::MAX - 66_000, 5000]));
            }
            if choice.percent(15) {
                *window = choice.of(&[0, 1, 100, 65535]);
            }
        }
        if matches!(craft.body, Body::Udp { .. }) && choice.percent(50) {
            craft.payload = b"abcdefghij".to_vec();
        }
        Some((Some(device.clone()), craft))
    }

    /// Something that came in before comes again, or its flow goes on.
    fn again(&self, choice: &mut Choice) -> Option<(Option<String>, Craft)> {
        let (device, bytes) = self.inputs.get(choice.below(self.inputs.len()))?;
        let mut craft = craft::read(bytes)?;
        if let Body::Tcp { flags, seq, .. } = &mut craft.body
            && choice.percent(60)
        {
            *seq = seq.wrapping_add(choice.of(&[0, 1, 1, 17]));
            *flags = choice.of(&[2, 0x10, 0x18, 0x11, 4, 0x14]);
        }
        Some((device.clone(), craft))
    }

    /// An ICMP error about something that came out.
    fn error(&self, choice: &mut Choice) -> Option<(Option<String>, Craft)> {
        let (device, about) = self.outputs.get(choice.below(self.outputs.len()))?;
        let view = packet::View::parse(about).ok()?;
        let source = match choice.below(3) {
            0 => view.destination(),
            _ => address(if self.v6 { "2001:db8:7::1" } else { "198.51.100.1" }),
        };
        let destination = if choice.percent(8) { address(routers(self.v6)[2]) } else { view.source() };
        let kinds: &[(u8, u8)] = if self.v6 {
            &[(1, 4), (1, 0), (2, 0), (3, 0), (4, 1), (1, 1)]
        } else {
            &[(3, 3), (3, 1), (3, 4), (11, 0), (12, 0), (4, 0), (3, 13), (5, 1)]
        };
        let (kind, code) = choice.of(kinds);
        let rest = match (self.v6, kind, code) {
            (true, 2, _) => [0, 0, 5, 0],
            (false, 3, 4) => [0, 0, 5, 0x78],
            (false, 5, _) => [10, 0, 1, 9],
            _ => [0; 4],
        };
        let mut craft = Craft::new(source, destination, Body::Icmp { kind, code, rest });
        craft.payload = about.clone();
        let header = if self.v6 { 40 } else { 20 };
        match choice.below(8) {
            0 => craft.payload.truncate(header + 8),
            1 => craft.payload.truncate(header + 3),
            2 => craft.payload.truncate(header - 4),
            _ => {}
        }
        Some((Some(device.clone()), craft))
    }

    /// A process of this machine sends something.
    fn local(&self, choice: &mut Choice) -> (Option<String>, Craft) {
        if choice.percent(30)
            && let Some(craft) = self.inputs.last().and_then(|(_, bytes)| turned_craft(bytes))
            && routers(self.v6).iter().any(|router| address(router) == craft.source)
            && !is_to_many(craft.destination)
        {
            return (None, craft);
        }
        let source = address(self.router(choice));
        let destination = match choice.below(10) {
            0 | 1 => address(self.router(choice)),
            2 if !self.v6 => address("127.0.0.1"),
            2 => address("::1"),
            3..=6 if self.scene.is_bridge() => self.neighbour(choice),
            _ => {
                let device = choice.of(&["lan0", "dmz0", "wan0"]);
                address(choice.of(hosts(self.v6, device)))
            }
        };
        let source = if destination.is_loopback() { destination } else { source };
        let mut craft = Craft::new(source, destination, self.body(choice));
        fill(choice, &mut craft);
        (None, craft)
    }
}

fn is_to_many(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.is_multicast() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_multicast() || v6.is_unspecified(),
    }
}

/// Whether a packet is an ICMPv6 error.
fn is_error(craft: &Craft) -> bool {
    matches!(craft.body, Body::Icmp { kind, .. } if craft.source.is_ipv6() && kind < 128)
}

fn clear_more(piece: &mut [u8], v6: bool) {
    if v6 {
        if let Ok(layout) = packet::View::parse(piece).map(|view| view.layout())
            && let Some(fragment) = layout.fragment
            && let Some(byte) = piece.get_mut(fragment.header + 3)
        {
            *byte &= !1;
        }
        return;
    }
    if let Some(head) = piece.get_mut(..20) {
        head[6] &= !0x20;
        head[10..12].fill(0);
        let sum = craft::checksum(head);
        head[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// TTL, TOS and payload.
fn fill(choice: &mut Choice, craft: &mut Craft) {
    craft.ttl = choice.of(&[64, 64, 64, 64, 2, 1, 255]);
    craft.tos = choice.of(&[0, 0, 0, 0x10, 0xb8, 0xff]);
    craft.dont_fragment = craft.source.is_ipv4() && choice.percent(30);
    if craft.source.is_ipv6() {
        craft.flow = choice.of(&[0, 0, 0x12345]);
    }
    let syn = matches!(craft.body, Body::Tcp { flags, .. } if flags & 2 != 0);
    if !syn || choice.percent(5) {
        let length = choice.of(&[0, 1, 13, 40, 100]);
        craft.payload = (0..length).map(|at| b'a' + (at % 26) as u8).collect();
    }
}

/// One thing goes wrong.
fn spoil(choice: &mut Choice, craft: &mut Craft) {
    let header = if craft.source.is_ipv4() { 20 } else { 40 };
    match choice.below(11) {
        0 | 1 => craft.bad_checksum = true,
        2 => craft.bad_header = true,
        3 => craft.cut = Some(header + choice.of(&[0, 2, 4, 7, 8, 12, 19])),
        4 => craft.total = Some(2000),
        5 => craft.ttl = choice.of(&[0, 1]),
        6 => match &mut craft.body {
            Body::Tcp { offset, .. } => *offset = Some(choice.of(&[0, 4, 6, 15])),
            Body::Udp { length, .. } => *length = Some(choice.of(&[0, 7, 8, 9, 2000])),
            Body::Icmp { kind, code, .. } => {
                (*kind, *code) = choice.of(&[(200, 0), (8, 5), (13, 0), (14, 0), (17, 0), (3, 3)])
            }
            Body::Other(_) => {}
        },
        7 => {
            let v6 = craft.source.is_ipv6();
            let odd: &[&str] = if v6 {
                &["2001:db8:dead::1", "ff0e::1", "::"]
            } else {
                &[
                    "255.255.255.255",
                    "10.0.2.255",
                    "0.0.0.0",
                    "127.0.0.1",
                    "224.0.0.9",
                    "240.0.0.1",
                    "10.0.1.0",
                ]
            };
            craft.destination = address(choice.of(odd));
        }
        8 => {
            let v6 = craft.source.is_ipv6();
            let odd: &[&str] = if v6 {
                &["::1", "ff02::5", "::"]
            } else {
                &["127.0.0.1", "255.255.255.255", "224.0.0.1", "0.0.0.0", "10.0.1.1", "10.0.1.255"]
            };
            craft.source = address(choice.of(odd));
        }
        9 if craft.source.is_ipv6() => {
            craft.extensions = choice.of(&[&[0_u8][..], &[60], &[0, 60], &[43]]).to_vec()
        }
        9 => craft.options = choice.of(&OPTIONS).to_vec(),
        _ if craft.source.is_ipv6() => craft.fragment_header = true,
        _ => craft.dont_fragment = true,
    }
}

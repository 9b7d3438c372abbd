//! The kernel's random choices, taken for the engine where they are legal: NAT's ports out of its table of connections,
//! SYNPROXY's cookies and timestamps out of what it sent.
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use netfilter::time::Seeded;
use netfilter::{Random, Tuple};
use packet::rewrite::End;

use crate::outcome::Output;

/// What the kernel chose: a translated tuple, as the original direction leaves.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) tuple: Tuple,
    pub(super) used: bool,
}

/// How the kernel's SYNPROXY has answered SYNs.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    /// In this step: the client's tuple, the number and the timestamp.
    answers: Vec<(Tuple, u32, Option<u32>)>,
    /// By how much the kernel's cookie for a tuple is ahead of ours.
    ahead: Vec<(Tuple, u32)>,
}

impl Cookies {
    /// Takes the answers of a step.
    pub(super) fn adopt(&mut self, outputs: &[Output]) {
        self.answers.clear();
        for view in outputs.iter().filter_map(|output| packet::View::parse(&output.bytes).ok()) {
            let Some(tcp) = view.tcp().filter(|tcp| tcp.flags() & 0x12 == 0x12 && tcp.window() == 0) else {
                continue;
            };
            let tuple = Tuple {
                source: view.destination(),
                destination: view.source(),
                protocol: 6,
                source_id: tcp.destination(),
                destination_id: tcp.source(),
            };
            let options = view.after_header().get(20..tcp.header_len()).unwrap_or(&[]);
            let timestamp = options.windows(6).find_map(|bytes| match *bytes {
                [8, 10, a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
                _ => None,
            });
            self.answers.push((tuple, tcp.sequence(), timestamp));
        }
    }
}

/// Where the kernel's helpers expect connections: protocol, address and port.
pub(super) type Expected = (u8, IpAddr, u16);

/// Random choices as the kernel made them.
#[derive(Debug)]
pub(super) struct Adopted {
    /// What is expected since this step.
    pub(super) expected: Arc<Mutex<Vec<Expected>>>,
    pub(super) cookies: Arc<Mutex<Cookies>>,
    pub(super) known: Arc<Mutex<Vec<Choice>>>,
    /// Ports of members of sets, at the end: a chosen port may be seen nowhere else.
    pub(super) in_sets: Vec<u16>,
    pub(super) own: Seeded,
    /// Whether the engine has drawn lots of its own, or guessed.
    pub(super) drawn: Arc<AtomicBool>,
}

impl Adopted {
    /// A number of a range by the engine's own lot.
    fn lot(&mut self, first: u16, last: u16) -> u16 {
        let span = u64::from(last.saturating_sub(first)) + 1;
        first.saturating_add(u16::try_from((u64::from(self.bits()) * span) >> 32).unwrap_or(0))
    }
}

impl Random for Adopted {
    fn bits(&mut self) -> u32 {
        self.drawn.store(true, Ordering::Relaxed);
        self.own.bits()
    }

    fn port(&mut self, tuple: &Tuple, end: End, first: u16, last: u16) -> u16 {
        let legal = |choice: &&mut Choice| {
            let known = &choice.tuple;
            let (value, fixed) = match end {
                End::Source => (known.source_id, known.destination_id == tuple.destination_id),
                End::Destination => (known.destination_id, known.source_id == tuple.source_id),
            };
            known.source == tuple.source
                && known.destination == tuple.destination
                && known.protocol == tuple.protocol
                && fixed
                && !choice.used
                && (first..=last).contains(&value)
        };
        if let Ok(mut known) = self.known.lock()
            && let Some(choice) = known.iter_mut().find(legal)
        {
            choice.used = true;
            return match end {
                End::Source => choice.tuple.source_id,
                End::Destination => choice.tuple.destination_id,
            };
        }
        // Why not the tuple's own: that stands there because of a packet that was not translated.
        let chosen = |&port: &u16| {
            (first..=last).contains(&port) && ![tuple.source_id, tuple.destination_id].contains(&port)
        };
        if let Some(at) = self.in_sets.iter().position(chosen) {
            // What stands in a set need not have been chosen.
            self.drawn.store(true, Ordering::Relaxed);
            return self.in_sets.remove(at);
        }
        self.lot(first, last)
    }

    // Whether nobody else expects it is asked by the engine, which tries on if somebody does.
    fn expected_port(&mut self, protocol: u8, destination: IpAddr, first: u16, last: u16) -> u16 {
        if let Ok(mut expected) = self.expected.lock()
            && let Some(place) = expected.iter().position(|&(own, address, port)| {
                (own, address) == (protocol, destination) && (first..=last).contains(&port)
            })
        {
            return expected.remove(place).2;
        }
        self.lot(first, last)
    }

    // A cookie is legal whatever it is, since nobody but the kernel can read it.
    fn cookie(&mut self, tuple: &Tuple, own: u32) -> u32 {
        let Ok(mut cookies) = self.cookies.lock() else { return own };
        let Some(given) = cookies.answers.iter().find(|answer| answer.0 == *tuple).map(|answer| answer.1)
        else {
            return own;
        };
        cookies.ahead.retain(|(known, _)| known != tuple);
        cookies.ahead.push((*tuple, given.wrapping_sub(own)));
        given
    }

    fn own_cookie(&mut self, tuple: &Tuple, given: u32) -> u32 {
        let Ok(cookies) = self.cookies.lock() else { return given };
        let ahead = cookies.ahead.iter().find(|(known, _)| known == tuple);
        given.wrapping_sub(ahead.map_or(0, |&(_, ahead)| ahead))
    }

    fn timestamp(&mut self, tuple: &Tuple, own: u32) -> u32 {
        let Ok(cookies) = self.cookies.lock() else { return own };
        let given = cookies.answers.iter().find(|answer| answer.0 == *tuple).and_then(|answer| answer.2);
        // What the lowest bits carry is no choice.
        given.filter(|given| given & 0x3f == own & 0x3f).unwrap_or(own)
    }
}

/// The translated tuple of a line: its reply direction turned round.
pub(super) fn choice_of(line: &str) -> Option<Choice> {
    let number: u8 = line.split_whitespace().nth(3)?.parse().ok()?;
    let reply = |name: &str| line.split_whitespace().filter_map(|word| word.strip_prefix(name)).nth(1);
    let address = |name: &str| reply(name)?.parse::<IpAddr>().ok();
    let port = |name: &str| reply(name).and_then(|text| text.parse::<u16>().ok());
    let (source_id, destination_id) = match (port("sport="), port("dport=")) {
        (Some(source), Some(destination)) => (destination, source),
        _ => {
            let first = |name: &str| {
                line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse::<u16>().ok())
            };
            (port("id=")?, first("type=")? << 8 | first("code=")?)
        }
    };
    let tuple = Tuple {
        source: address("dst=")?,
        destination: address("src=")?,
        protocol: number,
        source_id,
        destination_id,
    };
    Some(Choice { tuple, used: false })
}

/// The port of a set's member, out of its line.
pub(super) fn port_of(line: &str) -> Option<u16> {
    let member = line.split_whitespace().nth(2)?;
    member.rsplit(',').find_map(|part| part.rsplit_once(':')?.1.parse().ok())
}

/// Where a connection is expected, out of its line.
pub(super) fn expected_of(line: &str) -> Option<Expected> {
    let field = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name));
    line.starts_with("expect ").then_some(())?;
    Some((field("proto=")?.parse().ok()?, field("dst=")?.parse().ok()?, field("dport=")?.parse().ok()?))
}

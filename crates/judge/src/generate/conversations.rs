//! Cases with helpers: conversations out of the directed cases of `fixtures/kernel`, between other machines, translated by other
//! rules, now and then with something spoilt in what is said; and packets to what is expected since.
use std::net::IpAddr;
use std::sync::OnceLock;

use super::Choice;
use crate::StepOutcome;
use crate::case::{self, Case, Step};
use crate::craft::{Body, Craft, octets};

// Why not what asks a whole subnet (`netbios-ns`): the sender's own copy comes in before or behind the sender's own way.
const FILES: [&str; 8] = [
    include_str!("../../../../fixtures/kernel/F62-ftp.case"),
    include_str!("../../../../fixtures/kernel/F35-helper-amanda.case"),
    include_str!("../../../../fixtures/kernel/F35-helper-irc.case"),
    include_str!("../../../../fixtures/kernel/F35-helper-pptp.case"),
    include_str!("../../../../fixtures/kernel/F35-helper-sane.case"),
    include_str!("../../../../fixtures/kernel/F35-helper-snmp.case"),
    include_str!("../../../../fixtures/kernel/F35-helper-tftp.case"),
    concat!(
        include_str!("../../../../fixtures/kernel/sip.case"),
        include_str!("../../../../fixtures/kernel/h323.case"),
    ),
];

/// What a directed case says.
struct Script {
    /// Rules of table raw that give helpers, and those of table nat.
    raw: Vec<String>,
    nat: Vec<String>,
    lines: Vec<Line>,
    flows: usize,
}

/// Something that is said.
struct Line {
    flow: usize,
    /// Whether the flow goes to a port that a rule gives a helper to; others go where it is expected.
    helped: bool,
    by_client: bool,
    tcp: bool,
    /// As it stands in the directed case: who says it to whom.
    own: (IpAddr, u16),
    peer: (IpAddr, u16),
    local: bool,
    payload: Vec<u8>,
}

/// The conversations of one file of a family, by file.
fn scripts(v6: bool) -> &'static [Vec<Script>] {
    static ALL: [OnceLock<Vec<Vec<Script>>>; 2] = [OnceLock::new(), OnceLock::new()];
    ALL[usize::from(v6)].get_or_init(|| {
        let files = FILES.iter().map(|text| {
            let cases = case::parse(text).unwrap_or_default();
            cases.iter().filter_map(|case| script(case, v6)).collect::<Vec<_>>()
        });
        files.filter(|scripts| !scripts.is_empty()).collect()
    })
}

fn rules_of(save: &str, table: &str) -> Vec<String> {
    let own = save.lines().skip_while(|line| line.strip_prefix('*') != Some(table));
    own.take_while(|line| *line != "COMMIT")
        .filter(|line| line.starts_with("-A "))
        .map(str::to_owned)
        .collect()
}

fn script(case: &Case, v6: bool) -> Option<Script> {
    let save = if v6 { case.rules6.as_ref()? } else { case.rules4.as_ref()? };
    let raw: Vec<String> =
        rules_of(save, "raw").into_iter().filter(|rule| rule.contains("--helper ")).collect();
    let helped: Vec<u16> = raw
        .iter()
        .filter_map(|rule| rule.split_once("--dport ")?.1.split(' ').next()?.parse().ok())
        .collect();
    // The ends of a flow, and where its first packet came in.
    let mut flows: Vec<(u8, [u16; 2], Option<String>)> = Vec::new();
    let mut lines = Vec::new();
    for step in &case.steps {
        let (device, bytes) = match step {
            Step::Inject { device, bytes } => (Some(device.clone()), bytes),
            Step::Send { bytes, .. } => (None, bytes),
            _ => continue,
        };
        let Some(craft) = crate::craft::read(bytes).filter(|craft| craft.source.is_ipv6() == v6) else {
            continue;
        };
        let (Body::Tcp { ports, .. } | Body::Udp { ports, .. }) = craft.body else { continue };
        let tcp = craft.protocol() == 6;
        let key = (craft.protocol(), [ports.0.min(ports.1), ports.0.max(ports.1)]);
        let flow = flows.iter().position(|own| (own.0, own.1) == key).unwrap_or_else(|| {
            flows.push((key.0, key.1, device.clone()));
            flows.len() - 1
        });
        let by_client = flows.get(flow).is_some_and(|own| own.2 == device);
        let is_helped = helped.is_empty() || helped.contains(if by_client { &ports.1 } else { &ports.0 });
        // Greetings of TCP are made anew.
        if craft.payload.is_empty() && tcp && is_helped {
            continue;
        }
        lines.push(Line {
            flow,
            helped: is_helped,
            by_client,
            tcp,
            own: (craft.source, ports.0),
            peer: (craft.destination, ports.1),
            local: device.is_none(),
            payload: craft.payload,
        });
    }
    (!raw.is_empty() && !lines.is_empty()).then(|| Script {
        raw,
        nat: rules_of(save, "nat"),
        lines,
        flows: flows.len(),
    })
}

/// One end of a conversation as it sees itself and the other one.
#[derive(Clone, Debug)]
struct End {
    /// `None`: this machine.
    device: Option<String>,
    own: (IpAddr, u16),
    peer: (IpAddr, u16),
    seq: u32,
    ack: u32,
}

impl End {
    fn says(&mut self, tcp: bool, flags: u8, payload: Vec<u8>) -> (Option<String>, Craft) {
        let ports = (self.own.1, self.peer.1);
        let body = match tcp {
            true => Body::Tcp {
                ports,
                flags,
                seq: self.seq,
                ack: if flags & 0x10 == 0 { 0 } else { self.ack },
                window: 8192,
                urgent: 0,
                options: Vec::new(),
                offset: None,
            },
            false => Body::Udp { ports, length: None, no_checksum: false },
        };
        self.seq = self.seq.wrapping_add(payload.len() as u32 + u32::from(flags & 3 != 0));
        let mut craft = Craft::new(self.own.0, self.peer.0, body);
        craft.payload = payload;
        (self.device.clone(), craft)
    }
}

/// A flow of a conversation.
#[derive(Debug)]
struct Flow {
    tcp: bool,
    client: End,
    /// Known when something of the client has come out.
    server: Option<End>,
    /// Of TCP: 1 the client has asked, 2 it was answered, 3 data may go.
    stage: u8,
}

/// A conversation that goes on.
pub(super) struct Session {
    script: &'static Script,
    at: usize,
    flows: Vec<Option<Flow>>,
    /// Who spoke last in which flow: what comes out is the client's.
    spoke: Option<usize>,
    expected: Vec<Expected>,
    most_tries: u8,
}

/// What is expected: protocol, source (address 0 is anybody), destination.
#[derive(Clone, Debug)]
struct Expected {
    tcp: bool,
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("at", &self.at).field("flows", &self.flows).finish_non_exhaustive()
    }
}

/// Chooses a conversation; gives it with the save file that its rules have been put into.
pub(super) fn session(choice: &mut Choice, v6: bool, save: &str) -> Option<(Session, String)> {
    let files = scripts(v6);
    let file = files.get(choice.below(files.len()))?;
    let script = file.get(choice.below(file.len()))?;
    let mut raw = script.raw.clone();
    for rule in &script.raw {
        let other = rule.replacen("-A PREROUTING", "-A OUTPUT", 1);
        if !rule.contains(" -i ") && choice.percent(30) && !raw.contains(&other) {
            raw.push(other);
        }
    }
    let nat = match choice.below(10) {
        0 | 1 => Vec::new(),
        2 | 3 => script.nat.clone(),
        _ => translations(choice, v6, script),
    };
    let mut out = String::new();
    let calm = choice.percent(60);
    let mut table = "";
    for line in save.lines() {
        table = line.strip_prefix('*').unwrap_or(table);
        // The rules of the conversation are the first ones; calm ones have hardly any others.
        let first = line.starts_with("-A ") || line == "COMMIT";
        if first {
            let own = match table {
                "raw" => std::mem::take(&mut raw),
                "nat" if calm || !line.starts_with("-A") || choice.percent(70) => nat.clone(),
                _ => Vec::new(),
            };
            own.iter().for_each(|rule| out.extend([rule, "\n"]));
            if table == "nat" {
                table = "";
            }
        }
        // What keeps the machine's own TCP silent stays.
        let removable = line.starts_with("-A ") && line != super::sockets::NO_TCP.trim_end();
        if calm && removable && !choice.percent(20) {
            continue;
        }
        let drops = line.starts_with(':') && line.contains(" DROP ");
        let line = if calm && drops { line.replace(" DROP ", " ACCEPT ") } else { line.to_owned() };
        out.extend([line.as_str(), "\n"]);
    }
    let flows = (0..script.flows).map(|_| None).collect();
    Some((Session { script, at: 0, flows, spoke: None, expected: Vec::new(), most_tries: 2 }, out))
}

/// One or two translations of what goes by.
fn translations(choice: &mut Choice, v6: bool, script: &Script) -> Vec<String> {
    let port = script.lines.first().map_or(21, |line| line.peer.1);
    let protocol = if script.lines.first().is_some_and(|line| line.tcp) { "tcp" } else { "udp" };
    let sources = match v6 {
        true => ["SNAT --to-source 2001:db8::1", "SNAT --to-source 2001:db8::70-2001:db8::75", "MASQUERADE"],
        false => ["SNAT --to-source 203.0.113.1", "SNAT --to-source 203.0.113.70-203.0.113.75", "MASQUERADE"],
    };
    let (one, two) = if v6 { ("fd00:2::5", "[fd00:2::5]") } else { ("10.0.2.5", "10.0.2.5") };
    let to = match choice.below(3) {
        0 => format!("{two}:{}", choice.of(&[port, 1021, 30_000])),
        1 => (if v6 { "fd00:1::5" } else { "10.0.1.5" }).to_owned(),
        _ => one.to_owned(),
    };
    let mut out = Vec::new();
    if choice.percent(65) {
        let device = choice.of(&[" -o wan0", " -o wan0", " -o dmz0", ""]);
        out.push(format!("-A POSTROUTING{device} -j {}", choice.of(&sources)));
    }
    if choice.percent(45) || out.is_empty() {
        let device = choice.of(&[" -i wan0", " -i wan0", ""]);
        out.push(format!("-A PREROUTING{device} -p {protocol} --dport {port} -j DNAT --to-destination {to}"));
    }
    out
}

impl Session {
    /// Takes notice of what a step did.
    pub(super) fn saw(&mut self, outcome: &StepOutcome) {
        self.expected =
            outcome.connections.iter().filter_map(|connection| expected_of(&connection.line)).collect();
        for output in &outcome.outputs {
            let Ok(view) = packet::View::parse(&output.bytes) else { continue };
            let Some(((source, destination), protocol)) = view.ports().zip(view.protocol()) else { continue };
            let tcp = view.tcp();
            let (from, to) = ((view.source(), source), (view.destination(), destination));
            let next = tcp.as_ref().map_or(0, |tcp| {
                let one = u32::from(tcp.flags() & 3 != 0);
                tcp.sequence().wrapping_add(tcp.payload().len() as u32 + one)
            });
            for (at, flow) in self.flows.iter_mut().enumerate() {
                let Some(flow) = flow.as_mut().filter(|flow| (if flow.tcp { 6 } else { 17 }) == protocol)
                else {
                    continue;
                };
                if (flow.client.peer, flow.client.own) == (from, to) {
                    flow.client.ack = next;
                } else if let Some(server) = &mut flow.server {
                    if (server.peer, server.own) == (from, to) {
                        server.ack = next;
                    }
                } else if self.spoke == Some(at) {
                    let device = Some(output.device.clone());
                    flow.server = Some(End { device, own: to, peer: from, seq: 5000, ack: next });
                }
            }
        }
        self.spoke = None;
    }

    /// What is said next; `None`: nothing any more.
    pub(super) fn next(&mut self, choice: &mut Choice) -> Option<(Option<String>, Craft)> {
        if choice.percent(25)
            && let Some(made) = self.to_expected(choice)
        {
            return Some(made);
        }
        for _ in 0..20 {
            let line = self.script.lines.get(self.at)?;
            if self.flows.get(line.flow)?.is_none() {
                let Some(flow) = self.open(choice, line) else {
                    self.at += 1;
                    continue;
                };
                *self.flows.get_mut(line.flow)? = Some(flow);
            }
            let flow = self.flows.get_mut(line.flow)?.as_mut()?;
            match (flow.tcp, flow.stage) {
                (true, 0) => {
                    flow.stage = 1;
                    self.spoke = Some(line.flow);
                    return Some(flow.client.says(true, 2, Vec::new()));
                }
                (true, 1) => {
                    let Some(server) = &mut flow.server else {
                        self.most_tries = self.most_tries.checked_sub(1)?;
                        flow.client.seq = flow.client.seq.wrapping_sub(1);
                        flow.stage = 0;
                        continue;
                    };
                    flow.stage = 2;
                    return Some(server.says(true, 0x12, Vec::new()));
                }
                (true, 2) => {
                    flow.stage = 3;
                    if choice.percent(60) {
                        return Some(flow.client.says(true, 0x10, Vec::new()));
                    }
                }
                _ => {}
            }
            self.at += 1;
            let flags = if choice.percent(3) { 0x19 } else { 0x18 };
            let speaker = if line.by_client { Some(&mut flow.client) } else { flow.server.as_mut() };
            let Some(end) = speaker else { continue };
            if line.tcp && line.payload.is_empty() {
                continue;
            }
            let mut payload = line.payload.clone();
            for (old, new) in [(line.own.0, end.own.0), (line.peer.0, end.peer.0)] {
                replace(&mut payload, old, new);
            }
            if choice.percent(25) {
                spoil(choice, &mut payload);
            }
            if choice.percent(5) {
                // It is said once more, or a part of it is lost on its way here.
                self.at -= 1;
            }
            let made = end.says(line.tcp, flags, payload);
            if line.by_client {
                self.spoke = Some(line.flow);
            }
            return Some(made);
        }
        None
    }

    /// The flow of a line: as the directed case has it, or between others; where something is expected, if no rule helps.
    fn open(&self, choice: &mut Choice, line: &Line) -> Option<Flow> {
        let mut own = line.own;
        let mut peer = line.peer;
        let mut device = if line.local { None } else { Some(device_of(own.0)) };
        if !line.by_client {
            return None;
        }
        if !line.helped {
            let all: Vec<&Expected> = self.expected.iter().filter(|own| own.tcp == line.tcp).collect();
            let expected = *all.get(choice.below(all.len()))?;
            (own, peer) = ends(choice, expected);
            device = (!is_ours(own.0)).then(|| device_of(own.0));
        } else if choice.percent(35) && !line.local {
            let v6 = own.0.is_ipv6();
            let hosts: &[&str] = match v6 {
                true => &["fd00:1::6", "2001:db8:8::8", "fd00:2::5"],
                false => &["10.0.1.6", "8.8.8.8", "10.0.2.5"],
            };
            let others: &[&str] = match v6 {
                true => &["2001:db8:8::8", "2001:db8::1", "fd00:2::5"],
                false => &["8.8.8.8", "203.0.113.1", "10.0.2.5"],
            };
            own.0 = choice.of(hosts).parse().ok()?;
            peer.0 = choice.of(others).parse().ok()?;
            if own.0 == peer.0 {
                return None;
            }
            device = Some(device_of(own.0));
        }
        let client = End { device: device.map(str::to_owned), own, peer, seq: 100, ack: 0 };
        Some(Flow { tcp: line.tcp, client, server: None, stage: 0 })
    }

    /// A first packet to something that is expected.
    fn to_expected(&self, choice: &mut Choice) -> Option<(Option<String>, Craft)> {
        let expected = self.expected.get(choice.below(self.expected.len()))?;
        let (own, peer) = ends(choice, expected);
        let device = (!is_ours(own.0)).then(|| device_of(own.0).to_owned());
        let payload =
            if expected.tcp { Vec::new() } else { choice.of(&[&b""[..], b"\0\x03", b"media"]).to_vec() };
        let mut end = End { device, own, peer, seq: 900, ack: 0 };
        Some(end.says(expected.tcp, 2, payload))
    }
}

fn ends(choice: &mut Choice, expected: &Expected) -> ((IpAddr, u16), (IpAddr, u16)) {
    let (mut own, mut peer) = (expected.source, expected.destination);
    if own.0.is_unspecified() {
        let anybody = if own.0.is_ipv6() { "2001:db8:8::8" } else { "8.8.8.8" };
        own.0 = anybody.parse().unwrap_or(own.0);
    }
    if own.1 == 0 {
        own.1 = choice.of(&[20, 1024, 7000]);
    }
    if choice.percent(8) {
        peer.1 = peer.1.wrapping_add(1);
    }
    (own, peer)
}

fn is_ours(address: IpAddr) -> bool {
    ["10.0.1.1", "10.0.2.1", "203.0.113.1", "fd00:1::1", "fd00:2::1", "2001:db8::1"]
        .iter()
        .any(|text| text.parse() == Ok(address))
}

/// Where a machine is.
fn device_of(address: IpAddr) -> &'static str {
    let bytes = octets(address);
    match bytes.as_slice() {
        [10, 0, 1, _] | [0xfd, 0, 0, 1, ..] => "lan0",
        [10, 0, 2, _] | [0xfd, 0, 0, 2, ..] => "dmz0",
        _ => "wan0",
    }
}

fn expected_of(line: &str) -> Option<Expected> {
    let field = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name));
    line.starts_with("expect ").then_some(())?;
    let port = |name: &str| field(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let tcp = match field("proto=")? {
        "6" => true,
        "17" => false,
        _ => return None,
    };
    Some(Expected {
        tcp,
        source: (field("src=")?.parse().ok()?, port("sport=")),
        destination: (field("dst=")?.parse().ok()?, port("dport=")),
    })
}

/// Puts an address in the place of another one, in all forms in which helpers read addresses.
fn replace(payload: &mut Vec<u8>, old: IpAddr, new: IpAddr) {
    if old == new || old.is_ipv4() != new.is_ipv4() {
        return;
    }
    let forms = |address: IpAddr| {
        let text = address.to_string();
        let mut out = vec![octets(address), text.replace('.', ",").into_bytes(), text.into_bytes()];
        if let IpAddr::V4(v4) = address {
            out.push(u32::from(v4).to_string().into_bytes());
        }
        out
    };
    for (from, to) in forms(old).into_iter().zip(forms(new)) {
        let mut at = 0;
        while let Some(found) =
            payload.get(at..).and_then(|rest| rest.windows(from.len()).position(|own| own == from))
        {
            payload.splice(at + found..at + found + from.len(), to.iter().copied());
            at += found + to.len();
        }
    }
}

/// Something goes wrong in what is said.
fn spoil(choice: &mut Choice, payload: &mut Vec<u8>) {
    if payload.is_empty() {
        payload.extend(b"x\r\n");
        return;
    }
    let at = choice.below(payload.len());
    match choice.below(8) {
        0 => payload[at] = choice.of(b"\0 09aZ,.:\r\n\xff"),
        1 => {
            payload.remove(at);
        }
        2 => payload.insert(at, choice.of(b"0159 ,:x")),
        3 => payload.truncate(at),
        // A digit becomes another one: addresses, ports and lengths.
        4..=6 => {
            let digits: Vec<usize> = (0..payload.len()).filter(|&at| payload[at].is_ascii_digit()).collect();
            match digits.get(choice.below(digits.len())) {
                Some(&digit) => payload[digit] = choice.of(b"0123456789"),
                None => payload[at] ^= choice.of(&[1, 2, 0x10, 0x80]),
            }
        }
        _ => payload.extend_from_within(at..),
    }
}

//! A case: what is set up, which rules are loaded, what happens then. There is no "expect": the kernel is the judge.
//!
//! A file holds one or more cases:
//!
//! ```text
//! # F25: what REJECT answers             (comment)
//! case F25.types                         (starts a case; the name is unique in its file)
//! like NAME                              (all that an earlier case of the file has; what follows is added)
//! note any text
//! network mtu wan0 1400                  (changes of the usual network, see `network` below)
//! rules4                                 (a save file, up to a line `end`; rules6 for IPv6)
//! *filter
//! -A FORWARD -p udp -j REJECT
//! COMMIT
//! end
//! nft4                                   (rules of iptables-nft beside them, up to `end`; nft6. Wants `network worlds …`)
//! inject lan0 udp 10.0.1.5:1000 > 8.8.8.8:53     (a packet in the language of `craft`, or hexadecimal)
//! frame p0 02:00:00:00:00:0a > 02:00:00:00:00:0b udp 10.0.5.10:1 > 10.0.5.11:53
//!                                        (a frame comes to a port of a bridge: source and destination, then the packet)
//! send uid=1000 gid=100 mark=0x1 udp 203.0.113.1:1000 > 8.8.8.8:53      (locally, by a raw socket)
//! reply wan0                             (answers the last packet that came out of wan0, see [`turned_round`])
//! sleep 2100                             (milliseconds; the engine's clock moves as far)
//! listen udp 10.0.1.1:53                 (a socket of a local process, in the words of `socket` in machine files)
//! listen tcp 10.0.1.1:80 10.0.1.5:1000   (a connection that the peer knows nothing of)
//! answer udp 10.0.1.1:53 70696e67        (that process sends a payload to the last peer it heard)
//! ask 10.0.1.1:80 16                     (SO_ORIGINAL_DST of the socket that was opened there, with room for so many bytes)
//! command iptables -A INPUT -s 10.0.0.0/8 -j ACCEPT     (a command: exit status, what it prints, and the counters after it)
//! restore iptables-restore -c            (the same with a text on its input, up to a line `end`)
//! reload4                                (another save file, up to a line `end`: replaces the tables it names)
//! sets                                   (sets of ipset as `ipset restore` takes them, up to a line `end`; before the rules)
//! ipset add blocked 10.0.0.1             (a command of ipset while the rules stay)
//! refused                                (the kernel or iptables refuses the rules; where that is not said it is a difference)
//! payload invite                         (a text, up to a line `end`: `payload=invite` in a packet stands for it)
//! ```
//!
//! Each line of a `payload` ends with CR LF unless it ends with `\`; `\xHH` is a byte, `{length}` the number of bytes behind
//! the first empty line.
//! `network nfacct add NAME [byte|packet QUOTA]`, `network nfct timeout add …` and `network osf FINGERPRINT` make what other
//! programs make and rules name ([`netfilter::objects`]); counters of accounting objects are compared. Fingerprints are the
//! whole machine's and stay there: their genres must be names that no system has. `network statistics` has what
//! `conntrack -S` counts compared.
//!
//! `network watch log` has the lines of LOG compared (the kernel's are read from /dev/kmsg), `watch trace` those of TRACE, too
//! (then paths are not known), `watch events` what connection tracking tells its listeners, `watch nflog GROUP` and `watch
//! nfqueue NUMBER` what a listener there gets (who listens to a queue drops what it gets). `network alone NAME`: a namespace
//! that no case of another name has.
//!
//! `network`: `address DEVICE ADDRESS/LENGTH`, `bare DEVICE` (takes its addresses and routes away), `mtu DEVICE BYTES`,
//! `mark N TABLE` (a policy rule), `route TABLE PREFIX dev DEVICE [via ADDRESS]`, `route TABLE PREFIX
//! blackhole|unreachable|prohibit`, `ip [-4|-6] route|rule|address add WORDS` (as it stands; `ip xfrm` and
//! `ip link set DEVICE group N` too), `cgroup PATH` (makes a control group of version 2), `fact LINE` (of a
//! machine file, for the engine's half), `cpu N` (the one that handles all packets), `bridge NAME ports NAME …` (a bridge
//! whose ports are TAP devices; its address is 02:00:00:00:00:b0, those of its ports 02:00:00:00:01:00 and on), `fdb add MAC dev PORT`
//! (where the bridge sends frames to a machine), `ip neigh add A lladdr MAC dev NAME` (whose address is whose), `join GROUP dev DEVICE [include A|exclude A]`
//! (a process joins a group), `cache LINE` (of a network file, for the engine's half: what the kernel learns by packets of
//! the case), `alert ip PROTOCOL|ipv6 N [dev DEVICE]` (a process takes packets with router alert), `worlds legacy nft` (or `worlds nft legacy`:
//! which of both is loaded first), `sysctl NAME VALUE`, `parameter MODULE NAME VALUE` (of a module; the whole machine's, so
//! that the case runs alone and it is as before then), `module HOOK PRIORITY` (something that is registered at a hook
//! and drops everything).
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use netfilter::machine::Socket;

use crate::craft;

mod turn;
pub use turn::{turned_craft, turned_round};

#[cfg(test)]
mod tests;

/// A case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Remarks.
    pub notes: Vec<String>,
    /// Whether it is refused, with which it ends.
    pub refused: bool,
    /// Changes of the usual network, in the words of the file.
    pub network: Vec<String>,
    /// Save file for IPv4.
    pub rules4: Option<String>,
    /// Save file for IPv6.
    pub rules6: Option<String>,
    /// Save files of iptables-nft beside them, IPv4 and IPv6.
    pub nft: [Option<String>; 2],
    /// Sets of ipset that are there before the rules, in the form that `ipset restore` takes.
    pub sets: Option<String>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// A step of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A packet arrives.
    Inject {
        /// By which device.
        device: String,
        /// The IP packet.
        bytes: Vec<u8>,
    },
    /// A frame comes to a port of a bridge.
    Frame {
        /// The port.
        device: String,
        /// Destination, source and type.
        header: [u8; 14],
        /// The IP packet.
        bytes: Vec<u8>,
    },
    /// A local process sends a whole packet by a raw socket.
    Send {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
        /// SO_MARK.
        mark: u32,
        /// Control group of version 2, below its root; `None`: that of the judge.
        cgroup: Option<String>,
        /// Supplementary groups; `None`: those of the judge.
        groups: Option<Vec<u32>>,
        /// The IP packet.
        bytes: Vec<u8>,
    },
    /// The last packet that came out of a device is answered.
    Reply {
        /// The device.
        device: String,
    },
    /// Time goes by.
    Sleep {
        /// How much.
        milliseconds: u64,
    },
    /// A process opens a socket.
    Listen {
        /// In the words of [`netfilter::machine::text`], behind `socket`.
        socket: String,
    },
    /// The process that listens sends a datagram to the last peer it heard.
    Answer {
        /// Its address and port.
        at: SocketAddr,
        /// Payload.
        payload: Vec<u8>,
    },
    /// The tables of a save file replace those that are there.
    Reload {
        /// Of IPv6.
        v6: bool,
        /// The save file.
        save: String,
    },
    /// A set is changed.
    Ipset {
        /// The words behind `ipset`.
        words: String,
    },
    /// A process asks where its peer wanted to go (`SO_ORIGINAL_DST`).
    Ask {
        /// Address and port of its socket.
        at: SocketAddr,
        /// Bytes that it has room for.
        room: usize,
    },
    /// A command of iptables.
    Command {
        /// The line, quoted as in a save file.
        line: String,
        /// What stands on its input.
        input: Option<String>,
    },
}

impl Case {
    /// The save files that are loaded at first, of both iptables.
    pub fn saves(&self) -> impl Iterator<Item = &str> {
        let [nft4, nft6] = &self.nft;
        [&self.rules4, &self.rules6, nft4, nft6].into_iter().filter_map(Option::as_deref)
    }

    /// Whether the kernel's timers decide something: those of rules, of sets, of fragments, of expectations.
    pub fn has_timers(&self) -> bool {
        let waits = self.steps.iter().any(|step| matches!(step, Step::Sleep { .. }));
        let expectations = waits && self.saves().any(|save| save.contains(" --helper "));
        let fragments = self.network.iter().any(|change| change.contains("frag"));
        let sets = self.sets.as_deref().is_some_and(|sets| sets.contains(" timeout "));
        let rules = |save: &str| save.contains("-m hashlimit") || save.contains("-j RATEEST");
        expectations || fragments || sets || self.saves().any(rules)
    }

    /// Whether two cases can have one namespace: what iptables-nft has loaded stays in it.
    pub fn shares_namespace_with(&self, other: &Case) -> bool {
        let alone = |case: &Case| case.nft.iter().all(Option::is_none);
        self.network == other.network && alone(self) && alone(other)
    }

    /// Whether the rules of iptables-nft are loaded before the legacy ones.
    pub fn nft_is_first(&self) -> bool {
        self.network.iter().any(|change| change == "worlds nft legacy")
    }

    /// The parameters of modules that it changes: module, name, value.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.network.iter().filter_map(|change| {
            let mut words = change.strip_prefix("parameter ")?.split_whitespace();
            Some((words.next()?, words.next()?, words.next()?))
        })
    }

    /// Whether something is watched: `log`, `trace`, `events`.
    pub fn watches(&self, what: &str) -> bool {
        self.network.iter().any(|change| change.strip_prefix("watch ") == Some(what))
    }

    /// The numbers at which listeners listen: `nflog` groups, or `nfqueue` queues.
    pub fn listeners(&self, what: &str) -> Vec<u16> {
        let number = |change: &String| {
            let (name, number) = change.strip_prefix("watch ")?.split_once(' ')?;
            number.parse().ok().filter(|_| name == what)
        };
        self.network.iter().filter_map(number).collect()
    }

    /// What other programs make before the rules are loaded.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        self.network.iter().filter_map(|change| match change.strip_prefix("osf ") {
            Some(fingerprint) => Some(fingerprint),
            None => ["nfacct ", "nfct "].iter().any(|own| change.starts_with(own)).then_some(change),
        })
    }
}

/// What is wrong with a case file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseError {
    /// Line, from 1.
    pub line: usize,
    /// What.
    pub what: String,
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Reads all cases of a file.
pub fn parse(text: &str) -> Result<Vec<Case>, CaseError> {
    let mut cases: Vec<Case> = Vec::new();
    let mut payloads: Vec<(String, String)> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let error = |what: &str| CaseError { line: at + 1, what: what.to_owned() };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "case" {
            cases.push(Case { name: rest.trim().to_owned(), ..Case::default() });
            continue;
        }
        if word == "payload" {
            let text = block(&mut lines).ok_or_else(|| error("no `end` of the payload"))?;
            let bytes = payload(&text).ok_or_else(|| error("expected \\xHH"))?;
            payloads.push((rest.trim().to_owned(), format!("hex={}", craft::hex(&bytes))));
            continue;
        }
        let Some((case, earlier)) = cases.split_last_mut() else {
            return Err(error("expected `case NAME` first"));
        };
        match word {
            "like" => {
                let name = case.name.clone();
                if *case != (Case { name: name.clone(), ..Case::default() }) {
                    return Err(error("`like` stands right behind `case`"));
                }
                let model = earlier.iter().find(|earlier| earlier.name == rest.trim());
                *case = Case { name, ..model.ok_or_else(|| error("no such case above"))?.clone() };
            }
            "note" => case.notes.push(rest.to_owned()),
            "refused" => case.refused = true,
            "network" => case.network.push(rest.to_owned()),
            "restore" => {
                let input = Some(block(&mut lines).ok_or_else(|| error("no `end` of the file"))?);
                case.steps.push(Step::Command { line: rest.trim().to_owned(), input });
            }
            "rules4" | "rules6" | "nft4" | "nft6" | "reload4" | "reload6" | "sets" => {
                let save = block(&mut lines).ok_or_else(|| error("no `end` of the rules"))?;
                match word {
                    "rules4" => case.rules4 = Some(save),
                    "rules6" => case.rules6 = Some(save),
                    "nft4" => case.nft[0] = Some(save),
                    "nft6" => case.nft[1] = Some(save),
                    "sets" => case.sets = Some(save),
                    _ => case.steps.push(Step::Reload { v6: word == "reload6", save }),
                }
            }
            _ => {
                let mut rest = rest.trim().to_owned();
                if let Some((before, name)) = rest.rsplit_once(" payload=") {
                    let (_, hex) = payloads
                        .iter()
                        .rfind(|(known, _)| known == name)
                        .ok_or_else(|| error("no such payload"))?;
                    rest = format!("{before} {hex}");
                }
                case.steps.push(parse_step(word, &rest).map_err(|what| error(&what))?);
            }
        }
    }
    Ok(cases)
}

/// The lines up to `end`.
fn block<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Option<String> {
    let mut text = String::new();
    loop {
        let (_, line) = lines.next()?;
        if line.trim() == "end" {
            return Some(text);
        }
        text.push_str(line);
        text.push('\n');
    }
}

/// The bytes of a payload.
fn payload(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in text.lines() {
        let (line, ended) = match line.strip_suffix('\\') {
            Some(line) => (line, false),
            None => (line, true),
        };
        let mut parts = line.split("\\x");
        bytes.extend_from_slice(parts.next()?.as_bytes());
        for part in parts {
            bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
            bytes.extend_from_slice(part.get(2..)?.as_bytes());
        }
        if ended {
            bytes.extend_from_slice(b"\r\n");
        }
    }
    let word = b"{length}";
    if let Some(at) = bytes.windows(word.len()).position(|window| window == word) {
        let body = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let length = (bytes.len() - body).to_string();
        bytes.splice(at..at + word.len(), length.into_bytes());
    }
    Some(bytes)
}

/// The socket that a step opens.
pub fn socket_of(words: &str) -> Result<Socket, String> {
    let machine =
        netfilter::machine::text::parse(&format!("socket {words}")).map_err(|error| error.to_string())?;
    machine.sockets.list().first().cloned().ok_or_else(|| format!("not a socket: `{words}`"))
}

fn parse_step(word: &str, rest: &str) -> Result<Step, String> {
    let packet = |text: &str| craft::parse(text).map_err(|error| error.0);
    let socket = |text: &str| text.parse::<SocketAddr>().map_err(|_| format!("not ADDRESS:PORT: `{text}`"));
    match word {
        "inject" => {
            let (device, rest) = rest.split_once(' ').ok_or("inject DEVICE PACKET")?;
            Ok(Step::Inject { device: device.to_owned(), bytes: packet(rest)? })
        }
        "frame" => {
            let words: Vec<&str> = rest.splitn(5, ' ').collect();
            let [device, source, ">", destination, packet_words] = words.as_slice() else {
                return Err("frame DEVICE SOURCE > DESTINATION PACKET".to_owned());
            };
            let bytes = packet(packet_words)?;
            let address = |text: &str| mac(text).ok_or_else(|| format!("not an Ethernet address: `{text}`"));
            let header = frame_header(address(source)?, address(destination)?, &bytes);
            Ok(Step::Frame { device: (*device).to_owned(), header, bytes })
        }
        "send" => {
            let (mut uid, mut gid, mut mark, mut cgroup, mut groups) = (0, 0, 0, None, None);
            let mut rest = rest;
            while let Some((word, more)) = rest.split_once(' ') {
                let Some((name, value)) = word.split_once('=') else { break };
                if name == "groups" {
                    let list = netfilter::machine::text::groups(value);
                    groups = Some(list.ok_or_else(|| format!("no groups: `{word}`"))?);
                    rest = more;
                    continue;
                }
                if name == "cgroup" {
                    cgroup = Some(value.to_owned());
                    rest = more;
                    continue;
                }
                let value = match value.strip_prefix("0x") {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => value.parse(),
                };
                let place = match name {
                    "uid" => &mut uid,
                    "gid" => &mut gid,
                    "mark" => &mut mark,
                    _ => break,
                };
                *place = value.map_err(|_| format!("not a number: `{word}`"))?;
                rest = more;
            }
            Ok(Step::Send { uid, gid, mark, cgroup, groups, bytes: packet(rest)? })
        }
        "reply" => Ok(Step::Reply { device: rest.to_owned() }),
        "sleep" => Ok(Step::Sleep { milliseconds: rest.parse().map_err(|_| "not a number".to_owned())? }),
        "ipset" => Ok(Step::Ipset { words: rest.to_owned() }),
        "command" => Ok(Step::Command { line: rest.to_owned(), input: None }),
        "ask" => {
            let (at, room) = rest.split_once(' ').ok_or("ask ADDRESS:PORT BYTES")?;
            let room = room.parse().ok().filter(|room| *room <= 64).ok_or("0 to 64 bytes")?;
            Ok(Step::Ask { at: socket(at)?, room })
        }
        "listen" => {
            socket_of(rest)?;
            Ok(Step::Listen { socket: rest.to_owned() })
        }
        "answer" => {
            let rest = rest.strip_prefix("udp ").ok_or("answer udp …")?;
            let (at, payload) = rest.split_once(' ').unwrap_or((rest, ""));
            let payload = craft::unhex(payload.trim()).map_err(|error| error.0)?;
            Ok(Step::Answer { at: socket(at)?, payload })
        }
        _ => Err(format!("unknown word `{word}`")),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Inject { device, bytes } => write!(f, "inject {device} {}", craft::hex(bytes)),
            Step::Frame { device, header, bytes } => {
                write!(f, "frame {device} {} {}", ends(header), craft::hex(bytes))
            }
            Step::Send { uid, gid, mark, cgroup, groups, bytes } => {
                write!(f, "send uid={uid} gid={gid} mark={mark:#x} ")?;
                if let Some(cgroup) = cgroup {
                    write!(f, "cgroup={cgroup} ")?;
                }
                if let Some(groups) = groups {
                    write!(f, "groups={} ", netfilter::machine::text::print_groups(groups))?;
                }
                f.write_str(&craft::hex(bytes))
            }
            Step::Reply { device } => write!(f, "reply {device}"),
            Step::Sleep { milliseconds } => write!(f, "sleep {milliseconds}"),
            Step::Ipset { words } => write!(f, "ipset {words}"),
            Step::Listen { socket } => write!(f, "listen {socket}"),
            Step::Answer { at, payload } => write!(f, "answer udp {at} {}", craft::hex(payload)),
            Step::Ask { at, room } => write!(f, "ask {at} {room}"),
            Step::Command { line, input: None } => write!(f, "command {line}"),
            Step::Command { line, input: Some(input) } => {
                write!(f, "restore {line}\n{}\nend", input.trim_end())
            }
            Step::Reload { v6, save } => {
                write!(f, "reload{}\n{}\nend", if *v6 { 6 } else { 4 }, save.trim_end())
            }
        }
    }
}

/// The option of `ip` for the family of a route: that of its prefix, or of its gateway where that is `default`.
pub(crate) fn family_of_route(prefix: &str, rest: &[&str]) -> &'static str {
    let is_v6 = |word: &str| word.contains(':');
    if is_v6(prefix) || rest.iter().any(|word| is_v6(word)) { "-6" } else { "-4" }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {}", self.name)?;
        for note in &self.notes {
            writeln!(f, "note {note}")?;
        }
        if self.refused {
            writeln!(f, "refused")?;
        }
        for change in &self.network {
            writeln!(f, "network {change}")?;
        }
        let [nft4, nft6] = &self.nft;
        for (word, rules) in [
            ("sets", &self.sets),
            ("rules4", &self.rules4),
            ("rules6", &self.rules6),
            ("nft4", nft4),
            ("nft6", nft6),
        ] {
            if let Some(rules) = rules {
                writeln!(f, "{word}\n{}\nend", rules.trim_end())?;
            }
        }
        for step in &self.steps {
            if let Step::Inject { bytes, .. } | Step::Frame { bytes, .. } | Step::Send { bytes, .. } = step {
                writeln!(f, "# {}", summary(bytes))?;
            }
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}

impl Case {
    /// The same case with other identifications in its fragments (each old one becomes `salt` + a small number), because incomplete datagrams outlive a run in the kernel.
    pub fn refreshed(&self, salt: u16) -> Case {
        let mut known: Vec<u32> = Vec::new();
        let mut case = self.clone();
        for step in &mut case.steps {
            let (Step::Inject { bytes, .. } | Step::Frame { bytes, .. } | Step::Send { bytes, .. }) = step
            else {
                continue;
            };
            let Ok(layout) = packet::View::parse(bytes).map(|view| view.layout()) else { continue };
            let Some(fragment) = layout.fragment else { continue };
            let place = known.iter().position(|&id| id == fragment.id).unwrap_or_else(|| {
                known.push(fragment.id);
                known.len() - 1
            });
            let id = salt.wrapping_add(place as u16);
            if layout.family == packet::Family::V6 {
                if let Some(field) = bytes.get_mut(fragment.header + 4..fragment.header + 8) {
                    field.copy_from_slice(&u32::from(id).to_be_bytes());
                }
            } else if let Some(head) = bytes.get_mut(..layout.transport) {
                head[4..6].copy_from_slice(&id.to_be_bytes());
                head[10..12].fill(0);
                let sum = craft::checksum(head);
                head[10..12].copy_from_slice(&sum.to_be_bytes());
            }
        }
        case
    }
}

/// An Ethernet address.
pub fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> =
        text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// The header of a frame that carries an IP packet.
pub fn frame_header(source: [u8; 6], destination: [u8; 6], packet: &[u8]) -> [u8; 14] {
    let mut header = [0; 14];
    header[..6].copy_from_slice(&destination);
    header[6..12].copy_from_slice(&source);
    let v6 = packet.first().is_some_and(|first| first >> 4 == 6);
    header[12..].copy_from_slice(if v6 { &[0x86, 0xdd] } else { &[0x08, 0x00] });
    header
}

/// `SOURCE > DESTINATION` of a frame.
pub fn ends(header: &[u8; 14]) -> String {
    let text = |own: &[u8]| own.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    format!("{} > {}", text(&header[6..12]), text(&header[..6]))
}

/// The header of the answer to a frame.
pub fn turned_frame(header: &[u8; 14]) -> [u8; 14] {
    let mut out = *header;
    out[..6].copy_from_slice(&header[6..12]);
    out[6..12].copy_from_slice(&header[..6]);
    out
}

/// A few words about a packet, for readers of a case.
pub fn summary(bytes: &[u8]) -> String {
    let Ok(view) = packet::View::parse(bytes) else { return format!("{} malformed bytes", bytes.len()) };
    let mut out = format!("{} > {} proto={:?}", view.source(), view.destination(), view.protocol());
    if let Some((source, destination)) = view.ports() {
        out.push_str(&format!(" ports {source} > {destination}"));
    }
    if let Some(tcp) = view.tcp() {
        let flags: String = "FSRPAUEC"
            .chars()
            .enumerate()
            .filter(|(at, _)| tcp.flags() >> at & 1 == 1)
            .map(|(_, c)| c)
            .collect();
        out.push_str(&format!(
            " {flags}. seq={} ack={} win={}",
            tcp.sequence(),
            tcp.acknowledgement(),
            tcp.window()
        ));
    }
    if let Some(icmp) = view.icmp() {
        out.push_str(&format!(" icmp {}/{} rest={:08x}", icmp.kind, icmp.code, icmp.rest));
    }
    if let Some(fragment) = view.layout().fragment {
        out.push_str(&format!(
            " fragment id={} offset={} more={}",
            fragment.id, fragment.offset, fragment.more
        ));
    }
    out.push_str(&format!(" ttl={} tos={:#x} len={}", view.ttl(), view.tos(), view.bytes().len()));
    out
}

/// The destination address of an IP packet's header.
pub fn destination_of(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.first()? >> 4 {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(bytes.get(16..20)?).ok()?)),
        6 => Some(IpAddr::from(<[u8; 16]>::try_from(bytes.get(24..40)?).ok()?)),
        _ => None,
    }
}

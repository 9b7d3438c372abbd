//! The facts of a machine as text: one fact a line.
//!
//! ```text
//! # what stands behind # is a comment
//! socket tcp 10.0.0.1:22 uid 0 gid 0
//! socket tcp 0.0.0.0:50080 transparent uid 13 gid 13 cgroup /proxy
//! socket tcp 10.0.0.1:22 10.0.0.7:40000 uid 0 gid 0
//! socket udp [::]:53 dev eth0 mark 0x1
//! sockets none
//! ipsec out 10.0.0.0/24 10.9.0.0/24 esp tunnel 203.0.113.1 198.51.100.1 reqid 1
//! ipsec in 10.9.0.0/24 10.0.0.0/24 esp tunnel 198.51.100.1 203.0.113.1 spi 0x100 reqid 1
//! cpu 0
//! timezone -60
//! sysctl net.ipv4.ip_early_demux=0
//! ```
//!
//! | statement | words |
//! |---|---|
//! | `socket tcp\|udp LOCAL [REMOTE]` | a state if it is not the usual one (`listen` or `bound` without a peer, `established` with one): `syn-received`, `time-wait`; `dev DEVICE`, `transparent`, `v6only`, `mark N`, `uid N`, `gid N`, `groups N,N` (`-`: none), `cgroup PATH`, `class N`. What is not written is so: no device, not transparent, mark 0; but who owns it and its control group are not known. `?` behind `dev`, `transparent`, `v6only` and `mark` says that it is not known |
//! | `sockets LIST…` | which lists have every socket there is: `tcp4`, `udp4`, `tcp6`, `udp6`, or `all`; `none`: all, and there is no socket. Without this line, and without a list of `/proc/net`, a `socket` line says that all are complete |
//! | `unsaid WORD…` | what holds for sockets in lists that do not say it: `nodev`, `notransparent`, `nov6only`, `nomark` |
//! | `ipsec none` | nothing is protected |
//! | `ipsec in\|out FROM TO` | `proto P`, `sport A[:B]`, `dport A[:B]`, `dev DEVICE`, `mark N[/M]`, then `clear` or the states, parted by `then`, the innermost first: `esp\|ah\|comp\|NUMBER tunnel\|transport [FROM TO] [spi N] [reqid N]`. The first line that fits counts |
//! | `router-alert ip PROTO\|ipv6 N` | a process has asked for packets that routers are to look at; `dev DEVICE`: it is bound to it |
//! | `cpu N` | the processor that handles every packet |
//! | `timezone N` | the kernel's time zone in minutes west of Greenwich |
//! | `sysctl NAME=VALUE` | `net.ipv4.ip_early_demux`, `net.ipv4.tcp_early_demux`, `net.ipv4.udp_early_demux` |
//!
//! What the machine prints is taken as it is: `/proc/net/tcp`, `tcp6`, `udp`, `udp6` (known by their headings; each is a
//! complete list), and the lines of `ss -tuanOe` (with `--inet-sockopt --cgroup` they say all but the group).
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

use packet::{AddrMask, Family, InterfaceName, protocol};
use rules::matches::PortRange;
use rules::matches::policy::Mode;

use super::{Alert, Direction, Machine, Protection, Socket, State, Transform, Transport};
pub use crate::route::text::{Error, ErrorKind};
use crate::route::text::{Words, number};

mod listed;

/// Most lines that are read, over all texts of a machine.
const MOST_LINES: usize = 1_000_000;

/// Reads the facts of a machine.
pub fn parse(text: &str) -> Result<Machine, Error> {
    let mut reader = Reader::default();
    reader.read(text)?;
    Ok(reader.finish())
}

/// Reads several texts, one after another, into one machine.
#[derive(Debug, Default)]
pub struct Reader {
    machine: Machine,
    /// The list of `/proc/net` in which the present line stands.
    list: Option<listed::List>,
    unsaid: Unsaid,
    lines: usize,
}

/// What sockets of lists have that do not say it.
#[derive(Clone, Copy, Debug, Default)]
struct Unsaid {
    device: bool,
    transparent: bool,
    v6_only: bool,
    mark: bool,
}

impl Reader {
    /// Reads a text.
    pub fn read(&mut self, text: &str) -> Result<(), Error> {
        self.list = None;
        for (at, line) in text.lines().enumerate() {
            self.lines += 1;
            let mut words = Words::new(line, at + 1);
            if self.lines > MOST_LINES {
                return Err(words.error(ErrorKind::Limit));
            }
            self.line(line, &mut words)?;
        }
        Ok(())
    }

    /// The machine.
    pub fn finish(mut self) -> Machine {
        let unsaid = self.unsaid;
        for socket in &mut self.machine.sockets.list {
            socket.device = socket.device.or(unsaid.device.then_some(None));
            socket.transparent = socket.transparent.or(unsaid.transparent.then_some(false));
            socket.v6_only = socket.v6_only.or(unsaid.v6_only.then_some(false));
            socket.mark = socket.mark.or(unsaid.mark.then_some(0));
        }
        if !self.machine.sockets.list.is_empty() && !self.machine.sockets.is_anything_said() {
            self.machine.sockets.complete_all();
        }
        self.machine
    }

    fn line(&mut self, line: &str, words: &mut Words<'_>) -> Result<(), Error> {
        if let Some(list) = listed::List::of_heading(line) {
            self.machine.sockets.complete(list.transport, list.family);
            self.list = Some(list);
            return Ok(());
        }
        let Some(first) = words.next() else { return Ok(()) };
        if let Some(list) = self.list
            && first.strip_suffix(':').is_some_and(|digits| number(digits).is_some())
        {
            let socket = list.socket(words)?;
            self.machine.sockets.list.extend(socket);
            return Ok(());
        }
        match first {
            "socket" => {
                let socket = socket(&mut self.machine, words)?;
                self.machine.sockets.add(socket);
            }
            "sockets" => self.lists(words)?,
            "unsaid" => self.unsaid(words)?,
            "ipsec" => ipsec(&mut self.machine, words)?,
            "router-alert" => alert(&mut self.machine, words)?,
            "cpu" => self.machine.cpu = Some(words.number()?),
            "timezone" => {
                let west = words.value()?.parse().ok().filter(|west: &i32| west.abs() <= 24 * 60);
                self.machine.minutes_west = Some(west.ok_or_else(|| words.error(ErrorKind::Number))?);
            }
            "sysctl" => self.setting(words)?,
            // The heading and the lines of ss.
            "Netid" => return Ok(()),
            "tcp" | "udp" => {
                let socket = listed::of_ss(&mut self.machine, first, words)?;
                self.machine.sockets.list.extend(socket);
                return Ok(());
            }
            _ => return Err(words.error(ErrorKind::Fact)),
        }
        match words.next() {
            None => Ok(()),
            Some(_) => Err(words.error(ErrorKind::Word)),
        }
    }

    fn lists(&mut self, words: &mut Words<'_>) -> Result<(), Error> {
        words.peek().ok_or_else(|| words.error(ErrorKind::Missing))?;
        let sockets = &mut self.machine.sockets;
        while let Some(word) = words.next() {
            match word {
                "tcp4" => sockets.complete(Transport::Tcp, Family::V4),
                "udp4" => sockets.complete(Transport::Udp, Family::V4),
                "tcp6" => sockets.complete(Transport::Tcp, Family::V6),
                "udp6" => sockets.complete(Transport::Udp, Family::V6),
                "all" | "none" => sockets.complete_all(),
                _ => return Err(words.error(ErrorKind::Word)),
            }
        }
        Ok(())
    }

    fn unsaid(&mut self, words: &mut Words<'_>) -> Result<(), Error> {
        words.peek().ok_or_else(|| words.error(ErrorKind::Missing))?;
        while let Some(word) = words.next() {
            let place = match word {
                "nodev" => &mut self.unsaid.device,
                "notransparent" => &mut self.unsaid.transparent,
                "nov6only" => &mut self.unsaid.v6_only,
                "nomark" => &mut self.unsaid.mark,
                _ => return Err(words.error(ErrorKind::Word)),
            };
            *place = true;
        }
        Ok(())
    }

    fn setting(&mut self, words: &mut Words<'_>) -> Result<(), Error> {
        let Some((name, value)) = words.rest().split_once('=') else {
            return Err(words.error(ErrorKind::Missing));
        };
        let demux = &mut self.machine.early_demux;
        let place = match name.trim().replace('/', ".").as_str() {
            "net.ipv4.ip_early_demux" => &mut demux.any,
            "net.ipv4.tcp_early_demux" => &mut demux.tcp,
            "net.ipv4.udp_early_demux" => &mut demux.udp,
            _ => return Err(words.error(ErrorKind::Setting)),
        };
        *place = number(value.trim()).ok_or_else(|| words.error(ErrorKind::Number))? != 0;
        Ok(())
    }
}

/// An address and port; an IPv4 address that an IPv6 socket has is one of IPv4.
fn endpoint(word: &str) -> Option<(SocketAddr, Family)> {
    let at: SocketAddr = word.parse().ok()?;
    let family = Family::of(at.ip());
    Some((SocketAddr::new(at.ip().to_canonical(), at.port()), family))
}

fn device(word: &str) -> Option<InterfaceName> {
    InterfaceName::new(word).filter(|_| !word.contains('/'))
}

/// The value of a word that may be `?`.
fn known<T>(
    words: &mut Words<'_>,
    kind: ErrorKind,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    match words.value()? {
        "?" => Ok(None),
        word => read(word).map(Some).ok_or_else(|| words.error(kind)),
    }
}

/// What follows a word that stands alone: nothing, or `?`.
fn flag(words: &mut Words<'_>) -> Option<bool> {
    if words.peek() == Some("?") {
        words.next();
        return None;
    }
    Some(true)
}

fn socket(machine: &mut Machine, words: &mut Words<'_>) -> Result<Socket, Error> {
    let transport = match words.value()? {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return Err(words.error(ErrorKind::Word)),
    };
    let (local, family) = endpoint(words.value()?).ok_or_else(|| words.error(ErrorKind::Endpoint))?;
    let remote = match words.peek().and_then(endpoint) {
        Some((remote, other)) => {
            words.next();
            if other != family || remote.is_ipv4() != local.is_ipv4() {
                return Err(words.error(ErrorKind::Families));
            }
            Some(remote)
        }
        None => None,
    };
    let mut socket = Socket { family, ..Socket::new(transport, local, remote) };
    while let Some(word) = words.next() {
        match word {
            "listen" if transport == Transport::Tcp && remote.is_none() => {}
            "bound" if transport == Transport::Udp && remote.is_none() => {}
            "established" if remote.is_some() => {}
            "syn-received" if transport == Transport::Tcp && remote.is_some() => {
                socket.state = State::SynReceived
            }
            "time-wait" if transport == Transport::Tcp && remote.is_some() => socket.state = State::TimeWait,
            "dev" => socket.device = known(words, ErrorKind::Name, device)?.map(Some),
            "transparent" => socket.transparent = flag(words),
            "v6only" => socket.v6_only = flag(words),
            "mark" => socket.mark = known(words, ErrorKind::Number, number)?,
            "uid" => socket.uid = Some(words.number()?),
            "gid" => socket.gid = Some(words.number()?),
            "class" => socket.class = Some(words.number()?),
            "groups" => {
                let word = words.value()?;
                let list = groups(word).ok_or_else(|| words.error(ErrorKind::Number))?;
                socket.groups = Some(machine.groups(&list));
            }
            "cgroup" => socket.cgroup = Some(machine.cgroup(words.value()?)),
            _ => return Err(words.error(ErrorKind::Word)),
        }
    }
    Ok(socket)
}

/// A list of groups as the text form writes it: numbers parted by commas, `-` for none.
pub fn groups(word: &str) -> Option<Vec<u32>> {
    if word == "-" { Some(Vec::new()) } else { word.split(',').map(number).collect() }
}

fn ipsec(machine: &mut Machine, words: &mut Words<'_>) -> Result<(), Error> {
    let direction = match words.value()? {
        "none" => {
            machine.ipsec.get_or_insert_default();
            return Ok(());
        }
        "in" => Direction::In,
        "out" => Direction::Out,
        _ => return Err(words.error(ErrorKind::Word)),
    };
    let from = words.prefix(None)?;
    let to = words.prefix(Some(from.family()))?;
    if from.family() != to.family() {
        return Err(words.error(ErrorKind::Families));
    }
    let mut protection = Protection {
        direction,
        from,
        to,
        protocol: None,
        source_ports: None,
        destination_ports: None,
        device: None,
        mark: None,
        transforms: None,
    };
    loop {
        match words.peek() {
            Some("proto") => {
                words.next();
                let word = words.value()?;
                protection.protocol =
                    Some(protocol_number(word).ok_or_else(|| words.error(ErrorKind::Number))?);
            }
            Some(word @ ("sport" | "dport")) => {
                words.next();
                let range = ports(words.value()?).ok_or_else(|| words.error(ErrorKind::Number))?;
                let own = &mut protection;
                *(if word == "sport" { &mut own.source_ports } else { &mut own.destination_ports }) =
                    Some(range);
            }
            Some("dev") => {
                words.next();
                let name = device(words.value()?).ok_or_else(|| words.error(ErrorKind::Name))?;
                protection.device = Some(name);
            }
            Some("mark") => {
                words.next();
                let word = words.value()?;
                let (mark, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
                let both = number(mark).zip(number(mask));
                protection.mark = Some(both.ok_or_else(|| words.error(ErrorKind::Number))?);
            }
            Some("clear") => {
                words.next();
                break;
            }
            _ => {
                let row = transforms(words)?;
                protection.transforms = Some(machine.transforms(&row));
                break;
            }
        }
    }
    machine.ipsec.get_or_insert_default().push(protection);
    Ok(())
}

fn alert(machine: &mut Machine, words: &mut Words<'_>) -> Result<(), Error> {
    let family = match words.value()? {
        "ip" => Family::V4,
        "ipv6" => Family::V6,
        _ => return Err(words.error(ErrorKind::Word)),
    };
    let word = words.value()?;
    let number = match family {
        Family::V4 => protocol_number(word).map(u16::from),
        Family::V6 => number(word).and_then(|number| u16::try_from(number).ok()),
    };
    let number = number.ok_or_else(|| words.error(ErrorKind::Number))?;
    let mut bound = None;
    if words.peek() == Some("dev") {
        words.next();
        bound = Some(device(words.value()?).ok_or_else(|| words.error(ErrorKind::Name))?);
    }
    machine.alerts.push(Alert { family, number, device: bound });
    Ok(())
}

fn ports(word: &str) -> Option<PortRange> {
    let (first, last) = word.split_once(':').unwrap_or((word, word));
    let (first, last) = (u16::try_from(number(first)?).ok()?, u16::try_from(number(last)?).ok()?);
    (first <= last).then_some(PortRange { first, last })
}

const PROTOCOLS: [(&str, u8); 6] = [
    ("tcp", protocol::TCP),
    ("udp", protocol::UDP),
    ("icmp", protocol::ICMP),
    ("esp", protocol::ESP),
    ("ah", protocol::AH),
    ("comp", protocol::IPCOMP),
];

fn protocol_number(word: &str) -> Option<u8> {
    let named = PROTOCOLS.iter().find(|(name, _)| *name == word).map(|own| own.1);
    named.or_else(|| u8::try_from(number(word)?).ok())
}

fn push_protocol(out: &mut String, number: u8) {
    let _ = match PROTOCOLS.iter().find(|own| own.1 == number) {
        Some((name, _)) => write!(out, "{name}"),
        None => write!(out, "{number}"),
    };
}

/// Most states that a packet goes through (Linux: `XFRM_MAX_DEPTH`).
const MOST_TRANSFORMS: usize = 6;

/// A row of IPsec states, parted by `then`, up to the end of the line.
fn transforms(words: &mut Words<'_>) -> Result<Vec<Transform>, Error> {
    let mut row = Vec::new();
    loop {
        let word = words.value()?;
        let protocol = protocol_number(word).ok_or_else(|| words.error(ErrorKind::Word))?;
        let mode = match words.value()? {
            "tunnel" => Mode::Tunnel,
            "transport" => Mode::Transport,
            _ => return Err(words.error(ErrorKind::Word)),
        };
        let mut own = Transform { protocol, mode, ends: None, spi: None, request: None };
        let mut more = false;
        while let Some(word) = words.next() {
            match word {
                "spi" => own.spi = Some(words.number()?),
                "reqid" => own.request = Some(words.number()?),
                "then" => {
                    more = true;
                    break;
                }
                _ => {
                    let from: IpAddr = word.parse().map_err(|_| words.error(ErrorKind::Word))?;
                    own.ends = Some((from, words.address()?));
                }
            }
        }
        row.push(own);
        if row.len() > MOST_TRANSFORMS {
            return Err(words.error(ErrorKind::Limit));
        }
        if !more {
            return Ok(row);
        }
    }
}

/// Reads a row of IPsec states as the text form has them behind `ipsec in …`.
pub fn parse_transforms(text: &str) -> Result<Vec<Transform>, Error> {
    transforms(&mut Words::new(text, 1))
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self))
    }
}

/// Writes the facts of a machine; [`parse`] reads the same again.
pub fn print(machine: &Machine) -> String {
    let mut out = String::new();
    let sockets = &machine.sockets;
    if sockets.is_anything_said() {
        out.push_str("sockets");
        for (name, transport, family) in [
            ("tcp4", Transport::Tcp, Family::V4),
            ("udp4", Transport::Udp, Family::V4),
            ("tcp6", Transport::Tcp, Family::V6),
            ("udp6", Transport::Udp, Family::V6),
        ] {
            if sockets.is_complete(transport, family) {
                let _ = write!(out, " {name}");
            }
        }
        out.push('\n');
    }
    for socket in sockets.list() {
        push_socket(machine, socket, &mut out);
        out.push('\n');
    }
    if machine.ipsec.as_ref().is_some_and(Vec::is_empty) {
        out.push_str("ipsec none\n");
    }
    for protection in machine.ipsec.iter().flatten() {
        push_protection(machine, protection, &mut out);
        out.push('\n');
    }
    for alert in &machine.alerts {
        let family = if alert.family == Family::V4 { "ip" } else { "ipv6" };
        let _ = write!(out, "router-alert {family} {}", alert.number);
        if let Some(device) = alert.device {
            let _ = write!(out, " dev {device}");
        }
        out.push('\n');
    }
    if let Some(cpu) = machine.cpu {
        let _ = writeln!(out, "cpu {cpu}");
    }
    if let Some(west) = machine.minutes_west {
        let _ = writeln!(out, "timezone {west}");
    }
    let demux = machine.early_demux;
    for (name, on) in [("ip", demux.any), ("tcp", demux.tcp), ("udp", demux.udp)] {
        if !on {
            let _ = writeln!(out, "sysctl net.ipv4.{name}_early_demux=0");
        }
    }
    out
}

/// An address and port in the form in which it is read: of an IPv6 socket in IPv6's.
pub fn print_endpoint(family: Family, at: SocketAddr) -> String {
    match (family, at) {
        (Family::V6, SocketAddr::V4(v4)) => {
            SocketAddrV6::new(Ipv4Addr::to_ipv6_mapped(v4.ip()), v4.port(), 0, 0).to_string()
        }
        _ => at.to_string(),
    }
}

fn push_socket(machine: &Machine, socket: &Socket, out: &mut String) {
    let _ = write!(out, "socket {} {}", socket.transport.name(), print_endpoint(socket.family, socket.local));
    if let Some(remote) = socket.remote {
        let _ = write!(out, " {}", print_endpoint(socket.family, remote));
    }
    match socket.state {
        State::SynReceived => out.push_str(" syn-received"),
        State::TimeWait => out.push_str(" time-wait"),
        State::Listen | State::Established | State::Bound => {}
    }
    match socket.device {
        Some(Some(device)) => {
            let _ = write!(out, " dev {device}");
        }
        Some(None) => {}
        None => out.push_str(" dev ?"),
    }
    for (name, value) in [("transparent", socket.transparent), ("v6only", socket.v6_only)] {
        let _ = match value {
            Some(true) => write!(out, " {name}"),
            Some(false) => Ok(()),
            None => write!(out, " {name} ?"),
        };
    }
    let _ = match socket.mark {
        Some(0) => Ok(()),
        Some(mark) => write!(out, " mark {mark:#x}"),
        None => write!(out, " mark ?"),
    };
    for (name, value) in [("uid", socket.uid), ("gid", socket.gid)] {
        if let Some(value) = value {
            let _ = write!(out, " {name} {value}");
        }
    }
    if let Some(groups) = socket.groups {
        let _ = write!(out, " groups {}", print_groups(machine.groups_of(groups)));
    }
    if let Some(cgroup) = socket.cgroup {
        let _ = write!(out, " cgroup {}", machine.cgroup_path(cgroup));
    }
    if let Some(class) = socket.class {
        let _ = write!(out, " class {class:#x}");
    }
}

/// A list of groups as [`groups`] reads it.
pub fn print_groups(list: &[u32]) -> String {
    if list.is_empty() {
        return "-".to_owned();
    }
    list.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn push_prefix(out: &mut String, prefix: AddrMask) {
    let length = prefix.prefix_length().unwrap_or(prefix.family().bits());
    let _ = write!(out, " {}/{length}", prefix.address());
}

fn push_protection(machine: &Machine, protection: &Protection, out: &mut String) {
    out.push_str(if protection.direction == Direction::In { "ipsec in" } else { "ipsec out" });
    push_prefix(out, protection.from);
    push_prefix(out, protection.to);
    if let Some(own) = protection.protocol {
        out.push_str(" proto ");
        push_protocol(out, own);
    }
    for (name, range) in [("sport", protection.source_ports), ("dport", protection.destination_ports)] {
        if let Some(PortRange { first, last }) = range {
            let _ = write!(out, " {name} {first}:{last}");
        }
    }
    if let Some(device) = protection.device {
        let _ = write!(out, " dev {device}");
    }
    if let Some((mark, mask)) = protection.mark {
        let _ = write!(out, " mark {mark:#x}/{mask:#x}");
    }
    match protection.transforms {
        None => out.push_str(" clear"),
        Some(row) => {
            out.push(' ');
            push_transforms(machine.transforms_of(row), out);
        }
    }
}

/// A row of IPsec states as [`parse_transforms`] reads it.
pub fn push_transforms(row: &[Transform], out: &mut String) {
    for (at, own) in row.iter().enumerate() {
        if at > 0 {
            out.push_str(" then ");
        }
        push_protocol(out, own.protocol);
        out.push_str(if own.mode == Mode::Tunnel { " tunnel" } else { " transport" });
        if let Some((from, to)) = own.ends {
            let _ = write!(out, " {from} {to}");
        }
        if let Some(spi) = own.spi {
            let _ = write!(out, " spi {spi:#x}");
        }
        if let Some(request) = own.request {
            let _ = write!(out, " reqid {request}");
        }
    }
}

#[cfg(test)]
mod tests;

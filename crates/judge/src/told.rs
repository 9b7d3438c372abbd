//! What a step's outcome says in [`crate::StepOutcome::told`]: one line for each thing that somebody was told, in the same
//! words for kernel and engine.
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use packet::Family;

use crate::craft;
use crate::process::Said;

/// A line of the log with its level.
pub fn log(level: u32, text: &str) -> String {
    format!("log {level} \"{text}\"")
}

/// Whether a line of the kernel's log is one about a packet.
pub fn is_about_a_packet(text: &str) -> bool {
    text.contains("IN=") && text.contains(" OUT=")
}

/// Linux: `PF_INET`, `PF_INET6`.
pub const fn number_of(family: Family) -> u8 {
    match family {
        Family::V4 => 2,
        Family::V6 => 10,
    }
}

/// What a listener to NFLOG or NFQUEUE got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `nflog` or `nfqueue` with its number.
    pub listener: String,
    /// `--nflog-prefix`.
    pub prefix: String,
    /// `PF_INET` or `PF_INET6`.
    pub family: u8,
    /// Ethernet protocol.
    pub protocol: u16,
    /// Hook, as the kernel numbers them.
    pub hook: u8,
    /// Device that it came by.
    pub input: Option<String>,
    /// Device that it leaves by.
    pub output: Option<String>,
    /// Its mark.
    pub mark: u32,
    /// User and group of the socket that sent it.
    pub owner: Option<(u32, u32)>,
    /// The packet, as much as was given.
    pub bytes: Vec<u8>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\" family={}", self.listener, self.prefix, self.family)?;
        write!(f, " protocol={:04x} hook={}", self.protocol, self.hook)?;
        for (name, device) in [("in", &self.input), ("out", &self.output)] {
            write!(f, " {name}={}", device.as_deref().unwrap_or(""))?;
        }
        write!(f, " mark={:#x}", self.mark)?;
        if let Some((uid, gid)) = self.owner {
            write!(f, " uid={uid} gid={gid}")?;
        }
        write!(f, " {}", craft::hex(&self.bytes))
    }
}

/// Small numbers for large ones, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub struct Numbers(Vec<Option<u64>>);

impl Numbers {
    /// The small number, from 1.
    pub fn of(&mut self, large: u64) -> usize {
        match self.0.iter().position(|own| *own == Some(large)) {
            Some(at) => at + 1,
            None => {
                self.0.push(Some(large));
                self.0.len()
            }
        }
    }

    /// What had the large number is no more: if it comes again, it is another one's.
    pub fn end(&mut self, large: u64) {
        self.0.iter_mut().filter(|own| **own == Some(large)).for_each(|own| *own = None);
    }
}

/// Lines in which what may differ does not: identifications that the machine chose, seconds to live that differ by one, the
/// order in which connections end at the same time.
pub fn compared(left: &[String], right: &[String], chosen: &BTreeSet<u32>) -> (String, String) {
    let read = |lines: &[String]| {
        let mut lines: Vec<_> = lines.iter().map(|line| masked(line, chosen)).collect();
        let ends = |line: &String| line.starts_with("event DESTROY");
        lines.chunk_by_mut(|one, other| ends(one) && ends(other)).for_each(<[String]>::sort);
        lines
    };
    let (one, mut other) = (read(left), read(right));
    for (one, other) in one.iter().zip(&mut other) {
        if one != other && close(one, other) {
            other.clone_from(one);
        }
    }
    (one.join("\n          "), other.join("\n          "))
}

/// A line about a packet whose identification is none of those that the case has chosen.
fn masked(line: &str, chosen: &BTreeSet<u32>) -> String {
    if let Some((head, bytes)) = line.rsplit_once(' ').filter(|(head, _)| head.contains(" family=2 ")) {
        let id = bytes.get(8..12).and_then(|id| u32::from_str_radix(id, 16).ok());
        return match (id, bytes.get(..8), bytes.get(12..20), bytes.get(24..)) {
            (Some(id), Some(start), Some(middle), Some(end)) if !chosen.contains(&id) => {
                // The header's checksum covers it.
                format!("{head} {start}****{middle}****{end}")
            }
            _ => line.to_owned(),
        };
    }
    if !line.starts_with("log ") {
        return line.to_owned();
    }
    let word = |word: &str| match word.strip_prefix("ID=").and_then(|id| id.parse().ok()) {
        Some(id) if !chosen.contains(&id) => "ID=*".to_owned(),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Whether two lines differ in seconds to live alone, and by one.
fn close(one: &str, other: &str) -> bool {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split(' ').collect(), other.split(' ').collect());
    let seconds = |word: &str| word.strip_prefix("timeout=").and_then(|text| text.parse::<u64>().ok());
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| {
            one == other
                || seconds(one).zip(seconds(other)).is_some_and(|(one, other)| one.abs_diff(other) <= 1)
        })
}

/// The words of a command, as in a line of a save file.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    rules::syntax::lex::restore_line(line, 0, &mut words).map_err(|error| format!("{line}: {error:?}"))?;
    Ok(words.iter().map(|word| word.text.to_string()).collect())
}

/// Whether a program is one of IPv6.
pub fn is_v6(program: &str) -> bool {
    program.starts_with("ip6")
}

/// The machine's program of a name: `iptables-save` is `iptables-legacy-save`.
pub fn legacy(program: &str) -> String {
    let (family, rest) = program.split_once('-').unwrap_or((program, ""));
    let dash = if rest.is_empty() { "" } else { "-" };
    format!("{family}-legacy{dash}{rest}")
}

/// What came of a command: exit status, what it printed, and `iptables-save -c` after it. Versions and dates are taken out.
pub(crate) fn command(said: &Said, saved: &str) -> Vec<String> {
    let mut out = vec![format!("exit {}", said.exit)];
    out.extend(said.out.lines().map(|line| format!("out: {}", plain(line))));
    out.extend(said.error.lines().map(|line| format!("error: {}", plain(line))));
    out.extend(saved.lines().filter(|line| !line.starts_with('#')).map(|line| format!("then: {line}")));
    out
}

/// A line without version and date.
fn plain(line: &str) -> String {
    for start in ["# Generated by ", "# Completed on "] {
        if let Some(rest) = line.strip_prefix(start) {
            let program = rest.split_once(" v1.8.").map_or("", |(program, _)| program);
            return format!("{start}{program}");
        }
    }
    line.replace("v1.8.13 (legacy)", "VERSION").replace("v1.8.9 (legacy)", "VERSION")
}

/// The answer to a question about a socket: the bytes of the address, or the error number.
pub fn original_destination(at: SocketAddr, answer: Result<Vec<u8>, i32>) -> String {
    match answer {
        Ok(bytes) => format!("original destination of {at}: {}", craft::hex(&bytes)),
        Err(number) => format!("original destination of {at}: error {number}"),
    }
}

/// A tuple of a connection or expectation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TupleText {
    /// IP protocol.
    pub protocol: u8,
    /// Source.
    pub source: Option<IpAddr>,
    /// Destination.
    pub destination: Option<IpAddr>,
    /// Ports or what stands in their place, as in [`netfilter::Tuple`].
    pub ids: (u16, u16),
}

impl From<netfilter::Tuple> for TupleText {
    fn from(own: netfilter::Tuple) -> Self {
        Self {
            protocol: own.protocol,
            source: Some(own.source),
            destination: Some(own.destination),
            ids: (own.source_id, own.destination_id),
        }
    }
}

impl fmt::Display for TupleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = |own: Option<IpAddr>| own.map_or("-".to_owned(), |own| own.to_string());
        let (source, destination) = (address(self.source), address(self.destination));
        write!(f, "{}:{source}:{}>{destination}:{}", self.protocol, self.ids.0, self.ids.1)
    }
}

/// What a listener is told of a connection. What is `None` was not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEvent {
    /// `NEW`, `UPDATE` or `DESTROY`.
    pub what: &'static str,
    /// Which connection it is, of those that were told of.
    pub id: usize,
    /// Original direction.
    pub original: TupleText,
    /// Reply direction.
    pub reply: TupleText,
    /// Status bits.
    pub status: u32,
    /// Seconds to live.
    pub seconds: Option<u32>,
    /// State of the protocol.
    pub state: Option<String>,
    /// Packets and bytes of both directions.
    pub counters: Option<((u64, u64), (u64, u64))>,
    /// Mark.
    pub mark: Option<u32>,
    /// Zone, if it is not 0.
    pub zone: Option<u16>,
    /// Helper.
    pub helper: Option<String>,
    /// Labels.
    pub labels: Option<u128>,
    /// The original tuple of the connection whose helper expected it.
    pub master: Option<TupleText>,
    /// Whether movements of sequence numbers are told.
    pub adjusted: bool,
}

impl fmt::Display for ConnectionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, id, original, reply, status, .. } = self;
        write!(f, "event {what} #{id} {original} {reply} status={status:#x}")?;
        if let Some(seconds) = self.seconds {
            write!(f, " timeout={seconds}")?;
        }
        if let Some(state) = &self.state {
            write!(f, " state={state}")?;
        }
        if let Some((original, reply)) = self.counters {
            write!(f, " original={}/{} reply={}/{}", original.0, original.1, reply.0, reply.1)?;
        }
        if let Some(mark) = self.mark {
            write!(f, " mark={mark:#x}")?;
        }
        if let Some(zone) = self.zone {
            write!(f, " zone={zone}")?;
        }
        if let Some(helper) = &self.helper {
            write!(f, " helper={helper}")?;
        }
        if let Some(labels) = self.labels {
            write!(f, " labels={labels:#x}")?;
        }
        if let Some(master) = &self.master {
            write!(f, " master={master}")?;
        }
        if self.adjusted {
            f.write_str(" adjusted")?;
        }
        Ok(())
    }
}

/// What a listener is told of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectationEvent {
    /// `NEW` or `DESTROY`.
    pub what: &'static str,
    /// What is expected.
    pub expected: TupleText,
    /// The bits of its source that count.
    pub mask: (Option<IpAddr>, u16),
    /// Original direction of the connection whose helper expects it.
    pub master: TupleText,
    /// Seconds to live.
    pub seconds: u32,
    /// The helper.
    pub helper: String,
    /// What is special about it.
    pub flags: u32,
    /// Class.
    pub class: u32,
}

impl fmt::Display for ExpectationEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, expected, mask: (address, port), master, seconds, helper, flags, class } = self;
        let address = address.map_or("-".to_owned(), |own| own.to_string());
        write!(f, "event EXP{what} {expected} mask={address}:{port:#x} master={master}")?;
        write!(f, " timeout={seconds} helper={helper} flags={flags} class={class}")
    }
}

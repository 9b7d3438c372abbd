//! What a step's outcome says in [`crate::StepOutcome::told`]: one line for each thing that somebody was told, in the same
//! words for kernel and engine.
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;

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
pub struct Numbers(Vec<u64>);

impl Numbers {
    /// The small number, from 1.
    pub fn of(&mut self, large: u64) -> usize {
        match self.0.iter().position(|own| *own == large) {
            Some(at) => at + 1,
            None => {
                self.0.push(large);
                self.0.len()
            }
        }
    }
}

/// Lines in which what may differ does not: identifications that the machine chose (`ID=`), seconds to live that differ by
/// one.
pub fn compared(left: &[String], right: &[String], chosen: &BTreeSet<u32>) -> (String, String) {
    let one: Vec<_> = left.iter().map(|line| masked(line, chosen)).collect();
    let mut other: Vec<_> = right.iter().map(|line| masked(line, chosen)).collect();
    for (one, other) in one.iter().zip(&mut other) {
        if one != other && close(one, other) {
            other.clone_from(one);
        }
    }
    (one.join("\n          "), other.join("\n          "))
}

/// A line of the log whose identification is none of those that the case has chosen.
fn masked(line: &str, chosen: &BTreeSet<u32>) -> String {
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

//! Packets as one line of text, both ways: `eth0 tcp 10.10.10.10:40000 > 192.168.1.1:22 S`.
//!
//! ```text
//! line     = [DEVICE] packet
//! packet   = PROTOCOL END ">" END word*  |  "hex" DIGITS…
//! PROTOCOL = tcp | udp | udplite | sctp | icmp | icmpv6 | gre | esp | ah | igmp | dccp | NUMBER
//! END      = ADDRESS | ADDRESS:PORT | [ADDRESS6]:PORT        (ports for tcp, udp, udplite, sctp)
//! ```
//!
//! Numbers are decimal or `0x…`, bytes are pairs of hexadecimal digits. Left out are: `ttl 64`, `tos 0`, `id 0`,
//! `seq 0`, `ack 0`, `win 65535`, and right lengths and checksums. The words that may follow:
//!
//! | for | words |
//! |---|---|
//! | all | `ttl N` `tos N` `payload "text"` `data HEX` `len N` (N zero bytes) |
//! | IPv4 | `id N` (`ipid N` with icmp) `df` `evil` `ipopts HEX` `frag OFFSET[+]` (in bytes, `+`: more follow) |
//! | IPv6 | `flow N` `hopopts HEX` `rthdr HEX` `dstopts HEX` `auth HEX` `frag OFFSET[+]` `id N` (of the fragment) |
//! | tcp | flags `SAFRPUEW` in one word, `.` for none, `S` if left out; `seq N` `ack N` `win N` `urg N` `res N`; options `mss N` `wscale N` `sackok` `sack A-B,…` `ts A B` `nop` `opt HEX` |
//! | icmp | a name (`echo-request`, `port-unreachable` …) or `TYPE/CODE`; `id N` `seq N` `mtu N` `gateway A` `rest N`; `quote ( packet )` |
//! | udplite, sctp | `coverage N`; `vtag N` |
//! | wrong on purpose | `ipsum N` `sum N` `nosum` `badsum` `iplen N` `udplen N` `doff N` `cut N` (bytes of the packet) |
//!
//! `parse(print(p)) == p` for every `p`: what the words cannot say is printed as `hex …`. Text in quotes knows `\"`,
//! `\\`, `\n`, `\r`, `\t` and `\xNN`; a device name with blanks stands in quotes.
use std::fmt;
use std::ops::Range;

use crate::InterfaceName;

mod describe;
mod lex;
mod parse;
mod print;

/// A packet read from a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The device in front, if there is one.
    pub device: Option<InterfaceName>,
    /// The IP packet.
    pub bytes: Vec<u8>,
}

/// What is wrong with a line, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What.
    pub kind: ErrorKind,
    /// The bytes of the line that it is about; empty at the end if something is missing.
    pub span: Range<usize>,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nothing there.
    Empty,
    /// No device of this name can be (1 to 15 bytes).
    Device,
    /// Neither a protocol's name nor a number from 0 to 255.
    Protocol,
    /// Not an address, or a port that is no port.
    Address,
    /// The protocol needs ports at both ends (unless it is a later fragment).
    Port,
    /// The protocol has no ports.
    NoPorts,
    /// `>` is missing between the ends.
    Arrow,
    /// One end is IPv4 and the other IPv6.
    Families,
    /// No such word.
    Word,
    /// The word exists, but not for this protocol or family.
    NotHere,
    /// The word wants a value behind it.
    Missing,
    /// The value is no number or out of its range.
    Number,
    /// Not pairs of hexadecimal digits.
    Hex,
    /// A value that its word does not take.
    Value,
    /// A quoted text does not end, or has a wrong `\`.
    Quote,
    /// Parentheses do not match.
    Parenthesis,
    /// Packets quoted within packets more than 4 deep.
    Deep,
    /// More than 65535 bytes.
    Long,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a packet is missing",
            Self::Device => "a device name has 1 to 15 bytes",
            Self::Protocol => "neither the name of a protocol nor a number from 0 to 255",
            Self::Address => "not an address, ADDRESS:PORT or [ADDRESS]:PORT",
            Self::Port => "this protocol needs a port at both ends",
            Self::NoPorts => "this protocol has no ports",
            Self::Arrow => "a `>` belongs between source and destination",
            Self::Families => "source and destination are of different families",
            Self::Word => "no such word",
            Self::NotHere => "not for this protocol or family",
            Self::Missing => "a value is missing",
            Self::Number => "not a number, or out of range",
            Self::Hex => "not pairs of hexadecimal digits",
            Self::Value => "not a value of this word",
            Self::Quote => "the quoted text does not end or has a wrong backslash",
            Self::Parenthesis => "parentheses do not match",
            Self::Deep => "too many packets within packets",
            Self::Long => "more than 65535 bytes",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (bytes {}..{})", self.kind, self.span.start, self.span.end)
    }
}

impl std::error::Error for Error {}

/// Most packets within packets.
const DEPTH: usize = 4;

/// Reads a line.
pub fn parse(line: &str) -> Result<Shown, Error> {
    parse::line(line)
}

/// Writes a packet as a line. Never fails: `hex …` if the words cannot say it.
pub fn print(device: Option<InterfaceName>, bytes: &[u8]) -> String {
    print::line(device, bytes)
}

#[cfg(test)]
mod tests;

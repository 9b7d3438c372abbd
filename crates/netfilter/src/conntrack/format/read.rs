//! Reading lines: words with their places. What stands in front of the second tuple has its order, what stands behind it
//! may stand in any.
use std::net::IpAddr;
use std::str::FromStr;

use packet::{Family, protocol};
use rules::Counters;

use super::print::{DCCP, DCCP_STATES, FLAGS, Offload, PROTOCOLS, family_name};
use super::{Entry, Error, ErrorKind, Expected, Flow, State};
use crate::conntrack::expect::Flags;
use crate::conntrack::{Direction, Tuple, Zone, sctp, tcp};

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::conntrack) enum Line {
    Connection(Box<Entry>),
    Expectation(Box<Expected>),
}

/// The lines of a table with their numbers; empty ones and what `conntrack` says of itself are left out.
pub(in crate::conntrack) fn lines(text: &str) -> impl Iterator<Item = (usize, &str, Result<Line, Error>)> {
    let numbered = text.lines().zip(1_usize..).filter(|(line, _)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("conntrack v")
    });
    numbered.map(|(text, number)| {
        let mut words = Words::of(text, number);
        let seconds = words.clone().next().map(|word| word.strip_prefix('-').unwrap_or(word));
        let expectation = seconds.is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        let line = if expectation {
            words.expectation().map(|own| Line::Expectation(Box::new(own)))
        } else {
            words.connection().map(|own| Line::Connection(Box::new(own)))
        };
        (number, text, line)
    })
}

impl Entry {
    /// Reads the line of a connection.
    pub fn parse(line: &str) -> Result<Entry, Error> {
        Words::of(line, 1).connection()
    }
}

impl Expected {
    /// Reads the line of an expectation.
    pub fn parse(line: &str) -> Result<Expected, Error> {
        Words::of(line, 1).expectation()
    }
}

/// The error about a word of a line that begins with one of some words; about the line's first word if none does.
pub(in crate::conntrack) fn error_at(text: &str, line: usize, starts: &[&str], kind: ErrorKind) -> Error {
    let mut words = Words::of(text, line);
    let mut ahead = words.clone();
    while let Some(word) = ahead.next() {
        if starts.iter().any(|start| word.starts_with(start)) {
            return ahead.error(kind);
        }
    }
    words.next();
    words.error(kind)
}

/// The words of a line.
#[derive(Clone, Debug)]
struct Words<'t> {
    text: &'t str,
    number: usize,
    /// Where the present word begins and ends, in bytes; before the first one both are 0.
    start: usize,
    end: usize,
}

/// The state of a protocol that has states, the timeouts of GRE.
type StateWords = (Option<State>, Option<(u64, u64)>);

/// What may be said once behind the second tuple.
#[derive(Debug, Default)]
struct Said(Vec<&'static str>);

impl Said {
    fn once(&mut self, what: &'static str, words: &Words<'_>) -> Result<(), Error> {
        if self.0.contains(&what) {
            return Err(words.error(ErrorKind::Again));
        }
        self.0.push(what);
        Ok(())
    }
}

impl<'t> Words<'t> {
    const fn of(text: &'t str, number: usize) -> Self {
        Self { text, number, start: 0, end: 0 }
    }

    fn present(&self) -> &'t str {
        self.text.get(self.start..self.end).unwrap_or("")
    }

    /// The error about the present word.
    fn error(&self, kind: ErrorKind) -> Error {
        let column = self.text.get(..self.start).map_or(0, |before| before.chars().count()) + 1;
        Error { kind, line: self.number, column, word: self.present().to_owned() }
    }

    /// Goes on to the next word; at the end of the line the present one is empty.
    fn next(&mut self) -> Option<&'t str> {
        const BLANKS: [char; 3] = [' ', '\t', '\r'];
        let rest = self.text.get(self.end..).unwrap_or("");
        let word = rest.trim_start_matches(BLANKS);
        self.start = self.text.len() - word.len();
        self.end = self.start + word.find(BLANKS).unwrap_or(word.len());
        (self.start < self.end).then(|| self.present())
    }

    /// The next word without going there.
    fn peek(&self) -> Option<&'t str> {
        self.clone().next()
    }

    /// Takes the next word if it is this one.
    fn take(&mut self, wanted: &str) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.next();
        }
        there
    }

    /// The value of the next word, which must begin like this.
    fn value(&mut self, key: &'static str) -> Result<&'t str, Error> {
        let word = self.next();
        word.and_then(|word| word.strip_prefix(key)).ok_or_else(|| self.error(ErrorKind::Wanted(key)))
    }

    /// The same if the next word begins like this.
    fn optional(&mut self, key: &str) -> Option<&'t str> {
        let value = self.peek()?.strip_prefix(key)?;
        self.next();
        Some(value)
    }

    fn parse<T: FromStr>(&self, value: &str, kind: ErrorKind) -> Result<T, Error> {
        // Why: `FromStr` of numbers takes a sign.
        if value.starts_with('+') {
            return Err(self.error(kind));
        }
        value.parse().map_err(|_| self.error(kind))
    }

    fn number<T: FromStr>(&mut self, key: &'static str) -> Result<T, Error> {
        let value = self.value(key)?;
        self.parse(value, ErrorKind::Number)
    }

    fn address(&mut self, key: &'static str) -> Result<IpAddr, Error> {
        let value = self.value(key)?;
        self.parse(value, ErrorKind::Address)
    }

    fn key(&mut self, key: &'static str) -> Result<u16, Error> {
        let value = self.value(key)?;
        let digits = value.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
        let number = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        // Linux: `%#x` prints 0 without its prefix in some versions.
        number.or_else(|| (value == "0").then_some(0)).ok_or_else(|| self.error(ErrorKind::Number))
    }

    fn seconds(&self, word: &str) -> Result<u64, Error> {
        self.parse::<u32>(word, ErrorKind::Number).map(u64::from)
    }

    /// The line of a connection.
    fn connection(&mut self) -> Result<Entry, Error> {
        let families = [Family::V4, Family::V6];
        let named = families.into_iter().find(|family| self.take(family_name(*family).0));
        if let Some(family) = named {
            let number: u8 = self.number("")?;
            if number != family_name(family).1 {
                return Err(self.error(ErrorKind::Family));
            }
        }
        let protocol = self.protocol()?;
        let seconds = match self.peek() {
            Some(word) if word.starts_with(|first: char| first.is_ascii_digit()) => {
                self.next();
                Some(self.seconds(word)?)
            }
            _ => None,
        };
        let (state, gre_timeouts) = self.state(protocol)?;
        let original = self.tuple(protocol, named)?;
        let family = Some(original.family());
        let zone_original: Option<u16> = self.zone("zone-orig=")?;
        let original_counters = self.counters()?;
        let unreplied = self.take("[UNREPLIED]");
        let reply = self.tuple(protocol, family)?;
        let mut entry = Entry { seconds, state, gre_timeouts, unreplied, ..Entry::new(original, reply) };
        entry.original.counters = original_counters;
        entry.zone.original = zone_original.unwrap_or(0);
        let zone_reply: Option<u16> = self.zone("zone-reply=")?;
        entry.zone.reply = zone_reply.unwrap_or(0);
        if entry.zone == Zone::default() {
            let reply = zone_reply.map(|_| Direction::Reply);
            entry.zero_zone = zone_original.map(|_| Direction::Original).or(reply);
        }
        entry.reply = Flow { tuple: reply, counters: self.counters()? };
        let mut said = Said::default();
        if zone_original.is_some() || zone_reply.is_some() {
            said.once("zone=", self)?;
        }
        while let Some(word) = self.next() {
            self.tail(word, &mut entry, &mut said)?;
        }
        Ok(entry)
    }

    /// Name and number of the protocol.
    fn protocol(&mut self) -> Result<u8, Error> {
        let name = self.next().ok_or_else(|| self.error(ErrorKind::Wanted("a protocol")))?;
        let named = PROTOCOLS.iter().find(|(_, own)| *own == name).map(|(number, _)| *number);
        if named.is_none() && name != "unknown" {
            return Err(self.error(ErrorKind::Protocol));
        }
        let number: u8 = self.number("")?;
        if named.is_some_and(|named| named != number) {
            return Err(self.error(ErrorKind::Protocol));
        }
        Ok(number)
    }

    /// The state of protocols that have states, the timeouts of GRE.
    fn state(&mut self, protocol: u8) -> Result<StateWords, Error> {
        if self.peek().is_some_and(|word| word.starts_with("src=")) {
            return Ok((None, None));
        }
        if protocol == protocol::GRE
            && let Some(value) = self.optional("timeout=")
        {
            let timeout = self.seconds(value.strip_suffix(',').unwrap_or(value))?;
            let value = self.value("stream_timeout=")?;
            return Ok((None, Some((timeout, self.seconds(value)?))));
        }
        let word = self.next().unwrap_or("");
        let state = match protocol {
            protocol::TCP => tcp::State::from_name(word).map(State::Tcp),
            protocol::SCTP => sctp::State::from_name(word).map(State::Sctp),
            DCCP => {
                let number = DCCP_STATES.iter().position(|own| *own == word);
                number.and_then(|number| u8::try_from(number).ok()).map(State::Dccp)
            }
            _ => return Err(self.error(ErrorKind::Wanted("src="))),
        };
        Ok((Some(state.ok_or_else(|| self.error(ErrorKind::State))?), None))
    }

    /// Addresses, which must be of a family if it is known, and ports.
    fn tuple(&mut self, protocol: u8, family: Option<Family>) -> Result<Tuple, Error> {
        let source = self.address("src=")?;
        if family.is_some_and(|family| Family::of(source) != family) {
            return Err(self.error(ErrorKind::Family));
        }
        let destination = self.address("dst=")?;
        if Family::of(source) != Family::of(destination) {
            return Err(self.error(ErrorKind::Family));
        }
        let (source_id, destination_id) = self.ids(protocol)?;
        Ok(Tuple { source, destination, protocol, source_id, destination_id })
    }

    /// Ports or what stands for them.
    fn ids(&mut self, protocol: u8) -> Result<(u16, u16), Error> {
        Ok(match protocol {
            protocol::ICMP | protocol::ICMPV6 => {
                let (kind, code) = (self.number("type=")?, self.number("code=")?);
                (self.number("id=")?, u16::from_be_bytes([kind, code]))
            }
            protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => {
                (self.number("sport=")?, self.number("dport=")?)
            }
            DCCP if self.peek().is_some_and(|word| word.starts_with("sport=")) => {
                (self.number("sport=")?, self.number("dport=")?)
            }
            protocol::GRE => (self.key("srckey=")?, self.key("dstkey=")?),
            _ => (0, 0),
        })
    }

    fn zone(&mut self, key: &str) -> Result<Option<u16>, Error> {
        let Some(value) = self.optional(key) else { return Ok(None) };
        self.parse(value, ErrorKind::Number).map(Some)
    }

    fn counters(&mut self) -> Result<Option<Counters>, Error> {
        let Some(packets) = self.optional("packets=") else { return Ok(None) };
        let packets = self.parse(packets, ErrorKind::Number)?;
        Ok(Some(Counters { packets, bytes: self.number("bytes=")? }))
    }

    /// A word behind the second tuple.
    fn tail(&mut self, word: &'t str, entry: &mut Entry, said: &mut Said) -> Result<(), Error> {
        match word {
            "[ASSURED]" => {
                said.once("[", self)?;
                entry.assured = true;
                return Ok(());
            }
            "[OFFLOAD]" | "[HW_OFFLOAD]" => {
                said.once("[", self)?;
                let hardware = word == "[HW_OFFLOAD]";
                entry.offload = Some(if hardware { Offload::Hardware } else { Offload::Software });
                return Ok(());
            }
            _ => {}
        }
        if word.starts_with("[start=") {
            said.once("[start=", self)?;
            entry.start = Some(self.bracketed("[start=")?.into());
            return Ok(());
        }
        let (key, value) = word.split_once('=').ok_or_else(|| self.error(ErrorKind::Word))?;
        match key {
            "mark" => {
                said.once("mark=", self)?;
                entry.mark = Some(self.parse(value, ErrorKind::Number)?);
            }
            "zone" => {
                said.once("zone=", self)?;
                let zone = self.parse(value, ErrorKind::Number)?;
                (entry.zone.original, entry.zone.reply) = (zone, zone);
            }
            "delta-time" => {
                said.once("delta-time=", self)?;
                entry.delta_time = Some(self.parse(value, ErrorKind::Number)?);
            }
            "use" => {
                said.once("use=", self)?;
                entry.uses = Some(self.parse(value, ErrorKind::Number)?);
            }
            "id" => {
                said.once("id=", self)?;
                entry.id = Some(self.parse(value, ErrorKind::Number)?);
            }
            "secctx" => self.text(said, "secctx=", value, &mut entry.secctx)?,
            "helper" => self.text(said, "helper=", value, &mut entry.helper)?,
            "labels" => self.text(said, "labels=", value, &mut entry.labels)?,
            _ => return Err(self.error(ErrorKind::Word)),
        }
        Ok(())
    }

    fn text(
        &self,
        said: &mut Said,
        key: &'static str,
        value: &str,
        to: &mut Option<Box<str>>,
    ) -> Result<(), Error> {
        said.once(key, self)?;
        *to = Some(value.into());
        Ok(())
    }

    /// What stands from the present word, without what it begins with, up to a closing bracket.
    fn bracketed(&mut self, start: &str) -> Result<&'t str, Error> {
        let from = self.start + start.len();
        let rest = self.text.get(from..).unwrap_or("");
        let length = rest.find(']').ok_or_else(|| self.error(ErrorKind::Wanted("]")))?;
        self.end = from + length + 1;
        Ok(rest.get(..length).unwrap_or(""))
    }

    /// The line of an expectation.
    fn expectation(&mut self) -> Result<Expected, Error> {
        let word = self.next().unwrap_or("");
        // Linux: `exp_seq_show`: below 0 where the timer is late.
        let late = word.strip_prefix('-').filter(|_| self.peek() == Some("l3proto"));
        let seconds = i64::try_from(self.seconds(late.unwrap_or(word))?).unwrap_or(i64::MAX);
        let seconds = if late.is_some() { -seconds } else { seconds };
        let proc = self.take("l3proto");
        let mut family = None;
        if proc {
            if !self.take("=") {
                self.next();
                return Err(self.error(ErrorKind::Wanted("=")));
            }
            let number: u8 = self.number("")?;
            let families = [Family::V4, Family::V6];
            family = families.into_iter().find(|family| family_name(*family).1 == number);
            if family.is_none() {
                return Err(self.error(ErrorKind::Family));
            }
        }
        let protocol = self.number("proto=")?;
        let tuple = self.tuple(protocol, family)?;
        let any = packet::Family::of(tuple.source).unspecified();
        let mut expected = Expected {
            seconds,
            tuple,
            source_mask: if tuple.source == any { any } else { all_of(tuple.source) },
            any_port: tuple.source_id == 0,
            master: None,
            zone: 0,
            flags: Flags::default(),
            class: None,
            class_name: None,
            helper: "".into(),
        };
        if proc {
            self.expectation_of_proc(&mut expected)?;
        } else {
            self.expectation_of_tool(&mut expected)?;
        }
        Ok(expected)
    }

    /// Behind the tuple: flags, the helper with its class.
    fn expectation_of_proc(&mut self, expected: &mut Expected) -> Result<(), Error> {
        let mut word = self.next();
        if let Some(flags) = word.and_then(flags) {
            expected.flags = flags;
            word = self.next();
        }
        let word = word.ok_or_else(|| self.error(ErrorKind::Wanted("a helper")))?;
        let (helper, class) =
            word.split_once('/').map_or((word, None), |(helper, class)| (helper, Some(class)));
        expected.helper = helper.into();
        expected.class_name = class.map(Into::into);
        self.end_of_line()
    }

    /// Behind the tuple: masks, the master's tuple, then words in any order.
    fn expectation_of_tool(&mut self, expected: &mut Expected) -> Result<(), Error> {
        expected.source_mask = self.address("mask-src=")?;
        self.address("mask-dst=")?;
        let (port, _) = self.ids(expected.tuple.protocol)?;
        expected.any_port = port == 0;
        let family = expected.tuple.family();
        if Family::of(expected.source_mask) != family {
            return Err(self.error(ErrorKind::Family));
        }
        if self.peek().is_some_and(|word| word.starts_with("master-src=")) {
            let (source, destination) = (self.address("master-src=")?, self.address("master-dst=")?);
            if [source, destination].into_iter().any(|address| Family::of(address) != family) {
                return Err(self.error(ErrorKind::Family));
            }
            let protocol = self.master_protocol(expected.tuple.protocol);
            let (source_id, destination_id) = self.ids(protocol)?;
            expected.master = Some(Tuple { source, destination, protocol, source_id, destination_id });
        }
        let mut said = Said::default();
        while let Some(word) = self.next() {
            if let Some(flags) = flags(word) {
                said.once("flags", self)?;
                expected.flags = flags;
            } else if let Some(value) = word.strip_prefix("class=") {
                said.once("class=", self)?;
                expected.class = Some(self.parse(value, ErrorKind::Number)?);
            } else if let Some(value) = word.strip_prefix("helper=") {
                said.once("helper=", self)?;
                expected.helper = value.into();
            } else if let Some(value) = word.strip_prefix("zone=") {
                said.once("zone=", self)?;
                expected.zone = self.parse(value, ErrorKind::Number)?;
            } else {
                return Err(self.error(ErrorKind::Word));
            }
        }
        Ok(())
    }

    /// Which protocol the master has: the line says only of what kind its ports are. TCP is taken for ports.
    fn master_protocol(&self, expected: u8) -> u8 {
        let ports = self.peek().is_some_and(|word| word.starts_with("sport="));
        if ports && !has_ports(expected) { protocol::TCP } else { expected }
    }

    fn end_of_line(&mut self) -> Result<(), Error> {
        if self.next().is_some() { Err(self.error(ErrorKind::Word)) } else { Ok(()) }
    }
}

/// Whether a protocol has ports.
const fn has_ports(number: u8) -> bool {
    matches!(number, protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP)
}

/// The flags of a word like `PERMANENT,INACTIVE`.
fn flags(word: &str) -> Option<Flags> {
    let mut flags = Flags::default();
    for name in word.split(',') {
        let (flag, _) = FLAGS.iter().find(|(_, own)| *own == name)?;
        flags.0 |= flag.0;
    }
    Some(flags)
}

/// The mask of which all bits count.
fn all_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => IpAddr::from([255_u8; 4]),
        IpAddr::V6(_) => IpAddr::from([255_u8; 16]),
    }
}

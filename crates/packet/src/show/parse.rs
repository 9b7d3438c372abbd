//! Reading a line.
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::lex::{self, Kind, Token};
use super::{DEPTH, Error, ErrorKind, Shown};
use crate::build::{self, Builder, Transport};
use crate::{Family, InterfaceName, icmp, protocol};

/// Names of protocols that are taken besides numbers.
pub(super) const PROTOCOLS: [(&str, u8); 11] = [
    ("tcp", protocol::TCP),
    ("udp", protocol::UDP),
    ("udplite", protocol::UDPLITE),
    ("sctp", protocol::SCTP),
    ("icmp", protocol::ICMP),
    ("icmpv6", protocol::ICMPV6),
    ("gre", protocol::GRE),
    ("esp", protocol::ESP),
    ("ah", protocol::AH),
    ("igmp", protocol::IGMP),
    ("dccp", protocol::DCCP),
];

const MOST: usize = 65535;

pub(super) fn line(text: &str) -> Result<Shown, Error> {
    let tokens = lex::tokens(text)?;
    let mut reader = Reader { tokens: &tokens, at: 0, end: text.len() };
    if tokens.is_empty() {
        return Err(reader.missing(ErrorKind::Empty));
    }
    let device = reader.device()?;
    let bytes = reader.packet(0)?;
    match reader.next() {
        None => Ok(Shown { device, bytes }),
        Some(token) => Err(Error { kind: ErrorKind::Parenthesis, span: token.span.clone() }),
    }
}

struct Reader<'r, 't> {
    tokens: &'r [Token<'t>],
    at: usize,
    end: usize,
}

/// What the words say that is not settled before the last one.
#[derive(Default)]
struct Pending {
    flags: bool,
    kind: bool,
    later_fragment: bool,
}

impl<'r, 't> Reader<'r, 't> {
    fn peek(&self) -> Option<&'r Token<'t>> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'r Token<'t>> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    fn missing(&self, kind: ErrorKind) -> Error {
        Error { kind, span: self.end..self.end }
    }

    fn word_at(&self, ahead: usize) -> Option<&'t str> {
        match self.tokens.get(self.at + ahead)?.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The device is there if `>` is the fourth word and not the third, or if `hex` is the second word.
    fn device(&mut self) -> Result<Option<InterfaceName>, Error> {
        let hex = |word: Option<&str>| word == Some("hex");
        let plain_hex = hex(self.word_at(0)) && !hex(self.word_at(1));
        let here = self.word_at(2) != Some(">")
            && !plain_hex
            && (self.word_at(3) == Some(">") || hex(self.word_at(1)));
        if !here {
            return Ok(None);
        }
        let Some(token) = self.next() else { return Ok(None) };
        let wrong = || Error { kind: ErrorKind::Device, span: token.span.clone() };
        let name = match &token.kind {
            Kind::Word(word) => word,
            Kind::Quoted(bytes) => std::str::from_utf8(bytes).map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        InterfaceName::new(name).map(Some).ok_or_else(wrong)
    }

    fn word(&mut self, kind: ErrorKind) -> Result<(&'t str, Range<usize>), Error> {
        match self.next() {
            Some(Token { kind: Kind::Word(word), span }) => Ok((word, span.clone())),
            Some(token) => Err(Error { kind, span: token.span.clone() }),
            None => Err(self.missing(kind)),
        }
    }

    fn value(&mut self) -> Result<(&'t str, Range<usize>), Error> {
        self.word(ErrorKind::Missing)
    }

    fn number(&mut self, most: u32) -> Result<u32, Error> {
        let (text, span) = self.value()?;
        number(text).filter(|&value| value <= most).ok_or(Error { kind: ErrorKind::Number, span })
    }

    fn number16(&mut self) -> Result<u16, Error> {
        Ok((self.number(0xffff)? & 0xffff) as u16)
    }

    fn number8(&mut self) -> Result<u8, Error> {
        Ok((self.number(0xff)? & 0xff) as u8)
    }

    fn hex(&mut self) -> Result<Vec<u8>, Error> {
        let (text, span) = self.value()?;
        lex::hex(text).ok_or(Error { kind: ErrorKind::Hex, span })
    }

    /// A packet up to the end of the line or the closing parenthesis, which stays.
    fn packet(&mut self, depth: usize) -> Result<Vec<u8>, Error> {
        if self.word_at(0) == Some("hex") {
            return self.raw_hex();
        }
        let (name, name_span) = self.word(ErrorKind::Protocol)?;
        let (source, source_span) = self.endpoint()?;
        let (arrow, arrow_span) = self.word(ErrorKind::Arrow)?;
        if arrow != ">" {
            return Err(Error { kind: ErrorKind::Arrow, span: arrow_span });
        }
        let (destination, span) = self.endpoint()?;
        if Family::of(source.0) != Family::of(destination.0) {
            return Err(Error { kind: ErrorKind::Families, span });
        }
        let ends = [(source, source_span), (destination, span)];
        let mut builder = start(name, name_span, &ends)?;
        let mut pending = Pending::default();
        while let Some(token) = self.peek() {
            let word = match token.kind {
                Kind::Close => break,
                Kind::Word(word) => word,
                _ => return Err(Error { kind: ErrorKind::Word, span: token.span.clone() }),
            };
            self.at += 1;
            builder = self.attribute(builder, word, token.span.clone(), depth, &mut pending)?;
            if builder.payload.len() > MOST {
                return Err(Error { kind: ErrorKind::Long, span: token.span.clone() });
            }
        }
        settle(&mut builder, name, &ends, &pending)?;
        Ok(builder.build())
    }

    fn raw_hex(&mut self) -> Result<Vec<u8>, Error> {
        self.at += 1;
        let mut bytes = Vec::new();
        while self.word_at(0).is_some() {
            bytes.extend(self.hex()?);
        }
        if bytes.len() > MOST + 40 {
            return Err(self.missing(ErrorKind::Long));
        }
        Ok(bytes)
    }

    /// An address, or an address and a port.
    fn endpoint(&mut self) -> Result<End, Error> {
        let (text, span) = self.word(ErrorKind::Address)?;
        let end = match text.parse::<IpAddr>() {
            Ok(address) => Some((address, None)),
            Err(_) => match text.parse::<SocketAddr>() {
                Ok(SocketAddr::V6(socket)) if socket.scope_id() != 0 => None,
                Ok(socket) => Some((socket.ip(), Some(socket.port()))),
                Err(_) => None,
            },
        };
        Ok((end.ok_or(Error { kind: ErrorKind::Address, span: span.clone() })?, span))
    }

    fn attribute(
        &mut self,
        packet: Builder,
        word: &str,
        span: Range<usize>,
        depth: usize,
        pending: &mut Pending,
    ) -> Result<Builder, Error> {
        let is_icmp = matches!(packet.transport, Transport::Icmp { .. });
        Ok(match word {
            "ttl" => packet.ttl(self.number8()?),
            "tos" => packet.tos(self.number8()?),
            "ipid" => packet.id(self.number(u32::MAX)?),
            "id" if !is_icmp => packet.id(self.number(u32::MAX)?),
            "payload" => match self.next() {
                Some(Token { kind: Kind::Quoted(bytes), .. }) => packet.payload(bytes),
                Some(Token { kind: Kind::Word(text), .. }) => packet.payload(text),
                Some(token) => return Err(Error { kind: ErrorKind::Value, span: token.span.clone() }),
                None => return Err(self.missing(ErrorKind::Missing)),
            },
            "data" => packet.payload(self.hex()?),
            "len" => packet.payload(vec![0; self.number(MOST as u32)? as usize]),
            "sum" => packet.checksum(self.number(u32::MAX)?),
            "nosum" => packet.no_checksum(),
            "badsum" => packet.bad_checksum(),
            "iplen" => packet.total_length(self.number16()?),
            "cut" => packet.cut(self.number(MOST as u32)? as usize),
            "frag" => self.fragment(packet, pending)?,
            _ => match (packet.family(), packet.transport.clone()) {
                (_, Transport::Tcp(_)) if is_tcp(word) => self.tcp_attribute(packet, word, pending)?,
                (_, Transport::Udp { .. }) if word == "udplen" => packet.udp_length(self.number16()?),
                (_, Transport::UdpLite { .. }) if word == "coverage" => packet.coverage(self.number16()?),
                (_, Transport::Sctp { .. }) if word == "vtag" => packet.tag(self.number(u32::MAX)?),
                (family, Transport::Icmp { rest, .. }) if is_icmp_word(family, word) => {
                    self.icmp_attribute(packet, word, rest, depth, pending)?
                }
                (Family::V4, _) if IPV4_WORDS.contains(&word) => self.ipv4_attribute(packet, word)?,
                (Family::V6, _) if IPV6_WORDS.contains(&word) => self.ipv6_attribute(packet, word, &span)?,
                _ => return Err(Error { kind: unknown(word), span }),
            },
        })
    }

    fn fragment(&mut self, packet: Builder, pending: &mut Pending) -> Result<Builder, Error> {
        let (text, span) = self.value()?;
        let (digits, more) = match text.strip_suffix('+') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let offset = number(digits).filter(|&offset| offset <= 65528 && offset % 8 == 0);
        let Some(offset) = offset else { return Err(Error { kind: ErrorKind::Number, span }) };
        pending.later_fragment |= offset != 0;
        Ok(packet.fragment((offset & 0xffff) as u16, more))
    }

    fn tcp_attribute(
        &mut self,
        packet: Builder,
        word: &str,
        pending: &mut Pending,
    ) -> Result<Builder, Error> {
        Ok(match word {
            "seq" => packet.seq(self.number(u32::MAX)?),
            "ack" => packet.ack(self.number(u32::MAX)?),
            "win" => packet.window(self.number16()?),
            "urg" => packet.urgent(self.number16()?),
            "res" => packet.tcp_reserved((self.number(15)? & 15) as u8),
            "doff" => packet.data_offset((self.number(15)? & 15) as u8),
            "mss" => packet.mss(self.number16()?),
            "wscale" => packet.window_scale(self.number8()?),
            "sackok" => packet.sack_permitted(),
            "ts" => {
                let value = self.number(u32::MAX)?;
                packet.timestamps(value, self.number(u32::MAX)?)
            }
            "nop" => packet.nop(),
            "opt" => packet.tcp_options(&self.hex()?),
            "sack" => {
                let (text, span) = self.value()?;
                let blocks = sack(text).ok_or(Error { kind: ErrorKind::Value, span })?;
                packet.tcp_options(&blocks)
            }
            flags => {
                pending.flags = true;
                packet.flags(flags)
            }
        })
    }

    fn icmp_attribute(
        &mut self,
        packet: Builder,
        word: &str,
        rest: u32,
        depth: usize,
        pending: &mut Pending,
    ) -> Result<Builder, Error> {
        Ok(match word {
            "id" => {
                let id = u32::from(self.number16()?);
                packet.rest((id << 16) | (rest & 0xffff))
            }
            "seq" => packet.seq(self.number16()?.into()),
            "rest" | "mtu" => packet.rest(self.number(u32::MAX)?),
            "gateway" => {
                let (text, span) = self.value()?;
                let gateway = text.parse::<std::net::Ipv4Addr>();
                packet.rest(u32::from(gateway.map_err(|_| Error { kind: ErrorKind::Address, span })?))
            }
            "quote" => {
                let bytes = self.quote(depth)?;
                packet.payload(bytes)
            }
            name => {
                pending.kind = true;
                let (kind, code) = icmp_kind(packet.family(), name).unwrap_or((0, 0));
                packet.kind(kind, code)
            }
        })
    }

    fn quote(&mut self, depth: usize) -> Result<Vec<u8>, Error> {
        let span = match self.next() {
            Some(Token { kind: Kind::Open, span }) => span.clone(),
            Some(token) => return Err(Error { kind: ErrorKind::Parenthesis, span: token.span.clone() }),
            None => return Err(self.missing(ErrorKind::Missing)),
        };
        if depth >= DEPTH {
            return Err(Error { kind: ErrorKind::Deep, span });
        }
        let bytes = self.packet(depth + 1)?;
        match self.next() {
            Some(Token { kind: Kind::Close, .. }) => Ok(bytes),
            _ => Err(Error { kind: ErrorKind::Parenthesis, span }),
        }
    }

    fn ipv4_attribute(&mut self, packet: Builder, word: &str) -> Result<Builder, Error> {
        Ok(match word {
            "df" => packet.dont_fragment(),
            "evil" => packet.reserved(),
            "ipopts" => packet.ip_options(&self.hex()?),
            _ => packet.ip_checksum(self.number16()?),
        })
    }

    fn ipv6_attribute(&mut self, packet: Builder, word: &str, span: &Range<usize>) -> Result<Builder, Error> {
        let header = match word {
            "flow" => return Ok(packet.flow_label(self.number(0xf_ffff)?)),
            "hopopts" => protocol::HOP_BY_HOP,
            "rthdr" => protocol::ROUTING,
            "dstopts" => protocol::DESTINATION_OPTIONS,
            _ => protocol::AH,
        };
        let body = self.hex()?;
        if body.len() > 2046 {
            return Err(Error { kind: ErrorKind::Long, span: span.clone() });
        }
        Ok(packet.extension(header, &body))
    }
}

const IPV4_WORDS: [&str; 4] = ["df", "evil", "ipopts", "ipsum"];
const IPV6_WORDS: [&str; 5] = ["flow", "hopopts", "rthdr", "dstopts", "auth"];
const TCP_WORDS: [&str; 12] =
    ["seq", "ack", "win", "urg", "res", "doff", "mss", "wscale", "sackok", "ts", "nop", "opt"];
const ICMP_WORDS: [&str; 6] = ["id", "seq", "rest", "mtu", "gateway", "quote"];

fn is_tcp(word: &str) -> bool {
    let flags = word == "." || word.chars().all(|letter| build::flag_of(letter).is_some());
    flags || word == "sack" || TCP_WORDS.contains(&word)
}

fn is_icmp_word(family: Family, word: &str) -> bool {
    let here = ICMP_WORDS.contains(&word) && !(word == "gateway" && family == Family::V6);
    here || icmp_kind(family, word).is_some()
}

fn icmp_kind(family: Family, name: &str) -> Option<(u8, u8)> {
    let (kind, code) = match name.split_once('/') {
        Some((kind, code)) => (number(kind)?, number(code)?),
        None => return icmp::by_name(family, name),
    };
    Some((u8::try_from(kind).ok()?, u8::try_from(code).ok()?))
}

/// Whether a word that is not known here exists elsewhere.
fn unknown(word: &str) -> ErrorKind {
    let elsewhere = is_tcp(word)
        || is_icmp_word(Family::V4, word)
        || is_icmp_word(Family::V6, word)
        || IPV4_WORDS.contains(&word)
        || IPV6_WORDS.contains(&word)
        || matches!(word, "udplen" | "coverage" | "vtag");
    if elsewhere { ErrorKind::NotHere } else { ErrorKind::Word }
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // `from_str_radix` would take a sign.
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok() }
}

fn sack(text: &str) -> Option<Vec<u8>> {
    let blocks: Vec<&str> = text.split(',').collect();
    let mut bytes = vec![5, u8::try_from(2 + blocks.len() * 8).ok()?];
    for block in blocks {
        let (from, to) = block.split_once('-')?;
        bytes.extend_from_slice(&number(from)?.to_be_bytes());
        bytes.extend_from_slice(&number(to)?.to_be_bytes());
    }
    Some(bytes)
}

/// An address, perhaps with a port, and its place.
type End = ((IpAddr, Option<u16>), Range<usize>);

/// The builder for a protocol and two ends. Whether ports are needed is only known when all words are read.
fn start(name: &str, span: Range<usize>, ends: &[End; 2]) -> Result<Builder, Error> {
    let [((source, from), from_span), ((destination, to), to_span)] = ends;
    let (source, destination) = (*source, *destination);
    let known = PROTOCOLS.iter().find(|entry| entry.0 == name).map(|entry| entry.1);
    let number = known.or_else(|| number(name).and_then(|number| u8::try_from(number).ok()));
    let Some(number) = number else { return Err(Error { kind: ErrorKind::Protocol, span }) };
    let (from, to) = match (known, from, to) {
        (Some(protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP), Some(from), Some(to)) => {
            ((source, *from), (destination, *to))
        }
        (_, None, None) => ((source, 0), (destination, 0)),
        (Some(protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP), _, _) => {
            let span = if from.is_none() { from_span } else { to_span };
            return Err(Error { kind: ErrorKind::Port, span: span.clone() });
        }
        _ => {
            let span = if from.is_some() { from_span } else { to_span };
            return Err(Error { kind: ErrorKind::NoPorts, span: span.clone() });
        }
    };
    Ok(match (known, Family::of(source)) {
        (Some(protocol::TCP), _) => build::tcp(from, to),
        (Some(protocol::UDP), _) => build::udp(from, to),
        (Some(protocol::UDPLITE), _) => build::udplite(from, to),
        (Some(protocol::SCTP), _) => build::sctp(from, to),
        (Some(protocol::ICMP), _) | (Some(protocol::ICMPV6), Family::V6) => build::icmp(source, destination),
        (Some(protocol::ICMPV6), Family::V4) => return Err(Error { kind: ErrorKind::Families, span }),
        _ => build::raw(number, source, destination),
    })
}

/// What is only known at the end: the flags that are left out, and whether there is a transport header at all.
fn settle(builder: &mut Builder, name: &str, ends: &[End; 2], pending: &Pending) -> Result<(), Error> {
    let no_port = ends.iter().find(|end| end.0.1.is_none());
    let protocol = PROTOCOLS.iter().find(|entry| entry.0 == name).map_or(0, |entry| entry.1);
    let family = builder.family();
    match (&mut builder.transport, no_port) {
        (Transport::Raw(_), _) => {}
        (Transport::Icmp { .. }, _) if pending.later_fragment && !pending.kind => {
            let number = if family == Family::V6 { protocol::ICMPV6 } else { protocol::ICMP };
            builder.transport = Transport::Raw(number);
        }
        (Transport::Icmp { .. }, _) => {}
        (_, Some(_)) if pending.later_fragment => builder.transport = Transport::Raw(protocol),
        (_, Some(end)) => return Err(Error { kind: ErrorKind::Port, span: end.1.clone() }),
        (Transport::Tcp(tcp), None) if !pending.flags => tcp.flags = crate::view::tcp_flags::SYN,
        _ => {}
    }
    Ok(())
}

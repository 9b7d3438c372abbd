//! Making packets: for tests, and for what the machine itself sends.
//!
//! ```
//! use packet::build;
//! let syn = build::tcp("10.0.0.1:1000", "10.0.0.2:80").flags("S").seq(1).ttl(63).mss(1460).build();
//! assert_eq!(packet::show::print(None, &syn), "tcp 10.0.0.1:1000 > 10.0.0.2:80 S seq 1 mss 1460 ttl 63");
//! ```
//!
//! Lengths and checksums are right unless they are set otherwise: each field can be made wrong on purpose. A builder
//! never fails; a value that does not fit its field is cut to the field. Bytes are made in `build/encode.rs`.
use std::net::{IpAddr, SocketAddr};

use crate::view::tcp_flags;
use crate::{Family, icmp as types, protocol};

mod encode;
mod fragment;

pub use fragment::fragments;

/// An address, with a port where the protocol has one.
///
/// Why: tests write addresses as text. For text, [`Endpoint::endpoint`] panics if it is no address: give text only as
/// a literal, and addresses or pairs for everything that comes from outside.
pub trait Endpoint {
    /// The address and the port (0 if there is none).
    fn endpoint(self) -> (IpAddr, u16);
}

impl Endpoint for &str {
    #[track_caller]
    fn endpoint(self) -> (IpAddr, u16) {
        let socket = self.parse::<SocketAddr>().map(|socket| (socket.ip(), socket.port()));
        match socket.or_else(|_| self.parse::<IpAddr>().map(|address| (address, 0))) {
            Ok(endpoint) => endpoint,
            Err(_) => panic!("{self:?} in the program's text is neither ADDRESS nor ADDRESS:PORT"),
        }
    }
}

impl Endpoint for SocketAddr {
    fn endpoint(self) -> (IpAddr, u16) {
        (self.ip(), self.port())
    }
}

impl Endpoint for (IpAddr, u16) {
    fn endpoint(self) -> (IpAddr, u16) {
        self
    }
}

impl Endpoint for IpAddr {
    fn endpoint(self) -> (IpAddr, u16) {
        (self, 0)
    }
}

/// A packet that is being described; [`Builder::build`] makes its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builder {
    pub(crate) ip: Ip,
    pub(crate) transport: Transport,
    pub(crate) payload: Vec<u8>,
    pub(crate) wrong: Wrong,
}

/// The fields of the IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ip {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    pub(crate) id: u32,
    pub(crate) dont_fragment: bool,
    pub(crate) reserved: bool,
    pub(crate) flow_label: u32,
    pub(crate) options: Vec<u8>,
    /// IPv4 only: payload offset in bytes and "more fragments".
    pub(crate) fragment: Option<(u16, bool)>,
    /// IPv6 only.
    pub(crate) extensions: Vec<Extension>,
}

/// An IPv6 extension header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// Any but a fragment header: what follows its first two bytes.
    Header { protocol: u8, body: Vec<u8> },
    /// Payload offset in bytes and "more fragments".
    Fragment { offset: u16, more: bool },
}

/// The header behind IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Raw(u8),
    Tcp(Box<Tcp>),
    Udp { source: u16, destination: u16 },
    UdpLite { source: u16, destination: u16, coverage: u16 },
    Sctp { source: u16, destination: u16, tag: u32 },
    Icmp { kind: u8, code: u8, rest: u32 },
}

/// The fields of a TCP header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) source: u16,
    pub(crate) destination: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) flags: u8,
    pub(crate) reserved: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Vec<u8>,
}

/// Fields that are set instead of computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) ip_checksum: Option<u16>,
    pub(crate) checksum: Option<u32>,
    pub(crate) flip_checksum: bool,
    pub(crate) total_length: Option<u16>,
    pub(crate) header_length: Option<u8>,
    pub(crate) udp_length: Option<u16>,
    pub(crate) data_offset: Option<u8>,
    pub(crate) cut: Option<usize>,
}

/// A TCP segment; without [`Builder::flags`] it has none.
#[track_caller]
pub fn tcp(source: impl Endpoint, destination: impl Endpoint) -> Builder {
    let ((source, from), (destination, to)) = (source.endpoint(), destination.endpoint());
    let tcp = Tcp { source: from, destination: to, window: DEFAULT_WINDOW, ..Tcp::default() };
    Builder::new(source, destination, Transport::Tcp(Box::new(tcp)))
}

/// The window of a TCP segment that does not set one.
pub(crate) const DEFAULT_WINDOW: u16 = 65535;

/// The TTL or hop limit of a packet that does not set one.
pub(crate) const DEFAULT_TTL: u8 = 64;

/// A UDP datagram.
#[track_caller]
pub fn udp(source: impl Endpoint, destination: impl Endpoint) -> Builder {
    let ((source, from), (destination, to)) = (source.endpoint(), destination.endpoint());
    Builder::new(source, destination, Transport::Udp { source: from, destination: to })
}

/// A UDP-Lite datagram whose checksum covers everything (RFC 3828). Linux' connection tracking calls such packets
/// INVALID: see [`crate::verify`].
#[track_caller]
pub fn udplite(source: impl Endpoint, destination: impl Endpoint) -> Builder {
    let ((source, from), (destination, to)) = (source.endpoint(), destination.endpoint());
    Builder::new(source, destination, Transport::UdpLite { source: from, destination: to, coverage: 0 })
}

/// An SCTP packet; its chunks are the payload.
#[track_caller]
pub fn sctp(source: impl Endpoint, destination: impl Endpoint) -> Builder {
    let ((source, from), (destination, to)) = (source.endpoint(), destination.endpoint());
    Builder::new(source, destination, Transport::Sctp { source: from, destination: to, tag: 0 })
}

/// An ICMP (IPv4) or ICMPv6 (IPv6) message: an echo request with identifier and sequence number 0 unless set
/// otherwise.
#[track_caller]
pub fn icmp(source: impl Endpoint, destination: impl Endpoint) -> Builder {
    let (source, destination) = (source.endpoint().0, destination.endpoint().0);
    let kind = match source {
        IpAddr::V4(_) => types::v4::ECHO_REQUEST,
        IpAddr::V6(_) => types::v6::ECHO_REQUEST,
    };
    Builder::new(source, destination, Transport::Icmp { kind, code: 0, rest: 0 })
}

/// An ICMP or ICMPv6 error that quotes the beginning of a packet.
#[track_caller]
pub fn icmp_error(
    source: impl Endpoint,
    destination: impl Endpoint,
    kind: u8,
    code: u8,
    quoted: &[u8],
) -> Builder {
    icmp(source, destination).kind(kind, code).payload(quoted)
}

/// A packet of any protocol: the payload stands right behind the IP header. Also for later fragments, whose payload is
/// the middle of a datagram.
#[track_caller]
pub fn raw(protocol: u8, source: impl Endpoint, destination: impl Endpoint) -> Builder {
    Builder::new(source.endpoint().0, destination.endpoint().0, Transport::Raw(protocol))
}

impl Builder {
    fn new(source: IpAddr, destination: IpAddr, transport: Transport) -> Self {
        let ip = Ip {
            source,
            destination,
            tos: 0,
            ttl: DEFAULT_TTL,
            id: 0,
            dont_fragment: false,
            reserved: false,
            flow_label: 0,
            options: Vec::new(),
            fragment: None,
            extensions: Vec::new(),
        };
        Self { ip, transport, payload: Vec::new(), wrong: Wrong::default() }
    }

    /// The family: that of the source address.
    pub fn family(&self) -> Family {
        Family::of(self.ip.source)
    }

    fn tcp_with(mut self, set: impl FnOnce(&mut Tcp)) -> Self {
        if let Transport::Tcp(tcp) = &mut self.transport {
            set(tcp);
        }
        self
    }

    fn icmp_with(mut self, set: impl FnOnce(&mut u8, &mut u8, &mut u32)) -> Self {
        if let Transport::Icmp { kind, code, rest } = &mut self.transport {
            set(kind, code, rest);
        }
        self
    }

    /// TCP flags by their letters `SAFRPUEW` (E: ECE, W: CWR); `.` and other characters say nothing.
    pub fn flags(self, letters: &str) -> Self {
        self.flag_bits(letters.chars().filter_map(flag_of).fold(0, |bits, flag| bits | flag))
    }

    /// TCP flags as bits ([`tcp_flags`]).
    pub fn flag_bits(self, bits: u8) -> Self {
        self.tcp_with(|tcp| tcp.flags = bits)
    }

    /// TCP sequence number; sequence number of an ICMP query.
    pub fn seq(self, sequence: u32) -> Self {
        self.tcp_with(|tcp| tcp.sequence = sequence)
            .icmp_with(|_, _, rest| *rest = (*rest & 0xffff_0000) | (sequence & 0xffff))
    }

    /// TCP acknowledgement number.
    pub fn ack(self, acknowledgement: u32) -> Self {
        self.tcp_with(|tcp| tcp.acknowledgement = acknowledgement)
    }

    /// TCP window as it stands in the header (65535 unless set).
    pub fn window(self, window: u16) -> Self {
        self.tcp_with(|tcp| tcp.window = window)
    }

    /// TCP urgent pointer.
    pub fn urgent(self, urgent: u16) -> Self {
        self.tcp_with(|tcp| tcp.urgent = urgent)
    }

    /// The four reserved bits of the TCP header.
    pub fn tcp_reserved(self, bits: u8) -> Self {
        self.tcp_with(|tcp| tcp.reserved = bits & 15)
    }

    /// Adds TCP option bytes as they are; the last option is padded with zeros to a multiple of 4 bytes.
    pub fn tcp_options(self, bytes: &[u8]) -> Self {
        self.tcp_with(|tcp| tcp.options.extend_from_slice(bytes))
    }

    /// Adds the TCP option "maximum segment size".
    pub fn mss(self, mss: u16) -> Self {
        let [high, low] = mss.to_be_bytes();
        self.tcp_options(&[2, 4, high, low])
    }

    /// Adds the TCP option "window scale".
    pub fn window_scale(self, shift: u8) -> Self {
        self.tcp_options(&[3, 3, shift])
    }

    /// Adds the TCP option "selective acknowledgement permitted".
    pub fn sack_permitted(self) -> Self {
        self.tcp_options(&[4, 2])
    }

    /// Adds the TCP option "timestamps".
    pub fn timestamps(self, value: u32, echo: u32) -> Self {
        let both = (u64::from(value) << 32) | u64::from(echo);
        self.tcp_options(&[8, 10]).tcp_options(&both.to_be_bytes())
    }

    /// Adds a TCP option "no operation".
    pub fn nop(self) -> Self {
        self.tcp_options(&[1])
    }

    /// ICMP type and code.
    pub fn kind(self, new_kind: u8, new_code: u8) -> Self {
        self.icmp_with(|kind, code, _| (*kind, *code) = (new_kind, new_code))
    }

    /// An echo request.
    pub fn echo_request(self, id: u16, sequence: u16) -> Self {
        let kind = match self.family() {
            Family::V4 => types::v4::ECHO_REQUEST,
            Family::V6 => types::v6::ECHO_REQUEST,
        };
        self.kind(kind, 0).rest((u32::from(id) << 16) | u32::from(sequence))
    }

    /// An echo reply.
    pub fn echo_reply(self, id: u16, sequence: u16) -> Self {
        let kind = match self.family() {
            Family::V4 => types::v4::ECHO_REPLY,
            Family::V6 => types::v6::ECHO_REPLY,
        };
        self.kind(kind, 0).rest((u32::from(id) << 16) | u32::from(sequence))
    }

    /// Bytes 4 to 7 of an ICMP message: identifier and sequence number, MTU, gateway …
    pub fn rest(self, new_rest: u32) -> Self {
        self.icmp_with(|_, _, rest| *rest = new_rest)
    }

    /// Verification tag of SCTP.
    pub fn tag(mut self, new_tag: u32) -> Self {
        if let Transport::Sctp { tag, .. } = &mut self.transport {
            *tag = new_tag;
        }
        self
    }

    /// Bytes that the checksum of UDP-Lite covers; 0: all.
    pub fn coverage(mut self, bytes: u16) -> Self {
        if let Transport::UdpLite { coverage, .. } = &mut self.transport {
            *coverage = bytes;
        }
        self
    }

    /// Adds bytes to the payload.
    pub fn payload(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.payload.extend_from_slice(bytes.as_ref());
        self
    }

    /// TTL or hop limit (64 unless set).
    pub fn ttl(mut self, ttl: u8) -> Self {
        self.ip.ttl = ttl;
        self
    }

    /// TOS or traffic class.
    pub fn tos(mut self, tos: u8) -> Self {
        self.ip.tos = tos;
        self
    }

    /// IPv4 identification (its low 16 bits) or that of the IPv6 fragment header; 0 unless set.
    pub fn id(mut self, id: u32) -> Self {
        self.ip.id = id;
        self
    }

    /// Sets "don't fragment" (IPv4).
    pub fn dont_fragment(mut self) -> Self {
        self.ip.dont_fragment = true;
        self
    }

    /// Sets the reserved bit beside "don't fragment" (IPv4).
    pub fn reserved(mut self) -> Self {
        self.ip.reserved = true;
        self
    }

    /// IPv6 flow label (20 bits).
    pub fn flow_label(mut self, label: u32) -> Self {
        self.ip.flow_label = label & 0xf_ffff;
        self
    }

    /// Makes it a fragment: payload offset in bytes (a multiple of 8) and whether more follow. IPv6: adds a fragment
    /// header behind the extension headers so far; 0 and `false` give an atomic fragment.
    pub fn fragment(mut self, offset: u16, more: bool) -> Self {
        match self.family() {
            Family::V4 => self.ip.fragment = Some((offset, more)),
            Family::V6 => self.ip.extensions.push(Extension::Fragment { offset, more }),
        }
        self
    }

    /// Adds IPv4 option bytes; padded with zeros to a multiple of 4 bytes, at most 40.
    pub fn ip_options(mut self, bytes: &[u8]) -> Self {
        self.ip.options.extend_from_slice(bytes);
        self
    }

    /// Adds an IPv6 extension header: `body` is what follows its next-header and length bytes, padded with zeros to
    /// the header's unit.
    pub fn extension(mut self, protocol: u8, body: &[u8]) -> Self {
        self.ip.extensions.push(Extension::Header { protocol, body: body.to_vec() });
        self
    }

    /// Adds a hop-by-hop header without options (one PadN).
    pub fn hop_by_hop(self) -> Self {
        self.extension(protocol::HOP_BY_HOP, &[1, 4, 0, 0, 0, 0])
    }

    /// Adds a destination options header without options (one PadN).
    pub fn destination_options(self) -> Self {
        self.extension(protocol::DESTINATION_OPTIONS, &[1, 4, 0, 0, 0, 0])
    }

    /// Sets the IPv4 header checksum.
    pub fn ip_checksum(mut self, checksum: u16) -> Self {
        self.wrong.ip_checksum = Some(checksum);
        self
    }

    /// Sets the transport checksum (32 bits for SCTP, 16 for others).
    pub fn checksum(mut self, checksum: u32) -> Self {
        self.wrong.checksum = Some(checksum);
        self
    }

    /// Makes the transport checksum wrong: one bit differs from the right one.
    pub fn bad_checksum(mut self) -> Self {
        self.wrong.flip_checksum = true;
        self
    }

    /// Sends UDP without a checksum.
    pub fn no_checksum(self) -> Self {
        self.checksum(0)
    }

    /// Sets the IPv4 total length or the IPv6 payload length.
    pub fn total_length(mut self, length: u16) -> Self {
        self.wrong.total_length = Some(length);
        self
    }

    /// Sets the IPv4 header length, in 4-byte words.
    pub fn header_length(mut self, words: u8) -> Self {
        self.wrong.header_length = Some(words & 15);
        self
    }

    /// Sets the UDP length.
    pub fn udp_length(mut self, length: u16) -> Self {
        self.wrong.udp_length = Some(length);
        self
    }

    /// Sets the TCP data offset, in 4-byte words.
    pub fn data_offset(mut self, words: u8) -> Self {
        self.wrong.data_offset = Some(words & 15);
        self
    }

    /// Cuts the finished packet to that many bytes; its length fields stay.
    pub fn cut(mut self, length: usize) -> Self {
        self.wrong.cut = Some(length);
        self
    }

    /// The bytes.
    pub fn build(&self) -> Vec<u8> {
        encode::encode(self)
    }
}

/// TCP flags by their letters, in the order in which they are printed.
pub(crate) const FLAG_LETTERS: [(char, u8); 8] = [
    ('S', tcp_flags::SYN),
    ('A', tcp_flags::ACK),
    ('F', tcp_flags::FIN),
    ('R', tcp_flags::RST),
    ('P', tcp_flags::PSH),
    ('U', tcp_flags::URG),
    ('E', tcp_flags::ECE),
    ('W', tcp_flags::CWR),
];

/// The flag of a letter.
pub(crate) fn flag_of(letter: char) -> Option<u8> {
    FLAG_LETTERS.iter().find(|entry| entry.0 == letter).map(|entry| entry.1)
}

#[cfg(test)]
pub(crate) mod tests;

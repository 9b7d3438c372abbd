//! Capture files: reading pcap and pcapng, writing pcapng with comments.
//!
//! Read first: draft-ietf-opsawg-pcap and -pcapng, and the list of link types at tcpdump.org. Link types that carry IP
//! are read: raw IP, Ethernet with VLAN tags, Linux "cooked" of both versions, NULL and LOOP (`link.rs`); frames of
//! other protocols (ARP …) are passed over, their numbers are not given again.
//!
//! Files come from anywhere: nothing in them makes this module panic, and memory stays within a small multiple of the
//! file. A file that ends within a packet is an error, as is a packet of a link type that is not known: what cannot be
//! read is said, not left out.
use std::fmt;
use std::time::Duration;

use netfilter::skb::LinkKind;
use packet::InterfaceName;
use pcap_file::pcap::{PcapParser, RawPcapPacket};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgParser, PcapNgState, RawBlock};
use pcap_file::{DataLink, pcap::PcapTsResolution};

mod link;
mod write;

pub use write::{Writer, Written};

/// Most packets of a file.
const MOST_FRAMES: usize = 4_000_000;

/// A packet of a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Number of the packet in its file, from 1, as other programs count.
    pub number: usize,
    /// Time since 1970 in UTC.
    pub time: Duration,
    /// The interface by which it was captured; pcapng says it, pcap does not.
    pub interface: Option<InterfaceName>,
    /// Whether it came in or went out, if the file says it.
    pub direction: Option<Direction>,
    /// To whom the frame was sent, by what the file says or by the destination address.
    pub kind: LinkKind,
    /// The Ethernet header (destination, source, type behind all VLAN tags), if there is one.
    pub ethernet: Option<[u8; 14]>,
    /// The IP packet, as far as it was captured; link padding may follow it.
    pub bytes: Vec<u8>,
    /// Whether the capture kept only the beginning of the packet.
    pub cut: bool,
}

/// Whether a packet came in or went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came in.
    In,
    /// It went out.
    Out,
}

/// Why a capture file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The packet (from 1) before whose end it is; 0: the head of the file.
    pub packet: usize,
}

/// What is wrong with a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Neither pcap nor pcapng.
    Unknown,
    /// The file ends within a packet or block.
    Cut,
    /// The format is violated; the reader's words.
    Format(String),
    /// A packet names an interface that the file does not describe.
    Interface(u32),
    /// A link type that is not read.
    LinkType(u32),
    /// More than 4,000,000 packets.
    Limit,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.packet > 0 {
            write!(f, "packet {}: ", self.packet)?;
        }
        match &self.kind {
            ErrorKind::Unknown => f.write_str("neither a pcap nor a pcapng file"),
            ErrorKind::Cut => f.write_str("the file ends within a packet"),
            ErrorKind::Format(words) => write!(f, "bad format: {words}"),
            ErrorKind::Interface(number) => write!(f, "no interface {number} is described"),
            ErrorKind::LinkType(number) => write!(f, "link type {number} is not read"),
            ErrorKind::Limit => write!(f, "more than {MOST_FRAMES} packets"),
        }
    }
}

impl std::error::Error for Error {}

/// Reads a capture file of either format.
pub fn read(file: &[u8]) -> Result<Vec<Frame>, Error> {
    let mut reading = Reading::default();
    let magic = file.get(..4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    match magic.map(u32::from_be_bytes) {
        Some(0x0a0d_0d0a) => pcapng(&mut reading, file)?,
        Some(0xa1b2_c3d4 | 0xd4c3_b2a1 | 0xa1b2_3c4d | 0x4d3c_b2a1) => pcap(&mut reading, file)?,
        _ => return Err(reading.error(ErrorKind::Unknown)),
    }
    Ok(reading.frames)
}

/// The frames so far, and the number of the packet that is being read.
#[derive(Default)]
struct Reading {
    frames: Vec<Frame>,
    number: usize,
}

/// A packet as the file has it.
struct Captured<'f> {
    time: Duration,
    interface: Option<InterfaceName>,
    link: DataLink,
    data: &'f [u8],
    original_length: u32,
    flags: u32,
}

impl Reading {
    fn error(&self, kind: ErrorKind) -> Error {
        Error { kind, packet: self.number }
    }

    fn format(&self, error: impl fmt::Display) -> Error {
        self.error(ErrorKind::Format(error.to_string()))
    }

    /// Adds a packet, if it is IP.
    fn add(&mut self, captured: &Captured<'_>) -> Result<(), Error> {
        let Some(unwrapped) = link::unwrap(captured.link, captured.data) else {
            return Err(self.error(ErrorKind::LinkType(captured.link.into())));
        };
        if self.frames.len() >= MOST_FRAMES {
            return Err(self.error(ErrorKind::Limit));
        }
        let Some(found) = unwrapped else { return Ok(()) };
        let (said, kind) = link::flags(captured.flags);
        self.frames.push(Frame {
            number: self.number,
            time: captured.time,
            interface: captured.interface,
            direction: said.or(found.direction),
            kind: kind.unwrap_or(found.kind),
            ethernet: found.ethernet,
            bytes: found.packet.to_vec(),
            cut: (captured.data.len() as u64) < u64::from(captured.original_length),
        });
        Ok(())
    }
}

fn pcap(reading: &mut Reading, file: &[u8]) -> Result<(), Error> {
    let (mut rest, parser) = PcapParser::new(file).map_err(|error| reading.format(error))?;
    let header = parser.header();
    while !rest.is_empty() {
        reading.number += 1;
        // Why: the checked form refuses packets with `incl_len > orig_len`, which some programs write.
        let (behind, raw) = parser.next_raw_packet(rest).map_err(|_| reading.error(ErrorKind::Cut))?;
        if behind.len() >= rest.len() {
            return Err(reading.error(ErrorKind::Cut));
        }
        rest = behind;
        reading.add(&Captured {
            time: time_of(&raw, header.ts_resolution),
            interface: None,
            link: header.datalink,
            data: &raw.data,
            original_length: raw.orig_len,
            flags: 0,
        })?;
    }
    Ok(())
}

fn time_of(raw: &RawPcapPacket<'_>, resolution: PcapTsResolution) -> Duration {
    let fraction = match resolution {
        PcapTsResolution::MicroSecond => Duration::from_micros(raw.ts_frac.into()),
        PcapTsResolution::NanoSecond => Duration::from_nanos(raw.ts_frac.into()),
    };
    Duration::from_secs(raw.ts_sec.into()) + fraction
}

/// Types of blocks.
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

fn pcapng(reading: &mut Reading, file: &[u8]) -> Result<(), Error> {
    let cut = |file: &[u8]| file.len() < 28;
    if cut(file) {
        return Err(reading.error(ErrorKind::Cut));
    }
    let (mut rest, mut parser) = PcapNgParser::new(file).map_err(|error| reading.format(error))?;
    while !rest.is_empty() {
        if rest.len() < 12 {
            return Err(reading.error(ErrorKind::Cut));
        }
        // Blocks are decoded only if they are needed: an odd block of another kind does no harm.
        let (behind, raw) = parser.next_raw_block(rest).map_err(|error| match error {
            pcap_file::pcapng::PcapNgParseError::IncompleteBuffer(..) => reading.error(ErrorKind::Cut),
            other => reading.format(other),
        })?;
        if behind.len() >= rest.len() {
            return Err(reading.error(ErrorKind::Cut));
        }
        rest = behind;
        if matches!(raw.type_, PACKET | SIMPLE_PACKET | ENHANCED_PACKET) {
            reading.number += 1;
            pcapng_packet(reading, raw, parser.state())?;
        } else if raw.type_ == INTERFACE && parser.interfaces().len() > usize::from(u16::MAX) {
            return Err(reading.error(ErrorKind::Limit));
        }
    }
    Ok(())
}

fn pcapng_packet(reading: &mut Reading, raw: RawBlock<'_>, state: &PcapNgState) -> Result<(), Error> {
    let block = raw.try_into_block(state).map_err(|error| reading.format(error))?;
    let (number, time, data, original_length, flags) = match &block {
        Block::EnhancedPacket(packet) => {
            let flags = packet.options.iter().find_map(|option| match option {
                EnhancedPacketOption::Flags(flags) => Some(*flags),
                _ => None,
            });
            (packet.interface_id, packet.timestamp, &packet.data, packet.original_len, flags.unwrap_or(0))
        }
        Block::Packet(packet) => {
            (packet.interface_id.into(), packet.timestamp, &packet.data, packet.original_len, 0)
        }
        Block::SimplePacket(packet) => (0, Duration::ZERO, &packet.data, packet.original_len, 0),
        _ => return Ok(()),
    };
    let Some(interface) = usize::try_from(number).ok().and_then(|at| state.interfaces().get(at)) else {
        return Err(reading.error(ErrorKind::Interface(number)));
    };
    let name = interface.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfName(name) => InterfaceName::new(name),
        _ => None,
    });
    // A simple packet's data is padded; its true length is the smaller of these.
    let length = match block {
        Block::SimplePacket(_) => {
            let most = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
            usize::try_from(original_length.min(most)).unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    };
    reading.add(&Captured {
        time,
        interface: name,
        link: interface.linktype,
        data: data.get(..length.min(data.len())).unwrap_or(data),
        original_length,
        flags,
    })
}

#[cfg(test)]
mod tests;

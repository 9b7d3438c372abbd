//! Writing pcapng: one description for each interface and link type, a comment for each packet that wants one.
use std::borrow::Cow;
use std::io;
use std::time::Duration;

use packet::InterfaceName;
use pcap_file::DataLink;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{PcapNgWriteError, PcapNgWriter};

use super::Direction;

/// A packet to write.
#[derive(Clone, Copy, Debug)]
pub struct Written<'p> {
    /// Time since 1970 in UTC; pcapng with nanoseconds ends in the year 2554.
    pub time: Duration,
    /// The interface.
    pub interface: InterfaceName,
    /// Whether it came in or went out.
    pub direction: Option<Direction>,
    /// The Ethernet header, if the link has one.
    pub ethernet: Option<[u8; 14]>,
    /// The IP packet.
    pub bytes: &'p [u8],
    /// A comment that other programs show beside the packet, for example the verdict; cut at 65,000 bytes.
    pub comment: Option<&'p str>,
}

/// Writes packets to a pcapng file.
pub struct Writer<W: io::Write> {
    writer: PcapNgWriter<W>,
    interfaces: Vec<(InterfaceName, DataLink)>,
}

impl<W: io::Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("interfaces", &self.interfaces).finish_non_exhaustive()
    }
}

/// The longest comment in bytes: an option's length has 16 bits.
const LONGEST_COMMENT: usize = 65_000;

impl<W: io::Write> Writer<W> {
    /// Begins a file.
    pub fn new(writer: W) -> io::Result<Self> {
        let writer = PcapNgWriter::new(writer).map_err(problem)?;
        Ok(Self { writer, interfaces: Vec::new() })
    }

    /// Adds a packet, and a description of its interface if it is the first one there.
    pub fn write(&mut self, packet: &Written<'_>) -> io::Result<()> {
        let interface_id = self.interface(packet.interface, link_of(packet))?;
        let mut data = packet.ethernet.map_or(Vec::new(), |header| header.to_vec());
        data.extend_from_slice(packet.bytes);
        let mut options = Vec::new();
        if let Some(comment) = packet.comment {
            let text = Cow::Borrowed(shortened(comment));
            options.push(EnhancedPacketOption::Common(CommonOption::Comment(text)));
        }
        match packet.direction {
            Some(Direction::In) => options.push(EnhancedPacketOption::Flags(1)),
            Some(Direction::Out) => options.push(EnhancedPacketOption::Flags(2)),
            None => {}
        }
        let original_len = u32::try_from(data.len()).map_err(io::Error::other)?;
        let block = EnhancedPacketBlock {
            interface_id,
            timestamp: packet.time,
            original_len,
            data: Cow::Owned(data),
            options,
        };
        self.writer.write_pcapng_block(block).map_err(problem)?;
        Ok(())
    }

    /// Gives the underlying writer back; nothing else is to be written at the end of a file.
    pub fn finish(self) -> W {
        self.writer.into_inner()
    }

    fn interface(&mut self, name: InterfaceName, link: DataLink) -> io::Result<u32> {
        if let Some(at) = self.interfaces.iter().position(|known| *known == (name, link)) {
            return u32::try_from(at).map_err(io::Error::other);
        }
        let mut block = InterfaceDescriptionBlock::new(link, 0);
        block.options.push(InterfaceDescriptionOption::IfName(Cow::Owned(name.as_str().to_owned())));
        block.options.push(InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO));
        self.writer.write_pcapng_block(block).map_err(problem)?;
        self.interfaces.push((name, link));
        u32::try_from(self.interfaces.len() - 1).map_err(io::Error::other)
    }
}

// Why: libpcap 1.10 stops at the second interface of the type RAW ("different from the type of the first"); with a type
// for each family tcpdump reads on.
fn link_of(packet: &Written<'_>) -> DataLink {
    match (packet.ethernet, packet.bytes.first().map(|first| first >> 4)) {
        (Some(_), _) => DataLink::ETHERNET,
        (None, Some(4)) => DataLink::IPV4,
        (None, Some(6)) => DataLink::IPV6,
        (None, _) => DataLink::RAW,
    }
}

fn shortened(comment: &str) -> &str {
    let mut end = comment.len().min(LONGEST_COMMENT);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    comment.get(..end).unwrap_or("")
}

fn problem(error: PcapNgWriteError) -> io::Error {
    io::Error::other(error)
}

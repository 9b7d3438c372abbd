//! What stands before the IP packet, by link type.
use netfilter::skb::LinkKind;
use pcap_file::DataLink;

use super::Direction;

/// Most VLAN tags before the packet.
const MOST_TAGS: usize = 4;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// An IP packet and what its link header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'f> {
    pub(super) packet: &'f [u8],
    pub(super) ethernet: Option<[u8; 14]>,
    pub(super) kind: LinkKind,
    pub(super) direction: Option<Direction>,
}

impl<'f> Found<'f> {
    fn plain(packet: &'f [u8]) -> Self {
        Self { packet, ethernet: None, kind: LinkKind::Host, direction: None }
    }
}

/// Takes the link header off. The outer `None`: the link type is not known; the inner: the frame is no IP packet.
pub(super) fn unwrap(link: DataLink, frame: &[u8]) -> Option<Option<Found<'_>>> {
    Some(match link {
        // 12 and 14 are what raw IP was called before it had a number of its own.
        DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 | DataLink::Unknown(12 | 14) => raw(frame),
        DataLink::SLIP_BSDOS | DataLink::PPP_BSDOS if matches!(u32::from(link), 12 | 14) => raw(frame),
        DataLink::ETHERNET => ethernet(frame),
        DataLink::LINUX_SLL => cooked(frame),
        DataLink::LINUX_SLL2 => cooked_v2(frame),
        DataLink::NULL | DataLink::LOOP => family(frame),
        _ => return None,
    })
}

/// Direction and addressee out of the flags word of an enhanced packet block.
pub(super) fn flags(flags: u32) -> (Option<Direction>, Option<LinkKind>) {
    let direction = match flags & 3 {
        1 => Some(Direction::In),
        2 => Some(Direction::Out),
        _ => None,
    };
    let kind = match (flags >> 2) & 7 {
        1 => Some(LinkKind::Host),
        2 => Some(LinkKind::Multicast),
        3 => Some(LinkKind::Broadcast),
        4 => Some(LinkKind::OtherHost),
        _ => None,
    };
    (direction, kind)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn raw(frame: &[u8]) -> Option<Found<'_>> {
    matches!(frame.first()? >> 4, 4 | 6).then(|| Found::plain(frame))
}

/// The EtherType behind all VLAN tags, and where its payload starts; `at` is where the first type stands.
fn untag(frame: &[u8], mut at: usize) -> Option<(u16, usize)> {
    for _ in 0..=MOST_TAGS {
        match be16(frame, at)? {
            0x8100 | 0x88a8 | 0x9100 => at += 4,
            found => return Some((found, at + 2)),
        }
    }
    None
}

fn ip_behind(frame: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let (found, start) = untag(frame, at)?;
    let packet = frame.get(start..)?;
    let version = packet.first()? >> 4;
    matches!((found, version), (IPV4, 4) | (IPV6, 6)).then_some((found, packet))
}

fn ethernet(frame: &[u8]) -> Option<Found<'_>> {
    let (found, packet) = ip_behind(frame, 12)?;
    let mut header: [u8; 14] = frame.get(..14)?.try_into().ok()?;
    let [.., high, low] = &mut header;
    [*high, *low] = found.to_be_bytes();
    let to = header.get(..6)?;
    let kind = if to.iter().all(|&byte| byte == 0xff) {
        LinkKind::Broadcast
    } else if to.first()? & 1 == 1 {
        LinkKind::Multicast
    } else {
        LinkKind::Host
    };
    Some(Found { packet, ethernet: Some(header), kind, direction: None })
}

/// The packet type of Linux' cooked captures (`PACKET_HOST` …).
fn packet_type(kind: u16) -> (LinkKind, Option<Direction>) {
    match kind {
        1 => (LinkKind::Broadcast, Some(Direction::In)),
        2 => (LinkKind::Multicast, Some(Direction::In)),
        3 => (LinkKind::OtherHost, Some(Direction::In)),
        4 => (LinkKind::Outgoing, Some(Direction::Out)),
        _ => (LinkKind::Host, Some(Direction::In)),
    }
}

fn cooked(frame: &[u8]) -> Option<Found<'_>> {
    let (kind, direction) = packet_type(be16(frame, 0)?);
    let (_, packet) = ip_behind(frame, 14)?;
    Some(Found { packet, ethernet: None, kind, direction })
}

fn cooked_v2(frame: &[u8]) -> Option<Found<'_>> {
    let found = be16(frame, 0)?;
    let (kind, direction) = packet_type(u16::from(*frame.get(10)?));
    let packet = match found {
        0x8100 | 0x88a8 | 0x9100 => {
            // Behind the header stand the tag's two bytes and the next type.
            ip_behind(frame, 22)?.1
        }
        _ => frame.get(20..)?,
    };
    let version = packet.first()? >> 4;
    let right = matches!((found, version), (IPV4, 4) | (IPV6, 6) | (0x8100 | 0x88a8 | 0x9100, 4 | 6));
    right.then_some(Found { packet, ethernet: None, kind, direction })
}

/// NULL and LOOP: four bytes of address family, in the order of the machine that captured, or of the network.
fn family(frame: &[u8]) -> Option<Found<'_>> {
    let family: [u8; 4] = frame.get(..4)?.try_into().ok()?;
    let packet = frame.get(4..)?;
    let version = packet.first()? >> 4;
    let is = |family: u32| match family {
        2 => version == 4,
        // IPv6 on Linux, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => version == 6,
        _ => false,
    };
    let right = is(u32::from_be_bytes(family)) || is(u32::from_le_bytes(family));
    right.then(|| Found::plain(packet))
}

//! The processes and the local stack of the machine that the engine is: what Linux's own stack answers to packets that
//! are delivered to it. The kernel half has the real one.
//!
//! Nobody listens but the sockets of the case (`listen`): TCP is answered by resets, UDP by port unreachable, echo
//! and timestamp requests by replies, unknown protocols by protocol unreachable (IPv6: parameter problem). Read first: Linux
//! `tcp_v4_send_reset`, `__udp4_lib_rcv`, `icmp_echo`, `ip_protocol_deliver_rcu`, and their IPv6 twins.
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use netfilter::Origin;
use netfilter::machine::SocketId;
use netfilter::options::{self, Echo};
use netfilter::skb::{KeptSum, Owner};
use packet::View;
use packet::view::tcp_flags::{ACK, FIN, RST, SYN};

use crate::craft::{Body, Craft, checksum, octets};
use crate::outcome::Delivery;

/// The local host.
#[derive(Debug, Default)]
pub struct Host {
    listeners: Vec<Listener>,
    /// Fragments of IPv6 that nobody gathered before INPUT.
    waiting: Vec<(DatagramKey, Pieces)>,
}

/// A socket of UDP and the last peer that it heard.
#[derive(Debug)]
struct Listener {
    socket: SocketId,
    at: SocketAddr,
    /// Whether it is a socket of IPv6, which hears IPv4 by mapped addresses.
    v6: bool,
    peer: Option<SocketAddr>,
}

/// Which sockets a packet goes to: more than one only if it is for a group or everybody.
pub type Find<'f> = &'f dyn Fn(&View<'_>) -> Vec<SocketId>;

/// What the engine knows of a packet besides its bytes.
pub struct Told<'t> {
    /// Whether it was sent to an address of the machine.
    pub unicast: bool,
    /// Whether that is an anycast address: nobody resets a connection to one (Linux: `tcp_v6_send_reset`).
    pub anycast: bool,
    /// Whether its frame was: others get no answer of TCP and no ICMP error (Linux: `pkt_type`).
    pub framed_for_us: bool,
    /// The options of an answer, if they can be made.
    pub echo: Option<Echo>,
    /// Milliseconds since midnight.
    pub time: u32,
    /// What is known of its checksum.
    pub sum: KeptSum,
    /// To which socket it goes.
    pub find: Find<'t>,
}

/// Source, destination and identification of a fragmented datagram.
type DatagramKey = (IpAddr, IpAddr, u32);

/// Fragments by offset: whether more follow, and the bytes.
type Pieces = BTreeMap<u16, (bool, Vec<u8>)>;

/// What the host does with a packet.
#[derive(Debug, Default)]
pub struct Reaction {
    /// What it sends.
    pub answer: Option<Vec<u8>>,
    /// Whether the answer belongs to the packet's connection from its start: errors about protocols that nobody
    /// handles do, TCP and UDP have let go of the connection before they answer.
    pub attached: bool,
    /// What a process gets.
    pub delivery: Vec<Delivery>,
}

/// The sender of what the stack itself sends: a socket of the kernel, of no user (F75). Resets of IPv6 have none.
pub fn kernel_origin(packet: &[u8]) -> Origin {
    let reset = packet.first().is_some_and(|first| first >> 4 == 6) && packet.get(6) == Some(&6);
    let socket = (!reset).then_some(Owner { uid: 0, gid: 0, has_file: false });
    Origin { socket, known: true, ..Origin::default() }
}

impl Host {
    /// Starts to listen for datagrams at a socket.
    pub fn listen(&mut self, socket: SocketId, at: SocketAddr, v6: bool) {
        self.listeners.push(Listener { socket, at, v6, peer: None });
    }

    /// A datagram of a listening socket to the last peer it heard.
    pub fn answer(&self, at: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
        let peer = self.listeners.iter().find(|own| own.at == at)?.peer?;
        let body = Body::Udp { ports: (at.port(), peer.port()), length: None, no_checksum: false };
        let mut craft = Craft::new(at.ip(), peer.ip(), body);
        craft.payload = payload.to_vec();
        craft.dont_fragment = true;
        craft.id = 0;
        Some(craft.build())
    }

    /// What the host does with a packet that came to it.
    pub fn hear(&mut self, bytes: &[u8], told: &Told<'_>) -> Reaction {
        let mut reaction = self.react(bytes, told);
        let view = view_of(bytes);
        let is_echo = view.as_ref().is_some_and(|view| matches!(view.protocol(), Some(1 | 58)));
        let to = view.map(|view| view.source());
        reaction.answer = reaction.answer.filter(|_| told.framed_for_us || is_echo);
        reaction.answer = reaction.answer.and_then(|mut answer| {
            if let Some(IpAddr::V4(to)) = to {
                let echo = told.echo.as_ref()?;
                if let Some(first) = echo.first {
                    answer.get_mut(16..20)?.copy_from_slice(&first.octets());
                }
                options::build(&mut answer, echo, to, told.time)?;
            }
            Some(answer)
        });
        reaction
    }

    fn react(&mut self, bytes: &[u8], told: &Told<'_>) -> Reaction {
        let (unicast, find) = (told.unicast, told.find);
        // Room that the options of an answer take.
        let taken = told.echo.as_ref().map_or(0, Echo::len);
        let error = |view: &View<'_>, kind, code, rest| error(view, taken, kind, code, rest);
        let Some(view) = view_of(bytes) else { return Reaction::default() };
        let Some(protocol) = view.protocol() else { return Reaction::default() };
        // Linux: IPv6 gathers behind INPUT; what conntrack has gathered has no fragment header any more.
        if let Some(fragment) = view.layout().fragment.filter(|_| view.family() == packet::Family::V6) {
            let needed = match protocol {
                6 => 20,
                17 | 58 => 8,
                _ => 1,
            };
            // A fragment header of a whole packet is only skipped.
            let truncated = fragment.offset == 0 && fragment.more && view.after_header().len() < needed;
            let answer = if truncated { error(&view, 4, 3, 0) } else { None };
            if truncated {
                return Reaction { answer, delivery: Vec::new(), attached: true };
            }
            if fragment.offset != 0 || fragment.more {
                return match self.gather(&view, fragment) {
                    Some(whole) => self.react(&whole, told),
                    None => Reaction::default(),
                };
            }
        }
        let answer = match (protocol, view.family()) {
            // What a socket says to TCP is not modelled: the rules of a case let nothing come so far.
            (6, _) if !find(&view).is_empty() => None,
            (6, _) => (unicast && !told.anycast).then(|| reset(&view)).flatten(),
            (17, _) => return self.datagram(&view, told),
            (1, packet::Family::V4) | (58, packet::Family::V6) => {
                unicast.then(|| echo(&view).or_else(|| timestamp(&view, told.time))).flatten()
            }
            (59, packet::Family::V6) | (2, packet::Family::V4) => None,
            // Linux: the kernel has UDP-Lite, and nobody listens.
            (136, _) if !lite_is_right(&view) => None,
            (136, packet::Family::V4) => unicast.then(|| error(&view, 3, 3, 0)).flatten(),
            (136, packet::Family::V6) => unicast.then(|| error(&view, 1, 4, 0)).flatten(),
            (_, packet::Family::V4) => unicast.then(|| error(&view, 3, 2, 0)).flatten(),
            (_, packet::Family::V6) => {
                unicast.then(|| error(&view, 4, 1, next_header_at(&view, view.layout().transport))).flatten()
            }
        };
        let attached = !matches!(protocol, 1 | 6 | 58);
        Reaction { answer, delivery: Vec::new(), attached }
    }

    /// Keeps a fragment; gives the datagram if it was the last that was missing. Overlaps end the datagram.
    fn gather(&mut self, view: &View<'_>, fragment: packet::layout::Fragment) -> Option<Vec<u8>> {
        let key = (view.source(), view.destination(), fragment.id);
        let at = self.waiting.iter().position(|(own, _)| *own == key).unwrap_or_else(|| {
            self.waiting.push((key, BTreeMap::new()));
            self.waiting.len() - 1
        });
        let data = view.bytes().get(fragment.header + 8..)?.to_vec();
        let pieces = &mut self.waiting.get_mut(at)?.1;
        if pieces.get(&fragment.offset).is_some_and(|(_, old)| old.len() == data.len()) {
            return None;
        }
        pieces.insert(fragment.offset, (fragment.more, data));
        let mut payload: Vec<u8> = Vec::new();
        for (&offset, (more, data)) in &*pieces {
            match usize::from(offset).cmp(&payload.len()) {
                std::cmp::Ordering::Greater => return None,
                std::cmp::Ordering::Less => {
                    self.waiting.remove(at);
                    return None;
                }
                std::cmp::Ordering::Equal => payload.extend(data),
            }
            if !more {
                self.waiting.remove(at);
                // The headers before the fragment header stay; the last of them names what was behind it.
                let mut whole = view.bytes().get(..fragment.header)?.to_vec();
                let names = usize::try_from(next_header_at(view, fragment.header)).ok()?;
                *whole.get_mut(names)? = *view.bytes().get(fragment.header)?;
                whole.extend(payload);
                let length = u16::try_from(whole.len() - 40).ok()?;
                whole[4..6].copy_from_slice(&length.to_be_bytes());
                return Some(whole);
            }
        }
        None
    }

    fn datagram(&mut self, view: &View<'_>, told: &Told<'_>) -> Reaction {
        /// Linux: CHECKSUM_BREAK: so much is summed again before a kept sum counts.
        const SUMMED_AGAIN: usize = 76;
        let Some((segment, (source, _))) = view.transport().zip(view.ports()) else {
            return Reaction::default();
        };
        let Some(length) = segment.get(4..6).map(|field| usize::from(field[0]) << 8 | usize::from(field[1]))
        else {
            return Reaction::default();
        };
        // Linux: IPv6 takes a length of 0 as "to the end" (jumbograms).
        let length = if length == 0 && view.source().is_ipv6() { segment.len() } else { length };
        let Some(datagram) = segment.get(..length).filter(|datagram| datagram.len() >= 8) else {
            return Reaction::default();
        };
        let unsummed = datagram[6..8] == [0, 0];
        let right = match told.sum {
            // Linux: `pskb_trim_rcsum`: what lies behind the datagram's own length is taken out of the kept sum.
            KeptSum::Right if datagram.len() == segment.len() => true,
            KeptSum::Spoilt if datagram.len() > SUMMED_AGAIN => false,
            KeptSum::Right | KeptSum::Spoilt | KeptSum::None => sum_is_right(view, datagram),
        };
        if unsummed && view.source().is_ipv6() || !unsummed && !right {
            return Reaction::default();
        }
        let sockets = (told.find)(view);
        let mut reaction = Reaction::default();
        for listener in self.listeners.iter_mut().filter(|own| sockets.contains(&own.socket)) {
            let from = match view.source() {
                IpAddr::V4(own) if listener.v6 => own.to_ipv6_mapped().into(),
                own => own,
            };
            let from = SocketAddr::new(from, source);
            listener.peer = Some(from);
            let delivery = Delivery {
                listener: listener.at.to_string(),
                from: from.to_string(),
                payload: datagram.get(8..).unwrap_or(&[]).to_vec(),
            };
            reaction.delivery.push(delivery);
        }
        if !reaction.delivery.is_empty() {
            return reaction;
        }
        let (kind, code) = if view.source().is_ipv4() { (3, 3) } else { (1, 4) };
        // Linux: `__udp4_lib_rcv` has cut the packet to the datagram's own length before it is quoted.
        let quoted = view.bytes().get(..view.layout().transport + length).unwrap_or(view.bytes());
        let taken = told.echo.as_ref().map_or(0, Echo::len);
        Reaction {
            answer: told.unicast.then(|| error_quoting(view, (quoted, taken), kind, code, 0)).flatten(),
            ..Reaction::default()
        }
    }
}

/// A packet as it was delivered: the sum of its header is wrong where options were filled in.
pub fn view_of(bytes: &[u8]) -> Option<View<'_>> {
    packet::layout::parse_quoted(bytes).ok().map(|layout| View::new(bytes, layout))
}

/// Where the field stands that names the header at `target` (the pointer of a parameter problem).
fn next_header_at(view: &View<'_>, target: usize) -> u32 {
    let (mut field, mut at) = (6_usize, 40_usize);
    let bytes = view.bytes();
    while at < target {
        field = at;
        let units = bytes.get(at + 1).copied().map_or(0, usize::from);
        // The fragment header has no length field; it is 0 there.
        at += (units + 1) * 8;
    }
    field as u32
}

/// Whether the checksum of a segment with a pseudo header is right.
fn sum_is_right(view: &View<'_>, segment: &[u8]) -> bool {
    let mut covered = octets(view.source());
    covered.extend(octets(view.destination()));
    covered.extend((segment.len() as u32).to_be_bytes());
    covered.extend([0, 0, 0, view.protocol().unwrap_or(0)]);
    covered.extend(segment);
    checksum(&covered) == 0
}

/// Linux: in IPv6 the reset to ::1 is routed by the device of the address that was asked (`ip6_rcv_core` takes it for
/// the incoming one), where ::1 is not.
fn is_out_of_reach(view: &View<'_>) -> bool {
    view.source().is_ipv6() && view.source().is_loopback() && !view.destination().is_loopback()
}

fn reset(view: &View<'_>) -> Option<Vec<u8>> {
    if is_out_of_reach(view) {
        return None;
    }
    let tcp = view.tcp()?;
    let header = tcp.header_len();
    if header < 20 || header > tcp.bytes().len() || !sum_is_right(view, tcp.bytes()) || tcp.flags() & RST != 0
    {
        return None;
    }
    if !options_are_whole(tcp.options()?) {
        return None;
    }
    let flags = tcp.flags();
    let length = (tcp.payload().len() as u32)
        .wrapping_add(u32::from(flags & SYN != 0))
        .wrapping_add(u32::from(flags & FIN != 0));
    let (seq, ack, answer) = if flags & ACK != 0 {
        (tcp.acknowledgement(), 0, RST)
    } else {
        (0, tcp.sequence().wrapping_add(length), RST | ACK)
    };
    let body = Body::Tcp {
        ports: (tcp.destination(), tcp.source()),
        flags: answer,
        seq,
        ack,
        window: 0,
        urgent: 0,
        options: Vec::new(),
        offset: None,
    };
    let mut craft = Craft::new(view.destination(), view.source(), body);
    craft.id = 0;
    craft.dont_fragment = true;
    // Linux: `tcp_v4_send_reset` and `tcp_v6_send_response` take the ECN bits out.
    craft.tos = view.tos() & !3;
    Some(craft.build())
}

/// Whether every option ends within the options (Linux: `tcp_do_parse_auth_options`, which a reset waits for).
fn options_are_whole(mut options: &[u8]) -> bool {
    // Shorter ones are not looked at: an MD5 signature has 18 bytes.
    while let Some((&kind, rest)) = options.split_first().filter(|_| options.len() >= 18) {
        match kind {
            0 => return true,
            1 => options = rest,
            _ => {
                let size = rest.first().map_or(0, |&size| usize::from(size));
                let Some(next) = options.get(size..).filter(|_| size >= 2) else { return false };
                options = next;
            }
        }
    }
    true
}

fn echo(view: &View<'_>) -> Option<Vec<u8>> {
    let icmp = view.icmp()?;
    let v4 = view.source().is_ipv4();
    let segment = view.transport()?;
    let right = if v4 { checksum(segment) == 0 } else { sum_is_right(view, segment) };
    if !right || icmp.kind != if v4 { 8 } else { 128 } {
        return None;
    }
    // Linux: IPv4 copies the whole header and changes the type; IPv6 sets the code to 0.
    let (kind, code) = if v4 { (0, icmp.code) } else { (129, 0) };
    let body = Body::Icmp { kind, code, rest: icmp.rest.to_be_bytes() };
    let mut craft = Craft::new(view.destination(), view.source(), body);
    craft.payload = segment.get(8..)?.to_vec();
    craft.tos = view.tos();
    craft.id = 0x7777;
    Some(craft.build())
}

/// The answer to an ICMP timestamp request (RFC 792): when it was sent, came, and is answered, in milliseconds since midnight.
// Linux: `icmp_timestamp`; what is behind the times is not sent back.
fn timestamp(view: &View<'_>, time: u32) -> Option<Vec<u8>> {
    let icmp = view.icmp()?;
    let segment = view.transport()?;
    if view.source().is_ipv6() || checksum(segment) != 0 || icmp.kind != 13 {
        return None;
    }
    let body = Body::Icmp { kind: 14, code: 0, rest: icmp.rest.to_be_bytes() };
    let mut craft = Craft::new(view.destination(), view.source(), body);
    craft.payload = [segment.get(8..12)?, &time.to_be_bytes(), &time.to_be_bytes()].concat();
    craft.tos = view.tos();
    craft.id = 0x7777;
    Some(craft.build())
}

/// Whether the part of a UDP-Lite datagram that its sum covers is whole (RFC 3828, 3.1).
fn lite_is_right(view: &View<'_>) -> bool {
    let Some(segment) = view.transport() else { return false };
    let covered = match segment.get(4..6) {
        Some([0, 0]) => segment.len(),
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        _ => return false,
    };
    let Some(part) = segment.get(..covered).filter(|part| part.len() >= 8) else { return false };
    let mut sum = [octets(view.source()), octets(view.destination())].concat();
    sum.extend((segment.len() as u32).to_be_bytes());
    sum.extend([0, 0, 0, 136]);
    sum.extend(part);
    checksum(&sum) == 0
}

/// An ICMP error about a packet, whose own options take some room. None about errors.
fn error(view: &View<'_>, taken: usize, kind: u8, code: u8, rest: u32) -> Option<Vec<u8>> {
    error_quoting(view, (view.bytes(), taken), kind, code, rest)
}

/// An ICMP error about a packet of which the stack has kept only a part.
fn error_quoting(
    view: &View<'_>,
    (bytes, taken): (&[u8], usize),
    kind: u8,
    code: u8,
    rest: u32,
) -> Option<Vec<u8>> {
    let v4 = view.source().is_ipv4();
    if unusable(view.source()) {
        return None;
    }
    let most = if v4 { 576 - 28 - taken } else { 1280 - 48 };
    let body = Body::Icmp { kind, code, rest: rest.to_be_bytes() };
    let mut craft = Craft::new(view.destination(), view.source(), body);
    craft.payload = bytes.get(..most).unwrap_or(bytes).to_vec();
    craft.id = 0x7777;
    if v4 {
        craft.tos = view.tos() & 0x1e | 0xc0;
    }
    Some(craft.build())
}

/// A source that nothing can be sent to.
fn unusable(source: IpAddr) -> bool {
    source.is_unspecified() || source.is_multicast()
}

//! SYNPROXY: this machine makes the handshake with the client, without remembering anything, and only then one with the
//! server; afterwards it moves the numbers of both.
//!
//! # Overview
//! ```text
//! client            this machine              server
//!   SYN ──────────►  [target]
//!       ◄────────── SYN/ACK, cookie, window 0
//!   ACK ──────────►  [target] cookie is right
//!                              SYN ──────────►        (a connection with [`State`] begins)
//!                             ◄────────── SYN/ACK     [module]
//!                              ACK ──────────►
//!       ◄────────── ACK, the window opens
//!   data ◄────── numbers and timestamps are moved ──────► data
//! ```
//! The target ([`client`]) answers SYNs and ACKs; the module ([`watch`]), just before confirmation, looks at connections
//! that it began. Read first: Linux `synproxy_tg4`, `ipv4_synproxy_hook`, `nf_synproxy_core.c`, `__cookie_v4_check`.
//!
//! # What the client is told
//! A cookie is a keyed hash of the ends with the minute and one of four segment sizes in it; a timestamp carries the rest of
//! its options. Cookies are good for two minutes.
//!
//! # Differences from Linux
//! Cookies and timestamps are other ones, since they come of the kernel's secrets and its clock.
mod cookie;
mod options;

use packet::view::tcp_flags::{ACK, CWR, ECE, FIN, RST, SYN};
use packet::{Family, View, checksum, protocol, verify};
use rules::targets::synproxy::Synproxy;

use crate::answer::{self, Header};
use crate::conntrack::tcp::State as TcpState;
use crate::conntrack::{ConnectionId, Direction, Status, Tuple};
use crate::skb::{Emitted, Info, Packet, Template, Tracking};
use crate::trace::Step;
use crate::{Conntrack, Env};
use options::Options;

/// What is remembered of a connection that was begun for a client (Linux: `struct nf_conn_synproxy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The number with which this machine answered the client.
    pub sequence: u32,
    /// The timestamp with which it answered.
    pub timestamp: u32,
    /// By how much the server's timestamps are ahead of those that the client knows.
    pub ahead: u32,
}

/// What became of a client's segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// It was answered, or the server was asked.
    Taken,
    /// It is cut short, its checksum or its cookie is wrong.
    Refused,
    /// It is neither a SYN nor an ACK.
    Other,
}

/// What the module says of a packet.
#[derive(Clone, Debug)]
pub(crate) enum Watched {
    /// It goes on.
    On,
    /// It ends.
    Ended,
    /// The server has answered: first `server` goes its way, then the numbers are moved by `by`, then `client` goes.
    Answered { server: Option<Box<Emitted>>, client: Option<Box<Emitted>>, connection: ConnectionId, by: u32 },
}

/// A TCP segment that is read for the proxy.
#[derive(Clone, Copy)]
struct Segment<'a> {
    view: View<'a>,
    source: u16,
    destination: u16,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    window: u16,
}

impl<'a> Segment<'a> {
    fn of(packet: &'a Packet) -> Option<Self> {
        let view = packet.view();
        if packet.layout.later_fragment() {
            return None;
        }
        let tcp = view.tcp()?;
        Some(Self {
            view,
            source: tcp.source(),
            destination: tcp.destination(),
            sequence: tcp.sequence(),
            acknowledgement: tcp.acknowledgement(),
            flags: tcp.flags(),
            window: tcp.window(),
        })
    }

    fn options(&self) -> Option<Options> {
        Options::parse(self.view.after_header())
    }

    fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// As the client's packets have it.
    fn tuple(&self) -> Tuple {
        Tuple {
            source: self.view.source(),
            destination: self.view.destination(),
            protocol: protocol::TCP,
            source_id: self.source,
            destination_id: self.destination,
        }
    }
}

/// The fields of a segment that this machine sends.
struct Sent {
    /// Whether it goes where the packet that causes it came from.
    back: bool,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    window: u16,
    options: Options,
}

/// The target: a segment of a client.
pub(crate) fn client(rule: &Synproxy, packet: &Packet, env: &mut Env<'_>) -> Met {
    if !verify::sum_is_valid(&packet.view(), Some(protocol::TCP)) {
        return Met::Refused;
    }
    let Some(segment) = Segment::of(packet) else { return Met::Refused };
    let Some(options) = segment.options() else { return Met::Refused };
    if segment.has(SYN) && !segment.has(ACK | FIN | RST) {
        answer_syn(rule, packet, &segment, options, env);
        return Met::Taken;
    }
    if segment.has(ACK) && !segment.has(FIN | RST | SYN) {
        let asked = ask_server(packet, &segment, options, segment.sequence, env);
        return if asked { Met::Taken } else { Met::Refused };
    }
    Met::Other
}

/// The SYN/ACK with a cookie.
fn answer_syn(rule: &Synproxy, packet: &Packet, segment: &Segment<'_>, asked: Options, env: &mut Env<'_>) {
    let tuple = segment.tuple();
    let ecn = asked.ecn || (segment.flags & (ECE | CWR) == ECE | CWR);
    let mut options = Options {
        mss: asked.mss.and(rule.mss),
        scale: asked.scale.filter(|_| rule.window_scale.is_some()),
        sack: asked.sack && rule.sack_permitted,
        timestamp: asked.timestamp.filter(|_| rule.timestamp),
        ecn: ecn && rule.ecn,
    };
    if let Some((value, _)) = options.timestamp {
        let own = (env.now.mono.0 / 1_000_000) as u32;
        let own = options.in_timestamp(own);
        options.timestamp = Some((env.random.timestamp(&tuple, own), value));
        options.scale = options.scale.and(rule.window_scale);
    } else {
        // Linux: what does not fit into a cookie is forgotten.
        (options.scale, options.sack, options.ecn) = (None, false, false);
    }
    let own = cookie::make(env, &tuple, segment.sequence, asked.mss.unwrap_or(0));
    let sequence = env.random.cookie(&tuple, own);
    let sent = Sent {
        back: true,
        sequence,
        acknowledgement: segment.sequence.wrapping_add(1),
        flags: SYN | ACK | if options.ecn { ECE } else { 0 },
        window: 0,
        options,
    };
    let tracking = match packet.tracking {
        Tracking::Entry { connection, .. } => Tracking::Entry { connection, info: Info::EstablishedReply },
        _ => Tracking::None,
    };
    if let Some(mut emitted) = build(segment, sent, env) {
        emitted.packet.tracking = tracking;
        emit(packet, emitted, "SYN/ACK of SYNPROXY", env);
    }
}

/// The SYN to the server, if the cookie is right. Its acknowledgement and its echoed timestamp say to the module what the
/// client knows.
fn ask_server(packet: &Packet, segment: &Segment<'_>, seen: Options, next: u32, env: &mut Env<'_>) -> bool {
    let tuple = segment.tuple();
    let given = env.random.own_cookie(&tuple, segment.acknowledgement.wrapping_sub(1));
    let Some(mss) = cookie::check(env, &tuple, segment.sequence.wrapping_sub(1), given) else { return false };
    let mut options = Options { mss: Some(mss), ..seen };
    if let Some((_, echoed)) = options.timestamp {
        options.out_of_timestamp(echoed);
    }
    let sent = Sent {
        back: false,
        sequence: next.wrapping_sub(1),
        acknowledgement: segment.acknowledgement.wrapping_sub(1),
        flags: SYN | if options.ecn { ECE | CWR } else { 0 },
        window: segment.window,
        options,
    };
    if let Some(mut emitted) = build(segment, sent, env) {
        emitted.packet.template = Some(Box::new(Template { synproxy: true, ..Template::default() }));
        emit(packet, emitted, "SYN of SYNPROXY", env);
    }
    true
}

/// The module, in INPUT and POSTROUTING: a packet of a connection that was begun for a client.
pub(crate) fn watch(packet: &mut Packet, env: &mut Env<'_>) -> Watched {
    let Tracking::Entry { connection: id, info } = packet.tracking else { return Watched::On };
    let Some(connection) = env.conntrack.get(id) else { return Watched::On };
    let Some(mut state) = connection.rare().synproxy else { return Watched::On };
    if packet.input == Some(crate::DeviceId::LOOPBACK) || packet.layout.protocol != Some(protocol::TCP) {
        return Watched::On;
    }
    let original = info.direction() == Direction::Original;
    let Some(tcp_state) = env.conntrack.tcp_state(id) else { return Watched::On };
    let Some(segment) = Segment::of(packet) else { return Watched::Ended };
    let reopened = tcp_state == TcpState::Close && original && segment.has(SYN) && !segment.has(ACK);
    if tcp_state == TcpState::Close && segment.has(RST) && !original {
        let by = state.sequence.wrapping_sub(segment.sequence).wrapping_add(1);
        env.conntrack.move_sequence(id, Direction::Reply, by);
    } else if reopened || tcp_state == TcpState::SynSent {
        if reopened {
            state.ahead = 0;
        }
        let Some(options) = segment.options() else { return Watched::Ended };
        if !segment.has(SYN) && segment.has(ACK) && original {
            // A keep-alive has the number before the next one, which is that of the client's SYN.
            let next = segment.sequence.wrapping_add(1);
            let client = packet.clone();
            if let Some(segment) = Segment::of(&client) {
                ask_server(&client, &segment, options, next, env);
            }
            return Watched::Ended;
        }
        state.sequence = segment.acknowledgement;
        if let Some((_, echoed)) = options.timestamp {
            state.timestamp = echoed;
        }
        env.conntrack.set_synproxy(id, state);
    } else if tcp_state == TcpState::SynRecv && segment.has(SYN) && segment.has(ACK) {
        return answered(packet, id, state, env);
    }
    move_timestamp(packet, original, state.ahead);
    Watched::On
}

/// The server's SYN/ACK: both sides get their acknowledgement.
fn answered(packet: &Packet, id: ConnectionId, mut state: State, env: &mut Env<'_>) -> Watched {
    let Some(segment) = Segment::of(packet) else { return Watched::Ended };
    let Some(options) = segment.options() else { return Watched::Ended };
    if let Some((value, _)) = options.timestamp {
        state.ahead = value.wrapping_sub(state.timestamp);
        env.conntrack.set_synproxy(id, state);
    }
    let scale = u32::from(options.scale.unwrap_or(0));
    let only = |timestamp| Options { timestamp, ..Options::default() };
    let server = Sent {
        back: true,
        sequence: segment.acknowledgement,
        acknowledgement: segment.sequence.wrapping_add(1),
        flags: ACK,
        window: env.conntrack.largest_window(id, Direction::Original),
        options: only(options.timestamp.map(|(value, echoed)| (echoed, value))),
    };
    let client = Sent {
        back: false,
        sequence: segment.sequence.wrapping_add(1),
        acknowledgement: segment.acknowledgement,
        flags: ACK,
        window: segment.window.checked_shr(scale).unwrap_or(0),
        options: only(options.timestamp),
    };
    let server = build(&segment, server, env).map(Box::new);
    let client = build(&segment, client, env).map(|mut emitted| {
        emitted.packet.tracking = Tracking::Entry { connection: id, info: Info::EstablishedReply };
        Box::new(emitted)
    });
    let by = state.sequence.wrapping_sub(segment.sequence);
    Watched::Answered { server, client, connection: id, by }
}

/// Tells the trace and sends.
pub(crate) fn emit(cause: &Packet, emitted: Emitted, what: &'static str, env: &mut Env<'_>) {
    let packet = emitted.packet.id;
    env.step(cause, || Step::Answered { packet, what });
    env.emitted.push(emitted);
}

/// A segment between the ends of another one.
fn build(cause: &Segment<'_>, sent: Sent, env: &mut Env<'_>) -> Option<Emitted> {
    let (mut source, mut destination) = (cause.view.source(), cause.view.destination());
    let mut ports = [cause.source, cause.destination];
    if sent.back {
        std::mem::swap(&mut source, &mut destination);
        ports.reverse();
    }
    let mut bytes = Vec::with_capacity(60);
    ports.iter().for_each(|port| bytes.extend_from_slice(&port.to_be_bytes()));
    bytes.extend_from_slice(&sent.sequence.to_be_bytes());
    bytes.extend_from_slice(&sent.acknowledgement.to_be_bytes());
    bytes.extend_from_slice(&[0, sent.flags]);
    bytes.extend_from_slice(&sent.window.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    sent.options.write(&mut bytes);
    let words = u8::try_from(bytes.len() / 4).ok()?;
    *bytes.get_mut(12)? = words << 4;
    let length = u32::try_from(bytes.len()).ok()?;
    let start = checksum::pseudo(source, destination, protocol::TCP, length);
    let sum = checksum::finish(checksum::add(start, &bytes));
    bytes.get_mut(16..18)?.copy_from_slice(&sum.to_be_bytes());
    let header = Header { protocol: protocol::TCP, tos: 0, id: 0, dont_fragment: true };
    let bytes = answer::ip_packet(env, header, source, destination, &bytes)?;
    let packet = answer::machine_packet(env, bytes, false)?;
    env.network.route_output(&packet, destination).ok()?;
    Some(Emitted { packet, destination, port: None })
}

/// Moves the timestamp that one side sends, or echoes to the other (Linux: `synproxy_tstamp_adjust`).
fn move_timestamp(packet: &mut Packet, original: bool, ahead: u32) {
    if ahead == 0 {
        return;
    }
    let at = packet.layout.transport;
    let Some(place) = options::timestamp_place(packet.view().after_header()) else { return };
    let (place, by) = if original { (place + 6, ahead) } else { (place + 2, ahead.wrapping_neg()) };
    crate::conntrack::sequence::add(&mut packet.bytes, at, at + place, by);
}

impl Conntrack {
    /// Remembers what the proxy knows of a connection.
    pub(crate) fn set_synproxy(&mut self, id: ConnectionId, state: State) {
        if let Some(connection) = self.get_mut(id) {
            connection.rare_mut().synproxy = Some(state);
        }
    }

    /// From now on all numbers of a direction are moved (Linux: `nf_ct_seqadj_init`).
    pub(crate) fn move_sequence(&mut self, id: ConnectionId, direction: Direction, by: u32) {
        if by == 0 {
            return;
        }
        if let Some(connection) = self.get_mut(id) {
            connection.status.set(Status::SEQ_ADJUST);
            let sequence = connection.rare_mut().sequence.get_or_insert_default();
            let [original, reply] = &mut sequence.directions;
            let this = if direction == Direction::Original { original } else { reply };
            (this.before, this.after) = (by, by);
        }
    }
}

/// Sizes of segments that fit into a cookie, the smallest first (Linux: `msstab` of syncookies.c).
const fn segment_sizes(family: Family) -> [u16; 4] {
    match family {
        Family::V4 => [536, 1300, 1440, 1460],
        Family::V6 => [1220, 1420, 1440, 8940],
    }
}

#[cfg(test)]
mod tests;

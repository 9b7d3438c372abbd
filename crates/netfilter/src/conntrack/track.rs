//! The way of a packet through connection tracking: found or made in PREROUTING and OUTPUT, confirmed at the end.
//!
//! Read first: Linux `nf_conntrack_in`, `resolve_normal_ct`, `init_conntrack`, `nf_confirm`.
use std::fmt;
use std::time::Duration;

use packet::{Family, View, protocol, verify};
use rules::Hook;
use rules::matches::conntrack::StateSet;

use super::expect::Expectation;
use super::helper::Helper;
use super::icmp::Judged;
use super::{
    Changes, Connection, ConnectionId, Conntrack, Direction, Parent, Status, Tuple, Zone, generic, gre,
    helper, icmp, sctp, tcp, udp,
};
use crate::env::{Env, LogLine};
use crate::hook::Verdict;
use crate::skb::{Drop, Info, Packet, Summed, Template, Tracking};
use crate::time::{Instant, Now};
use crate::trace::Step;

/// Why a packet is INVALID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It is a later fragment, its extension headers or its ports are cut short.
    NoTuple,
    /// Nothing can answer it (ICMP types).
    NoAnswer,
    /// The transport header is cut short.
    Short,
    /// The transport checksum is wrong.
    Checksum,
    /// The length field of UDP is wrong.
    UdpLength,
    /// The TCP data offset is below 20 or beyond the packet.
    TcpDataOffset,
    /// The TCP flags are no combination that TCP knows.
    TcpFlags,
    /// The packet does not fit the state; the cell of the table says why.
    TcpState(&'static str),
    /// Data beyond what the peer allowed.
    TcpBeyondWindow,
    /// An acknowledgement of what was not sent.
    TcpAckUnsent,
    /// A reset with a number that the peer has acknowledged already.
    TcpReset,
    /// SCTP chunks that may not stand together, or none.
    SctpChunks,
    /// A wrong SCTP verification tag.
    SctpTag,
    /// An SCTP chunk that does not fit the state.
    SctpState,
    /// An ICMP type that nobody knows.
    IcmpType,
    /// An ICMP answer to no query.
    IcmpAnswer,
    /// ICMP in IPv6 or ICMPv6 in IPv4.
    IcmpFamily,
    /// An ICMPv6 redirect not from a neighbour, or without options.
    Redirect,
    /// The header that an ICMP error quotes is cut short or of a later fragment.
    QuotedHeader,
    /// An ICMP error about something that has no answer.
    QuotedType,
    /// An ICMP error about no known connection.
    QuotedUnknown,
    /// An ICMP error that is not addressed to the sender of what it quotes.
    QuotedElsewhere,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Invalid::NoTuple => "no ports: cut short or a later fragment",
            Invalid::NoAnswer => "nothing can answer it",
            Invalid::Short => "the transport header is cut short",
            Invalid::Checksum => "the transport checksum is wrong",
            Invalid::UdpLength => "the UDP length is wrong",
            Invalid::TcpDataOffset => "the TCP data offset is wrong",
            Invalid::TcpFlags => "no valid combination of TCP flags",
            Invalid::TcpState(why) => why,
            Invalid::TcpBeyondWindow => "data beyond the peer's window",
            Invalid::TcpAckUnsent => "it acknowledges what was not sent",
            Invalid::TcpReset => "a reset below what is acknowledged",
            Invalid::SctpChunks => "chunks that may not stand together",
            Invalid::SctpTag => "a wrong verification tag",
            Invalid::SctpState => "a chunk that does not fit the association",
            Invalid::IcmpType => "an unknown ICMP type",
            Invalid::IcmpAnswer => "an answer to no query",
            Invalid::IcmpFamily => "ICMP of the other family",
            Invalid::Redirect => "a redirect not from a neighbour",
            Invalid::QuotedHeader => "the quoted header is cut short",
            Invalid::QuotedType => "an error about something that has no answer",
            Invalid::QuotedUnknown => "an error about no known connection",
            Invalid::QuotedElsewhere => "an error not addressed to the sender of what it quotes",
        })
    }
}

/// What a tracker of a protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accept,
    Invalid(Invalid),
    /// The connection is over; the packet begins a new one.
    Repeat,
}

/// What connection tracking makes of a packet.
enum Tracked {
    /// It belongs to a connection, or to none on purpose.
    As(Tracking),
    /// It goes on without a connection.
    Invalid(Invalid),
    /// The same, of ICMP that is no query.
    InvalidIcmp(Invalid),
    /// It ends.
    Dropped(Drop),
}

impl Tracked {
    /// What is known of the checksum of the packet afterwards, where checksums are checked.
    // Linux: `tcp_error`, `udp_error`, `nf_conntrack_icmpv4_error`, `nf_conntrack_icmpv6_error`.
    fn summed(&self, packet: &Packet) -> Summed {
        let view = packet.view();
        let is_summed = match view.protocol() {
            Some(protocol::TCP | protocol::ICMP | protocol::ICMPV6) => true,
            Some(protocol::UDP) => view.udp().is_some_and(|udp| udp.checksum() != 0),
            _ => false,
        };
        match self {
            Self::Invalid(reason) | Self::InvalidIcmp(reason) => match reason {
                Invalid::NoTuple | Invalid::Short | Invalid::TcpDataOffset | Invalid::UdpLength => {
                    Summed::Unknown
                }
                Invalid::Checksum if is_summed => Summed::Wrong,
                _ if is_summed => Summed::Right { rest: packet.header_rest() },
                _ => Summed::Unknown,
            },
            Self::As(_) | Self::Dropped(_) if is_summed => Summed::Right { rest: packet.header_rest() },
            Self::As(_) | Self::Dropped(_) => Summed::Unknown,
        }
    }
}

/// What a tracker of a protocol must know besides the packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    hook: Hook,
    checksum: bool,
    pub(super) now: Instant,
    pub(super) info: Info,
}

impl Context {
    /// Whether checksums are checked: only of packets that come from a device (F44).
    pub(super) fn checks(&self, hook: Hook) -> bool {
        self.checksum && self.hook == hook
    }
}

/// Whether the checksum over the pseudo header and everything behind the IP header is right.
// Linux: `nf_checksum`.
pub(super) fn checksum_is_right(view: View<'_>) -> bool {
    let Some(number) = view.protocol() else { return false };
    verify::sum_is_valid(&view, (number != protocol::ICMP).then_some(number))
}

impl Conntrack {
    /// Finds or makes the connection of a packet (Linux: `nf_conntrack_in`, priority -200 in PREROUTING and OUTPUT).
    ///
    /// Sets [`Packet::tracking`]; an INVALID packet goes on with [`Tracking::None`]. The template of `-j CT` is used up.
    pub fn handle(packet: &mut Packet, hook: Hook, env: &mut Env<'_>) -> Verdict {
        if !matches!(packet.tracking, Tracking::None | Tracking::Vacant) {
            // Seen before: loopback, an answer of REJECT, or `-j CT --notrack`.
            packet.template = None;
            if env.trace.is_some() {
                trace(packet, env, None);
            }
            return Verdict::Accept;
        }
        let template = packet.template.take();
        let tracked = env.conntrack.track(packet.view(), template.as_deref(), hook, env.now);
        if env.conntrack.config.checksum && hook == Hook::Prerouting {
            packet.summed = tracked.summed(packet);
        }
        let reason = match tracked {
            Tracked::As(tracking) => {
                packet.tracking = tracking;
                if let Tracking::Entry { connection, info: Info::Related } = tracking {
                    // Linux: `init_conntrack` calls the expectation's function, so that table mangle sees DNAT
                    // (measured).
                    crate::nat::expected(connection, env);
                }
                None
            }
            Tracked::Invalid(reason) => {
                env.conntrack.counting.own.invalid += 1;
                Some(reason)
            }
            Tracked::InvalidIcmp(reason) => {
                env.conntrack.counting.own.error += 1;
                Some(reason)
            }
            Tracked::Dropped(reason) => {
                env.conntrack.counting.own.drop += 1;
                if reason == Drop::TableFull
                    && let Some(text) = env.conntrack.full(env.now.mono)
                {
                    env.log_line(LogLine { level: 4, text: text.to_owned() });
                }
                if env.trace.is_some() {
                    trace(packet, env, None);
                }
                return Verdict::Drop(reason);
            }
        };
        if env.trace.is_some() {
            trace(packet, env, reason);
        }
        Verdict::Accept
    }

    /// The same without a packet to write to.
    fn track(&mut self, view: View<'_>, template: Option<&Template>, hook: Hook, now: Now) -> Tracked {
        let zone = template.map_or(Zone::default(), |template| template.zone);
        let mut context = Context { hook, checksum: self.config.checksum, now: now.mono, info: Info::New };
        let layout = view.layout();
        if layout.later_fragment() {
            return Tracked::Invalid(Invalid::NoTuple);
        }
        if let (Family::V4, Some(protocol::ICMP)) | (Family::V6, Some(protocol::ICMPV6)) =
            (layout.family, layout.protocol)
        {
            match icmp::judge(self, view, zone, &context) {
                Judged::Track => {}
                Judged::Untracked => return Tracked::As(Tracking::Untracked),
                Judged::Related(connection, info) => {
                    return Tracked::As(Tracking::Entry { connection, info });
                }
                Judged::Invalid(reason) => return Tracked::InvalidIcmp(reason),
            }
        }
        let Some(tuple) = self.tuple_of(view) else { return Tracked::Invalid(Invalid::NoTuple) };
        // A connection is reopened at most once: the new one cannot be over.
        for _ in 0..2 {
            let (id, direction) = match self.find(&tuple, zone, now.mono) {
                Some(found) => found,
                None => {
                    let Some(reply) = tuple.inverted() else { return Tracked::Invalid(Invalid::NoAnswer) };
                    let Some(id) = self.begin(tuple, reply, zone, template, now) else {
                        return Tracked::Dropped(Drop::TableFull);
                    };
                    (id, Direction::Original)
                }
            };
            let Some(connection) = self.get(id) else { break };
            let confirmed = connection.status.has(Status::CONFIRMED);
            context.info = match direction {
                Direction::Reply => Info::EstablishedReply,
                Direction::Original if connection.status.has(Status::SEEN_REPLY) => Info::Established,
                Direction::Original if connection.status.has(Status::EXPECTED) => Info::Related,
                Direction::Original => Info::New,
            };
            let outcome = match tuple.protocol {
                protocol::TCP => tcp::packet(self, id, view, &context),
                protocol::UDP | protocol::UDPLITE => udp::packet(self, id, view, &context),
                protocol::ICMP | protocol::ICMPV6 => icmp::packet(self, id, view, &context),
                protocol::GRE => gre::packet(self, id, view, &context),
                protocol::SCTP => sctp::packet(self, id, view, &context),
                _ => generic::packet(self, id, view, &context),
            };
            match outcome {
                Outcome::Accept => {
                    self.see_reply(id, context.info);
                    return Tracked::As(Tracking::Entry { connection: id, info: context.info });
                }
                Outcome::Invalid(reason) => {
                    if !confirmed {
                        self.kill(id);
                    }
                    return Tracked::Invalid(reason);
                }
                Outcome::Repeat => self.kill(id),
            }
        }
        Tracked::Dropped(Drop::Conntrack)
    }

    fn see_reply(&mut self, id: ConnectionId, info: Info) {
        if info != Info::EstablishedReply {
            return;
        }
        if let Some(connection) =
            self.get_mut(id).filter(|connection| !connection.status.has(Status::SEEN_REPLY))
        {
            connection.status.set(Status::SEEN_REPLY);
            self.note(Changes::REPLY, id);
        }
    }

    /// Makes a connection; an expected one gets mark and translation from its master.
    fn begin(
        &mut self,
        original: Tuple,
        reply: Tuple,
        zone: Zone,
        template: Option<&Template>,
        now: Now,
    ) -> Option<ConnectionId> {
        let mut connection = Connection::new(original, reply, zone);
        connection.set_counted(self.config.acct);
        let id = self.insert(connection, now.mono)?;
        // Linux: `nf_ct_tstamp_ext_add`.
        if self.config.timestamp
            && let Some(connection) = self.get_mut(id)
        {
            connection.rare_mut().started = Some(0);
        }
        // Linux: `nf_ct_timeout_ext_add`: expected connections, too.
        if let Some(policy) = template.and_then(|template| template.timeout)
            && let Some(connection) = self.get_mut(id)
        {
            connection.rare_mut().policy = Some(policy);
        }
        if let Some(direction) = template.and_then(|template| template.zero_zone)
            && let Some(connection) = self.get_mut(id)
        {
            connection.rare_mut().zero_zone = Some(direction);
        }
        if let Some(events) = template.and_then(|template| template.events) {
            self.want_events(id, events);
        }
        if template.is_some_and(|template| template.synproxy) {
            self.set_synproxy(id, Default::default());
        }
        if let Some(expectation) = self.take_expectation(&original, zone, now.mono) {
            self.meet(id, expectation, now.mono);
        } else if let Some(kind) = template
            .and_then(|template| template.helper.as_deref())
            .and_then(|name| helper::Kind::from_name(name, original.family(), original.protocol))
            && let Some(connection) = self.get_mut(id)
        {
            connection.rare_mut().helper = Some(Helper::new(kind));
            connection.status.set(Status::HELPER);
        }
        Some(id)
    }

    /// A new connection is one that was expected.
    fn meet(&mut self, id: ConnectionId, expectation: Expectation, now: Instant) {
        let (mark, parent) = match self.get_mut(expectation.master) {
            Some(master) => {
                let rare = master.rare_mut();
                rare.children = rare.children.saturating_add(1);
                let helper = rare.helper.as_ref().map(|helper| helper.kind);
                (master.mark, Some(Parent { source: master.original().source, helper }))
            }
            None => (0, None),
        };
        if let Some(connection) = self.get_mut(id) {
            connection.status.set(Status::EXPECTED);
            connection.mark = mark;
            let rare = connection.rare_mut();
            rare.master = Some(expectation.master);
            rare.parent = parent;
            rare.expectation = Some(Box::new(expectation));
            rare.helper = expectation.gives.map(Helper::new);
        }
        helper::meet(self, &expectation, now);
    }

    /// Lets helpers look at a packet (priority 300 in INPUT and POSTROUTING).
    // Linux: `nf_confirm` calls them for all but ICMP errors in reply direction.
    pub fn help(packet: &mut Packet, env: &mut Env<'_>) -> Verdict {
        match packet.tracking {
            Tracking::Entry { connection, info }
                if info != Info::RelatedReply
                    && !packet.layout.later_fragment()
                    && env.conntrack.get(connection).is_some_and(|entry| entry.helper().is_some()) =>
            {
                helper::help(packet, connection, info, env)
            }
            _ => Verdict::Accept,
        }
    }

    /// The end of the way out or in: sequence numbers are moved, a new connection is put into the table
    /// (Linux: `nf_confirm`, the last entry of INPUT and POSTROUTING).
    pub fn confirm(packet: &mut Packet, env: &mut Env<'_>) -> Verdict {
        let Tracking::Entry { connection: id, info } = packet.tracking else { return Verdict::Accept };
        let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
        if connection.status.has(Status::SEQ_ADJUST)
            && !is_loopback(packet)
            && info != Info::RelatedReply
            && !packet.layout.later_fragment()
            && let Some(adjust) = connection.rare().sequence
        {
            let reply = info.direction() == Direction::Reply;
            if !adjust.apply(&mut packet.bytes, packet.layout, reply) {
                env.conntrack.counting.own.drop += 1;
                return Verdict::Drop(Drop::Conntrack);
            }
        }
        // An answer of REJECT to a packet whose connection is not confirmed goes the other way and confirms nothing.
        let confirmed = connection.status.has(Status::CONFIRMED) || connection.status.has(Status::DYING);
        if confirmed || info.direction() == Direction::Reply {
            env.conntrack.tell(id);
            return Verdict::Accept;
        }
        if connection.rare().started.is_some()
            && let Some(connection) = env.conntrack.get_mut(id)
        {
            connection.rare_mut().started = Some(env.now.wall);
        }
        let verdict = env.conntrack.confirm_connection(packet, id, info, env.now.mono);
        if verdict == Verdict::Accept && env.trace.is_some() {
            let entry = env.conntrack.line(id, env.now);
            env.step(packet, || Step::Confirmed { entry });
        }
        verdict
    }

    fn confirm_connection(
        &mut self,
        packet: &mut Packet,
        id: ConnectionId,
        info: Info,
        now: Instant,
    ) -> Verdict {
        if self.index(id, now) {
            let connection = self.get(id);
            let helped = connection.is_some_and(|own| own.helper().is_some());
            let expected = connection.is_some_and(|own| own.status.has(Status::EXPECTED));
            self.note(if expected { Changes::RELATED } else { Changes::NEW }, id);
            if helped {
                self.note(Changes::HELPER, id);
            }
            self.tell(id);
            return Verdict::Accept;
        }
        // Linux: `nf_ct_resolve_clash`: a packet of a flow that was confirmed in the meantime joins it, if the
        // protocol does not mind.
        let clashing = self.clash(id, Direction::Original).and_then(|other| Some((other, self.get(other)?)));
        if let (Some(own), Some((other, winner))) = (self.get(id), clashing)
            && own.ip_protocol() != protocol::TCP
            && own.ip_protocol() != protocol::SCTP
            && (winner.original(), winner.reply()) == (own.original(), own.reply())
        {
            let (own_counters, length) = (own.counters, packet.len());
            self.kill(id);
            if own_counters.iter().any(|counters| counters.packets > 0) {
                self.account(other, info, length);
            }
            packet.tracking = Tracking::Entry { connection: other, info };
            self.counting.own.clash_resolve += 1;
            return Verdict::Accept;
        }
        self.counting.own.insert_failed += 1;
        self.counting.own.drop += 1;
        Verdict::Drop(Drop::InsertFailed)
    }

    /// The end of a packet's way: its connection vanishes if it was not confirmed (F38).
    ///
    /// An answer that is attached to the packet's connection keeps nothing alive: it must have ended before.
    pub fn release(&mut self, packet: &Packet) {
        self.release_tracking(packet.tracking);
    }

    /// As [`Conntrack::release`], by what the packet knew of its connection.
    pub fn release_tracking(&mut self, tracking: Tracking) {
        let Tracking::Entry { connection: id, info } = tracking else { return };
        let Some(connection) = self.get(id) else { return };
        let status = connection.status;
        if status.has(Status::DYING) {
            self.free_slot(id);
        } else if !status.has(Status::CONFIRMED) && (info == Info::New || status.has(Status::EXPECTED)) {
            self.kill(id);
        }
    }

    /// Makes an answer that the machine sends because of a packet RELATED to that packet's connection, in the other
    /// direction (Linux: `nf_ct_attach`; F28).
    pub fn attach(answer: &mut Packet, to: Tracking) {
        answer.tracking = match to {
            Tracking::Entry { connection, info } => {
                let info = match info.direction() {
                    Direction::Original => Info::RelatedReply,
                    Direction::Reply => Info::Related,
                };
                Tracking::Entry { connection, info }
            }
            Tracking::Untracked | Tracking::Vacant => Tracking::Vacant,
            Tracking::None => return,
        };
    }

    /// The states that `-m conntrack` and `-m state` compare: one proper state, with the virtual ones SNAT and DNAT.
    #[inline]
    pub fn states(&self, packet: &Packet) -> StateSet {
        let (connection, info) = match packet.tracking {
            Tracking::None | Tracking::Vacant => return StateSet::INVALID,
            Tracking::Untracked => return StateSet::UNTRACKED,
            Tracking::Entry { connection, info } => (connection, info),
        };
        let state = match info {
            Info::New => StateSet::NEW,
            Info::Established | Info::EstablishedReply => StateSet::ESTABLISHED,
            Info::Related | Info::RelatedReply => StateSet::RELATED,
        };
        let Some(connection) = self.get(connection) else { return state };
        let mut bits = state.0;
        if connection.status.has(Status::SRC_NAT) {
            bits |= StateSet::SNAT.0;
        }
        if connection.status.has(Status::DST_NAT) {
            bits |= StateSet::DNAT.0;
        }
        StateSet(bits)
    }

    /// Gives a connection a new timeout and counts a packet.
    pub(super) fn refresh(&mut self, id: ConnectionId, context: &Context, bytes: usize, timeout: Duration) {
        if let Some(connection) = self.get(id)
            && !connection.status.has(Status::FIXED_TIMEOUT)
        {
            let from = if connection.status.has(Status::CONFIRMED) { context.now } else { Instant(0) };
            self.set_expires(id, from + timeout);
        }
        self.account(id, context.info, bytes);
    }

    /// Counts a packet.
    pub(super) fn account(&mut self, id: ConnectionId, info: Info, bytes: usize) {
        if let Some(connection) = self.get_mut(id).filter(|connection| connection.is_counted()) {
            let [original, reply] = &mut connection.counters;
            match info.direction() {
                Direction::Original => original.count(bytes),
                Direction::Reply => reply.count(bytes),
            }
        }
    }
}

/// Whether a packet came in by the loopback device: what it carries was moved on its way out already.
fn is_loopback(packet: &Packet) -> bool {
    packet.input == Some(crate::DeviceId::LOOPBACK)
}

/// The step that tells what connection tracking made of a packet.
fn trace(packet: &Packet, env: &mut Env<'_>, reason: Option<Invalid>) {
    let (state, entry) = match packet.tracking {
        Tracking::None | Tracking::Vacant => ("INVALID", None),
        Tracking::Untracked => ("UNTRACKED", None),
        Tracking::Entry { connection, info } => {
            let state = match info {
                Info::New => "NEW",
                Info::Established | Info::EstablishedReply => "ESTABLISHED",
                Info::Related | Info::RelatedReply => "RELATED",
            };
            (state, Some(env.conntrack.line(connection, env.now)))
        }
    };
    let reason = reason.map(|reason| reason.to_string());
    env.step(packet, || Step::Conntrack { state, entry, reason });
}

#[cfg(test)]
mod tests;

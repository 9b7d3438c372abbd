//! PPTP: the control connection agrees on two call identifiers, which are the keys of the GRE tunnel between the same ends.
//!
//! # Overview
//! Read first: RFC 2637, section 2; Linux `nf_conntrack_pptp.c`, `nf_nat_pptp.c`. The client (PNS) asks the server (PAC);
//! each names a call by its own identifier, and a GRE packet carries that of its receiver. When a call is agreed upon, both
//! directions of the tunnel are expected, and both get an entry in the table of keys ([`crate::conntrack::gre`]), which
//! gives a packet's tuple the sender's key, too. If the connection is translated, the client's identifier becomes the
//! translated port of the control connection, so that two clients behind one address do not meet.
//!
//! # Differences from RFC 2637
//! As in Linux, only the newest call of a control connection is known, and the client always asks the server.
use packet::protocol;

use super::{Helper, Kind, State, behind_tcp};
use crate::conntrack::expect::{Expectation, Function};
use crate::conntrack::tuple::{be16, be32};
use crate::conntrack::{ConnectionId, Conntrack, Direction, Status, Tuple};
use crate::env::Env;
use crate::hook::Verdict;
use crate::nat::payload;
use crate::skb::{Drop, Info, Packet};
use crate::time::Instant;

const COOKIE: u32 = 0x1a2b_3c4d;
/// Where the body of a message begins: length, kind, cookie, message number, two bytes that mean nothing.
const BODY: usize = 12;
/// The result that means yes, in every answer.
const YES: u8 = 1;

/// Messages (RFC 2637, sections 2.1 to 2.15).
mod message {
    pub(super) const START_REQUEST: u16 = 1;
    pub(super) const START_REPLY: u16 = 2;
    pub(super) const STOP_REQUEST: u16 = 3;
    pub(super) const STOP_REPLY: u16 = 4;
    pub(super) const ECHO_REQUEST: u16 = 5;
    pub(super) const ECHO_REPLY: u16 = 6;
    pub(super) const OUT_CALL_REQUEST: u16 = 7;
    pub(super) const OUT_CALL_REPLY: u16 = 8;
    pub(super) const IN_CALL_REQUEST: u16 = 9;
    pub(super) const IN_CALL_REPLY: u16 = 10;
    pub(super) const IN_CALL_CONNECT: u16 = 11;
    pub(super) const CLEAR_REQUEST: u16 = 12;
    pub(super) const DISCONNECT_NOTIFY: u16 = 13;
    pub(super) const WAN_ERROR_NOTIFY: u16 = 14;
    pub(super) const SET_LINK_INFO: u16 = 15;
}

/// How long the body of a message is at least, by its number; 0: of any length.
const LEAST: [usize; 16] = [0, 144, 144, 4, 4, 0, 0, 156, 20, 208, 12, 16, 4, 136, 28, 12];

/// The state of the control connection. The order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Session {
    #[default]
    Nothing,
    Failed,
    StopRequested,
    Requested,
    Confirmed,
}

/// The state of the newest call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Call {
    #[default]
    Nothing,
    OutRequested,
    OutConfirmed,
    InRequested,
    InReplied,
    InConfirmed,
    ClearRequested,
}

/// What is remembered of a control connection.
#[derive(Clone, Debug, Default)]
pub(in crate::conntrack) struct Control {
    session: Session,
    call: Call,
    /// The client's call identifier, as the server sees it.
    client_call: u16,
    /// The server's call identifier.
    server_call: u16,
    /// The client's call identifier as the client knows it; 0 if the connection is not translated.
    own_client_call: u16,
    /// Its entries in the table of keys: of the way to the server, and back.
    pub(in crate::conntrack) keys: [Option<Tuple>; 2],
}

fn control(table: &mut Conntrack, id: ConnectionId) -> Option<&mut Control> {
    match table.get_mut(id)?.helper_mut()? {
        Helper { state: State::Pptp(control), .. } => Some(control),
        _ => None,
    }
}

/// Looks at a packet.
pub(super) fn help(packet: &mut Packet, id: ConnectionId, info: Info, env: &mut Env<'_>) -> Verdict {
    if !matches!(info, Info::Established | Info::EstablishedReply) {
        return Verdict::Accept;
    }
    let Some(payload) = behind_tcp(packet) else { return Verdict::Accept };
    if (be16(payload, 2), be32(payload, 4)) != (Some(1), Some(COOKIE)) {
        return Verdict::Accept;
    }
    let (Some(message), Some(body)) = (be16(payload, 8), payload.get(BODY..)) else { return Verdict::Accept };
    if LEAST.get(usize::from(message)).is_some_and(|&least| body.len() < least) {
        return Verdict::Accept;
    }
    let field = |at| be16(body, at).unwrap_or(0);
    let said = Said { message, first: field(0), second: field(2), result: body.get(4).copied().unwrap_or(0) };
    let understood = match info.direction() {
        Direction::Original => from_client(&said, id, env),
        Direction::Reply => from_server(&said, id, env),
    };
    let translated = env.conntrack.get(id).is_some_and(|own| own.status.any(Status::NAT_MASK));
    if !understood || !translated {
        return Verdict::Accept;
    }
    let change = match info.direction() {
        Direction::Original => client_call_out(message, id, env),
        Direction::Reply => client_call_in(message, id, env),
    };
    match change {
        Some((at, call)) if !payload::replace(packet, env, BODY + at, 2, &call.to_be_bytes()) => {
            Verdict::Drop(Drop::Conntrack)
        }
        _ => Verdict::Accept,
    }
}

/// What of a message counts.
struct Said {
    message: u16,
    /// The first two bytes of the body.
    first: u16,
    /// The next two bytes.
    second: u16,
    /// The fifth byte: the result of an answer to a call.
    result: u8,
}

impl Said {
    /// The result in an answer to a request to start or to stop.
    fn session_result(&self) -> u8 {
        let [start, _] = self.second.to_be_bytes();
        let [stop, _] = self.first.to_be_bytes();
        if self.message == message::START_REPLY { start } else { stop }
    }
}

/// A message of the client. `false`: it does not fit the state, and means nothing.
fn from_client(said: &Said, id: ConnectionId, env: &mut Env<'_>) -> bool {
    let Some(control) = control(env.conntrack, id) else { return false };
    let confirmed = control.session == Session::Confirmed;
    match said.message {
        message::START_REQUEST if control.session == Session::Nothing => {
            control.session = Session::Requested;
        }
        message::STOP_REQUEST => control.session = Session::StopRequested,
        message::OUT_CALL_REQUEST if confirmed => {
            (control.call, control.client_call) = (Call::OutRequested, said.first);
        }
        message::IN_CALL_REPLY
            if matches!(control.call, Call::InRequested | Call::InReplied)
                && control.server_call == said.second =>
        {
            if said.result == YES {
                (control.call, control.client_call) = (Call::InReplied, said.first);
            } else {
                control.call = Call::Nothing;
            }
        }
        message::CLEAR_REQUEST if confirmed => control.call = Call::ClearRequested,
        // SET_LINK_INFO and the echoes name no call of the client's.
        _ => return false,
    }
    true
}

/// A message of the server.
fn from_server(said: &Said, id: ConnectionId, env: &mut Env<'_>) -> bool {
    let now = env.now.mono;
    let Some(control) = control(env.conntrack, id) else { return false };
    let confirmed = control.session == Session::Confirmed;
    match said.message {
        message::START_REPLY if control.session >= Session::Requested => {
            control.session = if said.session_result() == YES { Session::Confirmed } else { Session::Failed };
        }
        message::STOP_REPLY if control.session <= Session::StopRequested => {
            control.session = if said.session_result() == YES { Session::Nothing } else { Session::Failed };
        }
        message::OUT_CALL_REPLY
            if confirmed
                && matches!(control.call, Call::OutRequested | Call::OutConfirmed)
                && control.client_call == said.second =>
        {
            if said.result == YES {
                (control.call, control.server_call) = (Call::OutConfirmed, said.first);
                expect_tunnel(env.conntrack, id, said.first, said.second, now);
            } else {
                control.call = Call::Nothing;
            }
        }
        message::IN_CALL_REQUEST if confirmed => {
            (control.call, control.server_call) = (Call::InRequested, said.first);
        }
        message::IN_CALL_CONNECT
            if confirmed
                && matches!(control.call, Call::InReplied | Call::InConfirmed)
                && control.client_call == said.first =>
        {
            control.call = Call::InConfirmed;
            let server_call = control.server_call;
            expect_tunnel(env.conntrack, id, server_call, said.first, now);
        }
        message::DISCONNECT_NOTIFY => {
            control.call = Call::Nothing;
            end(env.conntrack, id, now);
        }
        message::WAN_ERROR_NOTIFY | message::SET_LINK_INFO | message::ECHO_REQUEST | message::ECHO_REPLY => {}
        _ => return false,
    }
    true
}

/// Expects both directions of a tunnel, or neither (Linux: `exp_gre`).
fn expect_tunnel(table: &mut Conntrack, id: ConnectionId, server_call: u16, client_call: u16, now: Instant) {
    let Some(connection) = table.get(id) else { return };
    let translated = connection.status.any(Status::NAT_MASK);
    let (original, reply) = (connection.original(), connection.reply());
    let Some(control) = control(table, id) else { return };
    let own_call = if translated { control.own_client_call } else { client_call };
    let expected = |ends: Tuple, direction, source_key, destination_key, saved_port| Expectation {
        source: Some(ends.source),
        source_port: Some(source_key),
        function: Function::Pptp,
        direction,
        saved_port,
        ..Expectation::new(id, Kind::Pptp, protocol::GRE, ends.destination, destination_key)
    };
    let there = expected(original, Direction::Original, own_call, server_call, client_call);
    let back = expected(reply, Direction::Reply, server_call, client_call, own_call);
    let Ok(first) = table.expect(there, now) else { return };
    let Ok(second) = table.expect(back, now) else {
        table.unexpect(first);
        return;
    };
    let added = add_key(table, id, Direction::Original, there.tuple());
    if !added || !add_key(table, id, Direction::Reply, back.tuple()) {
        if added {
            forget_keys(table, id);
        }
        table.unexpect(first);
        table.unexpect(second);
    }
}

/// Puts the keys of a direction into the table (Linux: `nf_ct_gre_keymap_add`). `false`: there are other ones.
fn add_key(table: &mut Conntrack, id: ConnectionId, direction: Direction, tuple: Tuple) -> bool {
    let Some(control) = control(table, id) else { return false };
    let [there, back] = &mut control.keys;
    let own = match direction {
        Direction::Original => there,
        Direction::Reply => back,
    };
    match own {
        // Linux: what comes again may have another source key, which does not count.
        Some(present) => {
            (present.source, present.destination, present.destination_id)
                == (tuple.source, tuple.destination, tuple.destination_id)
        }
        None => {
            *own = Some(tuple);
            table.keys.add(id, tuple);
            true
        }
    }
}

/// Takes the keys of a control connection out of the table (Linux: `nf_ct_gre_keymap_destroy`).
pub(in crate::conntrack) fn forget_keys(table: &mut Conntrack, id: ConnectionId) {
    let Some(control) = control(table, id) else { return };
    for tuple in std::mem::take(&mut control.keys).into_iter().flatten() {
        table.keys.remove(id, &tuple);
    }
}

/// Ends the tunnel of a control connection, or stops expecting it (Linux: `pptp_destroy_siblings`).
pub(in crate::conntrack) fn end(table: &mut Conntrack, id: ConnectionId, now: Instant) {
    forget_keys(table, id);
    let Some(&Control { client_call, server_call, .. }) = control(table, id).map(|control| &*control) else {
        return;
    };
    let Some(connection) = table.get(id) else { return };
    let zone = connection.zone;
    let keyed = |ends: Tuple, source_id, destination_id| Tuple {
        protocol: protocol::GRE,
        source_id,
        destination_id,
        ..ends
    };
    let there = keyed(connection.original(), client_call, server_call);
    let back = keyed(connection.reply(), server_call, client_call);
    for tuple in [there, back] {
        if let Some((sibling, _)) = table.find(&tuple, zone, now) {
            table.kill(sibling);
        } else if let Some(expected) = table.find_expectation(&tuple, zone, now) {
            table.unexpect(expected);
        }
    }
}

/// One direction of a tunnel has begun: if it is not translated, the other one is not expected any more (Linux:
/// `pptp_expectfn`).
pub(super) fn meet(table: &mut Conntrack, expectation: &Expectation, now: Instant) {
    let Some(master) = table.get(expectation.master) else { return };
    if master.status.any(Status::NAT_MASK) {
        return;
    }
    let zone = master.zone;
    if let Some(other) =
        expectation.tuple().inverted().and_then(|other| table.find_expectation(&other, zone, now))
    {
        table.unexpect(other);
    }
}

/// The tuple of the other direction of a tunnel that is translated and has begun in this one.
// Linux: `pptp_nat_expected` asks the new connection, not its master, for the keys of the way to the server: they are 0.
pub(crate) fn other_direction(table: &mut Conntrack, expectation: &Expectation) -> Option<Tuple> {
    let ends = table.get(expectation.master)?.tuple(expectation.direction.reversed());
    let control = control(table, expectation.master)?;
    let (source_id, destination_id) = match expectation.direction {
        Direction::Original => (control.server_call, control.client_call),
        Direction::Reply => (0, 0),
    };
    Some(Tuple { protocol: protocol::GRE, source_id, destination_id, ..ends })
}

/// Where a message to the server has the client's call identifier, and what the server must see there.
fn client_call_out(message: u16, id: ConnectionId, env: &mut Env<'_>) -> Option<(usize, u16)> {
    let port = env.conntrack.get(id)?.reply().destination_id;
    let control = control(env.conntrack, id)?;
    match message {
        message::OUT_CALL_REQUEST => {
            control.own_client_call = control.client_call;
            // Linux: nobody else has this port at the same address.
            control.client_call = port;
        }
        message::IN_CALL_REPLY | message::CLEAR_REQUEST => {}
        _ => return None,
    }
    Some((0, control.client_call))
}

/// Where a message to the client has the client's call identifier, and what the client must see there.
fn client_call_in(message: u16, id: ConnectionId, env: &mut Env<'_>) -> Option<(usize, u16)> {
    let call = control(env.conntrack, id)?.own_client_call;
    let at = match message {
        message::OUT_CALL_REPLY => 2,
        message::IN_CALL_CONNECT
        | message::WAN_ERROR_NOTIFY
        | message::DISCONNECT_NOTIFY
        | message::SET_LINK_INFO => 0,
        _ => return None,
    };
    Some((at, call))
}

#[cfg(test)]
mod tests;

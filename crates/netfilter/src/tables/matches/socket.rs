//! `-m socket` (Linux: `socket_match` in xt_socket.c, `nf_sk_lookup_slow_v4`, `nf_sk_lookup_slow_v6`): whether a socket of
//! this machine would take the packet as it is addressed now, before destination NAT.
//!
//! An ICMP error is looked at as the packet that it quotes; a reply of a connection whose source was translated as what it
//! will be when that is undone (since Linux 6.15 in IPv6 too, and there not in quotes). A socket that TPROXY has chosen before is the packet's socket.
use std::net::IpAddr;

use packet::Family;
use rules::matches::socket::Socket;

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::conntrack::{Direction, Status};
use crate::machine::Transport;
use crate::machine::lookup::{Among, Sought};
use crate::skb::{Info, Packet, Tracking};
use crate::tables::header::device_name;
use crate::trace::Found;

pub(super) fn holds(rule: &Socket, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let socket = match asked.packet.socket {
        Some(socket) => Some(socket),
        None => match sought(asked.packet, env) {
            Some(sought) => match env.machine.socket_of(&sought, Among::All) {
                Ok(socket) => socket,
                Err(unknown) => return Err(Miss::Undecided(unknown.words())),
            },
            None => None,
        },
    };
    let Some(socket) = socket.and_then(|socket| env.machine.sockets.get(socket)) else {
        return Err(Miss::Failed("-m socket", Found::Nothing("socket")));
    };
    let wildcard = !rule.no_wildcard && socket.is_full() && socket.local.ip().is_unspecified();
    hold(!wildcard, "-m socket", Found::Word("a socket that listens on all addresses (see --nowildcard)"))?;
    if rule.transparent {
        let Some(transparent) = socket.transparent else { return Err(Miss::Undecided(TRANSPARENT)) };
        hold(transparent, "--transparent", Found::Word("a socket without IP_TRANSPARENT"))?;
    }
    if rule.restore_mark && socket.is_full() {
        return match socket.mark {
            Some(mark) if mark == asked.packet.mark => Ok(()),
            Some(mark) => Err(Miss::Marks(mark)),
            None => Err(Miss::Undecided(MARK)),
        };
    }
    Ok(())
}

/// What is missing where a list does not say whether a socket is transparent.
pub(in crate::tables) const TRANSPARENT: &str = "whether the socket is transparent (/proc/net does not say; \
     ss --inet-sockopt does, or a line `unsaid notransparent`)";
const MARK: &str = "the socket's mark (/proc/net does not say; ss -e does, or a line `unsaid nomark`)";

/// What is looked up for a packet; `None`: it is none that a socket takes.
fn sought(packet: &Packet, env: &Env<'_>) -> Option<Sought> {
    let view = packet.view();
    let device = device_name(env.network, packet.input);
    let protocol = view.protocol()?;
    let Some(transport) = Transport::of(protocol) else {
        return quoted(packet).map(|(transport, source, destination)| {
            let destination = untranslated(packet, true, env).unwrap_or(destination);
            Sought { transport, source, destination, device }
        });
    };
    let header = if transport == Transport::Tcp { 20 } else { 8 };
    view.transport().filter(|bytes| bytes.len() >= header)?;
    let (source, destination) = view.ports()?;
    let destination = (view.destination(), destination);
    let destination = untranslated(packet, false, env).unwrap_or(destination);
    Some(Sought { transport, source: (view.source(), source), destination, device })
}

/// Address and port.
type End = (IpAddr, u16);

/// What an ICMP error is about, turned round: the peer and the own end.
fn quoted(packet: &Packet) -> Option<(Transport, End, End)> {
    let view = packet.view();
    let icmp = view.icmp()?;
    let error = match packet.family() {
        // Linux: `icmp_is_err`.
        Family::V4 => matches!(icmp.kind, 3 | 4 | 5 | 11 | 12),
        Family::V6 => icmp.kind < 128,
    };
    let quote = view.quoted().filter(|_| error)?;
    let transport = Transport::of(quote.protocol()?)?;
    let (own, peer) = quote.ports()?;
    Some((transport, (quote.destination(), peer), (quote.source(), own)))
}

/// The own end of a connection whose source was translated, for its replies; in IPv4 for errors about it as well.
fn untranslated(packet: &Packet, error: bool, env: &Env<'_>) -> Option<End> {
    let Tracking::Entry { connection, info } = packet.tracking else { return None };
    let wanted = if error { Info::RelatedReply } else { Info::EstablishedReply };
    let connection = env.conntrack.get(connection)?;
    let done = connection.status.has(Status::SRC_NAT_DONE);
    // Linux: `nf_sk_lookup_slow_v6` has by then forgotten that it looks at an ICMP error.
    let overlooked = error && packet.family() == Family::V6;
    if info != wanted || !done || overlooked {
        return None;
    }
    let tuple = connection.tuple(Direction::Original);
    Some((tuple.source, tuple.source_id))
}

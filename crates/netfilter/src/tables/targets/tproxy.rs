//! `-j TPROXY` (Linux: `tproxy_tg4`, `tproxy_tg6` in xt_TPROXY.c): the packet goes to a transparent socket of this machine,
//! with its addresses as they are.
//!
//! First the socket of the connection itself (which the proxy has accepted before), then the one that listens at
//! `--on-ip` and `--on-port`. Without a transparent socket the packet is dropped. The route still has to lead here: rules
//! for the mark (`--tproxy-mark`) and a `local` route see to that; otherwise [`crate::Drop::SocketAssigned`].
use std::net::IpAddr;

use packet::view::tcp_flags::{ACK, FIN, RST, SYN};
use rules::targets::tproxy::Tproxy;

use super::{Effect, mark};
use crate::Env;
use crate::hook::Verdict;
use crate::machine::lookup::{Among, Sought, Unknown};
use crate::machine::{SocketId, State, Transport};
use crate::skb::Packet;
use crate::tables::Place;
use crate::tables::header::device_name;
use crate::tables::matches::TRANSPARENT;
use crate::trace::Step;

pub(super) fn apply(rule: &Tproxy, place: &Place, packet: &mut Packet, env: &mut Env<'_>) -> Effect {
    let socket = match choose(rule, place, packet, env) {
        Ok(Some(socket)) => socket,
        Ok(None) => return Effect::Dropped,
        Err(unknown) => return Effect::Undecided(unknown.words()),
    };
    let Some(known) = env.machine.sockets.get(socket) else { return Effect::Dropped };
    match known.transparent {
        None => Effect::Undecided(TRANSPARENT),
        Some(false) => Effect::Dropped,
        Some(true) => {
            let local = known.local;
            mark::set(packet, (packet.mark & !rule.mask) ^ rule.mark, env);
            packet.socket = Some(socket);
            env.step(packet, || Step::Assigned { socket: local });
            Effect::Verdict(Verdict::Accept)
        }
    }
}

/// The socket that takes the packet.
fn choose(rule: &Tproxy, place: &Place, packet: &Packet, env: &Env<'_>) -> Result<Option<SocketId>, Unknown> {
    let view = packet.view();
    let bytes = view.transport().map_or(0, <[u8]>::len);
    let own = Sought::of(&view, device_name(env.network, place.input)).filter(|_| bytes >= 8);
    let Some(own) = own else { return Ok(None) };
    let port = if rule.port == 0 { own.destination.1 } else { rule.port };
    let proxy = Sought { destination: (address(rule, place, view.destination(), env), port), ..own };
    match own.transport {
        // Linux: `nf_tproxy_get_sock_v4` looks at whole headers of TCP.
        Transport::Tcp if bytes < 20 => Ok(None),
        Transport::Tcp => {
            let sockets = &env.machine.sockets;
            let Some(socket) = sockets.find(&own, Among::Connections)? else {
                return sockets.find(&proxy, Among::Listeners);
            };
            // Linux: `nf_tproxy_handle_time_wait4`: a connection that ended gives way to a new one.
            let ended = sockets.get(socket).is_some_and(|socket| socket.state == State::TimeWait);
            let begins = view.tcp().is_some_and(|tcp| tcp.flags() & BEGINNING == SYN);
            match ended && begins {
                true => Ok(sockets.find(&proxy, Among::Listeners)?.or(Some(socket))),
                false => Ok(Some(socket)),
            }
        }
        Transport::Udp => {
            let found = env.machine.sockets.find(&own, Among::All)?;
            let kind = |socket: Option<SocketId>| {
                let socket = env.machine.sockets.get(socket?)?;
                Some((socket.state == State::Established, socket.local.ip().is_unspecified()))
            };
            if kind(found) == Some((true, false)) {
                return Ok(found);
            }
            let found = env.machine.sockets.find(&proxy, Among::All)?;
            Ok(found.filter(|_| kind(found).is_some_and(|(connected, _)| !connected)))
        }
    }
}

const BEGINNING: u8 = SYN | ACK | FIN | RST;

/// Linux: `nf_tproxy_laddr4`, `nf_tproxy_laddr6`: `--on-ip`, else the first address of the device by which the packet came,
/// else its own destination.
fn address(rule: &Tproxy, place: &Place, destination: IpAddr, env: &Env<'_>) -> IpAddr {
    if !rule.address.is_unspecified() {
        return rule.address;
    }
    let own =
        place.input.and_then(|device| env.network.first_address(device, packet::Family::of(destination)));
    own.unwrap_or(destination)
}

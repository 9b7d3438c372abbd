//! `-m cgroup` (Linux: `cgroup_mt_v1`, `cgroup_mt_v2` in xt_cgroup.c): the control group of the packet's socket.
//!
//! What this machine sends has its sender's socket. What comes in has one in INPUT only if TPROXY has given it one or its
//! connection was found by early demultiplexing; a connection that begins has none there. Without a socket nothing
//! matches, not even an inverted option.
use packet::protocol;
use rules::Negatable;
use rules::matches::cgroup::Cgroup;

use super::{Asked, Held, Miss, hold};
use crate::Env;
use crate::machine::lookup::{Among, Sought, Unknown};
use crate::machine::{CgroupId, Machine, SocketId, Transport};
use crate::network::DeviceId;
use crate::skb::{LinkKind, Packet};
use crate::tables::header::device_name;
use crate::trace::Found;

/// The groups of a socket, as far as they are known.
#[derive(Clone, Copy)]
struct Groups<'m> {
    path: Option<&'m str>,
    class: Option<u32>,
}

/// The kernel's own sockets are made when it starts, in the first group.
const FIRST: Groups<'static> = Groups { path: Some("/"), class: Some(0) };

pub(super) fn holds(rule: &Cgroup, asked: &Asked<'_>, env: &Env<'_>) -> Held {
    let groups = groups(asked.packet, env).map_err(Miss::Undecided)?;
    let option = if rule.path.is_some() { "--path" } else { "--cgroup" };
    let Some(groups) = groups else { return Err(Miss::Failed(option, Found::Nothing("socket"))) };
    if let Some(Negatable { invert, value }) = &rule.path {
        let Some(path) = groups.path else { return Err(Miss::Undecided(PATH)) };
        let found = if *invert { "that control group" } else { "another control group" };
        return hold(is_within(path, value) != *invert, option, Found::Word(found));
    }
    let Some(Negatable { invert, value }) = rule.class else { return Ok(()) };
    let Some(class) = groups.class else { return Err(Miss::Undecided(CLASS)) };
    hold((class == value) != invert, option, Found::Number(class.into()))
}

const PATH: &str = "the control group of the packet's socket (-m cgroup --path; give `local cgroup /PATH …`, or --machine \
     FILE with `cgroup /PATH` in the line of the socket)";
const CLASS: &str = "the class of the socket's control group (-m cgroup --cgroup; give `local class N …`, or --machine \
     FILE with `class N` in the line of the socket)";
const SENDER: &str = "whether a socket sends the packet, and its control group (-m cgroup; give `local cgroup /PATH …`, \
     `local class N …` or `local nosocket …`)";
const DEMUX: &str =
    "which of several UDP sockets that share an address and a port early demultiplexing finds";

/// Whether a path is that of a group or of one below it. Empty parts do not count.
fn is_within(path: &str, group: &str) -> bool {
    let mut path = path.split('/').filter(|part| !part.is_empty());
    group.split('/').filter(|part| !part.is_empty()).all(|part| path.next() == Some(part))
}

/// The groups of the packet's socket; `None`: it has none.
fn groups<'m>(packet: &Packet, env: &Env<'m>) -> Result<Option<Groups<'m>>, &'static str> {
    let machine = env.machine;
    let path = |group: Option<CgroupId>| group.map(|group| machine.cgroup_path(group));
    if let Some(origin) = packet.origin {
        let own = Groups { path: path(origin.cgroup), class: origin.class };
        return match (origin.socket, origin.known) {
            (Some(owner), _) if !owner.has_file => Ok(Some(FIRST)),
            (Some(_), _) => Ok(Some(own)),
            (None, true) => Ok(None),
            // Who says a group says that there is a socket.
            (None, false) if own.path.is_some() || own.class.is_some() => Ok(Some(own)),
            (None, false) => Err(SENDER),
        };
    }
    let socket = match packet.socket {
        Some(socket) => Some(socket),
        None => early(packet, env)?,
    };
    let socket = socket.and_then(|socket| machine.sockets.get(socket)).filter(|socket| socket.is_full());
    Ok(socket.map(|socket| Groups { path: path(socket.cgroup), class: socket.class }))
}

/// The socket that was found before INPUT (Linux: `tcp_v4_early_demux`, `udp_v4_early_demux` and their IPv6 twins).
fn early(packet: &Packet, env: &Env<'_>) -> Result<Option<SocketId>, &'static str> {
    let settings = env.machine.early_demux;
    let host = packet.link.kind == LinkKind::Host && packet.input != Some(DeviceId::LOOPBACK);
    // What was forwarded keeps none, and what is gathered behind the routing decision had none.
    if !settings.any || !host || packet.output.is_some() || packet.layout.fragment.is_some() {
        return Ok(None);
    }
    let view = packet.view();
    let whole = match view.protocol() {
        Some(protocol::TCP) => settings.tcp && view.tcp().is_some_and(|tcp| tcp.header_len() >= 20),
        Some(protocol::UDP) => settings.udp && view.transport().is_some_and(|bytes| bytes.len() >= 8),
        _ => false,
    };
    let Some(sought) = Sought::of(&view, device_name(env.network, packet.input)).filter(|_| whole) else {
        return Ok(None);
    };
    match sought.transport {
        Transport::Tcp => env.machine.socket_of(&sought, Among::Connections).map_err(Unknown::words),
        Transport::Udp => connected(&sought, env.machine),
    }
}

/// The UDP socket that is connected to the sender. Linux: `__udp4_lib_demux_lookup` looks at one socket of the address
/// and port alone, the newest of those that the kernel keeps together.
fn connected(sought: &Sought, machine: &Machine) -> Result<Option<SocketId>, &'static str> {
    let socket = machine.socket_of(sought, Among::All).map_err(Unknown::words)?;
    let Some(socket) =
        socket.filter(|socket| machine.sockets.get(*socket).is_some_and(|socket| socket.remote.is_some()))
    else {
        return Ok(None);
    };
    let own = machine.sockets.get(socket).map(|socket| (socket.transport, socket.local));
    let alike = machine.sockets.list().iter().filter(|socket| Some((socket.transport, socket.local)) == own);
    if alike.count() > 1 { Err(DEMUX) } else { Ok(Some(socket)) }
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_group_holds_what_is_below_it() {
        for (path, group, within) in [
            ("/a/b", "a", true),
            ("/a/b", "/a//b/", true),
            ("/a/b", "a/b/c", false),
            ("/ab", "a", false),
            ("/", "", true),
            ("/a", "/", true),
            ("/", "a", false),
        ] {
            assert_eq!(is_within(path, group), within, "{path} in {group}");
        }
    }
}

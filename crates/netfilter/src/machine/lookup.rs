//! Which socket a packet belongs to (Linux: `inet_lookup`, `inet_lookup_established`, `inet_lookup_listener`,
//! `udp4_lib_lookup` and their IPv6 twins).
//!
//! A connection counts before a listener, an own address before all addresses, then the socket that says most of the
//! packet: its device, and for UDP its peer. Sockets that say equally much share the packets by a hash of the kernel's
//! (`SO_REUSEPORT`); as long as nothing that rules ask differs between them, it does not matter which it is.
//!
//! Not looked at: the processor that a socket prefers (`SO_INCOMING_CPU`), BPF programs that choose, VRF devices.
use std::net::IpAddr;

use packet::{Family, InterfaceName, View};

use super::{Machine, Socket, SocketId, Sockets, State, Transport};

/// What is looked for: a packet's addresses and ports as it carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The protocol.
    pub transport: Transport,
    /// Source address and port.
    pub source: (IpAddr, u16),
    /// Destination address and port.
    pub destination: (IpAddr, u16),
    /// The device by which the packet came.
    pub device: Option<InterfaceName>,
}

impl Sought {
    /// What is looked for with a packet of TCP or UDP whose ports are there.
    pub fn of(view: &View<'_>, device: Option<InterfaceName>) -> Option<Self> {
        let transport = Transport::of(view.protocol()?)?;
        let (source, destination) = view.ports()?;
        let (source, destination) = ((view.source(), source), (view.destination(), destination));
        Some(Self { transport, source, destination, device })
    }
}

/// Which sockets may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// All.
    All,
    /// Those of the connection itself.
    Connections,
    /// Those that wait: listeners of TCP.
    Listeners,
}

/// Why it cannot be said which socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Which sockets there are.
    Sockets,
    /// Whether a socket is bound to a device.
    Device,
    /// Whether a socket of IPv6 takes IPv4 as well.
    V6Only,
    /// Which of several that share an address and port.
    Shared,
}

impl Unknown {
    /// In words that end a sentence "… is not known".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sockets => {
                "which sockets this machine has (give --machine FILE with lines such as `socket tcp 10.0.0.1:80`, \
                 or `sockets none`)"
            }
            Self::Device => {
                "whether the socket is bound to a device (/proc/net does not say; ss does, or a line `unsaid nodev`)"
            }
            Self::V6Only => {
                "whether the socket of [::] takes IPv4 as well (/proc/net does not say; ss does, or a line `unsaid nov6only`)"
            }
            Self::Shared => "which of several sockets that share an address and a port (SO_REUSEPORT) it is",
        }
    }
}

/// The socket, if there is one.
pub type Found = Result<Option<SocketId>, Unknown>;

/// How well a socket fits, or what would have to be known.
#[derive(Clone, Copy)]
enum Fit {
    Not,
    Scored(u8),
    /// It may fit with a score of at most this.
    Perhaps(u8, Unknown),
}

impl Machine {
    /// The socket of a packet.
    pub fn socket_of(&self, sought: &Sought, among: Among) -> Found {
        self.sockets.find(sought, among)
    }
}

impl Sockets {
    /// All sockets that hear a datagram to a group or to everybody, in the order in which they were named.
    ///
    /// Linux: `__udp4_lib_mcast_deliver`, `__udp6_lib_mcast_deliver`.
    pub fn hearers(&self, sought: &Sought) -> Vec<SocketId> {
        let hears = |socket: &Socket| {
            [false, true].iter().any(|&wildcard| !matches!(datagrams(socket, sought, wildcard), Fit::Not))
        };
        let numbered = (0..).map(SocketId).zip(self.list());
        numbered.filter(|(_, socket)| hears(socket)).map(|(id, _)| id).collect()
    }

    /// The socket of a packet.
    pub fn find(&self, sought: &Sought, among: Among) -> Found {
        let family = Family::of(sought.destination.0);
        let own = self.is_complete(sought.transport, family);
        // A socket of IPv6 takes packets of IPv4 unless it says otherwise.
        let all = own && self.is_complete(sought.transport, Family::V6);
        let missing = |found: Found| match found {
            Ok(None) if !all => Err(Unknown::Sockets),
            other => other,
        };
        let fits = match sought.transport {
            Transport::Tcp => {
                // Addresses and ports of a connection are there once: what is found is all there is.
                if among != Among::Listeners
                    && let Some(found) = self.best(|socket| connection(socket, sought))?
                {
                    return Ok(Some(found));
                }
                if among == Among::Connections {
                    return missing(Ok(None));
                }
                listener
            }
            Transport::Udp => datagrams,
        };
        if !all {
            return Err(Unknown::Sockets);
        }
        for wildcard in [false, true] {
            if let Some(found) = self.best(|socket| fits(socket, sought, wildcard))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The socket that sends a packet of this machine: the one whose own end is the packet's source. `None`: there is
    /// none among those that are known, or not only one.
    pub fn sender(&self, sought: &Sought) -> Option<&Socket> {
        let turned = Sought { source: sought.destination, destination: sought.source, ..*sought };
        let mut own = self.list.iter().filter(|socket| match (sought.transport, socket.remote) {
            (transport, _) if transport != socket.transport || !socket.is_full() => false,
            (_, Some(_)) => is_end(socket, &turned) && is_peer(socket, &turned),
            (Transport::Tcp, None) => false,
            (Transport::Udp, None) => is_end(socket, &turned) || is_wildcard(socket, &turned),
        });
        let first = own.next()?;
        own.next().is_none().then_some(first)
    }

    fn best(&self, fit: impl Fn(&Socket) -> Fit) -> Result<Option<SocketId>, Unknown> {
        let mut best: Option<(u8, usize)> = None;
        let mut perhaps: Option<(u8, Unknown)> = None;
        let mut alike = true;
        for (at, socket) in self.list.iter().enumerate() {
            match fit(socket) {
                Fit::Not => {}
                Fit::Scored(score) => match best {
                    Some((other, _)) if other > score => {}
                    Some((other, first)) if other == score => {
                        alike &= self.list.get(first).is_some_and(|first| are_alike(first, socket));
                    }
                    _ => (best, alike) = (Some((score, at)), true),
                },
                Fit::Perhaps(score, what) if perhaps.is_none_or(|(other, _)| score > other) => {
                    perhaps = Some((score, what));
                }
                Fit::Perhaps(..) => {}
            }
        }
        if let Some((most, what)) = perhaps
            && best.is_none_or(|(score, _)| most >= score)
        {
            return Err(what);
        }
        match best {
            Some(_) if !alike => Err(Unknown::Shared),
            Some((_, at)) => Ok(u32::try_from(at).ok().map(SocketId)),
            None => Ok(None),
        }
    }
}

/// Whether rules cannot tell two sockets from each other.
fn are_alike(one: &Socket, other: &Socket) -> bool {
    let key = |socket: &Socket| {
        (socket.transparent, socket.mark, socket.uid, socket.gid, socket.groups, socket.cgroup, socket.class)
    };
    key(one) == key(other)
}

/// Whether a socket's own address and port are the destination.
fn is_end(socket: &Socket, sought: &Sought) -> bool {
    (socket.local.ip(), socket.local.port()) == sought.destination
}

/// Whether a socket takes what is sent to any address, and to this port.
fn is_wildcard(socket: &Socket, sought: &Sought) -> bool {
    let family = socket.local.is_ipv6() || sought.destination.0.is_ipv4();
    socket.local.ip().is_unspecified() && socket.local.port() == sought.destination.1 && family
}

fn is_peer(socket: &Socket, sought: &Sought) -> bool {
    socket.remote.is_some_and(|remote| (remote.ip(), remote.port()) == sought.source)
}

/// Whether it takes packets by a device: `Ok(true)`: it is bound to this one.
fn device(socket: &Socket, sought: &Sought) -> Option<Result<bool, Unknown>> {
    match socket.device {
        None => Some(Err(Unknown::Device)),
        Some(None) => Some(Ok(false)),
        Some(Some(name)) => (sought.device == Some(name)).then_some(Ok(true)),
    }
}

/// Linux: `inet_match`, `inet6_match`.
fn connection(socket: &Socket, sought: &Sought) -> Fit {
    let fits = socket.transport == Transport::Tcp
        && socket.state != State::Listen
        && is_end(socket, sought)
        && is_peer(socket, sought);
    match device(socket, sought) {
        Some(Ok(_)) if fits => Fit::Scored(0),
        Some(Err(what)) if fits => Fit::Perhaps(0, what),
        _ => Fit::Not,
    }
}

/// Where a waiting socket listens: at the destination itself, or at all addresses. IPv6's wildcard takes IPv4 unless it
/// is for IPv6 only; `Err`: that is not known.
fn listens(socket: &Socket, sought: &Sought, wildcard: bool) -> Option<Result<(), Unknown>> {
    if !wildcard {
        return is_end(socket, sought).then_some(Ok(()));
    }
    if !is_wildcard(socket, sought) {
        return None;
    }
    match (socket.family, sought.destination.0, socket.v6_only) {
        (Family::V6, IpAddr::V4(_), Some(true)) => None,
        (Family::V6, IpAddr::V4(_), None) => Some(Err(Unknown::V6Only)),
        _ => Some(Ok(())),
    }
}

fn scored(
    listens: Option<Result<(), Unknown>>,
    device: Option<Result<bool, Unknown>>,
    base: u8,
    bound: u8,
) -> Fit {
    match (listens, device) {
        (None, _) | (_, None) => Fit::Not,
        (Some(Ok(())), Some(Ok(own))) => Fit::Scored(base + if own { bound } else { 0 }),
        (Some(Err(what)), Some(Ok(own))) => Fit::Perhaps(base + if own { bound } else { 0 }, what),
        (_, Some(Err(what))) => Fit::Perhaps(base + bound, what),
    }
}

/// Linux: `compute_score` of inet_hashtables.c and inet6_hashtables.c.
fn listener(socket: &Socket, sought: &Sought, wildcard: bool) -> Fit {
    if socket.transport != Transport::Tcp || socket.state != State::Listen {
        return Fit::Not;
    }
    let own_family = u8::from(sought.destination.0.is_ipv4() && socket.family == Family::V4);
    scored(listens(socket, sought, wildcard), device(socket, sought), 1 + own_family, 1)
}

/// Linux: `compute_score` of net/ipv4/udp.c and net/ipv6/udp.c.
fn datagrams(socket: &Socket, sought: &Sought, wildcard: bool) -> Fit {
    if socket.transport != Transport::Udp {
        return Fit::Not;
    }
    let v4 = sought.destination.0.is_ipv4();
    let unit = if v4 { 4 } else { 1 };
    let mut score = if v4 && socket.family == Family::V4 { 2 } else { 1 };
    if let Some(remote) = socket.remote {
        if !remote.ip().is_unspecified() {
            if remote.ip() != sought.source.0 {
                return Fit::Not;
            }
            score += unit;
        }
        if remote.port() != 0 {
            if remote.port() != sought.source.1 {
                return Fit::Not;
            }
            score += unit;
        }
    }
    scored(listens(socket, sought, wildcard), device(socket, sought), score, unit)
}

#[cfg(test)]
mod tests;

//! What a rule asks that stands neither in the packet nor in the ruleset: the machine's sockets and who owns them, its
//! IPsec, the processor that handles a packet, the kernel's time zone.
//!
//! # Overview
//!
//! A [`Machine`] is an input of the engine ([`crate::Engine::set_machine`]), as [`crate::Network`] is; a person writes it
//! as text ([`text`]), or gives what the machine itself prints (`/proc/net/tcp`, `ss`). Look-ups are in [`lookup`].
//!
//! # Nothing is guessed
//!
//! "There is no such socket" and "nobody said which sockets there are" are two things. The first is an answer: the list
//! of the protocol and family is [complete](Sockets::is_complete) and the socket is not in it. The second is none: a
//! rule that asks ends the packet's way with [`crate::Drop::Undecided`] and names the input. The same holds for each fact
//! of a socket (an `Option` here), for IPsec ([`Machine::ipsec`]) and for the rest. A fresh `Machine` says nothing.
//!
//! Numbers of this module ([`SocketId`], [`CgroupId`] …) are places in lists that only grow; they are of the machine that
//! gave them and mean nothing in another.
use std::net::{IpAddr, SocketAddr};

use packet::{AddrMask, Family, InterfaceName};
use rules::matches::PortRange;
use rules::matches::policy::Mode;

use crate::skb::Packet;

pub mod lookup;
pub mod text;

/// A socket, by its place in [`Sockets::list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(u32);

/// A control group (version 2), by its place in [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CgroupId(u32);

/// The supplementary groups of a process, by their place in [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupsId(u32);

/// IPsec states that a packet went through, by their place in [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransformsId(u32);

/// Facts of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// TCP and UDP sockets.
    pub sockets: Sockets,
    /// Which traffic IPsec protects, in both directions; the first line that fits counts, and what none fits goes in the
    /// clear. `None`: not known.
    pub ipsec: Option<Vec<Protection>>,
    /// The processor that handles every packet that names none; `None`: not known.
    pub cpu: Option<u32>,
    /// The kernel's time zone in minutes west of Greenwich (`settimeofday`); `None`: not known.
    pub minutes_west: Option<i32>,
    /// Which sockets are found before INPUT.
    pub early_demux: EarlyDemux,
    /// Raw sockets that want packets with router alert; none if nothing is said.
    pub alerts: Vec<Alert>,
    cgroups: Vec<Box<str>>,
    groups: Vec<Box<[u32]>>,
    transforms: Vec<Box<[Transform]>>,
}

/// `net.ipv4.ip_early_demux`, which counts for IPv6 as well, with `tcp_early_demux` and `udp_early_demux`: whether a
/// packet finds the socket of its connection behind PREROUTING already, where `-m cgroup` of INPUT sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyDemux {
    /// `ip_early_demux`.
    pub any: bool,
    /// `tcp_early_demux`.
    pub tcp: bool,
    /// `udp_early_demux`.
    pub udp: bool,
}

impl Default for EarlyDemux {
    fn default() -> Self {
        Self { any: true, tcp: true, udp: true }
    }
}

/// The machine's TCP and UDP sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    list: Vec<Socket>,
    /// Of which lists every socket is there: TCP and UDP of IPv4, TCP and UDP of IPv6.
    complete: [[bool; 2]; 2],
}

/// Protocols that have sockets here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    /// By the number of the protocol.
    pub const fn of(protocol: u8) -> Option<Self> {
        match protocol {
            packet::protocol::TCP => Some(Self::Tcp),
            packet::protocol::UDP => Some(Self::Udp),
            _ => None,
        }
    }

    /// The name: `tcp`, `udp`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What a socket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// TCP: it waits for connections.
    Listen,
    /// It has a peer: any state of a TCP connection but those below, or a connected UDP socket.
    Established,
    /// TCP: a connection of which the last acknowledgement is missing; not a whole socket.
    SynReceived,
    /// TCP: a connection that has ended; not a whole socket.
    TimeWait,
    /// UDP: it takes datagrams from everybody.
    Bound,
}

/// A socket. What is `None` is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its protocol.
    pub transport: Transport,
    /// The family of the socket itself: one of IPv6 may have addresses of IPv4, and take packets of IPv4.
    pub family: Family,
    /// Its own address, unspecified for all, and port.
    pub local: SocketAddr,
    /// Its peer.
    pub remote: Option<SocketAddr>,
    /// What it does.
    pub state: State,
    /// The device that it is bound to (`SO_BINDTODEVICE`).
    pub device: Option<Option<InterfaceName>>,
    /// `IP_TRANSPARENT`.
    pub transparent: Option<bool>,
    /// `IPV6_V6ONLY`.
    pub v6_only: Option<bool>,
    /// `SO_MARK`.
    pub mark: Option<u32>,
    /// User.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Supplementary groups.
    pub groups: Option<GroupsId>,
    /// Control group of version 2.
    pub cgroup: Option<CgroupId>,
    /// `net_cls.classid` of the control group of version 1.
    pub class: Option<u32>,
}

impl Socket {
    /// A socket of which all is said but who owns it: not bound to a device, not transparent, without a mark.
    pub fn new(transport: Transport, local: SocketAddr, remote: Option<SocketAddr>) -> Self {
        let state = match (transport, remote) {
            (_, Some(_)) => State::Established,
            (Transport::Tcp, None) => State::Listen,
            (Transport::Udp, None) => State::Bound,
        };
        Self {
            transport,
            family: Family::of(local.ip()),
            local,
            remote,
            state,
            device: Some(None),
            transparent: Some(false),
            v6_only: Some(false),
            mark: Some(0),
            uid: None,
            gid: None,
            groups: None,
            cgroup: None,
            class: None,
        }
    }

    /// Whether it is a whole socket, with a mark and a control group (Linux: `sk_fullsock`).
    pub fn is_full(&self) -> bool {
        !matches!(self.state, State::SynReceived | State::TimeWait)
    }
}

impl Sockets {
    /// All sockets.
    pub fn list(&self) -> &[Socket] {
        &self.list
    }

    /// Adds a socket.
    pub fn add(&mut self, socket: Socket) -> SocketId {
        self.list.push(socket);
        SocketId(u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX))
    }

    /// A socket by its number.
    pub fn get(&self, socket: SocketId) -> Option<&Socket> {
        self.list.get(socket.0 as usize)
    }

    /// Says that the list of a protocol and a family of sockets has every socket there is.
    pub fn complete(&mut self, transport: Transport, family: Family) {
        if let Some(list) =
            self.complete.get_mut(family as usize).and_then(|own| own.get_mut(transport as usize))
        {
            *list = true;
        }
    }

    /// Whether a list has every socket there is.
    pub fn is_complete(&self, transport: Transport, family: Family) -> bool {
        self.complete
            .get(family as usize)
            .and_then(|own| own.get(transport as usize))
            .copied()
            .unwrap_or(false)
    }

    /// Says that all lists have every socket there is.
    pub fn complete_all(&mut self) {
        self.complete = [[true; 2]; 2];
    }

    fn is_anything_said(&self) -> bool {
        self.complete != [[false; 2]; 2]
    }
}

/// The direction of what IPsec protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Packets that came in protected, as they are when that was undone.
    In,
    /// Packets that will be protected when they leave.
    Out,
}

/// Traffic, and what IPsec does with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The direction.
    pub direction: Direction,
    /// Source addresses.
    pub from: AddrMask,
    /// Destination addresses.
    pub to: AddrMask,
    /// Protocol.
    pub protocol: Option<u8>,
    /// Source ports.
    pub source_ports: Option<PortRange>,
    /// Destination ports.
    pub destination_ports: Option<PortRange>,
    /// The device by which it came or leaves.
    pub device: Option<InterfaceName>,
    /// Mark and mask.
    pub mark: Option<(u32, u32)>,
    /// The states that it goes through; `None`: it goes in the clear.
    pub transforms: Option<TransformsId>,
}

/// A state of IPsec (`ip xfrm state`). What is `None` is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// ESP, AH, IPComp or another protocol.
    pub protocol: u8,
    /// Tunnel or transport.
    pub mode: Mode,
    /// The addresses of the state: source and destination of the outer header.
    pub ends: Option<(IpAddr, IpAddr)>,
    /// The index of security parameters.
    pub spi: Option<u32>,
    /// The number that ties it to a policy.
    pub request: Option<u32>,
}

/// What is known of the IPsec that a packet came by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secured {
    /// Nothing: the machine's table says it.
    #[default]
    Unsaid,
    /// It came in the clear.
    Clear,
    /// It came by these states.
    By(TransformsId),
}

/// The place of a value in a list to which it is added if it is new.
fn place<T: PartialEq>(list: &mut Vec<T>, value: T) -> u32 {
    let at = list.iter().position(|own| *own == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A raw socket whose process wants packets that are to be forwarded and that routers are to look at (`IP_ROUTER_ALERT`,
/// `IPV6_ROUTER_ALERT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its family.
    pub family: Family,
    /// IPv4: its protocol; IPv6: the number of the option.
    pub number: u16,
    /// The device that it is bound to.
    pub device: Option<InterfaceName>,
}

impl Machine {
    /// Whether a process wants a packet with router alert that came by a device.
    pub fn hears_alerts(&self, family: Family, number: u16, device: Option<InterfaceName>) -> bool {
        let wants = |own: &Alert| {
            (own.family, own.number) == (family, number)
                && own.device.is_none_or(|bound| device == Some(bound))
        };
        self.alerts.iter().any(wants)
    }

    /// The number of a control group of version 2, by its path from the root.
    pub fn cgroup(&mut self, path: &str) -> CgroupId {
        CgroupId(place(&mut self.cgroups, path.into()))
    }

    /// The path of a control group.
    pub fn cgroup_path(&self, cgroup: CgroupId) -> &str {
        self.cgroups.get(cgroup.0 as usize).map_or("", |path| path)
    }

    /// The number of a list of supplementary groups.
    pub fn groups(&mut self, groups: &[u32]) -> GroupsId {
        GroupsId(place(&mut self.groups, groups.into()))
    }

    /// A list of supplementary groups.
    pub fn groups_of(&self, groups: GroupsId) -> &[u32] {
        self.groups.get(groups.0 as usize).map_or(&[], |groups| groups)
    }

    /// The IPsec states that a packet goes through by the table, `Some(None)`: none; `None`: there is no table.
    pub fn protection(
        &self,
        direction: Direction,
        packet: &Packet,
        device: Option<InterfaceName>,
    ) -> Option<Option<TransformsId>> {
        let rows = self.ipsec.as_ref()?;
        let view = packet.view();
        let ports = view.ports();
        let covers = |own: &&Protection| {
            own.direction == direction
                && own.from.contains(view.source())
                && own.to.contains(view.destination())
                && own.protocol.is_none_or(|protocol| view.protocol() == Some(protocol))
                && own.source_ports.is_none_or(|range| ports.is_some_and(|(port, _)| range.contains(port)))
                && own
                    .destination_ports
                    .is_none_or(|range| ports.is_some_and(|(_, port)| range.contains(port)))
                && own.device.is_none_or(|wanted| device == Some(wanted))
                && own.mark.is_none_or(|(mark, mask)| packet.mark & mask == mark & mask)
        };
        Some(rows.iter().find(covers).and_then(|own| own.transforms))
    }

    /// The number of a row of IPsec states: the innermost first, in the order in which a packet that is sent goes
    /// through them.
    pub fn transforms(&mut self, transforms: &[Transform]) -> TransformsId {
        TransformsId(place(&mut self.transforms, transforms.into()))
    }

    /// A row of IPsec states.
    pub fn transforms_of(&self, transforms: TransformsId) -> &[Transform] {
        self.transforms.get(transforms.0 as usize).map_or(&[], |row| row)
    }
}

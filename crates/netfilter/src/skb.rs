//! A packet on its way through the engine: its bytes and what the engine knows of them (Linux: `struct sk_buff`).
use std::net::IpAddr;

use packet::{Family, Layout, View, checksum};

use crate::conntrack::{ConnectionId, Direction};
use crate::machine::{CgroupId, GroupsId, Secured, SocketId};
use crate::network::{DeviceId, Route};
use crate::options::IpOptions;

/// A packet on its way.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Number of the packet since the engine started: answers and fragments have their own.
    pub id: u64,
    /// The IP packet. Link padding is cut off when it arrives.
    pub bytes: Vec<u8>,
    /// The parse of `bytes`; whoever changes lengths parses again.
    pub layout: Layout,
    /// The packet mark.
    pub mark: u32,
    /// The class of traffic control that `-j CLASSIFY` gave (Linux: `skb->priority`); 0: none.
    pub priority: u32,
    /// The device it came from (`lo` for loopback, the bridge for bridged packets); kept until the end of the way,
    /// so that POSTROUTING still sees it for routed packets (F14).
    pub input: Option<DeviceId>,
    /// The device it leaves by, once that is known.
    pub output: Option<DeviceId>,
    /// What the link layer said.
    pub link: Link,
    /// Who sent it, if it began on this machine.
    pub origin: Option<Origin>,
    /// The socket of this machine that `-j TPROXY` gave it to (Linux: `skb->sk` of a packet that came in).
    pub socket: Option<SocketId>,
    /// The processor that handles it, if that is said of this packet.
    pub cpu: Option<u32>,
    /// The IPsec that it came by (Linux: `skb_sec_path`).
    pub secured: Secured,
    /// What connection tracking made of it.
    pub tracking: Tracking,
    /// The zone and helper that `-j CT` asked for, before connection tracking has seen the packet
    /// (Linux: the conntrack template).
    pub template: Option<Box<Template>>,
    /// The routing decision.
    pub route: Option<Route>,
    /// IPv4: what was found in its options when it came in.
    pub options: IpOptions,
    /// What connection tracking knows of the transport's checksum.
    pub summed: Summed,
    /// Sizes of the original fragments of a gathered datagram (F63).
    pub gathered: Option<Box<Gathered>>,
    /// Whether `-j TRACE` was met (Linux: `nf_trace`).
    pub traced: bool,
    /// Of a copy that `-j TEE` has made: the device of its way, as TEE has found it. A copy is not copied on its way out
    /// (Linux: `nf_skb_duplicated`).
    pub duplicate: Option<DeviceId>,
    /// Whether its checksum is left to the device (Linux: CHECKSUM_PARTIAL): a reset of IPv4 that REJECT has made, or one of
    /// the machine's own IPv6 TCP, or what a helper has written anew, that has not left the machine, on loopback too. `bytes`
    /// have the whole sum.
    pub unsummed: bool,
    /// Whether IPsec is to protect it and has no state for it: it goes no further than the next hook.
    pub awaits_state: bool,
}

impl Packet {
    /// A packet of which only its bytes are known.
    pub fn new(id: u64, bytes: Vec<u8>, layout: Layout) -> Self {
        Self {
            id,
            bytes,
            layout,
            mark: 0,
            priority: 0,
            input: None,
            output: None,
            link: Link::default(),
            origin: None,
            socket: None,
            cpu: None,
            secured: Secured::Unsaid,
            tracking: Tracking::None,
            template: None,
            route: None,
            options: IpOptions::default(),
            summed: Summed::Unknown,
            gathered: None,
            traced: false,
            duplicate: None,
            unsummed: false,
            awaits_state: false,
        }
    }

    /// Its IP header with what belongs to it: IPv4 options, IPv6 extension headers.
    pub(crate) fn header(&self) -> &[u8] {
        self.bytes.get(..self.layout.transport).unwrap_or_default()
    }

    /// The same with what was found in its options, both to be changed.
    pub(crate) fn header_and_options(&mut self) -> (&mut [u8], &mut IpOptions) {
        let header = self.bytes.get_mut(..self.layout.transport).unwrap_or_default();
        (header, &mut self.options)
    }

    /// What the process that gets it is told of its checksum.
    ///
    /// Linux: `__skb_checksum_validate_complete` over the sum that `nf_ip6_checksum` has kept: addresses cancel out with
    /// the pseudo header, everything else of the headers must still be what it was.
    pub fn kept_sum(&self) -> KeptSum {
        match self.summed {
            Summed::Unknown | Summed::Wrong => KeptSum::None,
            Summed::Right { rest } if rest == self.header_rest() => KeptSum::Right,
            Summed::Right { .. } => KeptSum::Spoilt,
        }
    }

    /// The folded sum of the IPv6 headers without their addresses; 0 for IPv4.
    pub(crate) fn header_rest(&self) -> u16 {
        match self.layout.family {
            Family::V4 => 0,
            Family::V6 => {
                let before = self.bytes.get(..8).unwrap_or(&[]);
                let behind = self.bytes.get(40..self.layout.transport).unwrap_or(&[]);
                checksum::finish(checksum::add(checksum::add(0, before), behind))
            }
        }
    }

    /// The packet itself, out of a place that it leaves for good.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            bytes: std::mem::take(&mut self.bytes),
            template: self.template.take(),
            gathered: self.gathered.take(),
            ..*self
        }
    }

    /// The fields of the bytes.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View::new(&self.bytes, self.layout)
    }

    /// The family.
    #[inline]
    pub fn family(&self) -> Family {
        self.layout.family
    }

    /// The length that counters count (F68).
    #[inline]
    pub fn len(&self) -> usize {
        self.layout.total_len
    }

    /// The device that the stack has noted as the one by which it came in.
    pub(crate) fn noted_input(&self) -> Option<DeviceId> {
        self.link.noted.filter(|_| self.family() == Family::V6).or(self.input)
    }

    /// The length of the largest fragment out of which it was gathered, if that is known.
    pub(crate) fn largest_fragment(&self) -> Option<usize> {
        let largest = self.gathered.as_deref().map(|gathered| usize::from(gathered.largest));
        largest.filter(|&largest| largest > 0)
    }

    /// Notes that something looked into the first `length` bytes in one piece.
    ///
    /// Linux: `pskb_may_pull` moves bytes of later fragments to the first one, which shows when the datagram is cut
    /// again: NAT of a datagram whose first fragment is shorter than its headers changes the sizes (measured).
    #[inline]
    pub(crate) fn pull(&mut self, length: usize) {
        let length = length.min(self.layout.total_len);
        if let Some(gathered) = self.gathered.as_deref_mut() {
            gathered.head = gathered.head.max(length);
        }
    }

    /// How many bytes from the start of the IP header on lie in one piece. What stands behind is looked at, but nobody writes there
    /// who has not asked for it ([`Packet::pull`]; Linux: `skb_header_pointer` gives a copy).
    pub(crate) fn in_one_piece(&self) -> usize {
        let Some(gathered) = self.gathered.as_deref() else { return self.layout.total_len };
        let later: usize = gathered.pieces.iter().skip(1).map(|&(_, length)| usize::from(length)).sum();
        self.layout.total_len.saturating_sub(later).max(gathered.head)
    }

    /// Never: a packet has a header.
    #[inline]
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// What is known of a transport's checksum without summing again (Linux: `skb->ip_summed`, `skb->csum_valid`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Summed {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// Connection tracking found it right. The kernel keeps the sum of the whole packet; `rest` is what the IPv6
    /// headers gave to it besides their addresses (0 for IPv4, whose header sums to nothing).
    Right {
        /// The sum, folded.
        rest: u16,
    },
    /// It found it wrong. Only a copy of the packet that begins its way at OUTPUT is not summed again.
    Wrong,
}

/// What the process that gets a packet is told of its checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptSum {
    /// Nobody has looked: it is to be summed.
    #[default]
    None,
    /// It was right when the packet came in, which is enough.
    Right,
    /// It was right, but headers have changed since under the sum that was kept: UDP of more than 76 bytes is dropped,
    /// all else is summed again (Linux: `udp6_csum_init`).
    Spoilt,
}

/// What the link layer knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The Ethernet header (destination, source, type) of the frame, if the device has one.
    pub ethernet: Option<[u8; 14]>,
    /// To whom the frame was sent.
    pub kind: LinkKind,
    /// The bridge port by which it came, with `br_netfilter`.
    pub physical_input: Option<DeviceId>,
    /// The bridge port by which it leaves.
    pub physical_output: Option<DeviceId>,
    /// Whether it passed PREROUTING at its port and has not come up from the bridge since: a copy of it (TEE) that comes in by
    /// loopback does not pass PREROUTING (Linux: `ip_sabotage_in`).
    pub prerouted: bool,
    /// Whether it is this machine's own copy of what it sends to everybody or to a group by the device (Linux:
    /// `dev_loopback_xmit`): no port of a bridge has seen it.
    pub looped: bool,
    /// The device that IPv6 has noted as the one by which it came in, where that is another one than the packet's (Linux:
    /// `IP6CB(skb)->iif`): the address of an error is chosen by it.
    pub noted: Option<DeviceId>,
    /// The processor that handles it; `None`: what the machine says of all packets.
    pub cpu: Option<u32>,
    /// The IPsec that it came by.
    pub secured: Secured,
}

/// To whom a frame was sent (Linux: `pkt_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// To us.
    #[default]
    Host,
    /// To everybody.
    Broadcast,
    /// To a group.
    Multicast,
    /// To somebody else.
    OtherHost,
    /// A packet that we send.
    Outgoing,
}

/// Who sent a packet of this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The socket's owner; `None`: there is no socket (packets of the kernel itself), or it is not known.
    pub socket: Option<Owner>,
    /// Whether it is known at all who sent it. `-m owner` cannot be decided if not.
    pub known: bool,
    /// Whether the group of the socket's owner is not known, though its user is: lists of sockets say users alone.
    pub group_unknown: bool,
    /// The mark of the socket (SO_MARK), already in the packet's mark when it starts.
    pub mark: u32,
    /// The control group (version 2) of the socket, as [`crate::Machine`] numbers it.
    pub cgroup: Option<CgroupId>,
    /// `net_cls.classid` of the socket's control group (version 1).
    pub class: Option<u32>,
    /// The supplementary groups of the process that opened the socket, as [`crate::Machine`] numbers them.
    pub groups: Option<GroupsId>,
    /// The processor on which it is sent.
    pub cpu: Option<u32>,
}

/// The owner of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Whether the socket is still attached to a file (false for time-wait sockets and RSTs of the kernel, which
    /// satisfy `--socket-exists` but have no user: F75).
    pub has_file: bool,
}

/// What connection tracking made of a packet (Linux: `skb->_nfct`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// Not looked at, or INVALID.
    #[default]
    None,
    /// By `-j CT --notrack`, or a kind of ICMPv6 that is never tracked.
    Untracked,
    /// An answer of this machine to an untracked packet: it counts as seen where `-j CT` asks, and belongs to nothing
    /// (Linux: `nf_conntrack_attach` copies that there was something, not what).
    Vacant,
    /// It belongs to a connection.
    Entry {
        /// The connection.
        connection: ConnectionId,
        /// How it belongs to it.
        info: Info,
    },
}

/// How a packet belongs to its connection (Linux: `enum ip_conntrack_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Info {
    /// Original direction of a connection that was answered.
    Established,
    /// Something new that belongs to a connection (an error, an expected connection).
    Related,
    /// First packets, nothing answered yet.
    New,
    /// Reply direction.
    EstablishedReply,
    /// An error in reply direction.
    RelatedReply,
}

impl Info {
    /// The direction.
    pub const fn direction(self) -> Direction {
        match self {
            Self::Established | Self::Related | Self::New => Direction::Original,
            Self::EstablishedReply | Self::RelatedReply => Direction::Reply,
        }
    }
}

/// What `-j CT` asks of connection tracking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// The zone.
    pub zone: crate::conntrack::Zone,
    /// The helper's name.
    pub helper: Option<Box<str>>,
    /// The timeout policy, by its place.
    pub timeout: Option<u16>,
    /// Which events are wanted; `None`: all.
    pub events: Option<crate::conntrack::Wanted>,
    /// Whether SYNPROXY has sent the packet to a server.
    pub synproxy: bool,
    /// The direction for which the zone was given, if its number is 0: lines of the connection say so.
    pub zero_zone: Option<Direction>,
    /// The place of what all packets of the rule share ([`crate::tables::Named`]); `None`: no rule made it.
    pub rule: Option<usize>,
}

/// A datagram that was gathered out of fragments before the rules saw it (F63, F64).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Payload offset and length of each fragment, by offset: in this order they leave again, however they arrived.
    pub pieces: Vec<(u16, u16)>,
    /// The largest fragment's total length (IPv6: with its fragment header); 0: it is forgotten ([`Gathered::forget_sizes`]).
    pub largest: u16,
    /// IPv4: whether the largest fragment carried "don't fragment".
    pub dont_fragment: bool,
    /// IPv6: the identification of the fragments.
    pub id: u32,
    /// How many bytes from the start of the IP header on somebody has looked at in one piece; if these are more than
    /// the first fragment had, they leave together.
    pub head: usize,
}

impl Gathered {
    /// What has come up from a bridge is gathered still, but the stack above does not know of what size the fragments were
    /// (Linux: `ip_rcv_core` and `ip6_rcv_core` clear `frag_max_size`).
    pub(crate) fn forget_sizes(&mut self) {
        self.largest = 0;
        self.dont_fragment = false;
    }
}

/// Why a packet went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// Not an IP packet that the stack takes (F12).
    Malformed(packet::Malformed),
    /// A rule said DROP, or a rule's match refused the packet (hotdrop, F19).
    Rule {
        /// Table.
        table: rules::Table,
        /// Hook.
        hook: rules::Hook,
        /// Chain of the rule.
        chain: rules::ChainId,
        /// Rule number, from 1.
        number: usize,
        /// Whether a match refused the packet (F19) instead of the target.
        hotdrop: bool,
    },
    /// REJECT: an answer was sent.
    Rejected {
        /// Table.
        table: rules::Table,
        /// Hook.
        hook: rules::Hook,
        /// Chain of the rule.
        chain: rules::ChainId,
        /// Rule number, from 1.
        number: usize,
    },
    /// The policy of a built-in chain.
    Policy {
        /// Table.
        table: rules::Table,
        /// Hook.
        hook: rules::Hook,
    },
    /// QUEUE and nobody listens (F73).
    QueueUnheard,
    /// A module registered by the embedding program.
    Module(&'static str),
    /// The routing decision: no route, blackhole, prohibited, martian source …
    Route(crate::network::Unroutable),
    /// TTL or hop limit used up.
    TimeToLive,
    /// Too big for the next device and "don't fragment" set.
    TooBig,
    /// Forwarding is switched off, or the frame was not for us.
    NotForwarded,
    /// A bridge: whom the frame is for is behind the port by which it came, or the bridge has no other.
    NotBridged,
    /// `-j TPROXY` gave it to a socket of this machine, and the route leads elsewhere: what has a socket already is not
    /// forwarded, and nobody is told.
    SocketAssigned,
    /// IPv4 options that prescribe the way (source routing), which Linux refuses by default, or a way that does not exist.
    SourceRouted,
    /// IPv4 options, or hop-by-hop options of IPv6, that contradict themselves or are not known: mostly a parameter
    /// problem was sent.
    Options,
    /// Fragments: bad, overlapping, or the queue is full.
    Fragment,
    /// No free tuple, or a clash when the connection was confirmed (F51).
    InsertFailed,
    /// The connection table is full.
    TableFull,
    /// NAT had no address to translate to (REDIRECT or MASQUERADE on an interface without one), or no free port.
    NatFailed,
    /// An ICMP redirect about a translated connection (F59).
    IcmpRedirect,
    /// Connection tracking: a simultaneous reopening or another state that ends the entry; the sender tries again.
    Conntrack,
    /// A helper could not make sense of what it must understand, or could not change it.
    Helper(&'static str),
    /// An answer or fragment loop reached its limit.
    Limit,
    /// A policy of IPsec.
    Ipsec(Protection),
    /// A module that stands for something whose verdict is not known, and what. This is no verdict.
    Unknown(&'static str),
    /// A rule asks something that is not known or not modelled. This is no verdict: what the packet would have come to
    /// cannot be said, and it goes no further.
    Undecided {
        /// Table.
        table: rules::Table,
        /// Hook.
        hook: rules::Hook,
        /// Chain of the rule.
        chain: rules::ChainId,
        /// Rule number, from 1.
        number: usize,
        /// What is missing.
        what: &'static str,
    },
}

/// Why a policy of IPsec lets a packet not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It forbids it (`action block`), or there is none and that is forbidden.
    Forbidden,
    /// It came in the clear, and has to be protected.
    Missing,
    /// It has to be protected before it leaves, and there is no state for it.
    NoState,
}

/// An answer that the machine itself makes (REJECT, TTL exceeded …), waiting for its own way through OUTPUT.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The packet; `origin` is known to have no socket.
    pub packet: Packet,
    /// Where it is sent to.
    pub destination: IpAddr,
    /// The port of a bridge by which it leaves at once, past all rules, and its Ethernet header.
    pub port: Option<(DeviceId, [u8; 14])>,
}

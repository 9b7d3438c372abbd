//! What the matches of a rule say of a packet: one file each, under the names of crate `rules`.
//!
//! A match either holds, or says which of its options failed first – in the order in which the kernel checks them –
//! and what the packet had instead.
mod addrtype;
mod bpf;
mod cgroup;
mod cluster;
mod connbytes;
mod connlabel;
mod connlimit;
mod connmark;
mod conntrack;
mod cpu;
mod dccp;
mod devgroup;
mod dst;
mod ecn;
mod eui64;
mod extension_header;
mod frag;
pub(super) mod hashlimit;
mod helper;
mod icmp;
mod iprange;
mod ipv6header;
mod ipvs;
mod length;
mod limit;
mod mac;
mod mark;
mod mh;
mod multiport;
mod native;
mod nfacct;
mod osf;
mod owner;
mod physdev;
mod pkttype;
mod policy;
mod quota;
mod rateest;
pub(super) mod recent;
mod rpfilter;
mod rt;
mod sctp;
mod set;
mod socket;
mod spi;
mod srh;
mod statistic;
mod string;
mod tcp;
mod tcpmss;
mod time;
mod tos;
mod ttl;
mod u32;
mod udp;

use packet::Family;
use rules::matches::PortRange;
use rules::{Match, Negatable, matches as data};

use super::Place;
use super::named::Named;
use crate::Env;
use crate::hook::World;
use crate::skb::Packet;
use crate::trace::Found;
pub(in crate::tables) use socket::TRANSPARENT;

/// Why a match does not hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Miss {
    /// An option does not hold, and what the packet had.
    Failed(&'static str, Found),
    /// The match refuses the packet: it is dropped (F19).
    Hotdrop(&'static str, Found),
    /// The match refuses the packet and holds all the same (Linux: `hotdrop` is set and the match returns true): if the
    /// others hold too, the rule counts and its target acts, and then the packet is dropped.
    Refused(&'static str, Found),
    /// It holds, and gives the packet a mark, whatever the rest of the rule says (`-m socket --restore-skmark`).
    Marks(u32),
    /// The packet counts as sent to this machine from now on, and the match is to be asked again (`-m cluster`).
    Claims,
    /// It needs something that is not known.
    Undecided(&'static str),
}

/// What a match says.
pub(crate) type Held = Result<(), Miss>;

/// Whom a match is asked about.
pub(crate) struct Asked<'a> {
    /// The packet.
    pub packet: &'a Packet,
    /// Where it is.
    pub place: &'a Place,
}

impl<'a> Asked<'a> {
    /// The transport header as far as it is there; `None` for later fragments. Extensions that look at a transport
    /// header need a positive `-p`, so the protocol is the wanted one.
    fn transport(&self) -> Option<&'a [u8]> {
        let packet = self.packet;
        if packet.layout.later_fragment() {
            return None;
        }
        packet.bytes.get(..packet.layout.total_len)?.get(packet.layout.transport..)
    }

    /// What a match finds as transport header that does not ask whether there is one: in later fragments the payload.
    ///
    /// Linux: `thoff`. For later fragments of IPv6 `ipv6_find_hdr` leaves it 0, so that the IPv6 header itself is read.
    fn blind_transport(&self) -> Option<&'a [u8]> {
        let layout = self.packet.layout;
        let at = if layout.family == Family::V6 && layout.later_fragment() { 0 } else { layout.transport };
        self.packet.bytes.get(..layout.total_len)?.get(at..)
    }
}

/// A match in the form in which it is asked, with its state.
#[derive(Debug)]
pub(super) enum Condition {
    Addrtype(data::addrtype::Addrtype),
    Ah(data::ah::Ah),
    Ah6(data::ah::Ah6),
    Bpf(Box<data::bpf::Bpf>),
    Cgroup(Box<data::cgroup::Cgroup>),
    Cluster(data::cluster::Cluster),
    Comment,
    Connbytes(Box<data::connbytes::Connbytes>),
    Connlabel(Box<data::connlabel::Connlabel>),
    Connlimit(Box<connlimit::Counter>),
    Connmark(data::connmark::Connmark),
    Conntrack(Box<data::conntrack::Conntrack>),
    Cpu(data::cpu::Cpu),
    Dccp(data::dccp::Dccp),
    Devgroup(Box<data::devgroup::Devgroup>),
    Dscp(data::dscp::Dscp),
    Dst(Box<data::dst::Dst>),
    Ecn(data::ecn::Ecn),
    Esp(data::esp::Esp),
    Eui64,
    /// `-m tcp` or `-m udp` of iptables-nft.
    Fields(native::Fields),
    Frag(data::frag::Frag),
    Hbh(Box<data::hbh::Hbh>),
    Hl(data::hl::Hl),
    Hashlimit(Box<hashlimit::Asker>),
    Helper(Box<data::helper::Helper>),
    Icmp(data::icmp::Icmp),
    Icmp6(data::icmp6::Icmp6),
    Ipcomp(data::ipcomp::Ipcomp),
    Iprange(Box<data::iprange::Iprange>),
    Ipv6Header(data::ipv6header::Ipv6Header),
    Ipvs(Box<data::ipvs::Ipvs>),
    Length(data::length::Length),
    Limit(limit::Bucket),
    Mac(data::mac::Mac),
    Mark(data::mark::Mark),
    Mh(data::mh::Mh),
    Multiport(data::multiport::Multiport),
    Nfacct(nfacct::Asker),
    Osf(Box<osf::Asker>),
    Owner(data::owner::Owner),
    Physdev(Box<data::physdev::Physdev>),
    Pkttype(data::pkttype::Pkttype),
    Policy(Box<data::policy::Policy>),
    Realm(Box<data::realm::Realm>),
    Rateest(Box<rateest::Asker>),
    Rpfilter(data::rpfilter::Rpfilter),
    Rt(Box<data::rt::Rt>),
    Recent(Box<recent::Asker>),
    Sctp(Box<data::sctp::Sctp>),
    Set(Box<set::Asker>),
    Quota(quota::Account),
    /// `-m limit` of iptables-nft.
    Rate(native::Rate),
    Socket(data::socket::Socket),
    Srh(Box<data::srh::Srh>),
    State(data::state::State),
    Statistic(statistic::Chooser),
    String(Box<string::Search>),
    Tcp(data::tcp::Tcp),
    Tcpmss(data::tcpmss::Tcpmss),
    Tos(data::tos::Tos),
    Ttl(data::ttl::Ttl),
    Time(Box<data::time::Time>),
    U32(data::u32::U32),
    Udp(data::udp::Udp),
    /// One that is read and printed, but not yet evaluated: what is missing.
    Unmodelled(&'static str),
}

impl Condition {
    /// A match of a rule of one of two rulesets.
    pub(super) fn of(world: World, rule: &Match) -> Self {
        let native = match (world, rule) {
            (World::Legacy, _) => None,
            (World::Nft, Match::Limit(own)) => Some(Self::Rate(native::Rate::new(own))),
            (World::Nft, Match::Tcp(own)) => native::Fields::of_tcp(own).map(Self::Fields),
            (World::Nft, Match::Udp(own)) => native::Fields::of_udp(own).map(Self::Fields),
            (World::Nft, _) => None,
        };
        native.unwrap_or_else(|| Self::new(rule))
    }

    pub(super) fn new(rule: &Match) -> Self {
        match rule {
            Match::Addrtype(own) => Self::Addrtype(*own),
            Match::Ah(own) => Self::Ah(*own),
            Match::Ah6(own) => Self::Ah6(*own),
            Match::Bpf(own) => Self::Bpf(own.clone()),
            Match::Cgroup(own) => Self::Cgroup(own.clone()),
            Match::Cluster(own) => Self::Cluster(*own),
            Match::Comment(_) => Self::Comment,
            Match::Connbytes(own) => Self::Connbytes(own.clone()),
            Match::Connlabel(own) => Self::Connlabel(own.clone()),
            Match::Connlimit(own) => Self::Connlimit(Box::new(connlimit::Counter::new(own))),
            Match::Connmark(own) => Self::Connmark(*own),
            Match::Conntrack(own) => Self::Conntrack(own.clone()),
            Match::Cpu(own) => Self::Cpu(*own),
            Match::Dccp(own) => Self::Dccp(*own),
            Match::Devgroup(own) => Self::Devgroup(own.clone()),
            Match::Dscp(own) => Self::Dscp(*own),
            Match::Dst(own) => Self::Dst(own.clone()),
            Match::Ecn(own) => Self::Ecn(*own),
            Match::Esp(own) => Self::Esp(*own),
            Match::Eui64(_) => Self::Eui64,
            Match::Frag(own) => Self::Frag(*own),
            Match::Hbh(own) => Self::Hbh(own.clone()),
            Match::Hashlimit(own) => {
                Self::Hashlimit(Box::new(hashlimit::Asker { rule: own.as_ref().clone(), table: None }))
            }
            Match::Hl(own) => Self::Hl(*own),
            Match::Helper(own) => Self::Helper(Box::new(own.clone())),
            Match::Icmp(own) => Self::Icmp(*own),
            Match::Icmp6(own) => Self::Icmp6(*own),
            Match::Ipcomp(own) => Self::Ipcomp(*own),
            Match::Iprange(own) => Self::Iprange(own.clone()),
            Match::Ipv6Header(own) => Self::Ipv6Header(*own),
            Match::Ipvs(own) => Self::Ipvs(own.clone()),
            Match::Length(own) => Self::Length(*own),
            Match::Limit(own) => Self::Limit(limit::Bucket::new(own)),
            Match::Mac(own) => Self::Mac(*own),
            Match::Mark(own) => Self::Mark(*own),
            Match::Mh(own) => Self::Mh(*own),
            Match::Multiport(own) => Self::Multiport(own.clone()),
            Match::Nfacct(own) => Self::Nfacct(nfacct::Asker { name: own.name.clone(), account: None }),
            Match::Osf(own) => Self::Osf(Box::new(osf::Asker::new(own))),
            Match::Owner(own) => Self::Owner(*own),
            Match::Physdev(own) => Self::Physdev(own.clone()),
            Match::Pkttype(own) => Self::Pkttype(*own),
            Match::Policy(own) => Self::Policy(own.clone()),
            Match::Quota(own) => Self::Quota(quota::Account::new(own)),
            Match::Rateest(own) => Self::Rateest(Box::new(rateest::Asker::new(own))),
            Match::Realm(own) => Self::Realm(own.clone()),
            Match::Rpfilter(own) => Self::Rpfilter(*own),
            Match::Rt(own) => Self::Rt(own.clone()),
            Match::Recent(own) => {
                Self::Recent(Box::new(recent::Asker { rule: own.as_ref().clone(), list: None }))
            }
            Match::Sctp(own) => Self::Sctp(own.clone()),
            Match::Set(own) => set::Asker::condition(own),
            Match::Socket(own) => Self::Socket(*own),
            Match::Srh(own) => Self::Srh(own.clone()),
            Match::State(own) => Self::State(*own),
            Match::Statistic(own) => Self::Statistic(statistic::Chooser::new(own)),
            Match::String(own) => Self::String(Box::new(string::Search::new(own))),
            Match::Tcp(own) => Self::Tcp(*own),
            Match::Tcpmss(own) => Self::Tcpmss(*own),
            Match::Tos(own) => Self::Tos(*own),
            Match::Ttl(own) => Self::Ttl(*own),
            Match::Time(own) => Self::Time(own.clone()),
            Match::Udp(own) => Self::Udp(*own),
            Match::U32(own) => Self::U32(own.clone()),
        }
    }

    /// Whether asking it changes its state or takes from chance.
    pub(super) fn moves(&self, sets: &rules::set::Sets) -> bool {
        if let Self::Set(own) = self {
            return own.moves(sets);
        }
        matches!(
            self,
            Self::Connlabel(_)
                | Self::Connlimit(_)
                | Self::Hashlimit(_)
                | Self::Limit(_)
                | Self::Nfacct(_)
                | Self::Osf(_)
                | Self::Quota(_)
                | Self::Rate(_)
                | Self::Recent(_)
                | Self::Statistic(_)
        )
    }

    /// Takes hold of what it shares by name with other rules.
    pub(super) fn bind(&mut self, named: &mut Named, family: Family) {
        match self {
            Self::Hashlimit(own) => own.table = Some(named.hashlimit(&own.rule, family)),
            Self::Nfacct(own) => own.account = named.account(&own.name),
            Self::Osf(own) => own.choose(&named.fingerprints),
            Self::Rateest(own) => {
                own.first = named.present_estimator(&own.rule.first);
                own.second = own.rule.second.as_deref().and_then(|name| named.present_estimator(name));
            }
            Self::Recent(own) => own.list = Some(named.recent(&own.rule)),
            Self::Set(own) => own.bind(&named.sets),
            _ => {}
        }
    }

    /// Looks its set up again: sets have other places.
    pub(super) fn find_set(&mut self, sets: &rules::set::Sets) {
        if let Self::Set(own) = self {
            own.bind(sets);
        }
    }

    /// Lets go of it.
    pub(super) fn release(&mut self, named: &mut Named) {
        match self {
            Self::Hashlimit(own) => own.table.take().into_iter().for_each(|at| named.hashlimits.release(at)),
            Self::Rateest(own) => own.places().for_each(|at| named.estimators.release(at)),
            Self::Recent(own) => own.list.take().into_iter().for_each(|at| named.recents.release(at)),
            _ => {}
        }
    }

    /// Whether it holds.
    #[inline]
    pub(super) fn holds(&mut self, asked: &Asked<'_>, env: &mut Env<'_>) -> Held {
        match self {
            Self::Addrtype(own) => addrtype::holds(own, asked, env),
            Self::Ah(own) => spi::holds_ah(own, asked),
            Self::Ah6(own) => spi::holds_ah6(own, asked),
            Self::Bpf(own) => bpf::holds(own, asked),
            Self::Cgroup(own) => cgroup::holds(own, asked, env),
            Self::Comment => Ok(()),
            Self::Cpu(own) => cpu::holds(own, asked, env),
            Self::Devgroup(own) => devgroup::holds(own, asked, env),
            Self::Ipvs(own) => ipvs::holds(own),
            Self::Policy(own) => policy::holds(own, asked, env),
            Self::Realm(own) => devgroup::holds_realm(own, asked),
            Self::Connlabel(own) => connlabel::holds(own, asked, env),
            Self::Connmark(own) => connmark::holds(own, asked, env),
            Self::Conntrack(own) => conntrack::holds(own, asked, env),
            Self::Dccp(own) => dccp::holds(own, asked),
            Self::Dscp(own) => tos::holds_dscp(own, asked),
            Self::Dst(own) => dst::holds(own, asked),
            Self::Ecn(own) => ecn::holds(own, asked),
            Self::Esp(own) => spi::holds_esp(own, asked),
            Self::Eui64 => eui64::holds(asked),
            Self::Fields(own) => own.holds(asked),
            Self::Frag(own) => frag::holds(own, asked),
            Self::Hbh(own) => dst::holds_hbh(own, asked),
            Self::Hl(own) => ttl::holds_v6(own, asked),
            Self::Icmp(own) => icmp::holds_v4(own, asked),
            Self::Icmp6(own) => icmp::holds_v6(own, asked),
            Self::Ipcomp(own) => spi::holds_ipcomp(own, asked),
            Self::Iprange(own) => iprange::holds(own, asked),
            Self::Ipv6Header(own) => ipv6header::holds(own, asked),
            Self::Length(own) => length::holds(own, asked),
            Self::Limit(own) => own.holds(env),
            Self::Mac(own) => mac::holds(own, asked),
            Self::Mark(own) => mark::holds(own, asked),
            Self::Mh(own) => mh::holds(own, asked),
            Self::Multiport(own) => multiport::holds(own, asked),
            Self::Nfacct(own) => own.holds(asked, env),
            Self::Osf(own) => own.holds(asked, env),
            Self::Owner(own) => owner::holds(own, asked, env),
            Self::Physdev(own) => physdev::holds(own, asked, env),
            Self::Pkttype(own) => pkttype::holds(own, asked),
            Self::Rate(own) => own.holds(env),
            Self::Rateest(own) => own.holds(env),
            Self::Rpfilter(own) => rpfilter::holds(own, asked, env),
            Self::Rt(own) => rt::holds(own, asked),
            Self::Sctp(own) => sctp::holds(own, asked),
            Self::Set(own) => own.holds(asked, env),
            Self::Socket(own) => socket::holds(own, asked, env),
            Self::Srh(own) => srh::holds(own, asked),
            Self::State(own) => conntrack::holds_state(own, asked, env),
            Self::Statistic(own) => own.holds(env),
            Self::String(own) => own.holds(asked),
            Self::Tcp(own) => tcp::holds(own, asked),
            Self::Tcpmss(own) => tcpmss::holds(own, asked),
            Self::Tos(own) => tos::holds(own, asked),
            Self::Ttl(own) => ttl::holds_v4(own, asked),
            Self::U32(own) => u32::holds(own, asked),
            Self::Udp(own) => udp::holds(own, asked),
            Self::Cluster(own) => cluster::holds(own, asked, env),
            Self::Connbytes(own) => connbytes::holds(own, asked, env),
            Self::Helper(own) => helper::holds(own, asked, env),
            Self::Quota(own) => own.holds(asked),
            Self::Time(own) => time::holds(own, env),
            Self::Connlimit(own) => own.holds(asked, env),
            Self::Hashlimit(own) => own.holds(asked, env),
            Self::Recent(own) => own.holds(asked, env),
            Self::Unmodelled(what) => Err(Miss::Undecided(what)),
        }
    }
}

/// Fails with an option unless something is so.
#[inline]
fn hold(so: bool, option: &'static str, found: Found) -> Held {
    if so { Ok(()) } else { Err(Miss::Failed(option, found)) }
}

/// Checks a port against a condition that may be absent or inverted.
#[inline]
fn port(wanted: Option<Negatable<PortRange>>, port: u16, option: &'static str) -> Held {
    match wanted {
        Some(wanted) => hold(wanted.value.contains(port) != wanted.invert, option, Found::Port(port)),
        None => Ok(()),
    }
}

/// The first two fields of a transport header that starts with ports.
#[inline]
pub(super) fn ports(transport: &[u8]) -> Option<(u16, u16)> {
    match *transport.get(..4)? {
        [a, b, c, d] => Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))),
        _ => None,
    }
}

//! Who sent a packet of this machine? Asked of the kernel for the first packet of a flow, then remembered for a short
//! while; asked only if some rule wants to know (`-m owner`, `LOG --log-uid`).
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use netfilter::Origin;
use netfilter::skb::Owner;
use packet::{Family, View};
use rules::{Match, Ruleset, Target};
use sys::namespace::NetworkNamespace;
use sys::sock_diag::{self, SocketDiagnosis};

/// Most flows that are remembered; beyond, all are forgotten and asked for again.
const MOST_FLOWS: usize = 4096;

/// How long an answer holds: a socket may be closed and its port be another's.
const HOLDS: Duration = Duration::from_secs(2);

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const UDP_LITE: u8 = 136;

/// What rules want to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The user, or whether there is a socket.
    pub user: bool,
    /// The group, which is dear: every process is looked at.
    pub group: bool,
}

impl Wanted {
    /// What the rules of a ruleset want to know.
    pub fn by(ruleset: &Ruleset) -> Self {
        let mut wanted = Self::default();
        let chains = ruleset.tables().iter().flat_map(rules::TableRules::slots_in_order);
        for rule in chains.flat_map(|(_, chain)| &chain.rules) {
            for owner in rule.matches.iter().filter_map(|one| match one {
                Match::Owner(owner) => Some(owner),
                _ => None,
            }) {
                wanted.user = true;
                wanted.group |= owner.gid.is_some();
            }
            if matches!(&rule.target, Some(Target::Log(log)) if log.uid) {
                wanted = Self { user: true, group: true };
            }
        }
        wanted
    }
}

type Flow = (u8, SocketAddr, SocketAddr);

/// Finds the owners of the sockets of one network namespace.
#[derive(Debug)]
pub struct Owners {
    diagnosis: SocketDiagnosis,
    namespace: NetworkNamespace,
    wanted: [Wanted; 2],
    known: HashMap<Flow, (Owner, Duration)>,
}

impl Owners {
    /// For the network namespace of this thread.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            diagnosis: SocketDiagnosis::open()?,
            namespace: NetworkNamespace::current()?,
            wanted: Default::default(),
            known: HashMap::new(),
        })
    }

    /// What the rules of a family want to know from now on.
    pub fn want(&mut self, family: Family, wanted: Wanted) {
        if let Some(slot) = self.wanted.get_mut(family as usize) {
            *slot = wanted;
        }
        self.known.clear();
    }

    /// Who sent this packet. `time` is monotonic.
    pub fn origin(&mut self, bytes: &[u8], time: Duration) -> Origin {
        let unknown = Origin::default();
        let Ok(view) = View::parse(bytes) else { return unknown };
        let wanted = self.wanted.get(view.family() as usize).copied().unwrap_or_default();
        if !wanted.user {
            return unknown;
        }
        let Some(protocol) = view.protocol() else { return unknown };
        let (source, destination) = match protocol {
            TCP | UDP | UDP_LITE => match view.ports() {
                Some(ports) => ports,
                None => return unknown,
            },
            // The identifier of an echo request is the "port" of a ping socket.
            ICMP | ICMPV6 => (view.icmp().map_or(0, |icmp| icmp.id()), 0),
            _ => (0, 0),
        };
        let flow: Flow = (
            protocol,
            SocketAddr::new(view.source(), source),
            SocketAddr::new(view.destination(), destination),
        );
        // Why: a SYN without ACK begins another connection, perhaps another program's.
        const SYN_ACK: u8 = 0x12;
        let begins = view.tcp().is_some_and(|tcp| tcp.flags() & SYN_ACK == 0x02);
        let remembered =
            self.known.get(&flow).filter(|(_, since)| !begins && time.saturating_sub(*since) < HOLDS);
        let owner = match remembered {
            Some(&(owner, _)) => owner,
            None => {
                let owner = self.find(flow, wanted);
                if self.known.len() >= MOST_FLOWS {
                    self.known.clear();
                }
                self.known.insert(flow, (owner, time));
                owner
            }
        };
        Origin { socket: Some(owner), known: true, ..unknown }
    }

    /// Linux: what the kernel sends on its own (RSTs, echo replies, ICMP errors) leaves by a socket without a file,
    /// which is what remains if no other is found (F75).
    fn find(&mut self, (protocol, local, remote): Flow, wanted: Wanted) -> Owner {
        let found = match protocol {
            TCP | UDP | UDP_LITE => self.diagnosis.find(protocol, local, remote).ok().flatten(),
            _ => {
                let (ping, raw) = if local.is_ipv4() { ("icmp", "raw") } else { ("icmp6", "raw6") };
                let search = || {
                    let by_ping = matches!(protocol, ICMP | ICMPV6)
                        .then(|| sock_diag::find_in_proc(ping, local.port()))
                        .flatten();
                    by_ping.or_else(|| sock_diag::find_in_proc(raw, protocol.into()))
                };
                self.namespace.within(search).ok().flatten()
            }
        };
        match found {
            Some(found) if found.inode != 0 => {
                let gid = if wanted.group { sock_diag::group_of(found.inode) } else { None };
                Owner { uid: found.uid, gid: gid.unwrap_or_default(), has_file: true }
            }
            _ => Owner::default(),
        }
    }
}

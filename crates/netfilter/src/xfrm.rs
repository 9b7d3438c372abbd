//! The security policy database: which traffic IPsec forbids, demands to be protected, or leaves alone.
//!
//! Read first: `man ip-xfrm`; Linux `xfrm_policy_lookup_bytype`, `xfrm_selector_match`, `__xfrm_policy_check`,
//! `xfrm_lookup_with_ifid`. What the database says at which place of a packet's way is in `path/xfrm.rs`; its text form,
//! which is what `ip xfrm policy` prints, in [`text`].
//!
//! A policy is not a state: it says what has to be done, a state (`ip xfrm state`) how, with keys. States are no part of
//! this: which packets came by some, and which will leave by some, is said by [`crate::Machine::ipsec`]. So what is demanded
//! and has none is decided here, and what a state makes of a packet is not.
use std::net::IpAddr;

use packet::{AddrMask, Family, InterfaceName, protocol};

pub mod text;

/// At which places a policy is asked (Linux: `XFRM_POLICY_IN`, `_FWD`, `_OUT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// For what is delivered here.
    In,
    /// For what came in and is sent on.
    Forward,
    /// For what leaves, be it from here or sent on.
    Out,
}

impl Direction {
    /// All, in the kernel's order of names.
    pub const ALL: [Self; 3] = [Self::In, Self::Forward, Self::Out];

    /// The name: `in`, `fwd`, `out`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Forward => "fwd",
            Self::Out => "out",
        }
    }
}

/// What a policy says of traffic that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// It may pass in the clear: `action allow` without templates, or with templates of `level use` alone.
    Pass,
    /// `action block`.
    Forbidden,
    /// It has to be protected: a template that is not of `level use`.
    Demands,
    /// Nobody can say, because of this.
    Unknown(&'static str),
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where it is asked.
    pub direction: Direction,
    /// Source and destination addresses, of one family; `None`: they could not be read.
    pub ends: Option<(AddrMask, AddrMask)>,
    /// The protocol.
    pub protocol: Option<u8>,
    /// Source port; ICMP: the type.
    pub source_port: Option<u16>,
    /// Destination port; ICMP: the code.
    pub destination_port: Option<u16>,
    /// The device of the packet's route: that by which it leaves; for what is delivered here it is loopback.
    pub device: Option<InterfaceName>,
    /// Mark and mask.
    pub mark: Option<(u32, u32)>,
    /// The number of an xfrm device (`if_id`); 0: for all others.
    pub interface: u32,
    /// Lower is asked first; of equal ones the older.
    pub priority: u32,
    /// What it says.
    pub says: Says,
    /// Whether it is for ICMP errors about what it is about, too (`flag icmp`).
    pub icmp: bool,
    /// How it was written, in one line.
    pub line: Box<str>,
}

/// What a policy is asked for (Linux: `struct flowi`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// The protocol.
    pub protocol: u8,
    /// Ports, or type and code of ICMP; 0 where there are none.
    pub ports: (u16, u16),
    /// The packet mark.
    pub mark: u32,
    /// The device of its route.
    pub device: OfRoute,
}

/// The device of a flow's route, as far as the kernel looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfRoute {
    /// This one.
    Is(InterfaceName),
    /// None: no policy with a device fits.
    None,
    /// It cannot be said.
    Unknown,
}

/// Whether a policy is about a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Yes,
    No,
    Unknown(&'static str),
}

impl Policy {
    /// Linux: `xfrm_policy_match`, `__xfrm4_selector_match`, `__xfrm6_selector_match`.
    fn fits(&self, flow: &Flow) -> Fit {
        let covers =
            |(from, to): (AddrMask, AddrMask)| from.contains(flow.source) && to.contains(flow.destination);
        if self.ends.is_some_and(|ends| !covers(ends))
            || self.interface != 0
            || self.protocol.is_some_and(|own| own != flow.protocol)
            || self.mark.is_some_and(|(mark, mask)| (flow.mark ^ mark) & mask != 0)
        {
            return Fit::No;
        }
        if let (Some(_), _) | (_, Some(_)) = (self.source_port, self.destination_port) {
            if matches!(flow.protocol, protocol::GRE | protocol::MOBILITY) {
                return Fit::Unknown("the key or type that a policy of IPsec asks for");
            }
            let wrong = |wanted: Option<u16>, own: u16| wanted.is_some_and(|wanted| wanted != own);
            if wrong(self.source_port, flow.ports.0) || wrong(self.destination_port, flow.ports.1) {
                return Fit::No;
            }
        }
        match (self.device, flow.device) {
            (None, _) => {}
            (Some(wanted), OfRoute::Is(own)) if wanted == own => {}
            (Some(_), OfRoute::Unknown) => {
                return Fit::Unknown("the device that a policy of IPsec asks for");
            }
            (Some(_), _) => return Fit::No,
        }
        if self.ends.is_none() { Fit::Unknown("whom a policy of IPsec is about") } else { Fit::Yes }
    }
}

/// All policies of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// By direction: as they are asked.
    lists: [Vec<Policy>; 3],
    /// By direction: those of single sockets (`socket in`), which count for their sockets alone, which nobody knows.
    sockets: [Vec<Policy>; 3],
    /// By direction: whether what no policy is about is dropped (`ip xfrm policy setdefault`).
    blocks: [bool; 3],
}

/// What was found for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'p> {
    /// The policy; `None`: what holds for all others.
    pub policy: Option<&'p Policy>,
    /// What it says.
    pub says: Says,
}

impl Policies {
    /// Whether there is any that somebody has to ask.
    #[inline]
    pub fn are_asked(&self, direction: Direction) -> bool {
        let at = direction as usize;
        self.lists.get(at).is_some_and(|own| !own.is_empty())
            || self.sockets.get(at).is_some_and(|own| !own.is_empty())
            || self.blocks.get(at).copied().unwrap_or_default()
    }

    /// Adds a policy behind those of lower and equal priority.
    pub fn add(&mut self, policy: Policy) {
        let Some(list) = self.lists.get_mut(policy.direction as usize) else { return };
        let at = list.partition_point(|own| own.priority <= policy.priority);
        list.insert(at, policy);
    }

    /// Adds a policy of a socket.
    pub fn add_of_socket(&mut self, policy: Policy) {
        if let Some(list) = self.sockets.get_mut(policy.direction as usize) {
            list.push(policy);
        }
    }

    /// Says what is done with what no policy is about.
    pub fn set_default(&mut self, direction: Direction, blocks: bool) {
        if let Some(own) = self.blocks.get_mut(direction as usize) {
            *own = blocks;
        }
    }

    /// Whether what no policy is about is dropped.
    pub fn blocks(&self, direction: Direction) -> bool {
        self.blocks.get(direction as usize).copied().unwrap_or_default()
    }

    /// The policies of a direction, as they are asked.
    pub fn list(&self, direction: Direction) -> &[Policy] {
        self.lists.get(direction as usize).map_or(&[], Vec::as_slice)
    }

    /// What is said of a flow. `of_socket`: it is of a socket of this machine, or may be.
    pub fn find(&self, direction: Direction, flow: &Flow, of_socket: bool) -> Found<'_> {
        let found = self.find_for_all(direction, flow);
        let own = self.sockets.get(direction as usize).filter(|_| of_socket);
        for policy in own.into_iter().flatten() {
            let is_same = policy.says == found.says && found.says != Says::Demands;
            if policy.fits(flow) != Fit::No && !is_same {
                let why = "whether a socket has a policy of IPsec of its own for this packet";
                return Found { policy: Some(policy), says: Says::Unknown(why) };
            }
        }
        found
    }

    fn find_for_all(&self, direction: Direction, flow: &Flow) -> Found<'_> {
        for policy in self.list(direction) {
            let says = match policy.fits(flow) {
                Fit::No => continue,
                Fit::Yes => policy.says,
                Fit::Unknown(why) => Says::Unknown(why),
            };
            return Found { policy: Some(policy), says };
        }
        let says = if self.blocks(direction) { Says::Forbidden } else { Says::Pass };
        Found { policy: None, says }
    }

    /// Whether some policy is for ICMP errors about its traffic.
    pub fn is_any_for_errors(&self, family: Family) -> bool {
        let is_of = |own: &&Policy| own.ends.is_none_or(|(from, _)| from.family() == family);
        self.list(Direction::Out).iter().filter(is_of).any(|own| own.icmp)
    }
}

#[cfg(test)]
mod tests;

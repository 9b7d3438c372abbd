//! Bindings: which reply tuple a connection gets.
//!
//! Linux: `nf_nat_setup_info`, `get_unique_tuple`, `nf_nat_l4proto_unique_tuple`. All random starts come from
//! [`crate::Random::port`].
use std::net::IpAddr;

use packet::protocol;
use packet::rewrite::End;
use rules::matches::PortRange;
use rules::targets::nat::NatRange;

use super::{done, hash, rewrites};
use crate::Env;
use crate::conntrack::tcp::State;
use crate::conntrack::{ConnectionId, Direction, ProtocolState, Status, Tuple};
use crate::hook::Verdict;
use crate::skb::Drop;

/// How many tries the first round of a search has at most (Linux: `NF_NAT_MAX_ATTEMPTS`).
const MOST_TRIES: u32 = 128;
/// With so few tries left a connection in TIME_WAIT may lose its port (Linux: `NF_NAT_HARDER_THRESH`).
const HARDER: u32 = MOST_TRIES / 4;
/// No further round after one with fewer tries.
const LEAST_TRIES: u32 = 16;

/// The range of one address and, if given, one port.
pub(super) fn one_address(address: IpAddr, port: Option<u16>) -> NatRange {
    NatRange {
        addresses: Some((address, address)),
        ports: port.map(|port| PortRange { first: port, last: port }),
        base_port: None,
        random: false,
        random_fully: false,
        persistent: false,
    }
}

/// Binds an end of a connection to what it is, but for its port if that is taken (F52; Linux:
/// `nf_nat_alloc_null_binding`).
pub(super) fn bind_null(id: ConnectionId, end: End, env: &mut Env<'_>) -> Verdict {
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    let address = match end {
        End::Source => connection.reply().destination,
        End::Destination => connection.reply().source,
    };
    bind(id, &one_address(address, None), end, env)
}

/// Binds an end of a connection to a range. A confirmed connection stays as it is (F9).
pub(super) fn bind(id: ConnectionId, range: &NatRange, end: End, env: &mut Env<'_>) -> Verdict {
    let Some(connection) = env.conntrack.get(id) else { return Verdict::Accept };
    if connection.status.has(Status::CONFIRMED) {
        return Verdict::Accept;
    }
    if connection.status.has(done(end)) {
        return Verdict::Drop(Drop::NatFailed);
    }
    let zone = connection.zone.original.max(connection.zone.reply);
    let Some(present) = connection.reply().inverted() else { return Verdict::Accept };
    let chosen = Search { id, end, range, zone, present }.unique(env);
    if chosen != present {
        let Some(reply) = chosen.inverted() else { return Verdict::Accept };
        env.conntrack.set_reply(id, reply);
        if let Some(connection) = env.conntrack.get_mut(id) {
            connection.status.set(rewrites(end));
        }
    }
    if end == End::Source {
        env.conntrack.index_source(id);
    }
    if let Some(connection) = env.conntrack.get_mut(id) {
        connection.status.set(done(end));
    }
    Verdict::Accept
}

/// A search for a tuple whose reply belongs to nobody.
struct Search<'a> {
    id: ConnectionId,
    end: End,
    range: &'a NatRange,
    zone: u16,
    /// What the original direction is translated to so far.
    present: Tuple,
}

impl Search<'_> {
    fn random(&self) -> bool {
        self.range.random || self.range.random_fully
    }

    /// The best tuple there is; it may be taken if nothing is free (F51).
    fn unique(&self, env: &mut Env<'_>) -> Tuple {
        if self.end == End::Source && !self.random() {
            if self.holds(&self.present) {
                if !self.clashes(env) {
                    return self.present;
                }
            } else if let Some(same) = self.same_source(env)
                && !self.taken(&same, env)
            {
                return same;
            }
        }
        let mut tuple = self.present;
        if let Some((first, last)) = self.range.addresses {
            let address = hash::choose(&tuple, self.end, first, last, self.range.persistent, self.zone);
            match self.end {
                End::Source => tuple.source = address,
                End::Destination => tuple.destination = address,
            }
        }
        if !self.random() {
            match self.range.ports {
                Some(ports) => {
                    let kept = self.range.base_port.is_none() && port_in(&tuple, self.end, ports);
                    // Linux: a range of one port is taken without asking whether it is free (F51).
                    if kept && (ports.first == ports.last || !self.taken(&tuple, env)) {
                        return tuple;
                    }
                }
                None if !self.taken(&tuple, env) => return tuple,
                None => {}
            }
        }
        self.search_port(&mut tuple, env);
        tuple
    }

    /// Whether the source of a tuple lies in the range (Linux: `nf_in_range`).
    fn holds(&self, tuple: &Tuple) -> bool {
        let address =
            self.range.addresses.is_none_or(|(first, last)| first <= tuple.source && tuple.source <= last);
        address && self.range.ports.is_none_or(|ports| port_in(tuple, End::Source, ports))
    }

    /// What another connection from the same source is translated to, if that lies in the range (F48; Linux:
    /// `find_appropriate_src`).
    fn same_source(&self, env: &Env<'_>) -> Option<Tuple> {
        let own = env.conntrack.get(self.id)?;
        env.conntrack.by_source(&self.present, own.zone.original).find_map(|id| {
            let mapped = env.conntrack.get(id)?.reply().inverted()?;
            let tuple = Tuple {
                destination: self.present.destination,
                destination_id: self.present.destination_id,
                ..mapped
            };
            self.holds(&tuple).then_some(tuple)
        })
    }

    fn taken(&self, tuple: &Tuple, env: &Env<'_>) -> bool {
        tuple.inverted().is_some_and(|reply| env.conntrack.tuple_taken(&reply, self.id, env.now.mono))
    }

    /// Whether the tuple as it is cannot stay: not if the other one is the same flow seen from its other end, without NAT;
    /// which of the two is kept is decided when the second is confirmed (Linux: `nf_nat_used_tuple_new`).
    fn clashes(&self, env: &Env<'_>) -> bool {
        if !self.taken(&self.present, env) {
            return false;
        }
        let now = env.now.mono;
        let Some(own) = env.conntrack.get(self.id) else { return true };
        let find = |tuple: &Tuple| env.conntrack.find(tuple, own.zone, now);
        let found = find(&self.present).or_else(|| find(&self.present.inverted()?));
        let Some(other) = found.and_then(|(id, _)| env.conntrack.get(id)) else { return false };
        // Linux: `nf_nat_allow_clash`: the protocols whose trackers resolve clashes.
        let resolved = !matches!(
            self.present.protocol,
            protocol::TCP | protocol::SCTP | protocol::ICMP | protocol::ICMPV6
        );
        let translated = Status(Status::SRC_NAT.0 | Status::DST_NAT.0 | Status::SEQ_ADJUST.0);
        !resolved
            || other.status.any(translated)
            || other.original() != own.reply()
            || other.reply() != own.original()
    }

    /// Seeks a free port, ICMP identifier or key; the last one tried stays if none is free.
    fn search_port(&self, tuple: &mut Tuple, env: &mut Env<'_>) {
        let icmp = matches!(tuple.protocol, protocol::ICMP | protocol::ICMPV6);
        let present = id_of(tuple, self.end);
        let (first, last) = match (tuple.protocol, self.range.ports) {
            (protocol::ICMP | protocol::ICMPV6, None) => (0, u16::MAX),
            (protocol::ICMP | protocol::ICMPV6, Some(ports)) => (ports.first, ports.last),
            (protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP, Some(ports)) => {
                (ports.first.min(ports.last), ports.first.max(ports.last))
            }
            (protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP, None) => {
                match (self.end, present) {
                    // A destination port is part of what the client asked for.
                    (End::Destination, _) => return,
                    (End::Source, 0..512) => (1, 511),
                    (End::Source, 512..1024) => (600, 1023),
                    (End::Source, _) => (1024, u16::MAX),
                }
            }
            // Linux: without a master it is no tunnel of PPTP, and its keys stay.
            (protocol::GRE, ports) if self.is_expected(env) => {
                ports.map_or((1, u16::MAX), |ports| (ports.first, ports.last))
            }
            _ => return,
        };
        let size = u32::from(last.saturating_sub(first)) + 1;
        let mut start = match self.range.base_port {
            Some(base) => present.wrapping_sub(base),
            None if self.random() || self.end == End::Source => self.start(tuple, first, last, env),
            None => 0,
        };
        let end = if icmp { End::Source } else { self.end };
        let mut tries = size.min(MOST_TRIES);
        loop {
            for left in (1..=tries).rev() {
                let offset = u16::try_from(u32::from(start) % size).unwrap_or(0);
                set_id(tuple, end, first.wrapping_add(offset));
                if !self.taken_harder(tuple, left, env) {
                    return;
                }
                start = start.wrapping_add(1);
            }
            if tries >= size || tries < LEAST_TRIES {
                return;
            }
            tries /= 2;
            start = self.start(tuple, first, last, env);
        }
    }

    fn is_expected(&self, env: &Env<'_>) -> bool {
        env.conntrack.get(self.id).is_some_and(|connection| connection.rare().master.is_some())
    }

    /// Where a search begins, counted from the first port.
    fn start(&self, tuple: &Tuple, first: u16, last: u16, env: &mut Env<'_>) -> u16 {
        env.random.port(tuple, self.end, first, last).wrapping_sub(first)
    }

    /// Towards the end of a search a connection in TIME_WAIT gives its port to a new one whose sequence numbers are
    /// beyond its own (Linux: `nf_nat_used_tuple_harder`).
    fn taken_harder(&self, tuple: &Tuple, left: u32, env: &mut Env<'_>) -> bool {
        let now = env.now.mono;
        let Some(own) = env.conntrack.get(self.id) else { return false };
        let end = match own.protocol {
            ProtocolState::Tcp(tcp) if left <= HARDER && tcp.state == State::SynSent => tcp.sides[0].end,
            _ => return self.taken(tuple, env),
        };
        let Some(reply) = tuple.inverted() else { return false };
        let Some((id, direction)) = env.conntrack.find(&reply, own.zone, now) else { return false };
        let Some(other) = env.conntrack.get(id) else { return false };
        let ProtocolState::Tcp(tcp) = other.protocol else { return true };
        let ended = matches!(tcp.state, State::TimeWait | State::Close | State::SynSent2);
        let killable = !other.status.any(Status(Status::FIXED_TIMEOUT.0 | Status::DYING.0))
            && other.status.has(Status::SRC_NAT);
        let advanced = end.wrapping_sub(tcp.sides[0].end).cast_signed() > 0;
        if direction == Direction::Original || !ended || !killable || !advanced {
            return true;
        }
        env.conntrack.kill(id);
        false
    }
}

/// Whether the port of an end, or the identifier of ICMP, lies in a range; a protocol without ports lies in every
/// range (Linux: `l4proto_in_range`).
fn port_in(tuple: &Tuple, end: End, ports: PortRange) -> bool {
    match tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => ports.contains(tuple.source_id),
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP | protocol::GRE => {
            ports.contains(id_of(tuple, end))
        }
        _ => true,
    }
}

fn id_of(tuple: &Tuple, end: End) -> u16 {
    match end {
        End::Source => tuple.source_id,
        End::Destination => tuple.destination_id,
    }
}

fn set_id(tuple: &mut Tuple, end: End, id: u16) {
    match end {
        End::Source => tuple.source_id = id,
        End::Destination => tuple.destination_id = id,
    }
}

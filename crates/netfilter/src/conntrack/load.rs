//! Loading a table: connections out of the lines of a real host, so that a packet in the middle of a flow is decided.
//!
//! Read first: `format`; Linux `ctnetlink_create_conntrack`. A line has less than the kernel remembers. What is missing is
//! taken so that the packets of a healthy flow pass:
//!
//! * windows and sequence numbers of TCP: neither side is judged by its window, as after `conntrack -I`;
//! * tags of SCTP: those of the next packet of each direction;
//! * translations: read off the reply tuple; both decisions are made, so no rule of table nat is asked again;
//! * the age of a UDP flow: `delta-time`, else old enough to be a stream;
//! * timeouts of GRE: those of the line, else the settings';
//! * what a translated connection expects: only of helpers whose translation follows from the connection (TFTP), or who
//!   translate nothing; the port that another announced stands in no line.
//!
//! What is lost: moved sequence numbers, the master of an expected connection (so it is not RELATED, if it has no reply yet),
//! the device of MASQUERADE, fixed timeouts, security contexts; an offloaded flow takes the classic way
//! ([`Loaded::offloaded`]).
//!
//! Limits: [`super::Config::max`]; a line beyond is [`ErrorKind::Full`], nothing is dropped early for it.
use std::time::Duration;

use packet::{Family, protocol};

use super::expect::{Expectation, Flags, Function};
use super::format::{DCCP, Entry, Error, ErrorKind, Expected, Line, State, error_at, lines};
use super::helper::{Helper, Kind};
use super::{
    Connection, ConnectionId, Conntrack, Direction, ProtocolState, Status, Tuple, Zone, gre, sctp, tcp, udp,
};
use crate::time::{Instant, Now, Timer};

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Connections.
    pub connections: usize,
    /// Expectations.
    pub expectations: usize,
    /// Of the connections those whose packets a flow table carries past the rules on the host they come from.
    pub offloaded: usize,
}

impl Conntrack {
    /// Adds the connections and expectations of a text to the table, as they are at `now`. `label` knows the labels of
    /// `labels=` by their names; labels of connections are kept only while a rule uses them. An expectation may stand in
    /// front of its master.
    ///
    /// # Errors
    /// The first line that cannot be loaded; those before it are in the table.
    pub fn load(
        &mut self,
        text: &str,
        label: &dyn Fn(&str) -> Option<u16>,
        now: Now,
    ) -> Result<Loaded, Error> {
        let mut loaded = Loaded::default();
        let mut expected = Vec::new();
        for (number, line, read) in lines(text) {
            match read? {
                Line::Connection(entry) => {
                    let wrong = |starts: &[&str], kind| error_at(line, number, starts, kind);
                    self.load_entry(&entry, label, now, &wrong)?;
                    loaded.connections += 1;
                    loaded.offloaded += usize::from(entry.offload.is_some());
                }
                Line::Expectation(item) => expected.push((number, line, item)),
            }
        }
        for (number, line, item) in expected {
            self.load_expected(&item, now.mono, &|starts, kind| error_at(line, number, starts, kind))?;
            loaded.expectations += 1;
        }
        Ok(loaded)
    }

    fn load_entry(
        &mut self,
        entry: &Entry,
        label: &dyn Fn(&str) -> Option<u16>,
        now: Now,
        wrong: &dyn Fn(&[&str], ErrorKind) -> Error,
    ) -> Result<(), Error> {
        let (original, reply) = (plain(entry.original.tuple), plain(entry.reply.tuple));
        let Some(straight) = original.inverted() else { return Err(wrong(&["type="], ErrorKind::NoAnswer)) };
        if reply.inverted().is_none() {
            return Err(wrong(&["type="], ErrorKind::NoAnswer));
        }
        let mut connection = Connection::new(original, reply, entry.zone);
        if entry.zero_zone.is_some() {
            connection.rare_mut().zero_zone = entry.zero_zone;
        }
        connection.status = status(entry, straight, reply);
        connection.mark = entry.mark.unwrap_or(0);
        connection.set_counted(entry.original.counters.is_some() || entry.reply.counters.is_some());
        connection.counters = [entry.original, entry.reply].map(|flow| flow.counters.unwrap_or_default());
        connection.protocol = self.protocol_of(entry, now.mono);
        if let Some(name) = &entry.helper {
            let kind = Kind::from_name(name, original.family(), original.protocol);
            let kind = kind.ok_or_else(|| wrong(&["helper="], ErrorKind::Helper))?;
            connection.rare_mut().helper = Some(Helper::loaded(kind));
            connection.status.set(Status::HELPER);
        }
        if let Some(age) = entry.delta_time {
            let began = now.wall.saturating_sub(age.saturating_mul(1_000_000_000));
            connection.rare_mut().started = Some(began);
        }
        let seconds = entry.seconds.map_or_else(|| self.usual(&connection), Duration::from_secs);
        // Why: until it is confirmed its time is counted from zero.
        connection.expires = Instant(0) + seconds;
        let labels = match &entry.labels {
            Some(names) => {
                let numbers = names.split(',').map(|name| {
                    label(name)
                        .filter(|&number| number < super::LABELS)
                        .ok_or_else(|| wrong(&["labels="], ErrorKind::Label))
                });
                numbers.collect::<Result<Vec<u16>, Error>>()?
            }
            None => Vec::new(),
        };
        if self.len() >= self.config.max {
            return Err(wrong(&[], ErrorKind::Full));
        }
        let Some(id) = self.insert(connection, now.mono) else { return Err(wrong(&[], ErrorKind::Full)) };
        self.index_source(id);
        if !self.index(id, now.mono) && !self.index_as_earlier(id, now.mono) {
            self.kill(id);
            return Err(wrong(&["src="], ErrorKind::Taken));
        }
        for number in labels {
            self.set_label(id, number);
        }
        Ok(())
    }

    fn protocol_of(&self, entry: &Entry, now: Instant) -> ProtocolState {
        let timeouts = &self.config.timeouts;
        match (entry.original.tuple.protocol, entry.state) {
            (protocol::TCP, Some(State::Tcp(state))) => ProtocolState::Tcp(tcp::Tcp::loaded(state)),
            // An offloaded one has no state in its line: only established ones are.
            (protocol::TCP, _) => ProtocolState::Tcp(tcp::Tcp::loaded(tcp::State::Established)),
            (protocol::SCTP, Some(State::Sctp(state))) => ProtocolState::Sctp(sctp::Sctp::loaded(state)),
            (protocol::SCTP, _) => ProtocolState::Sctp(sctp::Sctp::loaded(sctp::State::Established)),
            (protocol::UDP | protocol::UDPLITE, _) => {
                let age = entry.delta_time.map(Duration::from_secs);
                let began = age.map_or(Instant(0), |age| Instant(now.0.saturating_sub(nanos(age))));
                ProtocolState::Udp(udp::Udp::since(began))
            }
            (protocol::GRE, _) => {
                let (timeout, stream_timeout) = match entry.gre_timeouts {
                    // Linux: both are 0 of an entry that `conntrack -I` made.
                    Some((timeout, stream)) if timeout != 0 => {
                        (Duration::from_secs(timeout), Duration::from_secs(stream))
                    }
                    _ => (timeouts.gre, timeouts.gre_stream),
                };
                ProtocolState::Gre(gre::Gre { timeout, stream_timeout })
            }
            _ => ProtocolState::Plain,
        }
    }

    /// The timeout of a connection whose line has none.
    fn usual(&self, connection: &Connection) -> Duration {
        let timeouts = &self.config.timeouts;
        match connection.ip_protocol() {
            protocol::TCP => timeouts.tcp_established,
            protocol::SCTP => timeouts.sctp_established,
            protocol::UDP | protocol::UDPLITE => timeouts.udp_stream,
            protocol::GRE => timeouts.gre_stream,
            protocol::ICMP => timeouts.icmp,
            protocol::ICMPV6 => timeouts.icmpv6,
            _ => timeouts.generic,
        }
    }

    fn load_expected(
        &mut self,
        item: &Expected,
        now: Instant,
        wrong: &dyn Fn(&[&str], ErrorKind) -> Error,
    ) -> Result<(), Error> {
        let master = item.master.and_then(|tuple| self.master(&tuple, item, now));
        let Some(master) = master else { return Err(wrong(&["master-src="], ErrorKind::Master)) };
        let Some(connection) = self.get(master) else { return Err(wrong(&[], ErrorKind::Master)) };
        let Some(kind) = connection.helper().map(|helper| helper.kind) else {
            return Err(wrong(&["helper="], ErrorKind::Helper));
        };
        let own_port = connection.original().source_id;
        let translated = connection.status.any(Status::NAT_MASK);
        let follows = match kind {
            // Always where the question came from.
            Kind::Tftp => translated,
            // They translate nothing.
            Kind::NetbiosNs | Kind::Snmp | Kind::Sane => false,
            _ if translated => return Err(wrong(&["master-src="], ErrorKind::Translated)),
            _ => false,
        };
        let Tuple { source, destination, protocol, source_id, destination_id } = item.tuple;
        let mut expectation = Expectation::new(master, kind, protocol, destination, destination_id);
        expectation.source = (item.source_mask != Family::of(source).unspecified()).then_some(source);
        expectation.source_mask = expectation.source.map(|_| item.source_mask);
        expectation.source_port = (!item.any_port).then_some(source_id);
        expectation.flags = Flags(item.flags.0);
        if follows {
            expectation.function = Function::FollowMaster;
            expectation.direction = Direction::Reply;
            expectation.saved_port = own_port;
        }
        expectation.class = item.class.and_then(|class| u8::try_from(class).ok()).unwrap_or(0);
        let id = self.expect(expectation, now).map_err(|_| wrong(&["dport="], ErrorKind::Refused))?;
        // Why: a line does not say when its timer was started. Few helpers start it for another time than their policy's.
        let timeout = kind.policy(expectation.class).timeout;
        self.restart_expectation(id, expectation.flags, Timer::found(now, item.seconds, timeout));
        Ok(())
    }

    /// The connection that expects something. Its line does not name its protocol: the one that has the helper is it.
    fn master(&self, tuple: &Tuple, item: &Expected, now: Instant) -> Option<ConnectionId> {
        let zone = Zone { original: item.zone, reply: item.zone };
        [tuple.protocol, protocol::TCP, protocol::UDP].into_iter().find_map(|protocol| {
            let (id, direction) = self.find(&Tuple { protocol, ..*tuple }, zone, now)?;
            let helped = self.get(id)?.helper().is_some_and(|helper| helper.kind.name() == &*item.helper);
            (helped && direction == Direction::Original).then_some(id)
        })
    }
}

/// The status bits of a line.
fn status(entry: &Entry, straight: Tuple, reply: Tuple) -> Status {
    let mut status = Status::default();
    // Why: its first packet has been through table nat, or there was none.
    status.set(Status::NAT_DONE_MASK);
    if !entry.unreplied {
        status.set(Status::SEEN_REPLY);
    }
    if entry.assured || entry.offload.is_some() {
        status.set(Status::ASSURED);
    }
    // The identifier of ICMP belongs to the source, though it stands in one place in both directions.
    let icmp = matches!(reply.protocol, protocol::ICMP | protocol::ICMPV6);
    let id = |tuple: Tuple| if icmp { (tuple.source_id, 0) } else { (tuple.destination_id, tuple.source_id) };
    let ((source, destination), (straight_source, straight_destination)) = (id(reply), id(straight));
    if (reply.destination, source) != (straight.destination, straight_source) {
        status.set(Status::SRC_NAT);
    }
    if (reply.source, destination) != (straight.source, straight_destination) {
        status.set(Status::DST_NAT);
    }
    status
}

/// A tuple as a packet of today has it: DCCP has no tracker any more, so its ports do not count.
fn plain(tuple: Tuple) -> Tuple {
    match tuple.protocol {
        DCCP => Tuple { source_id: 0, destination_id: 0, ..tuple },
        _ => tuple,
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

//! Events of the table, as listeners of ctnetlink (`conntrack -E`) are told them.
//!
//! What changes about a connection while a packet is on its way is told at the end of the way, in one event; if the packet
//! does not come so far, with the next one that does (Linux: `nf_conntrack_event_cache`, `nf_ct_deliver_cached_events`). That it has
//! ended, and what is expected, is told at once. A rule `-j CT --ctevents` says which events of a connection are wanted.
//!
//! Limits: [`super::Config::most_events`] events wait to be taken, the oldest is lost beyond.
use super::expect::Expectation;
use super::{Connection, ConnectionId, Conntrack, Status};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A connection was confirmed.
    New,
    /// Its state or status changed.
    Update,
    /// It ended.
    Destroy,
    /// A helper expects a connection.
    NewExpectation,
    /// An expectation was met, ran out or was taken back.
    DestroyExpectation,
}

/// What has changed (Linux: `enum ip_conntrack_events`, the bits of `--ctevents`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub u16);

impl Changes {
    /// It is new.
    pub const NEW: Changes = Changes(1);
    /// It is new, and was expected.
    pub const RELATED: Changes = Changes(1 << 1);
    /// It has ended.
    pub const DESTROY: Changes = Changes(1 << 2);
    /// The first answer was seen.
    pub const REPLY: Changes = Changes(1 << 3);
    /// It is not to be evicted early.
    pub const ASSURED: Changes = Changes(1 << 4);
    /// The state of its protocol.
    pub const PROTOINFO: Changes = Changes(1 << 5);
    /// Its helper.
    pub const HELPER: Changes = Changes(1 << 6);
    /// Its mark.
    pub const MARK: Changes = Changes(1 << 7);
    /// Its sequence numbers are moved.
    pub const SEQ_ADJUST: Changes = Changes(1 << 8);
    /// Its labels.
    pub const LABEL: Changes = Changes(1 << 10);
    /// What SYNPROXY knows of it.
    pub const SYNPROXY: Changes = Changes(1 << 11);

    /// Whether any bit of `other` is set.
    pub const fn any(self, other: Changes) -> bool {
        self.0 & other.0 != 0
    }

    /// These and others.
    pub const fn and(self, other: Changes) -> Changes {
        Changes(self.0 | other.0)
    }
}

/// Which events of a connection listeners want (`-j CT --ctevents`, `--expevents`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Bits of [`Changes`].
    pub connection: u16,
    /// Of its expectations: 1 new, 2 the end.
    pub expectations: u16,
}

impl Wanted {
    /// All.
    pub const ALL: Wanted = Wanted { connection: u16::MAX, expectations: u16::MAX };
}

/// An event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The connection; of an expectation: the one whose helper made it.
    pub id: ConnectionId,
    /// The connection as it was then.
    pub connection: Box<Connection>,
    /// What has changed; of expectations nothing.
    pub changes: Changes,
    /// Its labels ([`Conntrack::labels`]).
    pub labels: Option<u128>,
    /// The expectation that it is about.
    pub expectation: Option<Box<Expectation>>,
}

/// What is kept of a connection for its events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached {
    changes: Changes,
    wanted: Wanted,
}

impl Conntrack {
    /// The oldest event that nobody took yet. None are made unless [`super::Config::most_events`] is above 0.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How many events were lost because nobody took them in time.
    pub fn lost_events(&self) -> u64 {
        self.lost_events
    }

    /// Which events of a connection are wanted.
    pub(super) fn want_events(&mut self, id: ConnectionId, wanted: Wanted) {
        if self.config.most_events > 0 {
            self.cached.insert(id, Cached { changes: Changes::default(), wanted });
        }
    }

    /// Notes that something has changed; [`Self::tell`] tells it.
    pub(crate) fn note(&mut self, changes: Changes, id: ConnectionId) {
        if self.config.most_events == 0 || self.get(id).is_none() {
            return;
        }
        let cached =
            self.cached.entry(id).or_insert(Cached { changes: Changes::default(), wanted: Wanted::ALL });
        cached.changes = cached.changes.and(changes);
    }

    /// Tells what was noted of a connection that is in the table.
    pub(super) fn tell(&mut self, id: ConnectionId) {
        let Some(status) = self.get(id).map(|connection| connection.status) else { return };
        if !status.has(Status::CONFIRMED) || status.has(Status::DYING) {
            return;
        }
        let Some(cached) = self.cached.get_mut(&id) else { return };
        let (changes, wanted) = (std::mem::take(&mut cached.changes), cached.wanted);
        if changes.any(Changes(wanted.connection)) {
            let new = changes.any(Changes::NEW.and(Changes::RELATED));
            self.push_event(if new { EventKind::New } else { EventKind::Update }, id, changes, None);
        }
    }

    /// Tells that a connection has ended. What else was noted of it is not told any more.
    pub(super) fn tell_end(&mut self, id: ConnectionId) {
        if self.wanted(id).is_some_and(|wanted| Changes(wanted.connection).any(Changes::DESTROY)) {
            self.push_event(EventKind::Destroy, id, Changes::DESTROY, None);
        }
    }

    /// A connection is no more.
    pub(super) fn forget_events(&mut self, id: ConnectionId) {
        self.cached.remove(&id);
    }

    /// Tells of an expectation.
    pub(super) fn tell_expectation(&mut self, kind: EventKind, expectation: &Expectation) {
        let bit = if kind == EventKind::NewExpectation { 1 } else { 2 };
        if self.wanted(expectation.master).is_some_and(|wanted| wanted.expectations & bit != 0) {
            self.push_event(kind, expectation.master, Changes::default(), Some(Box::new(*expectation)));
        }
    }

    /// Which events of a connection are wanted; `None`: nobody wants any.
    fn wanted(&self, id: ConnectionId) -> Option<Wanted> {
        (self.config.most_events > 0)
            .then(|| self.cached.get(&id).map_or(Wanted::ALL, |cached| cached.wanted))
    }

    fn push_event(
        &mut self,
        kind: EventKind,
        id: ConnectionId,
        changes: Changes,
        expectation: Option<Box<Expectation>>,
    ) {
        let Some(connection) = self.get(id).cloned().map(Box::new) else { return };
        if self.events.len() >= self.config.most_events {
            self.events.pop_front();
            self.lost_events = self.lost_events.saturating_add(1);
        }
        let labels = self.labels(id);
        self.events.push_back(Event { kind, id, connection, changes, labels, expectation });
    }
}

//! Events of the table, as `conntrack -E` shows them.
use super::{Connection, ConnectionId, Conntrack};

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

/// An event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The connection; of an expectation: the one whose helper made it.
    pub id: ConnectionId,
    /// The connection as it was then.
    pub connection: Box<Connection>,
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

    /// Notes an event about a connection.
    pub(super) fn note(&mut self, kind: EventKind, id: ConnectionId) {
        if self.config.most_events == 0 {
            return;
        }
        let Some(connection) = self.get(id).cloned().map(Box::new) else { return };
        if self.events.len() >= self.config.most_events {
            self.events.pop_front();
            self.lost_events = self.lost_events.saturating_add(1);
        }
        self.events.push_back(Event { kind, id, connection });
    }
}

//! The connection state alone (`-m state`): kept apart from conntrack in listings.
use super::conntrack::StateSet;
use crate::Negatable;

/// `-m state --state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The states.
    pub states: Negatable<StateSet>,
}

//! Scenes: most random cases play in the usual network, a few where timeouts are short and time goes by, a few at a bridge.
//! Cases of one scene share a namespace; the scene is a function of the number alone, so that a case can be made again.
use super::{Plan, bridge, sockets, timing};

/// Where and how the case of a number plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// The usual network.
    Plain,
    /// A bridge beside it, in one of several kinds.
    Bridge(u8),
    /// Conversations that helpers listen to.
    Helpers,
    /// Short timeouts, in one of several kinds, and time that goes by.
    Time(u8),
}

impl Scene {
    /// The scene of the case of a number.
    pub fn of(plan: &Plan, number: u64) -> Self {
        if plan.translatable || plan.nft {
            Self::Plain
        } else if number % 97 == 61 {
            // Why not the next number: the family follows from it.
            Self::Time((number / (97 * 4) % timing::KINDS) as u8)
        } else if number % 19 == 5 {
            Self::Helpers
        } else if number % 23 == 12 {
            Self::Bridge((number / 23 % bridge::KINDS) as u8)
        } else {
            Self::Plain
        }
    }

    /// Its name for `judge --scene`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Bridge(_) => "bridge",
            Self::Helpers => "helpers",
            Self::Time(_) if timing::limits_errors(self) => "limits",
            Self::Time(_) => "time",
        }
    }

    /// Whether its cases wait for most of their time.
    pub fn waits(self) -> bool {
        matches!(self, Self::Time(_))
    }

    pub(super) fn is_bridge(self) -> bool {
        matches!(self, Self::Bridge(_))
    }

    /// Changes of the network.
    pub(super) fn network(self) -> Vec<String> {
        let more = match self {
            Self::Plain | Self::Helpers => Vec::new(),
            Self::Bridge(kind) => bridge::network(kind),
            Self::Time(kind) => timing::network(kind),
        };
        sockets::NETWORK.iter().map(|&line| line.to_owned()).chain(more).collect()
    }
}

//! What connection tracking knows of a packet (`-m conntrack`).
use packet::AddrMask;

use super::PortRange;
use crate::Negatable;

/// `-m conntrack`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    /// `--ctstate`: a set of [`StateSet`] bits.
    pub state: Option<Negatable<StateSet>>,
    /// `--ctproto`.
    pub protocol: Option<Negatable<u8>>,
    /// `--ctorigsrc`.
    pub original_source: Option<Negatable<AddrMask>>,
    /// `--ctorigdst`.
    pub original_destination: Option<Negatable<AddrMask>>,
    /// `--ctreplsrc`.
    pub reply_source: Option<Negatable<AddrMask>>,
    /// `--ctrepldst`.
    pub reply_destination: Option<Negatable<AddrMask>>,
    /// `--ctstatus`: a set of [`StatusSet`] bits.
    pub status: Option<Negatable<StatusSet>>,
    /// `--ctexpire`: seconds left, from and to.
    pub expire: Option<Negatable<(u32, u32)>>,
    /// `--ctorigsrcport`.
    pub original_source_port: Option<Negatable<PortRange>>,
    /// `--ctorigdstport`.
    pub original_destination_port: Option<Negatable<PortRange>>,
    /// `--ctreplsrcport`.
    pub reply_source_port: Option<Negatable<PortRange>>,
    /// `--ctrepldstport`.
    pub reply_destination_port: Option<Negatable<PortRange>>,
    /// `--ctdir`: `true` for ORIGINAL, `false` for REPLY.
    pub direction_original: Option<bool>,
}

/// A set of connection states, as `--ctstate` and `--state` name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StateSet(pub u8);

impl StateSet {
    /// INVALID.
    pub const INVALID: StateSet = StateSet(1);
    /// NEW.
    pub const NEW: StateSet = StateSet(2);
    /// RELATED.
    pub const RELATED: StateSet = StateSet(4);
    /// ESTABLISHED.
    pub const ESTABLISHED: StateSet = StateSet(8);
    /// UNTRACKED.
    pub const UNTRACKED: StateSet = StateSet(16);
    /// SNAT: the source is translated.
    pub const SNAT: StateSet = StateSet(32);
    /// DNAT: the destination is translated.
    pub const DNAT: StateSet = StateSet(64);

    /// Whether the two sets share a state.
    pub const fn intersects(self, other: StateSet) -> bool {
        self.0 & other.0 != 0
    }
}

/// A set of connection status flags, as `--ctstatus` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusSet(pub u8);

impl StatusSet {
    /// NONE: no flag at all.
    pub const NONE: StatusSet = StatusSet(0);
    /// EXPECTED.
    pub const EXPECTED: StatusSet = StatusSet(1);
    /// SEEN_REPLY.
    pub const SEEN_REPLY: StatusSet = StatusSet(2);
    /// ASSURED.
    pub const ASSURED: StatusSet = StatusSet(4);
    /// CONFIRMED.
    pub const CONFIRMED: StatusSet = StatusSet(8);
}

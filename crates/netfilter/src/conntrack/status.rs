//! The status bits of a connection.

/// Status bits of a connection, with the kernel's values (`enum ip_conntrack_status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

impl Status {
    /// It was expected by a helper.
    pub const EXPECTED: Status = Status(1);
    /// Packets went both ways.
    pub const SEEN_REPLY: Status = Status(1 << 1);
    /// Not to be evicted early.
    pub const ASSURED: Status = Status(1 << 2);
    /// In the table.
    pub const CONFIRMED: Status = Status(1 << 3);
    /// The source is translated.
    pub const SRC_NAT: Status = Status(1 << 4);
    /// The destination is translated.
    pub const DST_NAT: Status = Status(1 << 5);
    /// TCP sequence numbers are moved.
    pub const SEQ_ADJUST: Status = Status(1 << 6);
    /// Source NAT is decided.
    pub const SRC_NAT_DONE: Status = Status(1 << 7);
    /// Destination NAT is decided.
    pub const DST_NAT_DONE: Status = Status(1 << 8);
    /// It is being removed.
    pub const DYING: Status = Status(1 << 9);
    /// Its timeout does not move.
    pub const FIXED_TIMEOUT: Status = Status(1 << 10);
    /// A helper was given by a rule.
    pub const HELPER: Status = Status(1 << 13);

    /// Translated in some way.
    pub const NAT_MASK: Status = Status(Self::SRC_NAT.0 | Self::DST_NAT.0);
    /// Both NAT decisions are made.
    pub const NAT_DONE_MASK: Status = Status(Self::SRC_NAT_DONE.0 | Self::DST_NAT_DONE.0);

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn has(self, other: Status) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets bits.
    #[inline]
    pub fn set(&mut self, other: Status) {
        self.0 |= other.0;
    }

    /// Whether any bit of `other` is set.
    #[inline]
    pub const fn any(self, other: Status) -> bool {
        self.0 & other.0 != 0
    }

    /// Clears bits.
    #[inline]
    pub fn clear(&mut self, other: Status) {
        self.0 &= !other.0;
    }
}

//! What connection tracking shall do with a packet (`-j CT`, `-j NOTRACK`).

/// `-j CT`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ct {
    /// `--notrack`.
    pub notrack: bool,
    /// `--helper`: 1 to 15 bytes.
    pub helper: Option<Box<str>>,
    /// `--timeout`: the name of a policy.
    pub timeout: Option<Box<str>>,
    /// `--ctevents`: bits in the order new related destroy reply assured protoinfo helper mark natseqinfo secmark.
    pub events: Option<u16>,
    /// `--expevents`: bit 0 is new.
    pub expectation_events: Option<u16>,
    /// `--zone`, `--zone-orig`, `--zone-reply`.
    pub zone: Option<Zone>,
}

/// The zone that `-j CT` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// For which direction.
    pub direction: ZoneDirection,
    /// The number, or the packet's mark.
    pub id: ZoneId,
}

/// Directions in which a zone counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneDirection {
    /// `--zone`.
    Both,
    /// `--zone-orig`.
    Original,
    /// `--zone-reply`.
    Reply,
}

/// A zone's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneId {
    /// A number.
    Number(u16),
    /// The packet's mark (its low 16 bits).
    Mark,
}

//! Lists of ports (`-m multiport`).
use super::PortRange;

/// `-m multiport`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multiport {
    /// Whether `!` stands before the list.
    pub invert: bool,
    /// Which port is looked at.
    pub side: Side,
    /// 1 to 15 ports; a range counts as two.
    pub ports: Box<[PortRange]>,
}

/// Which port `-m multiport` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`: either.
    Either,
}

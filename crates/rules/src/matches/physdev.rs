//! The port of a bridge by which a packet came or leaves (`-m physdev`).
use crate::{InterfacePattern, Negatable};

/// `-m physdev`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Physdev {
    /// `--physdev-in`.
    pub input: Option<Negatable<InterfacePattern>>,
    /// `--physdev-out`.
    pub output: Option<Negatable<InterfacePattern>>,
    /// `--physdev-is-in`; the value is the inversion.
    pub is_in: Option<bool>,
    /// `--physdev-is-out`; the value is the inversion.
    pub is_out: Option<bool>,
    /// `--physdev-is-bridged`; the value is the inversion.
    pub is_bridged: Option<bool>,
}

//! The socket that sent a packet (`-m owner`).
use crate::Negatable;

/// `-m owner`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `--uid-owner`: from and to.
    pub uid: Option<Negatable<(u32, u32)>>,
    /// `--gid-owner`: from and to.
    pub gid: Option<Negatable<(u32, u32)>>,
    /// `--socket-exists`; the value is the inversion.
    pub socket_exists: Option<bool>,
    /// `--suppl-groups`.
    pub supplementary_groups: bool,
}

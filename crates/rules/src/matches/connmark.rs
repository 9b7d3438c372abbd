//! The connection mark (`-m connmark`).

/// `-m connmark --mark`.
pub type Connmark = super::mark::Mark;

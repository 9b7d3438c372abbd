//! A remark that matches everything (`-m comment`).

/// `-m comment --comment`: at most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The text.
    pub text: Box<str>,
}

//! A line in the log (`-j LOG`).

/// `-j LOG`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `--log-level`: 0 (emergency) to 7 (debug); 4 by default.
    pub level: u8,
    /// `--log-prefix`: at most 29 bytes.
    pub prefix: Box<str>,
    /// `--log-tcp-sequence`.
    pub tcp_sequence: bool,
    /// `--log-tcp-options`.
    pub tcp_options: bool,
    /// `--log-ip-options`.
    pub ip_options: bool,
    /// `--log-uid`.
    pub uid: bool,
    /// `--log-macdecode`.
    pub mac_decode: bool,
}

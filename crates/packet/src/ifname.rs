//! Names of network devices: 1 to 15 bytes, as `IFNAMSIZ` leaves them.
use std::fmt;

/// The name of a network device. At most 15 bytes, never empty; `Copy` and compared without allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName {
    bytes: [u8; 16],
}

impl InterfaceName {
    /// The longest name in bytes (`IFNAMSIZ` - 1).
    pub const MAX: usize = 15;

    /// A name out of its text; `None` if it is empty, longer than [`Self::MAX`] bytes or contains a NUL.
    pub fn new(text: &str) -> Option<Self> {
        let source = text.as_bytes();
        if source.is_empty() || source.len() > Self::MAX || source.contains(&0) {
            return None;
        }
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(source) {
            *to = *from;
        }
        Some(Self { bytes })
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(Self::MAX);
        self.bytes.get(..end).unwrap_or(&[])
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("?")
    }

    /// The 16 bytes of the name with its zero padding, as the kernel compares them.
    pub fn padded(&self) -> &[u8; 16] {
        &self.bytes
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

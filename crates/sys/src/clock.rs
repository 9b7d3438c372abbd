//! The clocks of this machine.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock that starts at zero, and the wall clock beside it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

/// A reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Time since the clock was started; never decreases.
    pub monotonic: Duration,
    /// Time since 1970-01-01 UTC; may jump. Zero if the machine's clock is before 1970.
    pub wall: Duration,
}

impl Clock {
    /// Starts one.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Reads it.
    pub fn read(&self) -> Reading {
        Reading {
            monotonic: self.start.elapsed(),
            wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

/// Eight bytes of the kernel's randomness, to seed with.
pub fn seed() -> std::io::Result<u64> {
    use std::io::Read;
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

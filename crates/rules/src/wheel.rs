//! The kernel's timers, by which what is idle or expired is collected (Linux: kernel/time/timer.c).
//!
//! Time counts in jiffies. A timer is kept in a wheel whose parts are the coarser the longer the timer has to wait, so that it
//! fires where the kernel's count is a round number. Who gives other counts than the machine's gets the same rhythm, moved by less
//! than the part's round number, which is at most an eighth of the time to wait.

/// Jiffies per second, as the kernel that is the norm was built.
pub const HZ: u32 = 250;

/// Jiffies that a timer may be away and still has a place of its own in the lowest part of the wheel.
const NEAR: u64 = 63;
/// Powers of two between two parts of the wheel.
const COARSER: u32 = 3;
/// Parts of the wheel.
const PARTS: u32 = 9;
/// From this delay on a timer fires after [`LONGEST`]: the end of the wheel, 49 days.
const BEYOND: u64 = NEAR << ((PARTS - 1) * COARSER);
/// The longest delay that the wheel knows (Linux: `WHEEL_TIMEOUT_MAX`).
const LONGEST: u64 = BEYOND - (1 << ((PARTS - 1) * COARSER));

/// The jiffy in which a timer fires that is due at `due` and was started `delay` jiffies before. Linux: `calc_wheel_index`: the
/// longer the delay the coarser the part of the wheel; a timer is never early, so that it is late by 1 jiffy up to 62 jiffies
/// of delay, by 1 to 8 up to 503, by 1 to 64 up to 4031, and so on. What is to wait for 49 days or more waits for 48.
pub fn fires(due: u64, delay: u64) -> u64 {
    let due = if delay < BEYOND { due } else { due.saturating_sub(delay - LONGEST) };
    let part = (0..PARTS - 1).find(|part| delay < NEAR << (part * COARSER)).unwrap_or(PARTS - 1);
    let grain = part * COARSER;
    ((due >> grain) + 1) << grain
}

#[cfg(test)]
mod tests;

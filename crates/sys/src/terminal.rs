//! A terminal from which single keys are read.
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};

/// `_POSIX_VDISABLE` of Linux: no key has this function.
const NO_KEY: u8 = 0;

/// A terminal that gives each key at once, without waiting for the end of a line. As before when it is dropped.
#[derive(Debug)]
pub struct Keys<'d> {
    descriptor: BorrowedFd<'d>,
    before: Termios,
}

impl<'d> Keys<'d> {
    /// Sets the terminal so; `None` if the descriptor is no terminal, or one that others have in the foreground.
    ///
    /// The key that stops a program (Ctrl-Z) is read as any other: who waits for an answer within a time must not stop.
    ///
    /// # Errors
    /// What `tcgetattr` or `tcsetattr` say.
    pub fn read_at_once(descriptor: BorrowedFd<'d>) -> io::Result<Option<Self>> {
        // Why: to set the terminal from the background would stop this process (SIGTTOU).
        if !isatty(descriptor) || is_in_background(descriptor) {
            return Ok(None);
        }
        let before = tcgetattr(descriptor)?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ICANON);
        now.special_codes[SpecialCodeIndex::VMIN] = 1;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        now.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
        tcsetattr(descriptor, OptionalActions::Now, &now)?;
        Ok(Some(Self { descriptor, before }))
    }
}

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        if !is_in_background(self.descriptor) {
            let _ = tcsetattr(self.descriptor, OptionalActions::Now, &self.before);
        }
    }
}

/// Whether the descriptor is our terminal and another group of processes is in its foreground: to read from it would
/// stop this process (SIGTTIN).
pub fn is_in_background(descriptor: impl AsFd) -> bool {
    tcgetpgrp(descriptor).is_ok_and(|group| group != rustix::process::getpgrp())
}

//! Signals as something to read.
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};

/// The signals that end or steer a program from outside; [`Signals::collect`] collects these.
pub const FORWARDED: [i32; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// Signals of this process, blocked and read from a descriptor instead.
#[derive(Debug)]
pub struct Signals {
    file: File,
}

impl Signals {
    /// Blocks [`FORWARDED`] in this thread and collects them. Children made by [`crate::child`] get them unblocked.
    pub fn collect() -> io::Result<Self> {
        Self::collect_all(&FORWARDED)
    }

    /// The same with SIGTSTP: for who must not be stopped by Ctrl-Z.
    pub fn collect_with_stop() -> io::Result<Self> {
        let mut all = [libc::SIGTSTP; FORWARDED.len() + 1];
        all[..FORWARDED.len()].copy_from_slice(&FORWARDED);
        Self::collect_all(&all)
    }

    fn collect_all(signals: &[i32]) -> io::Result<Self> {
        // SAFETY: `sigset_t` is plain memory that sigemptyset initialises; all pointers are to live locals.
        let descriptor = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for &signal in signals {
                libc::sigaddset(&raw mut set, signal);
            }
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) < 0 {
                return Err(io::Error::last_os_error());
            }
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was made above and belongs to nobody else.
        Ok(Self { file: unsafe { File::from_raw_fd(descriptor) } })
    }

    /// The next signal that arrived and whether the kernel sent it (a key in the terminal, which the children of the
    /// same group got too); `None` if there is none now.
    pub fn receive(&mut self) -> io::Result<Option<(i32, bool)>> {
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        match self.file.read(&mut record) {
            Ok(_) => {
                // Linux: struct signalfd_siginfo begins with ssi_signo, ssi_errno, ssi_code, four bytes each.
                let word = |at: usize| {
                    record.get(at..at + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default()
                };
                let code = i32::from_ne_bytes(word(8));
                Ok(Some((i32::from_ne_bytes(word(0)), code == libc::SI_KERNEL)))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

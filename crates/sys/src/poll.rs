//! Waiting for many descriptors at once (epoll, level-triggered).
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};

/// Most descriptors that one [`Poller::wait`] reports; the rest come with the next.
const MOST_EVENTS: usize = 64;

/// A set of descriptors that are waited for.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl Poller {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(MOST_EVENTS),
        })
    }

    /// Adds a descriptor that is reported under `token` when it is readable or at its end.
    pub fn add(&self, descriptor: impl AsFd, token: u64) -> io::Result<()> {
        let flags = epoll::EventFlags::IN;
        Ok(epoll::add(&self.epoll, descriptor, epoll::EventData::new_u64(token), flags)?)
    }

    /// Takes a descriptor out of the set. Closing its last copy does the same.
    pub fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// Waits until something is readable, or `timeout` is over (`None`: without end), or a signal arrives. Gives the
    /// tokens of what is readable.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<impl Iterator<Item = u64> + '_> {
        // Why: a time too long for the kernel's type is as good as no end.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.events.iter().map(|event| event.data.u64()))
    }
}

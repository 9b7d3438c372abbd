//! Child processes: in the network namespace of this thread, under another user if wanted, with their questions about
//! `SO_ORIGINAL_DST` answered by us, and ended when we end.
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command};

use crate::seccomp::{self, Listener};

/// How a child is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The user it becomes.
    pub user: Option<u32>,
    /// The group it becomes; its other groups are given up when a user or group is set.
    pub group: Option<u32>,
    /// Whether its questions about `SO_ORIGINAL_DST` come to us.
    pub intercept: bool,
    /// Whether it leads a process group of its own, so that [`Running::kill_group`] ends what it started as well.
    pub own_group: bool,
}

/// A child that was started. It ends with this value, at the latest, and what it started if it leads a group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    descriptor: OwnedFd,
    /// How it ended, once that is known.
    code: Option<i32>,
    /// Where its questions about `SO_ORIGINAL_DST` arrive.
    pub listener: Option<Listener>,
    own_group: bool,
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Starts a child in the namespaces of this thread. The command is used up: what it does between fork and exec is for
/// one start.
///
/// # Errors
/// What `fork` or `exec` say, or one of the steps between them.
pub fn spawn(mut command: Command, settings: Settings) -> io::Result<Running> {
    let sockets = if settings.intercept { Some(seccomp::socket_pair()?) } else { None };
    let to_parent = sockets.as_ref().map(|(_, child)| child.as_raw_fd());
    let action = move || {
        if let Some(descriptor) = to_parent {
            // SAFETY: the descriptor is the child's copy of one end of the socket pair that the parent keeps open
            // until `spawn` returns, which is after this ran; nobody can start the command, and so run this, again.
            let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
            // Why: another filter with a listener is there already (we run in ourselves); the outer one answers.
            match seccomp::install() {
                Ok(listener) => seccomp::send(socket, listener.as_fd())?,
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                Err(error) => return Err(error),
            }
        }
        // SAFETY: all of these are system calls on plain values and on a local signal set; they may be called between
        // fork and exec (signal-safety(7), except setgroups, which glibc makes a plain system call in a process with
        // one thread, as a forked child is).
        unsafe {
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()))?;
            if settings.own_group {
                check(libc::setpgid(0, 0))?;
            }
            if settings.user.is_some() || settings.group.is_some() {
                check(libc::setgroups(0, std::ptr::null()))?;
            }
            if let Some(group) = settings.group {
                check(libc::setresgid(group, group, group))?;
            }
            if let Some(user) = settings.user {
                check(libc::setresuid(user, user, user))?;
            }
            // Why: after the change of user, which would clear it.
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))
        }
    };
    // SAFETY: `action` allocates nothing, takes no lock and makes only system calls that may be made after fork.
    let mut child = unsafe { command.pre_exec(action) }.spawn()?;
    let pid = rustix::process::Pid::from_child(&child);
    let descriptor = match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        Ok(descriptor) => descriptor,
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error.into());
        }
    };
    let mut running =
        Running { child, descriptor, code: None, listener: None, own_group: settings.own_group };
    if let Some((parent, _)) = &sockets {
        running.listener = seccomp::receive_listener(parent.as_fd())?;
    }
    Ok(running)
}

impl Running {
    /// Becomes readable when the child has ended.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, in the way of shells: its exit code, or 128 and the number of the signal; `None` if it runs.
    pub fn ended(&mut self) -> io::Result<Option<i32>> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        if self.code.is_none() {
            // Why: it is looked at and left (NOWAIT), so that its number, which is that of its group, stays its own
            // until `kill_group`.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            let status = waitid(WaitId::PidFd(self.descriptor.as_fd()), options)?;
            self.code = status.map(|status| shell_code(status.exit_status(), status.terminating_signal()));
        }
        Ok(self.code)
    }

    /// Its standard output, once, if it is a pipe.
    pub fn take_output(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Its standard error, once, if it is a pipe.
    pub fn take_errors(&mut self) -> Option<std::process::ChildStderr> {
        self.child.stderr.take()
    }

    /// Sends it a signal; nothing happens if it has ended.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let Some(signal) = rustix::process::Signal::from_named_raw(signal) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        match rustix::process::pidfd_send_signal(&self.descriptor, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends it, and what it started if it leads a group, at once, and waits for it. Nothing happens the second time.
    pub fn kill_group(&mut self) -> io::Result<()> {
        // Why: as long as nobody has waited for the child its number cannot be another's, also when it has ended and
        // only what it started is left.
        if self.own_group {
            let group = rustix::process::Pid::from_child(&self.child);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            self.own_group = false;
        }
        self.signal(libc::SIGKILL)?;
        let status = self.child.wait()?;
        self.code.get_or_insert_with(|| shell_code(status.code(), status.signal()));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.kill_group();
    }
}

/// The exit code, or 128 and the number of the signal.
fn shell_code(code: Option<i32>, signal: Option<i32>) -> i32 {
    code.or_else(|| signal.map(|signal| 128_i32.saturating_add(signal))).unwrap_or(1)
}

/// A command with its standard input closed.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(std::process::Stdio::null());
    command
}

#[cfg(test)]
mod tests;

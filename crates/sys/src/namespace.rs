//! Namespaces: a user namespace to be root in, and network namespaces to keep.
//!
//! [`become_administrator`] makes sure that this thread may make network namespaces: root may already, others get a
//! user namespace of their own in which they hold every capability. [`NetworkNamespace`] is kept by a descriptor, lives
//! as long as somebody is in it or holds it, and is entered by a thread.
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// How the caller appears in a user namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appearance {
    /// Under its own user and group ids. Programs that it starts have no capabilities.
    Same,
    /// As root. Programs that it starts hold every capability inside.
    Root,
}

/// By which right network namespaces are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// The process had `CAP_SYS_ADMIN`.
    Administrator,
    /// In a user namespace made for it, in which one user and one group exist.
    UserNamespace,
}

/// Why there is no namespace, with the setting that refuses it where that can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceError {
    /// `kernel.unprivileged_userns_clone` is 0 (Debian's and Arch's patch).
    UnprivilegedClone,
    /// `kernel.apparmor_restrict_unprivileged_userns` is 1 (Ubuntu 23.10 and later): the namespace is made, but
    /// without capabilities in it.
    AppArmor,
    /// `user.max_user_namespaces` is used up or 0.
    MaxUserNamespaces,
    /// `user.max_net_namespaces` is used up or 0.
    MaxNetNamespaces,
    /// The kernel was built without user namespaces.
    NotBuilt,
    /// Something else forbids it: a container's seccomp filter, an LSM, a chroot. The error number.
    Refused(i32),
}

impl fmt::Display for NamespaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnprivilegedClone => f.write_str(
                "unprivileged user namespaces are switched off (sysctl kernel.unprivileged_userns_clone=0)",
            ),
            Self::AppArmor => f.write_str(
                "unprivileged user namespaces are restricted by AppArmor \
                 (sysctl kernel.apparmor_restrict_unprivileged_userns=1)",
            ),
            Self::MaxUserNamespaces => {
                f.write_str("no more user namespaces are allowed (sysctl user.max_user_namespaces)")
            }
            Self::MaxNetNamespaces => {
                f.write_str("no more network namespaces are allowed (sysctl user.max_net_namespaces)")
            }
            Self::NotBuilt => f.write_str("this kernel was built without user namespaces (CONFIG_USER_NS)"),
            Self::Refused(code) => write!(
                f,
                "namespaces are refused here ({}); in a container this is often its seccomp filter or a missing \
                 CAP_SYS_ADMIN",
                io::Error::from_raw_os_error(*code)
            ),
        }
    }
}

impl std::error::Error for NamespaceError {}

fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    // SAFETY: of the flags that this module passes none (NEWUSER, NEWNET) changes what memory or descriptors the
    // threads of this process share; CLONE_FILES, the dangerous one, is never among them.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

fn setting(key: &str) -> Option<String> {
    crate::sysctl::read(key).ok()
}

/// What is behind an error number of `unshare(CLONE_NEWUSER)`.
fn user_namespace_refused(error: Errno) -> NamespaceError {
    match error {
        Errno::NOSPC | Errno::USERS => NamespaceError::MaxUserNamespaces,
        Errno::INVAL => NamespaceError::NotBuilt,
        _ if setting("kernel.unprivileged_userns_clone").as_deref() == Some("0") => {
            NamespaceError::UnprivilegedClone
        }
        _ if setting("kernel.apparmor_restrict_unprivileged_userns").as_deref() == Some("1") => {
            NamespaceError::AppArmor
        }
        error => NamespaceError::Refused(error.raw_os_error()),
    }
}

/// Whether this thread has `CAP_SYS_ADMIN` in its user namespace.
pub fn is_administrator() -> bool {
    // Linux: CAP_SYS_ADMIN is bit 21 of the mask.
    fs::read_to_string("/proc/thread-self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .is_some_and(|mask| mask & (1 << 21) != 0)
}

/// The effective group of this process, as its user namespace shows it.
pub fn group() -> u32 {
    rustix::process::getegid().as_raw()
}

/// Makes sure that this process may make network namespaces. The process must have one thread only (Linux refuses a
/// user namespace to others with EINVAL).
pub fn become_administrator(appearance: Appearance) -> Result<Privilege, NamespaceError> {
    if is_administrator() {
        return Ok(Privilege::Administrator);
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(UnshareFlags::NEWUSER).map_err(user_namespace_refused)?;
    let (inner_user, inner_group) = match appearance {
        Appearance::Same => (user, group),
        Appearance::Root => (0, 0),
    };
    // Linux: without CAP_SETGID outside, the groups must be given up before a group may be mapped.
    let map = || {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{inner_user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{inner_group} {group} 1"))
    };
    map().map_err(|error| refused_by(&error))?;
    Ok(Privilege::UserNamespace)
}

fn refused_by(error: &io::Error) -> NamespaceError {
    user_namespace_refused(Errno::from_raw_os_error(error.raw_os_error().unwrap_or(libc::EPERM)))
}

/// A network namespace that lives at least as long as this value.
#[derive(Debug)]
pub struct NetworkNamespace {
    file: File,
}

impl NetworkNamespace {
    /// The one that this thread is in.
    pub fn current() -> io::Result<Self> {
        Ok(Self { file: File::open("/proc/thread-self/ns/net")? })
    }

    /// Makes a new one and moves this thread into it.
    pub fn create() -> Result<Self, NamespaceError> {
        match unshare(UnshareFlags::NEWNET) {
            Ok(()) => Self::current().map_err(|error| refused_by(&error)),
            Err(Errno::NOSPC | Errno::USERS) => Err(NamespaceError::MaxNetNamespaces),
            // Why: after a user namespace was made, EPERM here means that it came without capabilities.
            Err(error) => Err(user_namespace_refused(error)),
        }
    }

    /// Moves this thread into it.
    pub fn enter(&self) -> io::Result<()> {
        Ok(move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    /// Does something inside and comes back.
    ///
    /// # Errors
    /// If the namespace cannot be entered, or this thread cannot come back to where it was.
    pub fn within<T>(&self, action: impl FnOnce() -> T) -> io::Result<T> {
        let before = Self::current()?;
        self.enter()?;
        let result = action();
        before.enter()?;
        Ok(result)
    }
}

#[cfg(test)]
mod tests;

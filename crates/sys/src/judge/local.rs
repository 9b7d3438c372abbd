//! Sockets of local processes, with what `-m socket` and `-j TPROXY` ask of them.
use std::ffi::c_int;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::{SocketOwner, as_user, check, open_socket, set_bytes, set_option, socket_address_of};

/// What a socket is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSocket {
    /// TCP, else UDP.
    pub tcp: bool,
    /// Whether it is one of IPv6, which has addresses of IPv4 in their mapped form.
    pub v6: bool,
    /// Its own address and port.
    pub local: SocketAddr,
    /// Its peer. A TCP socket with one is a connection that the peer knows nothing of (`TCP_REPAIR`), without one it
    /// listens.
    pub remote: Option<SocketAddr>,
    /// `IP_TRANSPARENT`.
    pub transparent: bool,
    /// `IPV6_V6ONLY`.
    pub v6_only: bool,
    /// `SO_BINDTODEVICE`.
    pub device: Option<String>,
    /// User, group and mark.
    pub owner: SocketOwner,
}

/// `setsockopt` numbers that are the same on every Linux.
const IP_TRANSPARENT: c_int = 19;
const IPV6_TRANSPARENT: c_int = 75;
const TCP_REPAIR: c_int = 19;

impl LocalSocket {
    /// Opens it; reads and writes do not wait. Needs CAP_NET_ADMIN for most of it.
    pub fn open(&self) -> io::Result<OwnedFd> {
        let domain = if self.v6 { libc::AF_INET6 } else { libc::AF_INET };
        let kind = if self.tcp { libc::SOCK_STREAM } else { libc::SOCK_DGRAM };
        let socket = as_user(self.owner.uid, self.owner.gid, || {
            open_socket(domain, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
        })?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        if self.v6 {
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, c_int::from(self.v6_only))?;
        }
        if self.transparent {
            // Why: a socket of IPv6 that takes IPv4 has one flag for both.
            match self.v6 {
                true => set_option(&socket, libc::IPPROTO_IPV6, IPV6_TRANSPARENT, 1)?,
                false => set_option(&socket, libc::IPPROTO_IP, IP_TRANSPARENT, 1)?,
            }
        }
        if self.owner.mark != 0 {
            set_option(&socket, libc::SOL_SOCKET, libc::SO_MARK, self.owner.mark as c_int)?;
        }
        if let Some(device) = &self.device {
            set_bytes(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device.as_bytes())?;
        }
        let repaired = self.tcp && self.remote.is_some();
        if repaired {
            set_option(&socket, libc::IPPROTO_TCP, TCP_REPAIR, 1)?;
        }
        let (address, length) = socket_address_of(self.form(self.local));
        // SAFETY: `address` is readable for `length`, which `socket_address_of` keeps within `sockaddr_storage`; it lives
        // for the whole call.
        check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
        if let Some(remote) = self.remote {
            let (address, length) = socket_address_of(self.form(remote));
            // SAFETY: as above.
            check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
        } else if self.tcp {
            // SAFETY: no pointers are passed.
            check(unsafe { libc::listen(socket.as_raw_fd(), 16) })?;
        }
        Ok(socket)
    }

    /// An address in the form of the socket's family.
    fn form(&self, at: SocketAddr) -> SocketAddr {
        match at.ip() {
            IpAddr::V4(own) if self.v6 => {
                let mapped = if own.is_unspecified() { Ipv6Addr::UNSPECIFIED } else { own.to_ipv6_mapped() };
                SocketAddr::new(mapped.into(), at.port())
            }
            _ => at,
        }
    }
}

/// Sends a packet as [`super::RawSender`] does, from a child of its own that does this and no more (the program `true`):
/// with supplementary groups, and in a control group (version 2; its folder), of which a process has one.
pub fn send_from_child(
    owner: SocketOwner,
    groups: &[u32],
    control_group: Option<&Path>,
    packet: &[u8],
    to: IpAddr,
) -> io::Result<()> {
    let procs = control_group.map(|folder| folder.join("cgroup.procs"));
    let (groups, bytes) = (groups.to_vec(), packet.to_vec());
    let mut command = Command::new("true");
    // SAFETY: between fork and exec the child writes a file, opens a socket and sends; it takes no lock of ours, and what
    // it allocates is safe behind fork with the C library that is linked. Its errors come back by `spawn`.
    unsafe {
        command.pre_exec(move || {
            if let Some(procs) = &procs {
                std::fs::write(procs, "0")?;
            }
            // `groups` is readable for its length and lives for the whole call.
            check(libc::setgroups(groups.len(), groups.as_ptr()))?;
            super::RawSender::open(to.is_ipv6(), owner)?.send(&bytes, to)
        });
    }
    command.spawn()?.wait().map(drop)
}

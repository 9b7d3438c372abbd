//! What the judge needs of Linux: a network namespace for the present thread, TUN devices, raw and netlink sockets.
//!
//! Small on purpose: no protocol knowledge, only descriptors. Everything is closed when it is dropped; the namespace
//! ends with its last thread, descriptor and child.
use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

mod local;

pub use local::{LocalSocket, send_from_child};

/// Moves the calling thread (and the children it starts from now on) into a fresh network namespace. Needs
/// CAP_SYS_ADMIN.
pub fn unshare_network() -> io::Result<()> {
    // SAFETY: no pointers are passed; CLONE_NEWNET does not touch descriptors or memory of the process.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map(drop)
}

/// The kernel's monotonic clock as it was at its last tick (`CLOCK_MONOTONIC_COARSE`): stands still within a jiffy and
/// moves by whole jiffies (measured against /proc/timer_list: off in 11 of 191,298 readings, always of another processor's tick).
pub fn last_tick() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Opens a TUN device (`IFF_TUN | IFF_NO_PI`) without waiting reads and writes: each read and write is one IP packet.
pub fn open_tun(name: &str) -> io::Result<File> {
    open_device(name, libc::IFF_TUN)
}

/// Opens a TAP device (`IFF_TAP | IFF_NO_PI`) likewise: each read and write is one Ethernet frame.
pub fn open_tap(name: &str) -> io::Result<File> {
    open_device(name, libc::IFF_TAP)
}

fn open_device(name: &str, kind: c_int) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open("/dev/net/tun")?;
    // SAFETY: `ifreq` is plain data for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (kind | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which lives on our stack for the whole call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) })?;
    Ok(file)
}

/// Opens a netlink socket of a protocol (`NETLINK_NETFILTER` is 12) without waiting reads, with a receive buffer of
/// `buffer` bytes (forced past the limit where allowed). Messages are read and written through the file.
pub fn open_netlink(protocol: i32, buffer: i32) -> io::Result<File> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let socket = open_socket(libc::AF_NETLINK, kind, protocol)?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, buffer)?;
    // SAFETY: `sockaddr_nl` is plain data for which all zeroes is a valid value.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    // SAFETY: the pointer and length describe `address`, which lives for the whole call.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            std::mem::size_of_val(&address) as libc::socklen_t,
        )
    })?;
    Ok(File::from(socket))
}

/// Makes a netlink socket a member of a multicast group.
pub fn join_group(socket: &impl AsRawFd, group: i32) -> io::Result<()> {
    set_option(socket, libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, group)
}

/// The number of a device in the network namespace of this thread.
pub fn device_index(name: &str) -> io::Result<u32> {
    let name = std::ffi::CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: `name` is a string with its end that lives for the whole call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// Opens a file whose reads do not wait (`/dev/kmsg`).
pub fn open_without_waiting(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path)
}

/// Whose socket it is and what mark it gives to packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOwner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// `SO_MARK`.
    pub mark: u32,
}

/// A socket that sends whole IP packets of one family (`IPPROTO_RAW`).
#[derive(Debug)]
pub struct RawSender {
    socket: OwnedFd,
}

impl RawSender {
    /// Opens it for a user (by the file system ids of the thread, so that no capability is lost). Needs CAP_NET_RAW
    /// and CAP_SETUID.
    pub fn open(v6: bool, owner: SocketOwner) -> io::Result<Self> {
        let domain = if v6 { libc::AF_INET6 } else { libc::AF_INET };
        let socket = as_user(owner.uid, owner.gid, || {
            open_socket(domain, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, libc::IPPROTO_RAW)
        })?;
        if owner.mark != 0 {
            set_option(&socket, libc::SOL_SOCKET, libc::SO_MARK, owner.mark as c_int)?;
        }
        // Why: without it a broadcast destination is refused with EACCES before any hook.
        set_option(&socket, libc::SOL_SOCKET, libc::SO_BROADCAST, 1)?;
        Ok(Self { socket })
    }

    /// Sends a packet towards an address (which routes; the header's own destination is what is sent).
    pub fn send(&self, packet: &[u8], to: IpAddr) -> io::Result<()> {
        let (address, length) = socket_address(to);
        // SAFETY: `packet` is readable for its length; `address` is readable for `length`, which `socket_address`
        // keeps within `sockaddr_storage`; both live for the whole call.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                0,
                (&raw const address).cast(),
                length,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Runs something with other file system user and group ids of this thread: files and sockets opened in it belong to
/// that user (`-m owner` looks at them).
pub fn as_user<T>(uid: u32, gid: u32, run: impl FnOnce() -> T) -> T {
    // SAFETY: setfsgid and setfsuid take plain numbers and change the calling thread only.
    let (old_gid, old_uid) = unsafe { (libc::setfsgid(gid), libc::setfsuid(uid)) };
    let result = run();
    // SAFETY: as above; the old values are the ones the kernel returned.
    unsafe {
        libc::setfsuid(old_uid as libc::uid_t);
        libc::setfsgid(old_gid as libc::gid_t);
    }
    result
}

/// Sets `SO_MARK` of a socket.
pub fn set_mark(socket: &impl AsRawFd, mark: u32) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_MARK, mark as c_int)
}

fn socket_address(to: IpAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    socket_address_of(SocketAddr::new(to, 0))
}

fn socket_address_of(to: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: `sockaddr_storage` is plain data for which all zeroes is a valid value.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let port = to.port().to_be();
    let length = match to.ip() {
        IpAddr::V4(address) => {
            // SAFETY: `sockaddr_storage` is large enough and aligned for every socket address, `sockaddr_in` too.
            let target = unsafe { &mut *(&raw mut storage).cast::<libc::sockaddr_in>() };
            target.sin_family = libc::AF_INET as libc::sa_family_t;
            target.sin_port = port;
            target.sin_addr.s_addr = u32::from_ne_bytes(address.octets());
            std::mem::size_of::<libc::sockaddr_in>()
        }
        IpAddr::V6(address) => {
            // SAFETY: as above, for `sockaddr_in6`.
            let target = unsafe { &mut *(&raw mut storage).cast::<libc::sockaddr_in6>() };
            target.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            target.sin6_port = port;
            target.sin6_addr.s6_addr = address.octets();
            std::mem::size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, length as libc::socklen_t)
}

fn open_socket(domain: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let socket = check(unsafe { libc::socket(domain, kind, protocol) })?;
    // SAFETY: the descriptor was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

fn set_bytes(socket: &impl AsRawFd, level: c_int, name: c_int, value: &[u8]) -> io::Result<()> {
    let length = value.len() as libc::socklen_t;
    // SAFETY: the pointer and length describe `value`, which lives for the whole call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), length) })
        .map(drop)
}

fn set_option(socket: &impl AsRawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the pointer and length describe `value`, which lives for the whole call.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            std::mem::size_of::<c_int>() as libc::socklen_t,
        )
    })
    .map(drop)
}

/// A raw socket that takes packets with router alert which are to be forwarded: of a protocol in IPv4, with a number of the
/// option in IPv6; bound to a device if one is given. Needs CAP_NET_RAW.
pub fn ask_for_alerts(v6: bool, number: i32, device: Option<&str>) -> io::Result<OwnedFd> {
    let (domain, protocol) = if v6 { (libc::AF_INET6, libc::IPPROTO_RAW) } else { (libc::AF_INET, number) };
    let socket = open_socket(domain, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, protocol)?;
    match v6 {
        true => set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_ROUTER_ALERT, number)?,
        false => set_option(&socket, libc::IPPROTO_IP, libc::IP_ROUTER_ALERT, 1)?,
    }
    if let Some(device) = device {
        set_bytes(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device.as_bytes())?;
    }
    Ok(socket)
}

/// Joins a group by a device (`MCAST_JOIN_GROUP`): for all senders, for one alone, or for all but one.
pub fn join_multicast(
    socket: &impl AsRawFd,
    device: u32,
    group: IpAddr,
    source: Option<(IpAddr, bool)>,
) -> io::Result<()> {
    // <linux/in.h>: MCAST_JOIN_GROUP, MCAST_BLOCK_SOURCE, MCAST_JOIN_SOURCE_GROUP.
    const JOIN: c_int = 42;
    const BLOCK: c_int = 43;
    const JOIN_SOURCE: c_int = 46;
    let level = if group.is_ipv6() { libc::IPPROTO_IPV6 } else { libc::IPPROTO_IP };
    // `struct group_req`: the number of the device, at an address of 8 bytes; `struct group_source_req` has one more.
    let mut request = [0_u8; 8 + 2 * 128];
    for (start, address) in [(8, Some(group)), (136, source.map(|(address, _)| address))] {
        let place = request.get_mut(start..start + 128).unwrap_or_default();
        let (family, at, octets) = match address {
            None => continue,
            Some(IpAddr::V4(own)) => (libc::AF_INET, 4, own.octets().to_vec()),
            Some(IpAddr::V6(own)) => (libc::AF_INET6, 8, own.octets().to_vec()),
        };
        let family = (family as libc::sa_family_t).to_ne_bytes();
        for (start, bytes) in [(0, family.as_slice()), (at, octets.as_slice())] {
            for (to, from) in place.iter_mut().skip(start).zip(bytes) {
                *to = *from;
            }
        }
    }
    for (to, from) in request.iter_mut().zip(device.to_ne_bytes()) {
        *to = from;
    }
    let (plain, whole) = (request.get(..136).unwrap_or_default(), request.as_slice());
    match source {
        None => set_bytes(socket, level, JOIN, plain),
        Some((_, true)) => set_bytes(socket, level, JOIN_SOURCE, whole),
        Some((_, false)) => {
            set_bytes(socket, level, JOIN, plain)?;
            set_bytes(socket, level, BLOCK, whole)
        }
    }
}

/// An option of a socket that the kernel fills in (`getsockopt`): as many bytes of `value` as it wrote.
pub fn option(socket: &impl AsRawFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(value.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: `value` is writable for `length` bytes, and the kernel writes no more than that; both live for the whole
    // call.
    check(unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut length)
    })?;
    Ok(length as usize)
}

/// A socket for questions about the tables of a family (`IPT_SO_GET_INFO` and its like). Needs CAP_NET_RAW.
pub fn open_tables(v6: bool) -> io::Result<OwnedFd> {
    let domain = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    open_socket(domain, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::IPPROTO_RAW)
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

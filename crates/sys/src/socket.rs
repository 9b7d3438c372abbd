//! Sockets beyond what std offers: connect from a chosen address within a time, errors that ICMP brings, echo requests,
//! `SO_ORIGINAL_DST`.
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

fn family_of(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

fn wait(socket: BorrowedFd<'_>, flags: PollFlags, timeout: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(poll(&mut [PollFd::from_borrowed_fd(socket, flags)], Some(&timeout))? > 0)
}

/// Connects by TCP, from `local` if given (its port may be in use by a connection to another peer).
///
/// # Errors
/// `TimedOut` if nothing came back within `timeout`; else what the network said.
pub fn connect(remote: SocketAddr, local: Option<SocketAddr>, timeout: Duration) -> io::Result<TcpStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family_of(remote), SocketType::STREAM, flags, None)?;
    if let Some(local) = local {
        sockopt::set_socket_reuseaddr(&socket, true)?;
        rustix::net::bind(&socket, &local)?;
    }
    match rustix::net::connect(&socket, &remote) {
        Ok(()) => {}
        Err(Errno::INPROGRESS) => {
            if !wait(socket.as_fd(), PollFlags::OUT, timeout)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sockopt::socket_error(&socket)??;
        }
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Makes every ICMP error about this socket's packets an error of its calls (`IP_RECVERR`). Without it Linux keeps
/// the "soft" ones, such as host unreachable, from UDP sockets.
pub fn report_errors(socket: impl AsFd, v6: bool) -> io::Result<()> {
    let (level, option) =
        if v6 { (libc::SOL_IPV6, libc::IPV6_RECVERR) } else { (libc::SOL_IP, libc::IP_RECVERR) };
    let on: libc::c_int = 1;
    // SAFETY: the pointer is to an int that lives through the call, and the length says so.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sends a datagram and waits for one back, from the address it was sent to.
///
/// # Errors
/// `TimedOut`, or what the network said.
pub fn ask(
    remote: SocketAddr,
    local: Option<SocketAddr>,
    question: &[u8],
    timeout: Duration,
) -> io::Result<Vec<u8>> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(local.unwrap_or_else(|| (any, 0).into()))?;
    report_errors(&socket, remote.is_ipv6())?;
    socket.connect(remote)?;
    match socket.send(question) {
        // Linux: a rule that rejects or drops it in OUTPUT makes this EPERM; the REJECT's own error comes after (F32).
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {}
        result => result.map(|_| ())?,
    }
    if !wait(socket.as_fd(), PollFlags::IN, timeout)? {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// Sends an ICMP echo request by a ping socket (the namespace's `net.ipv4.ping_group_range` must allow it) and waits
/// for the answer.
///
/// # Errors
/// `TimedOut`, or what the network said.
pub fn ping(address: IpAddr, timeout: Duration) -> io::Result<()> {
    let remote = SocketAddr::new(address, 0);
    let protocol = if address.is_ipv4() { ipproto::ICMP } else { ipproto::ICMPV6 };
    let socket: OwnedFd =
        rustix::net::socket_with(family_of(remote), SocketType::DGRAM, SocketFlags::CLOEXEC, Some(protocol))
            // Why: this EACCES is none of the network's answers.
            .map_err(|error| {
                io::Error::other(format!("no ping socket (net.ipv4.ping_group_range): {error}"))
            })?;
    report_errors(&socket, address.is_ipv6())?;
    rustix::net::connect(&socket, &remote)?;
    // Why: the kernel fills in checksum and identifier of a ping socket.
    let mut request = [0; 16];
    request[0] = if address.is_ipv4() { 8 } else { 128 };
    request[7] = 1;
    match rustix::net::send(&socket, &request, rustix::net::SendFlags::empty()) {
        // Linux: see `ask`.
        Err(Errno::PERM) => {}
        result => result.map(|_| ())?,
    }
    if !wait(socket.as_fd(), PollFlags::IN, timeout)? {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut answer = [0; 64];
    rustix::net::recv(&socket, &mut answer[..], rustix::net::RecvFlags::empty())?;
    Ok(())
}

/// The destination that a connection had before it was redirected to this socket.
///
/// # Errors
/// `ENOENT`: nothing tracks it. `ENOPROTOOPT`: this kernel does not have connection tracking here.
pub fn original_destination(stream: &TcpStream) -> io::Result<SocketAddr> {
    // Why: an IPv6 socket with an IPv4 peer is asked at the level of IPv4.
    if stream.local_addr()?.ip().to_canonical().is_ipv4() {
        Ok(SocketAddr::V4(sockopt::ip_original_dst(stream)?))
    } else {
        Ok(SocketAddr::V6(sockopt::ipv6_original_dst(stream)?))
    }
}

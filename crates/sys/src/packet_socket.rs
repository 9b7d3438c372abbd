//! Packets put into the loopback device by hand.
//!
//! Why: Linux takes a packet from or to `::1` only from a device with `IFF_LOOPBACK` (`ip6_rcv_core`), so what a TUN
//! holder wants delivered there cannot be written to the TUN. A packet socket on `lo` delivers it, and a mark tells
//! the policy rules that this packet is to be looked up in the table `local` instead of going round again.
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The mark of packets that [`LoopbackSocket`] sends ("oxid"). A local program with `CAP_NET_ADMIN` that sets the same
/// one on its sockets goes round the engine.
pub const DELIVERED_MARK: u32 = 0x6f78_6964;

/// A packet socket on `lo` of the network namespace in which it was opened.
#[derive(Debug)]
pub struct LoopbackSocket {
    socket: OwnedFd,
    index: libc::c_int,
}

fn set(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: u32) -> io::Result<()> {
    // SAFETY: the pointer is to four bytes of `value` that live through the call, and the length says four.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<u32>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl LoopbackSocket {
    /// Opens one. Needs `CAP_NET_RAW` and `CAP_NET_ADMIN` in the network namespace of this thread.
    pub fn open() -> io::Result<Self> {
        // Why: protocol 0 receives nothing; this socket only sends.
        // SAFETY: socket(2) takes no pointers.
        let descriptor = unsafe {
            libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
        };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was made above and belongs to nobody else.
        let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
        set(&socket, libc::SOL_SOCKET, libc::SO_MARK, DELIVERED_MARK)?;
        set(&socket, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, 1)?;
        let index = crate::netlink::Route::open()?.link_index("lo")?;
        Ok(Self { socket, index })
    }

    /// Delivers an IPv6 packet; `false` if there was no room for it and it is lost.
    pub fn deliver_v6(&self, packet: &[u8]) -> io::Result<bool> {
        // SAFETY: `sockaddr_ll` is a plain C structure for which all zeroes is a valid value.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_protocol = (libc::ETH_P_IPV6 as u16).to_be();
        to.sll_ifindex = self.index;
        to.sll_halen = 6;
        // SAFETY: both pointers are to live memory of the lengths given.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                0,
                (&raw const to).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if sent >= 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::ENOBUFS | libc::EMSGSIZE | libc::ENOMEM) => Ok(false),
            _ => Err(error),
        }
    }
}

//! Whose socket sent this packet? Asked of the kernel by `sock_diag(7)`, or read from /proc/net where it cannot tell.
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::netlink::Socket;
use crate::netlink::message::Message;

/// Linux: `NETLINK_SOCK_DIAG`, `SOCK_DIAG_BY_FAMILY`.
const NETLINK_SOCK_DIAG: u32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// A socket's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id, as this process's user namespace sees it.
    pub uid: u32,
    /// Inode of the socket; 0: no file belongs to it any more (time-wait).
    pub inode: u32,
}

/// A socket that asks about the sockets of the network namespace in which it was opened.
#[derive(Debug)]
pub struct SocketDiagnosis {
    socket: Socket,
}

impl SocketDiagnosis {
    /// Opens one.
    pub fn open() -> io::Result<Self> {
        Socket::open(NETLINK_SOCK_DIAG).map(|socket| Self { socket })
    }

    /// The owner of the TCP or UDP socket that sends from `local` to `remote`.
    pub fn find(&mut self, protocol: u8, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<Owner>> {
        // Linux: for UDP source and destination are swapped (`udp_dump_one`, "for historical reasons").
        let (first, second) = match i32::from(protocol) {
            libc::IPPROTO_UDP | libc::IPPROTO_UDPLITE => (remote, local),
            _ => (local, remote),
        };
        let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
        let mut message = Message::new(SOCK_DIAG_BY_FAMILY, 0);
        // Linux: struct inet_diag_req_v2: family, protocol, extensions, padding, states, then the socket's id:
        // ports and addresses in network order, device, cookie (all ones: any).
        message.bytes(&[family, protocol, 0, 0]).bytes(&u32::MAX.to_ne_bytes());
        message.bytes(&first.port().to_be_bytes()).bytes(&second.port().to_be_bytes());
        message.bytes(&words(first.ip())).bytes(&words(second.ip()));
        message.bytes(&[0; 4]).bytes(&[0xff; 8]);
        let mut owner = None;
        let result = self.socket.request(message, |kind, body| {
            if kind == SOCK_DIAG_BY_FAMILY {
                owner = owner.or_else(|| decode(body));
            }
        });
        match result {
            Ok(()) => Ok(owner),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn words(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(address) => address.octets(),
    }
}

/// Linux: struct inet_diag_msg: family, state, timer, retransmissions, id (48 bytes), expires, queues, uid, inode.
fn decode(body: &[u8]) -> Option<Owner> {
    let word = |at: usize| Some(u32::from_ne_bytes(body.get(at..at.checked_add(4)?)?.try_into().ok()?));
    Some(Owner { uid: word(64)?, inode: word(68)? })
}

/// The owner of a raw or ping socket by the tables in /proc/net of this thread's network namespace (sock_diag knows no
/// ping sockets, and raw ones only with `CONFIG_INET_RAW_DIAG`). `number` is the protocol of a raw socket or the
/// identification of a ping socket, which those tables show as the local port.
pub fn find_in_proc(table: &str, number: u16) -> Option<Owner> {
    let text = fs::read_to_string(format!("/proc/thread-self/net/{table}")).ok()?;
    find_in_table(&text, number)
}

fn find_in_table(text: &str, number: u16) -> Option<Owner> {
    text.lines().skip(1).find_map(|line| {
        // `sl local_address rem_address st queues timer retransmissions uid timeout inode …`
        let mut fields = line.split_ascii_whitespace();
        let (_, port) = fields.nth(1)?.rsplit_once(':')?;
        let uid = fields.nth(5)?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        (u16::from_str_radix(port, 16).ok()? == number).then_some(Owner { uid, inode })
    })
}

/// The group of the process that holds a socket, found by its inode in /proc/PID/fd. This looks at every process that
/// this user may see.
pub fn group_of(inode: u32) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let path = process.path();
        let holds = fs::read_dir(path.join("fd")).ok()?.flatten().any(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|link| link.as_os_str() == &*wanted)
        });
        if !holds {
            return None;
        }
        let status = fs::read_to_string(path.join("status")).ok()?;
        // `Gid: real effective saved file-system`
        status
            .lines()
            .find_map(|line| line.strip_prefix("Gid:")?.split_ascii_whitespace().nth(3)?.parse().ok())
    })
}

#[cfg(test)]
mod tests;

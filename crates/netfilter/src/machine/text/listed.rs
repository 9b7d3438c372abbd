//! Lists of sockets as a machine prints them: `/proc/net/{tcp,udp}{,6}` and `ss`.
//!
//! Linux: `tcp4_seq_show`, `tcp6_seq_show`, `udp4_seq_show`: addresses are words of 32 bits in hexadecimal, as the machine
//! has them in memory (here: little endian, as on every machine that prints them so for us); the port is a number. What
//! they do not say is not known.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use packet::Family;

use super::super::{Machine, Socket, State, Transport};
use super::{Error, ErrorKind, Words, device, number};

/// A list of `/proc/net`.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) transport: Transport,
    pub(super) family: Family,
}

impl List {
    /// The list that a heading begins: UDP's have a column of drops, IPv6's are as wide as its addresses.
    pub(super) fn of_heading(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["sl", "local_address", remote @ ("rem_address" | "remote_address"), "st", .., last] = *words
        else {
            return None;
        };
        let family = if remote == "rem_address" { Family::V4 } else { Family::V6 };
        let transport = if last == "drops" { Transport::Udp } else { Transport::Tcp };
        Some(Self { transport, family })
    }

    /// The socket of a line behind its number; `None`: one that takes no packets.
    pub(super) fn socket(self, words: &mut Words<'_>) -> Result<Option<Socket>, Error> {
        let local = self.endpoint(words)?;
        let remote = self.endpoint(words)?;
        let word = words.value()?;
        let state = u8::from_str_radix(word, 16).map_err(|_| words.error(ErrorKind::Listed))?;
        // tx_queue:rx_queue, tr:tm->when, retrnsmt
        for _ in 0..3 {
            words.value()?;
        }
        let uid = words.number().map_err(|_| words.error(ErrorKind::Listed))?;
        words.rest();
        // Linux: the states of TCP, which UDP uses too: 1 established, 7 closed (UDP: nobody in particular).
        let state = match (self.transport, state) {
            (Transport::Udp, 1) => State::Established,
            (Transport::Udp, _) => State::Bound,
            (Transport::Tcp, 3 | 12) => State::SynReceived,
            (Transport::Tcp, 6) => State::TimeWait,
            (Transport::Tcp, 10) => State::Listen,
            (Transport::Tcp, 7) => return Ok(None),
            (Transport::Tcp, _) => State::Established,
        };
        let remote = (!matches!(state, State::Listen | State::Bound)).then_some(remote);
        let socket = Socket { state, uid: Some(uid), ..Socket::new(self.transport, local, remote) };
        Ok(Some(unsaid(socket, self.family)))
    }

    fn endpoint(self, words: &mut Words<'_>) -> Result<SocketAddr, Error> {
        let word = words.value()?;
        self.read(word).ok_or_else(|| words.error(ErrorKind::Listed))
    }

    fn read(self, word: &str) -> Option<SocketAddr> {
        let (address, port) = word.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let word =
            |at: usize| u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::swap_bytes);
        let address = match (self.family, address.len()) {
            (Family::V4, 8) => IpAddr::V4(Ipv4Addr::from(word(0)?)),
            (Family::V6, 32) => {
                let words = [word(0)?, word(1)?, word(2)?, word(3)?];
                let bits = words.into_iter().fold(0_u128, |bits, word| bits << 32 | u128::from(word));
                IpAddr::V6(Ipv6Addr::from(bits)).to_canonical()
            }
            _ => return None,
        };
        Some(SocketAddr::new(address, port))
    }
}

/// A socket of which a list says its addresses, state and user alone.
fn unsaid(socket: Socket, family: Family) -> Socket {
    // IPV6_V6ONLY bears on all addresses alone.
    let v6_only = (family == Family::V4 || !socket.local.ip().is_unspecified()).then_some(false);
    Socket { family, device: None, transparent: None, v6_only, mark: None, ..socket }
}

/// An end as `ss` prints it: `10.0.0.1:22`, `10.0.0.1%eth0:53`, `[fe80::1]%eth0:546`, `*:80` (IPv6's wildcard that takes
/// IPv4), `0.0.0.0:*` (no port).
fn end_of_ss(word: &str) -> Option<(SocketAddr, Family, Option<&str>)> {
    let (address, port) = word.rsplit_once(':')?;
    let port = if port == "*" { 0 } else { port.parse().ok()? };
    let (address, bound) = match address.split_once('%') {
        Some((address, device)) => (address, Some(device)),
        None => (address, None),
    };
    let address: IpAddr = match address {
        "*" => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => address.trim_start_matches('[').trim_end_matches(']').parse().ok()?,
    };
    Some((SocketAddr::new(address.to_canonical(), port), Family::of(address), bound))
}

/// The socket of a line of `ss -tuanOe`, behind the protocol.
pub(super) fn of_ss(
    machine: &mut Machine,
    protocol: &str,
    words: &mut Words<'_>,
) -> Result<Option<Socket>, Error> {
    let transport = if protocol == "tcp" { Transport::Tcp } else { Transport::Udp };
    let state = match (words.value()?, transport) {
        ("LISTEN", _) => State::Listen,
        ("UNCONN", Transport::Udp) => State::Bound,
        ("UNCONN" | "CLOSED", _) => {
            words.rest();
            return Ok(None);
        }
        ("SYN-RECV", _) => State::SynReceived,
        ("TIME-WAIT", _) => State::TimeWait,
        ("ESTAB" | "SYN-SENT" | "FIN-WAIT-1" | "FIN-WAIT-2" | "CLOSE-WAIT" | "LAST-ACK" | "CLOSING", _) => {
            State::Established
        }
        _ => return Err(words.error(ErrorKind::Listed)),
    };
    // Recv-Q and Send-Q
    words.number()?;
    words.number()?;
    let word = words.value()?;
    let any = word.starts_with('*');
    let (local, family, bound) = end_of_ss(word).ok_or_else(|| words.error(ErrorKind::Endpoint))?;
    let remote = end_of_ss(words.value()?).ok_or_else(|| words.error(ErrorKind::Endpoint))?.0;
    let remote = (!matches!(state, State::Listen | State::Bound)).then_some(remote);
    let mut socket = unsaid(Socket { state, ..Socket::new(transport, local, remote) }, family);
    socket.device = Some(match bound {
        Some(name) => Some(device(name).ok_or_else(|| words.error(ErrorKind::Name))?),
        None => None,
    });
    if family == Family::V6 && local.ip().is_unspecified() {
        socket.v6_only = Some(!any);
    }
    // With -e: what is not there is zero.
    let mut extended = false;
    let mut options = false;
    while let Some(word) = words.next() {
        match word.split_once(':') {
            Some(("ino" | "sk", _)) => extended = true,
            Some(("uid", value)) => socket.uid = number(value),
            Some(("fwmark", value)) => socket.mark = number(value),
            Some(("cgroup", path)) if path.starts_with('/') => socket.cgroup = Some(machine.cgroup(path)),
            Some(("v6only", value)) => socket.v6_only = Some(value != "0"),
            Some(("inet-sockopt", _)) => options = true,
            None if word == "transparent" && options => socket.transparent = Some(true),
            _ => {}
        }
    }
    if extended {
        socket.uid = socket.uid.or(Some(0)).filter(|_| socket.is_full());
        socket.mark = socket.mark.or(Some(0));
    }
    if options {
        socket.transparent = socket.transparent.or(Some(false));
    }
    Ok(Some(socket))
}

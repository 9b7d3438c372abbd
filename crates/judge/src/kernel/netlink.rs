//! Messages of netlink, and two sockets: the trace (NFLOG group 0) and flushing the connection table.
use std::fs::File;
use std::io::{self, Read, Write};

pub(super) const NETLINK_NETFILTER: i32 = 12;
/// Linux: `NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG`.
const LOG_CONFIG: u16 = 4 << 8 | 1;
/// Linux: `NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET`.
const LOG_PACKET: u16 = 4 << 8;
/// Linux: `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`.
const CONNTRACK_DELETE: u16 = 1 << 8 | 2;
/// Linux: `NFULA_PREFIX`.
const PREFIX: u16 = 10;

/// A request: header, `nfgenmsg`, attributes.
pub(super) fn message(kind: u16, family: u8, resource: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![family, 0];
    body.extend(resource.to_be_bytes());
    for (name, value) in attributes {
        body.extend((4 + value.len() as u16).to_ne_bytes());
        body.extend(name.to_ne_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut out = (16 + body.len() as u32).to_ne_bytes().to_vec();
    out.extend(kind.to_ne_bytes());
    // NLM_F_REQUEST | NLM_F_ACK
    out.extend(5_u16.to_ne_bytes());
    out.extend([0; 8]);
    out.extend(body);
    out
}

/// Sends a request and reads its acknowledgement, which is there when the write returns.
pub(super) fn request(socket: &mut File, message: &[u8]) -> io::Result<()> {
    socket.write_all(message)?;
    let mut buffer = [0_u8; 4096];
    let length = socket.read(&mut buffer)?;
    let code = buffer[..length].get(16..20).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    match code.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The reader of the trace.
#[derive(Debug)]
pub(super) struct Trace {
    socket: File,
    buffer: Vec<u8>,
}

impl Trace {
    /// Binds to group 0: prefixes only (no payload), one message for each step.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = sys::judge::open_netlink(NETLINK_NETFILTER, 64 << 20)?;
        // NFULA_CFG_CMD = NFULNL_CFG_CMD_BIND
        request(&mut socket, &message(LOG_CONFIG, 0, 0, &[(1, &[1])]))?;
        // NFULA_CFG_MODE: copy range 0, NFULNL_COPY_META; NFULA_CFG_QTHRESH: 1.
        let mode = [0, 0, 0, 0, 1, 0];
        request(&mut socket, &message(LOG_CONFIG, 0, 0, &[(2, &mode), (5, &1_u32.to_be_bytes())]))?;
        Ok(Self { socket, buffer: vec![0; 1 << 16] })
    }

    /// The steps since the last call: `table:chain:number`.
    pub(super) fn read(&mut self) -> io::Result<Vec<String>> {
        let mut out = Vec::new();
        loop {
            let length = match self.socket.read(&mut self.buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(out),
                Err(error) => return Err(error),
            };
            let mut rest = &self.buffer[..length];
            while let Some((kind, _, body, next)) = split(rest) {
                if kind == LOG_PACKET
                    && let Some(prefix) = body.get(4..).and_then(prefix)
                {
                    out.extend(place(&prefix).or_else(|| crate::outcome::step_of_log(&prefix)));
                }
                rest = next;
            }
        }
    }

    /// Throws away what is there of the case before, and that some of it was lost (packets without end fill any buffer).
    pub(super) fn forget(&mut self) -> io::Result<()> {
        let lost = |error: &io::Error| error.raw_os_error() == Some(ENOBUFS);
        match self.read() {
            Err(error) if lost(&error) => self.read().map(drop),
            other => other.map(drop),
        }
    }
}

/// `errno` of a socket whose buffer was full.
const ENOBUFS: i32 = 105;

/// The first message: kind, flags, body, what follows.
pub(super) fn split(bytes: &[u8]) -> Option<(u16, u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let flags = u16::from_ne_bytes(bytes.get(6..8)?.try_into().ok()?);
    let body = bytes.get(16..length)?;
    let next = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    Some((kind, flags, body, next))
}

/// The attributes of a body, or of an attribute that has some in it.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let name = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?);
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        // Linux: NLA_F_NESTED and NLA_F_NET_BYTEORDER are the two highest bits.
        Some((name & 0x3fff, value))
    })
}

/// All datagrams that wait in a socket; one that was lost is a datagram without messages.
pub(super) fn datagrams(socket: &mut File) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut buffer = vec![0; 1 << 18];
    while let Ok(length) = socket.read(&mut buffer) {
        out.push(buffer[..length].to_vec());
    }
    out
}

fn prefix(bytes: &[u8]) -> Option<String> {
    let (_, value) = attributes(bytes).find(|(name, _)| *name == PREFIX)?;
    let text = value.split(|&byte| byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// `TRACE: raw:PREROUTING:policy:2 ` → `raw:PREROUTING:2`. The label is not to be trusted, the number is (1.2).
fn place(prefix: &str) -> Option<String> {
    let text = prefix.strip_prefix("TRACE: ")?.trim();
    let mut parts = text.rsplitn(3, ':');
    let (number, _label, chain) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{chain}:{number}"))
}

/// The socket that flushes the connection table.
#[derive(Debug)]
pub(super) struct Conntrack {
    socket: File,
}

impl Conntrack {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { socket: sys::judge::open_netlink(NETLINK_NETFILTER, 1 << 20)? })
    }

    /// Removes all connections (and with them their expectations).
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match request(&mut self.socket, &message(CONNTRACK_DELETE, 0, 0, &[])) {
            // Nothing there is as good.
            Err(error) if error.raw_os_error() == Some(2) => Ok(()),
            other => other,
        }
    }
}

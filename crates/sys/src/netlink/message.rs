//! Netlink messages: header, body, attributes, all in host order and padded to four bytes.
use std::net::IpAddr;

/// The end of a dump.
pub const NLMSG_DONE: u16 = libc::NLMSG_DONE as u16;
/// An error number, or 0 as the acknowledgement.
pub const NLMSG_ERROR: u16 = libc::NLMSG_ERROR as u16;
/// Flag: acknowledge.
pub const ACK: u16 = libc::NLM_F_ACK as u16;
/// Flag: make it if it is not there.
pub const CREATE: u16 = libc::NLM_F_CREATE as u16;
/// Flag: refuse if it is there.
pub const EXCLUSIVE: u16 = libc::NLM_F_EXCL as u16;
/// Flag: change it if it is there.
pub const REPLACE: u16 = libc::NLM_F_REPLACE as u16;
/// Flag: everything.
pub const DUMP: u16 = libc::NLM_F_DUMP as u16;

const HEADER: usize = 16;

/// A request being written.
#[derive(Debug)]
pub struct Message {
    kind: u16,
    flags: u16,
    bytes: Vec<u8>,
}

impl Message {
    /// A request of a type. `NLM_F_REQUEST` is added to the flags, and `NLM_F_ACK` unless it is a dump.
    pub fn new(kind: u16, flags: u16) -> Self {
        let acknowledge = if flags & DUMP == DUMP { 0 } else { ACK };
        Self { kind, flags: flags | acknowledge | libc::NLM_F_REQUEST as u16, bytes: vec![0; HEADER] }
    }

    /// Adds to the fixed part of the body.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Adds an attribute. Values longer than an attribute can be (65,531 bytes) are cut off.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let value = value.get(..usize::from(u16::MAX) - 4).unwrap_or(value);
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Adds an attribute that is an address.
    pub fn address(&mut self, kind: u16, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// Adds an attribute that is a text with a zero byte behind it.
    pub fn string(&mut self, kind: u16, text: &str) -> &mut Self {
        let mut value = text.as_bytes().to_vec();
        value.push(0);
        self.attribute(kind, &value)
    }

    /// The bytes to send.
    pub fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let header = length
            .to_ne_bytes()
            .into_iter()
            .chain(self.kind.to_ne_bytes())
            .chain(self.flags.to_ne_bytes())
            .chain(sequence.to_ne_bytes());
        for (to, from) in self.bytes.iter_mut().zip(header) {
            *to = from;
        }
        self.bytes
    }
}

/// A message that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Type.
    pub kind: u16,
    /// Sequence number of the request that it answers.
    pub sequence: u32,
    /// What stands behind the header.
    pub body: &'a [u8],
}

/// The messages of a datagram; ends at the first that is cut short.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a datagram.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Received<'a>;

    fn next(&mut self) -> Option<Received<'a>> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<2>()?;
        let (_flags, rest) = rest.split_first_chunk::<2>()?;
        let (sequence, _) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_ne_bytes(*length)).ok()?;
        let body = self.rest.get(HEADER..length)?;
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Received { kind: u16::from_ne_bytes(*kind), sequence: u32::from_ne_bytes(*sequence), body })
    }
}

/// The positive error number in the body of an error message; `EPROTO` if it has none.
pub fn error_number(body: &[u8]) -> i32 {
    body.first_chunk::<4>().map_or(libc::EPROTO, |code| i32::from_ne_bytes(*code).saturating_neg())
}

//! Packets for cases: a one-line language and the builder behind it.
//!
//! Unlike `packet::show` it can also say what is wrong on purpose (bad checksums, cut headers, lying lengths). It
//! writes the headers with its own arithmetic, so that a fault in `packet` is not copied into the material it is
//! judged by. Nothing here is on a packet path.
//!
//! ```text
//! udp 10.0.1.5:1000 > 8.8.8.8:53 ttl=1 data=100
//! tcp [fd00:1::5]:1000 > [2001:db8::9]:80 SA seq=1 ack=2 win=4096 mss=1460 wscale=7
//! icmp 9.9.9.9 > 203.0.113.1 type=11 code=0 about udp 203.0.113.1:1000 > 8.8.8.8:53
//! proto=99 10.0.1.5 > 8.8.8.8 hex=ffff0000
//! ```
//!
//! Words: `ttl= tos= id= df mf off= opt=HEX flow=` (IP), `seq= ack= win= urg= mss= wscale= sackok topt=HEX doff=`
//! (TCP), `ulen= nosum` (UDP), `type= code= icmpid= icmpseq= rest=HEX` (ICMP), `data=N text=WORD hex=HEX` (payload),
//! `sum=HEX badsum badip` (checksums), `cut=N` (the IP packet ends after N bytes), `total=N` (what the length field
//! says), `frag` (IPv6 fragment header though whole), `ext=hbh|dst|rt` (IPv6 extension headers, in order),
//! `about PACKET` (quote of an ICMP error, the rest of the line), `quote=N` (bytes of it).
use std::net::IpAddr;

#[cfg(test)]
mod tests;

/// Why a line is not a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CraftError(pub String);

/// Transport of a crafted packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// TCP.
    Tcp {
        /// Ports.
        ports: (u16, u16),
        /// Flag byte.
        flags: u8,
        /// Sequence number.
        seq: u32,
        /// Acknowledgement number.
        ack: u32,
        /// Window.
        window: u16,
        /// Urgent pointer.
        urgent: u16,
        /// Options, padded to a multiple of 4 by the builder.
        options: Vec<u8>,
        /// Data offset in words, if it shall not be the right one.
        offset: Option<u8>,
    },
    /// UDP.
    Udp {
        /// Ports.
        ports: (u16, u16),
        /// Length field, if it shall not be the right one.
        length: Option<u16>,
        /// Checksum 0.
        no_checksum: bool,
    },
    /// ICMP or ICMPv6, after the family of the addresses.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Bytes 4 to 7.
        rest: [u8; 4],
    },
    /// Any other protocol: payload only.
    Other(u8),
}

/// A packet to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Craft {
    /// Source.
    pub source: IpAddr,
    /// Destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TOS or traffic class.
    pub tos: u8,
    /// IPv4 identification, or that of the IPv6 fragment header.
    pub id: u32,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// More fragments.
    pub more: bool,
    /// Fragment offset in bytes.
    pub offset: u16,
    /// IPv6: a fragment header even if the packet is whole.
    pub fragment_header: bool,
    /// IPv4 options.
    pub options: Vec<u8>,
    /// IPv6 flow label.
    pub flow: u32,
    /// IPv6 extension headers by protocol number (0, 43, 60), in order.
    pub extensions: Vec<u8>,
    /// Transport.
    pub body: Body,
    /// Payload.
    pub payload: Vec<u8>,
    /// Transport checksum, if it shall not be the right one.
    pub checksum: Option<u16>,
    /// A wrong transport checksum.
    pub bad_checksum: bool,
    /// A wrong IPv4 header checksum.
    pub bad_header: bool,
    /// The packet (length field included) ends after so many bytes.
    pub cut: Option<usize>,
    /// What the length field says instead.
    pub total: Option<u16>,
}

impl Craft {
    /// A packet with usual values: TTL 64, id 1.
    pub fn new(source: IpAddr, destination: IpAddr, body: Body) -> Self {
        Self {
            source,
            destination,
            ttl: 64,
            tos: 0,
            id: 1,
            dont_fragment: false,
            more: false,
            offset: 0,
            fragment_header: false,
            options: Vec::new(),
            flow: 0,
            extensions: Vec::new(),
            body,
            payload: Vec::new(),
            checksum: None,
            bad_checksum: false,
            bad_header: false,
            cut: None,
            total: None,
        }
    }

    /// The protocol number of the transport.
    pub fn protocol(&self) -> u8 {
        match self.body {
            Body::Tcp { .. } => 6,
            Body::Udp { .. } => 17,
            Body::Icmp { .. } if self.source.is_ipv4() => 1,
            Body::Icmp { .. } => 58,
            Body::Other(protocol) => protocol,
        }
    }

    /// Transport header and payload, checksum included.
    pub fn transport(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sum_at = None;
        match &self.body {
            Body::Tcp { ports, flags, seq, ack, window, urgent, options, offset } => {
                let mut options = options.clone();
                while options.len() % 4 != 0 {
                    options.push(0);
                }
                out.extend(ports.0.to_be_bytes());
                out.extend(ports.1.to_be_bytes());
                out.extend(seq.to_be_bytes());
                out.extend(ack.to_be_bytes());
                out.push(offset.unwrap_or(5 + (options.len() / 4) as u8) << 4);
                out.push(*flags);
                out.extend(window.to_be_bytes());
                out.extend([0, 0]);
                out.extend(urgent.to_be_bytes());
                out.extend(options);
                sum_at = Some(16);
            }
            Body::Udp { ports, length, no_checksum } => {
                out.extend(ports.0.to_be_bytes());
                out.extend(ports.1.to_be_bytes());
                out.extend(length.unwrap_or(8 + self.payload.len() as u16).to_be_bytes());
                out.extend([0, 0]);
                if !no_checksum {
                    sum_at = Some(6);
                }
            }
            Body::Icmp { kind, code, rest } => {
                out.extend([*kind, *code, 0, 0]);
                out.extend(rest);
                sum_at = Some(2);
            }
            Body::Other(_) => {}
        }
        out.extend(&self.payload);
        if let Some(at) = sum_at {
            let sum = self.checksum.unwrap_or_else(|| {
                let right = self.transport_sum(&out);
                if self.bad_checksum { right ^ 0x5555 } else { right }
            });
            out[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        out
    }

    fn transport_sum(&self, segment: &[u8]) -> u16 {
        let protocol = self.protocol();
        let mut covered = Vec::new();
        if protocol != 1 {
            match (self.source, self.destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    covered.extend(source.octets());
                    covered.extend(destination.octets());
                }
                (source, destination) => {
                    covered.extend(octets(source));
                    covered.extend(octets(destination));
                }
            }
            covered.extend((segment.len() as u32).to_be_bytes());
            covered.extend([0, 0, 0, protocol]);
        }
        covered.extend(segment);
        match checksum(&covered) {
            0 if protocol == 17 => 0xffff,
            sum => sum,
        }
    }

    /// The bytes of the packet.
    pub fn build(&self) -> Vec<u8> {
        let transport = self.transport();
        self.with_payload(&transport)
    }

    /// The packet as fragments of at most `size` payload bytes (rounded down to a multiple of 8).
    pub fn fragments(&self, size: usize) -> Vec<Vec<u8>> {
        let transport = self.transport();
        let size = (size / 8 * 8).max(8);
        let pieces = transport.chunks(size).count();
        transport
            .chunks(size)
            .enumerate()
            .map(|(at, piece)| {
                let mut fragment = self.clone();
                fragment.offset = (at * size) as u16;
                fragment.more = at + 1 < pieces;
                fragment.with_payload(piece)
            })
            .collect()
    }

    /// IP header(s) around some bytes.
    pub fn with_payload(&self, payload: &[u8]) -> Vec<u8> {
        let mut out = match self.source {
            IpAddr::V4(_) => self.v4(payload),
            IpAddr::V6(_) => self.v6(payload),
        };
        if let Some(cut) = self.cut {
            out.truncate(cut.max(20));
            self.fix_length(&mut out, None);
        }
        if self.total.is_some() {
            self.fix_length(&mut out, self.total);
        }
        out
    }

    fn fix_length(&self, out: &mut [u8], total: Option<u16>) {
        if self.source.is_ipv4() {
            let header = usize::from(out[0] & 15) * 4;
            let total = total.unwrap_or(out.len() as u16);
            out[2..4].copy_from_slice(&total.to_be_bytes());
            if header <= out.len() {
                set_header_sum(&mut out[..header], self.bad_header);
            }
        } else if out.len() >= 40 {
            let length = total.unwrap_or(out.len() as u16).saturating_sub(40);
            out[4..6].copy_from_slice(&length.to_be_bytes());
        }
    }

    fn v4(&self, payload: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        while !options.len().is_multiple_of(4) {
            options.push(0);
        }
        let header = 20 + options.len();
        let mut out = vec![0x40 | (header / 4) as u8, self.tos];
        out.extend(((header + payload.len()) as u16).to_be_bytes());
        out.extend((self.id as u16).to_be_bytes());
        let flags = (u16::from(self.dont_fragment) << 14) | (u16::from(self.more) << 13) | (self.offset / 8);
        out.extend(flags.to_be_bytes());
        out.extend([self.ttl, self.protocol(), 0, 0]);
        out.extend(octets(self.source));
        out.extend(octets(self.destination));
        out.extend(options);
        set_header_sum(&mut out, self.bad_header);
        out.extend(payload);
        out
    }

    fn v6(&self, payload: &[u8]) -> Vec<u8> {
        let mut chain: Vec<u8> = self.extensions.clone();
        if self.more || self.offset > 0 || self.fragment_header {
            chain.push(44);
        }
        chain.push(self.protocol());
        let mut extensions = Vec::new();
        for pair in chain.windows(2) {
            let [this, next] = [pair[0], pair[1]];
            match this {
                44 => {
                    extensions.extend([next, 0]);
                    extensions.extend((self.offset | u16::from(self.more)).to_be_bytes());
                    extensions.extend(self.id.to_be_bytes());
                }
                // Routing header type 2-like, no segments left: ignored by everybody.
                43 => extensions.extend([next, 0, 253, 0, 0, 0, 0, 0]),
                // Options headers: one PadN of 6 bytes.
                _ => extensions.extend([next, 0, 1, 4, 0, 0, 0, 0]),
            }
        }
        let word = 6_u32 << 28 | u32::from(self.tos) << 20 | (self.flow & 0xf_ffff);
        let mut out = word.to_be_bytes().to_vec();
        out.extend(((extensions.len() + payload.len()) as u16).to_be_bytes());
        out.extend([chain[0], self.ttl]);
        out.extend(octets(self.source));
        out.extend(octets(self.destination));
        out.extend(extensions);
        out.extend(payload);
        out
    }
}

fn set_header_sum(header: &mut [u8], bad: bool) {
    header[10..12].fill(0);
    let sum = checksum(header) ^ if bad { 0x1111 } else { 0 };
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Reads an unfragmented packet back, so that it can be changed and built anew; extension headers and IPv4 options
/// are lost.
pub fn read(bytes: &[u8]) -> Option<Craft> {
    let view = packet::View::parse(bytes).ok()?;
    if view.layout().later_fragment() {
        return None;
    }
    let after = view.after_header();
    let (body, payload) = match view.protocol()? {
        6 => {
            let tcp = view.tcp()?;
            let body = Body::Tcp {
                ports: (tcp.source(), tcp.destination()),
                flags: tcp.flags(),
                seq: tcp.sequence(),
                ack: tcp.acknowledgement(),
                window: tcp.window(),
                urgent: tcp.urgent(),
                options: tcp.options()?.to_vec(),
                offset: None,
            };
            (body, tcp.payload())
        }
        17 => (Body::Udp { ports: view.ports()?, length: None, no_checksum: false }, after.get(8..)?),
        1 | 58 => {
            let icmp = view.icmp()?;
            let body = Body::Icmp { kind: icmp.kind, code: icmp.code, rest: icmp.rest.to_be_bytes() };
            (body, after.get(8..)?)
        }
        other => (Body::Other(other), after),
    };
    let mut craft = Craft::new(view.source(), view.destination(), body);
    craft.payload = payload.to_vec();
    craft.tos = view.tos();
    Some(craft)
}

/// The octets of an address.
pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The Internet checksum, the slow way.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u64 = 0;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Hexadecimal digits of some bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of hexadecimal digits.
pub fn unhex(text: &str) -> Result<Vec<u8>, CraftError> {
    let bad = || CraftError(format!("not hexadecimal: {text}"));
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err(bad());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad()))
        .collect()
}

/// Reads a line of the language.
pub fn parse(line: &str) -> Result<Vec<u8>, CraftError> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if let [one] = words.as_slice() {
        return unhex(one);
    }
    Ok(parse_words(&words)?.build())
}

/// Reads a line of the language without building it.
pub fn parse_craft(line: &str) -> Result<Craft, CraftError> {
    parse_words(&line.split_whitespace().collect::<Vec<_>>())
}

fn parse_words(words: &[&str]) -> Result<Craft, CraftError> {
    let bad = |what: &str| CraftError(format!("{what} in `{}`", words.join(" ")));
    let [protocol, source, ">", destination, rest @ ..] = words else {
        return Err(bad("expected PROTOCOL SOURCE > DESTINATION"));
    };
    let (source, source_port) = endpoint(source)?;
    let (destination, destination_port) = endpoint(destination)?;
    if source.is_ipv4() != destination.is_ipv4() {
        return Err(bad("two families"));
    }
    let ports = (source_port.unwrap_or(0), destination_port.unwrap_or(0));
    let mut rest = rest;
    let body = match *protocol {
        "tcp" => {
            let [flags, more @ ..] = rest else { return Err(bad("no flags")) };
            rest = more;
            Body::Tcp {
                ports,
                flags: parse_flags(flags).ok_or_else(|| bad("flags"))?,
                seq: 0,
                ack: 0,
                window: 8192,
                urgent: 0,
                options: Vec::new(),
                offset: None,
            }
        }
        "udp" => Body::Udp { ports, length: None, no_checksum: false },
        "icmp" => Body::Icmp { kind: if source.is_ipv4() { 8 } else { 128 }, code: 0, rest: [0, 7, 0, 1] },
        other => {
            let number = other.strip_prefix("proto=").ok_or_else(|| bad("protocol"))?;
            Body::Other(number.parse().map_err(|_| bad("protocol"))?)
        }
    };
    let mut craft = Craft::new(source, destination, body);
    let mut quote = None;
    for (at, word) in rest.iter().enumerate() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        if name == "about" {
            let mut inner = parse_words(&rest[at + 1..])?.build();
            inner.truncate(quote.unwrap_or(usize::MAX));
            craft.payload = inner;
            break;
        }
        if name == "quote" {
            quote = Some(number(value)? as usize);
            continue;
        }
        if !ip_word(&mut craft, name, value)? && !body_word(&mut craft, name, value)? {
            return Err(bad(&format!("unknown word `{word}`")));
        }
    }
    Ok(craft)
}

fn number(text: &str) -> Result<u32, CraftError> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| CraftError(format!("not a number: `{text}`")))
}

fn ip_word(craft: &mut Craft, name: &str, value: &str) -> Result<bool, CraftError> {
    match name {
        "ttl" => craft.ttl = number(value)? as u8,
        "tos" => craft.tos = number(value)? as u8,
        "id" => craft.id = number(value)?,
        "df" => craft.dont_fragment = true,
        "mf" => craft.more = true,
        "off" => craft.offset = number(value)? as u16,
        "frag" => craft.fragment_header = true,
        "opt" => craft.options = unhex(value)?,
        "flow" => craft.flow = number(value)?,
        "ext" => craft.extensions.push(match value {
            "hbh" => 0,
            "rt" => 43,
            "dst" => 60,
            _ => return Err(CraftError(format!("extension header `{value}`"))),
        }),
        "data" => craft.payload = (0..number(value)?).map(|at| b'a' + (at % 26) as u8).collect(),
        "text" => craft.payload = value.as_bytes().to_vec(),
        "hex" => craft.payload = unhex(value)?,
        "sum" => craft.checksum = u16::from_str_radix(value, 16).ok(),
        "badsum" => craft.bad_checksum = true,
        "badip" => craft.bad_header = true,
        "cut" => craft.cut = Some(number(value)? as usize),
        "total" => craft.total = Some(number(value)? as u16),
        _ => return Ok(false),
    }
    Ok(true)
}

fn body_word(craft: &mut Craft, name: &str, value: &str) -> Result<bool, CraftError> {
    match (&mut craft.body, name) {
        (Body::Tcp { seq, .. }, "seq") => *seq = number(value)?,
        (Body::Tcp { ack, .. }, "ack") => *ack = number(value)?,
        (Body::Tcp { window, .. }, "win") => *window = number(value)? as u16,
        (Body::Tcp { urgent, .. }, "urg") => *urgent = number(value)? as u16,
        (Body::Tcp { offset, .. }, "doff") => *offset = Some(number(value)? as u8),
        (Body::Tcp { options, .. }, "mss") => {
            options.extend([2, 4]);
            options.extend((number(value)? as u16).to_be_bytes());
        }
        (Body::Tcp { options, .. }, "wscale") => options.extend([1, 3, 3, number(value)? as u8]),
        (Body::Tcp { options, .. }, "sackok") => options.extend([1, 1, 4, 2]),
        (Body::Tcp { options, .. }, "topt") => options.extend(unhex(value)?),
        (Body::Udp { length, .. }, "ulen") => *length = Some(number(value)? as u16),
        (Body::Udp { no_checksum, .. }, "nosum") => *no_checksum = true,
        (Body::Icmp { kind, .. }, "type") => *kind = number(value)? as u8,
        (Body::Icmp { code, .. }, "code") => *code = number(value)? as u8,
        (Body::Icmp { rest, .. }, "icmpid") => {
            rest[..2].copy_from_slice(&(number(value)? as u16).to_be_bytes());
        }
        (Body::Icmp { rest, .. }, "icmpseq") => {
            rest[2..].copy_from_slice(&(number(value)? as u16).to_be_bytes());
        }
        (Body::Icmp { rest, .. }, "rest") => {
            let bytes = unhex(value)?;
            *rest = bytes.try_into().map_err(|_| CraftError("rest= wants 4 bytes".to_owned()))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn endpoint(text: &str) -> Result<(IpAddr, Option<u16>), CraftError> {
    let bad = || CraftError(format!("not an address: `{text}`"));
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok((address, None));
    }
    let socket = text.parse::<std::net::SocketAddr>().map_err(|_| bad())?;
    Ok((socket.ip(), Some(socket.port())))
}

/// TCP flags by their letters: F S R P A U E C; `.` for none.
pub fn parse_flags(text: &str) -> Option<u8> {
    let mut flags = 0;
    for letter in text.chars().filter(|&letter| letter != '.') {
        flags |= 1 << "FSRPAUEC".find(letter)?;
    }
    Some(flags)
}

//! Writing a line.
use std::fmt::Write;
use std::net::IpAddr;

use super::describe::describe;
use super::{DEPTH, parse};
use crate::build::{self, Builder, Extension, FLAG_LETTERS, Tcp, Transport};
use crate::tcp_option::{self, kind};
use crate::{Family, InterfaceName, icmp, protocol};

pub(super) fn line(device: Option<InterfaceName>, bytes: &[u8]) -> String {
    let mut out = String::new();
    if let Some(device) = device {
        let name = device.as_str();
        // A name that the reader would take for something else stands in quotes.
        let plain = !name.is_empty()
            && name != ">"
            && name != "hex"
            && name.chars().all(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"'));
        if plain {
            out.push_str(name);
        } else {
            quoted(&mut out, name.as_bytes());
        }
        out.push(' ');
    }
    packet(&mut out, bytes, 0);
    out
}

fn packet(out: &mut String, bytes: &[u8], depth: usize) {
    if let Some(text) = words(bytes, depth) {
        out.push_str(&text);
        return;
    }
    out.push_str("hex ");
    hex(out, bytes);
}

/// The words for a packet, if they say exactly these bytes.
fn words(bytes: &[u8], depth: usize) -> Option<String> {
    let builder = describe(bytes)?;
    if builder.build() != bytes {
        return None;
    }
    let text = describe_in_words(&builder, depth);
    // Why: reading it back is what makes the promise of this module true, whatever the words above forgot.
    parse::line(&text).is_ok_and(|shown| shown.device.is_none() && shown.bytes == bytes).then_some(text)
}

fn describe_in_words(packet: &Builder, depth: usize) -> String {
    let mut out = String::new();
    ends(&mut out, packet);
    match &packet.transport {
        Transport::Tcp(tcp) => tcp_words(&mut out, tcp),
        Transport::UdpLite { coverage, .. } if *coverage != 0 => push(&mut out, "coverage", *coverage),
        Transport::Sctp { tag, .. } if *tag != 0 => push(&mut out, "vtag", *tag),
        Transport::Icmp { kind, code, rest } => icmp_words(&mut out, packet.family(), *kind, *code, *rest),
        _ => {}
    }
    ip_words(&mut out, packet);
    payload_words(&mut out, packet, depth);
    wrong_words(&mut out, packet);
    out
}

fn push(out: &mut String, word: &str, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(out, " {word} {value}");
}

fn hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

fn push_hex(out: &mut String, word: &str, bytes: &[u8]) {
    let _ = write!(out, " {word} ");
    hex(out, bytes);
}

fn quoted(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
}

fn name_of(protocol: u8) -> Option<&'static str> {
    parse::PROTOCOLS.iter().find(|entry| entry.1 == protocol).map(|entry| entry.0)
}

fn ends(out: &mut String, packet: &Builder) {
    let (source, destination) = (packet.ip.source, packet.ip.destination);
    let ported = |out: &mut String, name: &str, from: u16, to: u16| {
        let _ = write!(out, "{name} {} > {}", end(source, from), end(destination, to));
    };
    match &packet.transport {
        Transport::Tcp(tcp) => ported(out, "tcp", tcp.source, tcp.destination),
        Transport::Udp { source, destination } => ported(out, "udp", *source, *destination),
        Transport::UdpLite { source, destination, .. } => ported(out, "udplite", *source, *destination),
        Transport::Sctp { source, destination, .. } => ported(out, "sctp", *source, *destination),
        Transport::Icmp { .. } => {
            let name = if packet.family() == Family::V6 { "icmpv6" } else { "icmp" };
            let _ = write!(out, "{name} {source} > {destination}");
        }
        Transport::Raw(protocol) => {
            let fragments = &packet.ip.extensions;
            let later = packet.ip.fragment.is_some_and(|fragment| fragment.0 != 0)
                || fragments
                    .iter()
                    .any(|header| matches!(header, Extension::Fragment { offset, .. } if *offset != 0));
            let own_header = matches!(
                *protocol,
                protocol::TCP
                    | protocol::UDP
                    | protocol::UDPLITE
                    | protocol::SCTP
                    | protocol::ICMP
                    | protocol::ICMPV6
            );
            let foreign = match packet.family() {
                Family::V4 => *protocol == protocol::ICMPV6,
                Family::V6 => *protocol == protocol::ICMP,
            };
            match name_of(*protocol).filter(|_| (later || !own_header) && !foreign) {
                Some(name) => out.push_str(name),
                None => {
                    let _ = write!(out, "{protocol}");
                }
            }
            let _ = write!(out, " {source} > {destination}");
        }
    }
}

fn end(address: IpAddr, port: u16) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address, port)
}

fn tcp_words(out: &mut String, tcp: &Tcp) {
    out.push(' ');
    if tcp.flags == 0 {
        out.push('.');
    }
    for (letter, bit) in FLAG_LETTERS {
        if tcp.flags & bit != 0 {
            out.push(letter);
        }
    }
    for (word, value) in [("seq", tcp.sequence), ("ack", tcp.acknowledgement)] {
        if value != 0 {
            push(out, word, value);
        }
    }
    if tcp.window != build::DEFAULT_WINDOW {
        push(out, "win", tcp.window);
    }
    for (word, value) in [("urg", tcp.urgent), ("res", tcp.reserved.into())] {
        if value != 0 {
            push(out, word, value);
        }
    }
    tcp_options(out, &tcp.options);
}

fn tcp_options(out: &mut String, bytes: &[u8]) {
    let mut options = tcp_option::iterate(bytes);
    for option in options.by_ref() {
        if let Some(mss) = option.mss() {
            push(out, "mss", mss);
        } else if let Some(shift) = option.window_scale() {
            push(out, "wscale", shift);
        } else if let Some((value, echo)) = option.timestamps() {
            let _ = write!(out, " ts {value} {echo}");
        } else {
            match (option.kind, option.data.len()) {
                (kind::NOP, _) => out.push_str(" nop"),
                (kind::SACK_PERMITTED, 0) => out.push_str(" sackok"),
                (kind::SACK, length) if length > 0 && length % 8 == 0 => {
                    let blocks: Vec<_> = option.sack_blocks().map(|(a, b)| format!("{a}-{b}")).collect();
                    push(out, "sack", blocks.join(","));
                }
                (kind, length) => {
                    push_hex(out, "opt", &[kind, (length + 2) as u8]);
                    hex(out, option.data);
                }
            }
        }
    }
    // Up to three zeros at the end are the padding that the builder adds.
    let rest = options.rest();
    let used = bytes.len() - rest.len();
    let padding = used.div_ceil(4) * 4 - used;
    if rest.len() != padding || rest.iter().any(|&byte| byte != 0) {
        push_hex(out, "opt", rest);
    }
}

fn icmp_words(out: &mut String, family: Family, kind: u8, code: u8, rest: u32) {
    match icmp::name(family, kind, code) {
        Some(name) => {
            let _ = write!(out, " {name}");
        }
        None => {
            let _ = write!(out, " {kind}/{code}");
        }
    }
    let too_big = match family {
        Family::V4 => (kind, code) == (icmp::v4::DESTINATION_UNREACHABLE, 4),
        Family::V6 => kind == icmp::v6::PACKET_TOO_BIG,
    };
    if icmp::has_identifier(family, kind) {
        let _ = write!(out, " id {} seq {}", rest >> 16, rest & 0xffff);
    } else if rest == 0 {
    } else if too_big {
        push(out, "mtu", rest);
    } else if family == Family::V4 && kind == icmp::v4::REDIRECT {
        push(out, "gateway", std::net::Ipv4Addr::from(rest));
    } else {
        let _ = write!(out, " rest {rest:#x}");
    }
}

fn ip_words(out: &mut String, packet: &Builder) {
    let ip = &packet.ip;
    if ip.ttl != build::DEFAULT_TTL {
        push(out, "ttl", ip.ttl);
    }
    if ip.tos != 0 {
        let _ = write!(out, " tos {:#04x}", ip.tos);
    }
    if ip.id != 0 {
        let word = if matches!(packet.transport, Transport::Icmp { .. }) { "ipid" } else { "id" };
        push(out, word, ip.id);
    }
    for (word, set) in [("df", ip.dont_fragment), ("evil", ip.reserved)] {
        if set {
            let _ = write!(out, " {word}");
        }
    }
    if ip.flow_label != 0 {
        let _ = write!(out, " flow {:#x}", ip.flow_label);
    }
    if !ip.options.is_empty() {
        push_hex(out, "ipopts", &ip.options);
    }
    if let Some((offset, more)) = ip.fragment {
        push(out, "frag", format_args!("{offset}{}", if more { "+" } else { "" }));
    }
    for header in &ip.extensions {
        match header {
            Extension::Fragment { offset, more } => {
                push(out, "frag", format_args!("{offset}{}", if *more { "+" } else { "" }));
            }
            Extension::Header { protocol, body } => {
                let word = match *protocol {
                    protocol::HOP_BY_HOP => "hopopts",
                    protocol::ROUTING => "rthdr",
                    protocol::DESTINATION_OPTIONS => "dstopts",
                    _ => "auth",
                };
                push_hex(out, word, body);
            }
        }
    }
}

fn payload_words(out: &mut String, packet: &Builder, depth: usize) {
    let payload = packet.payload.as_slice();
    if payload.is_empty() {
        return;
    }
    if let Transport::Icmp { kind, .. } = packet.transport {
        let quotes = match packet.family() {
            Family::V4 => icmp::quotes_v4(kind),
            Family::V6 => kind < 128,
        };
        if let Some(text) = words_of_quote(payload, depth).filter(|_| quotes) {
            push(out, "quote (", text);
            out.push_str(" )");
            return;
        }
    }
    if payload.len() > 8 && payload.iter().all(|&byte| byte == 0) {
        push(out, "len", payload.len());
    } else if payload.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        out.push_str(" payload ");
        quoted(out, payload);
    } else {
        push_hex(out, "data", payload);
    }
}

fn words_of_quote(payload: &[u8], depth: usize) -> Option<String> {
    if depth >= DEPTH { None } else { words(payload, depth + 1) }
}

fn wrong_words(out: &mut String, packet: &Builder) {
    let wrong = &packet.wrong;
    if let Some(sum) = wrong.ip_checksum {
        let _ = write!(out, " ipsum {sum:#06x}");
    }
    match wrong.checksum {
        Some(0) if matches!(packet.transport, Transport::Udp { .. }) => out.push_str(" nosum"),
        Some(sum) => {
            let _ = write!(out, " sum {sum:#06x}");
        }
        None => {}
    }
    for (word, value) in [("iplen", wrong.total_length), ("udplen", wrong.udp_length)] {
        if let Some(value) = value {
            push(out, word, value);
        }
    }
    if let Some(words) = wrong.data_offset {
        push(out, "doff", words);
    }
    if let Some(cut) = wrong.cut {
        push(out, "cut", cut);
    }
}

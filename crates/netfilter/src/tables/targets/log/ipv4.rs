//! An IPv4 packet in a line of the log (Linux: `dump_ipv4_packet`).
use std::net::Ipv4Addr;

use packet::protocol;

use super::{Line, Tail, be16, be32, header, transport};

/// Prints the packet that starts at an offset. Without a tail it is a quoted one, and quotes in it are not followed.
pub(super) fn packet(line: &mut Line, bytes: &[u8], at: usize, tail: Option<Tail>) {
    let Some(ip) = header(bytes, at, 20) else {
        line.add(format_args!("TRUNCATED"));
        return;
    };
    let address = |at| Ipv4Addr::from(be32(ip, at).unwrap_or(0));
    line.add(format_args!("SRC={} DST={} ", address(12), address(16)));
    let byte = |at: usize| ip.get(at).copied().unwrap_or(0);
    let field = |at| be16(ip, at).unwrap_or(0);
    let (tos, ttl, number) = (byte(1), byte(8), byte(9));
    line.add(format_args!(
        "LEN={} TOS=0x{:02X} PREC=0x{:02X} TTL={ttl} ID={} ",
        field(2),
        tos & 0x1e,
        tos & 0xe0,
        field(4)
    ));
    let bits = field(6);
    for (bit, name) in [(0x8000, "CE"), (0x4000, "DF"), (0x2000, "MF")] {
        if bits & bit != 0 {
            line.add(format_args!("{name} "));
        }
    }
    let fragment = bits & 0x1fff;
    if fragment != 0 {
        line.add(format_args!("FRAG:{fragment} "));
    }
    let length = usize::from(byte(0) & 15) * 4;
    if line.options.ip_options && length > 20 {
        let Some(options) = header(bytes, at + 20, length - 20) else {
            line.add(format_args!("TRUNCATED"));
            return;
        };
        line.add(format_args!("OPT ("));
        line.hex(options);
        line.add(format_args!(") "));
    }
    if inside(line, bytes, at + length, number, fragment != 0, tail.is_some()) {
        return;
    }
    if let Some(tail) = tail {
        line.tail(tail);
    }
}

/// Prints what the packet carries; `true` if the line ends with it.
fn inside(line: &mut Line, bytes: &[u8], at: usize, number: u8, fragment: bool, outer: bool) -> bool {
    match number {
        protocol::TCP => return transport::tcp(line, bytes, at, fragment),
        protocol::UDP | protocol::UDPLITE => return transport::udp(line, bytes, at, number, fragment),
        protocol::ICMP => icmp(line, bytes, at, fragment, outer),
        protocol::AH => spi(line, bytes, at, fragment, ("AH", 12, 4)),
        protocol::ESP => spi(line, bytes, at, fragment, ("ESP", 8, 0)),
        number => line.add(format_args!("PROTO={number} ")),
    }
    false
}

/// The security parameter index of a header: its name, length, and where the index stands.
fn spi(
    line: &mut Line,
    bytes: &[u8],
    at: usize,
    fragment: bool,
    (name, length, place): (&str, usize, usize),
) {
    line.add(format_args!("PROTO={name} "));
    if fragment {
        return;
    }
    match header(bytes, at, length) {
        Some(header) => line.add(format_args!("SPI=0x{:x} ", be32(header, place).unwrap_or(0))),
        None => line.incomplete(bytes, at),
    }
}

/// The bytes that a message of a type must have to be printed further.
fn required(kind: u8) -> usize {
    match kind {
        0 | 8 => 4,
        3 | 4 | 5 | 11 | 12 => 28,
        13 | 14 => 20,
        17 | 18 => 12,
        _ => 0,
    }
}

fn icmp(line: &mut Line, bytes: &[u8], at: usize, fragment: bool, outer: bool) {
    line.add(format_args!("PROTO=ICMP "));
    if fragment {
        return;
    }
    let Some(message) = header(bytes, at, 8) else {
        line.incomplete(bytes, at);
        return;
    };
    let byte = |at: usize| message.get(at).copied().unwrap_or(0);
    let field = |at| be16(message, at).unwrap_or(0);
    let (kind, code) = (byte(0), byte(1));
    line.add(format_args!("TYPE={kind} CODE={code} "));
    if bytes.len() - at < required(kind) {
        line.incomplete(bytes, at);
        return;
    }
    match kind {
        0 | 8 => line.add(format_args!("ID={} SEQ={} ", field(4), field(6))),
        12 => line.add(format_args!("PARAMETER={} ", byte(4))),
        3 | 4 | 5 | 11 => {
            if kind == 5 {
                line.add(format_args!("GATEWAY={} ", Ipv4Addr::from(be32(message, 4).unwrap_or(0))));
            }
            if outer {
                line.add(format_args!("["));
                packet(line, bytes, at + 8, None);
                line.add(format_args!("] "));
            }
            if (kind, code) == (3, 4) {
                line.add(format_args!("MTU={} ", field(6)));
            }
        }
        _ => {}
    }
}

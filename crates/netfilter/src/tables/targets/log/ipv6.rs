//! An IPv6 packet in a line of the log (Linux: `dump_ipv6_packet`).
use packet::protocol;

use super::{Line, Tail, be16, be32, header, transport};

/// Prints the packet that starts at an offset. Without a tail it is a quoted one, and quotes in it are not followed.
pub(super) fn packet(line: &mut Line, bytes: &[u8], at: usize, tail: Option<Tail>) {
    let Some(ip) = header(bytes, at, 40) else {
        line.add(format_args!("TRUNCATED"));
        return;
    };
    line.add(format_args!("SRC="));
    address(line, ip, 8);
    line.add(format_args!(" DST="));
    address(line, ip, 24);
    let word = be32(ip, 0).unwrap_or(0);
    let byte = |at: usize| ip.get(at).copied().unwrap_or(0);
    line.add(format_args!(
        " LEN={} TC={} HOPLIMIT={} FLOWLBL={} ",
        usize::from(be16(ip, 4).unwrap_or(0)) + 40,
        (word >> 20) & 0xff,
        byte(7),
        word & 0xf_ffff
    ));
    let mut walk = Walk { next: byte(6), at: at + 40, fragment: false };
    if extensions(line, bytes, &mut walk) || inside(line, bytes, &walk, tail.is_some()) {
        return;
    }
    if let Some(tail) = tail {
        line.tail(tail);
    }
}

/// All eight groups with their zeros.
fn address(line: &mut Line, ip: &[u8], at: usize) {
    for group in 0..8 {
        let colon = if group == 0 { "" } else { ":" };
        line.add(format_args!("{colon}{:04x}", be16(ip, at + 2 * group).unwrap_or(0)));
    }
}

/// Where the walk over the extension headers is.
struct Walk {
    next: u8,
    at: usize,
    fragment: bool,
}

/// Prints the extension headers; `true` if the line ends with them.
fn extensions(line: &mut Line, bytes: &[u8], walk: &mut Walk) -> bool {
    let options = line.options.ip_options;
    // ESP is one of them here; a packet of ESP is printed only with the options (Linux: `nf_ip6_ext_hdr`).
    while matches!(
        walk.next,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::ESP
            | protocol::AH
            | protocol::DESTINATION_OPTIONS
    ) {
        let Some(&[next, length]) = header(bytes, walk.at, 2).and_then(|bytes| bytes.first_chunk::<2>())
        else {
            line.add(format_args!("TRUNCATED"));
            return true;
        };
        if options {
            line.add(format_args!("OPT ( "));
        }
        let length = usize::from(length);
        let size = match walk.next {
            protocol::FRAGMENT => {
                line.add(format_args!("FRAG:"));
                let Some(fragment) = header(bytes, walk.at, 8) else {
                    line.add(format_args!("TRUNCATED "));
                    return true;
                };
                let bits = be16(fragment, 2).unwrap_or(0);
                line.add(format_args!("{} ", bits & 0xfff8));
                if bits & 1 != 0 {
                    line.add(format_args!("INCOMPLETE "));
                }
                line.add(format_args!("ID:{:08x} ", be32(fragment, 4).unwrap_or(0)));
                walk.fragment |= bits & 0xfff8 != 0;
                8
            }
            protocol::AH => {
                if options && security(line, bytes, walk, ("AH", 12, 4)) {
                    return true;
                }
                (length + 2) * 4
            }
            protocol::ESP => {
                if options && !security(line, bytes, walk, ("ESP", 8, 0)) {
                    line.add(format_args!(")"));
                }
                return true;
            }
            _ => {
                if walk.fragment {
                    if options {
                        line.add(format_args!(")"));
                    }
                    return true;
                }
                (length + 1) * 8
            }
        };
        if options {
            line.add(format_args!(") "));
        }
        walk.next = next;
        walk.at += size;
    }
    false
}

/// The security parameter index of a header: its name, length, and where the index stands. `true` if the line ends.
fn security(line: &mut Line, bytes: &[u8], walk: &Walk, (name, length, place): (&str, usize, usize)) -> bool {
    line.add(format_args!("{name} "));
    if walk.fragment {
        line.add(format_args!(")"));
        return true;
    }
    match header(bytes, walk.at, length) {
        Some(header) => {
            line.add(format_args!("SPI=0x{:x} ", be32(header, place).unwrap_or(0)));
            false
        }
        None => {
            line.incomplete(bytes, walk.at);
            line.add(format_args!(")"));
            true
        }
    }
}

/// Prints what the packet carries; `true` if the line ends with it.
fn inside(line: &mut Line, bytes: &[u8], walk: &Walk, outer: bool) -> bool {
    match walk.next {
        protocol::TCP => transport::tcp(line, bytes, walk.at, walk.fragment),
        protocol::UDP | protocol::UDPLITE => transport::udp(line, bytes, walk.at, walk.next, walk.fragment),
        protocol::ICMPV6 => icmp(line, bytes, walk, outer),
        number => {
            line.add(format_args!("PROTO={number} "));
            false
        }
    }
}

fn icmp(line: &mut Line, bytes: &[u8], walk: &Walk, outer: bool) -> bool {
    line.add(format_args!("PROTO=ICMPv6 "));
    if walk.fragment {
        return false;
    }
    let Some(message) = header(bytes, walk.at, 8) else {
        line.incomplete(bytes, walk.at);
        return true;
    };
    let byte = |at: usize| message.get(at).copied().unwrap_or(0);
    let field = |at| be16(message, at).unwrap_or(0);
    let rest = be32(message, 4).unwrap_or(0);
    let kind = byte(0);
    line.add(format_args!("TYPE={kind} CODE={} ", byte(1)));
    match kind {
        128 | 129 => line.add(format_args!("ID={} SEQ={} ", field(4), field(6))),
        1..=4 => {
            if kind == 4 {
                line.add(format_args!("POINTER={rest:08x} "));
            }
            if outer {
                line.add(format_args!("["));
                packet(line, bytes, walk.at + 8, None);
                line.add(format_args!("] "));
            }
            if kind == 2 {
                line.add(format_args!("MTU={rest} "));
            }
        }
        _ => {}
    }
    false
}

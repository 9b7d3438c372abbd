//! TCP and UDP in a line of the log (Linux: `nf_log_dump_tcp_header`, `nf_log_dump_udp_header`).
use packet::protocol;

use super::{Line, be16, be32, header};

/// Whether the line ends here, because the packet is cut short.
pub(super) type Ends = bool;

/// Prints a TCP header.
pub(super) fn tcp(line: &mut Line, bytes: &[u8], at: usize, fragment: bool) -> Ends {
    line.add(format_args!("PROTO=TCP "));
    if fragment {
        return false;
    }
    let Some(tcp) = header(bytes, at, 20) else {
        line.incomplete(bytes, at);
        return true;
    };
    let field = |at| be16(tcp, at).unwrap_or(0);
    line.add(format_args!("SPT={} DPT={} ", field(0), field(2)));
    if line.options.tcp_sequence {
        let (sequence, acknowledgement) = (be32(tcp, 4).unwrap_or(0), be32(tcp, 8).unwrap_or(0));
        line.add(format_args!("SEQ={sequence} ACK={acknowledgement} "));
    }
    line.add(format_args!("WINDOW={} ", field(14)));
    let bits = field(12);
    line.add(format_args!("RES=0x{:02x} ", RESERVED.shown(bits)));
    for (bit, name) in FLAGS {
        if bits & bit != 0 {
            line.add(format_args!("{name} "));
        }
    }
    line.add(format_args!("URGP={} ", field(18)));
    let length = usize::from(bits >> 12) * 4;
    if line.options.tcp_options && length > 20 {
        let Some(options) = header(bytes, at + 20, length - 20) else {
            line.add(format_args!("OPT (TRUNCATED)"));
            return true;
        };
        line.add(format_args!("OPT ("));
        line.hex(options);
        line.add(format_args!(") "));
    }
    false
}

/// Which bits are shown as reserved.
struct Reserved(u16);

/// Linux 6.18: the bit next to CWR is a flag of its own (accurate ECN), the other three are reserved.
const RESERVED: Reserved = Reserved(0x0e00);

impl Reserved {
    /// The number as the kernel prints it: shifted by 6 bits of the 16, so that the lowest two are always 0.
    fn shown(&self, bits: u16) -> u16 {
        (bits & self.0) >> 6
    }
}

const FLAGS: [(u16, &str); 9] = [
    (0x100, "AE"),
    (0x80, "CWR"),
    (0x40, "ECE"),
    (0x20, "URG"),
    (0x10, "ACK"),
    (0x08, "PSH"),
    (0x04, "RST"),
    (0x02, "SYN"),
    (0x01, "FIN"),
];

/// Prints a UDP or UDP-Lite header.
pub(super) fn udp(line: &mut Line, bytes: &[u8], at: usize, number: u8, fragment: bool) -> Ends {
    let name = if number == protocol::UDP { "UDP" } else { "UDPLITE" };
    line.add(format_args!("PROTO={name} "));
    if fragment {
        return false;
    }
    let Some(udp) = header(bytes, at, 8) else {
        line.incomplete(bytes, at);
        return true;
    };
    let field = |at| be16(udp, at).unwrap_or(0);
    line.add(format_args!("SPT={} DPT={} LEN={} ", field(0), field(2), field(4)));
    false
}

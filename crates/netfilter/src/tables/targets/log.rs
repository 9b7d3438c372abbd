//! `-j LOG`, and the lines of legacy TRACE: what the kernel prints, to the byte (F67).
//!
//! Linux: `nf_log_ip_packet`, `nf_log_ip6_packet`. Each item of the line ends in a blank, so that the line does, too.
//! A sender that is not known is left out of the line: unlike a match it decides nothing.
mod ipv4;
mod ipv6;
mod transport;

use std::fmt::Write;

use packet::Family;
use rules::targets::log::Log;

use super::{Effect, Place};
use crate::Env;
use crate::env::LogLine;
use crate::network::DeviceId;
use crate::skb::Packet;
use crate::tables::device_name;
use crate::trace::Step;

/// The syslog level of what the kernel says by itself (Linux: `default_loginfo`).
const NOTICE: u8 = 5;

/// What a line shows besides what every line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Options {
    tcp_sequence: bool,
    tcp_options: bool,
    ip_options: bool,
    uid: bool,
    mac_decode: bool,
}

pub(super) fn apply(rule: &Log, place: &Place, packet: &Packet, env: &mut Env<'_>) -> Effect {
    let options = Options {
        tcp_sequence: rule.tcp_sequence,
        tcp_options: rule.tcp_options,
        ip_options: rule.ip_options,
        uid: rule.uid,
        mac_decode: rule.mac_decode,
    };
    log(rule.level, &rule.prefix, options, place, packet, env);
    Effect::Continue
}

/// A line of legacy TRACE: level warning, everything but the decoded frame header (Linux: `trace_loginfo`).
pub(in crate::tables) fn trace(prefix: &str, place: &Place, packet: &Packet, env: &mut Env<'_>) {
    let options =
        Options { tcp_sequence: true, tcp_options: true, ip_options: true, uid: true, mac_decode: false };
    let text = line(prefix, options, place, packet, env);
    env.log_line(LogLine { level: 4, text });
}

/// A line of the kernel itself about a packet, of which it does not say where it came from.
pub(crate) fn notice(prefix: &str, packet: &Packet, env: &mut Env<'_>) {
    let place =
        Place { table: rules::Table::Filter, hook: rules::Hook::Postrouting, input: None, output: None };
    notice_at(prefix, &place, packet, env);
}

/// A line of the kernel itself about a packet (Linux: `nf_log_packet`).
pub(in crate::tables) fn notice_at(prefix: &str, place: &Place, packet: &Packet, env: &mut Env<'_>) {
    let options =
        Options { tcp_sequence: true, tcp_options: true, ip_options: true, uid: true, mac_decode: false };
    log(NOTICE, prefix, options, place, packet, env);
}

/// Writes a line and tells the trace of it.
fn log(level: u8, prefix: &str, options: Options, place: &Place, packet: &Packet, env: &mut Env<'_>) {
    let text = line(prefix, options, place, packet, env);
    let unknown_sender = options.uid && is_unknown(packet);
    env.step(packet, || Step::Logged { line: text.clone(), unknown_sender });
    env.log_line(LogLine { level, text });
}

/// Whether a process sends a packet, and nobody has said whose: then its user and group are left out of the line, in which
/// they stand on the machine.
fn is_unknown(packet: &Packet) -> bool {
    packet.origin.is_some_and(|origin| !origin.known || origin.group_unknown)
}

fn line(prefix: &str, options: Options, place: &Place, packet: &Packet, env: &Env<'_>) -> String {
    let mut line = Line { text: String::with_capacity(256), options };
    line.add(format_args!("{prefix}IN="));
    line.device(place.input, env);
    line.add(format_args!(" OUT="));
    line.device(place.output, env);
    line.add(format_args!(" "));
    let link = packet.link;
    for (name, port, device) in
        [("PHYSIN", link.physical_input, place.input), ("PHYSOUT", link.physical_output, place.output)]
    {
        if let Some(port) = device_name(env.network, port).filter(|_| port != device) {
            line.add(format_args!("{name}={port} "));
        }
    }
    if place.input.is_some() {
        line.frame(place, packet, env);
    }
    let origin = packet.origin.filter(|origin| !origin.group_unknown);
    let uid = origin.and_then(|origin| origin.socket).filter(|socket| socket.has_file);
    let tail = Tail { uid: uid.map(|socket| (socket.uid, socket.gid)), mark: packet.mark };
    let bytes = packet.view().bytes();
    match packet.family() {
        Family::V4 => ipv4::packet(&mut line, bytes, 0, Some(tail)),
        Family::V6 => ipv6::packet(&mut line, bytes, 0, Some(tail)),
    }
    line.finish()
}

/// The longest line; what is behind is cut off (Linux: `struct nf_log_buf`, in which two bytes are the level's; measured).
const MOST_BYTES: usize = 1016;

/// What stands at the end of a line, but not behind a quoted packet.
#[derive(Clone, Copy, Debug)]
struct Tail {
    /// User and group of the sender.
    uid: Option<(u32, u32)>,
    mark: u32,
}

/// A line that grows.
struct Line {
    text: String,
    options: Options,
}

impl Line {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        if self.text.len() <= MOST_BYTES {
            // Writing into a string cannot fail.
            let _ = self.text.write_fmt(text);
        }
    }

    fn finish(mut self) -> String {
        self.text.truncate(self.text.floor_char_boundary(MOST_BYTES));
        self.text
    }

    fn device(&mut self, device: Option<DeviceId>, env: &Env<'_>) {
        if let Some(name) = device_name(env.network, device) {
            self.add(format_args!("{name}"));
        }
    }

    /// `INCOMPLETE` with the number of bytes that are left from an offset on.
    fn incomplete(&mut self, bytes: &[u8], at: usize) {
        // Linux: the difference is an unsigned 32-bit number.
        let left = (bytes.len() as u32).wrapping_sub(at as u32);
        self.add(format_args!("INCOMPLETE [{left} bytes] "));
    }

    fn hex(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.add(format_args!("{byte:02X}"));
        }
    }

    fn tail(&mut self, tail: Tail) {
        if let Some((uid, gid)) = tail.uid.filter(|_| self.options.uid) {
            self.add(format_args!("UID={uid} GID={gid} "));
        }
        if tail.mark != 0 {
            self.add(format_args!("MARK=0x{:x} ", tail.mark));
        }
    }

    /// The frame's header (Linux: `dump_mac_header`): at POSTROUTING the packet's device is the outgoing one, which says
    /// whether frames have a header at all.
    fn frame(&mut self, place: &Place, packet: &Packet, env: &Env<'_>) {
        let device = match place.hook {
            rules::Hook::Postrouting => place.output,
            _ => place.input,
        };
        let ether_type: [u8; 2] = match packet.family() {
            Family::V4 => [0x08, 0x00],
            Family::V6 => [0x86, 0xdd],
        };
        let header = match device {
            Some(DeviceId::LOOPBACK) => {
                let [high, low] = ether_type;
                Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low])
            }
            _ => place.ethernet(packet, env.network),
        };
        let ethernet = header.filter(|_| device != Some(DeviceId::LOOPBACK));
        match ethernet.filter(|_| self.options.mac_decode && packet.family() == Family::V4) {
            Some([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low]) => {
                self.add(format_args!("MACSRC={s0:02x}:{s1:02x}:{s2:02x}:{s3:02x}:{s4:02x}:{s5:02x} "));
                self.add(format_args!("MACDST={d0:02x}:{d1:02x}:{d2:02x}:{d3:02x}:{d4:02x}:{d5:02x} "));
                self.add(format_args!("MACPROTO={high:02x}{low:02x} "));
            }
            None => {
                self.add(format_args!("MAC="));
                for (at, byte) in header.iter().flatten().enumerate() {
                    let colon = if at == 0 { "" } else { ":" };
                    self.add(format_args!("{colon}{byte:02x}"));
                }
                self.add(format_args!(" "));
            }
        }
    }
}

/// A field of 16 bits in wire order.
fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let end = at.checked_add(2)?;
    bytes.get(at..end)?.try_into().ok().map(u16::from_be_bytes)
}

/// A field of 32 bits in wire order.
fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    bytes.get(at..end)?.try_into().ok().map(u32::from_be_bytes)
}

/// Some bytes from an offset on, if all of them are there (Linux: `skb_header_pointer`).
fn header(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

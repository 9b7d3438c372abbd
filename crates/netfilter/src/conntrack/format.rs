//! The lines of `/proc/net/nf_conntrack` and `/proc/net/nf_conntrack_expect`, to the byte (Linux: `ct_seq_show`,
//! `exp_seq_show`), without the newline.
use std::fmt::Write;
use std::net::IpAddr;

use packet::{Family, protocol};
use rules::Counters;

use super::expect::{Expectation, Flags};
use super::{Connection, ConnectionId, Conntrack, ProtocolState, Status, Tuple, Zone};
use crate::time::Now;

/// The name of a protocol that has a tracker.
fn protocol_name(number: u8) -> &'static str {
    match number {
        protocol::ICMP => "icmp",
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::GRE => "gre",
        protocol::SCTP => "sctp",
        protocol::UDPLITE => "udplite",
        protocol::ICMPV6 => "icmpv6",
        _ => "unknown",
    }
}

const fn family_name(family: Family) -> (&'static str, u8) {
    match family {
        Family::V4 => ("ipv4", 2),
        Family::V6 => ("ipv6", 10),
    }
}

/// An address; IPv6 in full (F47).
fn write_address(out: &mut String, address: IpAddr) {
    // Writing to a string cannot fail.
    let _ = match address {
        IpAddr::V4(address) => write!(out, "{address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.segments();
            write!(out, "{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{f:04x}:{g:04x}:{h:04x}")
        }
    };
}

fn write_tuple(out: &mut String, tuple: &Tuple) {
    out.push_str("src=");
    write_address(out, tuple.source);
    out.push_str(" dst=");
    write_address(out, tuple.destination);
    out.push(' ');
    let (source, destination) = (tuple.source_id, tuple.destination_id);
    let _ = match tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let [kind, code] = destination.to_be_bytes();
            write!(out, "type={kind} code={code} id={source} ")
        }
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => {
            write!(out, "sport={source} dport={destination} ")
        }
        protocol::GRE => write!(out, "srckey={source:#x} dstkey={destination:#x} "),
        _ => Ok(()),
    };
}

fn write_counters(out: &mut String, counted: bool, counters: Counters) {
    if counted {
        let _ = write!(out, "packets={} bytes={} ", counters.packets, counters.bytes);
    }
}

impl Conntrack {
    /// The line of a connection; empty if there is no such connection.
    pub fn line(&self, id: ConnectionId, now: Now) -> String {
        let mut out = String::new();
        if let Some(connection) = self.get(id) {
            write_connection(&mut out, connection, self.config.acct, now);
        }
        out
    }

    /// The lines of all confirmed connections that have not expired, in the order of [`Conntrack::iter`].
    pub fn lines(&self, now: Now) -> impl Iterator<Item = String> {
        self.iter()
            .filter(move |(_, connection)| !connection.is_expired(now.mono))
            .map(move |(id, _)| self.line(id, now))
    }

    /// The lines of all expectations.
    pub fn expectation_lines(&self, now: Now) -> impl Iterator<Item = String> {
        self.expectations()
            .filter(move |item| item.expires > now.mono)
            .map(move |item| expectation_line(item, now))
    }
}

fn write_connection(out: &mut String, connection: &Connection, counted: bool, now: Now) {
    let number = connection.ip_protocol();
    let (family, family_number) = family_name(connection.family());
    let seconds = connection.remaining(now.mono).as_secs();
    let _ = write!(out, "{family:<8} {family_number} {:<8} {number} {seconds} ", protocol_name(number));
    match connection.protocol {
        ProtocolState::Tcp(tcp) => {
            let _ = write!(out, "{} ", tcp.state.name());
        }
        ProtocolState::Gre(gre) => {
            let (timeout, stream) = (gre.timeout.as_secs(), gre.stream_timeout.as_secs());
            let _ = write!(out, "timeout={timeout}, stream_timeout={stream} ");
        }
        ProtocolState::Sctp(sctp) => {
            let _ = write!(out, "{} ", sctp.state.name());
        }
        ProtocolState::Udp(_) | ProtocolState::Plain => {}
    }
    let [original, reply] = connection.counters;
    let Zone { original: zone, reply: reply_zone } = connection.zone;
    let both = zone == reply_zone;
    write_tuple(out, &connection.original());
    if !both && zone != 0 {
        let _ = write!(out, "zone-orig={zone} ");
    }
    write_counters(out, counted, original);
    if !connection.status.has(Status::SEEN_REPLY) {
        out.push_str("[UNREPLIED] ");
    }
    write_tuple(out, &connection.reply());
    if !both && zone == 0 {
        let _ = write!(out, "zone-reply={reply_zone} ");
    }
    write_counters(out, counted, reply);
    if connection.status.has(Status::ASSURED) {
        out.push_str("[ASSURED] ");
    }
    let _ = write!(out, "mark={} ", connection.mark);
    if both {
        let _ = write!(out, "zone={zone} ");
    }
    // Linux: one reference of the table, one of the reader, one of each connection that this one expected.
    let _ = write!(out, "use={}", connection.rare().children.saturating_add(2));
}

fn expectation_line(item: &Expectation, now: Now) -> String {
    let seconds = item.expires.since(now.mono).as_secs();
    let (_, number) = family_name(Family::of(item.destination));
    let mut out = format!("{seconds} l3proto = {number} proto={} ", item.protocol);
    write_tuple(&mut out, &item.tuple());
    let flags =
        [(Flags::PERMANENT, "PERMANENT"), (Flags::INACTIVE, "INACTIVE"), (Flags::USERSPACE, "USERSPACE")];
    let mut between = "";
    for (flag, name) in flags {
        if item.flags.has(flag) {
            let _ = write!(out, "{between}{name}");
            between = ",";
        }
    }
    let blank = if item.flags == Flags::default() { "" } else { " " };
    let _ = write!(out, "{blank}{}", item.helper.name());
    let class = item.helper.policy(item.class).name;
    if !class.is_empty() {
        let _ = write!(out, "/{class}");
    }
    out
}

#[cfg(test)]
mod tests;

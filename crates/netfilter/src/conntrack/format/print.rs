//! What a line says, as data, and how it is printed.
use std::fmt::Write;
use std::net::IpAddr;

use packet::{Family, protocol};
use rules::Counters;

use crate::conntrack::expect::Flags;
use crate::conntrack::{Direction, Tuple, Zone, sctp, tcp};

/// Which program's form a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `/proc/net/nf_conntrack`, `/proc/net/nf_conntrack_expect`.
    Proc,
    /// `conntrack -L -o extended`, `conntrack -L expect`; with `id`, `labels` and `ktimestamp` if they are there.
    Extended,
    /// `conntrack -L -o save`, which `conntrack -R` loads: connections only, without counters. conntrack 1.4.7
    /// reads marks and translations of a port alone, but leaves them out when it writes; here they are.
    Save,
}

/// The line of a connection. What is `None` is not in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Seconds until it ends; an offloaded one has none.
    pub seconds: Option<u64>,
    /// The state, of protocols that have states.
    pub state: Option<State>,
    /// Of GRE the two timeouts in seconds; only in [`Style::Proc`].
    pub gre_timeouts: Option<(u64, u64)>,
    /// The original direction.
    pub original: Flow,
    /// The reply direction.
    pub reply: Flow,
    /// Its zone.
    pub zone: Zone,
    /// The direction for which the zone was given, if its number is 0; only `/proc` shows it.
    pub zero_zone: Option<Direction>,
    /// `[UNREPLIED]`.
    pub unreplied: bool,
    /// `[ASSURED]`.
    pub assured: bool,
    /// `[OFFLOAD]` or `[HW_OFFLOAD]`: a flow table carries its packets past the rules.
    pub offload: Option<Offload>,
    /// Its mark.
    pub mark: Option<u32>,
    /// Its security mark as the LSM's text.
    pub secctx: Option<Box<str>>,
    /// How long it has been there, in seconds (`nf_conntrack_timestamp`).
    pub delta_time: Option<u64>,
    /// When it began (`-o ktimestamp`), as printed.
    pub start: Option<Box<str>>,
    /// Its helper; only in [`Style::Extended`].
    pub helper: Option<Box<str>>,
    /// Its references.
    pub uses: Option<u32>,
    /// Its number (`-o id`).
    pub id: Option<u32>,
    /// Names of its labels with commas between (`-o labels`).
    pub labels: Option<Box<str>>,
}

/// One direction in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Its tuple.
    pub tuple: Tuple,
    /// Its packets and bytes (`nf_conntrack_acct`).
    pub counters: Option<Counters>,
}

/// Who carries the packets of a connection past the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// A flow table.
    Software,
    /// The network card.
    Hardware,
}

/// The state in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// TCP.
    Tcp(tcp::State),
    /// SCTP.
    Sctp(sctp::State),
    /// DCCP, which kernels before 6.16 track: the number in [`DCCP_STATES`].
    Dccp(u8),
}

/// States of DCCP (Linux: `dccp_state_names` of old).
pub const DCCP_STATES: [&str; 10] = [
    "NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE", "INVALID",
];

impl State {
    /// The word in the line.
    pub fn name(self) -> &'static str {
        match self {
            State::Tcp(state) => state.name(),
            State::Sctp(state) => state.name(),
            State::Dccp(state) => DCCP_STATES.get(usize::from(state)).copied().unwrap_or("INVALID"),
        }
    }
}

/// The line of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Seconds until its timer is due; below 0 where that is over and the timer has not fired yet, which only `/proc` shows.
    pub seconds: i64,
    /// What is expected; what is open is 0.
    pub tuple: Tuple,
    /// The bits of the source address that count; `/proc` does not show it.
    pub source_mask: IpAddr,
    /// Whether any source port will do; `/proc` does not show it.
    pub any_port: bool,
    /// The original tuple of the connection whose helper expects it; `/proc` does not show it.
    pub master: Option<Tuple>,
    /// Its zone; `/proc` does not show it.
    pub zone: u16,
    /// `PERMANENT`, `INACTIVE`, `USERSPACE`.
    pub flags: Flags,
    /// The number of the helper's class; `/proc` does not show it.
    pub class: Option<u32>,
    /// The name of the class; only `/proc` shows it.
    pub class_name: Option<Box<str>>,
    /// The helper.
    pub helper: Box<str>,
}

/// The names of the flags of an expectation.
pub(super) const FLAGS: [(Flags, &str); 3] =
    [(Flags::PERMANENT, "PERMANENT"), (Flags::INACTIVE, "INACTIVE"), (Flags::USERSPACE, "USERSPACE")];

/// DCCP's number: it has no tracker any more (F41), but lines of older kernels name it.
pub(in crate::conntrack) const DCCP: u8 = 33;

/// The names of the protocols that have a tracker.
pub(super) const PROTOCOLS: [(u8, &str); 8] = [
    (protocol::ICMP, "icmp"),
    (protocol::TCP, "tcp"),
    (protocol::UDP, "udp"),
    (DCCP, "dccp"),
    (protocol::GRE, "gre"),
    (protocol::ICMPV6, "icmpv6"),
    (protocol::SCTP, "sctp"),
    (protocol::UDPLITE, "udplite"),
];

/// The name of a protocol.
fn protocol_name(number: u8, style: Style) -> &'static str {
    let named = PROTOCOLS.iter().find(|(own, _)| *own == number && (style, number) != (Style::Proc, DCCP));
    named.map_or("unknown", |(_, name)| name)
}

/// The name and number of a family.
pub(super) const fn family_name(family: Family) -> (&'static str, u8) {
    match family {
        Family::V4 => ("ipv4", 2),
        Family::V6 => ("ipv6", 10),
    }
}

/// An address; in `/proc` IPv6 in full (F47).
fn write_address(out: &mut String, address: IpAddr, style: Style) {
    // Writing to a string cannot fail.
    let _ = match (address, style) {
        (IpAddr::V6(address), Style::Proc) => {
            let [a, b, c, d, e, f, g, h] = address.segments();
            write!(out, "{a:04x}:{b:04x}:{c:04x}:{d:04x}:{e:04x}:{f:04x}:{g:04x}:{h:04x}")
        }
        (address, _) => write!(out, "{address}"),
    };
}

/// Addresses, then ports or what stands for them, each with a blank behind.
fn write_tuple(out: &mut String, tuple: &Tuple, prefix: &str, style: Style) {
    for (name, address) in [("src", tuple.source), ("dst", tuple.destination)] {
        out.push_str(prefix);
        out.push_str(name);
        out.push('=');
        write_address(out, address, style);
        out.push(' ');
    }
    write_ids(out, tuple, style);
}

fn write_ids(out: &mut String, tuple: &Tuple, style: Style) {
    let (source, destination) = (tuple.source_id, tuple.destination_id);
    let _ = match tuple.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let [kind, code] = destination.to_be_bytes();
            write!(out, "type={kind} code={code} id={source} ")
        }
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => {
            write!(out, "sport={source} dport={destination} ")
        }
        DCCP if style == Style::Extended => write!(out, "sport={source} dport={destination} "),
        protocol::GRE => write!(out, "srckey={source:#x} dstkey={destination:#x} "),
        _ => Ok(()),
    };
}

/// Ports or what stands for them, of both directions, as `conntrack -L -o save` has them.
fn save_ids(out: &mut String, original: &Tuple, reply: &Tuple) {
    let [from, to] = [original.source_id, original.destination_id];
    let [reply_from, reply_to] = [reply.source_id, reply.destination_id];
    let _ = match original.protocol {
        protocol::ICMP | protocol::ICMPV6 => {
            let name = if original.protocol == protocol::ICMP { "icmp" } else { "icmpv6" };
            let [kind, code] = to.to_be_bytes();
            write!(out, " --{name}-type {kind} --{name}-code {code} --{name}-id {from}")
        }
        protocol::GRE => write!(
            out,
            " --srckey {from} --dstkey {to} --reply-key-src {reply_from} --reply-key-dst {reply_to}"
        ),
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => write!(
            out,
            " --sport {from} --dport {to} --reply-port-src {reply_from} --reply-port-dst {reply_to}"
        ),
        _ => Ok(()),
    };
}

fn write_counters(out: &mut String, counters: Option<Counters>) {
    if let Some(Counters { packets, bytes }) = counters {
        let _ = write!(out, "packets={packets} bytes={bytes} ");
    }
}

impl Entry {
    /// A line with nothing but tuples: unreplied, in zone 0.
    pub fn new(original: Tuple, reply: Tuple) -> Self {
        Self {
            seconds: None,
            state: None,
            gre_timeouts: None,
            original: Flow { tuple: original, counters: None },
            reply: Flow { tuple: reply, counters: None },
            zone: Zone::default(),
            zero_zone: None,
            unreplied: true,
            assured: false,
            offload: None,
            mark: None,
            secctx: None,
            delta_time: None,
            start: None,
            helper: None,
            uses: None,
            id: None,
            labels: None,
        }
    }

    /// Appends the line, without a newline.
    pub fn print(&self, style: Style, out: &mut String) {
        if style == Style::Save {
            return self.print_save(out);
        }
        let original = &self.original.tuple;
        let (family, family_number) = family_name(original.family());
        let (name, number) = (protocol_name(original.protocol, style), original.protocol);
        let _ = write!(out, "{family:<8} {family_number} {name:<8} {number} ");
        if let Some(seconds) = self.seconds {
            let _ = write!(out, "{seconds} ");
        }
        if let Some(state) = self.state {
            let _ = write!(out, "{} ", state.name());
        }
        if let Some((timeout, stream)) = self.gre_timeouts.filter(|_| style == Style::Proc) {
            let _ = write!(out, "timeout={timeout}, stream_timeout={stream} ");
        }
        let Zone { original: zone, reply: reply_zone } = self.zone;
        let both = zone == reply_zone;
        let zero = |direction| both && zone == 0 && style == Style::Proc && self.zero_zone == Some(direction);
        let (zero_original, zero_reply) = (zero(Direction::Original), zero(Direction::Reply));
        write_tuple(out, original, "", style);
        if !both && zone != 0 || zero_original {
            let _ = write!(out, "zone-orig={zone} ");
        }
        write_counters(out, self.original.counters);
        if self.unreplied {
            out.push_str("[UNREPLIED] ");
        }
        write_tuple(out, &self.reply.tuple, "", style);
        if !both && reply_zone != 0 || zero_reply {
            let _ = write!(out, "zone-reply={reply_zone} ");
        }
        write_counters(out, self.reply.counters);
        // Linux: of an offloaded connection [ASSURED] is not said.
        match self.offload {
            Some(Offload::Hardware) => out.push_str("[HW_OFFLOAD] "),
            Some(Offload::Software) => out.push_str("[OFFLOAD] "),
            None if self.assured => out.push_str("[ASSURED] "),
            None => {}
        }
        if let Some(mark) = self.mark {
            let _ = write!(out, "mark={mark} ");
        }
        if let Some(secctx) = &self.secctx {
            let _ = write!(out, "secctx={secctx} ");
        }
        if both && (zone != 0 || style == Style::Proc) && !zero_original && !zero_reply {
            let _ = write!(out, "zone={zone} ");
        }
        if let Some(seconds) = self.delta_time {
            let _ = write!(out, "delta-time={seconds} ");
        }
        self.print_tail(style, out);
        out.truncate(out.trim_end_matches(' ').len());
    }

    /// The words with which `conntrack` makes such a connection.
    fn print_save(&self, out: &mut String) {
        let (original, reply) = (&self.original.tuple, &self.reply.tuple);
        let _ = write!(out, "-A -t {} -u ", self.seconds.unwrap_or(0));
        out.push_str(match (self.unreplied, self.assured || self.offload.is_some()) {
            (true, false) => "UNSET",
            (true, true) => "ASSURED",
            (false, false) => "SEEN_REPLY",
            (false, true) => "SEEN_REPLY,ASSURED",
        });
        if let Some(mark) = self.mark.filter(|mark| *mark != 0) {
            let _ = write!(out, " -m {mark}");
        }
        let _ = match (self.zone.original, self.zone.reply) {
            (0, 0) => Ok(()),
            (zone, other) if zone == other => write!(out, " -w {zone}"),
            (zone, 0) => write!(out, " --orig-zone {zone}"),
            (0, zone) => write!(out, " --reply-zone {zone}"),
            (zone, other) => write!(out, " --orig-zone {zone} --reply-zone {other}"),
        };
        // What is translated has another letter.
        let ports =
            matches!(original.protocol, protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP);
        let kept =
            reply.source == original.destination && (!ports || reply.source_id == original.destination_id);
        let destination = if kept { "-r" } else { "-g" };
        let kept =
            reply.destination == original.source && (!ports || reply.destination_id == original.source_id);
        let source = if kept { "-q" } else { "-n" };
        let _ = write!(out, " -s {} -d {}", original.source, original.destination);
        let _ = write!(out, " {destination} {} {source} {}", reply.source, reply.destination);
        let named = PROTOCOLS.iter().find(|(own, _)| *own == original.protocol).map(|(_, name)| *name);
        let _ = match named {
            Some(name) => write!(out, " -p {name}"),
            None => write!(out, " -p {}", original.protocol),
        };
        save_ids(out, original, reply);
        if let Some(state) = self.state {
            let _ = write!(out, " --state {}", state.name());
        }
    }

    fn print_tail(&self, style: Style, out: &mut String) {
        if style == Style::Extended {
            if let Some(start) = &self.start {
                let _ = write!(out, "[start={start}] ");
            }
            if let Some(helper) = &self.helper {
                let _ = write!(out, "helper={helper} ");
            }
        }
        if let Some(uses) = self.uses {
            let _ = write!(out, "use={uses} ");
        }
        if style == Style::Extended {
            if let Some(id) = self.id {
                let _ = write!(out, "id={id} ");
            }
            if let Some(labels) = &self.labels {
                let _ = write!(out, "labels={labels} ");
            }
        }
    }
}

impl Expected {
    /// Appends the line, without a newline; that of [`Style::Extended`] for [`Style::Save`], which has none.
    pub fn print(&self, style: Style, out: &mut String) {
        let number = self.tuple.protocol;
        let flags: Vec<&str> =
            FLAGS.iter().filter(|(flag, _)| self.flags.has(*flag)).map(|(_, name)| *name).collect();
        let flags = flags.join(",");
        let blank = if flags.is_empty() { "" } else { " " };
        if style == Style::Proc {
            let (_, family) = family_name(self.tuple.family());
            let _ = write!(out, "{} l3proto = {family} proto={number} ", self.seconds);
            write_tuple(out, &self.tuple, "", style);
            let _ = write!(out, "{flags}{blank}{}", self.helper);
            if let Some(class) = &self.class_name {
                let _ = write!(out, "/{class}");
            }
            return;
        }
        // Linux: `ctnetlink_exp_dump_expect`.
        let _ = write!(out, "{} proto={number} ", self.seconds.max(0));
        write_tuple(out, &self.tuple, "", style);
        out.push_str("mask-src=");
        write_address(out, self.source_mask, style);
        out.push_str(" mask-dst=");
        let all = match self.tuple.family() {
            Family::V4 => IpAddr::from([255_u8; 4]),
            Family::V6 => IpAddr::from([255_u8; 16]),
        };
        write_address(out, all, style);
        out.push(' ');
        let source_id = if self.any_port { 0 } else { u16::MAX };
        write_ids(out, &Tuple { source_id, destination_id: u16::MAX, ..self.tuple }, style);
        if let Some(master) = &self.master {
            write_tuple(out, master, "master-", style);
        }
        if self.zone != 0 {
            let _ = write!(out, "zone={} ", self.zone);
        }
        let _ = write!(out, "{flags}{blank}");
        if let Some(class) = self.class {
            let _ = write!(out, "class={class} ");
        }
        let _ = write!(out, "helper={}", self.helper);
    }
}

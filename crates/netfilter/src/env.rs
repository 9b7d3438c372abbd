//! What a module may use while it looks at a packet: everything of the engine but its hooks and tables.
use packet::Family;
use rules::Hook;

use crate::peers::Peers;
use crate::skb::{Emitted, Packet};
use crate::tables::Named;
use crate::trace::{Step, Trace};
use crate::{Conntrack, DeviceId, Machine, Network, Now, Random};

/// Settings of the engine besides those of conntrack and the network. Names of the sysctls are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `net.ipv4.ip_default_ttl`: TTL of packets that the machine makes.
    pub default_ttl: u8,
    /// `net.ipv6.conf.*.hop_limit`.
    pub default_hop_limit: u8,
    /// Most answers and fragments that one packet may cause before the rest is dropped ([`crate::Drop::Limit`]).
    pub most_emitted: usize,
    /// Most lines that wait for `Engine::poll_log`; the oldest is lost beyond.
    pub most_log_lines: usize,
    /// Most packets that wait for `Engine::poll_report`; the oldest is lost beyond. 0: none are kept.
    pub most_reports: usize,
}

impl Settings {
    /// Those of a machine on which nobody has set anything.
    pub const USUAL: Self = Self {
        default_ttl: 64,
        default_hop_limit: 64,
        most_emitted: 64,
        most_log_lines: 10_000,
        most_reports: 0,
    };
}

impl Default for Settings {
    fn default() -> Self {
        Self::USUAL
    }
}

/// A line of the log (LOG, TRACE), as the kernel prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Syslog level, 0 to 7.
    pub level: u8,
    /// The line without a newline; a blank at its end belongs to it (F67).
    pub text: String,
}

/// What a listener of netlink gets of a packet (`-j NFLOG`, `-j NFQUEUE`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who gets it.
    pub to: Listener,
    /// `--nflog-prefix`.
    pub prefix: Box<str>,
    /// Where the rule stands.
    pub hook: Hook,
    /// The device that the packet came by.
    pub input: Option<DeviceId>,
    /// The device that it leaves by.
    pub output: Option<DeviceId>,
    /// Its mark.
    pub mark: u32,
    /// User and group of the socket that sent it, if that has a file.
    pub owner: Option<(u32, u32)>,
    /// The packet, or its beginning (`--nflog-size`).
    pub bytes: Vec<u8>,
}

/// Who listens on netlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// To a group of NFLOG.
    Group(u16),
    /// To a queue.
    Queue(u16),
}

/// What a module may use.
pub struct Env<'a> {
    /// The present.
    pub now: Now,
    /// Settings.
    pub settings: &'a Settings,
    /// Devices and routes.
    pub network: &'a Network,
    /// Sockets and what else rules ask of the machine.
    pub machine: &'a Machine,
    /// Connections.
    pub conntrack: &'a mut Conntrack,
    /// What rules share by name.
    pub named: &'a mut Named,
    /// What other machines were told lately.
    pub(crate) peers: &'a mut Peers,
    /// Chance.
    pub random: &'a mut dyn Random,
    /// Packets that the machine makes because of this one; their own way begins when the present module returns.
    pub emitted: &'a mut Vec<Emitted>,
    /// Log lines.
    pub log: &'a mut std::collections::VecDeque<LogLine>,
    /// What listeners get.
    pub reports: &'a mut std::collections::VecDeque<Report>,
    /// Steps, if somebody wants them.
    pub trace: Option<&'a mut Trace>,
    /// The number for the next packet that is made.
    pub next_packet: &'a mut u64,
    /// The IP identification for the next packet that is made.
    pub next_ip_id: &'a mut u16,
}

impl Env<'_> {
    /// Adds a step of a packet; what makes the step is only called if somebody wants it.
    #[inline]
    pub fn step(&mut self, packet: &Packet, step: impl FnOnce() -> Step) {
        if let Some(trace) = self.trace.as_deref_mut() {
            trace.push(packet.id, step());
        }
    }

    /// Changes the bytes of a packet, and adds the step if they are other ones then. What the change returns does not
    /// count.
    pub(crate) fn rewriting(
        &mut self,
        packet: &mut Packet,
        by: &'static str,
        change: impl FnOnce(&mut Packet) -> bool,
    ) {
        let before = self.trace.is_some().then(|| packet.bytes.clone());
        change(packet);
        self.rewritten(packet, by, before);
    }

    /// Adds the step of a change. One that changes nothing (loopback coming in again, an address translated to itself)
    /// is no step.
    pub(crate) fn rewritten(&mut self, packet: &Packet, by: &'static str, before: Option<Vec<u8>>) {
        if let Some(before) = before.filter(|before| *before != packet.bytes) {
            self.step(packet, || Step::Rewritten { by, before, after: packet.bytes.clone() });
        }
    }

    /// A number for a new packet.
    pub fn new_packet_id(&mut self) -> u64 {
        let id = *self.next_packet;
        *self.next_packet = id.wrapping_add(1);
        id
    }

    /// An IP identification for a new packet.
    pub fn new_ip_id(&mut self) -> u16 {
        let id = *self.next_ip_id;
        *self.next_ip_id = id.wrapping_add(1);
        id
    }

    /// TTL or hop limit of a packet that the machine makes.
    pub fn default_ttl(&self, family: Family) -> u8 {
        match family {
            Family::V4 => self.settings.default_ttl,
            Family::V6 => self.settings.default_hop_limit,
        }
    }

    /// Gives a packet to a listener, of the bytes no more than so many; at the limit the oldest is lost.
    pub(crate) fn report(
        &mut self,
        to: Listener,
        prefix: &str,
        (hook, input, output): (Hook, Option<DeviceId>, Option<DeviceId>),
        packet: &Packet,
        size: usize,
    ) {
        if self.settings.most_reports == 0 {
            return;
        }
        if self.reports.len() >= self.settings.most_reports {
            self.reports.pop_front();
        }
        let socket = packet.origin.and_then(|origin| origin.socket).filter(|socket| socket.has_file);
        let bytes = packet.view().bytes();
        self.reports.push_back(Report {
            to,
            prefix: prefix.into(),
            hook,
            input,
            output,
            mark: packet.mark,
            owner: socket.map(|socket| (socket.uid, socket.gid)),
            bytes: bytes.get(..size).unwrap_or(bytes).to_vec(),
        });
    }

    /// Adds a line to the log; at the limit the oldest is lost.
    pub fn log_line(&mut self, line: LogLine) {
        if self.log.len() >= self.settings.most_log_lines {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }
}

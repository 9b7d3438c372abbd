//! The trace for people: numbered phases in the order of the packet's way, each rule with the reason, and the end.
//!
//! The form follows what administrators know from Cisco's packet-tracer and Open vSwitch's `ofproto/trace`: a phase a
//! line, what was asked indented below it, a result with its reason at the end.
use std::fmt::Write as _;

use netfilter::network::{Route, Unroutable, Way};
use netfilter::trace::{Found, Mismatch, NatSkip, Outcome, Step};
use packet::view::tcp_flags;
use rules::{Hook, Rule, Ruleset, Table, Target};

use super::run::Passage;
use super::wording;

/// Prints what happened to one packet.
pub(super) fn render(passage: &Passage, rulesets: &[Ruleset]) -> String {
    let mut writer = Writer { out: String::new(), rulesets, hook: None, phase: 0, packet: passage.id };
    let _ = writeln!(writer.out, "packet {}: {}", passage.number, passage.text);
    if passage.elapsed.as_nanos() > 0 {
        let _ = writeln!(writer.out, "  at +{:.6} s", passage.elapsed.as_secs_f64());
    }
    for (packet, step) in &passage.steps {
        if *packet != writer.packet {
            writer.packet = *packet;
            writer.hook = None;
            let _ = writeln!(
                writer.out,
                "  -- packet made by this machine, or the same one on loopback (#{packet}) --"
            );
        }
        writer.step(passage, step);
    }
    let _ = writeln!(writer.out, "result: {}", wording::result(passage, rulesets));
    for advice in &passage.advice {
        let _ = writeln!(writer.out, "note: {advice}");
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    rulesets: &'a [Ruleset],
    hook: Option<Hook>,
    phase: usize,
    packet: u64,
}

impl Writer<'_> {
    /// A numbered phase.
    fn phase(&mut self, what: &str) {
        self.phase += 1;
        let _ = writeln!(self.out, "{:3}  {what}", self.phase);
    }

    /// A line below a phase.
    fn line(&mut self, what: &str) {
        let _ = writeln!(self.out, "       {what}");
    }

    fn at(&self) -> &'static str {
        self.hook.map_or("", Hook::name)
    }

    fn step(&mut self, passage: &Passage, step: &Step) {
        match step {
            Step::Arrive { device, bytes } => {
                let from =
                    device.map_or_else(|| "sent by this machine".to_owned(), |name| format!("from {name}"));
                self.phase(&format!("ARRIVE {from}: {}", wording::packet(bytes)));
            }
            Step::Hook(hook) => self.hook = Some(*hook),
            Step::Table { table, hook } => self.phase(&format!("{hook} table {table}")),
            Step::NatSkipped { hook, reason } => {
                self.phase(&format!("{hook} table nat: {}", nat_skip(*reason)))
            }
            Step::Rule { table, chain, number, outcome } => {
                let rule = wording::find(self.rulesets, passage.family, *table, *chain, *number);
                let place = wording::chain_name(self.rulesets, passage.family, *table, *chain);
                let (text, mark) = (rule.text(), mark(outcome));
                self.line(&format!("{mark} {place} {number}: {text}"));
                match outcome {
                    Outcome::Matched => {}
                    Outcome::Failed(mismatch) => self.line(&format!("      because {}", why(mismatch))),
                    Outcome::Hotdrop(mismatch) => {
                        self.line(&format!("      the packet is refused: {}", why(mismatch)));
                    }
                }
            }
            Step::Policy { table, chain, policy } => {
                let place = wording::chain_name(self.rulesets, passage.family, *table, *chain);
                self.line(&format!("= {place}: end of the chain, policy {}", policy.name()));
            }
            Step::Return { table, chain, to } => {
                let from = wording::chain_name(self.rulesets, passage.family, *table, *chain);
                let to = match to {
                    Some((chain, number)) => {
                        let to = wording::chain_name(self.rulesets, passage.family, *table, *chain);
                        format!("back to {to}, rule {number}")
                    }
                    None => "to the policy".to_owned(),
                };
                self.line(&format!("< {from}: end, {to}"));
            }
            Step::Conntrack { state, entry, reason } => {
                self.phase(&format!("{} conntrack: {state}", self.at()));
                if let Some(entry) = entry {
                    self.line(entry);
                }
                if let Some(reason) = reason {
                    self.line(&format!("because {reason}"));
                }
            }
            Step::Confirmed { entry } => {
                self.phase(&format!("{} conntrack: confirmed", self.at()));
                self.line(entry);
            }
            Step::Routed { cause, destination, mark, route, device } => {
                let marked = if *mark == 0 { String::new() } else { format!(", mark {mark:#x}") };
                let device = device.map_or_else(String::new, |name| format!(" {name}"));
                self.phase(&format!("ROUTE ({cause}) to {destination}{marked}: {}", routed(*route, &device)));
            }
            Step::Rewritten { by, before, after } => {
                self.line(&format!("~ {by}: {}", wording::packet(before)));
                self.line(&format!("  {:width$}  {}", "->", wording::packet(after), width = by.len()));
            }
            Step::Marked { before, after } => self.line(&format!("~ mark {before:#x} -> {after:#x}")),
            Step::FragmentKept => {
                self.phase(&format!("{} defragmentation: kept until the rest has come", self.at()))
            }
            Step::Gathered { pieces } => {
                self.phase(&format!("{} defragmentation: whole again, out of {pieces} fragments", self.at()));
            }
            Step::Logged { line } => self.line(&format!("! log: {line}")),
            Step::Answered { packet, what } => self.line(&format!("> answers with {what} (#{packet})")),
            Step::Module { name, accepted } => {
                let said = if *accepted { "goes on" } else { "ended the way" };
                self.phase(&format!("{} module {name}: {said}", self.at()));
            }
            Step::Delivered { bytes, .. } => {
                self.phase(&format!("DELIVER to a process of this machine: {}", wording::packet(bytes)));
            }
            Step::Sent { device, next_hop, bytes } => {
                self.phase(&format!("SEND by {device} to {next_hop}: {}", wording::packet(bytes)));
            }
            Step::Dropped(reason) => {
                self.phase(&format!(
                    "DROP: {}",
                    wording::drop_reason(*reason, self.rulesets, passage.family)
                ));
            }
            Step::Undecided { table, chain, number, what } => {
                let place = wording::chain_name(self.rulesets, passage.family, *table, *chain);
                self.phase(&format!("CANNOT DECIDE: table {table}, {place} rule {number}: {what}"));
            }
        }
    }
}

fn mark(outcome: &Outcome) -> char {
    match outcome {
        Outcome::Matched => '+',
        Outcome::Failed(_) => '-',
        Outcome::Hotdrop(_) => 'x',
    }
}

/// The reason of a mismatch in words.
pub(super) fn why(mismatch: &Mismatch) -> String {
    let Mismatch { option, found, .. } = mismatch;
    match found {
        Found::Nothing(what) => format!("{option}: {what}"),
        other => format!("{option}: the packet has {}", found_text(other)),
    }
}

/// What a packet had, in words.
pub(super) fn found_text(found: &Found) -> String {
    match found {
        Found::Address(address) => address.to_string(),
        Found::Port(port) => port.to_string(),
        Found::Ports(source, destination) => format!("source {source}, destination {destination}"),
        Found::Number(number) => number.to_string(),
        Found::Hex(number) => format!("{number:#x}"),
        Found::Flags(flags) => flag_names(*flags),
        Found::Icmp(kind, code) => format!("type {kind} code {code}"),
        Found::Interface(name) => name.to_string(),
        Found::Mac(mac) => {
            let parts: Vec<String> = mac.iter().map(|part| format!("{part:02x}")).collect();
            parts.join(":")
        }
        Found::Protocol(protocol) => wording::protocol(*protocol),
        Found::Word(word) | Found::Nothing(word) => (*word).to_owned(),
    }
}

fn flag_names(flags: u8) -> String {
    let names = [
        (tcp_flags::FIN, "FIN"),
        (tcp_flags::SYN, "SYN"),
        (tcp_flags::RST, "RST"),
        (tcp_flags::PSH, "PSH"),
        (tcp_flags::ACK, "ACK"),
        (tcp_flags::URG, "URG"),
    ];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| flags & bit != 0).map(|&(_, name)| name).collect();
    if set.is_empty() { "no flag".to_owned() } else { set.join(",") }
}

fn nat_skip(reason: NatSkip) -> &'static str {
    match reason {
        NatSkip::NotFirst => "rules are not asked, they see only the first packet of a connection",
        NatSkip::Invalid => "not asked, the packet is INVALID",
        NatSkip::Untracked => "not asked, the packet is UNTRACKED",
        NatSkip::NoConntrack => "not asked, no rule needs connection tracking",
        NatSkip::Expected => "rules are not asked, a helper expected this connection",
        NatSkip::Loopback => "rules are not asked, loopback was translated on its way out",
    }
}

fn routed(route: Result<Route, Unroutable>, device: &str) -> String {
    match route {
        Ok(route) => match route.way {
            Way::Local => "this machine".to_owned(),
            Way::Broadcast { .. } => format!("broadcast{device}"),
            Way::Multicast { .. } => format!("multicast{device}"),
            Way::Out { next_hop, gateway: true, .. } => format!("out by{device} through gateway {next_hop}"),
            Way::Out { .. } => format!("out by{device}, on the link"),
        },
        Err(unroutable) => wording::unroutable(unroutable).to_owned(),
    }
}

/// What a matched rule does, in one word or two.
pub(super) fn verdict(rule: &Rule, ruleset: &Ruleset, table: Table) -> String {
    match &rule.target {
        None => "continue".to_owned(),
        Some(target @ (Target::Jump(id) | Target::Goto(id))) => {
            let verb = if matches!(target, Target::Jump(_)) { "jump" } else { "goto" };
            let name =
                ruleset.table(table).and_then(|rules| rules.chain(*id)).map(|chain| chain.name.to_string());
            format!("{verb} {}", name.unwrap_or_default())
        }
        Some(target) => target.name().unwrap_or("continue").to_owned(),
    }
}

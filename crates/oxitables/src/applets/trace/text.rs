//! The trace for people: numbered phases in the order of the packet's way, each rule with the reason, and the end.
//!
//! The form follows what administrators know from Cisco's packet-tracer and Open vSwitch's `ofproto/trace`: a phase a
//! line, what was asked indented below it, a result with its reason at the end.
//!
//! | sign | a line below a phase |
//! |---|---|
//! | `+` | the rule matched |
//! | `-` | it did not, and why |
//! | `x` | a match refused the packet (it is cut short) |
//! | `=` | the policy of a built-in chain |
//! | `<` | back to the caller |
//! | `~` | packet or mark were changed, or a member of a set |
//! | `>` | an answer was made |
//! | `!` | a line of the log |
use std::collections::HashMap;
use std::fmt::Write as _;

use netfilter::Drop;
use netfilter::hook::World;
use netfilter::network::{Route, Unroutable, Way};
use netfilter::trace::{MemberChange, NatSkip, Outcome, Step};
use packet::{Family, View};
use rules::{Hook, Rule, Ruleset, Table, Target};

use super::run::Passage;
use super::{reason, wording};

/// Prints what happened to one packet. Notes are said once in a run: those that `said` has are left out.
pub(super) fn render(passage: &Passage, rulesets: &[Ruleset], said: &mut Vec<String>) -> String {
    let mut writer = Writer {
        out: String::new(),
        rulesets: wording::of_world(rulesets, World::Legacy),
        all: rulesets,
        worlds: HashMap::new(),
        passage,
        hook: None,
        phase: 0,
        packet: passage.id,
        answers: HashMap::new(),
    };
    let _ = writeln!(writer.out, "packet {}: {}", passage.number, passage.text);
    if passage.elapsed.as_nanos() > 0 {
        let _ = writeln!(writer.out, "  at +{:.6} s", passage.elapsed.as_secs_f64());
    }
    let mut steps = passage.steps.iter().peekable();
    while let Some((packet, step)) = steps.next() {
        writer.turn_to(*packet);
        writer.enter(*packet, step);
        // An empty chain is a line, not two.
        if let (Step::Table { table, hook, .. }, Some((_, Step::Policy { policy, .. }))) =
            (step, steps.peek())
        {
            let world = writer.world(*packet);
            writer.phase(&format!("{hook} table {table}{world}: no rules, policy {}", policy.name()));
            steps.next();
            continue;
        }
        writer.step(step);
    }
    let _ = writeln!(
        writer.out,
        "result: {}",
        wording::result(passage, wording::of_world(rulesets, passage.world))
    );
    if let Some(errno) = passage.errno {
        let _ = writeln!(writer.out, "the sender gets {errno}");
    }
    for advice in &passage.advice {
        if !said.contains(advice) {
            let _ = writeln!(writer.out, "note: {advice}");
            said.push(advice.clone());
        }
    }
    writer.out
}

struct Writer<'a> {
    out: String,
    /// Those that the present steps are of.
    rulesets: &'a [Ruleset],
    all: &'a [Ruleset],
    /// Which of two rulesets each packet met last.
    worlds: HashMap<u64, World>,
    passage: &'a Passage,
    hook: Option<Hook>,
    phase: usize,
    /// The packet of the last step.
    packet: u64,
    /// Packets that this machine made, and what they are.
    answers: HashMap<u64, &'static str>,
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

    fn family(&self) -> Family {
        self.passage.family
    }

    /// The rulesets that a packet's step is of.
    fn enter(&mut self, packet: u64, step: &Step) {
        if let Step::Table { world, .. } = step {
            self.worlds.insert(packet, *world);
        }
        let world = self.worlds.get(&packet).copied().unwrap_or_default();
        self.rulesets = wording::of_world(self.all, world);
    }

    /// ` (nft)` where there are rules of both kinds.
    fn world(&self, packet: u64) -> String {
        let world = self.worlds.get(&packet).copied().unwrap_or_default();
        if self.passage.beside { format!(" ({})", world.name()) } else { String::new() }
    }

    /// Says which packet the next steps are about, if it is another one.
    fn turn_to(&mut self, packet: u64) {
        if packet == self.packet {
            return;
        }
        self.packet = packet;
        self.hook = None;
        let who = match self.answers.get(&packet) {
            Some(&"copy") => "the copy".to_owned(),
            Some(what) => format!("the answer, {what}"),
            None if packet == self.passage.id => format!("packet {} again", self.passage.number),
            None => "a packet that this machine made".to_owned(),
        };
        let _ = writeln!(self.out, "  -- {who} --");
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Arrive { device, bytes } => {
                let from =
                    device.map_or_else(|| "sent by this machine".to_owned(), |name| format!("from {name}"));
                self.phase(&format!("ARRIVE {from}: {}", wording::packet(bytes)));
            }
            Step::Hook(hook) => {
                if self.hook == Some(Hook::Postrouting) && *hook == Hook::Prerouting {
                    self.phase("LOOPBACK: it comes in again by lo");
                }
                self.hook = Some(*hook);
            }
            Step::Table { table, hook, .. } => {
                let world = self.world(self.packet);
                self.phase(&format!("{hook} table {table}{world}"));
            }
            Step::NatSkipped { hook, reason } => {
                self.phase(&format!("{hook} table nat: {}", nat_skip(*reason)));
            }
            Step::Rule { .. } | Step::Policy { .. } | Step::Return { .. } => self.asked(step),
            // Advice says it at the end.
            Step::Overtaken { .. } => {}
            Step::Conntrack { state, entry, reason } => {
                self.phase(&format!("{} conntrack: {state}", self.at()));
                if let Some(entry) = entry.as_ref().filter(|_| !(*state == "NEW" && self.is_confirmed())) {
                    self.line(entry);
                }
                if let Some(reason) = reason {
                    self.line(&format!("because {reason}"));
                }
            }
            Step::Confirmed { entry } => {
                self.phase(&format!(
                    "{} conntrack: confirmed, the connection is in the table now",
                    self.at()
                ));
                self.line(entry);
            }
            Step::Routed { cause, destination, mark, route, device } => {
                let marked = if *mark == 0 { String::new() } else { format!(", mark {mark:#x}") };
                let device = device.map_or_else(String::new, |name| format!(" {name}"));
                self.phase(&format!("ROUTE ({cause}) to {destination}{marked}: {}", routed(*route, &device)));
            }
            Step::Rewritten { by: by @ ("TTL" | "HL"), before, after } => {
                self.line(&format!("~ {by} {} -> {}", ttl(before), ttl(after)));
            }
            Step::Rewritten { by, before, after } => {
                self.line(&format!("~ {by}: {}", wording::packet(before)));
                self.line(&format!("  {:>width$}  {}", "->", wording::packet(after), width = by.len()));
            }
            Step::Marked { before, after } => self.line(&format!("~ mark {before:#x} -> {after:#x}")),
            Step::Classified { before, after } => {
                let class = |class: &u32| format!("{:x}:{:x}", class >> 16, class & 0xffff);
                self.line(&format!("~ class {} -> {}", class(before), class(after)));
            }
            Step::Mapped { queue } => self.line(&format!("~ queue {queue} of the device, if it has that")),
            Step::Member { set, member, change } => {
                let what = match change {
                    MemberChange::Added => "added",
                    MemberChange::Renewed => "begins anew:",
                    MemberChange::Known => "has already",
                    MemberChange::Refused => "takes no more:",
                    MemberChange::Removed => "removed",
                    MemberChange::Counted => "counted",
                };
                self.line(&format!("~ set {set}: {what} {member}"));
            }
            Step::Reported { group, prefix, size } => {
                self.line(&format!("! nflog group {group}: {size} bytes {prefix:?}"));
            }
            Step::Queued { first, last, bypass } => {
                let queue = if first == last { first.to_string() } else { format!("{first}:{last}") };
                let how = if *bypass { ", and the packet goes on" } else { "" };
                self.line(&format!("! queue {queue}: nobody listens{how}"));
            }
            Step::FragmentKept => {
                self.phase(&format!("{} defragmentation: kept until the rest has come", self.at()));
            }
            Step::Gathered { pieces } => {
                self.phase(&format!("{} defragmentation: whole again, out of {pieces} fragments", self.at()));
            }
            Step::Logged { line, unknown_sender } => {
                self.line(&format!("! log: {}", line.trim_end()));
                if *unknown_sender {
                    self.line("  on the machine UID and GID of the sender stand in it, which are not known here (`local uid N gid N ...`)");
                }
            }
            Step::Answered { packet, what } => {
                self.answers.insert(*packet, what);
                self.line(&format!("> answers with {what}"));
            }
            Step::Untold { what, limit } => {
                self.line(&format!("> would answer with {what}, but has said much lately ({limit})"));
            }
            Step::Copied { packet, gateway } => {
                self.answers.insert(*packet, "copy");
                self.line(&format!("> sends a copy by {gateway}"));
            }
            Step::Carried { ports, flooded } => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                let ports = if ports.is_empty() { "no port".to_owned() } else { ports.join(", ") };
                let why = if *flooded { "to all other ports: " } else { "to " };
                self.phase(&format!("BRIDGE {why}{ports}"));
            }
            Step::Protected { device, states } => {
                self.phase(&format!(
                    "PROTECT by {states}: another packet leaves by {device}, by its own way through OUTPUT and POSTROUTING"
                ));
            }
            Step::Guarded { direction, policy } => {
                let policy = policy.as_deref().unwrap_or("none is about it (`ip xfrm policy getdefault`)");
                self.phase(&format!("IPSEC policy `{direction}`: {policy}"));
            }
            Step::Assigned { socket } => {
                self.line(&format!("~ goes to the socket at {socket}, with its addresses as they are"));
            }
            Step::Alerted { number } => {
                self.phase(&format!("ALERT a process has asked for packets with router alert ({number})"));
            }
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
            // The step before has said it.
            Step::Dropped(Drop::Undecided { .. }) => {}
            Step::Dropped(reason) => {
                self.phase(&format!("DROP: {}", wording::drop_place(*reason, self.rulesets, self.family())));
            }
            Step::Undecided { table, chain, number, what } => {
                let rule = wording::find(self.rulesets, self.family(), *table, *chain, *number);
                let place = wording::chain_name(self.rulesets, self.family(), *table, *chain);
                self.line(&format!("? {place} {number}: {}", rule.text()));
                self.phase(&format!("CANNOT DECIDE: {what} is not known"));
            }
        }
    }

    /// A rule that was asked, or the end of a chain.
    fn asked(&mut self, step: &Step) {
        match step {
            Step::Rule { table, chain, number, outcome } => {
                let rule = wording::find(self.rulesets, self.family(), *table, *chain, *number);
                let place = wording::chain_name(self.rulesets, self.family(), *table, *chain);
                self.line(&format!("{} {place} {number}: {}", mark(outcome), rule.text()));
                match outcome {
                    Outcome::Matched => {}
                    Outcome::Failed(mismatch) => {
                        let wanted = rule.wanted(mismatch);
                        self.line(&format!("    because {}", reason::sentence(mismatch, wanted.as_deref())));
                    }
                    Outcome::Hotdrop(mismatch) => {
                        self.line(&format!(
                            "    the packet is refused: {}",
                            reason::sentence(mismatch, None)
                        ));
                    }
                }
            }
            Step::Policy { table, chain, policy } => {
                let place = wording::chain_name(self.rulesets, self.family(), *table, *chain);
                self.line(&format!("= {place}: end of the chain, policy {}", policy.name()));
            }
            Step::Return { table, chain, to } => {
                let from = wording::chain_name(self.rulesets, self.family(), *table, *chain);
                let to = match to {
                    Some((chain, number)) => {
                        let to = wording::chain_name(self.rulesets, self.family(), *table, *chain);
                        format!("back to {to}, on with rule {number}")
                    }
                    None => "to the policy".to_owned(),
                };
                self.line(&format!("< {from}: {to}"));
            }
            _ => {}
        }
    }

    /// Whether the connection of the present packet is shown when it is confirmed, later on its way.
    fn is_confirmed(&self) -> bool {
        let own = self.passage.steps.iter().filter(|(id, _)| *id == self.packet);
        own.into_iter().any(|(_, step)| matches!(step, Step::Confirmed { .. }))
    }
}

fn ttl(bytes: &[u8]) -> u8 {
    View::parse(bytes).map_or(0, |view| view.ttl())
}

fn mark(outcome: &Outcome) -> char {
    match outcome {
        Outcome::Matched => '+',
        Outcome::Failed(_) => '-',
        Outcome::Hotdrop(_) => 'x',
    }
}

fn nat_skip(reason: NatSkip) -> &'static str {
    match reason {
        NatSkip::NotFirst => "rules are not asked, they see only the first packet of a connection",
        NatSkip::Invalid => "rules are not asked, the packet is INVALID",
        NatSkip::Untracked => "rules are not asked, the packet is UNTRACKED",
        NatSkip::NoConntrack => "rules are not asked, nothing needs connection tracking",
        NatSkip::Expected => "rules are not asked, a helper expected this connection",
        NatSkip::Loopback => "rules are not asked, they were on the way out (loopback)",
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

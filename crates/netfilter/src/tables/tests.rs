//! Tests of the tables: rules as text, packets as text, and what the walk makes of them.
mod connections;
mod log;
mod machine;
mod matches;
mod matrix;
mod nft;
mod properties;
mod set;
mod stateful;
mod targets;
mod walk;

use std::collections::VecDeque;

use packet::{Family, InterfaceName, layout, show};
use rules::{Counters, Hook, Ruleset, Table};

use super::{Named, Program};
use crate::env::Env;
use crate::hook::Verdict;
use crate::network::{Address, DeviceId, Network};
use crate::skb::{Emitted, Packet, Tracking};
use crate::time::{Now, Seeded};
use crate::trace::{Mismatch, Outcome, Step, Trace};
use crate::{Conntrack, LogLine, Machine};

/// A machine with rules of one family, and everything that an [`Env`] borrows.
struct Bench {
    family: Family,
    ruleset: Ruleset,
    programs: Vec<Program>,
    now: Now,
    network: Network,
    machine: Machine,
    conntrack: Conntrack,
    named: Named,
    random: Seeded,
    emitted: Vec<Emitted>,
    log: VecDeque<LogLine>,
    reports: VecDeque<crate::env::Report>,
    trace: Trace,
    next_packet: u64,
    next_ip_id: u16,
}

const LAN: DeviceId = DeviceId(1);
const WAN: DeviceId = DeviceId(2);

/// `lo`, `lan0` and `wan0`, the last two with Ethernet headers if wanted.
fn network(ethernet: bool) -> Network {
    let mut network = Network::new();
    for (name, v4, v6) in [("lan0", "10.0.1.1", "fd00:1::1"), ("wan0", "203.0.113.1", "fd00:2::1")] {
        let device = network.add_device(InterfaceName::new(name).unwrap(), 1500);
        assert!(network.add_address(device, Address::new(v4.parse().unwrap(), 24)));
        assert!(network.add_address(device, Address::new(v6.parse().unwrap(), 64)));
        network.devices[device.0 as usize].mac = Some([2, 0, 0, 0, 0, 1]).filter(|_| ethernet);
    }
    network
}

impl Bench {
    /// Rules of table filter: the lines of a save file between `*filter` and `COMMIT`.
    fn new(lines: &str) -> Self {
        Self::of(Family::V4, &format!("*filter\n{lines}\nCOMMIT\n"))
    }

    /// The same for IPv6.
    fn v6(lines: &str) -> Self {
        Self::of(Family::V6, &format!("*filter\n{lines}\nCOMMIT\n"))
    }

    /// A whole save file.
    fn of(family: Family, text: &str) -> Self {
        // Lines may be indented for the eye.
        let text: String = text.lines().map(|line| format!("{}\n", line.trim())).collect();
        let ruleset =
            rules::syntax::restore::load(&text, family, None).unwrap_or_else(|faults| panic!("{faults:?}"));
        let mut named = Named::default();
        let bound = |table| {
            let mut program = Program::new(table, family);
            program.bind_targets(&mut named);
            program.bind(&mut named);
            program
        };
        let programs = ruleset.tables().iter().map(bound).collect();
        Self {
            family,
            ruleset,
            programs,
            now: Now::default(),
            network: network(false),
            machine: Machine::default(),
            conntrack: Conntrack::default(),
            named,
            random: Seeded::new(1),
            emitted: Vec::new(),
            log: VecDeque::new(),
            reports: VecDeque::new(),
            trace: Trace::default(),
            next_packet: 1,
            next_ip_id: 1,
        }
    }

    /// A packet that is forwarded from `lan0` to `wan0`, in the text form.
    fn packet(&self, line: &str) -> Packet {
        packet_of(show::parse(line).unwrap_or_else(|error| panic!("{line}: {error:?}")).bytes)
    }

    /// Shows a packet to a table.
    fn walk_in(&mut self, table: Table, hook: Hook, packet: &mut Packet) -> Verdict {
        let mut env = Env {
            now: self.now,
            settings: &crate::env::Settings::USUAL,
            network: &self.network,
            machine: &self.machine,
            conntrack: &mut self.conntrack,
            named: &mut self.named,
            peers: Box::leak(Box::default()),
            random: &mut self.random,
            emitted: &mut self.emitted,
            log: &mut self.log,
            reports: &mut self.reports,
            trace: Some(&mut self.trace),
            next_packet: &mut self.next_packet,
            next_ip_id: &mut self.next_ip_id,
        };
        let program = self.programs.iter_mut().find(|program| program.table() == table).unwrap();
        super::walk(program, hook, packet, &mut env)
    }

    /// Shows a packet to filter FORWARD.
    fn forward(&mut self, packet: &mut Packet) -> Verdict {
        self.walk_in(Table::Filter, Hook::Forward, packet)
    }

    /// Shows a packet, given as text, to filter FORWARD.
    fn pass(&mut self, line: &str) -> Verdict {
        let mut packet = self.packet(line);
        self.forward(&mut packet)
    }

    /// What the first rule of filter FORWARD says of a packet.
    fn first(&mut self, packet: &mut Packet) -> Outcome {
        self.trace.steps.clear();
        self.forward(packet);
        let rule = self.trace.steps.iter().find_map(|(_, step)| match step {
            Step::Rule { outcome, .. } => Some(outcome.clone()),
            _ => None,
        });
        rule.expect("a rule was asked")
    }

    /// What the first rule says of a packet that is given as text.
    fn ask(&mut self, line: &str) -> Outcome {
        let mut packet = self.packet(line);
        self.first(&mut packet)
    }

    /// The steps as one line: `FORWARD:1 FORWARD:2! U:1- U> FORWARD=ACCEPT` (`-` failed, `!` hotdrop, `>` return).
    fn path(&self) -> String {
        let filter = |table| self.ruleset.table(table).unwrap();
        let mut out = Vec::new();
        for (_, step) in &self.trace.steps {
            let name = |table, chain| filter(table).chain(chain).unwrap().name.to_string();
            match step {
                Step::Rule { table, chain, number, outcome } => {
                    let mark = match outcome {
                        Outcome::Matched => "",
                        Outcome::Failed(_) => "-",
                        Outcome::Hotdrop(_) => "!",
                    };
                    out.push(format!("{}:{number}{mark}", name(*table, *chain)));
                }
                Step::Return { table, chain, to } => match to {
                    Some((to, number)) => {
                        out.push(format!("{}>{}:{number}", name(*table, *chain), name(*table, *to)));
                    }
                    None => out.push(format!("{}>policy", name(*table, *chain))),
                },
                Step::Policy { table, chain, policy } => {
                    out.push(format!("{}={}", name(*table, *chain), policy.name()));
                }
                _ => {}
            }
        }
        out.join(" ")
    }

    /// Packets of each rule of a chain of filter, then those of the policy.
    fn counted(&self, chain: &str) -> Vec<u64> {
        let rules = self.ruleset.table(Table::Filter).unwrap();
        let id = rules.find(chain).unwrap();
        let program = self.programs.iter().find(|program| program.table() == Table::Filter).unwrap();
        let count = rules.chain(id).unwrap().rules.len();
        let own = (1..=count).map(|number| program.counters(id, number).unwrap());
        own.chain(program.policy_counters(id)).map(|counters: Counters| counters.packets).collect()
    }
}

/// A packet that is forwarded from `lan0` to `wan0`.
fn packet_of(bytes: Vec<u8>) -> Packet {
    let layout = layout::parse(&bytes).expect("a packet that reaches PREROUTING");
    Packet { input: Some(LAN), output: Some(WAN), ..Packet::new(1, bytes, layout) }
}

/// The option that failed, and what the packet had.
fn failed(outcome: Outcome) -> (&'static str, crate::trace::Found) {
    match outcome {
        Outcome::Failed(Mismatch { option, found, .. }) => (option, found),
        other => panic!("{other:?}"),
    }
}

//! The contract of the engine: what goes in, what comes out, and when.
//!
//! # Overview
//!
//! An [`Engine`] is one machine's netfilter: rulesets of both families, connections, fragments, routes. It does no
//! I/O. The caller *handles* input: [`Engine::receive`] for a packet that came from a device, [`Engine::send_local`]
//! for one that a process of this machine sends, [`Engine::expire`] when time has passed. It then *polls* output until
//! there is none: [`Engine::poll_transmit`] (packets to put on a device), [`Engine::poll_deliver`] (packets for local
//! processes), [`Engine::poll_log`], and [`Engine::poll_timeout`] for the time of the next `expire`.
//!
//! # Invariants
//!
//! * The caller's clock never runs backwards. Same inputs, same outputs, to the byte.
//! * A packet comes out once: delivered, transmitted (perhaps as several fragments), kept (a fragment that waits) or
//!   dropped with a reason. What it caused (answers) comes out by the same polls.
//! * The engine that explains is the engine that forwards: a trace only records.
//!
//! # Limits
//!
//! Answers that one packet may cause: [`crate::env::Settings::most_emitted`]. Log lines that wait:
//! [`crate::env::Settings::most_log_lines`]. Connections, expectations and fragments have their own limits in
//! [`crate::conntrack`] and [`crate::defrag`].
use std::collections::VecDeque;
use std::net::IpAddr;

use packet::Family;
use rules::hook::priority;
use rules::set::Sets;
use rules::{Hook, Match, Ruleset, Table, TableRules, Target};

use crate::bridge::Learned;
use crate::defrag::Defrag;
use crate::env::{LogLine, Report, Settings};
use crate::hook::{Callee, Entry, Module, Registry, World};
use crate::objects::Objects;
use crate::peers::Peers;
use crate::route::cache::Cache;
use crate::skb::{Drop, Emitted, Packet};
use crate::tables::{Named, Program};
use crate::trace::Trace;
use crate::{Conntrack, DeviceId, Env, Instant, Machine, Network, Now, Random};

/// What became of the packet that was handed over. Several things may have come out besides; this is its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To a process of this machine.
    Delivered,
    /// Out of a device (as one packet or several fragments).
    Forwarded {
        /// The device.
        device: DeviceId,
        /// Gateway or destination.
        next_hop: IpAddr,
    },
    /// Kept: a fragment that waits for the rest.
    Kept,
    /// Taken by a module.
    Stolen,
    /// It ended, and why.
    Dropped(Drop),
}

/// What a local sender is told (F32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// EPERM: a rule dropped the packet in OUTPUT or POSTROUTING.
    NotPermitted,
    /// ENETUNREACH: no route.
    NetworkUnreachable,
    /// EHOSTUNREACH: an `unreachable` route.
    HostUnreachable,
    /// EACCES: a `prohibit` route.
    Prohibited,
    /// EINVAL: a `blackhole` route, or not an IP packet.
    Invalid,
    /// EMSGSIZE: too big and not to be cut.
    TooBig,
    /// EREMOTE: IPsec is to protect the packet, once a rule has changed it, and has no state for it.
    Remote,
}

/// A packet to put on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Number of the packet that it is (or is a fragment of).
    pub packet: u64,
    /// The device.
    pub device: DeviceId,
    /// Gateway or destination: whose link address it goes to.
    pub next_hop: IpAddr,
    /// The Ethernet header (destination, source, type) with which it leaves a port of a bridge; `None`: the caller knows
    /// whose link address the next hop has.
    pub ethernet: Option<[u8; 14]>,
    /// The IP packet.
    pub bytes: Vec<u8>,
}

/// A packet for the processes of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliver {
    /// Number of the packet.
    pub packet: u64,
    /// The device by which it came.
    pub device: Option<DeviceId>,
    /// The IP packet. The sum of an IPv4 header whose options were filled in is wrong, as in Linux, where nobody looks at
    /// it again; [`crate::options::mend`] makes it right.
    pub bytes: Vec<u8>,
    /// Its mark.
    pub mark: u32,
    /// Its connection, for [`Engine::send_about`].
    pub tracking: crate::Tracking,
    /// The socket of [`Engine::machine`] that `-j TPROXY` gave it to. `None`: the local stack finds the one that listens
    /// where the packet goes.
    pub socket: Option<crate::machine::SocketId>,
    /// IPv4: what was found in its options, for [`crate::options::echo`].
    pub options: crate::options::IpOptions,
    /// What is known of the transport's checksum.
    pub sum: crate::skb::KeptSum,
    /// To whom its frame was sent: what came in one to many gets no answer of TCP and no ICMP error.
    pub kind: crate::skb::LinkKind,
    /// Whether an error about it quotes the sum of the pseudo header alone ([`crate::Packet::unsummed`]).
    pub unsummed: bool,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Config {
    /// Settings of the machine's own packets.
    pub settings: Settings,
    /// Settings of connection tracking.
    pub conntrack: crate::conntrack::Config,
    /// Limits of the store of fragments.
    pub defrag: crate::defrag::Settings,
    /// Whether connections are tracked even if no rule needs it (F1).
    pub always_track: bool,
    /// Key of the hash of the connection table: secret and random where an attacker can choose tuples.
    pub hash_key: [u64; 2],
    /// Devices and routes.
    pub network: Network,
    /// Where random choices come from.
    pub random: Box<dyn Random>,
}

impl std::fmt::Debug for dyn Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

/// One machine's netfilter.
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) network: Network,
    pub(crate) machine: Machine,
    /// What the network decided lately; forgotten when it changes.
    pub(crate) routes: Cache,
    /// When the first packet came, from which on what was learned of ways grows old.
    pub(crate) begun: Option<Instant>,
    /// What frames have shown of the machines behind bridges.
    pub(crate) learned: Learned,
    /// What other machines were told lately.
    pub(crate) peers: Peers,
    pub(crate) conntrack: Conntrack,
    pub(crate) defrag: Defrag,
    pub(crate) random: Box<dyn Random>,
    pub(crate) registry: Registry,
    /// By family, world and table.
    pub(crate) programs: [[[Option<Box<Program>>; 5]; 2]; 2],
    /// The nat tables of each family in the order in which they are asked: that of the last registration first.
    pub(crate) nat_order: [Vec<World>; 2],
    /// What the rules of each family and world need.
    needs: [[Needs; 2]; 2],
    /// What rules share by name.
    named: Named,
    pub(crate) modules: Vec<Box<dyn Module>>,
    pub(crate) emitted: Vec<Emitted>,
    /// Packets on the loopback device, to come in again when the present way has ended.
    pub(crate) backlog: VecDeque<Packet>,
    /// Connections of packets that have ended while an answer to them is on its way.
    pub(crate) held: Vec<crate::Tracking>,
    /// Whether another packet that is on its way belongs to the same connection as the present one.
    pub(crate) shared: bool,
    pub(crate) log: VecDeque<LogLine>,
    pub(crate) reports: VecDeque<Report>,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) delivers: VecDeque<Deliver>,
    pub(crate) trace: Option<Trace>,
    pub(crate) next_packet: u64,
    pub(crate) next_ip_id: u16,
    always_track: bool,
}

impl Engine {
    /// An engine without rules.
    pub fn new(config: Config) -> Self {
        let mut engine = Self {
            settings: config.settings,
            network: config.network,
            machine: Machine::default(),
            routes: Cache::default(),
            begun: None,
            learned: Learned::default(),
            peers: Peers::default(),
            conntrack: Conntrack::new(config.conntrack, config.hash_key),
            defrag: Defrag::new(config.defrag),
            random: config.random,
            registry: Registry::default(),
            programs: Default::default(),
            nat_order: Default::default(),
            needs: Default::default(),
            named: Named::default(),
            modules: Vec::new(),
            emitted: Vec::with_capacity(8),
            backlog: VecDeque::with_capacity(8),
            held: Vec::with_capacity(8),
            shared: false,
            log: VecDeque::new(),
            reports: VecDeque::new(),
            transmits: VecDeque::with_capacity(64),
            delivers: VecDeque::with_capacity(64),
            trace: None,
            next_packet: 1,
            next_ip_id: 1,
            always_track: config.always_track,
        };
        for family in [Family::V4, Family::V6] {
            for callee in engine.wanted(family, engine.always_track) {
                engine.register(family, callee);
            }
        }
        engine
    }

    /// Puts a ruleset in the place of the family's old one, all tables at once. Connections stay (F9); the state of
    /// `limit` and `statistic` starts anew (F72). Without a rule that needs it connection tracking rests (F1): nothing
    /// is looked up or translated, and connections only age.
    pub fn set_ruleset(&mut self, ruleset: &Ruleset) {
        self.set_tables(ruleset, &Table::ALL);
    }

    /// As [`Engine::set_ruleset`] for one of two rulesets of a family that stand beside each other. Tables of both are
    /// called at the same priorities: that which came later is called first (measured; as [`Engine::register_module`]).
    /// Connections and translations are one: of two nat tables the first that has a rule for a packet counts.
    pub fn set_ruleset_of(&mut self, world: World, ruleset: &Ruleset) {
        self.set_tables_of(world, ruleset, &Table::ALL);
    }

    /// As [`Engine::set_ruleset`] when only some tables have changed: the others keep their counters and the state of
    /// `limit` and `statistic` (F72, as `iptables-restore` leaves tables alone that its file does not name).
    pub fn set_tables(&mut self, ruleset: &Ruleset, changed: &[Table]) {
        self.set_tables_of(World::Legacy, ruleset, changed);
    }

    /// As [`Engine::set_tables`] for one of two rulesets of a family: what `iptables-nft-restore` does with a file of them,
    /// which empties the tables that it names. (A single `iptables-nft -A` leaves the other rules with their state;
    /// the engine is never told of single commands.)
    pub fn set_tables_of(&mut self, world: World, ruleset: &Ruleset, changed: &[Table]) {
        let family = ruleset.family();
        let made = |&table| {
            let program = |rules| Box::new(Program::of(world, rules, family));
            (table, ruleset.table(table).map(program))
        };
        let mut programs: Vec<(Table, Option<Box<Program>>)> = changed.iter().map(made).collect();
        let made = programs.iter_mut().filter_map(|(_, program)| program.as_mut());
        made.for_each(|program| program.bind_targets(&mut self.named));
        for (table, mut program) in programs {
            if let Some(program) = &mut program {
                program.bind(&mut self.named);
            }
            let old = self.slot(family, world, table).and_then(|slot| std::mem::replace(slot, program));
            if let Some(old) = old {
                old.release(&mut self.named);
            }
        }
        if ruleset.table(Table::Nat).is_some()
            && let Some(order) = self.nat_order.get_mut(family as usize)
            && !order.contains(&world)
        {
            order.insert(0, world);
        }
        let of_world = Needs::of(ruleset);
        let needs = match self.needs.get_mut(family as usize) {
            Some(own) => {
                own[world as usize] = of_world;
                Needs::of_both(own)
            }
            None => of_world,
        };
        // Linux: `connbytes_mt_check` switches accounting on, and nobody switches it off again.
        self.conntrack.config.acct |= ruleset.tables().iter().any(needs_accounting);
        self.conntrack.use_labels(family, needs.labels);
        let tracked = self.is_registered(family, Callee::Conntrack);
        let mut wanted: Vec<Callee> = self.wanted(family, needs.conntrack || self.always_track);
        if needs.defrag {
            wanted.push(Callee::Defrag);
        }
        // Linux: `nf_synproxy_ipv4_init`, `nf_synproxy_ipv6_init`.
        if needs.synproxy {
            wanted.push(Callee::Synproxy);
        }
        self.registry.retain(family, |entry| {
            matches!(entry.callee, Callee::Module(_)) || wanted.contains(&entry.callee)
        });
        for callee in wanted {
            self.register(family, callee);
        }
        if !tracked && self.is_registered(family, Callee::Conntrack) {
            self.conntrack.resume(family);
        }
    }

    /// The sets of ipset. Their timeouts count in milliseconds of [`Now::mono`].
    pub fn sets(&self) -> &Sets {
        &self.named.sets
    }

    /// Changes the sets of ipset; rules stay as they are. A rule whose set is not there cannot be decided: sets that rules
    /// name come before the rules and go behind them, as in Linux.
    pub fn edit_sets<T>(&mut self, edit: impl FnOnce(&mut Sets) -> T) -> T {
        let before = self.named.sets.arrangement();
        let done = edit(&mut self.named.sets);
        if self.named.sets.arrangement() != before {
            self.find_sets();
        }
        done
    }

    /// Puts other sets in the place of all that are there.
    pub fn set_sets(&mut self, sets: Sets) {
        self.named.sets = sets;
        self.find_sets();
    }

    fn find_sets(&mut self) {
        for program in self.programs.iter_mut().flatten().flatten().flatten() {
            program.find_sets(&self.named);
        }
    }

    /// What other programs have made and rules name, in the place of what was given before. Before the rulesets: a rule
    /// whose object is not there when its table is set stays undecided.
    pub fn set_objects(&mut self, objects: Objects) {
        let usual = &self.conntrack.config.timeouts;
        let policies = objects.policies.iter().map(|policy| policy.timeouts(usual)).collect();
        self.conntrack.set_policies(policies);
        self.named.policies = objects.policies.into_iter().map(|policy| policy.name).collect();
        self.named.accounts = objects.accounts;
        self.named.fingerprints = objects.fingerprints;
    }

    /// The accounting objects with what they have counted, in the order in which they were given.
    pub fn accounts(&self) -> &[crate::objects::Account] {
        &self.named.accounts
    }

    pub(crate) fn slot(
        &mut self,
        family: Family,
        world: World,
        table: Table,
    ) -> Option<&mut Option<Box<Program>>> {
        self.programs.get_mut(family as usize)?.get_mut(world as usize)?.get_mut(table.index())
    }

    fn program(&self, family: Family, world: World, table: Table) -> Option<&Program> {
        self.programs.get(family as usize)?.get(world as usize)?.get(table.index())?.as_deref()
    }

    fn is_registered(&self, family: Family, callee: Callee) -> bool {
        let mut entries = Hook::ALL.into_iter().flat_map(|hook| self.registry.entries(family, hook));
        entries.any(|entry| entry.callee == callee)
    }

    /// What a family's hooks need, besides modules.
    fn wanted(&self, family: Family, tracks: bool) -> Vec<Callee> {
        let mut wanted = Vec::new();
        for (world, table) in World::ALL.into_iter().flat_map(|world| Table::ALL.map(|table| (world, table)))
        {
            let callee = if table == Table::Nat { Callee::Nat } else { Callee::Table(world, table) };
            // Linux: a table stays once it was there. For nat that can be seen: its connections are translated as
            // long as connection tracking is there, whatever became of the rules (F9, measured).
            let stays = table == Table::Nat && self.is_registered(family, callee);
            if (stays || self.program(family, world, table).is_some()) && !wanted.contains(&callee) {
                wanted.push(callee);
            }
        }
        // Linux: `nf_ct_netns_get`: conntrack and defragmentation are there only while a rule needs them (F1).
        if tracks {
            wanted.extend([Callee::Defrag, Callee::Conntrack, Callee::Helper, Callee::Confirm]);
        }
        wanted
    }

    /// Registers a part of the engine at its hooks. What is there already keeps its place.
    fn register(&mut self, family: Family, callee: Callee) {
        if self.is_registered(family, callee) {
            return;
        }
        let in_and_out = |priority| [Hook::Prerouting, Hook::Output].map(|hook| (hook, priority)).to_vec();
        let at_the_end = |priority| [Hook::Input, Hook::Postrouting].map(|hook| (hook, priority)).to_vec();
        let places = match callee {
            // iptables-nft gives its table security this priority (measured: behind the translation of INPUT).
            Callee::Table(World::Nft, Table::Security) => {
                Table::Security.hooks().iter().map(|(hook, _)| (*hook, NFT_SECURITY)).collect()
            }
            Callee::Table(_, table) => table.hooks().to_vec(),
            Callee::Nat => Table::Nat.hooks().to_vec(),
            Callee::Defrag => in_and_out(priority::DEFRAG),
            Callee::Conntrack => in_and_out(priority::CONNTRACK),
            Callee::Helper => at_the_end(priority::HELPER),
            Callee::Synproxy => at_the_end(priority::CONFIRM - 1),
            Callee::Confirm => at_the_end(priority::CONFIRM),
            Callee::Module(_) => Vec::new(),
        };
        for (hook, priority) in places {
            self.registry.register(family, hook, Entry { priority, callee });
        }
    }

    /// A device goes down: nothing is sent by it any more, and the connections that MASQUERADE hid behind it end (F55).
    // Linux: `masq_device_event`. Its routes stay here and are passed over.
    pub fn device_down(&mut self, device: DeviceId) {
        if let Some(own) = self.network_mut().devices.get_mut(device.0 as usize) {
            own.up = false;
        }
        self.conntrack.end_masqueraded(device, None);
    }

    /// A device has lost an address: the connections that MASQUERADE hid behind it end (F55). Addresses and routes
    /// are changed by [`Engine::network_mut`].
    // Linux: `masq_inet_event`, `masq_inet6_event`.
    pub fn address_lost(&mut self, device: DeviceId, address: IpAddr) {
        self.conntrack.end_masqueraded(device, Some(address));
    }

    /// Registers a module of the embedding program at a hook. Of equal priorities the one registered last is called
    /// first, as in Linux; what the engine has registered keeps its place when rules change.
    pub fn register_module(&mut self, family: Family, hook: Hook, priority: i32, module: Box<dyn Module>) {
        let callee = Callee::Module(self.modules.len());
        self.modules.push(module);
        self.registry.register(family, hook, Entry { priority, callee });
    }

    /// Puts the counters of the engine into a ruleset (of the same shape as the one that was set).
    pub fn store_counters(&self, ruleset: &mut Ruleset) {
        self.store_counters_of(World::Legacy, ruleset);
    }

    /// The same for one of two rulesets of a family.
    pub fn store_counters_of(&self, world: World, ruleset: &mut Ruleset) {
        let family = ruleset.family();
        for table in Table::ALL {
            if ruleset.table(table).is_none() {
                continue;
            }
            if let Some(program) = self.program(family, world, table) {
                program.store_into(ruleset.table_mut(table));
            }
        }
    }

    /// The entries of a hook in the order in which they are called.
    pub fn entries(&self, family: Family, hook: Hook) -> &[Entry] {
        self.registry.entries(family, hook)
    }

    /// Devices and routes.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Devices and routes, to change. Fragments and connections are not touched.
    pub fn network_mut(&mut self) -> &mut Network {
        self.routes.forget();
        &mut self.network
    }

    /// Sockets and what else rules ask of the machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The same, to change: a socket that opens, for example. Without it nothing is known of them.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// Says which sockets the machine has, and what else is known of it.
    pub fn set_machine(&mut self, machine: Machine) {
        self.machine = machine;
    }

    /// The connections.
    pub fn conntrack(&self) -> &Conntrack {
        &self.conntrack
    }

    /// The connections, to change.
    pub fn conntrack_mut(&mut self) -> &mut Conntrack {
        &mut self.conntrack
    }

    /// Where random choices come from, to replace or steer.
    pub fn set_random(&mut self, random: Box<dyn Random>) {
        self.random = random;
    }

    /// Starts collecting steps; [`Engine::take_trace`] gives them.
    pub fn start_trace(&mut self) {
        self.trace = Some(Trace::default());
    }

    /// Ends collecting steps and gives them.
    pub fn take_trace(&mut self) -> Option<Trace> {
        self.trace.take()
    }

    /// A packet to put on a device.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// A packet for a process of this machine.
    pub fn poll_deliver(&mut self) -> Option<Deliver> {
        self.delivers.pop_front()
    }

    /// A line of the log.
    pub fn poll_log(&mut self) -> Option<LogLine> {
        self.log.pop_front()
    }

    /// What a listener of netlink gets. None are kept unless [`crate::env::Settings::most_reports`] is above 0.
    pub fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// When [`Engine::expire`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.conntrack.poll_timeout(), self.defrag.poll_timeout()].into_iter().flatten().min()
    }

    /// Ends what has timed out: connections, fragments, members of sets. May cause packets (reassembly time exceeded).
    pub fn expire(&mut self, now: Now) {
        self.conntrack.expire(now);
        let told = {
            let (mut env, defrag) = self.env_and_defrag(now);
            let milliseconds = crate::tables::set::milliseconds(&env);
            env.named.sets.collect(milliseconds);
            defrag.expire(&mut env)
        };
        for mut first in told {
            // Linux: `ip_expire`: it has a way now, and the error comes from the address that was asked.
            if first.family() == Family::V4 {
                let Ok(route) = self.route_input(&first) else { continue };
                first.route = Some(route);
            }
            self.answer(now, &first, crate::answer::Kind::ReassemblyTimeExceeded);
            // Why: each for itself. An error that waits while another one walks its hooks would be sent in the middle of that.
            self.send_emitted(now, 0);
        }
        self.settle(now, 0);
    }

    /// Everything that a module may use, borrowed from the engine's parts.
    pub(crate) fn env_and_defrag(&mut self, now: Now) -> (Env<'_>, &mut Defrag) {
        self.named.now = Some(now.mono);
        let env = Env {
            now,
            settings: &self.settings,
            network: &self.network,
            machine: &self.machine,
            conntrack: &mut self.conntrack,
            named: &mut self.named,
            peers: &mut self.peers,
            random: self.random.as_mut(),
            emitted: &mut self.emitted,
            log: &mut self.log,
            reports: &mut self.reports,
            trace: self.trace.as_mut(),
            next_packet: &mut self.next_packet,
            next_ip_id: &mut self.next_ip_id,
        };
        (env, &mut self.defrag)
    }
}

/// The priority of table security of iptables-nft, at every hook.
const NFT_SECURITY: i32 = 150;

/// What the rules of a family need of the parts beside the tables.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    conntrack: bool,
    labels: bool,
    defrag: bool,
    synproxy: bool,
}

impl Needs {
    fn of(ruleset: &Ruleset) -> Self {
        let any = |needs: fn(&TableRules) -> bool| ruleset.tables().iter().any(needs);
        Self {
            conntrack: any(needs_conntrack),
            labels: any(needs_labels),
            defrag: any(needs_defrag),
            synproxy: any(proxies),
        }
    }

    fn of_both(both: &[Self; 2]) -> Self {
        Self {
            conntrack: both.iter().any(|own| own.conntrack),
            labels: both.iter().any(|own| own.labels),
            defrag: both.iter().any(|own| own.defrag),
            synproxy: both.iter().any(|own| own.synproxy),
        }
    }
}

/// Whether a table has a rule that needs packets and bytes of connections counted.
fn needs_accounting(table: &TableRules) -> bool {
    let mut rules = table.slots_in_order().flat_map(|(_, chain)| &chain.rules);
    rules.any(|rule| rule.matches.iter().any(|own| matches!(own, Match::Connbytes(_))))
}

/// Whether a table has a rule of SYNPROXY.
fn proxies(table: &TableRules) -> bool {
    let mut rules = table.slots_in_order().flat_map(|(_, chain)| &chain.rules);
    rules.any(|rule| matches!(rule.target, Some(Target::Synproxy(_))))
}

/// Whether a table has a rule that looks at labels of connections (Linux: `connlabel_mt_check`).
fn needs_labels(table: &TableRules) -> bool {
    let mut rules = table.slots_in_order().flat_map(|(_, chain)| &chain.rules);
    rules.any(|rule| rule.matches.iter().any(|own| matches!(own, Match::Connlabel(_))))
}

/// Whether a table has a rule for which fragments are gathered even if nothing is tracked (Linux:
/// `socket_mt_enable_defrag`, `tproxy_tg4_check`).
fn needs_defrag(table: &TableRules) -> bool {
    table.slots_in_order().flat_map(|(_, chain)| &chain.rules).any(|rule| {
        rule.matches.iter().any(|own| matches!(own, Match::Socket(_)))
            || matches!(rule.target, Some(Target::Tproxy(_)))
    })
}

/// Whether a rule of a table needs connection tracking (Linux: the extensions whose check calls `nf_ct_netns_get`).
fn needs_conntrack(table: &TableRules) -> bool {
    table.slots_in_order().flat_map(|(_, chain)| &chain.rules).any(|rule| {
        let matched = rule.matches.iter().any(|own| {
            matches!(
                own,
                Match::Cluster(_)
                    | Match::Connbytes(_)
                    | Match::Connlabel(_)
                    | Match::Connlimit(_)
                    | Match::Connmark(_)
                    | Match::Conntrack(_)
                    | Match::Helper(_)
                    | Match::State(_)
            )
        });
        let targeted = match &rule.target {
            Some(
                Target::Snat(_)
                | Target::Dnat(_)
                | Target::Masquerade(_)
                | Target::Redirect(_)
                | Target::Netmap(_)
                | Target::Connmark(_)
                | Target::Connsecmark(_)
                | Target::Synproxy(_),
            ) => true,
            // Linux: `xt_ct_tg_check` and `notrack_chk`: not to be tracked needs no tracking.
            Some(Target::Ct(ct)) => !ct.notrack,
            _ => false,
        };
        matched || targeted
    })
}

#[cfg(test)]
mod tests;

//! Our engine as one who is judged, with a local host behind it.
//!
//! Its clock is virtual: it moves to the times at which the kernel did its steps, if it has been told
//! ([`Judged::adopt`]). NAT's random choices are taken from the kernel's connection table where they are legal.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netfilter::engine::{Config, Engine, SendError};
use netfilter::env::Settings;
use netfilter::hook::{Module, Verdict, World};
use netfilter::machine::Transport;
use netfilter::machine::lookup::{Among, Sought};
use netfilter::objects::Objects;
use netfilter::options;
use netfilter::route::Flow;
use netfilter::skb::{Drop, Link, LinkKind, Owner};
use netfilter::time::{JIFFY, Seeded};
use netfilter::trace::{Outcome as RuleOutcome, Step as TraceStep};
use netfilter::{DeviceId, Instant, Now, Origin, Packet, Tracking, Tuple};
use packet::Family;
use rules::syntax::objects::Given;
use rules::{Hook, Ruleset, Table, Target};

use self::delivered::{as_it_is_quoted, is_anycast, is_for_several};
use crate::case::{self, Case, Step};
use crate::host::{Host, Told, kernel_origin, view_of};
use crate::outcome::{Clock, Connection, Counter, Outcome, Output, SetMember, StepOutcome};
use crate::{Judged, craft, told};

mod adopted;
mod command;
mod delivered;
mod network;
mod sets;
mod tries;
mod watch;

pub use network::network_text;

use adopted::{Adopted, Cookies, Expected, choice_of, expected_of};
use watch::Watched;

/// A wall clock to start with; nothing of this issue reads it.
const WALL: u64 = 1_700_000_000_000_000_000;

/// When the steps begin, if the kernel's clock is not known.
const ORIGIN: Instant = Instant(1_000_000_000_000);

/// The engine with rules loaded.
pub struct EngineHalf {
    engine: Option<Engine>,
    rulesets: Vec<Ruleset>,
    /// Those of iptables-nft beside them.
    beside: Vec<Ruleset>,
    given: Given,
    /// Whether what connection tracking counts of itself is compared.
    counts: bool,
    host: Host,
    now: Now,
    /// When the steps begin.
    origin: Instant,
    /// The kernel's clock, where rules have timers, and how many jiffies before the steps the rules of each family were loaded.
    clock: Option<Clock>,
    moments: [u64; 2],
    kernel: Vec<StepOutcome>,
    /// How many milliseconds before the rules the kernel's sets were made.
    lead: u64,
    known: Arc<Mutex<Vec<adopted::Choice>>>,
    /// Ports in what sets have in the kernel in the end.
    in_sets: Vec<u16>,
    cookies: Arc<Mutex<Cookies>>,
    expected: Arc<Mutex<Vec<Expected>>>,
    last_output: BTreeMap<String, Vec<u8>>,
    last_header: BTreeMap<String, [u8; 14]>,
    done: usize,
    loads: bool,
    watched: Watched,
    /// Whether the case met a limit of the engine that the kernel has not.
    endless: bool,
    /// Of the engine's own lots, for choices of the kernel that nobody sees; and whether it has drawn any.
    seed: u64,
    drawn: Arc<AtomicBool>,
}

impl Default for EngineHalf {
    fn default() -> Self {
        Self {
            engine: None,
            rulesets: Vec::new(),
            beside: Vec::new(),
            given: Given::default(),
            counts: false,
            host: Host::default(),
            now: Now { mono: ORIGIN, wall: WALL },
            origin: ORIGIN,
            clock: None,
            moments: [0; 2],
            kernel: Vec::new(),
            lead: 0,
            known: Arc::default(),
            in_sets: Vec::new(),
            cookies: Arc::default(),
            expected: Arc::default(),
            last_output: BTreeMap::new(),
            last_header: BTreeMap::new(),
            done: 0,
            loads: false,
            watched: Watched::default(),
            endless: false,
            seed: 1,
            drawn: Arc::default(),
        }
    }
}

/// What is known of the machine in the text that the engine reads: every socket is one of the case, nothing is protected.
fn machine_text(case: &Case) -> String {
    let mut out = String::from("sockets none\nipsec none\nsysctl net.ipv4.ip_early_demux=0\n");
    for change in &case.network {
        match change.split_once(' ') {
            Some(("fact", line)) => out.push_str(&format!("{line}\n")),
            Some(("sysctl", rest)) if rest.contains("early_demux") => {
                out.push_str(&format!("sysctl {}\n", rest.replace(' ', "=")));
            }
            Some(("alert", rest)) => out.push_str(&format!("router-alert {rest}\n")),
            Some(("cpu", number)) => out.push_str(&format!("cpu {number}\n")),
            _ => {}
        }
    }
    out
}

/// Settings of connection tracking as the kernel half has them, with the changes of a case.
fn conntrack_config(case: &Case) -> Result<netfilter::conntrack::Config, String> {
    let mut config = netfilter::conntrack::Config { acct: true, ..Default::default() };
    for change in &case.network {
        let Some(("sysctl", rest)) = change.split_once(' ') else { continue };
        let Some((name, value)) = rest.split_once(' ') else { continue };
        let Some(name) = name.strip_prefix("net.netfilter.nf_conntrack_") else { continue };
        if name.starts_with("frag6_") {
            continue;
        }
        let number: u64 = value.trim().parse().map_err(|_| format!("not a number: `{change}`"))?;
        if !config.set(name, number) {
            return Err(format!("no such setting in the engine's half: `{name}`"));
        }
    }
    for (module, name, value) in case.parameters() {
        if config.helpers.set(name, value) != Some(true) {
            return Err(format!("no such parameter in the engine's half: {module} {name} {value}"));
        }
    }
    Ok(config)
}

/// Settings of gathering, with the changes of a case; otherwise nothing runs out, as in the kernel's half.
fn defrag_settings(case: &Case) -> Result<netfilter::defrag::Settings, String> {
    let long = Duration::from_secs(3000);
    let mut settings =
        netfilter::defrag::Settings { timeout_v4: long, timeout_v6: long, ..Default::default() };
    for change in &case.network {
        let words: Vec<&str> = change.split_whitespace().collect();
        let ["sysctl", name, value] = words.as_slice() else { continue };
        let number = || value.parse::<u32>().map_err(|_| format!("not a number: `{change}`"));
        match *name {
            "net.ipv4.ipfrag_time" => settings.timeout_v4 = Duration::from_secs(number()?.into()),
            "net.ipv4.ipfrag_high_thresh" => settings.most_memory_v4 = number()? as usize,
            "net.ipv4.ipfrag_max_dist" => settings.most_distance = number()?,
            "net.netfilter.nf_conntrack_frag6_timeout" => {
                settings.timeout_v6 = Duration::from_secs(number()?.into());
            }
            "net.netfilter.nf_conntrack_frag6_high_thresh" => settings.most_memory_v6 = number()? as usize,
            _ => {}
        }
    }
    Ok(settings)
}

impl EngineHalf {
    /// One that forgets its connections before each step and loads those that the kernel had then, from the lines of
    /// /proc ([`Judged::adopt`] must have told them): what a table does not tell is not known.
    pub fn that_loads() -> Self {
        Self { loads: true, ..Self::default() }
    }

    /// Takes the kernel's connections as they were after the last step.
    fn load_table(&mut self) {
        let Some(kernel) = self.done.checked_sub(1).and_then(|last| self.kernel.get(last)) else { return };
        let text: String = kernel.connections.iter().filter_map(Connection::to_line).collect();
        let now = self.now;
        if let Some(engine) = &mut self.engine {
            engine.conntrack_mut().flush();
            let loaded = engine.conntrack_mut().load(&text, &|_| None, now);
            assert!(loaded.is_ok(), "{loaded:?}\n{text}");
        }
    }

    fn device(&self, name: &str) -> Option<DeviceId> {
        let network = self.engine.as_ref()?.network();
        let at = network.devices.iter().position(|device| device.name.to_string() == name)?;
        u32::try_from(at).ok().map(DeviceId)
    }

    fn inject(&mut self, device: &str, ethernet: Option<[u8; 14]>, bytes: &[u8]) {
        let (now, id) = (self.now, self.device(device));
        if let Some((engine, id)) = self.engine.as_mut().zip(id) {
            engine.receive(now, id, Link { ethernet, ..Link::default() }, bytes.to_vec());
        }
    }

    fn reload(&mut self, family: Family, save: &str) -> Option<i32> {
        let Ok((new, _)) = rules::syntax::restore::load_given(save, family, None, &self.given) else {
            return Some(22);
        };
        let engine = self.engine.as_mut()?;
        let ruleset = self.rulesets.iter_mut().find(|ruleset| ruleset.family() == family)?;
        for table in new.tables() {
            ruleset.set_table(table.clone());
        }
        let changed: Vec<Table> = new.tables().iter().map(|table| table.table()).collect();
        engine.set_tables(ruleset, &changed);
        None
    }

    fn load_nft(&mut self, engine: &mut Engine, case: &Case) -> Result<(), String> {
        for (family, save) in [Family::V4, Family::V6].into_iter().zip(&case.nft) {
            let Some(save) = save else { continue };
            let (ruleset, _) = rules::syntax::restore::load_given(save, family, None, &self.given)
                .map_err(|faults| format!("{:?}", faults.first()))?;
            engine.set_ruleset_of(World::Nft, &ruleset);
            self.beside.push(ruleset);
        }
        Ok(())
    }

    /// Raw sockets send nothing that is longer than the device takes (Linux: `raw_send_hdrinc`).
    fn is_too_big_for_a_raw_socket(&self, mark: u32, bytes: &[u8]) -> bool {
        let Some((engine, view)) = self.engine.as_ref().zip(packet::View::parse(bytes).ok()) else {
            return false;
        };
        let flow = Flow { mark, tos: view.tos(), ..Flow::between(view.source(), view.destination()) };
        let network = engine.network();
        let device = network.output_route(None, flow).ok().and_then(|route| route.way.device());
        let mtu = device.and_then(|device| network.device(device)).map(|device| device.mtu);
        mtu.is_some_and(|mtu| bytes.len() > mtu as usize)
    }

    fn send(&mut self, origin: Origin, bytes: Vec<u8>) -> Option<i32> {
        self.send_about(origin, bytes, Tracking::None)
    }

    fn send_about(&mut self, origin: Origin, bytes: Vec<u8>, about: Tracking) -> Option<i32> {
        let now = self.now;
        let error = self.engine.as_mut()?.send_about(now, origin, bytes, about).err()?;
        Some(match error {
            SendError::NotPermitted => 1,
            SendError::Prohibited => 13,
            SendError::Invalid => 22,
            SendError::TooBig => 90,
            SendError::Remote => 66,
            SendError::NetworkUnreachable => 101,
            SendError::HostUnreachable => 113,
        })
    }

    /// What a process is told that asks where its peer wanted to go. Linux: `getorigdst`, `ipv6_getorigdst`.
    fn ask(&self, at: SocketAddr, room: usize) -> Option<String> {
        // Linux: ENOENT, EINVAL, ENOPROTOOPT.
        const NOT_THERE: i32 = 2;
        const INVALID: i32 = 22;
        const NO_SUCH_OPTION: i32 = 92;
        let engine = self.engine.as_ref()?;
        let socket = engine.machine().sockets.list().iter().find(|socket| socket.local == at)?;
        let answer = || {
            if socket.transport != Transport::Tcp {
                return Err(NO_SUCH_OPTION);
            }
            if room < if at.is_ipv6() { 28 } else { 16 } {
                return Err(INVALID);
            }
            let nobody = SocketAddr::new(Family::of(at.ip()).unspecified(), 0);
            let remote = socket.remote.unwrap_or(nobody);
            let tcp = packet::protocol::TCP;
            let found = engine.conntrack().original_destination(tcp, at, remote, self.now.mono);
            Ok(sys::seccomp::socket_address(found.ok_or(NOT_THERE)?))
        };
        Some(told::original_destination(at, answer()))
    }

    /// Runs a command of iptables.
    fn command(&mut self, line: &str, input: Option<&str>) -> Vec<String> {
        let Some(engine) = &mut self.engine else { return Vec::new() };
        command::run(engine, &mut self.rulesets, &self.given, line, input).unwrap_or_else(|words| vec![words])
    }

    fn act(&mut self, step: &Step) -> Option<i32> {
        match step {
            // They tell what came of them.
            Step::Command { .. } | Step::Ask { .. } => {}
            Step::Inject { device, bytes } => self.inject(device, None, bytes),
            Step::Frame { device, header, bytes } => self.inject(device, Some(*header), bytes),
            Step::Send { uid, gid, mark, cgroup, groups, bytes } => {
                let owner = Owner { uid: *uid, gid: *gid, has_file: true };
                if self.is_too_big_for_a_raw_socket(*mark, bytes) {
                    return Some(90);
                }
                // Nobody gives classes to the judge's processes.
                let machine = self.engine.as_mut()?.machine_mut();
                let cgroup = machine.cgroup(cgroup.as_deref().unwrap_or("/"));
                let groups = groups.as_deref().map(|groups| machine.groups(groups));
                let origin = Origin {
                    socket: Some(owner),
                    known: true,
                    mark: *mark,
                    cgroup: Some(cgroup),
                    class: Some(0),
                    groups,
                    ..Origin::default()
                };
                return self.send(origin, as_raw_socket_sends(bytes));
            }
            Step::Reply { device } => {
                let answer = self.last_output.get(device).and_then(|bytes| case::turned_round(bytes));
                if let Some(bytes) = answer {
                    let header = self.last_header.get(device).map(case::turned_frame);
                    self.inject(device, header, &bytes);
                }
            }
            Step::Sleep { .. } => {}
            Step::Ipset { words } => {
                let now = self.now;
                return sets::command(self.engine.as_mut()?, &self.rulesets, words, now);
            }
            Step::Reload { v6, save } => return self.reload(if *v6 { Family::V6 } else { Family::V4 }, save),
            Step::Listen { socket } => {
                let Ok(mut own) = case::socket_of(socket) else { return Some(22) };
                own.class.get_or_insert(0);
                own.cgroup = Some(self.engine.as_mut()?.machine_mut().cgroup("/"));
                let (udp, at, v6) = (own.transport == Transport::Udp, own.local, own.family == Family::V6);
                let socket = self.engine.as_mut()?.machine_mut().sockets.add(own);
                if udp {
                    self.host.listen(socket, at, v6);
                }
            }
            Step::Answer { at, payload } => {
                let bytes = self.host.answer(*at, payload)?;
                let owner = Owner { uid: 0, gid: 0, has_file: true };
                let class = Some(0);
                return self
                    .send(Origin { socket: Some(owner), known: true, class, ..Origin::default() }, bytes);
            }
        }
        None
    }

    /// Lets the local host answer until it has nothing to say; gives what its processes got.
    fn settle(&mut self, outcome: &mut StepOutcome) {
        // An answer may be answered (resets over loopback are not); a bound keeps a fault from running for ever.
        for _ in 0..64 {
            let Some(deliver) = self.engine.as_mut().and_then(Engine::poll_deliver) else { break };
            let unicast = self.is_one(case::destination_of(&deliver.bytes));
            let Some(engine) = &self.engine else { break };
            let device = self.heard_by(&deliver);
            let find = |view: &packet::View<'_>| {
                let Some(sought) = Sought::of(view, device).filter(|_| deliver.socket.is_none()) else {
                    return deliver.socket.into_iter().collect();
                };
                if is_for_several(engine.network().address_type(view.destination(), None)) {
                    return engine.machine().sockets.hearers(&sought);
                }
                engine.machine().socket_of(&sought, Among::All).ok().flatten().into_iter().collect()
            };
            let header = view_of(&deliver.bytes).map_or(0, |view| view.layout().transport);
            let is_foreign = |address| engine.network().is_foreign(address);
            let header = deliver.bytes.get(..header).unwrap_or_default();
            let told = Told {
                unicast,
                anycast: case::destination_of(&deliver.bytes)
                    .is_some_and(|to| is_anycast(engine.network(), to)),
                framed_for_us: deliver.kind == LinkKind::Host,
                echo: options::echo(header, &deliver.options, &is_foreign),
                time: options::time_of_day(self.now),
                sum: deliver.sum,
                find: &find,
            };
            let reaction = self.host.hear(&as_it_is_quoted(&deliver), &told);
            outcome.delivered.extend(reaction.delivery);
            if let Some(answer) = reaction.answer.map(|answer| self.named_here(answer, deliver.device)) {
                let about = if reaction.attached { deliver.tracking } else { Tracking::None };
                // Linux: `fwmark_reflect`; an answer without a reflected mark has none.
                let network = self.engine.as_ref().map(Engine::network);
                let family =
                    if answer.first().is_some_and(|first| first >> 4 == 6) { Family::V6 } else { Family::V4 };
                let mark = network.map_or(0, |own| own.settings.mark_of_answer(family, deliver.mark));
                let now = self.now;
                let allowed = view_of(&answer).is_none_or(|message| {
                    self.engine.as_mut().is_none_or(|own| own.may_send_icmp(now, &message, deliver.device))
                });
                if !allowed {
                    continue;
                }
                self.send_about(Origin { mark, ..kernel_origin(&answer) }, answer, about);
            }
        }
    }

    /// Whether the case that was run last met a limit of the engine that the kernel has not: packets that cause packets without
    /// end (copies of copies on loopback).
    pub fn is_endless(&self) -> bool {
        self.endless
    }

    /// Steps of the trace as `table:chain:number`.
    fn path(&mut self) -> Vec<String> {
        let steps =
            self.engine.as_mut().and_then(Engine::take_trace).map(|trace| trace.steps).unwrap_or_default();
        let mut families = BTreeMap::new();
        let mut worlds = BTreeMap::new();
        let mut out = Vec::new();
        // The rule that said RETURN last, per packet: its return is not an end of a chain.
        let mut returned: BTreeMap<u64, bool> = BTreeMap::new();
        for (packet, step) in &steps {
            if let TraceStep::Arrive { bytes, .. } = step {
                families.insert(
                    *packet,
                    if bytes.first().is_some_and(|first| first >> 4 == 6) { Family::V6 } else { Family::V4 },
                );
            }
            if let (
                TraceStep::Answered { packet: child, .. } | TraceStep::Copied { packet: child, .. },
                Some(family),
            ) = (step, families.get(packet).copied())
            {
                families.insert(*child, family);
            }
            if let TraceStep::Table { world, .. } = step {
                worlds.insert(*packet, *world);
            }
            // The kernel's path is read from the legacy tables.
            if worlds.get(packet) == Some(&World::Nft) {
                continue;
            }
            let family = families.get(packet).copied();
            let Some(ruleset) =
                self.rulesets.iter().find(|ruleset| family.is_none_or(|family| ruleset.family() == family))
            else {
                continue;
            };
            let place = |table: Table, chain: rules::ChainId, number: Option<usize>| {
                let chain = ruleset.table(table)?.chain(chain)?;
                let number = number.unwrap_or(chain.rules.len() + 1);
                Some(format!("{table}:{}:{number}", chain.name))
            };
            match step {
                TraceStep::Rule { table, chain, number, outcome: RuleOutcome::Matched } => {
                    let target = ruleset
                        .table(*table)
                        .and_then(|rules| rules.chain(*chain))
                        .and_then(|chain| chain.rules.get(number.checked_sub(1)?)?.target.as_ref());
                    returned.insert(*packet, matches!(target, Some(Target::Return)));
                    out.extend(place(*table, *chain, Some(*number)));
                }
                TraceStep::Policy { table, chain, .. } => out.extend(place(*table, *chain, None)),
                TraceStep::Return { table, chain, .. }
                    if !returned.insert(*packet, false).unwrap_or(false) =>
                {
                    out.extend(place(*table, *chain, None));
                }
                TraceStep::Logged { line, .. } => out.extend(crate::outcome::step_of_log(line)),
                TraceStep::Dropped(Drop::Limit) => self.endless = true,
                _ => {}
            }
        }
        out
    }
}

/// What runs out until a time does so when it is due, as far as that is known: a rate that an error meets counts from then.
fn run_out(engine: &mut Engine, until: Now) {
    /// So much does not run out in a case.
    const MOST: usize = 1000;
    let mut last = None;
    for _ in 0..MOST {
        let due = engine.poll_timeout().filter(|due| *due < until.mono && Some(*due) > last);
        let Some(due) = due else { return };
        let early = u64::try_from(until.mono.since(due).as_nanos()).unwrap_or(0);
        engine.expire(Now { mono: due, wall: until.wall.saturating_sub(early) });
        last = Some(due);
    }
}

/// What a raw socket makes of a packet: IPv4's total length and header checksum are written by the kernel.
fn as_raw_socket_sends(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if out.first().is_some_and(|first| first >> 4 == 4) && out.len() >= 20 {
        let length = u16::try_from(out.len()).unwrap_or(u16::MAX);
        out[2..4].copy_from_slice(&length.to_be_bytes());
        let header = usize::from(out[0] & 15) * 4;
        if let Some(head) = out.get_mut(..header).filter(|head| head.len() >= 20) {
            head[10..12].fill(0);
            let sum = craft::checksum(head);
            head[10..12].copy_from_slice(&sum.to_be_bytes());
        }
    }
    out
}

/// A module of an embedding program that lets nothing pass (S2).
struct Closed;

impl Module for Closed {
    fn name(&self) -> &'static str {
        "closed"
    }

    fn handle(&mut self, _: Hook, _: &mut Packet) -> Verdict {
        Verdict::Drop(netfilter::Drop::Module("closed"))
    }
}

fn register_modules(engine: &mut Engine, case: &Case) -> Result<(), String> {
    for change in &case.network {
        let words: Vec<&str> = change.split_whitespace().collect();
        let ["module", hook, priority] = words.as_slice() else { continue };
        let hook = Hook::from_name(&hook.to_uppercase()).ok_or_else(|| format!("no hook `{hook}`"))?;
        let priority = priority.parse().map_err(|_| format!("no priority: `{priority}`"))?;
        for family in [Family::V4, Family::V6] {
            engine.register_module(family, hook, priority, Box::new(Closed));
        }
    }
    Ok(())
}

impl Judged for EngineHalf {
    fn adopt(&mut self, other: &Outcome) {
        self.kernel = other.steps.clone();
        self.lead = other.lead;
        self.in_sets = other.sets.iter().filter_map(|own| adopted::port_of(&own.line)).collect();
        self.clock = other.clock;
        self.moments = other.clock.and_then(|clock| clock.moments().next()).unwrap_or_default();
    }

    fn load(&mut self, case: &Case) -> Result<(), String> {
        self.endless = false;
        self.host = Host::default();
        self.last_output.clear();
        self.last_header.clear();
        self.rulesets.clear();
        self.beside.clear();
        self.done = 0;
        self.known = Arc::new(Mutex::new(Vec::new()));
        self.cookies = Arc::default();
        self.expected = Arc::default();
        self.drawn = Arc::default();
        self.origin = self.clock.map_or(ORIGIN, |clock| Instant(clock.jiffies.saturating_mul(JIFFY)));
        self.now = Now { mono: self.origin, wall: WALL };
        let mut network =
            netfilter::route::text::parse(&network_text(case)?).map_err(|error| error.to_string())?;
        network.policies = network::policies(case);
        let mut tracking = conntrack_config(case)?;
        self.watched = Watched::of(case, tracking.acct);
        if self.watched.events {
            tracking.most_events = watch::MOST;
        }
        let mut engine = Engine::new(Config {
            settings: Settings { most_reports: watch::MOST, ..Settings::default() },
            conntrack: tracking,
            defrag: defrag_settings(case)?,
            always_track: false,
            hash_key: [1, 2],
            network,
            random: Box::new(Adopted {
                cookies: self.cookies.clone(),
                expected: self.expected.clone(),
                known: self.known.clone(),
                in_sets: self.in_sets.clone(),
                own: Seeded::new(self.seed),
                drawn: self.drawn.clone(),
            }),
        });
        engine.set_machine(
            netfilter::machine::text::parse(&machine_text(case)).map_err(|error| error.to_string())?,
        );
        if let Some(sets) = &case.sets {
            let lead = self.lead.min(100_000) * 1_000_000;
            let made = Now { mono: Instant(self.now.mono.0 - lead), wall: WALL - lead };
            sets::make(&mut engine, sets, made)?;
            // What is expired is collected from then on.
            engine.expire(made);
        }
        let objects: Vec<&str> = case.objects().collect();
        let objects = Objects::parse(&objects.join("\n")).map_err(|problem| problem.to_string())?;
        self.counts = case.network.iter().any(|change| change == "statistics");
        self.given = objects.given();
        engine.set_objects(objects);
        let nft_first = case.nft_is_first();
        if nft_first {
            engine.expire(self.now);
            self.load_nft(&mut engine, case)?;
        }
        let families = [(Family::V4, &case.rules4), (Family::V6, &case.rules6)];
        for ((family, rules), earlier) in families.into_iter().zip(self.moments) {
            if let Some(rules) = rules {
                let earlier = Duration::from_nanos(earlier.saturating_mul(JIFFY));
                engine.expire(Now { mono: self.origin - earlier, ..self.now });
                let (mut ruleset, _) = rules::syntax::restore::load_given(rules, family, None, &self.given)
                    .map_err(|faults| format!("{:?}", faults.first()))?;
                for table in Table::ALL {
                    ruleset.table_mut(table);
                }
                engine.set_ruleset(&ruleset);
                self.rulesets.push(ruleset);
            }
        }
        engine.expire(self.now);
        if !nft_first {
            self.load_nft(&mut engine, case)?;
        }
        register_modules(&mut engine, case)?;
        self.engine = Some(engine);
        Ok(())
    }

    fn step(&mut self, step: &Step) -> StepOutcome {
        let mut outcome = StepOutcome::default();
        if self.loads {
            self.load_table();
        }
        // The kernel's clock, or that of the case if nobody said.
        if let Some(kernel) = self.kernel.get(self.done) {
            // Only what is new in this step was chosen in it.
            let before: Vec<Tuple> = self
                .done
                .checked_sub(1)
                .and_then(|last| self.kernel.get(last))
                .map(|last| {
                    last.connections
                        .iter()
                        .filter_map(|own| choice_of(&own.line))
                        .map(|own| own.tuple)
                        .collect()
                })
                .unwrap_or_default();
            if let Ok(mut cookies) = self.cookies.lock() {
                cookies.adopt(&kernel.outputs);
            }
            if let Ok(mut expected) = self.expected.lock() {
                let last = self.done.checked_sub(1).and_then(|last| self.kernel.get(last));
                let before: Vec<_> =
                    last.into_iter().flat_map(|last| &last.connections).map(|own| &own.line).collect();
                let new = kernel.connections.iter().filter(|own| !before.contains(&&own.line));
                *expected = new.filter_map(|own| expected_of(&own.line)).collect();
            }
            if let Ok(mut known) = self.known.lock() {
                *known = kernel
                    .connections
                    .iter()
                    .filter_map(|connection| choice_of(&connection.line))
                    .filter(|choice| !before.contains(&choice.tuple))
                    .collect();
            }
            let at = Duration::from_millis(kernel.at);
            self.now = Now { mono: self.origin + at, wall: WALL + kernel.at * 1_000_000 };
        } else if let Step::Sleep { milliseconds } = step {
            self.now.mono = self.now.mono + Duration::from_millis(*milliseconds);
        }
        self.done += 1;
        let now = self.now;
        if let Some(engine) = &mut self.engine {
            // What has run out in the meantime may have an answer, which is a step of its own.
            engine.start_trace();
            run_out(engine, now);
            engine.expire(now);
        }
        outcome.at = now.mono.since(self.origin).as_millis() as u64;
        outcome.errno = self.act(step);
        outcome.told = match step {
            Step::Command { line, input } => self.command(line, input.as_deref()),
            Step::Ask { at, room } => self.ask(*at, *room).into_iter().collect(),
            _ => Vec::new(),
        };
        self.settle(&mut outcome);
        outcome.path = self.path();
        if self.watched.traces {
            outcome.path.clear();
        }
        if let Some(engine) = &mut self.engine {
            while let Some(transmit) = engine.poll_transmit() {
                let device = engine.network().devices.get(transmit.device.0 as usize);
                let device = device.map_or_else(String::new, |device| device.name.to_string());
                self.last_output.insert(device.clone(), transmit.bytes.clone());
                if let Some(header) = transmit.ethernet {
                    self.last_header.insert(device.clone(), header);
                }
                let frame = transmit.ethernet.as_ref().map(case::ends);
                outcome.outputs.push(Output { device, frame, bytes: transmit.bytes });
            }
            let conntrack = engine.conntrack();
            outcome.connections = conntrack.lines(now).map(|line| Connection::from_line(&line)).collect();
            outcome
                .connections
                .extend(conntrack.expectation_lines(now).map(|line| Connection::from_expectation(&line)));
            outcome.connections.sort();
            outcome.told.extend(self.watched.read(engine, now));
        }
        outcome
    }

    fn sets(&mut self) -> Vec<SetMember> {
        self.engine.as_ref().map(|engine| sets::members(engine, self.now)).unwrap_or_default()
    }

    fn counters(&mut self) -> Vec<Counter> {
        let mut out = Vec::new();
        let Some(engine) = &self.engine else { return out };
        for ruleset in &mut self.rulesets {
            engine.store_counters(ruleset);
            let family = if ruleset.family() == Family::V4 { 4 } else { 6 };
            for table in ruleset.tables() {
                for (_, chain) in table.chains() {
                    let mut push = |name: String, counters: rules::Counters| {
                        let place = format!("{}:{}:{name}", table.table(), chain.name);
                        let (packets, bytes) = (counters.packets, counters.bytes);
                        out.push(Counter { family, place, packets, bytes });
                    };
                    if chain.hook.is_some() {
                        push("policy".to_owned(), chain.counters);
                    }
                    for (at, rule) in chain.rules.iter().enumerate() {
                        push((at + 1).to_string(), rule.counters);
                    }
                }
            }
        }
        for ruleset in &mut self.beside {
            engine.store_counters_of(World::Nft, ruleset);
            let family = if ruleset.family() == Family::V4 { 4 } else { 6 };
            // Policies have no counters in nft.
            for (table, chain) in ruleset
                .tables()
                .iter()
                .flat_map(|table| table.chains().into_iter().map(move |own| (table, own.1)))
            {
                for (at, rule) in chain.rules.iter().enumerate() {
                    let place = format!("nft:{}:{}:{}", table.table(), chain.name, at + 1);
                    let (packets, bytes) = (rule.counters.packets, rule.counters.bytes);
                    out.push(Counter { family, place, packets, bytes });
                }
            }
        }
        out.extend(engine.accounts().iter().map(Counter::of_account));
        if self.counts {
            out.extend(Counter::of_statistics(&engine.conntrack().statistics().to_string()));
        }
        out.sort();
        out
    }
}

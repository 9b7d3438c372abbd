//! Runs packets through the engine one after another and collects what happened to each.
use std::time::Duration;

use netfilter::conntrack;
use netfilter::engine::{Config, Decision, Engine, SendError};
use netfilter::hook::World;
use netfilter::network::Unroutable;
use netfilter::objects::Objects;
use netfilter::skb::{Drop, Link, Origin};
use netfilter::time::Seeded;
use netfilter::trace::{Found, Outcome, Step};
use netfilter::{DeviceId, Instant, Machine, Network, Now};
use packet::Family;
use rules::syntax::Names as _;
use rules::{Chain, Counters, Hook, Ruleset, Table};

use super::host::{Lines, State};
use super::input::Failure;
use super::{advice, wording};
use crate::names::SystemNames;
use crate::snapshot::{START_MILLISECONDS, Settings};

/// Everything that a trace needs, read and checked.
pub(super) struct Prepared {
    /// IPv4 and IPv6, then those of iptables-nft beside them.
    pub(super) rulesets: Vec<Ruleset>,
    /// Which of both was loaded first; `None`: not known.
    pub(super) first: Option<World>,
    /// The sets that they may name.
    pub(super) sets: rules::set::Sets,
    /// The machine.
    pub(super) network: Network,
    /// Its sockets and the like.
    pub(super) machine: Machine,
    /// What other programs have made.
    pub(super) objects: Objects,
    /// What is sent, in order.
    pub(super) packets: Vec<Given>,
    /// Seed of random choices.
    pub(super) seed: u64,
    /// Track connections even if no rule asks for it.
    pub(super) always_track: bool,
    /// Families that rules were given for.
    pub(super) families: Vec<Family>,
    /// The connections that there are before the first packet: a name and the text.
    pub(super) connections: Option<(String, String)>,
    /// What a snapshot has besides.
    pub(super) state: State,
}

/// A packet to trace.
#[derive(Clone)]
pub(super) struct Given {
    /// Time since the first packet.
    pub(super) at: Duration,
    /// Where it comes from.
    pub(super) from: From,
    /// The IP packet.
    pub(super) bytes: Vec<u8>,
    /// As it was given, for the heading.
    pub(super) text: String,
    /// Whether its mark is said.
    pub(super) marked: bool,
    /// Whether it is from a capture, which knows whether there is an Ethernet header.
    pub(super) captured: bool,
    /// Whether the capture kept only the beginning of it.
    pub(super) cut: bool,
}

/// Where a packet comes from.
#[derive(Clone)]
pub(super) enum From {
    /// A device.
    Device(DeviceId, Link),
    /// A process of this machine.
    Local(Origin),
}

/// What happened to one packet.
pub(super) struct Passage {
    /// Number in the row, from 1.
    pub(super) number: usize,
    /// The engine's number.
    pub(super) id: u64,
    /// Time since the first packet.
    pub(super) elapsed: Duration,
    /// As given.
    pub(super) text: String,
    /// The bytes that went in.
    pub(super) bytes: Vec<u8>,
    /// The device it came by; `None`: sent here.
    pub(super) device: Option<DeviceId>,
    /// Its family.
    pub(super) family: Family,
    /// Every step, with the number of the packet it belongs to.
    pub(super) steps: Vec<(u64, Step)>,
    /// Which of two rulesets the reason of its end is of.
    pub(super) world: World,
    /// Whether there are rules of both kinds.
    pub(super) beside: bool,
    /// Its end.
    pub(super) end: End,
    /// What a local sender is told.
    pub(super) errno: Option<&'static str>,
    /// What was put on devices: device, next hop, bytes.
    pub(super) out: Vec<netfilter::engine::Transmit>,
    /// What local processes got.
    pub(super) delivered: Vec<netfilter::engine::Deliver>,
    /// Log lines.
    pub(super) log: Vec<String>,
    /// Counters that moved.
    pub(super) counters: Vec<Moved>,
    /// The connections afterwards, as /proc/net/nf_conntrack prints them.
    pub(super) connections: Vec<String>,
    /// What a person should know besides.
    pub(super) advice: Vec<String>,
}

/// How a packet ended.
pub(super) enum End {
    /// To a process of this machine.
    Delivered,
    /// Out of a device.
    Forwarded {
        /// Its name.
        device: String,
    },
    /// A fragment that waits.
    Kept,
    /// Taken by a module.
    Stolen,
    /// Dropped.
    Dropped(Drop),
    /// The ruleset asks what is not known.
    Undecided(Drop),
    /// It was not handed to the engine, because every verdict would be a guess, and why.
    NotAsked(&'static str),
}

/// A counter that moved.
pub(super) struct Moved {
    /// Which of two rulesets it is of.
    pub(super) world: World,
    /// Table.
    pub(super) table: Table,
    /// Chain.
    pub(super) chain: String,
    /// Rule number from 1; `None`: the policy.
    pub(super) rule: Option<usize>,
    /// By how much.
    pub(super) by: Counters,
}

/// The packets on their way, one after another, through one engine.
pub(super) struct Passages {
    run: Run,
    /// The same with two kinds of rules in the other order, where nobody knows the order.
    other: Option<Run>,
    families: Vec<Family>,
    packets: std::iter::Enumerate<std::vec::IntoIter<Given>>,
    /// When the last packet came.
    now: Now,
    /// The wall clock at the start.
    wall: Option<u64>,
    /// Whether accepted connections have the marks of their first packets.
    accepts_marks: bool,
}

impl Passages {
    /// Everything is in place; the error says what is wrong with the connections.
    pub(super) fn new(prepared: Prepared) -> Result<Self, Failure> {
        let Prepared {
            rulesets,
            first,
            sets,
            network,
            machine,
            objects,
            packets,
            seed,
            always_track,
            families,
            connections,
            mut state,
        } = prepared;
        let beside = is_beside(&rulesets);
        let usual = || Settings {
            conntrack: conntrack::Config { acct: true, ..conntrack::Config::default() },
            ..Settings::default()
        };
        let mut settings = state.settings.clone().unwrap_or_else(usual);
        if let Some((name, text)) = connections {
            state.connections = vec![Lines { name, first: 1, text }];
        }
        // Why: a host with a larger table than usual has a larger limit than usual.
        let lines: usize = state.connections.iter().map(|own| own.text.lines().count()).sum();
        settings.conntrack.max = settings.conntrack.max.max(lines.saturating_mul(2));
        let wall = state.wall;
        let now = moment(wall, Duration::ZERO);
        let names = SystemNames::new();
        let start = |first: World, speaks: bool| -> Result<Run, Failure> {
            let mut engine = Engine::new(Config {
                settings: settings.engine,
                conntrack: settings.conntrack.clone(),
                defrag: settings.defrag,
                // Why: a host that has connections tracks them, whatever these rules ask.
                always_track: always_track || lines > 0,
                hash_key: [seed, !seed],
                network: network.clone(),
                random: Box::new(Seeded::new(seed)),
            });
            engine.set_machine(machine.clone());
            engine.set_objects(objects.clone());
            engine.set_sets(sets.clone());
            let mut order = World::ALL;
            if first == World::Nft {
                order.reverse();
            }
            for world in order {
                for ruleset in wording::of_world(&rulesets, world) {
                    engine.set_ruleset_of(world, ruleset);
                }
            }
            state.put_into(&mut engine);
            for Lines { name, first, text } in &state.connections {
                let loaded = engine.conntrack_mut().load(text, &|label| names.connection_label(label), now);
                let loaded = loaded.map_err(|mut problem| {
                    problem.line += first.saturating_sub(1);
                    Failure::usage(format!("{name}: {problem}"))
                })?;
                if loaded.offloaded > 0 && speaks {
                    eprintln!(
                        "oxitables trace: {name}: {} connections are offloaded on their host, where their packets pass by \
                     the rules; here they meet them",
                        loaded.offloaded
                    );
                }
            }
            Ok(Run { engine, rulesets: rulesets.clone(), beside })
        };
        let run = start(first.unwrap_or_default(), true)?;
        let other = if beside && first.is_none() { Some(start(World::Nft, false)?) } else { None };
        let packets = packets.into_iter().enumerate();
        let accepts_marks = settings.accepts_marks;
        Ok(Self { run, other, families, packets, now, wall, accepts_marks })
    }

    /// Why what comes to a device that is a port cannot be asked for: its packets come in by another one, or the frame has
    /// to say where a bridge sends it.
    fn is_port(&self, from: &From) -> Option<&'static str> {
        let From::Device(device, link) = from else { return None };
        let network = self.run.engine.network();
        network.device(*device)?.master?;
        match (network.bridge_of(*device), link.ethernet) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(wording::FRAME),
            (None, _) => Some(wording::PORT),
        }
    }

    /// The connections and expectations in a form.
    pub(super) fn table(&self, style: conntrack::format::Style) -> String {
        let mut out = String::new();
        self.run.engine.conntrack().dump(style, self.now, &mut out);
        out
    }
}

impl Iterator for Passages {
    type Item = Passage;

    fn next(&mut self) -> Option<Passage> {
        let (at, given) = self.packets.next()?;
        self.now = moment(self.wall, given.at);
        let port = self.is_port(&given.from);
        Some(match (family(&given.bytes), port) {
            (Some(family), _) if !self.families.contains(&family) => {
                not_asked(at + 1, given, family, wording::no_rules(family))
            }
            (Some(family), Some(why)) => not_asked(at + 1, given, family, why),
            (Some(family), None) if self.accepts_marks && is_unmarked_answer(&given) => {
                not_asked(at + 1, given, family, wording::MARK)
            }
            (Some(family), None) if given.cut => not_asked(at + 1, given, family, wording::CUT),
            _ => {
                let twin = self.other.as_mut().map(|other| passage(other, self.wall, at + 1, given.clone()));
                let mut shown = passage(&mut self.run, self.wall, at + 1, given);
                if twin.is_some_and(|twin| !shown.ends_like(&twin)) {
                    shown.end = End::NotAsked(wording::ORDER);
                }
                shown
            }
        })
    }
}

/// An engine with the rules that are in it.
struct Run {
    engine: Engine,
    rulesets: Vec<Ruleset>,
    beside: bool,
}

/// Whether a family has rules of both kinds.
fn is_beside(rulesets: &[Ruleset]) -> bool {
    let has = |world| {
        let own = wording::of_world(rulesets, world).iter();
        own.filter(|rules| !rules.tables().is_empty()).map(Ruleset::family).collect::<Vec<_>>()
    };
    let legacy = has(World::Legacy);
    has(World::Nft).iter().any(|family| legacy.contains(family))
}

/// By the first four bits alone: a packet that is cut short has a family, too.
fn family(bytes: &[u8]) -> Option<Family> {
    match bytes.first()? >> 4 {
        4 => Some(Family::V4),
        6 => Some(Family::V6),
        _ => None,
    }
}

/// Whether a packet is of a connection of TCP, by a local process, that it may have accepted, and its mark is not said.
fn is_unmarked_answer(given: &Given) -> bool {
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    let connects = |flags: u8| flags & (SYN | ACK) == SYN;
    let flags = packet::View::parse(&given.bytes).ok().and_then(|view| view.tcp().map(|tcp| tcp.flags()));
    matches!(given.from, From::Local(_)) && !given.marked && flags.is_some_and(|flags| !connects(flags))
}

/// A packet that is not handed to the engine.
fn not_asked(number: usize, given: Given, family: Family, why: &'static str) -> Passage {
    Passage {
        number,
        id: 0,
        elapsed: given.at,
        text: given.text,
        bytes: given.bytes,
        device: match given.from {
            From::Device(device, _) => Some(device),
            From::Local(_) => None,
        },
        family,
        steps: Vec::new(),
        world: World::Legacy,
        beside: false,
        end: End::NotAsked(why),
        errno: None,
        out: Vec::new(),
        delivered: Vec::new(),
        log: Vec::new(),
        counters: Vec::new(),
        connections: Vec::new(),
        advice: Vec::new(),
    }
}

fn passage(run: &mut Run, wall: Option<u64>, number: usize, given: Given) -> Passage {
    let Run { engine, rulesets, beside } = run;
    let now = moment(wall, given.at);
    engine.expire(now);
    store_counters(engine, rulesets);
    let before = counts(rulesets);
    engine.start_trace();
    let bytes = given.bytes.clone();
    let device = match &given.from {
        From::Device(device, _) => Some(*device),
        From::Local(_) => None,
    };
    let typed = matches!(&given.from, From::Device(_, link) if link.ethernet.is_none()) && !given.captured;
    let decision = match given.from {
        From::Device(device, link) => Ok(engine.receive(now, device, link, given.bytes)),
        From::Local(origin) => engine.send_local(now, origin, given.bytes),
    };
    let (decision, errno) = match decision {
        Ok(decision) => (Some(decision), None),
        Err(error) => (None, Some(errno(error))),
    };
    let steps = engine.take_trace().unwrap_or_default().steps;
    store_counters(engine, rulesets);
    let id = steps.first().map_or(0, |(id, _)| *id);
    let family = family(&bytes).unwrap_or(Family::V4);
    let end = match unknown_mac(&steps).filter(|_| typed) {
        Some(reason) => End::Undecided(reason),
        None => end(engine, &steps, id, decision),
    };
    let mut passage = Passage {
        number,
        id,
        elapsed: given.at,
        text: given.text,
        bytes,
        device,
        family,
        world: world_of_end(&steps, id),
        beside: *beside,
        errno: errno.filter(|_| !matches!(end, End::Undecided(_))),
        end,
        out: std::iter::from_fn(|| engine.poll_transmit()).collect(),
        delivered: std::iter::from_fn(|| engine.poll_deliver()).collect(),
        log: std::iter::from_fn(|| engine.poll_log()).map(|line| line.text).collect(),
        counters: moved(&before, rulesets),
        connections: engine.conntrack().lines(now).collect(),
        advice: Vec::new(),
        steps,
    };
    passage.advice = advice::of(&passage, wording::of_world(rulesets, passage.world));
    passage
}

fn store_counters(engine: &Engine, rulesets: &mut [Ruleset]) {
    for (at, ruleset) in rulesets.iter_mut().enumerate() {
        engine.store_counters_of(world_at(at), ruleset);
    }
}

/// The world of a ruleset by its place.
fn world_at(place: usize) -> World {
    if place < 2 { World::Legacy } else { World::Nft }
}

/// The world of the rule that a packet met last before its end: the packet that nobody can decide, or the one traced.
fn world_of_end(steps: &[(u64, Step)], id: u64) -> World {
    let mut worlds: Vec<(u64, World)> = Vec::new();
    let last = |worlds: &[(u64, World)], packet| {
        worlds.iter().rev().find(|(own, _)| *own == packet).map_or(World::Legacy, |(_, world)| *world)
    };
    for (packet, step) in steps {
        match step {
            Step::Table { world, .. } => worlds.push((*packet, *world)),
            Step::Undecided { .. } => return last(&worlds, *packet),
            _ => {}
        }
    }
    last(&worlds, id)
}

/// The name of what `sendto` gives (F32).
fn errno(error: SendError) -> &'static str {
    match error {
        SendError::NotPermitted => "EPERM",
        SendError::NetworkUnreachable => "ENETUNREACH",
        SendError::HostUnreachable => "EHOSTUNREACH",
        SendError::Prohibited => "EACCES",
        SendError::Invalid => "EINVAL",
        SendError::TooBig => "EMSGSIZE",
        SendError::Remote => "EREMOTE",
    }
}

/// The moment of a packet: the clocks begin at one hour, so that nothing lies before the origin; the wall clock at the
/// time of the snapshot, if there is one.
fn moment(wall: Option<u64>, at: Duration) -> Now {
    let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
    let start = START_MILLISECONDS * 1_000_000;
    let wall = wall.unwrap_or(start).saturating_add(nanos);
    Now { mono: Instant(start.saturating_add(nanos)), wall }
}

/// The end of the packet: where its own way (loopback included) ended last.
fn end(engine: &Engine, steps: &[(u64, Step)], id: u64, decision: Option<Decision>) -> End {
    let undecided = steps.iter().find_map(|(_, step)| match step {
        Step::Dropped(
            reason @ (Drop::Undecided { .. } | Drop::Unknown(_) | Drop::Route(Unroutable::Undecided(_))),
        ) => Some(*reason),
        _ => None,
    });
    if let Some(reason) = undecided {
        return End::Undecided(reason);
    }
    let last = steps.iter().rev().filter(|(own, _)| *own == id).find_map(|(_, step)| match step {
        Step::Delivered { .. } => Some(End::Delivered),
        Step::Sent { device, .. } => Some(End::Forwarded { device: device.to_string() }),
        Step::Dropped(reason) => Some(End::Dropped(*reason)),
        _ => None,
    });
    match (last, decision) {
        (Some(end), _) => end,
        (None, Some(Decision::Kept)) => End::Kept,
        (None, Some(Decision::Forwarded { device, .. })) => {
            let name = engine.network().device(device).map(|device| device.name.to_string());
            End::Forwarded { device: name.unwrap_or_default() }
        }
        (None, Some(Decision::Dropped(reason))) => End::Dropped(reason),
        (None, Some(Decision::Delivered)) => End::Delivered,
        (None, _) => End::Stolen,
    }
}

/// Every counter of the rulesets: chain after chain, the policy before the rules.
fn each_counter(
    rulesets: &[Ruleset],
) -> impl Iterator<Item = ((World, Table), &Chain, Option<usize>, Counters)> {
    let tables = rulesets.iter().enumerate();
    let tables = tables.flat_map(|(at, own)| own.tables().iter().map(move |table| (world_at(at), table)));
    tables.flat_map(|(world, own)| {
        let place = (world, own.table());
        own.slots_in_order().flat_map(move |(_, chain)| {
            let rules = chain.rules.iter().enumerate();
            std::iter::once((place, chain, None, chain.counters))
                .chain(rules.map(move |(at, rule)| (place, chain, Some(at + 1), rule.counters)))
        })
    })
}

fn counts(rulesets: &[Ruleset]) -> Vec<Counters> {
    each_counter(rulesets).map(|(.., counters)| counters).collect()
}

fn moved(before: &[Counters], after: &[Ruleset]) -> Vec<Moved> {
    let mut all = Vec::new();
    for (old, ((world, table), chain, rule, new)) in before.iter().zip(each_counter(after)) {
        let by = Counters {
            packets: new.packets.wrapping_sub(old.packets),
            bytes: new.bytes.wrapping_sub(old.bytes),
        };
        if by != Counters::default() {
            all.push(Moved { world, table, chain: chain.name.to_string(), rule, by });
        }
    }
    all
}

/// A rule that asked for the Ethernet source (`-m mac`, `-m eui64`) of a packet that was given without one: on a real
/// device there would have been one, so what the rule says is not known.
fn unknown_mac(steps: &[(u64, Step)]) -> Option<Drop> {
    let mut at = None;
    for (_, step) in steps {
        match step {
            Step::Hook(hook) => at = Some(*hook),
            Step::Rule { table, chain, number, outcome: Outcome::Failed(mismatch) }
                if matches!(
                    (mismatch.option, mismatch.found),
                    ("--mac-source" | "-m eui64", Found::Nothing(_))
                        | ("--match-set", Found::Nothing("Ethernet header"))
                ) =>
            {
                let what = match mismatch.option {
                    "--match-set" => {
                        "the Ethernet header of a packet given as text (-m set with Ethernet addresses; --pcap has it)"
                    }
                    "-m eui64" => "the Ethernet source of a packet given as text (-m eui64; --pcap has it)",
                    _ => "the Ethernet source of a packet given as text (-m mac; --pcap has it)",
                };
                return Some(Drop::Undecided {
                    table: *table,
                    hook: at?,
                    chain: *chain,
                    number: *number,
                    what,
                });
            }
            _ => {}
        }
    }
    None
}

impl Passage {
    /// Whether another run of the same packet came to the same end: for people outside nothing differs.
    fn ends_like(&self, other: &Self) -> bool {
        let kind = std::mem::discriminant::<End>;
        let sent =
            |own: &Self| own.out.iter().map(|sent| (sent.device, sent.bytes.clone())).collect::<Vec<_>>();
        let heard = |own: &Self| own.delivered.iter().map(|own| own.bytes.clone()).collect::<Vec<_>>();
        kind(&self.end) == kind(&other.end) && sent(self) == sent(other) && heard(self) == heard(other)
    }

    /// The hooks that the packet itself met, in order.
    pub(super) fn hooks(&self) -> Vec<Hook> {
        let own = self.steps.iter().filter(|(id, _)| *id == self.id);
        own.filter_map(|(_, step)| if let Step::Hook(hook) = step { Some(*hook) } else { None }).collect()
    }

    /// The bytes in the one-line form.
    pub(super) fn line(&self) -> String {
        wording::packet(&self.bytes)
    }
}

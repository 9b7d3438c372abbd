//! One machine under real traffic: the loop between a [`Host`] (its programs), the engine, and the wires.
//!
//! ```text
//!   programs ── Host ──► send_local ─┐          ┌─► poll_deliver ──► Host ── programs
//!                                    ├─ Engine ─┤
//!   wires ─────────────► receive ────┘          └─► poll_transmit ─► wires
//! ```
//!
//! Nothing waits here: the owner of a [`Machine`] polls its descriptors, calls [`Machine::handle_host`],
//! [`Machine::handle_wire`] and [`Machine::expire`], and takes what is to go out of [`Machine::poll_wire`].
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use netfilter::engine::{Config, Decision, Engine};
use netfilter::network::RouteKind;
use netfilter::skb::Link;
use netfilter::time::Seeded;
use netfilter::{DeviceId, Drop, Instant, Network, Now};
use packet::Family;
use rules::Ruleset;
use rules::set::print::{self, Detail, Listing, Mode};
use rules::set::run::{Options, Output, Session};
use rules::set::{Sets, restore};
use sys::clock::Clock;
use sys::netlink::Prefix;
use sys::seccomp::{Asked, AskedSocket, Listener};

use crate::host::{Host, Plan, Reachable};
use crate::names::SystemNames;
use crate::owners::{Owners, Wanted};

/// Error numbers of a question about the original destination (F61).
const ENOENT: i32 = 2;
const ENOPROTOOPT: i32 = 92;

/// Most packets that one call takes from the programs, so that no machine starves another.
const MOST_AT_ONCE: usize = 64;

/// A packet for a wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The device that it leaves by.
    pub device: DeviceId,
    /// Gateway or destination.
    pub next_hop: IpAddr,
    /// The IP packet.
    pub bytes: Vec<u8>,
}

/// Where the monotonic clock of a machine begins, in nanoseconds: far enough that what began before, as the timeouts of a
/// file that was written long ago, lies behind 0.
const START: u64 = 1 << 60;

/// The time, in milliseconds of a machine's clock, from which timeouts of sets count that are loaded when it starts: a second
/// of the wall clock, or now.
pub fn set_time(second: Option<u64>) -> u64 {
    let start = START / 1_000_000;
    let wall = Clock::start().read().wall.as_secs();
    second.map_or(start, |second| start.saturating_sub(wall.saturating_sub(second).saturating_mul(1000)))
}

/// The start of the hash of a set, which nobody outside may guess.
pub fn set_seed() -> u32 {
    sys::clock::seed().map_or(0, |seed| (seed >> 32) as u32)
}

/// What went through a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that its programs sent.
    pub from_programs: u64,
    /// Packets that its programs got.
    pub to_programs: u64,
    /// Packets that came from wires.
    pub from_wires: u64,
    /// Packets that went to wires.
    pub to_wires: u64,
}

/// An engine with the host whose netfilter it is.
pub struct Machine {
    engine: Engine,
    /// As they were loaded, IPv4 and IPv6; the counters are the engine's.
    rulesets: [Ruleset; 2],
    host: Host,
    owners: Owners,
    clock: Clock,
    buffer: Vec<u8>,
    /// What went through.
    pub traffic: Traffic,
    /// Which rule could not be decided for some packet, in words; that packet was dropped.
    pub undecided: Option<String>,
}

/// What the host of a network is to look like: its addresses, and a source for each destination.
pub fn plan(network: &Network) -> Plan {
    let mut plan = Plan::default();
    for device in network.devices.iter().skip(1) {
        plan.addresses
            .extend(device.addresses.iter().map(|own| Prefix { address: own.address, length: own.length }));
        plan.reachable.extend(device.addresses.iter().map(|own| Reachable {
            destination: Prefix { address: own.address, length: own.length },
            source: Some(own.address),
        }));
    }
    for route in network.tables.get(&netfilter::network::TABLE_MAIN).into_iter().flatten() {
        if route.kind != RouteKind::Unicast || route.device == Some(DeviceId::LOOPBACK) {
            continue;
        }
        let (Some(length), Some(device)) = (route.destination.prefix_length(), route.device) else {
            continue;
        };
        let destination = Prefix { address: route.destination.address(), length };
        let same_family = |address: &IpAddr| address.is_ipv4() == destination.address.is_ipv4();
        let addresses = network.devices.get(device.0 as usize).map_or(&[][..], |device| &device.addresses);
        // Linux: the address whose subnet holds the next hop, else the first one of the device.
        let source = route.source.or_else(|| {
            let near = addresses.iter().find(|own| {
                route.via.is_some_and(|via| {
                    packet::AddrMask::prefix(own.address, own.length)
                        .is_some_and(|subnet| subnet.contains(via))
                })
            });
            near.or_else(|| addresses.iter().find(|own| same_family(&own.address))).map(|own| own.address)
        });
        plan.reachable.push(Reachable { destination, source });
    }
    plan
}

impl Machine {
    /// A machine in the network namespace of this thread, which must be fresh. `name` is the device by which its
    /// programs' packets go.
    pub fn open(name: &str, network: Network) -> io::Result<Self> {
        let host = Host::open(name, &plan(&network))?;
        let owners = Owners::open()?;
        Ok(Self {
            engine: Engine::new(Config {
                settings: netfilter::env::Settings::default(),
                conntrack: netfilter::conntrack::Config::default(),
                defrag: Default::default(),
                always_track: false,
                hash_key: [sys::clock::seed()?, sys::clock::seed()?],
                network,
                random: Box::new(Seeded::new(sys::clock::seed()?)),
            }),
            rulesets: [Ruleset::new(Family::V4), Ruleset::new(Family::V6)],
            host,
            owners,
            clock: Clock::start(),
            buffer: vec![0; sys::device::MOST_BYTES],
            traffic: Traffic::default(),
            undecided: None,
        })
    }

    fn now(&self) -> Now {
        let reading = self.clock.read();
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let mono = Instant(START.saturating_add(nanoseconds(reading.monotonic)));
        Now { mono, wall: nanoseconds(reading.wall) }
    }

    /// Puts sets of ipset in the place of those that are there; their times are those of [`set_time`].
    pub fn set_sets(&mut self, sets: Sets) {
        self.engine.set_sets(sets);
    }

    /// The sets as they are now.
    pub fn sets(&self) -> &Sets {
        self.engine.sets()
    }

    /// Carries out the lines of `ipset restore`; what is there already is no fault. A fault with its line.
    pub fn restore_sets(&mut self, text: &str) -> Result<(), (usize, String)> {
        let now = self.now().mono.0 / 1_000_000;
        let rulesets = &self.rulesets;
        let references = |name: &str| rulesets.iter().map(|own| own.set_references(name)).sum();
        let names = SystemNames::new();
        let mut options = Options { exist: true, ..Options::default() };
        let mut session = Session { names: &names, now, seed: &mut set_seed, references: &references };
        self.engine.edit_sets(|sets| {
            for (at, line) in text.lines().enumerate() {
                let mut output = Output::default();
                restore::line(line, &mut options, sets, &mut session, &mut output)
                    .map_err(|fault| (at + 1, fault.text().to_owned()))?;
            }
            Ok(())
        })
    }

    /// The sets in the form of `ipset save`.
    pub fn print_sets(&self) -> String {
        let names = SystemNames::new();
        let listing = Listing {
            mode: Mode::Save,
            detail: Detail::Members,
            names: &names,
            resolve: false,
            now: self.now().mono.0 / 1_000_000,
            references: &|_| 0,
            exact: false,
        };
        print::sets(self.engine.sets(), None, &listing).unwrap_or_default()
    }

    /// Puts the tables of a ruleset in the place of the old ones, as `iptables-restore` does: tables that it does not
    /// have stay. Connections stay (F9).
    pub fn load(&mut self, ruleset: &Ruleset) {
        let family = ruleset.family();
        let Some(own) = self.rulesets.get_mut(family as usize) else { return };
        for table in ruleset.tables() {
            own.set_table(table.clone());
        }
        self.owners.want(family, Wanted::by(own));
        let changed: Vec<rules::Table> = ruleset.tables().iter().map(|table| table.table()).collect();
        self.engine.set_tables(own, &changed);
    }

    /// The rulesets with the counters that they have now.
    pub fn rulesets(&mut self) -> &[Ruleset] {
        for own in &mut self.rulesets {
            self.engine.store_counters(own);
        }
        &self.rulesets
    }

    /// Lines of the log (LOG, TRACE) since the last call.
    pub fn log(&mut self) -> impl Iterator<Item = String> + '_ {
        std::iter::from_fn(|| self.engine.poll_log().map(|line| line.text))
    }

    /// Becomes readable when the machine's programs have sent something.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.host.descriptor()
    }

    /// Takes what the machine's programs have sent.
    pub fn handle_host(&mut self) -> io::Result<()> {
        for _ in 0..MOST_AT_ONCE {
            let Some(length) = self.host.receive(&mut self.buffer)? else { break };
            let Some(bytes) = self.buffer.get(..length).map(<[u8]>::to_vec) else { break };
            self.traffic.from_programs += 1;
            let origin = self.owners.origin(&bytes, self.clock.read().monotonic);
            let now = self.now();
            // Why: a packet that is dropped here is silence to its sender. The kernel would tell it EPERM, but the
            // packet has left the kernel when we see it.
            if let Ok(decision) = self.engine.send_local(now, origin, bytes) {
                self.note(decision);
            }
            self.deliver()?;
        }
        Ok(())
    }

    /// Takes a packet that came by a device.
    pub fn handle_wire(&mut self, device: DeviceId, bytes: Vec<u8>) -> io::Result<()> {
        self.traffic.from_wires += 1;
        let now = self.now();
        let decision = self.engine.receive(now, device, Link::default(), bytes);
        self.note(decision);
        self.deliver()
    }

    /// Remembers the first packet that met a rule which cannot be decided: nothing after it is a true answer.
    fn note(&mut self, decision: Decision) {
        if let Decision::Dropped(Drop::Undecided { table, hook, chain, number, what }) = decision {
            let name = self.rulesets.iter().find_map(|own| Some(&own.table(table)?.chain(chain)?.name));
            let chain = name.map_or_else(|| hook.to_string(), ToString::to_string);
            self.undecided.get_or_insert_with(|| {
                format!("cannot decide: rule {number} of {chain} in {table} needs {what}")
            });
        }
    }

    /// The next packet that is to go out by a device.
    pub fn poll_wire(&mut self) -> Option<Outgoing> {
        let transmit = self.engine.poll_transmit()?;
        self.traffic.to_wires += 1;
        Some(Outgoing { device: transmit.device, next_hop: transmit.next_hop, bytes: transmit.bytes })
    }

    fn deliver(&mut self) -> io::Result<()> {
        while let Some(mut deliver) = self.engine.poll_deliver() {
            netfilter::options::mend(&mut deliver.bytes, &deliver.options);
            self.traffic.to_programs += 1;
            self.host.deliver(&deliver.bytes)?;
        }
        Ok(())
    }

    /// How long nothing needs to be done unless a packet comes.
    pub fn timeout(&self) -> Option<Duration> {
        self.engine.poll_timeout().map(|then| then.since(self.now().mono))
    }

    /// Ends what has timed out.
    pub fn expire(&mut self) -> io::Result<()> {
        let now = self.now();
        self.engine.expire(now);
        self.deliver()
    }

    /// Answers the next question about `SO_ORIGINAL_DST` out of the engine's connections (F61).
    pub fn answer(&self, listener: &Listener) -> io::Result<()> {
        let Some(question) = listener.receive()? else { return Ok(()) };
        let answer = match listener.socket(&question) {
            Ok(socket) => self.original_destination(question.asked, &socket),
            Err(error) => Err(error.raw_os_error().unwrap_or(ENOENT)),
        };
        // Why: a process that has died meanwhile needs no answer.
        let _ = listener.answer(&question, answer);
        Ok(())
    }

    /// Linux: `getorigdst`, `ipv6_getorigdst`: TCP and SCTP only; the destination of the original direction of the
    /// connection that the socket's addresses belong to.
    fn original_destination(&self, asked: Asked, socket: &AskedSocket) -> Result<SocketAddr, i32> {
        const TCP: u8 = 6;
        const SCTP: u8 = 132;
        if !matches!(socket.protocol, TCP | SCTP) {
            return Err(ENOPROTOOPT);
        }
        // Why: an IPv6 socket with an IPv4 peer is asked at the level of IPv4, and shows mapped addresses.
        let (local, remote) = match asked {
            Asked::V4 => (socket.local.ip().to_canonical(), socket.remote.ip().to_canonical()),
            Asked::V6 => (socket.local.ip(), socket.remote.ip()),
        };
        if local.is_ipv4() != (asked == Asked::V4) {
            return Err(ENOENT);
        }
        let (local, remote) =
            (SocketAddr::new(local, socket.local.port()), SocketAddr::new(remote, socket.remote.port()));
        let now = self.now().mono;
        self.engine.conntrack().original_destination(socket.protocol, local, remote, now).ok_or(ENOENT)
    }
}

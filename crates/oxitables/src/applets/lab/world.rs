//! A scenario that lives: namespaces, wires, machines and processes, and the one loop that moves all of it.
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek};
use std::net::IpAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use netfilter::DeviceId;
use packet::{Family, View};
use sys::child::{Running, Settings};
use sys::device::Device;
use sys::namespace::NetworkNamespace;
use sys::netlink::{Prefix, Route, RouteSpec, TABLE_MAIN};
use sys::poll::Poller;
use sys::signal::Signals;
use sys::tun::{Layer, Tun};

use super::fabric::{End, EndKind, Segment};
use super::scenario::{HostSpec, Scenario};
use crate::forward::Machine;

/// The device by which the programs of a machine under test send.
const HOST_DEVICE: &str = "host0";

/// Packets that one TUN may give before the others are asked.
const MOST_AT_ONCE: usize = 64;

/// Packets that may cause one another before the rest is lost: a bound against loops of the scenario's own making.
const MOST_HOPS: usize = 10_000;

/// Most bytes of a process's output that are looked at.
const MOST_OUTPUT: usize = 1 << 20;

/// Most bytes that a process may print: it is ended with what it started when there are more.
const MOST_PRINTED: u64 = 64 << 20;

/// A host that lives.
struct LiveHost {
    namespace: NetworkNamespace,
    machine: Option<Machine>,
}

/// A process of the scenario.
pub struct Process {
    /// The host that it runs on.
    pub host: usize,
    running: Running,
    output: File,
}

/// What a descriptor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Wire { segment: usize, end: usize },
    Host(usize),
    Question(usize),
    Signal,
    Other,
}

impl Token {
    fn number(self) -> u64 {
        let pack = |kind: u64, first: usize, second: usize| kind << 56 | (first as u64) << 24 | second as u64;
        match self {
            Self::Wire { segment, end } => pack(0, segment, end),
            Self::Host(host) => pack(1, host, 0),
            Self::Question(process) => pack(2, process, 0),
            Self::Signal => pack(3, 0, 0),
            Self::Other => pack(4, 0, 0),
        }
    }

    fn of(number: u64) -> Self {
        let first = usize::try_from(number >> 24 & 0xffff_ffff).unwrap_or(usize::MAX);
        let second = usize::try_from(number & 0xff_ffff).unwrap_or(usize::MAX);
        match number >> 56 {
            0 => Self::Wire { segment: first, end: second },
            1 => Self::Host(first),
            2 => Self::Question(first),
            3 => Self::Signal,
            _ => Self::Other,
        }
    }
}

/// A packet on a wire.
struct OnWire {
    segment: usize,
    from: usize,
    next_hop: IpAddr,
    bytes: Vec<u8>,
}

/// A scenario that lives. Its processes end with it.
pub struct World {
    hosts: Vec<LiveHost>,
    segments: Vec<Segment>,
    processes: Vec<Process>,
    poller: Poller,
    signals: Signals,
    on_wire: VecDeque<OnWire>,
    buffer: Vec<u8>,
}

/// What the engine is told of a host: the text form of a network.
fn network_text(scenario: &Scenario, host: usize) -> String {
    // As in the kernel's hosts, see `settle`.
    let mut text = String::from("sysctl net.ipv4.conf.all.send_redirects=0\n");
    text += "sysctl net.ipv4.conf.default.send_redirects=0\n";
    let spec = scenario.hosts.get(host);
    let ends = || scenario.links.iter().flat_map(|link| &link.ends).filter(|end| end.host == host);
    for end in ends() {
        text += &format!("device {}\n", end.device);
        for own in &end.addresses {
            text += &format!("address {}/{} dev {}\n", own.address, own.length, end.device);
        }
    }
    for (to, via) in spec.into_iter().flat_map(|spec| &spec.routes) {
        let device = ends().find(|end| end.addresses.iter().any(|own| near(own, *via)));
        if let Some(end) = device {
            text += &format!("route {}/{} via {via} dev {}\n", to.address, to.length, end.device);
        }
    }
    for (key, value) in spec.into_iter().flat_map(|spec| &spec.sysctls) {
        text += &format!("sysctl {key}={value}\n");
    }
    text
}

fn near(own: &Prefix, address: IpAddr) -> bool {
    packet::AddrMask::prefix(own.address, own.length).is_some_and(|subnet| subnet.contains(address))
}

/// The settings of a host in the kernel: nothing that drops or answers of its own accord (kernel facts 2.1).
fn settle(spec: &HostSpec, devices: &[&str]) -> io::Result<()> {
    use sys::sysctl::write;
    for scope in ["all", "default"].iter().chain(devices) {
        write(&format!("net/ipv4/conf/{scope}/rp_filter"), "0")?;
        write(&format!("net/ipv4/conf/{scope}/send_redirects"), "0")?;
        if crate::host::has_v6() {
            for (key, value) in [("accept_dad", "0"), ("addr_gen_mode", "1"), ("router_solicitations", "0")] {
                write(&format!("net/ipv6/conf/{scope}/{key}"), value)?;
            }
        }
    }
    crate::host::allow_ping();
    spec.sysctls.iter().try_for_each(|(key, value)| write(key, value))
}

impl World {
    /// Makes the hosts and links. `machines`: the hosts marked `engine` get a machine; otherwise they are the kernel's.
    pub fn build(scenario: &Scenario, machines: bool) -> io::Result<Self> {
        let mut world = Self {
            hosts: Vec::new(),
            segments: scenario.links.iter().map(|_| Segment::default()).collect(),
            processes: Vec::new(),
            poller: Poller::new()?,
            signals: Signals::collect()?,
            on_wire: VecDeque::new(),
            buffer: vec![0; sys::device::MOST_BYTES],
        };
        for (at, spec) in scenario.hosts.iter().enumerate() {
            let namespace = NetworkNamespace::create().map_err(io::Error::other)?;
            let machine = if machines && spec.engine {
                Some(world.machine(scenario, at)?)
            } else {
                world.kernel_host(scenario, at)?;
                None
            };
            world.hosts.push(LiveHost { namespace, machine });
        }
        world.poller.add(&world.signals, Token::Signal.number())?;
        for (segment, link) in world.segments.iter().enumerate() {
            for (end, one) in link.ends.iter().enumerate() {
                if let EndKind::Tun(tun) = &one.kind
                    && let Some(descriptor) = tun.descriptor()
                {
                    world.poller.add(descriptor, Token::Wire { segment, end }.number())?;
                }
            }
        }
        Ok(world)
    }

    fn machine(&mut self, scenario: &Scenario, host: usize) -> io::Result<Machine> {
        let network = netfilter::route::text::parse(&network_text(scenario, host))
            .map_err(|error| io::Error::other(error.to_string()))?;
        let mut next = 1;
        for (link, segment) in scenario.links.iter().zip(&mut self.segments) {
            for end in link.ends.iter().filter(|end| end.host == host) {
                segment.ends.push(End {
                    host,
                    addresses: end.addresses.clone(),
                    gateways: Vec::new(),
                    kind: EndKind::Machine(DeviceId(next)),
                });
                next += 1;
            }
        }
        let machine = Machine::open(HOST_DEVICE, network)?;
        if let Some(descriptor) = machine.descriptor() {
            self.poller.add(descriptor, Token::Host(host).number())?;
        }
        Ok(machine)
    }

    fn kernel_host(&mut self, scenario: &Scenario, host: usize) -> io::Result<()> {
        let Some(spec) = scenario.hosts.get(host) else { return Ok(()) };
        let mut route = Route::open()?;
        let lo = route.link_index("lo")?;
        route.link_up(lo, None)?;
        let mut opened = Vec::new();
        for (segment, link) in scenario.links.iter().enumerate() {
            for end in link.ends.iter().filter(|end| end.host == host) {
                opened.push((segment, end, Tun::open(&end.device, Layer::Ip)?));
            }
        }
        let names: Vec<&str> = opened.iter().map(|(_, end, _)| end.device.as_str()).collect();
        settle(spec, &names)?;
        for (segment, end, tun) in opened {
            let index = route.link_index(&end.device)?;
            route.link_up(index, None)?;
            for &own in end.addresses.iter().filter(|own| own.address.is_ipv4() || crate::host::has_v6()) {
                route.address_add(index, own)?;
            }
            let here = |via: IpAddr| end.addresses.iter().any(|own| near(own, via));
            let gateways: Vec<_> = spec.routes.iter().copied().filter(|&(_, via)| here(via)).collect();
            for &(destination, via) in &gateways {
                route.route_add(&RouteSpec {
                    destination,
                    via: Some(via),
                    device: Some(index),
                    next_hop: None,
                    source: None,
                    table: TABLE_MAIN,
                })?;
            }
            if let Some(segment) = self.segments.get_mut(segment) {
                let addresses = end.addresses.clone();
                segment.ends.push(End { host, addresses, gateways, kind: EndKind::Tun(tun) });
            }
        }
        Ok(())
    }

    /// The machine under test of a host.
    pub fn machine_of(&mut self, host: usize) -> Option<&mut Machine> {
        self.hosts.get_mut(host)?.machine.as_mut()
    }

    /// Starts a process on a host. Its output and errors are kept for [`World::output`].
    pub fn start(&mut self, host: usize, mut command: Command, user: Option<u32>) -> io::Result<usize> {
        let Some(live) = self.hosts.get(host) else { return Err(io::ErrorKind::InvalidInput.into()) };
        let output = tempfile::tempfile()?;
        command.stdout(output.try_clone()?).stderr(output.try_clone()?);
        let settings = Settings { user, group: user, intercept: live.machine.is_some(), own_group: true };
        let mut running = live.namespace.within(|| sys::child::spawn(command, settings))??;
        let at = self.processes.len();
        self.poller.add(running.descriptor(), Token::Other.number())?;
        if let Some(listener) = &running.listener {
            self.poller.add(listener, Token::Question(at).number())?;
        }
        let _ = running.take_output();
        self.processes.push(Process { host, running, output });
        Ok(at)
    }

    /// What a process has printed.
    pub fn output(&mut self, process: usize) -> io::Result<String> {
        let Some(process) = self.processes.get_mut(process) else { return Ok(String::new()) };
        // Why: the process writes by a copy of the same descriptor, which shares the position; this does not move it.
        let mut bytes =
            vec![0; usize::try_from(process.output.metadata()?.len()).unwrap_or(0).min(MOST_OUTPUT)];
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match process.output.read_at(rest, length as u64)? {
                0 => break,
                more => length += more,
            }
        }
        bytes.truncate(length);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// How a process ended, if it has.
    pub fn ended(&mut self, process: usize) -> io::Result<Option<i32>> {
        match self.processes.get_mut(process) {
            Some(process) => {
                let ended = process.running.ended()?;
                if ended.is_some() {
                    // Why: an ended process stays readable, and the loop would never wait.
                    let _ = self.poller.remove(process.running.descriptor());
                }
                Ok(ended)
            }
            None => Ok(Some(1)),
        }
    }

    /// Moves packets until `done` says so; `false` if the time is over before.
    pub fn run_until(
        &mut self,
        patience: Duration,
        mut done: impl FnMut(&mut Self) -> io::Result<bool>,
    ) -> io::Result<bool> {
        // Why: what a process prints makes no descriptor readable; so look again after a moment.
        const MOMENT: Duration = Duration::from_millis(5);
        let end = Instant::now() + patience;
        loop {
            if done(self)? {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(false);
            }
            self.turn(MOMENT.min(end - now))?;
        }
    }

    /// Waits once, at most `patience`, and moves what is there.
    fn turn(&mut self, patience: Duration) -> io::Result<()> {
        let timers = self.hosts.iter().filter_map(|host| host.machine.as_ref()?.timeout());
        let timeout = timers.fold(patience, Duration::min);
        let ready: Vec<Token> = self.poller.wait(Some(timeout))?.map(Token::of).collect();
        for token in ready {
            match token {
                Token::Wire { segment, end } => self.take_from_wire(segment, end)?,
                Token::Host(host) => {
                    if let Some(machine) = self.machine_of(host) {
                        machine.handle_host()?;
                    }
                }
                Token::Question(process) => self.answer(process)?,
                Token::Signal => {
                    if let Some((signal, _)) = self.signals.receive()? {
                        return Err(io::Error::other(format!("ended by signal {signal}")));
                    }
                }
                // Why: an ended process that nobody asks for stays readable, and the loop would never wait.
                Token::Other => {
                    for process in 0..self.processes.len() {
                        self.ended(process)?;
                    }
                }
            }
        }
        for process in &mut self.processes {
            if process.output.metadata()?.len() > MOST_PRINTED {
                process.running.kill_group()?;
            }
        }
        for host in &mut self.hosts {
            if let Some(machine) = host.machine.as_mut()
                && machine.timeout().is_some_and(|left| left.is_zero())
            {
                machine.expire()?;
            }
        }
        self.carry()
    }

    fn answer(&mut self, process: usize) -> io::Result<()> {
        let Some(process) = self.processes.get(process) else { return Ok(()) };
        let Some(listener) = &process.running.listener else { return Ok(()) };
        match self.hosts.get(process.host).and_then(|host| host.machine.as_ref()) {
            Some(machine) => match machine.answer(listener) {
                // Why: the last process that had the filter is gone; the listener stays readable for ever.
                Err(_) => self.poller.remove(listener),
                Ok(()) => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Takes what a host's kernel has put on a wire.
    fn take_from_wire(&mut self, segment: usize, end: usize) -> io::Result<()> {
        let Some(wire) = self.segments.get_mut(segment) else { return Ok(()) };
        for _ in 0..MOST_AT_ONCE {
            let Some(length) = wire.receive(end, &mut self.buffer)? else { break };
            let Some(bytes) = self.buffer.get(..length) else { break };
            let next_hop = View::parse(bytes)
                .ok()
                .and_then(|view| wire.ends.get(end).and_then(|end| end.next_hop(view.destination())));
            // No next hop: multicast of the kernel's own (MLD, IGMP), or a host that has no route for it here.
            if let Some(next_hop) = next_hop {
                self.on_wire.push_back(OnWire { segment, from: end, next_hop, bytes: bytes.to_vec() });
            }
        }
        Ok(())
    }

    /// Carries packets until none is on a wire.
    fn carry(&mut self) -> io::Result<()> {
        for _ in 0..MOST_HOPS {
            for host in 0..self.hosts.len() {
                self.collect(host);
            }
            let Some(packet) = self.on_wire.pop_front() else { return Ok(()) };
            let Some(segment) = self.segments.get_mut(packet.segment) else { continue };
            let Some(to) = segment.end_of(packet.next_hop, packet.from) else { continue };
            let Some(end) = segment.ends.get_mut(to) else { continue };
            match &mut end.kind {
                EndKind::Tun(tun) => {
                    tun.transmit(&packet.bytes)?;
                }
                EndKind::Machine(device) => {
                    let (host, device) = (end.host, *device);
                    if let Some(machine) = self.machine_of(host) {
                        machine.handle_wire(device, packet.bytes)?;
                    }
                }
            }
        }
        self.on_wire.clear();
        Ok(())
    }

    /// Takes what a machine has for its wires.
    fn collect(&mut self, host: usize) {
        let Some(machine) = self.hosts.get_mut(host).and_then(|host| host.machine.as_mut()) else { return };
        while let Some(outgoing) = machine.poll_wire() {
            let place = self.segments.iter().enumerate().find_map(|(segment, wire)| {
                let end = wire.ends.iter().position(|end| {
                    end.host == host && matches!(end.kind, EndKind::Machine(own) if own == outgoing.device)
                })?;
                Some((segment, end))
            });
            if let Some((segment, from)) = place {
                let (next_hop, bytes) = (outgoing.next_hop, outgoing.bytes);
                self.on_wire.push_back(OnWire { segment, from, next_hop, bytes });
            }
        }
    }

    /// Loads rules into the kernel of a host.
    ///
    /// # Errors
    /// What the restore command printed, or why it could not be started.
    pub fn restore(&mut self, host: usize, family: Family, rules: &str) -> io::Result<Result<(), String>> {
        let commands = match family {
            Family::V4 => ["iptables-legacy-restore", "iptables-restore"],
            Family::V6 => ["ip6tables-legacy-restore", "ip6tables-restore"],
        };
        self.feed(host, &commands, &[], rules)
    }

    /// The same of sets, by the machine's `ipset`.
    pub fn restore_sets(&mut self, host: usize, sets: &str) -> io::Result<Result<(), String>> {
        self.feed(host, &["ipset"], &["restore", "-exist"], sets)
    }

    /// Gives a text to the first command that is installed.
    fn feed(
        &mut self,
        host: usize,
        commands: &[&str],
        words: &[&str],
        text: &str,
    ) -> io::Result<Result<(), String>> {
        let lock = tempfile::NamedTempFile::new()?;
        let mut input = tempfile::tempfile()?;
        io::Write::write_all(&mut input, text.as_bytes())?;
        for name in commands {
            let Some(path) = find_program(name) else { continue };
            input.rewind()?;
            let mut command = Command::new(path);
            command.args(words).stdin(Stdio::from(input.try_clone()?)).env("XTABLES_LOCKFILE", lock.path());
            let process = self.start(host, command, None)?;
            self.run_until(Duration::from_secs(20), |world| Ok(world.ended(process)?.is_some()))?;
            return Ok(match self.ended(process)? {
                Some(0) => Ok(()),
                code => {
                    Err(format!("{name}: exit {}: {}", code.unwrap_or(-1), self.output(process)?.trim_end()))
                }
            });
        }
        let package = if commands.contains(&"ipset") { "ipset" } else { "iptables" };
        Ok(Err(format!("{} is not installed (Debian: apt install {package})", commands.join(" or "))))
    }

    /// Ends a process and what it started.
    pub fn kill(&mut self, process: usize) -> io::Result<()> {
        self.processes.get_mut(process).map_or(Ok(()), |process| process.running.kill_group())
    }
}

/// A program in PATH or where administrators' programs are.
fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(Into::into));
    places.map(|place| place.join(name)).find(|candidate| Path::is_file(candidate))
}

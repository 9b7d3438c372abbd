//! Linux as one who is judged by: its own network namespace, TUN devices, iptables-legacy.
//!
//! Overview: [`Kernel::new`] moves the calling thread into a fresh network namespace and builds the usual network
//! there (kernel-facts 1.1, 2.1). A write to a TUN device runs the whole way of a packet before it returns, so that
//! everything it caused can be read at once. The path comes from the legacy TRACE, which is switched on for every
//! packet by an nft table of its own and read from NFLOG group 0 (1.2).
//!
//! Life cycle: one `Kernel` per thread, used for thousands of cases; the connection table is flushed between them.
//! The first case settles the network; a case that wants another one wants a `Kernel` of its own.
//!
//! Limits: IP identifications of packets that the kernel makes, NAT's random ports and ephemeral ports vary between
//! runs (2.2).
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use netfilter::machine::{Socket, Transport};
use sys::judge::{LocalSocket, RawSender, SocketOwner};
use sys::namespace::NetworkNamespace;

use crate::case::{self, Case, Step};
use crate::outcome::{Clock, Connection, Counter, Delivery, Outcome, Output, SetMember, StepOutcome};
use crate::{Judged, nft, process, told};

mod clock;
mod counters;
mod event;
mod netlink;
mod parameters;
mod restore;
mod setup;
mod watch;

pub use watch::log_missing;

pub use setup::{ADDRESSES, BRIDGE_ADDRESS, DEVICES, missing, port_address};

/// A jiffy of the kernel that is the norm.
const JIFFY: Duration = Duration::from_nanos(netfilter::time::JIFFY);

/// The kernel in a namespace.
#[derive(Debug)]
pub struct Kernel {
    devices: Vec<(String, File)>,
    /// Ports of bridges, which carry frames.
    ports: Vec<(String, File)>,
    trace: netlink::Trace,
    conntrack: netlink::Conntrack,
    senders: BTreeMap<(bool, u32, u32, u32), RawSender>,
    listeners: Vec<Listener>,
    /// Sockets that have joined groups; nobody reads from them.
    members: Vec<UdpSocket>,
    /// Raw sockets that take packets with router alert.
    alerts: Vec<OwnedFd>,
    lock: PathBuf,
    restore: [restore::Restore; 2],
    tables: [OwnedFd; 2],
    loaded: [bool; 2],
    /// Whether commands have changed the tables.
    commanded: [bool; 2],
    /// Whether rules of iptables-nft stand beside the legacy ones.
    beside: [bool; 2],
    /// Whether sets of ipset were made.
    has_sets: bool,
    /// Whether rules go to nf_tables in translation instead of the legacy tables.
    translated: bool,
    last_output: BTreeMap<String, Vec<u8>>,
    last_header: BTreeMap<String, [u8; 14]>,
    /// The last tick when the rules were loaded.
    started: Duration,
    /// How many milliseconds earlier it was begun to make the sets, and how many that took.
    lead: (u64, u64),
    /// The kernel's clock, where the case's rules have timers.
    clock: Option<Clock>,
    network: Option<Vec<String>>,
    /// The namespace from which this one was made.
    home: Option<NetworkNamespace>,
    watch: watch::Watch,
}

/// A socket as the system is asked for it.
fn local_socket(own: &Socket) -> LocalSocket {
    LocalSocket {
        tcp: own.transport == Transport::Tcp,
        v6: own.family == packet::Family::V6,
        local: own.local,
        remote: own.remote,
        transparent: own.transparent == Some(true),
        v6_only: own.v6_only == Some(true),
        device: own.device.flatten().map(|name| name.to_string()),
        owner: SocketOwner {
            uid: own.uid.unwrap_or(0),
            gid: own.gid.unwrap_or(0),
            mark: own.mark.unwrap_or(0),
        },
    }
}

#[derive(Debug)]
struct Listener {
    at: SocketAddr,
    /// Whether datagrams are read from it; what comes to TCP stays there.
    udp: bool,
    socket: UdpSocket,
    peer: Option<SocketAddr>,
}

/// A lock file of this thread alone: two threads load rules in two namespaces at the same time.
fn lock_file() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("oxitables-judge-{}-{number}.lock", std::process::id()))
}

/// A save file with all tables and nothing in them: replaces whatever was loaded.
pub const EMPTY: &str = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n\
*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
:POSTROUTING ACCEPT [0:0]\nCOMMIT\n\
*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n\
*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n\
*security\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";

impl Kernel {
    /// Moves the calling thread into a fresh namespace and sets everything up; takes 1.2 seconds, most of it waiting
    /// for the last multicast report of IPv6.
    pub fn new() -> io::Result<Self> {
        let home = NetworkNamespace::current().ok();
        sys::judge::unshare_network()?;
        let devices = DEVICES
            .iter()
            .map(|name| Ok((String::from(*name), sys::judge::open_tun(name)?)))
            .collect::<io::Result<Vec<_>>>()?;
        setup::configure()?;
        let mut this = Self {
            devices,
            ports: Vec::new(),
            trace: netlink::Trace::open()?,
            conntrack: netlink::Conntrack::open()?,
            senders: BTreeMap::new(),
            listeners: Vec::new(),
            members: Vec::new(),
            alerts: Vec::new(),
            lock: lock_file(),
            restore: [false, true].map(restore::Restore::new),
            tables: [sys::judge::open_tables(false)?, sys::judge::open_tables(true)?],
            loaded: [false; 2],
            commanded: [false; 2],
            beside: [false; 2],
            has_sets: false,
            translated: false,
            last_output: BTreeMap::new(),
            last_header: BTreeMap::new(),
            started: sys::judge::last_tick(),
            lead: (0, 0),
            clock: None,
            network: None,
            home,
            watch: watch::Watch::default(),
        };
        std::thread::sleep(Duration::from_millis(1200));
        this.drain();
        Ok(this)
    }

    /// Runs a case with its rules in nf_tables, as they are translated.
    pub fn run_translated(&mut self, case: &Case) -> Outcome {
        self.translated = true;
        let outcome = self.run(case);
        self.translated = false;
        let removed = [false, true].map(|v6| nft::load(v6, None)).into_iter().collect::<Result<(), _>>();
        match removed {
            Ok(()) => outcome,
            Err(words) => Outcome { refused: Some(words), ..Outcome::default() },
        }
    }

    /// Loads a save file.
    pub fn restore(&mut self, v6: bool, save: &str) -> Result<(), String> {
        self.restore[usize::from(v6)].load(save, &self.lock)
    }

    /// Takes all sets of the case before away, and with them the rules that may name them; then makes those of a case.
    fn make_sets(&mut self, sets: Option<&str>) -> Result<(), String> {
        if self.has_sets {
            for v6 in [false, true] {
                self.restore(v6, EMPTY)?;
            }
            // Why: a list keeps its sets.
            setup::ipset(&["flush"], "")?;
            setup::ipset(&["destroy"], "")?;
            self.has_sets = false;
        }
        if let Some(sets) = sets {
            self.has_sets = true;
            setup::ipset(&["restore"], sets)?;
        }
        Ok(())
    }

    /// Loads the rules of iptables-nft of a case. The namespace has to be the case's own.
    fn load_nft(&mut self, case: &Case) -> Result<(), String> {
        for (v6, save) in [false, true].into_iter().zip(&case.nft) {
            let Some(save) = save else { continue };
            // Why: tables before a line that is refused are loaded all the same.
            self.beside[usize::from(v6)] = true;
            nft::load_beside(v6, save)?;
        }
        Ok(())
    }

    /// Milliseconds since the rules were loaded, by the jiffies that what the step caused has seen.
    fn milliseconds(&self) -> u64 {
        let jiffies =
            (sys::judge::last_tick().saturating_sub(self.started) + JIFFY / 2).as_nanos() / JIFFY.as_nanos();
        u64::try_from(jiffies * JIFFY.as_millis()).unwrap_or(u64::MAX)
    }

    /// Reads everything that came out; gives it as outputs.
    fn drain(&mut self) -> Vec<Output> {
        let mut out = Vec::new();
        let mut buffer = vec![0_u8; 70_000];
        for (name, device) in &mut self.devices {
            // The queue of a TUN device holds 500 packets.
            for _ in 0..1000 {
                let Ok(length) = device.read(&mut buffer) else { break };
                let bytes = buffer[..length].to_vec();
                if case::destination_of(&bytes) != Some(setup::ALL_MLD_ROUTERS) {
                    self.last_output.insert(name.clone(), bytes.clone());
                    out.push(Output { device: name.clone(), frame: None, bytes });
                }
            }
        }
        for (name, port) in &mut self.ports {
            for _ in 0..1000 {
                let Ok(length) = port.read(&mut buffer) else { break };
                let Some((header, bytes)) = buffer[..length].split_first_chunk::<14>() else { continue };
                // What is not IP (ARP) is no business of the rules.
                let ip = matches!(header[12..], [0x08, 0x00] | [0x86, 0xdd]);
                if !ip || case::destination_of(bytes) == Some(setup::ALL_MLD_ROUTERS) {
                    continue;
                }
                self.last_output.insert(name.clone(), bytes.to_vec());
                self.last_header.insert(name.clone(), *header);
                out.push(Output {
                    device: name.clone(),
                    frame: Some(case::ends(header)),
                    bytes: bytes.to_vec(),
                });
            }
        }
        out
    }

    fn heard(&mut self) -> Vec<Delivery> {
        let mut out = Vec::new();
        let mut buffer = vec![0_u8; 70_000];
        for listener in self.listeners.iter_mut().filter(|listener| listener.udp) {
            while let Ok((length, from)) = listener.socket.recv_from(&mut buffer) {
                listener.peer = Some(from);
                out.push(Delivery {
                    listener: listener.at.to_string(),
                    from: from.to_string(),
                    payload: buffer[..length].to_vec(),
                });
            }
        }
        out
    }

    /// The lines of the connection table and of the expectations.
    pub fn connections() -> Vec<Connection> {
        // Why: /proc/net belongs to the first thread of the process, which is in another namespace.
        let read =
            |name| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
        let mut out: Vec<_> = read("nf_conntrack").lines().map(Connection::from_line).collect();
        out.extend(read("nf_conntrack_expect").lines().map(Connection::from_expectation));
        out.sort();
        out
    }

    fn send(&mut self, owner: SocketOwner, bytes: &[u8]) -> Option<i32> {
        let to = case::destination_of(bytes)?;
        let key = (to.is_ipv6(), owner.uid, owner.gid, owner.mark);
        let sender = match self.senders.entry(key) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => match RawSender::open(to.is_ipv6(), owner) {
                Ok(sender) => entry.insert(sender),
                Err(error) => return error.raw_os_error(),
            },
        };
        sender.send(bytes, to).err().and_then(|error| error.raw_os_error())
    }

    /// Runs a command of iptables and reads the counters after it.
    fn command(&mut self, line: &str, input: Option<&str>) -> Result<Vec<String>, String> {
        let words = told::words(line)?;
        let (program, words) = words.split_first().ok_or("a command wants a program")?;
        let name = told::legacy(program);
        let mut command = Command::new(&name);
        command.args(words).env("XTABLES_LOCKFILE", &self.lock).env("LC_ALL", "C");
        let said =
            process::say(&mut command, input.unwrap_or("")).map_err(|error| format!("{name}: {error}"))?;
        let v6 = told::is_v6(program);
        self.commanded[usize::from(v6)] = true;
        let save = if v6 { "ip6tables-legacy-save" } else { "iptables-legacy-save" };
        let mut command = Command::new(save);
        command.arg("-c").env("XTABLES_LOCKFILE", &self.lock);
        let saved = process::say(&mut command, "").map_err(|error| format!("{save}: {error}"))?;
        Ok(told::command(&said, &saved.out))
    }

    /// What `SO_ORIGINAL_DST` of a listener says.
    fn ask(&self, at: SocketAddr, room: usize) -> Option<String> {
        let listener = self.listeners.iter().find(|listener| listener.at == at)?;
        // Linux: SOL_IP and SOL_IPV6; both numbers of the option are 80.
        let level = if at.is_ipv6() { 41 } else { 0 };
        let mut value = vec![0; room];
        let answer = sys::judge::option(&listener.socket, level, 80, &mut value);
        let answer = answer.map(|length| value.get(..length).unwrap_or(&value).to_vec());
        Some(told::original_destination(at, answer.map_err(|error| error.raw_os_error().unwrap_or(0))))
    }

    fn act(&mut self, step: &Step) -> Option<i32> {
        match step {
            // They tell what came of them.
            Step::Command { .. } | Step::Ask { .. } => {}
            Step::Inject { device, bytes } => self.inject(device, bytes),
            Step::Frame { device, header, bytes } => self.inject_frame(device, header, bytes),
            Step::Send { uid, gid, mark, cgroup, groups, bytes } => {
                let owner = SocketOwner { uid: *uid, gid: *gid, mark: *mark };
                if cgroup.is_none() && groups.is_none() {
                    return self.send(owner, bytes);
                }
                let folder = cgroup.as_deref().and_then(setup::control_group);
                let groups = groups.as_deref().unwrap_or_default();
                let to = case::destination_of(bytes)?;
                let sent = sys::judge::send_from_child(owner, groups, folder.as_deref(), bytes, to);
                return sent.err().and_then(|error| error.raw_os_error());
            }
            Step::Reply { device } => {
                let answer = self.last_output.get(device).and_then(|bytes| case::turned_round(bytes));
                match (answer, self.last_header.get(device)) {
                    (Some(bytes), Some(header)) => {
                        let header = case::turned_frame(header);
                        self.inject_frame(device, &header, &bytes);
                    }
                    (Some(bytes), None) => self.inject(device, &bytes),
                    (None, _) => {}
                }
            }
            // A refusal shows as the error number "invalid argument".
            Step::Reload { v6, save } => return self.restore(*v6, save).err().map(|_| 22),
            Step::Ipset { words } => {
                return setup::ipset(&words.split_whitespace().collect::<Vec<_>>(), "").err().map(|_| 22);
            }
            Step::Sleep { milliseconds } => std::thread::sleep(Duration::from_millis(*milliseconds)),
            Step::Listen { socket } => {
                let Ok(own) = case::socket_of(socket) else { return Some(22) };
                match local_socket(&own).open() {
                    Ok(socket) => {
                        let udp = own.transport == Transport::Udp;
                        self.listeners.push(Listener {
                            at: own.local,
                            udp,
                            socket: socket.into(),
                            peer: None,
                        });
                    }
                    Err(error) => return error.raw_os_error(),
                }
            }
            Step::Answer { at, payload } => {
                let listener = self.listeners.iter().find(|listener| listener.at == *at)?;
                let peer = listener.peer?;
                return listener.socket.send_to(payload, peer).err().and_then(|error| error.raw_os_error());
            }
        }
        None
    }

    fn inject(&mut self, device: &str, bytes: &[u8]) {
        if let Some((_, file)) = self.devices.iter_mut().find(|(name, _)| name == device) {
            // The kernel refuses what is neither IPv4 nor IPv6; then nothing happens.
            let _ = file.write(bytes);
        }
    }

    fn inject_frame(&mut self, port: &str, header: &[u8; 14], bytes: &[u8]) {
        if let Some((_, file)) = self.ports.iter_mut().find(|(name, _)| name == port) {
            let _ = file.write(&[header.as_slice(), bytes].concat());
        }
    }

    /// Makes a change of a case file.
    fn change(&mut self, change: &str) -> Result<(), String> {
        let words: Vec<&str> = change.split_whitespace().collect();
        if let ["join", group, "dev", device, sources @ ..] = words.as_slice() {
            self.members.push(setup::join(group, device, sources)?);
            return Ok(());
        }
        if let ["alert", family @ ("ip" | "ipv6"), number, bound @ ..] = words.as_slice() {
            let number = number.parse().map_err(|error| format!("{number}: {error}"))?;
            let device = match bound {
                ["dev", device] => Some(*device),
                _ => None,
            };
            let socket = sys::judge::ask_for_alerts(*family == "ipv6", number, device);
            self.alerts.push(socket.map_err(|error| format!("{change}: {error}"))?);
            return Ok(());
        }
        let ["bridge", name, "ports", ports @ ..] = words.as_slice() else { return setup::change(change) };
        for port in ports {
            let file = sys::judge::open_tap(port).map_err(|error| format!("{port}: {error}"))?;
            self.ports.push(((*port).to_owned(), file));
        }
        setup::bridge(name, ports).map_err(|error| error.to_string())
    }
}

/// What connection tracking has counted of itself in the present namespace, on all processors.
fn statistics() -> Vec<Counter> {
    let Ok(listed) = std::process::Command::new("conntrack").arg("-S").output() else { return Vec::new() };
    let mut all: Vec<Counter> = Vec::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        for own in Counter::of_statistics(line) {
            match all.iter_mut().find(|other| other.place == own.place) {
                Some(other) => other.packets += own.packets,
                None => all.push(own),
            }
        }
    }
    all
}

/// What the accounting objects of the present namespace have counted.
fn accounts() -> Vec<Counter> {
    let Ok(listed) = std::process::Command::new("nfacct").arg("list").output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let objects = netfilter::objects::Objects::parse(&text).unwrap_or_default();
    objects.accounts.iter().map(Counter::of_account).collect()
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.senders.clear();
        setup::remove_groups(self.network.as_deref().unwrap_or(&[]));
        let _ = std::fs::remove_file(&self.lock);
    }
}

impl crate::Judged for Kernel {
    fn run(&mut self, case: &Case) -> Outcome {
        match parameters::Machine::with(case) {
            Ok(_machine) => crate::run_whole(self, case),
            Err(refused) => Outcome { refused: Some(refused), ..Outcome::default() },
        }
    }

    fn load(&mut self, case: &Case) -> Result<(), String> {
        process::close(&mut self.listeners);
        self.senders.clear();
        self.last_output.clear();
        self.last_header.clear();
        match &self.network {
            Some(network) if *network == case.network => {}
            Some(_) => return Err("this namespace has another network".to_owned()),
            None => {
                self.network = Some(case.network.clone());
                case.network.iter().try_for_each(|change| self.change(change))?;
                // Why: as in [`Kernel::new`], for what the bridge reports of itself and its addresses, and for
                // reports of groups.
                if !self.ports.is_empty() || !self.members.is_empty() {
                    std::thread::sleep(Duration::from_millis(1200));
                }
                self.watch = watch::Watch::open(case, self.home.as_ref())?;
            }
        }
        // Why: rules of the case before hold their sets.
        for (v6, beside) in [false, true].into_iter().zip(&mut self.beside) {
            if std::mem::take(beside) {
                nft::remove_beside(v6)?;
            }
        }
        let begun = sys::judge::last_tick();
        self.make_sets(case.sets.as_deref())?;
        let made = sys::judge::last_tick();
        let nft_first = case.nft_is_first();
        if nft_first {
            self.load_nft(case)?;
        }
        let mut loading = [(Duration::ZERO, Duration::ZERO); 2];
        for (v6, rules) in [(false, &case.rules4), (true, &case.rules6)] {
            let loaded = usize::from(v6);
            match rules {
                Some(rules) if self.translated => {
                    self.restore(v6, EMPTY)?;
                    nft::load(v6, Some(rules))?;
                    self.loaded[loaded] = true;
                }
                // Why: tables that the file does not name would keep the rules of the case before; and all tables exist
                // in every case, whichever came before it (the engine's half does the same). Tables of hashlimit and lists of
                // recent live on while the new rules name them, as they do where a case is run a second time.
                Some(rules) => {
                    let outlives = rules.contains("-m hashlimit") || rules.contains("-m recent");
                    if rules.matches("\nCOMMIT").count() < 5 || outlives {
                        self.restore(v6, EMPTY)?;
                    }
                    let begun = sys::judge::last_tick();
                    self.restore(v6, rules)?;
                    loading[loaded] = (begun, sys::judge::last_tick());
                    self.loaded[loaded] = true;
                }
                None if self.loaded[loaded] => {
                    self.restore(v6, EMPTY)?;
                    self.loaded[loaded] = false;
                }
                None => {}
            }
        }
        if !nft_first {
            self.load_nft(case)?;
        }
        self.drain();
        self.conntrack.flush().map_err(|error| error.to_string())?;
        self.trace.forget().map_err(|error| error.to_string())?;
        self.watch.begin();
        self.started = sys::judge::last_tick();
        let ahead = case.has_timers().then(clock::ahead).flatten();
        self.clock = ahead.map(|ahead| clock::clock(ahead, self.started, loading));
        let between = |from: Duration, to: Duration| {
            u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(u64::MAX)
        };
        self.lead = match self.has_sets {
            true => (between(begun, self.started), between(begun, made)),
            false => (0, 0),
        };
        Ok(())
    }

    fn step(&mut self, step: &Step) -> StepOutcome {
        let errno = self.act(step);
        let at = self.milliseconds();
        let mut told = match step {
            Step::Command { line, input } => {
                self.command(line, input.as_deref()).unwrap_or_else(|words| vec![words])
            }
            Step::Ask { at, room } => self.ask(*at, *room).into_iter().collect(),
            _ => Vec::new(),
        };
        let outputs = self.drain();
        let delivered = self.heard();
        let path = self.trace.read().unwrap_or_else(|error| vec![format!("trace lost: {error}")]);
        let connections = Self::connections();
        told.extend(self.watch.read());
        StepOutcome { at, errno, outputs, delivered, path, connections, told }
    }

    fn lead(&self) -> (u64, u64) {
        self.lead
    }

    fn clock(&self) -> Option<Clock> {
        self.clock
    }

    fn sets(&mut self) -> Vec<SetMember> {
        if !self.has_sets {
            return Vec::new();
        }
        SetMember::of_save(&setup::ipset(&["save"], "").unwrap_or_else(|words| format!("add {words}")))
    }

    fn counters(&mut self) -> Vec<Counter> {
        let mut out = Vec::new();
        for v6 in [false, true] {
            if self.translated {
                out.extend(nft::counters(v6));
            } else if self.loaded[usize::from(v6)] || self.commanded[usize::from(v6)] {
                match counters::counters(&self.tables[usize::from(v6)], v6) {
                    Ok(counters) => out.extend(counters),
                    Err(error) => {
                        let place = format!("counters lost: {error}");
                        out.push(Counter { family: 0, place, packets: 1, bytes: 0 });
                    }
                }
            }
        }
        for (v6, _) in [false, true].into_iter().zip(self.beside).filter(|(_, beside)| *beside) {
            out.extend(nft::counters_beside(v6));
        }
        if self.network.iter().flatten().any(|change| change == "statistics") {
            out.extend(statistics());
        }
        if self.network.iter().flatten().any(|change| change.starts_with("nfacct ")) {
            out.extend(accounts());
        }
        out
    }
}

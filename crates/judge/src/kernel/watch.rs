//! What the kernel tells others: lines of LOG (/dev/kmsg), what NFLOG and NFQUEUE give to their listeners, and what
//! connection tracking tells of its connections ([`super::event`]).
//!
//! LOG prints in the first namespace only, unless `nf_log_all_netns` is set there (F67): it is set while somebody watches,
//! and then set back. One at a time does so on a machine, by a lock.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sys::judge::{join_group, open_netlink, open_without_waiting};
use sys::namespace::NetworkNamespace;

use super::netlink::{self, NETLINK_NETFILTER, attributes, message, request};
use crate::case::Case;
use crate::told;

const SWITCH: &str = "/proc/sys/net/netfilter/nf_log_all_netns";

/// How long it is waited for others who watch the log.
const PATIENCE: Duration = Duration::from_secs(300);

/// Why lines of LOG cannot be read on this machine; `None`: they can.
pub fn log_missing() -> Option<String> {
    let switch = std::fs::OpenOptions::new().write(true).open(SWITCH);
    let read = || Log::records(&mut open_without_waiting("/dev/kmsg")?).map(drop);
    match (switch, read()) {
        (Err(error), _) => Some(format!("{SWITCH}: {error}")),
        (_, Err(error)) => Some(format!("/dev/kmsg: {error}")),
        _ => None,
    }
}

/// Everything that is watched in a namespace.
#[derive(Debug, Default)]
pub(super) struct Watch {
    log: Option<Log>,
    events: Option<Events>,
    listeners: Vec<Listener>,
}

impl Watch {
    /// What a case wants watched; `home` is the namespace that the judge came from.
    pub(super) fn open(case: &Case, home: Option<&NetworkNamespace>) -> Result<Self, String> {
        let words = |error: io::Error| error.to_string();
        let mut this = Self::default();
        if case.watches("log") || case.watches("trace") {
            let home = home.ok_or("the first namespace is not known")?;
            this.log = Some(Log::open(home)?);
        }
        if case.watches("events") {
            this.events = Some(Events::open().map_err(words)?);
        }
        for (name, queue) in [("nflog", false), ("nfqueue", true)] {
            for number in case.listeners(name) {
                this.listeners.push(Listener::open(number, queue).map_err(words)?);
            }
        }
        Ok(this)
    }

    /// A case begins: what was told before it is not its own.
    pub(super) fn begin(&mut self) {
        self.read();
        if let Some(events) = &mut self.events {
            events.forget();
        }
    }

    /// What was told since the last call.
    pub(super) fn read(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(log) = &mut self.log {
            out.extend(log.read());
        }
        for listener in &mut self.listeners {
            out.extend(listener.read());
        }
        if let Some(events) = &mut self.events {
            out.extend(events.read());
        }
        out
    }
}

/// The reader of the kernel's log.
#[derive(Debug)]
struct Log {
    file: File,
    home: NetworkNamespace,
    before: String,
    _alone: File,
}

impl Log {
    fn open(home: &NetworkNamespace) -> Result<Self, String> {
        let words = |error: io::Error| error.to_string();
        let lock: PathBuf = std::env::temp_dir().join("oxitables-judge-log.lock");
        let alone = File::options().create(true).append(true).open(&lock).map_err(words)?;
        let started = Instant::now();
        while alone.try_lock().is_err() {
            if started.elapsed() > PATIENCE {
                return Err(format!("{}: somebody else watches the log", lock.display()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let before = home
            .within(|| {
                let before = std::fs::read_to_string(SWITCH)?;
                std::fs::write(SWITCH, "1").map(|()| before)
            })
            .and_then(|before| before)
            .map_err(|error| format!("{SWITCH}: {error}"))?;
        let home = home.within(NetworkNamespace::current).and_then(|own| own).map_err(words)?;
        let file = open_without_waiting("/dev/kmsg").and_then(|mut file| {
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        });
        let file = file.map_err(|error| format!("/dev/kmsg: {error}"))?;
        Ok(Self { file, home, before, _alone: alone })
    }

    /// Records that are there.
    fn records(file: &mut File) -> io::Result<Vec<String>> {
        let mut out = Vec::new();
        let mut buffer = vec![0; 8192];
        // Why: somebody else may fill the log for ever.
        for _ in 0..100_000 {
            match file.read(&mut buffer) {
                Ok(length) => out.push(String::from_utf8_lossy(&buffer[..length]).into_owned()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Older ones were overwritten meanwhile; the next read goes on behind them.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    fn read(&mut self) -> Vec<String> {
        match Self::records(&mut self.file) {
            Ok(records) => records.iter().filter_map(|record| line_of_record(record)).collect(),
            Err(error) => vec![format!("log lost: {error}")],
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = self.home.within(|| std::fs::write(SWITCH, self.before.trim()));
    }
}

/// `4,1234,567890,-;text` with its level, and the bytes that are written as `\xHH`.
fn line_of_record(record: &str) -> Option<String> {
    let (head, text) = record.split_once(';')?;
    let priority: u32 = head.split(',').next()?.parse().ok()?;
    let text = text.split('\n').next()?;
    let mut bytes = Vec::new();
    let mut parts = text.split("\\x");
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok())?;
        bytes.push(byte);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    told::is_about_a_packet(&text).then(|| told::log(priority & 7, &text))
}

/// Somebody who listens to a group of NFLOG, or to a queue.
#[derive(Debug)]
struct Listener {
    socket: File,
    queue: Option<u16>,
}

/// Linux: `NFNL_SUBSYS_ULOG << 8`, `NFNL_SUBSYS_QUEUE << 8`.
const LOG: u16 = 4 << 8;
const QUEUE: u16 = 3 << 8;

impl Listener {
    fn open(number: u16, queue: bool) -> io::Result<Self> {
        let mut socket = open_netlink(NETLINK_NETFILTER, 16 << 20)?;
        if queue {
            // NFQNL_MSG_CONFIG: NFQA_CFG_CMD = NFQNL_CFG_CMD_BIND, NFQA_CFG_PARAMS = everything (NFQNL_COPY_PACKET), NFQA_CFG_MASK
            // and NFQA_CFG_FLAGS: NFQA_CFG_F_UID_GID.
            request(&mut socket, &message(QUEUE | 2, 0, number, &[(1, &[1, 0, 0, 2])]))?;
            let uid_gid = 8_u32.to_be_bytes();
            let options: [(u16, &[u8]); 3] = [(2, &[0, 0, 0xff, 0xff, 2]), (4, &uid_gid), (5, &uid_gid)];
            request(&mut socket, &message(QUEUE | 2, 0, number, &options))?;
        } else {
            // NFULNL_MSG_CONFIG: NFULNL_CFG_CMD_BIND; NFULA_CFG_MODE: everything; NFULA_CFG_QTHRESH 1.
            request(&mut socket, &message(LOG | 1, 0, number, &[(1, &[1])]))?;
            let mode = [0, 0, 0xff, 0xff, 2, 0];
            request(&mut socket, &message(LOG | 1, 0, number, &[(2, &mode), (5, &1_u32.to_be_bytes())]))?;
        }
        Ok(Self { socket, queue: queue.then_some(number) })
    }

    fn read(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        for datagram in netlink::datagrams(&mut self.socket) {
            let mut rest = datagram.as_slice();
            while let Some((kind, _, body, next)) = netlink::split(rest) {
                rest = next;
                let (Some(family), Some(number)) = (body.first(), body.get(2..4)) else { continue };
                let number = u16::from_be_bytes([number[0], number[1]]);
                let given: BTreeMap<u16, &[u8]> = attributes(body.get(4..).unwrap_or(&[])).collect();
                match (kind, self.queue) {
                    (LOG, None) => out.push(logged(*family, number, &given)),
                    (QUEUE, Some(queue)) => {
                        out.push(queued(*family, number, &given));
                        // NFQNL_MSG_VERDICT: NF_DROP. It has no answer but a fault.
                        let id = given.get(&1).and_then(|packet| packet.get(..4)).unwrap_or(&[0; 4]);
                        let verdict = [&[0; 4], id].concat();
                        let verdict = message(QUEUE | 1, 0, queue, &[(2, &verdict)]);
                        if let Err(error) = request(&mut self.socket, &verdict) {
                            out.push(format!("verdict: {error}"));
                        }
                    }
                    _ => {}
                }
            }
        }
        out
    }
}

fn be32(bytes: Option<&&[u8]>) -> Option<u32> {
    bytes?.get(..4)?.try_into().ok().map(u32::from_be_bytes)
}

/// The name of a device of the present namespace.
fn device(index: Option<u32>) -> Option<String> {
    let wanted = index?.to_string();
    let links = std::fs::read_to_string("/proc/thread-self/net/dev").ok()?;
    let names = links.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    // Why: /proc/net/dev has no numbers, and /sys shows the devices of the namespace in which it was mounted.
    let mut names =
        names.filter(|name| sys::judge::device_index(name).is_ok_and(|index| index.to_string() == wanted));
    Some(names.next().map_or(format!("#{wanted}"), str::to_owned))
}

/// What NFLOG tells (Linux: `__build_packet_message`).
fn logged(family: u8, group: u16, given: &BTreeMap<u16, &[u8]>) -> String {
    let prefix = given.get(&10).map(|text| text.split(|&byte| byte == 0).next().unwrap_or(&[]));
    let link = given.get(&1).and_then(|head| head.get(..3)).unwrap_or(&[0; 3]);
    told::Report {
        listener: format!("nflog {group}"),
        prefix: String::from_utf8_lossy(prefix.unwrap_or(&[])).into_owned(),
        family,
        protocol: u16::from_be_bytes([link[0], link[1]]),
        hook: link[2],
        input: device(be32(given.get(&4))),
        output: device(be32(given.get(&5))),
        mark: be32(given.get(&2)).unwrap_or(0),
        owner: be32(given.get(&11)).zip(be32(given.get(&14))),
        bytes: given.get(&9).unwrap_or(&&[][..]).to_vec(),
    }
    .to_string()
}

/// What NFQUEUE tells (Linux: `nfqnl_build_packet_message`).
fn queued(family: u8, queue: u16, given: &BTreeMap<u16, &[u8]>) -> String {
    // nfqnl_msg_packet_hdr: id, protocol, hook.
    let head = given.get(&1).and_then(|head| head.get(4..7)).unwrap_or(&[0; 3]);
    told::Report {
        listener: format!("nfqueue {queue}"),
        prefix: String::new(),
        family,
        protocol: u16::from_be_bytes([head[0], head[1]]),
        hook: head[2],
        input: device(be32(given.get(&5))),
        output: device(be32(given.get(&6))),
        mark: be32(given.get(&3)).unwrap_or(0),
        owner: be32(given.get(&16)).zip(be32(given.get(&17))),
        bytes: given.get(&10).unwrap_or(&&[][..]).to_vec(),
    }
    .to_string()
}

/// A listener to what connection tracking tells.
#[derive(Debug)]
struct Events {
    socket: File,
    /// The kernel numbers connections by a hash with a secret.
    numbers: told::Numbers,
}

impl Events {
    fn open() -> io::Result<Self> {
        let socket = open_netlink(NETLINK_NETFILTER, 64 << 20)?;
        // Linux: NFNLGRP_CONNTRACK_NEW, _UPDATE, _DESTROY, _EXP_NEW, _EXP_UPDATE, _EXP_DESTROY.
        for group in 1..=6 {
            join_group(&socket, group)?;
        }
        Ok(Self { socket, numbers: told::Numbers::default() })
    }

    fn read(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        for datagram in netlink::datagrams(&mut self.socket) {
            let mut rest = datagram.as_slice();
            while let Some((kind, flags, body, next)) = netlink::split(rest) {
                rest = next;
                out.extend(super::event::text(kind, flags, body, &mut self.numbers));
            }
        }
        out
    }

    fn forget(&mut self) {
        self.numbers = told::Numbers::default();
    }
}
